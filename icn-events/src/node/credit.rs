//! Requests about credit: what a registrar grants to the devices of a member,
//! and what the member agrees to.
//!
//! A member may owe so much with all devices together: the registrar's host
//! states that limit with each request, also where it
//! [opens](Node::open_chain) an account. Two nodes take part in moving credit:
//! the member's signs the terms, the registrar's writes the acts, all of them in
//! one commit. The signature travels between the two in whatever way the hosts
//! like.

use icn_ledger::Ledger;
use icn_ledger::member::{CreditRefusal, Move};
use icn_types::amount::Amount;
use icn_types::authority::{Act, Consent, Open, Raise};
use icn_types::canon::to_bytes;
use icn_types::host::Batch;
use icn_types::id::{ChainId, RecordId, UnitId};
use icn_types::key::{PublicKey, Signature};
use icn_types::record::Draft;
use icn_types::resume::Standing;
use icn_types::set::RecordSet;
use icn_types::time::Times;
use icn_types::verdict::Verdict;

use super::agreed::Agreed;
use super::author::{AuthorError, Authored};
use super::epoch::check_consent;
use super::error::NodeError;
use super::{Node, SharedSigner};

/// Credit that goes from one device of a member to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "what a caller states")]
pub struct CreditMove {
    /// The account that has less credit then.
    pub from: ChainId,
    /// The account that has more.
    pub to: ChainId,
    /// How much.
    pub amount: Amount,
}

impl CreditMove {
    fn plan(&self, ledger: &Ledger, set: &RecordSet, limit: u64) -> Result<Move, CreditRefusal> {
        ledger.plan_move(set, (&self.from, &self.to), self.amount, limit)
    }
}

impl Node {
    /// As registrar, lowers the floor of a member's account, so that all of its
    /// devices together may owe `limit` atoms at most. A floor that is in force
    /// already is answered with the record that set it.
    ///
    /// # Errors
    /// [`AuthorError`] when it is refused or the node fails.
    pub async fn raise_credit(
        &mut self,
        unit: &UnitId,
        chain: &ChainId,
        floor: i64,
        limit: u64,
        times: Times,
    ) -> Result<Authored, AuthorError> {
        self.ready()?;
        let ledger = self.credit_ledger(unit)?;
        let seat = self.set().office().and_then(|office| office.seat(chain));
        let seat = seat.ok_or(CreditRefusal::NoMember)?;
        let open = seat.open();
        let raise = Raise { open, floor };
        if seat.floor() == Some(floor) {
            return Ok(Authored::Again(self.raised_by(&raise)));
        }
        ledger.admit_raise(self.set(), &raise, limit)?;
        self.author_acts(&[Act::Raise(raise)], times).await
    }

    /// Signs that a device gives up credit to another one of its member. From
    /// then on its account rests, also over a restart, until the epoch with
    /// less credit is open or the owner [withdraws](Self::withdraw). The
    /// signature is handed out after that is durable.
    ///
    /// # Errors
    /// [`AuthorError`] when it is refused or the node fails.
    pub async fn agree_to_move(
        &mut self,
        unit: &UnitId,
        request: &CreditMove,
    ) -> Result<Signature, AuthorError> {
        self.ready()?;
        let ledger = self.credit_ledger(unit)?;
        let plan = request.plan(ledger, self.set(), u64::MAX)?;
        let terms = plan.terms(self.set());
        let signer = match self.writer(&request.from) {
            // Asked again, it signs the same terms again.
            Err(AuthorError::Agreed(_)) => self.signer_of(&request.from).cloned(),
            other => Some(other?),
        };
        let signer = signer.ok_or(AuthorError::NoKey(request.from))?;
        self.sound()?;
        let signature = signer.sign(&to_bytes(&terms)).map_err(NodeError::from)?;
        if let Some(ends) = terms.start.prior() {
            self.rest(request.from, ends).await?;
        }
        Ok(signature)
    }

    /// Lets a chain rest until the epoch under this Open has ended.
    pub(super) async fn rest(&mut self, chain: ChainId, ends: RecordId) -> Result<(), NodeError> {
        let mut batch = Batch::new();
        Agreed::put(&mut batch, chain, ends)?;
        self.journal.commit(batch).await?;
        self.agreed.insert(chain, ends);
        Ok(())
    }

    /// Lets a chain go on whose owner agreed to a next epoch that did not come.
    /// A registrar that has the signature can still end the epoch where it was
    /// signed: what is written from now on is void then, and has to be written
    /// again. A chain that does not rest is left as it is.
    ///
    /// # Errors
    /// [`AuthorError::Node`] when the node fails.
    pub async fn withdraw(&mut self, chain: &ChainId) -> Result<(), AuthorError> {
        self.ready()?;
        let mut batch = Batch::new();
        Agreed::delete(&mut batch, *chain).map_err(NodeError::from)?;
        self.journal.commit(batch).await?;
        self.agreed.remove(chain);
        self.watch.wake(chain);
        Ok(())
    }

