//! What does not count, why, and what would change that.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use icn_types::authority::FORMAT;
use icn_types::id::{ChainId, RecordId};
use icn_types::set::{Equivocation, Label, Slot};
use icn_types::verdict::{Breach, Verdict};

use crate::query::Query;
use crate::query::page::{Cursor, Page, PageSize, page};
use crate::rule::LedgerRule;

/// A canonical record of the ledger that is not posted, or has no effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Quarantined {
    /// The record.
    pub record: RecordId,
    /// Its chain.
    pub chain: ChainId,
    /// Its position on the chain.
    pub seq: u64,
    /// Why it does not count.
    pub reason: Reason,
}

/// Why a record does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "verdicts and labels are closed")]
pub enum Reason {
    /// Something that it relies on is missing or waits itself. Its own id
    /// stands for its content.
    Waiting(RecordId),
    /// Its epoch uses a format that this code does not know.
    Unsupported {
        /// The format.
        format: u16,
    },
    /// It breaks a rule, or follows one that does.
    Invalid(Breach<LedgerRule>),
    /// It stands at or above the open fork of its chain.
    Contested,
    /// It stands beside a settled spine.
    Void,
}

/// What would make a record count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "one for each reason")]
pub enum Release {
    /// This record, or its content.
    Record(RecordId),
    /// Code that knows the format.
    Upgrade {
        /// The format.
        format: u16,
    },
    /// A Seal on its branch of this chain.
    Seal(ChainId),
    /// Nothing; it is kept as evidence.
    Nothing,
}

impl Quarantined {
    /// What would make it count.
    #[must_use]
    pub const fn release(&self) -> Release {
        match self.reason {
            Reason::Waiting(record) => Release::Record(record),
            Reason::Unsupported { format } => Release::Upgrade { format },
            Reason::Contested => Release::Seal(self.chain),
            Reason::Invalid(_) | Reason::Void => Release::Nothing,
        }
    }

    /// Right after this row.
    #[must_use]
    pub const fn cursor(&self) -> Cursor {
        Cursor {
            key: 0,
            record: self.record,
            number: 0,
        }
    }
}

impl Query<'_> {
    /// Every canonical record of the ledger that is not Valid and posted,
    /// ascending by id. Linear in what is quarantined, and O(log n) for each
    /// chain.
    #[must_use]
    pub fn quarantine(&self, after: Option<Cursor>, size: PageSize) -> Page<Quarantined> {
        let id = |slot| self.set.id(slot);
        let rows: BTreeMap<RecordId, Slot> = self.doubtful().map(|slot| (id(slot), slot)).collect();
        let rows = rows
            .into_iter()
            .filter(|(id, _)| after.is_none_or(|after| *id > after.record))
            .filter_map(|(record, slot)| {
                Some(Quarantined {
                    record,
                    chain: self.set.chain(slot),
                    seq: self.set.seq(slot),
                    reason: self.reason(slot)?,
                })
            });
        page(rows, size, Quarantined::cursor)
    }

    /// Proofs that one key signed two records for one position, among the
    /// canonical records of the ledger, ascending by the lower id. Linear in
    /// the records beside the spines and in the chains.
    #[must_use]
    pub fn evidence(&self) -> Vec<Equivocation> {
        let topic = self.ledger.topic();
        let chains = self.set.chains().filter(|(_, of)| *of == topic);
        let open = chains.filter_map(|(chain, _)| self.set.fork(&chain));
        let settled = self.register.beside.keys().flat_map(|&slot| {
            let siblings = self.set.siblings(slot);
            let canonical = siblings.filter(|&other| self.place(other).is_some());
            canonical.map(move |other| (slot, other))
        });
        let proofs: BTreeMap<(RecordId, RecordId), Equivocation> = open
            .chain(settled)
            .filter_map(|(one, other)| self.set.equivocation(one, other).ok())
            .map(|proof| (proof.ids(), proof))
            .collect();
        proofs.into_values().collect()
    }

    /// Canonical records that may not count.
    fn doubtful(&self) -> impl Iterator<Item = Slot> {
        let topic = self.ledger.topic();
        let chains = self.set.chains().filter(move |(_, of)| *of == topic);
        let undecided = chains
            .flat_map(|(chain, _)| self.set.spine(&chain)[self.decided(&chain).len()..].iter());
        let invalid = self.register.invalid.iter();
        let beside = self.register.beside.keys();
        let all: BTreeSet<Slot> = undecided.chain(invalid).chain(beside).copied().collect();
        all.into_iter()
    }

    /// `None` for a record that is posted or not canonical.
    fn reason(&self, slot: Slot) -> Option<Reason> {
        let place = self.place(slot)?;
        match (self.ledger.verdict(slot), place) {
            (Verdict::Waiting, _) => Some(self.obstacle(slot)),
            (Verdict::Invalid(breach), _) => Some(Reason::Invalid(breach)),
            (Verdict::Valid, Label::Contested) => Some(Reason::Contested),
            (Verdict::Valid, Label::Void) => Some(Reason::Void),
            (Verdict::Valid, Label::Posted) => None,
        }
    }

    /// Computed from the record, so that it does not tell in which order
    /// anything came.
    fn obstacle(&self, slot: Slot) -> Reason {
        let record = self.set.record(slot);
        let open = record.epoch().and_then(|epoch| self.set.open(&epoch));
        match (self.blocker(slot), open) {
            (None, Some(open)) if open.format > FORMAT => Reason::Unsupported {
                format: open.format,
            },
            (blocker, _) => Reason::Waiting(blocker.unwrap_or_else(|| record.id())),
        }
    }

    /// The first of what a record relies on that is missing or waits: its
    /// content, the record before it, its Open, its refs.
    fn blocker(&self, slot: Slot) -> Option<RecordId> {
        let record = self.set.record(slot);
        if record.content().is_none() {
            return Some(record.id());
        }
        let refs = record.refs().iter().copied();
        let mut named = record.prev().into_iter().chain(record.epoch()).chain(refs);
        named.find(|id| self.set.find(id).is_none_or(|slot| self.waits(slot)))
    }

    fn waits(&self, slot: Slot) -> bool {
        let record = self.set.record(slot);
        if record.chain() == self.set.authority() {
            self.set.verdict(slot).is_waiting()
        } else {
            record.topic() == self.ledger.topic() && self.ledger.verdict(slot).is_waiting()
        }
    }
}
