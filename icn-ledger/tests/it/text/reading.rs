//! What journals say, line by line.

use icn_ledger::text::{
    Conversion, Date, Flaw, Format, Import, Include, Journal, Posting, Reach, Source, Span, Status,
};

use super::chance::{account, symbol};
use super::{read, read_with, source};

/// Account, atoms and commodity of every posting.
fn moves(journal: &Journal) -> Vec<(&str, i128, &str)> {
    let postings = journal.transactions().iter().flat_map(|one| &one.postings);
    let shown = |one: &'_ Posting| one.amount.atoms;
    postings
        .map(|one| (one.account.as_str(), shown(one), one.amount.symbol.as_str()))
        .collect()
}

#[test]
fn a_transaction_has_all_that_the_manuals_give_it() {
    let journal = read(
        "; a comment\n# another\n* and one\n\
         2024/1/30=2/1 ! (c-1) Bakery | bread  ; order: 7, by: alice\n\
         \x20   ; more words\n\
         \x20   * food:bread    3.50 EUR = 3.50 EUR  ; fresh\n\
         \t; and: more\n\
         \tassets:cash\t-3.5 EUR\n\
         \n\
         2024.01.31 * Nobody\r\n\
         \x20 a  1\r\n\
         \x20 b  -1 ==* -1 ; last line without an end",
    )
    .unwrap();
    let [first, second] = journal.transactions() else {
        panic!("two transactions");
    };
    assert_eq!(first.date, Date::new(2024, 1, 30).unwrap());
    assert_eq!(first.secondary, Date::new(2024, 2, 1));
    assert_eq!(first.status, Status::Pending);
    assert_eq!(first.code.as_ref().unwrap().as_str(), "c-1");
    assert_eq!(first.description.payee(), "Bakery");
    assert_eq!(
        (first.tag("order"), first.tag("by")),
        (Some("7"), Some("alice"))
    );
    assert_eq!(first.comments.len(), 2);
    let [bread, cash] = &first.postings[..] else {
        panic!("two postings");
    };
    assert_eq!(
        (bread.status, cash.status),
        (Status::Cleared, Status::Unmarked)
    );
    assert_eq!((bread.amount.atoms, cash.amount.atoms), (350, -350));
    assert_eq!(bread.assertion.as_ref().unwrap().balance.atoms, 350);
    let comments: Vec<_> = bread.comments.iter().map(|one| one.as_str()).collect();
    assert_eq!(comments, ["fresh", "and: more"]);
    assert_eq!(second.date, Date::new(2024, 1, 31).unwrap());
    let last = second.postings[1].assertion.as_ref().unwrap();
    assert_eq!((last.reach, last.span), (Reach::Below, Span::Sole));
}

#[test]
fn an_amount_left_out_is_what_is_missing_in_each_commodity() {
    let journal = read("2024-01-01\n  a  1.50 EUR\n  rest  ; here\n  b  2 USD\n").unwrap();
    assert_eq!(
        moves(&journal),
        [
            ("a", 150, "EUR"),
            ("rest", -150, "EUR"),
            ("rest", -2, "USD"),
            ("b", 2, "USD")
        ]
    );
    let journal = read("2024-01-01\n  a  1 EUR\n  b  -1 EUR\n  c\n").unwrap();
    assert_eq!(moves(&journal)[2], ("c", 0, "EUR"));
}

#[test]
fn the_most_decimals_of_a_commodity_hold_for_all_of_it() {
    let text = "2024-01-01\n  a  1 EUR\n  b\n2024-01-02\n  a  0.125 EUR\n  b\n";
    assert_eq!(moves(&read(text).unwrap())[0], ("a", 1000, "EUR"));
    // Assertions count, prices do not.
    let text = "P 2024-01-01 X 1.2345 EUR\n2024-01-01\n  a  1 EUR = 1.0 EUR\n  b\n";
    assert_eq!(moves(&read(text).unwrap())[0], ("a", 10, "EUR"));
}

#[test]
fn a_default_commodity_holds_from_its_line_on_and_for_included_files() {
    let import = Import::new();
    let main = "2024-01-01\n a  1\n b\nD 1. X\ninclude sub\n2024-01-03\n a  3\n b\n";
    let sub = "2024-01-02\n a  2\n b\nD 1. Y\n2024-01-02\n a  4\n b\n";
    let (journal, _) = import
        .journal(source("main", main), |include| {
            assert_eq!((include.from, include.path), ("main", "sub"));
            Some(source("sub", sub))
        })
        .unwrap();
    let symbols: Vec<_> = moves(&journal).into_iter().step_by(2).collect();
    assert_eq!(
        symbols,
        [("a", 1, ""), ("a", 2, "X"), ("a", 4, "Y"), ("a", 3, "X")]
    );
}

#[test]
fn what_is_declared_is_kept_and_prices_too() {
    let text = "account assets:unused  ; note\n  ; comment\n  note about it\n\
                commodity X\n  note x\n  nomarket\n  format 1.000 X\n\
                commodity Y\n\
                payee Someone\ntag order\n\
                P 2024-01-02 Y 2.5 X\nP 2024-01-01 X 0.5 Y\n";
    let journal = read(text).unwrap();
    let accounts: Vec<_> = journal.accounts().map(|one| one.as_str()).collect();
    assert_eq!(accounts, ["assets:unused"]);
    let decimals = |text| journal.decimals(&symbol(text)).unwrap().get();
    assert_eq!((decimals("X"), decimals("Y")), (3, 0));
    let prices: Vec<_> = journal
        .prices()
        .iter()
        .map(|one| one.price.to_string())
        .collect();
    assert_eq!(prices, ["0.5", "2.5"]);
}

