//! Admission: may I author it? Asked by the author's own node only, never
//! about a record of somebody else.
//!
//! Every answer is a draft to sign or a typed refusal. Nothing is written
//! here: a refusal leaves no trace and may be asked again at any time.

use alloc::borrow::Cow;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use icn_types::authority::{Act, Open};
use icn_types::canon::List;
use icn_types::id::{ChainId, OperationKey, RecordId};
use icn_types::judge::Case;
use icn_types::record::{Attachment, Content, Draft, Place, REFS_MAX, Record};
use icn_types::set::{RecordSet, Slot};
use icn_types::time::Timestamp;
use icn_types::verdict::{Breach, Verdict};

use crate::account::{Account, LegAt, Terms};
use crate::columns::Transit;
use crate::entry::{
    Ack, DecisionRef, Entry, LEGS_MAX, Leg, LegRef, Note, Payment, Refuse, TAKEN_MAX,
};
use crate::ledger::Ledger;
use crate::legs::{self, LegId};
use crate::position;
use crate::refusal::Refusal;
use crate::rule::LedgerRule;
use crate::rules;

/// A payment that somebody wants to make.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "what a caller states")]
pub struct PaymentRequest {
    /// Who is paid how much.
    pub legs: List<Leg, 1, LEGS_MAX>,
    /// Names the operation: asking again with the same key pays once.
    pub key: OperationKey,
    /// The Ready and the number of the action that a shared account carries
    /// out.
    pub decision: Option<(RecordId, u16)>,
    /// The date that reports should use, where it is not the record's.
    pub effective: Option<Timestamp>,
    /// A text beside the record.
    pub memo: Option<Attachment>,
    /// What it is paid for, anywhere.
    pub cause: Option<RecordId>,
}

/// A payment that may be made.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "the two answers there are")]
#[expect(clippy::large_enum_variant, reason = "matched where it is returned")]
pub enum Authorized {
    /// Sign this.
    Draft(Draft),
    /// The same request was authored before: this is its payment.
    Again(RecordId),
}

impl Ledger {
    /// Whether the writer of `chain` may make a payment now.
    ///
    /// A request whose key was used answers with the first payment, or with a
    /// conflict when it asked for something else. A raise of the epoch is
    /// named along, and so are Seals where the limit needs them.
    ///
    /// # Errors
    /// [`Refusal`] when it may not. Nothing is written.
    pub fn authorize(
        &self,
        set: &RecordSet,
        chain: &ChainId,
        request: &PaymentRequest,
        at: Timestamp,
    ) -> Result<Authorized, Refusal> {
        if let Some(first) = self.account(set, chain).payment(&request.key) {
            let id = set.record(first).id();
            return if asked(set, first).as_ref() == Some(request) {
                Ok(Authorized::Again(id))
            } else {
                Err(Refusal::KeyConflict { first: id })
            };
        }
        let author = Author::of(self, set, *chain, at)?;
        let mut refs: Vec<RecordId> = request.decision.iter().map(|(ready, _)| *ready).collect();
        refs.extend(
            request
                .decision
                .and_then(|decision| author.release(decision)),
        );
        refs.extend(author.raise());
        let plain = author.pay(request, refs.clone());
        if let Err(Refusal::Limit { .. }) = plain {
            let cover = author.cover(REFS_MAX - refs.len());
            if !cover.is_empty() {
                refs.extend(cover);
                return author.pay(request, refs).map(Authorized::Draft);
            }
        }
        plain.map(Authorized::Draft)
    }

    /// Acknowledges everything that the account may take now, up to 256 legs
    /// and its ceiling. `None` when there is nothing.
    ///
    /// Legs whose sender's chain forks are left alone: a Seal will tell which
    /// branch counts.
    ///
    /// # Errors
    /// [`Refusal`] when the chain cannot be written now.
    pub fn draft_acks(
        &self,
        set: &RecordSet,
        chain: &ChainId,
        at: Timestamp,
    ) -> Result<Option<Draft>, Refusal> {
        let author = Author::of(self, set, *chain, at)?;
        let legs = author.takeable()?;
        if legs.is_empty() {
            return Ok(None);
        }
        let (refs, legs) = named(&legs)?;
        let entry = Entry::Ack(Ack {
            legs: List::new(legs).map_err(|_| Refusal::Invalid)?,
        });
        author.draft(refs, None, &entry).map(Some)
    }

