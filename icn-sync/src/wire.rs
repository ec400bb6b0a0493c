//! Frames: what two replicas say to each other.
//!
//! A frame is one canonical value `[tag, code, ...]` of at most 256 KiB. Every
//! count is bounded by its type, so nothing is allocated for what a peer
//! merely announces.

use icn_types::authority::Tip;
use icn_types::canon::{self, Decode, DecodeError, Encode, List, Reader, Reason, Writer};
use icn_types::canonical;
use icn_types::id::{ChainId, Digest, DomainId, RecordId, TopicId};
use icn_types::record::Record;
use icn_types::set::Row;
use icn_types::sign::Unverified;

/// Longest frame in bytes.
pub const FRAME_LEN_MAX: usize = canon::LEN_MAX;

/// Most topics in one frame.
pub const TOPICS_MAX: usize = 256;

/// Most rows in one frame: at most 150 bytes each.
pub const ROWS_MAX: usize = 1024;

/// Most strays in one frame: 37 bytes each.
pub const STRAYS_MAX: usize = 4096;

/// Most ids that one request names.
pub const IDS_MAX: usize = 256;

/// Most chains that one request names.
pub const CHAINS_MAX: usize = 64;

/// Most tips of one trace: one per power of two of a position, and the first.
pub const TIPS_MAX: usize = 65;

/// Most records in one frame. The length of a frame bounds them earlier
/// unless they come without contents.
pub const RECORDS_MAX: usize = 1024;

const TAG: &str = "icn/sync/frame/v1";

/// Bytes that a frame of records needs beside the records.
const RECORDS_OVERHEAD: usize = 32;

/// Bytes of an envelope beside the record.
const ENVELOPE_OVERHEAD: usize = 5;

/// Longest frame of records; what is left is for its head.
const RECORDS_LEN_MAX: usize = FRAME_LEN_MAX - RECORDS_OVERHEAD;

/// One message between two replicas.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Frame {
    /// The first frame after a connection: who speaks about what.
    Hello(Hello),
    /// "These are my clocks; do you hold the same?"
    Ask(List<Mark, 1, TOPICS_MAX>),
    /// "I hold all of these clocks of yours."
    Held(List<Held, 1, TOPICS_MAX>),
    /// Rows of a topic's clock, in pages.
    Clock(ClockPage),
    /// Canonical records that no row covers, in pages after the rows.
    Strays(StraysPage),
    /// A request for records by id and by chain.
    Want(Want),
    /// Records that were asked for.
    Records(List<Envelope, 1, RECORDS_MAX>),
    /// Records that are new to the sender, not asked for.
    Fresh(List<Envelope, 1, RECORDS_MAX>),
    /// The end of the answer to one request.
    Done(Done),
}

/// The canonical bytes of one record, read when its turn comes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope(Vec<u8>);

impl Envelope {
    /// The envelope of a record.
    #[must_use]
    pub fn of(record: &Record) -> Self {
        Self(record.to_bytes())
    }

    /// The bytes, which may be anything while the record was not read.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Reads the record.
    ///
    /// # Errors
    /// [`DecodeError`] when the bytes are no record.
    pub fn read(&self) -> Result<Unverified<Record>, DecodeError> {
        canon::from_bytes(&self.0)
    }
}

impl Encode for Envelope {
    fn encode(&self, w: &mut Writer) {
        w.bytes(&self.0);
    }
}

impl Decode for Envelope {
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        r.bytes().map(|bytes| Self(bytes.to_vec()))
    }
}

/// Who speaks, about what.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "wire format: its fields are the format"
)]
pub struct Hello {
    /// The domain.
    pub domain: DomainId,
    /// Topics that the sender follows.
    pub topics: List<TopicId, 1, TOPICS_MAX>,
}
canonical!(Hello { domain, topics });

/// A topic's clock in one hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "wire format: its fields are the format"
)]
pub struct Mark {
    /// The topic.
    pub topic: TopicId,
    /// Its set digest.
    pub digest: Digest,
    /// The last clock that both sides are known to have held. If the receiver
    /// remembers the same, it sends only rows that moved since.
    pub base: Option<Digest>,
}
canonical!(Mark {
    topic,
    digest,
    base
});

/// The sender holds everything of a clock of the receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "wire format: its fields are the format"
)]
pub struct Held {
    /// The topic.
    pub topic: TopicId,
    /// The receiver's clock.
    pub yours: Digest,
    /// The sender's own.
    pub mine: Digest,
}
canonical!(Held { topic, yours, mine });

/// A page of rows: all chains after `after` up to the last row, or to the end;
/// with a base, those of them whose row is not the base's.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "wire format: its fields are the format"
)]
pub struct ClockPage {
    /// The topic.
    pub topic: TopicId,
    /// Digest of the whole clock.
    pub digest: Digest,
    /// The clock whose rows are left out where they did not move.
    pub base: Option<Digest>,
    /// Last chain of the page before; none for the first page.
    pub after: Option<ChainId>,
    /// Rows, ascending by chain.
    pub rows: List<Row, 0, ROWS_MAX>,
    /// Whether no page follows.
    pub ends: bool,
}
canonical!(ClockPage { topic, digest, base, after, rows, ends } where check);

impl ClockPage {
    fn check(self) -> Result<Self, Reason> {
        let after = self.after.iter().copied();
        let chains: Vec<ChainId> = after.chain(self.rows.iter().map(|row| row.chain)).collect();
        ascending(&chains, self.ends || !self.rows.is_empty()).map(|()| self)
    }
}

