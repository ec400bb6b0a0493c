//! Votes as a replica knows them.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use icn_types::authority::{Opening, Outcome};
use icn_types::id::{ChainId, RecordId};
use icn_types::key::MemberId;
use icn_types::set::{Frozen, RecordSet, Slot};

use crate::charter::{Trust, certain_receipts};
use crate::count::{Deviation, figures, latest};
use crate::rule::Rule;
use crate::tally::Tally;

use super::Governance;

/// How far a vote has come on the authority chain in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "the steps of a vote, in order")]
pub enum Phase {
    /// The opening lies on a branch that is not in force.
    Dropped,
    /// Tellers acknowledge ballots.
    Running,
    /// As many tellers have shut as a close names.
    Shut,
    /// The registrar has certified an outcome.
    Closed {
        /// The certificate.
        close: RecordId,
        /// What it claims.
        outcome: Outcome,
    },
    /// The outcome may take effect.
    Ready {
        /// The certificate.
        close: RecordId,
        /// The record that lets it.
        ready: RecordId,
    },
}

/// One vote as it stands.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Vote<'a> {
    /// The opening.
    pub opening: RecordId,
    /// What was frozen.
    pub frozen: &'a Frozen,
    /// How far it has come.
    pub phase: Phase,
    /// Whether it was opened as charter and proposal say, and the rule.
    pub basis: Basis,
    /// Figures of everything that any teller has acknowledged so far.
    pub tally: Option<Tally>,
    /// Members with a Valid ballot, acknowledged or not.
    pub voted: usize,
    /// Chains of tellers that have shut.
    pub shut: Vec<ChainId>,
    /// Whom the outcome rests on.
    pub trust: Trust,
}

/// Whether a vote was opened as charter and proposal say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "the three answers there are")]
pub enum Basis {
    /// The proposal's record is not here or not decided.
    Pending,
    /// It was; this rule decides it.
    Sound(Rule),
    /// It was not; every recount of it is false.
    Deviates(Deviation),
}

/// Receipts of one ballot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Receipts {
    /// Tellers that acknowledged it.
    pub tellers: usize,
    /// All tellers of the vote.
    pub of: usize,
    /// How many are enough for it to be in every possible close.
    pub certain: usize,
}

impl Receipts {
    /// Whether no honest-looking close can leave the ballot out: to do so, a
    /// teller would have to shut twice, which two headers prove.
    #[must_use]
    pub const fn is_certain(&self) -> bool {
        self.tellers >= self.certain
    }
}

impl Governance {
    /// One vote as this replica knows it, whether still running or not. What
    /// counts in the end is what a close names. Costs one tally.
    #[must_use]
    pub fn vote<'a>(&self, set: &'a RecordSet, opening: &RecordId) -> Option<Vote<'a>> {
        let slot = set.find(opening)?;
        let frozen = set.frozen(slot)?;
        let records = self.index.vote(slot);
        let ballots: BTreeSet<Slot> = records
            .into_iter()
            .flat_map(|vote| vote.receipts.values().flatten())
            .flat_map(|(_, ballots)| ballots.iter().copied())
            .collect();
        let shut: Vec<ChainId> = records
            .into_iter()
            .flat_map(|vote| vote.shuts.keys().copied())
            .collect();
        Some(Vote {
            opening: *opening,
            frozen,
            phase: phase(set, opening, frozen, shut.len()),
            basis: self.basis(set, frozen.opening()),
            tally: figures(set, &self.index, frozen, &ballots).ok(),
            voted: records.map_or(0, |vote| vote.ballots.len()),
            shut,
            trust: Trust::of(&frozen.opening().terms),
        })
    }

    pub(crate) fn basis(&self, set: &RecordSet, opening: &Opening) -> Basis {
        if self.is_undecided(set, &opening.record) {
            return Basis::Pending;
        }
        self.check_opening(set, opening)
            .map_or_else(Basis::Deviates, Basis::Sound)
    }

    /// Receipts of a Valid ballot so far.
    #[must_use]
    pub fn receipts(&self, set: &RecordSet, ballot: &RecordId) -> Option<Receipts> {
        let cast = self.index.cast(set.find(ballot)?)?;
        let terms = &set.frozen(cast.opening)?.opening().terms;
        Some(Receipts {
            tellers: cast.tellers.len(),
            of: terms.tellers.len(),
            certain: certain_receipts(terms),
        })
    }

    /// The ballot of a member that would count if all were acknowledged.
    #[must_use]
    pub fn ballot_of(
        &self,
        set: &RecordSet,
        opening: &RecordId,
        member: &MemberId,
    ) -> Option<RecordId> {
        let vote = self.index.vote(set.find(opening)?)?;
        let ballots = vote.ballots.get(member)?.iter().copied().collect();
        let ballot = *latest(set, &self.index, &ballots).get(member)?;
        Some(set.id(ballot))
    }
}

fn phase(set: &RecordSet, opening: &RecordId, frozen: &Frozen, shuts: usize) -> Phase {
    let Some(decision) = set.office().and_then(|office| office.decision(opening)) else {
        return Phase::Dropped;
    };
    match (decision.close(), decision.ready()) {
        (Some((close, _, _)), Some(ready)) => Phase::Ready { close, ready },
        (Some((close, _, outcome)), None) => Phase::Closed { close, outcome },
        (None, _) if shuts >= usize::from(frozen.opening().terms.needed) => Phase::Shut,
        (None, _) => Phase::Running,
    }
}
