//! All votes of one domain, as far as a set of records tells.

mod event;
mod recount;
mod vote;

use alloc::borrow::Cow;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

pub use event::Event;
pub use vote::{Basis, Phase, Receipts, Vote};

use icn_types::authority::{Act, ProposalId};
use icn_types::id::{ChainId, DomainId, RecordId, TopicId};
use icn_types::judge::Judge;
use icn_types::record::Draft;
use icn_types::set::{RecordSet, Slot};
use icn_types::topic::Topic;
use icn_types::verdict::{NeedsUpgrade, Verdict};

use crate::body::Proposal;
use crate::charter::Rules;
use crate::count::Recount;
use crate::index::{Index, Noted};
use crate::rules::{Said, VoteRule, VoteRules};

/// Verdicts, recounts and the state of every vote of one domain.
///
/// It holds nothing that the records do not say: tell it of every record that
/// the set added or completed, in any order, and it comes to the same answers.
#[derive(Debug, Clone)]
pub struct Governance {
    domain: DomainId,
    judge: Judge<VoteRules>,
    pub(crate) index: Index,
    /// How much of the set's own verdicts was taken note of.
    heard: usize,
    /// Valid certificates with the label of each.
    recounts: BTreeMap<Slot, Recount>,
    /// Pending certificates by the record that each waits for.
    awaited: BTreeMap<RecordId, BTreeSet<Slot>>,
    /// The charter's rules, once they were needed.
    rules: Option<Rules>,
}

impl Governance {
    /// The votes of `domain`, none seen yet.
    #[must_use]
    pub fn new(domain: DomainId) -> Self {
        Self {
            domain,
            judge: Judge::new(VoteRules, Topic::Governance(domain).id()),
            index: Index::default(),
            heard: 0,
            recounts: BTreeMap::new(),
            awaited: BTreeMap::new(),
            rules: None,
        }
    }

    /// The votes in a set that holds records already. Linear in the set.
    #[must_use]
    pub fn of(set: &RecordSet) -> Self {
        let mut governance = Self::new(set.domain());
        for slot in set.slots_for(governance.topic()) {
            governance.update(set, slot);
        }
        governance
    }

    /// Takes note of a record that the set added or completed. Answers with
    /// what became known by it. A receipt costs its ballots, a close a recount
    /// of its vote, everything else O(log n).
    pub fn update(&mut self, set: &RecordSet, slot: Slot) -> Vec<Event> {
        let mut events = Vec::new();
        let judged = set.judged().get(self.heard..).unwrap_or_default();
        self.heard = set.judged().len();
        let acts: Vec<(Slot, Act)> = judged
            .iter()
            .filter(|&&slot| set.verdict(slot).is_valid())
            .filter_map(|&slot| Some((slot, set.act(slot)?)))
            .collect();
        for (slot, act) in &acts {
            if let Act::Opening(opening) = act {
                events.push(Event::Opened {
                    opening: set.id(*slot),
                    proposal: opening.proposal,
                });
            }
        }
        let mut woken = self.wake(set, slot);
        for decided in self.judge.update(set, slot) {
            self.note(set, decided.slot, &mut events);
            woken.append(&mut self.wake(set, decided.slot));
        }
        for (slot, act) in acts {
            self.follow(set, slot, &act, &mut events);
        }
        for close in woken {
            self.recount_again(set, close, &mut events);
        }
        events
    }

    /// Certificates that waited for this record.
    fn wake(&mut self, set: &RecordSet, slot: Slot) -> Vec<Slot> {
        if self.awaited.is_empty() {
            return Vec::new();
        }
        self.awaited
            .remove(&set.id(slot))
            .into_iter()
            .flatten()
            .collect()
    }

