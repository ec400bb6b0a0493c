//! Claims that the treasury pays, and what holds of them.

use std::collections::BTreeMap;

use icn_ledger::entry::{ACK, PAYMENT};
use icn_ledger::query::{ClaimState, Register};
use icn_ledger::settle::SETTLEMENT;
use icn_ledger::{Ack, Entry, Leg, LegId, Payment, PaymentRequest, Settlement, SettlementRequest};
use icn_types::authority::{Act, Action, Open};
use icn_types::canon::List;
use icn_types::id::{ChainId, RecordId};
use icn_types::record::Place;

use super::authors::{Answer, plain};
use super::member::{Member, Nature};
use super::properties::{Kept, Property, need};
use super::replica::Replica;
use super::tally::{claim, counts, hold_of, named, outlay, sends, takes};
use super::wishes::Wish;
use super::world::{Bug, World};
use crate::market::{amount, taking};
use crate::settlements::{Named, settling};

/// A claim with its payee, its atoms and whether it is charged.
type Listed = (LegId, ChainId, u64, bool);

fn listed(replica: &Replica) -> Vec<Listed> {
    let mut register = Register::new();
    let query = register.query(&replica.set, &replica.ledger);
    let claims = query.claims().into_iter().flat_map(|of| of.claims);
    claims
        .filter_map(|claim| {
            let is_charged = match claim.state {
                ClaimState::Listed => false,
                ClaimState::Charged { .. } => true,
                ClaimState::Paid { .. } | ClaimState::Settled { .. } => return None,
            };
            Some((claim.leg, claim.payee, claim.amount.get(), is_charged))
        })
        .collect()
}

impl World {
    /// Whether the members of this world pay for what others were left with.
    pub(super) const fn settles(&self) -> bool {
        self.seed % 3 == 1
    }

    /// Somebody who is not honest buys, the shop takes the payment, and the
    /// registrar ends the epoch below it.
    pub(super) fn lose(&mut self) {
        let pick = |world: &mut Self, which: fn(&Member) -> bool| {
            let members = world.members.iter().enumerate();
            let able = members.filter(|(_, member)| which(member) && !member.is_shared());
            let able: Vec<usize> = able.map(|(who, _)| who).collect();
            (!able.is_empty()).then(|| world.chance.pick(&able))
        };
        let buyer = pick(self, |member| member.nature == Nature::Byzantine);
        let shop = pick(self, |member| member.is_honest() && member.cut.is_none());
        let (Some(buyer), Some(shop)) = (buyer, shop) else {
            return;
        };
        let (chain, payee) = (self.members[buyer].id, self.members[shop].id);
        let set = &self.replicas[0].set;
        let Some(Place::Entry { epoch, prev, .. }) = set.next_place(&chain) else {
            return;
        };
        if !self.in_office() || set.fork(&chain).is_some() || set.is_frozen(&chain) {
            return;
        }
        let leg = Leg {
            payee,
            amount: amount(self.chance.between(1, 20)),
        };
        let request = plain(List::new([leg]).unwrap(), self.key_of(buyer));
        let body = Payment {
            legs: request.legs,
            key: request.key,
            decision: None,
            effective: None,
            memo: None,
        };
        let bought = self.forge(buyer, epoch, prev, PAYMENT, Vec::new(), &body);
        self.put(0, &bought, true);
        let slot = self.replicas[0].set.find(&bought);
        if !slot.is_some_and(|slot| self.replicas[0].is_valid(slot)) {
            return;
        }
        let node = self.members[shop].node;
        self.sync(0, node, 100);
        self.hear(shop);
        if !self.has(Bug::SettledUncharged) {
            self.sync(node, 0, 100);
        }
        if self.in_office() && !self.replicas[0].forked(&chain) {
            let key = self.chance.key();
            self.reopen(buyer, prev, key);
            self.fact("loss");
        }
        self.sync(node, 0, 100);
    }

