//! Snapshots of ledgers in which a record waits for one that nobody has.

use futures::executor::block_on;
use icn_events::node::{Node, Saved, verify_store};
use icn_ledger::Ledger;
use icn_types::id::RecordId;
use icn_types::record::Record;
use icn_types::set::Slot;
use icn_types::sign::Signed;

use super::super::coop::{Registrar, Village};
use super::forks::{note_at, raise, tell, tip_of};
use super::{CHARLIE, Mixed, with_past};

/// A member's next note, which names records.
fn note_naming(village: &Village, member: usize, refs: Vec<RecordId>) -> Signed<Record> {
    let account = village.coop.hours_of(member);
    let place = village.nodes[0].set().next_place(&account).unwrap();
    note_at(village, member, place, refs, 2)
}

/// Names of records of Bob that are never told.
fn absent(village: &Village) -> impl Iterator<Item = RecordId> + use<'_> {
    let place = tip_of(village, 1).header().next_place().unwrap();
    (100..).map(move |body| note_at(village, 1, place, Vec::new(), body).id())
}

/// A lean node that is alone and holds a note of Bob that waits: first it came
/// without its content, and then with it.
fn with_a_completed_record_that_waits(seed: u64) -> Mixed {
    let mut mixed = Mixed::with_past(seed);
    let absent = absent(&mixed.village).next().unwrap();
    let note = note_naming(&mixed.village, 1, vec![absent]);
    mixed.village.nodes.clear();
    mixed.hear_bare(&note);
    mixed.hear(&[note]);
    assert_eq!(mixed.ask(waiting).len(), 1);
    mixed
}

/// What is waited for, and by which records.
fn waiting(node: &Node) -> Vec<(RecordId, Vec<Slot>)> {
    let waiting = node.ledgers().flat_map(Ledger::waiting);
    waiting.map(|(id, slots)| (id, slots.to_vec())).collect()
}

/// Saves, and finds that the snapshot says what the records say.
fn saves_what_the_records_say(mixed: &mut Mixed) {
    assert_eq!(block_on(mixed.lean.save()).unwrap(), Saved::Written);
    let (store, genesis) = (&mixed.village.stores[CHARLIE], &mixed.village.coop.genesis);
    assert_eq!(block_on(verify_store(genesis, store)).unwrap(), []);
}

/// While it waited for its content, it did so under its own name; who replays the
/// journal finds it whole.
#[test]
fn record_that_was_completed_and_waits_still_is_no_difference_of_a_snapshot() {
    let mut mixed = with_a_completed_record_that_waits(606);
    saves_what_the_records_say(&mut mixed);
    let whole = mixed.whole();
    assert_eq!(mixed.ask(waiting), waiting(&whole));
}

/// It stands behind the snapshot twice, and the ledgers are told of it once.
#[test]
fn record_that_came_bare_and_whole_behind_the_snapshot_waits_once() {
    let mut mixed = with_a_completed_record_that_waits(610);
    mixed.reopen();
    assert!(!mixed.lean.has_history());
    let whole = mixed.whole();
    assert_eq!(mixed.ask(waiting), waiting(&whole));
}

/// Two records wait for one that nobody has. The first of them waited for an act
/// without its content before; who replays the journal finds that act judged.
#[test]
fn order_in_which_records_came_to_wait_is_no_difference_of_a_snapshot() {
    let mut mixed = Mixed::with_past(607);
    let village = &mixed.village;
    let act = raise(village, -200_000);
    let absent = absent(village).find(|absent| *absent > act.id()).unwrap();
    let of_bob = note_naming(village, 1, vec![act.id(), absent]);
    let of_alice = note_naming(village, 0, vec![absent]);
    mixed.village.nodes.clear();
    mixed.hear_bare(&act);
    for record in [of_bob, of_alice, act] {
        mixed.hear(&[record]);
    }
    let waiting = mixed.ask(waiting);
    assert!(matches!(&waiting[..], [(_, both)] if both.len() == 2));
    saves_what_the_records_say(&mut mixed);
}

/// The first record of Bob's next epoch waits. One more record of the epoch that
/// ended takes the account away from the record that both follow: none that is not
/// at hand is needed to save all the same.
#[test]
fn late_record_of_an_ended_epoch_beside_one_that_waits_leaves_the_snapshot_there() {
    let mut village = with_past(608);
    let bob = village.coop.hours_of(1);
    let place = tip_of(&village, 1).header().next_place().unwrap();
    let late = [1, 2].map(|body| note_at(&village, 1, place, Vec::new(), body));
    let key = village.coop.members[1].key.clone();
    let tip = village.tip(0, &bob);
    Registrar::join(&village).rotate(&mut village, bob, tip, &key, &key);
    village.rounds(20);
    let absent = absent(&village).next().unwrap();
    let waits = note_naming(&village, 1, vec![absent]);
    tell(&mut village, &[waits, late[0].clone()]);
    let mut mixed = Mixed::of(village);
    assert_eq!(mixed.ask(waiting).len(), 1);
    mixed.hear(&late[1..]);
    saves_what_the_records_say(&mut mixed);
    assert!(!mixed.lean.has_history());
    mixed.reopen();
    assert!(!mixed.lean.has_history());
}
