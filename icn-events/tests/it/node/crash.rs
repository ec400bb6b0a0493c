//! A node that is dropped at any call and any await goes on from its store:
//! what was decided is paid once, and the audit line stands beside the entry.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use async_trait::async_trait;
use futures::executor::block_on;
use icn_events::node::{NodeError, verify_store};
use icn_governance::body::Choice;
use icn_types::authority::ProposalId;
use icn_types::host::{
    Batch, Frame, Incoming, Key, MemoryStore, Page, Scan, Store, StoreError, StoreErrorKind,
    Transport, TransportError,
};
use icn_types::key::PeerId;
use icn_types::testkit::faulty::{Fault, Faulty};

use super::coop::Village;
use super::faults::{FAULTS, Moment};
use super::{budget, hours, propose_and_vote};

const SEED: u64 = 11;

/// Three nodes on the eve of a payment: the vote is closed, the timelock runs.
struct Eve {
    before: Moment,
    proposal: ProposalId,
}

impl Eve {
    fn of_the_budget() -> Self {
        let mut village = Village::new(SEED, 3);
        let proposal = budget(&village);
        let id = proposal.id();
        let opening = propose_and_vote(&mut village, proposal, &[Choice::Yes; 3]);
        village.until("every node knows the certificate", |v| {
            v.nodes.iter().all(|node| {
                let decision = node.set().office().unwrap().decision(&opening).unwrap();
                assert!(
                    decision.ready().is_none(),
                    "the timelock is longer than this"
                );
                decision.close().is_some()
            })
        });
        Self {
            before: Moment::of(SEED, &village),
            proposal: id,
        }
    }

    fn dawn(&self) -> Village {
        self.before.wake()
    }
}

/// What must hold of a node at every moment: money that a decision moved and
/// the line about it are there together.
fn assert_line_iff_entry(village: &Village, node: usize, proposal: ProposalId) {
    let (credits, treasury) = (village.coop.credits, village.coop.treasury());
    let node = &village.nodes[node];
    let key = icn_types::authority::operation_key(node.set().domain(), proposal, 0);
    let entry = node
        .ledger(&credits)
        .unwrap()
        .payment(node.set(), &treasury, &key);
    let line = node.audit().payment(node.set(), &proposal, 0);
    assert_eq!(entry.is_some(), line.is_some());
}

/// What a reader of the store sees is what the journal gives.
fn assert_rows_agree(village: &Village, node: usize) {
    let (genesis, store) = (&village.coop.genesis, &village.stores[node]);
    assert_eq!(block_on(verify_store(genesis, store)).unwrap(), []);
}

/// Runs to the end, which is the same whatever happened before.
fn assert_paid_once_in_the_end(village: &mut Village, proposal: ProposalId) {
    let (credits, treasury, supplier) = (
        village.coop.credits,
        village.coop.treasury(),
        village.coop.supplier(),
    );
    village.until("every node has the money and the line", |v| {
        (0..3).all(|node| {
            v.posted(node, credits, supplier) == 5_000
                && v.nodes[node]
                    .audit()
                    .payment(v.nodes[node].set(), &proposal, 0)
                    .is_some()
        }) && v.agree()
    });
    village.rounds(5);
    assert!(village.agree() && village.labels_agree());
    assert_eq!(village.forks(), []);
    for node in 0..3 {
        assert_eq!(village.posted(node, credits, supplier), 5_000);
        assert_eq!(village.posted(node, credits, treasury), -5_000);
        let node = &village.nodes[node];
        let text = node.audit().export(node.set()).unwrap();
        let report = icn_events::audit::verify(&text, node.audit().head(node.set())).unwrap();
        assert_eq!(report.payments.len(), 1);
    }
}

