//! The node: records, votes, money and audit of one domain on one machine.
//!
//! A node joins the replica with the domain crates. It owns each of them
//! alone, lets others only look, and never spawns: the host calls
//! [`step`](Node::step) with the time, or polls [`run`](Node::run).
//!
//! A step takes what arrived, does what this node's keys oblige it to, puts
//! everything that it stored into one commit, and only then sends. Money that
//! a decision moves and the audit line about it are in the same commit.
//! Dropping a node anywhere is a crash, and a crash loses nothing that left it.

mod agreed;
mod auditor;
mod author;
mod batch;
mod books;
mod chain;
mod credit;
mod derived;
mod docket;
mod duty;
mod epoch;
mod error;
mod event;
mod forks;
mod journal;
mod lean;
mod mandate;
mod money;
mod open;
mod pages;
mod positions;
mod recall;
mod registrar;
mod replay;
mod resume;
mod roll;
mod schema;
mod sealing;
mod settings;
mod snapshot;
mod start;
mod stored;
mod view;
mod watch;

use std::collections::VecDeque;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::{Either, select};

use icn_ledger::Policies;
use icn_ledger::ledger::Refreshed;
use icn_sync::{Committed, Input, Replica, Step, SyncEvent};
use icn_types::host::{Batch, Clock, Frame, Incoming, Transport, TransportError};
use icn_types::id::ChainId;
use icn_types::key::{PeerId, PublicKey, SignError, Signer};
use icn_types::record::{Draft, Record};
use icn_types::set::Slot;
use icn_types::sign::Signed;
use icn_types::time::{Ticks, Times};

use crate::bus::Bus;

use agreed::Agreed;
use books::Books;
use derived::{Derived, Touched};
use docket::Docket;
use duty::sign_all;
use forks::Forks;
use journal::Journal;
use positions::Positions;
use resume::Resuming;
use sealing::Sealing;
use watch::Watch;

pub use author::{AuthorError, Authored};
pub use batch::{BATCH_MAX, Results};
pub use chain::ChainRequest;
pub use credit::CreditMove;
pub use epoch::EpochRequest;
pub use error::NodeError;
pub use event::NodeEvent;
pub use lean::LeanNode;
pub use recall::RecallRequest;
pub use settings::{Acknowledgement, NodeSettings};
pub use snapshot::Saved;
pub use stored::{Difference, Stored, verify_store};

/// Frames that one step takes in; more wait for the next one.
const FRAMES_PER_STEP: usize = 256;

/// Bytes of frames after which a step takes in no more. With the early records
/// that they release they stay far below what one batch holds.
const BYTES_PER_STEP: usize = 16 << 20;

/// Records that one step writes of its own accord.
const DUTIES_PER_STEP: usize = 256;

/// Longest time between two steps of [`Node::run`]: what is due by wall time
/// is done at most this much late.
const PAUSE: Duration = Duration::from_millis(500);

/// Ids that one step asks for because a judge waits for them.
const ASKED_PER_STEP: usize = 64;

/// A key store that the host keeps, shared with a node.
pub type SharedSigner = Arc<dyn Signer + Send + Sync>;

/// Drafts that belong together, each with the signer of its chain.
type Unsigned = Vec<(Draft, SharedSigner)>;

/// One node of one domain.
pub struct Node {
    journal: Journal,
    transport: Arc<dyn Transport>,
    replica: Replica,
    books: Books,
    derived: Derived,
    docket: Docket,
    forks: Forks,
    watch: Watch,
    sealing: Sealing,
    resuming: Resuming,
    agreed: Agreed,
    signers: Vec<SharedSigner>,
    acknowledgement: Acknowledgement,
    policies: Policies,
    bus: Bus<NodeEvent>,
    /// Arrived and not taken in yet: while `run` waited, or in a step that came
    /// to nothing.
    held: VecDeque<Incoming>,
    /// A step changed memory and has not ended.
    interrupted: bool,
    positions: Positions,
    /// What the step under way found and took in; kept only while records are not
    /// at hand.
    taken: Option<Taken>,
}

