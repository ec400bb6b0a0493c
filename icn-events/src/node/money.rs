//! Requests of the host about money: pay, set aside, resolve, pay back, take,
//! refuse, settle, remark.
//!
//! Each names what it is about, by an operation key, by its holds or legs, or
//! by all that it says. Asked again, it answers with the first record; another request
//! under the same name is a conflict. A refusal writes nothing.

use icn_governance::author::Refusal as VoteRefusal;
use icn_ledger::entry::TAKEN_MAX;
use icn_ledger::remark::RemarkRequest;
use icn_ledger::{
    Authorized, HoldRequest, Ledger, LegId, PaymentRequest, Policy, RefundRequest, Refusal,
    ResolveRequest, SettlementRequest,
};
use icn_types::canon::List;
use icn_types::id::{ChainId, RecordId, UnitId};
use icn_types::set::{Decision, RecordSet};
use icn_types::time::{Times, Timestamp};

use super::Node;
use super::auditor::{Carried, Decided};
use super::author::{AuthorError, Authored};

impl Node {
    /// Pays from an account, within its [policy](super::NodeSettings::with_policy).
    /// The same key and request pays once. A decision is carried out only after
    /// the ballots confirmed it, and in one commit with the audit line about it:
    /// it is refused while the audit log of this node takes none, and no policy
    /// has a say in it.
    ///
    /// A payment out of an envelope has the key that
    /// [`Drawn::next`](icn_ledger::Drawn::next) says. A host keeps the request
    /// before it asks: the next key is another payment.
    ///
    /// # Errors
    /// [`AuthorError`] when it is refused or the node fails.
    pub async fn pay(
        &mut self,
        unit: &UnitId,
        chain: &ChainId,
        request: &PaymentRequest,
        times: Times,
    ) -> Result<Authored, AuthorError> {
        let admit = |ledger: &Ledger, set: &RecordSet, at, policy: &Policy| {
            ledger.authorize(set, chain, request, at, policy)
        };
        self.author_entry((unit, chain), request.decision, admit, times)
            .await
    }

    /// Sets an amount of an account aside for a payee, until the resolver that
    /// the request names says who gets what. In all else as [`pay`](Self::pay).
    ///
    /// # Errors
    /// [`AuthorError`] when it is refused or the node fails.
    pub async fn hold(
        &mut self,
        unit: &UnitId,
        chain: &ChainId,
        request: &HoldRequest,
        times: Times,
    ) -> Result<Authored, AuthorError> {
        let admit = |ledger: &Ledger, set: &RecordSet, at, policy: &Policy| {
            ledger.authorize_hold(set, chain, request, at, policy)
        };
        self.author_entry((unit, chain), request.decision, admit, times)
            .await
    }

    /// Ends holds, up to 128 of them together or none. `chain` is the resolver
    /// that they name. Payee and payer take their parts by themselves where
    /// their nodes acknowledge [automatically](super::Acknowledgement).
    ///
    /// The holds name the operation: the same request answers with the first
    /// Resolve, one that gives other parts is refused.
    ///
    /// # Errors
    /// [`AuthorError`] when it is refused or the node fails.
    pub async fn resolve(
        &mut self,
        unit: &UnitId,
        chain: &ChainId,
        request: &ResolveRequest,
        times: Times,
    ) -> Result<Authored, AuthorError> {
        let admit = |ledger: &Ledger, set: &RecordSet, at, _: &Policy| {
            ledger.authorize_resolve(set, chain, request, at)
        };
        self.author_entry((unit, chain), None, admit, times).await
    }

    /// Pays back some of a leg that the account kept; all refunds of one leg
    /// never exceed it. In all else as [`pay`](Self::pay).
    ///
    /// # Errors
    /// [`AuthorError`] when it is refused or the node fails.
    pub async fn refund(
        &mut self,
        unit: &UnitId,
        chain: &ChainId,
        request: &RefundRequest,
        times: Times,
    ) -> Result<Authored, AuthorError> {
        let admit = |ledger: &Ledger, set: &RecordSet, at, policy: &Policy| {
            ledger.authorize_refund(set, chain, request, at, policy)
        };
        self.author_entry((unit, chain), request.decision, admit, times)
            .await
    }

