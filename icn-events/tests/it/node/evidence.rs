//! Every fork that a node holds stands in its audit log, once.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures::executor::block_on;
use icn_events::audit::{AuditEvent, verify};
use icn_events::node::{EpochRequest, Node};
use icn_ledger::{Authorized, Policy};
use icn_types::authority::{Act, Raise};
use icn_types::id::{ChainId, RecordId};
use icn_types::key::Signer as _;
use icn_types::record::{Draft, Record};
use icn_types::sign::Signed;
use icn_types::testkit::faulty::{Fault, Faulty};
use icn_types::time::Timestamp;

use super::coop::{Registrar, Village};
use super::faults::{FAULTS, Moment};
use super::hours;

/// So many payments of the third member in the same place, ascending by id.
pub(super) fn fork(village: &Village, count: u8) -> Vec<Signed<Record>> {
    let payments = (0..count).map(|number| payment(village, number, village.now));
    let mut payments: Vec<Signed<Record>> = payments.collect();
    payments.sort_by_key(|record| record.id());
    payments
}

fn payment(village: &Village, number: u8, at: u64) -> Signed<Record> {
    let (node, payer) = (&village.nodes[0], village.coop.hours_of(2));
    let ledger = node.ledger(&village.coop.hours).unwrap();
    let request = hours(village.coop.hours_of(0), 1, number);
    let at = Timestamp::from_millis(at);
    let draft = match ledger
        .authorize(node.set(), &payer, &request, at, &Policy::NONE)
        .unwrap()
    {
        Authorized::Draft(draft) => draft,
        Authorized::Again(id) => panic!("{id} is there"),
    };
    draft.sign(&village.coop.members[2].key).unwrap()
}

/// What the log of a node tells of forks.
pub(super) fn evidence(node: &Node) -> Vec<(RecordId, RecordId)> {
    let lines = node.audit().lines(node.set());
    lines
        .filter_map(|logged| match logged.line.event {
            AuditEvent::Evidence { low, high } => Some((low, high)),
            _ => None,
        })
        .collect()
}

fn ids(one: &Signed<Record>, other: &Signed<Record>) -> (RecordId, RecordId) {
    (one.id(), other.id())
}

fn assert_verifies(node: &Node) {
    let text = node.audit().export(node.set()).unwrap();
    verify(&text, node.audit().head(node.set())).unwrap();
}

#[test]
fn fork_stands_once_in_the_log_of_every_node_whoever_else_turns_up_at_its_place() {
    let mut village = Village::new(95, 3);
    village.rounds(3);
    let records = fork(&village, 4);
    let hostile = Registrar::join(&village);
    for one in [&records[1..2], &records[2..3]] {
        hostile.tell(village.peer(0), one);
    }
    let told = ids(&records[1], &records[2]);
    village.until("every node tells of it", |v| {
        v.nodes.iter().all(|node| evidence(node) == [told])
    });
    // A lower and a higher one prove nothing new.
    for one in [&records[0..1], &records[3..4]] {
        hostile.tell(village.peer(0), one);
    }
    village.rounds(20);
    let set = village.nodes[0].set();
    assert!(set.find(&records[0].id()).is_some() && set.find(&records[3].id()).is_some());
    for node in 0..3 {
        assert_eq!(evidence(&village.nodes[node]), [told]);
        village.reopen(node);
        village.rounds(5);
        assert_eq!(evidence(&village.nodes[node]), [told], "after a restart");
        assert_verifies(&village.nodes[node]);
    }
}

#[test]
fn node_that_learns_of_three_at_once_names_the_two_lowest() {
    let mut village = Village::new(96, 3);
    village.rounds(3);
    let mut records = fork(&village, 3);
    let told = ids(&records[0], &records[1]);
    records.rotate_left(1);
    let hostile = Registrar::join(&village);
    hostile.tell(village.peer(0), &records);
    village.rounds(1);
    assert_eq!(evidence(&village.nodes[0]), [told]);
}

/// What stands above a fork on its branches proves nothing more; a fork on one
/// of them does.
#[test]
fn branches_are_told_of_where_they_part() {
    let mut village = Village::new(97, 3);
    village.rounds(3);
    let records = fork(&village, 2);
    let next = |after: &Signed<Record>, at| {
        let place = after.header().next_place().unwrap();
        let at = Timestamp::from_millis(at);
        let content = after.content().unwrap().clone();
        let draft = Draft::new(place, after.kind(), at, content).unwrap();
        draft.sign(&village.coop.members[2].key).unwrap()
    };
    let [one, other] = [next(&records[0], 1), next(&records[1], 2)];
    let third = next(&records[0], 3);
    let hostile = Registrar::join(&village);
    hostile.tell(village.peer(0), &records);
    hostile.tell(village.peer(0), &[one.clone(), other.clone()]);
    village.rounds(5);
    let first = ids(&records[0], &records[1]);
    assert_eq!(one.seq(), other.seq());
    assert_eq!(evidence(&village.nodes[0]), [first]);
    hostile.tell(village.peer(0), std::slice::from_ref(&third));
    village.rounds(5);
    let mut second = [one.id(), third.id()];
    second.sort_unstable();
    assert_eq!(evidence(&village.nodes[0]), [first, second.into()]);
    assert_verifies(&village.nodes[0]);
}

