//! What honest members ask admission for, beside acknowledgements: payments,
//! holds, Resolves and refunds.

use icn_ledger::{
    Authorized, Entry, HoldRequest, Leg, LegId, PaymentRequest, Policy, RefundRequest, Refusal,
    ResolveRequest, SettlementRequest,
};
use icn_types::canon::List;
use icn_types::id::{ChainId, RecordId};
use icn_types::time::Timestamp;

use super::authors::Answer;
use super::member::Nature;
use super::replica::Replica;
use super::tally::{sends, takes};
use super::world::World;
use crate::market::amount;

/// A request, to be asked again later.
#[derive(Clone, Debug)]
pub(super) enum Wish {
    Pay(PaymentRequest),
    Hold(HoldRequest),
    Resolve(ResolveRequest),
    Refund(RefundRequest),
    Settle(SettlementRequest),
}

impl Wish {
    pub(super) fn ask(
        &self,
        replica: &Replica,
        chain: &ChainId,
        at: Timestamp,
    ) -> Result<Authorized, Refusal> {
        let (ledger, set, none) = (&replica.ledger, &replica.set, &Policy::NONE);
        match self {
            Self::Pay(request) => ledger.authorize(set, chain, request, at, none),
            Self::Hold(request) => ledger.authorize_hold(set, chain, request, at, none),
            Self::Resolve(request) => ledger.authorize_resolve(set, chain, request, at),
            Self::Refund(request) => ledger.authorize_refund(set, chain, request, at, none),
            Self::Settle(request) => ledger.authorize_settlement(set, chain, request, at),
        }
    }

    /// Another wish under the same name.
    pub(super) fn otherwise(&mut self, payee: ChainId) {
        match self {
            Self::Pay(request) => {
                let amount = amount(request.legs[0].amount.get() + 1);
                request.legs = List::new([Leg { payee, amount }]).unwrap();
            }
            Self::Hold(request) => request.resolver = payee,
            Self::Resolve(request) => {
                let holds = request.holds.iter();
                let holds = holds.map(|(hold, part)| (*hold, part + 1));
                request.holds = List::new(holds.collect::<Vec<_>>()).unwrap();
            }
            Self::Refund(request) => request.amount = amount(request.amount.get() + 1),
            Self::Settle(request) => request.claim.leg += 1,
        }
    }

    /// Whether a decision says every word of it.
    pub(super) const fn is_decided(&self) -> bool {
        match self {
            Self::Pay(request) => request.decision.is_some(),
            Self::Hold(request) => request.decision.is_some(),
            Self::Settle(_) => true,
            Self::Resolve(_) | Self::Refund(_) => false,
        }
    }
}

impl World {
    /// Payer, payee or anybody resolves it.
    pub(super) fn hold(&mut self, who: usize, most: u64) -> Answer {
        let payee = self.other(who);
        let leg = Leg {
            payee,
            amount: amount(self.chance.between(1, most.max(1))),
        };
        let request = self.holding(who, leg);
        self.request(who, Wish::Hold(request))
    }

    pub(super) fn holding(&mut self, who: usize, leg: Leg) -> HoldRequest {
        let own = self.members[who].id;
        let forkers = self.members.iter();
        let mut forkers = forkers.filter(|member| member.nature == Nature::Byzantine);
        let friend = forkers.next().map(|member| member.id);
        let third = match friend.filter(|_| self.members[who].nature == Nature::Colluder) {
            Some(friend) => friend,
            None => self.other(who),
        };
        HoldRequest {
            leg,
            resolver: self.chance.pick(&[own, leg.payee, third, third]),
            key: self.key_of(who),
            decision: None,
            expires: self.chance.percent(20).then(|| self.at()),
            effective: None,
            memo: None,
            cause: None,
        }
    }

    /// Nothing, all or some of one or two holds.
    pub(super) fn resolve_holds(&mut self, who: usize) -> Answer {
        let (chain, replica) = (self.members[who].id, self.home(who));
        let columns = replica.ledger.columns(&replica.set);
        let mut open: Vec<(RecordId, u64)> = columns
            .unresolved(chain)
            .map(|(hold, held)| (hold, held.amount.get()))
            .collect();
        drop(columns);
        if open.is_empty() {
            return Ok(None);
        }
        self.chance.shuffle(&mut open);
        open.truncate(self.chance.index(2) + 1);
        for (_, part) in &mut open {
            let some = self.chance.between(0, *part);
            *part = self.chance.pick(&[0, *part, some, some]);
        }
        let request = ResolveRequest {
            holds: List::new(open).unwrap(),
            memo: None,
            cause: None,
        };
        self.request(who, Wish::Resolve(request))
    }

    /// Some of a leg that the member took, now and then more than that.
    pub(super) fn refund(&mut self, who: usize) -> Answer {
        let kept = self.kept(who);
        if kept.is_empty() {
            return Ok(None);
        }
        let (original, atoms) = self.chance.pick(&kept);
        let atoms = self.chance.pick(&[1, atoms.div_ceil(2), atoms, atoms + 1]);
        let request = RefundRequest {
            original,
            amount: amount(atoms),
            key: self.key_of(who),
            decision: None,
            effective: None,
            memo: None,
            cause: None,
        };
        self.request(who, Wish::Refund(request))
    }

    /// Legs of others that the member acknowledged on its spine, with their
    /// atoms.
    pub(super) fn kept(&self, who: usize) -> Vec<(LegId, u64)> {
        let replica = self.home(who);
        let set = &replica.set;
        let mut kept = Vec::new();
        for &slot in set.spine(&self.members[who].id) {
            for leg in takes(self, &set.record(slot).id()) {
                let is_kind = match self.entries.get(&leg.record) {
                    Some(Entry::Payment(_)) => true,
                    Some(Entry::Resolve(_)) => leg.leg % 2 == 0,
                    _ => false,
                };
                let sent = sends(self, &leg.record);
                let sent = sent.iter().find(|sent| sent.0 == leg);
                if let Some((_, _, _, atoms)) = sent.filter(|_| is_kind) {
                    kept.push((leg, u64::try_from(*atoms).unwrap()));
                }
            }
        }
        kept
    }
}
