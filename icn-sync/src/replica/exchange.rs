//! The exchange of clocks: who holds what the other lacks.
//!
//! One side sends digests. Where they differ the other sends its clock, and
//! whoever lacks something asks for exactly that. No step relies on an earlier
//! one having arrived: after a pause it starts again.

use std::sync::Arc;

use icn_types::canon::List;
use icn_types::id::TopicId;
use icn_types::key::PeerId;
use icn_types::set::Row;
use icn_types::time::Ticks;

use crate::clock::VectorClock;
use crate::event::{PeerFault, SyncEvent};
use crate::peer::{Place, Reading};
use crate::wire::{
    ClockPage, Frame, Held, Hello, Mark, ROWS_MAX, STRAYS_MAX, Stray, StraysPage, TOPICS_MAX, pages,
};

use super::{Out, Replica, list};

impl Replica {
    pub(super) fn hello(&mut self, from: PeerId, hello: &Hello, now: Ticks, out: &mut Out) {
        if hello.domain != self.set.domain() {
            self.blame(from, PeerFault::Domain(hello.domain), now, out);
            return;
        }
        let config = self.config;
        for topic in &hello.topics {
            if let Some(session) = self.session(from, *topic) {
                session.heard(now, &config);
            }
        }
    }

    /// Sends the digests whose time has come.
    pub(super) fn ask_what_is_due(&mut self, now: Ticks, out: &mut Out) {
        let config = self.config;
        let authority = self.authority_topic();
        let mut due: Vec<(PeerId, Vec<TopicId>)> = Vec::new();
        for (id, peer) in &mut self.peers {
            if peer.score.is_muted(now) {
                continue;
            }
            let topics = peer.sessions().filter(|(_, session)| session.due <= now);
            let mut topics: Vec<TopicId> = topics.map(|(topic, _)| *topic).collect();
            // Opens first: without them nothing else can be stored.
            topics.sort_by_key(|topic| *topic != authority);
            if !topics.is_empty() {
                due.push((*id, topics));
            }
        }
        for (peer, topics) in due {
            let mut marks = Vec::new();
            for topic in topics {
                let Some(clock) = self.clock(topic) else {
                    continue;
                };
                let Some(session) = self.session(peer, topic) else {
                    continue;
                };
                session.asked(now, &config);
                marks.push(Mark {
                    topic,
                    digest: clock.digest(),
                    base: session.base(),
                });
            }
            for marks in pages::<_, 1, TOPICS_MAX>(&marks) {
                out.send(peer, &Frame::Ask(marks));
            }
        }
    }

    /// Answers digests: "the same" or the clock.
    pub(super) fn asked(&mut self, from: PeerId, marks: &[Mark], now: Ticks, out: &mut Out) {
        let config = self.config;
        let mut held = Vec::new();
        for mark in marks {
            let (topic, yours) = (mark.topic, mark.digest);
            let Some(clock) = self.clock(topic) else {
                continue;
            };
            if let Some(session) = self.session(from, topic) {
                session.heard(now, &config);
            }
            if yours == clock.digest() {
                held.push(Held {
                    topic,
                    yours,
                    mine: yours,
                });
                self.converged(from, topic, clock, out);
            } else {
                let Some(session) = self.session(from, topic) else {
                    continue;
                };
                if session.covered != Some(yours) {
                    session.stirred(now, &config);
                }
                let base = session.agreed.clone();
                let base = base.filter(|base| Some(base.digest()) == mark.base);
                self.tell(from, topic, base.as_deref(), false, now, out);
            }
        }
        if let Ok(held) = List::new(held) {
            out.send(from, &Frame::Held(held));
        }
    }

    /// The peer holds everything of a clock that was sent to it.
    pub(super) fn held(&mut self, from: PeerId, all: &[Held], now: Ticks, out: &mut Out) {
        let config = self.config;
        for held in all {
            let Some(clock) = self.clock(held.topic) else {
                continue;
            };
            if held.yours != clock.digest() {
                continue; // about an earlier clock
            }
            if held.mine == held.yours {
                self.converged(from, held.topic, clock, out);
            }
            if let Some(session) = self.session(from, held.topic) {
                session.heard(now, &config);
                if held.mine == held.yours || session.covered == Some(held.mine) {
                    session.settled();
                }
            }
        }
    }

