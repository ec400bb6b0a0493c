//! Requests about epochs: another key, other limits, a frozen chain, a chain
//! that forked.
//!
//! All of them are a final Seal and a next Open. The owner signs the terms, with
//! the key that writes the chain or with the recovery key; the registrar's node
//! writes both acts in one commit.

use icn_types::authority::{
    Act, Consent, ConsentTerms, FORMAT, Finality, Grant, Open, Seal, SealRow, Start, Tip,
};
use icn_types::canon::{List, to_bytes};
use icn_types::id::{ChainId, RecordId};
use icn_types::key::PublicKey;
use icn_types::resume::Standing;
use icn_types::set::Seat;
use icn_types::time::Times;

use super::author::{AuthorError, Authored};
use super::error::NodeError;
use super::{Node, SharedSigner};

/// The next epoch of a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "what a caller states")]
pub struct EpochRequest {
    /// The chain.
    pub chain: ChainId,
    /// The key that writes it from then on.
    pub key: PublicKey,
    /// The key that may replace the other when it is lost.
    pub recovery: PublicKey,
    /// Credit, for an account.
    pub grant: Option<Grant>,
}

impl Node {
    /// Signs the terms of a next epoch: with the key that writes the chain, if
    /// this node has it, or with its recovery key. The chain ends where this
    /// node knows it to end, and rests from then on, also over a restart, until
    /// the next epoch is open or the owner [withdraws](Self::withdraw).
    ///
    /// # Errors
    /// [`AuthorError::NoKey`] with neither key or for a chain that was never
    /// opened, [`AuthorError::Unconfirmed`] while others have not confirmed
    /// where the chain ends, or [`AuthorError::Node`].
    pub async fn agree_to_epoch(&mut self, request: &EpochRequest) -> Result<Consent, AuthorError> {
        self.ready()?;
        let chain = request.chain;
        let (seat, open) = self.epoch(&chain).ok_or(AuthorError::NoKey(chain))?;
        let ends = seat.open();
        let terms = to_bytes(&self.terms(request, seat, open));
        let standing = self.standing(&chain);
        self.sound()?;
        let sign = |signer: &SharedSigner| signer.sign(&terms).map_err(NodeError::from);
        let owner = self.signer_with(open.key).filter(|_| !is_received(open));
        let Some(owner) = owner else {
            let recovery = self.signer_with(open.recovery);
            let recovery = recovery.ok_or(AuthorError::NoKey(chain))?;
            return Ok(Consent::Recovery(sign(recovery)?));
        };
        if !matches!(standing, Standing::Confirmed | Standing::Forked) {
            return Err(AuthorError::Unconfirmed { chain, standing });
        }
        let signature = sign(owner)?;
        self.rest(chain, ends).await?;
        Ok(Consent::Current(signature))
    }

    /// As registrar, ends the epoch of a chain and opens the next one as its
    /// owner agreed to. A member may owe `limit` atoms at most with all devices
    /// together; of other chains it says nothing. An account is charged with
    /// what is claimed of it. What was agreed to is carried out once, and both
    /// acts are written or neither.
    ///
    /// # Errors
    /// [`AuthorError::Terms`] when the owner agreed to something else, or at
    /// another last record than the one that is known here;
    /// [`AuthorError::Credit`] above the limit; [`AuthorError::Claimed`] when more
    /// is claimed of the account than an Open can charge; others when it is refused
    /// or the node fails.
    pub async fn open_epoch(
        &mut self,
        request: &EpochRequest,
        consent: Consent,
        limit: u64,
        times: Times,
    ) -> Result<Authored, AuthorError> {
        self.ready()?;
        let chain = request.chain;
        if let Some(open) = self.epoch_with(&chain, |open| open.consent == consent) {
            return Ok(Authored::Again(open));
        }
        let (seat, before) = self.epoch(&chain).ok_or(AuthorError::Terms(chain))?;
        let terms = self.terms(request, seat, before);
        check_consent(&terms, before, consent)?;
        let next = Open {
            key: request.key,
            recovery: request.recovery,
            start: terms.start,
            grant: request.grant,
            consent,
            ..before.clone()
        };
        self.admit_credit(&next, limit)?;
        let mut acts = Vec::new();
        if !self.set().is_frozen(&chain) {
            acts.push(self.final_seal(&chain, seat).ok_or(AuthorError::NoPlace)?);
        }
        let open = self.charged(&chain, next)?;
        acts.push(Act::Open(open));
        self.author_acts(&acts, times).await
    }

