//! Admission: which records are well-formed relative to a set.

use alloc::borrow::Cow;

use crate::authority::{Act, Open};
use crate::error::{Coded, Fault};
use crate::id::{ChainId, RecordId, TopicId};
use crate::key::{BadSignature, PublicKey, VerifyingKey};
use crate::record::{Kind, Place, Record};
use crate::sign::{Signed, Unverified};
use crate::verdict::Verdict;

use super::RecordSet;
use super::arena::{EpochNumber, Slot};

/// Why a record is not stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The record before it is not stored, or a Recall honours one that waits;
    /// ask for that one first.
    #[error("record {0} before it is missing")]
    MissingPrev(RecordId),
    /// The Open, charter or Recall of its epoch is not stored with content, or
    /// is a Recall that waits; ask for that one first. Without an Open nothing
    /// of a chain is stored.
    #[error("record {0} that sets its key is missing")]
    MissingEpoch(RecordId),
    /// A charter or Recall came without the content that states its key.
    #[error("content that states the signing key is missing")]
    MissingContent,
    /// A charter of another domain.
    #[error("charter founds another domain")]
    Domain,
    /// The record named as its epoch sets no key for this chain and topic.
    #[error("epoch sets no key for this chain and topic")]
    Epoch,
    /// Chain or position do not follow the record before it.
    #[error("chain or position do not follow the record before it")]
    Place,
    /// The signature does not fit the key of its epoch.
    #[error("signature does not fit the key of the epoch")]
    Signature,
    /// A Recall honours a head that is not Valid, or its votes are not more
    /// than two thirds of the roll there.
    #[error("recall is not signed by more than two thirds")]
    Recall,
    /// The set holds as many records as it can.
    #[error("set is full")]
    Full,
}

impl Refusal {
    /// The record to ask for, when asking helps.
    #[must_use]
    pub const fn missing(&self) -> Option<RecordId> {
        match self {
            Self::MissingPrev(id) | Self::MissingEpoch(id) => Some(*id),
            _ => None,
        }
    }
}

impl Coded for Refusal {
    fn code(&self) -> &'static str {
        match self {
            Self::MissingPrev(_) => "set.missing.prev",
            Self::MissingEpoch(_) => "set.missing.epoch",
            Self::MissingContent => "set.missing.content",
            Self::Domain => "set.domain",
            Self::Epoch => "set.epoch",
            Self::Place => "set.place",
            Self::Signature => "set.signature",
            Self::Recall => "set.recall",
            Self::Full => "set.full",
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::Full => Fault::Environment,
            _ => Fault::Peer,
        }
    }
}

impl From<BadSignature> for Refusal {
    fn from(_: BadSignature) -> Self {
        Self::Signature
    }
}

/// The key that must have signed a record for it to be stored.
#[derive(Clone, Debug)]
pub struct Signatory<'a>(Cow<'a, VerifyingKey>);

impl Signatory<'_> {
    /// The key, ready for a check elsewhere, for example on another thread.
    #[must_use]
    pub fn key(&self) -> &VerifyingKey {
        &self.0
    }
}

/// Where a record would stand, and whose signature it needs.
struct Placed<'a> {
    signatory: Signatory<'a>,
    prev: Option<Slot>,
    /// The epoch, if it is one with an Open.
    epoch: Option<EpochNumber>,
}

/// The key of an epoch and the chain that it writes.
#[derive(Debug, Clone)]
pub(super) struct Epoch {
    id: RecordId,
    slot: Slot,
    chain: ChainId,
    topic: TopicId,
    key: VerifyingKey,
    open: Option<Open>,
}

/// The key that the body of a charter or Recall states.
fn stated_key(record: &Record) -> Option<VerifyingKey> {
    match Act::read(record.kind(), record.content()?).ok()?? {
        Act::Charter(charter) => Some(charter.registrar.prepare()),
        Act::Recall(recall) => Some(recall.successor.prepare()),
        _ => None,
    }
}

impl Epoch {
    /// The epoch that a record starts, if it starts one and its body is here.
    pub(super) fn of(slot: Slot, record: &Record) -> Option<Self> {
        if record.kind() == Kind::OPEN {
            let open: Open = record.content()?.read().ok()?;
            return Some(Self {
                id: record.id(),
                slot,
                chain: open.chain.id(),
                topic: open.chain.topic(),
                key: open.key.prepare(),
                open: Some(open),
            });
        }
        let starts_one = matches!(record.kind(), Kind::CHARTER | Kind::RECALL);
        Some(Self {
            id: record.id(),
            slot,
            chain: record.chain(),
            topic: record.topic(),
            key: starts_one.then(|| stated_key(record)).flatten()?,
            open: None,
        })
    }

