//! What a node answers about money: after each step the same as a register
//! that has just read everything.

use std::sync::Arc;

use icn_events::node::Node;
use icn_ledger::query::{
    Dates, Disputes, Order, PageSize, Query, Reason, Register, Release, Statement,
};
use icn_ledger::text::{AccountName, Journal, Sides, Symbol};
use icn_types::id::{ChainId, UnitId};

use super::coop::{Village, copy};
use super::hours;
use super::money::{Ask, Scene};

const SIZE: PageSize = PageSize::new(500).unwrap();

/// Everything that a query says about these accounts, as text.
fn answers(query: &Query<'_>, accounts: &[ChainId]) -> Vec<String> {
    let mut said = Vec::new();
    for chain in accounts {
        for order in [Order::NewestFirst, Order::OldestFirst] {
            said.push(format!("{:?}", query.lines(chain, order, None, SIZE)));
        }
        let statement: Statement = query
            .statement_by_date(chain, Dates::ALL, None, SIZE)
            .unwrap();
        statement.check().unwrap();
        said.push(format!("{statement:?}"));
        said.push(format!("{:?}", query.incoming(chain, None, SIZE)));
        said.push(format!("{:?}", query.claims_of(chain)));
    }
    let listed = query.by_date(Dates::ALL, Order::NewestFirst, None, SIZE);
    for row in &listed.rows {
        let of_cause = query.by_cause(row.record, Order::OldestFirst, None, SIZE);
        said.push(format!("{:?} {of_cause:?}", query.entry(&row.record)));
    }
    said.push(format!("{listed:?}"));
    said.push(format!(
        "{:?}",
        query.assertions(Order::OldestFirst, None, SIZE)
    ));
    said.push(format!(
        "{:?}",
        query.disputes(Disputes::All, Order::OldestFirst, None, SIZE)
    ));
    said.push(format!("{:?}", query.quarantine(None, SIZE)));
    said.push(format!("{:?}", query.evidence()));
    said.push(format!("{:?}", query.impairments()));
    let balance = query.trial_balance();
    assert_eq!(balance.sum(), 0);
    said.push(format!("{:?}", balance.labels()));
    said
}

fn assert_current(node: &Node, unit: &UnitId, accounts: &[ChainId]) {
    let mut fresh = Register::new();
    let fresh = fresh.query(node.set(), node.ledger(unit).unwrap());
    let kept = node.query(unit).unwrap();
    assert_eq!(answers(&kept, accounts), answers(&fresh, accounts));
}

#[test]
fn answers_are_current_after_every_request_and_every_step() {
    let scene = Scene::set();
    let mut village = scene.wake();
    let unit = village.coop.hours;
    let accounts = super::money::accounts(&village);
    for (member, request) in &scene.asks {
        village.ask(*member, request).unwrap();
        assert_current(&village.nodes[*member], &unit, &accounts);
    }
    while !village.agree() {
        village.round();
        for node in &village.nodes {
            assert_current(node, &unit, &accounts);
        }
    }
    let asked = |node: &Node| answers(&node.query(&unit).unwrap(), &accounts);
    let first = asked(&village.nodes[0]);
    assert_eq!(asked(&village.nodes[1]), first, "equal sets, equal answers");
    village.open_deciding(2, Arc::new(village.stores[2].clone()));
    assert_eq!(asked(&village.nodes[2]), first, "after a restart");
}

/// What a host writes for hledger is the same on every node, and adds up to
/// what the node shows.
#[test]
fn journal_of_all_units_is_the_same_on_every_node() {
    let scene = Scene::set();
    let mut village = scene.wake();
    for (member, request) in &scene.asks {
        village.ask(*member, request).unwrap();
    }
    village.until("nodes agree", Village::agree);
    let journal = |node: &Node| {
        let queries = node.queries();
        assert_eq!(queries.len(), 2);
        Journal::from_ledgers(&queries, Sides::default(), |_| None).unwrap()
    };
    let first = journal(&village.nodes[0]);
    for node in &village.nodes[1..] {
        assert_eq!(journal(node), first);
    }
    first.check_assertions().unwrap();
    let (unit, balances) = (village.coop.hours, first.balances());
    for chain in super::money::accounts(&village) {
        let name = AccountName::new(&format!("accounts:{chain}")).unwrap();
        let symbol = Symbol::new("hours atoms").unwrap();
        let posted = village.posted(0, unit, chain);
        assert!(posted != 0 && balances.of(&name, &symbol) == posted);
    }
}

#[test]
fn unknown_unit_has_no_answers() {
    let village = Village::new(92, 1);
    let unknown = UnitId::from_bytes([9; 32]);
    assert!(village.nodes[0].query(&unknown).is_none());
}

/// A restored backup writes on: two payments at one position, of which one was
/// taken. The registrar, who would settle that, is cut off.
#[test]
fn fork_is_quarantined_with_what_releases_it_and_its_proof() {
    let mut village = Village::new(93, 3);
    let unit = village.coop.hours;
    let [alice, bob, charlie] = super::money::accounts(&village);
    village.rounds(10);
    let registrar = village.peer(0);
    for member in [1, 2] {
        village.network.disconnect(registrar, village.peer(member));
    }
    let backup = copy(&village.stores[1]);
    let first = village.ask(1, &Ask::Pay(hours(charlie, 1, 7))).unwrap();
    village.until("charlie takes it", |v| v.posted(1, unit, charlie) == 3_600);
    village.stores[1] = backup;
    village.reopen(1);
    village.network.disconnect(registrar, village.peer(1));
    let other = village.ask(1, &Ask::Pay(hours(alice, 2, 8))).unwrap();
    let mut both = [first.id(), other.id()];
    both.sort_unstable();
    village.until("both know both", |v| {
        [1, 2].iter().all(|&member| {
            let set = v.nodes[member].set();
            both.iter().all(|one| set.find(one).is_some())
        })
    });
    for node in &village.nodes[1..] {
        let query = node.query(&unit).unwrap();
        let quarantine = query.quarantine(None, SIZE).rows;
        let forked: Vec<_> = quarantine.iter().map(|row| row.record).collect();
        assert_eq!(forked, both);
        for row in quarantine {
            assert_eq!(row.reason, Reason::Contested);
            assert_eq!(row.release(), Release::Seal(bob));
        }
        let [proof] = &query.evidence()[..] else {
            panic!("one fork");
        };
        assert_eq!(proof.ids(), (both[0], both[1]));
        assert_eq!(query.claims_of(&bob).claimed, 3_600, "what charlie took");
        assert_current(node, &unit, &[alice, bob, charlie]);
    }
}
