//! Statements: opening, lines, closing.

use alloc::vec::Vec;

use icn_types::amount::Position;
use icn_types::error::{Coded, Fault};
use icn_types::id::ChainId;
use icn_types::time::Timestamp;

use crate::position::Finality;
use crate::query::Query;
use crate::query::line::Line;
use crate::query::list::Dates;
use crate::query::page::{Cursor, CursorError, PageSize, page};

/// Part of an account's history that adds up.
///
/// A long one comes in pages, each a statement of its own that opens where the
/// one before it closed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Statement {
    /// The account.
    pub account: ChainId,
    /// Position before the first line.
    pub opening: Position,
    /// The lines; `position` of each counts from the opening on.
    pub lines: Vec<Line>,
    /// Position after the last line.
    pub closing: Position,
    /// How final it is: of the last record of the range, or of the period close
    /// that covers its last date. `Local` while there is none: more may come.
    pub finality: Finality,
    /// Where the next page starts; none when the range ends here.
    pub next: Option<Cursor>,
}

/// A statement does not add up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("statement says {stated} after {lines} lines where {expected} is due")]
#[non_exhaustive]
pub struct Imbalance {
    /// How many lines were added up.
    pub lines: usize,
    /// What the statement says there, in atoms.
    pub stated: i128,
    /// What opening and lines add up to.
    pub expected: i128,
}

impl Coded for Imbalance {
    fn code(&self) -> &'static str {
        "statement.balance"
    }

    fn fault(&self) -> Fault {
        Fault::Caller
    }
}

impl Statement {
    /// Whether opening and lines add up to each position and to the closing.
    ///
    /// # Errors
    /// [`Imbalance`] at the first line that does not fit.
    pub fn check(&self) -> Result<(), Imbalance> {
        let mut expected = self.opening.get();
        for (lines, line) in (1..).zip(&self.lines) {
            expected += line.change();
            fits(lines, line.position, expected)?;
        }
        fits(self.lines.len(), self.closing, expected)
    }
}

const fn fits(lines: usize, stated: Position, expected: i128) -> Result<(), Imbalance> {
    let stated = stated.get();
    if stated == expected {
        return Ok(());
    }
    Err(Imbalance {
        lines,
        stated,
        expected,
    })
}

impl Query<'_> {
    /// The statement over positions `first..=last` of an account's chain, one
    /// page of it. Costs the page and the records between its lines, and for how
    /// final it is as [`position_at`](Self::position_at).
    ///
    /// # Errors
    /// [`CursorError`] as [`lines`](Self::lines).
    pub fn statement(
        &self,
        chain: &ChainId,
        first: u64,
        last: u64,
        after: Option<Cursor>,
        size: PageSize,
    ) -> Result<Statement, CursorError> {
        let path = self.decided(chain);
        let index = |seq| usize::try_from(seq).map_or(path.len(), |seq| seq.min(path.len()));
        let start = after.map(|after| self.seek(chain, &after)).transpose()?;
        let from = start.unwrap_or(0).max(index(first));
        let records = path
            .get(from..index(last.saturating_add(1)))
            .unwrap_or_default();
        let before = from.checked_sub(1).map(|before| path[before]);
        let before = before.and_then(|slot| self.register.mark(slot));
        let mut opening = Position::new(before.unwrap_or_default().position);
        let lines = records
            .iter()
            .flat_map(|&slot| self.lines_of(slot))
            .filter(|line| {
                let at = (line.seq, line.number);
                let is_after = after.is_none_or(|after| at > (after.key, after.number));
                if !is_after {
                    opening = line.position;
                }
                is_after
            });
        let lines = page(lines, size, Line::cursor);
        Ok(Statement {
            account: *chain,
            opening,
            closing: lines.rows.last().map_or(opening, |line| line.position),
            lines: lines.rows,
            finality: self.finality_up_to(chain, last),
            next: lines.next,
        })
    }

    /// The statement over a range of dates, one page of it: lines by date and
    /// then by position. A line that came after its period was closed stands
    /// in the next period, marked late.
    ///
    /// Costs O(log n), the page, the lines of its first date, and the lines
    /// after it that are dated before an earlier one.
    ///
    /// # Errors
    /// [`CursorError::Elsewhere`] when `after` is of another account or not of
    /// a listing by date, [`CursorError::Moved`] when its record is not posted
    /// any more.
    pub fn statement_by_date(
        &self,
        chain: &ChainId,
        dates: Dates,
        after: Option<Cursor>,
        size: PageSize,
    ) -> Result<Statement, CursorError> {
        let start = after
            .map(|after| self.dated_row(chain, &after))
            .transpose()?;
        let from = start.map_or(dates.from, |(date, ..)| date.max(dates.from));
        let before = from.as_millis().checked_sub(1);
        let mut sum = before.map_or(0, |before| {
            self.position_by(chain, Timestamp::from_millis(before))
        });
        let mut opening = sum;
        let lines = self
            .dated(chain, from, dates.until)
            .flat_map(|slot| self.lines_of(slot))
            .filter_map(|mut line| {
                sum += line.change();
                line.position = Position::new(sum);
                if start.is_some_and(|start| (line.date, line.seq, line.number) <= start) {
                    opening = sum;
                    return None;
                }
                Some(line)
            });
        let lines = page(lines, size, Line::date_cursor);
        let closing = lines
            .rows
            .last()
            .map_or(opening, |line| line.position.get());
        Ok(Statement {
            account: *chain,
            opening: Position::new(opening),
            closing: Position::new(closing),
            lines: lines.rows,
            finality: self.finality_on(chain, dates.until),
            next: lines.next,
        })
    }

    /// Where a cursor of a listing by date stands.
    fn dated_row(
        &self,
        chain: &ChainId,
        cursor: &Cursor,
    ) -> Result<(Timestamp, u64, u16), CursorError> {
        let slot = self.row_of(chain, &cursor.record)?;
        let lines = self.lines_of(slot);
        let line = lines
            .get(usize::from(cursor.number))
            .filter(|line| line.date.as_millis() == cursor.key)
            .ok_or(CursorError::Elsewhere)?;
        Ok((line.date, line.seq, line.number))
    }
}
