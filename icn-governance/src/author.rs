//! Admission: what an honest author writes, and what it declines to.
//!
//! Each function answers with an unsigned draft at the end of the author's own
//! chain, or says why not and writes nothing. Asked again for what is written
//! already, it answers with that record. Time is an argument.

use alloc::boxed::Box;
use alloc::vec::Vec;

use icn_types::authority::{Act, Close, Opening, Outcome, ProposalId, Ready};
use icn_types::canon::{List, Raw};
use icn_types::error::{Coded, Fault};
use icn_types::id::{ChainId, RecordId};
use icn_types::key::MemberId;
use icn_types::record::{Content, Draft, Place, REFS_MAX};
use icn_types::set::{Decision, Frozen, RecordSet, Slot};
use icn_types::time::Timestamp;
use icn_types::verdict::{Breach, Verdict};

use crate::body::{Ballot, Body, Choice, Proposal, RECEIPT_MAX, Receipt, Shut, Subject};
use crate::charter::certain_receipts;
use crate::count::{Deviation, Recount};
use crate::governance::Governance;
use crate::rules::VoteRule;

/// What to do about a request.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "the two answers there are")]
pub enum Drafted {
    /// Sign this.
    New(Box<Draft>),
    /// The same request was written before, as this record.
    Again(RecordId),
}

/// Why an honest author does not write that now.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The chain has no epoch in force, forks, or does not end in Valid
    /// records.
    #[error("chain cannot be continued")]
    NoPlace,
    /// The chain belongs to no member, or to another one.
    #[error("chain belongs to somebody else")]
    NotOwner,
    /// The charter states no rules of voting that can be read.
    #[error("charter states no rules of voting")]
    NoRules,
    /// No Valid proposal of this name is here.
    #[error("proposal {0} is not known")]
    UnknownProposal(ProposalId),
    /// No Opening of this name is in force.
    #[error("opening {0} is not in force")]
    UnknownOpening(RecordId),
    /// No certificate of this name is in force.
    #[error("certificate {0} is not in force")]
    UnknownClose(RecordId),
    /// The member is not on the roll that decides.
    #[error("member is not on the roll")]
    NotOnRoll,
    /// The chain is no teller's of this vote.
    #[error("chain is no teller's of this vote")]
    NotTeller,
    /// The vote was closed.
    #[error("vote is closed")]
    Closed,
    /// So many tellers have shut that a ballot could be left out.
    #[error("too many tellers have shut")]
    Late,
    /// The time for it has not come.
    #[error("too early before {until}")]
    Early {
        /// When it comes.
        until: Timestamp,
    },
    /// A close needs more Shuts than there are.
    #[error("{have} of {needed} shuts are here")]
    Shuts {
        /// Tellers that have shut.
        have: usize,
        /// How many a close names.
        needed: usize,
    },
    /// The vote was not opened as charter and proposal say.
    #[error("vote was opened otherwise than charter and proposal say")]
    Deviates(#[source] Deviation),
    /// The ballots do not confirm the certificate.
    #[error("certificate is not confirmed by a recount")]
    NotConfirmed(Recount),
    /// Only an accepted proposal takes effect.
    #[error("proposal was not accepted")]
    NotAccepted(Outcome),
    /// The record would not be Valid.
    #[error("record would break a rule")]
    Broken(Breach<VoteRule>),
    /// The record would wait for something, or be too long.
    #[error("record cannot be written")]
    Unwritable,
}

impl Coded for Refusal {
    fn code(&self) -> &'static str {
        match self {
            Self::NoPlace => "vote.refused.place",
            Self::NotOwner => "vote.refused.owner",
            Self::NoRules => "vote.refused.rules",
            Self::UnknownProposal(_) => "vote.refused.proposal",
            Self::UnknownOpening(_) => "vote.refused.opening",
            Self::UnknownClose(_) => "vote.refused.close",
            Self::NotOnRoll => "vote.refused.roll",
            Self::NotTeller => "vote.refused.teller",
            Self::Closed => "vote.refused.closed",
            Self::Late => "vote.refused.late",
            Self::Early { .. } => "vote.refused.early",
            Self::Shuts { .. } => "vote.refused.shuts",
            Self::Deviates(_) => "vote.refused.deviates",
            Self::NotConfirmed(_) => "vote.refused.recount",
            Self::NotAccepted(_) => "vote.refused.outcome",
            Self::Broken(breach) => breach.code(),
            Self::Unwritable => "vote.refused.unwritable",
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::NoPlace | Self::Unwritable => Fault::Caller,
            _ => Fault::Rule,
        }
    }
}