    fn converged(&mut self, peer: PeerId, topic: TopicId, clock: Arc<VectorClock>, out: &mut Out) {
        if let Some(session) = self.session(peer, topic)
            && session.base() != Some(clock.digest())
        {
            session.agreed = Some(clock);
            out.events.push(SyncEvent::Converged { topic, peer });
        }
    }

    /// Compares a page of a peer's rows with the own ones.
    pub(super) fn clock_page(&mut self, from: PeerId, page: &ClockPage, now: Ticks, out: &mut Out) {
        let (topic, config) = (page.topic, self.config);
        let Some(clock) = self.clock(topic) else {
            return;
        };
        let Some(session) = self.session(from, topic) else {
            return;
        };
        session.heard(now, &config);
        if page.base.is_some() && page.base != session.base() {
            return; // told apart from a clock that is not remembered here
        }
        let base = session.agreed.clone().filter(|_| page.base.is_some());
        let place = Place::Rows(page.after);
        let mut reading = match session.reading.take() {
            Some(reading)
                if (reading.digest, reading.base) == (page.digest, page.base)
                    && reading.place == place =>
            {
                reading
            }
            _ if page.after.is_none() => Reading {
                digest: page.digest,
                base: page.base,
                place,
                lacks: false,
                peer_lacks: false,
            },
            _ => return, // a page before this one was lost
        };
        let mut held_back = false;
        for row in &page.rows {
            reading.peer_lacks |= clock.row(&row.chain).map(|own| own.tip) != Some(row.tip);
            if let Some(tip) = row.tip
                && self.set.find(&tip.head).is_none()
            {
                reading.lacks = true;
                if self.awaits_open(from, &row.chain) {
                    held_back = true;
                } else {
                    self.want_chain(from, topic, row.chain, tip.head, now);
                }
            }
        }
        reading.peer_lacks |= has_more(&clock, base.as_deref(), page);
        reading.place = match page.rows.last().filter(|_| !page.ends) {
            Some(row) => Place::Rows(Some(row.chain)),
            None => Place::Strays(None),
        };
        if let Some(session) = self.session(from, topic) {
            session.reading = Some(reading);
            session.held_back |= held_back;
        }
        self.request(from, out);
    }

    /// Compares a page of a peer's strays; the last one ends the reading.
    pub(super) fn strays_page(
        &mut self,
        from: PeerId,
        page: &StraysPage,
        now: Ticks,
        out: &mut Out,
    ) {
        let topic = page.topic;
        let Some(clock) = self.clock(topic) else {
            return;
        };
        let reading = self
            .session(from, topic)
            .and_then(|session| session.reading.take());
        let Some(mut reading) = reading else {
            return;
        };
        if reading.digest != page.digest || reading.place != Place::Strays(page.after) {
            return; // a page before this one was lost
        }
        for stray in &page.strays {
            let slot = self.set.find(&stray.id);
            let bare = slot.is_some_and(|slot| self.set.is_bare(slot));
            if slot.is_none() || (bare && stray.content) {
                reading.lacks = true;
                self.want_record(from, topic, stray.id, now);
            }
            reading.peer_lacks |= !stray.content && self.holds(&stray.id);
        }
        reading.peer_lacks |= has_more_strays(&clock, page);
        if let Some(last) = page.strays.last().filter(|_| !page.ends) {
            reading.place = Place::Strays(Some(last.id));
            if let Some(session) = self.session(from, topic) {
                session.reading = Some(reading);
            }
        } else {
            self.read_to_the_end(from, topic, &reading, page.answers, now, out);
        }
        self.request(from, out);
    }

    /// What follows from a whole clock of a peer.
    fn read_to_the_end(
        &mut self,
        from: PeerId,
        topic: TopicId,
        reading: &Reading,
        answers: bool,
        now: Ticks,
        out: &mut Out,
    ) {
        let Some(clock) = self.clock(topic) else {
            return;
        };
        if let Some(session) = self.session(from, topic)
            && !reading.lacks
        {
            session.covered = Some(reading.digest);
            if !reading.peer_lacks {
                session.settled();
            }
        }
        if !reading.lacks {
            let held = Held {
                topic,
                yours: reading.digest,
                mine: clock.digest(),
            };
            if let Ok(held) = List::new([held]) {
                out.send(from, &Frame::Held(held));
            }
        }
        if reading.peer_lacks && !answers {
            let agreed = self.session(from, topic);
            let agreed = agreed.and_then(|session| session.agreed.clone());
            let base = agreed.filter(|agreed| Some(agreed.digest()) == reading.base);
            self.tell(from, topic, base.as_deref(), true, now, out);
        }
    }

