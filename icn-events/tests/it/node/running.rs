//! Nodes that run by themselves, and are stopped and started at any await.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures::executor::block_on;
use icn_events::bus::Subscription;
use icn_events::node::{Node, NodeError, NodeEvent};
use icn_ledger::LedgerEvent;
use icn_types::host::{Clock, ManualClock, SystemClock, TransportError};
use icn_types::time::Timestamp;

use super::coop::Village;
use super::crash::Drowsy;
use super::hours;

/// Counts the payments that a node knows to be acknowledged.
fn acknowledged(node: &Node) -> (Arc<AtomicUsize>, Subscription) {
    let count = Arc::new(AtomicUsize::new(0));
    let counted = count.clone();
    let subscription = node.events().subscribe(move |event| {
        if let NodeEvent::Money {
            event: LedgerEvent::Acknowledged { .. },
            ..
        } = event
        {
            counted.fetch_add(1, Ordering::Relaxed);
        }
    });
    (count, subscription)
}

/// Ready when it is polled again.
#[derive(Default)]
struct Nap(bool);

impl Future for Nap {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.0, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

/// Polls once; what the future answered if it ended.
fn poll_once<T>(future: Pin<&mut impl Future<Output = T>>) -> Option<T> {
    match future.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    }
}

fn pay_each_other(village: &mut Village, times: icn_types::time::Times) {
    let unit = village.coop.hours;
    let [alice, bob] = [0, 1].map(|member| village.coop.hours_of(member));
    block_on(village.nodes[0].pay(&unit, &alice, &hours(bob, 3, 1), times)).unwrap();
    block_on(village.nodes[1].pay(&unit, &bob, &hours(alice, 5, 2), times)).unwrap();
}

fn assert_paid(village: &Village) {
    let unit = village.coop.hours;
    let [alice, bob] = [0, 1].map(|member| village.coop.hours_of(member));
    for node in 0..2 {
        assert_eq!(village.posted(node, unit, alice), 2 * 3600);
        assert_eq!(village.posted(node, unit, bob), -2 * 3600);
    }
}

#[test]
fn two_running_nodes_converge_on_simulated_time() {
    let mut village = Village::new(81, 2);
    let clock = ManualClock::new(Timestamp::from_millis(village.now));
    pay_each_other(&mut village, clock.times());
    let counts: Vec<_> = village.nodes.iter().map(acknowledged).collect();
    {
        let [one, other] = &mut village.nodes[..] else {
            panic!("two nodes");
        };
        let sleep = |due: Duration| {
            clock.advance(due);
            Nap::default()
        };
        let (mut one, mut other) = (pin!(one.run(&clock, sleep)), pin!(other.run(&clock, sleep)));
        let both = |counts: &[(Arc<AtomicUsize>, Subscription)]| {
            counts
                .iter()
                .all(|(count, _)| count.load(Ordering::Relaxed) == 2)
        };
        for _ in 0..10_000 {
            if both(&counts) {
                break;
            }
            assert!(poll_once(one.as_mut()).is_none(), "a node runs for ever");
            assert!(poll_once(other.as_mut()).is_none(), "a node runs for ever");
        }
        assert!(both(&counts), "acknowledged on both nodes");
    }
    assert_paid(&village);
}

/// Every run is dropped after a few polls, at another await each time.
#[test]
fn dropping_a_run_and_calling_it_again_loses_nothing() {
    let mut village = Village::new(82, 2);
    let clock = ManualClock::new(Timestamp::from_millis(village.now));
    pay_each_other(&mut village, clock.times());
    let sleep = |due: Duration| {
        clock.advance(due.min(Duration::from_millis(200)));
        Nap::default()
    };
    for round in 0..600 {
        for (number, node) in village.nodes.iter_mut().enumerate() {
            let mut run = pin!(node.run(&clock, sleep));
            for _ in 0..(round + number) % 4 {
                assert!(poll_once(run.as_mut()).is_none());
            }
        }
    }
    assert_paid(&village);
    assert!(village.agree());
}

/// Here every commit takes two polls, and some runs are dropped within one.
#[test]
fn run_that_is_dropped_in_a_commit_asks_to_be_opened_again_and_loses_nothing() {
    let mut village = Village::new(85, 2);
    let clock = ManualClock::new(Timestamp::from_millis(village.now));
    pay_each_other(&mut village, clock.times());
    let sleep = |due: Duration| {
        clock.advance(due.min(Duration::from_millis(200)));
        Nap::default()
    };
    let mut interruptions = 0;
    for round in 0..300 {
        for number in 0..2 {
            let answer = {
                let mut run = pin!(village.nodes[number].run(&clock, sleep));
                (0..(round + number) % 5).find_map(|_| poll_once(run.as_mut()))
            };
            match answer {
                None => {}
                Some(Err(NodeError::Interrupted)) => {
                    interruptions += 1;
                    let store = Drowsy::new(village.stores[number].clone());
                    let settings = village
                        .coop
                        .settings(number, Arc::new(store), &village.network);
                    village.nodes[number] = block_on(settings.open()).unwrap();
                }
                Some(other) => panic!("{other:?}"),
            }
            if round == 0 {
                let store = Drowsy::new(village.stores[number].clone());
                village.open_on(number, Arc::new(store));
            }
        }
    }
    assert!(interruptions > 0, "no run was dropped in a commit");
    village.until("all is acknowledged", |v| v.agree());
    assert_paid(&village);
    assert_eq!(village.forks(), []);
}

#[test]
fn run_on_the_system_clock_wakes_up_for_what_arrives() {
    let mut village = Village::new(83, 2);
    let clock = SystemClock::new();
    pay_each_other(&mut village, clock.times());
    let counts: Vec<_> = village.nodes.iter().map(acknowledged).collect();
    let [one, other] = &mut village.nodes[..] else {
        panic!("two nodes");
    };
    // The sleeps never end: only arrivals wake the nodes.
    let sleep = |_| futures::future::pending::<()>();
    let both = async {
        let runs = futures::future::join(one.run(&clock, sleep), other.run(&clock, sleep));
        let done = futures::future::poll_fn(|cx| {
            let is_done = counts
                .iter()
                .all(|(count, _)| count.load(Ordering::Relaxed) == 2);
            if is_done {
                return Poll::Ready(());
            }
            cx.waker().wake_by_ref();
            Poll::Pending
        });
        let (runs, done) = (pin!(runs), pin!(done));
        futures::future::select(runs, done).await;
    };
    block_on(both);
    assert_paid(&village);
}

#[test]
fn run_ends_with_its_transport() {
    let mut village = Village::new(84, 2);
    let clock = ManualClock::new(Timestamp::from_millis(village.now));
    let usurper = village.network.join(village.peer(0));
    let ended = block_on(village.nodes[0].run(&clock, |_| Nap::default()));
    assert!(
        matches!(ended, Err(NodeError::Transport(TransportError::Closed))),
        "{ended:?}"
    );
    drop(usurper);
}
