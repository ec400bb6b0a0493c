//! What a replica noticed, for the host, logs and metrics.

use icn_types::canon::DecodeError;
use icn_types::error::{Coded, Fault};
use icn_types::id::{DomainId, RecordId, TopicId};
use icn_types::key::PeerId;
use icn_types::set::{Equivocation, Refusal};

/// Something that happened in a step, beside what was stored.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SyncEvent {
    /// A writer signed two records for one position: the proof, once per epoch.
    Equivocation(Box<Equivocation>),
    /// A peer confirmed that it holds the same canonical records of a topic.
    /// Said once per peer and state.
    Converged {
        /// The topic.
        topic: TopicId,
        /// The peer.
        peer: PeerId,
    },
    /// A peer sent something wrong. Nothing of it was stored.
    PeerFault {
        /// The peer.
        peer: PeerId,
        /// What it did.
        fault: PeerFault,
    },
    /// A peer did too much wrong and is not listened to for a while.
    PeerMuted(PeerId),
    /// A record of this node's own was not stored.
    Refused {
        /// The record.
        record: RecordId,
        /// Why.
        refusal: Refusal,
    },
}

/// What a peer did wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PeerFault {
    /// It is not on the list of peers; its frame was not read.
    #[error("peer is not on the list")]
    Stranger,
    /// Its frame is not one of the format.
    #[error("frame cannot be read")]
    Frame(#[source] DecodeError),
    /// A record in its frame cannot be read.
    #[error("record cannot be read")]
    Record(#[source] DecodeError),
    /// It sent a record that is not well-formed.
    #[error("record is not well-formed")]
    Refused(#[source] Refusal),
    /// It speaks for another domain.
    #[error("peer belongs to domain {0}")]
    Domain(DomainId),
    /// It sent a record of a topic that this replica does not follow.
    #[error("topic {0} is not followed here")]
    Topic(TopicId),
}

impl PeerFault {
    /// How much the fault weighs against the peer. A forged record can only be
    /// malice; an unreadable one may be another version.
    pub(crate) const fn weight(self) -> u32 {
        match self {
            Self::Stranger => 0,
            Self::Frame(_) | Self::Record(_) => 20,
            Self::Refused(_) | Self::Domain(_) => 100,
            Self::Topic(_) => 1,
        }
    }
}

impl Coded for PeerFault {
    fn code(&self) -> &'static str {
        match self {
            Self::Stranger => "sync.peer.stranger",
            Self::Frame(_) => "sync.peer.frame",
            Self::Record(_) => "sync.peer.record",
            Self::Refused(_) => "sync.peer.refused",
            Self::Domain(_) => "sync.peer.domain",
            Self::Topic(_) => "sync.peer.topic",
        }
    }

    fn fault(&self) -> Fault {
        Fault::Peer
    }
}
