//! Pages and bodies that are not those of a set: an error, or a set that answers
//! whatever it is asked.

use alloc::vec::Vec;

use proptest::prelude::*;

use super::super::outline::{CHAIN_LEN, ROW_LEN};
use super::outline::{Honest, bodies, drawn_up, needed, pages};
use super::*;
use crate::error::Fault;

/// A page in its parts, to be put together in another way.
#[derive(Clone)]
struct Page {
    chains: Vec<Vec<u8>>,
    rows: Vec<Line>,
}

#[derive(Clone, PartialEq, Eq)]
struct Line {
    id: [u8; 32],
    prev: u32,
    chain: u32,
    open: u32,
}

fn number(bytes: &[u8]) -> u32 {
    u32::from_be_bytes(bytes.try_into().unwrap())
}

impl Page {
    fn read(bytes: &[u8]) -> Self {
        let (chains, rows) = bytes[8..].split_at(CHAIN_LEN * number(&bytes[..4]) as usize);
        let line = |row: &[u8]| Line {
            id: row[..32].try_into().unwrap(),
            prev: number(&row[32..36]),
            chain: number(&row[36..40]),
            open: number(&row[40..]),
        };
        Self {
            chains: chains.chunks(CHAIN_LEN).map(<[u8]>::to_vec).collect(),
            rows: rows.chunks(ROW_LEN).map(line).collect(),
        }
    }

    fn to_bytes(&self) -> Vec<u8> {
        let counts = [self.chains.len(), self.rows.len()];
        let counts = counts.map(|count| u32::try_from(count).unwrap().to_be_bytes());
        let mut bytes = counts.concat();
        bytes.extend(self.chains.concat());
        for Line {
            id,
            prev,
            chain,
            open,
        } in &self.rows
        {
            bytes.extend(id);
            bytes.extend(
                [prev, chain, open]
                    .map(|number| number.to_be_bytes())
                    .concat(),
            );
        }
        bytes
    }
}

/// Two members who wrote under two Opens each.
struct World {
    stage: Stage,
    a: ChainId,
    b: ChainId,
    page: Page,
}

impl World {
    fn new() -> Self {
        let (mut stage, a, b) = two();
        for number in 0..2 {
            note(&mut stage, &a, number);
            note(&mut stage, &b, number);
        }
        for chain in [&a, &b] {
            let tip = stage.tip(chain);
            stage.reopen(chain, tip, 0);
            note(&mut stage, chain, 2);
        }
        let page = Page::read(&pages(&stage.set)[0]);
        Self { stage, a, b, page }
    }

    fn index(&self, chain: &ChainId, seq: usize) -> usize {
        self.stage.set.spine(chain)[seq].index()
    }

    /// What comes of an edited page, with all bodies that are asked for.
    fn edited(&self, edit: impl FnOnce(&mut Page)) -> Result<RecordSet, OutlineError> {
        let mut page = self.page.clone();
        edit(&mut page);
        self.read(&page.to_bytes())
    }

    fn read(&self, page: &Vec<u8>) -> Result<RecordSet, OutlineError> {
        let acts = self.stage.set.spine(&self.stage.set.authority());
        let bodies = bodies(&self.stage.set);
        let bodies = acts
            .iter()
            .map(|slot| (slot.index(), &bodies[slot.index()]));
        drawn_up(self.stage.domain(), [page], bodies)
    }

    fn code(&self, edit: impl FnOnce(&mut Page)) -> &'static str {
        let error = self.edited(edit).unwrap_err();
        assert_eq!(error.fault(), Fault::Environment);
        error.code()
    }
}

#[test]
fn a_page_that_nobody_edited_makes_a_set() {
    let world = World::new();
    assert_eq!(world.page.to_bytes(), pages(&world.stage.set)[0]);
    let set = world.edited(|_| {}).unwrap();
    assert_eq!(set.len(), world.stage.set.len());
}

#[test]
fn a_page_is_as_long_as_it_says() {
    let world = World::new();
    let page = world.page.to_bytes();
    for len in 0..page.len() {
        let short = page[..len].to_vec();
        assert_eq!(world.read(&short).unwrap_err(), OutlineError::Length(len));
    }
    for more in [1, ROW_LEN, CHAIN_LEN] {
        let long = [&page[..], &[0; CHAIN_LEN][..more]].concat();
        assert_eq!(world.read(&long).unwrap_err().code(), "outline.length");
    }
    let mut most = page;
    most[..8].fill(0xff);
    assert_eq!(world.read(&most).unwrap_err().code(), "outline.length");
}

