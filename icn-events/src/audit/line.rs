use icn_types::authority::{Outcome, ProposalId};
use icn_types::canon::{Decode, DecodeError, Encode, Reader, Reason, Writer};
use icn_types::canonical;
use icn_types::id::RecordId;
use icn_types::record::{Kind, Record};
use icn_types::time::Timestamp;

/// The kind of an audit line, the only one in an audit topic.
pub const AUDIT_LINE: Kind = Kind::new(96);

/// One line of an audit log, the body of its record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "signed data: its fields are the format"
)]
pub struct AuditLine {
    /// What happened.
    pub event: AuditEvent,
    /// When the node wrote it down; never before the line before.
    pub recorded_at: Timestamp,
}
canonical!(AuditLine = "icn/events/audit-line/v1" { event, recorded_at });

impl AuditLine {
    /// The line in a record. `None` when the record is no audit line, comes
    /// without its content or its body cannot be read.
    #[must_use]
    pub fn of(record: &Record) -> Option<Self> {
        (record.kind() == AUDIT_LINE).then_some(())?;
        record.content()?.read().ok()
    }
}

/// What an audit line tells. Everything is named by hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AuditEvent {
    /// The node saw voting open.
    Opened {
        /// The proposal.
        proposal: ProposalId,
        /// The Opening.
        opening: RecordId,
    },
    /// The node saw a certificate.
    Closed {
        /// The proposal.
        proposal: ProposalId,
        /// The Close.
        close: RecordId,
        /// What it claims.
        outcome: Outcome,
    },
    /// An entry carried out one action of a decision.
    Paid {
        /// The proposal.
        proposal: ProposalId,
        /// Which of its actions, from 0.
        action: u16,
        /// The Ready under which it was paid.
        ready: RecordId,
        /// The ledger record.
        entry: RecordId,
    },
    /// An entry paid or set aside some of an envelope.
    Drawn {
        /// The proposal.
        proposal: ProposalId,
        /// Which of its actions the envelope is, from 0.
        action: u16,
        /// The Ready under which it was paid.
        ready: RecordId,
        /// The ledger record.
        entry: RecordId,
    },
    /// The node signed a record on some chain.
    ///
    /// A [`Node`](crate::node::Node) does not write it, and
    /// [`verify`](super::verify) does not check it. What a node signs lies on
    /// chains that others hold and check: acts of a registrar in the file of
    /// every log, payments under a decision beside the lines about them. A line
    /// for each would be one record more for every record, and no reader could
    /// tell which keys are the node's, so that none would be missed.
    Authored {
        /// The record.
        record: RecordId,
    },
    /// The node holds two records at one position of one epoch: the two lowest
    /// ids there when it wrote this down. It does so once for each position
    /// where a chain parts, in the commit of the step in which it learned of it,
    /// or later where the log took no line then.
    Evidence {
        /// The lower id.
        low: RecordId,
        /// The higher id.
        high: RecordId,
    },
}

impl AuditEvent {
    /// The proposal that it is about.
    #[must_use]
    pub const fn proposal(&self) -> Option<ProposalId> {
        match self {
            Self::Opened { proposal, .. }
            | Self::Closed { proposal, .. }
            | Self::Paid { proposal, .. }
            | Self::Drawn { proposal, .. } => Some(*proposal),
            Self::Authored { .. } | Self::Evidence { .. } => None,
        }
    }

    /// The authority record that it follows from: the Opening, Close or Ready.
    #[must_use]
    pub const fn cause(&self) -> Option<RecordId> {
        match self {
            Self::Opened { opening, .. } => Some(*opening),
            Self::Closed { close, .. } => Some(*close),
            Self::Paid { ready, .. } | Self::Drawn { ready, .. } => Some(*ready),
            Self::Authored { .. } | Self::Evidence { .. } => None,
        }
    }
}

impl Encode for AuditEvent {
    /// `[code, ...]`: 0 Opened, 1 Closed, 2 Paid, 3 Authored, 4 Evidence,
    /// 5 Drawn.
    fn encode(&self, w: &mut Writer) {
        match self {
            Self::Opened { proposal, opening } => {
                w.array(3);
                w.uint(0);
                proposal.encode(w);
                opening.encode(w);
            }
            Self::Closed {
                proposal,
                close,
                outcome,
            } => {
                w.array(4);
                w.uint(1);
                proposal.encode(w);
                close.encode(w);
                outcome.encode(w);
            }
            Self::Paid {
                proposal,
                action,
                ready,
                entry,
            } => {
                w.array(5);
                w.uint(2);
                proposal.encode(w);
                action.encode(w);
                ready.encode(w);
                entry.encode(w);
            }
            Self::Drawn {
                proposal,
                action,
                ready,
                entry,
            } => {
                w.array(5);
                w.uint(5);
                proposal.encode(w);
                action.encode(w);
                ready.encode(w);
                entry.encode(w);
            }
            Self::Authored { record } => {
                w.array(2);
                w.uint(3);
                record.encode(w);
            }
            Self::Evidence { low, high } => {
                w.array(3);
                w.uint(4);
                low.encode(w);
                high.encode(w);
            }
        }
    }
}

impl Decode for AuditEvent {
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let items = r.array()?;
        match (r.uint()?, items) {
            (0, 3) => Ok(Self::Opened {
                proposal: Decode::decode(r)?,
                opening: Decode::decode(r)?,
            }),
            (1, 4) => Ok(Self::Closed {
                proposal: Decode::decode(r)?,
                close: Decode::decode(r)?,
                outcome: Decode::decode(r)?,
            }),
            (2, 5) => Ok(Self::Paid {
                proposal: Decode::decode(r)?,
                action: Decode::decode(r)?,
                ready: Decode::decode(r)?,
                entry: Decode::decode(r)?,
            }),
            (5, 5) => Ok(Self::Drawn {
                proposal: Decode::decode(r)?,
                action: Decode::decode(r)?,
                ready: Decode::decode(r)?,
                entry: Decode::decode(r)?,
            }),
            (3, 2) => Ok(Self::Authored {
                record: Decode::decode(r)?,
            }),
            (4, 3) => {
                let (low, high) = (RecordId::decode(r)?, RecordId::decode(r)?);
                if low < high {
                    Ok(Self::Evidence { low, high })
                } else {
                    Err(r.error(Reason::Value("audit.evidence.order")))
                }
            }
            _ => Err(r.error(Reason::Value("audit.event"))),
        }
    }
}
