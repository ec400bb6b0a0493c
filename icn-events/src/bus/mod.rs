//! Delivery of events inside one process.
//!
//! A subscriber is a callback or a stream. Events reach subscribers in the
//! order of subscription and each of them in the order of publishing. No lock
//! is held while a subscriber runs, so a callback may publish, subscribe and
//! unsubscribe anybody, itself included. A callback that panics is removed and
//! counted; nobody else notices.
//!
//! Events are notices, not the truth: what must not be missed is read from the
//! store. A stream that is read too slowly says how much it missed.
//!
//! ```
//! use std::sync::{Arc, Mutex};
//! use icn_events::bus::Bus;
//!
//! let bus = Bus::new();
//! let seen = Arc::new(Mutex::new(Vec::new()));
//! let subscription = bus.subscribe({
//!     let seen = Arc::clone(&seen);
//!     move |event: &u32| seen.lock().unwrap().push(*event)
//! });
//! bus.publish(1);
//! drop(subscription);
//! bus.publish(2);
//! assert_eq!(*seen.lock().unwrap(), [1]);
//! ```

mod stream;

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::num::NonZeroUsize;
use std::ops::Bound;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

pub use stream::{EventStream, Lagged};

use stream::Buffer;

/// Delivers events of one type to everybody who subscribed.
///
/// Clones are the same bus. Streams end when the last one is gone; a callback
/// that holds a clone keeps its own bus alive until it is unsubscribed.
pub struct Bus<E> {
    shared: Arc<Shared<E>>,
}

/// Keeps a callback subscribed until it is dropped.
#[must_use = "dropping a subscription ends it"]
pub struct Subscription {
    end: Option<Box<dyn FnOnce() + Send + Sync>>,
}

struct Shared<E> {
    state: Mutex<State<E>>,
}

struct State<E> {
    /// Number of the next subscriber; numbers are never used again.
    next: u64,
    subscribers: BTreeMap<u64, Subscriber<E>>,
    queue: VecDeque<Published<E>>,
    /// Whether somebody is delivering; whoever publishes then only queues.
    delivering: bool,
    panicked: u64,
}

type Callback<E> = Box<dyn FnMut(&E) + Send>;

enum Subscriber<E> {
    Callback(Callback<E>),
    /// A callback that is running now.
    Running,
    Stream(Arc<Buffer<E>>),
}

struct Published<E> {
    event: Arc<E>,
    /// Subscribers below this number were there when it was published.
    before: u64,
}

impl<E> Bus<E> {
    /// A bus that nobody listens to yet.
    #[must_use]
    pub fn new() -> Self {
        let state = State {
            next: 0,
            subscribers: BTreeMap::new(),
            queue: VecDeque::new(),
            delivering: false,
            panicked: 0,
        };
        Self {
            shared: Arc::new(Shared {
                state: Mutex::new(state),
            }),
        }
    }

    /// Delivers an event to all who are subscribed now.
    ///
    /// It returns when everything published so far is delivered, unless a
    /// delivery is under way already, in this thread or another: then the
    /// event queues behind it and whoever delivers delivers it too. Costs
    /// O(n log n) in the number of subscribers, without theirs.
    pub fn publish(&self, event: E) {
        let event = Arc::new(event);
        let is_first = {
            let mut state = self.shared.lock();
            let before = state.next;
            state.queue.push_back(Published { event, before });
            !std::mem::replace(&mut state.delivering, true)
        };
        if is_first {
            self.shared.deliver_all();
        }
    }

    /// Calls `callback` with every event from now on, until the subscription
    /// is dropped. The callback itself may then still be running elsewhere.
    pub fn subscribe(&self, callback: impl FnMut(&E) + Send + 'static) -> Subscription
    where
        E: Send + Sync + 'static,
    {
        let number = self.shared.add(Subscriber::Callback(Box::new(callback)));
        let shared = Arc::downgrade(&self.shared);
        Subscription {
            end: Some(Box::new(move || remove(&shared, number))),
        }
    }

    /// A stream of every event from now on. It keeps at most `capacity` unread
    /// events; beyond that the oldest are dropped and counted.
    pub fn stream(&self, capacity: NonZeroUsize) -> EventStream<E> {
        let buffer = Arc::new(Buffer::new(capacity));
        let number = self.shared.add(Subscriber::Stream(Arc::clone(&buffer)));
        EventStream::new(buffer, Arc::downgrade(&self.shared), number)
    }

    /// Number of subscribers.
    #[must_use]
    pub fn subscribers(&self) -> usize {
        self.shared.lock().subscribers.len()
    }

    /// How many callbacks were removed because they panicked.
    #[must_use]
    pub fn panicked(&self) -> u64 {
        self.shared.lock().panicked
    }
}

impl<E> Shared<E> {
    /// Nothing panics while it holds the lock, so poison means nothing.
    fn lock(&self) -> MutexGuard<'_, State<E>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, subscriber: Subscriber<E>) -> u64 {
        let mut state = self.lock();
        let number = state.next;
        state.next += 1;
        state.subscribers.insert(number, subscriber);
        number
    }