/// A member proposes something on `chain`, one of its own.
///
/// # Errors
/// [`Refusal::NotOwner`] when the chain is not the proposer's,
/// [`Refusal::NotOnRoll`] when the proposer has left, else as for every chain.
pub fn draft_proposal(
    set: &RecordSet,
    governance: &Governance,
    chain: &ChainId,
    proposal: Proposal,
    at: Timestamp,
) -> Result<Drafted, Refusal> {
    if let Some((record, _)) = governance.proposal(&proposal.id()) {
        return Ok(Drafted::Again(record));
    }
    if member_of(set, chain)? != proposal.proposer {
        return Err(Refusal::NotOwner);
    }
    if !is_member_now(set, &proposal.proposer) {
        return Err(Refusal::NotOnRoll);
    }
    let body = Body::Proposal(proposal);
    draft(set, governance, chain, Vec::new(), &body, at)
}

/// The registrar opens voting on a proposal, as the charter says.
///
/// # Errors
/// [`Refusal::UnknownProposal`], [`Refusal::NoRules`], [`Refusal::NotOnRoll`]
/// when the proposer has left, [`Refusal::NoPlace`].
pub fn draft_opening(
    set: &RecordSet,
    governance: &Governance,
    proposal: &ProposalId,
    at: Timestamp,
) -> Result<Drafted, Refusal> {
    let office = set.office().ok_or(Refusal::NoPlace)?;
    let opened = office
        .decisions()
        .find(|(_, decision)| decision.opening().proposal == *proposal);
    if let Some((opening, _)) = opened {
        return Ok(Drafted::Again(*opening));
    }
    let (record, body) = governance
        .proposal(proposal)
        .ok_or(Refusal::UnknownProposal(*proposal))?;
    if office.member(&body.proposer).is_none() {
        return Err(Refusal::NotOnRoll);
    }
    let rules = governance.rules_in(set).ok_or(Refusal::NoRules)?;
    let actions = match &body.subject {
        Subject::Text => List::empty(),
        Subject::Actions(actions) => {
            List::new(actions.to_vec()).map_err(|_| Refusal::Unwritable)?
        }
    };
    let opening = Opening {
        proposal: *proposal,
        record,
        actions,
        rule: Raw::of(rules.rule(&body.subject)),
        roll: office.roll_digest(),
        terms: rules.terms(set.domain()).ok_or(Refusal::NoRules)?,
    };
    draft_act(set, Vec::new(), &Act::Opening(opening), at)
}

/// A member votes on `chain`, one of its own. The ballot replaces every
/// ballot of the member that is known here.
///
/// # Errors
/// [`Refusal::UnknownOpening`], [`Refusal::NotOwner`], [`Refusal::NotOnRoll`],
/// [`Refusal::Closed`], and [`Refusal::Late`] once so many tellers have shut
/// that the rest can no longer make the ballot certain.
pub fn draft_ballot(
    set: &RecordSet,
    governance: &Governance,
    chain: &ChainId,
    ballot: Ballot,
    at: Timestamp,
) -> Result<Drafted, Refusal> {
    let (opening, frozen, decision) = in_force(set, &ballot.opening)?;
    let member = member_of(set, chain)?;
    if !frozen.is_on_roll(&member) {
        return Err(Refusal::NotOnRoll);
    }
    let vote = governance.index.vote(opening);
    let own: Vec<Slot> = vote
        .and_then(|vote| vote.ballots.get(&member))
        .cloned()
        .unwrap_or_default();
    let standing = unreplaced(governance, &own);
    if let [last] = *standing.as_slice()
        && choice_of(governance, last) == Some(ballot.choice)
    {
        return Ok(Drafted::Again(set.record(last).id()));
    }
    if decision.close().is_some() {
        return Err(Refusal::Closed);
    }
    let shut = vote.map_or(0, |vote| vote.shuts.len());
    if shut >= certain_receipts(&frozen.opening().terms) {
        return Err(Refusal::Late);
    }
    let last = governance.said(set, chain).last_ballot(opening);
    let mut refs = Vec::from([ballot.opening]);
    refs.extend(last.map(|slot| set.record(slot).id()));
    let others = standing
        .into_iter()
        .filter(|slot| Some(*slot) != last)
        .map(|slot| set.record(slot).id());
    refs.extend(others.take(REFS_MAX - refs.len()));
    draft(set, governance, chain, refs, &Body::Ballot(ballot), at)
}

