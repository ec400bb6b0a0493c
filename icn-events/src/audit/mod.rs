//! The audit log of a node: what it did, under which decision, in records that
//! a stranger can check.
//!
//! An audit line is a record on the chain of its node in the node's audit
//! topic. The lines bind a decision to the ledger entry that carried it out:
//! proposal, opening, close, ready, entry, each by hash; others tell of forks
//! that the node has seen, two records by one key at one position. [`AuditLog`]
//! writes drafts and answers questions; [`verify`] checks an exported file with
//! nothing but the file.
//!
//! ```
//! use icn_events::audit::{AuditLog, verify};
//! use icn_types::key::{PeerId, Signer as _};
//! use icn_types::testkit::stage::Stage;
//!
//! let mut stage = Stage::new(1, 4); // a charter with four members
//! let node = PeerId::new(stage.draw_key().public_key());
//! let log = AuditLog::new(stage.domain(), node);
//! let report = verify(&log.export(&stage.set)?, None)?;
//! assert_eq!((report.node, report.lines), (node, 0));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod error;
mod file;
mod line;
mod log;
mod proof;
mod rules;
mod verify;

use icn_types::chain::{Chain, Owner};
use icn_types::id::DomainId;
use icn_types::key::PeerId;
use icn_types::topic::Topic;

pub use error::{AuditError, AuditReason};
pub use line::{AUDIT_LINE, AuditEvent, AuditLine};
pub use log::{AuditLog, Logged, NotRecorded};
pub use rules::{AuditRule, AuditRules, AuditState};
pub use verify::{Payment, Report, verify};

/// The audit topic of a node.
#[must_use]
pub const fn audit_topic(domain: DomainId, node: PeerId) -> Topic {
    Topic::Audit(domain, node)
}

/// The definition of a node's audit chain, for the Open that starts it.
#[must_use]
pub fn audit_chain(domain: DomainId, node: PeerId) -> Chain {
    audit_topic(domain, node).chain(Owner::Node(node))
}