/// Steps everybody until node 0 fails or the money is with the supplier everywhere.
fn until_node_0_fails(village: &mut Village) -> Option<NodeError> {
    let (credits, supplier) = (village.coop.credits, village.coop.supplier());
    for _ in 0..200 {
        for (node, stepped) in village.try_round().into_iter().enumerate() {
            match stepped {
                Err(error) if node == 0 => return Some(error),
                stepped => drop(stepped.unwrap()),
            }
        }
        if (0..3).all(|node| village.posted(node, credits, supplier) == 5_000) && village.agree() {
            return None;
        }
    }
    panic!("never paid");
}

#[test]
fn treasury_pays_once_whichever_store_call_fails() {
    let eve = Eve::of_the_budget();
    let mut clean = eve.dawn();
    let counted = Arc::new(Faulty::new(clean.stores[0].clone(), []));
    clean.open_on(0, counted.clone());
    let opening_calls = counted.calls();
    assert!(until_node_0_fails(&mut clean).is_none());
    let calls = counted.calls();
    assert!(calls > opening_calls + 1, "the payment takes commits");
    assert_paid_once_in_the_end(&mut clean, eve.proposal);

    for call in opening_calls..calls {
        for fault in FAULTS {
            let mut village = eve.dawn();
            let store = Faulty::new(village.stores[0].clone(), [(call, fault)]);
            village.open_on(0, Arc::new(store));
            let error = until_node_0_fails(&mut village).unwrap();
            assert!(
                matches!(error, NodeError::Store(_)),
                "{call} {fault:?}: {error:?}"
            );
            let times = village.times();
            assert!(matches!(
                block_on(village.nodes[0].step(times)),
                Err(NodeError::Interrupted)
            ));
            assert_rows_agree(&village, 0);
            village.reopen(0);
            assert_line_iff_entry(&village, 0, eve.proposal);
            assert_paid_once_in_the_end(&mut village, eve.proposal);
            assert_rows_agree(&village, 0);
        }
    }
}

#[test]
fn node_whose_store_fails_while_it_opens_opens_later() {
    let eve = Eve::of_the_budget();
    let mut clean = eve.dawn();
    let counted = Arc::new(Faulty::new(clean.stores[0].clone(), []));
    clean.open_on(0, counted.clone());
    for call in 0..counted.calls() {
        let mut village = eve.dawn();
        let store = Faulty::new(village.stores[0].clone(), [(call, Fault::Refused)]);
        let settings = village.coop.settings(0, Arc::new(store), &village.network);
        let error = block_on(settings.open()).unwrap_err();
        assert!(matches!(error, NodeError::Store(_)));
        village.reopen(0);
        assert_paid_once_in_the_end(&mut village, eve.proposal);
    }
}

#[test]
fn first_commit_of_a_node_may_fail_in_every_way() {
    for fault in FAULTS {
        let mut village = Village::new(SEED, 3);
        let empty = MemoryStore::new();
        let store = Faulty::new(empty.clone(), [(1, fault)]);
        let settings = village.coop.settings(2, Arc::new(store), &village.network);
        let error = block_on(settings.open()).unwrap_err();
        let NodeError::Store(error) = error else {
            panic!("{error:?}");
        };
        let expected = match fault {
            Fault::Refused => StoreErrorKind::Unavailable,
            _ => StoreErrorKind::Uncertain,
        };
        assert_eq!(error.kind(), expected);
        village.stores[2] = empty;
        village.reopen(2);
        village.until("nodes agree", Village::agree);
    }
}

#[test]
fn member_pays_once_whichever_way_the_commit_fails() {
    let mut village = Village::new(12, 3);
    village.rounds(3);
    let unit = village.coop.hours;
    let [alice, bob] = [0, 1].map(|member| village.coop.hours_of(member));
    let before = Moment::of(12, &village);
    let trial = before.trial(1, |village, store| village.open_on(1, store));
    let ask = |village: &mut Village| {
        let times = village.times();
        let request = hours(alice, 10, 1);
        let paid = village.nodes[1].pay(&unit, &bob, &request, times);
        Ok(vec![block_on(paid)?])
    };
    trial.is_carried_out_once(ask, |village, _| {
        village.until("the payment is acknowledged everywhere", |v| {
            (0..3).all(|node| v.posted(node, unit, alice) == 36_000)
        });
        village.rounds(5);
        assert_eq!(village.posted(2, unit, bob), -36_000);
    });
}

