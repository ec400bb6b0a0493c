//! The register: what queries need beyond the set and the ledger.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use icn_types::id::{ChainId, RecordId};
use icn_types::record::Record;
use icn_types::set::{Canonical, Label, RecordSet, Slot};
use icn_types::time::Timestamp;

use crate::entry::Entry;
use crate::ledger::Ledger;
use crate::legs::LegId;
use crate::query::Query;
use crate::query::line::{Moved, moved, stated};
use crate::remark::Remark;
use crate::unit::Unit;

/// Indexes over the records of one ledger, kept up as it decides them.
///
/// All of it follows from the set and can be built again; a host that asks
/// nothing keeps none. An entry costs O(log n) once, at the first
/// [`update`](Self::update) or question after it. A fork, a Seal or Recall that
/// moves a spine, or a record that makes one beside a spine canonical costs one
/// walk over the set.
#[derive(Clone, Debug, Default)]
pub struct Register {
    /// How many decided records of the ledger were taken note of.
    heard: usize,
    /// By slot.
    marks: Vec<Option<Mark>>,
    /// Valid records by date.
    pub(super) dates: BTreeSet<(Timestamp, RecordId)>,
    /// Valid records with a cause.
    pub(super) causes: BTreeSet<(RecordId, Timestamp, RecordId)>,
    /// Valid assertions by date.
    pub(super) assertions: BTreeSet<(Timestamp, RecordId)>,
    /// Valid disputes by date.
    pub(super) disputes: BTreeSet<(Timestamp, RecordId)>,
    /// Valid outcomes by dispute.
    pub(super) outcomes: BTreeSet<(RecordId, RecordId)>,
    /// Valid settlements by claim.
    pub(super) settlements: BTreeSet<(LegId, RecordId)>,
    /// Valid bundles by date.
    pub(super) bundles: BTreeSet<(Timestamp, RecordId)>,
    /// The same by whom something is due from.
    pub(super) owed: BTreeSet<(ChainId, Timestamp, RecordId)>,
    /// Valid payments with a cause, by that and by payer.
    pub(super) payments: BTreeSet<(RecordId, ChainId, RecordId)>,
    /// Invalid records.
    pub(super) invalid: BTreeSet<Slot>,
    /// Canonical records of the topic beside the spines.
    pub(super) beside: BTreeMap<Slot, Label>,
    /// What `beside` was found under: relabellings, and bends of the topic.
    labelled: Option<(u64, u64)>,
}

/// Keys of records that were read and are not in the register yet.
#[derive(Debug, Default)]
struct Keys {
    dates: Vec<(Timestamp, RecordId)>,
    causes: Vec<(RecordId, Timestamp, RecordId)>,
    payments: Vec<(RecordId, ChainId, RecordId)>,
}

/// What the path of one decided record adds up to: a function of its
/// ancestors, whatever becomes of the chain later.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Mark {
    /// Position after the record.
    pub(super) position: i128,
    /// Latest date of a line so far.
    pub(super) latest: Timestamp,
    /// First date that no period close covers.
    pub(super) open_from: Timestamp,
    /// The last record with lines that are dated before earlier ones.
    pub(super) straggler: Option<Slot>,
}

impl Register {
    /// A register of nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The ledger of everything in a set, counted, and its register. Costs
    /// O(n log n), less than one after the other: what an entry names is read for
    /// both while it is at hand.
    #[must_use]
    pub fn with_ledger(set: &RecordSet, unit: Unit) -> (Ledger, Self) {
        let mut ledger = Ledger::new(set.domain(), unit);
        let (mut register, mut keys) = (Self::new(), Keys::default());
        for slot in set.slots() {
            ledger.update(set, slot);
            register.read(set, &ledger, &mut keys);
        }
        ledger.refresh(set);
        register.settle(set, &ledger, keys);
        (ledger, register)
    }