/// A teller acknowledges Valid ballots that it has not acknowledged yet, of
/// every running vote that it tells; at most [`RECEIPT_MAX`] at a time.
/// `None` when there are none. Call it until then, and before every shut.
///
/// # Errors
/// As for every chain.
pub fn draft_receipts(
    set: &RecordSet,
    governance: &Governance,
    chain: &ChainId,
    at: Timestamp,
) -> Result<Option<Box<Draft>>, Refusal> {
    let said = governance.said(set, chain);
    let office = set.office().ok_or(Refusal::NoPlace)?;
    let running = office.decisions().filter(|(_, decision)| {
        decision.close().is_none() && decision.opening().terms.tellers.contains(chain)
    });
    let mut ballots: Vec<RecordId> = running
        .filter_map(|(opening, _)| set.find(opening))
        .filter(|&opening| !said.has_shut(opening))
        .filter_map(|opening| Some((opening, governance.index.vote(opening)?)))
        .flat_map(|(opening, vote)| {
            let all = vote.ballots.values().flatten().copied();
            all.map(move |ballot| (opening, ballot))
        })
        .filter(|&(opening, ballot)| !said.has_acknowledged(opening, ballot))
        .map(|(_, ballot)| set.record(ballot).id())
        .take(RECEIPT_MAX)
        .collect();
    if ballots.is_empty() {
        return Ok(None);
    }
    ballots.sort_unstable();
    let positions = (0..u16::MAX).take(ballots.len()).collect();
    let receipt = Receipt::new(positions).ok_or(Refusal::Unwritable)?;
    let body = Body::Receipt(receipt);
    match draft(set, governance, chain, ballots, &body, at)? {
        Drafted::New(draft) => Ok(Some(draft)),
        Drafted::Again(_) => Ok(None),
    }
}

/// A teller ends its list of one vote.
///
/// # Errors
/// [`Refusal::UnknownOpening`], [`Refusal::NotTeller`], and
/// [`Refusal::Early`] until the period has passed by `at`.
pub fn draft_shut(
    set: &RecordSet,
    governance: &Governance,
    chain: &ChainId,
    opening: &RecordId,
    at: Timestamp,
) -> Result<Drafted, Refusal> {
    let (slot, frozen, _) = in_force(set, opening)?;
    let terms = &frozen.opening().terms;
    if !terms.tellers.contains(chain) {
        return Err(Refusal::NotTeller);
    }
    if governance.said(set, chain).has_shut(slot) {
        let shuts = governance
            .index
            .vote(slot)
            .and_then(|vote| vote.shuts.get(chain));
        let own = shuts
            .into_iter()
            .flatten()
            .find(|shut| set.on_spine(**shut));
        return own
            .map(|shut| Drafted::Again(set.record(*shut).id()))
            .ok_or(Refusal::NoPlace);
    }
    let until = frozen.at().saturating_add(terms.period);
    if at < until {
        return Err(Refusal::Early { until });
    }
    let body = Body::Shut(Shut { opening: *opening });
    draft(set, governance, chain, Vec::from([*opening]), &body, at)
}

/// The registrar certifies what the ballots say, by the Shuts that are here:
/// of those on their tellers' spines as many as needed, by lowest chain.
///
/// # Errors
/// [`Refusal::UnknownOpening`], [`Refusal::Shuts`] while too few tellers have
/// shut, and [`Refusal::Deviates`] when the recount of a vote so opened would
/// be false whatever the certificate says.
pub fn draft_close(
    set: &RecordSet,
    governance: &Governance,
    opening: &RecordId,
    at: Timestamp,
) -> Result<Drafted, Refusal> {
    let (slot, frozen, decision) = in_force(set, opening)?;
    if let Some((close, _, _)) = decision.close() {
        return Ok(Drafted::Again(close));
    }
    let rule = governance
        .check_opening(set, frozen.opening())
        .map_err(Refusal::Deviates)?;
    let needed = usize::from(frozen.opening().terms.needed);
    let shuts: Vec<Slot> = governance
        .index
        .vote(slot)
        .into_iter()
        .flat_map(|vote| vote.shuts.values())
        .filter_map(|of_teller| of_teller.iter().copied().find(|&shut| set.on_spine(shut)))
        .take(needed)
        .collect();
    if shuts.len() < needed {
        let have = shuts.len();
        return Err(Refusal::Shuts { have, needed });
    }
    let tally = governance
        .count(set, slot, frozen, &shuts)
        .ok_or(Refusal::Unwritable)?;
    let mut named: Vec<RecordId> = shuts.iter().map(|&shut| set.record(shut).id()).collect();
    named.sort_unstable();
    let close = Close {
        opening: *opening,
        outcome: tally.outcome(&rule),
        shuts: List::new(named).map_err(|_| Refusal::Unwritable)?,
        tally: Raw::of(&tally),
    };
    draft_act(set, Vec::from([*opening]), &Act::Close(close), at)
}