    fn note(&mut self, set: &RecordSet, slot: Slot, events: &mut Vec<Event>) {
        let record = set.record(slot);
        let id = |slot: Slot| set.id(slot);
        if let Verdict::Invalid(breach) = self.judge.verdict(slot) {
            events.push(Event::Broken {
                record: record.id(),
                breach,
            });
            return;
        }
        match self.index.note(set, slot) {
            Some(Noted::Proposal(proposal, proposer)) => events.push(Event::ProposalMade {
                record: record.id(),
                proposal,
                proposer,
            }),
            Some(Noted::Ballot { opening, member }) => events.push(Event::BallotCast {
                opening: id(opening),
                ballot: record.id(),
                member,
            }),
            Some(Noted::Receipt(pairs)) => {
                events.extend(pairs.into_iter().map(|(opening, ballot)| {
                    Event::BallotAcknowledged {
                        opening: id(opening),
                        ballot: id(ballot),
                        teller: record.chain(),
                        receipt: record.id(),
                    }
                }));
            }
            Some(Noted::Shut { opening }) => events.push(Event::Shut {
                opening: id(opening),
                teller: record.chain(),
                shut: record.id(),
            }),
            None => {}
        }
    }

    fn follow(&mut self, set: &RecordSet, slot: Slot, act: &Act, events: &mut Vec<Event>) {
        match act {
            Act::Close(close) => {
                let recount = self.label(set, slot);
                events.push(Event::Closed {
                    opening: close.opening,
                    close: set.id(slot),
                    outcome: close.outcome,
                    recount,
                });
            }
            Act::Ready(ready) => events.push(Event::ReadyMade {
                close: ready.close,
                ready: set.id(slot),
            }),
            _ => {}
        }
    }

    fn recount_again(&mut self, set: &RecordSet, close: Slot, events: &mut Vec<Event>) {
        let recount = self.label(set, close);
        if !matches!(recount, Recount::Pending(_)) {
            events.push(Event::Recounted {
                close: set.id(close),
                recount,
            });
        }
    }

    /// What a chain has said up to the end of its spine.
    pub(crate) fn said(&self, set: &RecordSet, chain: &ChainId) -> Cow<'_, Said> {
        let tip = set.spine(chain).last().copied();
        match tip.and_then(|tip| self.judge.state_at(tip)) {
            Some(said) => Cow::Borrowed(said),
            None => Cow::Owned(self.judge.state(set, tip)),
        }
    }

    pub(crate) fn rehearse(&self, set: &RecordSet, draft: &Draft) -> Verdict<VoteRule> {
        self.judge.rehearse(set, draft)
    }

    /// The domain.
    #[must_use]
    pub const fn domain(&self) -> DomainId {
        self.domain
    }

    /// The topic of proposals and ballots.
    #[must_use]
    pub const fn topic(&self) -> TopicId {
        self.judge.topic()
    }

    /// Verdict about a record of the governance topic.
    #[must_use]
    pub fn verdict(&self, slot: Slot) -> Verdict<VoteRule> {
        self.judge.verdict(slot)
    }

    /// The first epoch met that needs newer code; tallies are incomplete then.
    #[must_use]
    pub const fn needs_upgrade(&self) -> Option<NeedsUpgrade> {
        self.judge.needs_upgrade()
    }

    /// Records that wait, by the record that each waits for first.
    pub fn waiting(&self) -> impl Iterator<Item = (RecordId, &[Slot])> {
        self.judge.waiting()
    }

    /// Valid proposals with the lowest record that makes each.
    pub fn proposals(&self) -> impl Iterator<Item = (ProposalId, RecordId, &Proposal)> {
        self.index.proposals()
    }

    /// A Valid proposal and the lowest record that makes it.
    #[must_use]
    pub fn proposal(&self, id: &ProposalId) -> Option<(RecordId, &Proposal)> {
        self.index.proposal(id)
    }

    /// Whether a certificate says what the ballots say. `None` when there is
    /// no Valid certificate of this name.
    #[must_use]
    pub fn recount(&self, set: &RecordSet, close: &RecordId) -> Option<&Recount> {
        self.recounts.get(&set.find(close)?)
    }

    /// Certificates with their labels.
    pub(crate) fn recounts(&self) -> impl Iterator<Item = (Slot, &Recount)> {
        self.recounts
            .iter()
            .map(|(close, recount)| (*close, recount))
    }
}

#[cfg(test)]
mod tests;