    /// Takes note of what `ledger` decided since the last time, and answers
    /// questions. Always of the same ledger and its set.
    ///
    /// Call [`Ledger::refresh`] after updates; otherwise a query counts the
    /// columns for itself, linear in the set.
    pub fn query<'a>(&'a mut self, set: &'a RecordSet, ledger: &'a Ledger) -> Query<'a> {
        self.update(set, ledger);
        self.view(set, ledger)
    }

    /// Takes note of what `ledger` decided since the last time. Always of the
    /// same ledger and its set.
    pub fn update(&mut self, set: &RecordSet, ledger: &Ledger) {
        let mut keys = Keys::default();
        self.read(set, ledger, &mut keys);
        self.settle(set, ledger, keys);
    }

    /// Reads what `ledger` decided since the last time.
    fn read(&mut self, set: &RecordSet, ledger: &Ledger, keys: &mut Keys) {
        while let Some(&slot) = ledger.decided().get(self.heard) {
            self.learn(set, ledger, slot, keys);
            self.heard += 1;
        }
    }

    /// Adds the keys of what was read, and finds what stands beside the spines.
    fn settle(&mut self, set: &RecordSet, ledger: &Ledger, keys: Keys) {
        add_all(&mut self.dates, keys.dates);
        add_all(&mut self.causes, keys.causes);
        add_all(&mut self.payments, keys.payments);
        let labelled = Some((ledger.relabelled(), set.bends_in(&ledger.topic())));
        if self.labelled != labelled {
            self.beside = beside(&set.canonical(), ledger);
            self.labelled = labelled;
        }
    }

    /// Answers questions about the ledger and the set as they were at the last
    /// [`update`](Self::update): what came since is not in the answers. For
    /// hosts that keep a register up themselves and let others only look.
    #[must_use]
    pub fn view<'a>(&'a self, set: &'a RecordSet, ledger: &'a Ledger) -> Query<'a> {
        Query {
            set,
            ledger,
            register: self,
            columns: ledger.columns(set),
        }
    }

    fn learn(&mut self, set: &RecordSet, ledger: &Ledger, slot: Slot, keys: &mut Keys) {
        let before = self.before(set, slot);
        let record = set.record(slot);
        let entry = ledger
            .verdict(slot)
            .is_valid()
            .then(|| Entry::of(record))
            .flatten();
        let mark = match &entry {
            Some(entry) => {
                let date = stated(set, slot, entry).max(before.open_from);
                keys.dates.push((date, record.id()));
                if let Some(cause) = record.content().and_then(|content| content.cause()) {
                    keys.causes.push((cause, date, record.id()));
                    if let Entry::Payment(_) = entry {
                        keys.payments.push((cause, record.chain(), record.id()));
                    }
                }
                match entry {
                    Entry::Remark(remark) => self.note(record, date, remark),
                    Entry::Settlement(settlement) => {
                        let claim = settlement.claim(record.refs());
                        self.settlements
                            .extend(claim.map(|claim| (claim, record.id())));
                    }
                    _ => {}
                }
                before.after(slot, date, entry, &moved(set, slot, entry))
            }
            None => {
                self.invalid.insert(slot);
                before
            }
        };
        if self.marks.len() <= slot.index() {
            self.marks.resize(slot.index() + 1, None);
        }
        self.marks[slot.index()] = Some(mark);
    }

    fn note(&mut self, record: &Record, date: Timestamp, remark: &Remark) {
        let id = record.id();
        match remark {
            Remark::Assertion(_) => {
                self.assertions.insert((date, id));
            }
            Remark::Dispute(_) => {
                self.disputes.insert((date, id));
            }
            Remark::Outcome(outcome) => {
                let named = record.refs().get(usize::from(outcome.dispute));
                self.outcomes.extend(named.map(|dispute| (*dispute, id)));
            }
            Remark::Bundle(bundle) => {
                self.bundles.insert((date, id));
                let dues = bundle.terms.dues().unwrap_or_default().into_iter();
                self.owed.extend(dues.map(|due| (due.payer, date, id)));
            }
            Remark::Close(_) => {}
        }
    }

    /// The mark of a decided record.
    pub(super) fn mark(&self, slot: Slot) -> Option<Mark> {
        self.marks.get(slot.index()).copied().flatten()
    }

    /// The mark of what comes before a record on its chain.
    pub(super) fn before(&self, set: &RecordSet, slot: Slot) -> Mark {
        let prev = set.prev(slot).and_then(|prev| self.mark(prev));
        prev.unwrap_or_default()
    }
}

impl Mark {
    fn after(self, slot: Slot, date: Timestamp, entry: &Entry, lines: &[Moved]) -> Self {
        if let Entry::Remark(Remark::Close(close)) = entry {
            return Self {
                open_from: close.until.saturating_add(1),
                ..self
            };
        }
        if lines.is_empty() {
            return self;
        }
        Self {
            position: self.position + lines.iter().map(Moved::change).sum::<i128>(),
            latest: self.latest.max(date),
            straggler: if date < self.latest {
                Some(slot)
            } else {
                self.straggler
            },
            ..self
        }
    }
}

/// Adds keys to those that are there: at once where they are many, which costs
/// less.
fn add_all<K: Ord>(keys: &mut BTreeSet<K>, new: Vec<K>) {
    if new.len() > keys.len() / 8 {
        keys.append(&mut new.into_iter().collect());
    } else {
        keys.extend(new);
    }
}

fn beside(canonical: &Canonical<'_>, ledger: &Ledger) -> BTreeMap<Slot, Label> {
    let set = canonical.set();
    canonical
        .beside()
        .filter(|&slot| set.topic(slot) == ledger.topic())
        .map(|slot| (slot, canonical.label(slot)))
        .collect()
}
