//! Books to be written: a small one by hand, a large one by chance.

use icn_ledger::book::{
    AccountKey, Action, Book, CauseId, Hold, Limits, Memo, Part, Refund, Request, Resolve,
    Transfer, UnitKey,
};
use icn_ledger::text::{Decimals, Symbol};
use icn_ledger::unit::Scale;
use icn_ledger::{Unit, UnitCode};
use icn_types::amount::Amount;
use icn_types::id::{DomainId, OperationKey};
use icn_types::time::Timestamp;

use super::Fault;

/// Symbols of the units of the large book, in order, and their scales.
pub(crate) const UNITS: [(&str, u64); 3] = [("work atoms", 3600), ("euros", 100), ("kWh", 1000)];

pub(crate) const DAY: u64 = 86_400_000;
/// 1 January 2024.
pub(crate) const START: u64 = 19_723 * DAY;
pub(crate) const ENTRIES_A_DAY: u64 = 20;
const MEMBERS: usize = 500;

pub(crate) fn unit(code: &str, scale: u64) -> Result<Unit, Fault> {
    Ok(Unit {
        issuer: DomainId::from_bytes([7; 32]),
        code: UnitCode::new(code).ok_or("a code")?,
        scale: Scale::new(scale).ok_or("a scale")?,
        min_leg: Amount::new(1)?,
    })
}

/// The unit that a commodity of any journal becomes.
pub(crate) fn unit_of(symbol: &Symbol, decimals: Decimals) -> Result<Unit, Fault> {
    let plain = symbol.as_str().chars().filter(char::is_ascii_alphanumeric);
    let code: String = plain.take(UnitCode::LEN_MAX).collect();
    // The symbol itself tells units apart whose codes come out alike.
    let issuer = icn_types::hash::sha256(symbol.as_str().as_bytes());
    let code = if code.is_empty() { "unit" } else { &code };
    Ok(Unit {
        issuer: DomainId::from_bytes(issuer),
        ..unit(code, 10_u64.pow(decimals.get().into()))?
    })
}

/// Bob and Charlie pay Alice for five and two hours.
pub(crate) fn small() -> Result<Book, Fault> {
    let mut book = Book::new();
    let hours = book.define(unit("hours", 1)?)?;
    let credit = Limits::between(-40, 40)?;
    let mut open =
        |name: &str| -> Result<_, Fault> { Ok(book.open(&name.parse()?, hours, credit)?) };
    let (alice, bob) = (open("members:alice")?, open("members:bob")?);
    let charlie = open("members:charlie")?;
    for (number, payer, atoms, memo) in [(1, bob, 5, "garden"), (2, charlie, 2, "bicycle")] {
        let pay = Transfer::between(payer, alice, hours, Amount::new(atoms)?);
        let mut request = request(number, pay);
        request.memo = Some(Memo::new(memo)?);
        request.decision = Some(CauseId::from_bytes([3; 32]));
        book.post(&request)?;
    }
    Ok(book)
}

fn request(number: u64, action: impl Into<Action>) -> Request {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&number.to_be_bytes());
    let date = Timestamp::from_millis(START + number / ENTRIES_A_DAY * DAY);
    Request::new(OperationKey::from_bytes(key), date, action)
}

/// A book of so many entries that move amounts: transfers of two or more
/// parts in three units, holds of which a part is paid, refunds.
pub(crate) fn large(entries: u64) -> Result<Book, Fault> {
    let mut book = Book::new();
    let mut chance = Chance::new(1);
    let codes = ["work", "euros", "kWh"];
    let mut units = Vec::new();
    for (code, (_, scale)) in codes.into_iter().zip(UNITS) {
        units.push(book.define(unit(code, scale)?)?);
    }
    let mut accounts = Vec::new();
    for number in 0..MEMBERS {
        // One account lies above the others, and some names need care.
        let name = match number % 50 {
            0 if number == 0 => "members".to_string(),
            1 => format!("members:no. {number} & sons"),
            2 => format!("members:no. {number}-& sons"),
            // Ledger would take the first word for a command.
            3 => format!("check {number}"),
            4 => format!("assert {number}:a"),
            5 => format!("expr {number}"),
            _ => format!("members:m{number}"),
        };
        let name = name.parse()?;
        for &unit in &units {
            let account = book.open(&name, unit, Limits::UNBOUNDED)?;
            if unit == units[0] {
                accounts.push(account);
            }
        }
    }
    let mut number = 0;
    let mut moved = 0;
    while moved < entries {
        number += 1;
        let action = chance.action(&accounts, &units)?;
        let mut request = request(number, action.clone());
        request.memo = Some(Memo::new(&format!(
            "entry {number}: bread; \"rolls\" | daily"
        ))?);
        request.decision = (number % 10 == 0).then(|| CauseId::from_bytes([3; 32]));
        let posted = book.post(&request)?;
        number += 1;
        match action {
            Action::Hold(hold) => {
                let resolve = Resolve {
                    hold: posted.number(),
                    posted: Amount::new(hold.amount.get() / 2).ok(),
                };
                moved += u64::from(resolve.posted.is_some());
                book.post(&self::request(number, resolve))?;
            }
            Action::Transfer(transfer) if number % 9 == 0 && moved + 1 < entries => {
                let refund = Refund {
                    original: posted.number(),
                    back: transfer.reversed(),
                };
                book.post(&self::request(number, refund))?;
                moved += 2;
            }
            _ => moved += 1,
        }
    }
    Ok(book)
}

/// The numbers of a xorshift generator: the same in every run.
pub(crate) struct Chance(u64);

impl Chance {
    /// From a seed that is not zero.
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }

    pub(crate) fn one<T: Copy>(&mut self, of: &[T]) -> T {
        let at = self.below(of.len() as u64);
        of[usize::try_from(at).unwrap_or_default()]
    }

    fn action(&mut self, accounts: &[AccountKey], units: &[UnitKey]) -> Result<Action, Fault> {
        let unit = self.one(units);
        let payer = self.one(accounts);
        let payee = loop {
            let payee = self.one(accounts);
            if payee != payer {
                break payee;
            }
        };
        let amount = Amount::new(1 + self.below(1_000_000))?;
        Ok(match self.below(10) {
            0 => Action::Hold(Hold {
                payer,
                payee,
                unit,
                amount,
            }),
            1 => {
                let part = |account, unit| Part {
                    account,
                    unit,
                    amount,
                };
                // Two units at once, one each way.
                let other = units[usize::from(unit == units[0])];
                let payers = [part(payer, unit), part(payee, other)];
                let payees = [part(payee, unit), part(payer, other)];
                Action::Transfer(Transfer::new(payers, payees)?)
            }
            _ => Action::Transfer(Transfer::between(payer, payee, unit, amount)),
        })
    }
}