/// The registrar lets an accepted decision take effect, once the ballots
/// confirm it and the timelock has passed by `at`.
///
/// # Errors
/// [`Refusal::UnknownClose`], [`Refusal::NotAccepted`],
/// [`Refusal::NotConfirmed`], [`Refusal::Early`].
pub fn draft_ready(
    set: &RecordSet,
    governance: &Governance,
    close: &RecordId,
    at: Timestamp,
) -> Result<Drafted, Refusal> {
    let office = set.office().ok_or(Refusal::NoPlace)?;
    let (decision, closed_at, outcome) = office
        .decisions()
        .find_map(|(_, decision)| {
            let (id, closed_at, outcome) = decision.close()?;
            (id == *close).then_some((decision, closed_at, outcome))
        })
        .ok_or(Refusal::UnknownClose(*close))?;
    if let Some(ready) = decision.ready() {
        return Ok(Drafted::Again(ready));
    }
    if outcome != Outcome::Accepted {
        return Err(Refusal::NotAccepted(outcome));
    }
    match governance.recount(set, close) {
        Some(Recount::Confirmed) => {}
        Some(recount) => return Err(Refusal::NotConfirmed(recount.clone())),
        None => return Err(Refusal::UnknownClose(*close)),
    }
    let until = closed_at.saturating_add(decision.opening().terms.timelock);
    if at < until {
        return Err(Refusal::Early { until });
    }
    let ready = Ready { close: *close };
    draft_act(set, Vec::from([*close]), &Act::Ready(ready), at)
}

/// An opening on the authority chain in force.
fn in_force<'a>(
    set: &'a RecordSet,
    opening: &RecordId,
) -> Result<(Slot, &'a Frozen, &'a Decision), Refusal> {
    let unknown = || Refusal::UnknownOpening(*opening);
    let slot = set.find(opening).ok_or_else(unknown)?;
    let frozen = set.frozen(slot).ok_or_else(unknown)?;
    let office = set.office().ok_or_else(unknown)?;
    let decision = office.decision(opening).ok_or_else(unknown)?;
    Ok((slot, frozen, decision))
}

fn member_of(set: &RecordSet, chain: &ChainId) -> Result<MemberId, Refusal> {
    let seat = set.office().and_then(|office| office.seat(chain));
    let open = seat
        .and_then(|seat| set.open(&seat.open()))
        .ok_or(Refusal::NoPlace)?;
    open.chain.owner().member().ok_or(Refusal::NotOwner)
}

fn is_member_now(set: &RecordSet, member: &MemberId) -> bool {
    set.office()
        .is_some_and(|office| office.member(member).is_some())
}

/// Those of one member's ballots that no other of them names.
fn unreplaced(governance: &Governance, own: &[Slot]) -> Vec<Slot> {
    let replaced: Vec<Slot> = own
        .iter()
        .filter_map(|&ballot| governance.index.cast(ballot))
        .flat_map(|cast| cast.replaces.iter().copied())
        .collect();
    own.iter()
        .copied()
        .filter(|ballot| !replaced.contains(ballot))
        .collect()
}

fn choice_of(governance: &Governance, ballot: Slot) -> Option<Choice> {
    governance.index.cast(ballot).map(|cast| cast.choice)
}

/// A draft at the end of a chain of the governance topic, rehearsed.
fn draft(
    set: &RecordSet,
    governance: &Governance,
    chain: &ChainId,
    refs: Vec<RecordId>,
    body: &Body,
    at: Timestamp,
) -> Result<Drafted, Refusal> {
    let place = set.next_place(chain).ok_or(Refusal::NoPlace)?;
    let draft = assemble(place, refs, body.body(), at)?;
    match governance.rehearse(set, &draft) {
        Verdict::Valid => Ok(Drafted::New(Box::new(draft))),
        Verdict::Invalid(breach) => Err(Refusal::Broken(breach)),
        Verdict::Waiting => Err(Refusal::Unwritable),
    }
}

/// A draft at the end of the authority chain, which must be Valid all along.
fn draft_act(
    set: &RecordSet,
    refs: Vec<RecordId>,
    act: &Act,
    at: Timestamp,
) -> Result<Drafted, Refusal> {
    let chain = set.authority();
    if set.spine(&chain).last().copied() != set.office_tip() {
        return Err(Refusal::NoPlace);
    }
    let place = set.next_place(&chain).ok_or(Refusal::NoPlace)?;
    assemble(place, refs, act.body(), at).map(|draft| Drafted::New(Box::new(draft)))
}

fn assemble(
    place: Place,
    refs: Vec<RecordId>,
    (kind, body): (icn_types::record::Kind, Raw),
    at: Timestamp,
) -> Result<Draft, Refusal> {
    let content = Content::new(refs, None, &body).ok_or(Refusal::Unwritable)?;
    Draft::new(place, kind, at, content).ok_or(Refusal::Unwritable)
}

#[cfg(test)]
mod tests;