    /// Pays a claim as a decision lets a shared account do: whoever was left
    /// with credit that does not stand is made whole, once. The claim is
    /// charged by the Open of whoever owes it, or is refused until then. In all
    /// else as [`pay`](Self::pay).
    ///
    /// # Errors
    /// [`AuthorError`] when it is refused or the node fails.
    pub async fn settle(
        &mut self,
        unit: &UnitId,
        chain: &ChainId,
        request: &SettlementRequest,
        times: Times,
    ) -> Result<Authored, AuthorError> {
        let admit = |ledger: &Ledger, set: &RecordSet, at, _: &Policy| {
            ledger.authorize_settlement(set, chain, request, at)
        };
        let decided = Some(request.decision);
        self.author_entry((unit, chain), decided, admit, times)
            .await
    }

    /// Makes a remark, which moves nothing: an assertion, the close of a
    /// period, a dispute or its outcome. The same remark is made once.
    ///
    /// # Errors
    /// [`AuthorError`] when it is refused or the node fails.
    pub async fn remark(
        &mut self,
        unit: &UnitId,
        chain: &ChainId,
        request: &RemarkRequest,
        times: Times,
    ) -> Result<Authored, AuthorError> {
        let admit = |ledger: &Ledger, set: &RecordSet, at, _: &Policy| {
            ledger.authorize_remark(set, chain, request, at)
        };
        self.author_entry((unit, chain), None, admit, times).await
    }

    /// Takes legs that are in transit to an account, up to 256 of them or
    /// none: what a host does that [decides](super::Acknowledgement::Manual)
    /// about each payment. The same legs are taken once.
    ///
    /// # Errors
    /// [`AuthorError`] when it is refused or the node fails.
    pub async fn acknowledge(
        &mut self,
        unit: &UnitId,
        chain: &ChainId,
        legs: &List<LegId, 1, TAKEN_MAX>,
        times: Times,
    ) -> Result<Authored, AuthorError> {
        let admit = |ledger: &Ledger, set: &RecordSet, at, _: &Policy| {
            ledger.authorize_acks(set, chain, legs, at)
        };
        self.author_entry((unit, chain), None, admit, times).await
    }

    /// Sends a leg back to its payer, once.
    ///
    /// # Errors
    /// [`AuthorError`] when it is refused or the node fails.
    pub async fn refuse(
        &mut self,
        unit: &UnitId,
        chain: &ChainId,
        leg: LegId,
        times: Times,
    ) -> Result<Authored, AuthorError> {
        let admit = |ledger: &Ledger, set: &RecordSet, at, _: &Policy| {
            ledger.authorize_refusal(set, chain, leg, at)
        };
        self.author_entry((unit, chain), None, admit, times).await
    }

    /// Writes what the ledger admits. A decision counts only after the ballots
    /// confirmed it.
    async fn author_entry(
        &mut self,
        (unit, chain): (&UnitId, &ChainId),
        decided: Decided,
        admit: impl FnOnce(&Ledger, &RecordSet, Timestamp, &Policy) -> Result<Authorized, Refusal>,
        times: Times,
    ) -> Result<Authored, AuthorError> {
        self.ready()?;
        let ledger = self.ledger(unit).ok_or(AuthorError::NoUnit(*unit))?;
        if let Some((ready, _)) = decided {
            self.confirmed(&ready)?;
        }
        let at = self.not_before_tip(chain, times.now);
        match admit(ledger, self.set(), at, self.policies.of(chain))? {
            Authorized::Again(id) => Ok(Authored::Again(id)),
            Authorized::Draft(draft) => {
                let id = draft.header().id();
                let carried = Carried::by(decided, id);
                let drafts = vec![(*chain, draft)];
                self.store_all(drafts, carried.as_slice(), times).await?;
                Ok(Authored::New(id))
            }
        }
    }

    /// Whether the ballots say what a decision claims.
    pub(super) fn confirmed(&self, ready: &RecordId) -> Result<(), AuthorError> {
        let decision = self.set().decision_of(ready);
        let close = decision.and_then(Decision::close);
        let (close, ..) = close.ok_or(VoteRefusal::UnknownClose(*ready))?;
        match self.governance().recount(self.set(), &close) {
            Some(recount) if recount.is_confirmed() => Ok(()),
            Some(recount) => Err(VoteRefusal::NotConfirmed(recount.clone()).into()),
            None => Err(VoteRefusal::UnknownClose(close).into()),
        }
    }
}
