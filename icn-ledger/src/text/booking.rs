//! Journals into books.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use icn_types::amount::Amount;
use icn_types::canonical;
use icn_types::hash;
use icn_types::id::OperationKey;
use icn_types::time::Timestamp;

use super::flaw::Flaw;
use super::journal::{Broken, Journal, Transaction};
use super::listed::Listed;
use super::sides::Sides;
use super::units::commodities;
use super::word::{AccountName, Symbol};
use crate::book::{
    self, AccountKey, Book, BookError, CauseId, Limits, Memo, Part, Posted, Request, Transfer,
    UnitKey,
};
use crate::unit::Unit;

/// How a journal is booked.
#[derive(Clone, Debug)]
pub struct Booking {
    source: CauseId,
    sides: Sides,
    limits: Option<Limits>,
    units: BTreeMap<Symbol, Counted>,
}

/// What a commodity counts.
#[derive(Clone, Copy, Debug)]
struct Counted {
    unit: Unit,
    /// Atoms of the unit in one of the commodity.
    atoms: u64,
}

/// Hashed into the operation key of a transaction.
struct ImportKey {
    source: CauseId,
    number: u64,
}
canonical!(ImportKey = "icn/ledger/import-key/v1" { source, number });

impl Booking {
    /// Booking under a name of its own, which is the cause of every entry.
    ///
    /// The operation keys are made of it and the number of each transaction, so
    /// a journal is booked once: the same one again gives the first entries
    /// again, one that goes on gives the rest, and one that differs before that
    /// is refused with a key conflict.
    #[must_use]
    pub const fn new(source: CauseId) -> Self {
        Self {
            source,
            sides: Sides::DebitRaises,
            limits: None,
            units: BTreeMap::new(),
        }
    }

    /// On which side a rise of a position was booked.
    #[must_use]
    pub const fn with_sides(mut self, sides: Sides) -> Self {
        self.sides = sides;
        self
    }

    /// Accounts that are not open yet are opened with these limits. Without
    /// them they are refused.
    #[must_use]
    pub const fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = Some(limits);
        self
    }

    /// The commodity counts display units of this unit. Units of the book need
    /// not be given, under the symbols that [`Journal::from_book`] has for them.
    #[must_use]
    pub fn with_unit(mut self, symbol: Symbol, unit: Unit) -> Self {
        let atoms = unit.scale.get();
        self.units.insert(symbol, Counted { unit, atoms });
        self
    }

    /// The commodity counts atoms of this unit.
    #[must_use]
    pub fn with_atoms(mut self, symbol: Symbol, unit: Unit) -> Self {
        self.units.insert(symbol, Counted { unit, atoms: 1 });
        self
    }

    fn key(&self, number: usize) -> OperationKey {
        let number = number as u64;
        let source = self.source;
        OperationKey::from_bytes(hash::of(&ImportKey { source, number }))
    }
}

impl Journal {
    /// Books every transaction as one transfer, in the order of the journal:
    /// all of them or none. Returns the entries, none for a transaction that
    /// moves nothing.
    ///
    /// An entry has the start of the day as its date, the description as its
    /// memo, and as its decision what a tag `decision` names by 64 hex digits.
    /// Several postings of one account and unit are one part. Other comments,
    /// codes, status marks, assertions and prices are not booked. Works on a
    /// copy of the book: O(n) in both.
    ///
    /// # Errors
    /// [`Broken`] at the first transaction that cannot be booked, with
    /// [`Flaw::Date`] before 1970, [`Flaw::Name`], [`Flaw::Unit`],
    /// [`Flaw::Fraction`], [`Flaw::Large`] above the largest amount,
    /// [`Flaw::NotOpen`], [`Flaw::Parts`] or [`Flaw::Book`].
    /// The book is as it was then.
    pub fn book(&self, book: &mut Book, booking: &Booking) -> Result<Vec<Option<Posted>>, Broken> {
        let mut copy = book.clone();
        let mut desk = Desk::new(self, &mut copy, booking);
        let transactions = self.transactions().iter().enumerate();
        let posted = transactions
            .map(|(number, transaction)| desk.post(number, transaction))
            .collect::<Result<_, _>>()?;
        *book = copy;
        Ok(posted)
    }
}

/// A book into which a journal is booked.
struct Desk<'a> {
    journal: &'a Journal,
    book: &'a mut Book,
    booking: &'a Booking,
    units: BTreeMap<Symbol, Counted>,
    /// Accounts and units that are open.
    open: BTreeMap<(&'a AccountName, &'a Symbol), (AccountKey, UnitKey)>,
}

