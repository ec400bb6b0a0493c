//! Units: their names, and amounts as people read them.

use icn_ledger::unit::{ParseError, Scale};
use icn_ledger::{Unit, UnitCode};
use icn_types::amount::{Amount, AmountError};
use icn_types::canon::{from_bytes, to_bytes};
use icn_types::error::{Coded as _, Fault};
use icn_types::id::DomainId;
use proptest::prelude::*;

use crate::market::{amount, hours};

fn unit(scale: u64) -> Unit {
    Unit {
        scale: Scale::new(scale).unwrap(),
        ..hours(DomainId::from_bytes([1; 32]))
    }
}

#[test]
fn amounts_are_shown_in_the_way_of_their_scale() {
    for (scale, atoms, text) in [
        (1, 12, "12"),
        (100, 1234, "12.34"),
        (100, -5, "-0.05"),
        (1000, 12, "0.012"),
        (3600, 25_200, "7h"),
        (3600, 5400, "1h30"),
        (3600, -5415, "-1h30:15"),
        (3600, 15, "0h00:15"),
        (12, 41, "3+5/12"),
        (12, -36, "-3"),
    ] {
        assert_eq!(unit(scale).show(atoms).to_string(), text);
    }
}

#[test]
fn a_text_that_is_no_amount_is_refused_by_its_reason() {
    for (scale, text, error) in [
        (100, "12.345", ParseError::Precision),
        (100, "12.", ParseError::Form),
        (100, ".5", ParseError::Form),
        (100, "-1", ParseError::Form),
        (100, "+1", ParseError::Form),
        (100, "1 ", ParseError::Form),
        (100, "", ParseError::Form),
        (100, "0", ParseError::Amount(AmountError::Zero)),
        (
            100,
            "92233720368547758.08",
            ParseError::Amount(AmountError::TooLarge),
        ),
        (
            1,
            "99999999999999999999",
            ParseError::Amount(AmountError::TooLarge),
        ),
        (3600, "7", ParseError::Form),
        (3600, "1h5", ParseError::Form),
        (3600, "1h60", ParseError::Form),
        (3600, "1h:30", ParseError::Form),
        (12, "1+12/12", ParseError::Form),
        (12, "1+1/10", ParseError::Form),
        (12, "1+0/12", ParseError::Form),
    ] {
        assert_eq!(unit(scale).parse(text), Err(error), "{text}");
    }
    assert_eq!(
        unit(100).parse("92233720368547758.07"),
        Amount::new(Amount::MAX).map_err(ParseError::from)
    );
    assert_eq!(unit(100).parse("0.5"), Ok(amount(50)));
}

#[test]
fn reasons_have_codes() {
    let errors = [
        ParseError::Form,
        ParseError::Precision,
        ParseError::Amount(AmountError::Zero),
    ];
    let codes = errors.map(|error| error.code());
    assert_eq!(codes, ["unit.form", "unit.precision", "amount.zero"]);
    assert!(errors.iter().all(|error| error.fault() == Fault::Caller));
}

#[test]
fn two_communities_never_mean_the_same_unit() {
    let one = unit(100);
    let others = [
        Unit {
            issuer: DomainId::from_bytes([2; 32]),
            ..one
        },
        Unit {
            code: UnitCode::new("HOURS").unwrap(),
            ..one
        },
        unit(1000),
        Unit {
            min_leg: amount(2),
            ..one
        },
    ];
    assert!(others.iter().all(|other| other.id() != one.id()));
    assert_eq!(unit(100).id(), one.id());
}

#[test]
fn a_code_is_short_and_plain() {
    for text in ["", "a code", "\u{e9}", "twelve-chars"] {
        assert_eq!(UnitCode::new(text), None, "{text}");
    }
    assert_eq!(
        UnitCode::new("eleven-char").unwrap().as_str(),
        "eleven-char"
    );
}

#[test]
fn only_one_spelling_of_a_unit_is_read() {
    let bytes = to_bytes(&unit(100));
    assert_eq!(from_bytes::<Unit>(&bytes), Ok(unit(100)));
    let mut zero = bytes.clone();
    let at = bytes
        .windows(2)
        .position(|pair| pair == [0x18, 100])
        .unwrap();
    zero.splice(at..at + 2, [0]);
    assert!(from_bytes::<Unit>(&zero).is_err(), "a scale of zero");
}

proptest! {
    #[test]
    fn what_is_shown_is_read_back(
        scale in prop_oneof![Just(1), Just(100), Just(3600), Just(1_000_000_000), 1..=u64::MAX],
        atoms in 1..=Amount::MAX,
    ) {
        let unit = unit(scale);
        let text = unit.show(i128::from(atoms)).to_string();
        prop_assert_eq!(unit.parse(&text), Ok(amount(atoms)));
    }

    #[test]
    fn any_text_is_refused_or_says_the_same_as_its_own_spelling(
        scale in prop_oneof![Just(1), Just(100), Just(3600), Just(12)],
        text in "[0-9h:.+/-]{0,8}",
    ) {
        let unit = unit(scale);
        if let Ok(amount) = unit.parse(&text) {
            let shown = unit.show(i128::from(amount.get())).to_string();
            prop_assert_eq!(unit.parse(&shown), Ok(amount));
        }
    }
}
