//! Those who write accounts: what admission allows, on their own replica.

use icn_ledger::remark::Remark;
use icn_ledger::{Authorized, Entry, Leg, LegId, PaymentRequest, Refusal};
use icn_types::authority::{Act, operation_key};
use icn_types::canon::List;
use icn_types::error::Coded as _;
use icn_types::hash::sha256;
use icn_types::id::{ChainId, OperationKey, RecordId};
use icn_types::record::{Draft, Place};

use super::member::Nature;
use super::replica::Replica;
use super::wishes::Wish;
use super::world::{Bug, World};
use crate::market::amount;

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
            0..20 if self.appointed_by(who).is_some() => self.pay_decided(who),
            0..20 => self.pay(who),
            20..30 => self.hold(who, 40),
            30..54 => self.draft(who, |replica, chain, at| {
                replica.ledger.draft_acks(&replica.set, chain, at)
            }),
            54..66 => self.resolve_holds(who),
            66..71 => self.refuse(who),
            71..77 => self.refund(who),
            77..89 => self.cover(who),
            89..94 => self.remark(who),
            _ => self.ask_again(who),
        };
        match answer {
            Ok(Some(draft)) => {
                let id = draft.header().id();
                self.sign(who, draft);
                let is_cover = (77..89).contains(&act) && self.members[who].tip == Some(id);
                assert!(
                    !is_cover || self.cover(who) == Ok(None),
                    "seed {}",
                    self.seed
                );
            }
            Ok(None) => {}
            Err(refusal) => self.fact(refusal.code()),
        }
    }

    /// Names Seals that make credit spendable, until none is left.
    fn cover(&self, who: usize) -> Answer {
        self.draft(who, |replica, chain, at| {
            replica.ledger.draft_cover(&replica.set, chain, at)
        })
    }

    /// The replica that the member writes from.
    pub(super) fn home(&self, who: usize) -> &Replica {
        let member = &self.members[who];
        member
            .backup
            .as_ref()
            .unwrap_or(&self.replicas[member.node])
    }

    pub(super) fn draft(
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
            _ if self.members[who].is_honest() => (spendable / count).clamp(1, 60),
            _ => (spendable / count).max(1),
        };
        let legs = (0..count).map(|_| Leg {
            payee: self.other(who),
            amount: amount(self.chance.between(1.max(most / 3), most)),
        });
        let legs = List::new(legs.collect::<Vec<_>>()).unwrap();
        let key = self.key_of(who);
        self.request(who, Wish::Pay(plain(legs, key)))
    }

    /// Another account.
    pub(super) fn other(&mut self, who: usize) -> ChainId {
        let shift = self.chance.index(self.members.len() - 1) + 1;
        self.members[(who + shift) % self.members.len()].id
    }

    pub(super) fn key_of(&mut self, who: usize) -> OperationKey {
        self.members[who].requests += 1;
        key(who, self.members[who].requests)
    }

    pub(super) fn request(&mut self, who: usize, wish: Wish) -> Answer {
        let answer = wish.ask(self.home(who), &self.members[who].id, self.at());
        self.members[who].last_wish = Some(wish);
        Ok(self.drafted(answer?))
    }

    /// The record that a request leads to, if it is a new one.
    pub(super) fn drafted(&mut self, answer: Authorized) -> Option<Draft> {
        match answer {
            Authorized::Draft(draft) => Some(draft),
            Authorized::Again(id) => {
                assert!(self.all.contains_key(&id), "an outcome that never was");
                self.fact("asked again");
                None
            }
        }
    }

    /// The same request as before, or another one under its key.
    fn ask_again(&mut self, who: usize) -> Answer {
        let Some(mut wish) = self.members[who].last_wish.clone() else {
            return Ok(None);
        };
        if self.chance.percent(40) && !wish.is_decided() {
            let payee = self.other(who);
            wish.otherwise(payee);
        }
        self.request(who, wish)
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
    pub(super) fn sign(&mut self, who: usize, draft: Draft) {
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

    /// Whether a payment bears another key than the action that it names.
    fn draws(&self, payment: &icn_ledger::Payment) -> bool {
        let decisions = self.acts.values().filter_map(|act| match act {
            Act::Opening(opening) => Some(opening),
            _ => None,
        });
        let mut keys = decisions.map(|opening| operation_key(self.domain, opening.proposal, 0));
        !keys.any(|key| key == payment.key)
    }

    /// What an honest entry was.
    fn count(&mut self, id: &RecordId) {
        let relies = self.record(id).refs().to_vec();
        let of = |is_kind: fn(&Entry) -> bool| {
            let mut named = relies.iter().filter_map(|id| self.entries.get(id));
            named.any(is_kind)
        };
        let of_refusal = of(|entry| matches!(entry, Entry::Refuse(_)));
        let of_resolve = of(|entry| matches!(entry, Entry::Resolve(_)));
        let of_refund = of(|entry| matches!(entry, Entry::Refund(_)));
        let of_settlement = of(|entry| matches!(entry, Entry::Settlement(_)));
        let of_seal = relies
            .iter()
            .any(|id| matches!(self.acts.get(id), Some(Act::Seal(_))));
        let of_raise = relies
            .iter()
            .any(|id| matches!(self.acts.get(id), Some(Act::Raise(_))));
        let what: &[&'static str] = match &self.entries[id] {
            Entry::Payment(payment) if payment.decision.is_some() => {
                let epoch = self.record(id).epoch().unwrap();
                if self.received.contains_key(&epoch) {
                    &["receiver payment"]
                } else if self.draws(payment) {
                    &["envelope payment"]
                } else {
                    &["treasury payment"]
                }
            }
            Entry::Payment(_) if of_raise => &["payment", "payment by a raise"],
            Entry::Payment(_) if of_seal => &["payment", "payment that names seals"],
            Entry::Payment(payment) if payment.legs.len() > 1 => &["payment", "many legs"],
            Entry::Payment(_) => &["payment"],
            Entry::Ack(_) if of_settlement => &["ack", "ack of a settlement"],
            Entry::Ack(_) if of_refusal => &["ack", "ack of a return"],
            Entry::Ack(_) if of_resolve => &["ack", "ack of a part"],
            Entry::Ack(_) if of_refund => &["ack", "ack of a refund"],
            Entry::Ack(_) => &["ack"],
            Entry::Refuse(_) if of_refund => &["refuse", "refused refund"],
            Entry::Refuse(_) if of_settlement => &["refuse", "refused settlement"],
            Entry::Settlement(_) => &["settlement"],
            Entry::Refuse(_) => &["refuse"],
            Entry::Hold(hold) if hold.decision.is_some() => &["hold", "treasury hold"],
            Entry::Hold(_) if of_seal => &["hold", "hold that names seals"],
            Entry::Hold(_) => &["hold"],
            Entry::Resolve(resolve) if resolve.holds.len() > 1 => &["resolve", "many holds"],
            Entry::Resolve(_) => &["resolve"],
            Entry::Refund(_) if of_resolve => &["refund", "refund of a part"],
            Entry::Refund(_) => &["refund"],
            Entry::Remark(remark) => match remark {
                Remark::Assertion(_) => &["assertion"],
                Remark::Close(_) => &["period close"],
                Remark::Dispute(_) => &["dispute"],
                Remark::Outcome(_) => &["outcome"],
                Remark::Bundle(_) => &["bundle"],
                other => unreachable!("nobody makes {other:?}"),
            },
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
}

pub(super) type Answer = Result<Option<Draft>, Refusal>;

pub(super) fn key(who: usize, number: u64) -> OperationKey {
    let who = u64::try_from(who).unwrap();
    OperationKey::from_bytes(sha256(&[who.to_be_bytes(), number.to_be_bytes()].concat()))
}

pub(super) fn plain(
    legs: List<Leg, 1, { icn_ledger::entry::LEGS_MAX }>,
    key: OperationKey,
) -> PaymentRequest {
    PaymentRequest {
        legs,
        key,
        decision: None,
        effective: None,
        memo: None,
        cause: None,
    }
}
