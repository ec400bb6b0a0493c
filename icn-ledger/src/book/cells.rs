//! Positions: where each account stands in each unit, and by which steps it
//! came there.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::num::NonZeroU32;

use icn_types::canon::{Decode, DecodeError, Encode, Reader, Writer};

use super::limits::Limits;
use super::name::{AccountKey, EntryNumber, StepNumber, UnitKey};
use crate::bounds::{Bounds, Sums};

/// An account in a unit, by small number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct CellKey(u32);

impl CellKey {
    pub(super) const fn index(self) -> usize {
        self.0 as usize
    }
}

impl Encode for CellKey {
    fn encode(&self, w: &mut Writer) {
        self.0.encode(w);
    }
}

impl Decode for CellKey {
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        u32::decode(r).map(Self)
    }
}

const NONE: StepNumber = StepNumber::new(u32::MAX);

/// Where one account stands in one unit: one cache line.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
pub(super) struct Cell {
    position: i128,
    limits: Limits,
    /// Which of the sums of holds; none before the first one.
    aside: Option<NonZeroU32>,
    newest: StepNumber,
    pub(super) account: AccountKey,
    pub(super) unit: UnitKey,
}

/// What open holds set aside, in atoms.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Aside {
    /// To be paid.
    pub(super) out: i128,
    /// To be received.
    pub(super) into: i128,
}

/// Everything about a cell.
#[derive(Clone, Copy, Debug)]
pub(super) struct View {
    pub(super) position: i128,
    pub(super) aside: Aside,
    pub(super) limits: Limits,
}

impl View {
    /// What it may pay, with what is set aside; negative beyond its floor, none
    /// without one.
    pub(super) fn available(&self) -> Option<i128> {
        let floor = self.limits.floor()?;
        let sums = Sums {
            sealed: self.position,
            held: self.aside.out,
            ..Sums::default()
        };
        Some(sums.available(&bounds(floor, i64::MAX)))
    }

    /// What it may take, with what is set aside; negative beyond its ceiling,
    /// none without one.
    pub(super) fn room(&self) -> Option<i128> {
        let ceiling = self.limits.ceiling()?;
        let sums = Sums {
            sealed: self.position + self.aside.into,
            ..Sums::default()
        };
        Some(sums.room(&bounds(i64::MIN, ceiling)))
    }
}

/// In a book all credit is sealed, and nothing is charged.
const fn bounds(floor: i64, ceiling: i64) -> Bounds {
    Bounds {
        floor,
        ceiling,
        float: 0,
        charged: 0,
    }
}

/// One change of a cell by an entry. Steps of a cell are linked, newest first,
/// so that taking one costs the same after any history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Step {
    /// The position after it, in two halves: this keeps a step at 32 bytes.
    after: (i64, u64),
    /// The step of the cell before it.
    before: StepNumber,
    pub(super) cell: CellKey,
    pub(super) entry: EntryNumber,
}

impl Step {
    #[expect(clippy::cast_possible_truncation, reason = "the two halves")]
    #[expect(clippy::cast_sign_loss, reason = "the lower half has no sign")]
    const fn new(after: i128, before: StepNumber, cell: CellKey, entry: EntryNumber) -> Self {
        Self {
            after: ((after >> 64) as i64, after as u64),
            before,
            cell,
            entry,
        }
    }

    pub(super) const fn after(&self) -> i128 {
        ((self.after.0 as i128) << 64) + self.after.1 as i128
    }
}

/// All cells and all their steps.
#[derive(Clone, Debug, Default)]
pub(super) struct Cells {
    cells: Vec<Cell>,
    /// Sums of holds, of the cells that ever had one.
    asides: Vec<Aside>,
    steps: Vec<Step>,
    /// The first unit of each account, which is the only one of most.
    first: Vec<(UnitKey, CellKey)>,
    /// Further units of an account.
    further: BTreeMap<(AccountKey, UnitKey), CellKey>,
}

impl Cells {
    /// Opens an account in a unit. `None` when there are too many.
    pub(super) fn open(
        &mut self,
        account: AccountKey,
        unit: UnitKey,
        limits: Limits,
    ) -> Option<()> {
        let key = CellKey(u32::try_from(self.cells.len()).ok()?);
        if account.index() == self.first.len() {
            self.first.push((unit, key));
        } else {
            self.further.insert((account, unit), key);
        }
        self.cells.push(Cell {
            position: 0,
            limits,
            aside: None,
            newest: NONE,
            account,
            unit,
        });
        Some(())
    }

