//! A clearing as a value: what it says, and that nothing else is one.

use std::collections::BTreeSet;

use icn_ledger::clearing::{
    CLEARED_MAX, Clearing, ClearingError, NotReady, Obligation, REDUCTIONS_MAX, Reduction, Terms,
    solve,
};
use icn_types::amount::Amount;
use icn_types::canon::{self, LEN_MAX, List, Reason};
use icn_types::canonical;
use icn_types::error::{Coded, Fault};
use icn_types::id::{ChainId, Digest, RecordId};
use icn_types::time::Timestamp;

use super::{account, invoice, nets, office, owed, owes, reduce, terms};
use crate::market::amount;

const INPUT: Digest = Digest::from_bytes([5; 32]);

/// The same bytes as a clearing, whatever it says.
pub(crate) struct Stated {
    terms: Terms,
    solver: u16,
    input: Digest,
    reductions: List<Reduction, 0, 4096>,
}
canonical!(Stated = "icn/ledger/clearing/v1" { terms, solver, input, reductions });

impl Stated {
    pub(crate) fn of(reductions: Vec<Reduction>) -> Self {
        Self {
            terms: terms(),
            solver: 0,
            input: INPUT,
            reductions: List::new(reductions).unwrap(),
        }
    }
}

fn decode(reductions: &[Reduction]) -> Result<Clearing, canon::DecodeError> {
    canon::from_bytes(&canon::to_bytes(&Stated::of(reductions.to_vec())))
}

fn ring(atoms: [u64; 3]) -> Vec<Reduction> {
    let all = owed(&[(0, 1, 50), (1, 2, 50), (2, 0, 50)]);
    let all = all.into_iter().zip(atoms);
    all.map(|(one, atoms)| reduce(one, atoms)).collect()
}

fn clearing() -> Clearing {
    Clearing::new(terms(), 0, INPUT, ring([30; 3])).unwrap()
}

/// Each fault alone, with what is said of it.
pub(crate) fn faulty() -> Vec<(&'static str, Vec<Reduction>, ClearingError)> {
    let twice = [ring([30; 3]), vec![reduce(owes(1, 5, 6, 9), 1)]].concat();
    let own = [ring([30; 3]), vec![reduce(owes(9, 4, 4, 9), 1)]].concat();
    let of_office = Obligation {
        debtor: office(),
        ..owes(9, 4, 4, 9)
    };
    let resolver = [ring([30; 3]), vec![reduce(of_office, 1)]].concat();
    let long: Vec<_> = (0..=CLEARED_MAX)
        .map(|at| reduce(owes(at, at, (at + 1) % (CLEARED_MAX + 1), 1), 1))
        .collect();
    let most = Amount::MAX;
    let huge = [(0, 1, most), (0, 1, most), (1, 0, most), (1, 0, most)];
    let huge: Vec<_> = owed(&huge)
        .into_iter()
        .map(|one| reduce(one, most))
        .collect();
    let (payer, payee) = (account(0).min(account(1)), account(0).max(account(1)));
    let unbalanced = ring([30, 30, 31]);
    let chain = [account(0), account(2)].into_iter().min().unwrap();
    let (len, max) = (CLEARED_MAX + 1, CLEARED_MAX);
    vec![
        ("no reduction", Vec::new(), ClearingError::Few { len: 0 }),
        (
            "one reduction",
            ring([30; 3])[..1].to_vec(),
            ClearingError::Few { len: 1 },
        ),
        (
            "one obligation twice",
            twice,
            ClearingError::Twice {
                obligation: invoice(1),
            },
        ),
        (
            "debtor that is its creditor",
            own,
            ClearingError::Own {
                obligation: invoice(9),
            },
        ),
        (
            "clearing chain that takes part",
            resolver,
            ClearingError::Resolver {
                obligation: invoice(9),
            },
        ),
        (
            "reduction above its obligation",
            ring([51; 3]),
            ClearingError::Above {
                obligation: invoice(0),
            },
        ),
        (
            "more dues than one resolve posts",
            long,
            ClearingError::Dues { len, max },
        ),
        (
            "due above every amount",
            huge,
            ClearingError::Sum { payer, payee },
        ),
        (
            "participant that receives more than it pays",
            unbalanced,
            ClearingError::Balance { chain },
        ),
    ]
}

#[test]
fn nothing_is_a_clearing_that_changes_a_net_or_lets_an_obligation_grow() {
    for (_, reductions, error) in faulty() {
        let made = Clearing::new(terms(), 0, INPUT, reductions.clone());
        assert_eq!(made, Err(error));
        let mut reductions = reductions;
        reductions.sort_by_key(|one| one.obligation.id);
        let expected = match error {
            ClearingError::Few { .. } => Reason::Count,
            error => Reason::Value(error.code()),
        };
        assert_eq!(decode(&reductions).unwrap_err().reason(), expected);
    }
}

#[test]
fn bytes_have_one_order_and_a_caller_any() {
    let mut reductions = ring([30; 3]);
    assert_eq!(decode(&reductions).unwrap(), clearing());
    reductions.swap(0, 2);
    let made = Clearing::new(terms(), 0, INPUT, reductions.clone());
    assert_eq!(made, Ok(clearing()));
    let reason = decode(&reductions).unwrap_err().reason();
    let error = ClearingError::Order {
        obligation: invoice(1),
    };
    assert_eq!(reason, Reason::Value(error.code()));
}

