//! Duties: what the keys of this node oblige it to write by itself.
//!
//! Each duty follows from the set and the time alone, so a node that crashed
//! in the middle takes up exactly what is left, and does nothing twice.

use icn_governance::author::{Drafted, draft_receipts, draft_shut};
use icn_ledger::{Authorized, Ledger, Leg, PaymentRequest, Policy};
use icn_types::authority::{Action, Consent, Outcome, ProposalId, operation_key};
use icn_types::canon::List;
use icn_types::chain::Owner;
use icn_types::id::{ChainId, OperationKey, RecordId};
use icn_types::key::{PublicKey, SignError};
use icn_types::record::{Draft, Record};
use icn_types::resume::Standing;
use icn_types::set::Decision;
use icn_types::sign::Signed;
use icn_types::time::Timestamp;

use super::auditor::Carried;
use super::{Acknowledgement, Node, SharedSigner, Unsigned, Work};

/// What a look at a chain found.
enum Look {
    Owes(Unsigned),
    /// Nothing until something happens.
    Nothing,
    /// The key cannot sign now.
    Mute,
}

impl Node {
    /// The next record that this node owes, with the audit lines that it comes
    /// with: none that a key would sign which cannot sign now.
    pub(super) fn next_duty(&mut self, now: Timestamp, work: &mut Work) -> Option<Unsigned> {
        let duty = self.registrar_duty(now, work);
        duty.map(|duty| vec![duty])
            .or_else(|| self.chain_duties(now, work))
    }

    /// Looks at own chains on which something happened, and at those that owe
    /// something by the clock.
    fn chain_duties(&mut self, now: Timestamp, work: &mut Work) -> Option<Unsigned> {
        self.wake_pending();
        let mut last = None;
        while let Some(chain) = self.watch.next(last) {
            work.progress.looked += 1;
            match self.look_at(&chain, now, &work.mute) {
                Look::Owes(duty) => return Some(duty),
                Look::Nothing => self.let_sleep(&chain),
                Look::Mute => {}
            }
            last = Some(chain);
        }
        None
    }

    fn let_sleep(&mut self, chain: &ChainId) {
        let set = self.replica.set();
        let ledger = self.books.ledger_of(set, chain);
        if ledger.is_some_and(|ledger| ledger.waits_for_seal(set, chain)) {
            self.watch.sleep_until_seal(chain);
        } else {
            self.watch.sleep(chain);
        }
    }

    /// Tellers while a vote runs, and whoever is to pay what was decided.
    fn wake_pending(&mut self) {
        let office = self.set().office();
        if office.is_some_and(|office| office.running().next().is_some()) {
            self.watch.wake_tellers();
        }
        let payers = self.ready_actions().filter_map(|ready| match ready.action {
            Action::Pay { payer, .. } => Some(payer),
            _ => None,
        });
        let payers: Vec<ChainId> = payers.collect();
        payers.iter().for_each(|payer| self.watch.wake(payer));
    }

    fn look_at(&self, chain: &ChainId, now: Timestamp, mute: &[PublicKey]) -> Look {
        let set = self.set();
        let seat = set.office().and_then(|office| office.seat(chain));
        let signer = seat.and_then(|seat| self.signer_with(seat.key()));
        let Some(signer) = signer else {
            return Look::Nothing;
        };
        if mute.contains(&signer.public_key()) {
            return Look::Mute;
        }
        if self.standing(chain) != Standing::Confirmed || self.agreed.rests(set, chain) {
            return Look::Nothing;
        }
        let at = self.not_before_tip(chain, now);
        match self.owed_on(chain, at, mute) {
            Some((draft, lines)) => {
                let entry = (draft, signer.clone());
                Look::Owes(std::iter::once(entry).chain(lines).collect())
            }
            None => Look::Nothing,
        }
    }