#[test]
fn a_chain_is_listed_once_in_its_topic_and_has_a_record() {
    let world = World::new();
    let authority = world.stage.set.authority();
    let is_it = |chain: &Vec<u8>| chain[..32] == *authority.as_bytes();
    let errors = [
        world.edited(|page| page.chains.push(page.chains[0].clone())),
        world.edited(|page| page.chains.push([9; CHAIN_LEN].to_vec())),
        world.edited(|page| page.chains.iter_mut().find(|chain| is_it(chain)).unwrap()[63] ^= 1),
    ];
    let chains = errors.map(|error| match error.unwrap_err() {
        OutlineError::Chain(chain) => chain,
        error => panic!("{error}"),
    });
    assert_eq!(chains, [authority, ChainId::from_bytes([9; 32]), authority]);
}

#[test]
fn nothing_comes_of_a_sketch_once_a_page_was_refused() {
    let world = World::new();
    let (whole, first) = (world.page.to_bytes(), world.index(&world.a, 0));
    let edits: [fn(&mut Page, usize); 5] = [
        |page, _| page.chains.push([9; CHAIN_LEN].to_vec()),
        |page, first| page.rows[first].chain = u32::MAX,
        |page, first| page.rows[first].open = u32::MAX,
        |page, first| page.rows[first].open = u32::try_from(first + 1).unwrap(),
        |page, _| page.rows[0].id[0] ^= 1,
    ];
    for edit in edits {
        let mut page = world.page.clone();
        edit(&mut page, first);
        let mut sketch = Sketch::new(world.stage.domain());
        let refused = sketch.page(&page.to_bytes());
        assert!(refused.is_err());
        assert_eq!(sketch.page(&whole), refused);
        assert_eq!(sketch.body(0, &[]), refused);
        assert_eq!(sketch.finish().map(|_| ()), refused);
    }
}

#[test]
fn a_record_lies_on_a_chain_that_is_listed_in_turn() {
    let world = World::new();
    let (first, b) = (
        world.index(&world.a, 0),
        world.page.rows[world.index(&world.b, 0)].chain,
    );
    for chain in [b, 3, u32::MAX] {
        let error = world
            .edited(|page| page.rows[first].chain = chain)
            .unwrap_err();
        assert_eq!(error, OutlineError::Unlisted(first));
        assert_eq!(error.code(), "outline.unlisted");
    }
}

#[test]
fn a_record_stands_at_one_place() {
    let world = World::new();
    let [one, other] = [world.index(&world.a, 0), world.index(&world.b, 1)];
    let id = RecordId::from_bytes(world.page.rows[one].id);
    let error = world.edited(|page| page.rows[other].id = page.rows[one].id);
    let error = error.unwrap_err();
    assert_eq!(
        (error, error.code()),
        (OutlineError::Twice(id), "outline.twice")
    );
}

#[test]
fn an_outline_is_of_the_domain_that_its_charter_founds() {
    let world = World::new();
    let charter = world.stage.set.id(Slot::FIRST);
    let others = DomainId::from_bytes([9; 32]);
    assert_eq!(world.code(|page| page.rows[0].id[0] ^= 1), "outline.domain");
    // The authority chain of another domain is none of this one.
    let mut sketch = Sketch::new(others);
    let error = sketch.page(&world.page.to_bytes()).unwrap_err();
    assert_eq!(error, OutlineError::Epoch(0));
    assert_eq!(charter.as_bytes(), world.stage.domain().as_bytes());
}

