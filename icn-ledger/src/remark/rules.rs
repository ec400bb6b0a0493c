//! Whether a remark is Valid.

use icn_types::judge::Case;

use super::{Assertion, Dispute, Outcome, PeriodClose, Remark};
use crate::account::{Account, Change};
use crate::entry::Entry;
use crate::legs::{self, LegId};
use crate::rule::LedgerRule as Rule;
use crate::rules::LedgerRules;

impl LedgerRules {
    pub(crate) fn remark(
        &self,
        case: &Case<'_>,
        account: &Account,
        remark: &Remark,
    ) -> Result<Change, Rule> {
        match remark {
            Remark::Assertion(assertion) => self.assert(case, assertion),
            Remark::Close(close) => close_period(account, close),
            Remark::Dispute(dispute) => dispute_leg(case, dispute),
            Remark::Outcome(outcome) => self.rule(case, account, outcome),
            Remark::Bundle(bundle) => bundle.check(account),
        }
    }

    /// What the named record adds up to plays no part.
    fn assert(&self, case: &Case<'_>, assertion: &Assertion) -> Result<Change, Rule> {
        let named = self.entry(case, assertion.reference);
        named.and_then(|(_, entry)| entry).ok_or(Rule::AssertRef)?;
        Ok(Change::None)
    }

    fn rule(&self, case: &Case<'_>, account: &Account, outcome: &Outcome) -> Result<Change, Rule> {
        let named = self.entry(case, outcome.dispute);
        let Some((slot, Some(Entry::Remark(Remark::Dispute(dispute))))) = named else {
            return Err(Rule::OutcomeDispute);
        };
        if dispute.mediator != case.chain() {
            return Err(Rule::OutcomeMediator);
        }
        if account.has_ruled(slot) {
            return Err(Rule::OutcomeTwice);
        }
        Ok(Change::Ruled(slot))
    }
}

fn close_period(account: &Account, close: &PeriodClose) -> Result<Change, Rule> {
    if account.closed().is_some_and(|closed| close.until <= closed) {
        return Err(Rule::CloseOrder);
    }
    Ok(Change::Closed(close.until))
}

fn dispute_leg(case: &Case<'_>, dispute: &Dispute) -> Result<Change, Rule> {
    let refs = case.content.refs();
    let record = *refs
        .get(usize::from(dispute.leg.reference))
        .ok_or(Rule::DisputeRef)?;
    let leg = LegId {
        record,
        leg: dispute.leg.leg,
    };
    let sent = legs::find(case.set, leg).ok_or(Rule::DisputeLeg)?;
    let sides = [sent.payer, sent.payee];
    if !sides.contains(&case.chain()) {
        return Err(Rule::DisputeLeg);
    }
    if sides.contains(&dispute.mediator) {
        return Err(Rule::DisputeMediator);
    }
    Ok(Change::None)
}
