//! Whether an account may send: payments, holds and refunds, which leave its
//! position, and Resolves, which do not.

use alloc::boxed::Box;
use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use core::slice;

use icn_types::judge::Case;

use crate::account::{Account, Change, LegAt, Terms};
use crate::bounds;
use crate::decided::{Draw, Order};
use crate::entry::{Entry, Hold, Leg, Payment, Refund, Resolve};
use crate::legs::{self, Sent, Side};
use crate::rule::LedgerRule as Rule;
use crate::rules::LedgerRules;

impl LedgerRules {
    pub(crate) fn pay(
        &self,
        case: &Case<'_>,
        account: &Account,
        terms: &Terms,
        payment: &Payment,
    ) -> Result<Change, Rule> {
        let order = Order {
            legs: &payment.legs,
            key: payment.key,
            decision: payment.decision,
        };
        Ok(Change::Paid {
            key: order.key,
            total: order.total(),
            draw: self.may_send(case, account, terms, &order)?,
        })
    }

    pub(crate) fn hold(
        &self,
        case: &Case<'_>,
        account: &Account,
        terms: &Terms,
        hold: &Hold,
    ) -> Result<Change, Rule> {
        let order = Order {
            legs: slice::from_ref(&hold.leg),
            key: hold.key,
            decision: hold.decision,
        };
        Ok(Change::Paid {
            key: order.key,
            total: order.total(),
            draw: self.may_send(case, account, terms, &order)?,
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
        let order = Order {
            legs: slice::from_ref(&leg),
            key: refund.key,
            decision: refund.decision,
        };
        Ok(Change::Refunded {
            key: order.key,
            amount: order.total(),
            draw: self.may_send(case, account, terms, &order)?,
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
            Some(entry @ (Entry::Payment(_) | Entry::Settlement(_))) => Some(entry),
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

    /// Whether the account may send an order, and what that takes out of an
    /// envelope.
    pub(crate) fn may_send(
        &self,
        case: &Case<'_>,
        account: &Account,
        terms: &Terms,
        order: &Order<'_>,
    ) -> Result<Option<Box<Draw>>, Rule> {
        let own = case.chain();
        if order.legs.iter().any(|leg| leg.payee == own) {
            return Err(Rule::PaySelf);
        }
        if order.legs.iter().any(|leg| leg.amount < self.min_leg) {
            return Err(Rule::PayMin);
        }
        if account.operation(&order.key).is_some() {
            return Err(Rule::PayKey);
        }
        let draw = self.decided(case, account, order)?;
        let bounds = terms.bounds(case.open).ok_or(Rule::LimitGrant)?;
        if !account.sums(terms).may_send(&bounds, order.total()) {
            return Err(Rule::LimitFloor);
        }
        Ok(draw)
    }
}
