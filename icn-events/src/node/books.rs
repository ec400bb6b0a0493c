//! The books: one owner of every view that follows from the set.

use std::collections::BTreeMap;

use icn_governance::governance::Governance;
use icn_ledger::ledger::Refreshed;
use icn_ledger::query::{Query, Register};
use icn_ledger::{Column, Ledger, LedgerEvent, Unit, parties};
use icn_types::id::{ChainId, DomainId, RecordId, TopicId, UnitId};
use icn_types::key::PeerId;
use icn_types::set::{RecordSet, Slot};
use icn_types::topic::Topic;

use crate::audit::AuditLog;

use super::derived::Touched;
use super::event::NodeEvent;

/// Votes, ledgers and this node's audit log: each a function of the set.
#[derive(Debug)]
pub(super) struct Books {
    pub(super) governance: Governance,
    pub(super) ledgers: BTreeMap<UnitId, Ledger>,
    registers: Registers,
    pub(super) audit: AuditLog,
}

/// What questions about the ledgers need, one for each.
#[derive(Debug)]
enum Registers {
    Kept(BTreeMap<UnitId, Register>),
    /// They are made of the whole history, which is not at hand. An empty one
    /// stands in for each: what it answers is void.
    Absent(Box<Register>),
}

impl Books {
    /// The books of everything in a set. Of what they learn nobody is told:
    /// that was done when it was stored.
    pub(super) fn of(set: &RecordSet, units: &[Unit], node: PeerId) -> Self {
        let (mut ledgers, mut registers) = (BTreeMap::new(), BTreeMap::new());
        for unit in units {
            let (ledger, register) = Register::with_ledger(set, *unit);
            ledgers.insert(unit.id(), ledger);
            registers.insert(unit.id(), register);
        }
        Self {
            registers: Registers::Kept(registers),
            ..Self::without_registers(set, ledgers, node)
        }
    }

    /// The same out of ledgers that follow the set, for one whose records are not
    /// all at hand. Of the others those of votes and of the audit log must be.
    pub(super) fn without_registers(
        set: &RecordSet,
        ledgers: BTreeMap<UnitId, Ledger>,
        node: PeerId,
    ) -> Self {
        Self {
            governance: Governance::of(set),
            ledgers,
            registers: Registers::Absent(Box::default()),
            audit: AuditLog::of(set, node),
        }
    }

    /// Topics that these books are about.
    pub(super) fn topics(domain: DomainId, units: &[Unit], node: PeerId) -> Vec<Topic> {
        let ledgers = units.iter().map(|unit| Topic::Ledger(domain, unit.id()));
        [Topic::Governance(domain), Topic::Audit(domain, node)]
            .into_iter()
            .chain(ledgers)
            .collect()
    }

    /// Takes note of one stored record.
    pub(super) fn update(
        &mut self,
        set: &RecordSet,
        slot: Slot,
        touched: &mut Touched,
        events: &mut Vec<NodeEvent>,
    ) {
        events.extend(
            self.governance
                .update(set, slot)
                .into_iter()
                .map(NodeEvent::Vote),
        );
        for (unit, ledger) in &mut self.ledgers {
            let learned = ledger.update(set, slot);
            learned.iter().for_each(|event| touch(set, event, touched));
            let learned = learned.into_iter();
            events.extend(learned.map(|event| NodeEvent::Money { unit: *unit, event }));
        }
        self.audit.update(set, slot);
    }

    /// Counts anew where a spine moved, and lets the registers catch up.
    pub(super) fn refresh(&mut self, set: &RecordSet, touched: &mut Touched) -> Refreshed {
        let mut refreshed = Refreshed::Nothing;
        for (unit, ledger) in &mut self.ledgers {
            if ledger.refresh(set) == Refreshed::Anew {
                refreshed = Refreshed::Anew;
                touched.everything();
            }
            if let Registers::Kept(registers) = &mut self.registers
                && let Some(register) = registers.get_mut(unit)
            {
                register.update(set, ledger);
            }
        }
        refreshed
    }

