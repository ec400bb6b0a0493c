use icn_governance::governance::Event as VoteEvent;
use icn_ledger::LedgerEvent;
use icn_sync::SyncEvent;
use icn_types::id::{RecordId, UnitId};
use icn_types::key::{PublicKey, SignError};

/// Something that a node learned or did, told after it was durable.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NodeEvent {
    /// About proposals and votes.
    Vote(VoteEvent),
    /// About one unit's accounts.
    Money {
        /// The unit.
        unit: UnitId,
        /// What happened.
        event: LedgerEvent,
    },
    /// About records and peers.
    Sync(SyncEvent),
    /// This node wrote a record.
    Authored(RecordId),
    /// A signer could not sign what this node owes under its key. What others
    /// sign is done, but for decided money while it is the key of the audit
    /// log; every next step tries again.
    Unsigned {
        /// The key.
        key: PublicKey,
        /// What the signer said.
        error: SignError,
    },
}
