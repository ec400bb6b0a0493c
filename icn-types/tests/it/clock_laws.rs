//! Both clocks keep the laws; each law catches a clock that breaks it.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use icn_types::host::{Clock, ManualClock, SystemClock};
use icn_types::testkit::clock::check;
use icn_types::time::{Ticks, Times, Timestamp};

#[test]
fn system_clock_keeps_the_laws() {
    let clock = SystemClock::new();
    let start = clock.ticks();
    // Waits by looking, as tests may not sleep either.
    let pass = || {
        let before = clock.ticks();
        while clock.ticks() == before {
            std::hint::spin_loop();
        }
    };
    check(&clock, pass).unwrap();
    assert!(clock.ticks() > start);
}

#[test]
fn manual_clock_keeps_the_laws_at_the_ends_of_time() {
    let clock = ManualClock::new(Timestamp::from_millis(u64::MAX));
    let handle = clock.clone();
    let turn = Cell::new(0);
    check(&clock, || {
        turn.set(turn.get() + 1);
        handle.advance(Duration::from_millis(1));
        handle.set_now(Timestamp::from_millis(if turn.get() % 2 == 0 {
            0
        } else {
            u64::MAX
        }));
    })
    .unwrap();
}

#[test]
fn manual_clock_moves_only_when_told() {
    let clock = ManualClock::new(Timestamp::from_millis(5));
    let before = clock.times();
    assert_eq!(clock.times(), before);
    clock.advance(Duration::from_micros(2_999));
    assert_eq!(clock.now(), Timestamp::from_millis(7));
    assert_eq!(clock.ticks(), Ticks::from_millis(2));
    clock.set_now(Timestamp::from_millis(1));
    assert_eq!(clock.now(), Timestamp::from_millis(1));
    assert_eq!(clock.ticks(), Ticks::from_millis(2));
    clock.advance(Duration::MAX);
    clock.advance(Duration::MAX);
    assert_eq!(clock.ticks(), Ticks::from_millis(u64::MAX));
}

/// Ways to break one law.
#[derive(Clone, Copy, Debug)]
enum Twist {
    Panics,
    GoesBack,
    StandsStill,
    ReadsApart,
}

#[derive(Debug)]
struct Bent {
    reads: AtomicU64,
    twist: Twist,
}

impl Clock for Bent {
    fn now(&self) -> Timestamp {
        let reads = self.reads.fetch_add(1, Ordering::Relaxed);
        assert!(
            !matches!(self.twist, Twist::Panics) || reads != 100,
            "no time like the present"
        );
        Timestamp::from_millis(1_000)
    }

    fn ticks(&self) -> Ticks {
        let reads = self.reads.fetch_add(1, Ordering::Relaxed);
        Ticks::from_millis(match self.twist {
            Twist::StandsStill => 7,
            Twist::GoesBack => reads ^ 1,
            Twist::Panics | Twist::ReadsApart => reads,
        })
    }

    fn times(&self) -> Times {
        let late = u64::from(matches!(self.twist, Twist::ReadsApart));
        Times {
            now: self.now().saturating_add(late),
            ticks: self.ticks(),
        }
    }
}

fn law_broken_by(twist: Twist) -> Option<&'static str> {
    let clock = Bent {
        reads: AtomicU64::new(0),
        twist,
    };
    check(&clock, || ()).err().map(|violation| violation.law())
}

#[test]
fn a_clock_that_panics_is_caught() {
    assert_eq!(law_broken_by(Twist::Panics), Some("clock.total"));
}

#[test]
fn a_clock_that_goes_back_is_caught() {
    assert_eq!(law_broken_by(Twist::GoesBack), Some("clock.forward"));
}

#[test]
fn a_clock_that_stands_still_is_caught() {
    assert_eq!(law_broken_by(Twist::StandsStill), Some("clock.moving"));
}

#[test]
fn a_clock_that_reads_its_times_apart_is_caught() {
    assert_eq!(law_broken_by(Twist::ReadsApart), Some("clock.together"));
}