#[test]
fn registrar_that_forks_stands_in_the_log_as_well() {
    let mut village = Village::new(98, 3);
    village.rounds(3);
    let set = village.nodes[0].set();
    let place = set.next_place(&set.authority()).unwrap();
    let account = village.coop.hours_of(1);
    let open = set.office().unwrap().seat(&account).unwrap().open();
    let acts = [-200_000, -300_000].map(|floor| {
        let act = Act::Raise(Raise { open, floor });
        let at = Timestamp::from_millis(village.now);
        let draft = act.draft(place, Vec::new(), at).unwrap();
        draft.sign(&village.coop.registrar).unwrap()
    });
    let hostile = Registrar::join(&village);
    hostile.tell(village.peer(1), &acts);
    // The node with the same key may have written a third one there.
    let forked = acts.map(|act| act.id());
    village.until("every node tells of it", |v| {
        let is_told =
            |(low, high): &(RecordId, RecordId)| forked.contains(low) || forked.contains(high);
        v.nodes
            .iter()
            .all(|node| evidence(node).iter().any(is_told))
    });
    village.rounds(20);
    for node in &village.nodes {
        let all = evidence(node);
        let once: BTreeSet<_> = all.iter().collect();
        assert_eq!(once.len(), all.len());
        assert_verifies(node);
    }
}

#[test]
fn fork_is_told_of_once_the_log_takes_lines_again() {
    let mut village = Village::new(99, 3);
    village.rounds(3);
    let log = village.nodes[0].audit().chain_id();
    let times = village.times();
    block_on(village.nodes[0].freeze(&log, times)).unwrap();
    let records = fork(&village, 2);
    let hostile = Registrar::join(&village);
    hostile.tell(village.peer(0), &records);
    village.rounds(10);
    assert!(village.nodes[0].set().find(&records[1].id()).is_some());
    assert_eq!(evidence(&village.nodes[0]), []);
    village.reopen(0);
    village.rounds(3);
    assert_eq!(evidence(&village.nodes[0]), []);
    open_again(&mut village, log);
    village.rounds(3);
    let told = [ids(&records[0], &records[1])];
    assert_eq!(evidence(&village.nodes[0]), told);
}

fn open_again(village: &mut Village, log: ChainId) {
    let key = village.coop.members[0].audit.public_key();
    let request = EpochRequest {
        chain: log,
        key,
        recovery: key,
        grant: None,
    };
    let times = village.times();
    let node = &mut village.nodes[0];
    let agreed = block_on(node.agree_to_epoch(&request)).unwrap();
    block_on(node.open_epoch(&request, agreed, 0, times)).unwrap();
}

/// Fork and line are in one commit; whichever commit fails, the log has the
/// line once in the end.
#[test]
fn fork_is_told_of_once_whichever_commit_fails_in_whichever_way() {
    let mut village = Village::new(100, 3);
    village.rounds(3);
    let records = fork(&village, 3);
    let before = Moment::of(100, &village);
    let told = [ids(&records[0], &records[1])];
    let arrive = |plan: Option<(u64, Fault)>| {
        let mut village = before.wake();
        let store = Arc::new(Faulty::new(village.stores[0].clone(), plan));
        village.open_on(0, store.clone());
        let opened = store.calls();
        village.nodes.truncate(1);
        let hostile = Registrar::join(&village);
        let mut failed = false;
        for one in [&records[0..1], &records[1..2]] {
            hostile.tell(village.peer(0), one);
            for _ in 0..3 {
                failed |= village.try_round()[0].is_err();
            }
        }
        (village, hostile, failed, opened..store.calls())
    };
    let (clean, _, _, calls) = arrive(None);
    assert_eq!(evidence(&clean.nodes[0]), told);
    let faults = calls.flat_map(|call| FAULTS.map(|fault| (call, fault)));
    let mut count = 0;
    for fault in faults {
        let (mut village, hostile, failed, _) = arrive(Some(fault));
        assert!(failed, "{fault:?}");
        village.reopen(0);
        let node = &village.nodes[0];
        let mut both = records[..2].iter().map(|one| node.set().find(&one.id()));
        let is_fork = both.all(|found| found.is_some());
        assert_eq!(evidence(node).len(), usize::from(is_fork), "one commit");
        hostile.tell(village.peer(0), &records[..2]);
        hostile.tell(village.peer(0), &records[2..]);
        village.rounds(5);
        assert_eq!(evidence(&village.nodes[0]).len(), 1);
        count += 1;
    }
    assert!(count > 0);
}