impl<'a> Desk<'a> {
    fn new(journal: &'a Journal, book: &'a mut Book, booking: &'a Booking) -> Self {
        let mut units = BTreeMap::new();
        for (commodity, (_, unit)) in commodities(book.units().map(|(_, unit)| unit))
            .into_iter()
            .zip(book.units())
        {
            let atoms = 10_u64.checked_pow(commodity.decimals.get().into());
            let counted = Counted {
                unit: *unit,
                atoms: atoms.unwrap_or(1),
            };
            units.insert(commodity.symbol, counted);
        }
        units.extend(
            booking
                .units
                .iter()
                .map(|(symbol, counted)| (symbol.clone(), *counted)),
        );
        Self {
            journal,
            book,
            booking,
            units,
            open: BTreeMap::new(),
        }
    }

    fn post(
        &mut self,
        number: usize,
        transaction: &'a Transaction,
    ) -> Result<Option<Posted>, Broken> {
        let broken = |posting, flaw| Broken {
            transaction: number,
            posting,
            flaw,
        };
        let mut changes: Listed<(AccountKey, UnitKey), i128> = Listed::new();
        for (at, posting) in transaction.postings.iter().enumerate() {
            let (account, unit, atoms) = self
                .change(
                    &posting.account,
                    &posting.amount.symbol,
                    posting.amount.atoms,
                )
                .map_err(|flaw| broken(Some(at), flaw))?;
            let sum = changes.of((account, unit), 0);
            *sum = sum.saturating_add(atoms);
        }
        let changes = changes.into_values().into_iter();
        let changes: Vec<(AccountKey, UnitKey, i128)> = changes
            .filter(|(_, atoms)| *atoms != 0)
            .map(|((account, unit), atoms)| (account, unit, atoms))
            .collect();
        if changes.is_empty() {
            return Ok(None);
        }
        let date = transaction.date.start().ok_or(Flaw::Date);
        let request = date.and_then(|date| self.request(number, date, transaction, &changes));
        let request = request.map_err(|flaw| broken(None, flaw))?;
        let posted = self.book.post(&request);
        posted.map(Some).map_err(|error| broken(None, error.into()))
    }

    /// The change of a position for which a posting stands.
    fn change(
        &mut self,
        account: &'a AccountName,
        symbol: &'a Symbol,
        atoms: i128,
    ) -> Result<(AccountKey, UnitKey, i128), Flaw> {
        let counted = *self.units.get(symbol).ok_or(Flaw::Unit)?;
        let decimals = self.journal.decimals(symbol).unwrap_or_default();
        let one = 10_i128.pow(decimals.get().into());
        let atoms = atoms.checked_mul(counted.atoms.into()).ok_or(Flaw::Large)?;
        if atoms % one != 0 {
            return Err(Flaw::Fraction);
        }
        let (account, unit) = match self.open.get(&(account, symbol)) {
            Some(open) => *open,
            None => {
                let open = self.open(account, &counted.unit)?;
                self.open.insert((account, symbol), open);
                open
            }
        };
        Ok((account, unit, self.booking.sides.turn(atoms / one)))
    }

    fn open(&mut self, account: &AccountName, unit: &Unit) -> Result<(AccountKey, UnitKey), Flaw> {
        let name = book::AccountName::new(account.as_str())?;
        // What is not there yet cannot differ, so only room may be missing.
        let full = |_| Flaw::Book(BookError::Full);
        let unit = self.book.define(*unit).map_err(full)?;
        if let Some(known) = self.book.account_key(&name)
            && self.book.standing(known, unit).is_ok()
        {
            return Ok((known, unit));
        }
        let limits = self.booking.limits.ok_or(Flaw::NotOpen)?;
        Ok((self.book.open(&name, unit, limits).map_err(full)?, unit))
    }

    fn request(
        &self,
        number: usize,
        date: Timestamp,
        transaction: &Transaction,
        changes: &[(AccountKey, UnitKey, i128)],
    ) -> Result<Request, Flaw> {
        let (mut payers, mut payees) = (Vec::new(), Vec::new());
        for &(account, unit, atoms) in changes {
            let amount = u64::try_from(atoms.unsigned_abs()).map_err(|_| Flaw::Large)?;
            let part = Part {
                account,
                unit,
                amount: Amount::new(amount).map_err(|_| Flaw::Large)?,
            };
            if atoms < 0 {
                payers.push(part)
            } else {
                payees.push(part)
            }
        }
        let transfer = Transfer::new(payers, payees).map_err(|_| Flaw::Parts)?;
        let description = transaction.description.as_str();
        let mut request = Request::new(self.booking.key(number), date, transfer);
        request.cause = Some(self.booking.source);
        request.decision = transaction
            .tag("decision")
            .and_then(read_hex)
            .map(CauseId::from_bytes);
        request.memo = Memo::new(description)
            .ok()
            .filter(|memo| !memo.as_str().is_empty());
        Ok(request)
    }
}

/// 32 bytes from 64 hex digits.
fn read_hex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    let digits = text.as_bytes();
    if digits.len() != 2 * bytes.len() || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let pair = core::str::from_utf8(pair).ok()?;
        *byte = u8::from_str_radix(pair, 16).ok()?;
    }
    Some(bytes)
}
