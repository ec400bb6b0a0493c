//! The office: what the authority chain has decided up to some record.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::authority::{
    Act, Charter, Close, Open, Opening, Outcome, ProposalId, Recall, RollChange, VoteTerms, Voter,
    can_recall, recalls, recalls_by_key,
};
use crate::canon::to_bytes;
use crate::chain::{Chain, Owner};
use crate::hash::Hasher;
use crate::id::{ChainId, Digest, DomainId, RecordId};
use crate::key::{Inception, MemberId, PublicKey};
use crate::record::Record;
use crate::time::Timestamp;
use crate::topic::Topic;

use super::rows::{RowIndex, Rows};
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
    decisions: BTreeMap<RecordId, Decision>,
    opened: BTreeSet<ProposalId>,
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

/// How far one opening has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    opening: Opening,
    at: Timestamp,
    close: Option<(RecordId, Timestamp, Outcome)>,
    ready: Option<RecordId>,
}

impl Decision {
    /// What the opening froze.
    #[must_use]
    pub const fn opening(&self) -> &Opening {
        &self.opening
    }

    /// When the opening claims to have been written.
    #[must_use]
    pub const fn at(&self) -> Timestamp {
        self.at
    }

    /// The certificate: its record, its stated time and its outcome.
    #[must_use]
    pub const fn close(&self) -> Option<(RecordId, Timestamp, Outcome)> {
        self.close
    }

    /// The record that lets it take effect.
    #[must_use]
    pub const fn ready(&self) -> Option<RecordId> {
        self.ready
    }
}

/// What an Opening froze: a function of its own path, whatever the office in
/// force has decided since.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frozen {
    opening: Opening,
    at: Timestamp,
    roll: Arc<[MemberId]>,
}

impl Frozen {
    pub(super) const fn new(opening: Opening, at: Timestamp, roll: Arc<[MemberId]>) -> Self {
        Self { opening, at, roll }
    }

    /// The body of the Opening.
    #[must_use]
    pub const fn opening(&self) -> &Opening {
        &self.opening
    }

    /// When it claims to have been written.
    #[must_use]
    pub const fn at(&self) -> Timestamp {
        self.at
    }

    /// The roll on the record date, ascending.
    #[must_use]
    pub fn roll(&self) -> &[MemberId] {
        &self.roll
    }

    /// Whether the member may vote. O(log n) in the roll.
    #[must_use]
    pub fn is_on_roll(&self, member: &MemberId) -> bool {
        self.roll.binary_search(member).is_ok()
    }
}

/// What else a rule may look at: rows and epochs of the same path.
pub(super) trait Path {
    /// A stored Open with its position on the authority chain.
    fn open(&self, id: &RecordId) -> Option<(u64, &Open)>;
    fn rows(&self) -> &Rows;
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
            opened: BTreeSet::new(),
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

    /// Every vote by its Opening.
    pub fn decisions(&self) -> impl ExactSizeIterator<Item = (&RecordId, &Decision)> {
        self.decisions.iter()
    }

    /// The rule of the record's kind, given everything before it.
    pub(super) fn check(&self, path: &impl Path, record: &Record, act: &Act) -> Result<(), Rule> {
        match act {
            Act::Charter(_) => Ok(()),
            Act::Open(open) => self.check_open(path, open),
            Act::Seal(seal) => seal
                .rows
                .iter()
                .try_for_each(|row| self.check_row(path, row)),
            Act::Adopt => self.check_adopt(path, record, true),
            Act::Recall(recall) => {
                self.check_votes(record, recall)?;
                self.check_adopt(path, record, false)
            }
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
        }
    }

    fn check_open(&self, path: &impl Path, open: &Open) -> Result<(), Rule> {
        let seat = self.chains.get(&open.chain.id());
        if open.start.prior() != seat.map(Seat::open) {
            return Err(Rule::OpenOrder);
        }
        let (current, recovery) = match (seat, open.chain.owner()) {
            (Some(seat), _) => {
                let row = seat.last_row.map(|row| path.rows().row(row));
                match row {
                    Some(row) if row.ends(&seat.open) && row.tip() == open.start.tip() => {}
                    _ => return Err(Rule::OpenHead),
                }
                (seat.key, Some(seat.recovery))
            }
            (None, Owner::Member(id, _)) => {
                let member = self.roll.get(&id).ok_or(Rule::OpenOwner)?;
                (member.key, Some(member.recovery))
            }
            (None, Owner::Registrar) => return Err(Rule::OpenOwner),
            (None, _) => (open.key, None),
        };
        self.check_consent(open, current, recovery)
    }

    fn check_consent(
        &self,
        open: &Open,
        current: PublicKey,
        recovery: Option<PublicKey>,
    ) -> Result<(), Rule> {
        use crate::authority::Consent;
        let (key, signature) = match open.consent {
            Consent::Current(signature) => (Some(current), signature),
            Consent::Recovery(signature) => (recovery, signature),
        };
        let terms = to_bytes(&open.consent_terms(self.domain));
        key.ok_or(Rule::OpenConsent)?
            .verify(&terms, &signature)
            .map_err(|_| Rule::OpenConsent)
    }