    /// Sends one leg back.
    ///
    /// # Errors
    /// [`Refusal`] when the leg is not in transit to this account, or the
    /// chain cannot be written now.
    pub fn draft_refusal(
        &self,
        set: &RecordSet,
        chain: &ChainId,
        leg: LegId,
        at: Timestamp,
    ) -> Result<Draft, Refusal> {
        let author = Author::of(self, set, *chain, at)?;
        let transit = self.columns(set).transit(&leg);
        transit
            .filter(|transit| transit.payee == *chain)
            .ok_or(Refusal::NoLeg)?;
        let (refs, legs) = named(&[leg])?;
        let entry = Entry::Refuse(Refuse {
            legs: List::new(legs).map_err(|_| Refusal::Invalid)?,
        });
        author.draft(refs, None, &entry)
    }

    /// Names the newest Seals and heads that turn unsealed credit of the
    /// account into sealed credit. `None` when there are none.
    ///
    /// # Errors
    /// [`Refusal`] when the chain cannot be written now.
    pub fn draft_cover(
        &self,
        set: &RecordSet,
        chain: &ChainId,
        at: Timestamp,
    ) -> Result<Option<Draft>, Refusal> {
        let author = Author::of(self, set, *chain, at)?;
        let refs = author.cover(REFS_MAX);
        if refs.is_empty() {
            return Ok(None);
        }
        author
            .draft(refs, None, &Entry::Note(Note::default()))
            .map(Some)
    }
}

/// The writer of one chain, who may write now.
pub(crate) struct Author<'a> {
    ledger: &'a Ledger,
    set: &'a RecordSet,
    chain: ChainId,
    epoch: RecordId,
    open: &'a Open,
    account: Cow<'a, Account>,
    place: Place,
    at: Timestamp,
}

impl<'a> Author<'a> {
    pub(crate) fn of(
        ledger: &'a Ledger,
        set: &'a RecordSet,
        chain: ChainId,
        at: Timestamp,
    ) -> Result<Self, Refusal> {
        let (epoch, open) = position::epoch(set, &chain).ok_or(Refusal::NoOpen)?;
        if open.chain.topic() != ledger.topic() {
            return Err(Refusal::NoOpen);
        }
        if set.fork(&chain).is_some() {
            return Err(Refusal::Forked);
        }
        if set.is_frozen(&chain) {
            return Err(Refusal::Frozen);
        }
        let tip = set.spine(&chain).last().copied();
        if let Some(tip) = tip {
            standing(ledger, set, tip, epoch)?;
        }
        let before = tip.map(|tip| set.record(tip));
        let starts_after = open.start.tip().map(|tip| tip.head);
        match (before, starts_after) {
            (Some(before), _) if before.epoch() == Some(epoch) => {}
            (before, start) if before.map(Record::id) == start => {}
            (_, start) => {
                let record = start.unwrap_or(epoch);
                return Err(Refusal::Waiting { record });
            }
        }
        let place = Place::Entry {
            topic: ledger.topic(),
            chain,
            epoch,
            seq: before.map_or(0, |before| before.seq() + 1),
            prev: before.map(Record::id),
        };
        Ok(Self {
            ledger,
            set,
            chain,
            epoch,
            open,
            account: ledger.account(set, &chain),
            place,
            at,
        })
    }

