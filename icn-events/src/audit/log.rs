use std::collections::BTreeMap;

use icn_types::authority::{ProposalId, Tip};
use icn_types::chain::Chain;
use icn_types::error::{Coded, Fault};
use icn_types::id::{ChainId, DomainId, RecordId, TopicId};
use icn_types::judge::Judge;
use icn_types::key::PeerId;
use icn_types::record::{Content, Draft, Place};
use icn_types::set::{RecordSet, Slot};
use icn_types::time::Timestamp;
use icn_types::verdict::{Breach, Verdict};

use super::line::{AUDIT_LINE, AuditEvent, AuditLine};
use super::rules::{AuditRule, AuditRules, AuditState};
use super::{audit_chain, audit_topic};

/// The audit log of one node: verdicts about its lines, drafts of new ones and
/// the way from a decision to its entry.
///
/// It holds an index, not the records: those are in the set, which every
/// method must be given as the same one.
#[derive(Clone, Debug)]
pub struct AuditLog {
    judge: Judge<AuditRules>,
    chain: Chain,
    id: ChainId,
    by_proposal: BTreeMap<ProposalId, Vec<Slot>>,
}

/// One line with its record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Logged {
    /// The record in the set.
    pub slot: Slot,
    /// Its id.
    pub id: RecordId,
    /// What it says.
    pub line: AuditLine,
}

/// Why no line can be drafted. Nothing was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotRecorded {
    /// The audit chain has no epoch in force, is sealed for good or forks.
    #[error("audit chain has no place for a next line")]
    Place,
    /// The line before is not judged yet: tell the log of every record first.
    #[error("line before is not judged yet")]
    Waiting,
    /// The line would be Invalid.
    #[error("line would be invalid by {}", .0.code())]
    Invalid(Breach<AuditRule>),
}

impl Coded for NotRecorded {
    fn code(&self) -> &'static str {
        match self {
            Self::Place => "audit.place",
            Self::Waiting => "audit.waiting",
            Self::Invalid(breach) => breach.code(),
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::Place | Self::Invalid(_) => Fault::Rule,
            Self::Waiting => Fault::Caller,
        }
    }
}

impl NotRecorded {
    /// Of a verdict that is not Valid.
    const fn of(verdict: Verdict<AuditRule>) -> Self {
        match verdict {
            Verdict::Invalid(breach) => Self::Invalid(breach),
            Verdict::Valid | Verdict::Waiting => Self::Waiting,
        }
    }
}

fn line_draft(
    place: Place,
    event: AuditEvent,
    cause: Option<RecordId>,
    recorded_at: Timestamp,
) -> Result<Draft, NotRecorded> {
    let line = AuditLine { event, recorded_at };
    Content::new(Vec::new(), event.cause().or(cause), &line)
        .and_then(|content| Draft::new(place, AUDIT_LINE, recorded_at, content))
        .ok_or(NotRecorded::Place)
}

impl AuditLog {
    /// The log of a node, before its first line.
    #[must_use]
    pub fn new(domain: DomainId, node: PeerId) -> Self {
        let chain = audit_chain(domain, node);
        Self {
            judge: Judge::new(
                AuditRules::new(domain, node),
                audit_topic(domain, node).id(),
            ),
            chain,
            id: chain.id(),
            by_proposal: BTreeMap::new(),
        }
    }

    /// The log of a node in a set that holds records already. Linear in the set.
    #[must_use]
    pub fn of(set: &RecordSet, node: PeerId) -> Self {
        let mut log = Self::new(set.domain(), node);
        for slot in set.slots_for(log.topic()) {
            log.update(set, slot);
        }
        log
    }

    /// Takes note of a record that the set added or completed, of any topic.
    /// Answers with the audit lines that are now decided.
    pub fn update(&mut self, set: &RecordSet, slot: Slot) -> Vec<Slot> {
        let decided = self.judge.update(set, slot).into_iter();
        let decided: Vec<Slot> = decided.map(|decided| decided.slot).collect();
        for &slot in &decided {
            let proposal = self.line(set, slot).and_then(|line| line.event.proposal());
            if let Some(proposal) = proposal {
                self.by_proposal.entry(proposal).or_default().push(slot);
            }
        }
        decided
    }

    /// A draft of the next line, to be signed with the key of the chain's
    /// epoch. `cause` is kept for events that name no decision themselves. A
    /// clock that went back is taken to stand at the last line.
    ///
    /// # Errors
    /// [`NotRecorded`]; nothing changes.
    pub fn draft(
        &self,
        set: &RecordSet,
        event: AuditEvent,
        cause: Option<RecordId>,
        at: Timestamp,
    ) -> Result<Draft, NotRecorded> {
        let place = set.next_place(&self.id).ok_or(NotRecorded::Place)?;
        let draft = line_draft(place, event, cause, at.max(self.recorded_at(set)))?;
        match self.judge.rehearse(set, &draft) {
            Verdict::Valid => Ok(draft),
            verdict => Err(NotRecorded::of(verdict)),
        }
    }

