//! The receiving half of a transport: what every adapter would write again.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::future::poll_fn;
use core::task::{Context, Poll, Waker};
use std::sync::{Mutex, PoisonError};

use crate::key::PeerId;

use super::transport::{Frame, Incoming, TransportError};

/// Queues events for [`recv`](super::Transport::recv), bounded per peer.
///
/// It keeps the laws that concern receiving: for each peer `Up`, frames and
/// `Down` alternate as they must, `recv` is cancel-safe, closing wakes. No
/// thread and no executor is involved; any waker will do.
///
/// A link that comes and goes unread leaves nothing behind, so the queue stays
/// bounded even when nobody reads.
///
/// ```
/// use std::sync::Arc;
///
/// use icn_types::host::{Frame, Inbox, Incoming};
/// use icn_types::key::{Keypair, PeerId, Signer as _};
///
/// let peer = PeerId::new(Keypair::from_seed(&[7; 32]).public_key());
/// let inbox = Arc::new(Inbox::new(16, 65_536));
/// let link = inbox.open(peer);
/// link.offer(Frame::new(b"hello"))?;
///
/// futures::executor::block_on(async {
///     assert_eq!(inbox.recv().await?, Incoming::Up(peer));
///     assert!(matches!(inbox.recv().await?, Incoming::Frame { .. }));
///     drop(link);
///     assert_eq!(inbox.recv().await?, Incoming::Down(peer));
///     # Ok::<(), icn_types::host::TransportError>(())
/// })?;
/// # Ok::<(), icn_types::host::TransportError>(())
/// ```
pub struct Inbox {
    state: Mutex<State>,
}

impl Inbox {
    /// An inbox that holds up to `frames_max` unread frames and `bytes_max`
    /// unread bytes of each peer. One frame of a peer always fits.
    #[must_use]
    pub fn new(frames_max: usize, bytes_max: usize) -> Self {
        Self {
            state: Mutex::new(State {
                frames_max,
                bytes_max,
                events: VecDeque::new(),
                shares: BTreeMap::new(),
                sessions: 0,
                closed: false,
                readers: Waiting::default(),
                writers: Waiting::default(),
                woken: Vec::new(),
            }),
        }
    }

    /// Reports `peer` as up and returns its link. A link of the same peer that
    /// is still open ends first.
    #[must_use = "dropping a link ends it"]
    pub fn open(self: &Arc<Self>, peer: PeerId) -> Link {
        self.open_quietly(peer).0
    }

    /// As [`open`](Self::open), but nobody wakes until the second value drops.
    pub(super) fn open_quietly(self: &Arc<Self>, peer: PeerId) -> (Link, Woken) {
        let (session, woken) = self.quietly(|state| state.open(peer));
        let inbox = Arc::clone(self);
        let link = Link {
            inbox,
            peer,
            session,
        };
        (link, woken)
    }

    /// Waits for the next event. Cancel-safe.
    ///
    /// # Errors
    /// [`TransportError::Closed`] once closed.
    pub async fn recv(&self) -> Result<Incoming, TransportError> {
        self.wait(|state| &mut state.readers, State::next).await
    }

    /// Ends it all: unread events are dropped and every waiter wakes.
    pub fn close(&self) {
        self.with(|state| {
            state.closed = true;
            state.events.clear();
            state.shares.clear();
            state.wake_readers();
            state.wake_writers();
        });
    }

    /// Waits until `step` answers, trying again after each change that wakes
    /// the named side. Nothing is taken before the answer, so dropping is safe.
    async fn wait<R>(
        &self,
        side: fn(&mut State) -> &mut Waiting,
        mut step: impl FnMut(&mut State) -> Option<R>,
    ) -> R {
        let mut seat = Seat {
            inbox: self,
            side,
            number: None,
        };
        poll_fn(move |cx| seat.poll(cx, &mut step)).await
    }

