//! Admission: what an honest author writes, and what it declines to.
//!
//! Each function answers with an unsigned draft at the end of the author's own
//! chain, or says why not and writes nothing. Asked again for what is written
//! already, it answers with that record. Time is an argument.

mod refusal;

use alloc::boxed::Box;
use alloc::collections::BTreeSet;
use alloc::vec::Vec;

pub use refusal::Refusal;

use icn_types::authority::{Act, Close, Opening, Outcome, ProposalId, Ready};
use icn_types::canon::{List, Raw};
use icn_types::id::{ChainId, RecordId};
use icn_types::key::MemberId;
use icn_types::record::{Content, Draft, Place, REFS_MAX};
use icn_types::set::{Decision, Frozen, RecordSet, Slot};
use icn_types::time::Timestamp;
use icn_types::verdict::Verdict;

use crate::body::{Ballot, Body, Choice, Proposal, RECEIPT_MAX, Receipt, Shut, Subject};
use crate::count::{Recount, latest};
use crate::governance::{Basis, Governance};

/// What to do about a request.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "the two answers there are")]
pub enum Drafted {
    /// Sign this.
    New(Box<Draft>),
    /// The same request was written before, as this record.
    Again(RecordId),
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
    if let Some(opening) = office.opening_of(proposal) {
        return Ok(Drafted::Again(opening));
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
/// [`Refusal::Closed`], and [`Refusal::Late`] once as many tellers have shut
/// as a close names: no number of receipts could make the ballot certain.
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
        return Ok(Drafted::Again(set.id(last)));
    }
    if decision.close().is_some() {
        return Err(Refusal::Closed);
    }
    let shut = vote.map_or(0, |vote| vote.shuts.len());
    if shut >= usize::from(frozen.opening().terms.needed) {
        return Err(Refusal::Late);
    }
    let last = governance.said(set, chain).last_ballot(opening);
    let mut refs = Vec::from([ballot.opening]);
    refs.extend(last.map(|slot| set.id(slot)));
    let others = standing
        .into_iter()
        .filter(|slot| Some(*slot) != last)
        .map(|slot| set.id(slot));
    refs.extend(others.take(REFS_MAX - refs.len()));
    draft(set, governance, chain, refs, &Body::Ballot(ballot), at)
}

/// A teller acknowledges the ballot of each member that would count now and
/// that it has not acknowledged yet, in every running vote that it tells; at
/// most [`RECEIPT_MAX`] at a time. What another ballot replaces needs no
/// receipt, so a member who votes often costs no more than one who votes once.
/// `None` when there are none. Call it until then, and before every shut.
/// Linear in the ballots of the running votes.
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
    let running = office
        .running()
        .filter(|(_, decision)| decision.opening().terms.tellers.contains(chain));
    let mut ballots: Vec<RecordId> = running
        .filter_map(|(opening, _)| set.find(opening))
        .filter(|&opening| !said.has_shut(opening))
        .filter_map(|opening| Some((opening, governance.index.vote(opening)?)))
        .flat_map(|(opening, vote)| {
            let all = vote.ballots.values().flatten().copied().collect();
            let latest = latest(set, &governance.index, &all).into_values();
            latest.map(move |ballot| (opening, ballot))
        })
        .filter(|&(opening, ballot)| !said.has_acknowledged(opening, ballot))
        .map(|(_, ballot)| set.id(ballot))
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
            .map(|shut| Drafted::Again(set.id(*shut)))
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
/// [`Refusal::UnknownOpening`], [`Refusal::UnknownProposal`] while the record
/// of the proposal is missing, [`Refusal::Shuts`] while too few tellers have
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
    let rule = match governance.basis(set, frozen.opening()) {
        Basis::Sound(rule) => rule,
        Basis::Deviates(deviation) => return Err(Refusal::Deviates(deviation)),
        Basis::Pending => return Err(Refusal::UnknownProposal(frozen.opening().proposal)),
    };
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
    let mut named: Vec<RecordId> = shuts.iter().map(|&shut| set.id(shut)).collect();
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
    let closed = set.closed_by(close);
    let closed = closed.and_then(|decision| Some((decision, decision.close()?)));
    let (decision, (_, closed_at, outcome)) = closed.ok_or(Refusal::UnknownClose(*close))?;
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
    let replaced: BTreeSet<Slot> = own
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
    // On an account the record would be Invalid and end the epoch.
    if !matches!(place, Place::Entry { topic, .. } if topic == governance.topic()) {
        return Err(Refusal::NoPlace);
    }
    let draft = assemble(place, refs, body, at)?;
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
    let draft = act.draft(place, refs, at).ok_or(Refusal::Unwritable)?;
    Ok(Drafted::New(Box::new(draft)))
}

fn assemble(
    place: Place,
    refs: Vec<RecordId>,
    body: &Body,
    at: Timestamp,
) -> Result<Draft, Refusal> {
    let (kind, body) = body.body();
    let content = Content::new(refs, None, &body).ok_or(Refusal::Unwritable)?;
    Draft::new(place, kind, at, content).ok_or(Refusal::Unwritable)
}

#[cfg(test)]
mod tests;