    /// Members decide about a claim, the treasury pays it, and the payee hears
    /// of it: each of them if it can.
    pub(super) fn make_whole(&mut self) {
        let (treasury, payer) = (self.members.len() - 1, self.members.last().unwrap().id);
        let mut claims = listed(&self.replicas[0]);
        claims.retain(|claim| claim.1 != payer);
        if claims.is_empty() || !self.in_office() {
            return;
        }
        let (_, payee, atoms, is_charged) = self.chance.pick(&claims);
        if !is_charged && self.chance.percent(70) {
            return;
        }
        let unit = self.unit.id();
        let amount = amount(atoms);
        self.decide(&[Action::Pay {
            payer,
            payee,
            unit,
            amount,
        }]);
        let node = self.members[treasury].node;
        self.sync(0, node, 95);
        self.replicas[node].refresh();
        let before = self.members[treasury].tip;
        if self.has(Bug::SettledUncharged) {
            self.settle_anyhow(treasury);
        } else if self.members[treasury].next_key.is_none() {
            let answer = self.settle_claim(treasury);
            self.follow(treasury, answer);
        }
        let payee = self.members.iter().position(|member| member.id == payee);
        let payee = payee.unwrap();
        self.sync(node, self.members[payee].node, 95);
        self.hear(payee);
        let paid = self.members[treasury]
            .tip
            .filter(|_| self.has(Bug::SettledTwice));
        if let Some(paid) = paid.filter(|paid| Some(*paid) != before) {
            self.settle_again(treasury, paid, payee);
        }
    }

    /// A settlement that nobody was asked about.
    fn settle_anyhow(&mut self, who: usize) {
        let (id, node) = (self.members[who].id, self.members[who].node);
        let place = self.replicas[node].set.next_place(&id);
        if let Some(Place::Entry { epoch, prev, .. }) = place
            && let Some(forged) = self.forge_settlement(who, epoch, prev)
        {
            self.put(node, &forged, true);
            self.spread(forged, node);
        }
    }

    /// The same settlement on another branch, which its payee takes as well.
    fn settle_again(&mut self, who: usize, paid: RecordId, payee: usize) {
        let Some(Entry::Settlement(body)) = self.entries.get(&paid) else {
            return;
        };
        let body = Settlement {
            effective: Some(self.at()),
            ..*body
        };
        let record = self.record(&paid);
        let (epoch, prev, refs) = (record.epoch(), record.prev(), record.refs().to_vec());
        let twin = self.forge(who, epoch.unwrap(), prev, SETTLEMENT, refs, &body);
        self.put(self.members[payee].node, &twin, true);
        let (refs, legs) = taking(&[LegId {
            record: twin,
            leg: 0,
        }]);
        let legs = List::new(legs).unwrap();
        self.forge_next(payee, ACK, refs, &Ack { legs });
    }

    /// Takes what came, as whoever it is.
    fn hear(&mut self, who: usize) {
        if !self.members[who].is_honest() || self.members[who].next_key.is_some() {
            return self.author(who);
        }
        let node = self.members[who].node;
        self.replicas[node].refresh();
        let answer = self.draft(who, |replica, chain, at| {
            replica.ledger.draft_acks(&replica.set, chain, at)
        });
        self.follow(who, answer);
    }

    /// Pays a claim, charged or not, if a decision has room for it.
    pub(super) fn settle_claim(&mut self, who: usize) -> Answer {
        let replica = self.home(who);
        let mut able: Vec<SettlementRequest> = Vec::new();
        let requests = self.decided_requests(who);
        for listed in listed(replica) {
            let fitting = requests
                .iter()
                .filter(|request| self.fits(who, request, &listed));
            able.extend(fitting.map(|(request, _)| SettlementRequest {
                claim: listed.0,
                key: request.key,
                decision: request.decision.unwrap(),
                effective: None,
                memo: None,
                cause: None,
            }));
        }
        if able.is_empty() {
            return self.pay_decided(who);
        }
        let request = able.swap_remove(self.chance.index(able.len()));
        self.request(who, Wish::Settle(request))
    }

    fn fits(
        &self,
        who: usize,
        (request, left): &(PaymentRequest, u64),
        (_, payee, atoms, _): &Listed,
    ) -> bool {
        let leg = request.legs[0];
        let anybody = self.members[who].id;
        match left {
            0 => (leg.payee, leg.amount.get()) == (*payee, *atoms),
            left => atoms <= left && [*payee, anybody].contains(&leg.payee),
        }
    }

