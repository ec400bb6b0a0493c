//! Batches of requests through a node: one commit, all or none or each for
//! itself.

use std::sync::Arc;

use futures::executor::block_on;
use icn_events::node::{AuthorError, Authored, BATCH_MAX, Results};
use icn_ledger::Refusal;
use icn_ledger::batch::Batch;
use icn_ledger::bundle::{BundleRequest, Due, Terms};
use icn_ledger::query::{Progress, bundle};
use icn_ledger::request::Request;
use icn_types::amount::Amount;
use icn_types::canon::List;
use icn_types::error::Coded as _;
use icn_types::host::Store;
use icn_types::id::{ChainId, OperationKey};
use icn_types::testkit::faulty::Faulty;

use super::coop::Village;
use super::faults::{Moment, Trial};
use super::{hours, money};

const SEED: u64 = 111;

/// The second member's node also writes for the third, to have two writers.
fn open_for_two(village: &mut Village, store: Arc<dyn Store>) {
    let key = village.coop.members[2].key.clone();
    let settings = village.coop.settings(1, store, &village.network);
    village.nodes[1] = block_on(settings.with_signer(Arc::new(key)).open()).unwrap();
}

/// Only the first two nodes run: the third would fork its chain.
fn village() -> Village {
    let mut village = Village::new(SEED, 3);
    village.nodes.truncate(2);
    let store = Arc::new(village.stores[1].clone());
    open_for_two(&mut village, store);
    village.rounds(5);
    village
}

fn pay(payer: ChainId, payee: ChainId, amount: u64, key: u8) -> (ChainId, Request) {
    (payer, hours(payee, amount, key).into())
}

fn ask(
    village: &mut Village,
    batch: Batch,
    requests: &[(ChainId, Request)],
) -> Result<Results, AuthorError> {
    let times = village.times();
    block_on(village.nodes[1].author_all(batch, requests, times))
}

fn codes(results: &Results) -> Vec<&'static str> {
    let code = |result: &Result<Authored, AuthorError>| match result {
        Ok(Authored::New(_)) => "new",
        Ok(Authored::Again(_)) => "again",
        Err(error) => error.code(),
    };
    results.iter().map(code).collect()
}

#[test]
fn batch_of_two_writers_is_one_commit_and_is_carried_out_once() {
    let mut village = village();
    let unit = village.coop.hours;
    let [alice, bob, charlie] = money::accounts(&village);
    let requests = [
        pay(bob, alice, 3, 1),
        pay(charlie, alice, 2, 1),
        pay(bob, charlie, 1, 2),
        pay(bob, alice, 3, 1),
    ];
    let before = village.nodes[1].set().len();
    let counted = Arc::new(Faulty::new(village.stores[1].clone(), []));
    open_for_two(&mut village, counted.clone());
    let calls = counted.calls();
    let results = ask(&mut village, Batch::Atomic, &requests).unwrap();
    assert_eq!(codes(&results), ["new", "new", "new", "again"]);
    assert_eq!(counted.calls(), calls + 1);
    assert_eq!(village.nodes[1].set().len(), before + 3);
    let first = results[0].as_ref().unwrap().id();
    assert_eq!(results[3].as_ref().unwrap().id(), first);
    for batch in [Batch::Atomic, Batch::Independent] {
        let again = ask(&mut village, batch, &requests).unwrap();
        assert_eq!(codes(&again), ["again"; 4]);
    }
    village.until("everything is taken", |v| {
        v.agree()
            && (0..2).all(|node| {
                [alice, bob, charlie].map(|chain| v.posted(node, unit, chain) / 3_600)
                    == [5, -4, -1]
            })
    });
    assert_eq!(village.forks(), []);
}

#[test]
fn one_refusal_undoes_an_atomic_batch_and_no_other() {
    let mut village = village();
    let [alice, bob, charlie] = money::accounts(&village);
    let unit = village.coop.hours;
    let requests = [
        pay(bob, alice, 30, 1),
        pay(charlie, alice, 2, 1),
        pay(bob, alice, 11, 2),
        pay(alice, bob, 1, 1),
        pay(bob, alice, 10, 3),
    ];
    let before = village.nodes[1].set().len();
    let none = ask(&mut village, Batch::Atomic, &requests).unwrap();
    let undone = "authorize.undone";
    let expected = [undone, undone, "authorize.limit", undone, undone];
    assert_eq!(codes(&none), expected);
    let Err(AuthorError::Money(Refusal::Undone { item: 2 })) = none[0] else {
        panic!("{none:?}");
    };
    // Without the one above the limit it is the key that is not here.
    let none = ask(&mut village, Batch::Atomic, &requests[3..]).unwrap();
    assert_eq!(codes(&none), ["node.key", undone]);
    assert_eq!(village.nodes[1].set().len(), before, "nothing is written");
    let each = ask(&mut village, Batch::Independent, &requests).unwrap();
    let expected = ["new", "new", "authorize.limit", "node.key", "new"];
    assert_eq!(codes(&each), expected);
    assert_eq!(village.nodes[1].set().len(), before + 3);
    assert_eq!(village.posted(1, unit, bob), -40 * 3_600);
}

#[test]
fn request_without_a_key_stands_for_the_same_one_after_it() {
    let mut village = village();
    let [alice, bob, _] = money::accounts(&village);
    let requests = [pay(alice, bob, 1, 1), pay(alice, bob, 1, 1)];
    let each = ask(&mut village, Batch::Independent, &requests).unwrap();
    assert_eq!(codes(&each), ["node.key", "node.key"]);
}

