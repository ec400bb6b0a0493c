//! The plain ledger of hosts that bring their own order.

mod entries;
mod histories;
mod plain;
mod refusals;
mod saved;

use icn_ledger::book::{AccountKey, Action, Book, Limits, Part, Request, Transfer, UnitKey};
use icn_ledger::unit::Scale;
use icn_ledger::{Unit, UnitCode};
use icn_types::amount::Amount;
use icn_types::id::{DomainId, OperationKey};
use icn_types::time::Timestamp;

fn unit(code: &str) -> Unit {
    Unit {
        issuer: DomainId::from_bytes([7; 32]),
        code: UnitCode::new(code).unwrap(),
        scale: Scale::new(100).unwrap(),
        min_leg: Amount::new(1).unwrap(),
    }
}

fn amount(atoms: u64) -> Amount {
    Amount::new(atoms).unwrap()
}

fn key(number: u64) -> OperationKey {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&number.to_be_bytes());
    OperationKey::from_bytes(bytes)
}

fn date(millis: u64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn request(number: u64, action: impl Into<Action>) -> Request {
    Request::new(key(number), date(number), action)
}

fn part(account: AccountKey, unit: UnitKey, atoms: u64) -> Part {
    Part {
        account,
        unit,
        amount: amount(atoms),
    }
}

/// Two units; Alice, Bob and Carol with limits of 100 either way in both, and
/// a bank without limits.
struct Coop {
    book: Book,
    hours: UnitKey,
    euros: UnitKey,
    alice: AccountKey,
    bob: AccountKey,
    carol: AccountKey,
    bank: AccountKey,
}

impl Coop {
    fn new() -> Self {
        let mut book = Book::new();
        let (hours, euros) = (
            book.define(unit("hours")).unwrap(),
            book.define(unit("euros")).unwrap(),
        );
        let mut open = |name: &str, limits| {
            let name = name.parse().unwrap();
            book.open(&name, hours, limits).unwrap();
            book.open(&name, euros, limits).unwrap()
        };
        let credit = Limits::between(-100, 100).unwrap();
        Self {
            alice: open("members:alice", credit),
            bob: open("members:bob", credit),
            carol: open("members:carol", credit),
            bank: open("bank", Limits::UNBOUNDED),
            book,
            hours,
            euros,
        }
    }

    /// Bob pays Alice.
    fn pay(&self, atoms: u64) -> Transfer {
        Transfer::between(self.bob, self.alice, self.hours, amount(atoms))
    }

    fn position(&self, account: AccountKey) -> i128 {
        self.book
            .standing(account, self.hours)
            .unwrap()
            .position
            .get()
    }
}