    /// What is owed on a chain that can be written, with its audit lines.
    fn owed_on(
        &self,
        chain: &ChainId,
        at: Timestamp,
        mute: &[PublicKey],
    ) -> Option<(Draft, Unsigned)> {
        let open = self.set().office()?.seat(chain)?.open();
        let open = self.set().open(&open)?;
        let owner = open.chain.owner();
        let is_received = matches!(open.consent, Consent::Decision { .. });
        let alone = |draft| (draft, Unsigned::new());
        match (owner, self.books.ledger_of(self.set(), chain)) {
            (Owner::Teller(_), _) => self.teller_duty(chain, at).map(alone),
            (owner, Some(ledger)) if is_received || is_shared(owner) => self
                .treasury_duty(ledger, chain, at, mute)
                .or_else(|| self.account_duty(ledger, chain, at).map(alone)),
            (_, Some(ledger)) => self.account_duty(ledger, chain, at).map(alone),
            (_, None) => None,
        }
    }

    /// A clock that went back is taken to stand at the chain's last record.
    pub(super) fn not_before_tip(&self, chain: &ChainId, now: Timestamp) -> Timestamp {
        let tip = self.set().spine(chain).last();
        tip.map_or(now, |&tip| now.max(self.set().record(tip).at()))
    }

    /// Acknowledge what arrived, and name Seals that make credit spendable.
    fn account_duty(&self, ledger: &Ledger, chain: &ChainId, at: Timestamp) -> Option<Draft> {
        let acks = match self.acknowledgement {
            Acknowledgement::Automatic => ledger.draft_acks(self.set(), chain, at).ok().flatten(),
            Acknowledgement::Manual => None,
        };
        acks.or_else(|| ledger.draft_cover(self.set(), chain, at).ok().flatten())
    }

    /// Give receipts for ballots; end the list when the period is over.
    fn teller_duty(&self, chain: &ChainId, at: Timestamp) -> Option<Draft> {
        let (set, governance) = (self.set(), self.governance());
        if let Ok(Some(receipts)) = draft_receipts(set, governance, chain, at) {
            return Some(*receipts);
        }
        let running = set
            .office()?
            .running()
            .filter(|(_, decision)| decision.opening().terms.tellers.contains(chain));
        running.map(|(opening, _)| opening).find_map(|opening| {
            match draft_shut(set, governance, chain, opening, at) {
                Ok(Drafted::New(draft)) => Some(*draft),
                _ => None,
            }
        })
    }

    /// Pay what was decided, with the lines that tell of it. The operation key
    /// follows from the proposal, so no second certificate, treasurer or restart
    /// pays again. No policy has a say in it. It waits while the audit log cannot
    /// tell of it.
    fn treasury_duty(
        &self,
        ledger: &Ledger,
        chain: &ChainId,
        at: Timestamp,
        mute: &[PublicKey],
    ) -> Option<(Draft, Unsigned)> {
        let auditor = self.auditor()?.public_key();
        (!mute.contains(&auditor)).then_some(())?;
        self.ready_actions().find_map(|ready| {
            let Action::Pay {
                payer,
                payee,
                unit,
                amount,
            } = ready.action
            else {
                return None;
            };
            if payer != *chain
                || unit != ledger.unit().id()
                || ledger.payment(self.set(), chain, &ready.key).is_some()
            {
                return None;
            }
            let decision = Some((ready.ready, ready.number));
            let request = PaymentRequest {
                legs: List::new([Leg { payee, amount }]).ok()?,
                key: ready.key,
                decision,
                effective: None,
                memo: None,
                cause: Some(ready.ready),
            };
            let authorized = ledger.authorize(self.set(), chain, &request, at, &Policy::NONE);
            let Ok(Authorized::Draft(draft)) = authorized else {
                return None;
            };
            let carried = Carried::by(decision, draft.header().id());
            let lines = self.lines_with(carried.as_slice(), at)?;
            Some((draft, lines))
        })
    }

