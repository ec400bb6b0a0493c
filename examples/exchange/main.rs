//! Payments that belong together: a bill of several payers, and exchange
//! between two units, with two ledgers reconciled.
//!
//! `cargo run --release --example exchange`. Ana, Ben and Cleo count hours and
//! meals; the kitchen takes the one for the other at an hour and a half a meal.
//! No node, no store and no network: drafts, signatures and two ledgers.

mod people;

use std::process::ExitCode;

use icn_ledger::Policies;
use icn_ledger::batch::{Batch, Item, authorize_all};
use icn_ledger::bundle::{BundleRequest, Due, Exchange, Terms, Through, authorize_bundle};
use icn_ledger::query::{
    Bundled, Bundles, Order, PageSize, Progress, Query, Register, bundles, reconcile,
};
use icn_ledger::rate::{Known, Rate};
use icn_ledger::split::split;
use icn_types::canon::List;
use icn_types::hash::sha256;
use icn_types::id::{ChainId, OperationKey};
use icn_types::time::Timestamp;

use people::{Accounts, Cooperative, Fault, NAMES};

const PAGE: PageSize = PageSize::new(50).expect("a size");

const ANA: usize = 0;
const BEN: usize = 1;
const CLEO: usize = 2;
const KITCHEN: usize = 3;
const COMMONS: usize = 4;

fn main() -> ExitCode {
    match tell() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("exchange: {error}");
            ExitCode::FAILURE
        }
    }
}

fn tell() -> Result<(), Fault> {
    let mut coop = Cooperative::found(minute(0))?;
    let (hours, meals) = (coop.in_hours, coop.in_meals);

    println!("BILL\n");
    let shares = split(hours.unit.parse("4h")?, &[1, 1, 2])?;
    let payers = [ANA, BEN, CLEO].into_iter().zip(shares);
    let dues = payers.filter_map(|(payer, share)| {
        Some(Due {
            payer: hours.of[payer],
            payee: hours.of[KITCHEN],
            amount: share?,
        })
    });
    let bill = Terms::Dues(List::new(dues.collect::<Vec<_>>())?);
    state(&mut coop, hours.of[ANA], &bill, &[hours.of[ANA]], 1)?;
    pay_due(&mut coop, hours.of[BEN], minute(2))?;
    show_all(&coop);
    pay_due(&mut coop, hours.of[CLEO], minute(2))?;
    show_all(&coop);

    println!("\nEXCHANGE\n");
    // Ana spends four hours on meals for Ben. Her node writes her side alone.
    let paid = Known::Paid(hours.unit.parse("4h")?);
    let lunch = exchange(&hours, &meals, (ANA, BEN), paid);
    state(&mut coop, hours.of[ANA], &lunch, &[hours.of[ANA]], 3)?;
    // Cleo wants Ana to have two hours. One node has both keys and writes it whole.
    let received = Known::Received(hours.unit.parse("2h")?);
    let help = exchange(&meals, &hours, (CLEO, ANA), received);
    let both = [meals.of[CLEO], hours.of[KITCHEN]];
    state(&mut coop, meals.of[CLEO], &help, &both, 4)?;
    show_links(&coop);

    println!("\nRECONCILE\n");
    pay_due(&mut coop, meals.of[KITCHEN], minute(5))?;
    coop.acknowledge(minute(6))?;
    show_links(&coop);
    println!();
    positions(&coop);
    Ok(())
}

const fn minute(number: u64) -> Timestamp {
    Timestamp::from_millis(1_767_225_600_000 + number * 60_000)
}

/// An exchange of one unit for the other, at an hour and a half a meal.
fn exchange(from: &Accounts, to: &Accounts, (payer, payee): (usize, usize), known: Known) -> Terms {
    let residue = match known {
        Known::Paid(_) => from.of[COMMONS],
        Known::Received(_) => to.of[COMMONS],
    };
    Terms::Exchange(Exchange {
        rate: Rate::new(from.price, to.price),
        known,
        payer: from.of[payer],
        payee: to.of[payee],
        through: Through {
            takes: from.of[KITCHEN],
            gives: to.of[KITCHEN],
        },
        residue,
    })
}