/// A page of strays, read like a [`ClockPage`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "wire format: its fields are the format"
)]
pub struct StraysPage {
    /// The topic.
    pub topic: TopicId,
    /// Digest of the whole clock.
    pub digest: Digest,
    /// Last id of the page before; none for the first page.
    pub after: Option<RecordId>,
    /// Strays, ascending by id.
    pub strays: List<Stray, 0, STRAYS_MAX>,
    /// Whether no page follows.
    pub ends: bool,
    /// Whether this clock answers one that the receiver sent, so that the
    /// receiver need not send its own again.
    pub answers: bool,
}
canonical!(StraysPage { topic, digest, after, strays, ends, answers } where check);

impl StraysPage {
    fn check(self) -> Result<Self, Reason> {
        let after = self.after.iter().copied();
        let ids: Vec<RecordId> = after
            .chain(self.strays.iter().map(|stray| stray.id))
            .collect();
        ascending(&ids, self.ends || !self.strays.is_empty()).map(|()| self)
    }
}

fn ascending<T: Ord>(keys: &[T], progresses: bool) -> Result<(), Reason> {
    if progresses && keys.is_sorted_by(|a, b| a < b) {
        Ok(())
    } else {
        Err(Reason::Value("sync.page.order"))
    }
}

/// A canonical record that no row covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "wire format: its fields are the format"
)]
pub struct Stray {
    /// The record.
    pub id: RecordId,
    /// Whether its sender holds the content.
    pub content: bool,
}
canonical!(Stray { id, content });

/// A request.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "wire format: its fields are the format"
)]
pub struct Want {
    /// The topic that the answer's end will name.
    pub topic: TopicId,
    /// Records by id.
    pub ids: List<RecordId, 0, IDS_MAX>,
    /// Spines from the last common record on.
    pub chains: List<Trace, 0, CHAINS_MAX>,
}
canonical!(Want { topic, ids, chains });

/// Where the sender stands on a chain: the receiver looks for the first of
/// these that lies on its own spine and sends what follows.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "wire format: its fields are the format"
)]
pub struct Trace {
    /// The chain.
    pub chain: ChainId,
    /// Records that the sender holds, the newest first.
    pub tips: List<Tip, 0, TIPS_MAX>,
    /// Whether to start at the chain's first record if none is common;
    /// otherwise the receiver says that it is lost.
    pub from_start: bool,
}
canonical!(Trace {
    chain,
    tips,
    from_start
});

/// The end of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "wire format: its fields are the format"
)]
pub struct Done {
    /// The topic of the request.
    pub topic: TopicId,
    /// Chains of which no common record was found: send a longer trace.
    pub lost: List<ChainId, 0, CHAINS_MAX>,
    /// Chains that go on after the last record sent: ask again from there.
    pub more: List<More, 0, CHAINS_MAX>,
}
canonical!(Done { topic, lost, more });

/// A chain that goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "wire format: its fields are the format"
)]
pub struct More {
    /// The chain.
    pub chain: ChainId,
    /// The last record sent.
    pub after: Tip,
}
canonical!(More { chain, after });

impl Encode for Frame {
    fn encode(&self, w: &mut Writer) {
        w.array(3);
        w.text(TAG);
        match self {
            Self::Hello(body) => coded(w, 0, body),
            Self::Ask(body) => coded(w, 1, body),
            Self::Held(body) => coded(w, 2, body),
            Self::Clock(body) => coded(w, 3, body),
            Self::Strays(body) => coded(w, 4, body),
            Self::Want(body) => coded(w, 5, body),
            Self::Records(body) => coded(w, 6, body),
            Self::Fresh(body) => coded(w, 7, body),
            Self::Done(body) => coded(w, 8, body),
        }
    }
}

fn coded<T: Encode>(w: &mut Writer, code: u64, body: &T) {
    w.uint(code);
    body.encode(w);
}

impl Decode for Frame {
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        r.array_of(3)?;
        r.tag(TAG)?;
        let unknown = r.error(Reason::Value("sync.frame.code"));
        match r.uint()? {
            0 => Hello::decode(r).map(Self::Hello),
            1 => List::decode(r).map(Self::Ask),
            2 => List::decode(r).map(Self::Held),
            3 => ClockPage::decode(r).map(Self::Clock),
            4 => StraysPage::decode(r).map(Self::Strays),
            5 => Want::decode(r).map(Self::Want),
            6 => List::decode(r).map(Self::Records),
            7 => List::decode(r).map(Self::Fresh),
            8 => Done::decode(r).map(Self::Done),
            _ => Err(unknown),
        }
    }
}

/// `items` in lists of at most `MAX`, as few as possible.
pub(crate) fn pages<T: Clone, const MIN: usize, const MAX: usize>(
    items: &[T],
) -> impl Iterator<Item = List<T, MIN, MAX>> + '_ {
    items.chunks(MAX).filter_map(|chunk| List::new(chunk).ok())
}

/// Records as few lists that fit into frames.
pub(crate) fn batches<'a>(
    records: impl IntoIterator<Item = &'a Record>,
) -> Vec<List<Envelope, 1, RECORDS_MAX>> {
    let mut batches = Vec::new();
    let mut batch: Vec<Envelope> = Vec::new();
    let mut len = 0;
    for record in records {
        let envelope = Envelope::of(record);
        let more = envelope.as_bytes().len() + ENVELOPE_OVERHEAD;
        if len + more > RECORDS_LEN_MAX || batch.len() == RECORDS_MAX {
            batches.extend(List::new(core::mem::take(&mut batch)).ok());
            len = 0;
        }
        len += more;
        batch.push(envelope);
    }
    batches.extend(List::new(batch).ok());
    batches
}

#[cfg(test)]
mod tests;
