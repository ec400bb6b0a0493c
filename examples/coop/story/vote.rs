//! Decide: a proposal, its ballots, and the certificate.

use futures::executor::block_on;
use icn_events::node::Node;
use icn_governance::body::{Choice as Ballot, Proposal, Subject};
use icn_governance::governance::{Phase, Vote};
use icn_types::amount::Amount;
use icn_types::authority::{Action, Outcome, ProposalId};
use icn_types::canon::List;
use icn_types::chain::Owner;
use icn_types::id::RecordId;
use icn_types::record::Attachment;

use crate::cast::{PERIOD, TIMELOCK};
use crate::page::{Ink, bar};
use crate::scenario::Choice;
use crate::village::Village;

use super::{Fault, Story, opening_of};

impl Story<'_> {
    pub(super) fn decide(&mut self) -> Result<ProposalId, Fault> {
        let page = self.page;
        let budget = &self.scenario.budget;
        let unit = &self.cast.units[budget.unit];
        page.heading("DECIDE");
        page.line(&format!(
            "{} proposes: pay {} {} {} for \"{}\"",
            self.scenario.members[budget.proposer].name,
            self.name_of(budget.payee),
            budget.amount,
            unit.code.as_str(),
            budget.purpose
        ));
        let proposal = self.proposal()?;
        let id = proposal.id();
        let (voice, times) = (self.cast.voice(budget.proposer), self.village.times());
        let authored = block_on(
            self.village.houses[budget.proposer]
                .node
                .propose(&voice, proposal, times),
        )?;
        self.steps.count(authored);
        self.wait("the opening reaches everybody", |village| {
            village
                .houses
                .iter()
                .all(|house| opening_of(&house.node, id).is_some())
        })?;
        let opening = opening_of(&self.village.houses[0].node, id).ok_or("the opening is gone")?;
        self.vote(opening)?;
        self.count(opening)?;
        self.show_vote(opening)?;
        Ok(id)
    }

    fn proposal(&self) -> Result<Proposal, Fault> {
        let budget = &self.scenario.budget;
        let unit = &self.cast.units[budget.unit];
        let atoms = budget
            .amount
            .checked_mul(unit.scale.get())
            .ok_or("budget is too large")?;
        let action = Action::Pay {
            payer: self.cast.account(budget.unit, Owner::Shared(0)),
            payee: self.cast.account_of(budget.unit, budget.payee),
            unit: unit.id(),
            amount: Amount::new(atoms)?,
        };
        Ok(Proposal {
            proposer: self.cast.members[budget.proposer].inception.id(),
            nonce: self.cast.draw("proposal", 0),
            subject: Subject::Actions(List::new([action])?),
            text: Attachment::new(&self.cast.draw("salt", 0), budget.purpose.as_bytes()),
        })
    }

    fn vote(&mut self, opening: RecordId) -> Result<(), Fault> {
        for (member, choice) in self.scenario.votes.iter().enumerate() {
            let Some(choice) = choice else { continue };
            let ballot = match choice {
                Choice::Yes => Ballot::Yes,
                Choice::No => Ballot::No,
                Choice::Abstain => Ballot::Abstain,
                Choice::Veto => Ballot::Veto,
            };
            let (voice, times) = (self.cast.voice(member), self.village.times());
            let authored = block_on(
                self.village.houses[member]
                    .node
                    .vote(&voice, opening, ballot, times),
            )?;
            self.steps.count(authored);
        }
        Ok(())
    }

    /// Once the ballots are everywhere, a week passes in a moment, then a day.
    fn count(&mut self, opening: RecordId) -> Result<(), Fault> {
        if !self.village.all(|node| is_decided(node, opening)) {
            self.wait("every node has the ballots", Village::agrees)?;
            self.village.sleep(PERIOD);
            self.wait("the vote is certified", |village| {
                village.all(|node| is_certified(node, opening))
            })?;
            self.village.sleep(TIMELOCK);
        }
        self.wait("the decision may take effect", |village| {
            village.all(|node| is_decided(node, opening))
        })
    }

    fn show_vote(&self, opening: RecordId) -> Result<(), Fault> {
        let page = self.page;
        let node = &self.village.houses[0].node;
        let vote: Vote<'_> = node
            .governance()
            .vote(node.set(), &opening)
            .ok_or("the vote is gone")?;
        let tally = vote.tally.ok_or("the vote has no tally")?;
        let of = self.cast.members.len();
        for (word, count) in [
            ("yes", tally.yes()),
            ("no", tally.no()),
            ("abstain", tally.abstain()),
            ("veto", tally.veto()),
        ] {
            let count = usize::try_from(count)?;
            if count > 0 {
                page.line(&format!("{word:<8} {} {count} of {of}", bar(count, of)));
            }
        }
        let (outcome, close) = match vote.phase {
            Phase::Closed { close, outcome } => (outcome, close),
            Phase::Ready { close, .. } => (Outcome::Accepted, close),
            _ => return Err("the vote is not closed".into()),
        };
        let confirmed = self.village.houses.iter().filter(|house| {
            house
                .node
                .governance()
                .recount(house.node.set(), &close)
                .is_some_and(|recount| recount.is_confirmed())
        });
        let terms = &vote.frozen.opening().terms;
        let ink = if outcome == Outcome::Accepted {
            Ink::Good
        } else {
            Ink::Bad
        };
        page.line(&format!(
            "{}; counted by {} of {} tellers, recount confirmed by {} of {of} nodes",
            page.ink(ink, &format!("{outcome:?}")),
            terms.needed,
            terms.tellers.len(),
            confirmed.count(),
        ));
        Ok(())
    }
}

fn is_certified(node: &Node, opening: RecordId) -> bool {
    let office = node.set().office();
    let decision = office.and_then(|office| office.decision(&opening));
    decision.is_some_and(|decision| decision.close().is_some())
}

/// Certified, and if accepted also ready.
fn is_decided(node: &Node, opening: RecordId) -> bool {
    let decision = node
        .set()
        .office()
        .and_then(|office| office.decision(&opening));
    decision.is_some_and(|decision| match decision.close() {
        Some((close, _, outcome)) => {
            let recount = node.governance().recount(node.set(), &close);
            recount.is_some_and(|recount| recount.is_confirmed())
                && (outcome != Outcome::Accepted || decision.ready().is_some())
        }
        None => false,
    })
}