    /// The record, if it would be Valid.
    pub(crate) fn draft(
        &self,
        refs: Vec<RecordId>,
        cause: Option<RecordId>,
        entry: &Entry,
    ) -> Result<Draft, Refusal> {
        let missing = refs.iter().copied().find(|id| self.set.find(id).is_none());
        let (kind, body) = entry.body();
        let content = Content::new(refs, cause, &body).ok_or(Refusal::Invalid)?;
        let draft = Draft::new(self.place, kind, self.at, content).ok_or(Refusal::Invalid)?;
        match self.ledger.judge.rehearse(self.set, &draft) {
            Verdict::Valid => Ok(draft),
            Verdict::Waiting => Err(Refusal::Waiting {
                record: missing.unwrap_or(self.epoch),
            }),
            Verdict::Invalid(Breach::Rule(LedgerRule::LimitFloor)) => Err(Refusal::Limit {
                spendable: self.spendable(&draft),
            }),
            Verdict::Invalid(Breach::Rule(LedgerRule::LimitGrant)) => Err(Refusal::NoGrant),
            Verdict::Invalid(Breach::Rule(rule)) => Err(Refusal::Rule(rule)),
            Verdict::Invalid(_) => Err(Refusal::Invalid),
        }
    }

    /// What a draft may spend, given what it names.
    fn spendable(&self, draft: &Draft) -> u128 {
        let prev = draft.header().prev().and_then(|id| self.set.find(&id));
        let case = Case::new(self.set, draft.header(), draft.content(), self.open, prev);
        let terms = rules::terms(&case, &self.account);
        let bounds = terms.bounds(self.open);
        bounds.map_or(0, |bounds| self.account.sums(&terms).spendable(&bounds))
    }

    /// The Release that shows how much of an envelope may be paid.
    fn release(&self, (ready, action): (RecordId, u16)) -> Option<RecordId> {
        self.ledger.drawn(self.set, &ready, action)?.release
    }

    fn pay(&self, request: &PaymentRequest, refs: Vec<RecordId>) -> Result<Draft, Refusal> {
        let refs = ordered(refs);
        let decision = match request.decision {
            Some((ready, action)) => Some(DecisionRef {
                ready: position_of(&refs, &ready)?,
                action,
            }),
            None => None,
        };
        let entry = Entry::Payment(Payment {
            legs: request.legs.clone(),
            key: request.key,
            decision,
            effective: request.effective,
            memo: request.memo,
        });
        self.draft(refs, request.cause, &entry)
    }

    /// The raise of the epoch that the chain has not named yet.
    fn raise(&self) -> Option<RecordId> {
        let floor = self.set.office()?.seat(&self.chain)?.floor()?;
        let has_begun = self.place_follows_epoch();
        let known = if has_begun {
            self.account.floor()
        } else {
            self.open.grant.map(|grant| grant.floor)
        };
        if known.is_none_or(|known| known <= floor) {
            return None;
        }
        let acts = self.set.spine(&self.set.authority()).iter().rev().copied();
        acts.map(|slot| (slot, self.set.act(slot)))
            .take_while(|(slot, _)| self.set.record(*slot).id() != self.epoch)
            .find_map(|(slot, act)| match act {
                Some(Act::Raise(raise)) if raise.open == self.epoch && raise.floor == floor => {
                    Some(self.set.record(slot).id())
                }
                _ => None,
            })
    }

    fn place_follows_epoch(&self) -> bool {
        let tip = self.set.spine(&self.chain).last();
        tip.is_some_and(|&tip| self.set.record(tip).epoch() == Some(self.epoch))
    }

    /// Legs that the account may take, up to its ceiling.
    fn takeable(&self) -> Result<Vec<LegId>, Refusal> {
        let grant = self.open.grant.ok_or(Refusal::NoGrant)?;
        let mut room = i128::from(grant.ceiling) - self.account.sums(&Terms::default()).position();
        let mut keys = BTreeMap::new();
        let mut chosen = Vec::new();
        for (leg, transit) in self.ledger.columns(self.set).incoming(self.chain) {
            let atoms = i128::from(transit.amount.get());
            if atoms <= room && self.may_take(&mut keys, leg, &transit) {
                room -= atoms;
                chosen.push(leg);
            }
            if chosen.len() == TAKEN_MAX {
                break;
            }
        }
        Ok(chosen)
    }

