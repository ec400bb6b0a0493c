//! The registry: verdicts about authority records and the office they make.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use crate::authority::{Act, FORMAT, Open};
use crate::canon::DecodeError;
use crate::id::{ChainId, DomainId, RecordId};
use crate::record::{Content, Kind, Record};
use crate::verdict::{Breach, NeedsUpgrade, Verdict};

use super::admission::Epoch;
use super::arena::{Arena, Slot};
use super::decisions::Frozen;
use super::office::{Office, Path, Seat, adopted};
use super::rows::{NewRow, Row, RowIndex, Rows};
use super::rule::AuthorityRule as Rule;

#[derive(Debug, Clone)]
pub(super) struct Registry {
    domain: DomainId,
    /// By slot.
    verdicts: Vec<Verdict<Rule>>,
    undecided: BTreeSet<Slot>,
    /// Decided records in the order of decision.
    log: Vec<Slot>,
    /// Offices at the tips of Valid paths. A tip's office moves on with the
    /// next record; a second child of one record gets its own by a new fold.
    offices: BTreeMap<Slot, Office>,
    /// What each Valid Opening froze.
    frozen: BTreeMap<Slot, Frozen>,
    pub(super) rows: Rows,
    /// The format of a charter that this code cannot judge.
    upgrade: Option<NeedsUpgrade>,
}

/// What is stored, as a [`Path`].
pub(super) struct View<'a> {
    arena: &'a Arena,
    rows: &'a Rows,
    frozen: &'a BTreeMap<Slot, Frozen>,
}

impl<'a> View<'a> {
    pub(super) const fn rows(&self) -> &'a Rows {
        self.rows
    }
}

impl Path for View<'_> {
    fn open(&self, id: &RecordId) -> Option<(u64, &Open)> {
        let epoch = self.arena.epoch(id)?;
        Some((self.arena.node(epoch.slot()).seq, epoch.open()?))
    }

    fn readied(&self, ready: &RecordId) -> Option<&Frozen> {
        readied(self.arena, self.frozen, self.arena.find(ready)?)
    }

    fn row(&self, index: RowIndex) -> &Row {
        self.rows.row(index)
    }
}

/// What the opening froze that a Ready goes back to.
fn readied<'a>(
    arena: &Arena,
    frozen: &'a BTreeMap<Slot, Frozen>,
    ready: Slot,
) -> Option<&'a Frozen> {
    let close = arena.find(&close_of(arena, ready)?)?;
    frozen.get(&arena.find(&opening_of(arena, close)?)?)
}

/// The certificate that a Ready goes back to.
pub(super) fn close_of(arena: &Arena, ready: Slot) -> Option<RecordId> {
    match stored_act(arena, ready)? {
        Act::Ready(ready) => Some(ready.close),
        _ => None,
    }
}

/// The opening that a certificate closes.
pub(super) fn opening_of(arena: &Arena, close: Slot) -> Option<RecordId> {
    match stored_act(arena, close)? {
        Act::Close(close) => Some(close.opening),
        _ => None,
    }
}

/// The body of a stored authority record, if it has one that can be read.
pub(super) fn stored_act(arena: &Arena, slot: Slot) -> Option<Act> {
    let record = arena.record(slot);
    act(arena, record, record.content()?).ok()?
}

/// The body of an authority record; an Open is not read again.
fn act(arena: &Arena, record: &Record, content: &Content) -> Result<Option<Act>, DecodeError> {
    match arena.epoch(&record.id()).and_then(Epoch::open) {
        Some(open) => Ok(Some(Act::Open(open.clone()))),
        None => Act::read(record.kind(), content),
    }
}

/// Rows of a Seal, or the final ones that adopted Opens follow, before it is
/// known which ones come before them.
pub(super) fn new_rows(path: &impl Path, record: &Record, act: &Act) -> Vec<(ChainId, NewRow)> {
    let new = |open, tip, is_final| NewRow {
        open,
        tip,
        is_final,
        earlier: None,
    };
    match act {
        Act::Seal(seal) => {
            let rows = seal.rows.iter();
            rows.map(|row| (row.chain, new(row.open, row.tip(), row.is_final())))
                .collect()
        }
        Act::Adopt | Act::Recall(_) => adopted(path, record)
            .into_iter()
            .filter_map(|(_, open)| {
                let row = new(open.start.prior()?, open.start.tip(), true);
                Some((open.chain.id(), row))
            })
            .collect(),
        _ => Vec::new(),
    }
}

