//! What decisions let an account send.
//!
//! A shared account sends what some decision says, a receiver what the one
//! decision says that appointed it, and everybody else what they like. An
//! action is carried out as decided; an envelope by and by, in payments whose
//! sum on the payer's path stays within what is released.

use alloc::boxed::Box;

use icn_types::authority::{
    Act, Action, Consent, Envelope, Open, ProposalId, envelope_key, operation_key,
};
use icn_types::chain::Owner;
use icn_types::id::{ChainId, OperationKey, RecordId};
use icn_types::judge::Case;
use icn_types::set::{Frozen, RecordSet, Slot};

use crate::account::Account;
use crate::entry::{DecisionRef, Leg};
use crate::ledger::Ledger;
use crate::rule::LedgerRule as Rule;
use crate::rules::LedgerRules;

/// An envelope: its proposal and the number of the action.
pub(crate) type EnvelopeId = (ProposalId, u16);

/// An envelope, by the account that pays out of it, as its payee sees it.
pub(crate) type Giver = (ChainId, EnvelopeId);

/// What an entry is about to send.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Order<'a> {
    pub(crate) legs: &'a [Leg],
    pub(crate) key: OperationKey,
    pub(crate) decision: Option<DecisionRef>,
}

impl Order<'_> {
    pub(crate) fn total(&self) -> i128 {
        let atoms = self.legs.iter().map(|leg| i128::from(leg.amount.get()));
        atoms.sum()
    }
}

/// What one entry takes out of an envelope.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Draw {
    pub(crate) envelope: EnvelopeId,
    pub(crate) total: i128,
}

/// What a path took out of an envelope, whatever became of it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Taken {
    pub(crate) total: i128,
    pub(crate) payments: u64,
}

/// On whose word an epoch sends.
enum Mandate {
    Owner,
    Community,
    /// Only the decision with this Ready counts.
    Receiver(RecordId),
}

impl Mandate {
    const fn of(open: &Open) -> Self {
        match (open.consent, open.chain.owner()) {
            (Consent::Decision { ready, .. }, _) => Self::Receiver(ready),
            (_, Owner::Shared(_)) => Self::Community,
            _ => Self::Owner,
        }
    }
}

impl LedgerRules {
    /// Whether this epoch may send an order, and what it takes out of an
    /// envelope. Everything that sends asks this first.
    pub(crate) fn decided(
        &self,
        case: &Case<'_>,
        account: &Account,
        order: &Order<'_>,
    ) -> Result<Option<Box<Draw>>, Rule> {
        let decision = match (Mandate::of(case.open), order.decision) {
            (Mandate::Owner, None) => return Ok(None),
            (Mandate::Community, Some(decision)) => decision,
            (Mandate::Owner, Some(_)) | (Mandate::Community, None) => {
                return Err(Rule::PayDecision);
            }
            (Mandate::Receiver(ready), decision) => {
                let named = |decision: &DecisionRef| ready_of(case, *decision);
                let own = decision.filter(|decision| named(decision) == Some(ready));
                own.ok_or(Rule::PayReceiver)?
            }
        };
        let frozen = frozen(case, decision).ok_or(Rule::PayDecision)?;
        let number = usize::from(decision.action);
        match frozen.opening().actions.get(number) {
            Some(Action::Envelope(envelope)) => {
                let id = (frozen.opening().proposal, decision.action);
                let draw = self.draw(case, account, order, (id, envelope))?;
                Ok(Some(Box::new(draw)))
            }
            Some(action) if self.is_carried_out(case, order, frozen, action) => Ok(None),
            _ => Err(Rule::PayDecision),
        }
    }

    /// Payee, unit, amount and key are those of the action.
    fn is_carried_out(
        &self,
        case: &Case<'_>,
        order: &Order<'_>,
        frozen: &Frozen,
        action: &Action,
    ) -> bool {
        let (Some(decision), [leg]) = (order.decision, order.legs) else {
            return false;
        };
        let certified = Action::Pay {
            payer: case.chain(),
            payee: leg.payee,
            unit: self.unit,
            amount: leg.amount,
        };
        let key = operation_key(self.domain, frozen.opening().proposal, decision.action);
        *action == certified && order.key == key
    }