/// What a step begins with, so that it can be done again.
#[derive(Debug)]
struct Taken {
    /// Peers that were up.
    up: Vec<PeerId>,
    /// What they had confirmed of what the store holds.
    resuming: Resuming,
    arrived: Vec<Incoming>,
}

impl std::fmt::Debug for Node {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Node")
            .field("domain", &self.set().domain())
            .field("records", &self.set().len())
            .field("interrupted", &self.interrupted)
            .finish_non_exhaustive()
    }
}

/// What one step did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// Records stored, from others and of its own.
    pub stored: usize,
    /// Of these, the ones that this node wrote.
    pub authored: usize,
    /// Frames taken in.
    pub received: usize,
    /// Frames handed to the transport.
    pub sent: usize,
    /// Chains looked at for what this node owes: what happened since the last
    /// step, and not how many there are.
    pub looked: usize,
}

impl Progress {
    /// Whether nothing happened.
    #[must_use]
    pub const fn is_idle(&self) -> bool {
        self.stored == 0 && self.received == 0 && self.sent == 0
    }
}

/// What a step has gathered for its one commit.
#[derive(Default)]
struct Work {
    steps: Vec<Step>,
    touched: Touched,
    events: Vec<NodeEvent>,
    progress: Progress,
    /// Keys that could not sign what is owed under them.
    mute: Vec<PublicKey>,
}

impl Work {
    /// What is owed under a key waits until a later step.
    fn mute(&mut self, key: PublicKey, error: SignError) {
        self.mute.push(key);
        self.events.push(NodeEvent::Unsigned { key, error });
    }
}

impl Node {
    /// Does everything that can be done now and makes it durable: takes in what
    /// arrived, writes what the keys of this node oblige it to, and sends. What
    /// is more than one step takes is left to the next one.
    ///
    /// Costs what arrived and what is pending: votes that run, decisions that
    /// are not carried out, own chains on which something happened, and with a
    /// Seal those whose credit waits for one. Where a spine moved it costs a look
    /// at all chains of the domain.
    ///
    /// # Errors
    /// [`NodeError`]. After a failed commit the node answers
    /// [`NodeError::Interrupted`]: open it again from its store.
    pub async fn step(&mut self, times: Times) -> Result<Progress, NodeError> {
        let mut work = self.begin()?;
        self.take_in(times, &mut work)?;
        self.ask_for_missing(times, &mut work);
        if self
            .replica
            .next_deadline()
            .is_some_and(|due| due <= times.ticks)
        {
            self.input(Input::Wake, times, &mut work)?;
        }
        self.do_duties(times, &mut work)?;
        self.end(work).await
    }

    /// Steps whenever something arrives or is due, for ever. `sleep` waits for
    /// a duration in whatever way the host waits. Cancel-safe while it waits:
    /// what arrived is taken in by the next call. Dropped in the middle of a
    /// commit it leaves the node [`Interrupted`](NodeError::Interrupted), as a
    /// dropped [`step`](Self::step) does: nothing is lost, but the node has to
    /// be opened again from its store.
    ///
    /// # Errors
    /// [`NodeError`] of the step that failed.
    pub async fn run<S, F>(&mut self, clock: &dyn Clock, mut sleep: S) -> Result<(), NodeError>
    where
        S: FnMut(Duration) -> F,
        F: Future<Output = ()>,
    {
        loop {
            let times = clock.times();
            let progress = self.step(times).await?;
            self.pause(progress, times.ticks, &mut sleep).await?;
        }
    }

