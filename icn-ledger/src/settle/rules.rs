//! Whether a settlement is Valid, and whether its payee may take it.

use core::slice;

use icn_types::id::{ChainId, RecordId};
use icn_types::judge::Case;
use icn_types::set::Slot;

use super::{Claimed, Settlement, Settles, claim_at, is_left_out, supports};
use crate::account::{Account, Change, LegAt, Terms};
use crate::decided::Order;
use crate::entry::Leg;
use crate::legs::{self, LegId};
use crate::rule::LedgerRule as Rule;
use crate::rules::{LedgerRules, source};

/// Who was charged, and how much in all.
struct Debtor {
    chain: ChainId,
    charged: i128,
}

impl LedgerRules {
    pub(crate) fn settle(
        &self,
        case: &Case<'_>,
        account: &Account,
        terms: &Terms,
        settlement: &Settlement,
    ) -> Result<Change, Rule> {
        let charge = case.content.refs().get(usize::from(settlement.charge));
        let charge = *charge.ok_or(Rule::SettleRef)?;
        let claim = self.claimed(case, settlement)?;
        let debtor = charged(case, charge, claim)?;
        if debtor.chain == case.chain() {
            return Err(Rule::SettleOwn);
        }
        let settled = account.settlements();
        if settled.paid(claim).is_some() {
            return Err(Rule::SettleTwice);
        }
        let order = Order {
            legs: slice::from_ref(&settlement.leg),
            key: settlement.key,
            decision: Some(settlement.decision),
        };
        let amount = order.total();
        if settled.against(&debtor.chain) + amount > debtor.charged {
            return Err(Rule::SettleCharge);
        }
        Ok(Change::Settled {
            key: order.key,
            amount,
            draw: self.may_send(case, account, terms, &order)?,
            claim,
            debtor: debtor.chain,
        })
    }

    /// The named leg, if payee and amount are its own.
    fn claimed(&self, case: &Case<'_>, settlement: &Settlement) -> Result<LegAt, Rule> {
        let claim = settlement.claim;
        let (slot, entry) = self.entry(case, claim.reference).ok_or(Rule::SettleRef)?;
        let sent = entry.and_then(|entry| legs::leg(case.set, slot, &entry, claim.leg));
        let leg = sent.map(|sent| Leg {
            payee: sent.payee,
            amount: sent.amount,
        });
        if leg != Some(settlement.leg) {
            return Err(Rule::SettleLeg);
        }
        Ok(LegAt {
            slot,
            leg: claim.leg,
        })
    }
}

/// Who owes the leg under the named Open, which leaves out what makes it stand.
fn charged(case: &Case<'_>, charge: RecordId, claim: LegAt) -> Result<Debtor, Rule> {
    let (set, refs) = (case.set, case.content.refs());
    let open = set.open(&charge).ok_or(Rule::SettleOpen)?;
    let debtor = Debtor {
        chain: open.chain.id(),
        charged: open.charged.into(),
    };
    let leg = LegId {
        record: set.id(claim.slot),
        leg: claim.leg,
    };
    let is_own = |slot: &Slot| set.chain(*slot) == debtor.chain;
    let mut owed = supports(set, &leg).filter(is_own).peekable();
    owed.peek().ok_or(Rule::SettleOpen)?;
    let head = open.start.tip().map(|tip| tip.head);
    if head.is_some_and(|head| refs.binary_search(&head).is_err()) {
        return Err(Rule::SettleHead);
    }
    if !owed.any(|slot| is_left_out(set, &charge, slot)) {
        return Err(Rule::SettleStands);
    }
    Ok(debtor)
}

/// What a payee's acknowledgement of a settlement puts it in the place of: a
/// leg that this path took to keep.
pub(crate) fn replaces(
    case: &Case<'_>,
    account: &Account,
    by: Slot,
    settlement: &Settlement,
) -> Result<Settles, Rule> {
    let claim = claim_at(case.set, by, settlement).ok_or(Rule::AckClaim)?;
    if account.settlements().replaced(claim).is_some() {
        return Err(Rule::AckSettled);
    }
    if !account.has_kept(claim) {
        return Err(Rule::AckClaim);
    }
    let hold = legs::hold_of(case.set, claim.slot, claim.leg);
    Ok(Settles::Claim(Claimed {
        leg: claim,
        source: source(case, claim.slot),
        hold: hold.map(|hold| source(case, hold)),
    }))
}
