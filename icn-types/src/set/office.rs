//! The office: what the authority chain has decided up to some record.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::authority::{
    Act, Action, Charter, Consent, Open, ProposalId, Recall, RollChange, VoteTerms, Voter,
    can_recall, recalls, recalls_by_key,
};
use crate::canon::to_bytes;
use crate::chain::{Chain, Owner};
use crate::hash::Hasher;
use crate::id::{ChainId, Digest, DomainId, RecordId};
use crate::key::{Inception, MemberId, PublicKey, Signature};
use crate::record::Record;
use crate::topic::Topic;

use super::decisions::{Decision, Frozen};
use super::rows::{Row, RowIndex};
use super::rule::AuthorityRule as Rule;

/// Roll, current epochs and decisions after one record of the authority chain:
/// a fold over its prev path in which Invalid records play no part.
#[derive(Debug, Clone)]
pub struct Office {
    domain: DomainId,
    community: [u8; 32],
    recovery: Vec<PublicKey>,
    roll: BTreeMap<MemberId, Inception>,
    /// Ids of the roll, shared by all openings until it changes.
    members: Arc<[MemberId]>,
    chains: BTreeMap<ChainId, Seat>,
    pub(super) decisions: BTreeMap<RecordId, Decision>,
    /// Openings by proposal.
    pub(super) opened: BTreeMap<ProposalId, RecordId>,
    /// Openings of votes that no certificate closed.
    pub(super) running: BTreeSet<RecordId>,
    /// Actions that opened an epoch for a receiver.
    received: BTreeSet<(ProposalId, u16)>,
}

/// The current epoch of one chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seat {
    open: RecordId,
    key: PublicKey,
    recovery: PublicKey,
    charged: u64,
    floor: Option<i64>,
    last_row: Option<RowIndex>,
}

impl Seat {
    /// The Open of the current epoch.
    #[must_use]
    pub const fn open(&self) -> RecordId {
        self.open
    }

    /// The key of the current epoch.
    #[must_use]
    pub const fn key(&self) -> PublicKey {
        self.key
    }

    /// Floor of the current epoch, raises included.
    #[must_use]
    pub const fn floor(&self) -> Option<i64> {
        self.floor
    }

    /// What the current Open charges.
    #[must_use]
    pub const fn charged(&self) -> u64 {
        self.charged
    }

    pub(super) const fn last_row(&self) -> Option<RowIndex> {
        self.last_row
    }
}

/// What else a rule may look at: rows and epochs of the same path.
pub(super) trait Path {
    /// A stored Open with its position on the authority chain.
    fn open(&self, id: &RecordId) -> Option<(u64, &Open)>;
    /// What a Ready lets take effect.
    fn readied(&self, ready: &RecordId) -> Option<&Frozen>;
    /// A row that one of its records wrote.
    fn row(&self, index: RowIndex) -> &Row;
}

/// The Opens that a record refs, in the order in which they were written.
pub(super) fn adopted<'p>(path: &'p impl Path, record: &Record) -> Vec<(RecordId, &'p Open)> {
    let opens = record
        .refs()
        .iter()
        .filter_map(|id| Some((path.open(id)?, *id)));
    let mut opens: Vec<_> = opens.map(|((seq, open), id)| (seq, id, open)).collect();
    opens.sort_unstable_by_key(|(seq, id, _)| (*seq, *id));
    opens.into_iter().map(|(_, id, open)| (id, open)).collect()
}

/// The Open `wanted` if it is `current` or one that `current` goes back to.
/// All of these are ancestors of a record that finds `current` in force; what
/// else is stored must not matter.
fn earlier_epoch(path: &impl Path, current: RecordId, wanted: RecordId) -> Option<&Open> {
    let (_, newest) = path.open(&current)?;
    let mut epoch = (current, newest);
    while epoch.0 != wanted {
        let prior = epoch.1.start.prior()?;
        let (_, open) = path.open(&prior)?;
        epoch = (prior, open);
    }
    Some(epoch.1)
}

/// Whether somebody else than the owner writes the epoch.
fn is_received(path: &impl Path, seat: &Seat) -> bool {
    let open = path.open(&seat.open);
    open.is_some_and(|(_, open)| matches!(open.consent, Consent::Decision { .. }))
}

impl Office {
    pub(super) fn found(domain: DomainId, charter: &Charter) -> Self {
        Self {
            domain,
            community: charter.nonce,
            recovery: charter.recovery.to_vec(),
            roll: charter
                .roll
                .iter()
                .map(|member| (member.id(), member.clone()))
                .collect(),
            members: charter.roll.iter().map(Inception::id).collect(),
            chains: BTreeMap::new(),
            decisions: BTreeMap::new(),
            opened: BTreeMap::new(),
            running: BTreeSet::new(),
            received: BTreeSet::new(),
        }
    }

