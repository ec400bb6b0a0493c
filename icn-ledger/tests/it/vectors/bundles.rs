//! Bundles: dues and exchanges, and what makes one of no sense.

use icn_ledger::Payment;
use icn_ledger::bundle::{BUNDLE, Bundle, Due, Exchange, Terms, Through};
use icn_ledger::entry::PAYMENT;
use icn_ledger::rate::{Known, Rate};
use icn_types::amount::Amount;
use icn_types::canon::List;
use icn_types::id::{ChainId, OperationKey};
use icn_types::record::Attachment;

use super::scene::Scene;
use crate::market::amount;

const fn key(number: u8) -> OperationKey {
    OperationKey::from_bytes([number; 32])
}

const fn bundle(terms: Terms, number: u8) -> Bundle {
    Bundle {
        terms,
        key: key(number),
        memo: None,
    }
}

fn dues(dues: &[(ChainId, ChainId, u64)]) -> Terms {
    let due = |&(payer, payee, atoms)| Due {
        payer,
        payee,
        amount: amount(atoms),
    };
    Terms::Dues(List::new(dues.iter().map(due).collect::<Vec<_>>()).unwrap())
}

/// An exchange of the first account with accounts of another unit.
fn exchange([payer, takes, residue]: [ChainId; 3], rate: (u64, u64), known: Known) -> Terms {
    let elsewhere = |number| ChainId::from_bytes([number; 32]);
    Terms::Exchange(Exchange {
        rate: Rate::new(amount(rate.0), amount(rate.1)),
        known,
        payer,
        payee: elsewhere(1),
        through: Through {
            takes,
            gives: elsewhere(2),
        },
        residue,
    })
}

pub(super) fn scene() -> Scene {
    let mut scene = Scene::new("bundles");
    let [a, b, c] = core::array::from_fn(|_| scene.account());
    let both = dues(&[(a, c, 4), (b, c, 3)]);
    let whole = Bundle {
        memo: Attachment::new(&[3; 32], b"dinner"),
        ..bundle(both.clone(), 1)
    };
    let id = scene.write(a, BUNDLE, &[], &whole, "bundle of two dues");
    let due = both.request(id, &b).unwrap().unwrap();
    let payment = Payment {
        legs: due.legs,
        key: due.key,
        decision: None,
        effective: None,
        memo: None,
    };
    scene.write(
        b,
        PAYMENT,
        &[],
        &payment,
        "payment under the key of a bundle",
    );
    let sides = [a, b, c];
    for (number, rate, known, what) in [
        (
            2,
            (30, 7),
            Known::Paid(amount(100)),
            "exchange of an amount paid",
        ),
        (
            3,
            (30, 7),
            Known::Received(amount(5)),
            "exchange of an amount received",
        ),
        (
            4,
            (2, 3),
            Known::Received(amount(5)),
            "exchange that leaves something to the payee",
        ),
    ] {
        let terms = exchange(sides, rate, known);
        scene.write(a, BUNDLE, &[], &bundle(terms, number), what);
    }
    breaks(&mut scene, sides);
    scene
}

fn breaks(scene: &mut Scene, sides: [ChainId; 3]) {
    let [a, b, c] = sides;
    let paid = |atoms| Known::Paid(amount(atoms));
    let most = amount(Amount::MAX);
    let broken = [
        (
            exchange(sides, (30, 7), paid(4)),
            "exchange that buys nothing",
        ),
        (
            exchange(sides, (1, 2), Known::Paid(most)),
            "exchange that buys too much",
        ),
        (
            exchange(sides, (2, 1), Known::Received(most)),
            "exchange that costs too much",
        ),
        (
            dues(&[(a, c, 1), (b, b, 1), (a, c, 1)]),
            "due to its own payer",
        ),
        (
            dues(&[(a, c, 1), (b, c, 1), (a, c, 2), (b, b, 1)]),
            "two dues of one payer to one payee",
        ),
        (
            exchange([a, b, b], (30, 7), paid(100)),
            "residue to the exchange account",
        ),
        (
            exchange([a, b, a], (30, 7), paid(100)),
            "residue to the payer",
        ),
    ];
    for (terms, what) in broken {
        let by = scene.account();
        scene.write(by, BUNDLE, &[], &bundle(terms, 9), what);
    }
    let both = dues(&[(a, c, 1), (b, c, 1)]);
    let [stated, paid] = core::array::from_fn(|_| scene.account());
    let body = bundle(both, 5);
    scene.write(stated, BUNDLE, &[], &body, "bundle");
    scene.write(stated, BUNDLE, &[], &body, "bundle under the same key");
    let payment = Payment {
        key: key(5),
        ..scene.market.payment(&[(a, 1)])
    };
    scene.write(paid, BUNDLE, &[], &body, "bundle of another account");
    let what = "payment under the key of a bundle before it";
    scene.write(paid, PAYMENT, &[], &payment, what);
}
