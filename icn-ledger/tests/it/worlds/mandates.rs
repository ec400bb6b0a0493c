//! What the community decides: payments and envelopes of the treasury, and
//! receivers of accounts whose owners were removed.

use std::collections::BTreeMap;

use icn_ledger::{Entry, HoldRequest, Leg, PaymentRequest};
use icn_types::authority::{
    Act, Action, Close, Consent, DecisionTerms, Envelope, Opening, Outcome, ProposalId, Ready,
    Release, Start, Tip, operation_key,
};
use icn_types::canon::{List, Raw};
use icn_types::hash::sha256;
use icn_types::id::{ChainId, RecordId};
use icn_types::set::{Decision, Office};

use super::authors::{Answer, plain};
use super::member::Agreed;
use super::properties::{Kept, Property, need};
use super::tally::{Tally, origin, sends};
use super::wishes::Wish;
use super::world::{Bug, World, public};
use crate::market::amount;

impl World {
    /// Opening, Close and Ready of some actions.
    pub(super) fn decide(&mut self, actions: &[Action]) -> RecordId {
        let number = sha256(&self.authority_tip.as_bytes()[..]);
        let office = self.replicas[0].set.office();
        let opening = Opening {
            proposal: ProposalId::from_bytes(number),
            record: RecordId::from_bytes(number),
            actions: List::new(actions).unwrap(),
            rule: Raw::of(&0_u64),
            roll: office.unwrap().roll_digest(),
            terms: DecisionTerms {
                tellers: List::new([ChainId::from_bytes(number)]).unwrap(),
                needed: 1,
                period: 0,
                timelock: 0,
            },
        };
        let opening = self.act(&Act::Opening(opening), Vec::new());
        let close = Close {
            opening,
            outcome: Outcome::Accepted,
            shuts: List::new([RecordId::from_bytes(number)]).unwrap(),
            tally: Raw::of(&0_u64),
        };
        let close = self.act(&Act::Close(close), vec![opening]);
        self.act(&Act::Ready(Ready { close }), vec![close])
    }

    /// The treasury is to pay somebody, at once or by and by.
    pub(super) fn decide_budget(&mut self) {
        let treasury = self.members.len() - 1;
        let payer = self.members[treasury].id;
        let payee = self.chance.index(treasury);
        let payee = self.members[payee].id;
        let unit = self.unit.id();
        let sum = amount(self.chance.between(1, 20));
        let action = if self.chance.percent(50) {
            Action::Pay {
                payer,
                payee,
                unit,
                amount: sum,
            }
        } else {
            Action::Envelope(Envelope {
                payer,
                payee: self.chance.percent(50).then_some(payee),
                unit,
                tranche: sum,
                tranches: 3,
                interval: 4,
            })
        };
        self.decide(&[action]);
    }

    /// Releases what is due of some envelope.
    pub(super) fn release(&mut self) {
        let (now, office) = (self.at(), self.replicas[0].set.office());
        let due: Vec<Release> = office
            .into_iter()
            .flat_map(Office::decisions)
            .filter_map(|(_, decision)| {
                let (tranche, due) = decision.next_tranche(0)?;
                let ready = decision.ready()?;
                (due <= now).then_some(Release {
                    ready,
                    action: 0,
                    tranche,
                })
            })
            .collect();
        if !due.is_empty() {
            let release = self.chance.pick(&due);
            self.act(&Act::Release(release), vec![release.ready]);
        }
    }

    /// An account that was sealed for good gets a receiver, who pays a debt.
    pub(super) fn appoint(&mut self, who: usize, prior: RecordId, last: Option<Tip>) {
        let (chain, key) = (self.members[who].id, self.chance.key());
        let actions = [
            Action::Receive {
                chain,
                key: public(&key),
                recovery: public(&key),
            },
            Action::Pay {
                payer: chain,
                payee: self.other(who),
                unit: self.unit.id(),
                amount: amount(self.chance.between(1, 20)),
            },
        ];
        let ready = self.decide(&actions);
        let charged = self.charge(who);
        let start = Start::After { prior, tip: last };
        let consent =
            (!self.has(Bug::FreeReceivers)).then_some(Consent::Decision { ready, action: 0 });
        let open = self.open_for(who, start, charged, key.clone(), consent);
        self.received.insert(open, ready);
        let member = &mut self.members[who];
        member.next_key = None;
        member.tip = last.map(|tip| tip.head);
        member.agreed = Some(Agreed {
            start,
            key: public(&key),
        });
        self.fact("receivership");
    }

    /// The decision that appointed the receiver who writes this account, on
    /// the replica that it is written from.
    pub(super) fn appointed_by(&self, who: usize) -> Option<RecordId> {
        let office = self.home(who).set.office()?;
        let open = office.seat(&self.members[who].id)?.open();
        self.received.get(&open).copied()
    }

    /// A treasury or a receiver carries out what was decided.
    pub(super) fn pay_decided(&mut self, who: usize) -> Answer {
        let chain = self.members[who].id;
        let mut requests = self.decided_requests(who);
        let replica = self.home(who);
        let undone = |(request, _): &(PaymentRequest, u64)| {
            replica.ledger.payment(&replica.set, &chain, &request.key)
        };
        requests.retain(|request| undone(request).is_none());
        if requests.is_empty() {
            return Ok(None);
        }
        let (mut request, most) = requests.swap_remove(self.chance.index(requests.len()));
        if most > 0 {
            let more = u64::from(self.chance.percent(10));
            let atoms = self.chance.between(1, most) + more * most;
            let payee = match request.legs[0].payee {
                payee if payee == chain => self.other(who),
                payee => payee,
            };
            let leg = Leg {
                payee,
                amount: amount(atoms),
            };
            request.legs = List::new([leg]).unwrap();
        }
        if self.chance.percent(30) {
            let hold = HoldRequest {
                key: request.key,
                decision: request.decision,
                ..self.holding(who, request.legs[0])
            };
            return self.request(who, Wish::Hold(hold));
        }
        self.request(who, Wish::Pay(request))
    }

