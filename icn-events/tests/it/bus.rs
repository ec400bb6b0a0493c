//! Who hears what, in which order, and who is hurt.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context as Cx, Poll, Waker};

use futures::executor::block_on;
use futures::stream::{FusedStream as _, StreamExt as _};
use futures::task::{ArcWake, waker};
use icn_events::bus::{Bus, EventStream, Subscription};
use icn_types::error::{Coded as _, Fault};
use proptest::prelude::*;

type Heard = Arc<Mutex<Vec<(&'static str, u32)>>>;

fn hear(bus: &Bus<u32>, heard: &Heard, name: &'static str) -> Subscription {
    let heard = Arc::clone(heard);
    bus.subscribe(move |event| heard.lock().unwrap().push((name, *event)))
}

fn taken(heard: &Heard) -> Vec<(&'static str, u32)> {
    std::mem::take(&mut heard.lock().unwrap())
}

fn room(capacity: usize) -> NonZeroUsize {
    NonZeroUsize::new(capacity).unwrap()
}

/// What a stream gives without waiting: events, or how many were missed.
fn read(stream: &mut EventStream<u32>) -> Vec<Result<u32, u64>> {
    std::iter::from_fn(|| stream.try_next())
        .map(|item| item.map(|event| *event).map_err(|lagged| lagged.missed))
        .collect()
}

/// Runs what must not print its panic.
fn hushed(run: impl FnOnce()) {
    static ONE: Mutex<()> = Mutex::new(());
    let _one = ONE.lock().unwrap();
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    run();
    std::panic::set_hook(hook);
}

#[test]
fn events_reach_subscribers_in_the_order_of_subscription() {
    let (bus, heard) = (Bus::new(), Heard::default());
    let _a = hear(&bus, &heard, "a");
    let _b = hear(&bus, &heard, "b");
    bus.publish(1);
    bus.publish(2);
    assert_eq!(taken(&heard), [("a", 1), ("b", 1), ("a", 2), ("b", 2)]);
}

#[test]
fn a_dropped_subscription_hears_nothing_more() {
    let (bus, heard) = (Bus::new(), Heard::default());
    let a = hear(&bus, &heard, "a");
    let b = hear(&bus, &heard, "b");
    drop(a);
    bus.publish(1);
    assert_eq!(taken(&heard), [("b", 1)]);
    assert_eq!(bus.subscribers(), 1);
    drop(b);
    assert_eq!(bus.subscribers(), 0);
}

#[test]
fn a_kept_subscription_lasts_as_long_as_the_bus() {
    let (bus, heard) = (Bus::new(), Heard::default());
    hear(&bus, &heard, "a").keep();
    bus.publish(1);
    assert_eq!(taken(&heard), [("a", 1)]);
    drop(bus);
    assert_eq!(Arc::strong_count(&heard), 1);
}

#[test]
fn an_event_published_by_a_callback_comes_after_the_one_it_answers() {
    let (bus, heard) = (Bus::new(), Heard::default());
    let again = bus.clone();
    let _a = bus.subscribe(move |event: &u32| {
        if *event < 3 {
            again.publish(event + 1);
        }
    });
    let _b = hear(&bus, &heard, "b");
    bus.publish(1);
    assert_eq!(taken(&heard), [("b", 1), ("b", 2), ("b", 3)]);
}

#[test]
fn a_callback_may_unsubscribe_itself_and_others() {
    let (bus, heard) = (Bus::new(), Heard::default());
    let held: Arc<Mutex<Vec<Subscription>>> = Arc::default();
    let ends = Arc::clone(&held);
    let killer = bus.subscribe(move |_: &u32| {
        let ended = std::mem::take(&mut *ends.lock().unwrap());
        drop(ended);
    });
    let victim = hear(&bus, &heard, "victim");
    let _last = hear(&bus, &heard, "last");
    held.lock().unwrap().extend([killer, victim]);
    bus.publish(1);
    assert_eq!(taken(&heard), [("last", 1)]);
    assert_eq!(bus.subscribers(), 1);
}

#[test]
fn who_subscribes_during_a_delivery_hears_only_what_is_published_later() {
    let (bus, heard) = (Bus::new(), Heard::default());
    let held: Arc<Mutex<Vec<Subscription>>> = Arc::default();
    let (again, new, hears) = (bus.clone(), Arc::clone(&held), Arc::clone(&heard));
    let _a = bus.subscribe(move |event: &u32| {
        if *event == 1 {
            new.lock().unwrap().push(hear(&again, &hears, "new"));
            again.publish(2);
        }
    });
    bus.publish(1);
    assert_eq!(taken(&heard), [("new", 2)]);
}

#[test]
fn a_callback_that_panics_is_removed_and_hurts_nobody() {
    let (bus, heard) = (Bus::new(), Heard::default());
    let _a = hear(&bus, &heard, "a");
    let _bad = bus.subscribe(|event: &u32| assert_ne!(*event, 2, "a planted panic"));
    let _b = hear(&bus, &heard, "b");
    hushed(|| (1..4).for_each(|event| bus.publish(event)));
    let all = [1, 2, 3].map(|event| [("a", event), ("b", event)]).concat();
    assert_eq!(taken(&heard), all);
    assert_eq!((bus.panicked(), bus.subscribers()), (1, 2));
}

#[test]
fn what_panics_while_it_is_dropped_hurts_nobody_either() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("a planted panic");
        }
    }
    let (bus, heard) = (Bus::new(), Heard::default());
    let bomb = Bomb;
    let held = bus.subscribe(move |_: &u32| {
        let _held = &bomb;
    });
    let _thrown = bus.subscribe(|_: &u32| std::panic::panic_any(Bomb));
    let _last = hear(&bus, &heard, "last");
    hushed(|| {
        drop(held);
        bus.publish(1);
        bus.publish(2);
    });
    assert_eq!(taken(&heard), [("last", 1), ("last", 2)]);
    assert_eq!(bus.panicked(), 1);
    let mut stream = bus.stream(room(1));
    let bomb = Bomb;
    bus.subscribe(move |_: &u32| {
        let _held = &bomb;
    })
    .keep();
    hushed(|| drop(bus));
    assert!(block_on(stream.next()).is_none());
}

