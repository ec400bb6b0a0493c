//! What honest members keep and dishonest ones cannot take.

use std::collections::BTreeMap;

use icn_ledger::Entry;
use icn_types::authority::Act;
use icn_types::id::{ChainId, RecordId};
use icn_types::record::Place;

use super::member::Member;
use super::properties::{Kept, Property, label, need};
use super::tally::{Tally, sends, takes};
use super::world::{Bug, Replica, World};

pub(super) fn keys_are_paid_once(world: &World, tally: &Tally) -> Kept {
    let mut paid: BTreeMap<_, RecordId> = BTreeMap::new();
    for taken in &tally.taken {
        let record = taken.leg.record;
        let Some(Entry::Payment(payment)) = world.entries.get(&record) else {
            continue;
        };
        if !taken.is_posted {
            continue;
        }
        let by = (world.record(&record).chain(), payment.key, taken.payee);
        let first = *paid.entry(by).or_insert(record);
        need(world, first == record, Property::Once, || {
            format!("{first} and {record} are paid under one key")
        })?;
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
            let kept = if member.cut.is_some() {
                verdict.is_none_or(|verdict| verdict == "valid")
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
                if is_posted(replica, &leg.record) {
                    real += atoms;
                } else {
                    ghost += atoms;
                }
            }
            if !matches!(world.entries[&id], Entry::Payment(_)) {
                continue;
            }
            sent += sends(world, &id).iter().map(|sent| sent.3).sum::<i128>();
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
        let debt = -(posted + of(&tally.contested));
        let spent = real + ghost - posted;
        let floor = i128::from(member.grant.floor).abs();
        let frozen = ghost - ghost.min((spent - real - floor).max(0));
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