    /// Drafts of the next lines, which follow each other before any is signed:
    /// whoever signs all of them can store all or none. Beyond one line it
    /// costs a copy of what the log adds up to, linear in its lines.
    ///
    /// # Errors
    /// [`NotRecorded`] of the first that cannot be drafted; nothing changes.
    pub fn draft_all(
        &self,
        set: &RecordSet,
        events: &[AuditEvent],
        at: Timestamp,
    ) -> Result<Vec<Draft>, NotRecorded> {
        let recorded_at = at.max(self.recorded_at(set));
        let mut place = set.next_place(&self.id);
        let stored = set.spine(&self.id).last().copied();
        let mut rehearsal = self.judge.rehearsal(set, stored);
        let mut drafts: Vec<Draft> = Vec::with_capacity(events.len());
        for (number, &event) in events.iter().enumerate() {
            let here = place.ok_or(NotRecorded::Place)?;
            let draft = line_draft(here, event, None, recorded_at)?;
            let line = self.judge.rehearse_on(set, &draft, &rehearsal);
            let line = line.map_err(NotRecorded::of)?;
            if number + 1 < events.len() {
                let slot = set.slot_ahead(number).ok_or(NotRecorded::Place)?;
                self.judge.follow(&mut rehearsal, &draft, line, slot);
            }
            place = draft.header().next_place();
            drafts.push(draft);
        }
        Ok(drafts)
    }

    /// When the last line of the chain was recorded; the start of time while
    /// there is none.
    #[must_use]
    pub fn recorded_at(&self, set: &RecordSet) -> Timestamp {
        let state = self.state(set);
        state.map_or_else(Timestamp::default, AuditState::recorded_at)
    }

    /// All Valid lines on the chain's spine, in order.
    pub fn lines<'a>(&'a self, set: &'a RecordSet) -> impl Iterator<Item = Logged> + 'a {
        set.spine(&self.id)
            .iter()
            .filter_map(|&slot| self.logged(set, slot))
    }

    /// The lines about one proposal, in order: opened, closed, paid.
    pub fn of_proposal<'a>(
        &'a self,
        set: &'a RecordSet,
        proposal: &ProposalId,
    ) -> impl Iterator<Item = Logged> + 'a {
        self.by_proposal
            .get(proposal)
            .into_iter()
            .flatten()
            .filter(|slot| set.on_spine(**slot))
            .filter_map(|&slot| self.logged(set, slot))
    }

    /// The line that records how one action of a proposal was carried out.
    #[must_use]
    pub fn payment(&self, set: &RecordSet, proposal: &ProposalId, action: u16) -> Option<Logged> {
        self.of_proposal(set, proposal).find(|logged| {
            matches!(logged.line.event, AuditEvent::Paid { action: paid, .. } if paid == action)
        })
    }

    /// Whether a line tells of an opening, of a certificate, that an action was
    /// paid, that an entry drew on an envelope, or of either record of a fork.
    /// Of anything else none is looked for. O(log n).
    #[must_use]
    pub fn is_recorded(&self, set: &RecordSet, event: &AuditEvent) -> bool {
        let Some(state) = self.state(set) else {
            return false;
        };
        match event {
            AuditEvent::Opened { opening: told, .. }
            | AuditEvent::Closed { close: told, .. }
            | AuditEvent::Drawn { entry: told, .. } => state.is_told(told),
            AuditEvent::Paid {
                proposal, action, ..
            } => state.is_paid(*proposal, *action),
            AuditEvent::Evidence { low, high } => state.is_evidence(low) || state.is_evidence(high),
            AuditEvent::Authored { .. } => false,
        }
    }

    /// Whether a line names this record as evidence of a fork. O(log n).
    #[must_use]
    pub fn is_evidence(&self, set: &RecordSet, record: &RecordId) -> bool {
        let state = self.state(set);
        state.is_some_and(|state| state.is_evidence(record))
    }

    /// What the lines of the spine add up to.
    fn state(&self, set: &RecordSet) -> Option<&AuditState> {
        self.judge.state_at(*set.spine(&self.id).last()?)
    }

    /// Verdict about a record of the audit topic.
    #[must_use]
    pub fn verdict(&self, slot: Slot) -> Verdict<AuditRule> {
        self.judge.verdict(slot)
    }

    /// The judge behind the verdicts.
    #[must_use]
    pub const fn judge(&self) -> &Judge<AuditRules> {
        &self.judge
    }

    /// The last record of the chain's spine.
    #[must_use]
    pub fn head(&self, set: &RecordSet) -> Option<Tip> {
        let record = set.record(*set.spine(&self.id).last()?);
        Some(Tip {
            seq: record.seq(),
            head: record.id(),
        })
    }

    /// The definition of the chain, for the Open that starts it.
    #[must_use]
    pub const fn chain(&self) -> Chain {
        self.chain
    }

    /// The chain's name.
    #[must_use]
    pub const fn chain_id(&self) -> ChainId {
        self.id
    }

    /// The audit topic's name.
    #[must_use]
    pub const fn topic(&self) -> TopicId {
        self.judge.topic()
    }

    /// The domain.
    #[must_use]
    pub const fn domain(&self) -> DomainId {
        self.judge.rules().domain()
    }

    /// The node.
    #[must_use]
    pub const fn node(&self) -> PeerId {
        self.judge.rules().node()
    }

    fn logged(&self, set: &RecordSet, slot: Slot) -> Option<Logged> {
        let line = self.line(set, slot)?;
        let id = set.id(slot);
        Some(Logged { slot, id, line })
    }

    fn line(&self, set: &RecordSet, slot: Slot) -> Option<AuditLine> {
        self.verdict(slot).is_valid().then_some(())?;
        AuditLine::of(set.record(slot))
    }
}
