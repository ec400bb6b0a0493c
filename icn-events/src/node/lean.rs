//! The lean node: a node that leaves its history in the store until something
//! asks for it.

use std::future::Future;
use std::time::Duration;

use icn_types::host::{Clock, Incoming};
use icn_types::id::ChainId;
use icn_types::time::Times;

use super::error::NodeError;
use super::settings::NodeSettings;
use super::snapshot::{self, Drawn, Saved};
use super::start::start;
use super::{Node, Progress, Taken};

/// Records behind the last snapshot after which a new one is written, at least.
const BEHIND_MIN: u64 = 4_096;

/// The same as a part of all records.
const BEHIND_PART: u64 = 8;

/// A node that opens from a snapshot and leaves its history in the store.
///
/// Opening reads where records stand and what the ledgers add up to, the votes, the
/// audit log and the records behind the snapshot: of the rest of the history no
/// record. Whatever goes on at the ends of chains then needs none either: payments
/// and their acknowledgements, holds, votes, Seals, the exchange of what is new.
/// What does need it (a peer that lacks old records, a refund of long ago, a request
/// that was carried out before, a fork, a [`Query`](icn_ledger::query::Query)) makes
/// the node read its history once, as [`Node::open`] does; what was under way is
/// thrown away and done again. Nothing is signed, stored, sent or answered that was
/// computed without a record it asked for: answers are computed first and checked
/// afterwards, as in optimistic concurrency control (Kung and Robinson, 1981).
///
/// It answers and acts as a [`Node`] of the same store does, which the type shows:
/// one gets at the node inside only in [`ask`](Self::ask) and
/// [`act`](Self::act), whose answers are checked like that.
///
/// There is no snapshot once the charter or an epoch needs newer code: then every
/// opening reads the history.
#[derive(Debug)]
pub struct LeanNode {
    node: Node,
    /// To open it with its history.
    settings: NodeSettings,
    /// Positions that the last snapshot takes in; none once it is used up.
    saved: u64,
}

impl LeanNode {
    /// Opens a node on its store: from the snapshot, or as [`Node::open`] where
    /// there is none. Writes one where that [is due](Self::is_due).
    ///
    /// Costs the size of the snapshot, and for each record behind it what reading
    /// the history costs.
    ///
    /// # Errors
    /// As [`Node::open`]. A damaged snapshot is no error: the history is read.
    pub async fn open(settings: NodeSettings) -> Result<Self, NodeError> {
        let started = Box::pin(Self::start(&settings)).await?;
        let (node, saved) = match started {
            Some(started) => started,
            None => (Box::pin(Node::open(settings.clone())).await?, 0),
        };
        let mut lean = Self {
            node,
            settings,
            saved,
        };
        if lean.is_due() {
            lean.save().await?;
        }
        Ok(lean)
    }

    /// The node that starts from the snapshot, and how many positions that takes
    /// in. `None` where its history is to be read.
    async fn start(settings: &NodeSettings) -> Result<Option<(Node, u64)>, NodeError> {
        let Some((opened, saved)) = start(settings).await? else {
            return Ok(None);
        };
        let mut node = Node::of(settings.clone(), opened).await?;
        node.taken = Some(Taken {
            up: Vec::new(),
            resuming: node.resuming.clone(),
            arrived: Vec::new(),
        });
        let is_sound = !node.missed();
        Ok(Some((node, saved)).filter(|_| is_sound))
    }

    /// Whether the whole history is at hand.
    #[must_use]
    pub const fn has_history(&self) -> bool {
        self.node.taken.is_none()
    }

    /// As [`Node::step`]. A step that asks for records which are not at hand is
    /// done again with the history, and with what arrived in it.
    ///
    /// # Errors
    /// As [`Node::step`].
    pub async fn step(&mut self, times: Times) -> Result<Progress, NodeError> {
        if self.node.missed() {
            self.read_history().await?;
        }
        let done = self.node.step(times).await;
        if done.is_ok() || !self.node.missed() {
            return done;
        }
        self.read_history().await?;
        self.node.step(times).await
    }

    /// As [`Node::run`]. Saves where that [is due](Self::is_due), after a step in
    /// which nothing happened, or whatever happens once it is long due.
    ///
    /// # Errors
    /// As [`Node::run`].
    pub async fn run<S, F>(&mut self, clock: &dyn Clock, mut sleep: S) -> Result<(), NodeError>
    where
        S: FnMut(Duration) -> F,
        F: Future<Output = ()>,
    {
        loop {
            let times = clock.times();
            let progress = self.step(times).await?;
            let patience = if progress.is_idle() { 1 } else { 2 };
            if self.is_behind(patience) {
                self.save().await?;
            }
            self.node.pause(progress, times.ticks, &mut sleep).await?;
        }
    }

