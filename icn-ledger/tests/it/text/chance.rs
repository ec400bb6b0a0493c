//! Random journals.

use std::collections::BTreeMap;

use icn_ledger::text::{
    AccountName, Assertion, Code, Comment, Date, Decimals, Description, Journal, MarketPrice,
    Money, Posting, Reach, Span, Status, Symbol, Transaction,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

/// Symbols with their decimals.
pub(crate) const SYMBOLS: [(&str, u8); 6] = [
    ("EUR", 2),
    ("$", 0),
    ("hours-atoms", 0),
    ("Wh \u{20ac}", 3),
    ("\u{20bf}", 18),
    ("", 1),
];

const ACCOUNTS: [&str; 10] = [
    "assets:alice",
    "assets:alice:savings",
    "assets:alice smith",
    "assets:alice-smith",
    "liabilities",
    "b",
    "Z\u{e4}hler:7",
    "check-in",
    "rev (old)",
    "check in:desk",
];

pub(crate) fn symbol(text: &str) -> Symbol {
    Symbol::new(text).unwrap()
}

pub(crate) fn account(text: &str) -> AccountName {
    AccountName::new(text).unwrap()
}

fn dates() -> impl Strategy<Value = Date> {
    (1990_u16..2030, 1_u8..=12, 1_u8..=28).prop_map(|(y, m, d)| Date::new(y, m, d).unwrap())
}

fn statuses() -> impl Strategy<Value = Status> {
    select(vec![Status::Unmarked, Status::Pending, Status::Cleared])
}

/// Comments with and without tags, and with signs that mean something elsewhere.
fn comments() -> impl Strategy<Value = Vec<Comment>> {
    let texts = "[a-z:,;\"\\\\\\[\\]@=0-9 \u{e9}-]{1,20}";
    let any = texts.prop_filter_map("a comment", |text| Comment::new(text.trim()));
    let tags = ("[a-z][a-z-]{0,6}", "[a-z0-9 ]{0,8}")
        .prop_filter_map("a tag", |(name, value)| Comment::tag(&name, value.trim()));
    vec(prop_oneof![any, tags], 0..3)
}

fn descriptions() -> impl Strategy<Value = Description> {
    "[a-zA-Z|\"\\\\ ,()*\u{e9}]{0,16}"
        .prop_filter_map("a description", |text| Description::new(text.trim()))
}

/// Amounts that add up to zero, two to five of them.
fn balanced() -> impl Strategy<Value = (usize, Vec<i128>)> {
    let atoms = prop_oneof![-1000_i128..1000, -(1_i128 << 63)..(1_i128 << 63)];
    (0..SYMBOLS.len(), vec(atoms, 1..4)).prop_map(|(symbol, mut atoms)| {
        atoms.push(-atoms.iter().sum::<i128>());
        (symbol, atoms)
    })
}

fn postings() -> impl Strategy<Value = Vec<Posting>> {
    let texts = (statuses(), select(ACCOUNTS.to_vec()), comments());
    (vec(balanced(), 1..3), vec(texts, 8)).prop_map(|(parts, texts)| {
        let amounts = parts.into_iter().flat_map(|(unit, atoms)| {
            let money = move |atoms| Money {
                atoms,
                symbol: symbol(SYMBOLS[unit].0),
            };
            atoms.into_iter().map(money)
        });
        amounts
            .zip(texts)
            .map(|(amount, (status, name, comments))| {
                let account = account(name);
                Posting {
                    status: match status {
                        Status::Unmarked if account.is_command() => Status::Pending,
                        status => status,
                    },
                    account,
                    amount,
                    assertion: None,
                    comments,
                }
            })
            .collect()
    })
}

fn transactions() -> impl Strategy<Value = Transaction> {
    let code = "[a-z0-9# (]{1,6}".prop_map(|text| Code::new(text.trim()));
    let head = (dates(), option::of(dates()), statuses(), code);
    (head, descriptions(), comments(), postings()).prop_map(
        |((date, secondary, status, code), description, comments, postings)| Transaction {
            date,
            secondary,
            status,
            code,
            description,
            comments,
            postings,
        },
    )
}

/// A journal that declares every symbol.
pub(crate) fn empty() -> Journal {
    let mut journal = Journal::new();
    for (text, decimals) in SYMBOLS {
        let decimals = Decimals::new(decimals).unwrap();
        journal.declare(symbol(text), decimals).unwrap();
    }
    journal
}

fn journal(transactions: Vec<Transaction>, prices: Vec<(Date, usize, i128)>) -> Journal {
    let mut journal = empty();
    journal.open(account("unused:account"));
    for transaction in transactions {
        journal.push(transaction).unwrap();
    }
    for (date, of, price) in prices {
        let price = MarketPrice {
            date,
            of: symbol(SYMBOLS[of].0),
            price: Decimals::new(4).unwrap().show(price),
            symbol: symbol("EUR"),
        };
        journal.quote(price).unwrap();
    }
    journal
}

/// Journals with everything but assertions.
pub(crate) fn journals() -> impl Strategy<Value = Journal> {
    let prices = vec((dates(), 1..SYMBOLS.len() - 1, 0_i128..100_000), 0..3);
    (vec(transactions(), 0..8), prices)
        .prop_map(|(transactions, prices)| journal(transactions, prices))
}

/// The journal with a true assertion at every posting: about all commodities
/// where the others are zero.
pub(crate) fn asserted(journal: &Journal, reach: Reach) -> Journal {
    let mut done = empty();
    journal.accounts().for_each(|name| done.open(name.clone()));
    for price in journal.prices() {
        done.quote(price.clone()).unwrap();
    }
    let mut sums = BTreeMap::new();
    for transaction in journal.transactions() {
        let mut transaction = transaction.clone();
        for posting in &mut transaction.postings {
            let Posting {
                account, amount, ..
            } = &*posting;
            *sums
                .entry((account.clone(), amount.symbol.clone()))
                .or_insert(0) += amount.atoms;
            let balance = |symbol: &Symbol| -> i128 {
                let counts = |name: &AccountName| match reach {
                    Reach::Alone => name == account,
                    Reach::Below => name.is_within(account),
                };
                let of_it = sums
                    .iter()
                    .filter(|((name, of), _)| of == symbol && counts(name));
                of_it.map(|(_, atoms)| atoms).sum()
            };
            let is_sole = SYMBOLS.iter().all(|(other, _)| {
                let other = symbol(other);
                other == amount.symbol || balance(&other) == 0
            });
            posting.assertion = Some(Assertion {
                reach,
                span: if is_sole { Span::Sole } else { Span::One },
                balance: Money {
                    atoms: balance(&amount.symbol),
                    symbol: amount.symbol.clone(),
                },
            });
        }
        done.push(transaction).unwrap();
    }
    done
}
