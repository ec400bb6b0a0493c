//! Sets from outlines that are told of several records at once, as a node that opens
//! tells them of what is behind its snapshot, and of votes that name by value.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use super::outline::{bodies, drawn_up, needed, pages};
use super::worlds::{Copies, Dice, stage_of, summary_of};
use super::*;
use crate::authority::{Close, DecisionTerms, Opening, Outcome, ProposalId};
use crate::canon::Raw;

struct Lean {
    set: RecordSet,
    beside: Beside,
}

impl Lean {
    fn of(set: &RecordSet, beside: &mut Beside, whole: &RecordSet) -> Self {
        let parts = beside.parts(set);
        let bodies = bodies(whole);
        let mut at_hand: BTreeSet<Slot> = needed(set);
        at_hand.extend(parts.canonical.iter().map(|(_, slot)| *slot));
        at_hand.extend(parts.awaited.iter().map(|(_, slot)| *slot));
        at_hand.extend(set.with_siblings());
        // As a node has it: all but ledgers is at hand.
        let ledger = |slot: &Slot| {
            let topic = set.topic(*slot);
            topic != crate::topic::Topic::Governance(set.domain()).id()
        };
        at_hand.extend(set.slots().filter(|slot| !ledger(slot)));
        let at_hand = at_hand
            .iter()
            .map(|slot| (slot.index(), &bodies[slot.index()]));
        let set = drawn_up(set.domain(), &pages(set), at_hand).unwrap();
        let beside = Beside::restored(&set, parts);
        Self { set, beside }
    }
}

/// Votes whose Openings and Closes name records of members by value, some of them on
/// branches or not told yet, and forks of those.
fn with_votes(stage: &mut Stage, dice: &mut Dice) {
    if stage.set.registrar() != Some(stage.registrar().public_key())
        || stage.set.fork(&stage.set.authority()).is_some()
    {
        return;
    }
    let topic = stage.governance();
    let key = stage.draw_key();
    let chain = stage.open(topic.chain(Owner::Shared(77)), key, None);
    let Some(_) = stage.set.office().and_then(|office| office.seat(&chain)) else {
        return;
    };
    let mut written = Vec::new();
    for body in 0..6_u64 {
        let after = if dice.one_in(3) {
            None
        } else {
            dice.pick(&written).map(|id| Tip {
                seq: stage.set.seq(stage.set.find(&id).unwrap()),
                head: id,
            })
        };
        let refs: Vec<RecordId> = dice.pick(&written).into_iter().collect();
        written.push(stage.write_after(&chain, after, NOTE, &refs, &(900 + body)));
    }
    for number in 0..4 {
        let named = |dice: &mut Dice| dice.pick(&written).unwrap();
        let terms = DecisionTerms {
            tellers: List::new([chain]).unwrap(),
            needed: 1,
            period: 0,
            timelock: 0,
        };
        let act = if dice.one_in(2) {
            Act::Opening(Opening {
                proposal: ProposalId::from_bytes([number; 32]),
                record: named(dice),
                actions: List::empty(),
                rule: Raw::of(&0_u64),
                roll: stage.set.office().unwrap().roll_digest(),
                terms,
            })
        } else {
            Act::Close(Close {
                opening: named(dice),
                outcome: Outcome::Accepted,
                shuts: List::new([named(dice)]).unwrap(),
                tally: Raw::of(&0_u64),
            })
        };
        let prev = stage.set.spine(&stage.set.authority()).to_vec();
        let prev = stage.set.id(dice.pick(&prev[prev.len() / 2..]).unwrap());
        stage.act_after(prev, &act, &[]);
    }
}

#[test]
fn sets_from_outlines_take_in_several_records_and_votes() {
    let from: u64 = std::env::var("FROM").map_or(0, |from| from.parse().unwrap());
    let count: u64 = std::env::var("COUNT").map_or(60, |count| count.parse().unwrap());
    let (mut compared, mut missed, mut beside_canonical, mut voted) = (0, 0, 0, 0);
    for seed in from..from + count {
        let mut stage = stage_of(seed);
        let mut dice = Dice(!seed ^ 77);
        // Not where the registrar of the world is another one.
        let told = std::panic::catch_unwind(|| {
            let (mut stage, mut dice) = (stage.clone(), Dice(seed));
            with_votes(&mut stage, &mut dice);
            stage
        });
        voted += usize::from(told.is_ok());
        stage = told.unwrap_or(stage);
        let mut queue = Vec::new();
        for record in &stage.records {
            let copies = Copies::of(record);
            if dice.one_in(2) {
                queue.push(copies.copy(false));
            }
            if !dice.one_in(30) {
                queue.push(copies.copy(true));
            }
        }
        let mut whole = RecordSet::new(stage.domain());
        let mut beside = Beside::new();
        let mut lean: Option<Lean> = None;
        loop {
            dice.shuffle(&mut queue);
            let before = queue.len();
            let mut left = Vec::new();
            let mut behind: Vec<Slot> = Vec::new();
            for record in queue {
                let added = whole.insert(record.clone());
                if let Some(one) = &mut lean {
                    let early = one.set.insert(record.clone());
                    if one.set.missed() {
                        lean = None;
                        missed += 1;
                    } else {
                        assert_eq!(early, added, "seed {seed}");
                    }
                }
                match added {
                    Ok(Added::New(slot) | Added::Completed(slot)) => {
                        beside.update(&whole, slot);
                        behind.push(slot);
                    }
                    _ => {
                        left.push(record);
                        continue;
                    }
                }
                if !dice.one_in(5) {
                    continue;
                }
                if let Some(one) = &mut lean {
                    for slot in behind.drain(..) {
                        one.beside.update(&one.set, slot);
                    }
                    let part = one.beside.canonical(&one.set);
                    let digests = summary_of(&part);
                    let needed = part.needed().collect::<Vec<_>>();
                    if one.set.missed() {
                        lean = None;
                        missed += 1;
                    } else {
                        let own = whole.canonical();
                        assert_eq!(digests, summary_of(&own), "seed {seed}");
                        assert_eq!(needed, own.needed().collect::<Vec<_>>(), "seed {seed}");
                        beside_canonical += needed.len();
                        compared += 1;
                    }
                }
                behind.clear();
                if dice.one_in(3) {
                    let parts = beside.parts(&whole);
                    if !whole.is_straight() {
                        assert_eq!(parts, Beside::new().parts(&whole), "seed {seed}");
                    }
                    let next = match &mut lean {
                        Some(one) => {
                            assert_eq!(one.beside.parts(&one.set), parts, "seed {seed}");
                            Lean::of(&one.set, &mut one.beside, &whole)
                        }
                        None => Lean::of(&whole, &mut beside, &whole),
                    };
                    assert!(!next.set.missed());
                    lean = Some(next);
                }
            }
            queue = left;
            if queue.len() == before {
                break;
            }
            if let Some(one) = &mut lean {
                for slot in behind {
                    one.beside.update(&one.set, slot);
                }
            }
        }
    }
    std::println!("{compared} compared, {missed} missed, {beside_canonical} beside, {voted} voted");
    assert!(compared > 100 && missed > 10);
}
