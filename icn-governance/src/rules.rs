//! Which records of a governance topic are Valid.
//!
//! Each answer depends only on the record and on what it names: a ballot on
//! the roll of its opening, a receipt on its teller's own path, a shut on two
//! stated times. Whether anybody was late is no question of validity.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use icn_types::error::{Coded, Fault};
use icn_types::id::RecordId;
use icn_types::judge::{Case, Rules};
use icn_types::key::MemberId;
use icn_types::set::{Frozen, RecordSet, Slot};
use icn_types::verdict::Breach;

use crate::body::{BALLOT, Ballot, Body, Proposal, Receipt, Shut};

/// The rule of its kind that a governance record breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
#[non_exhaustive]
pub enum VoteRule {
    /// The chain is not one of the member who proposes.
    #[error("proposal lies on a chain of somebody else")]
    ProposalProposer,
    /// The ballot refs no Opening.
    #[error("ballot refs no opening of its name")]
    BallotOpening,
    /// The chain is no member's, or the member was not on the roll when the
    /// vote opened.
    #[error("voter is not on the roll of the opening")]
    BallotRoll,
    /// The chain has a ballot for this opening already and the new one does
    /// not ref it.
    #[error("ballot does not name the one that it replaces")]
    BallotAgain,
    /// A position names no ballot among the refs.
    #[error("receipt names something else than ballots")]
    ReceiptBallot,
    /// The chain is no teller's of the ballot's opening.
    #[error("receipt comes from nobody who tells this vote")]
    ReceiptTeller,
    /// The teller has shut the vote before.
    #[error("receipt comes after the teller's shut")]
    ReceiptShut,
    /// The teller has acknowledged the ballot before.
    #[error("ballot was acknowledged before")]
    ReceiptTwice,
    /// The shut refs no Opening.
    #[error("shut refs no opening of its name")]
    ShutOpening,
    /// The chain is no teller's of the opening.
    #[error("shut comes from nobody who tells this vote")]
    ShutTeller,
    /// The stated time lies before the end of the period.
    #[error("shut comes before the period ends")]
    ShutEarly,
    /// The teller has shut the vote before.
    #[error("vote was shut before")]
    ShutTwice,
}

impl Coded for VoteRule {
    fn code(&self) -> &'static str {
        match self {
            Self::ProposalProposer => "proposal.proposer",
            Self::BallotOpening => "ballot.opening",
            Self::BallotRoll => "ballot.roll",
            Self::BallotAgain => "ballot.again",
            Self::ReceiptBallot => "receipt.ballot",
            Self::ReceiptTeller => "receipt.teller",
            Self::ReceiptShut => "receipt.shut",
            Self::ReceiptTwice => "receipt.twice",
            Self::ShutOpening => "shut.opening",
            Self::ShutTeller => "shut.teller",
            Self::ShutEarly => "shut.early",
            Self::ShutTwice => "shut.twice",
        }
    }

    fn fault(&self) -> Fault {
        Fault::Rule
    }
}

/// What one chain has said so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Said {
    /// The last ballot by opening.
    ballots: BTreeMap<Slot, Slot>,
    /// A teller's list by opening.
    sheets: BTreeMap<Slot, Sheet>,
}

/// A teller's list of one vote.
#[derive(Clone, Debug)]
enum Sheet {
    Running(BTreeSet<Slot>),
    Shut,
}

impl Said {
    pub(crate) fn has_shut(&self, opening: Slot) -> bool {
        matches!(self.sheets.get(&opening), Some(Sheet::Shut))
    }

    pub(crate) fn has_acknowledged(&self, opening: Slot, ballot: Slot) -> bool {
        match self.sheets.get(&opening) {
            Some(Sheet::Running(ballots)) => ballots.contains(&ballot),
            Some(Sheet::Shut) | None => false,
        }
    }

    pub(crate) fn last_ballot(&self, opening: Slot) -> Option<Slot> {
        self.ballots.get(&opening).copied()
    }
}

/// What one record adds.
#[derive(Debug)]
pub(crate) enum Delta {
    Nothing,
    Ballot { opening: Slot },
    Receipt(Vec<(Slot, Slot)>),
    Shut { opening: Slot },
}

/// The rules of a governance topic.
#[derive(Clone, Copy, Debug)]
pub(crate) struct VoteRules;

impl Rules for VoteRules {
    type State = Said;
    type Delta = Delta;
    type Effect = ();
    type Rule = VoteRule;

    fn start(&self) -> Said {
        Said::default()
    }

