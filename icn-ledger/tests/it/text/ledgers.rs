//! Journals out of replicated ledgers.

use std::slice;

use icn_ledger::entry::PAYMENT;
use icn_ledger::query::Register;
use icn_ledger::text::{
    AccountName, Flaw, Format, Journal, LedgerExportError, Sides, Status, Symbol,
};
use icn_ledger::unit::Scale;
use icn_ledger::{Authorized, Unit, UnitCode};
use icn_types::error::{Coded as _, Fault};
use icn_types::id::{ChainId, RecordId};
use icn_types::testkit::stage::GRANT;
use icn_types::time::Timestamp;
use proptest::prelude::*;

use super::{read, read_csv};
use crate::columns::{World, cases, steps};
use crate::market::{Market, follow, leg};
use crate::settlements::{Loss, settle};

const DAY: u64 = 86_400_000;
const NAMES: [&str; 4] = ["members:alice", "members:bob", "members:charlie", "members"];

fn named(market: &Market) -> impl Fn(&ChainId) -> Option<AccountName> {
    let chains = market.chains.clone();
    move |chain| {
        let at = chains.iter().position(|known| known == chain)?;
        AccountName::new(NAMES[at])
    }
}

fn journal(market: &Market, sides: Sides) -> Result<Journal, LedgerExportError> {
    let mut register = Register::new();
    let query = register.query(&market.stage.set, &market.ledger);
    Journal::from_ledgers(slice::from_ref(&query), sides, named(market))
}

/// Balances that are not zero, by account.
fn balances(journal: &Journal) -> Vec<(String, i128)> {
    let balances = journal.balances();
    let some = balances.iter().filter(|(.., atoms)| *atoms != 0);
    some.map(|(name, _, atoms)| (name.to_string(), atoms))
        .collect()
}

/// The columns of the market under the names that the journal gives them.
fn expected(market: &Market) -> Vec<(String, i128)> {
    let name = named(market);
    let mut expected = Vec::new();
    let columns = market.ledger.columns(&market.stage.set);
    for (chain, column) in columns.accounts() {
        let name = name(&chain).unwrap();
        let aside = |atoms: u128| i128::try_from(atoms).unwrap();
        expected.extend([
            (name.to_string(), column.posted),
            (format!("held:{name}"), aside(column.held)),
            (format!("in transit:{name}"), aside(column.outgoing)),
            (format!("contested:{name}"), column.contested),
        ]);
    }
    expected.retain(|(_, atoms)| *atoms != 0);
    expected.sort();
    expected
}

fn market() -> Market {
    let mut market = Market::new(4);
    market.stage.set_time(19_723 * DAY);
    market
}

#[test]
fn what_is_under_way_stands_beside_the_account() {
    let mut market = market();
    let [alice, bob, charlie, _] = market.chains[..] else {
        panic!("four accounts");
    };
    let paid = market.pay(bob, alice, 5);
    market.pay(bob, charlie, 2);
    let hold = market.hold(bob, (alice, 10), charlie);
    market.stage.set_time(19_724 * DAY);
    market.ack(alice, &[leg(paid, 0)]);
    let found = balances(&journal(&market, Sides::default()).unwrap());
    let amounts = [
        ("held:members:bob", 10),
        ("in transit:members:bob", 2),
        ("members:alice", 5),
        ("members:bob", -17),
    ];
    assert_eq!(
        found,
        amounts.map(|(name, atoms)| (name.to_string(), atoms))
    );
    let resolve = market.resolve(charlie, &[(hold, 7)]);
    market.ack(alice, &[leg(resolve, 0)]);
    market.ack(bob, &[leg(resolve, 1)]);
    market.refund(alice, leg(paid, 0), 1);
    let found = balances(&journal(&market, Sides::CreditRaises).unwrap());
    let amounts = [
        ("in transit:members:alice", -1),
        ("in transit:members:bob", -2),
        ("members:alice", -11),
        ("members:bob", 14),
    ];
    assert_eq!(
        found,
        amounts.map(|(name, atoms)| (name.to_string(), atoms))
    );
}

/// A shop at a fund's expense: what the member owes is contested there and with
/// the fund, and of the claim every settlement says that it is of it.
#[test]
fn settled_claim_stands_with_who_settled_it() {
    let mut loss = Loss::charged();
    loss.market.stage.set_time(19_723 * DAY);
    loss.market.chains = vec![loss.member, loss.shop, loss.fund.chain];
    let named = loss.named();
    let settlement = settle(&mut loss.market, &mut loss.fund, named);
    let taken = loss.market.ack(loss.shop, &[leg(settlement, 0)]);
    let journal = journal(&loss.market, Sides::default()).unwrap();
    assert_eq!(balances(&journal), expected(&loss.market));
    let amounts = [
        ("contested:members:alice", -40),
        ("contested:members:charlie", 40),
        ("in transit:members:alice", 5),
        ("members:alice", -5),
        ("members:bob", 40),
        ("members:charlie", -40),
    ];
    assert_eq!(
        balances(&journal),
        amounts.map(|(name, atoms)| (name.to_string(), atoms))
    );
    let written = journal.show(Format::Hledger).to_string();
    for id in [settlement, taken] {
        assert!(written.contains(&format!("entry: {id}")));
    }
    assert!(written.contains(&format!("of: {}", loss.claim.record)));
    assert!(written.contains("settlement"));
}

