//! Every refusal, by its code and line.

use icn_ledger::text::{Flaw, Import, Include, MarketPrice, Money, Source, TextError, Transaction};
use icn_types::error::{Coded as _, Fault};

use super::chance::{account, symbol};
use super::{read, read_csv, source};

/// A good start of three lines, so that no error is on line 1 by accident.
const GOOD: &str = "2024-01-01 good\n  a  1.00 EUR = 1.00 EUR\n  b  -1.00 EUR\n\n";

/// Code, the line within the text, and the text.
const JOURNALS: [(&str, u32, &str); 56] = [
    ("text.include.missing", 1, "include nowhere.journal"),
    ("text.directive", 1, "~ monthly\n  a  1\n  b"),
    ("text.directive", 1, "= expr\n  a  1\n  b"),
    ("text.directive", 1, "alias a=b"),
    ("text.directive", 1, "apply account x"),
    ("text.directive", 1, "Y 2024"),
    ("text.directive", 1, "end comment"),
    ("text.directive", 1, "!include x"),
    ("text.directive.form", 1, "decimal-mark x"),
    ("text.directive.form", 1, "D 1.00 EUR x"),
    ("text.directive.form", 2, "account a\n  alias b"),
    ("text.directive.form", 2, "commodity X\n  format 1.0 Y"),
    ("text.directive.form", 2, "tag x\n  check y"),
    (
        "text.declared",
        2,
        "commodity 1,000.00 EUR\ncommodity 1.000,00 EUR",
    ),
    ("text.indent", 1, "  a  1"),
    ("text.indent", 2, "; comment\n  a  1"),
    ("text.date", 1, "2024-02-30 x\n  a  1\n  b"),
    ("text.date", 1, "24-02-03 x\n  a  1\n  b"),
    ("text.date", 1, "02-03 x\n  a  1\n  b"),
    ("text.date", 1, "2024-02/03 x\n  a  1\n  b"),
    ("text.date", 1, "2024-02-03=13-01 x\n  a  1\n  b"),
    ("text.date", 1, "2024-02-03T10 x\n  a  1\n  b"),
    ("text.date", 1, "P 2024-01-32 X 1 EUR"),
    ("text.code", 1, "2024-01-02 (x\n  a  1\n  b"),
    ("text.description", 1, "2024-01-02 (x) (y)\n  a  1\n  b"),
    ("text.comment", 2, "2024-01-02\n  ; x:: 1\n  a  1\n  b"),
    (
        "text.comment",
        2,
        "2024-01-02\n  a  1  ; date:2024-01-03\n  b",
    ),
    ("text.account", 2, "2024-01-02\n  a::b  1\n  b"),
    ("text.account", 2, "2024-01-02\n  <a>  1\n  b"),
    ("text.command", 2, "2024-01-02\n  check a  1\n  b"),
    ("text.command", 3, "2024-01-02\n  ! check a  1\n  expr b"),
    ("text.virtual", 2, "2024-01-02\n  (a)  1\n  b"),
    ("text.virtual", 2, "2024-01-02\n  ! [a]  1\n  b"),
    ("text.symbol", 2, "2024-01-02\n  a  1 \"x;\"\n  b"),
    ("text.symbol", 2, "2024-01-02\n  a  1 \"x\n  b"),
    ("text.amount", 2, "2024-01-02\n  a  x\n  b"),
    ("text.amount", 2, "2024-01-02\n  a  -$-1\n  b"),
    ("text.amount", 2, "2024-01-02\n  a  1 EUR x\n  b"),
    ("text.amount", 3, "2024-01-02\n  a  1\n  b  (2 * 3)"),
    ("text.amount", 2, "2024-01-02\n  a  1E3\n  b"),
    ("text.lot", 2, "2024-01-02\n  a  1 X {$5}\n  b"),
    ("text.number", 2, "2024-01-02\n  a  1,00,0.0\n  b"),
    ("text.number.ambiguous", 2, "2024-01-02\n  a  1,000\n  b"),
    (
        "text.number.precision",
        2,
        "2024-01-02\n  a  1.005 Q\n  b\ncommodity 1.00 Q",
    ),
    (
        "text.number.large",
        2,
        "2024-01-02\n  a  99999999999999999999999999999\n  b",
    ),
    ("text.price", 2, "2024-01-02\n  a  1 X @ $-5\n  b"),
    ("text.price", 2, "2024-01-02\n  a  1 X @\n  b"),
    ("text.price", 1, "P 2024-01-02 X"),
    ("text.price", 1, "P 2024-01-02 \"\" 1 EUR"),
    ("text.assignment", 3, "2024-01-02\n  b  1 EUR\n  a  = 5 EUR"),
    ("text.elided", 1, "2024-01-02\n  a  1\n  b\n  c"),
    ("text.elided", 1, "2024-01-02\n  a"),
    ("text.empty", 1, "2024-01-02\n  ; nothing"),
    (
        "text.unbalanced",
        1,
        "2024-01-02\n  a  1.00 EUR\n  b  -1.01 EUR",
    ),
    (
        "text.conversion",
        1,
        "2024-01-02\n  a  1 X @ 2 EUR\n  b  -2 EUR",
    ),
    (
        "text.assertion",
        3,
        "2024-01-02\n  b  1.00 EUR\n  a  -1.00 EUR = 0.01 EUR",
    ),
];

