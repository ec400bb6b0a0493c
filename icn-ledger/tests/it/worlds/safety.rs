//! What honest members keep and dishonest ones cannot take.

use std::collections::BTreeMap;

use icn_ledger::{Entry, LegId};
use icn_types::authority::Act;
use icn_types::id::{ChainId, RecordId};
use icn_types::record::Place;

use super::member::Member;
use super::properties::{Kept, Property, label, need};
use super::replica::Replica;
use super::tally::{Tally, claim, counts, hold_of, origin, outlay, sends, takes};
use super::world::{Bug, World};

pub(super) fn keys_are_paid_once(world: &World, tally: &Tally) -> Kept {
    let mut paid: BTreeMap<_, RecordId> = BTreeMap::new();
    for taken in &tally.taken {
        let Some((payer, key, record)) = origin(world, &taken.leg) else {
            continue;
        };
        if !taken.is_posted {
            continue;
        }
        let first = *paid.entry((payer, key, taken.payee)).or_insert(record);
        need(world, first == record, Property::Once, || {
            format!("{first} and {record} are paid under one key")
        })?;
    }
    Ok(())
}

pub(super) fn parts_are_taken_once(world: &World, tally: &Tally) -> Kept {
    let mut parts: BTreeMap<_, LegId> = BTreeMap::new();
    for taken in tally.taken.iter().filter(|taken| taken.is_posted) {
        let Some(side) = hold_of(world, &taken.leg) else {
            continue;
        };
        let first = *parts.entry(side).or_insert(taken.leg);
        need(world, first == taken.leg, Property::Once, || {
            format!("{first:?} and {:?} are parts of one side", taken.leg)
        })?;
    }
    Ok(())
}

pub(super) fn refunds_are_bounded(world: &World) -> Kept {
    let replica = &world.replicas[0];
    let set = &replica.set;
    for member in &world.members {
        let mut paid_back: BTreeMap<LegId, i128> = BTreeMap::new();
        for &slot in set.spine(&member.id) {
            let id = set.record(slot).id();
            let Some(Entry::Refund(refund)) = world.entries.get(&id) else {
                continue;
            };
            if !counts(world, replica, slot) {
                continue;
            }
            let of = LegId {
                record: set.record(slot).refs()[usize::from(refund.original.reference)],
                leg: refund.original.leg,
            };
            let mut sent = sends(world, &of.record).into_iter();
            let most = sent.find(|sent| sent.0 == of).map_or(0, |sent| sent.3);
            let sum = paid_back.entry(of).or_default();
            *sum += outlay(world, &id);
            need(world, *sum <= most, Property::Once, || {
                format!("{sum} of {most} are paid back by {id}")
            })?;
        }
    }
    Ok(())
}

pub(super) fn honest_members_are_safe(world: &World) -> Kept {
    let replica = &world.replicas[0];
    let (set, canonical) = (&replica.set, replica.set.canonical());
    for member in world.members.iter().filter(|member| member.is_honest()) {
        need(
            world,
            !replica.forked(&member.id),
            Property::Honesty,
            || format!("an honest chain forks: {}", member.id),
        )?;
        for id in world
            .order
            .iter()
            .filter(|id| world.record(id).chain() == member.id)
        {
            let slot = set.find(id);
            let word = slot.map(|slot| label(replica, &canonical, slot));
            let verdict = slot.map(|slot| replica.verdict(slot));
            // What a cut leaves outside the canonical set is not exchanged.
            let kept = if member.cut.is_some() {
                word == Some("outside") || verdict.is_none_or(|verdict| verdict == "valid")
            } else {
                word == Some("posted")
            };
            need(world, kept, Property::Honesty, || {
                format!("an honest record {id} is {verdict:?}, {word:?}")
            })?;
        }
        // While the registrar forks nobody goes on; neither does who agreed to
        // an Open that has not come.
        let waits = replica.forked(&set.authority()) || member.agreed.is_some();
        if waits || member.cut.is_some() {
            continue;
        }
        let place = set.next_place(&member.id);
        let own = matches!(
            place,
            Some(Place::Entry { epoch, prev, .. })
                if Some(epoch) == member.epoch && prev == member.tip
        );
        need(world, own, Property::Honesty, || {
            let seat = set.office().and_then(|office| office.seat(&member.id));
            format!(
                "an honest chain {:?} cannot go on: {place:?}; frozen {}, in force {:?}, own {:?}",
                member.id,
                set.is_frozen(&member.id),
                seat.map(icn_types::set::Seat::open),
                member.epoch,
            )
        })?;
    }
    Ok(())
}