    /// Waits until something arrives or is due.
    async fn pause<S, F>(
        &mut self,
        progress: Progress,
        now: Ticks,
        sleep: &mut S,
    ) -> Result<(), NodeError>
    where
        S: FnMut(Duration) -> F,
        F: Future<Output = ()>,
    {
        let due = self.replica.next_deadline();
        let due = due.map_or(PAUSE, |due| due.since(now));
        if progress.authored > 0 || due.is_zero() || !self.held.is_empty() {
            return Ok(());
        }
        let waited = {
            let arrival = self.transport.recv();
            let pause = sleep(due.min(PAUSE));
            futures::pin_mut!(arrival, pause);
            match select(arrival, pause).await {
                Either::Left((arrived, _)) => Some(arrived?),
                Either::Right(_) => None,
            }
        };
        self.held.extend(waited);
        Ok(())
    }

    /// A node whose step did not end cannot begin another one.
    fn begin(&self) -> Result<Work, NodeError> {
        self.ready()?;
        Ok(Work::default())
    }

    /// After a step that did not end, memory may know what no store does:
    /// nothing that rests on it may be promised.
    const fn ready(&self) -> Result<(), NodeError> {
        if self.interrupted {
            Err(NodeError::Interrupted)
        } else {
            Ok(())
        }
    }

    fn take_in(&mut self, times: Times, work: &mut Work) -> Result<(), NodeError> {
        let mut room = BYTES_PER_STEP;
        for _ in 0..FRAMES_PER_STEP {
            let arrived = match self.held.pop_front() {
                Some(held) => Some(Ok(held)),
                None => self.transport.recv().now_or_never(),
            };
            let Some(arrived) = arrived.transpose()? else {
                return Ok(());
            };
            if let Some(taken) = &mut self.taken {
                taken.arrived.push(arrived.clone());
            }
            let input = match arrived {
                Incoming::Up(peer) => Input::PeerUp(peer),
                Incoming::Down(peer) => Input::PeerDown(peer),
                Incoming::Frame { from, frame } => {
                    room = room.saturating_sub(frame.len());
                    Input::Frame {
                        from,
                        bytes: frame.as_bytes().to_vec(),
                    }
                }
            };
            work.progress.received += 1;
            self.input(input, times, work)?;
            if room == 0 {
                return Ok(());
            }
        }
        Ok(())
    }

    fn ask_for_missing(&mut self, times: Times, work: &mut Work) {
        for (topic, mut ids) in self.books.missing(self.replica.set()) {
            ids.truncate(ASKED_PER_STEP);
            work.steps.push(
                self.replica
                    .handle(Input::Missing { topic, ids }, times.ticks),
            );
        }
    }

    fn do_duties(&mut self, times: Times, work: &mut Work) -> Result<(), NodeError> {
        for _ in 0..DUTIES_PER_STEP {
            self.write_audit_lines(times, work)?;
            let Some(duty) = self.next_duty(times.now, work) else {
                self.strike_off();
                return Ok(());
            };
            self.sound()?;
            match sign_all(duty) {
                Ok(records) => {
                    for record in records {
                        self.take_own(record, times, work)?;
                    }
                }
                Err((key, error)) => work.mute(key, error),
            }
        }
        self.write_audit_lines(times, work)
    }

    /// Takes in a record that this node signed.
    fn take_own(
        &mut self,
        record: Signed<Record>,
        times: Times,
        work: &mut Work,
    ) -> Result<(), NodeError> {
        let id = record.id();
        self.input(Input::Local(Box::new(record)), times, work)?;
        work.events.push(NodeEvent::Authored(id));
        work.progress.authored += 1;
        Ok(())
    }