    /// Members of the roll, ascending.
    pub fn roll(&self) -> impl ExactSizeIterator<Item = &Inception> {
        self.roll.values()
    }

    /// A member of the roll.
    #[must_use]
    pub fn member(&self, id: &MemberId) -> Option<&Inception> {
        self.roll.get(id)
    }

    /// Ids of the roll, ascending.
    pub(super) fn members(&self) -> Arc<[MemberId]> {
        Arc::clone(&self.members)
    }

    /// Digest of the member ids on the roll, ascending.
    #[must_use]
    pub fn roll_digest(&self) -> Digest {
        roll_digest(self.roll.keys())
    }

    /// The current epoch of a chain.
    #[must_use]
    pub fn seat(&self, chain: &ChainId) -> Option<&Seat> {
        self.chains.get(chain)
    }

    /// Every chain with an epoch.
    pub fn seats(&self) -> impl ExactSizeIterator<Item = (&ChainId, &Seat)> {
        self.chains.iter()
    }

    /// The vote that an Opening started.
    #[must_use]
    pub fn decision(&self, opening: &RecordId) -> Option<&Decision> {
        self.decisions.get(opening)
    }

    /// The Opening of a proposal. O(log n).
    #[must_use]
    pub fn opening_of(&self, proposal: &ProposalId) -> Option<RecordId> {
        self.opened.get(proposal).copied()
    }

    /// Votes that no certificate closed, by their Opening.
    pub fn running(&self) -> impl Iterator<Item = (&RecordId, &Decision)> {
        let running = self.running.iter();
        running.filter_map(|opening| Some((opening, self.decisions.get(opening)?)))
    }

    /// Every vote by its Opening.
    pub fn decisions(&self) -> impl ExactSizeIterator<Item = (&RecordId, &Decision)> {
        self.decisions.iter()
    }

    /// Whether an action of a proposal put its account into the hands of a
    /// receiver, now or before.
    #[must_use]
    pub fn has_received(&self, proposal: &ProposalId, action: u16) -> bool {
        self.received.contains(&(*proposal, action))
    }

    /// Whether a chain keeps an account, so that a receiver may write it. A
    /// receiver of any other chain would vote or act in somebody else's name.
    #[must_use]
    pub fn is_account(&self, chain: &Chain) -> bool {
        let is_anybodys = matches!(
            chain.owner(),
            Owner::Member(..) | Owner::Shared(_) | Owner::Partner(_)
        );
        is_anybodys && chain.topic() != Topic::Governance(self.domain).id()
    }

    /// The rule of the record's kind, given everything before it.
    pub(super) fn check(&self, path: &impl Path, record: &Record, act: &Act) -> Result<(), Rule> {
        match act {
            Act::Charter(_) => Ok(()),
            Act::Open(open) => self.check_open(path, record, open),
            Act::Seal(seal) => seal
                .rows
                .iter()
                .try_for_each(|row| self.check_row(path, row)),
            Act::Adopt => self.check_adopt(path, record, true),
            Act::Recall(_) => self.check_adopt(path, record, false),
            Act::Roll(change) => self.check_roll(change),
            Act::Raise(raise) => self
                .chains
                .values()
                .find(|seat| seat.open == raise.open)
                .and_then(|seat| seat.floor)
                .filter(|&floor| raise.floor < floor)
                .map_or(Err(Rule::RaiseEpoch), |_| Ok(())),
            Act::Opening(opening) => self.check_opening(opening),
            Act::Close(close) => self.check_close(record, close),
            Act::Ready(ready) => self.check_ready(record, ready.close),
            Act::Release(release) => self.check_release(record, release),
        }
    }

    fn check_open(&self, path: &impl Path, record: &Record, open: &Open) -> Result<(), Rule> {
        let seat = self.chains.get(&open.chain.id());
        if open.start.prior() != seat.map(Seat::open) {
            return Err(Rule::OpenOrder);
        }
        let (current, recovery) = match (seat, open.chain.owner()) {
            (Some(seat), _) => {
                let row = seat.last_row.map(|row| path.row(row));
                match row {
                    Some(row) if row.ends(&seat.open) && row.tip() == open.start.tip() => {}
                    _ => return Err(Rule::OpenHead),
                }
                let current = (!is_received(path, seat)).then_some(seat.key);
                (current, Some(seat.recovery))
            }
            (None, Owner::Member(id, _)) => {
                let member = self.roll.get(&id).ok_or(Rule::OpenOwner)?;
                (Some(member.key), Some(member.recovery))
            }
            (None, Owner::Registrar) => return Err(Rule::OpenOwner),
            (None, _) => (Some(open.key), None),
        };
        match open.consent {
            Consent::Current(signature) => self.check_consent(open, current, &signature),
            Consent::Recovery(signature) => self.check_consent(open, recovery, &signature),
            Consent::Decision { ready, action } => self.check_receiver(record, open, ready, action),
        }
    }

