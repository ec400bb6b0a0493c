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
mod mandate;
mod money;
mod recall;
mod registrar;
mod replay;
mod resume;
mod roll;
mod schema;
mod settings;
mod stored;
mod view;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::{Either, select};

use icn_ledger::Policies;
use icn_sync::{Committed, Input, Replica, RestoreError, Step, SyncEvent};
use icn_types::host::{Batch, Clock, Frame, Incoming, Transport, TransportError};
use icn_types::id::{ChainId, TopicId};
use icn_types::key::{PublicKey, SignError, Signer};
use icn_types::record::{Draft, Record};
use icn_types::resume::Standing;
use icn_types::set::Office;
use icn_types::sign::Signed;
use icn_types::time::Times;
use icn_types::topic::Topic;

use crate::bus::Bus;

use agreed::Agreed;
use books::Books;
use derived::{Derived, Touched};
use docket::Docket;
use forks::Forks;
use journal::Journal;
use replay::replay;
use resume::Resuming;

pub use author::{AuthorError, Authored};
pub use batch::{BATCH_MAX, Results};
pub use chain::ChainRequest;
pub use credit::CreditMove;
pub use epoch::EpochRequest;
pub use error::NodeError;
pub use event::NodeEvent;
pub use recall::RecallRequest;
pub use settings::{Acknowledgement, NodeSettings};
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
    resuming: Resuming,
    agreed: Agreed,
    signers: Vec<SharedSigner>,
    acknowledgement: Acknowledgement,
    policies: Policies,
    bus: Bus<NodeEvent>,
    /// Arrived while `run` waited.
    held: Option<Incoming>,
    /// A step changed memory and has not ended.
    interrupted: bool,
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

/// Signs all of them, or says which key did not sign.
fn sign_all(drafts: Unsigned) -> Result<Vec<Signed<Record>>, (PublicKey, SignError)> {
    let sign = |(draft, signer): (Draft, SharedSigner)| {
        let signed = draft.sign(&*signer);
        signed.map_err(|error| (signer.public_key(), error))
    };
    drafts.into_iter().map(sign).collect()
}

impl Node {
    /// Opens a node on its store. An empty store starts with the genesis; one
    /// of another domain is refused.
    ///
    /// Replays the records that are stored. Their signatures were checked before
    /// they were stored, and are not checked again where the records lead to the
    /// hash that was written with them: that trusts whoever can write to the
    /// store. [`verify_store`] checks all of them. Without that hash, or with
    /// another one, opening costs one signature check per record and writes it.
    ///
    /// # Errors
    /// [`NodeError`]: the store fails, belongs to another domain or holds
    /// something that this code did not write.
    pub async fn open(settings: NodeSettings) -> Result<Self, NodeError> {
        let NodeSettings {
            genesis,
            units,
            store,
            transport,
            signers,
            acknowledgement,
            policies,
            confirmations,
            sync,
        } = settings;
        let (domain, node) = (genesis.domain(), transport.local_peer());
        let peers = genesis
            .peers()
            .iter()
            .map(crate::genesis::Peer::id)
            .filter(|peer| *peer != node);
        let topics = Books::topics(domain, &units, node);
        let replay = replay(&*store, &genesis).await?;
        let replica =
            Replica::reopen(replay.set, topics, peers, sync).map_err(RestoreError::Topic)?;
        let journal = Journal::new(store, replay.end);
        let books = Books::of(replica.set(), &units, node);
        let agreed = Agreed::open(journal.store()).await?;
        let derived = Derived::open(&journal, replica.set(), &books, &replay.slots).await?;
        let mut docket = Docket::default();
        docket.update(replica.set(), &books.governance);
        let forks = Forks::of(replica.set());
        Ok(Self {
            journal,
            transport,
            replica,
            books,
            derived,
            docket,
            forks,
            resuming: Resuming::new(confirmations),
            agreed,
            signers,
            acknowledgement,
            policies,
            bus: Bus::new(),
            held: None,
            interrupted: false,
        })
    }

