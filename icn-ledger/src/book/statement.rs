//! Positions in the past, statements, assertions and the trial balance.

use alloc::vec::Vec;
use core::ops::Range;

use icn_types::amount::Position;
use icn_types::time::Timestamp;

use super::Book;
use super::error::QueryError;
use super::lines::Line;
use super::name::{AccountKey, EntryNumber, UnitKey};

/// From where one looks at a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "by order, by date, by both")]
pub enum AsOf {
    /// Right after an entry.
    Entry(EntryNumber),
    /// At the end of a moment, by everything that is dated up to it.
    Date(Timestamp),
    /// At the end of a moment, by what was known right after an entry.
    Known(Timestamp, EntryNumber),
}

/// What a statement covers. The end is not in it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "by order, by date")]
pub enum Span {
    /// By the order of the record.
    Entries(Range<EntryNumber>),
    /// By date, then by the order of the record.
    Dates(Range<Timestamp>),
}

/// What happened to a position.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Statement {
    /// The position before the first line.
    pub opening: Position,
    /// Every change, in the order of the span.
    pub lines: Vec<Line>,
    /// The position after the last line, found without the lines.
    pub closing: Position,
}

impl Statement {
    /// Whether opening and lines give the closing, line by line.
    #[must_use]
    pub fn adds_up(&self) -> bool {
        let mut position = self.opening.get();
        let is_next = |line: &Line| {
            position += line.change;
            line.position.get() == position
        };
        self.lines.iter().all(is_next) && position == self.closing.get()
    }
}

/// What a position ought to be. There is no tolerance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a question, made by the caller")]
pub struct Assertion {
    /// Whose position.
    pub account: AccountKey,
    /// In which unit.
    pub unit: UnitKey,
    /// When.
    pub as_of: AsOf,
    /// To the atom.
    pub position: Position,
}

/// One unit of a trial balance, in atoms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TrialRow {
    /// The unit.
    pub unit: UnitKey,
    /// The sum of all positions above zero.
    pub owed: u128,
    /// The sum of all positions below zero, without its sign.
    pub owing: u128,
    /// What payers set aside.
    pub held_out: u128,
    /// What is set aside for payees.
    pub held_in: u128,
}

impl TrialRow {
    /// Whether nothing was created or lost.
    #[must_use]
    pub const fn is_balanced(&self) -> bool {
        self.owed == self.owing && self.held_out == self.held_in
    }
}

impl Book {
    /// A position in the past. Cost is linear in the later changes of the
    /// position for [`AsOf::Entry`], in all of them by date.
    ///
    /// # Errors
    /// [`QueryError::NotOpen`] when the account is not open in the unit.
    pub fn position(
        &self,
        account: AccountKey,
        unit: UnitKey,
        as_of: AsOf,
    ) -> Result<Position, QueryError> {
        let mut lines = self.lines(account, unit, None)?;
        let sum_to = |date, entry| {
            let counts = |line: &Line| line.date <= date && line.entry <= entry;
            let lines = self.lines(account, unit, None)?;
            let sum = lines.filter(counts).map(|line| line.change).sum();
            Ok(Position::new(sum))
        };
        match as_of {
            AsOf::Entry(entry) => {
                let line = lines.find(|line| line.entry <= entry);
                Ok(line.map_or(Position::ZERO, |line| line.position))
            }
            AsOf::Date(date) => sum_to(date, EntryNumber::new(u32::MAX)),
            AsOf::Known(date, entry) => sum_to(date, entry),
        }
    }

    /// What happened to a position in a span. Cost is linear in the changes of
    /// the position, and by date in sorting those of the span.
    ///
    /// # Errors
    /// [`QueryError::NotOpen`] when the account is not open in the unit.
    pub fn statement(
        &self,
        account: AccountKey,
        unit: UnitKey,
        span: &Span,
    ) -> Result<Statement, QueryError> {
        let (before, within): (LineTest<'_>, LineTest<'_>) = match span {
            Span::Entries(range) => (&|line| line.entry < range.start, &|line| {
                range.contains(&line.entry)
            }),
            Span::Dates(range) => (&|line| line.date < range.start, &|line| {
                range.contains(&line.date)
            }),
        };
        let mut opening = 0;
        let mut closing = self.standing(account, unit)?.position.get();
        let mut lines = Vec::new();
        for line in self.lines(account, unit, None)? {
            if within(&line) {
                lines.push(line);
            } else if before(&line) {
                opening += line.change;
            } else {
                closing -= line.change;
            }
        }
        lines.sort_by_key(|line| match span {
            Span::Entries(_) => (Timestamp::default(), line.step),
            Span::Dates(_) => (line.date, line.step),
        });
        let mut position = opening;
        for line in &mut lines {
            position += line.change;
            line.position = Position::new(position);
        }
        Ok(Statement {
            opening: Position::new(opening),
            lines,
            closing: Position::new(closing),
        })
    }

    /// Compares a position with what it ought to be, to the atom.
    ///
    /// # Errors
    /// - [`QueryError::NotOpen`] when the account is not open in the unit;
    /// - [`QueryError::Differs`] when the position is another one.
    pub fn check(&self, assertion: &Assertion) -> Result<(), QueryError> {
        let Assertion {
            account,
            unit,
            as_of,
            position: expected,
        } = *assertion;
        let found = self.position(account, unit, as_of)?;
        if found == expected {
            Ok(())
        } else {
            Err(QueryError::Differs { expected, found })
        }
    }

    /// Both sides of every unit. Cost is linear in accounts.
    #[must_use]
    pub fn trial_balance(&self) -> Vec<TrialRow> {
        let empty = |(unit, _)| TrialRow {
            unit,
            owed: 0,
            owing: 0,
            held_out: 0,
            held_in: 0,
        };
        let mut rows: Vec<TrialRow> = self.units().map(empty).collect();
        for (cell, view) in self.cells.all() {
            let row = &mut rows[cell.unit.index()];
            let side = if view.position < 0 {
                &mut row.owing
            } else {
                &mut row.owed
            };
            *side += view.position.unsigned_abs();
            row.held_out += view.aside.out.unsigned_abs();
            row.held_in += view.aside.into.unsigned_abs();
        }
        rows
    }
}

type LineTest<'a> = &'a dyn Fn(&Line) -> bool;
