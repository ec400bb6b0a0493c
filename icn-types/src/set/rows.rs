//! Rows: the sealed heads of every chain, in the order of the authority chain.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use crate::authority::Tip;
use crate::id::{ChainId, RecordId};
use crate::record::Kind;

use super::RecordSet;
use super::arena::Slot;
use super::spines::Paths;

/// A row by number, in one set only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct RowIndex(u32);

#[derive(Debug, Clone)]
pub(super) struct Row {
    /// The record that wrote it.
    by: Slot,
    open: RecordId,
    tip: Option<Tip>,
    is_final: bool,
    /// The row of the same chain before this one on the same authority path.
    earlier: Option<RowIndex>,
    /// Known once the head is stored, and fixed from then on.
    effective: Option<bool>,
    /// Known once the heads of this row and of all earlier ones are stored.
    reach: Option<Reach>,
}

/// Where the heads of a row and of all rows before it lie.
#[derive(Debug, Clone, Copy)]
enum Reach {
    /// There is none: the chain was only sealed before its first record.
    Nothing,
    /// All on the path of this one.
    Head(Slot),
    /// Not on one path.
    Apart,
}

impl Row {
    pub(super) const fn new(by: Slot, row: NewRow) -> Self {
        Self {
            by,
            open: row.open,
            tip: row.tip,
            is_final: row.is_final,
            earlier: row.earlier,
            effective: None,
            reach: None,
        }
    }

    /// The record that wrote the row.
    pub(super) const fn by(&self) -> Slot {
        self.by
    }

    /// The sealed record.
    pub(super) const fn tip(&self) -> Option<Tip> {
        self.tip
    }

    /// The row of the same chain before this one.
    pub(super) const fn earlier(&self) -> Option<RowIndex> {
        self.earlier
    }

    /// Whether this row ended the epoch that `open` started.
    pub(super) fn ends(&self, open: &RecordId) -> bool {
        self.is_final && self.open == *open
    }
}

/// A row before it has a number.
#[derive(Debug, Clone, Copy)]
pub(super) struct NewRow {
    pub(super) open: RecordId,
    pub(super) tip: Option<Tip>,
    pub(super) is_final: bool,
    pub(super) earlier: Option<RowIndex>,
}

/// All rows of all authority records, each linked to the one before it.
#[derive(Debug, Clone, Default)]
pub(super) struct Rows {
    rows: Vec<Row>,
    /// Rows by the record that wrote them, in the order of writing.
    written: BTreeMap<(Slot, u32), (ChainId, RowIndex)>,
}

impl Rows {
    pub(super) fn row(&self, index: RowIndex) -> &Row {
        &self.rows[index.0 as usize]
    }

    /// The number of the row after so many more. `None` when there are too many.
    pub(super) fn index_ahead(&self, ahead: usize) -> Option<RowIndex> {
        let index = self.rows.len().checked_add(ahead)?;
        u32::try_from(index).ok().map(RowIndex)
    }

    /// How many rows of which `index` is one come after all that are written.
    pub(super) fn ahead(&self, index: RowIndex) -> Option<usize> {
        (index.0 as usize).checked_sub(self.rows.len())
    }

    /// Opens that a row and the ones before it at the same head ended.
    ///
    /// What one final row ended stays ended when a later one seals the same
    /// head again, for example as a checkpoint of the next epoch.
    pub(super) fn ended_at(&self, index: RowIndex) -> BTreeSet<RecordId> {
        let tip = self.row(index).tip;
        core::iter::successors(Some(index), |&at| self.row(at).earlier)
            .map(|at| self.row(at))
            .take_while(|row| row.tip == tip)
            .filter(|row| row.is_final)
            .map(|row| row.open)
            .collect()
    }