    /// Does everything that can be done now and makes it durable: takes in what
    /// arrived, writes what the keys of this node oblige it to, and sends. What
    /// is more than one step takes is left to the next one.
    ///
    /// Costs what arrived and what is pending, and beside that a look at every
    /// chain of the domain.
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
            let due = self
                .replica
                .next_deadline()
                .map_or(PAUSE, |due| due.since(times.ticks));
            if progress.authored > 0 || due.is_zero() {
                continue;
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
            self.held = waited.or_else(|| self.held.take());
        }
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
            let arrived = match self.held.take() {
                Some(held) => Some(Ok(held)),
                None => self.transport.recv().now_or_never(),
            };
            let input = match arrived.transpose()? {
                None => return Ok(()),
                Some(Incoming::Up(peer)) => Input::PeerUp(peer),
                Some(Incoming::Down(peer)) => Input::PeerDown(peer),
                Some(Incoming::Frame { from, frame }) => {
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
            let Some(duty) = self.next_duty(times.now, &work.mute) else {
                self.strike_off();
                return Ok(());
            };
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
        for event in step.events() {
            if let SyncEvent::Refused { refusal, .. } = event {
                return Err(NodeError::Refused(*refusal));
            }
            if let SyncEvent::Converged { topic, peer } = event {
                let chains = self.own_chains(*topic);
                let set = self.replica.set();
                self.resuming.hear(set, *peer, chains.into_iter());
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
            self.books.refresh(self.replica.set(), &mut work.touched);
            let set = self.replica.set();
            self.docket.update(set, &self.books.governance);
        }
        work.progress.stored += step.stored().len();
        work.steps.push(step);
        Ok(())
    }

    /// One commit for everything, then the frames, then the notices.
    async fn end(&mut self, mut work: Work) -> Result<Progress, NodeError> {
        let stored = || work.steps.iter().flat_map(Step::stored);
        let mut batch = Batch::new();
        self.journal
            .append(&mut batch, stored().map(|stored| stored.bytes.as_slice()))?;
        if !batch.is_empty() {
            let (set, slots) = (self.replica.set(), stored().map(|stored| stored.slot));
            self.derived
                .put(&mut batch, set, &self.books, slots, work.touched)?;
            self.journal.commit(batch).await?;
        }
        if let Some(last) = work.steps.last().map(Step::number) {
            let committed = Committed::i_vouch_that_all_is_durable_through(last);
            for step in std::mem::take(&mut work.steps) {
                self.send(step, committed, &mut work.progress).await?;
            }
        }
        self.interrupted = false;
        for event in work.events {
            self.bus.publish(event);
        }
        Ok(work.progress)
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

    /// Whether a chain whose key this node has may be written: others must have
    /// confirmed where it ends since the node was opened. Without peers to ask
    /// ([`with_confirmations`](NodeSettings::with_confirmations)) every chain is
    /// confirmed.
    #[must_use]
    pub fn standing(&self, chain: &ChainId) -> Standing {
        if *chain == self.audit().chain_id() {
            return Standing::Confirmed; // nobody else follows it
        }
        self.resuming.standing(self.set(), chain)
    }

    /// Own chains that wait for others to confirm where they end, each with
    /// what is missing. Linear in the chains of the domain.
    pub fn unconfirmed(&self) -> impl Iterator<Item = (ChainId, Standing)> + '_ {
        let own = self
            .replica
            .topics()
            .flat_map(|topic| self.own_chains(topic));
        own.map(|chain| (chain, self.standing(&chain)))
            .filter(|(_, standing)| *standing != Standing::Confirmed)
    }

    /// Chains of a topic that this node has the keys of.
    fn own_chains(&self, topic: TopicId) -> Vec<ChainId> {
        let set = self.set();
        let is_own = |key| self.signers.iter().any(|signer| signer.public_key() == key);
        let seats = set.office().into_iter().flat_map(Office::seats);
        let own = seats.filter(|(_, seat)| {
            let open = set.open(&seat.open());
            is_own(seat.key()) && open.is_some_and(|open| open.chain.topic() == topic)
        });
        let mut own: Vec<ChainId> = own.map(|(chain, _)| *chain).collect();
        let authority = Topic::Authority(set.domain()).id();
        if topic == authority && set.registrar().is_some_and(is_own) {
            own.push(set.authority());
        }
        own
    }

    /// The signer that writes a chain now, if this node has it.
    fn signer_of(&self, chain: &ChainId) -> Option<&SharedSigner> {
        self.signer_with(self.set().office()?.seat(chain)?.key())
    }
}