const HEAD: &str = "txnidx,date,status,account,amount,commodity,balance-assertion\n\
                    1,2024-01-01,,a,1.00,EUR,\n1,2024-01-01,,b,-1.00,EUR,\n";

const TABLES: [(&str, u32, &str); 12] = [
    ("text.fields", 1, "2,2024-01-01,,a,1,EUR"),
    ("text.quote", 1, "2,\"2024-01-01,,a,1,EUR,"),
    ("text.quote", 1, "2,2024\"-01-01,,a,1,EUR,"),
    ("text.quote", 1, "2,\"2024-01-01\"x,,a,1,EUR,"),
    (
        "text.rows",
        2,
        "2,2024-01-01,,a,0,EUR,\n2,2024-01-02,,a,0,EUR,",
    ),
    (
        "text.rows",
        2,
        "2,2024-01-01,,a,0,EUR,\n1,2024-01-01,,a,0,EUR,",
    ),
    ("text.status", 1, "2,2024-01-01,?,a,0,EUR,"),
    ("text.amount", 1, "2,2024-01-01,,a,1 USD,EUR,"),
    ("text.amount", 1, "2,2024-01-01,,a,1,EUR,5"),
    ("text.assignment", 1, "2,2024-01-01,,a,,EUR,= 5"),
    (
        "text.assertion",
        2,
        "2,2024-01-01,,\"a\nb\",0,EUR,\n3,2024-01-02,,a,0,EUR,= 2",
    ),
    ("text.unbalanced", 1, "2,2024-01-01,,a,1,EUR,"),
];

fn lines(text: &str) -> u32 {
    u32::try_from(text.matches('\n').count()).unwrap()
}

fn place(error: &TextError) -> (&str, u32) {
    (error.code(), error.line)
}

#[test]
fn a_journal_is_refused_with_code_and_line() {
    for (code, line, text) in JOURNALS {
        let error = read(&format!("{GOOD}{text}\n")).unwrap_err();
        assert_eq!(place(&error), (code, lines(GOOD) + line), "{text}");
        assert_eq!(
            (error.file.as_str(), error.fault()),
            ("main.journal", Fault::Caller)
        );
        let shown = error.to_string();
        assert!(
            shown.starts_with(&format!("main.journal:{}: ", error.line)),
            "{shown}"
        );
    }
}

#[test]
fn a_table_is_refused_with_code_and_line() {
    for (code, line, text) in TABLES {
        // A quoted line end counts as a line.
        let text = text.replace("\"a\nb\"", "a");
        let error = read_csv(&format!("{HEAD}{text}\n")).unwrap_err();
        assert_eq!(place(&error), (code, lines(HEAD) + line), "{text}");
    }
    for (code, text) in [
        ("text.column.missing", ""),
        ("text.column.missing", "date,account\n"),
        ("text.column", "date,account,amount,date\n"),
        ("text.column", "date,account,amount,colour\n"),
    ] {
        assert_eq!(place(&read_csv(text).unwrap_err()), (code, 1), "{text}");
    }
    let quoted = "date,account,amount,comment\n2024-01-01,a,0,\"1\n2\"\n2024-01-01,a,1,\n";
    assert_eq!(
        place(&read_csv(quoted).unwrap_err()),
        ("text.unbalanced", 4)
    );
}

