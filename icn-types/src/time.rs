//! Wall time and ticks. Both are arguments; nothing here reads a clock.

use core::fmt;
use core::time::Duration;

/// Milliseconds since the Unix epoch, UTC: what a document claims.
///
/// An author's claim for display and reports. It may jump and never orders
/// records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The given number of milliseconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the Unix epoch.
    #[must_use]
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// Later by `millis`; stays at the end of time instead of wrapping.
    #[must_use]
    pub const fn saturating_add(self, millis: u64) -> Self {
        Self(self.0.saturating_add(millis))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ms", self.0)
    }
}

impl crate::canon::Encode for Timestamp {
    fn encode(&self, w: &mut crate::canon::Writer) {
        w.uint(self.0);
    }
}

impl crate::canon::Decode for Timestamp {
    fn decode(r: &mut crate::canon::Reader<'_>) -> Result<Self, crate::canon::DecodeError> {
        r.uint().map(Self)
    }
}

/// Milliseconds of a clock that only moves forward: what drives timers.
///
/// The origin is arbitrary and differs between runs, so ticks are never stored
/// and never sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticks(u64);

impl Ticks {
    /// The given number of milliseconds since the clock's own origin.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the clock's own origin.
    #[must_use]
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// Later by `millis`; stays at the end instead of wrapping.
    #[must_use]
    pub const fn saturating_add(self, millis: u64) -> Self {
        Self(self.0.saturating_add(millis))
    }

    /// Time from `earlier` until `self`, zero when `earlier` is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

/// Both times of one moment, read together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a pair of arguments; the host builds it"
)]
pub struct Times {
    /// Wall time, for documents.
    pub now: Timestamp,
    /// Monotonic time, for timers.
    pub ticks: Ticks,
}