    pub(super) fn find(&self, account: AccountKey, unit: UnitKey) -> Option<CellKey> {
        match self.first.get(account.index()) {
            Some(&(first, key)) if first == unit => Some(key),
            _ => self.further.get(&(account, unit)).copied(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.cells.len()
    }

    /// What the cell with a number is about.
    pub(super) fn place(&self, at: usize) -> (AccountKey, UnitKey) {
        (self.cells[at].account, self.cells[at].unit)
    }

    pub(super) fn of(&self, key: CellKey) -> &Cell {
        &self.cells[key.index()]
    }

    pub(super) fn all(&self) -> impl Iterator<Item = (&Cell, View)> {
        self.cells.iter().map(|cell| (cell, self.view_of(cell)))
    }

    pub(super) fn view(&self, key: CellKey) -> View {
        self.view_of(self.of(key))
    }

    fn view_of(&self, cell: &Cell) -> View {
        let aside = cell
            .aside
            .and_then(|at| self.asides.get(at.get() as usize - 1));
        View {
            position: cell.position,
            aside: aside.copied().unwrap_or_default(),
            limits: cell.limits,
        }
    }

    /// Changes limits, and answers with those before.
    pub(super) fn set_limits(&mut self, key: CellKey, limits: Limits) -> Limits {
        core::mem::replace(&mut self.cells[key.index()].limits, limits)
    }

    /// What holds set aside for a cell.
    pub(super) fn aside_mut(&mut self, key: CellKey) -> &mut Aside {
        let cell = &mut self.cells[key.index()];
        let at = match cell.aside {
            Some(at) => at.get() as usize - 1,
            None => {
                // There are no more of them than cells, whose numbers fit.
                let len = u32::try_from(self.asides.len() + 1).unwrap_or(u32::MAX);
                cell.aside = NonZeroU32::new(len);
                self.asides.push(Aside::default());
                self.asides.len() - 1
            }
        };
        &mut self.asides[at]
    }

    /// The number of steps so far: where a later [`undo`](Self::undo) ends.
    pub(super) fn mark(&self) -> StepNumber {
        #[expect(clippy::cast_possible_truncation, reason = "`has_room` was asked")]
        let len = self.steps.len() as u32;
        StepNumber::new(len)
    }

    /// Whether so many more steps can be taken.
    pub(super) fn has_room(&self, steps: usize) -> bool {
        self.steps.len() + steps < NONE.index()
    }

    /// Changes a position.
    pub(super) fn step(&mut self, key: CellKey, change: i128, entry: EntryNumber) {
        let step = self.mark();
        let cell = &mut self.cells[key.index()];
        // Fewer than 2^32 steps of fewer than 2^63 atoms stay far below 2^127.
        cell.position += change;
        let before = core::mem::replace(&mut cell.newest, step);
        self.steps
            .push(Step::new(cell.position, before, key, entry));
    }

    /// Takes back every step since a mark.
    pub(super) fn undo(&mut self, mark: StepNumber) {
        while self.steps.len() > mark.index() {
            let Some(step) = self.steps.pop() else {
                return;
            };
            let position = self.after(step.before);
            let cell = &mut self.cells[step.cell.0 as usize];
            cell.newest = step.before;
            cell.position = position;
        }
    }

    /// Takes back every step of the newest entry.
    pub(super) fn undo_entry(&mut self, entry: EntryNumber) {
        let first = self.steps.partition_point(|step| step.entry < entry);
        #[expect(clippy::cast_possible_truncation, reason = "a place among the steps")]
        self.undo(StepNumber::new(first as u32));
    }

    /// The position after a step, zero before the first.
    fn after(&self, step: StepNumber) -> i128 {
        self.steps.get(step.index()).map_or(0, Step::after)
    }

    /// The steps of a cell, newest first: all of them, or those after one of
    /// them. `None` when that one is not of the cell.
    pub(super) fn back(&self, key: CellKey, after: Option<StepNumber>) -> Option<Steps<'_>> {
        let next = match after {
            None => self.of(key).newest,
            Some(after) => {
                let step = self.steps.get(after.index())?;
                (step.cell == key).then_some(step.before)?
            }
        };
        Some(Steps { cells: self, next })
    }

    /// The steps of one entry, in order.
    pub(super) fn of_entry(&self, entry: EntryNumber) -> &[Step] {
        let first = self.steps.partition_point(|step| step.entry < entry);
        let end = first + self.steps[first..].partition_point(|step| step.entry == entry);
        &self.steps[first..end]
    }

    /// The first entry whose steps are others in the other cells.
    pub(super) fn first_difference(&self, other: &Self) -> Option<EntryNumber> {
        let mut both = self.steps.iter().zip(&other.steps);
        let differing = both.find(|(one, other)| one != other);
        let len = self.steps.len().min(other.steps.len());
        let beyond = self.steps.get(len).or_else(|| other.steps.get(len));
        let first = differing.map(|(one, _)| one).or(beyond);
        first.map(|step| step.entry)
    }

    pub(super) fn change(&self, step: &Step) -> i128 {
        step.after() - self.after(step.before)
    }
}

/// Steps of one cell, newest first, with what each changed.
#[derive(Clone, Debug)]
pub(super) struct Steps<'a> {
    cells: &'a Cells,
    next: StepNumber,
}

impl<'a> Iterator for Steps<'a> {
    type Item = (StepNumber, &'a Step, i128);

    fn next(&mut self) -> Option<Self::Item> {
        let key = self.next;
        let step = self.cells.steps.get(key.index())?;
        self.next = step.before;
        Some((key, step, self.cells.change(step)))
    }
}

#[cfg(test)]
impl Cells {
    /// Puts a position elsewhere.
    pub(super) fn forge(&mut self, key: CellKey) {
        self.cells[key.index()].position += 1;
    }
}