#[test]
fn batch_is_as_large_as_a_commit_takes() {
    let mut village = village();
    let [alice, bob, _] = money::accounts(&village);
    let mut requests: Vec<_> = (0..BATCH_MAX)
        .map(|number| {
            let mut request = hours(alice, 1, 0);
            let number = u16::try_from(number).unwrap().to_be_bytes();
            let mut key = [7; 32];
            key[..2].copy_from_slice(&number);
            request.key = OperationKey::from_bytes(key);
            (bob, Request::from(request))
        })
        .collect();
    let each = ask(&mut village, Batch::Independent, &requests).unwrap();
    let granted = each.iter().filter(|result| result.is_ok()).count();
    assert_eq!(granted, 40, "all that the account may spend");
    requests.push(pay(bob, alice, 1, 9));
    let error = ask(&mut village, Batch::Independent, &requests).unwrap_err();
    assert_eq!(error.code(), "node.batch");
    let nothing = ask(&mut village, Batch::Atomic, &[]).unwrap();
    assert_eq!(codes(&nothing), [""; 0]);
}

/// What becomes of requests to the node with two writers.
const fn trial(before: &Moment) -> Trial<'_, impl Fn(&mut Village, Arc<dyn Store>)> {
    before.trial(1, |village, store| {
        village.nodes.truncate(2);
        open_for_two(village, store);
    })
}

#[test]
fn batch_is_stored_whole_or_not_at_all_whichever_way_the_commit_fails() {
    let village = village();
    let [alice, bob, charlie] = money::accounts(&village);
    let requests = [
        pay(bob, alice, 3, 1),
        pay(charlie, alice, 2, 1),
        pay(bob, charlie, 1, 2),
    ];
    let before = Moment::of(SEED, &village);
    for batch in [Batch::Atomic, Batch::Independent] {
        let ask = |village: &mut Village| ask(village, batch, &requests)?.into_iter().collect();
        trial(&before).is_carried_out_once(ask, |village, _| {
            village.until("alice is paid", |v| {
                v.posted(0, v.coop.hours, alice) == 5 * 3_600
            });
        });
    }
}

#[test]
fn bundle_is_stated_and_paid_whole_or_not_at_all_whichever_way_the_commit_fails() {
    let village = village();
    let [alice, bob, charlie] = money::accounts(&village);
    let request = bundle_of(alice, &[(bob, 100), (charlie, 200)]);
    let before = Moment::of(SEED, &village);
    let ask = |village: &mut Village| state(village, &request, &[bob, charlie]);
    trial(&before).is_carried_out_once(ask, |village, stated| {
        village.until("alice is paid", |v| v.posted(0, v.coop.hours, alice) == 300);
        let query = village.nodes[0].query(&village.coop.hours).unwrap();
        let bundled = bundle(&[&query], &stated[0].id()).unwrap();
        assert_eq!(bundled.progress(), Progress::Complete);
    });
}

/// A bundle of what these owe to one account, in atoms.
pub(super) fn bundle_of(payee: ChainId, owed: &[(ChainId, u64)]) -> BundleRequest {
    let dues = owed.iter().map(|&(payer, atoms)| Due {
        payer,
        payee,
        amount: Amount::new(atoms).unwrap(),
    });
    BundleRequest {
        terms: Terms::Dues(List::new(dues.collect::<Vec<_>>()).unwrap()),
        key: OperationKey::from_bytes([7; 32]),
        memo: None,
        cause: None,
    }
}

/// The second member's node states it on that member's chain.
fn state(
    village: &mut Village,
    request: &BundleRequest,
    payers: &[ChainId],
) -> Result<Vec<Authored>, AuthorError> {
    let (bob, times) = (village.coop.hours_of(1), village.times());
    block_on(village.nodes[1].bundle(&bob, request, payers, times))
}

#[test]
fn bundle_and_what_is_due_from_own_accounts_are_one_commit() {
    let mut village = village();
    let unit = village.coop.hours;
    let [alice, bob, charlie] = money::accounts(&village);
    let request = bundle_of(alice, &[(bob, 100), (charlie, 200)]);
    let before = village.nodes[1].set().len();
    let nobody = state(&mut village, &request, &[bob, alice]).unwrap_err();
    assert_eq!(nobody.code(), "authorize.due");
    let large = bundle_of(alice, &[(bob, 100), (charlie, 200_000)]);
    let above = state(&mut village, &large, &[bob, charlie]).unwrap_err();
    assert_eq!(above.code(), "authorize.limit");
    assert_eq!(village.nodes[1].set().len(), before, "nothing is written");
    let counted = Arc::new(Faulty::new(village.stores[1].clone(), []));
    open_for_two(&mut village, counted.clone());
    let calls = counted.calls();
    let stated = state(&mut village, &request, &[bob, charlie]).unwrap();
    assert_eq!(counted.calls(), calls + 1);
    let is_new = |one: &Authored| matches!(one, Authored::New(_));
    assert!(stated.len() == 3 && stated.iter().all(is_new));
    let again = state(&mut village, &request, &[bob, charlie]).unwrap();
    let expected: Vec<_> = stated.iter().map(|one| Authored::Again(one.id())).collect();
    assert_eq!(again, expected);
    village.until("alice is paid", |v| {
        v.agree() && v.posted(0, unit, alice) == 300
    });
    let query = village.nodes[0].query(&unit).unwrap();
    let bundled = bundle(&[&query], &stated[0].id()).unwrap();
    assert_eq!(bundled.progress(), Progress::Complete);
}