    /// Sends the own clock within the budget of the peer, which otherwise asks
    /// again after its pause.
    fn tell(
        &mut self,
        to: PeerId,
        topic: TopicId,
        base: Option<&VectorClock>,
        answers: bool,
        now: Ticks,
        out: &mut Out,
    ) {
        let budget = self.config.budget;
        let (Some(clock), Some(peer)) = (self.clock(topic), self.peers.get_mut(&to)) else {
            return;
        };
        if !peer.clocks.leaves_room(now, budget) {
            self.counters.unanswered += 1;
            return;
        }
        let before = out.frames.len();
        send_clock(to, topic, &clock, base, answers, out);
        peer.clocks.add(out.len_after(before));
    }
}

/// Whether there is an own row in the range of a page that it leaves out, for
/// another reason than that it did not move since the base.
fn has_more(clock: &VectorClock, base: Option<&VectorClock>, page: &ClockPage) -> bool {
    let rows: &[Row] = &page.rows;
    let end = rows.last().map(|row| row.chain).filter(|_| !page.ends);
    let in_range = |row: &&Row| {
        page.after.is_none_or(|after| row.chain > after) && end.is_none_or(|end| row.chain <= end)
    };
    let is_listed = |row: &Row| {
        rows.binary_search_by_key(&row.chain, |listed| listed.chain)
            .is_ok()
    };
    let is_old = |row: &Row| base.and_then(|base| base.row(&row.chain)) == Some(row);
    let mut own = clock.rows().iter().filter(in_range);
    own.any(|row| !is_listed(row) && !is_old(row))
}

/// The same for strays.
fn has_more_strays(clock: &VectorClock, page: &StraysPage) -> bool {
    let ids = page.strays.as_ref();
    let end = ids.last().map(|stray| stray.id).filter(|_| !page.ends);
    let in_range = |stray: &&Stray| {
        page.after.is_none_or(|after| stray.id > after) && end.is_none_or(|end| stray.id <= end)
    };
    let is_listed = |stray: &Stray| {
        ids.binary_search_by_key(&stray.id, |other| other.id)
            .is_ok()
    };
    clock
        .strays()
        .iter()
        .filter(in_range)
        .any(|stray| !is_listed(stray))
}

/// Sends a clock: rows that are not the base's, then strays.
fn send_clock(
    to: PeerId,
    topic: TopicId,
    clock: &VectorClock,
    base: Option<&VectorClock>,
    answers: bool,
    out: &mut Out,
) {
    let digest = clock.digest();
    let moved = |row: &&Row| base.is_none_or(|base| base.row(&row.chain) != Some(*row));
    let rows: Vec<Row> = clock.rows().iter().filter(moved).copied().collect();
    let mut after = None;
    for (page, ends) in in_pages(&rows, ROWS_MAX) {
        let page = ClockPage {
            topic,
            digest,
            base: base.map(VectorClock::digest),
            after,
            rows: list(page.to_vec()),
            ends,
        };
        after = page.rows.last().map(|row| row.chain);
        out.send(to, &Frame::Clock(page));
    }
    let mut after = None;
    for (page, ends) in in_pages(clock.strays(), STRAYS_MAX) {
        let page = StraysPage {
            topic,
            digest,
            after,
            strays: list(page.to_vec()),
            ends,
            answers,
        };
        after = page.strays.last().map(|stray| stray.id);
        out.send(to, &Frame::Strays(page));
    }
}

/// At least one page, each with whether it is the last.
fn in_pages<T>(items: &[T], len: usize) -> impl Iterator<Item = (&[T], bool)> {
    let mut left = Some(items);
    core::iter::from_fn(move || {
        let items = left.take()?;
        let (page, rest) = items.split_at(items.len().min(len));
        left = Some(rest).filter(|rest| !rest.is_empty());
        Some((page, rest.is_empty()))
    })
}