#[test]
fn a_refusal_in_an_included_file_names_it() {
    let main = format!("{GOOD}include sub.journal\n");
    let sub = "\n2024-01-01\n  a  1\n  b  1\n";
    let error = Import::new()
        .journal(source("main", &main), |_| Some(source("sub", sub)))
        .unwrap_err();
    assert_eq!(
        (error.file.as_str(), place(&error)),
        ("sub", ("text.unbalanced", 2))
    );
}

#[test]
fn files_that_include_themselves_are_refused() {
    let circle = |text: &'static str| {
        let again = |_: &Include<'_>| Some(source("self", text));
        Import::new()
            .journal(source("self", text), again)
            .unwrap_err()
    };
    let error = circle("\ninclude self\n");
    assert_eq!(
        (place(&error), error.flaw.clone()),
        (("text.include.depth", 2), Flaw::IncludeDepth { max: 16 })
    );
    let many = "include leaf\n".repeat(1001);
    let open = |_: &Include<'_>| Some(source("leaf", ""));
    let error = Import::new()
        .journal(source("main", &many), open)
        .unwrap_err();
    assert_eq!(place(&error), ("text.include.count", 1001));
    // Depth is reached before width explodes.
    assert_eq!(
        place(&circle("include self\ninclude self\n")),
        ("text.include.depth", 1)
    );
}

#[test]
fn bytes_that_are_no_text_are_refused() {
    let error = Source::from_bytes("x".into(), vec![b'\n', 0xff]).unwrap_err();
    assert_eq!(place(&error), ("text.utf8", 2));
}

#[test]
fn a_journal_takes_only_what_it_can_hold() {
    let good = read(GOOD).unwrap();
    let transaction = good.transactions()[0].clone();
    let with = |change: fn(&mut Transaction)| {
        let mut changed = transaction.clone();
        change(&mut changed);
        good.clone().push(changed).unwrap_err().code()
    };
    assert_eq!(with(|one| one.postings.clear()), "text.empty");
    assert_eq!(
        with(|one| one.postings[0].amount.atoms = 101),
        "text.unbalanced"
    );
    assert_eq!(
        with(|one| one.postings[0].amount.atoms = i128::MAX),
        "text.number.large"
    );
    assert_eq!(
        with(|one| one.postings[0].amount.symbol = symbol("X")),
        "text.undeclared"
    );
    assert_eq!(
        with(|one| {
            let balance = &mut one.postings[0].assertion.as_mut().unwrap().balance;
            *balance = Money {
                atoms: 0,
                symbol: symbol("X"),
            };
        }),
        "text.undeclared"
    );
    let mut journal = good.clone();
    let coarse = icn_ledger::text::Decimals::NONE;
    assert_eq!(journal.declare(symbol("EUR"), coarse), Err(Flaw::Declared));
    let price = MarketPrice {
        date: transaction.date,
        of: symbol("EUR"),
        price: coarse.show(1),
        symbol: symbol("USD"),
    };
    assert_eq!(journal.quote(price.clone()), Err(Flaw::Undeclared));
    journal.declare(symbol("USD"), coarse).unwrap();
    assert_eq!(journal.quote(price.clone()), Ok(()));
    let negative = MarketPrice {
        price: coarse.show(-1),
        ..price.clone()
    };
    let of_itself = MarketPrice {
        symbol: symbol("EUR"),
        ..price.clone()
    };
    for wrong in [negative, of_itself] {
        assert_eq!(journal.quote(wrong), Err(Flaw::Price));
    }
    let unknown = MarketPrice {
        of: symbol("X"),
        ..price
    };
    assert_eq!(journal.quote(unknown), Err(Flaw::Undeclared));
    let broken = {
        let mut later = transaction;
        later.postings[0].account = account("c");
        journal.push(later).unwrap();
        journal.check_assertions()
    };
    assert_eq!(broken, Ok(()));
}