    /// As registrar, freezes a chain: a final Seal at the furthest record that
    /// is Valid. Only a [next epoch](Self::open_epoch) continues it.
    ///
    /// # Errors
    /// [`AuthorError::NoKey`] for a chain that was never opened, and on a node
    /// that is not the registrar's; others when it is refused or the node fails.
    pub async fn freeze(&mut self, chain: &ChainId, times: Times) -> Result<Authored, AuthorError> {
        self.ready()?;
        let (seat, _) = self.epoch(chain).ok_or(AuthorError::NoKey(*chain))?;
        if let Some(by) = self.frozen_by(chain, seat) {
            return Ok(Authored::Again(by));
        }
        let seal = self.final_seal(chain, seat);
        let seal = seal.ok_or(AuthorError::NoPlace)?;
        self.author_acts(&[seal], times).await
    }

    fn epoch(&self, chain: &ChainId) -> Option<(&Seat, &Open)> {
        let seat = self.set().office()?.seat(chain)?;
        Some((seat, self.set().open(&seat.open())?))
    }

    /// What the owner of a chain signs for a next epoch.
    fn terms(&self, request: &EpochRequest, seat: &Seat, open: &Open) -> ConsentTerms {
        let chain = open.chain.id();
        let sealed = || self.sealed_head(&chain);
        let after_seal = self.set().next_start(&chain);
        let start = after_seal.unwrap_or_else(|| Start::After {
            prior: seat.open(),
            tip: sealed().map(|sealed| Tip {
                seq: sealed.header.seq(),
                head: sealed.header.id(),
            }),
        });
        ConsentTerms {
            domain: self.set().domain(),
            chain,
            start,
            key: request.key,
            recovery: request.recovery,
            format: FORMAT,
            grant: request.grant,
        }
    }

    /// A final Seal at the furthest head that is Valid and posted. `None` while
    /// the chain was sealed further than this node holds it.
    pub(super) fn final_seal(&self, chain: &ChainId, seat: &Seat) -> Option<Act> {
        (!self.lags(chain)).then_some(())?;
        let row = SealRow {
            chain: *chain,
            open: seat.open(),
            sealed: self.sealed_head(chain),
            finality: Finality::Final,
        };
        let rows = List::new([row]).ok()?;
        Some(Act::Seal(Seal { rows }))
    }

    /// The same Open, which charges an account with what is claimed of it. Fails
    /// when that is more than an Open can state.
    pub(super) fn charged(&self, chain: &ChainId, open: Open) -> Result<Open, AuthorError> {
        let set = self.set();
        let ledger = self.books.ledger_of(set, chain);
        let query = ledger.and_then(|ledger| self.books.query(set, &ledger.unit().id()));
        let claims = query.map(|query| query.claims_of(chain));
        let claimed = claims.as_ref().map_or(0, |claims| claims.claimed);
        let charged = u64::try_from(claimed);
        let chain = *chain;
        Ok(Open {
            format: FORMAT,
            charged: charged.map_err(|_| AuthorError::Claimed { chain, claimed })?,
            claims: claims.and_then(|claims| claims.digest()),
            ..open
        })
    }

    /// The Seal that ended an epoch for good.
    fn frozen_by(&self, chain: &ChainId, seat: &Seat) -> Option<RecordId> {
        self.set().is_frozen(chain).then_some(())?;
        self.written(|act| match act {
            Act::Seal(seal) => {
                let mut rows = seal.rows.iter();
                rows.any(|row| row.open == seat.open() && row.finality == Finality::Final)
            }
            _ => false,
        })
    }
}

/// A receiver hands over to nobody; the recovery key ends it.
pub(super) const fn is_received(open: &Open) -> bool {
    matches!(open.consent, Consent::Decision { .. })
}

/// Whether the owner of an epoch signed the terms of the next one.
pub(super) fn check_consent(
    terms: &ConsentTerms,
    before: &Open,
    consent: Consent,
) -> Result<(), AuthorError> {
    let (key, signature) = match consent {
        Consent::Current(signature) if !is_received(before) => (before.key, signature),
        Consent::Recovery(signature) => (before.recovery, signature),
        Consent::Current(_) | Consent::Decision { .. } => {
            return Err(AuthorError::Terms(terms.chain));
        }
    };
    let verified = key.verify(&to_bytes(terms), &signature);
    verified.map_err(|_| AuthorError::Terms(terms.chain))
}
