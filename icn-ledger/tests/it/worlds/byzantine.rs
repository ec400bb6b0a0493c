//! Those who write accounts as they like: forks, overdrafts, records that name
//! nothing, contents that nobody gets; and colluders, who never fork.

use icn_ledger::entry::{ACK, HOLD, NOTE, PAYMENT, REFUND, REFUSE, RESOLVE};
use icn_ledger::{Ack, Entry, Hold, Leg, LegId, Note, Payment, Refund, Refuse};
use icn_types::authority::Act;
use icn_types::canon::{Encode, List};
use icn_types::error::Coded as _;
use icn_types::hash::sha256;
use icn_types::id::{ChainId, OperationKey, RecordId};
use icn_types::record::{Content, Draft, Kind, Place};

use super::authors::{Answer, key, plain};
use super::member::Nature;
use super::replica::Replica;
use super::tally::{claim, hold_of, origin, sends};
use super::wishes::Wish;
use super::world::{Bug, World};
use crate::market::{amount, resolving, taking};

impl World {
    /// Takes every leg it can, posted or not, and spends all it may.
    pub(super) fn collude(&mut self, who: usize) {
        let (id, node) = (self.members[who].id, self.members[who].node);
        self.replicas[node].refresh();
        for (record, number) in self.offers(id) {
            let leg = LegId {
                record,
                leg: number,
            };
            if let Some(what) = self.take_anyhow(who, leg) {
                self.fact(what);
            }
        }
        if self.chance.percent(20) {
            self.refund_anyhow(who);
        }
        self.replicas[node].refresh();
        let replica = &self.replicas[node];
        let limits = replica.ledger.positions(&replica.set, &id).limits;
        let spendable = limits.map_or(0, |limits| limits.spendable);
        let Some(atoms) = u64::try_from(spendable).ok().filter(|&atoms| atoms > 0) else {
            return;
        };
        let leg = Leg {
            payee: self.other(who),
            amount: amount(atoms),
        };
        let wish = if self.chance.percent(50) {
            Wish::Hold(self.holding(who, leg))
        } else {
            let key = self.key_of(who);
            Wish::Pay(plain(List::new([leg]).unwrap(), key))
        };
        let answer = self.request(who, wish);
        self.follow(who, answer);
    }