/// The lowest floor that an epoch was ever granted, as a credit.
fn credit(world: &World, epoch: &RecordId, member: &Member) -> i128 {
    let raised = world.acts.values().filter_map(|act| match act {
        Act::Raise(raise) if raise.open == *epoch && !world.has(Bug::NoFloor) => Some(raise.floor),
        _ => None,
    });
    let floor = raised
        .min()
        .unwrap_or(member.grant.floor)
        .min(member.grant.floor);
    -i128::from(floor)
}

fn is_posted(replica: &Replica, id: &RecordId) -> bool {
    let slot = replica.set.find(id);
    slot.is_some_and(|slot| replica.is_valid(slot) && replica.set.on_spine(slot))
}

/// With the final labels deciding which credit was real.
pub(super) fn nobody_overspends(world: &World) -> Kept {
    let replica = &world.replicas[0];
    let set = &replica.set;
    for member in &world.members {
        let (mut sent, mut real, mut ghost) = (0, 0, 0);
        for &slot in set.spine(&member.id) {
            if !replica.is_valid(slot) {
                continue;
            }
            let (record, float) = (set.record(slot), i128::from(member.grant.float));
            let (id, epoch) = (record.id(), record.epoch().unwrap());
            for leg in takes(world, &id) {
                let of = sends(world, &leg.record)
                    .into_iter()
                    .find(|sent| sent.0 == leg);
                let (_, _, _, atoms) = of.unwrap();
                let mut count = |leg: &LegId, atoms: i128| {
                    let hold = hold_of(world, leg);
                    let is_real = |id: &RecordId| is_posted(replica, id);
                    if is_real(&leg.record) && hold.is_none_or(|(hold, _)| is_real(&hold)) {
                        real += atoms;
                    } else {
                        ghost += atoms;
                    }
                };
                count(&leg, atoms);
                if let Some(claim) = claim(world, &leg.record) {
                    count(&claim, -atoms);
                }
            }
            if outlay(world, &id) == 0 {
                continue;
            }
            sent += outlay(world, &id);
            let spent = sent + i128::from(world.charges[&epoch]);
            let limit = credit(world, &epoch, member) + real + ghost.min(float);
            need(world, spent <= limit, Property::Limit, || {
                format!("{id} spends up to {spent} of {limit}")
            })?;
        }
    }
    Ok(())
}

pub(super) fn loss_is_bounded(world: &World, tally: &Tally) -> Kept {
    let (mut loss, mut bound) = (0, 0);
    for member in &world.members {
        let of = |sums: &BTreeMap<ChainId, i128>| sums.get(&member.id).copied().unwrap_or(0);
        let taken = |real: bool| -> i128 {
            let legs = tally.taken.iter();
            legs.filter(|leg| leg.payee == member.id && leg.is_posted && leg.is_real == real)
                .map(|leg| leg.atoms)
                .sum()
        };
        let (posted, real, ghost) = (of(&tally.posted), taken(true), taken(false));
        let assumed = of(&tally.assumed);
        let debt = assumed - (posted + of(&tally.contested));
        let spent = real + ghost - posted;
        let floor = i128::from(member.grant.floor).abs();
        let frozen = assumed + ghost - ghost.min((spent - real - floor).max(0));
        loss += debt.max(0) - frozen;
        let epochs = world.acts.iter().filter_map(|(id, act)| match act {
            Act::Open(open) if open.chain == member.chain => Some(credit(world, id, member)),
            _ => None,
        });
        bound += epochs.max().unwrap_or(0) + i128::from(member.grant.float);
    }
    need(world, loss <= bound, Property::Loss, || {
        format!("{loss} of {bound} are lost")
    })
}
