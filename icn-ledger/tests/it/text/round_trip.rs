//! What is written is read back as the same journal.

use icn_ledger::text::{Format, Import, Journal, Reach, Span};
use proptest::prelude::*;

use super::chance::{asserted, journals, symbol};
use super::{read, read_csv, source};

/// The journal as CSV can hold it: only what postings use.
fn used(journal: &Journal) -> Journal {
    let mut used = Journal::new();
    let postings = || journal.transactions().iter().flat_map(|one| &one.postings);
    for posting in postings() {
        let symbol = &posting.amount.symbol;
        used.declare(symbol.clone(), journal.decimals(symbol).unwrap())
            .unwrap();
    }
    for transaction in journal.transactions() {
        used.push(transaction.clone()).unwrap();
    }
    used
}

/// The journal as ledger can hold it.
fn without_foreign_assertions(journal: &Journal) -> Journal {
    let mut kept = super::chance::empty();
    journal.accounts().for_each(|name| kept.open(name.clone()));
    for price in journal.prices() {
        kept.quote(price.clone()).unwrap();
    }
    for transaction in journal.transactions() {
        let mut transaction = transaction.clone();
        for posting in &mut transaction.postings {
            posting.assertion = posting
                .assertion
                .take()
                .filter(|one| one.reach == Reach::Alone && one.balance.symbol != symbol(""))
                .map(|assertion| icn_ledger::text::Assertion {
                    span: Span::One,
                    ..assertion
                });
        }
        kept.push(transaction).unwrap();
    }
    kept
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn an_hledger_journal_is_read_back(journal in journals(), below in any::<bool>()) {
        let reach = if below { Reach::Below } else { Reach::Alone };
        for journal in [asserted(&journal, reach), journal] {
            let text = journal.show(Format::Hledger).to_string();
            prop_assert_eq!(read(&text), Ok(journal), "{}", text);
        }
    }

    #[test]
    fn a_ledger_journal_is_read_back(journal in journals()) {
        let asserted = asserted(&journal, Reach::Alone);
        let text = asserted.show(Format::Ledger).to_string();
        prop_assert_eq!(read(&text), Ok(without_foreign_assertions(&asserted)), "{}", text);
    }

    #[test]
    fn csv_is_read_back(journal in journals()) {
        let journal = used(&asserted(&journal, Reach::Alone));
        let text = journal.show(Format::Csv).to_string();
        prop_assert_eq!(read_csv(&text), Ok(journal), "{}", text);
    }

    #[test]
    fn asserting_days_is_true_and_says_each_balance_once_a_day(journal in journals()) {
        let mut asserting = journal;
        asserting.assert_days();
        prop_assert_eq!(asserting.check_assertions(), Ok(()));
        let balances = asserting.balances();
        for (account, symbol, atoms) in balances.iter() {
            let last = asserting
                .transactions()
                .iter()
                .flat_map(|one| &one.postings)
                .filter(|one| one.account == *account && one.amount.symbol == *symbol)
                .filter_map(|one| one.assertion.as_ref())
                .next_back();
            prop_assert_eq!(last.map(|one| one.balance.atoms), Some(atoms));
        }
        for day in asserting.transactions().chunk_by(|a, b| a.date == b.date) {
            let mut said: Vec<_> = day
                .iter()
                .flat_map(|one| &one.postings)
                .filter(|one| one.assertion.is_some())
                .map(|one| (&one.account, &one.amount.symbol))
                .collect();
            let count = said.len();
            said.sort();
            said.dedup();
            prop_assert_eq!(said.len(), count);
        }
    }
}

#[test]
fn csv_is_the_one_of_hledger() {
    // As hledger 1.25 prints it, with a blank row and carriage returns.
    let text = concat!(
        r#""txnidx","date","date2","status","code","description","comment","account","amount","#,
        r#""commodity","credit","debit","posting-status","posting-comment""#,
        "\r\n",
        r#""1","2024-01-30","2024-02-01","*","12","Payee | note","entry: abc"#,
        "\n",
        r#"decision: def:1","b","12.34","EUR","","12.34","","said ""so""""#,
        "\r\n,,,,,,,,,,,,,\r\n",
        r#""1","2024-01-30","2024-02-01","*","12","Payee | note","entry: abc"#,
        "\n",
        r#"decision: def:1","c","-12.34","EUR","12.34","","!","""#,
        "\r\n"
    );
    let same = "2024/1/30=2024.02.01 * (12) Payee | note  ; entry: abc
        ; decision: def:1
        b  12.34 EUR ; said \"so\"
        ! c
    ";
    assert_eq!(read_csv(text), read(same));
    assert_eq!(
        read_csv(text).unwrap().transactions()[0].tag("decision"),
        Some("def:1")
    );
}

#[test]
fn columns_come_in_any_order_and_most_may_be_missing() {
    let text = "amount,account,date\n-1,a,2024-01-02\n,b,2024-01-02\n";
    // Without numbers each row is a transaction of its own.
    let error = read_csv(text).unwrap_err();
    assert_eq!((error.line, error.file.as_str()), (2, "main.csv"));
    let text = "amount,account,date,txnidx\n-1,a,2024-01-02,1\n,b,2024-01-02,1\n";
    let journal = read_csv(text).unwrap();
    assert_eq!(journal.transactions()[0].postings[1].amount.atoms, 1);
}

#[test]
fn a_decimal_mark_can_be_told() {
    let text = "amount,account,date,txnidx\n\"1.000,5\",a,2024-01-02,1\n,b,2024-01-02,1\n";
    let import = Import::new().with_decimal_mark(icn_ledger::text::DecimalMark::Comma);
    let (journal, _) = import.csv(source("main.csv", text)).unwrap();
    assert_eq!(journal.transactions()[0].postings[0].amount.atoms, 10_005);
    assert_eq!(journal.decimals(&symbol("")).unwrap().get(), 1);
}
