//! Entries: what a book has accepted, each linked to the one before it.

use icn_types::canon::{Decode, DecodeError, Encode, Reader, Reason, Writer};
use icn_types::canonical;
use icn_types::id::OperationKey;
use icn_types::time::Timestamp;

use super::limits::Limits;
use super::log::Log;
use super::name::{AccountName, CauseId, EntryId, EntryNumber, UnitKey};
use super::request::{Action, Request};
use crate::unit::Unit;

/// What an entry says.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "hashed value: its variants are the format"
)]
pub enum Entry {
    /// A unit is defined.
    Unit(Unit),
    /// An account is opened in a unit.
    Opening(Opening),
    /// A request was accepted.
    Request(Request),
}

/// What an entry may say, with the number that stands for it in bytes: an entry
/// is `[number, content]`.
pub(super) trait Content: Encode {
    const NUMBER: u64;
}

impl Content for Unit {
    const NUMBER: u64 = 0;
}

impl Content for Opening {
    const NUMBER: u64 = 1;
}

impl Content for Request {
    const NUMBER: u64 = 2;
}

fn write<C: Content>(w: &mut Writer, content: &C) {
    w.array(2);
    w.uint(C::NUMBER);
    content.encode(w);
}

impl Encode for Entry {
    fn encode(&self, w: &mut Writer) {
        match self {
            Self::Unit(unit) => write(w, unit),
            Self::Opening(opening) => write(w, opening),
            Self::Request(request) => write(w, request),
        }
    }
}

impl Decode for Entry {
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        r.array_of(2)?;
        let unknown = r.error(Reason::Value("book.entry"));
        match r.uint()? {
            Unit::NUMBER => Decode::decode(r).map(Self::Unit),
            Opening::NUMBER => Decode::decode(r).map(Self::Opening),
            Request::NUMBER => Decode::decode(r).map(Self::Request),
            _ => Err(unknown),
        }
    }
}

/// An account may be used in a unit from here on.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "hashed value: its fields are the format"
)]
pub struct Opening {
    /// The account. A name that was opened before gets a further unit.
    pub name: AccountName,
    /// The unit.
    pub unit: UnitKey,
    /// How far it may go.
    pub limits: Limits,
}
canonical!(Opening { name, unit, limits });

/// Stands before the content of every entry: its bytes are `[tag, id of the
/// entry before it, entry]`.
const TAG: &str = "icn/ledger/book-entry/v1";

/// Appends the bytes of an entry. Takes its content alone, so that nothing is
/// copied on the way.
pub(super) fn write_linked<C: Content>(w: &mut Writer, prev: Option<EntryId>, content: &C) {
    w.array(3);
    w.text(TAG);
    prev.encode(w);
    write(w, content);
}

/// Reads the bytes of an entry.
pub(super) fn read_linked(bytes: &[u8]) -> Result<(Option<EntryId>, Entry), DecodeError> {
    let mut r = Reader::new(bytes)?;
    r.array_of(3)?;
    r.tag(TAG)?;
    let linked = (Decode::decode(&mut r)?, Entry::decode(&mut r)?);
    r.finish()?;
    Ok(linked)
}

/// What the bytes of an entry say, but for the parts of a transfer: the steps
/// that these made are read from elsewhere.
pub(super) enum Outline {
    Unit(Unit),
    Opening(Opening),
    Request(RequestOutline),
}

/// See [`Outline`].
pub(super) struct RequestOutline {
    pub(super) key: OperationKey,
    pub(super) date: Timestamp,
    pub(super) causes: [Option<CauseId>; 2],
    /// None for a transfer.
    pub(super) action: Option<Action>,
}

/// Reads the bytes of an entry as far as [`Outline`] goes.
pub(super) fn outline(bytes: &[u8]) -> Result<(Option<EntryId>, Outline), DecodeError> {
    let mut r = Reader::new(bytes)?;
    r.array_of(3)?;
    r.tag(TAG)?;
    let prev = Decode::decode(&mut r)?;
    r.array_of(2)?;
    let unknown = r.error(Reason::Value("book.entry"));
    let outline = match r.uint()? {
        Unit::NUMBER => Outline::Unit(Decode::decode(&mut r)?),
        Opening::NUMBER => Outline::Opening(Decode::decode(&mut r)?),
        Request::NUMBER => Outline::Request(request_outline(&mut r)?),
        _ => return Err(unknown),
    };
    Ok((prev, outline))
}

fn request_outline(r: &mut Reader<'_>) -> Result<RequestOutline, DecodeError> {
    r.array_of(6)?;
    let key = Decode::decode(r)?;
    let date = Decode::decode(r)?;
    let causes = [Decode::decode(r)?, Decode::decode(r)?];
    if !r.null()? {
        r.text()?;
    }
    let action = if Action::is_transfer(&mut r.clone())? {
        None
    } else {
        Some(Decode::decode(r)?)
    };
    Ok(RequestOutline {
        key,
        date,
        causes,
        action,
    })
}

/// The id of the entry before, in the bytes of an entry.
pub(super) fn prev_in(bytes: &[u8]) -> Option<EntryId> {
    let mut r = Reader::new(bytes).ok()?;
    r.array().ok()?;
    r.tag(TAG).ok()?;
    Option::decode(&mut r).ok()?
}

/// The operation key in the bytes of a request's entry.
pub(super) fn key_in(bytes: &[u8]) -> Option<OperationKey> {
    let mut r = Reader::new(bytes).ok()?;
    r.array().ok()?;
    r.tag(TAG).ok()?;
    Option::<EntryId>::decode(&mut r).ok()?;
    r.array().ok()?;
    if r.uint().ok()? != Request::NUMBER {
        return None;
    }
    r.array().ok()?;
    OperationKey::decode(&mut r).ok()
}

/// An entry where it stands in a book.
#[derive(Clone, Copy, Debug)]
pub struct Recorded<'a> {
    log: &'a Log,
    number: EntryNumber,
}

impl<'a> Recorded<'a> {
    pub(super) const fn new(log: &'a Log, number: EntryNumber) -> Self {
        Self { log, number }
    }

    /// Its place in the order of the book.
    #[must_use]
    pub const fn number(&self) -> EntryNumber {
        self.number
    }

    /// SHA-256 of its bytes.
    #[must_use]
    pub fn id(&self) -> EntryId {
        self.log.id(self.number)
    }

    /// Its canonical bytes, which name the entry before it.
    #[must_use]
    pub fn bytes(&self) -> &'a [u8] {
        self.log.bytes(self.number)
    }

    /// The date of a request; units and openings have none.
    #[must_use]
    pub fn date(&self) -> Option<Timestamp> {
        self.log.date(self.number)
    }

    /// Whether it is dated into a period that was closed when it came.
    #[must_use]
    pub fn is_late(&self) -> bool {
        self.log.is_late(self.number)
    }

    /// Reads what it says. Cost is linear in its bytes.
    ///
    /// # Errors
    /// None in practice: a book only holds bytes that it wrote itself.
    pub fn read(&self) -> Result<Entry, DecodeError> {
        read_linked(self.bytes()).map(|(_, entry)| entry)
    }
}