    fn check_row(&self, path: &impl Path, row: &crate::authority::SealRow) -> Result<(), Rule> {
        let seat = self.chains.get(&row.chain).ok_or(Rule::SealOrder)?;
        if seat.open != row.open {
            return Err(Rule::SealOrder);
        }
        if let Some(last) = seat.last_row.map(|last| path.rows().row(last))
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
        let is_unsealed = last_row.is_none_or(|row| path.rows().row(row).tip() == open.start.tip());
        let terms = |open: &Open| open.consent_terms(self.domain);
        let consent_alike = path
            .open(&in_force)
            .is_some_and(|(_, other)| terms(other) == terms(open));
        id != in_force && consent_alike && is_unsealed
    }

    /// More than two thirds of the roll, or of the recovery keys while the
    /// roll is small.
    fn check_votes(&self, record: &Record, recall: &Recall) -> Result<(), Rule> {
        let honoured = record.prev().ok_or(Rule::RecallHead)?;
        let by_key = recalls_by_key(self.roll.len());
        let voters = if by_key {
            self.recovery.len()
        } else {
            self.roll.len()
        };
        // Counted first: a stranger's Recall costs no check of a signature.
        if !recalls(recall.votes.len(), voters) {
            return Err(Rule::RecallVotes);
        }
        let terms = to_bytes(&VoteTerms {
            domain: self.domain,
            honoured,
            successor: recall.successor,
        });
        for vote in &recall.votes {
            let key = match vote.voter {
                Voter::Member(id) if !by_key => self.voting_key(&id),
                Voter::Key(number) if by_key => self.recovery.get(usize::from(number)).copied(),
                Voter::Member(_) | Voter::Key(_) => None,
            };
            key.ok_or(Rule::RecallVotes)?
                .verify(&terms, &vote.signature)
                .map_err(|_| Rule::RecallVotes)?;
        }
        Ok(())
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

    fn check_opening(&self, opening: &Opening) -> Result<(), Rule> {
        if opening.roll != self.roll_digest() {
            return Err(Rule::OpeningRoll);
        }
        if self.opened.contains(&opening.proposal) {
            return Err(Rule::OpeningTwice);
        }
        Ok(())
    }

    fn check_close(&self, record: &Record, close: &Close) -> Result<(), Rule> {
        let decision = self
            .decisions
            .get(&close.opening)
            .ok_or(Rule::CloseOpening)?;
        if !record.refs().contains(&close.opening) {
            return Err(Rule::CloseOpening);
        }
        if decision.close.is_some() {
            return Err(Rule::CloseTwice);
        }
        if close.shuts.len() != usize::from(decision.opening.terms.needed) {
            return Err(Rule::CloseShuts);
        }
        Ok(())
    }

    fn check_ready(&self, record: &Record, close: RecordId) -> Result<(), Rule> {
        let decision = self.closed_by(&close).ok_or(Rule::ReadyClose)?;
        let Some((_, at, Outcome::Accepted)) = decision.close else {
            return Err(Rule::ReadyClose);
        };
        if !record.refs().contains(&close) {
            return Err(Rule::ReadyClose);
        }
        if decision.ready.is_some() {
            return Err(Rule::ReadyTwice);
        }
        if record.at() < at.saturating_add(decision.opening.terms.timelock) {
            return Err(Rule::ReadyEarly);
        }
        Ok(())
    }

    fn closed_by(&self, close: &RecordId) -> Option<&Decision> {
        self.decisions
            .values()
            .find(|decision| decision.close.is_some_and(|(id, _, _)| id == *close))
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
            Act::Open(open) => self.seat_open(record.id(), open),
            Act::Adopt | Act::Recall(_) => {
                for (id, open) in adopted(path, record) {
                    self.seat_open(id, open);
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
            Act::Opening(opening) => {
                self.opened.insert(opening.proposal);
                let decision = Decision {
                    opening: opening.clone(),
                    at: record.at(),
                    close: None,
                    ready: None,
                };
                self.decisions.insert(record.id(), decision);
            }
            Act::Close(close) => {
                if let Some(decision) = self.decisions.get_mut(&close.opening) {
                    decision.close = Some((record.id(), record.at(), close.outcome));
                }
            }
            Act::Ready(ready) => {
                let opening = self.decisions.iter().find_map(|(opening, decision)| {
                    decision
                        .close
                        .is_some_and(|(id, _, _)| id == ready.close)
                        .then_some(*opening)
                });
                if let Some(decision) = opening.and_then(|opening| self.decisions.get_mut(&opening))
                {
                    decision.ready = Some(record.id());
                }
            }
        }
        for (chain, row) in rows {
            if let Some(seat) = self.chains.get_mut(chain) {
                seat.last_row = Some(*row);
            }
        }
    }

    fn seat_open(&mut self, id: RecordId, open: &Open) {
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
