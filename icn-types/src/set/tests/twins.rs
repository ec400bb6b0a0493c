//! A registrar that forks puts one consent into an Open on each branch, and a
//! Recall keeps the one under which the owner did not write.

use super::*;

struct Twins {
    stage: Stage,
    chain: ChainId,
    /// Where both Opens start.
    start: Option<Tip>,
    /// The owner writes under this one.
    used: RecordId,
    /// This one is in force after the Recall.
    kept: RecordId,
}

/// The `edit`ed Open of the branch that the Recall honours.
fn twins(edit: impl FnOnce(&mut Stage, &mut Open)) -> Twins {
    let (mut stage, chain, _) = two();
    note(&mut stage, &chain, 0);
    let root = stage.set.record(stage.set.office_tip().unwrap()).id();
    let start = stage.tip(&chain);
    let used = stage.reopen(&chain, start, 0);
    note(&mut stage, &chain, 1);
    let slot = stage.set.find(&used).unwrap();
    let seal = stage.set.act(stage.set.prev(slot).unwrap()).unwrap();
    let mut open = stage.set.open(&used).unwrap().clone();
    edit(&mut stage, &mut open);
    stage.set_time(1); // otherwise the Seals of both branches are one record
    let seal = stage.act_after(root, &seal, &[]);
    let kept = stage.act_after(seal, &Act::Open(open), &[]);
    stage.recall(kept, &[]);
    let seat = stage.set.office().unwrap().seat(&chain).unwrap();
    assert_eq!(seat.open(), kept);
    Twins {
        stage,
        chain,
        start,
        used,
        kept,
    }
}

fn in_force(stage: &Stage, chain: &ChainId) -> RecordId {
    stage.set.office().unwrap().seat(chain).unwrap().open()
}

#[test]
fn an_adopt_takes_the_twin_under_which_the_owner_wrote() {
    let Twins {
        mut stage,
        chain,
        used,
        ..
    } = twins(|_, _| {});
    assert_eq!(stage.set.next_place(&chain), None, "the owner is stuck");
    let adopt = stage.act(&Act::Adopt, &[used]);
    assert!(verdict(&stage, &adopt).is_valid());
    assert_eq!(in_force(&stage, &chain), used);
    assert_eq!(stage.set.spine(&chain).len(), 2);
    let Some(Place::Entry { epoch, prev, .. }) = stage.set.next_place(&chain) else {
        panic!("the owner goes on");
    };
    assert_eq!((epoch, prev), (used, stage.tip(&chain).map(|tip| tip.head)));
    note(&mut stage, &chain, 2);
    let seal = stage.seal(&chain, Finality::Open);
    assert!(verdict(&stage, &seal).is_valid());
    assert_eq!(stage.set.sealed_len(&chain), 3);
}

#[test]
fn a_twin_may_state_another_charge() {
    let Twins {
        mut stage, used, ..
    } = twins(|_, open| {
        open.charged = 5;
        open.claims = Some(crate::id::Digest::from_bytes([7; 32]));
    });
    let adopt = stage.act(&Act::Adopt, &[used]);
    assert!(verdict(&stage, &adopt).is_valid());
}

#[test]
fn an_open_in_force_is_not_its_own_twin() {
    let Twins {
        mut stage, kept, ..
    } = twins(|_, _| {});
    let adopt = stage.act(&Act::Adopt, &[kept]);
    assert_eq!(broken(&stage, &adopt), "adopt.open");
}

#[test]
fn an_open_of_another_consent_is_no_twin() {
    let Twins {
        mut stage, used, ..
    } = twins(|stage, open| {
        let (key, owner) = (stage.draw_key(), stage.members()[0].key.clone());
        *open = stage.open_body(open.chain, &key, open.start, 0, open.grant, &owner);
    });
    let adopt = stage.act(&Act::Adopt, &[used]);
    assert_eq!(broken(&stage, &adopt), "adopt.open");
}

#[test]
fn no_twin_is_adopted_once_a_seal_went_beyond_its_start() {
    let Twins {
        mut stage,
        chain,
        start,
        used,
        kept,
    } = twins(|_, _| {});
    // An owner who writes under both.
    let place = Place::Entry {
        topic: stage.ledger(UNIT).id(),
        chain,
        epoch: kept,
        seq: 1,
        prev: start.map(|tip| tip.head),
    };
    let content = Content::new(Vec::new(), None, &7_u64).unwrap();
    let draft = Draft::new(place, NOTE, Timestamp::default(), content).unwrap();
    let key = stage.key(&chain).clone();
    let head = stage.sign(draft, &key);
    let mut row = stage.seal_row(&chain, Some(Tip { seq: 1, head }), Finality::Open);
    row.open = kept;
    let rows = List::new([row]).unwrap();
    let seal = stage.act(&Act::Seal(crate::authority::Seal { rows }), &[]);
    assert!(verdict(&stage, &seal).is_valid());
    let adopt = stage.act(&Act::Adopt, &[used]);
    assert_eq!(broken(&stage, &adopt), "adopt.open");
    assert_eq!(in_force(&stage, &chain), kept);
}
