//! Rules of the authority chain, by the code of their breach.

use crate::error::{Coded, Fault};

/// The rule of its kind that an authority record breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
#[non_exhaustive]
pub enum AuthorityRule {
    /// The Open does not follow the chain's current one.
    #[error("open does not follow the chain's current open")]
    OpenOrder,
    /// The Open does not start at the final Seal of the epoch before.
    #[error("open does not start at a final seal of the epoch before")]
    OpenHead,
    /// The owner did not agree to the terms.
    #[error("owner did not consent to the open")]
    OpenConsent,
    /// No decision before it puts this account into the hands of this key.
    #[error("no decision before it appoints this receiver")]
    OpenDecision,
    /// The decision opened an epoch before.
    #[error("decision opened an epoch before")]
    OpenTwice,
    /// The chain belongs to nobody on the roll, or to the registrar.
    #[error("chain has no owner who could open it")]
    OpenOwner,
    /// The row is not for the current epoch, or falls behind an earlier row.
    #[error("seal row does not follow the chain's last row")]
    SealOrder,
    /// The header in the row is not one of the chain, or its signature is bad.
    #[error("sealed header does not belong to the chain")]
    SealHeader,
    /// The record adopts something else than Opens that fit.
    #[error("adopted record is not an open that fits")]
    AdoptOpen,
    /// Somebody joins twice, from another community, or leaves without being
    /// on the roll.
    #[error("roll change does not fit the roll")]
    RollMember,
    /// The roll becomes so small that only recovery keys could recall the
    /// registrar, and the charter names none; or so large that more than two
    /// thirds of it do not fit into one Recall.
    #[error("roll change leaves no way to recall the registrar")]
    RollRecall,
    /// The epoch is not current, or the floor does not go down.
    #[error("raise does not lower the floor of a current epoch")]
    RaiseEpoch,
    /// The roll in the opening is not the one of its moment.
    #[error("opening states another roll")]
    OpeningRoll,
    /// The proposal has been opened before.
    #[error("proposal was opened before")]
    OpeningTwice,
    /// The certificate refs no opening on its own path.
    #[error("close refs no opening before it")]
    CloseOpening,
    /// The opening has been closed before.
    #[error("opening was closed before")]
    CloseTwice,
    /// The certificate does not name as many Shuts as the opening needs.
    #[error("close names another number of shuts than needed")]
    CloseShuts,
    /// The Ready refs no accepted certificate on its own path.
    #[error("ready refs no accepted close before it")]
    ReadyClose,
    /// The decision has been made ready before.
    #[error("close was made ready before")]
    ReadyTwice,
    /// The timelock has not passed by the stated times.
    #[error("ready comes before the timelock ends")]
    ReadyEarly,
    /// The Release refs no Ready on its own path whose action is an envelope.
    #[error("release refs no ready of an envelope before it")]
    ReleaseReady,
    /// The tranche is not the next one of the envelope.
    #[error("release is not of the next tranche")]
    ReleaseOrder,
    /// The interval has not passed by the stated times.
    #[error("release comes before the tranche is due")]
    ReleaseEarly,
}

impl AuthorityRule {
    /// Every rule.
    pub const ALL: [Self; 23] = [
        Self::OpenOrder,
        Self::OpenHead,
        Self::OpenConsent,
        Self::OpenDecision,
        Self::OpenTwice,
        Self::OpenOwner,
        Self::SealOrder,
        Self::SealHeader,
        Self::AdoptOpen,
        Self::RollMember,
        Self::RollRecall,
        Self::RaiseEpoch,
        Self::OpeningRoll,
        Self::OpeningTwice,
        Self::CloseOpening,
        Self::CloseTwice,
        Self::CloseShuts,
        Self::ReadyClose,
        Self::ReadyTwice,
        Self::ReadyEarly,
        Self::ReleaseReady,
        Self::ReleaseOrder,
        Self::ReleaseEarly,
    ];
}

impl Coded for AuthorityRule {
    fn code(&self) -> &'static str {
        match self {
            Self::OpenOrder => "open.order",
            Self::OpenHead => "open.head",
            Self::OpenConsent => "open.consent",
            Self::OpenDecision => "open.decision",
            Self::OpenTwice => "open.twice",
            Self::OpenOwner => "open.owner",
            Self::SealOrder => "seal.order",
            Self::SealHeader => "seal.header",
            Self::AdoptOpen => "adopt.open",
            Self::RollMember => "roll.member",
            Self::RollRecall => "roll.recall",
            Self::RaiseEpoch => "raise.epoch",
            Self::OpeningRoll => "opening.roll",
            Self::OpeningTwice => "opening.twice",
            Self::CloseOpening => "close.opening",
            Self::CloseTwice => "close.twice",
            Self::CloseShuts => "close.count",
            Self::ReadyClose => "ready.close",
            Self::ReadyTwice => "ready.twice",
            Self::ReadyEarly => "ready.early",
            Self::ReleaseReady => "release.ready",
            Self::ReleaseOrder => "release.order",
            Self::ReleaseEarly => "release.early",
        }
    }

    fn fault(&self) -> Fault {
        Fault::Rule
    }
}