    /// As registrar, moves credit between two devices of a member: Seal, Open
    /// and Raise in one commit, or none of them. Together the devices never have
    /// more credit than before, nor may they owe more than `limit` atoms. What
    /// was agreed to is carried out once; answers with the Open.
    ///
    /// # Errors
    /// [`AuthorError`] when it is refused or the node fails.
    pub async fn move_credit(
        &mut self,
        unit: &UnitId,
        request: &CreditMove,
        consent: Signature,
        limit: u64,
        times: Times,
    ) -> Result<Authored, AuthorError> {
        self.ready()?;
        let ledger = self.credit_ledger(unit)?;
        let consent = Consent::Current(consent);
        if let Some(open) = self.epoch_with(&request.from, |open| open.consent == consent) {
            return Ok(Authored::Again(open));
        }
        let plan = request.plan(ledger, self.set(), limit)?;
        let seat = self
            .set()
            .office()
            .and_then(|office| office.seat(&request.from));
        let before = seat.and_then(|seat| self.set().open(&seat.open()));
        let before = before.ok_or(CreditRefusal::Devices)?;
        check_consent(&plan.terms(self.set()), before, consent)?;
        let signer = self.registrar()?;
        let at = self.not_before_tip(&self.set().authority(), times.now);
        let drafts = plan.drafts(self.set(), consent, at);
        let drafts = drafts.ok_or(AuthorError::NoPlace)?;
        let open = drafts[1].header().id();
        self.write_acts(drafts.into(), &signer, times).await?;
        Ok(Authored::New(open))
    }

    /// Writes acts at the end of the authority chain in one commit, if all of
    /// them would be Valid. Answers with the last one.
    pub(super) async fn author_acts(
        &mut self,
        acts: &[Act],
        times: Times,
    ) -> Result<Authored, AuthorError> {
        let signer = self.registrar()?;
        let at = self.not_before_tip(&self.set().authority(), times.now);
        let drafts = self.draft_acts(acts, at).ok_or(AuthorError::NoPlace)?;
        let last = drafts.last().map(|draft| draft.header().id());
        let last = last.ok_or(AuthorError::NoPlace)?;
        self.write_acts(drafts, &signer, times).await?;
        Ok(Authored::New(last))
    }

    /// An Invalid act would end the registrar's epoch, so that all of them are
    /// rehearsed before the first one is signed.
    pub(super) async fn write_acts(
        &mut self,
        drafts: Vec<Draft>,
        signer: &SharedSigner,
        times: Times,
    ) -> Result<(), AuthorError> {
        match self.set().rehearse_all(&drafts) {
            Verdict::Valid => {}
            Verdict::Waiting => return Err(AuthorError::NoPlace),
            Verdict::Invalid(breach) => return Err(AuthorError::Act(breach)),
        }
        self.sound()?;
        let records = drafts.into_iter().map(|draft| draft.sign(&**signer));
        let records = records.collect::<Result<_, _>>().map_err(NodeError::from)?;
        self.store_signed(records, times).await
    }

    /// The registrar's signer, if this node has it and may write now.
    pub(super) fn registrar(&self) -> Result<SharedSigner, AuthorError> {
        let chain = self.set().authority();
        let key = self.set().registrar();
        let signer = key.and_then(|key| self.signer_with(key));
        let signer = signer.ok_or(AuthorError::NoKey(chain))?;
        let standing = self.standing(&chain);
        if standing != Standing::Confirmed {
            return Err(AuthorError::Unconfirmed { chain, standing });
        }
        Ok(signer.clone())
    }

    pub(super) fn signer_with(&self, key: PublicKey) -> Option<&SharedSigner> {
        let mut signers = self.signers.iter();
        signers.find(|signer| signer.public_key() == key)
    }

    /// Whether an Open keeps a member within `limit` atoms. Of a chain that is no
    /// account of a member it says nothing.
    pub(super) fn admit_credit(&self, open: &Open, limit: u64) -> Result<(), CreditRefusal> {
        let ledger = self.books.ledger_in(open.chain.topic());
        match ledger.filter(|_| open.chain.owner().member().is_some()) {
            Some(ledger) => ledger.admit_open(self.set(), open, limit),
            None => Ok(()),
        }
    }

    fn credit_ledger(&self, unit: &UnitId) -> Result<&Ledger, AuthorError> {
        self.ledger(unit).ok_or(AuthorError::NoUnit(*unit))
    }

    /// The newest epoch of a chain that is as asked.
    pub(super) fn epoch_with(
        &self,
        chain: &ChainId,
        is_it: impl Fn(&Open) -> bool,
    ) -> Option<RecordId> {
        let set = self.set();
        let mut next = set.office()?.seat(chain).map(|seat| seat.open());
        while let Some(id) = next {
            let open = set.open(&id)?;
            if is_it(open) {
                return Some(id);
            }
            next = open.start.prior();
        }
        None
    }

    /// The record that set the floor of an epoch: a Raise, or its Open.
    fn raised_by(&self, raise: &Raise) -> RecordId {
        let by = self.written(|act| *act == Act::Raise(*raise));
        by.unwrap_or(raise.open)
    }
}
