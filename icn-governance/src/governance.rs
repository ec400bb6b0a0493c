//! All votes of one domain, as far as a set of records tells.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use icn_types::authority::{Act, Close, Opening, Outcome, ProposalId};
use icn_types::id::{ChainId, DomainId, RecordId, TopicId};
use icn_types::judge::{Judge, NeedsUpgrade};
use icn_types::key::MemberId;
use icn_types::record::Draft;
use icn_types::set::{Frozen, RecordSet, Slot};
use icn_types::topic::Topic;
use icn_types::verdict::{Breach, Verdict};

use crate::body::Proposal;
use crate::charter::{Rules, Trust, certain_receipts};
use crate::count::{Deviation, Difference, Falsehood, Recount, acknowledged, figures, latest};
use crate::index::{Index, Noted};
use crate::rule::Rule;
use crate::rules::{Said, VoteRule, VoteRules};
use crate::tally::Tally;

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
    /// The charter's rules once the charter is here; none if it has none.
    rules: Option<Option<Rules>>,
}

/// Something that became known. A notice for people and for the next crate;
/// nothing is decided by the order of events.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A member proposed something.
    ProposalMade {
        /// The record that proposes it.
        record: RecordId,
        /// The proposal.
        proposal: ProposalId,
        /// Who proposes it.
        proposer: MemberId,
    },
    /// Voting was opened.
    Opened {
        /// The opening.
        opening: RecordId,
        /// What is voted on.
        proposal: ProposalId,
    },
    /// A member voted.
    BallotCast {
        /// The opening.
        opening: RecordId,
        /// The ballot.
        ballot: RecordId,
        /// Who voted.
        member: MemberId,
    },
    /// A teller acknowledged a ballot.
    BallotAcknowledged {
        /// The opening.
        opening: RecordId,
        /// The ballot.
        ballot: RecordId,
        /// The teller's chain.
        teller: ChainId,
        /// The receipt.
        receipt: RecordId,
    },
    /// A teller ended its list.
    Shut {
        /// The opening.
        opening: RecordId,
        /// The teller's chain.
        teller: ChainId,
        /// The shut.
        shut: RecordId,
    },
    /// The registrar certified an outcome.
    Closed {
        /// The opening.
        opening: RecordId,
        /// The certificate.
        close: RecordId,
        /// What it claims.
        outcome: Outcome,
        /// Whether the ballots say so.
        recount: Recount,
    },
    /// A certificate whose recount was pending now has an answer.
    Recounted {
        /// The certificate.
        close: RecordId,
        /// The answer.
        recount: Recount,
    },
    /// A decision may take effect.
    ReadyMade {
        /// The certificate.
        close: RecordId,
        /// The record that lets it.
        ready: RecordId,
    },
    /// A record breaks a rule.
    Broken {
        /// The record.
        record: RecordId,
        /// The rule.
        breach: Breach<VoteRule>,
    },
}

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
    /// Figures of everything that any teller has acknowledged so far.
    pub tally: Option<Tally>,
    /// Members with a Valid ballot, acknowledged or not.
    pub voted: usize,
    /// Chains of tellers that have shut.
    pub shut: Vec<ChainId>,
    /// Whom the outcome rests on.
    pub trust: Trust,
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
                    opening: set.record(*slot).id(),
                    proposal: opening.proposal,
                });
            }
        }
        let mut woken = self.wake(set, slot);
        for decided in self.judge.update(set, slot) {
            self.note(set, decided, &mut events);
            woken.append(&mut self.wake(set, decided));
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
        self.awaited
            .remove(&set.record(slot).id())
            .into_iter()
            .flatten()
            .collect()
    }

    fn note(&mut self, set: &RecordSet, slot: Slot, events: &mut Vec<Event>) {
        let record = set.record(slot);
        let id = |slot: Slot| set.record(slot).id();
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
                    close: set.record(slot).id(),
                    outcome: close.outcome,
                    recount,
                });
            }
            Act::Ready(ready) => events.push(Event::ReadyMade {
                close: ready.close,
                ready: set.record(slot).id(),
            }),
            _ => {}
        }
    }

    fn recount_again(&mut self, set: &RecordSet, close: Slot, events: &mut Vec<Event>) {
        let recount = self.label(set, close);
        if !matches!(recount, Recount::Pending(_)) {
            events.push(Event::Recounted {
                close: set.record(close).id(),
                recount,
            });
        }
    }

    /// Recounts and remembers the answer, or what it waits for.
    fn label(&mut self, set: &RecordSet, close: Slot) -> Recount {
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
            return Recount::Pending(Vec::from([set.record(slot).id()]));
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
    fn is_undecided(&self, set: &RecordSet, id: &RecordId) -> bool {
        set.find(id).is_none_or(|slot| {
            set.record(slot).topic() == self.judge.topic() && self.judge.verdict(slot).is_waiting()
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
                    let teller = set.record(*shut).chain();
                    let of_teller = vote.and_then(|vote| vote.shuts.get(&teller));
                    of_teller.is_some_and(|known| known.contains(shut))
                })
                .ok_or(Falsehood::Shut(*id))?;
            if !tellers.insert(set.record(shut).chain()) {
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
    pub(crate) fn check_opening(
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
        match &self.rules {
            Some(rules) => rules.clone(),
            None => charter_rules(set).flatten(),
        }
    }

    pub(crate) fn said(&self, set: &RecordSet, chain: &ChainId) -> Said {
        self.judge.state(set, set.spine(chain).last().copied())
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

    /// One vote as it stands, whether still running or not. Costs one tally.
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
            tally: figures(set, &self.index, frozen, &ballots).ok(),
            voted: records.map_or(0, |vote| vote.ballots.len()),
            shut,
            trust: Trust::of(&frozen.opening().terms),
        })
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
        Some(set.record(ballot).id())
    }
}

/// The charter's rules of voting. `None` before the charter is here.
fn charter_rules(set: &RecordSet) -> Option<Option<Rules>> {
    let charter = set.find(&RecordId::from_bytes(*set.domain().as_bytes()))?;
    match set.act(charter)? {
        Act::Charter(charter) => Some(charter.rules.read().ok()),
        _ => None,
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

#[cfg(test)]
mod tests;
