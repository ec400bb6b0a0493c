//! The lines of one account.

use alloc::vec::Vec;

use icn_types::amount::{Amount, Position};
use icn_types::id::{ChainId, RecordId};
use icn_types::set::Slot;
use icn_types::time::Timestamp;

use crate::entry::{DecisionRef, Entry};
use crate::legs::LegId;
use crate::position::{self, Finality};
use crate::query::Query;
use crate::query::balance::final_if;
use crate::query::line::{Line, Moved, Movement, moved, stated};
use crate::query::page::{Cursor, CursorError, Order, Page, PageSize, page};

/// A leg that an account may take. [`Local`](Finality::Local), until it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Incoming {
    /// The leg.
    pub leg: LegId,
    /// Who sent it.
    pub payer: ChainId,
    /// How much.
    pub amount: Amount,
}

impl Incoming {
    /// Right after this leg.
    #[must_use]
    pub const fn cursor(&self) -> Cursor {
        Cursor {
            key: 0,
            record: self.leg.record,
            number: self.leg.leg as u16,
        }
    }
}

impl Query<'_> {
    /// What posted records moved on an account, in the order of its chain.
    ///
    /// Costs the rows of the page and the records between them that moved
    /// nothing, whatever the length of history.
    ///
    /// # Errors
    /// [`CursorError::Elsewhere`] when `after` is of another account or not of
    /// a listing by position, [`CursorError::Moved`] when its record is not
    /// posted any more.
    pub fn lines(
        &self,
        chain: &ChainId,
        order: Order,
        after: Option<Cursor>,
        size: PageSize,
    ) -> Result<Page<Line>, CursorError> {
        let path = self.decided(chain);
        let at = after.map(|after| self.seek(chain, &after)).transpose()?;
        let is_after = |line: &Line| {
            after.is_none_or(|after| match order {
                Order::OldestFirst => (line.seq, line.number) > (after.key, after.number),
                Order::NewestFirst => (line.seq, line.number) < (after.key, after.number),
            })
        };
        Ok(match order {
            Order::OldestFirst => {
                let path = &path[at.unwrap_or(0)..];
                let lines = path.iter().flat_map(|&slot| self.lines_of(slot));
                page(lines.filter(is_after), size, Line::cursor)
            }
            Order::NewestFirst => {
                let path = &path[..at.map_or(path.len(), |at| at + 1)];
                let lines = path
                    .iter()
                    .rev()
                    .flat_map(|&slot| self.lines_of(slot).into_iter().rev());
                page(lines.filter(is_after), size, Line::cursor)
            }
        })
    }

    /// Legs that are in transit to an account, ascending by leg. Costs
    /// O(log n) and the rows.
    #[must_use]
    pub fn incoming(
        &self,
        chain: &ChainId,
        after: Option<Cursor>,
        size: PageSize,
    ) -> Page<Incoming> {
        let after = after.map(|after| LegId {
            record: after.record,
            leg: u8::try_from(after.number).unwrap_or(u8::MAX),
        });
        let first = after.unwrap_or(LegId {
            record: RecordId::from_bytes([0; 32]),
            leg: 0,
        });
        let legs = self.columns.incoming_from(*chain, first);
        let rows = legs
            .filter(|(leg, _)| after.is_none_or(|after| *leg > after))
            .map(|(leg, transit)| Incoming {
                leg,
                payer: transit.payer,
                amount: transit.amount,
            });
        page(rows, size, Incoming::cursor)
    }

    /// Where a cursor of a listing by position stands on the decided path.
    pub(super) fn seek(&self, chain: &ChainId, cursor: &Cursor) -> Result<usize, CursorError> {
        let slot = self.row_of(chain, &cursor.record)?;
        let seq = self.set.seq(slot);
        if seq != cursor.key {
            return Err(CursorError::Elsewhere);
        }
        usize::try_from(seq).map_err(|_| CursorError::Elsewhere)
    }

    /// The record that a cursor names, if it is posted on the chain.
    pub(super) fn row_of(&self, chain: &ChainId, record: &RecordId) -> Result<Slot, CursorError> {
        let slot = self.set.find(record).ok_or(CursorError::Elsewhere)?;
        if self.set.chain(slot) != *chain || self.register.mark(slot).is_none() {
            return Err(CursorError::Elsewhere);
        }
        if self.set.on_spine(slot) {
            Ok(slot)
        } else {
            Err(CursorError::Moved)
        }
    }

    /// The lines of a decided record, in the order of its legs.
    pub(super) fn lines_of(&self, slot: Slot) -> Vec<Line> {
        let record = self.set.record(slot);
        if !self.ledger.verdict(slot).is_valid() {
            return Vec::new();
        }
        let (Some(entry), Some(content)) = (Entry::of(record), record.content()) else {
            return Vec::new();
        };
        let decision = entry.decision().and_then(|DecisionRef { ready, action }| {
            Some((*content.refs().get(usize::from(ready))?, action))
        });
        let before = self.register.before(self.set, slot);
        let mut position = before.position;
        let stated = stated(self.set, slot, &entry);
        (0..=u16::MAX)
            .zip(moved(self.set, slot, &entry))
            .map(|(number, moved)| {
                position += moved.change();
                Line {
                    record: record.id(),
                    seq: record.seq(),
                    number,
                    movement: moved.movement,
                    counterparty: moved.counterparty,
                    leg: moved.leg,
                    amount: moved.amount,
                    position: Position::new(position),
                    stated,
                    date: stated.max(before.open_from),
                    label: self.label_of(moved.sender, moved.leg.leg),
                    finality: self.finality_of_line(slot, &moved),
                    cause: content.cause(),
                    decision,
                }
            })
            .collect()
    }

    /// A hold is final by itself, any other line once its leg is.
    fn finality_of_line(&self, slot: Slot, moved: &Moved) -> Finality {
        let Moved { sender, leg, .. } = moved;
        if moved.movement == Movement::Held {
            return final_if(self.set.is_sealed(slot));
        }
        // Most often the record of the line.
        let found = |by| match self.set.id(slot) == by {
            true => Some(slot),
            false => self.set.find(&by),
        };
        let by = self.columns.taker(*sender, leg).and_then(found);
        by.map_or(Finality::Local, |by| {
            position::finality_of_taken(self.set, *sender, leg.leg, by)
        })
    }

    /// Records of an account dated `from..=until`, by date and then by
    /// position, some of them without lines.
    ///
    /// Dates mostly rise along a chain, so that a binary search finds the
    /// first; the stragglers are few and walked one by one.
    pub(super) fn dated(
        &self,
        chain: &ChainId,
        from: Timestamp,
        until: Timestamp,
    ) -> impl Iterator<Item = Slot> {
        let path = self.decided(chain);
        let start = path.partition_point(|&slot| self.latest(slot) < from);
        let mut late: Vec<(Timestamp, u64, Slot)> = self
            .stragglers(path, start)
            .filter(|&(date, _)| (from..=until).contains(&date))
            .map(|(date, slot)| (date, self.set.seq(slot), slot))
            .collect();
        late.sort_unstable();
        let mut late = late.into_iter().peekable();
        let mut regular = path[start..]
            .iter()
            .map(|&slot| (self.latest(slot), self.set.seq(slot), slot))
            .filter(|&(_, _, slot)| !self.is_straggler(slot))
            .take_while(move |&(date, _, _)| date <= until)
            .peekable();
        core::iter::from_fn(move || {
            let is_late_first = match (regular.peek(), late.peek()) {
                (Some(regular), Some(late)) => late < regular,
                (regular, _) => regular.is_none(),
            };
            let next = if is_late_first {
                late.next()
            } else {
                regular.next()
            };
            next.map(|(_, _, slot)| slot)
        })
    }

    /// Position by the lines dated at or before `date`.
    pub(super) fn position_by(&self, chain: &ChainId, date: Timestamp) -> i128 {
        let path = self.decided(chain);
        let start = path.partition_point(|&slot| self.latest(slot) <= date);
        let base = start
            .checked_sub(1)
            .and_then(|last| self.register.mark(path[last]))
            .map_or(0, |mark| mark.position);
        let late: i128 = self
            .stragglers(path, start)
            .filter(|&(late, _)| late <= date)
            .map(|(_, slot)| self.change(slot))
            .sum();
        base + late
    }

    fn latest(&self, slot: Slot) -> Timestamp {
        let mark = self.register.mark(slot);
        mark.unwrap_or_default().latest
    }

    fn change(&self, slot: Slot) -> i128 {
        let after = self.register.mark(slot).unwrap_or_default();
        after.position - self.register.before(self.set, slot).position
    }

    fn is_straggler(&self, slot: Slot) -> bool {
        let mark = self.register.mark(slot);
        mark.is_some_and(|mark| mark.straggler == Some(slot))
    }

    /// Records at `start` or later that are dated before an earlier one,
    /// newest first, with their dates.
    fn stragglers<'q>(
        &'q self,
        path: &'q [Slot],
        start: usize,
    ) -> impl Iterator<Item = (Timestamp, Slot)> + 'q {
        let last = path.last().and_then(|&tip| self.register.mark(tip));
        let first = last.and_then(|mark| mark.straggler);
        core::iter::successors(first, |&slot| {
            self.register.before(self.set, slot).straggler
        })
        .take_while(move |&slot| usize::try_from(self.set.seq(slot)).is_ok_and(|seq| seq >= start))
        .filter_map(|slot| {
            let entry = Entry::of(self.set.record(slot))?;
            Some((self.date(slot, &entry), slot))
        })
    }
}
