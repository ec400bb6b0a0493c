use super::arena::Slot;

/// What adding a record did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "the three things that can happen")]
pub enum Added {
    /// The record is new.
    New(Slot),
    /// Its header was stored, now its content is too.
    Completed(Slot),
    /// Nothing new.
    Known(Slot),
}

impl Added {
    /// The record.
    #[must_use]
    pub const fn slot(self) -> Slot {
        match self {
            Self::New(slot) | Self::Completed(slot) | Self::Known(slot) => slot,
        }
    }
}
