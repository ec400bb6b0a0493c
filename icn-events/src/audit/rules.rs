use std::collections::BTreeSet;

use icn_types::authority::ProposalId;
use icn_types::chain::Owner;
use icn_types::error::{Coded, Fault};
use icn_types::id::{DomainId, RecordId};
use icn_types::judge::{Case, Rules};
use icn_types::key::PeerId;
use icn_types::set::Slot;
use icn_types::time::Timestamp;
use icn_types::verdict::Breach;

use super::line::{AUDIT_LINE, AuditEvent, AuditLine};

/// The rules of one node's audit topic.
///
/// Only the node's own chain counts, time never goes back on it, and no action
/// of a decision is paid twice, nor an entry recorded twice that draws on an
/// envelope, nor a record that is evidence of a fork.
#[derive(Clone, Copy, Debug)]
pub struct AuditRules {
    domain: DomainId,
    node: PeerId,
}

/// The rule that an audit line breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AuditRule {
    /// The chain does not belong to the node whose topic it lies in.
    #[error("audit chain does not belong to the node of its topic")]
    Owner,
    /// The line was recorded before the one before it.
    #[error("audit line goes back in time")]
    Time,
    /// The chain has a payment for this action of this proposal already, a line
    /// about this entry, or one about either record of this evidence.
    #[error("what the line tells of was recorded before")]
    Twice,
}

impl Coded for AuditRule {
    fn code(&self) -> &'static str {
        match self {
            Self::Owner => "audit.owner",
            Self::Time => "audit.time",
            Self::Twice => "audit.twice",
        }
    }

    fn fault(&self) -> Fault {
        Fault::Rule
    }
}

/// What the lines of an audit chain add up to. Grows with them.
#[derive(Clone, Debug, Default)]
pub struct AuditState {
    recorded_at: Timestamp,
    paid: BTreeSet<(ProposalId, u16)>,
    /// Openings, Closes and entries that draw on envelopes, of which a line
    /// tells.
    told: BTreeSet<RecordId>,
    /// Records that lines name as evidence of a fork.
    evidence: BTreeSet<RecordId>,
}

impl AuditState {
    /// When the last line was recorded; the start of time before the first.
    #[must_use]
    pub const fn recorded_at(&self) -> Timestamp {
        self.recorded_at
    }

    /// Whether this action was recorded as paid.
    #[must_use]
    pub fn is_paid(&self, proposal: ProposalId, action: u16) -> bool {
        self.paid.contains(&(proposal, action))
    }

    /// Whether a line tells of this Opening, Close, or entry that draws on an
    /// envelope.
    #[must_use]
    pub fn is_told(&self, record: &RecordId) -> bool {
        self.told.contains(record)
    }

    /// Whether a line names this record as evidence of a fork.
    #[must_use]
    pub fn is_evidence(&self, record: &RecordId) -> bool {
        self.evidence.contains(record)
    }
}

impl AuditRules {
    /// The rules of the audit topic of `node`.
    #[must_use]
    pub const fn new(domain: DomainId, node: PeerId) -> Self {
        Self { domain, node }
    }

    /// The domain.
    #[must_use]
    pub const fn domain(&self) -> DomainId {
        self.domain
    }

    /// The node.
    #[must_use]
    pub const fn node(&self) -> PeerId {
        self.node
    }
}

impl Rules for AuditRules {
    type State = AuditState;
    type Delta = AuditLine;
    type Effect = ();
    type Rule = AuditRule;

    fn start(&self) -> AuditState {
        AuditState::default()
    }

    fn judge(&self, case: &Case<'_>, state: &AuditState) -> Result<AuditLine, Breach<AuditRule>> {
        if case.header.kind() != AUDIT_LINE {
            return Err(Breach::Kind);
        }
        let line: AuditLine = case.content.read().map_err(|_| Breach::Body)?;
        if case.open.chain.owner() != Owner::Node(self.node) {
            return Err(Breach::Rule(AuditRule::Owner));
        }
        if line.recorded_at < state.recorded_at {
            return Err(Breach::Rule(AuditRule::Time));
        }
        match line.event {
            AuditEvent::Paid {
                proposal, action, ..
            } if state.is_paid(proposal, action) => Err(Breach::Rule(AuditRule::Twice)),
            AuditEvent::Drawn { entry, .. } if state.is_told(&entry) => {
                Err(Breach::Rule(AuditRule::Twice))
            }
            AuditEvent::Evidence { low, high }
                if state.is_evidence(&low) || state.is_evidence(&high) =>
            {
                Err(Breach::Rule(AuditRule::Twice))
            }
            _ => Ok(line),
        }
    }

    fn apply(&self, _: Slot, line: AuditLine, state: &mut AuditState) {
        state.recorded_at = line.recorded_at;
        match line.event {
            AuditEvent::Paid {
                proposal, action, ..
            } => {
                state.paid.insert((proposal, action));
            }
            AuditEvent::Opened { opening, .. } => {
                state.told.insert(opening);
            }
            AuditEvent::Closed { close, .. } => {
                state.told.insert(close);
            }
            AuditEvent::Drawn { entry, .. } => {
                state.told.insert(entry);
            }
            AuditEvent::Evidence { low, high } => {
                state.evidence.extend([low, high]);
            }
            AuditEvent::Authored { .. } => {}
        }
    }
}
