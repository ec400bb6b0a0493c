//! Clocks: the machine's own, and one that is set by hand.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::time::{Ticks, Times, Timestamp};

use super::clock::Clock;

/// The machine's clock, for hosts that choose it. Not on bare wasm, where the
/// standard library has none.
///
/// ```
/// use icn_types::host::{Clock, SystemClock};
///
/// let clock = SystemClock::new();
/// let earlier = clock.ticks();
/// assert!(clock.ticks() >= earlier);
/// ```
#[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
#[derive(Clone, Copy, Debug)]
pub struct SystemClock {
    origin: std::time::Instant,
}

#[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
impl SystemClock {
    /// A clock whose ticks start at zero now. Copies share that origin.
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the clock that a host may choose"
    )]
    pub fn new() -> Self {
        Self {
            origin: std::time::Instant::now(),
        }
    }
}

#[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the clock that a host may choose"
    )]
    fn now(&self) -> Timestamp {
        // A machine set before 1970 still has to answer.
        let since_epoch = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap_or_default();
        Timestamp::from_millis(millis(since_epoch))
    }

    fn ticks(&self) -> Ticks {
        Ticks::from_millis(millis(self.origin.elapsed()))
    }
}

/// A clock that moves only when it is told to. Clones are handles to the same
/// clock.
///
/// ```
/// use std::time::Duration;
///
/// use icn_types::host::{Clock, ManualClock};
/// use icn_types::time::{Ticks, Timestamp};
///
/// let clock = ManualClock::new(Timestamp::from_millis(1_000));
/// let handle = clock.clone();
/// handle.advance(Duration::from_millis(250));
/// assert_eq!(clock.now(), Timestamp::from_millis(1_250));
/// assert_eq!(clock.ticks(), Ticks::from_millis(250));
/// ```
#[derive(Clone, Debug, Default)]
pub struct ManualClock {
    times: Arc<Mutex<Times>>,
}

impl ManualClock {
    /// A clock that shows `now` and zero ticks.
    #[must_use]
    pub fn new(now: Timestamp) -> Self {
        Self {
            times: Arc::new(Mutex::new(Times {
                now,
                ticks: Ticks::default(),
            })),
        }
    }

    /// Lets time pass: both times move by `by`, in whole milliseconds, and stay
    /// at the end of time instead of wrapping.
    pub fn advance(&self, by: Duration) {
        self.change(|times| {
            times.now = times.now.saturating_add(millis(by));
            times.ticks = times.ticks.saturating_add(millis(by));
        });
    }

    /// Sets wall time, either way. Ticks stay, as no time has passed.
    pub fn set_now(&self, now: Timestamp) {
        self.change(|times| times.now = now);
    }

    fn change<R>(&self, change: impl FnOnce(&mut Times) -> R) -> R {
        change(&mut self.times.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        self.times().now
    }

    fn ticks(&self) -> Ticks {
        self.times().ticks
    }

    fn times(&self) -> Times {
        self.change(|times| *times)
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
