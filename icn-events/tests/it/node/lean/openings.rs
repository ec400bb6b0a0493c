//! What somebody writes beside the spines has a node read its history once at most,
//! and not whenever it opens.

use futures::executor::block_on;
use icn_events::node::{Node, Saved};
use icn_types::record::Record;
use icn_types::sign::Signed;

use super::super::evidence::evidence;
use super::forks::{end_of, note_after, tell, tip_of};
use super::{CHARLIE, Mixed, open, open_saved, with_past};

/// More records than make a snapshot due.
const DUE: u64 = 4_200;

/// A lean node that is alone with so many records that it wrote its snapshot by
/// itself.
fn alone_with_many_records(seed: u64) -> Mixed {
    let mut village = with_past(seed);
    village.nodes.truncate(CHARLIE);
    let mut notes = vec![note_after(&village, 1, &tip_of(&village, 1), 0)];
    for body in 1..DUE {
        let note = note_after(&village, 1, &notes[notes.len() - 1], body);
        notes.push(note);
    }
    let lean = open(&village);
    let mut mixed = Mixed { village, lean };
    mixed.hear(&notes);
    mixed.reopen();
    assert!(mixed.lean.has_history(), "there was no snapshot");
    mixed.reopen();
    assert!(!mixed.lean.has_history(), "it was due, so it was written");
    mixed.rounds_alone(5);
    assert!(!mixed.lean.has_history());
    mixed
}

/// Asserts that of four openings, each with the steps that follow it, one at most
/// reads the history.
fn reads_its_history_once_at_most(mut mixed: Mixed) {
    let mut readings = 0;
    for _ in 0..4 {
        mixed.reopen();
        mixed.rounds_alone(5);
        readings += u32::from(mixed.lean.has_history());
    }
    assert!(readings <= 1, "{readings} of 4 openings");
}

#[test]
fn history_is_not_read_at_every_opening_after_a_fork_of_a_ballot_chain() {
    let mut mixed = alone_with_many_records(601);
    let last = end_of(&mixed.village, &mixed.village.coop.voice_of(1));
    let fork = [1, 2].map(|body| note_after(&mixed.village, 1, &last, body));
    mixed.hear(&fork);
    reads_its_history_once_at_most(mixed);
}

#[test]
fn history_is_not_read_at_every_opening_after_a_bare_record_below_a_seal() {
    let mut mixed = alone_with_many_records(602);
    let set = mixed.village.nodes[0].set();
    let bob = mixed.hours_of(1);
    assert!(set.sealed_len(&bob) > 1);
    let first = set.record(set.spine(&bob)[0]);
    let twin = note_after(&mixed.village, 1, first, 77);
    mixed.hear_bare(&twin);
    reads_its_history_once_at_most(mixed);
}

#[test]
fn history_is_not_read_at_every_opening_after_a_fork_of_an_account() {
    let mut mixed = alone_with_many_records(603);
    let set = mixed.village.nodes[0].set();
    let early = set.record(set.spine(&mixed.hours_of(1))[1]);
    let twin = note_after(&mixed.village, 1, early, 78);
    mixed.hear(&[twin]);
    reads_its_history_once_at_most(mixed);
}

#[test]
fn snapshot_after_which_the_history_was_read_is_used_up() {
    let mut mixed = alone_with_many_records(611);
    assert!(!mixed.lean.is_due());
    let bob = mixed.hours_of(1);
    let look_back = |node: &Node| {
        let set = node.set();
        set.record(set.spine(&bob)[0]).at()
    };
    mixed.ask(look_back);
    assert!(mixed.lean.has_history() && mixed.lean.is_due());
}

#[test]
fn lean_registrar_with_a_fork_in_its_snapshot_reads_no_history() {
    let mut village = with_past(604);
    let tip = tip_of(&village, 1);
    let fork = [1, 2].map(|body| note_after(&village, 1, &tip, body));
    tell(&mut village, &fork);
    village.nodes.remove(0);
    let mut lean = open_saved(&village, 0);
    for _ in 0..60 {
        village.round();
        block_on(lean.step(village.times())).unwrap();
        assert!(!lean.has_history());
    }
}

#[test]
fn many_records_in_one_place_are_one_fork_to_a_node_that_opens_without_its_history() {
    let mut mixed = Mixed::with_past(609);
    let tip = tip_of(&mixed.village, 1);
    let siblings: Vec<Signed<Record>> = (0..600)
        .map(|body| note_after(&mixed.village, 1, &tip, body))
        .collect();
    mixed.hear(&siblings);
    assert_eq!(block_on(mixed.lean.save()).unwrap(), Saved::Written);
    mixed.reopen();
    mixed.rounds_alone(3);
    assert_eq!(mixed.ask(evidence).len(), 1);
    assert!(!mixed.lean.has_history());
}
