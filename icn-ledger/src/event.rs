//! What a ledger tells about the records that it decided.

use icn_types::id::{ChainId, RecordId};
use icn_types::verdict::Breach;

use crate::legs::LegId;
use crate::remark::Ruling;
use crate::rule::LedgerRule;

/// Something that a replica's ledger learned. Unsigned and local: two replicas
/// learn the same things in different orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LedgerEvent {
    /// A Valid payment arrived.
    Paid {
        /// The payment.
        payment: RecordId,
        /// Who pays.
        payer: ChainId,
    },
    /// A payee took a leg.
    Acknowledged {
        /// The acknowledgement.
        ack: RecordId,
        /// The leg.
        leg: LegId,
        /// Who took it.
        payee: ChainId,
    },
    /// A payee sent a leg back.
    Refused {
        /// The refusal.
        refusal: RecordId,
        /// The leg.
        leg: LegId,
        /// Who sent it back.
        payee: ChainId,
    },
    /// A Valid hold arrived.
    Held {
        /// The hold.
        hold: RecordId,
        /// Who set an amount aside.
        payer: ChainId,
    },
    /// The resolver of a hold said who gets what.
    Resolved {
        /// The Resolve.
        resolve: RecordId,
        /// The hold.
        hold: RecordId,
        /// Who resolved it.
        resolver: ChainId,
    },
    /// A payee pays back some of a leg.
    Refunded {
        /// The refund.
        refund: RecordId,
        /// The leg that it is of.
        original: LegId,
        /// Who pays it back.
        payer: ChainId,
    },
    /// A shared account pays a claim.
    Settled {
        /// The settlement.
        settlement: RecordId,
        /// The leg that is claimed.
        claim: LegId,
        /// Who pays.
        payer: ChainId,
    },
    /// Somebody disputes a leg.
    Disputed {
        /// The dispute.
        dispute: RecordId,
        /// Whose account it stands on.
        by: ChainId,
        /// Whose account will say how it ends.
        mediator: ChainId,
    },
    /// A mediator ended a dispute.
    Ruled {
        /// The outcome.
        outcome: RecordId,
        /// The dispute.
        dispute: RecordId,
        /// How it ended.
        ruling: Ruling,
    },
    /// Somebody said which payments belong together.
    Bundled {
        /// The bundle.
        bundle: RecordId,
        /// Whose account it stands on.
        by: ChainId,
    },
    /// A record breaks a rule and ends its epoch. Together with its ancestors
    /// it convicts its author.
    Convicted {
        /// The record.
        record: RecordId,
        /// The chain that it ends the epoch of.
        chain: ChainId,
        /// What it breaks.
        breach: Breach<LedgerRule>,
    },
    /// A fork, Seal or Recall moved a spine, or records beside one came to
    /// count: labels and columns of records that were known before may have
    /// changed.
    Relabelled,
}

impl LedgerEvent {
    /// The entry that it is about; none for one about many.
    #[must_use]
    pub const fn record(&self) -> Option<RecordId> {
        match self {
            Self::Paid { payment: id, .. }
            | Self::Acknowledged { ack: id, .. }
            | Self::Refused { refusal: id, .. }
            | Self::Held { hold: id, .. }
            | Self::Resolved { resolve: id, .. }
            | Self::Refunded { refund: id, .. }
            | Self::Settled { settlement: id, .. }
            | Self::Disputed { dispute: id, .. }
            | Self::Ruled { outcome: id, .. }
            | Self::Bundled { bundle: id, .. }
            | Self::Convicted { record: id, .. } => Some(*id),
            Self::Relabelled => None,
        }
    }
}