    /// Whether a leg in transit can be taken, and its sender does not fork.
    fn may_take(
        &self,
        keys: &mut BTreeMap<(ChainId, OperationKey), Slot>,
        leg: LegId,
        transit: &Transit,
    ) -> bool {
        if self.set.fork(&transit.payer).is_some() {
            return false;
        }
        let Some(slot) = self.set.find(&leg.record) else {
            return false;
        };
        let at = LegAt { slot, leg: leg.leg };
        let record = self.set.record(slot);
        match (Entry::of(record), record.content()) {
            (Some(Entry::Payment(payment)), _) => {
                let key = (transit.payer, payment.key);
                let first = self.account.answered(key.0, key.1);
                let first = *keys.entry(key).or_insert_with(|| first.unwrap_or(slot));
                first == slot && !self.account.has_taken(at)
            }
            (Some(Entry::Refuse(refuse)), Some(content)) => {
                let original = refuse
                    .legs
                    .get(usize::from(leg.leg))
                    .and_then(|leg| legs::taken(content, core::slice::from_ref(leg)).next());
                let payment = original.and_then(|leg| self.set.find(&leg.record));
                payment.is_some_and(|payment| self.set.on_spine(payment))
                    && !self.account.has_taken(at)
            }
            _ => false,
        }
    }

    /// Seals and heads above unsealed credit of the account, at most `room`.
    fn cover(&self, room: usize) -> Vec<RecordId> {
        let mut refs = BTreeSet::new();
        for chain in self.account.creditors() {
            let Some((seal, head)) = self.set.newest_seal(&chain) else {
                continue;
            };
            let seq = self.set.record(head).seq();
            let helps = self
                .account
                .unsealed(chain, 0, seq)
                .any(|(source, _)| self.set.on_path(source.slot, head));
            if !helps || !self.ledger.verdict(head).is_valid() {
                continue;
            }
            if refs.len() + 2 > room {
                break;
            }
            refs.insert(self.set.record(seal).id());
            refs.insert(self.set.record(head).id());
        }
        refs.into_iter().collect()
    }
}

/// Whether the chain can go on after its last record.
fn standing(ledger: &Ledger, set: &RecordSet, tip: Slot, epoch: RecordId) -> Result<(), Refusal> {
    let record = set.record(tip);
    match ledger.verdict(tip) {
        Verdict::Waiting => Err(Refusal::Waiting {
            record: record.id(),
        }),
        Verdict::Invalid(_) if record.epoch() == Some(epoch) => Err(Refusal::Ended {
            record: record.id(),
        }),
        Verdict::Valid | Verdict::Invalid(_) => Ok(()),
    }
}

/// The request that a payment was made from.
fn asked(set: &RecordSet, slot: Slot) -> Option<PaymentRequest> {
    let record = set.record(slot);
    let (Entry::Payment(payment), content) = (Entry::of(record)?, record.content()?) else {
        return None;
    };
    let decision = match payment.decision {
        Some(decision) => {
            let ready = content.refs().get(usize::from(decision.ready))?;
            Some((*ready, decision.action))
        }
        None => None,
    };
    Some(PaymentRequest {
        legs: payment.legs,
        key: payment.key,
        decision,
        effective: payment.effective,
        memo: payment.memo,
        cause: content.cause(),
    })
}

/// References in the order in which a content keeps them.
fn ordered(mut refs: Vec<RecordId>) -> Vec<RecordId> {
    refs.sort_unstable();
    refs.dedup();
    refs
}

fn position_of(refs: &[RecordId], id: &RecordId) -> Result<u16, Refusal> {
    let at = refs.binary_search(id).map_err(|_| Refusal::Invalid)?;
    u16::try_from(at).map_err(|_| Refusal::Invalid)
}

/// Refs and bodies of legs by name.
fn named(legs: &[LegId]) -> Result<(Vec<RecordId>, Vec<LegRef>), Refusal> {
    let refs = ordered(legs.iter().map(|leg| leg.record).collect());
    let legs = legs
        .iter()
        .map(|leg| {
            Ok(LegRef {
                reference: position_of(&refs, &leg.record)?,
                leg: leg.leg,
            })
        })
        .collect::<Result<Vec<_>, Refusal>>()?;
    Ok((refs, legs))
}