    /// The record that starts it.
    pub(super) const fn slot(&self) -> Slot {
        self.slot
    }

    /// The name of that record.
    pub(super) const fn id(&self) -> RecordId {
        self.id
    }

    /// The chain that it writes.
    pub(super) const fn chain(&self) -> ChainId {
        self.chain
    }

    pub(super) const fn public_key(&self) -> PublicKey {
        self.key.public_key()
    }

    pub(super) const fn open(&self) -> Option<&Open> {
        self.open.as_ref()
    }
}

impl RecordSet {
    /// The key that must have signed `record`.
    ///
    /// It asks for everything that well-formedness asks but the signature, so
    /// the check itself can happen anywhere.
    ///
    /// # Errors
    /// [`Refusal`]: something to ask for first, or the fault of its sender.
    pub fn signatory(&self, record: &Record) -> Result<Signatory<'_>, Refusal> {
        self.place(record).map(|place| place.signatory)
    }

    /// Checks and adds a record as it arrived.
    ///
    /// # Errors
    /// [`Refusal`] as [`signatory`](Self::signatory) says, or a bad signature.
    pub fn receive(&mut self, record: Unverified<Record>) -> Result<super::Added, Refusal> {
        let Placed {
            signatory,
            prev,
            epoch,
        } = self.place(record.claim())?;
        let record = record.verify(signatory.key())?.into_inner();
        self.take(record, prev, epoch)
    }

    /// Adds a record that was verified before it was stored; its signature is
    /// not checked again.
    pub(crate) fn readmit(&mut self, record: Record) -> Result<super::Added, Refusal> {
        let Placed { prev, epoch, .. } = self.place(&record)?;
        self.take(record, prev, epoch)
    }

    /// Adds a verified record at its place.
    fn take(
        &mut self,
        record: Record,
        prev: Option<Slot>,
        epoch: Option<EpochNumber>,
    ) -> Result<super::Added, Refusal> {
        if let Some(slot) = self.find(&record.id()) {
            return Ok(self.complete(slot, record));
        }
        self.check_backing(&record, prev)?;
        self.add(record, prev, epoch)
    }

    /// The votes are what a Recall is signed with: its own key is anybody's.
    /// Without enough of them it is nobody's record and is not stored, so that
    /// a stranger can neither fill the set nor bend the authority chain. They
    /// count by what the honoured head and its ancestors say, so every set
    /// that comes to know these decides alike.
    pub(super) fn check_backing(
        &mut self,
        record: &Record,
        honoured: Option<Slot>,
    ) -> Result<(), Refusal> {
        if record.kind() != Kind::RECALL {
            return Ok(());
        }
        let honoured = honoured.ok_or(Refusal::Recall)?;
        if self.registry.is_backed(&self.arena, honoured, record) {
            Ok(())
        } else {
            Err(Refusal::Recall)
        }
    }

    /// Where a verified record goes: after which stored one, in which epoch.
    pub(super) fn admit(
        &self,
        record: &Signed<Record>,
    ) -> Result<(Option<Slot>, Option<EpochNumber>), Refusal> {
        let place = self.place(record)?;
        if place.signatory.key().public_key() != record.key() {
            return Err(Refusal::Signature);
        }
        Ok((place.prev, place.epoch))
    }

    /// The key that must have signed a record, and where it would stand.
    fn place(&self, record: &Record) -> Result<Placed<'_>, Refusal> {
        let stated = |prev| {
            let key = stated_key(record).ok_or(Refusal::MissingContent)?;
            Ok(Placed {
                signatory: Signatory(Cow::Owned(key)),
                prev,
                epoch: None,
            })
        };
        match record.header().place() {
            Place::Founding => {
                if record.id().as_bytes() != self.domain().as_bytes() {
                    return Err(Refusal::Domain);
                }
                stated(None)
            }
            Place::Succession { .. } => {
                if record.chain() != self.authority || record.topic() != self.authority_topic {
                    return Err(Refusal::Epoch);
                }
                let prev = self.follows(record, self.before(record))?;
                match prev.map(|prev| (prev, self.verdict(prev))) {
                    Some((_, Verdict::Valid)) => stated(prev),
                    Some((prev, Verdict::Waiting)) => {
                        Err(Refusal::MissingPrev(self.arena.id(prev)))
                    }
                    Some((_, Verdict::Invalid(_))) | None => Err(Refusal::Recall),
                }
            }
            Place::Entry { epoch, .. } => {
                let before = self.before(record);
                let (known, number) = match self.going_on(*epoch, before) {
                    Some((known, number)) => (known, Some(number)),
                    None => (self.epoch(*epoch)?, self.arena.epoch_number(epoch)),
                };
                if known.chain != record.chain() || known.topic != record.topic() {
                    return Err(Refusal::Epoch);
                }
                let prev = match before {
                    // Of the same epoch, so of the same chain.
                    Some(prev) if number.is_some() && self.arena.node(prev).epoch == number => {
                        self.is_next(record, prev)?
                    }
                    _ => {
                        let prev = self.follows(record, before)?;
                        self.continues(record, prev, *epoch, known)?;
                        prev
                    }
                };
                Ok(Placed {
                    signatory: Signatory(Cow::Borrowed(&known.key)),
                    prev,
                    epoch: number.filter(|_| known.open.is_some()),
                })
            }
        }
    }

    /// The stored record before this one.
    fn before(&self, record: &Record) -> Option<Slot> {
        self.find(&record.prev()?)
    }

    /// Whether a record under the Open `id` goes on in the epoch of the one
    /// before it. Looks at what neither of them says.
    #[must_use]
    pub fn goes_on(&self, id: RecordId, before: Option<Slot>) -> bool {
        self.going_on(id, before).is_some()
    }

    /// The epoch of a record that goes on in the one before it, without a
    /// search.
    pub(super) fn going_on(
        &self,
        id: RecordId,
        before: Option<Slot>,
    ) -> Option<(&Epoch, EpochNumber)> {
        let number = self.arena.node(before?).epoch?;
        let epoch = self.arena.numbered_epoch(number)?;
        (epoch.id == id).then_some((epoch, number))
    }

    /// The key and chain of an epoch. Whoever wants may sign a Recall with a
    /// key of their own, so it starts an epoch only once it is Valid.
    fn epoch(&self, id: RecordId) -> Result<&Epoch, Refusal> {
        if let Some(epoch) = self.arena.epoch(&id)
            && epoch.open.is_some()
        {
            return Ok(epoch);
        }
        let slot = self.find(&id).ok_or(Refusal::MissingEpoch(id))?;
        let is_act = self.chain(slot) == self.authority;
        // Whoever wants may name any record as an epoch: what it says is looked
        // at only where it may be one.
        if is_act && self.record(slot).kind() == Kind::RECALL {
            match self.verdict(slot) {
                Verdict::Valid => {}
                Verdict::Waiting => return Err(Refusal::MissingEpoch(id)),
                Verdict::Invalid(_) => return Err(Refusal::Epoch),
            }
        }
        match self.arena.epoch(&id) {
            Some(epoch) => Ok(epoch),
            // Its content is here and states no key for anybody.
            None if !self.is_bare(slot) => Err(Refusal::Epoch),
            None => Err(Refusal::MissingEpoch(id)),
        }
    }

    /// The record before it: stored, of the same chain, one position below.
    fn follows(&self, record: &Record, before: Option<Slot>) -> Result<Option<Slot>, Refusal> {
        let Some(id) = record.prev() else {
            return Ok(None);
        };
        let prev = before.ok_or(Refusal::MissingPrev(id))?;
        if self.chain(prev) == record.chain() {
            self.is_next(record, prev)
        } else {
            Err(Refusal::Place)
        }
    }

    /// A record of the same chain stands one position below.
    fn is_next(&self, record: &Record, prev: Slot) -> Result<Option<Slot>, Refusal> {
        let next = self.arena.node(prev).seq.checked_add(1);
        if next == Some(record.seq()) {
            Ok(Some(prev))
        } else {
            Err(Refusal::Place)
        }
    }

    /// The record before it belongs to the same epoch, or is the one at which
    /// the epoch starts.
    fn continues(
        &self,
        record: &Record,
        before: Option<Slot>,
        epoch: RecordId,
        known: &Epoch,
    ) -> Result<(), Refusal> {
        let prev = record.prev();
        let same_epoch = before.is_some_and(|slot| self.arena.epoch_id(slot) == Some(epoch));
        let starts = match &known.open {
            Some(open) => match open.start.tip() {
                Some(tip) => prev == Some(tip.head) && tip.seq.checked_add(1) == Some(record.seq()),
                None => prev.is_none(),
            },
            None => prev == Some(epoch),
        };
        if same_epoch || starts {
            Ok(())
        } else {
            Err(Refusal::Place)
        }
    }
}
