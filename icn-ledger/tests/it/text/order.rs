//! What stands before or after decides nothing.

use icn_ledger::text::{Flaw, Format};
use proptest::prelude::*;

use super::chance::journals;
use super::{read, read_csv};

/// ledger#3259 and #1082: whether a transaction balanced depended on the
/// decimals that were seen before it.
#[test]
fn decimals_seen_before_or_after_change_no_verdict() {
    let rounded = "2024-01-01\n  a  10.00 EUR\n  b  -9.995 EUR\n";
    let fine = "2024-01-02\n  a  1.005 EUR\n  b  -1.005 EUR\n";
    let coarse = "2024-01-03\n  a  1 EUR\n  b  -1 EUR\n";
    for parts in [
        [rounded, fine, coarse],
        [coarse, rounded, fine],
        [fine, coarse, rounded],
    ] {
        let error = read(&parts.join("\n")).unwrap_err();
        let line =
            1 + 4 * u32::try_from(parts.iter().position(|one| *one == rounded).unwrap()).unwrap();
        assert_eq!(error.line, line);
        assert!(matches!(error.flaw, Flaw::Unbalanced { .. }));
    }
    let whole = read(&[fine, coarse].join("\n")).unwrap();
    assert_eq!(read(&[coarse, fine].join("\n")), Ok(whole));
}

/// hledger#1098: a directive elsewhere made an unbalanced transaction pass.
#[test]
fn a_declaration_forgives_no_imbalance() {
    let transaction = "2024-01-01\n  a  1.004 EUR\n  b  -1 EUR\n";
    for declared in [
        "",
        "commodity 1000. EUR\n",
        "commodity 1.00 EUR\n",
        "D 1.0 EUR\n",
    ] {
        for text in [
            format!("{declared}{transaction}"),
            format!("{transaction}{declared}"),
        ] {
            assert!(read(&text).is_err(), "{text}");
        }
    }
}

/// beancount#411: a tolerance of two roundings let a wrong cent pass.
#[test]
fn one_atom_is_never_within_a_tolerance() {
    let balance = |atoms| read(&format!("2024-01-01\n  a  1.00 EUR = {atoms} EUR\n  b\n"));
    assert!(balance("1.00").is_ok());
    for wrong in ["0.99", "1.01", "0.995", "1.000000000000000001"] {
        assert!(balance(wrong).is_err(), "{wrong}");
    }
    assert!(read("2024-01-01\n  a  1.00 EUR\n  b  -0.995 EUR\n").is_err());
}

#[test]
fn a_declaration_holds_for_amounts_above_it() {
    let amount = "2024-01-01\n  a  1.000 EUR\n  b  -1.000 EUR\n";
    let declared = "commodity 1.000,00 EUR\n";
    let before = read(&format!("{declared}{amount}"));
    assert_eq!(before, read(&format!("{amount}{declared}")));
    assert_eq!(
        before.unwrap().transactions()[0].postings[0].amount.atoms,
        100_000
    );
}

#[test]
fn the_decimals_of_one_commodity_do_not_bound_another() {
    let text = "2024-01-01\n  a  20000000000.01 EUR\n  a  0.000000000000000001 X\n  b\n";
    assert_eq!(
        read(text).unwrap().transactions()[0].postings[0]
            .amount
            .atoms,
        2_000_000_000_001
    );
}

/// The blocks of a text between blank lines, in the order of these numbers.
fn permuted(text: &str, order: &[usize]) -> String {
    let blocks: Vec<&str> = text.split("\n\n").collect();
    let mut order: Vec<(usize, &str)> = order.iter().copied().zip(blocks).collect();
    order.sort_unstable();
    let blocks: Vec<&str> = order
        .into_iter()
        .map(|(_, block)| block.trim_end())
        .collect();
    blocks.join("\n\n")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn permuted_files_have_the_same_verdict_and_totals(
        journal in journals(),
        order in prop::collection::vec(any::<prop::sample::Index>(), 16),
        off in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let mut text = journal.show(Format::Hledger).to_string();
        // Now and then, one of the amounts is wrong.
        if let (Some(off), Some(first)) = (off, text.find("\n\n")) {
            let digits: Vec<usize> = text
                .char_indices()
                .filter(|(at, c)| *at > first && c.is_ascii_digit())
                .map(|(at, _)| at)
                .collect();
            let at = digits[off.index(digits.len())];
            text.replace_range(at..=at, "7");
        }
        let order: Vec<usize> = order.iter().map(|one| one.index(1000)).collect();
        let (one, other) = (read(&text), read(&permuted(&text, &order)));
        match (one, other) {
            (Ok(one), Ok(other)) => {
                prop_assert_eq!(one.balances(), other.balances());
                prop_assert!(one.commodities().eq(other.commodities()));
                prop_assert_eq!(one.transactions().len(), other.transactions().len());
            }
            (Err(_), Err(_)) => {}
            (one, other) => prop_assert!(false, "{one:?}\n{other:?}\n{text}"),
        }
    }

    #[test]
    fn days_in_any_order_are_the_same_journal(
        journal in journals(),
        order in prop::collection::vec(any::<prop::sample::Index>(), 16),
    ) {
        let mut days = journal.transactions().to_vec();
        days.dedup_by_key(|one| one.date);
        let mut once = super::chance::empty();
        days.into_iter().for_each(|one| once.push(one).unwrap());
        once.assert_days();
        let text = once.show(Format::Hledger).to_string();
        let order: Vec<usize> = order.iter().map(|one| one.index(1000)).collect();
        prop_assert_eq!(read(&permuted(&text, &order)), Ok(once));
    }
}

#[test]
fn rows_that_stand_apart_are_refused_in_either_order() {
    let head = "txnidx,date,account,amount\n";
    let rows = [
        "1,2024-01-01,a,1\n",
        "2,2024-01-01,a,0\n",
        "1,2024-01-01,b,-1\n",
    ];
    assert!(read_csv(&[head, rows[0], rows[2], rows[1]].concat()).is_ok());
    for apart in [[0, 1, 2], [2, 1, 0]] {
        let text = [head, rows[apart[0]], rows[apart[1]], rows[apart[2]]].concat();
        assert_eq!(read_csv(&text).unwrap_err().line, 4);
    }
}