#[test]
fn entry_is_written_with_its_ids_and_the_balances_of_its_day() {
    let mut market = market();
    let [alice, bob, ..] = market.chains[..] else {
        panic!("four accounts");
    };
    let mut request = market.request(&[(alice, 5)]);
    request.cause = Some(RecordId::from_bytes([7; 32]));
    let key = request.key;
    let Ok(Authorized::Draft(draft)) = market.authorize(bob, &request) else {
        panic!("within the limit");
    };
    let paid = market.submit(draft);
    market.stage.set_time(19_724 * DAY);
    let ack = market.ack(alice, &[leg(paid, 0)]);
    market.seal(bob);
    let journal = journal(&market, Sides::default()).unwrap();
    let text = journal.show(Format::Hledger).to_string();
    let cause = "07".repeat(32);
    let expected = format!(
        "
1970-01-01 * (0) payment
    ; entry: {paid}
    ; key: {key}
    ; cause: {cause}
    members:bob  -5 hours = -5 hours
    in transit:members:bob  5 hours = 5 hours

2024-01-02 ! (0) ack
    ; entry: {ack}
    ; of: {paid}
    in transit:members:bob  -5 hours = 0 hours
    members:alice  5 hours = 5 hours
"
    );
    let found = text.split_once("\n\n").unwrap().1;
    let mut found: Vec<&str> = found.lines().collect();
    let mut expected: Vec<&str> = expected.trim_start().lines().collect();
    found.sort_unstable();
    expected.sort_unstable();
    assert_eq!(found, expected);
    assert_eq!(journal.transactions()[1].status, Status::Pending);
    assert_eq!(read(&text).unwrap(), journal);
}

#[test]
fn two_accounts_have_two_names_and_none_stands_for_what_is_under_way() {
    let market = market();
    let mut register = Register::new();
    let query = register.query(&market.stage.set, &market.ledger);
    let all = |name: &'static str| {
        let named = Journal::from_ledgers(slice::from_ref(&query), Sides::default(), |_| {
            AccountName::new(name)
        });
        let LedgerExportError::Account { account, flaw } = named.unwrap_err() else {
            panic!("a name");
        };
        (account, flaw)
    };
    let mut chains = market.chains.clone();
    chains.sort_unstable();
    assert_eq!(all("members"), (chains[1], Flaw::Taken));
    for aside in ["held", "in transit:alice", "contested:alice"] {
        assert_eq!(all(aside), (chains[0], Flaw::Taken));
    }
}

#[test]
fn accounts_of_one_holder_in_two_units_share_a_name() {
    let mut market = market();
    let euros = Unit {
        code: UnitCode::new("EUR").unwrap(),
        scale: Scale::new(100).unwrap(),
        ..market.unit
    };
    let topic = market.stage.ledger(euros.id());
    let [alice, bob] = [0, 1].map(|member| market.stage.open_member(member, &topic, Some(GRANT)));
    market.pay(market.chains[1], market.chains[0], 5);
    let payment = market.payment(&[(bob, 75)]);
    market.stage.write(&alice, PAYMENT, &[], &payment);
    market.feed();
    let mut other = follow(&market.stage.set, euros);
    other.refresh(&market.stage.set);
    let mut registers = [Register::new(), Register::new()];
    let [one, two] = &mut registers;
    let queries = [
        one.query(&market.stage.set, &market.ledger),
        two.query(&market.stage.set, &other),
    ];
    let holder = |chain: &ChainId| {
        let is_alice = [market.chains[0], alice].contains(chain);
        AccountName::new(&if is_alice {
            "alice".into()
        } else {
            chain.to_string()
        })
    };
    let journal = Journal::from_ledgers(&queries, Sides::default(), holder).unwrap();
    let balances = journal.balances();
    let of = |name: &str, symbol: &str| {
        let name = AccountName::new(name).unwrap();
        balances.of(&name, &Symbol::new(symbol).unwrap())
    };
    assert_eq!(of("alice", "EUR"), -75);
    assert_eq!(of("in transit:alice", "EUR"), 75);
    assert_eq!(of("alice", "hours"), 0);
    assert_eq!(of(&market.chains[1].to_string(), "hours"), -5);
    assert!(
        journal
            .show(Format::Ledger)
            .to_string()
            .contains("-0.75 EUR")
    );
}

#[test]
fn date_that_no_tool_reads_is_refused_with_its_record() {
    let mut market = market();
    let [alice, bob, ..] = market.chains[..] else {
        panic!("four accounts");
    };
    let mut request = market.request(&[(alice, 5)]);
    request.effective = Some(Timestamp::from_millis(u64::MAX / 2));
    let Ok(Authorized::Draft(draft)) = market.authorize(bob, &request) else {
        panic!("within the limit");
    };
    let record = market.submit(draft);
    let error = journal(&market, Sides::default()).unwrap_err();
    let flaw = Flaw::Date;
    assert_eq!(error, LedgerExportError::Record { record, flaw });
    assert_eq!((error.code(), error.fault()), ("text.date", Fault::Caller));
}

proptest! {
    #![proptest_config(cases())]

    /// Also where chains fork, Seals choose branches and accounts are opened
    /// anew.
    #[test]
    fn balances_are_the_columns_of_any_history(steps in steps()) {
        let market = World::play(&steps).market;
        let journal = journal(&market, Sides::default()).unwrap();
        prop_assert_eq!(balances(&journal), expected(&market));
        journal.check_assertions().unwrap();
        for format in [Format::Hledger, Format::Ledger] {
            let text = journal.show(format).to_string();
            prop_assert_eq!(balances(&read(&text).unwrap()), expected(&market));
        }
        let again = read_csv(&journal.show(Format::Csv).to_string()).unwrap();
        prop_assert_eq!(balances(&again), expected(&market));
    }
}
