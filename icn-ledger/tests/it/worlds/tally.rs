//! Sums counted a second way, from the model of the rules and nothing of the
//! code under test but verdicts and labels.

use std::collections::BTreeMap;

use icn_ledger::{Entry, LegId, LegRef};
use icn_types::id::{ChainId, OperationKey, RecordId};
use icn_types::set::{Label, Slot};

use super::replica::Replica;
use super::world::{Bug, World};

/// A leg that somebody took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TakenLeg {
    pub(super) leg: LegId,
    pub(super) payee: ChainId,
    pub(super) atoms: i128,
    /// Everything that it comes from is posted.
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
    /// What is left in holds.
    pub(super) held: BTreeMap<RecordId, i128>,
    pub(super) taken: Vec<TakenLeg>,
    /// Claims that accounts took over for what they paid.
    pub(super) assumed: BTreeMap<ChainId, i128>,
    /// Claims whose payees keep a settlement instead.
    replaced: Vec<LegId>,
}

/// Who takes one leg: whether the record is posted, and an ack.
type Takers = BTreeMap<LegId, Vec<(bool, bool)>>;

/// Valid records and whether each is posted.
type Counted = BTreeMap<RecordId, bool>;

impl Tally {
    pub(super) fn sum(&self) -> i128 {
        let columns = self.posted.values().chain(self.contested.values());
        let outside = self.transit.values().chain(self.held.values());
        columns.chain(outside).sum()
    }

