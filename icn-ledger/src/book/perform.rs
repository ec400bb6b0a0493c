//! Rules: what happened in the book before allows a request, all of it or
//! nothing.
//!
//! A limit is tested only in the direction in which an account moves away from
//! it, so an account beyond its limit may always come back. What is set aside
//! counts as moved. Resolving a hold is not tested again: it never moves an
//! account further than the hold did.

use icn_types::amount::Amount;

use super::cells::CellKey;
use super::error::RuleError;
use super::holds::Held;
use super::name::EntryNumber;
use super::plan::{Move, Plan};
use super::request::Action;
use super::{Book, LimitStep};
use crate::bounds;

impl Book {
    /// Performs a plan as the given entry. On an error nothing has changed.
    pub(super) fn perform(&mut self, plan: &Plan, number: EntryNumber) -> Result<(), RuleError> {
        match *plan {
            Plan::Transfer => self.perform_moves(number),
            Plan::Hold(hold) => self.perform_hold(hold, number),
            Plan::Resolve(hold, posted) => self.perform_resolve(&hold, posted, number),
            Plan::Refund(original) => self.perform_refund(original, number),
            Plan::Limit(cell, limits) => {
                let before = self.cells.set_limits(cell, limits);
                self.limit_steps.push(LimitStep { cell, before });
                Ok(())
            }
            Plan::Close(through) => {
                if self.closed_through().is_some_and(|end| through <= end) {
                    return Err(RuleError::Closed);
                }
                self.closes.push((number, through));
                Ok(())
            }
        }
    }

    fn perform_moves(&mut self, number: EntryNumber) -> Result<(), RuleError> {
        let mark = self.cells.mark();
        for at in 0..self.moves.len() {
            let (cell, change) = (self.moves[at].cell, self.moves[at].change());
            if let Err(error) = self.check_limit(cell, change) {
                self.cells.undo(mark);
                return Err(error);
            }
            self.cells.step(cell, change, number);
        }
        Ok(())
    }

    fn check_limit(&self, key: CellKey, change: i128) -> Result<(), RuleError> {
        let (cell, view) = (self.cells.of(key), self.cells.view(key));
        let (account, unit) = (cell.account, cell.unit);
        if change < 0 {
            match view.available() {
                Some(left) if left + change < 0 => Err(RuleError::Floor {
                    account,
                    unit,
                    available: left.max(0).unsigned_abs(),
                }),
                _ => Ok(()),
            }
        } else {
            match view.room() {
                Some(left) if left < change => Err(RuleError::Ceiling {
                    account,
                    unit,
                    room: left.max(0).unsigned_abs(),
                }),
                _ => Ok(()),
            }
        }
    }

    fn perform_hold(&mut self, hold: Held, number: EntryNumber) -> Result<(), RuleError> {
        let atoms = i128::from(hold.amount.get());
        self.check_limit(hold.payer, -atoms)?;
        self.check_limit(hold.payee, atoms)?;
        self.set_aside(&hold, atoms);
        self.holds.push(Held {
            entry: number,
            ..hold
        });
        Ok(())
    }

    fn perform_resolve(
        &mut self,
        hold: &Held,
        posted: Option<Amount>,
        number: EntryNumber,
    ) -> Result<(), RuleError> {
        if let Some(by) = hold.resolved {
            return Err(RuleError::Resolved { by });
        }
        if bounds::rest(hold.amount, posted.map_or(0, Amount::get)).is_none() {
            let held = hold.amount.get();
            return Err(RuleError::Part { held });
        }
        self.holds.resolve(hold.entry, Some(number));
        self.set_aside(hold, -i128::from(hold.amount.get()));
        if let Some(posted) = posted {
            let atoms = i128::from(posted.get());
            self.cells.step(hold.payer, -atoms, number);
            self.cells.step(hold.payee, atoms, number);
        }
        Ok(())
    }

    pub(super) fn set_aside(&mut self, hold: &Held, atoms: i128) {
        self.cells.aside_mut(hold.payer).out += atoms;
        self.cells.aside_mut(hold.payee).into += atoms;
    }

    fn perform_refund(
        &mut self,
        original: EntryNumber,
        number: EntryNumber,
    ) -> Result<(), RuleError> {
        for at in 0..self.moves.len() {
            if let Err(error) = self.add_refund(original, self.moves[at]) {
                self.take_refunds(original, at);
                return Err(error);
            }
        }
        self.perform_moves(number).inspect_err(|_| {
            self.take_refunds(original, self.moves.len());
        })
    }

    /// Counts a part of a refund, if so much is left of the payment.
    fn add_refund(&mut self, original: EntryNumber, part: Move) -> Result<(), RuleError> {
        let cell = part.cell;
        let paid = self.changed_by(original, cell).unsigned_abs();
        let before = self.refunds.sum(original, cell);
        let sum = bounds::refunded_of(paid, before, part.amount);
        let left = paid.saturating_sub(before);
        let account = self.cells.of(cell).account;
        let sum = sum.ok_or(RuleError::Refunded { account, left })?;
        self.refunds.set(original, cell, sum);
        Ok(())
    }

    /// Takes back what the first moves counted.
    fn take_refunds(&mut self, original: EntryNumber, len: usize) {
        for part in &self.moves[..len] {
            self.refunds.take(original, part.cell, part.amount);
        }
    }

    /// Takes an action back that was performed last, as the given entry.
    pub(super) fn undo_action(&mut self, action: &Action, number: EntryNumber) {
        match action {
            Action::Transfer(_) => {}
            Action::Refund(refund) => {
                for part in refund.back.payers.iter().chain(&refund.back.payees) {
                    if let Some(cell) = self.cells.find(part.account, part.unit) {
                        self.refunds.take(refund.original, cell, part.amount);
                    }
                }
            }
            Action::Hold(_) => {
                if let Some(hold) = self.holds.undo() {
                    self.set_aside(&hold, -i128::from(hold.amount.get()));
                }
            }
            Action::Resolve(resolve) => {
                if let Some(hold) = self.holds.find(resolve.hold) {
                    self.holds.resolve(resolve.hold, None);
                    self.set_aside(&hold, i128::from(hold.amount.get()));
                }
            }
            Action::LimitChange(_) => {
                if let Some(step) = self.limit_steps.pop() {
                    self.cells.set_limits(step.cell, step.before);
                }
            }
            Action::Close(_) => drop(self.closes.pop()),
        }
        self.cells.undo_entry(number);
    }
}
