use icn_types::canon::DecodeError;
use icn_types::error::{Coded, Fault};
use icn_types::key::TextError;
use icn_types::set::{AuthorityRule, NoProof, Refusal};
use icn_types::verdict::Breach;

use crate::sheet::{BadForm, LineError};

use super::rules::AuditRule;

/// An audit file is refused at one of its lines.
pub type AuditError = LineError<AuditReason>;

/// Why an audit file is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AuditReason {
    /// The text does not have the form of a file of lines.
    #[error("text does not have the form of an audit file")]
    Form(#[from] BadForm),
    /// The first statement names no domain.
    #[error("first statement names no domain")]
    Domain,
    /// The second statement names no node.
    #[error("second statement names no node")]
    Node,
    /// The node is not named by the text of a key.
    #[error("node is not named by its key")]
    NodeKey(#[source] TextError),
    /// Authority records, audit lines, entries and proofs do not come in this
    /// order.
    #[error("statement comes after its place in the file")]
    Order,
    /// The bytes are not those of a record.
    #[error("bytes are not a canonical record")]
    Bytes(#[from] DecodeError),
    /// The record comes without its content.
    #[error("record comes without its content")]
    Bare,
    /// The record lies on another chain than its word says.
    #[error("record lies on another chain than its word says")]
    Elsewhere,
    /// The record is not well-formed after the ones before it.
    #[error("record is not well-formed after those before it")]
    Refused(#[from] Refusal),
    /// An authority record occurs twice.
    #[error("record occurs twice")]
    RecordTwice,
    /// The record names one that does not stand before it.
    #[error("record names one that does not stand before it")]
    Waiting,
    /// The record breaks a rule of the authority chain.
    #[error("record is invalid by {}", .0.code())]
    InvalidRecord(Breach<AuthorityRule>),
    /// There is no authority record, so nothing proves anything.
    #[error("file has no charter")]
    Charter,
    /// The line does not follow the line before it: one was dropped, added,
    /// repeated or moved.
    #[error("audit line does not follow the line before it")]
    Follow,
    /// The line lies beyond a final Seal of its epoch.
    #[error("audit line lies beside the sealed chain")]
    Beside,
    /// The line breaks a rule of audit topics.
    #[error("audit line is invalid by {}", .0.code())]
    InvalidLine(Breach<AuditRule>),
    /// The line names no Opening of the authority chain.
    #[error("audit line names no opening in the file")]
    Opening,
    /// The line names no Close with this outcome.
    #[error("audit line names no close with this outcome in the file")]
    Close,
    /// The line names no Ready of an accepted Close.
    #[error("audit line names no ready in the file")]
    Ready,
    /// The Opening, Close or Ready belongs to another proposal.
    #[error("audit line names a decision about another proposal")]
    Proposal,
    /// The proposal has no such action.
    #[error("proposal has no such action")]
    Action,
    /// Two lines name one entry.
    #[error("entry was named by a line before")]
    EntryTwice,
    /// The entry that the line names is not in the file, or not in its place.
    #[error("entry of the audit line is missing or out of order")]
    EntryMissing,
    /// No line names the entry.
    #[error("no audit line names the entry")]
    EntryUnnamed,
    /// No Open in the file gives a key to the entry's chain and epoch.
    #[error("entry lies under no open of its chain")]
    EntryEpoch,
    /// The signature does not fit the key of the entry's epoch.
    #[error("signature does not fit the key of the entry's epoch")]
    EntrySignature,
    /// The entry does not ref the Ready that its line names.
    #[error("entry does not ref the ready of its line")]
    EntryReady,
    /// The entry does not lie on the account that the action lets pay.
    #[error("entry does not lie on the paying account of the action")]
    EntryPayer,
    /// The proof of the fork that the line tells of is not in the file, or not
    /// in its place.
    #[error("proof of the audit line is missing or out of order")]
    ProofMissing,
    /// No line tells of the fork that is proved.
    #[error("no audit line tells of the proved fork")]
    ProofUnnamed,
    /// No record in the file gives a key to the epoch and chain of the proof.
    #[error("proof lies under no epoch of its chain")]
    ProofEpoch,
    /// The two records of the proof are not by one key at one position.
    #[error("two records prove no fork")]
    Proof(#[from] NoProof),
    /// The registrar sealed a line that the file lacks: its end was cut off,
    /// or the chain was written anew.
    #[error("sealed audit line is missing")]
    Sealed,
    /// The known head does not lie on the chain: its end was cut off, or the
    /// chain was written anew.
    #[error("known head does not lie on the audit chain")]
    Head,
}

impl Coded for AuditReason {
    fn code(&self) -> &'static str {
        match self {
            Self::Form(bad) => bad.code(),
            Self::Domain => "audit.file.domain",
            Self::Node => "audit.file.node",
            Self::NodeKey(error) => error.code(),
            Self::Order => "audit.file.order",
            Self::Bytes(error) => error.code(),
            Self::Bare => "audit.file.bare",
            Self::Elsewhere => "audit.file.chain",
            Self::Refused(refusal) => refusal.code(),
            Self::RecordTwice => "audit.file.record.twice",
            Self::Waiting => "audit.file.waiting",
            Self::InvalidRecord(breach) => breach.code(),
            Self::Charter => "audit.file.charter",
            Self::Follow => "audit.file.follow",
            Self::Beside => "audit.file.beside",
            Self::InvalidLine(breach) => breach.code(),
            Self::Opening => "audit.file.opening",
            Self::Close => "audit.file.close",
            Self::Ready => "audit.file.ready",
            Self::Proposal => "audit.file.proposal",
            Self::Action => "audit.file.action",
            Self::EntryTwice => "audit.file.entry.twice",
            Self::EntryMissing => "audit.file.entry.missing",
            Self::EntryUnnamed => "audit.file.entry.unnamed",
            Self::EntryEpoch => "audit.file.entry.epoch",
            Self::EntrySignature => "audit.file.entry.signature",
            Self::EntryReady => "audit.file.entry.ready",
            Self::EntryPayer => "audit.file.entry.payer",
            Self::ProofMissing => "audit.file.proof.missing",
            Self::ProofUnnamed => "audit.file.proof.unnamed",
            Self::ProofEpoch => "audit.file.proof.epoch",
            Self::Proof(no_proof) => no_proof.code(),
            Self::Sealed => "audit.file.sealed",
            Self::Head => "audit.file.head",
        }
    }

    fn fault(&self) -> Fault {
        Fault::Peer
    }
}