    /// Changes the state, then wakes.
    fn with<R>(&self, change: impl FnOnce(&mut State) -> R) -> R {
        self.quietly(change).0
    }

    fn quietly<R>(&self, change: impl FnOnce(&mut State) -> R) -> (R, Woken) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let answer = change(&mut state);
        (answer, Woken(core::mem::take(&mut state.woken)))
    }
}

/// Wakes on drop, which is after the lock: a waker may run or drop anything.
pub(super) struct Woken(Vec<Waker>);

impl Drop for Woken {
    fn drop(&mut self) {
        self.0.drain(..).for_each(Waker::wake);
    }
}

impl fmt::Debug for Inbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (events, closed) = self.with(|state| (state.events.len(), state.closed));
        f.debug_struct("Inbox")
            .field("events", &events)
            .field("closed", &closed)
            .finish()
    }
}

/// One open link into an [`Inbox`]. Dropping it reports the peer as down.
#[derive(Debug)]
pub struct Link {
    inbox: Arc<Inbox>,
    peer: PeerId,
    session: u64,
}

impl Link {
    /// The peer at the other end.
    #[must_use]
    pub const fn peer(&self) -> PeerId {
        self.peer
    }

    /// Queues a frame of the peer, or says why not at once.
    ///
    /// # Errors
    /// - [`TransportError::Busy`]: the peer's share is full.
    /// - [`TransportError::NotConnected`]: this link has ended.
    /// - [`TransportError::Closed`]: the inbox is closed.
    pub fn offer(&self, frame: Frame) -> Result<(), TransportError> {
        let mut frame = Some(frame);
        self.inbox
            .with(|state| state.put(self.peer, self.session, &mut frame))
    }

    /// Queues a frame of the peer, waiting while its share is full. Cancel-safe
    /// in that a dropped call has queued nothing.
    ///
    /// # Errors
    /// As [`offer`](Self::offer), without `Busy`.
    pub async fn admit(&self, frame: Frame) -> Result<(), TransportError> {
        let mut frame = Some(frame);
        self.inbox
            .wait(
                |state| &mut state.writers,
                |state| match state.put(self.peer, self.session, &mut frame) {
                    Err(TransportError::Busy(_)) => None,
                    answer => Some(answer),
                },
            )
            .await
    }

    /// Reports the peer as down, as dropping does.
    pub fn end(&self) {
        self.inbox.with(|state| state.end(self.peer, self.session));
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.end();
    }
}

struct State {
    frames_max: usize,
    bytes_max: usize,
    events: VecDeque<Incoming>,
    /// Peers that are up or have unread frames.
    shares: BTreeMap<PeerId, Share>,
    /// Links opened so far: numbers the next.
    sessions: u64,
    closed: bool,
    readers: Waiting,
    writers: Waiting,
    /// To be woken when the lock is released.
    woken: Vec<Waker>,
}

#[derive(Default)]
struct Share {
    /// The open link, if any.
    session: Option<u64>,
    frames: usize,
    bytes: usize,
}

impl State {
    fn open(&mut self, peer: PeerId) -> u64 {
        if let Some(session) = self.shares.get(&peer).and_then(|share| share.session) {
            self.end(peer, session);
        }
        self.sessions += 1;
        if !self.closed {
            self.shares.entry(peer).or_default().session = Some(self.sessions);
            self.events.push_back(Incoming::Up(peer));
            self.wake_readers();
        }
        self.sessions
    }

    fn end(&mut self, peer: PeerId, session: u64) {
        let Some(share) = self.shares.get_mut(&peer) else {
            return;
        };
        if share.session != Some(session) {
            return;
        }
        share.session = None;
        let unread_up = self
            .events
            .iter()
            .rposition(|event| *event == Incoming::Up(peer));
        match unread_up {
            // Nobody saw this link: it leaves without a trace, which is what
            // bounds a queue that nobody reads.
            Some(at) => self.forget(peer, at),
            None => self.events.push_back(Incoming::Down(peer)),
        }
        self.tidy(peer);
        self.wake_readers();
        self.wake_writers();
    }

