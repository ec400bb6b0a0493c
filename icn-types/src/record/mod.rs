//! Records: signed statements in two parts, named by their hash.
//!
//! A record is a **header** `[tag, topic, chain, epoch, seq, prev, kind, at,
//! content hash, content length]` and a **content** `[tag, refs, cause, body]`.
//! Its id is SHA-256 of the header's canonical bytes, and exactly these bytes
//! are signed. The id never travels: whoever has the header computes it.
//!
//! The header alone proves who wrote what where, so two of them prove a fork
//! in under 600 bytes, and a chain can be checked without any content.

mod attachment;
mod content;
mod draft;
mod header;
mod kind;

use alloc::boxed::Box;
use alloc::vec::Vec;

pub use attachment::{Attachment, AttachmentHash};
pub use content::{CONTENT_LEN_MAX, Content, REFS_MAX};
pub use draft::Draft;
pub use header::{Header, Place};
pub use kind::Kind;

use crate::canon::{Decode, DecodeError, Encode, Reader, Reason, Tagged, Writer, to_bytes};
use crate::hash;
use crate::id::{ChainId, RecordId, TopicId};
use crate::key::Signature;
use crate::sign::{Statement, Unverified};
use crate::time::Timestamp;

/// More than a record is long without its content.
const BARE_LEN_MAX: usize = 384;

/// A header with its signature, and the content when it is here.
///
/// As large as a pointer, whatever it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record(Box<Parts>);

/// Invariants, kept by every way to make a record: `id` is the hash of the
/// header, and the content, if there, has the length and hash that the header
/// names.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Parts {
    id: RecordId,
    /// Of a charter, which founds its topic and chain; other headers name them.
    founded: Option<Box<(TopicId, ChainId)>>,
    header: Header,
    signature: Signature,
    content: Option<Content>,
}

impl Record {
    /// A header and its signature, without the content.
    #[must_use]
    pub fn bare(header: Header, signature: Signature) -> Unverified<Self> {
        let id = header.id();
        Unverified::new(Self::assemble(id, header, signature, None))
    }

    /// What stands where a record is not at hand: no place, no kind that means
    /// anything, signed by nobody.
    pub(crate) fn stand_in() -> Self {
        let header = Header::stand_in();
        Self::assemble(header.id(), header, Signature::from_bytes([0; 64]), None)
    }

    fn assemble(
        id: RecordId,
        header: Header,
        signature: Signature,
        content: Option<Content>,
    ) -> Self {
        let is_founding = matches!(header.place(), Place::Founding);
        let founded = is_founding.then(|| Box::new(header.home(id)));
        Self(Box::new(Parts {
            id,
            founded,
            header,
            signature,
            content,
        }))
    }

    /// The record's name.
    #[must_use]
    pub const fn id(&self) -> RecordId {
        self.0.id
    }

    /// The topic it lies in. A charter lies in the topic that it founds.
    #[must_use]
    pub fn topic(&self) -> TopicId {
        self.home().0
    }

    /// The chain it lies on. A charter lies on the chain that it founds.
    #[must_use]
    pub fn chain(&self) -> ChainId {
        self.home().1
    }

    fn home(&self) -> (TopicId, ChainId) {
        match &self.0.founded {
            Some(founded) => **founded,
            None => self.0.header.home(self.0.id),
        }
    }

    /// The signed part.
    #[must_use]
    pub const fn header(&self) -> &Header {
        &self.0.header
    }

    /// Position on the chain, from 0.
    #[must_use]
    pub const fn seq(&self) -> u64 {
        self.0.header.seq()
    }

    /// The record before it on the chain; none for the first.
    #[must_use]
    pub const fn prev(&self) -> Option<RecordId> {
        self.0.header.prev()
    }

    /// The record that set the writer's key: an Open, or on an authority chain
    /// the charter or a Recall. A charter and a Recall have none.
    #[must_use]
    pub const fn epoch(&self) -> Option<RecordId> {
        self.0.header.epoch()
    }

    /// What the record says, in one number.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.0.header.kind()
    }

    /// When its author claims to have written it.
    #[must_use]
    pub const fn at(&self) -> Timestamp {
        self.0.header.at()
    }

    /// The content, unless only the header is here.
    #[must_use]
    pub const fn content(&self) -> Option<&Content> {
        self.0.content.as_ref()
    }

    /// The records it relies on; empty while the content is missing.
    #[must_use]
    pub fn refs(&self) -> &[RecordId] {
        self.0.content.as_ref().map_or(&[], Content::refs)
    }

    /// The signature over the header.
    #[must_use]
    pub const fn signature(&self) -> &Signature {
        &self.0.signature
    }

    /// Reads the bytes of a record that was here before. That its content is the
    /// one that its header names is left to whoever knows where they come from.
    pub(crate) fn read_back(bytes: &[u8]) -> Result<Self, DecodeError> {
        Self::read_where(bytes, |_, _| true)
    }

    /// The same where it has to be the one that its header names.
    pub(crate) fn read_checked(bytes: &[u8]) -> Result<Self, DecodeError> {
        Self::read_where(bytes, Header::names)
    }

    fn read_where(
        bytes: &[u8],
        is_named: impl FnOnce(&Header, &[u8]) -> bool,
    ) -> Result<Self, DecodeError> {
        let mut r = Reader::new(bytes)?;
        let record = Self::decode_where(&mut r, is_named)?;
        r.finish()?;
        Ok(record)
    }

    /// Reads a record whose content is one that `is_named` by its header.
    fn decode_where(
        r: &mut Reader<'_>,
        is_named: impl FnOnce(&Header, &[u8]) -> bool,
    ) -> Result<Self, DecodeError> {
        r.array_of(4)?;
        r.tag(Self::TAG)?;
        let (header, bytes) = r.spanned(Header::decode)?;
        let id = RecordId::from_bytes(hash::sha256(bytes));
        let signature = Signature::decode(r)?;
        let content = if r.null()? {
            None
        } else {
            let (content, bytes) = r.spanned(|r| r.inside(Content::decode))?;
            if !is_named(&header, bytes) {
                return Err(r.error(Reason::Value("record.content")));
            }
            Some(content)
        };
        Ok(Self::assemble(id, header, signature, content))
    }

    /// Takes over the content of another copy of the same record.
    pub(crate) fn complete(&mut self, copy: Self) {
        if self.0.id == copy.0.id && self.0.content.is_none() {
            self.0.content = copy.0.content;
        }
    }

    /// The same record with or without its content, for the wire.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let content = usize::try_from(self.0.header.content_len()).unwrap_or_default();
        let mut w = Writer::with_capacity(BARE_LEN_MAX.saturating_add(content));
        self.encode(&mut w);
        w.into_bytes()
    }
}

impl Statement for Record {
    fn signing_bytes(&self) -> Vec<u8> {
        to_bytes(&self.0.header)
    }

    fn signature(&self) -> &Signature {
        &self.0.signature
    }
}

impl Tagged for Record {
    const TAG: &'static str = "icn/types/record/v1";
}

impl Encode for Record {
    /// `[tag, header, signature, content or null]`.
    fn encode(&self, w: &mut Writer) {
        w.array(4);
        w.text(Self::TAG);
        self.0.header.encode(w);
        self.0.signature.encode(w);
        self.0.content.encode(w);
    }
}

impl Decode for Unverified<Record> {
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Record::decode_where(r, Header::names).map(Self::new)
    }
}

#[cfg(test)]
mod tests;
