//! What a node lets others look at.

use icn_governance::governance::Governance;
use icn_ledger::Ledger;
use icn_ledger::query::Query;
use icn_sync::Replica;
use icn_types::id::{ChainId, Digest, TopicId, UnitId};
use icn_types::set::RecordSet;

use crate::audit::AuditLog;
use crate::bus::Bus;

use super::{Node, NodeEvent};

impl Node {
    /// All records that the node holds.
    #[must_use]
    pub const fn set(&self) -> &RecordSet {
        self.replica.set()
    }

    /// Proposals and votes.
    #[must_use]
    pub const fn governance(&self) -> &Governance {
        &self.books.governance
    }

    /// The accounts in one unit.
    #[must_use]
    pub fn ledger(&self, unit: &UnitId) -> Option<&Ledger> {
        self.books.ledgers.get(unit)
    }

    /// Answers about the accounts in one unit as they are after the last step:
    /// lines, statements, entries by id, cause and date, positions then and
    /// now, what is in quarantine or claimed, how far a bundle or a clearing has
    /// come, the trial balance.
    ///
    /// The indexes are kept up in every step at the cost of what it changed,
    /// so asking costs only what the [`Query`] says.
    #[must_use]
    pub fn query(&self, unit: &UnitId) -> Option<Query<'_>> {
        self.books.query(self.set(), unit)
    }

    /// The same for every unit, ascending by unit: what reports over several
    /// units are made of, such as a
    /// [journal](icn_ledger::text::Journal::from_ledgers).
    #[must_use]
    pub fn queries(&self) -> Vec<Query<'_>> {
        let units = self.ledgers().map(|ledger| ledger.unit().id());
        units.filter_map(|unit| self.query(&unit)).collect()
    }

    /// The accounts in every unit, ascending by unit.
    pub fn ledgers(&self) -> impl ExactSizeIterator<Item = &Ledger> {
        self.books.ledgers.values()
    }

    /// This node's audit log.
    #[must_use]
    pub const fn audit(&self) -> &AuditLog {
        &self.books.audit
    }

    /// Own chains that rest, ascending: their owner agreed to a next epoch that is
    /// not open yet.
    pub fn resting(&self) -> impl Iterator<Item = ChainId> + '_ {
        self.agreed.resting(self.set())
    }

    /// The replica, for its clocks and counters.
    #[must_use]
    pub const fn replica(&self) -> &Replica {
        &self.replica
    }

    /// Where to hear what the node learns and does, after it is durable.
    #[must_use]
    pub const fn events(&self) -> &Bus<NodeEvent> {
        &self.bus
    }

    /// Digest of the canonical records of a topic: equal on nodes whose sets are.
    /// O(n log n) in the chains of the domain, and linear in all its records where
    /// a spine moved since the node compared clocks with a peer.
    #[must_use]
    pub fn set_digest(&self, topic: TopicId) -> Digest {
        self.replica.digest(topic)
    }
}
