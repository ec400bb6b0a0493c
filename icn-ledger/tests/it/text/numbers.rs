//! Numbers and dates, and how their text is read.

use icn_ledger::text::{Date, Decimals, Flaw, Import};
use icn_types::time::Timestamp;
use proptest::prelude::*;

use super::chance::symbol;
use super::{read, read_with};

/// The atoms of an amount of EUR, and its decimals.
fn atoms(declarations: &str, amount: &str) -> Result<(i128, u8), Flaw> {
    let text = format!("{declarations}\n2024-01-01\n  a  {amount}\n  b\n");
    let journal = read(&text).map_err(|error| error.flaw)?;
    let money = &journal.transactions()[0].postings[0].amount;
    assert_eq!(money.symbol, symbol("EUR"), "{amount}");
    Ok((money.atoms, journal.decimals(&money.symbol).unwrap().get()))
}

#[test]
fn amounts_are_read_with_marks_groups_and_symbols_on_either_side() {
    for (text, expected) in [
        ("EUR 12", (12, 0)),
        ("EUR12.5", (125, 1)),
        ("-EUR 12.50", (-1250, 2)),
        ("EUR -12.50", (-1250, 2)),
        ("EUR+1", (1, 0)),
        ("-12.50 EUR", (-1250, 2)),
        ("12.50EUR", (1250, 2)),
        ("\"EUR\" 1", (1, 0)),
        ("1\"EUR\"", (1, 0)),
        ("1,000.00 EUR", (100_000, 2)),
        ("1.000,00 EUR", (100_000, 2)),
        ("1 000.00 EUR", (100_000, 2)),
        ("EUR 1 234 567", (1_234_567, 0)),
        ("1,00,00,000.5 EUR", (100_000_005, 1)),
        ("1,000,000 EUR", (1_000_000, 0)),
        ("1.000.000 EUR", (1_000_000, 0)),
        ("1.000 EUR", (1000, 3)),
        ("1,5 EUR", (15, 1)),
        ("1,5000 EUR", (15_000, 4)),
        ("1000,5 EUR", (10_005, 1)),
        (".5 EUR", (5, 1)),
        ("5. EUR", (5, 0)),
        ("0 EUR", (0, 0)),
        ("0000000000000000000000000000000000012 EUR", (12, 0)),
    ] {
        assert_eq!(atoms("", text), Ok(expected), "{text}");
    }
}

#[test]
fn a_declared_mark_decides_what_would_be_ambiguous() {
    for text in ["1,000 EUR", "0,500 EUR", "1000,500 EUR", "1,000000 EUR"] {
        assert_eq!(atoms("", text), Err(Flaw::Ambiguous), "{text}");
    }
    for (declared, text, expected) in [
        ("decimal-mark .", "1,000 EUR", (1000, 0)),
        ("decimal-mark ,", "1,000 EUR", (1000, 3)),
        ("decimal-mark ,", "1.000 EUR", (1000, 0)),
        ("commodity 1.000,00 EUR", "1.000 EUR", (100_000, 2)),
        (
            "commodity EUR\n  format 1,000.00 EUR",
            "1,000 EUR",
            (100_000, 2),
        ),
        ("commodity EUR 1000.0\ndecimal-mark ,", "1,000 EUR", (10, 1)),
        ("D 1000.00 EUR", "1", (100, 2)),
        ("commodity 1. EUR", "7 EUR", (7, 0)),
        ("D 1000.0 X", "1,000 EUR", (1000, 0)),
        ("D 1000,0 X", "1,000 EUR", (1000, 3)),
        ("D 1000,0 X\ncommodity 1.0 EUR", "1,000 EUR", (10_000, 1)),
    ] {
        assert_eq!(atoms(declared, text), Ok(expected), "{declared}: {text}");
    }
}

#[test]
fn a_text_that_is_no_number_is_refused_by_its_reason() {
    let precision = |decimals| Flaw::Precision {
        decimals: Decimals::new(decimals).unwrap(),
    };
    for (declared, text, flaw) in [
        ("", "1,00,0.00 EUR", Flaw::Number),
        ("", "1234,567.00 EUR", Flaw::Number),
        ("", "1,000.000.000 EUR", Flaw::Number),
        ("", "1.0,0.0 EUR", Flaw::Number),
        ("", "1..0 EUR", Flaw::Number),
        ("decimal-mark .", "1.000.000 EUR", Flaw::Number),
        ("decimal-mark .", "1,5 EUR", Flaw::Number),
        ("D 1000.0 X", "1,5 EUR", Flaw::Number),
        ("", "1.0000000000000000001 EUR", precision(18)),
        ("commodity 1.00 EUR", "1.005 EUR", precision(2)),
        ("", "10000000000000000000000000001 EUR", Flaw::Large),
        (
            "commodity 1.00 EUR",
            "1000000000000000000000000000 EUR",
            Flaw::Large,
        ),
    ] {
        assert_eq!(atoms(declared, text), Err(flaw), "{declared}: {text}");
    }
    // Zeros beyond the decimals change nothing.
    assert_eq!(atoms("commodity 1.00 EUR", "1.5000 EUR"), Ok((150, 2)));
}

#[test]
fn what_the_caller_knows_goes_before_what_the_file_declares() {
    let import = Import::new().with_decimals(symbol("EUR"), Decimals::new(3).unwrap());
    let text = "commodity 1.00 EUR\n2024-01-01\n  a  1.005 EUR\n  b\n";
    let journal = read_with(&import, text).unwrap();
    assert_eq!(journal.transactions()[0].postings[0].amount.atoms, 1005);
}

#[test]
fn there_are_at_most_18_decimals() {
    assert_eq!(Decimals::new(18).map(Decimals::get), Some(18));
    assert_eq!(Decimals::new(19), None);
}

#[test]
fn days_that_are_not_in_the_calendar_do_not_exist() {
    for (year, month, day) in [
        (2023, 2, 29),
        (1900, 2, 29),
        (2024, 4, 31),
        (2024, 13, 1),
        (2024, 0, 1),
        (2024, 1, 0),
        (1399, 12, 31),
        (3000, 1, 1),
    ] {
        assert_eq!(Date::new(year, month, day), None);
    }
    assert!(Date::new(2000, 2, 29).is_some());
    assert_eq!(Date::new(2999, 12, 31).unwrap().next(), None);
}

proptest! {
    #[test]
    fn a_day_starts_at_a_time_that_lies_in_it(day in 0_u64..376_000, millis in 0_u64..86_400_000) {
        let start = Timestamp::from_millis(day * 86_400_000);
        let date = Date::of(start).unwrap();
        prop_assert_eq!(date.start(), Some(start));
        prop_assert_eq!(Date::of(start.saturating_add(millis)), Some(date));
        if let Some(next) = date.next() {
            prop_assert_eq!(next.start(), Some(start.saturating_add(86_400_000)));
        }
    }
}

#[test]
fn known_days_have_their_names() {
    for (millis, text) in [
        (0, "1970-01-01"),
        (951_782_400_000, "2000-02-29"),
        (1_732_579_199_999, "2024-11-25"),
        (32_503_679_999_999, "2999-12-31"),
    ] {
        let date = Date::of(Timestamp::from_millis(millis)).unwrap();
        assert_eq!(date.to_string(), text);
    }
    assert_eq!(Date::of(Timestamp::from_millis(32_503_680_000_000)), None);
    assert_eq!(Date::new(1969, 12, 31).unwrap().start(), None);
}
