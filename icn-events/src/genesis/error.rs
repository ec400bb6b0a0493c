use icn_types::canon::DecodeError;
use icn_types::error::{Coded, Fault};
use icn_types::key::TextError;
use icn_types::set::{AuthorityRule, RecordSet, Refusal};
use icn_types::verdict::{Breach, NeedsUpgrade};

use crate::sheet::{BadForm, LineError};

/// A genesis file is refused at one of its lines.
pub type GenesisError = LineError<GenesisReason>;

/// Why a genesis, or one line of its file, is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GenesisReason {
    /// The text does not have the form of a file of lines.
    #[error("text does not have the form of a genesis file")]
    Form(#[from] BadForm),
    /// The first statement names no domain.
    #[error("first statement names no domain")]
    Domain,
    /// The bytes are not canonical, or not those of a record.
    #[error("bytes are not a canonical value of their kind")]
    Bytes(#[from] DecodeError),
    /// The definition of a unit occurs twice.
    #[error("unit occurs twice")]
    UnitTwice,
    /// There are too many units.
    #[error("genesis has more than {} units", super::UNITS_MAX)]
    Units,
    /// The record comes without its content.
    #[error("record comes without its content")]
    Bare,
    /// The record lies on another chain than the authority's.
    #[error("record does not lie on the authority chain")]
    Elsewhere,
    /// The record is not well-formed after the ones before it.
    #[error("record is not well-formed after those before it")]
    Refused(#[from] Refusal),
    /// The record occurs twice.
    #[error("record occurs twice")]
    RecordTwice,
    /// The record names one that does not stand before it.
    #[error("record names one that does not stand before it")]
    Waiting,
    /// The charter has a format that this code does not know.
    #[error("domain needs newer code: format {}", .0.format)]
    Format(NeedsUpgrade),
    /// The record breaks a rule of the authority chain.
    #[error("record is invalid by {}", .0.code())]
    Invalid(Breach<AuthorityRule>),
    /// The name of a peer is not the text of a key.
    #[error("peer is not named by its key")]
    PeerKey(#[source] TextError),
    /// The address is empty, too long or not visible ASCII.
    #[error("address is not 1 to {} visible characters", super::ADDRESS_LEN_MAX)]
    Address,
    /// A peer occurs twice at one address.
    #[error("peer occurs twice at one address")]
    PeerTwice,
    /// There are too many peers.
    #[error("genesis has more than {} peers", super::PEERS_MAX)]
    Peers,
    /// There is no record, so nothing founds the domain.
    #[error("genesis has no charter")]
    Charter,
}

impl GenesisReason {
    /// Why a record that was just added to `set` is not decided.
    pub(super) fn waiting(set: &RecordSet) -> Self {
        set.needs_upgrade().map_or(Self::Waiting, Self::Format)
    }
}

impl Coded for GenesisReason {
    fn code(&self) -> &'static str {
        match self {
            Self::Form(bad) => bad.code(),
            Self::Domain => "genesis.domain",
            Self::Bytes(error) => error.code(),
            Self::UnitTwice => "genesis.unit.twice",
            Self::Units => "genesis.units",
            Self::Bare => "genesis.record.bare",
            Self::Elsewhere => "genesis.record.chain",
            Self::Refused(refusal) => refusal.code(),
            Self::RecordTwice => "genesis.record.twice",
            Self::Waiting => "genesis.record.waiting",
            Self::Format(_) => "genesis.format",
            Self::Invalid(breach) => breach.code(),
            Self::PeerKey(error) => error.code(),
            Self::Address => "genesis.peer.address",
            Self::PeerTwice => "genesis.peer.twice",
            Self::Peers => "genesis.peers",
            Self::Charter => "genesis.charter",
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::Format(_) => Fault::Environment,
            _ => Fault::Peer,
        }
    }
}