#[test]
fn an_event_that_panics_while_it_is_dropped_does_not_stop_the_bus() {
    struct Bomb(bool);
    impl Drop for Bomb {
        fn drop(&mut self) {
            assert!(!self.0, "a planted panic");
        }
    }
    let bus = Bus::new();
    let heard = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&heard);
    let _a = bus.subscribe(move |_: &Bomb| {
        count.fetch_add(1, Ordering::Relaxed);
    });
    hushed(|| bus.publish(Bomb(true)));
    bus.publish(Bomb(false));
    assert_eq!(heard.load(Ordering::Relaxed), 2);
}

#[test]
fn no_lock_is_held_while_a_callback_runs() {
    let bus: Bus<u32> = Bus::new();
    let again = bus.clone();
    let seen = Arc::new(AtomicUsize::new(0));
    let saw = Arc::clone(&seen);
    let _a = bus.subscribe(move |_| saw.store(again.subscribers(), Ordering::Relaxed));
    bus.publish(1);
    assert_eq!(seen.load(Ordering::Relaxed), 1);
}

#[test]
fn threads_that_publish_at_once_give_everybody_one_order() {
    let bus = Bus::new();
    let (one, other) = (Heard::default(), Heard::default());
    let _a = hear(&bus, &one, "");
    let _b = hear(&bus, &other, "");
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let bus = bus.clone();
            scope.spawn(move || (0..100).for_each(|event| bus.publish(thread * 100 + event)));
        }
    });
    let (one, other) = (taken(&one), taken(&other));
    assert_eq!(one.len(), 400);
    assert_eq!(one, other);
}

#[test]
fn a_slow_reader_is_told_how_much_it_missed_and_goes_on() {
    let bus = Bus::new();
    let mut stream = bus.stream(room(2));
    (1..=5).for_each(|event| bus.publish(event));
    assert_eq!(read(&mut stream), [Err(3), Ok(4), Ok(5)]);
    bus.publish(6);
    assert_eq!(read(&mut stream), [Ok(6)]);
}

#[test]
fn a_lag_is_the_fault_of_the_reader() {
    let bus = Bus::new();
    let mut stream = bus.stream(room(1));
    bus.publish(1);
    bus.publish(2);
    let lagged = stream.try_next().unwrap().unwrap_err();
    assert_eq!(
        (lagged.code(), lagged.fault()),
        ("bus.lagged", Fault::Caller)
    );
    assert_eq!(lagged.to_string(), "stream missed 1 events");
}

#[test]
fn a_stream_ends_after_the_last_event_of_a_bus_that_is_gone() {
    let bus = Bus::new();
    let mut stream = bus.stream(room(4));
    bus.publish(1);
    drop(bus);
    assert!(!stream.is_terminated());
    assert_eq!(
        block_on(stream.next()).map(|item| item.map(|event| *event)),
        Some(Ok(1))
    );
    assert_eq!(block_on(stream.next()), None);
    assert!(stream.is_terminated());
}

#[test]
fn a_dropped_stream_is_unsubscribed() {
    let bus: Bus<u32> = Bus::new();
    let stream = bus.stream(room(1));
    assert_eq!(bus.subscribers(), 1);
    drop(stream);
    assert_eq!(bus.subscribers(), 0);
}

struct Woken(AtomicUsize);

impl ArcWake for Woken {
    fn wake_by_ref(woken: &Arc<Self>) {
        woken.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn a_waiting_reader_is_woken_by_an_event_and_by_the_end() {
    let bus = Bus::new();
    let mut stream = bus.stream(room(1));
    let woken = Arc::new(Woken(AtomicUsize::new(0)));
    let waker: Waker = waker(Arc::clone(&woken));
    let mut cx = Cx::from_waker(&waker);
    assert_eq!(stream.poll_next_unpin(&mut cx), Poll::Pending);
    bus.publish(1);
    assert_eq!(woken.0.load(Ordering::Relaxed), 1);
    assert!(stream.poll_next_unpin(&mut cx).is_ready());
    assert_eq!(stream.poll_next_unpin(&mut cx), Poll::Pending);
    drop(bus);
    assert_eq!(woken.0.load(Ordering::Relaxed), 2);
}

proptest! {
    /// Whatever the mix of publishing and reading: what a stream gives is the
    /// sequence with holes, and each hole is as large as it says.
    #[test]
    fn a_stream_accounts_for_every_event(
        capacity in 1_usize..5,
        steps in prop::collection::vec(any::<bool>(), 0..60),
    ) {
        let bus = Bus::new();
        let mut stream = bus.stream(room(capacity));
        let (mut published, mut expected) = (0, 0);
        let take = |stream: &mut EventStream<u32>, expected: &mut u32| {
            match stream.try_next() {
                Some(Ok(event)) => {
                    assert_eq!(*event, *expected);
                    *expected += 1;
                }
                Some(Err(lagged)) => *expected += u32::try_from(lagged.missed).unwrap(),
                None => return false,
            }
            true
        };
        for publishes in steps {
            if publishes {
                bus.publish(published);
                published += 1;
            } else {
                take(&mut stream, &mut expected);
            }
        }
        let mut unread = 0;
        while take(&mut stream, &mut expected) {
            unread += 1;
        }
        prop_assert!(unread <= capacity + 1);
        prop_assert_eq!(expected, published);
    }
}
