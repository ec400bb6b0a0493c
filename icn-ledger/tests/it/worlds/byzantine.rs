//! Those who write accounts as they like: forks, overdrafts, records that name
//! nothing, contents that nobody gets; and colluders, who never fork.

use icn_ledger::entry::{ACK, NOTE, PAYMENT, REFUSE};
use icn_ledger::{Ack, Entry, Leg, LegId, Note, Payment, Refuse};
use icn_types::authority::Act;
use icn_types::canon::{Encode, List};
use icn_types::error::Coded as _;
use icn_types::hash::sha256;
use icn_types::id::{ChainId, RecordId};
use icn_types::record::{Content, Draft, Kind, Place};

use super::authors::{key, plain};
use super::world::{Bug, Replica, World};
use crate::market::{amount, taking};

impl World {
    /// Takes every leg it can, posted or not, and spends all it may.
    pub(super) fn collude(&mut self, who: usize) {
        let (id, node) = (self.members[who].id, self.members[who].node);
        self.replicas[node].refresh();
        let offers: Vec<(RecordId, u8)> = self.offers(id);
        for (record, number) in offers {
            let replica = &self.replicas[node];
            let leg = LegId {
                record,
                leg: number,
            };
            let Some(slot) = replica.set.find(&record) else {
                continue;
            };
            let Some(Entry::Payment(payment)) = self.entries.get(&record) else {
                continue;
            };
            let by = (self.record(&record).chain(), payment.key);
            let member = &self.members[who];
            let void = !replica.set.on_spine(slot);
            if !replica.is_valid(slot)
                || member.taken.contains(&leg)
                || (member.answered.contains(&by) && !self.has(Bug::NoKeyRule))
            {
                continue;
            }
            let Some(Place::Entry { epoch, prev, .. }) = replica.set.next_place(&id) else {
                continue;
            };
            let (refs, legs) = taking(&[leg]);
            let body = Ack {
                legs: List::new(legs).unwrap(),
            };
            let ack = self.forge(who, epoch, prev, ACK, refs, &body);
            self.put(node, &ack, true);
            self.spread(ack, node);
            let member = &mut self.members[who];
            member.taken.insert(leg);
            member.answered.insert(by);
            member.epoch = Some(epoch);
            self.fact(if void {
                "colluder took void credit"
            } else {
                "colluder took credit"
            });
        }
        self.replicas[node].refresh();
        let replica = &self.replicas[node];
        let limits = replica.ledger.positions(&replica.set, &id).limits;
        let spendable = limits.map_or(0, |limits| limits.spendable);
        if let Some(amount) = u64::try_from(spendable).ok().filter(|&atoms| atoms > 0) {
            let payee = self.other(who);
            let legs = List::new([Leg {
                payee,
                amount: crate::market::amount(amount),
            }]);
            let key = self.key_of(who);
            match self.request(who, plain(legs.unwrap(), key)) {
                Ok(Some(draft)) => self.sign(who, draft),
                Ok(None) => {}
                Err(refusal) => self.fact(refusal.code()),
            }
        }
    }

    /// Legs of payments that somebody sent to an account.
    fn offers(&self, payee: ChainId) -> Vec<(RecordId, u8)> {
        let of = |id: &RecordId| match self.entries.get(id) {
            Some(Entry::Payment(payment)) => {
                let leg = payment.legs.iter().position(|leg| leg.payee == payee)?;
                Some((*id, u8::try_from(leg).ok()?))
            }
            _ => None,
        };
        self.order.iter().filter_map(of).collect()
    }

    fn forge<B: Encode>(
        &mut self,
        who: usize,
        epoch: RecordId,
        prev: Option<RecordId>,
        kind: Kind,
        refs: Vec<RecordId>,
        body: &B,
    ) -> RecordId {
        let place = self.place(&self.members[who].chain, epoch, prev);
        let content = Content::new(refs, None, body).unwrap();
        let draft = Draft::new(place, kind, self.at(), content).unwrap();
        let key = self.keys[&epoch].clone();
        self.write(draft, &key)
    }

