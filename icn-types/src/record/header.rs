use crate::canon::{Decode, DecodeError, Encode, Reader, Reason, Tagged, Writer};
use crate::hash;
use crate::id::{ChainId, ContentHash, DomainId, RecordId, TopicId};
use crate::time::Timestamp;
use crate::topic::{Topic, authority_chain};

use super::content::CONTENT_LEN_MAX;
use super::kind::Kind;

/// Where a record stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "the three shapes of a header, fixed by the format"
)]
pub enum Place {
    /// A charter: it founds the topic and the chain that it lies on.
    Founding,
    /// A Recall: it follows a record that it honours and starts an epoch.
    Succession {
        /// The authority topic.
        topic: TopicId,
        /// The authority chain.
        chain: ChainId,
        /// Position on the chain, above 0.
        seq: u64,
        /// The head that the Recall honours.
        prev: RecordId,
    },
    /// Any other record.
    Entry {
        /// The topic of the chain.
        topic: TopicId,
        /// The chain.
        chain: ChainId,
        /// The record that set the writer's key.
        epoch: RecordId,
        /// Position on the chain; 0 exactly when `prev` is none.
        seq: u64,
        /// The record before it.
        prev: Option<RecordId>,
    },
}

/// The signed part of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    place: Place,
    kind: Kind,
    at: Timestamp,
    content: ContentHash,
    content_len: u32,
}

impl Header {
    /// A header over content bytes. `None` when the parts contradict each
    /// other: only a charter founds, only a Recall succeeds, only a first
    /// record has no predecessor, and contents have a longest length.
    #[must_use]
    pub fn new(place: Place, kind: Kind, at: Timestamp, content: &[u8]) -> Option<Self> {
        let header = Self {
            place,
            kind,
            at,
            content: ContentHash::from_bytes(hash::sha256(content)),
            content_len: u32::try_from(content.len()).ok()?,
        };
        header.check().ok()?;
        Some(header)
    }

    /// The header of no record.
    pub(super) const fn stand_in() -> Self {
        Self {
            place: Place::Entry {
                topic: TopicId::from_bytes([0; 32]),
                chain: ChainId::from_bytes([0; 32]),
                epoch: RecordId::from_bytes([0; 32]),
                seq: 0,
                prev: None,
            },
            kind: Kind::new(u16::MAX),
            at: Timestamp::from_millis(0),
            content: ContentHash::from_bytes([0; 32]),
            content_len: 0,
        }
    }

    fn check(&self) -> Result<(), Reason> {
        if usize::try_from(self.content_len).is_ok_and(|len| len > CONTENT_LEN_MAX) {
            return Err(Reason::Limit);
        }
        let fits = match self.place {
            Place::Founding => self.kind == Kind::CHARTER,
            Place::Succession { seq, .. } => self.kind == Kind::RECALL && seq > 0,
            Place::Entry { seq, prev, .. } => {
                self.kind != Kind::CHARTER
                    && self.kind != Kind::RECALL
                    && (seq == 0) == prev.is_none()
            }
        };
        if fits {
            Ok(())
        } else {
            Err(Reason::Value("header.place"))
        }
    }

    /// SHA-256 of the canonical bytes: the record's name.
    #[must_use]
    pub fn id(&self) -> RecordId {
        RecordId::from_bytes(hash::of(self))
    }

    /// Topic and chain; a charter's follow from its own id.
    pub(super) fn home(&self, id: RecordId) -> (TopicId, ChainId) {
        match self.place {
            Place::Founding => {
                let domain = DomainId::from_bytes(*id.as_bytes());
                (Topic::Authority(domain).id(), authority_chain(domain))
            }
            Place::Succession { topic, chain, .. } | Place::Entry { topic, chain, .. } => {
                (topic, chain)
            }
        }
    }

    /// Whether these are the content bytes that the header commits to.
    #[must_use]
    pub fn names(&self, content: &[u8]) -> bool {
        usize::try_from(self.content_len).is_ok_and(|len| len == content.len())
            && hash::sha256(content) == *self.content.as_bytes()
    }

    /// Where the record stands.
    #[must_use]
    pub const fn place(&self) -> &Place {
        &self.place
    }

    /// Position on the chain, from 0.
    #[must_use]
    pub const fn seq(&self) -> u64 {
        match self.place {
            Place::Founding => 0,
            Place::Succession { seq, .. } | Place::Entry { seq, .. } => seq,
        }
    }

    /// The record before it.
    #[must_use]
    pub const fn prev(&self) -> Option<RecordId> {
        match self.place {
            Place::Founding => None,
            Place::Succession { prev, .. } => Some(prev),
            Place::Entry { prev, .. } => prev,
        }
    }

    /// The record that set the writer's key.
    #[must_use]
    pub const fn epoch(&self) -> Option<RecordId> {
        match self.place {
            Place::Entry { epoch, .. } => Some(epoch),
            Place::Founding | Place::Succession { .. } => None,
        }
    }

    /// Where the next record of the same epoch goes; a charter or a Recall sets
    /// the key of its own. `None` when the chain has no positions left.
    #[must_use]
    pub fn next_place(&self) -> Option<Place> {
        let id = self.id();
        let (topic, chain) = self.home(id);
        Some(Place::Entry {
            topic,
            chain,
            epoch: self.epoch().unwrap_or(id),
            seq: self.seq().checked_add(1)?,
            prev: Some(id),
        })
    }

    /// What the record says.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// When its author claims to have written it.
    #[must_use]
    pub const fn at(&self) -> Timestamp {
        self.at
    }

    /// Hash of the content.
    #[must_use]
    pub const fn content(&self) -> ContentHash {
        self.content
    }

    /// Length of the content in bytes.
    #[must_use]
    pub const fn content_len(&self) -> u32 {
        self.content_len
    }
}

impl Tagged for Header {
    const TAG: &'static str = "icn/types/header/v1";
}

impl Encode for Header {
    fn encode(&self, w: &mut Writer) {
        let (topic, chain) = match self.place {
            Place::Founding => (None, None),
            Place::Succession { topic, chain, .. } | Place::Entry { topic, chain, .. } => {
                (Some(topic), Some(chain))
            }
        };
        w.array(10);
        w.text(Self::TAG);
        topic.encode(w);
        chain.encode(w);
        self.epoch().encode(w);
        w.uint(self.seq());
        self.prev().encode(w);
        self.kind.encode(w);
        self.at.encode(w);
        self.content.encode(w);
        self.content_len.encode(w);
    }
}

impl Decode for Header {
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        r.array_of(10)?;
        r.tag(Self::TAG)?;
        let topic = Option::<TopicId>::decode(r)?;
        let chain = Option::<ChainId>::decode(r)?;
        let epoch = Option::<RecordId>::decode(r)?;
        let seq = r.uint()?;
        let prev = Option::<RecordId>::decode(r)?;
        let place = match (topic, chain, epoch, prev) {
            (None, None, None, None) if seq == 0 => Place::Founding,
            (Some(topic), Some(chain), None, Some(prev)) => Place::Succession {
                topic,
                chain,
                seq,
                prev,
            },
            (Some(topic), Some(chain), Some(epoch), prev) => Place::Entry {
                topic,
                chain,
                epoch,
                seq,
                prev,
            },
            _ => return Err(r.error(Reason::Value("header.place"))),
        };
        let header = Self {
            place,
            kind: Kind::decode(r)?,
            at: Timestamp::decode(r)?,
            content: ContentHash::decode(r)?,
            content_len: u32::decode(r)?,
        };
        header.check().map_err(|reason| r.error(reason))?;
        Ok(header)
    }
}