/// Writes the rows of one record, each after the last one of its chain.
pub(super) fn link_rows(
    office: &Office,
    rows: Vec<(ChainId, NewRow)>,
    mut write: impl FnMut(u32, ChainId, NewRow) -> Option<RowIndex>,
) -> Vec<(ChainId, RowIndex)> {
    let mut last: BTreeMap<ChainId, RowIndex> = BTreeMap::new();
    let mut written = Vec::new();
    for (number, (chain, mut row)) in (0..).zip(rows) {
        let before = || office.seat(&chain).and_then(Seat::last_row);
        row.earlier = last.get(&chain).copied().or_else(before);
        if let Some(index) = write(number, chain, row) {
            last.insert(chain, index);
            written.push((chain, index));
        }
    }
    written
}

impl Registry {
    pub(super) fn new(domain: DomainId) -> Self {
        Self {
            domain,
            verdicts: Vec::new(),
            undecided: BTreeSet::new(),
            log: Vec::new(),
            offices: BTreeMap::new(),
            frozen: BTreeMap::new(),
            rows: Rows::default(),
            upgrade: None,
        }
    }

    /// The charter's format, if it is above ours: the whole authority chain
    /// waits then.
    pub(super) const fn needs_upgrade(&self) -> Option<NeedsUpgrade> {
        self.upgrade
    }

    pub(super) fn log(&self) -> &[Slot] {
        &self.log
    }

    pub(super) fn verdict(&self, slot: Slot) -> Verdict<Rule> {
        self.verdicts
            .get(slot.index())
            .copied()
            .unwrap_or(Verdict::Waiting)
    }

    /// Judges a new or completed record and everything that waited for it.
    /// Answers whether anything was decided.
    pub(super) fn judge(&mut self, arena: &Arena, slot: Slot) -> bool {
        if !self.verdict(slot).is_waiting() || self.upgrade.is_some() {
            return false;
        }
        self.undecided.insert(slot);
        let mut decided = false;
        loop {
            let before = self.undecided.len();
            for slot in self.undecided.clone() {
                if let Some(verdict) = self.decide(arena, slot) {
                    self.note(slot, verdict);
                    self.log.push(slot);
                    self.undecided.remove(&slot);
                }
            }
            if self.undecided.len() == before {
                return decided;
            }
            decided = true;
        }
    }

    fn note(&mut self, slot: Slot, verdict: Verdict<Rule>) {
        if self.verdicts.len() <= slot.index() {
            self.verdicts.resize(slot.index() + 1, Verdict::Waiting);
        }
        self.verdicts[slot.index()] = verdict;
    }

    /// `None` while an ancestor or its content is missing.
    fn decide(&mut self, arena: &Arena, slot: Slot) -> Option<Verdict<Rule>> {
        let record = arena.record(slot);
        let content = record.content()?;
        let named = |id: &RecordId| {
            let verdict = self.verdict(arena.find(id)?);
            (!verdict.is_waiting()).then_some(verdict.is_valid())
        };
        let prev_valid = record.prev().as_ref().map_or(Some(true), named)?;
        let epoch_valid = record.epoch().as_ref().map_or(Some(true), named)?;
        let mut refs_valid = true;
        for id in content.refs() {
            refs_valid &= named(id)?;
        }
        let breach = if !epoch_valid {
            Some(Breach::Open)
        } else if !prev_valid {
            Some(Breach::Ended)
        } else if !refs_valid {
            Some(Breach::Ref)
        } else {
            None
        };
        if let Some(breach) = breach {
            return Some(Verdict::Invalid(breach));
        }
        Some(match act(arena, record, content) {
            Ok(Some(Act::Charter(charter))) if charter.format > FORMAT => {
                self.upgrade = Some(NeedsUpgrade {
                    format: charter.format,
                    since: record.id(),
                });
                return None;
            }
            Ok(Some(act)) => self.advance(arena, slot, &act),
            Ok(None) => Verdict::Invalid(Breach::Kind),
            Err(_) => Verdict::Invalid(Breach::Body),
        })
    }

    /// Applies the rule of the kind to the office before the record.
    fn advance(&mut self, arena: &Arena, slot: Slot, act: &Act) -> Verdict<Rule> {
        let record = arena.record(slot);
        let Some(prev) = arena.node(slot).prev else {
            if let Act::Charter(charter) = act {
                self.offices
                    .insert(slot, Office::found(self.domain, charter));
            }
            return Verdict::Valid;
        };
        let Some(mut office) = self.take(arena, prev) else {
            return Verdict::Invalid(Breach::Ended);
        };
        match office.check(&self.view(arena), record, act) {
            Ok(()) => {
                self.step(arena, slot, act, &mut office);
                self.offices.insert(slot, office);
                Verdict::Valid
            }
            Err(rule) => {
                self.offices.insert(prev, office);
                Verdict::Invalid(Breach::Rule(rule))
            }
        }
    }

