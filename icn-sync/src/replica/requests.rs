//! Requests: what was asked of whom, and the answers to those of others.

use std::collections::BTreeMap;

use icn_types::authority::Tip;
use icn_types::id::{ChainId, RecordId, TopicId};
use icn_types::key::PeerId;
use icn_types::set::Slot;
use icn_types::time::Ticks;
use icn_types::topic::Topic;

use crate::config::millis;
use crate::peer::Wants;
use crate::wire::{CHAINS_MAX, Done, Frame, IDS_MAX, More, TIPS_MAX, Trace, Want, batches};

use super::{Out, Replica, list};

/// Most things asked of one peer at a time. What goes beyond is asked after
/// the next exchange, which comes at once while there is progress.
const REQUESTS_PER_PEER: usize = 1024;

/// Most peers that are asked at once for what a domain crate waits for.
const ASKED_FOR_MISSING: usize = 3;

/// What was asked and not yet answered.
#[derive(Clone, Debug, Default)]
pub(super) struct Requests {
    under_way: BTreeMap<Wanted, Request>,
    by_peer: BTreeMap<PeerId, usize>,
}

/// Something asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Wanted {
    Record(RecordId),
    Chain(ChainId),
}

#[derive(Clone, Copy, Debug)]
struct Request {
    peer: PeerId,
    topic: TopicId,
    /// The record whose arrival fulfils it.
    target: RecordId,
    until: Ticks,
}

impl Requests {
    pub(super) fn len(&self) -> usize {
        self.under_way.len()
    }

    fn remove(&mut self, wanted: &Wanted) -> Option<Request> {
        let request = self.under_way.remove(wanted)?;
        if let Some(count) = self.by_peer.get_mut(&request.peer) {
            *count -= 1;
        }
        Some(request)
    }

    /// Whether the peer may be asked for one more thing.
    fn has_room(&self, peer: PeerId) -> bool {
        self.by_peer
            .get(&peer)
            .is_none_or(|&count| count < REQUESTS_PER_PEER)
    }

    fn add(&mut self, wanted: Wanted, request: Request) {
        self.remove(&wanted);
        *self.by_peer.entry(request.peer).or_default() += 1;
        self.under_way.insert(wanted, request);
    }

    pub(super) fn fulfilled(&mut self, id: &RecordId) {
        self.remove(&Wanted::Record(*id));
    }

    pub(super) fn drop_peer(&mut self, peer: PeerId) {
        self.take(|request| request.peer == peer);
        self.by_peer.remove(&peer);
    }

    fn take(&mut self, which: impl Fn(&Request) -> bool) -> Vec<(Wanted, Request)> {
        let taken: Vec<(Wanted, Request)> = self
            .under_way
            .iter()
            .filter(|(_, request)| which(request))
            .map(|(wanted, request)| (*wanted, *request))
            .collect();
        for (wanted, _) in &taken {
            self.remove(wanted);
        }
        taken
    }
}

impl Replica {
    pub(super) fn authority_topic(&self) -> TopicId {
        Topic::Authority(self.set.domain()).id()
    }

    /// Notes a record to ask a peer for, unless it was asked for already.
    pub(super) fn want_record(&mut self, peer: PeerId, topic: TopicId, id: RecordId, now: Ticks) {
        if self.may_ask(Wanted::Record(id), peer, topic, id, now)
            && let Some(session) = self.session(peer, topic)
        {
            session.wants.ids.push(id);
        }
    }

    /// Notes a chain to ask a peer for, from where this replica stands.
    pub(super) fn want_chain(
        &mut self,
        peer: PeerId,
        topic: TopicId,
        chain: ChainId,
        target: RecordId,
        now: Ticks,
    ) {
        if !self.may_ask(Wanted::Chain(chain), peer, topic, target, now) {
            return;
        }
        let trace = self.short_trace(chain);
        if let Some(session) = self.session(peer, topic) {
            session.wants.chains.push(trace);
        }
    }

    /// Claims a request, unless a peer that keeps its word was asked for the
    /// same and still has time.
    fn may_ask(
        &mut self,
        wanted: Wanted,
        peer: PeerId,
        topic: TopicId,
        target: RecordId,
        now: Ticks,
    ) -> bool {
        if let Some(earlier) = self.requests.under_way.get(&wanted) {
            let holder = self.peers.get(&earlier.peer);
            let waits = earlier.until > now && holder.is_some_and(|holder| !holder.shirks);
            if waits || (earlier.peer == peer && earlier.until > now) {
                return false;
            }
            if earlier.until <= now
                && let Some(holder) = self.peers.get_mut(&earlier.peer)
            {
                holder.shirks = true;
            }
        }
        if !self.requests.has_room(peer) {
            return false;
        }
        let until = now.saturating_add(millis(self.config.answer_within));
        let request = Request {
            peer,
            topic,
            target,
            until,
        };
        self.requests.add(wanted, request);
        true
    }

