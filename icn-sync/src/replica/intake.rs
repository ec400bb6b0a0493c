//! Records coming in: read, checked, stored, forwarded.

use std::collections::BTreeMap;

use icn_types::id::RecordId;
use icn_types::key::PeerId;
use icn_types::record::Record;
use icn_types::set::{Added, Equivocation, Refusal, Slot};
use icn_types::sign::{Signed, Unverified};
use icn_types::time::Ticks;

use crate::early::Notice;
use crate::event::{PeerFault, SyncEvent};
use crate::step::{Stored, StoredWhat};
use crate::wire::{Envelope, Frame, batches};

use super::{Out, Replica};

/// How a record came here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// Written on this node.
    Local,
    /// Pushed by a peer to which it was new.
    Pushed(PeerId),
    /// In an answer to a request. Others are told by the next exchange.
    Asked(PeerId),
}

impl Way {
    const fn peer(self) -> Option<PeerId> {
        match self {
            Self::Local => None,
            Self::Pushed(peer) | Self::Asked(peer) => Some(peer),
        }
    }
}

impl Replica {
    pub(super) fn local(&mut self, record: Signed<Record>, now: Ticks, out: &mut Out) {
        let id = record.id();
        match self.set.insert(record) {
            Ok(added) => {
                self.added(added, Way::Local, now, out);
                let released = self.released_by(id);
                self.take_in(released, now, out);
            }
            Err(refusal) => out.events.push(SyncEvent::Refused {
                record: id,
                refusal,
            }),
        }
    }

    pub(super) fn pushed(&mut self, from: PeerId, all: &[Envelope], now: Ticks, out: &mut Out) {
        let arrived = all.iter().rev().cloned();
        let arrived = arrived.map(|envelope| (envelope, Way::Pushed(from)));
        self.take_in(arrived.collect(), now, out);
        self.request(from, out);
    }

    pub(super) fn answered(&mut self, from: PeerId, all: &[Envelope], now: Ticks, out: &mut Out) {
        let arrived = all.iter().rev().cloned();
        let arrived = arrived.map(|envelope| (envelope, Way::Asked(from)));
        self.take_in(arrived.collect(), now, out);
        self.request(from, out);
    }

    /// Takes in records, the last one first, and whatever waited for them.
    fn take_in(&mut self, mut todo: Vec<(Envelope, Way)>, now: Ticks, out: &mut Out) {
        while let Some((envelope, way)) = todo.pop() {
            if let Some(stored) = self.take_one(&envelope, way, now, out) {
                todo.extend(self.released_by(stored));
            }
        }
    }

    /// What waited for a record just stored, or for a Recall that was decided
    /// because of it.
    fn released_by(&mut self, stored: RecordId) -> Vec<(Envelope, Way)> {
        let mut released = self.early.released_by(&stored);
        for &judged in self.set.judged().get(self.heard..).unwrap_or_default() {
            released.extend(self.early.released_by(&self.set.id(judged)));
        }
        self.heard = self.set.judged().len();
        released
            .into_iter()
            .map(|(peer, envelope)| (envelope, Way::Pushed(peer)))
            .collect()
    }

    /// Answers with the record's id if it was stored or completed.
    fn take_one(
        &mut self,
        envelope: &Envelope,
        way: Way,
        now: Ticks,
        out: &mut Out,
    ) -> Option<RecordId> {
        let from = way.peer()?;
        let record = match envelope.read() {
            Ok(record) => record,
            Err(error) => {
                self.blame(from, PeerFault::Record(error), now, out);
                return None;
            }
        };
        let (id, topic) = (record.claim().id(), record.claim().topic());
        if !self.topics.contains(&topic) {
            self.blame(from, PeerFault::Topic(topic), now, out);
            return None;
        }
        if self.is_known(record.claim()) {
            self.counters.duplicates += 1;
            return None;
        }
        if self.set.would_fork(record.claim()) && !self.may_fork(from, now) {
            self.counters.left += 1;
            return None;
        }
        let notice = |missing| Notice {
            from,
            chain: record.claim().chain(),
            topic,
            seq: record.claim().seq(),
            missing,
        };
        let refusal = match self.set.signatory(record.claim()) {
            Ok(_) => None,
            Err(refusal) => Some((refusal, refusal.missing().map(notice))),
        };
        match refusal {
            Some((refusal, Some(notice))) => {
                self.too_early(notice, refusal, envelope.clone(), now);
                return None;
            }
            Some((refusal, None)) => {
                self.refused(from, id, refusal, now, out);
                return None;
            }
            None => {}
        }
        match self
            .verify(record)
            .and_then(|record| self.set.insert(record))
        {
            Ok(added) => {
                self.added(added, way, now, out);
                Some(id)
            }
            Err(refusal) => {
                self.refused(from, id, refusal, now, out);
                None
            }
        }
    }