    /// Answers about one ledger.
    pub(super) fn query<'a>(&'a self, set: &'a RecordSet, unit: &UnitId) -> Option<Query<'a>> {
        let register = match &self.registers {
            Registers::Kept(registers) => registers.get(unit)?,
            Registers::Absent(empty) => {
                set.miss();
                empty
            }
        };
        Some(register.view(set, self.ledgers.get(unit)?))
    }

    /// Accounts of all units with anything but zeros.
    pub(super) fn columns(&self, set: &RecordSet) -> BTreeMap<ChainId, Column> {
        columns(self.ledgers.values(), set)
    }

    /// Where one account stands; zeros for a chain that is none. A Recall may have
    /// dropped its Open, so that no seat says in which ledger it lies.
    pub(super) fn column(&self, set: &RecordSet, chain: &ChainId) -> Column {
        let ledgers = self.ledgers.values();
        let mut columns = ledgers.map(|ledger| ledger.columns(set).account(chain));
        let found = columns.find(|column| *column != Column::default());
        found.unwrap_or_default()
    }

    /// Whether the record is Valid by the rules of its topic; none for a topic
    /// that these books are not about.
    pub(super) fn is_valid(&self, set: &RecordSet, slot: Slot) -> bool {
        if set.chain(slot) == set.authority() {
            return set.verdict(slot).is_valid();
        }
        let topic = set.topic(slot);
        if topic == self.governance.topic() {
            return self.governance.verdict(slot).is_valid();
        }
        if topic == self.audit.topic() {
            return self.audit.verdict(slot).is_valid();
        }
        let ledger = self.ledger_in(topic);
        ledger.is_some_and(|ledger| ledger.verdict(slot).is_valid())
    }

    /// The ledger in whose topic a chain lies.
    pub(super) fn ledger_of(&self, set: &RecordSet, chain: &ChainId) -> Option<&Ledger> {
        let open = set.office()?.seat(chain)?.open();
        self.ledger_in(set.open(&open)?.chain.topic())
    }

    /// The ledger of a topic.
    pub(super) fn ledger_in(&self, topic: TopicId) -> Option<&Ledger> {
        self.ledgers.values().find(|ledger| ledger.topic() == topic)
    }

    /// What is waited for and not stored, by topic.
    pub(super) fn missing(&self, set: &RecordSet) -> Vec<(TopicId, Vec<RecordId>)> {
        let absent = |id: &RecordId| set.find(id).is_none();
        let mut missing = Vec::new();
        let votes: Vec<RecordId> = self
            .governance
            .waiting()
            .map(|(id, _)| id)
            .filter(absent)
            .collect();
        missing.push((self.governance.topic(), votes));
        for ledger in self.ledgers.values() {
            let ids = ledger.waiting().map(|(id, _)| id).filter(absent).collect();
            missing.push((ledger.topic(), ids));
        }
        missing.retain(|(_, ids): &(TopicId, Vec<RecordId>)| !ids.is_empty());
        missing
    }
}

/// Accounts with anything but zeros. A chain is an account in one ledger only.
pub(super) fn columns<'a>(
    ledgers: impl Iterator<Item = &'a Ledger>,
    set: &RecordSet,
) -> BTreeMap<ChainId, Column> {
    let accounts = |ledger: &Ledger| ledger.columns(set).accounts().collect::<Vec<_>>();
    ledgers.flat_map(accounts).collect()
}

/// Marks the accounts that a decided entry changes.
fn touch(set: &RecordSet, event: &LedgerEvent, touched: &mut Touched) {
    match event.record().and_then(|id| set.find(&id)) {
        Some(slot) => parties(set, slot).for_each(|chain| touched.account(chain)),
        None => touched.everything(),
    }
}
