//! Snapshots of sets in which records lie beside their spines or lack their content.

use std::sync::Arc;

use futures::executor::block_on;
use icn_events::node::{Node, Saved, verify_store};
use icn_ledger::entry::NOTE;
use icn_ledger::{Column, Positions};
use icn_types::authority::{Act, Raise};
use icn_types::host::LocalNetwork;
use icn_types::id::{ChainId, Digest, RecordId, TopicId};
use icn_types::record::{Content, Draft, Place, Record};
use icn_types::sign::Signed;
use icn_types::time::Timestamp;

use super::super::coop::{Registrar, Village, copy};
use super::super::epochs::{forked, go_on};
use super::super::evidence::{evidence, fork};
use super::super::hours;
use super::{CHARLIE, Mixed, all_of, set_digests, with_past};

/// What a node says of its set and its accounts, without a look at the past.
type Books = (
    Vec<(TopicId, Digest)>,
    Vec<(ChainId, Column)>,
    Vec<Positions>,
    usize,
);

fn books(node: &Node) -> Books {
    let set = node.set();
    let ledgers = || node.ledgers();
    let columns = ledgers().flat_map(|ledger| ledger.columns(set).accounts().collect::<Vec<_>>());
    let chains = set.chains().map(|(chain, _)| chain);
    let positions = chains.flat_map(|chain| {
        let of = ledgers().map(move |ledger| ledger.positions(set, &chain));
        of.collect::<Vec<_>>()
    });
    (
        set_digests(node),
        columns.collect(),
        positions.collect(),
        set.len(),
    )
}

impl Mixed {
    fn is_the_node_of_its_store(&mut self) {
        let whole = self.whole();
        assert_eq!(self.ask(books), books(&whole));
        assert_eq!(self.ask(evidence), evidence(&whole));
    }

    /// Saves and opens again, without the history.
    fn save_and_reopen(&mut self) {
        assert_eq!(block_on(self.lean.save()).unwrap(), Saved::Written);
        let genesis = &self.village.coop.genesis;
        let store = &self.village.stores[CHARLIE];
        assert_eq!(block_on(verify_store(genesis, store)).unwrap(), []);
        self.reopen();
        assert!(!self.lean.has_history());
        self.is_the_node_of_its_store();
        assert!(!self.lean.has_history());
    }

    /// Charlie and Alice pay each other, and all of it is sealed.
    fn life_goes_on(&mut self, key: u8) {
        let unit = self.village.coop.hours;
        let (alice, charlie) = (self.hours_of(0), self.hours_of(CHARLIE));
        let before = self.posted(CHARLIE);
        self.pay(&hours(alice, 2, key)).unwrap();
        let times = self.village.times();
        let back = hours(charlie, 5, key);
        block_on(self.village.nodes[0].pay(&unit, &alice, &back, times)).unwrap();
        self.until("both are acknowledged and sealed", |m| {
            let is_sealed = |node: &Node| {
                let set = node.set();
                set.sealed_len(&charlie) == set.spine(&charlie).len()
            };
            m.posted(CHARLIE) == before + 3 * 3600 && m.agree() && m.ask(is_sealed)
        });
    }

    /// At the end every answer is the one of a node that read everything.
    fn ends_as_the_node_of_its_store(mut self) {
        self.is_the_node_of_its_store();
        let whole = self.whole();
        assert_eq!(self.ask(all_of), all_of(&whole));
    }
}

/// A note of a member after another record of theirs.
pub(super) fn note_after(
    village: &Village,
    member: usize,
    after: &Record,
    body: u64,
) -> Signed<Record> {
    let place = after.header().next_place().unwrap();
    note_at(village, member, place, Vec::new(), body)
}

/// A note of a member in any place, which names records.
pub(super) fn note_at(
    village: &Village,
    member: usize,
    place: Place,
    refs: Vec<RecordId>,
    body: u64,
) -> Signed<Record> {
    let content = Content::new(refs, None, &body).unwrap();
    let at = Timestamp::from_millis(village.now);
    let draft = Draft::new(place, NOTE, at, content).unwrap();
    draft.sign(&village.coop.members[member].key).unwrap()
}

/// What the registrar could write next: more credit for Bob.
pub(super) fn raise(village: &Village, floor: i64) -> Signed<Record> {
    let set = village.nodes[0].set();
    let place = set.next_place(&set.authority()).unwrap();
    let account = village.coop.hours_of(1);
    let open = set.office().unwrap().seat(&account).unwrap().open();
    let act = Act::Raise(Raise { open, floor });
    let at = Timestamp::from_millis(village.now);
    let draft = act.draft(place, Vec::new(), at).unwrap();
    draft.sign(&village.coop.registrar).unwrap()
}