#[test]
fn a_record_is_of_an_epoch_that_an_open_of_its_chain_starts() {
    let world = World::new();
    let (set, rows) = (&world.stage.set, &world.page.rows);
    let [first, second, third] = [0, 1, 2].map(|seq| world.index(&world.a, seq));
    let (old, new) = (rows[first].open, rows[third].open);
    let other = rows[world.index(&world.b, 0)].open;
    let is_seal = |slot: &&Slot| set.record(**slot).kind() == Kind::SEAL;
    let seal = set.spine(&set.authority()).iter().find(is_seal).unwrap();
    let at = |index: usize| u32::try_from(index + 1).unwrap();
    for (index, open) in [
        (first, 0),
        (first, u32::MAX),
        (first, at(first)),        // itself
        (first, new),              // not here yet
        (second, at(first)),       // no act
        (third, at(0)),            // the charter
        (third, at(seal.index())), // an act, but no Open
        (second, other),           // of another chain
    ] {
        let error = world.edited(|page| page.rows[index].open = open);
        let error = error.unwrap_err();
        assert_eq!(error, OutlineError::Epoch(index), "{open}");
        assert_eq!(error.code(), "outline.epoch");
    }
    let swapped = world.edited(|page| {
        (page.rows[first].id, page.rows[second].id) = (rows[second].id, rows[first].id);
    });
    let error = swapped.unwrap_err();
    assert_eq!(
        error,
        OutlineError::Epoch(third),
        "another end of the epoch before"
    );
    // The epoch before has ended: what stands under it there does not count.
    let late = world.edited(|page| page.rows[third].open = old).unwrap();
    let third = late.slot(third).unwrap();
    assert!(!late.on_spine(third) && !late.is_straight());
}

#[test]
fn a_record_follows_one_of_its_chain_that_stands_before_it() {
    let world = World::new();
    let at = |index: usize| u32::try_from(index + 1).unwrap();
    let [first, second, third] = [0, 1, 2].map(|seq| world.index(&world.a, seq));
    let other = world.index(&world.b, 0);
    for prev in [at(second), at(third), at(other), at(0), u32::MAX] {
        let error = world.edited(|page| page.rows[second].prev = prev);
        let error = error.unwrap_err();
        assert_eq!(
            (error, error.code()),
            (OutlineError::Prev(second), "outline.prev")
        );
    }
    let fork = world.edited(|page| {
        let first = page.rows[first].clone();
        page.rows.push(Line {
            id: [9; 32],
            ..first
        });
    });
    let fork = fork.unwrap();
    let first = fork.slot(first).unwrap();
    assert!(!fork.is_straight() && fork.siblings(first).count() == 1);
}

#[test]
fn a_body_is_that_of_the_record_that_stands_there() {
    let world = World::new();
    let set = &world.stage.set;
    let [first, second] = [0, 1].map(|seq| world.index(&world.a, seq));
    let bodies = bodies(set);
    let sketch = || {
        let mut sketch = Sketch::new(set.domain());
        sketch.page(&world.page.to_bytes()).unwrap();
        sketch
    };
    let bare = |index: usize| {
        let record = set.record(set.slot(index).unwrap());
        let bare = Record::bare(record.header().clone(), *record.signature());
        bare.claim().to_bytes()
    };
    let acts = set.spine(&set.authority());
    let with = |given: &[&Vec<u8>]| {
        let mut sketch = sketch();
        for act in acts {
            sketch.body(act.index(), &bodies[act.index()]).unwrap();
        }
        for body in given {
            assert_eq!(sketch.body(first, body), Ok(()));
        }
        sketch.finish().unwrap().bare().count()
    };
    assert_eq!(with(&[&bodies[first]]), 0);
    assert_eq!(with(&[&bare(first)]), 1);
    assert_eq!(with(&[&bare(first), &bodies[first]]), 0);
    let errors = [
        sketch().body(set.len(), &bodies[first]),
        sketch().body(usize::MAX, &bodies[first]),
        sketch().body(first, &bodies[second]),
        sketch().body(first, &bare(second)),
        sketch().body(first, &bodies[first][1..]),
        sketch().body(first, &[&bodies[first][..], &[0]].concat()),
    ];
    let errors = errors.map(Result::unwrap_err);
    let codes = errors.map(|error| error.code());
    assert_eq!(
        codes,
        [
            "outline.unknown",
            "outline.unknown",
            "outline.body",
            "outline.body",
            "canon.type",
            "canon.trailing",
        ]
    );
    assert!(
        errors
            .iter()
            .all(|error| error.fault() == Fault::Environment)
    );
    // With the content of another record.
    let mut changed = bodies[first].clone();
    *changed.last_mut().unwrap() ^= 1;
    let error = sketch().body(first, &changed).unwrap_err();
    assert_eq!(error.code(), "record.content");
}

