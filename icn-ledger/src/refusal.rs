//! Refusals: why an author's own node writes nothing.

use core::num::NonZeroU16;

use icn_types::amount::Amount;
use icn_types::error::{Coded, Fault};
use icn_types::id::{ChainId, RecordId};
use icn_types::resume::Standing;
use icn_types::time::Timestamp;

use crate::policy::Cap;
use crate::rule::LedgerRule;

/// Why nothing is authored. Nothing was written; asking again later may
/// succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The key names another request of this chain.
    #[error("operation key names another request")]
    KeyConflict {
        /// The record under that key.
        first: RecordId,
    },
    /// The chain ended one of the holds in another way.
    #[error("hold is resolved otherwise")]
    Resolved {
        /// The Resolve.
        first: RecordId,
    },
    /// The account may spend less than that.
    #[error("payment is above the {spendable} atoms that the account may spend")]
    Limit {
        /// What it may spend, in atoms.
        spendable: u128,
    },
    /// A cap of the author's own policy leaves less than that.
    #[error("payment is above the {left} atoms that are left of {cap}")]
    Velocity {
        /// The cap.
        cap: Cap,
        /// What is left of it now, in atoms.
        left: u128,
    },
    /// The epoch grants no credit.
    #[error("epoch grants no credit")]
    NoGrant,
    /// Nobody may write the chain.
    #[error("chain is not open")]
    NoOpen,
    /// The epoch is sealed for good; only a next Open continues the chain.
    #[error("chain is sealed for good")]
    Frozen,
    /// An Invalid record ended the epoch.
    #[error("record {record} ended the epoch")]
    Ended {
        /// The last record of the chain.
        record: RecordId,
    },
    /// The chain forks; it goes on only after a Seal.
    #[error("chain forks")]
    Forked,
    /// Something that the record would rely on is not here or not decided.
    #[error("record {record} is not decided yet")]
    Waiting {
        /// What is waited for.
        record: RecordId,
    },
    /// The store may be older than the chain: too few others confirmed its
    /// head since this node started.
    #[error("head of the chain is unconfirmed, {missing} more have to confirm it")]
    Unconfirmed {
        /// How many more are needed.
        missing: NonZeroU16,
    },
    /// The leg is not in transit to this account, or its sender forks.
    #[error("leg is not in transit to this account")]
    NoLeg,
    /// The leg stands, or its payee did not take it to keep.
    #[error("leg is no claim")]
    NoClaim,
    /// The Open in force of whoever owes the claim does not charge it yet.
    #[error("claim is not charged yet")]
    Uncharged,
    /// The claim was paid.
    #[error("claim is settled by {by}")]
    Settled {
        /// The settlement.
        by: RecordId,
    },
    /// The period is not over.
    #[error("period ends at {until}, after now")]
    Future {
        /// Its last date.
        until: Timestamp,
    },
    /// Whoever is to be paid, to resolve or to mediate has no account in this
    /// ledger, so nobody could ever answer.
    #[error("chain {chain} is no account of this ledger")]
    NoAccount {
        /// The chain.
        chain: ChainId,
    },
    /// The bundle names no due of that account.
    #[error("bundle names no due of chain {payer}")]
    NoDue {
        /// The account.
        payer: ChainId,
    },
    /// The bundle states a due that no payment could ever carry out: it is below
    /// the least leg of its unit.
    #[error("due of {amount} atoms from chain {payer} is below the least leg of {least}")]
    SmallDue {
        /// Who would have to pay it.
        payer: ChainId,
        /// How much.
        amount: Amount,
        /// The least leg.
        least: Amount,
    },
    /// Another item of an atomic batch was refused.
    #[error("item {item} of the batch was refused")]
    Undone {
        /// Which, counted from 0.
        item: usize,
    },
    /// The record would break another rule.
    #[error("record would break a rule")]
    Rule(#[source] LedgerRule),
    /// The record would rely on one that is Invalid.
    #[error("record would not be valid")]
    Invalid,
}

impl Refusal {
    /// Whether the writer of a chain that stands so may author at all.
    ///
    /// # Errors
    /// [`Unconfirmed`](Self::Unconfirmed), [`Waiting`](Self::Waiting) for a
    /// record of the chain that others hold, or [`Forked`](Self::Forked).
    pub const fn resume(standing: Standing) -> Result<(), Self> {
        match standing {
            Standing::Confirmed => Ok(()),
            Standing::Unconfirmed { missing } => Err(Self::Unconfirmed { missing }),
            Standing::Behind { record } => Err(Self::Waiting { record }),
            Standing::Forked => Err(Self::Forked),
        }
    }
}

impl Coded for Refusal {
    fn code(&self) -> &'static str {
        match self {
            Self::KeyConflict { .. } => "authorize.key",
            Self::Resolved { .. } => "authorize.resolved",
            Self::Limit { .. } => "authorize.limit",
            Self::Velocity { .. } => "authorize.velocity",
            Self::NoGrant => "authorize.grant",
            Self::NoOpen => "authorize.open",
            Self::Frozen => "authorize.frozen",
            Self::Ended { .. } => "authorize.ended",
            Self::Forked => "authorize.forked",
            Self::Waiting { .. } => "authorize.waiting",
            Self::Unconfirmed { .. } => "authorize.unconfirmed",
            Self::NoLeg => "authorize.leg",
            Self::NoClaim => "authorize.claim",
            Self::Uncharged => "authorize.uncharged",
            Self::Settled { .. } => "authorize.settled",
            Self::Future { .. } => "authorize.future",
            Self::NoAccount { .. } => "authorize.account",
            Self::NoDue { .. } => "authorize.due",
            Self::SmallDue { .. } => "authorize.small_due",
            Self::Undone { .. } => "authorize.undone",
            Self::Rule(rule) => rule.code(),
            Self::Invalid => "authorize.invalid",
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::KeyConflict { .. }
            | Self::Resolved { .. }
            | Self::NoLeg
            | Self::NoClaim
            | Self::Settled { .. }
            | Self::Future { .. }
            | Self::NoAccount { .. }
            | Self::NoDue { .. }
            | Self::SmallDue { .. }
            | Self::Undone { .. } => Fault::Caller,
            Self::Waiting { .. } | Self::Unconfirmed { .. } | Self::Uncharged => Fault::Environment,
            _ => Fault::Rule,
        }
    }
}