    /// The one place where signatures of peers' records are checked, after
    /// everything that costs less: copies of what is stored never get here.
    /// The answer depends on the record and its key alone, so it can move to
    /// other threads without a change to what comes before and after.
    fn verify(&mut self, record: Unverified<Record>) -> Result<Signed<Record>, Refusal> {
        self.counters.checks += 1;
        let key = self.set.signatory(record.claim())?.key().clone();
        Ok(record.verify(&key)?)
    }

    /// Whether a peer may bring one more record beside a stored one; counted.
    /// The next exchange brings what it may not bring now.
    fn may_fork(&mut self, from: PeerId, now: Ticks) -> bool {
        let budget = self.config.forks;
        let Some(peer) = self.peers.get_mut(&from) else {
            return false;
        };
        let may = peer.forks.leaves_room(now, budget);
        if may {
            peer.forks.add(1);
        }
        may
    }

    /// Whether nothing of the record is new. Found by id, before any check.
    fn is_known(&self, record: &Record) -> bool {
        let slot = self.set.find(&record.id());
        slot.is_some_and(|slot| record.content().is_none() || !self.set.is_bare(slot))
    }

    fn refused(
        &mut self,
        from: PeerId,
        record: RecordId,
        refusal: Refusal,
        now: Ticks,
        out: &mut Out,
    ) {
        if refusal == Refusal::Full {
            out.events.push(SyncEvent::Refused { record, refusal });
        } else {
            self.blame(from, PeerFault::Refused(refusal), now, out);
        }
    }

    /// Keeps a record that something is missing for, and asks its sender.
    fn too_early(&mut self, notice: Notice, refusal: Refusal, envelope: Envelope, now: Ticks) {
        if !self.early.keep(notice, envelope, &self.config) {
            return;
        }
        let (topic, chain) = match refusal {
            Refusal::MissingEpoch(_) => (self.authority_topic(), self.set.authority()),
            _ => (notice.topic, notice.chain),
        };
        self.want_chain(notice.from, topic, chain, notice.missing, now);
    }

    /// Everything that follows from a record's being stored.
    fn added(&mut self, added: Added, way: Way, now: Ticks, out: &mut Out) {
        let (slot, what) = match added {
            Added::New(slot) => (slot, StoredWhat::Record),
            Added::Completed(slot) => (slot, StoredWhat::Content),
            Added::Known(_) => {
                self.counters.duplicates += 1;
                return;
            }
        };
        let record = self.set.record(slot);
        let (id, topic) = (record.id(), record.topic());
        out.stored.push(Stored {
            id,
            topic,
            slot,
            what,
            bytes: record.to_bytes(),
        });
        self.clocks.note(&self.set, slot);
        self.requests.fulfilled(&id);
        if let Some(proof) = self.convict(slot) {
            out.events.push(SyncEvent::Equivocation(Box::new(proof)));
        }
        for peer in self.peers.values_mut() {
            if let Some(session) = peer.session(topic) {
                session.stirred(now, &self.config);
            }
        }
        if let Some(peer) = way.peer().and_then(|peer| self.peers.get_mut(&peer)) {
            peer.progress(topic);
        }
        if !matches!(way, Way::Asked(_)) && self.is_worth_forwarding(slot) {
            out.fresh.push((slot, way.peer()));
        }
    }

    /// A proof against the writer of a new record, once per epoch.
    pub(super) fn convict(&mut self, slot: Slot) -> Option<Equivocation> {
        let record = self.set.record(slot);
        let place = (record.chain(), record.epoch()?);
        if self.convicted.contains(&place) {
            return None;
        }
        let proof = self
            .set
            .siblings(slot)
            .find_map(|other| self.set.equivocation(slot, other).ok())?;
        self.convicted.insert(place);
        Some(proof)
    }

    /// Canonical records are: on a spine, or of a fork's pair. What else is
    /// canonical, others find in the strays.
    fn is_worth_forwarding(&self, slot: Slot) -> bool {
        let chain = self.set.chain(slot);
        let in_pair = |(low, high)| slot == low || slot == high;
        self.set.on_spine(slot) || self.set.fork(&chain).is_some_and(in_pair)
    }

    /// Sends what was new here to every peer that follows its topic, except to
    /// the one that it came from.
    pub(super) fn forward(&mut self, out: &mut Out) {
        let mut per_peer: BTreeMap<PeerId, Vec<Slot>> = BTreeMap::new();
        for (slot, origin) in core::mem::take(&mut out.fresh) {
            let topic = self.set.topic(slot);
            for (id, peer) in &mut self.peers {
                let follows = peer.session(topic).is_some_and(|session| session.follows());
                if Some(*id) != origin && follows {
                    per_peer.entry(*id).or_default().push(slot);
                }
            }
        }
        for (peer, slots) in per_peer {
            self.counters.records_sent += slots.len() as u64;
            for batch in batches(slots.iter().map(|&slot| self.set.record(slot))) {
                out.send(peer, &Frame::Fresh(batch));
            }
        }
    }
}