#[test]
fn a_body_says_where_its_record_stands() {
    let world = World::new();
    let bodies = bodies(&world.stage.set);
    let [first, second, third] = [0, 1, 2].map(|seq| world.index(&world.a, seq));
    let elsewhere = world.index(&world.b, 0);
    let swapped = |one: usize, other: usize| {
        let mut page = world.page.clone();
        let ids = (page.rows[one].id, page.rows[other].id);
        (page.rows[other].id, page.rows[one].id) = ids;
        page
    };
    let mut in_old_epoch = world.page.clone();
    in_old_epoch.rows[third].open = in_old_epoch.rows[first].open;
    for (page, at, record) in [
        (swapped(first, second), second, first), // at another position
        (swapped(first, elsewhere), elsewhere, first), // on another chain
        (swapped(first, elsewhere), second, second), // after another record
        (in_old_epoch, third, third),            // in another epoch
    ] {
        let mut sketch = Sketch::new(world.stage.domain());
        sketch.page(&page.to_bytes()).unwrap();
        let refused = sketch.body(at, &bodies[record]);
        assert_eq!(refused, Err(OutlineError::Body(at)));
    }
}

#[test]
fn every_act_has_a_body() {
    let world = World::new();
    let set = &world.stage.set;
    let bodies = bodies(set);
    let acts = set.spine(&set.authority());
    for missing in acts {
        let others = acts.iter().filter(|act| *act != missing);
        let others = others.map(|slot| (slot.index(), &bodies[slot.index()]));
        let error = drawn_up(set.domain(), [&world.page.to_bytes()], others).unwrap_err();
        assert_eq!(error, OutlineError::Missing(missing.index()));
        assert_eq!(error.code(), "outline.missing");
    }
}

/// The outline of a set with one more act at its end, and the body of that.
fn with_act(before: &RecordSet, act: &Signed<Record>) -> Result<RecordSet, OutlineError> {
    let mut page = Page::read(&pages(before)[0]);
    page.rows.push(Line {
        id: *act.id().as_bytes(),
        prev: act
            .prev()
            .map_or(0, |prev| before.find(&prev).unwrap().number()),
        chain: page.rows[0].chain,
        open: 0,
    });
    let mut bodies = bodies(before);
    bodies.push(act.to_bytes());
    let acts = before
        .spine(&before.authority())
        .iter()
        .map(|slot| slot.index());
    let acts = acts.chain([before.len()]);
    drawn_up(
        before.domain(),
        [&page.to_bytes()],
        acts.map(|at| (at, &bodies[at])),
    )
}

#[test]
fn what_an_act_decides_puts_records_beside_their_spine() {
    let (mut stage, a, _) = two();
    note(&mut stage, &a, 0);
    let first = stage.tip(&a);
    note(&mut stage, &a, 1);
    let before = stage.set.clone();
    stage.seal_at(&a, first, Finality::Final);
    let set = with_act(&before, stage.records.last().unwrap()).unwrap();
    assert!(!set.is_straight() && set.bends() == 0);
    assert_eq!(set.spine(&a), stage.set.spine(&a));
}

#[test]
fn a_recall_that_is_not_valid_lies_beside_the_spine() {
    let (mut stage, a, _) = two();
    let before = stage.set.clone();
    let honoured = stage.set.id(stage.set.office_tip().unwrap());
    let seal = stage.seal(&a, Finality::Open);
    stage.set = before.clone();
    let valid = {
        let mut stage = stage.clone();
        stage.recall(honoured, &[]);
        stage.records.last().unwrap().clone()
    };
    let recalled = with_act(&before, &valid).unwrap();
    assert!(recalled.is_straight() && recalled.registrar() != before.registrar());
    // It adopts what is no Open, and waits for it.
    stage.recall(honoured, &[seal]);
    let set = with_act(&before, stage.records.last().unwrap()).unwrap();
    assert!(!set.is_straight() && set.registrar() == before.registrar());
    let authority = before.authority();
    assert_eq!(set.spine(&authority), stage.set.spine(&authority));
}

