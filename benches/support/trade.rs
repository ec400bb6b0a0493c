//! Requests to a book.

use icn_ledger::book::{AccountKey, Book, CauseId, Limits, Request, Transfer, UnitKey};
use icn_ledger::unit::Scale;
use icn_ledger::{Unit, UnitCode};
use icn_types::amount::Amount;
use icn_types::hash::sha256;
use icn_types::id::{DomainId, OperationKey};
use icn_types::time::Timestamp;

use crate::market::Random;

/// Requests of random members, one after the other: two accounts, one unit, a
/// cause for every tenth.
#[derive(Debug)]
pub struct Trade {
    accounts: u32,
    number: u64,
    random: Random,
}

impl Trade {
    /// Nobody falls so far.
    pub const FLOOR: i64 = -1_000_000_000;

    /// Trade between so many members.
    #[must_use]
    pub const fn new(accounts: u32) -> Self {
        Self {
            accounts,
            number: 0,
            random: Random(1),
        }
    }

    /// How many members there are.
    #[must_use]
    pub const fn accounts(&self) -> usize {
        self.accounts as usize
    }

    /// Defines the unit and opens the accounts.
    pub fn open(&self, book: &mut Book) {
        let unit = Unit {
            issuer: DomainId::from_bytes([1; 32]),
            code: UnitCode::new("hours").expect("a code"),
            scale: Scale::new(3600).expect("a scale"),
            min_leg: Amount::new(1).expect("an amount"),
        };
        let unit = book.define(unit).expect("a unit");
        for account in 0..self.accounts {
            let name = format!("members:{account}").parse().expect("a name");
            let limits = Limits::from(Self::FLOOR);
            book.open(&name, unit, limits).expect("opened");
        }
    }

    /// The next requests.
    pub fn next(&mut self, len: usize) -> Vec<Request> {
        (0..len).map(|_| self.request()).collect()
    }

    fn request(&mut self) -> Request {
        self.number += 1;
        let accounts = u64::from(self.accounts);
        let payer = self.random.next() % accounts;
        let payee = (payer + 1 + self.random.next() % (accounts - 1)) % accounts;
        let key = |number: u64| AccountKey::new(u32::try_from(number).expect("few accounts"));
        let amount = Amount::new(self.random.next() % 10_000 + 1).expect("an amount");
        let pay = Transfer::between(key(payer), key(payee), UnitKey::new(0), amount);
        let id = |number: u64| sha256(&number.to_be_bytes());
        let date = Timestamp::from_millis(1_700_000_000_000 + self.number);
        let mut request = Request::new(OperationKey::from_bytes(id(self.number)), date, pay);
        if self.number.is_multiple_of(10) {
            request.cause = Some(CauseId::from_bytes(id(self.number / 100)));
        }
        request
    }
}
