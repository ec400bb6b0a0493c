//! Our paths, each as a host would write it.

use std::collections::VecDeque;
use std::task::Poll;

use futures::FutureExt as _;
use futures::executor::block_on;
use futures::future::BoxFuture;
use futures::poll;
use icn_types::host::{Batch, Store, StoreError};
use icn_types::record::{Content, Draft, Header, Record};
use icn_types::sign::{Signed, Unverified};

use crate::arrival::Arrival;
use crate::market::Replica;
use crate::rows::Decoded;

/// Commits that wait behind the one that the store writes: it finds the next one
/// when it is done, and never two to write as one.
const WAITING: usize = 1;

/// A replica with a store behind it.
#[derive(Debug)]
pub struct Node<S> {
    /// What it knows.
    pub replica: Replica,
    store: S,
    next: u64,
}

impl<S: Store> Node<S> {
    /// A node that stores from here on.
    pub const fn new(replica: Replica, store: S) -> Self {
        Self {
            replica,
            store,
            next: 0,
        }
    }

    /// Appends one entry: encodes and hashes it as its author does, applies it
    /// and commits its rows. Only the signature was made before.
    pub fn append(
        &mut self,
        header: &Header,
        content: Content,
        entry: Signed<Record>,
        decoded: &Decoded,
    ) {
        let draft = Draft::new(*header.place(), header.kind(), header.at(), content);
        let draft = draft.expect("the same draft");
        assert_eq!(draft.header().id(), entry.id(), "another id");
        self.apply(entry, decoded);
    }

    /// Applies one entry whose signature was checked and commits its rows.
    pub fn apply(&mut self, entry: Signed<Record>, decoded: &Decoded) {
        let mut batch = Batch::new();
        let body = entry.to_bytes();
        self.replica.apply(entry);
        put(&self.replica, &mut self.next, &mut batch, body, decoded);
        let store: &dyn Store = &self.store;
        let committed = store.commit(batch).now_or_never();
        committed.expect("at once").expect("a store in memory");
    }

    /// Takes in entries as they arrived, one commit for so many of them. The
    /// next ones are checked while commits are under way.
    ///
    /// # Errors
    /// [`StoreError`] as the store says.
    pub fn ingest(
        &mut self,
        claims: Vec<Unverified<Record>>,
        arrivals: &[Arrival],
        batch_len: usize,
    ) -> Result<(), StoreError> {
        let (replica, next) = (&mut self.replica, &mut self.next);
        block_on(async {
            let mut under_way: VecDeque<BoxFuture<'_, _>> = VecDeque::new();
            let mut claims = claims.into_iter();
            for arrivals in arrivals.chunks(batch_len) {
                let mut batch = Batch::new();
                for (arrival, claim) in arrivals.iter().zip(claims.by_ref()) {
                    replica.receive(claim);
                    put(
                        replica,
                        next,
                        &mut batch,
                        arrival.bytes.clone(),
                        &arrival.decoded,
                    );
                }
                let mut commit = self.store.commit(batch);
                match poll!(&mut commit) {
                    Poll::Ready(done) => done?,
                    Poll::Pending => under_way.push_back(commit),
                }
                if under_way.len() > WAITING
                    && let Some(earliest) = under_way.pop_front()
                {
                    earliest.await?;
                }
            }
            for commit in under_way {
                commit.await?;
            }
            Ok(())
        })
    }
}

/// The rows of the entry that the replica took in last.
fn put(replica: &Replica, next: &mut u64, batch: &mut Batch, body: Vec<u8>, decoded: &Decoded) {
    let columns = replica.ledger.columns(&replica.set);
    decoded.put(batch, *next, body, columns.account(&decoded.chain).posted);
    *next += 1;
}