    fn check_consent(
        &self,
        open: &Open,
        key: Option<PublicKey>,
        signature: &Signature,
    ) -> Result<(), Rule> {
        let terms = to_bytes(&open.consent_terms(self.domain));
        key.ok_or(Rule::OpenConsent)?
            .verify(&terms, signature)
            .map_err(|_| Rule::OpenConsent)
    }

    /// A receiver is appointed by an action of its own, which is used up.
    fn check_receiver(
        &self,
        record: &Record,
        open: &Open,
        ready: RecordId,
        action: u16,
    ) -> Result<(), Rule> {
        let appointed = Action::Receive {
            chain: open.chain.id(),
            key: open.key,
            recovery: open.recovery,
        };
        let continues = open.start.prior().is_some();
        let opening = self
            .readied(record, &ready)
            .filter(|_| continues && self.is_account(&open.chain))
            .map(Decision::opening)
            .filter(|opening| opening.actions.get(usize::from(action)) == Some(&appointed))
            .ok_or(Rule::OpenDecision)?;
        if self.has_received(&opening.proposal, action) {
            return Err(Rule::OpenTwice);
        }
        Ok(())
    }

    fn check_row(&self, path: &impl Path, row: &crate::authority::SealRow) -> Result<(), Rule> {
        let seat = self.chains.get(&row.chain).ok_or(Rule::SealOrder)?;
        if seat.open != row.open {
            return Err(Rule::SealOrder);
        }
        if let Some(last) = seat.last_row.map(|last| path.row(last))
            && (last.ends(&row.open)
                || row.tip().map(|tip| tip.seq) < last.tip().map(|tip| tip.seq))
        {
            return Err(Rule::SealOrder);
        }
        let Some(sealed) = &row.sealed else {
            return Ok(());
        };
        let record = Record::bare(sealed.header.clone(), sealed.signature);
        let epoch = sealed
            .header
            .epoch()
            .and_then(|epoch| earlier_epoch(path, seat.open, epoch))
            .ok_or(Rule::SealHeader)?;
        if record.claim().chain() != row.chain || record.claim().topic() != epoch.chain.topic() {
            return Err(Rule::SealHeader);
        }
        record
            .verify(&epoch.key.prepare())
            .map_err(|_| Rule::SealHeader)?;
        Ok(())
    }

    /// Opens of a dropped branch that this record takes over. A Recall takes
    /// them as they are; an Adopt each after the Open in force, or in the place
    /// of its twin.
    fn check_adopt(&self, path: &impl Path, record: &Record, must_fit: bool) -> Result<(), Rule> {
        let opens = adopted(path, record);
        if opens.len() != record.refs().len() || (must_fit && opens.is_empty()) {
            return Err(Rule::AdoptOpen);
        }
        let mut current: BTreeMap<ChainId, RecordId> = BTreeMap::new();
        for (id, open) in opens {
            let chain = open.chain.id();
            let in_force = || self.chains.get(&chain).map(Seat::open);
            let before = current.get(&chain).copied().or_else(in_force);
            let follows = open.start.prior() == before;
            let replaces = || before.is_some_and(|before| self.are_twins(path, (id, open), before));
            if must_fit && !follows && !replaces() {
                return Err(Rule::AdoptOpen);
            }
            current.insert(chain, id);
        }
        Ok(())
    }

    /// Whether an Open carries the very consent that the one in force does,
    /// and no Seal has gone beyond the start of both.
    ///
    /// A registrar that forks can put one consent into an Open on each branch.
    /// The owner writes under the one that came first, which need not be the
    /// one that a Recall keeps.
    fn are_twins(&self, path: &impl Path, one: (RecordId, &Open), in_force: RecordId) -> bool {
        let (id, open) = one;
        let seat = self.chains.get(&open.chain.id());
        let last_row = seat.and_then(Seat::last_row);
        let is_unsealed = last_row.is_none_or(|row| path.row(row).tip() == open.start.tip());
        let terms = |open: &Open| open.consent_terms(self.domain);
        let consent_alike = path
            .open(&in_force)
            .is_some_and(|(_, other)| terms(other) == terms(open));
        id != in_force && consent_alike && is_unsealed
    }

