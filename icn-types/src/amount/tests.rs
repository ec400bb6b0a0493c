use core::cmp::Ordering;

use proptest::prelude::*;

use super::*;
use crate::canon::{from_bytes, to_bytes};

#[test]
fn an_amount_is_1_to_the_largest_signed_number() {
    assert_eq!(Amount::new(0), Err(AmountError::Zero));
    assert_eq!(Amount::new(1).map(Amount::get), Ok(1));
    assert_eq!(
        Amount::new(Amount::MAX).map(Amount::get),
        Ok(i64::MAX.unsigned_abs())
    );
    assert_eq!(Amount::new(Amount::MAX + 1), Err(AmountError::TooLarge));
}

#[test]
fn what_is_no_amount_is_not_decoded() {
    for (atoms, code) in [(0_u64, "amount.zero"), (1 << 63, "amount.large")] {
        let error = from_bytes::<Amount>(&to_bytes(&atoms)).unwrap_err();
        assert_eq!(error.reason(), Reason::Value(code));
    }
}

#[test]
fn a_position_stops_at_the_ends_of_its_range() {
    let one = Amount::new(1).unwrap();
    assert_eq!(Position::new(i128::MAX).raised(one), None);
    assert_eq!(Position::new(i128::MIN).lowered(one), None);
    assert_eq!(Position::ZERO.lowered(one), Some(Position::new(-1)));
}

#[test]
fn a_ratio_lies_between_0_and_1() {
    assert!(Ratio::new(0, 1).is_ok());
    assert!(Ratio::new(1, 1).is_ok());
    assert!(Ratio::new(2, 1).is_err());
    assert!(Ratio::new(0, 0).is_err());
    let bytes = [0x82, 0x02, 0x01];
    let error = from_bytes::<Ratio>(&bytes).unwrap_err();
    assert_eq!(error.reason(), Reason::Value("ratio.range"));
}

#[test]
fn the_widest_numbers_compare_exactly() {
    let almost = Ratio::new(u64::MAX - 1, u64::MAX).unwrap();
    assert_eq!(
        almost.compare(u128::MAX - 1, u128::MAX),
        Some(Ordering::Greater)
    );
    assert_eq!(
        almost.compare(u128::MAX / 2, u128::MAX),
        Some(Ordering::Less)
    );
    assert_eq!(
        Ratio::new(1, 1).unwrap().compare(u128::MAX, u128::MAX),
        Some(Ordering::Equal)
    );
    assert_eq!(
        Ratio::new(0, 5).unwrap().compare(0, 7),
        Some(Ordering::Equal)
    );
    assert_eq!(Ratio::new(0, 5).unwrap().compare(0, 0), None);
}

proptest! {
    #[test]
    fn what_is_sent_and_sent_back_leaves_a_position(
        start in -(1_i128 << 100)..1 << 100,
        atoms in 1..=Amount::MAX,
    ) {
        let amount = Amount::new(atoms).unwrap();
        let start = Position::new(start);
        let sent = start.lowered(amount).unwrap();
        prop_assert_eq!(sent.raised(amount), Some(start));
        prop_assert_eq!(start.get() - sent.get(), i128::from(atoms));
    }

    #[test]
    fn an_amount_reads_back(atoms in 1..=Amount::MAX) {
        let amount = Amount::new(atoms).unwrap();
        prop_assert_eq!(from_bytes(&to_bytes(&amount)), Ok(amount));
        prop_assert_eq!(alloc::format!("{amount}"), alloc::format!("{atoms}"));
    }

    #[test]
    fn a_ratio_compares_as_small_fractions_do(
        (numerator, denominator) in (1..1000_u64).prop_flat_map(|d| (0..=d, Just(d))),
        part in 0..100_000_u128,
        whole in 1..100_000_u128,
    ) {
        let ratio = Ratio::new(numerator, denominator).unwrap();
        let expected = (part * u128::from(denominator)).cmp(&(whole * u128::from(numerator)));
        prop_assert_eq!(ratio.compare(part, whole), Some(expected));
        prop_assert_eq!(from_bytes(&to_bytes(&ratio)), Ok(ratio));
    }

    #[test]
    fn a_ratio_of_wide_numbers_keeps_its_order_when_both_sides_double(
        numerator: u64, part in 0..u128::MAX / 2, whole in 1..u128::MAX / 2,
    ) {
        let ratio = Ratio::new(numerator, u64::MAX).unwrap();
        prop_assert_eq!(ratio.compare(part, whole), ratio.compare(part * 2, whole * 2));
    }
}

#[test]
fn named_ratios_are_what_they_say() {
    let named = [
        (Ratio::ZERO, (0, 1)),
        (Ratio::HALF, (1, 2)),
        (Ratio::TWO_THIRDS, (2, 3)),
        (Ratio::ONE, (1, 1)),
    ];
    for (ratio, (numerator, denominator)) in named {
        assert_eq!(Ratio::new(numerator, denominator), Ok(ratio));
    }
}

#[test]
fn numbers_are_shown_as_they_are() {
    let amount = Amount::new(7).unwrap();
    assert_eq!(alloc::format!("{amount:?}"), "Amount(7)");
    assert_eq!(alloc::format!("{}", Position::new(-7)), "-7");
    let ratio = Ratio::new(3, 4).unwrap();
    assert_eq!((ratio.numerator(), ratio.denominator()), (3, 4));
}

/// Products above 2^128, whose lower halves carry into the upper ones.
#[test]
fn carries_of_wide_products_count() {
    let most = Ratio::new(u64::MAX - 1, u64::MAX).unwrap();
    let whole = (1 << 64) | u128::from(u64::MAX);
    let exact = whole - whole.div_ceil(u128::from(u64::MAX));
    assert_eq!(most.compare(exact, whole), Some(Ordering::Less));
    assert_eq!(most.compare(exact + 1, whole), Some(Ordering::Greater));
}