#[test]
fn node_dropped_at_any_await_goes_on_from_its_store() {
    let eve = Eve::of_the_budget();
    // The step in which the treasury pays is the one after the timelock.
    let mut polls = 0;
    loop {
        let mut village = eve.dawn();
        let person = village.coop.members[0].peer();
        village.rounds(1);
        let store = Drowsy::new(village.stores[0].clone());
        let transport = Drowsy::new(village.network.join(person));
        let settings = village
            .coop
            .settings_on(0, Arc::new(store), Arc::new(transport));
        village.nodes[0] = finish(settings.open()).unwrap();
        // Let the links come up on the sleepy transport, then skip the timelock.
        for _ in 0..3 {
            village.now += 100;
            let times = village.times();
            for node in &mut village.nodes {
                finish(node.step(times)).unwrap();
            }
        }
        village.now += 1_000;
        let times = village.times();
        let ended = poll_times(village.nodes[0].step(times), polls).is_some();
        if !ended {
            let error = finish(village.nodes[0].step(times));
            assert!(!matches!(error, Err(NodeError::Store(_))), "{error:?}");
        }
        village.reopen(0);
        assert_line_iff_entry(&village, 0, eve.proposal);
        assert_paid_once_in_the_end(&mut village, eve.proposal);
        if ended {
            break;
        }
        polls += 1;
    }
    assert!(
        polls >= 4,
        "{polls} polls are less than a commit and a send"
    );
}

/// Polls a future so many times and drops it.
pub(crate) fn poll_times<T>(future: impl Future<Output = T>, times: usize) -> Option<T> {
    let mut future = pin!(future);
    let mut cx = Context::from_waker(Waker::noop());
    (0..times).find_map(|_| match future.as_mut().poll(&mut cx) {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    })
}

/// Polls a future to its end.
fn finish<T>(future: impl Future<Output = T>) -> T {
    poll_times(future, 1_000_000).unwrap()
}

/// A port whose calls each wait once before and once after they happen.
pub(crate) struct Drowsy<T> {
    inner: T,
}

impl<T> Drowsy<T> {
    pub(crate) const fn new(inner: T) -> Self {
        Self { inner }
    }
}

/// Ready when it is polled again.
#[derive(Default)]
struct Nap {
    over: bool,
}

impl Future for Nap {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.over, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

#[async_trait]
impl<S: Store> Store for Drowsy<S> {
    async fn read(&self, keys: &[Key]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        Nap::default().await;
        self.inner.read(keys).await
    }

    async fn scan(&self, scan: &Scan) -> Result<Page, StoreError> {
        Nap::default().await;
        self.inner.scan(scan).await
    }

    async fn commit(&self, batch: Batch) -> Result<(), StoreError> {
        Nap::default().await;
        let done = self.inner.commit(batch).await;
        Nap::default().await;
        done
    }
}

/// Only sends wait: a step takes what has arrived and never waits for more.
#[async_trait]
impl<T: Transport> Transport for Drowsy<T> {
    fn local_peer(&self) -> PeerId {
        self.inner.local_peer()
    }

    fn max_frame_len(&self) -> usize {
        self.inner.max_frame_len()
    }

    async fn send(&self, to: PeerId, frame: Frame) -> Result<(), TransportError> {
        Nap::default().await;
        let sent = self.inner.send(to, frame).await;
        Nap::default().await;
        sent
    }

    async fn recv(&self) -> Result<Incoming, TransportError> {
        self.inner.recv().await
    }
}
