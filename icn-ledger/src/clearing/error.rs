//! What is wrong with obligations, with a clearing, and what it lacks.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use icn_types::error::{Coded, Fault};
use icn_types::id::{ChainId, RecordId};

use super::{ClearedDue, ObligationId};

/// Why obligations cannot be cleared, or reductions are no clearing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ClearingError {
    /// More obligations than are cleared together, or than one clearing has.
    #[error("{len} obligations, more than {max}")]
    Many {
        /// How many there are.
        len: usize,
        /// How many may be.
        max: usize,
    },
    /// One reduction or none: nothing goes round.
    #[error("{len} reductions, fewer than 2")]
    Few {
        /// How many there are.
        len: usize,
    },
    /// Reductions do not ascend by obligation.
    #[error("obligation {obligation} stands after a higher one")]
    Order {
        /// The lower one.
        obligation: ObligationId,
    },
    /// The same obligation stands there twice.
    #[error("obligation {obligation} stands there twice")]
    Twice {
        /// Which.
        obligation: ObligationId,
    },
    /// Somebody owes themselves.
    #[error("debtor of obligation {obligation} is its creditor")]
    Own {
        /// What.
        obligation: ObligationId,
    },
    /// The clearing chain owes or is owed; it takes no part.
    #[error("obligation {obligation} is of or to the clearing chain")]
    Resolver {
        /// What.
        obligation: ObligationId,
    },
    /// An obligation would fall below zero.
    #[error("obligation {obligation} is reduced by more than it is")]
    Above {
        /// Which.
        obligation: ObligationId,
    },
    /// More dues than one Resolve ends holds.
    #[error("{len} dues, more than one resolve posts ({max})")]
    Dues {
        /// How many there are.
        len: usize,
        /// How many may be.
        max: usize,
    },
    /// What one participant pays to another is above every amount.
    #[error("due of {payer} to {payee} is above 2^63 - 1")]
    Sum {
        /// Who pays.
        payer: ChainId,
        /// Whom.
        payee: ChainId,
    },
    /// A participant would pay another amount than it receives.
    #[error("participant {chain} does not pay what it receives")]
    Balance {
        /// The first of them, ascending.
        chain: ChainId,
    },
}

impl Coded for ClearingError {
    fn code(&self) -> &'static str {
        match self {
            Self::Many { .. } => "clearing.many",
            Self::Few { .. } => "clearing.few",
            Self::Order { .. } => "clearing.order",
            Self::Twice { .. } => "clearing.twice",
            Self::Own { .. } => "clearing.own",
            Self::Resolver { .. } => "clearing.resolver",
            Self::Above { .. } => "clearing.above",
            Self::Dues { .. } => "clearing.dues",
            Self::Sum { .. } => "clearing.sum",
            Self::Balance { .. } => "clearing.balance",
        }
    }

    fn fault(&self) -> Fault {
        Fault::Caller
    }
}

/// Why a clearing is not posted now. Nothing was written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotReady {
    /// The clearing is of another ledger.
    #[error("clearing is of another ledger")]
    Topic,
    /// A hold of it was given back, so that it can never be posted whole.
    #[error("clearing was given up by {resolve}")]
    Void {
        /// By this Resolve.
        resolve: RecordId,
    },
    /// Not everything is set aside under a Seal; asking again later may succeed.
    #[error("clearing lacks sealed holds of {} dues", missing.len())]
    Missing {
        /// What is missing, in the order of the dues.
        missing: Vec<ClearedDue>,
    },
}

impl NotReady {
    /// Who is waited for, ascending: nobody where waiting does not help.
    #[must_use]
    pub fn waits_for(&self) -> BTreeSet<ChainId> {
        match self {
            Self::Missing { missing } => missing.iter().map(|one| one.due.payer).collect(),
            Self::Topic | Self::Void { .. } => BTreeSet::new(),
        }
    }
}

impl Coded for NotReady {
    fn code(&self) -> &'static str {
        match self {
            Self::Topic => "clearing.topic",
            Self::Void { .. } => "clearing.void",
            Self::Missing { .. } => "clearing.missing",
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::Topic => Fault::Caller,
            Self::Void { .. } => Fault::Rule,
            Self::Missing { .. } => Fault::Environment,
        }
    }
}