#[test]
fn comment_blocks_are_not_read() {
    let text = "comment\n2024-99-99 nonsense\ninclude nothing\nend comment\n\
                2024-01-01\n  a  1\n  b\ncomment\nto the end";
    assert_eq!(read(text).unwrap().transactions().len(), 1);
}

#[test]
fn files_are_read_where_they_are_included() {
    let open = |include: &Include<'_>| -> Option<Source> {
        let text = match include.path {
            "one" => "2024-01-01 one\n  a  1\n  b\ninclude two",
            "two" => "2024-01-01 two\n  a  1\n  b\n",
            _ => return None,
        };
        Some(source(include.path, text))
    };
    let main = "2024-01-01 first\n  a  1\n  b\ninclude one\n2024-01-01 last\n  a  1\n  b\n";
    let (journal, _) = Import::new().journal(source("main", main), open).unwrap();
    let names: Vec<_> = journal
        .transactions()
        .iter()
        .map(|one| one.description.as_str())
        .collect();
    assert_eq!(names, ["first", "one", "two", "last"]);
}

const EXCHANGE: &str = "2024-01-01\n  euros  10 EUR @ $1.10\n  dollars  $-11.00\n";

#[test]
fn a_conversion_is_refused_unless_an_account_is_named() {
    let error = read(EXCHANGE).unwrap_err();
    assert_eq!((error.line, error.flaw), (1, Flaw::Conversion));
    let import = Import::new().with_conversion(Conversion::Through(account("equity:exchange")));
    for text in [
        EXCHANGE,
        "2024-01-01\n  euros  10 EUR @@ $11.00\n  dollars  $-11.00\n",
        "2024-01-01\n  euros  10 EUR @ $1.10\n  dollars\ncommodity $1.00\n",
        "2024-01-01\n  dollars  $-11.00\n  euros  10 EUR @ $1.10\n",
    ] {
        let journal = read_with(&import, text).unwrap();
        let mut moves = moves(&journal);
        moves.sort_unstable();
        assert_eq!(
            moves,
            [
                ("dollars", -1100, "$"),
                ("equity:exchange", -10, "EUR"),
                ("equity:exchange", 1100, "$"),
                ("euros", 10, "EUR"),
            ]
        );
    }
    let journal = read_with(&import, EXCHANGE).unwrap();
    let shown = journal.show(Format::Hledger).to_string();
    assert_eq!(read(&shown).as_ref(), Ok(&journal));
    let note = &journal.transactions()[0].postings[0].comments[0];
    assert_eq!(note.tags().next(), Some(("price", "@ $1.10")));
}

#[test]
fn a_price_that_does_not_add_up_exactly_is_refused() {
    let import = Import::new().with_conversion(Conversion::Through(account("x")));
    let text = "2024-01-01\n  a  3 A @ $0.333\n  b  $-1.00\n";
    let error = read_with(&import, text).unwrap_err();
    assert_eq!(
        error.to_string(),
        "main.journal:1: transaction is off by -0.001 $"
    );
    // Without a price, two commodities are never taken for a conversion.
    let error = read_with(&import, "2024-01-01\n  a  10 EUR\n  b  $-11\n").unwrap_err();
    assert!(matches!(error.flaw, Flaw::Unbalanced { .. }));
}

#[test]
fn assertions_are_exact() {
    let with = |mark: &str, balance: &str| {
        read(&format!(
            "2024-01-01\n  a  1.00 EUR\n  b\n\
             2024-01-02\n  a:sub  5.00 EUR\n  a  1 USD\n  b\n\
             2024-01-03\n  a  0.05 EUR {mark} {balance}\n  b\n"
        ))
    };
    for (mark, balance) in [("=", "1.05 EUR"), ("=*", "6.05 EUR"), ("=", "1.050 EUR")] {
        assert!(with(mark, balance).is_ok(), "{mark} {balance}");
    }
    for (mark, balance, message) in [
        ("=", "1.04 EUR", "balance is 1.05 EUR, not 1.04"),
        ("=", "1.06 EUR", "balance is 1.05 EUR, not 1.06"),
        ("=", "1.0501 EUR", "balance is 1.0500 EUR, not 1.0501"),
        ("=*", "1.05 EUR", "balance is 6.05 EUR, not 1.05"),
        ("==", "1.05 EUR", "balance is 1 USD, not 0"),
        ("==*", "6.05 EUR", "balance is 1 USD, not 0"),
        ("=", "1 CHF", "balance is 0 CHF, not 1"),
    ] {
        let error = with(mark, balance).unwrap_err();
        assert_eq!((error.line, error.flaw.to_string().as_str()), (9, message));
    }
}

#[test]
fn bytes_are_read_as_utf8() {
    let good = Source::from_bytes(
        "a".into(),
        b"\xef\xbb\xbf2024-01-01\n  a  1\n  b\n".to_vec(),
    );
    let (journal, _) = Import::new().journal(good.unwrap(), |_| None).unwrap();
    assert_eq!(journal.transactions().len(), 1);
    let bad = Source::from_bytes("a".into(), b"one\ntwo \xff\n".to_vec()).unwrap_err();
    assert_eq!((bad.line, bad.flaw), (2, Flaw::Utf8));
}