    /// Whether a Recall is signed by more than two thirds of the roll, or of
    /// the recovery keys while the roll is small.
    pub(super) fn backs(&self, honoured: RecordId, recall: &Recall) -> bool {
        let by_key = recalls_by_key(self.roll.len());
        let voters = if by_key {
            self.recovery.len()
        } else {
            self.roll.len()
        };
        let terms = to_bytes(&VoteTerms {
            domain: self.domain,
            honoured,
            successor: recall.successor,
        });
        let key = |voter| match voter {
            Voter::Member(id) if !by_key => self.voting_key(&id),
            Voter::Key(number) if by_key => self.recovery.get(usize::from(number)).copied(),
            Voter::Member(_) | Voter::Key(_) => None,
        };
        // Counted first: most of a stranger's cost no check of a signature.
        recalls(recall.votes.len(), voters)
            && recall.votes.iter().all(|vote| {
                key(vote.voter).is_some_and(|key| key.verify(&terms, &vote.signature).is_ok())
            })
    }

    /// The key in force on the member's governance chain, device 0.
    fn voting_key(&self, id: &MemberId) -> Option<PublicKey> {
        let member = self.roll.get(id)?;
        let chain = Chain::new(Topic::Governance(self.domain).id(), Owner::Member(*id, 0)).id();
        Some(self.chains.get(&chain).map_or(member.key, Seat::key))
    }

    /// Whether the registrar may write a change of the roll now.
    ///
    /// # Errors
    /// [`AuthorityRule::RollMember`](Rule::RollMember) when somebody joins
    /// twice or leaves without being on the roll,
    /// [`AuthorityRule::RollRecall`](Rule::RollRecall) when the roll becomes too
    /// small or too large to recall the registrar.
    pub fn check_roll(&self, change: &RollChange) -> Result<(), Rule> {
        let joins = change.join.is_sorted_by(|a, b| a.id() < b.id())
            && change.join.iter().all(|member| {
                member.community == self.community && !self.roll.contains_key(&member.id())
            });
        let leaves = change.leave.is_sorted_by(|a, b| a < b)
            && change.leave.iter().all(|id| self.roll.contains_key(id))
            && change.leave.len() < self.roll.len() + change.join.len();
        let says_something = !(change.join.is_empty() && change.leave.is_empty());
        if !(joins && leaves && says_something) {
            return Err(Rule::RollMember);
        }
        let left = self.roll.len() + change.join.len() - change.leave.len();
        if !can_recall(left, self.recovery.len()) {
            return Err(Rule::RollRecall);
        }
        Ok(())
    }

    /// Takes in a record that passed [`check`](Self::check). `rows` are the
    /// ones that the record wrote, in the order of its own rows.
    pub(super) fn apply(
        &mut self,
        path: &impl Path,
        record: &Record,
        act: &Act,
        rows: &[(ChainId, RowIndex)],
    ) {
        match act {
            Act::Charter(_) | Act::Seal(_) => {}
            Act::Open(open) => self.seat_open(path, record.id(), open),
            Act::Adopt | Act::Recall(_) => {
                for (id, open) in adopted(path, record) {
                    self.seat_open(path, id, open);
                }
            }
            Act::Roll(change) => {
                self.roll.extend(
                    change
                        .join
                        .iter()
                        .map(|member| (member.id(), member.clone())),
                );
                for id in &change.leave {
                    self.roll.remove(id);
                }
                self.members = self.roll.keys().copied().collect();
            }
            Act::Raise(raise) => {
                for seat in self
                    .chains
                    .values_mut()
                    .filter(|seat| seat.open == raise.open)
                {
                    seat.floor = Some(raise.floor);
                }
            }
            Act::Opening(opening) => self.note_opening(record, opening),
            Act::Close(close) => self.note_close(record, close),
            Act::Ready(ready) => self.note_ready(record, ready),
            Act::Release(release) => self.note_release(record, release),
        }
        for (chain, row) in rows {
            if let Some(seat) = self.chains.get_mut(chain) {
                seat.last_row = Some(*row);
            }
        }
    }

    fn seat_open(&mut self, path: &impl Path, id: RecordId, open: &Open) {
        if let Consent::Decision { ready, action } = open.consent
            && let Some(frozen) = path.readied(&ready)
        {
            self.received.insert((frozen.opening().proposal, action));
        }
        let chain = open.chain.id();
        let last_row = self.chains.get(&chain).and_then(|seat| seat.last_row);
        self.chains.insert(
            chain,
            Seat {
                open: id,
                key: open.key,
                recovery: open.recovery,
                charged: open.charged,
                floor: open.grant.map(|grant| grant.floor),
                last_row,
            },
        );
    }
}

fn roll_digest<'a>(members: impl Iterator<Item = &'a MemberId>) -> Digest {
    let mut hasher = Hasher::new();
    hasher.update(b"icn/types/roll-digest/v1");
    for id in members {
        hasher.update(id.as_bytes());
    }
    Digest::from_bytes(hasher.finish())
}