/// Tells all nodes of records, one by one, until they hold them.
pub(super) fn tell(village: &mut Village, records: &[Signed<Record>]) {
    let stranger = Registrar::join(village);
    for record in records {
        for node in 0..village.nodes.len() {
            stranger.tell(village.peer(node), std::slice::from_ref(record));
        }
        village.rounds(2);
    }
    village.until("all hold them", |v| {
        let holds = |node: &Node| {
            let found = |record: &Signed<Record>| node.set().find(&record.id()).is_some();
            records.iter().all(found)
        };
        v.nodes.iter().all(holds) && v.agree()
    });
}

/// The last record of a member's account that all nodes know.
pub(super) fn tip_of(village: &Village, member: usize) -> Record {
    end_of(village, &village.coop.hours_of(member))
}

/// The last record of a chain that all nodes know.
pub(super) fn end_of(village: &Village, chain: &ChainId) -> Record {
    let set = village.nodes[0].set();
    set.record(*set.spine(chain).last().unwrap()).clone()
}

#[test]
fn fork_is_in_the_snapshot_and_life_goes_on_without_the_history() {
    let mut village = with_past(431);
    let tip = tip_of(&village, 1);
    let [low, high, more] = {
        let mut notes = [0, 1, 2].map(|body| note_after(&village, 1, &tip, body));
        notes.sort_by_key(|note| note.id());
        notes
    };
    let on_a_branch = note_after(&village, 1, &low, 3);
    tell(&mut village, &[low, high, on_a_branch.clone()]);
    let bob = village.coop.hours_of(1);
    let mut mixed = Mixed::of(village);
    assert!(mixed.ask(|node| node.set().fork(&bob).is_some()));
    mixed.is_the_node_of_its_store();
    assert_eq!(mixed.ask(evidence).len(), 1);
    mixed.life_goes_on(16);
    // More at the same place and on its branches tells nobody anything.
    let next = note_after(&mixed.village, 1, &on_a_branch, 4);
    let peer = mixed.village.coop.members[CHARLIE].peer();
    let stranger = Registrar::join(&mixed.village);
    mixed.round();
    for record in [more, next] {
        stranger.tell(peer, std::slice::from_ref(&record));
        mixed.round();
        mixed.until("it is there", |m| {
            m.ask(|node| node.set().find(&record.id()).is_some())
        });
    }
    mixed.life_goes_on(17);
    assert_eq!(mixed.ask(evidence).len(), 1);
    assert!(!mixed.lean.has_history());
    mixed.save_and_reopen();
    mixed.life_goes_on(18);
    assert!(!mixed.lean.has_history());
    // A fork on a branch is another one: of it the log tells, too.
    let other = note_after(&mixed.village, 1, &on_a_branch, 5);
    stranger.tell(peer, &[other]);
    mixed.until("the log tells of it", |m| m.ask(evidence).len() == 2);
    mixed.save_and_reopen();
    mixed.ends_as_the_node_of_its_store();
}

#[test]
fn second_record_below_a_seal_is_in_the_snapshot() {
    let mixed = Mixed::with_past(432);
    let twin = mixed.twin_of_the_last();
    let mut village = with_past(432);
    tell(&mut village, std::slice::from_ref(&twin));
    let mut mixed = Mixed::of(village);
    let is_void = |node: &Node| {
        let set = node.set();
        let slot = set.find(&twin.id()).unwrap();
        !set.on_spine(slot) && set.fork(&twin.chain()).is_none()
    };
    assert!(mixed.ask(is_void));
    mixed.is_the_node_of_its_store();
    mixed.life_goes_on(16);
    assert!(!mixed.lean.has_history());
    mixed.save_and_reopen();
    mixed.ends_as_the_node_of_its_store();
}

#[test]
fn fork_after_the_snapshot_is_in_the_next_one() {
    let mut mixed = Mixed::with_past(433);
    let twin = mixed.twin_of_the_last();
    let peer = mixed.village.coop.members[CHARLIE].peer();
    let stranger = Registrar::join(&mixed.village);
    mixed.round();
    stranger.tell(peer, &[twin]);
    mixed.until("the lean node holds both", |m| {
        m.ask(|node| !node.set().is_straight())
    });
    mixed.save_and_reopen();
    mixed.life_goes_on(16);
    assert!(!mixed.lean.has_history());
    mixed.ends_as_the_node_of_its_store();
}

