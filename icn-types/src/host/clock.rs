//! The time port. Hosts read it once per step and pass the times down.

use alloc::boxed::Box;
use alloc::sync::Arc;

use crate::time::{Ticks, Times, Timestamp};

use super::send::{MaybeSend, MaybeSync};

/// Tells wall time and ticks. Pure code never calls it.
///
/// The laws, one function each in `testkit::clock`:
///
/// 1. **Total.** Every method answers, whatever the machine's clock says: a
///    time before 1970 reads as zero, nothing panics.
/// 2. **Forward.** Ticks never go back, even when wall time does.
/// 3. **Moving.** Ticks grow while time passes.
/// 4. **Together.** [`times`](Self::times) reads both at one moment: its ticks
///    lie between those read before and after, and so does its wall time
///    unless that jumps.
pub trait Clock: MaybeSend + MaybeSync {
    /// Wall time, for documents. May jump either way.
    fn now(&self) -> Timestamp;

    /// Time of this clock alone, for timers.
    fn ticks(&self) -> Ticks;

    /// Both times of this moment.
    fn times(&self) -> Times {
        Times {
            now: self.now(),
            ticks: self.ticks(),
        }
    }
}

/// Forwards the port through a pointer.
macro_rules! forward {
    ($($pointer:ty),*) => {$(
        impl<T: Clock + ?Sized> Clock for $pointer {
            fn now(&self) -> Timestamp {
                (**self).now()
            }

            fn ticks(&self) -> Ticks {
                (**self).ticks()
            }

            fn times(&self) -> Times {
                (**self).times()
            }
        }
    )*};
}
forward!(&T, Box<T>, Arc<T>);