    /// Sends what was noted for a peer.
    pub(super) fn request(&mut self, to: PeerId, out: &mut Out) {
        let Some(peer) = self.peers.get_mut(&to) else {
            return;
        };
        for topic in &self.topics {
            let Some(session) = peer.session(*topic) else {
                continue;
            };
            let Wants { ids, chains } = core::mem::take(&mut session.wants);
            let (mut ids, mut chains) = (ids.chunks(IDS_MAX), chains.chunks(CHAINS_MAX));
            loop {
                let (ids, chains) = (ids.next(), chains.next());
                if ids.is_none() && chains.is_none() {
                    break;
                }
                session.unanswered += 1;
                let want = Want {
                    topic: *topic,
                    ids: list(ids.unwrap_or_default().to_vec()),
                    chains: list(chains.unwrap_or_default().to_vec()),
                };
                out.send(to, &Frame::Want(want));
            }
        }
    }

    /// The trace for a peer that is probably just ahead.
    fn short_trace(&self, chain: ChainId) -> Trace {
        let tips: Vec<Tip> = self
            .set
            .spine(&chain)
            .last()
            .map(|&slot| self.tip(slot))
            .into_iter()
            .collect();
        Trace {
            chain,
            from_start: tips.is_empty(),
            tips: list(tips),
        }
    }

    /// The trace for a peer that went another way: tips at distances 0, 1, 3,
    /// 7 and so on, so that at most half of what follows is sent in vain.
    fn long_trace(&self, chain: ChainId) -> Trace {
        let spine = self.set.spine(&chain);
        let mut tips = Vec::new();
        let (mut back, mut step) = (1_usize, 1_usize);
        while let Some(&slot) = spine.len().checked_sub(back).and_then(|at| spine.get(at)) {
            if tips.len() == TIPS_MAX {
                break;
            }
            tips.push(self.tip(slot));
            back = back.saturating_add(step);
            step = step.saturating_mul(2);
        }
        Trace {
            chain,
            tips: list(tips),
            from_start: true,
        }
    }

    fn tip(&self, slot: Slot) -> Tip {
        let record = self.set.record(slot);
        Tip {
            seq: record.seq(),
            head: record.id(),
        }
    }

    /// Asks some peers for what a domain crate waits for.
    pub(super) fn missing(&mut self, topic: TopicId, ids: &[RecordId], now: Ticks, out: &mut Out) {
        let up: Vec<PeerId> = self
            .peers
            .iter_mut()
            .filter_map(|(id, peer)| peer.session(topic)?.follows().then_some(*id))
            .take(ASKED_FOR_MISSING)
            .collect();
        for peer in up {
            for &id in ids {
                if !self.holds(&id) {
                    self.want_record(peer, topic, id, now);
                }
            }
            self.request(peer, out);
        }
    }

    /// Whether the record is here with its content.
    pub(super) fn holds(&self, id: &RecordId) -> bool {
        let slot = self.set.find(id);
        slot.is_some_and(|slot| !self.set.is_bare(slot))
    }

    /// Answers a request within the budget of its peer, which otherwise asks
    /// again after its pause, or others.
    pub(super) fn wanted(&mut self, from: PeerId, want: &Want, now: Ticks, out: &mut Out) {
        let budget = self.config.budget;
        let peer = self.peers.get_mut(&from);
        if !peer.is_some_and(|peer| peer.answers.leaves_room(now, budget)) {
            self.counters.unanswered += 1;
            return;
        }
        let before = out.frames.len();
        self.answer(from, want, out);
        if let Some(peer) = self.peers.get_mut(&from) {
            peer.answers.add(out.len_after(before));
        }
    }

    /// Answers a request: records by id in the order of storing, then chains,
    /// until the answer is long enough.
    fn answer(&mut self, to: PeerId, want: &Want, out: &mut Out) {
        if !self.topics.contains(&want.topic) {
            return;
        }
        let mut answer = Answer::new(self.config.answer_len);
        let mut slots: Vec<Slot> = want.ids.iter().filter_map(|id| self.set.find(id)).collect();
        slots.sort_unstable();
        slots.dedup();
        for slot in slots {
            let _room = answer.push(self, slot);
        }
        let (mut lost, mut more) = (Vec::new(), Vec::new());
        for trace in &want.chains {
            let Some(from) = self.common(trace) else {
                lost.push(trace.chain);
                continue;
            };
            let spine = self.set.spine(&trace.chain);
            let rest = spine.get(from..).unwrap_or_default();
            let sent = rest
                .iter()
                .take_while(|&&slot| answer.push(self, slot))
                .count();
            if sent < rest.len() {
                let last = from.checked_add(sent).and_then(|end| end.checked_sub(1));
                let after = last.and_then(|last| spine.get(last));
                more.extend(after.map(|&slot| More {
                    chain: trace.chain,
                    after: self.tip(slot),
                }));
            }
        }
        self.counters.records_sent += answer.slots.len() as u64;
        for batch in batches(answer.slots.iter().map(|&slot| self.set.record(slot))) {
            out.send(to, &Frame::Records(batch));
        }
        let done = Done {
            topic: want.topic,
            lost: list(lost),
            more: list(more),
        };
        out.send(to, &Frame::Done(done));
    }