    fn deliver_all(&self) {
        while let Some(published) = self.next_published() {
            let mut from = Bound::Unbounded;
            while let Some((number, turn)) = self.next_turn(from, published.before) {
                self.run(number, turn, &published.event);
                from = Bound::Excluded(number);
            }
            quietly(|| drop(published));
        }
    }

    fn next_published(&self) -> Option<Published<E>> {
        let mut state = self.lock();
        let published = state.queue.pop_front();
        state.delivering = published.is_some();
        published
    }

    /// The next subscriber in order, taken out of the lock's reach.
    fn next_turn(&self, from: Bound<u64>, before: u64) -> Option<(u64, Subscriber<E>)> {
        let mut state = self.lock();
        let (number, subscriber) = state
            .subscribers
            .range_mut((from, Bound::Unbounded))
            .next()
            .filter(|(number, _)| **number < before)?;
        let turn = match subscriber {
            Subscriber::Stream(buffer) => Subscriber::Stream(Arc::clone(buffer)),
            callback => std::mem::replace(callback, Subscriber::Running),
        };
        Some((*number, turn))
    }

    fn run(&self, number: u64, turn: Subscriber<E>, event: &Arc<E>) {
        match turn {
            Subscriber::Stream(buffer) => quietly(|| buffer.push(Arc::clone(event))),
            Subscriber::Callback(mut callback) => {
                if survives(|| callback(event)) {
                    self.put_back(number, callback);
                } else {
                    self.convict(number);
                    quietly(|| drop(callback));
                }
            }
            Subscriber::Running => {} // there is one delivery at a time
        }
    }

    /// A callback that was unsubscribed while it ran is dropped instead.
    fn put_back(&self, number: u64, callback: Callback<E>) {
        let mut callback = Some(callback);
        if let Some(place) = self.lock().subscribers.get_mut(&number)
            && let Some(callback) = callback.take()
        {
            *place = Subscriber::Callback(callback);
        }
        quietly(|| drop(callback));
    }

    fn convict(&self, number: u64) {
        let mut state = self.lock();
        state.panicked += 1;
        state.subscribers.remove(&number);
    }
}

/// Ends a subscription. What the callback held is dropped outside the lock.
fn remove<E>(shared: &Weak<Shared<E>>, number: u64) {
    let Some(shared) = shared.upgrade() else {
        return;
    };
    let removed = shared.lock().subscribers.remove(&number);
    quietly(|| drop(removed));
}

/// Runs foreign code that must not hurt anybody.
fn quietly(run: impl FnOnce()) {
    survives(run);
}

/// Whether foreign code came to its end without a panic.
fn survives(run: impl FnOnce()) -> bool {
    let Err(panic) = catch_unwind(AssertUnwindSafe(run)) else {
        return true;
    };
    // What a panic carries may panic again when it is dropped.
    if let Err(again) = catch_unwind(AssertUnwindSafe(|| drop(panic))) {
        std::mem::forget(again);
    }
    false
}

impl<E> Drop for Shared<E> {
    fn drop(&mut self) {
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        for (_, subscriber) in std::mem::take(&mut state.subscribers) {
            quietly(|| {
                if let Subscriber::Stream(buffer) = subscriber {
                    buffer.close();
                }
            });
        }
    }
}

impl<E> Clone for Bus<E> {
    /// Another hold on the same bus.
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<E> Default for Bus<E> {
    fn default() -> Self {
        Self::new()
    }
}

impl<E> fmt::Debug for Bus<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.shared.lock();
        f.debug_struct("Bus")
            .field("subscribers", &state.subscribers.len())
            .field("queued", &state.queue.len())
            .field("panicked", &state.panicked)
            .finish_non_exhaustive()
    }
}

impl Subscription {
    /// Keeps the callback subscribed as long as the bus lives.
    pub fn keep(mut self) {
        self.end = None;
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        if let Some(end) = self.end.take() {
            end();
        }
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription").finish_non_exhaustive()
    }
}
