//! The laws of [`Clock`], numbered as in its contract.
//!
//! [`check`] runs them all; each is a function of its own for bisecting. The
//! caller lets time pass: a real clock by waiting, a manual one by being moved.

use alloc::format;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::host::Clock;
use crate::time::{Ticks, Timestamp};

use super::Violation;

/// Readings per law: enough to cross many milliseconds of a manual clock.
const READINGS: usize = 200;
/// Attempts at a reading that no jump of wall time disturbs.
const ATTEMPTS: usize = 8;

/// Checks all laws. `pass` lets at least one millisecond pass; a clock that
/// can be set should also have its wall time moved to and fro in it.
///
/// # Errors
/// The first law that is broken.
pub fn check(clock: &dyn Clock, mut pass: impl FnMut()) -> Result<(), Violation> {
    total(clock, &mut pass)?;
    forward(clock, &mut pass)?;
    moving(clock, &mut pass)?;
    together(clock, &mut pass)
}

/// 1. Every method answers.
///
/// # Errors
/// `clock.total` when one panics.
pub fn total(clock: &dyn Clock, pass: &mut dyn FnMut()) -> Result<(), Violation> {
    for reading in 0..READINGS {
        // Nothing of ours is left half-changed: readings are values.
        let answer = catch_unwind(AssertUnwindSafe(|| {
            let _ = (clock.now(), clock.ticks(), clock.times());
        }));
        if answer.is_err() {
            let detail = format!("reading {reading} panicked");
            return Err(Violation::new("clock.total", detail));
        }
        pass();
    }
    Ok(())
}

/// 2. Ticks never go back.
///
/// # Errors
/// `clock.forward` when a reading is earlier than the one before.
pub fn forward(clock: &dyn Clock, pass: &mut dyn FnMut()) -> Result<(), Violation> {
    let mut last = clock.ticks();
    for reading in 0..READINGS {
        let next = clock.ticks();
        if next < last {
            let detail = format!("reading {reading}: {next:?} after {last:?}");
            return Err(Violation::new("clock.forward", detail));
        }
        last = next;
        pass();
    }
    Ok(())
}

/// 3. Ticks grow while time passes.
///
/// # Errors
/// `clock.moving` when a millisecond leaves no trace.
pub fn moving(clock: &dyn Clock, pass: &mut dyn FnMut()) -> Result<(), Violation> {
    let before = clock.ticks();
    // Two, since the first may only complete a started millisecond.
    pass();
    pass();
    if clock.ticks() > before {
        return Ok(());
    }
    let detail = format!("ticks stood still at {before:?}");
    Err(Violation::new("clock.moving", detail))
}

/// 4. `times` reads both at one moment.
///
/// # Errors
/// `clock.together` when they do not lie between readings around them.
pub fn together(clock: &dyn Clock, pass: &mut dyn FnMut()) -> Result<(), Violation> {
    for _ in 0..READINGS {
        let undisturbed = (0..ATTEMPTS).any(|_| {
            let before = (clock.now(), clock.ticks());
            let times = clock.times();
            let after = (clock.now(), clock.ticks());
            lies_between::<Timestamp>(before.0, times.now, after.0)
                && lies_between::<Ticks>(before.1, times.ticks, after.1)
        });
        if !undisturbed {
            let detail = format!("{:?} is not between readings around it", clock.times());
            return Err(Violation::new("clock.together", detail));
        }
        pass();
    }
    Ok(())
}

fn lies_between<T: Ord>(before: T, it: T, after: T) -> bool {
    before <= it && it <= after
}
