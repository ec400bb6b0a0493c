use crate::error::{Coded, Fault};

/// Why bytes are not the canonical form of the value that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason} at byte {at}")]
pub struct DecodeError {
    at: usize,
    reason: Reason,
}

impl DecodeError {
    pub(crate) const fn new(at: usize, reason: Reason) -> Self {
        Self { at, reason }
    }

    /// Offset at which reading stopped: the start of the item that was refused,
    /// or of its content when the head was well.
    #[must_use]
    pub const fn at(&self) -> usize {
        self.at
    }

    /// What was wrong there.
    #[must_use]
    pub const fn reason(&self) -> Reason {
        self.reason
    }
}

impl Coded for DecodeError {
    fn code(&self) -> &'static str {
        self.reason.code()
    }

    fn fault(&self) -> Fault {
        Fault::Peer
    }
}

/// The rule of the format that bytes broke.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Reason {
    /// The input ends inside an item, or announces more than it holds.
    #[error("input ends too early")]
    Truncated,
    /// Bytes follow the value.
    #[error("bytes follow the value")]
    Trailing,
    /// A head is longer than it needs to be.
    #[error("integer or length is not in its shortest form")]
    NotShortest,
    /// A map, float, tag, indefinite item or reserved head.
    #[error("item of a kind that canonical bytes do not have")]
    Forbidden,
    /// An item of another type than the one asked for.
    #[error("item of another type")]
    Type,
    /// The type tag names another type or version.
    #[error("type tag names another type")]
    Tag,
    /// An array has another number of items than its type.
    #[error("array has another number of items")]
    Count,
    /// Arrays nest deeper than [`DEPTH_MAX`](super::DEPTH_MAX).
    #[error("arrays nest too deeply")]
    Depth,
    /// Longer or more than the format allows.
    #[error("longer than the limit")]
    Limit,
    /// Text is not UTF-8, or an identifier is not ASCII.
    #[error("text is not valid")]
    Text,
    /// An integer lies outside its range.
    #[error("number is out of range")]
    Range,
    /// The bytes read well but say something that no value of the type says.
    #[error("value is refused: {0}")]
    Value(&'static str),
}

impl Reason {
    /// Stable code of the reason.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Truncated => "canon.truncated",
            Self::Trailing => "canon.trailing",
            Self::NotShortest => "canon.not_shortest",
            Self::Forbidden => "canon.forbidden",
            Self::Type => "canon.type",
            Self::Tag => "canon.tag",
            Self::Count => "canon.count",
            Self::Depth => "canon.depth",
            Self::Limit => "canon.limit",
            Self::Text => "canon.text",
            Self::Range => "canon.range",
            Self::Value(code) => code,
        }
    }
}