/// States a bundle and pays what is due from some of its payers.
fn state(
    coop: &mut Cooperative,
    by: ChainId,
    terms: &Terms,
    payers: &[ChainId],
    at: u64,
) -> Result<(), Fault> {
    let request = BundleRequest {
        terms: terms.clone(),
        key: OperationKey::from_bytes(sha256(&at.to_be_bytes())), // random in life
        memo: None,
        cause: None,
    };
    let ledgers = [&coop.hours, &coop.meals];
    let (at, none) = (minute(at), Policies::NONE);
    let drafted = authorize_bundle(&coop.set, ledgers, &by, &request, payers, at, &none)?;
    for one in std::iter::once(&drafted.bundle).chain(&drafted.payments) {
        coop.store(one)?;
    }
    Ok(())
}

/// A payer's own node finds what is due from it, and pays all of it or nothing.
fn pay_due(coop: &mut Cooperative, payer: ChainId, at: Timestamp) -> Result<(), Fault> {
    let due = ask(coop, |both| {
        let from = |query: &&Query<'_>| query.due_from(&payer, Order::OldestFirst, None, PAGE);
        let rows = both.iter().flat_map(|query| from(query).rows);
        rows.map(|row| row.terms.request(row.record, &payer))
            .collect::<Result<Vec<_>, _>>()
    })?;
    let items: Vec<Item> = due
        .into_iter()
        .flatten()
        .map(|request| Item {
            chain: payer,
            request: request.into(),
            at,
        })
        .collect();
    let ledgers = [&coop.hours, &coop.meals];
    for answer in authorize_all(&coop.set, ledgers, Batch::Atomic, &items, &Policies::NONE) {
        coop.store(&answer?)?;
    }
    Ok(())
}

/// Asks about both ledgers as they stand.
fn ask<T>(coop: &Cooperative, question: impl FnOnce(&[&Query<'_>; 2]) -> T) -> T {
    let (mut one, mut other) = (Register::new(), Register::new());
    let hours = one.query(&coop.set, &coop.hours);
    let meals = other.query(&coop.set, &coop.meals);
    question(&[&hours, &meals])
}

/// Everything that belongs together and is stated so far.
fn show_all(coop: &Cooperative) {
    let order = Order::OldestFirst;
    let page = ask(coop, |both| bundles(both, Bundles::All, order, None, PAGE));
    page.rows.iter().for_each(|row| show_bundle(coop, row));
}

/// What links the two units.
fn show_links(coop: &Cooperative) {
    let order = Order::OldestFirst;
    let page = ask(coop, |[hours, meals]| {
        reconcile(hours, meals, Bundles::All, order, None, PAGE)
    });
    page.rows.iter().for_each(|row| show_bundle(coop, row));
}

fn show_bundle(coop: &Cooperative, row: &Bundled) {
    println!(
        "{}",
        match row.progress() {
            Progress::Complete => "complete",
            Progress::Incomplete => "incomplete",
            Progress::Disagreeing => "disagreeing",
        }
    );
    for owed in &row.dues {
        let names = coop
            .holder(&owed.due.payer)
            .zip(coop.holder(&owed.due.payee));
        let Some(((payer, unit), (payee, _))) = names else {
            continue;
        };
        let amount = unit.show(owed.due.amount.get().into()).to_string();
        let missing = if owed.left() > 0 { "  missing" } else { "" };
        println!(
            "  {payer:>7} to {payee:<7} {amount:>5} {}{missing}",
            unit.code.as_str()
        );
    }
}

fn positions(coop: &Cooperative) {
    println!("{:>9} {:>6} {:>6}", "", "hours", "meals");
    let [hours, meals] =
        [(&coop.hours, coop.in_hours), (&coop.meals, coop.in_meals)].map(|(ledger, accounts)| {
            let columns = ledger.columns(&coop.set);
            accounts.of.map(|chain| columns.account(&chain).posted)
        });
    let line = |name: &str, hours: i128, meals: i128| {
        let hours = coop.in_hours.unit.show(hours).to_string();
        let meals = coop.in_meals.unit.show(meals).to_string();
        println!("{name:>9} {hours:>6} {meals:>6}");
    };
    for (name, (hours, meals)) in NAMES.iter().zip(hours.into_iter().zip(meals)) {
        line(name, hours, meals);
    }
    line("sum", hours.iter().sum(), meals.iter().sum());
}
