//! Requests that are asked of a node whose store fails: at every call that they
//! make, in every way. What the node opens on afterwards holds all of a request
//! or nothing.

use std::fmt::Debug;
use std::sync::Arc;

use futures::executor::block_on;
use icn_events::node::{AuthorError, Authored, NodeError, verify_store};
use icn_types::host::{MemoryStore, Store};
use icn_types::testkit::faulty::{Fault, Faulty};

use super::coop::{Village, copy};

pub(super) const FAULTS: [Fault; 3] = [Fault::Refused, Fault::UncertainDone, Fault::UncertainLost];

/// What every store held at some moment.
pub(super) struct Moment {
    seed: u64,
    stores: Vec<MemoryStore>,
    now: u64,
}

impl Moment {
    /// This moment of a village that was founded from `seed`.
    pub(super) fn of(seed: u64, village: &Village) -> Self {
        Self {
            seed,
            stores: village.copies(),
            now: village.now,
        }
    }

    /// The village as it was, with every node opened anew.
    pub(super) fn wake(&self) -> Village {
        Village::wake(self.seed, self.stores.iter().map(copy).collect(), self.now)
    }

    /// What becomes of requests to one node at this moment. `open` opens that
    /// node on a store.
    pub(super) const fn trial<O>(&self, node: usize, open: O) -> Trial<'_, O>
    where
        O: Fn(&mut Village, Arc<dyn Store>),
    {
        Trial {
            before: self,
            node,
            open,
        }
    }
}

/// Requests to one node at one moment.
pub(super) struct Trial<'a, O> {
    before: &'a Moment,
    node: usize,
    open: O,
}

impl<O: Fn(&mut Village, Arc<dyn Store>)> Trial<'_, O> {
    /// The village right after the request failed, for each call and each way,
    /// and whether the store did everything all the same.
    pub(super) fn failures<T: Debug>(
        &self,
        ask: impl Fn(&mut Village) -> Result<T, AuthorError>,
    ) -> impl Iterator<Item = (Village, bool)> {
        let (mut clean, counted) = self.opened(None);
        let first = counted.calls();
        ask(&mut clean).unwrap();
        let calls = first..counted.calls();
        assert!(!calls.is_empty());
        let last = calls.end - 1;
        let faults = calls.flat_map(|call| FAULTS.map(|fault| (call, fault)));
        faults.map(move |(call, fault)| {
            let (mut village, _) = self.opened(Some((call, fault)));
            let failed = ask(&mut village);
            let Err(AuthorError::Node(NodeError::Store(_))) = failed else {
                panic!("{call} {fault:?}: {failed:?}");
            };
            let was_done = (call, fault) == (last, Fault::UncertainDone);
            (village, was_done)
        })
    }

    /// Asserts that the request is carried out once: the node that failed says
    /// nothing more, and opened again it carries the request out where that was
    /// not done, and answers with the same records from then on.
    pub(super) fn is_carried_out_once(
        &self,
        ask: impl Fn(&mut Village) -> Result<Vec<Authored>, AuthorError>,
        mut then: impl FnMut(&mut Village, &[Authored]),
    ) {
        for (mut village, was_done) in self.failures(&ask) {
            let again = ask(&mut village);
            let Err(AuthorError::Node(NodeError::Interrupted)) = again else {
                panic!("granted what may be lost: {again:?}");
            };
            self.reopen(&mut village);
            let granted = ask(&mut village).unwrap();
            let is_again = |one: &Authored| matches!(one, Authored::Again(_));
            assert!(granted.iter().all(|one| is_again(one) == was_done));
            let same = granted.iter().map(|one| Authored::Again(one.id()));
            assert_eq!(ask(&mut village).unwrap(), same.collect::<Vec<_>>());
            then(&mut village, &granted);
            village.until("nodes agree", Village::agree);
            for one in &granted {
                for node in &village.nodes {
                    assert!(node.set().find(&one.id()).is_some());
                }
            }
            assert_eq!(village.forks(), []);
            assert!(village.labels_agree());
            self.assert_rows(&village);
        }
    }

    /// Opens the node on what its store holds.
    pub(super) fn reopen(&self, village: &mut Village) {
        let store = Arc::new(village.stores[self.node].clone());
        (self.open)(village, store);
    }

    /// Asserts that the derived rows in the node's store follow from the others.
    pub(super) fn assert_rows(&self, village: &Village) {
        let rows = verify_store(&village.coop.genesis, &village.stores[self.node]);
        assert_eq!(block_on(rows).unwrap(), []);
    }

    fn opened(&self, fault: Option<(u64, Fault)>) -> (Village, Arc<Faulty<MemoryStore>>) {
        let mut village = self.before.wake();
        let store = Arc::new(Faulty::new(village.stores[self.node].clone(), fault));
        (self.open)(&mut village, store.clone());
        (village, store)
    }
}