    /// Any parent, any receivers, any content or none.
    pub(super) fn misbehave(&mut self, who: usize) {
        let id = self.members[who].id;
        let mut opens = Vec::new();
        for (open, act) in &self.acts {
            if let Act::Open(body) = act
                && body.chain.id() == id
            {
                opens.push((*open, body.start.tip().map(|tip| tip.head)));
            }
        }
        let (epoch, start) = self.chance.pick(&opens);
        let under = |id: &&RecordId| self.record(id).epoch() == Some(epoch);
        let mut parents: Vec<Option<RecordId>> =
            self.order.iter().filter(under).copied().map(Some).collect();
        parents.push(start);
        for _ in 0..self.chance.between(1, 4) {
            let prev = self.chance.pick(&parents);
            let (what, forged) = self.misdeed(who, epoch, prev);
            let stands = |replica: &Replica| replica.set.signatory(self.record(&forged)).is_ok();
            if !self.replicas.iter().any(stands) {
                self.all.remove(&forged);
                self.entries.remove(&forged);
                self.order.retain(|id| *id != forged);
                continue;
            }
            self.fact(what);
            parents.push(Some(forged));
            if self.chance.percent(50) {
                let member = &mut self.members[who];
                (member.tip, member.epoch) = (Some(forged), Some(epoch));
            }
            self.scatter(forged);
        }
    }

    /// To some replicas, with what stands before it or not, with its content
    /// or not.
    fn scatter(&mut self, id: RecordId) {
        for node in 0..self.replicas.len() {
            if !self.chance.percent(50) {
                continue;
            }
            let mut path = vec![id];
            if self.chance.percent(50) {
                let prev = |id: &RecordId| self.record(id).prev();
                path = std::iter::successors(Some(id), prev).collect();
                path.reverse();
            }
            for id in path {
                let with_content = self.chance.percent(80);
                if self.arrive(node, &id, with_content) && !with_content {
                    self.fact("byzantine content withheld");
                }
            }
        }
    }

    fn misdeed(
        &mut self,
        who: usize,
        epoch: RecordId,
        prev: Option<RecordId>,
    ) -> (&'static str, RecordId) {
        self.members[who].requests += 1;
        let offers = self.offers(self.members[who].id);
        match self.chance.below(100) {
            90.. => {
                let nowhere = RecordId::from_bytes(sha256(&self.now.to_be_bytes()));
                let anything = self.chance.pick(&self.order);
                let named = self.chance.pick(&[nowhere, anything]);
                let id = self.forge(who, epoch, prev, NOTE, vec![named], &Note::default());
                ("byzantine note", id)
            }
            45.. if !offers.is_empty() => {
                let (record, leg) = self.chance.pick(&offers);
                let (refs, legs) = taking(&[LegId { record, leg }]);
                let legs = List::new(legs).unwrap();
                if self.chance.percent(70) {
                    let id = self.forge(who, epoch, prev, ACK, refs, &Ack { legs });
                    ("byzantine ack", id)
                } else {
                    let id = self.forge(who, epoch, prev, REFUSE, refs, &Refuse { legs });
                    ("byzantine refuse", id)
                }
            }
            _ => {
                let atoms = self.chance.pick(&[1, 20, 100, 100, 500]);
                let mut number = self.chance.between(1, self.members[who].requests);
                let mut payee = self.other(who);
                if self.chance.percent(30) {
                    // The same operation once more, on whatever branch.
                    (number, payee) = (1, self.members[(who + 1) % self.members.len()].id);
                }
                let leg = Leg {
                    payee,
                    amount: amount(atoms),
                };
                let body = Payment {
                    legs: List::new([leg]).unwrap(),
                    key: key(who, number),
                    decision: None,
                    effective: None,
                    memo: None,
                };
                let id = self.forge(who, epoch, prev, PAYMENT, Vec::new(), &body);
                ("byzantine payment", id)
            }
        }
    }
}
