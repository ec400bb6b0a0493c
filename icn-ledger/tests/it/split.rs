//! Splits and rates, beside multiplication as it is done on paper.

use icn_ledger::rate::{Known, Rate, RateError, Residue};
use icn_ledger::split::{SplitError, split};
use icn_types::amount::Amount;
use icn_types::error::Coded as _;
use icn_types::hash::sha256;
use proptest::prelude::*;

fn amount(atoms: u64) -> Amount {
    Amount::new(atoms).unwrap()
}

/// A number of 256 bits, the lowest 64 first.
pub(crate) type Big = [u64; 4];

fn big(number: u128) -> Big {
    let (high, low) = halves(number);
    [low, high, 0, 0]
}

#[expect(clippy::cast_possible_truncation, reason = "the two halves")]
fn halves(number: u128) -> (u64, u64) {
    ((number >> 64) as u64, number as u64)
}

pub(crate) fn product(left: u128, right: u128) -> Big {
    let (left, mut sum) = (big(left), [0; 4]);
    let (high, low) = halves(right);
    for (shift, digit) in [(0, low), (1, high)] {
        let mut carry = 0;
        for at in shift..4 {
            let product = u128::from(digit) * u128::from(left[at - shift]);
            (carry, sum[at]) = halves(u128::from(sum[at]) + product + u128::from(carry));
        }
    }
    sum
}

/// None when `right` is larger.
pub(crate) fn difference(left: Big, right: Big) -> Option<Big> {
    let (mut rest, mut borrow) = ([0; 4], false);
    for at in 0..4 {
        let (digit, first) = left[at].overflowing_sub(right[at]);
        let (digit, second) = digit.overflowing_sub(u64::from(borrow));
        (rest[at], borrow) = (digit, first || second);
    }
    (!borrow).then_some(rest)
}

fn is_less(left: Big, right: Big) -> bool {
    difference(left, right).is_none()
}

/// Holds parts against the definition: what each share leaves when it is rounded
/// down, and who had an atom more.
fn check_split(whole: Amount, weights: &[u64]) {
    let parts = split(whole, weights).unwrap();
    let parts: Vec<u64> = parts
        .iter()
        .map(|part| part.map_or(0, Amount::get))
        .collect();
    assert_eq!(parts.len(), weights.len());
    assert_eq!(
        parts.iter().map(|&part| u128::from(part)).sum::<u128>(),
        u128::from(whole.get())
    );
    let sum = weights
        .iter()
        .map(|&weight| u128::from(weight))
        .sum::<u128>();
    let mut least_raised = None;
    let mut most_left = None;
    for (at, (&part, &weight)) in parts.iter().zip(weights).enumerate() {
        let exact = product(u128::from(whole.get()), u128::from(weight));
        let rounded = product(u128::from(part), sum);
        match difference(exact, rounded) {
            Some(remainder) => {
                assert!(
                    is_less(remainder, big(sum)),
                    "a share is rounded down by an atom"
                );
                let place = (remainder, at);
                if most_left.is_none_or(|most: (Big, usize)| is_less(most.0, place.0)) {
                    most_left = Some(place);
                }
            }
            None => {
                let lower = product(u128::from(part - 1), sum);
                let remainder = difference(exact, lower).unwrap();
                assert!(weight > 0 && is_less(remainder, big(sum)));
                let place = (remainder, at);
                if least_raised.is_none_or(|least: (Big, usize)| !is_less(least.0, place.0)) {
                    least_raised = Some(place);
                }
            }
        }
    }
    if let (Some(raised), Some(left)) = (least_raised, most_left) {
        let tie = !is_less(left.0, raised.0) && raised.1 < left.1;
        assert!(
            is_less(left.0, raised.0) || tie,
            "the largest remainders have the atoms left"
        );
    }
}

/// Small, large, equal and no weights, from one number.
fn weight(random: u64) -> u64 {
    match random % 9 {
        0 => 0,
        1..=4 => (random >> 32) % 10,
        5 | 6 => (random >> 32) % 1_000_000,
        7 => random,
        _ => u64::MAX,
    }
}