    /// Any leg that somebody took, by any Open of who may owe it.
    pub(super) fn forge_settlement(
        &mut self,
        who: usize,
        epoch: RecordId,
        prev: Option<RecordId>,
    ) -> Option<RecordId> {
        let mut claims: Vec<(LegId, ChainId, u64)> = Vec::new();
        for listed in self.replicas.iter().flat_map(listed) {
            claims.push((listed.0, listed.1, listed.2));
        }
        if claims.is_empty() || self.chance.percent(10) {
            let taken = self.order.iter().flat_map(|id| takes(self, id));
            let sent = taken.filter_map(|leg| {
                let mut sent = sends(self, &leg.record).into_iter();
                let (_, _, payee, atoms) = sent.find(|sent| sent.0 == leg)?;
                Some((leg, payee, u64::try_from(atoms).unwrap()))
            });
            claims.extend(sent);
        }
        if claims.is_empty() {
            return None;
        }
        let (leg, payee, atoms) = self.chance.pick(&claims);
        let (open, head) = self.charging(&leg)?;
        let fitting: Vec<_> = self
            .decided_requests(who)
            .into_iter()
            .filter(|request| self.fits(who, request, &(leg, payee, atoms, true)))
            .map(|(request, _)| (request.decision.unwrap(), request.key))
            .collect();
        let any = self.order[self.chance.index(self.order.len())];
        let (decision, key) = if fitting.is_empty() {
            ((any, 0), self.key_of(who))
        } else {
            self.chance.pick(&fitting)
        };
        let named = Named {
            leg: (payee, atoms),
            claim: leg,
            open,
            head: head.filter(|_| self.chance.percent(95)),
        };
        let (refs, body) = settling(named, (decision.0, decision.1, key));
        Some(self.forge(who, epoch, prev, SETTLEMENT, refs, &body))
    }

    /// An Open of a chain that would owe a leg, mostly the last one.
    fn charging(&mut self, leg: &LegId) -> Option<(RecordId, Option<RecordId>)> {
        let mut origins = vec![self.record(&leg.record).chain()];
        origins.extend(hold_of(self, leg).map(|(hold, _)| self.record(&hold).chain()));
        let debtor = self.chance.pick(&origins);
        let opens = self.order.iter().filter_map(|id| match self.acts.get(id) {
            Some(Act::Open(open)) if open.chain.id() == debtor => Some((*id, head_of(open))),
            _ => None,
        });
        let opens: Vec<_> = opens.collect();
        if self.chance.percent(70) {
            return opens.last().copied();
        }
        (!opens.is_empty()).then(|| self.chance.pick(&opens))
    }
}

fn head_of(open: &Open) -> Option<RecordId> {
    open.start.tip().map(|tip| tip.head)
}

/// What one account settled, and was settled with.
#[derive(Default)]
struct Settled {
    /// By claim: the settlement that its payee took.
    taken: BTreeMap<LegId, RecordId>,
    /// By debtor.
    paid: BTreeMap<ChainId, i128>,
    /// By claim: the settlement of this account that did not come back.
    standing: BTreeMap<LegId, RecordId>,
}

pub(super) fn claims_are_settled_once(world: &World) -> Kept {
    let replica = &world.replicas[0];
    let set = &replica.set;
    for member in &world.members {
        let mut settled = Settled::default();
        for &slot in set.spine(&member.id) {
            if counts(world, replica, slot) {
                settled.look(world, set.record(slot).id())?;
            }
        }
    }
    Ok(())
}

impl Settled {
    fn look(&mut self, world: &World, id: RecordId) -> Kept {
        if let Some(claim) = claim(world, &id) {
            let again = self.standing.insert(claim, id);
            need(world, again.is_none(), Property::Settlement, || {
                format!("{id} pays what {again:?} paid")
            })?;
            let (debtor, charged) = debt(world, &id);
            let sum = self.paid.entry(debtor).or_default();
            *sum += outlay(world, &id);
            need(world, *sum <= charged, Property::Settlement, || {
                format!("{id} pays up to {sum} of {charged} that were charged")
            })?;
        }
        for leg in takes(world, &id) {
            if let Some(claim) = claim(world, &leg.record) {
                let first = *self.taken.entry(claim).or_insert(leg.record);
                need(world, first == leg.record, Property::Settlement, || {
                    format!("{first} and {} settle one claim", leg.record)
                })?;
            }
            let returned = match world.entries.get(&leg.record) {
                Some(Entry::Refuse(refuse)) => {
                    let back = refuse.legs.get(usize::from(leg.leg));
                    back.map(|back| named(world, &leg.record, back).record)
                }
                _ => None,
            };
            let came_back = returned.and_then(|id| Some((id, claim(world, &id)?)));
            if let Some((returned, claim)) = came_back
                && self.standing.get(&claim) == Some(&returned)
            {
                self.standing.remove(&claim);
                let (debtor, _) = debt(world, &returned);
                *self.paid.entry(debtor).or_default() -= outlay(world, &returned);
            }
        }
        Ok(())
    }
}

/// Who was charged with what a settlement pays, and how much in all.
fn debt(world: &World, settlement: &RecordId) -> (ChainId, i128) {
    let Some(Entry::Settlement(body)) = world.entries.get(settlement) else {
        unreachable!("a settlement");
    };
    let open = world.record(settlement).refs()[usize::from(body.charge)];
    let Some(Act::Open(body)) = world.acts.get(&open) else {
        unreachable!("an Open");
    };
    (body.chain.id(), i128::from(body.charged))
}