    pub(super) fn written_by(&self, slot: Slot) -> impl Iterator<Item = (ChainId, RowIndex)> + '_ {
        self.written
            .range((slot, 0)..=(slot, u32::MAX))
            .map(|(_, &row)| row)
    }

    /// Writes the `number`th row of a record once; asked again, for another
    /// fold over the same path, it answers with the same one. `None` when
    /// there are too many rows.
    pub(super) fn write(
        &mut self,
        by: Slot,
        number: u32,
        chain: ChainId,
        row: NewRow,
    ) -> Option<RowIndex> {
        if let Some(&(_, index)) = self.written.get(&(by, number)) {
            return Some(index);
        }
        let index = self.index_ahead(0)?;
        self.rows.push(Row::new(by, row));
        self.written.insert((by, number), (chain, index));
        Some(index)
    }

    /// Whether the row counts: its head is stored and its chain runs through
    /// the heads of all earlier rows. `None` while the head is not stored.
    ///
    /// A row that does not count changes nothing. Once known, the answer is
    /// fixed.
    pub(super) fn effective(&self, paths: Paths<'_>, index: RowIndex) -> Option<bool> {
        self.judge_back(paths, index)
            .last()
            .map_or_else(|| self.row(index).effective, |judged| judged.effective)
    }

    /// [`effective`](Self::effective), remembered.
    fn learn(&mut self, paths: Paths<'_>, index: RowIndex) -> Option<bool> {
        for judged in self.judge_back(paths, index) {
            let row = &mut self.rows[judged.row.0 as usize];
            row.effective = judged.effective;
            row.reach = judged.reach;
        }
        self.row(index).effective
    }

    /// Answers for this row and the unsettled ones before it, oldest first.
    fn judge_back(&self, paths: Paths<'_>, index: RowIndex) -> Vec<Judged> {
        let mut unsettled = Vec::new();
        let mut next = Some(index);
        while let Some(at) = next.filter(|&at| self.row(at).reach.is_none()) {
            unsettled.push(at);
            next = self.row(at).earlier;
        }
        let mut reach = next.map_or(Some(Reach::Nothing), |at| self.row(at).reach);
        let mut judged = Vec::with_capacity(unsettled.len());
        for at in unsettled.into_iter().rev() {
            let answer = self.judge(paths, at, reach);
            reach = answer.reach;
            judged.push(answer);
        }
        judged
    }

    fn judge(&self, paths: Paths<'_>, row: RowIndex, earlier: Option<Reach>) -> Judged {
        let head = match self.row(row).tip {
            Some(tip) => match paths.find(&tip.head) {
                Some(head) => Some(head),
                None => {
                    return Judged {
                        row,
                        effective: None,
                        reach: None,
                    };
                }
            },
            None => None,
        };
        let (effective, reach) = match (earlier, head) {
            // The path of a stored head is stored, so it runs through no other.
            (None, _) => (false, None),
            (Some(Reach::Nothing), None) => (true, Some(Reach::Nothing)),
            (Some(Reach::Nothing), Some(head)) => (true, Some(Reach::Head(head))),
            (Some(Reach::Head(below)), Some(head)) if paths.on_path(below, head) => {
                (true, Some(Reach::Head(head)))
            }
            (Some(Reach::Head(above)), head)
                if head.is_none_or(|head| paths.on_path(head, above)) =>
            {
                (false, Some(Reach::Head(above)))
            }
            (Some(Reach::Head(_) | Reach::Apart), _) => (false, Some(Reach::Apart)),
        };
        Judged {
            row,
            effective: Some(effective),
            reach,
        }
    }

    /// The last row at or before `index` that counts, and whether one after it
    /// may yet come to count because its head is not stored.
    pub(super) fn last_effective(
        &mut self,
        paths: Paths<'_>,
        index: Option<RowIndex>,
    ) -> (Option<RowIndex>, bool) {
        let (mut next, mut is_open) = (index, false);
        while let Some(at) = next {
            match self.learn(paths, at) {
                Some(true) => return (Some(at), is_open),
                Some(false) => {}
                None => is_open = true,
            }
            next = self.row(at).earlier;
        }
        (None, is_open)
    }
}

/// What is known about a row.
struct Judged {
    row: RowIndex,
    effective: Option<bool>,
    reach: Option<Reach>,
}

impl RecordSet {
    /// The newest Seal in force that names a stored head of this chain and
    /// counts, with that head. A row that an Adopt or a Recall took over is none.
    #[must_use]
    pub fn newest_seal(&self, chain: &ChainId) -> Option<(Slot, Slot)> {
        let mut next = self.office()?.seat(chain)?.last_row();
        while let Some(index) = next {
            let row = self.registry.rows.row(index);
            let is_seal = self.record(row.by()).kind() == Kind::SEAL;
            if is_seal && self.registry.rows.effective(self.paths(), index) == Some(true) {
                let head = self.arena.find(&row.tip()?.head)?;
                return Some((row.by(), head));
            }
            next = row.earlier();
        }
        None
    }

    /// Where the newest Seal row in force of a chain stands, whether or not its
    /// head is stored and the row counts: no next row goes back before it.
    /// `None` where there is no row, or it seals nothing.
    #[must_use]
    pub fn newest_row(&self, chain: &ChainId) -> Option<Tip> {
        let row = self.office()?.seat(chain)?.last_row()?;
        self.registry.rows.row(row).tip()
    }

    /// The head that the newest Seal row in force of a chain names, where that
    /// is not stored. The row brings the header with the writer's signature, so
    /// that it proves that the chain goes on further than this set holds it.
    #[must_use]
    pub fn sealed_beyond(&self, chain: &ChainId) -> Option<RecordId> {
        let head = self.newest_row(chain)?.head;
        self.find(&head).is_none().then_some(head)
    }
}
