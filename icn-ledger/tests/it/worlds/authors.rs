//! Those who write accounts.

use icn_ledger::entry::{ACK, NOTE, PAYMENT, REFUSE};
use icn_ledger::{
    Ack, Authorized, Entry, Leg, LegId, Note, Payment, PaymentRequest, Refusal, Refuse,
};
use icn_types::authority::{Act, Action, operation_key};
use icn_types::canon::{Encode, List};
use icn_types::error::Coded as _;
use icn_types::hash::sha256;
use icn_types::id::{ChainId, OperationKey, RecordId};
use icn_types::record::{Content, Draft, Kind, Place};

use super::world::{Bug, Nature, Replica, World};
use crate::market::{amount, taking};

impl World {
    /// One member does something.
    pub(super) fn author(&mut self, who: usize) {
        match self.members[who].nature {
            Nature::Honest => self.act_honestly(who),
            Nature::Restored => self.act_from_backup(who),
            Nature::Colluder => self.collude(who),
            Nature::Byzantine if self.chance.percent(40) => self.act_honestly(who),
            Nature::Byzantine => self.misbehave(who),
        }
    }

    /// What admission allows on the member's own replica.
    fn act_honestly(&mut self, who: usize) {
        let member = &self.members[who];
        if member.next_key.is_some() {
            return; // waits for the Open that it asked for
        }
        self.replicas[member.node].refresh();
        self.maybe_back_up(who);
        let act = self.chance.below(100);
        let answer = match act {
            0..30 if self.members[who].is_shared() => self.pay_decided(who),
            0..30 => self.pay(who),
            30..60 => self.draft(who, |replica, chain, at| {
                replica.ledger.draft_acks(&replica.set, chain, at)
            }),
            60..67 => self.refuse(who),
            67..85 => self.draft(who, |replica, chain, at| {
                replica.ledger.draft_cover(&replica.set, chain, at)
            }),
            _ => self.ask_again(who),
        };
        match answer {
            Ok(Some(draft)) => self.sign(who, draft),
            Ok(None) => {}
            Err(refusal) => self.fact(refusal.code()),
        }
    }

    /// The replica that the member writes from.
    fn home(&self, who: usize) -> &Replica {
        let member = &self.members[who];
        member
            .backup
            .as_ref()
            .unwrap_or(&self.replicas[member.node])
    }

    fn draft(
        &self,
        who: usize,
        ask: impl FnOnce(&Replica, &ChainId, icn_types::time::Timestamp) -> Answer,
    ) -> Answer {
        ask(self.home(who), &self.members[who].id, self.at())
    }

    fn pay(&mut self, who: usize) -> Answer {
        let replica = self.home(who);
        let positions = replica
            .ledger
            .positions(&replica.set, &self.members[who].id);
        let spendable = positions.limits.map_or(0, |limits| limits.spendable);
        let spendable = u64::try_from(spendable.min(1000)).unwrap();
        let count = self.chance.between(1, 2);
        let most = match self.chance.below(10) {
            0 => spendable + 1,
            _ => (spendable / count).clamp(1, 60),
        };
        let legs = (0..count).map(|_| Leg {
            payee: self.other(who),
            amount: amount(self.chance.between(1.max(most / 3), most)),
        });
        let legs = List::new(legs.collect::<Vec<_>>()).unwrap();
        let key = self.key_of(who);
        self.request(who, plain(legs, key))
    }

    /// Another account.
    fn other(&mut self, who: usize) -> ChainId {
        let shift = self.chance.index(self.members.len() - 1) + 1;
        self.members[(who + shift) % self.members.len()].id
    }

    fn key_of(&mut self, who: usize) -> OperationKey {
        self.members[who].requests += 1;
        key(who, self.members[who].requests)
    }

    fn request(&mut self, who: usize, request: PaymentRequest) -> Answer {
        let replica = self.home(who);
        let answer =
            replica
                .ledger
                .authorize(&replica.set, &self.members[who].id, &request, self.at());
        self.members[who].last_request = Some(request);
        match answer? {
            Authorized::Draft(draft) => Ok(Some(draft)),
            Authorized::Again(id) => {
                assert!(self.all.contains_key(&id), "an outcome that never was");
                self.fact("asked again");
                Ok(None)
            }
        }
    }

    /// The same request as before, or another one under its key.
    fn ask_again(&mut self, who: usize) -> Answer {
        let Some(mut request) = self.members[who].last_request.clone() else {
            return Ok(None);
        };
        if self.chance.percent(40) && request.decision.is_none() {
            let payee = self.other(who);
            let more = request.legs[0].amount.get() + 1;
            request.legs = List::new([Leg {
                payee,
                amount: amount(more),
            }])
            .unwrap();
        }
        self.request(who, request)
    }

    /// A treasury carries out a decision that took effect.
    fn pay_decided(&mut self, who: usize) -> Answer {
        let (chain, unit, replica) = (self.members[who].id, self.unit.id(), self.home(who));
        let set = &replica.set;
        let mut todo = Vec::new();
        for &slot in set.spine(&set.authority()) {
            let id = set.record(slot).id();
            let Some(Act::Ready(ready)) = self.acts.get(&id).filter(|_| replica.is_valid(slot))
            else {
                continue;
            };
            let Some(Act::Close(close)) = self.acts.get(&ready.close) else {
                continue;
            };
            let Some(Act::Opening(opening)) = self.acts.get(&close.opening) else {
                continue;
            };
            for (number, action) in (0..).zip(&opening.actions) {
                if let Action::Pay {
                    payer,
                    payee,
                    unit: of,
                    amount,
                } = *action
                    && (payer, of) == (chain, unit)
                {
                    let legs = List::new([Leg { payee, amount }]).unwrap();
                    let key = operation_key(self.domain, opening.proposal, number);
                    let mut request = plain(legs, key);
                    request.decision = Some((id, number));
                    todo.push(request);
                }
            }
        }
        let undone: Vec<_> = todo
            .into_iter()
            .filter(|request| replica.ledger.payment(set, &chain, &request.key).is_none())
            .collect();
        let Some(request) = undone.first().cloned() else {
            return Ok(None);
        };
        self.request(who, request)
    }