    /// Takes a leg unless that would break a rule that is not switched off.
    fn take_anyhow(&mut self, who: usize, leg: LegId) -> Option<&'static str> {
        let (id, node) = (self.members[who].id, self.members[who].node);
        let replica = &self.replicas[node];
        let slot = replica.set.find(&leg.record)?;
        let (first, hold) = (origin(self, &leg), hold_of(self, &leg));
        let once = match hold {
            Some((hold, is_payee)) if !self.has(Bug::PartPerResolve) => LegId {
                record: hold,
                leg: u8::from(is_payee),
            },
            _ => leg,
        };
        let member = &self.members[who];
        let by = first.map(|(payer, key, record)| ((payer, key), record));
        let is_other = |(key, record): ((ChainId, OperationKey), RecordId)| {
            let known = member.answered.get(&key);
            known.is_some_and(|known| *known != record)
        };
        let claim = claim(self, &leg.record);
        let is_settled = |claim: LegId| {
            let again = member.settled.contains(&claim) && !self.has(Bug::SettledTwice);
            again || !member.kept.contains(&claim)
        };
        if !replica.is_valid(slot)
            || claim.is_some_and(is_settled)
            || member.taken.contains(&once)
            || (by.is_some_and(is_other) && !self.has(Bug::NoKeyRule))
            || (first.is_none() && self.rest_is_lost(replica, hold, id))
        {
            return None;
        }
        let is_void = !replica.set.on_spine(slot);
        let (refs, legs) = taking(&[leg]);
        let body = Ack {
            legs: List::new(legs).unwrap(),
        };
        self.forge_next(who, ACK, refs, &body)?;
        let member = &mut self.members[who];
        member.taken.insert(once);
        member.kept.insert(leg);
        member.settled.extend(claim);
        member.answered.extend(by);
        Some(match (is_void, hold) {
            _ if claim.is_some() => "colluder took a settlement",
            (true, Some(_)) => "colluder took a void part",
            (true, None) => "colluder took void credit",
            (false, _) => "colluder took credit",
        })
    }

    /// Asks to pay something back, or does it again and again where that is
    /// not added up.
    fn refund_anyhow(&mut self, who: usize) {
        if !self.has(Bug::NoRefundBound) {
            let answer = self.refund(who);
            return self.follow(who, answer);
        }
        let kept = self.kept(who);
        if let Some((original, atoms)) = kept.first().copied() {
            let (refs, legs) = taking(&[original]);
            let body = Refund {
                original: legs[0],
                amount: amount(atoms),
                key: self.key_of(who),
                decision: None,
                effective: None,
                memo: None,
            };
            self.forge_next(who, REFUND, refs, &body);
        }
    }

    /// A record after the last one of the chain, not asked about.
    pub(super) fn forge_next<B: Encode>(
        &mut self,
        who: usize,
        kind: Kind,
        refs: Vec<RecordId>,
        body: &B,
    ) -> Option<RecordId> {
        let (id, node) = (self.members[who].id, self.members[who].node);
        let place = self.replicas[node].set.next_place(&id);
        let Some(Place::Entry { epoch, prev, .. }) = place else {
            return None;
        };
        let forged = self.forge(who, epoch, prev, kind, refs, body);
        self.put(node, &forged, true);
        self.spread(forged, node);
        self.members[who].epoch = Some(epoch);
        Some(forged)
    }

    pub(super) fn follow(&mut self, who: usize, answer: Answer) {
        match answer {
            Ok(Some(draft)) => self.sign(who, draft),
            Ok(None) => {}
            Err(refusal) => self.fact(refusal.code()),
        }
    }

    /// Legs that somebody sent to an account, but for returned ones.
    fn offers(&self, payee: ChainId) -> Vec<(RecordId, u8)> {
        let of = |id: &RecordId| {
            let is_return = matches!(self.entries.get(id), Some(Entry::Refuse(_)));
            let legs = sends(self, id).into_iter();
            let own = legs.filter(move |sent| sent.2 == payee && !is_return);
            own.map(|sent| (sent.0.record, sent.0.leg))
        };
        self.order.iter().flat_map(of).collect()
    }

    /// One of the offers, or all under its key, or what is left of a hold.
    fn greedy(&mut self, offers: &[(RecordId, u8)]) -> Vec<LegId> {
        let leg = |&(record, leg): &(RecordId, u8)| LegId { record, leg };
        let rests = offers.iter().map(leg);
        let rests: Vec<LegId> = rests
            .filter(|leg| hold_of(self, leg).is_some_and(|(_, is_payee)| !is_payee))
            .collect();
        if !rests.is_empty() && self.chance.percent(10) {
            return vec![self.chance.pick(&rests)];
        }
        let one = leg(&self.chance.pick(offers));
        let name = |leg: &LegId| origin(self, leg).map(|(payer, key, _)| (payer, key));
        let mut all = vec![one];
        if let Some(own) = name(&one) {
            let others = offers.iter().map(leg);
            all.extend(others.filter(|leg| *leg != one && name(leg) == Some(own)));
        }
        if self.chance.percent(50) {
            all.truncate(1);
        }
        all.truncate(200);
        all
    }

    /// Another one who is not honest.
    fn friend(&mut self, who: usize) -> Option<ChainId> {
        let others = self.members.iter().enumerate();
        let bad = others.filter(|(other, member)| {
            let natures = [Nature::Byzantine, Nature::Colluder];
            *other != who && natures.contains(&member.nature)
        });
        let bad: Vec<ChainId> = bad.map(|(_, member)| member.id).collect();
        (!bad.is_empty()).then(|| self.chance.pick(&bad))
    }

    /// Whether what comes back is of a hold that the chain does not stand on.
    fn rest_is_lost(
        &self,
        replica: &Replica,
        hold: Option<(RecordId, bool)>,
        chain: ChainId,
    ) -> bool {
        let slot = hold.and_then(|(hold, _)| replica.set.find(&hold));
        let tip = replica.set.spine(&chain).last();
        match (slot, tip) {
            (Some(slot), Some(&tip)) => !replica.set.on_path(slot, tip),
            _ => true,
        }
    }

    pub(super) fn forge<B: Encode>(
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
        if self.chance.percent(30) {
            let prev = self.chance.pick(&parents);
            self.betray(who, epoch, prev);
        }
        let (mut prev, mut last) = (start, "");
        for _ in 0..self.chance.between(1, 4) {
            if last != "byzantine resolve" || self.chance.percent(30) {
                prev = self.chance.pick(&parents);
            }
            let (what, forged) = if last == "byzantine resolve" && self.chance.percent(60) {
                self.forge_resolve(who, epoch, prev)
            } else {
                self.misdeed(who, epoch, prev)
            };
            last = what;
            if !self.stands(&forged) {
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

    /// Whether a record is well-formed somewhere. If not, it never was.
    fn stands(&mut self, forged: &RecordId) -> bool {
        let stands = |replica: &Replica| replica.set.signatory(self.record(forged)).is_ok();
        if self.replicas.iter().any(stands) {
            return true;
        }
        self.all.remove(forged);
        self.entries.remove(forged);
        self.order.retain(|id| id != forged);
        false
    }

    /// Resolves a colluder's hold in two ways at one position, and shows it both.
    fn betray(&mut self, who: usize, epoch: RecordId, prev: Option<RecordId>) {
        let own = self.members[who].id;
        let friends = self.members.iter();
        let friends: Vec<(ChainId, usize)> = friends
            .filter(|member| member.nature == Nature::Colluder)
            .map(|member| (member.id, member.node))
            .collect();
        let holds = self.order.iter().filter_map(|id| {
            let Some(Entry::Hold(hold)) = self.entries.get(id) else {
                return None;
            };
            let sides = [hold.leg.payee, self.record(id).chain()];
            let friend = friends.iter().find(|(chain, _)| sides.contains(chain))?;
            (hold.resolver == own).then(|| (*id, hold.leg.amount.get(), friend.1))
        });
        let holds: Vec<_> = holds.collect();
        if holds.is_empty() {
            return;
        }
        let (hold, atoms, node) = self.chance.pick(&holds);
        for part in [atoms, atoms / 2] {
            let (refs, body) = resolving(&[(hold, part)]);
            let forged = self.forge(who, epoch, prev, RESOLVE, refs, &body);
            if self.stands(&forged) {
                self.fact("byzantine resolve");
                self.show(node, forged);
                self.scatter(forged);
            }
        }
    }

    /// To one replica, with everything that stands before it.
    fn show(&mut self, node: usize, id: RecordId) {
        let prev = |id: &RecordId| self.record(id).prev();
        let mut path: Vec<RecordId> = std::iter::successors(Some(id), prev).collect();
        path.reverse();
        for id in path {
            self.arrive(node, &id, true);
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
        if self.settles()
            && self
                .chance
                .percent(if self.members[who].is_shared() { 40 } else { 3 })
            && let Some(forged) = self.forge_settlement(who, epoch, prev)
        {
            return ("byzantine settlement", forged);
        }
        match self.chance.below(100) {
            26..36 => self.forge_hold(who, epoch, prev),
            36..50 => self.forge_resolve(who, epoch, prev),
            50..54 if !offers.is_empty() => {
                let original = self.chance.pick(&offers);
                self.forge_refund(who, epoch, prev, original)
            }
            96.. => self.forge_remark(who, epoch, prev),
            92.. => {
                let nowhere = RecordId::from_bytes(sha256(&self.now.to_be_bytes()));
                let anything = self.chance.pick(&self.order);
                let named = self.chance.pick(&[nowhere, anything]);
                let id = self.forge(who, epoch, prev, NOTE, vec![named], &Note::default());
                ("byzantine note", id)
            }
            54.. if !offers.is_empty() => {
                let taken = self.greedy(&offers);
                let (refs, legs) = taking(&taken);
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
                let mut atoms = self.chance.pick(&[1, 20, 100, 100, 500]);
                let mut number = self.chance.between(1, self.members[who].requests);
                let mut payee = self.other(who);
                if self.chance.percent(45) {
                    // The same operation once more, on whatever branch.
                    (number, atoms) = (1, 1);
                    payee = self.friend(who).unwrap_or(payee);
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

    fn forge_hold(
        &mut self,
        who: usize,
        epoch: RecordId,
        prev: Option<RecordId>,
    ) -> (&'static str, RecordId) {
        let payee = self.other(who);
        let atoms = self.chance.pick(&[1, 20, 100, 100, 500]);
        let leg = Leg {
            payee,
            amount: amount(atoms),
        };
        let number = self.chance.between(1, self.members[who].requests);
        let body = Hold {
            leg,
            resolver: self.holding(who, leg).resolver,
            key: key(who, number),
            decision: None,
            expires: None,
            effective: None,
            memo: None,
        };
        let id = self.forge(who, epoch, prev, HOLD, Vec::new(), &body);
        ("byzantine hold", id)
    }

    /// Any hold, mostly an own one to resolve, whatever it was resolved to.
    fn forge_resolve(
        &mut self,
        who: usize,
        epoch: RecordId,
        prev: Option<RecordId>,
    ) -> (&'static str, RecordId) {
        let own = self.members[who].id;
        let any = self.chance.percent(10);
        let holds = self
            .order
            .iter()
            .filter_map(|id| match self.entries.get(id) {
                Some(Entry::Hold(hold)) if any || hold.resolver == own => {
                    Some((*id, hold.leg.amount.get()))
                }
                _ => None,
            });
        let holds: Vec<(RecordId, u64)> = holds.collect();
        if holds.is_empty() {
            return self.forge_hold(who, epoch, prev);
        }
        // The same one again and again, on whatever branch.
        let late = holds.len().saturating_sub(2);
        let (hold, atoms) = self.chance.pick(&holds[late..]);
        let part = self.chance.between(0, atoms);
        let part = match self.chance.below(16) {
            0 => atoms + 1,
            _ => self.chance.pick(&[0, atoms, part]),
        };
        let (refs, body) = resolving(&[(hold, part)]);
        let id = self.forge(who, epoch, prev, RESOLVE, refs, &body);
        ("byzantine resolve", id)
    }

    fn forge_refund(
        &mut self,
        who: usize,
        epoch: RecordId,
        prev: Option<RecordId>,
        (record, leg): (RecordId, u8),
    ) -> (&'static str, RecordId) {
        let (refs, legs) = taking(&[LegId { record, leg }]);
        let atoms = self.chance.pick(&[1, 20, 60]);
        let number = self.chance.between(1, self.members[who].requests);
        let body = Refund {
            original: legs[0],
            amount: amount(atoms),
            key: key(who, number),
            decision: None,
            effective: None,
            memo: None,
        };
        let id = self.forge(who, epoch, prev, REFUND, refs, &body);
        ("byzantine refund", id)
    }
}
