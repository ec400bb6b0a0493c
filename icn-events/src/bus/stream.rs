use std::collections::VecDeque;
use std::fmt;
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context as Cx, Poll, Waker};

use futures::Stream;
use futures::stream::FusedStream;
use icn_types::error::{Coded, Fault};

use super::{Shared, remove};

/// Events were dropped because the stream was read too slowly.
///
/// They are gone from the stream; the reader looks into the store for what it
/// missed. The stream goes on with the next event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("stream missed {missed} events")]
#[non_exhaustive]
pub struct Lagged {
    /// How many were dropped at this point of the stream.
    pub missed: u64,
}

impl Coded for Lagged {
    fn code(&self) -> &'static str {
        "bus.lagged"
    }

    fn fault(&self) -> Fault {
        Fault::Caller
    }
}

/// Events of a bus, in order, in bounded memory.
///
/// An item is an event or [`Lagged`]. The stream ends after the last event of
/// a bus that is gone; dropping the stream unsubscribes it.
#[must_use = "a stream holds events until it is polled or dropped"]
pub struct EventStream<E> {
    buffer: Arc<Buffer<E>>,
    bus: Weak<Shared<E>>,
    number: u64,
}

pub(super) struct Buffer<E> {
    capacity: NonZeroUsize,
    unread: Mutex<Unread<E>>,
}

struct Unread<E> {
    events: VecDeque<Arc<E>>,
    missed: u64,
    closed: bool,
    waker: Option<Waker>,
}

impl<E> Buffer<E> {
    pub(super) fn new(capacity: NonZeroUsize) -> Self {
        Self {
            capacity,
            unread: Mutex::new(Unread {
                events: VecDeque::new(),
                missed: 0,
                closed: false,
                waker: None,
            }),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Unread<E>> {
        self.unread.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds an event, in place of the oldest one when there is no room.
    pub(super) fn push(&self, event: Arc<E>) {
        let mut unread = self.lock();
        let dropped = if unread.events.len() >= self.capacity.get() {
            unread.missed += 1;
            unread.events.pop_front()
        } else {
            None
        };
        unread.events.push_back(event);
        let waker = unread.waker.take();
        drop(unread);
        drop(dropped); // may run foreign code, as may the waker
        waker.into_iter().for_each(Waker::wake);
    }

    pub(super) fn close(&self) {
        let mut unread = self.lock();
        unread.closed = true;
        let waker = unread.waker.take();
        drop(unread);
        waker.into_iter().for_each(Waker::wake);
    }
}

impl<E> EventStream<E> {
    pub(super) const fn new(buffer: Arc<Buffer<E>>, bus: Weak<Shared<E>>, number: u64) -> Self {
        Self {
            buffer,
            bus,
            number,
        }
    }

    /// What the stream would give now, without waiting; none when nothing is
    /// unread.
    pub fn try_next(&mut self) -> Option<Result<Arc<E>, Lagged>> {
        self.buffer.lock().take()
    }
}

impl<E> Unread<E> {
    fn take(&mut self) -> Option<Result<Arc<E>, Lagged>> {
        match std::mem::take(&mut self.missed) {
            0 => self.events.pop_front().map(Ok),
            missed => Some(Err(Lagged { missed })),
        }
    }
}

impl<E> Stream for EventStream<E> {
    type Item = Result<Arc<E>, Lagged>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Cx<'_>) -> Poll<Option<Self::Item>> {
        let waker = cx.waker().clone();
        let mut unread = self.buffer.lock();
        if let Some(item) = unread.take() {
            return Poll::Ready(Some(item));
        }
        if unread.closed {
            return Poll::Ready(None);
        }
        let before = unread.waker.replace(waker);
        drop(unread);
        drop(before);
        Poll::Pending
    }
}

impl<E> FusedStream for EventStream<E> {
    fn is_terminated(&self) -> bool {
        let unread = self.buffer.lock();
        unread.closed && unread.events.is_empty() && unread.missed == 0
    }
}

impl<E> Drop for EventStream<E> {
    fn drop(&mut self) {
        remove(&self.bus, self.number);
    }
}

impl<E> fmt::Debug for EventStream<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unread = self.buffer.lock();
        f.debug_struct("EventStream")
            .field("unread", &unread.events.len())
            .field("missed", &unread.missed)
            .field("closed", &unread.closed)
            .finish_non_exhaustive()
    }
}
