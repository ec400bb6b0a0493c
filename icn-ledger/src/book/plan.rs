//! Structure: every part of a request is found and fits together, whatever
//! happened in the book before.

use icn_types::amount::Amount;
use icn_types::time::Timestamp;

use super::Book;
use super::cells::CellKey;
use super::entry::Entry;
use super::error::StructureError;
use super::holds::Held;
use super::limits::Limits;
use super::name::{AccountKey, EntryNumber, UnitKey};
use super::request::{Action, Hold, Part, Refund, Resolve, Transfer};

/// A request whose parts were all found.
#[derive(Debug)]
pub(super) enum Plan {
    /// The moves in the book's list.
    Transfer,
    Hold(Held),
    Resolve(Held, Option<Amount>),
    /// The moves in the book's list, back from this payment.
    Refund(EntryNumber),
    Limit(CellKey, Limits),
    Close(Timestamp),
}

/// One amount on its way out of or into an account.
#[derive(Clone, Copy, Debug)]
pub(super) struct Move {
    pub(super) cell: CellKey,
    unit: UnitKey,
    pub(super) amount: Amount,
    way: Way,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Out,
    In,
}

impl Move {
    /// What it changes: negative for a payer.
    pub(super) fn change(&self) -> i128 {
        let atoms = i128::from(self.amount.get());
        match self.way {
            Way::Out => -atoms,
            Way::In => atoms,
        }
    }
}

impl Book {
    /// Finds the parts of an action. Its moves are left in the list that the
    /// book keeps for them.
    pub(super) fn plan(&mut self, action: &Action) -> Result<Plan, StructureError> {
        self.moves.clear();
        match action {
            Action::Transfer(transfer) => {
                self.plan_moves(transfer)?;
                self.check_minimum(transfer.payers.iter().chain(&transfer.payees))?;
                Ok(Plan::Transfer)
            }
            Action::Hold(hold) => self.plan_hold(hold),
            Action::Resolve(resolve) => self.plan_resolve(resolve),
            Action::Refund(refund) => self.plan_refund(refund),
            Action::LimitChange(change) => {
                let cell = self.cell(change.account, change.unit)?;
                Ok(Plan::Limit(cell, change.limits))
            }
            Action::Close(close) => Ok(Plan::Close(close.through)),
        }
    }

    pub(super) fn cell(
        &self,
        account: AccountKey,
        unit: UnitKey,
    ) -> Result<CellKey, StructureError> {
        let found = self.cells.find(account, unit);
        found.ok_or_else(|| self.no_cell(account, unit))
    }

    #[cold]
    fn no_cell(&self, account: AccountKey, unit: UnitKey) -> StructureError {
        if self.accounts.get(account.index()).is_none() {
            StructureError::Account { account }
        } else if self.units.get(unit.index()).is_none() {
            StructureError::Unit { unit }
        } else {
            StructureError::NotOpen { account, unit }
        }
    }

    /// Fills the list of moves.
    fn plan_moves(&mut self, transfer: &Transfer) -> Result<(), StructureError> {
        for part in &transfer.payers {
            self.plan_move(part, Way::Out)?;
        }
        let payers = self.moves.len();
        for part in &transfer.payees {
            self.plan_move(part, Way::In)?;
            let (before, payee) = self.moves.split_at(payers);
            let is_payer = |cell| before.iter().any(|payer| payer.cell == cell);
            if payee.last().is_some_and(|payee| is_payer(payee.cell)) {
                let account = part.account;
                return Err(StructureError::PaysItself { account });
            }
        }
        match first_difference(&self.moves) {
            Some(unit) => Err(StructureError::Balance { unit }),
            None => Ok(()),
        }
    }

    fn plan_move(&mut self, part: &Part, way: Way) -> Result<(), StructureError> {
        let &Part {
            account,
            unit,
            amount,
        } = part;
        self.moves.push(Move {
            cell: self.cell(account, unit)?,
            unit,
            amount,
            way,
        });
        Ok(())
    }

    fn check_minimum<'a>(
        &self,
        mut parts: impl Iterator<Item = &'a Part>,
    ) -> Result<(), StructureError> {
        let is_small = |part: &&Part| {
            let unit = self.units.get(part.unit.index());
            unit.is_some_and(|unit| part.amount < unit.min_leg)
        };
        match parts.find(is_small) {
            Some(&Part { account, unit, .. }) => Err(StructureError::Minimum { account, unit }),
            None => Ok(()),
        }
    }

    fn plan_hold(&self, hold: &Hold) -> Result<Plan, StructureError> {
        let &Hold {
            payer,
            payee,
            unit,
            amount,
        } = hold;
        let cells = (self.cell(payer, unit)?, self.cell(payee, unit)?);
        if payer == payee {
            return Err(StructureError::PaysItself { account: payer });
        }
        let part = Part {
            account: payer,
            unit,
            amount,
        };
        self.check_minimum(core::iter::once(&part))?;
        Ok(Plan::Hold(Held {
            entry: EntryNumber::new(u32::MAX), // known once it is written
            payer: cells.0,
            payee: cells.1,
            amount,
            resolved: None,
        }))
    }

    fn plan_resolve(&self, resolve: &Resolve) -> Result<Plan, StructureError> {
        let entry = resolve.hold;
        let hold = self.holds.find(entry);
        let hold = hold.ok_or(StructureError::NoHold { entry })?;
        Ok(Plan::Resolve(hold, resolve.posted))
    }

    fn plan_refund(&mut self, refund: &Refund) -> Result<Plan, StructureError> {
        self.plan_moves(&refund.back)?;
        let entry = refund.original;
        if !self.is_payment(entry) {
            return Err(StructureError::NoPayment { entry });
        }
        let is_party = |step: &Move| {
            let paid = self.changed_by(entry, step.cell);
            paid != 0 && paid.signum() != step.change().signum()
        };
        match self.moves.iter().find(|step| !is_party(step)) {
            Some(step) => Err(StructureError::NoParty {
                account: self.cells.of(step.cell).account,
            }),
            None => Ok(Plan::Refund(entry)),
        }
    }

    /// Whether an entry moved amounts otherwise than back.
    fn is_payment(&self, number: EntryNumber) -> bool {
        let entry = self.entry(number).map(|entry| entry.read());
        let Some(Ok(Entry::Request(request))) = entry else {
            return false;
        };
        match request.action {
            Action::Transfer(_) => true,
            Action::Resolve(resolve) => resolve.posted.is_some(),
            Action::Hold(_) | Action::Refund(_) | Action::LimitChange(_) | Action::Close(_) => {
                false
            }
        }
    }

    pub(super) fn changed_by(&self, entry: EntryNumber, cell: CellKey) -> i128 {
        let steps = self.cells.of_entry(entry).iter();
        let own = steps.filter(|step| step.cell == cell);
        own.map(|step| self.cells.change(step)).sum()
    }
}

/// The first unit in which the changes do not add up to zero.
fn first_difference(moves: &[Move]) -> Option<UnitKey> {
    let sum = |unit| -> i128 {
        let own = moves.iter().filter(|step| step.unit == unit);
        own.map(Move::change).sum()
    };
    // Each unit is summed where it first occurs: one sum for most requests.
    let is_first = |at: usize, unit| moves[..at].iter().all(|step| step.unit != unit);
    moves
        .iter()
        .enumerate()
        .filter(|&(at, step)| is_first(at, step.unit))
        .map(|(_, step)| step.unit)
        .find(|&unit| sum(unit) != 0)
}