    fn judge(&self, case: &Case<'_>, said: &Said) -> Result<Delta, Breach<VoteRule>> {
        let body = Body::read(case.header.kind(), case.content).map_err(|_| Breach::Body)?;
        match body.ok_or(Breach::Kind)? {
            Body::Proposal(proposal) => judge_proposal(case, &proposal),
            Body::Ballot(ballot) => judge_ballot(case, said, &ballot),
            Body::Receipt(receipt) => judge_receipt(case, said, &receipt),
            Body::Shut(shut) => judge_shut(case, said, &shut),
        }
        .map_err(Breach::Rule)
    }

    fn apply(&self, slot: Slot, delta: Delta, said: &mut Said) {
        match delta {
            Delta::Nothing => {}
            Delta::Ballot { opening } => {
                said.ballots.insert(opening, slot);
            }
            Delta::Receipt(pairs) => {
                for (opening, ballot) in pairs {
                    let sheet = said
                        .sheets
                        .entry(opening)
                        .or_insert_with(|| Sheet::Running(BTreeSet::new()));
                    if let Sheet::Running(ballots) = sheet {
                        ballots.insert(ballot);
                    }
                }
            }
            Delta::Shut { opening } => {
                said.sheets.insert(opening, Sheet::Shut);
            }
        }
    }
}

fn judge_proposal(case: &Case<'_>, proposal: &Proposal) -> Result<Delta, VoteRule> {
    if case.open.chain.owner().member() == Some(proposal.proposer) {
        Ok(Delta::Nothing)
    } else {
        Err(VoteRule::ProposalProposer)
    }
}

fn judge_ballot(case: &Case<'_>, said: &Said, ballot: &Ballot) -> Result<Delta, VoteRule> {
    let (opening, frozen) = opening(case, &ballot.opening).ok_or(VoteRule::BallotOpening)?;
    let member = case.open.chain.owner().member();
    if !member.is_some_and(|member| frozen.is_on_roll(&member)) {
        return Err(VoteRule::BallotRoll);
    }
    let replaces_last = said
        .last_ballot(opening)
        .is_none_or(|last| case.refs().any(|named| named == last));
    if !replaces_last {
        return Err(VoteRule::BallotAgain);
    }
    Ok(Delta::Ballot { opening })
}

fn judge_receipt(case: &Case<'_>, said: &Said, receipt: &Receipt) -> Result<Delta, VoteRule> {
    let mut pairs = Vec::with_capacity(receipt.positions().len());
    for &position in receipt.positions() {
        let ballot = case
            .reference(usize::from(position))
            .ok_or(VoteRule::ReceiptBallot)?;
        let body = ballot_at(case.set, ballot).ok_or(VoteRule::ReceiptBallot)?;
        let opening = case.set.find(&body.opening);
        let (opening, frozen) = opening
            .and_then(|opening| Some((opening, case.set.frozen(opening)?)))
            .ok_or(VoteRule::ReceiptBallot)?;
        if !tells(case, frozen) {
            return Err(VoteRule::ReceiptTeller);
        }
        if said.has_shut(opening) {
            return Err(VoteRule::ReceiptShut);
        }
        if said.has_acknowledged(opening, ballot) {
            return Err(VoteRule::ReceiptTwice);
        }
        pairs.push((opening, ballot));
    }
    Ok(Delta::Receipt(pairs))
}

fn judge_shut(case: &Case<'_>, said: &Said, shut: &Shut) -> Result<Delta, VoteRule> {
    let (opening, frozen) = opening(case, &shut.opening).ok_or(VoteRule::ShutOpening)?;
    if !tells(case, frozen) {
        return Err(VoteRule::ShutTeller);
    }
    if said.has_shut(opening) {
        return Err(VoteRule::ShutTwice);
    }
    if case.header.at() < frozen.at().saturating_add(frozen.opening().terms.period) {
        return Err(VoteRule::ShutEarly);
    }
    Ok(Delta::Shut { opening })
}

/// The Opening of this name, if the record refs it.
fn opening<'a>(case: &Case<'a>, id: &RecordId) -> Option<(Slot, &'a Frozen)> {
    case.content.refs().binary_search(id).ok()?;
    let slot = case.set.find(id)?;
    Some((slot, case.set.frozen(slot)?))
}

fn tells(case: &Case<'_>, frozen: &Frozen) -> bool {
    frozen.opening().terms.tellers.contains(&case.chain())
}

/// The ballot that a record is, if it is one.
pub(crate) fn ballot_at(set: &RecordSet, slot: Slot) -> Option<Ballot> {
    let record = set.record(slot);
    (record.kind() == BALLOT).then_some(())?;
    record.content()?.read().ok()
}

/// The member who writes the epoch of a record.
pub(crate) fn member_at(set: &RecordSet, slot: Slot) -> Option<MemberId> {
    set.open(&set.record(slot).epoch()?)?.chain.owner().member()
}

#[cfg(test)]
mod tests;