    /// Answers a question about the node. It is asked twice where the answer needs
    /// the history and that is not at hand: the first time it may see records that
    /// say nothing, and its answer is void. What it keeps beyond its answer, such as
    /// a copy of the set, is not checked.
    ///
    /// # Errors
    /// [`NodeError`] of reading the history.
    pub async fn ask<T>(&mut self, question: impl Fn(&Node) -> T) -> Result<T, NodeError> {
        let answer = question(&self.node);
        if !self.node.missed() {
            return Ok(answer);
        }
        self.read_history().await?;
        Ok(question(&self.node))
    }

    /// Lets the node do something, such as to [`pay`](Node::pay). All of it is done
    /// twice where it needs the history and that is not at hand: what is durable
    /// since the first time is [answered again](super::Authored::Again) then, as to
    /// whoever asks twice.
    ///
    /// # Errors
    /// What `deed` fails with, or [`NodeError`] of reading the history.
    pub async fn act<T, E: From<NodeError>>(
        &mut self,
        mut deed: impl AsyncFnMut(&mut Node) -> Result<T, E>,
    ) -> Result<T, E> {
        let done = deed(&mut self.node).await;
        if !self.node.missed() {
            return done;
        }
        self.read_history().await?;
        deed(&mut self.node).await
    }

    /// Writes a snapshot of how things stand in place of the last one, for the next
    /// opening, and says whether there is one now. Costs the size of the set's
    /// outline and of the ledgers.
    ///
    /// # Errors
    /// [`NodeError`] when the store fails; there may be no snapshot then.
    pub async fn save(&mut self) -> Result<Saved, NodeError> {
        if self.node.missed() {
            self.read_history().await?;
        }
        let mut drawn = self.draw()?;
        if self.node.missed() {
            // Where a spine moved, only the records tell what counts beside it.
            self.read_history().await?;
            drawn = self.draw()?;
        }
        let saved = snapshot::write(self.node.journal.store(), drawn).await?;
        self.saved = self.node.positions.len();
        Ok(saved)
    }

    fn draw(&mut self) -> Result<Option<Drawn>, NodeError> {
        self.node.ready()?;
        let parts = snapshot::Parts {
            beside: self.node.replica.beside(),
            set: self.node.replica.set(),
            books: &self.node.books,
            positions: &self.node.positions,
            capped: self.capped(),
            hash: self.node.journal.hash(),
        };
        Ok(parts.draw())
    }

    /// Whether many records lie behind the last snapshot: more than 4,096, and more
    /// than an eighth of all. A host that calls [`step`](Self::step) itself may
    /// [save](Self::save) then, when it has the time.
    #[must_use]
    pub fn is_due(&self) -> bool {
        self.is_behind(1)
    }

    /// The node with its whole history.
    ///
    /// # Errors
    /// [`NodeError`] of reading the history.
    pub async fn into_node(mut self) -> Result<Node, NodeError> {
        if !self.has_history() {
            self.read_history().await?;
        }
        Ok(self.node)
    }

    /// Own accounts with caps, and how long these look back.
    fn capped(&self) -> Vec<(ChainId, u64)> {
        let look_back = |chain: &ChainId| {
            let caps = self.node.policies.of(chain).caps().iter();
            Some((*chain, caps.map(|cap| cap.millis().get()).max()?))
        };
        self.node.watch.own().filter_map(look_back).collect()
    }

    /// Whether so many times as many records lie behind the last snapshot as make
    /// a new one due.
    fn is_behind(&self, times: u64) -> bool {
        let len = self.node.positions.len();
        (len - self.saved) / times > BEHIND_MIN.max(len / BEHIND_PART)
    }

    /// Opens the node with its history, as it was before the step under way, which
    /// finds what it had taken in. The snapshot is used up: from the next one on, what
    /// was missed is at hand, or nobody asks for it again.
    async fn read_history(&mut self) -> Result<(), NodeError> {
        let mut whole = Box::pin(Node::open(self.settings.clone())).await?;
        let lean = &mut self.node;
        std::mem::swap(&mut whole.bus, &mut lean.bus);
        if let Some(taken) = lean.taken.take() {
            let up = taken.up.into_iter().map(Incoming::Up);
            let arrived = up.chain(taken.arrived).chain(lean.held.drain(..));
            whole.held = arrived.collect();
            whole.resuming = taken.resuming;
        }
        self.node = whole;
        self.saved = 0;
        Ok(())
    }
}