/// Asks a set everything.
fn ask(set: &RecordSet) {
    let canonical = set.canonical();
    let kept = Beside::new().canonical(set).beside().count();
    assert_eq!(kept, canonical.beside().count());
    for slot in set.slots() {
        ask_of_record(set, &canonical, slot);
    }
    for (chain, topic) in set.chains() {
        ask_of_chain(set, &canonical, &chain, &topic);
    }
    let _ = (
        set.office(),
        set.registrar(),
        set.charter(),
        set.needs_upgrade(),
        set.bare().count(),
    );
    assert_eq!(pages(set).len(), 1);
}

fn ask_of_record(set: &RecordSet, canonical: &Canonical<'_>, slot: Slot) {
    let id = set.id(slot);
    assert!(set.find(&id) == Some(slot) && set.slot(slot.index()) == Some(slot));
    assert!(canonical.contains(slot) || !set.on_spine(slot));
    let record = set.record(slot);
    let _ = (
        record.header(),
        record.refs(),
        record.topic(),
        set.would_fork(record),
        set.verdict(slot),
        set.act(slot),
        set.is_at_hand(slot),
        set.signatory(record),
    );
    let _ = (
        set.frozen(slot),
        set.readied(slot),
        set.closed_by(&id),
        set.decision_of(&id),
    );
    let _ = (
        set.office_after(&id),
        set.succession(&id),
        set.opens_beside(&id),
    );
    let _ = (
        set.effective_heads(slot).count(),
        set.siblings(slot).count(),
        set.open(&id),
        canonical.label(slot),
        set.relied_on(slot).count(),
        set.seq(slot),
    );
    let _ = (
        set.goes_on(id, Some(slot)),
        set.opened_after(Some(slot), &id),
    );
    assert_eq!(set.back(slot).count() as u64, set.seq(slot) + 1);
    if let Some(other) = set.prev(slot) {
        assert!(set.on_path(other, slot) && !set.on_path(slot, other));
        assert!(set.equivocation(slot, other).is_err());
    }
}

fn ask_of_chain(set: &RecordSet, canonical: &Canonical<'_>, chain: &ChainId, topic: &TopicId) {
    assert_eq!(
        set.chain_number(chain),
        set.spine(chain).last().map(|&end| set.chain_of(end))
    );
    let _ = (set.fork(chain), set.sealed_len(chain), set.is_frozen(chain));
    let _ = (
        set.next_place(chain),
        set.next_start(chain),
        set.newest_seal(chain),
    );
    let _ = (
        set.newest_row(chain),
        set.sealed_beyond(chain),
        set.bends_in(topic),
    );
    let _ = (
        canonical.digest(*topic),
        canonical.rows(*topic),
        canonical.irregular(*topic),
    );
}

/// What comes of damaged pages or bodies: nothing, or a set that can be asked and
/// goes on.
fn survives(honest: &Honest, pages: &[Vec<u8>], bodies: &[(usize, Vec<u8>)]) -> bool {
    let bodies = bodies.iter().map(|(index, body)| (*index, body));
    let Ok(mut set) = drawn_up(honest.stage.domain(), pages, bodies) else {
        return false;
    };
    ask(&set);
    let mut later = honest.stage.records.iter();
    later.by_ref().take(set.len()).for_each(drop);
    for record in later {
        let _ = set.insert(record.clone());
    }
    ask(&set);
    true
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn damage_is_an_error_or_makes_a_set_that_answers(
        seed in 0_u64..20,
        at in any::<prop::sample::Index>(),
        change in 1_u8..,
        is_of_body in prop::bool::weighted(0.2),
    ) {
        let mut honest = Honest::new(seed);
        let (set, known) = (honest.stage.set.clone(), needed(&honest.stage.set));
        for _ in 0..5 {
            honest.step();
        }
        let all = bodies(&set);
        let mut pages = pages(&set);
        let mut bodies: Vec<(usize, Vec<u8>)> =
            known.iter().map(|slot| (slot.index(), all[slot.index()].clone())).collect();
        prop_assert!(survives(&honest, &pages, &bodies));
        let damaged = if is_of_body {
            let at = at.index(bodies.len());
            &mut bodies[at].1
        } else {
            &mut pages[0]
        };
        let at = at.index(damaged.len());
        damaged[at] ^= change;
        survives(&honest, &pages, &bodies);
        let len = at % pages[0].len();
        pages[0].truncate(len);
        prop_assert!(!survives(&honest, &pages, &bodies));
    }
}