    /// Where on the spine to go on from; `None` when nothing is common.
    fn common(&self, trace: &Trace) -> Option<usize> {
        let spine = self.set.spine(&trace.chain);
        let on_spine = |tip: &Tip| {
            let at = usize::try_from(tip.seq).ok()?;
            let slot = *spine.get(at)?;
            (self.set.id(slot) == tip.head).then_some(at.checked_add(1)?)
        };
        let found = trace.tips.iter().find_map(on_spine);
        found.or_else(|| trace.from_start.then_some(0))
    }

    /// Takes note of the end of an answer and goes on where it was cut.
    pub(super) fn done(&mut self, from: PeerId, done: &Done, now: Ticks, out: &mut Out) {
        let topic = done.topic;
        let Some(session) = self.session(from, topic) else {
            return;
        };
        session.unanswered = session.unanswered.saturating_sub(1);
        let (last, progress) = (session.unanswered == 0, session.progress);
        for chain in &done.lost {
            let trace = self.long_trace(*chain);
            self.go_on(from, topic, trace, now);
        }
        for more in &done.more {
            if self.set.find(&more.after.head).is_some() {
                let trace = Trace {
                    chain: more.chain,
                    tips: list(vec![more.after]),
                    from_start: false,
                };
                self.go_on(from, topic, trace, now);
            }
        }
        let goes_on = self
            .session(from, topic)
            .is_some_and(|session| !session.wants.chains.is_empty());
        if last && !goes_on {
            self.close_requests(from, topic, progress);
            if let Some(session) = self.session(from, topic) {
                session.progress = false;
            }
            if progress {
                self.tell_all(topic, now);
            }
            if topic == self.authority_topic() {
                self.resume(from, now);
            }
        }
        self.request(from, out);
    }

    /// Asks again for a chain that this peer was asked for.
    fn go_on(&mut self, peer: PeerId, topic: TopicId, trace: Trace, now: Ticks) {
        let until = now.saturating_add(millis(self.config.answer_within));
        let request = self.requests.under_way.get_mut(&Wanted::Chain(trace.chain));
        let Some(request) = request.filter(|request| request.peer == peer) else {
            return;
        };
        request.until = until;
        if let Some(session) = self.session(peer, topic) {
            session.wants.chains.push(trace);
        }
    }

    /// Forgets what was asked of a peer. It shirked if nothing came of it.
    fn close_requests(&mut self, peer: PeerId, topic: TopicId, progress: bool) {
        let closed = self
            .requests
            .take(|request| request.peer == peer && request.topic == topic);
        let owes = closed
            .iter()
            .any(|(_, request)| !self.holds(&request.target));
        if let Some(peer) = self.peers.get_mut(&peer) {
            peer.shirks = owes && !progress;
        }
    }

    /// Starts an exchange about a topic with every peer now.
    fn tell_all(&mut self, topic: TopicId, now: Ticks) {
        for peer in self.peers.values_mut() {
            if let Some(session) = peer.session(topic) {
                session.due = now;
            }
        }
    }

    /// Whether a chain's Open is probably still on its way from this peer.
    pub(super) fn awaits_open(&mut self, from: PeerId, chain: &ChainId) -> bool {
        let authority = self.authority_topic();
        self.set.spine(chain).is_empty()
            && *chain != self.set.authority()
            && self
                .session(from, authority)
                .is_some_and(|session| session.unanswered > 0)
    }

    /// Goes on with topics that waited for the authority topic.
    fn resume(&mut self, from: PeerId, now: Ticks) {
        let Some(peer) = self.peers.get_mut(&from) else {
            return;
        };
        for topic in &self.topics {
            if let Some(session) = peer.session(*topic)
                && core::mem::take(&mut session.held_back)
            {
                session.due = now;
            }
        }
    }
}

/// The records of one answer.
struct Answer {
    slots: Vec<Slot>,
    room: usize,
}

impl Answer {
    const fn new(room: usize) -> Self {
        Self {
            slots: Vec::new(),
            room,
        }
    }

    /// Adds a record while there is room; the first one always fits.
    fn push(&mut self, replica: &Replica, slot: Slot) -> bool {
        if self.room == 0 && !self.slots.is_empty() {
            return false;
        }
        let header = replica.set.record(slot).header();
        let len = usize::try_from(header.content_len()).unwrap_or(usize::MAX);
        self.room = self.room.saturating_sub(len.saturating_add(HEADER_LEN));
        self.slots.push(slot);
        true
    }
}

/// Bytes of a record without its content, rounded up.
const HEADER_LEN: usize = 320;
