//! Recounts: whether certificates and openings say what the records say.

use alloc::boxed::Box;
use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use icn_types::authority::{Act, Close, Opening};
use icn_types::id::RecordId;
use icn_types::set::{Frozen, RecordSet, Slot};

use crate::body::Proposal;
use crate::charter::Rules;
use crate::count::{Deviation, Difference, Falsehood, Recount, acknowledged, figures};
use crate::rule::Rule;
use crate::tally::Tally;

use super::Governance;

impl Governance {
    /// Recounts and remembers the answer, or what it waits for.
    pub(super) fn label(&mut self, set: &RecordSet, close: Slot) -> Recount {
        if self.rules.is_none() {
            self.rules = charter_rules(set);
        }
        let recount = self.recount_now(set, close);
        if let Recount::Pending(missing) = &recount
            && let Some(first) = missing.first()
        {
            self.awaited.entry(*first).or_default().insert(close);
        }
        self.recounts.insert(close, recount.clone());
        recount
    }

    fn recount_now(&self, set: &RecordSet, slot: Slot) -> Recount {
        let Some(Act::Close(close)) = set.act(slot) else {
            return Recount::Pending(Vec::from([set.id(slot)]));
        };
        let opening = set.find(&close.opening);
        let Some((opening, frozen)) =
            opening.and_then(|opening| Some((opening, set.frozen(opening)?)))
        else {
            return Recount::Pending(Vec::from([close.opening]));
        };
        let named = core::iter::once(&frozen.opening().record).chain(&close.shuts);
        let mut missing: Vec<RecordId> = named
            .copied()
            .filter(|id| self.is_undecided(set, id))
            .collect();
        if !missing.is_empty() {
            missing.sort_unstable();
            missing.dedup();
            return Recount::Pending(missing);
        }
        match self.check_certificate(set, opening, frozen, &close) {
            Ok(()) => Recount::Confirmed,
            Err(falsehood) => Recount::False(falsehood),
        }
    }

    /// Whether a record that should lie in this topic is not here or waits.
    pub(super) fn is_undecided(&self, set: &RecordSet, id: &RecordId) -> bool {
        set.find(id).is_none_or(|slot| {
            set.topic(slot) == self.judge.topic() && self.judge.verdict(slot).is_waiting()
        })
    }

    fn check_certificate(
        &self,
        set: &RecordSet,
        opening: Slot,
        frozen: &Frozen,
        close: &Close,
    ) -> Result<(), Falsehood> {
        let rule = self
            .check_opening(set, frozen.opening())
            .map_err(Falsehood::Opening)?;
        let shuts = self.shuts_of(set, opening, close)?;
        let found = self
            .count(set, opening, frozen, &shuts)
            .ok_or(Falsehood::Opening(Deviation::Terms))?;
        let claimed = close.tally.read().ok();
        let outcome = found.outcome(&rule);
        if close.outcome == outcome && claimed == Some(found) {
            Ok(())
        } else {
            Err(Falsehood::Result(Box::new(Difference {
                claimed: (close.outcome, claimed),
                found: (outcome, found),
            })))
        }
    }

    /// The named Shuts, each of another teller.
    fn shuts_of(
        &self,
        set: &RecordSet,
        opening: Slot,
        close: &Close,
    ) -> Result<Vec<Slot>, Falsehood> {
        let vote = self.index.vote(opening);
        let mut tellers = BTreeSet::new();
        let mut shuts = Vec::with_capacity(close.shuts.len());
        for id in &close.shuts {
            let shut = set
                .find(id)
                .filter(|shut| {
                    let teller = set.chain(*shut);
                    let of_teller = vote.and_then(|vote| vote.shuts.get(&teller));
                    of_teller.is_some_and(|known| known.contains(shut))
                })
                .ok_or(Falsehood::Shut(*id))?;
            if !tellers.insert(set.chain(shut)) {
                return Err(Falsehood::SameTeller(*id));
            }
            shuts.push(shut);
        }
        Ok(shuts)
    }

    pub(crate) fn count(
        &self,
        set: &RecordSet,
        opening: Slot,
        frozen: &Frozen,
        shuts: &[Slot],
    ) -> Option<Tally> {
        let ballots = acknowledged(set, &self.index, opening, shuts);
        figures(set, &self.index, frozen, &ballots).ok()
    }

    /// Whether an opening says what charter and proposal say. Answers with the
    /// rule that decides it.
    pub(super) fn check_opening(
        &self,
        set: &RecordSet,
        opening: &Opening,
    ) -> Result<Rule, Deviation> {
        let rules = self.rules_in(set).ok_or(Deviation::Charter)?;
        let proposal = set
            .find(&opening.record)
            .filter(|&slot| self.judge.verdict(slot).is_valid())
            .and_then(|slot| set.record(slot).content()?.read::<Proposal>().ok())
            .filter(|proposal| proposal.id() == opening.proposal)
            .ok_or(Deviation::Proposal)?;
        if *proposal.subject.actions() != *opening.actions {
            return Err(Deviation::Actions);
        }
        let rule = *rules.rule(&proposal.subject);
        if opening.rule.read() != Ok(rule) {
            return Err(Deviation::Rule);
        }
        if rules.terms(self.domain).as_ref() != Some(&opening.terms) {
            return Err(Deviation::Terms);
        }
        Ok(rule)
    }

    pub(crate) fn rules_in(&self, set: &RecordSet) -> Option<Rules> {
        self.rules.clone().or_else(|| charter_rules(set))
    }
}

/// The charter's rules of voting, if the charter is here and has any.
fn charter_rules(set: &RecordSet) -> Option<Rules> {
    let charter = set.find(&RecordId::from_bytes(*set.domain().as_bytes()))?;
    match set.act(charter)? {
        Act::Charter(charter) => charter.rules.read().ok(),
        _ => None,
    }
}