    /// Removes all events of `peer` from position `at` on.
    fn forget(&mut self, peer: PeerId, at: usize) {
        for event in self.events.split_off(at) {
            if event.peer() != peer {
                self.events.push_back(event);
            } else if let Incoming::Frame { frame, .. } = event {
                self.release(peer, frame.len());
            }
        }
    }

    fn put(
        &mut self,
        peer: PeerId,
        session: u64,
        frame: &mut Option<Frame>,
    ) -> Result<(), TransportError> {
        if self.closed {
            return Err(TransportError::Closed);
        }
        let share = self
            .shares
            .get_mut(&peer)
            .filter(|share| share.session == Some(session))
            .ok_or(TransportError::NotConnected(peer))?;
        let len = frame.as_ref().map_or(0, |frame| frame.len());
        let full =
            share.frames >= self.frames_max || share.bytes.saturating_add(len) > self.bytes_max;
        if full && share.frames > 0 {
            return Err(TransportError::Busy(peer));
        }
        if let Some(frame) = frame.take() {
            share.frames += 1;
            share.bytes += len;
            self.events.push_back(Incoming::Frame { from: peer, frame });
            self.wake_readers();
        }
        Ok(())
    }

    fn next(&mut self) -> Option<Result<Incoming, TransportError>> {
        if self.closed {
            return Some(Err(TransportError::Closed));
        }
        let event = self.events.pop_front()?;
        if let Incoming::Frame { from, frame } = &event {
            self.release(*from, frame.len());
            self.tidy(*from);
            self.wake_writers();
        }
        Some(Ok(event))
    }

    fn release(&mut self, peer: PeerId, len: usize) {
        if let Some(share) = self.shares.get_mut(&peer) {
            share.frames = share.frames.saturating_sub(1);
            share.bytes = share.bytes.saturating_sub(len);
        }
    }

    /// Forgets a peer that is down and has nothing unread.
    fn tidy(&mut self, peer: PeerId) {
        if let Some(Share {
            session: None,
            frames: 0,
            ..
        }) = self.shares.get(&peer)
        {
            self.shares.remove(&peer);
        }
    }

    fn wake_readers(&mut self) {
        self.readers.leave_all(&mut self.woken);
    }

    fn wake_writers(&mut self) {
        self.writers.leave_all(&mut self.woken);
    }
}

/// Those who wait, by the number of their seat.
#[derive(Default)]
struct Waiting {
    seats: BTreeMap<u64, Waker>,
    numbered: u64,
}

impl Waiting {
    fn leave_all(&mut self, woken: &mut Vec<Waker>) {
        // All of them: the one that would be chosen may be dropped unpolled,
        // and then nobody would come for the event.
        woken.extend(core::mem::take(&mut self.seats).into_values());
    }
}

/// The place of one waiting call; dropping it leaves no waker behind.
struct Seat<'a> {
    inbox: &'a Inbox,
    side: fn(&mut State) -> &mut Waiting,
    number: Option<u64>,
}

impl Seat<'_> {
    fn poll<R>(
        &mut self,
        cx: &mut Context<'_>,
        step: &mut impl FnMut(&mut State) -> Option<R>,
    ) -> Poll<R> {
        self.inbox.with(|state| {
            if let Some(answer) = step(state) {
                return Poll::Ready(answer);
            }
            let waiting = (self.side)(state);
            let number = *self.number.get_or_insert_with(|| {
                waiting.numbered += 1;
                waiting.numbered
            });
            waiting.seats.insert(number, cx.waker().clone());
            Poll::Pending
        })
    }
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        if let Some(number) = self.number {
            let waker = self
                .inbox
                .with(|state| (self.side)(state).seats.remove(&number));
            drop(waker);
        }
    }
}
