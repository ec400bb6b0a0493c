//! Whether an account may send: payments, holds and refunds, which leave its
//! position, and Resolves, which do not.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use core::slice;

use icn_types::authority::{Act, Action, operation_key};
use icn_types::chain::Owner;
use icn_types::id::OperationKey;
use icn_types::judge::Case;

use crate::account::{Account, Change, LegAt, Terms};
use crate::bounds;
use crate::entry::{DecisionRef, Entry, Hold, Leg, Payment, Refund, Resolve};
use crate::legs::{self, Sent, Side};
use crate::rule::LedgerRule as Rule;
use crate::rules::LedgerRules;

/// What leaves the position of its author.
struct Outlay<'a> {
    legs: &'a [Leg],
    key: OperationKey,
    decision: Option<DecisionRef>,
}

impl LedgerRules {
    pub(crate) fn pay(
        &self,
        case: &Case<'_>,
        account: &Account,
        terms: &Terms,
        payment: &Payment,
    ) -> Result<Change, Rule> {
        let outlay = Outlay {
            legs: &payment.legs,
            key: payment.key,
            decision: payment.decision,
        };
        Ok(Change::Paid {
            key: payment.key,
            total: self.total(case, account, terms, &outlay)?,
        })
    }

    pub(crate) fn hold(
        &self,
        case: &Case<'_>,
        account: &Account,
        terms: &Terms,
        hold: &Hold,
    ) -> Result<Change, Rule> {
        let outlay = Outlay {
            legs: slice::from_ref(&hold.leg),
            key: hold.key,
            decision: hold.decision,
        };
        Ok(Change::Held {
            key: hold.key,
            amount: self.total(case, account, terms, &outlay)?,
        })
    }

    pub(crate) fn refund(
        &self,
        case: &Case<'_>,
        account: &Account,
        terms: &Terms,
        refund: &Refund,
    ) -> Result<Change, Rule> {
        let (original, sent) = self.original(case, account, refund)?;
        let before = account.refunded(original);
        let sum = bounds::refunded(sent.amount, before, refund.amount);
        let sum = sum.ok_or(Rule::RefundSum)?;
        let leg = Leg {
            payee: sent.payer,
            amount: refund.amount,
        };
        let outlay = Outlay {
            legs: slice::from_ref(&leg),
            key: refund.key,
            decision: refund.decision,
        };
        Ok(Change::Refunded {
            key: refund.key,
            amount: self.total(case, account, terms, &outlay)?,
            original,
            sum,
        })
    }

    /// The leg that a refund pays back. The chain took it to keep: that says
    /// that it was the payee, but for the rest of a hold of its own.
    fn original(
        &self,
        case: &Case<'_>,
        account: &Account,
        refund: &Refund,
    ) -> Result<(LegAt, Sent), Rule> {
        let (slot, entry) = self
            .entry(case, refund.original.reference)
            .ok_or(Rule::RefundRef)?;
        let leg = refund.original.leg;
        let at = LegAt { slot, leg };
        let entry = match entry {
            Some(entry @ Entry::Payment(_)) => Some(entry),
            Some(entry @ Entry::Resolve(_)) if Side::of(leg) == Side::Payee => Some(entry),
            _ => None,
        };
        entry
            .filter(|_| account.has_kept(at))
            .and_then(|entry| legs::leg(case.set, slot, &entry, leg))
            .map(|sent| (at, sent))
            .ok_or(Rule::RefundSource)
    }

    pub(crate) fn resolve(
        &self,
        case: &Case<'_>,
        account: &Account,
        resolve: &Resolve,
    ) -> Result<Change, Rule> {
        let mut ended = BTreeSet::new();
        for resolution in &resolve.holds {
            let (slot, entry) = self.entry(case, resolution.hold).ok_or(Rule::ResolveRef)?;
            let Some(Entry::Hold(hold)) = entry else {
                return Err(Rule::ResolveHold);
            };
            if hold.resolver != case.chain() {
                return Err(Rule::ResolveResolver);
            }
            bounds::rest(hold.leg.amount, resolution.part).ok_or(Rule::ResolvePart)?;
            if account.resolved(slot).is_some() || !ended.insert(slot) {
                return Err(Rule::ResolveTwice);
            }
        }
        Ok(Change::Resolved(ended.into_iter().collect::<Vec<_>>()))
    }

    /// What an outlay comes to, if the account may make it.
    fn total(
        &self,
        case: &Case<'_>,
        account: &Account,
        terms: &Terms,
        outlay: &Outlay<'_>,
    ) -> Result<i128, Rule> {
        let own = case.chain();
        if outlay.legs.iter().any(|leg| leg.payee == own) {
            return Err(Rule::PaySelf);
        }
        if outlay.legs.iter().any(|leg| leg.amount < self.min_leg) {
            return Err(Rule::PayMin);
        }
        if account.operation(&outlay.key).is_some() {
            return Err(Rule::PayKey);
        }
        self.decided(case, outlay)?;
        let bounds = terms.bounds(case.open).ok_or(Rule::LimitGrant)?;
        let atoms = outlay.legs.iter().map(|leg| i128::from(leg.amount.get()));
        let total = atoms.sum();
        if !account.sums(terms).may_send(&bounds, total) {
            return Err(Rule::LimitFloor);
        }
        Ok(total)
    }

    /// A shared account sends exactly one decided action; nobody else has any.
    fn decided(&self, case: &Case<'_>, outlay: &Outlay<'_>) -> Result<(), Rule> {
        let is_shared = matches!(case.open.chain.owner(), Owner::Shared(_));
        match outlay.decision {
            None if !is_shared => Ok(()),
            Some(decision) if is_shared => {
                self.action(case, outlay, decision).ok_or(Rule::PayDecision)
            }
            _ => Err(Rule::PayDecision),
        }
    }

    /// Ready, its close and its opening are ancestors of the record.
    fn action(&self, case: &Case<'_>, outlay: &Outlay<'_>, decision: DecisionRef) -> Option<()> {
        let Act::Ready(ready) = case.set.act(case.reference(usize::from(decision.ready))?)? else {
            return None;
        };
        let Act::Close(close) = case.set.act(case.set.find(&ready.close)?)? else {
            return None;
        };
        let Act::Opening(opening) = case.set.act(case.set.find(&close.opening)?)? else {
            return None;
        };
        let [leg] = outlay.legs else {
            return None;
        };
        let action = opening.actions.get(usize::from(decision.action))?;
        let certified = Action::Pay {
            payer: case.chain(),
            payee: leg.payee,
            unit: self.unit,
            amount: leg.amount,
        };
        let key = operation_key(self.domain, opening.proposal, decision.action);
        (*action == certified && outlay.key == key).then_some(())
    }
}