#[test]
fn payments_of_a_fork_that_a_next_epoch_ended_are_in_the_snapshot() {
    let (mut village, _) = forked(434);
    for (ends, key) in [(false, 20), (true, 21)] {
        if ends {
            go_on(&mut village);
        }
        let mut mixed = Mixed::of(village);
        let (bob, charlie) = (mixed.hours_of(1), mixed.hours_of(CHARLIE));
        let unit = mixed.village.coop.hours;
        mixed.is_the_node_of_its_store();
        mixed.save_and_reopen();
        let before = mixed.posted(CHARLIE);
        let times = mixed.village.times();
        let request = hours(charlie, 3, 40);
        let paid = mixed.village.nodes[1].pay(&unit, &bob, &request, times);
        let paid = block_on(paid);
        assert_eq!(paid.is_ok(), ends, "{paid:?}");
        if ends {
            mixed.until("charlie takes it", |m| {
                m.agree() && m.posted(CHARLIE) == before + 3 * 3600
            });
        }
        mixed.life_goes_on(key);
        assert!(!mixed.lean.has_history());
        mixed.save_and_reopen();
        assert!(!mixed.lean.has_history());
        let Mixed {
            village: mut next,
            lean,
        } = mixed;
        drop(lean);
        let store = Arc::new(next.stores[CHARLIE].clone());
        let settings = next.coop.settings(CHARLIE, store, &next.network);
        next.nodes.push(block_on(settings.open()).unwrap());
        next.until("nodes agree", Village::agree);
        village = next;
    }
}

#[test]
fn acts_of_a_registrar_that_forked_are_in_the_snapshot() {
    let mut village = with_past(435);
    let acts = [-200_000, -300_000].map(|floor| raise(&village, floor));
    tell(&mut village, &acts);
    village.rounds(20);
    let mut mixed = Mixed::of(village);
    let forks = |node: &Node| node.set().fork(&node.set().authority()).is_some();
    assert!(mixed.ask(forks));
    mixed.is_the_node_of_its_store();
    let alice = mixed.hours_of(0);
    mixed.pay(&hours(alice, 1, 16)).unwrap();
    mixed.until("it is acknowledged", |m| m.posted(CHARLIE) == -3600);
    assert!(!mixed.lean.has_history());
    mixed.save_and_reopen();
    mixed.ends_as_the_node_of_its_store();
}

#[test]
fn record_without_its_content_is_in_the_snapshot_and_completed_later() {
    let mut village = with_past(436);
    let notes: Vec<Signed<Record>> = {
        let first = note_after(&village, 1, &tip_of(&village, 1), 1);
        let second = note_after(&village, 1, &first, 2);
        vec![first, second]
    };
    let bare = |record: &Record| Record::bare(record.header().clone(), *record.signature());
    let stranger = Registrar::join(&village);
    let peers: Vec<_> = (0..3).map(|node| village.peer(node)).collect();
    for note in &notes {
        let bare = bare(note);
        peers
            .iter()
            .for_each(|peer| stranger.repeat([bare.claim()], *peer));
        village.rounds(2);
    }
    let ids: Vec<RecordId> = notes.iter().map(|note| note.id()).collect();
    let are_bare = |node: &Node| {
        let set = node.set();
        let mut found = ids.iter().map(|id| set.find(id));
        found.all(|slot| slot.is_some_and(|slot| set.is_bare(slot)))
    };
    village.until("all hold their headers", |v| v.nodes.iter().all(are_bare));
    let mut mixed = Mixed::of(village);
    assert!(mixed.ask(are_bare));
    mixed.is_the_node_of_its_store();
    mixed.life_goes_on(16);
    assert!(!mixed.lean.has_history());
    let peer = mixed.village.coop.members[CHARLIE].peer();
    stranger.tell(peer, &notes[..1]);
    mixed.until("the first one is whole", |m| {
        m.ask(|node| node.set().bare().count() == 1)
    });
    assert!(!mixed.lean.has_history());
    mixed.save_and_reopen();
    stranger.tell(peer, &notes[1..]);
    mixed.until("both are", |m| m.ask(|node| node.set().bare().count() == 0));
    mixed.save_and_reopen();
    mixed.ends_as_the_node_of_its_store();
}

#[test]
fn forked_payments_are_in_the_snapshot() {
    let mut village = Village::new(437, 3);
    village.rounds(3);
    let payments = fork(&village, 3);
    tell(&mut village, &payments);
    village.nodes.remove(1);
    let mut lean = super::open_saved(&village, 1);
    let store = copy(&village.stores[1]);
    let settings = village
        .coop
        .settings(1, Arc::new(store), &LocalNetwork::new());
    let whole = block_on(settings.open()).unwrap();
    assert!(!whole.set().is_straight());
    assert_eq!(block_on(lean.ask(books)).unwrap(), books(&whole));
    assert_eq!(block_on(lean.ask(evidence)).unwrap(), evidence(&whole));
    assert!(!lean.has_history());
    assert_eq!(block_on(lean.ask(all_of)).unwrap(), all_of(&whole));
}
