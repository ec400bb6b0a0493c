//! The replica: one domain's records, kept equal with those of its peers.

mod exchange;
mod intake;
mod requests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use icn_types::canon::{self, DecodeError, List, to_bytes};
use icn_types::error::{Coded, Fault};
use icn_types::id::{ChainId, Digest, DomainId, RecordId, TopicId};
use icn_types::key::PeerId;
use icn_types::record::Record;
use icn_types::set::{Beside, BesideParts, RecordSet, Refusal, Slot};
use icn_types::sign::Signed;
use icn_types::time::Ticks;
use icn_types::topic::Topic;

use crate::clock::{Clocks, VectorClock};
use crate::config::Config;
use crate::early::EarlyRecords;
use crate::event::{PeerFault, SyncEvent};
use crate::peer::{Link, Peer, Session};
use crate::step::{Step, StepNumber};
use crate::wire::{Frame, Hello, pages};

use requests::Requests;

/// Something that happened to a replica.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Input {
    /// Frames can be sent to this peer from now on.
    PeerUp(PeerId),
    /// They no longer can.
    PeerDown(PeerId),
    /// A frame arrived, as it came.
    Frame {
        /// Who sent it, as proved by the transport.
        from: PeerId,
        /// The frame.
        bytes: Vec<u8>,
    },
    /// A record written here.
    Local(Box<Signed<Record>>),
    /// Records that a domain crate waits for. They would come by themselves;
    /// asking spares the pause until the next exchange.
    Missing {
        /// The topic that waits.
        topic: TopicId,
        /// What it waits for.
        ids: Vec<RecordId>,
    },
    /// The time given by [`Replica::next_deadline`] has come.
    Wake,
}

/// The records of one domain on one node, and the exchange with its peers.
///
/// A machine without I/O: inputs and the time go in, a [`Step`] comes out.
/// Equal inputs at equal times give equal steps. It never drops a well-formed
/// record of a followed topic and judges none: money and votes mean nothing
/// to it.
///
/// Two replicas that follow the same topics and can reach each other often
/// enough end with equal set digests, whatever their other peers do.
#[derive(Clone, Debug)]
pub struct Replica {
    set: RecordSet,
    config: Config,
    topics: BTreeSet<TopicId>,
    peers: BTreeMap<PeerId, Peer>,
    clocks: Clocks,
    early: EarlyRecords,
    requests: Requests,
    /// Epochs whose writer was already reported.
    convicted: BTreeSet<(ChainId, RecordId)>,
    /// How many of the set's verdicts were taken note of.
    heard: usize,
    number: StepNumber,
    counters: Counters,
}

/// How much a replica holds and has done; each only grows but `early` and
/// `requests`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counters {
    /// Signatures checked.
    pub checks: u64,
    /// Copies of records that were here already.
    pub duplicates: u64,
    /// Records sent in answers or as fresh ones.
    pub records_sent: u64,
    /// Records that came too early and are kept for now.
    pub early: u64,
    /// Requests under way.
    pub requests: u64,
    /// Clocks and answers that were not sent because their peer had used up
    /// its budget.
    pub unanswered: u64,
    /// Records beside stored ones that were left for later because their peer
    /// had used up its budget.
    pub left: u64,
}

/// A topic belongs to another domain than its replica.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("topic belongs to another domain")]
#[non_exhaustive]
pub struct ForeignTopic(pub Topic);

impl Coded for ForeignTopic {
    fn code(&self) -> &'static str {
        "sync.topic.foreign"
    }

    fn fault(&self) -> Fault {
        Fault::Caller
    }
}

