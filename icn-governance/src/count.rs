//! Which ballots a close counts, and whether it says what they say.
//!
//! Counted is what the named Shuts' paths acknowledged before them. Of one
//! member's ballots those count that no other of them replaces, directly or
//! through ballots in between; what a ballot replaces stands in its refs.
//! A member who signed contradicting ballots that do not know of each other
//! (two devices, or a fork) is counted once, by the one with the lowest id:
//! each of them was really signed, nobody else's vote is touched, and to count
//! neither would let a stolen device silence its owner.
//!
//! All of this follows from the ancestors of the named Shuts. What anybody
//! forks, writes or acknowledges later changes no count.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use icn_types::authority::Outcome;
use icn_types::error::{Coded, Fault};
use icn_types::id::RecordId;
use icn_types::key::MemberId;
use icn_types::set::{Frozen, RecordSet, Slot};

use crate::body::Choice;
use crate::index::Index;
use crate::tally::{Excess, Tally, tally};

/// Whether a certificate says what the ballots say.
///
/// A label, never a verdict: a false certificate stays Valid, so that whoever
/// lacks the ballots comes to the same state, and is grounds for a recall.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "the three answers there are")]
pub enum Recount {
    /// It does.
    Confirmed,
    /// It does not. Whoever holds the same records finds the same.
    False(Falsehood),
    /// Records that the answer needs are not here or not decided, ascending.
    Pending(Vec<RecordId>),
}

impl Recount {
    /// Whether officers may act on the certificate.
    #[must_use]
    pub const fn is_confirmed(&self) -> bool {
        matches!(self, Self::Confirmed)
    }

    /// Stable code of the label.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Confirmed => "recount.confirmed",
            Self::False(falsehood) => falsehood.code(),
            Self::Pending(_) => "recount.pending",
        }
    }
}

/// What is false about a certificate. Where several things are, the first of
/// this list is reported.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Falsehood {
    /// The vote was not opened as charter and proposal say.
    #[error("vote was opened otherwise than charter and proposal say")]
    Opening(#[source] Deviation),
    /// A named record is no Valid Shut of this opening.
    #[error("record {0} is no valid shut of the opening")]
    Shut(RecordId),
    /// Two of the named Shuts come from one teller.
    #[error("record {0} is a second shut of one teller")]
    SameTeller(RecordId),
    /// The ballots say something else.
    #[error("ballots say something else than the certificate")]
    Result(Box<Difference>),
}

/// What a certificate claims and what the ballots say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Difference {
    /// Outcome and figures in the certificate; no figures when they cannot be
    /// read.
    pub claimed: (Outcome, Option<Tally>),
    /// Outcome and figures by the ballots.
    pub found: (Outcome, Tally),
}

impl Coded for Falsehood {
    fn code(&self) -> &'static str {
        match self {
            Self::Opening(deviation) => deviation.code(),
            Self::Shut(_) => "recount.false.shut",
            Self::SameTeller(_) => "recount.false.teller",
            Self::Result(_) => "recount.false.result",
        }
    }

    fn fault(&self) -> Fault {
        Fault::Rule
    }
}

/// How an opening departs from charter and proposal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
#[non_exhaustive]
pub enum Deviation {
    /// The charter states no rules of voting that can be read.
    #[error("charter states no rules of voting")]
    Charter,
    /// The named record is no Valid proposal of that name.
    #[error("named record is not the proposal")]
    Proposal,
    /// The actions are not the proposed ones.
    #[error("actions are not the proposed ones")]
    Actions,
    /// The rule is not the charter's for this kind of proposal.
    #[error("rule is not the one of the charter")]
    Rule,
    /// Tellers or times are not the charter's.
    #[error("tellers or times are not the ones of the charter")]
    Terms,
}

impl Coded for Deviation {
    fn code(&self) -> &'static str {
        match self {
            Self::Charter => "opening.false.charter",
            Self::Proposal => "opening.false.proposal",
            Self::Actions => "opening.false.actions",
            Self::Rule => "opening.false.rule",
            Self::Terms => "opening.false.terms",
        }
    }

    fn fault(&self) -> Fault {
        Fault::Rule
    }
}

/// Ballots of the opening that the paths up to these Shuts acknowledged.
pub(crate) fn acknowledged(
    set: &RecordSet,
    index: &Index,
    opening: Slot,
    shuts: &[Slot],
) -> BTreeSet<Slot> {
    let mut ballots = BTreeSet::new();
    let Some(vote) = index.vote(opening) else {
        return ballots;
    };
    for &shut in shuts {
        let receipts = vote.receipts.get(&set.chain(shut));
        for (receipt, named) in receipts.into_iter().flatten() {
            if set.on_path(*receipt, shut) {
                ballots.extend(named);
            }
        }
    }
    ballots
}

/// The one ballot of each member that counts among these.
pub(crate) fn latest(
    set: &RecordSet,
    index: &Index,
    ballots: &BTreeSet<Slot>,
) -> BTreeMap<MemberId, Slot> {
    let mut replaced = BTreeSet::new();
    let mut todo: Vec<Slot> = ballots.iter().copied().collect();
    while let Some(ballot) = todo.pop() {
        let Some(cast) = index.cast(ballot) else {
            continue;
        };
        todo.extend(
            cast.replaces
                .iter()
                .copied()
                .filter(|&named| replaced.insert(named)),
        );
    }
    let mut latest: BTreeMap<MemberId, Slot> = BTreeMap::new();
    for &ballot in ballots.difference(&replaced) {
        let Some(cast) = index.cast(ballot) else {
            continue;
        };
        let id = |slot: Slot| set.id(slot);
        let kept = latest.entry(cast.member).or_insert(ballot);
        if id(ballot) < id(*kept) {
            *kept = ballot;
        }
    }
    latest
}

/// The figures of these ballots: one member, one vote.
pub(crate) fn figures(
    set: &RecordSet,
    index: &Index,
    frozen: &Frozen,
    ballots: &BTreeSet<Slot>,
) -> Result<Tally, Excess> {
    let roll: BTreeMap<MemberId, u128> = frozen.roll().iter().map(|member| (*member, 1)).collect();
    let choices: BTreeMap<MemberId, Choice> = latest(set, index, ballots)
        .into_iter()
        .filter_map(|(member, ballot)| Some((member, index.cast(ballot)?.choice)))
        .collect();
    tally(&roll, &choices)
}
