//! Sums counted a second way, from the model of the rules and nothing of the
//! code under test but verdicts and labels.

use std::collections::BTreeMap;

use icn_ledger::{Entry, LegId, LegRef};
use icn_types::id::{ChainId, RecordId};
use icn_types::set::{Label, Slot};

use super::world::{Bug, Replica, World};

/// A leg that somebody took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TakenLeg {
    pub(super) leg: LegId,
    pub(super) payee: ChainId,
    pub(super) atoms: i128,
    /// Its sender's record is posted.
    pub(super) is_real: bool,
    /// A record that takes it is posted.
    pub(super) is_posted: bool,
}

/// What all accounts add up to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) posted: BTreeMap<ChainId, i128>,
    pub(super) contested: BTreeMap<ChainId, i128>,
    pub(super) charged: BTreeMap<ChainId, i128>,
    pub(super) transit: BTreeMap<LegId, i128>,
    pub(super) taken: Vec<TakenLeg>,
}

impl Tally {
    pub(super) fn sum(&self) -> i128 {
        let columns = self.posted.values().chain(self.contested.values());
        columns.chain(self.transit.values()).sum()
    }

    pub(super) fn of(world: &World, replica: &Replica) -> Self {
        let set = &replica.set;
        let canonical = set.canonical();
        let all_held = world.has(Bug::SumsOverAllHeld);
        let slots: Vec<Slot> = if all_held {
            set.slots().collect()
        } else {
            canonical.slots().collect()
        };
        let valid: BTreeMap<RecordId, (Slot, bool)> = slots
            .into_iter()
            .filter(|&slot| {
                let no_key_rule = world.has(Bug::NoKeyRule);
                replica.is_valid(slot) || (no_key_rule && replica.verdict(slot) == "ack.key")
            })
            .map(|slot| {
                let posted = canonical.label(slot) == Label::Posted;
                (set.record(slot).id(), (slot, posted))
            })
            .collect();
        let mut takers: BTreeMap<LegId, Vec<(bool, bool)>> = BTreeMap::new();
        for (id, &(_, is_posted)) in &valid {
            let (legs, is_ack): (&[LegRef], bool) = match world.entries.get(id) {
                Some(Entry::Ack(ack)) => (&ack.legs, true),
                Some(Entry::Refuse(refuse)) => (&refuse.legs, false),
                _ => continue,
            };
            for leg in legs {
                let leg = named(world, id, leg);
                takers.entry(leg).or_default().push((is_posted, is_ack));
            }
        }
        let mut tally = Self::default();
        for (id, &(_, is_posted)) in &valid {
            for (leg, payer, payee, atoms) in sends(world, id) {
                let by = takers.get(&leg).map_or(&[][..], Vec::as_slice);
                tally.leg(world, leg, (payer, payee, atoms), is_posted, by);
            }
        }
        tally.posted.retain(|_, atoms| *atoms != 0);
        tally.contested.retain(|_, atoms| *atoms != 0);
        tally
    }

    fn leg(
        &mut self,
        world: &World,
        leg: LegId,
        (payer, payee, atoms): (ChainId, ChainId, i128),
        is_real: bool,
        by: &[(bool, bool)],
    ) {
        if is_real {
            *self.posted.entry(payer).or_default() -= atoms;
        }
        if by.is_empty() {
            if is_real {
                self.transit.insert(leg, atoms);
            }
            return;
        }
        let is_posted = by.iter().any(|(posted, _)| *posted);
        let times = if world.has(Bug::TakenOnEachBranch) {
            by.len()
        } else {
            1
        };
        let column = if is_posted {
            &mut self.posted
        } else {
            &mut self.contested
        };
        *column.entry(payee).or_default() += atoms * i128::try_from(times).unwrap();
        if !is_real {
            *self.contested.entry(payer).or_default() -= atoms;
            if by.iter().any(|(_, is_ack)| *is_ack) {
                *self.charged.entry(payer).or_default() += atoms;
            }
        }
        self.taken.push(TakenLeg {
            leg,
            payee,
            atoms,
            is_real,
            is_posted,
        });
    }
}

fn named(world: &World, by: &RecordId, leg: &LegRef) -> LegId {
    LegId {
        record: world.record(by).refs()[usize::from(leg.reference)],
        leg: leg.leg,
    }
}

/// The legs that a record takes.
pub(super) fn takes(world: &World, id: &RecordId) -> Vec<LegId> {
    match world.entries.get(id) {
        Some(Entry::Ack(ack)) => ack.legs.iter().map(|leg| named(world, id, leg)).collect(),
        _ => Vec::new(),
    }
}

/// Leg, payer, payee and atoms of what a record sends.
pub(super) fn sends(world: &World, id: &RecordId) -> Vec<(LegId, ChainId, ChainId, i128)> {
    let chain = world.record(id).chain();
    let leg = |number| LegId {
        record: *id,
        leg: number,
    };
    match world.entries.get(id) {
        Some(Entry::Payment(payment)) => (0..)
            .zip(&payment.legs)
            .map(|(number, sent)| {
                (
                    leg(number),
                    chain,
                    sent.payee,
                    i128::from(sent.amount.get()),
                )
            })
            .collect(),
        Some(Entry::Refuse(refuse)) => (0..)
            .zip(&refuse.legs)
            .filter_map(|(number, back)| {
                let back = named(world, id, back);
                let Some(Entry::Payment(payment)) = world.entries.get(&back.record) else {
                    return None;
                };
                let payer = world.record(&back.record).chain();
                let sent = payment.legs[usize::from(back.leg)];
                Some((leg(number), chain, payer, i128::from(sent.amount.get())))
            })
            .collect(),
        _ => Vec::new(),
    }
}