#[test]
fn a_clearing_is_read_back_as_it_was_written() {
    let all = owed(&[(0, 1, 50), (1, 2, 30), (2, 0, 70), (1, 0, 4)]);
    let solution = solve(terms(), amount(1), &all).unwrap();
    for clearing in solution.clearings().iter().chain([&clearing()]) {
        let bytes = canon::to_bytes(clearing);
        assert_eq!(&canon::from_bytes::<Clearing>(&bytes).unwrap(), clearing);
        assert!(nets(clearing.reductions()).values().all(|net| *net == 0));
    }
}

#[test]
fn the_largest_clearing_can_be_sent_and_a_larger_one_is_not_read() {
    let most = Amount::MAX / (REDUCTIONS_MAX as u64);
    let pair = |at: usize| {
        let (debtor, creditor) = if at.is_multiple_of(2) { (0, 1) } else { (1, 0) };
        reduce(owes(at, debtor, creditor, Amount::MAX), most)
    };
    let all: Vec<_> = (0..REDUCTIONS_MAX).map(pair).collect();
    let clearing = Clearing::new(terms(), u16::MAX, INPUT, all.clone()).unwrap();
    let bytes = canon::to_bytes(&clearing);
    assert!(bytes.len() <= LEN_MAX);
    assert_eq!(canon::from_bytes::<Clearing>(&bytes), Ok(clearing));

    let more = [all, vec![pair(REDUCTIONS_MAX), pair(REDUCTIONS_MAX + 1)]].concat();
    let (len, max) = (more.len(), REDUCTIONS_MAX);
    let made = Clearing::new(terms(), 0, INPUT, more.clone());
    assert_eq!(made, Err(ClearingError::Many { len, max }));
    assert_eq!(decode(&more).unwrap_err().reason(), Reason::Limit);
}

#[test]
fn every_word_of_a_clearing_is_in_its_name() {
    let base = clearing();
    let with = |terms, solver, input, atoms| {
        Clearing::new(terms, solver, input, ring([atoms; 3]))
            .unwrap()
            .id()
    };
    let later = Terms {
        expires: Timestamp::from_millis(1_001),
        ..terms()
    };
    let elsewhere = Terms {
        resolver: ChainId::from_bytes([0xef; 32]),
        ..terms()
    };
    let other = Digest::from_bytes([6; 32]);
    let names = BTreeSet::from([
        base.id(),
        with(later, 0, INPUT, 30),
        with(elsewhere, 0, INPUT, 30),
        with(terms(), 1, INPUT, 30),
        with(terms(), 0, other, 30),
        with(terms(), 0, INPUT, 29),
    ]);
    assert_eq!(names.len(), 6);
    assert_eq!(base.cause().as_bytes(), base.id().as_bytes());
}

#[test]
fn holds_are_of_the_dues_of_one_payer_and_keyed_by_both_sides() {
    let all = owed(&[(0, 1, 9), (0, 2, 5), (0, 2, 4), (1, 0, 9), (2, 0, 9)]);
    let all = all.into_iter().map(|one| reduce(one, one.amount.get()));
    let clearing = Clearing::new(terms(), 0, INPUT, all.collect()).unwrap();
    let mut keys = BTreeSet::new();
    for payer in clearing.participants() {
        for hold in clearing.holds(&payer) {
            let due = clearing.dues().into_iter();
            let due = due.filter(|due| due.payer == payer && due.payee == hold.leg.payee);
            assert_eq!(
                due.map(|due| due.amount).collect::<Vec<_>>(),
                [hold.leg.amount]
            );
            assert_eq!(hold.resolver, office());
            assert_eq!(hold.expires, Some(clearing.terms().expires));
            assert_eq!(hold.cause, Some(clearing.cause()));
            keys.insert(hold.key);
        }
    }
    assert_eq!(keys.len(), clearing.dues().len());
    assert_eq!(
        clearing.holds(&account(0)).len(),
        2,
        "one hold for two invoices"
    );
    assert!(clearing.holds(&account(7)).is_empty() && clearing.holds(&office()).is_empty());
    let later = Terms {
        expires: Timestamp::from_millis(1_001),
        ..terms()
    };
    let again = Clearing::new(later, 0, INPUT, clearing.reductions().to_vec()).unwrap();
    let payer = account(0);
    assert!(
        again
            .holds(&payer)
            .iter()
            .all(|hold| !keys.contains(&hold.key))
    );
}

#[test]
fn no_code_means_two_things() {
    let mut errors: Vec<Box<dyn Coded>> = Vec::new();
    for (.., error) in faulty() {
        errors.push(Box::new(error));
    }
    errors.remove(0); // two of them are of too few
    errors.push(Box::new(ClearingError::Many { len: 1, max: 0 }));
    errors.push(Box::new(ClearingError::Order {
        obligation: invoice(0),
    }));
    for not_ready in [
        NotReady::Topic,
        NotReady::Void {
            resolve: RecordId::from_bytes([1; 32]),
        },
        NotReady::Missing {
            missing: Vec::new(),
        },
    ] {
        errors.push(Box::new(not_ready));
    }
    let codes: BTreeSet<&str> = errors.iter().map(|error| error.code()).collect();
    assert_eq!(codes.len(), errors.len());
    for error in &errors {
        let (code, says) = (error.code(), error.to_string());
        assert!(code.starts_with("clearing."), "{code}");
        assert!(!says.ends_with('.') && says.starts_with(|c: char| !c.is_uppercase()));
    }
    let missing = NotReady::Missing {
        missing: Vec::new(),
    };
    assert_eq!(missing.fault(), Fault::Environment);
    assert_eq!(NotReady::Topic.fault(), Fault::Caller);
    assert_eq!(ClearingError::Few { len: 0 }.fault(), Fault::Caller);
}