    fn draw(
        &self,
        case: &Case<'_>,
        account: &Account,
        order: &Order<'_>,
        (id, envelope): (EnvelopeId, &Envelope),
    ) -> Result<Draw, Rule> {
        let taken = account.taken_from(&id);
        let is_payee = |leg: &Leg| envelope.payee.is_none_or(|payee| payee == leg.payee);
        let key = envelope_key(self.domain, id.0, id.1, taken.payments);
        if envelope.payer != case.chain()
            || envelope.unit != self.unit
            || !order.legs.iter().all(is_payee)
            || order.key != key
        {
            return Err(Rule::PayDecision);
        }
        let total = order.total();
        if taken.total + total > envelope.released(tranches(case, order, id.1)) {
            return Err(Rule::PayEnvelope);
        }
        Ok(Draw {
            envelope: id,
            total,
        })
    }
}

fn ready_of(case: &Case<'_>, decision: DecisionRef) -> Option<RecordId> {
    case.content
        .refs()
        .get(usize::from(decision.ready))
        .copied()
}

fn frozen<'a>(case: &Case<'a>, decision: DecisionRef) -> Option<&'a Frozen> {
    case.set
        .readied(case.reference(usize::from(decision.ready))?)
}

/// How many tranches the refs of an entry show to be released: each Release
/// stands for all before it.
fn tranches(case: &Case<'_>, order: &Order<'_>, action: u16) -> u16 {
    let ready = order.decision.and_then(|decision| ready_of(case, decision));
    let released = case.refs().filter_map(|slot| match case.set.act(slot)? {
        Act::Release(release) if (Some(release.ready), release.action) == (ready, action) => {
            Some(release.tranche)
        }
        _ => None,
    });
    released.max().unwrap_or(0).saturating_add(1)
}

/// The envelope that a Valid entry draws on, and all that it holds.
pub(crate) fn envelope_of(
    set: &RecordSet,
    slot: Slot,
    decision: Option<DecisionRef>,
) -> Option<(EnvelopeId, i128)> {
    let decision = decision?;
    let refs = set.record(slot).refs();
    let ready = set.find(refs.get(usize::from(decision.ready))?)?;
    let opening = set.readied(ready)?.opening();
    match opening.actions.get(usize::from(decision.action))? {
        Action::Envelope(envelope) => Some((
            (opening.proposal, decision.action),
            envelope.released(envelope.tranches),
        )),
        _ => None,
    }
}

/// How far an account has come with an envelope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Drawn {
    /// Atoms that are released by now.
    pub released: u128,
    /// Atoms that the account paid out of it; more than is released where a
    /// Recall dropped a Release that a payment had named.
    pub paid: u128,
    /// In how many payments.
    pub payments: u64,
    /// The key that the next payment must use.
    pub next: OperationKey,
    /// The last Release, which a payment names beside the Ready; none while
    /// there is nothing but the first tranche.
    pub release: Option<RecordId>,
}

impl Drawn {
    /// Atoms that may be paid now.
    #[must_use]
    pub const fn left(&self) -> u128 {
        self.released.saturating_sub(self.paid)
    }
}

pub(crate) fn drawn(
    ledger: &Ledger,
    set: &RecordSet,
    ready: &RecordId,
    number: u16,
) -> Option<Drawn> {
    let decision = set.decision_of(ready)?;
    let opening = decision.opening();
    let Action::Envelope(envelope) = opening.actions.get(usize::from(number))? else {
        return None;
    };
    let account = ledger.account(set, &envelope.payer);
    let taken = account.taken_from(&(opening.proposal, number));
    let tranches = decision
        .next_tranche(number)
        .map_or(envelope.tranches, |(next, _)| next);
    Some(Drawn {
        released: envelope.released(tranches).unsigned_abs(),
        paid: taken.total.unsigned_abs(),
        payments: taken.payments,
        next: envelope_key(set.domain(), opening.proposal, number, taken.payments),
        release: decision.last_release(number),
    })
}