    /// The least amount in transit or held.
    pub(super) fn least(&self) -> i128 {
        let outside = self.transit.values().chain(self.held.values());
        outside.min().copied().unwrap_or_default()
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
        let valid: Counted = slots
            .into_iter()
            .filter(|&slot| counts(world, replica, slot))
            .map(|slot| {
                let posted = canonical.label(slot) == Label::Posted;
                (set.record(slot).id(), posted)
            })
            .collect();
        let mut takers = Takers::new();
        for (id, &is_posted) in &valid {
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
        for (id, &is_posted) in &valid {
            if let Some(Entry::Resolve(_)) = world.entries.get(id) {
                continue;
            }
            for (leg, payer, payee, atoms) in sends(world, id) {
                let by = takers.get(&leg).map_or(&[][..], Vec::as_slice);
                tally.leg(world, leg, (payer, payee, atoms), is_posted, by);
                if let Some(claim) = claim(world, id) {
                    tally.hand_over(world, claim, (payer, payee, atoms), by);
                }
            }
        }
        tally.holds(world, &valid, &takers);
        let replaced = std::mem::take(&mut tally.replaced);
        tally.taken.retain(|taken| !replaced.contains(&taken.leg));
        tally.posted.retain(|_, atoms| *atoms != 0);
        tally.contested.retain(|_, atoms| *atoms != 0);
        tally.held.retain(|_, atoms| *atoms != 0);
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
        let debtor = (!is_real).then_some(payer);
        self.consume(world, leg, (debtor, payee, atoms), by);
    }

    /// What a payee keeps of a settlement takes the place of the claim, which
    /// goes to the payer.
    fn hand_over(
        &mut self,
        world: &World,
        claim: LegId,
        (payer, payee, atoms): (ChainId, ChainId, i128),
        by: &[(bool, bool)],
    ) {
        let posted: Vec<_> = by.iter().filter(|(posted, _)| *posted).copied().collect();
        let deciding = if posted.is_empty() { by } else { &posted };
        if !deciding.iter().any(|(_, is_ack)| *is_ack) {
            return;
        }
        let column = if posted.is_empty() {
            &mut self.contested
        } else {
            self.replaced.push(claim);
            &mut self.posted
        };
        if !world.has(Bug::SettlementAdds) {
            *column.entry(payee).or_default() -= atoms;
        }
        *self.contested.entry(payer).or_default() += atoms;
        *self.assumed.entry(payer).or_default() += atoms;
    }

    /// A taken leg; who owes it if it is not real.
    fn consume(
        &mut self,
        world: &World,
        leg: LegId,
        (debtor, payee, atoms): (Option<ChainId>, ChainId, i128),
        by: &[(bool, bool)],
    ) {
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
        if let Some(debtor) = debtor {
            *self.contested.entry(debtor).or_default() -= atoms;
            if by.iter().any(|(_, is_ack)| *is_ack) {
                *self.charged.entry(debtor).or_default() += atoms;
            }
        }
        self.taken.push(TakenLeg {
            leg,
            payee,
            atoms,
            is_real: debtor.is_none(),
            is_posted,
        });
    }

    /// Hold by hold: what each Resolve takes out of it, and what stays.
    fn holds(&mut self, world: &World, valid: &Counted, takers: &Takers) {
        let mut resolves: BTreeMap<RecordId, Vec<(RecordId, bool)>> = BTreeMap::new();
        for (id, &is_posted) in valid {
            for hold in resolved(world, id) {
                resolves.entry(hold).or_default().push((*id, is_posted));
            }
        }
        for (id, &is_good) in valid {
            let Some(Entry::Hold(hold)) = world.entries.get(id) else {
                continue;
            };
            let payer = world.record(id).chain();
            let mut left = i128::from(hold.leg.amount.get());
            if is_good {
                *self.posted.entry(payer).or_default() -= left;
            }
            for (resolve, is_posted) in resolves.remove(id).unwrap_or_default() {
                let resolver = world.record(&resolve).chain();
                for (leg, _, payee, atoms) in parts(world, &resolve, id) {
                    let by = takers.get(&leg).map_or(&[][..], Vec::as_slice);
                    if is_good && (is_posted || world.has(Bug::ResolverNotCharged)) {
                        if by.is_empty() && is_posted {
                            self.transit.insert(leg, atoms);
                        }
                        if is_posted || !by.is_empty() {
                            left -= atoms;
                        }
                        if !by.is_empty() {
                            self.consume(world, leg, (None, payee, atoms), by);
                        }
                    } else if !by.is_empty() && (is_good || payee != payer) {
                        let debtor = if is_good { resolver } else { payer };
                        self.consume(world, leg, (Some(debtor), payee, atoms), by);
                    }
                }
            }
            if is_good {
                self.held.insert(*id, left);
            }
        }
    }
}

/// Valid, or not by a rule that the world's bug switches off.
pub(super) fn counts(world: &World, replica: &Replica, slot: Slot) -> bool {
    let excused = match world.bug {
        Some(Bug::NoKeyRule) => Some("ack.key"),
        Some(Bug::PartPerResolve) => Some("ack.twice"),
        Some(Bug::NoRefundBound) => Some("refund.sum"),
        Some(Bug::SettledTwice) => Some("ack.settled"),
        Some(Bug::SettledUncharged) => Some("settle.charge"),
        _ => None,
    };
    replica.is_valid(slot) || excused == Some(replica.verdict(slot))
}

pub(super) fn named(world: &World, by: &RecordId, leg: &LegRef) -> LegId {
    LegId {
        record: world.record(by).refs()[usize::from(leg.reference)],
        leg: leg.leg,
    }
}

/// The leg that a settlement pays; none of any other record.
pub(super) fn claim(world: &World, id: &RecordId) -> Option<LegId> {
    match world.entries.get(id)? {
        Entry::Settlement(settlement) => Some(named(world, id, &settlement.claim)),
        _ => None,
    }
}

/// The legs that a record takes to keep.
pub(super) fn takes(world: &World, id: &RecordId) -> Vec<LegId> {
    match world.entries.get(id) {
        Some(Entry::Ack(ack)) => ack.legs.iter().map(|leg| named(world, id, leg)).collect(),
        _ => Vec::new(),
    }
}

/// The holds that a record ends, in the order of its list.
pub(super) fn resolved(world: &World, id: &RecordId) -> Vec<RecordId> {
    let refs = world.record(id).refs();
    match world.entries.get(id) {
        Some(Entry::Resolve(resolve)) => {
            let holds = resolve.holds.iter();
            holds.map(|one| refs[usize::from(one.hold)]).collect()
        }
        _ => Vec::new(),
    }
}

/// Leg, payer, payee and atoms.
pub(super) type Leg = (LegId, ChainId, ChainId, i128);

/// What a Resolve says about one hold.
fn parts(world: &World, resolve: &RecordId, hold: &RecordId) -> Vec<Leg> {
    let sent = sends(world, resolve);
    let holds = resolved(world, resolve);
    let own = |leg: &LegId| holds[usize::from(leg.leg / 2)] == *hold;
    sent.into_iter().filter(|(leg, ..)| own(leg)).collect()
}

/// The hold of a part, and whether the part is its payee's.
pub(super) fn hold_of(world: &World, leg: &LegId) -> Option<(RecordId, bool)> {
    let hold = resolved(world, &leg.record);
    let hold = hold.get(usize::from(leg.leg / 2))?;
    Some((*hold, leg.leg.is_multiple_of(2)))
}

/// Payer, key and record of what a leg comes from; none of what comes back.
pub(super) fn origin(world: &World, leg: &LegId) -> Option<(ChainId, OperationKey, RecordId)> {
    let (record, key) = match (world.entries.get(&leg.record)?, hold_of(world, leg)) {
        (Entry::Payment(payment), _) => (leg.record, payment.key),
        (Entry::Refund(refund), _) => (leg.record, refund.key),
        (Entry::Settlement(settlement), _) => (leg.record, settlement.key),
        (_, Some((hold, true))) => match world.entries.get(&hold)? {
            Entry::Hold(body) => (hold, body.key),
            _ => return None,
        },
        _ => return None,
    };
    Some((world.record(&record).chain(), key, record))
}

/// What leaves the position of its author at once.
pub(super) fn outlay(world: &World, id: &RecordId) -> i128 {
    let atoms = |amount: icn_types::amount::Amount| i128::from(amount.get());
    match world.entries.get(id) {
        Some(Entry::Payment(payment)) => payment.legs.iter().map(|leg| atoms(leg.amount)).sum(),
        Some(Entry::Hold(hold)) => atoms(hold.leg.amount),
        Some(Entry::Refund(refund)) => atoms(refund.amount),
        Some(Entry::Settlement(settlement)) => atoms(settlement.leg.amount),
        _ => 0,
    }
}

fn one(world: &World, leg: LegId) -> Option<Leg> {
    sends(world, &leg.record)
        .into_iter()
        .find(|sent| sent.0 == leg)
}

/// The legs that a record sends.
pub(super) fn sends(world: &World, id: &RecordId) -> Vec<Leg> {
    let chain = world.record(id).chain();
    let refs = world.record(id).refs();
    let leg = |number| LegId {
        record: *id,
        leg: number,
    };
    match world.entries.get(id) {
        Some(Entry::Payment(payment)) => (0..)
            .zip(&payment.legs)
            .map(|(number, sent)| {
                let atoms = i128::from(sent.amount.get());
                (leg(number), chain, sent.payee, atoms)
            })
            .collect(),
        Some(Entry::Refuse(refuse)) => (0..)
            .zip(&refuse.legs)
            .filter_map(|(number, back)| {
                let (_, payer, _, atoms) = one(world, named(world, id, back))?;
                Some((leg(number), chain, payer, atoms))
            })
            .collect(),
        Some(Entry::Settlement(settlement)) => {
            vec![(leg(0), chain, settlement.leg.payee, outlay(world, id))]
        }
        Some(Entry::Refund(refund)) => one(world, named(world, id, &refund.original))
            .map(|(_, payer, _, _)| (leg(0), chain, payer, outlay(world, id)))
            .into_iter()
            .collect(),
        Some(Entry::Resolve(resolve)) => (0..)
            .zip(&resolve.holds)
            .filter_map(|(number, ended): (u8, _)| {
                let hold = refs[usize::from(ended.hold)];
                let Some(Entry::Hold(body)) = world.entries.get(&hold) else {
                    return None;
                };
                let payer = world.record(&hold).chain();
                let part = i128::from(ended.part);
                let rest = i128::from(body.leg.amount.get()) - part;
                Some([
                    (leg(2 * number), payer, body.leg.payee, part),
                    (leg(2 * number + 1), payer, payer, rest),
                ])
            })
            .flatten()
            .filter(|(_, _, _, atoms)| *atoms > 0)
            .collect(),
        _ => Vec::new(),
    }
}