/// Stored records cannot be read back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RestoreError {
    /// Stored bytes are no record.
    #[error("stored bytes are no record")]
    Decode(#[source] DecodeError),
    /// A stored record does not follow those before it.
    #[error("stored record does not follow those before it")]
    Refused(#[source] Refusal),
    /// A topic belongs to another domain.
    #[error("replica cannot follow a topic")]
    Topic(#[source] ForeignTopic),
}

impl Coded for RestoreError {
    fn code(&self) -> &'static str {
        match self {
            Self::Decode(_) => "sync.restore.decode",
            Self::Refused(_) => "sync.restore.refused",
            Self::Topic(_) => "sync.restore.topic",
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::Decode(_) | Self::Refused(_) => Fault::Environment,
            Self::Topic(_) => Fault::Caller,
        }
    }
}

impl Replica {
    /// An empty replica of `domain`. It follows `topics` and always the
    /// domain's authority topic, and listens to `peers` alone.
    ///
    /// # Errors
    /// [`ForeignTopic`] when a topic belongs to another domain.
    pub fn new(
        domain: DomainId,
        topics: impl IntoIterator<Item = Topic>,
        peers: impl IntoIterator<Item = PeerId>,
        config: Config,
    ) -> Result<Self, ForeignTopic> {
        let mut followed = BTreeSet::from([Topic::Authority(domain).id()]);
        for topic in topics {
            if topic.domain() != domain {
                return Err(ForeignTopic(topic));
            }
            followed.insert(topic.id());
        }
        Ok(Self {
            set: RecordSet::new(domain),
            config,
            topics: followed,
            peers: peers.into_iter().map(|id| (id, Peer::default())).collect(),
            clocks: Clocks::default(),
            early: EarlyRecords::default(),
            requests: Requests::default(),
            convicted: BTreeSet::new(),
            heard: 0,
            number: StepNumber::default(),
            counters: Counters::default(),
        })
    }

    /// A replica with the records that an earlier one stored, in the order of
    /// storing. Signatures are checked again: one check per record.
    ///
    /// # Errors
    /// [`RestoreError`] when the store was damaged or a topic is foreign.
    pub fn restore<B: AsRef<[u8]>>(
        domain: DomainId,
        topics: impl IntoIterator<Item = Topic>,
        peers: impl IntoIterator<Item = PeerId>,
        config: Config,
        stored: impl IntoIterator<Item = B>,
    ) -> Result<Self, RestoreError> {
        let mut set = RecordSet::new(domain);
        for bytes in stored {
            let record = canon::from_bytes(bytes.as_ref()).map_err(RestoreError::Decode)?;
            set.receive(record).map_err(RestoreError::Refused)?;
        }
        let reopened = Self::reopen(set, Beside::new(), topics, peers, config);
        reopened.map_err(RestoreError::Topic)
    }

    /// A replica that goes on with the records of an earlier one, and with what is
    /// known [beside](Self::beside) their spines; a new `Beside` looks for it. Looks
    /// only at records that [have siblings](RecordSet::all_siblings).
    ///
    /// # Errors
    /// [`ForeignTopic`] when a topic belongs to another domain.
    pub fn reopen(
        set: RecordSet,
        beside: Beside,
        topics: impl IntoIterator<Item = Topic>,
        peers: impl IntoIterator<Item = PeerId>,
        config: Config,
    ) -> Result<Self, ForeignTopic> {
        let mut replica = Self::new(set.domain(), topics, peers, config)?;
        replica.set = set;
        replica.clocks = Clocks::new(beside);
        // Whoever forked was reported before the restart.
        for slot in replica
            .set
            .all_siblings()
            .flatten()
            .copied()
            .collect::<Vec<_>>()
        {
            replica.convict(slot);
        }
        Ok(replica)
    }

    /// Takes one input and answers with what it caused.
    ///
    /// Costs what the input asks for: a stored record O(log n) and one
    /// signature check; comparing clocks one walk over the rows of the topics,
    /// or over the set where a spine moved since the last time.
    pub fn handle(&mut self, input: Input, now: Ticks) -> Step {
        self.number = self.number.next();
        let mut out = Out::default();
        match input {
            Input::PeerUp(peer) => self.peer_up(peer, now, &mut out),
            Input::PeerDown(peer) => self.peer_down(peer),
            Input::Frame { from, bytes } => self.frame(from, &bytes, now, &mut out),
            Input::Local(record) => self.local(*record, now, &mut out),
            Input::Missing { topic, ids } => self.missing(topic, &ids, now, &mut out),
            Input::Wake => {}
        }
        self.ask_what_is_due(now, &mut out);
        self.forward(&mut out);
        Step {
            number: self.number,
            stored: out.stored,
            events: out.events,
            frames: out.frames,
        }
    }

    /// When [`Input::Wake`] is due; `None` while no peer is up.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Ticks> {
        let up = self.peers.values().filter(|peer| peer.is_up());
        up.filter_map(|peer| {
            let due = peer.sessions().map(|(_, session)| session.due).min()?;
            Some(due.max(peer.score.muted_until().unwrap_or_default()))
        })
        .min()
    }

    /// The records, for domain crates to judge and label.
    #[must_use]
    pub const fn set(&self) -> &RecordSet {
        &self.set
    }

    /// Peers to which frames can be sent now, ascending.
    pub fn up(&self) -> impl Iterator<Item = PeerId> + '_ {
        let up = self.peers.iter().filter(|(_, peer)| peer.is_up());
        up.map(|(id, _)| *id)
    }

    /// Topics that the replica follows, ascending.
    pub fn topics(&self) -> impl ExactSizeIterator<Item = TopicId> + '_ {
        self.topics.iter().copied()
    }

    /// The clock of a followed topic. Computed once per change of the set.
    pub fn clock(&mut self, topic: TopicId) -> Option<Arc<VectorClock>> {
        self.clocks
            .read(&self.set, self.topics.iter().copied(), topic)
    }

    /// The set digest of a topic. Costs one walk over the rows, or over the set
    /// where a spine moved and nobody asked for a [clock](Self::clock) since.
    #[must_use]
    pub fn digest(&self, topic: TopicId) -> Digest {
        self.clocks.digest(&self.set, topic)
    }

    /// What is known beside the spines: for whoever keeps the set by its
    /// [outline](RecordSet::outline) and [reopens](Self::reopen) the replica from
    /// that. Costs one walk over the set where a spine moved since the last time.
    pub fn beside(&mut self) -> BesideParts {
        self.clocks.beside(&self.set)
    }

    /// How much the replica holds and has done.
    #[must_use]
    pub fn counters(&self) -> Counters {
        Counters {
            early: self.early.len() as u64,
            requests: self.requests.len() as u64,
            ..self.counters
        }
    }

    fn peer_up(&mut self, id: PeerId, now: Ticks, out: &mut Out) {
        let sessions = self
            .topics
            .iter()
            .map(|topic| (*topic, Session::new(now, &self.config)))
            .collect();
        let Some(peer) = self.peers.get_mut(&id) else {
            out.fault(id, PeerFault::Stranger);
            return;
        };
        peer.link = Link::Up(sessions);
        let topics: Vec<TopicId> = self.topics.iter().copied().collect();
        for topics in pages(&topics) {
            let domain = self.set.domain();
            out.send(id, &Frame::Hello(Hello { domain, topics }));
        }
    }

    fn peer_down(&mut self, id: PeerId) {
        if let Some(peer) = self.peers.get_mut(&id) {
            peer.link = Link::Down;
        }
        self.early.drop_peer(id);
        self.requests.drop_peer(id);
    }

    /// Reads a frame of a peer that is up and listened to.
    fn frame(&mut self, from: PeerId, bytes: &[u8], now: Ticks, out: &mut Out) {
        let Some(peer) = self.peers.get_mut(&from) else {
            out.fault(from, PeerFault::Stranger);
            return;
        };
        if !peer.is_up() || peer.score.is_muted(now) {
            return;
        }
        match canon::from_bytes(bytes) {
            Err(error) => self.blame(from, PeerFault::Frame(error), now, out),
            Ok(Frame::Hello(hello)) => self.hello(from, &hello, now, out),
            Ok(Frame::Ask(marks)) => self.asked(from, &marks, now, out),
            Ok(Frame::Held(held)) => self.held(from, &held, now, out),
            Ok(Frame::Clock(page)) => self.clock_page(from, &page, now, out),
            Ok(Frame::Strays(page)) => self.strays_page(from, &page, now, out),
            Ok(Frame::Want(want)) => self.wanted(from, &want, now, out),
            Ok(Frame::Records(records)) => self.answered(from, &records, now, out),
            Ok(Frame::Fresh(records)) => self.pushed(from, &records, now, out),
            Ok(Frame::Done(done)) => self.done(from, &done, now, out),
        }
    }

    /// Counts a fault against a peer and mutes it above the bound.
    fn blame(&mut self, peer: PeerId, fault: PeerFault, now: Ticks, out: &mut Out) {
        out.fault(peer, fault);
        let Some(state) = self.peers.get_mut(&peer) else {
            return;
        };
        if state.score.add(fault.weight(), now, &self.config) {
            self.early.drop_peer(peer);
            self.requests.drop_peer(peer);
            out.events.push(SyncEvent::PeerMuted(peer));
        }
    }

    fn session(&mut self, peer: PeerId, topic: TopicId) -> Option<&mut Session> {
        self.peers.get_mut(&peer)?.session(topic)
    }
}

/// What a step collects.
#[derive(Debug, Default)]
struct Out {
    stored: Vec<crate::step::Stored>,
    events: Vec<SyncEvent>,
    frames: Vec<(PeerId, Vec<u8>)>,
    /// Records to forward, with the peer that need not get them.
    fresh: Vec<(Slot, Option<PeerId>)>,
}

impl Out {
    fn send(&mut self, to: PeerId, frame: &Frame) {
        self.frames.push((to, to_bytes(frame)));
    }

    /// Bytes of the frames after the first `count`.
    fn len_after(&self, count: usize) -> u64 {
        let frames = self.frames.get(count..).unwrap_or_default();
        let len: usize = frames.iter().map(|(_, frame)| frame.len()).sum();
        u64::try_from(len).unwrap_or(u64::MAX)
    }

    fn fault(&mut self, peer: PeerId, fault: PeerFault) {
        self.events.push(SyncEvent::PeerFault { peer, fault });
    }
}

/// The items of a list that was built within its bounds.
fn list<T, const MAX: usize>(items: Vec<T>) -> List<T, 0, MAX> {
    List::new(items).unwrap_or_default()
}