    fn step(&mut self, arena: &Arena, slot: Slot, act: &Act, office: &mut Office) {
        if let Act::Opening(opening) = act {
            let at = arena.record(slot).at();
            self.frozen
                .entry(slot)
                .or_insert_with(|| Frozen::new(opening.clone(), at, office.members()));
        }
        let rows = self.write_rows(arena, slot, act, office);
        office.apply(&self.view(arena), arena.record(slot), act, &rows);
    }

    fn write_rows(
        &mut self,
        arena: &Arena,
        slot: Slot,
        act: &Act,
        office: &Office,
    ) -> Vec<(ChainId, RowIndex)> {
        let rows = new_rows(&self.view(arena), arena.record(slot), act);
        link_rows(office, rows, |number, chain, row| {
            self.rows.write(slot, number, chain, row)
        })
    }

    /// Whether the votes of a Recall are enough by the office after the Valid
    /// record that it honours. Linear in the authority chain where that record
    /// is not a tip.
    pub(super) fn is_backed(&mut self, arena: &Arena, honoured: Slot, recall: &Record) -> bool {
        let body = recall.content().and_then(|content| content.read().ok());
        let (Some(body), Some(head)) = (body, recall.prev()) else {
            return false;
        };
        match self.offices.get(&honoured) {
            Some(office) => office.backs(head, &body),
            None => self
                .fold(arena, honoured)
                .is_some_and(|office| office.backs(head, &body)),
        }
    }

    fn take(&mut self, arena: &Arena, slot: Slot) -> Option<Office> {
        match self.offices.remove(&slot) {
            Some(office) => Some(office),
            None => self.fold(arena, slot),
        }
    }

    /// The office after a Valid record, from the charter on. Linear in the
    /// authority chain; needed only where it forks.
    pub(super) fn fold(&mut self, arena: &Arena, slot: Slot) -> Option<Office> {
        let mut office = None;
        for at in arena.path(Some(slot)) {
            let record = arena.record(at);
            let act = act(arena, record, record.content()?).ok()??;
            match &mut office {
                None => {
                    if let Act::Charter(charter) = &act {
                        office = Some(Office::found(self.domain, charter));
                    }
                }
                Some(office) => self.step(arena, at, &act, office),
            }
        }
        office
    }

    /// Makes sure that the office after a Valid record is at hand.
    pub(super) fn hold(&mut self, arena: &Arena, slot: Slot) {
        if !self.offices.contains_key(&slot)
            && let Some(office) = self.fold(arena, slot)
        {
            self.offices.insert(slot, office);
        }
    }

    pub(super) fn frozen(&self, opening: Slot) -> Option<&Frozen> {
        self.frozen.get(&opening)
    }

    pub(super) fn readied(&self, arena: &Arena, ready: Slot) -> Option<&Frozen> {
        readied(arena, &self.frozen, ready)
    }

    /// What is stored, as rules look at it.
    pub(super) const fn view<'a>(&'a self, arena: &'a Arena) -> View<'a> {
        View {
            arena,
            rows: &self.rows,
            frozen: &self.frozen,
        }
    }

    pub(super) fn office_at(&self, slot: Slot) -> Option<&Office> {
        self.offices.get(&slot)
    }

    /// Chains whose seat or rows a record may have changed.
    pub(super) fn touched(&self, arena: &Arena, slot: Slot) -> Vec<ChainId> {
        let record = arena.record(slot);
        let opened = core::iter::once(&record.id())
            .chain(record.refs())
            .filter_map(|id| arena.epoch(id))
            .filter(|epoch| epoch.open().is_some())
            .map(Epoch::chain)
            .collect::<Vec<_>>();
        self.rows
            .written_by(slot)
            .map(|(chain, _)| chain)
            .chain(opened)
            .collect()
    }

    /// The Valid Recall with the most Recalls on its path, the lowest id first.
    pub(super) fn best_recall(&self, arena: &Arena, recalls: &[Slot]) -> Option<Slot> {
        recalls
            .iter()
            .copied()
            .filter(|&slot| self.verdict(slot).is_valid())
            .min_by_key(|&slot| {
                let depth = arena
                    .back(Some(slot))
                    .filter(|&at| arena.record(at).kind() == Kind::RECALL)
                    .count();
                (core::cmp::Reverse(depth), arena.id(slot))
            })
    }
}