    fn refuse(&mut self, who: usize) -> Answer {
        let (chain, replica) = (self.members[who].id, self.home(who));
        let columns = replica.ledger.columns(&replica.set);
        let legs: Vec<LegId> = columns.incoming(chain).map(|(leg, _)| leg).collect();
        drop(columns);
        if legs.is_empty() {
            return Ok(None);
        }
        let leg = self.chance.pick(&legs);
        self.draft(who, |replica, chain, at| {
            let draft = replica.ledger.draft_refusal(&replica.set, chain, leg, at);
            draft.map(Some)
        })
    }

    /// Signs what admission drafted. An honest writer goes on only after its
    /// own last record, stays with the Open under which it began, and once it
    /// agreed to another waits for that one.
    fn sign(&mut self, who: usize, draft: Draft) {
        let Place::Entry { epoch, prev, .. } = *draft.header().place() else {
            unreachable!("an entry");
        };
        let member = &self.members[who];
        let open = self.home(who).set.open(&epoch).unwrap();
        let may = match &member.agreed {
            Some(agreed) => agreed.start == open.start && agreed.key == open.key,
            None => member.epoch == Some(epoch) && member.tip == prev,
        };
        if member.is_honest() && !may && !self.has(Bug::ForgetfulWriters) {
            self.fact("writer keeps its word");
            return;
        }
        let key = self.keys[&epoch].clone();
        let id = self.write(draft, &key);
        let member = &mut self.members[who];
        (member.tip, member.epoch, member.agreed) = (Some(id), Some(epoch), None);
        let node = member.node;
        if let Some(backup) = &mut member.backup {
            let again = backup.take(self.all[&id].clone());
            assert!(again, "a draft is well-formed where it was drafted");
        }
        self.put(node, &id, true);
        self.count(&id);
        self.spread(id, node);
    }

    /// What an honest entry was.
    fn count(&mut self, id: &RecordId) {
        let relies = self.record(id).refs().to_vec();
        let of_refusal = relies
            .iter()
            .any(|id| matches!(self.entries.get(id), Some(Entry::Refuse(_))));
        let of_seal = relies
            .iter()
            .any(|id| matches!(self.acts.get(id), Some(Act::Seal(_))));
        let of_raise = relies
            .iter()
            .any(|id| matches!(self.acts.get(id), Some(Act::Raise(_))));
        let what: &[&'static str] = match &self.entries[id] {
            Entry::Payment(payment) if payment.decision.is_some() => &["treasury payment"],
            Entry::Payment(_) if of_raise => &["payment", "payment by a raise"],
            Entry::Payment(_) if of_seal => &["payment", "payment that names seals"],
            Entry::Payment(payment) if payment.legs.len() > 1 => &["payment", "many legs"],
            Entry::Payment(_) => &["payment"],
            Entry::Ack(_) if of_refusal => &["ack", "ack of a return"],
            Entry::Ack(_) => &["ack"],
            Entry::Refuse(_) => &["refuse"],
            _ => &["cover"],
        };
        for &what in what {
            self.fact(what);
        }
    }

    /// In some worlds one honest member's node is set back to what it was now,
    /// and goes on from there a while later.
    fn maybe_back_up(&mut self, who: usize) {
        let someone = self
            .members
            .iter()
            .any(|member| member.nature == Nature::Restored);
        let member = &self.members[who];
        let eligible = member.is_honest() && member.tip.is_some() && !member.is_shared();
        if eligible && !someone && self.seed.is_multiple_of(3) && self.chance.percent(8) {
            let node = member.node;
            self.members[who].backup = Some(self.replicas[node].clone());
            self.members[who].nature = Nature::Restored;
            self.fact("restored backup");
        }
    }

    /// First on the node as it is, later from the older state, until the fork
    /// is out; then on the node again.
    fn act_from_backup(&mut self, who: usize) {
        let before = self.members[who].backup.take();
        let node = self.members[who].node;
        let forked = self.replicas[node].forked(&self.members[who].id);
        if forked || before.is_none() {
            self.members[who].agreed = None;
            return self.act_honestly(who);
        }
        if self.chance.percent(50) {
            self.act_honestly(who);
            self.members[who].backup = before;
        } else {
            self.members[who].backup = before;
            self.act_honestly(who);
        }
        if self.replicas[node].forked(&self.members[who].id) {
            self.members[who].backup = None;
            self.fact("accidental fork");
        }
    }

    /// Takes every leg it can, posted or not, and spends all it may.
    fn collude(&mut self, who: usize) {
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
    fn misbehave(&mut self, who: usize) {
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

type Answer = Result<Option<Draft>, Refusal>;

fn key(who: usize, number: u64) -> OperationKey {
    let who = u64::try_from(who).unwrap();
    OperationKey::from_bytes(sha256(&[who.to_be_bytes(), number.to_be_bytes()].concat()))
}

fn plain(legs: List<Leg, 1, { icn_ledger::entry::LEGS_MAX }>, key: OperationKey) -> PaymentRequest {
    PaymentRequest {
        legs,
        key,
        decision: None,
        effective: None,
        memo: None,
        cause: None,
    }
}