    /// Actions of decisions that may take effect and were counted right.
    pub(super) fn ready_actions(&self) -> impl Iterator<Item = ReadyAction> + '_ {
        let decisions = self.pending().map(|(_, decision)| decision);
        decisions.flat_map(|decision| self.actions_of(decision).into_iter().flatten())
    }

    /// Votes about which something may still be to be done.
    pub(super) fn pending(&self) -> impl Iterator<Item = (&RecordId, &Decision)> {
        let office = self.set().office();
        let votes = self.docket.votes();
        votes.filter_map(move |opening| Some((opening, office?.decision(opening)?)))
    }

    /// What a vote decided; none before it takes effect or where it was not
    /// counted right.
    pub(super) fn actions_of(
        &self,
        decision: &Decision,
    ) -> Option<impl Iterator<Item = ReadyAction>> {
        let ((close, _, _), ready) = decision.close().zip(decision.ready())?;
        let recount = self.governance().recount(self.set(), &close)?;
        recount.is_confirmed().then_some(())?;
        let (opening, domain) = (decision.opening(), self.set().domain());
        let actions = (0..).zip(&opening.actions);
        Some(actions.map(move |(number, action)| ReadyAction {
            proposal: opening.proposal,
            ready,
            number,
            action: *action,
            key: operation_key(domain, opening.proposal, number),
        }))
    }

    /// Strikes off what was opened, votes that are over and recorded, and forks
    /// that are.
    pub(super) fn strike_off(&mut self) {
        let done = self.pending().filter(|(opening, decision)| {
            self.is_over(decision) && self.unrecorded(opening, decision).is_empty()
        });
        let done: Vec<RecordId> = done.map(|(opening, _)| *opening).collect();
        self.docket.strike(self.replica.set(), &done);
        self.forks.strike(self.replica.set(), &self.books.audit);
    }

    /// Whether nothing can follow from a vote any more while no spine moves.
    fn is_over(&self, decision: &Decision) -> bool {
        match decision.close() {
            None => false,
            Some((_, _, Outcome::Accepted)) => {
                let actions = self.actions_of(decision);
                actions.is_some_and(|mut actions| actions.all(|ready| self.is_done(&ready)))
            }
            Some(_) => true,
        }
    }

    fn is_done(&self, ready: &ReadyAction) -> bool {
        let (set, number) = (self.set(), ready.number);
        match ready.action {
            Action::Pay { .. } => self.entry_of(ready).is_some(),
            Action::Envelope(envelope) => {
                let ledger = self.ledger(&envelope.unit);
                let drawn = ledger.and_then(|ledger| ledger.drawn(set, &ready.ready, number));
                let all = envelope.released(envelope.tranches).unsigned_abs();
                drawn.is_some_and(|drawn| drawn.paid >= all)
            }
            Action::Receive { .. } => {
                let office = set.office();
                office.is_some_and(|office| office.has_received(&ready.proposal, number))
            }
            _ => false,
        }
    }

    /// The posted payment that carried an action out.
    pub(super) fn entry_of(&self, ready: &ReadyAction) -> Option<RecordId> {
        let Action::Pay { payer, unit, .. } = ready.action else {
            return None;
        };
        self.ledger(&unit)?.payment(self.set(), &payer, &ready.key)
    }
}

/// One action that may be carried out now.
pub(super) struct ReadyAction {
    pub(super) proposal: ProposalId,
    pub(super) ready: RecordId,
    pub(super) number: u16,
    pub(super) action: Action,
    key: OperationKey,
}

const fn is_shared(owner: Owner) -> bool {
    matches!(owner, Owner::Shared(_))
}

/// Signs all of them, or says which key did not sign.
pub(super) fn sign_all(drafts: Unsigned) -> Result<Vec<Signed<Record>>, (PublicKey, SignError)> {
    let sign = |(draft, signer): (Draft, SharedSigner)| {
        let signed = draft.sign(&*signer);
        signed.map_err(|error| (signer.public_key(), error))
    };
    drafts.into_iter().map(sign).collect()
}