    /// What decisions ask of an account, carried out or not.
    pub(super) fn decided_requests(&self, who: usize) -> Vec<(PaymentRequest, u64)> {
        let (only, replica) = (self.appointed_by(who), self.home(who));
        let decisions: Vec<&Decision> = replica
            .set
            .office()
            .into_iter()
            .flat_map(Office::decisions)
            .map(|(_, decision)| decision)
            .filter(|decision| decision.ready().is_some())
            .filter(|decision| only.is_none() || decision.ready() == only)
            .collect();
        let mut requests: Vec<(PaymentRequest, u64)> = Vec::new();
        for decision in decisions {
            let ready = decision.ready().unwrap();
            for (number, action) in (0..).zip(&decision.opening().actions) {
                requests.extend(self.request_of(who, ready, decision, (number, *action)));
            }
        }
        requests
    }

    /// The payment that an action asks for; what is left of an envelope, with
    /// the payer for a payee whom the writer picks.
    fn request_of(
        &self,
        who: usize,
        ready: RecordId,
        decision: &Decision,
        (number, action): (u16, Action),
    ) -> Option<(PaymentRequest, u64)> {
        let (chain, unit, replica) = (self.members[who].id, self.unit.id(), self.home(who));
        let (legs, key, left) = match action {
            Action::Pay {
                payer,
                payee,
                unit: of,
                amount,
            } if (payer, of) == (chain, unit) => {
                let key = operation_key(self.domain, decision.opening().proposal, number);
                (Leg { payee, amount }, key, 0)
            }
            Action::Envelope(envelope) if envelope.payer == chain => {
                let drawn = replica.ledger.drawn(&replica.set, &ready, number)?;
                let left = u64::try_from(drawn.left()).unwrap();
                (left > 0).then_some(())?;
                let payee = envelope.payee.unwrap_or(chain);
                let leg = Leg {
                    payee,
                    amount: amount(left),
                };
                (leg, drawn.next, left)
            }
            _ => return None,
        };
        let mut request = plain(List::new([legs]).unwrap(), key);
        request.decision = Some((ready, number));
        Some((request, left))
    }
}

/// A receiver sends what the decision says that appointed it, and envelopes
/// hold: on the payer's spine and for each payee.
pub(super) fn mandates_are_kept(world: &World, tally: &Tally) -> Kept {
    let replica = &world.replicas[0];
    let set = &replica.set;
    let mut paid: BTreeMap<(ChainId, RecordId), i128> = BTreeMap::new();
    for slot in set.slots().filter(|&slot| replica.is_valid(slot)) {
        let record = set.record(slot);
        let legs = ordered(world, &record.id());
        if legs.is_empty() {
            continue;
        }
        let action = decided(world, record.id());
        if let Some(ready) = world.received.get(&record.epoch().unwrap()) {
            let says = matches!(action, Some((named, Action::Pay { payer, payee, amount, .. }))
                if named == *ready && payer == record.chain()
                    && legs == [(payee, i128::from(amount.get()))]);
            need(world, says, Property::Mandate, || {
                format!("a receiver paid {}", record.id())
            })?;
        }
        if let Some((ready, Action::Envelope(envelope))) = action {
            let atoms: i128 = legs.iter().map(|(_, atoms)| atoms).sum();
            if set.on_spine(slot) {
                let sum = paid.entry((record.chain(), ready)).or_default();
                *sum += atoms;
                let kept = *sum <= envelope.released(envelope.tranches);
                need(world, kept, Property::Mandate, || format!("{sum} are paid"))?;
            }
        }
    }
    let mut given: BTreeMap<(ChainId, RecordId), i128> = BTreeMap::new();
    for taken in tally.taken.iter().filter(|taken| taken.is_posted) {
        let from = origin(world, &taken.leg).map(|(_, _, record)| record);
        let action = from.and_then(|record| decided(world, record));
        if let Some((ready, Action::Envelope(envelope))) = action {
            let sum = given.entry((taken.payee, ready)).or_default();
            *sum += taken.atoms;
            let kept = *sum <= envelope.released(envelope.tranches);
            need(world, kept, Property::Mandate, || {
                format!("{sum} are taken")
            })?;
        }
    }
    Ok(())
}

/// Whom a record pays or sets aside for, and how much.
fn ordered(world: &World, id: &RecordId) -> Vec<(ChainId, i128)> {
    match world.entries.get(id) {
        Some(Entry::Hold(hold)) => {
            let Leg { payee, amount } = hold.leg;
            vec![(payee, i128::from(amount.get()))]
        }
        Some(Entry::Payment(_) | Entry::Refund(_) | Entry::Settlement(_)) => {
            let sent = sends(world, id).into_iter();
            sent.map(|(_, _, payee, atoms)| (payee, atoms)).collect()
        }
        _ => Vec::new(),
    }
}

/// The action that an entry says it carries out, with the Ready.
fn decided(world: &World, entry: RecordId) -> Option<(RecordId, Action)> {
    let decision = world.entries.get(&entry)?.decision()?;
    let ready = *world
        .record(&entry)
        .refs()
        .get(usize::from(decision.ready))?;
    let Act::Ready(Ready { close }) = world.acts.get(&ready)? else {
        return None;
    };
    let Act::Close(close) = world.acts.get(close)? else {
        return None;
    };
    let Act::Opening(opening) = world.acts.get(&close.opening)? else {
        return None;
    };
    let action = opening.actions.get(usize::from(decision.action))?;
    Some((ready, *action))
}
