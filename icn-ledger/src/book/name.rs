//! What things in a book are called: accounts by name, and everything by a
//! small number within one book.

use alloc::boxed::Box;
use core::fmt;
use core::str::FromStr;

use icn_types::canon::{Decode, DecodeError, Encode, Reader, Reason, Writer};
use icn_types::error::{Coded, Fault};
use icn_types::name32;

name32! {
    /// An entry of a book: SHA-256 of its canonical bytes, which name the entry
    /// before it.
    EntryId
}
name32! {
    /// What an entry follows from, outside of the book: an order, a decision, an
    /// entry elsewhere.
    CauseId
}

/// Declares a number that means something in one book only. It is dense and
/// starts at 0, so tables are indexed by it.
macro_rules! numbered {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u32);

        impl $name {
            /// The thing with this number. Shape only: whether a book has one
            /// is another question.
            #[must_use]
            pub const fn new(number: u32) -> Self {
                Self(number)
            }

            /// The number.
            #[must_use]
            pub const fn get(self) -> u32 {
                self.0
            }

            /// The number, for tables indexed by it.
            #[must_use]
            pub const fn index(self) -> usize {
                self.0 as usize
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0)
            }
        }

        impl Encode for $name {
            fn encode(&self, w: &mut Writer) {
                self.0.encode(w);
            }
        }

        impl Decode for $name {
            fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
                u32::decode(r).map(Self)
            }
        }
    };
}

numbered! {
    /// A unit of a book, by the order in which units were defined.
    UnitKey
}
numbered! {
    /// An account of a book, by the order in which accounts were opened.
    AccountKey
}
numbered! {
    /// An entry of a book, by the order of the record.
    EntryNumber
}

numbered! {
    /// One change of one position, by the order of all of them: a line of a
    /// statement, and the cursor of lists of such lines.
    StepNumber
}

/// The name of an account: segments with colons between them, the widest first,
/// as in `members:alice`.
///
/// A segment has ASCII letters and digits, `-`, `_`, `.`, `&`, `'`, `/` and `+`,
/// characters beyond ASCII that are neither white space nor control, and single
/// spaces inside. So a name survives every plain-text ledger.
///
/// ```
/// use icn_ledger::book::AccountName;
///
/// let name: AccountName = "members:alice b".parse()?;
/// assert_eq!(name.segments().collect::<Vec<_>>(), ["members", "alice b"]);
/// assert!("members::alice".parse::<AccountName>().is_err());
/// # Ok::<(), icn_ledger::book::NameError>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountName(Box<str>);

/// A text is no name of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// A segment is empty.
    #[error("segment of the name is empty")]
    Empty,
    /// The name is longer than [`AccountName::LEN_MAX`].
    #[error("name is longer than {} bytes", AccountName::LEN_MAX)]
    Long,
    /// A character is not allowed there.
    #[error("character at byte {at} of the name is not allowed there")]
    Character {
        /// Where it stands.
        at: usize,
    },
}

impl Coded for NameError {
    fn code(&self) -> &'static str {
        match self {
            Self::Empty => "book.name.empty",
            Self::Long => "book.name.long",
            Self::Character { .. } => "book.name.character",
        }
    }

    fn fault(&self) -> Fault {
        Fault::Caller
    }
}

impl AccountName {
    /// Longest name in bytes.
    pub const LEN_MAX: usize = 250;

    /// The name with this spelling.
    ///
    /// # Errors
    /// [`NameError`] when it is no name.
    pub fn new(text: &str) -> Result<Self, NameError> {
        if text.len() > Self::LEN_MAX {
            return Err(NameError::Long);
        }
        let mut start = 0;
        for segment in text.split(':') {
            check_segment(segment, start)?;
            start += segment.len() + 1;
        }
        Ok(Self(text.into()))
    }

    /// The spelling.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The segments, the widest first.
    pub fn segments(&self) -> impl Iterator<Item = &str> {
        self.0.split(':')
    }
}

fn check_segment(segment: &str, start: usize) -> Result<(), NameError> {
    if segment.is_empty() {
        return Err(NameError::Empty);
    }
    let mut before = ' '; // so that a leading space is a second one
    for (at, char) in segment.char_indices() {
        if !is_allowed(char) || (char == ' ' && before == ' ') {
            return Err(NameError::Character { at: start + at });
        }
        before = char;
    }
    if before == ' ' {
        let at = start + segment.len() - 1;
        return Err(NameError::Character { at });
    }
    Ok(())
}

fn is_allowed(char: char) -> bool {
    if char.is_ascii() {
        char.is_ascii_alphanumeric() || " -_.&'/+".contains(char)
    } else {
        !char.is_control() && !char.is_whitespace()
    }
}

impl FromStr for AccountName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        Self::new(text)
    }
}

impl fmt::Display for AccountName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for AccountName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AccountName({self})")
    }
}

impl Encode for AccountName {
    fn encode(&self, w: &mut Writer) {
        w.text(&self.0);
    }
}

impl Decode for AccountName {
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let text = r.text()?;
        Self::new(text).map_err(|error| r.error(Reason::Value(error.code())))
    }
}

/// A line of text beside an entry, part of its bytes: up to
/// [`LEN_MAX`](Self::LEN_MAX) bytes without control characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Memo(Box<str>);

/// A text is no memo.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MemoError {
    /// The text is longer than [`Memo::LEN_MAX`].
    #[error("memo is longer than {} bytes", Memo::LEN_MAX)]
    Long,
    /// The text has a control character, such as a line break.
    #[error("memo has a control character")]
    Control,
}

impl Coded for MemoError {
    fn code(&self) -> &'static str {
        match self {
            Self::Long => "book.memo.long",
            Self::Control => "book.memo.control",
        }
    }

    fn fault(&self) -> Fault {
        Fault::Caller
    }
}

impl Memo {
    /// Longest memo in bytes.
    pub const LEN_MAX: usize = 1000;

    /// The memo with this text.
    ///
    /// # Errors
    /// [`MemoError`] when it is too long or has control characters.
    pub fn new(text: &str) -> Result<Self, MemoError> {
        if text.len() > Self::LEN_MAX {
            return Err(MemoError::Long);
        }
        if text.chars().any(char::is_control) {
            return Err(MemoError::Control);
        }
        Ok(Self(text.into()))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Memo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Encode for Memo {
    fn encode(&self, w: &mut Writer) {
        w.text(&self.0);
    }
}

impl Decode for Memo {
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let text = r.text()?;
        Self::new(text).map_err(|error| r.error(Reason::Value(error.code())))
    }
}
