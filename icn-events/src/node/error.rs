use icn_sync::{NotCommitted, RestoreError};
use icn_types::canon::DecodeError;
use icn_types::error::{Coded, Fault};
use icn_types::host::{LimitError, RowError, StoreError, TransportError};
use icn_types::key::SignError;
use icn_types::set::Refusal;

/// Why a node could not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NodeError {
    /// The store failed. Nothing that was not durable has left the node.
    #[error("store failed")]
    Store(#[from] StoreError),
    /// A row in the store is not what this code writes.
    #[error("stored row cannot be read")]
    Row(#[from] RowError),
    /// A batch became larger than any store takes.
    #[error("step is larger than a batch")]
    Limit(#[from] LimitError),
    /// The transport is gone.
    #[error("transport failed")]
    Transport(#[from] TransportError),
    /// A signer could not sign.
    #[error("signing failed")]
    Sign(#[from] SignError),
    /// The store belongs to another domain.
    #[error("store belongs to another domain")]
    OtherDomain,
    /// A position of the journal is missing.
    #[error("journal lacks position {position}")]
    Gap {
        /// The missing position.
        position: u64,
    },
    /// A stored record cannot be read.
    #[error("record at journal position {position} cannot be read")]
    Record {
        /// Its position.
        position: u64,
        /// What is wrong with it.
        source: DecodeError,
    },
    /// A stored record does not follow from those before it.
    #[error("stored records do not fit together")]
    Restore(#[from] RestoreError),
    /// A record that this node wrote is not well-formed.
    #[error("own record is refused")]
    Refused(#[from] Refusal),
    /// The replica has not been told that a step is durable.
    #[error("step was not committed")]
    Uncommitted(#[from] NotCommitted),
    /// The genesis names a unit that is none, or that another domain issues.
    #[error("genesis names a unit that cannot be used")]
    Unit,
    /// An earlier step was cut short after it had changed the node's memory.
    /// Open the node again from its store.
    #[error("an earlier step did not end, open the node again")]
    Interrupted,
    /// A step of a node whose history is not at hand asked for it. A
    /// [`LeanNode`](super::LeanNode) reads it and does the step again.
    #[error("history is not at hand")]
    NotAtHand,
}

impl Coded for NodeError {
    fn code(&self) -> &'static str {
        match self {
            Self::Store(error) => error.code(),
            Self::Row(error) => error.code(),
            Self::Limit(error) => error.code(),
            Self::Transport(error) => error.code(),
            Self::Sign(error) => error.code(),
            Self::OtherDomain => "node.domain",
            Self::Gap { .. } => "node.gap",
            Self::Record { .. } => "node.record",
            Self::Restore(error) => error.code(),
            Self::Refused(error) => error.code(),
            Self::Uncommitted(error) => error.code(),
            Self::Unit => "node.unit",
            Self::Interrupted => "node.interrupted",
            Self::NotAtHand => "node.not_at_hand",
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::OtherDomain | Self::Interrupted | Self::Unit => Fault::Caller,
            Self::Restore(error) => error.fault(),
            Self::Uncommitted(error) => error.fault(),
            Self::Limit(error) => error.fault(),
            Self::Sign(error) => error.fault(),
            Self::Transport(error) => error.fault(),
            Self::Store(_)
            | Self::Row(_)
            | Self::Gap { .. }
            | Self::Record { .. }
            | Self::Refused(_)
            | Self::NotAtHand => Fault::Environment,
        }
    }
}