    fn input(&mut self, input: Input, times: Times, work: &mut Work) -> Result<(), NodeError> {
        let step = self.replica.handle(input, times.ticks);
        if !step.stored().is_empty() {
            self.watch.follow_acts(self.replica.set());
        }
        for event in step.events() {
            if let SyncEvent::Refused { refusal, .. } = event {
                return Err(NodeError::Refused(*refusal));
            }
            if let SyncEvent::Converged { topic, peer } = event {
                let chains = self.own_chains(*topic);
                let confirmed = self.resuming.hear(self.replica.set(), *peer, chains);
                confirmed.iter().for_each(|chain| self.watch.wake(chain));
            }
            work.events.push(NodeEvent::Sync(event.clone()));
        }
        self.interrupted |= !step.stored().is_empty();
        for stored in step.stored() {
            let (touched, events) = (&mut work.touched, &mut work.events);
            let told = events.len();
            self.books
                .update(self.replica.set(), stored.slot, touched, events);
            let fresh = &events[told..];
            fresh.iter().for_each(|event| self.docket.note(event));
            self.forks.note(self.replica.set(), stored.slot);
        }
        if !step.stored().is_empty() {
            self.follow(&step, work);
        }
        work.progress.stored += step.stored().len();
        work.steps.push(step);
        Ok(())
    }

    /// Lets everything catch up that says what this node owes.
    fn follow(&mut self, step: &Step, work: &mut Work) {
        let set = self.replica.set();
        if self.books.refresh(set, &mut work.touched) == Refreshed::Anew {
            self.watch.wake_all();
        }
        for ledger in self.books.ledgers.values() {
            self.watch.follow_ledger(set, ledger);
        }
        let stored: Vec<Slot> = step.stored().iter().map(|stored| stored.slot).collect();
        self.sealing.follow(set, &stored);
        self.docket.update(set, &self.books.governance);
    }

    /// One commit for everything, then the frames, then the notices.
    async fn end(&mut self, mut work: Work) -> Result<Progress, NodeError> {
        self.interrupted |= self.missed();
        self.sound()?;
        let stored = || work.steps.iter().flat_map(Step::stored);
        let mut batch = Batch::new();
        self.journal
            .append(&mut batch, stored().map(|stored| stored.bytes.as_slice()))?;
        if !batch.is_empty() {
            let (set, slots) = (self.replica.set(), stored().map(|stored| stored.slot));
            self.derived
                .put(&mut batch, set, &self.books, slots, work.touched)?;
            self.journal.commit(batch).await?;
            stored().for_each(|stored| self.positions.note(stored.slot.index()));
        }
        if let Some(last) = work.steps.last().map(Step::number) {
            let committed = Committed::i_vouch_that_all_is_durable_through(last);
            for step in std::mem::take(&mut work.steps) {
                self.send(step, committed, &mut work.progress).await?;
            }
        }
        self.interrupted = false;
        if let Some(taken) = &mut self.taken {
            taken.up = self.replica.up().collect();
            taken.resuming.clone_from(&self.resuming);
            taken.arrived.clear();
        }
        for event in work.events {
            self.bus.publish(event);
        }
        Ok(work.progress)
    }

    /// Whether anything asked for a record that is not at hand.
    fn missed(&self) -> bool {
        self.replica.set().missed()
    }

    /// Nothing is signed, written or sent that was computed without a record it
    /// asked for.
    fn sound(&self) -> Result<(), NodeError> {
        if self.missed() {
            Err(NodeError::NotAtHand)
        } else {
            Ok(())
        }
    }

    /// A frame that cannot be handed over now is not an error: the next
    /// exchange with that peer brings what it said.
    async fn send(
        &self,
        step: Step,
        committed: Committed,
        progress: &mut Progress,
    ) -> Result<(), NodeError> {
        for (peer, bytes) in step.release(committed)? {
            match self.transport.send(peer, Frame::from(bytes)).await {
                Ok(()) => progress.sent += 1,
                Err(TransportError::Closed) => return Err(TransportError::Closed.into()),
                Err(_) => {}
            }
        }
        Ok(())
    }

    /// The signer that writes a chain now, if this node has it.
    fn signer_of(&self, chain: &ChainId) -> Option<&SharedSigner> {
        self.signer_with(self.set().office()?.seat(chain)?.key())
    }
}