#[test]
fn a_million_weights_divide_amounts_by_the_largest_remainder() {
    let mut state = 0_u64;
    let mut random = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        u64::from_be_bytes(sha256(&state.to_be_bytes())[..8].try_into().unwrap())
    };
    let mut left = 1_000_000;
    while left > 0 {
        let len = random() % 200 + 1;
        let weights: Vec<u64> = (0..len).map(|_| weight(random())).collect();
        let atoms = match random() % 3 {
            0 => random() % 1000,
            1 => random() % Amount::MAX,
            _ => Amount::MAX - 1,
        };
        left -= weights.len().min(left);
        if weights.iter().all(|&weight| weight == 0) {
            assert_eq!(split(amount(atoms + 1), &weights), Err(SplitError));
        } else {
            check_split(amount(atoms + 1), &weights);
        }
    }
}

#[test]
fn atoms_that_are_left_go_to_the_earlier_of_equal_remainders() {
    let parts = |atoms, weights: &[u64]| -> Vec<u64> {
        let parts = split(amount(atoms), weights).unwrap();
        parts
            .iter()
            .map(|part| part.map_or(0, Amount::get))
            .collect()
    };
    assert_eq!(parts(10, &[1, 1, 1]), [4, 3, 3]);
    assert_eq!(parts(10, &[0, 1, 1, 1]), [0, 4, 3, 3]);
    assert_eq!(parts(1, &[1, 2, 2]), [0, 1, 0]);
    assert_eq!(parts(7, &[5]), [7]);
    assert_eq!(split(amount(1), &[]), Err(SplitError));
    assert_eq!(SplitError.code(), "split.weights");
}

#[test]
fn an_amount_without_counterpart_is_refused() {
    let rate = Rate::new(amount(100), amount(1));
    assert_eq!(
        rate.convert(Known::Paid(amount(99))),
        Err(RateError::Nothing)
    );
    let most = amount(Amount::MAX);
    assert_eq!(
        rate.convert(Known::Received(most)),
        Err(RateError::TooLarge)
    );
    let rate = Rate::new(amount(1), amount(2));
    assert_eq!(rate.convert(Known::Paid(most)), Err(RateError::TooLarge));
    assert_eq!(RateError::Nothing.code(), "rate.nothing");
    assert_eq!(RateError::TooLarge.code(), "rate.large");
}

fn atoms() -> impl Strategy<Value = u64> {
    prop_oneof![1_u64..50, 1_u64..1_000_000, 1..=Amount::MAX]
}

proptest! {
    #[test]
    fn a_conversion_loses_nothing(a in atoms(), b in atoms(), known in atoms(), is_paid: bool) {
        let rate = Rate::new(amount(a), amount(b));
        let known = if is_paid {
            Known::Paid(amount(known))
        } else {
            Known::Received(amount(known))
        };
        let Ok(made) = rate.convert(known) else {
            return Ok(());
        };
        let (paid, exchanged) = (u128::from(made.paid.get()), u128::from(made.exchanged.get()));
        let received = u128::from(made.received.get());
        let (left, extra) = match made.residue {
            Residue::None => (0, 0),
            Residue::Payer(left) => (u128::from(left.get()), 0),
            Residue::Payee(extra) => (0, u128::from(extra.get())),
        };
        prop_assert_eq!(paid, exchanged + left);
        let remainder = difference(
            product(exchanged, u128::from(b)),
            product(received + extra, u128::from(a)),
        );
        prop_assert_eq!(remainder, Some(big(u128::from(made.remainder))));
        prop_assert!(made.remainder < a.min(b), "less than an atom of either unit");
        match known {
            // One atom more would cost more than was paid.
            Known::Paid(given) => {
                prop_assert_eq!(made.paid, given);
                prop_assert_eq!(extra, 0);
                let dearer = product(received + 1, u128::from(a));
                prop_assert!(is_less(product(paid, u128::from(b)), dearer));
            }
            // One atom less would not do.
            Known::Received(wanted) => {
                prop_assert_eq!(made.received, wanted);
                prop_assert_eq!(left, 0);
                let cost = product(received, u128::from(a));
                prop_assert!(is_less(product(paid - 1, u128::from(b)), cost));
            }
        }
    }
}
