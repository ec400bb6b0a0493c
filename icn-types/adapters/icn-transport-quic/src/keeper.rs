//! Keeps one link to one peer up.
//!
//! Both ends may dial at once, yet one connection is to stay. The end with the
//! lower key is the arbiter: it greets one connection at a time, its own before
//! the other's, and a connection that it does not greet never comes up. The
//! other end greets whatever it has, takes the connection on which the arbiter
//! answers and closes the rest.
//!
//! A connection of the other end that the arbiter does not need is parked. If
//! it is still open after a while, the other end evidently does not see the
//! link that the arbiter sees (it restarted), and the parked one takes over.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures::channel::mpsc;
use futures::future::{Either, select};
use futures::stream::{FuturesUnordered, StreamExt as _};
use icn_types::host::{Inbox, Link};
use icn_types::key::PeerId;
use quinn::{Connection, Endpoint};

use crate::dial::{dial, rest};
use crate::end::LinkEnd;
use crate::link::{Greeted, carry, greet};
use crate::state::{Order, Shared};

/// How long the arbiter parks a connection: some round trips.
const PARKED_FOR: Duration = Duration::from_secs(1);

/// Connections that are greeted at once: one of our dials and one of the
/// peer's; more would only let it fill our memory.
const GREETINGS_MAX: usize = 2;

pub(crate) struct Keeper {
    shared: Arc<Shared>,
    endpoint: Endpoint,
    client: quinn::ClientConfig,
    peer: PeerId,
    work: FuturesUnordered<Work>,
    calling: Calling,
    /// Dials since the last link.
    attempt: u32,
    /// Numbers connections, so that late answers about old ones are told apart.
    numbered: u64,
    greeting: BTreeMap<u64, Connection>,
    parked: Option<(u64, Connection)>,
    current: Option<(u64, Connection)>,
}

type Work = Pin<Box<dyn Future<Output = Done> + Send>>;

#[derive(PartialEq, Eq)]
enum Calling {
    No,
    Resting,
    Dialing,
}

enum Done {
    Rested,
    Dialed(Result<Connection, LinkEnd>),
    Greeted(u64, Result<Greeted, LinkEnd>),
    ParkedLong(u64),
    /// The link goes with it: dropping it reports the peer as down.
    Carried(u64, LinkEnd, Link),
}

impl Keeper {
    pub(crate) fn new(
        shared: Arc<Shared>,
        endpoint: Endpoint,
        client: quinn::ClientConfig,
        peer: PeerId,
    ) -> Self {
        Self {
            shared,
            endpoint,
            client,
            peer,
            work: FuturesUnordered::new(),
            calling: Calling::No,
            attempt: 0,
            numbered: 0,
            greeting: BTreeMap::new(),
            parked: None,
            current: None,
        }
    }

    /// Runs until the transport closes.
    pub(crate) async fn run(mut self, mut orders: mpsc::Receiver<Order>) {
        loop {
            self.seek();
            if self.work.is_empty() {
                let Some(order) = orders.next().await else {
                    return;
                };
                self.obey(order);
                continue;
            }
            // Work first: a peer that dials and dials must not hold it up.
            match select(self.work.next(), orders.next()).await {
                Either::Left((Some(done), _)) => self.note(done),
                Either::Left((None, _)) => {}
                Either::Right((Some(order), _)) => self.obey(order),
                Either::Right((None, _)) => return,
            }
        }
    }

    fn obey(&mut self, order: Order) {
        match order {
            Order::Dialed(connection) if self.shared.is_cut(self.peer) => {
                connection.close(LinkEnd::Disconnected.as_code(), b"");
            }
            Order::Dialed(connection) => self.take(connection),
            Order::Look if self.shared.is_cut(self.peer) => self.cut(),
            Order::Look => {
                // A changed address or permission deserves a dial at once.
                self.attempt = 0;
                if self.calling == Calling::Resting {
                    self.call();
                }
            }
        }
    }

    fn note(&mut self, done: Done) {
        match done {
            Done::Rested if self.calling == Calling::Resting => self.call(),
            Done::Rested => {}
            Done::Dialed(answer) => self.dialed(answer),
            Done::Greeted(number, answer) => self.greeted(number, answer),
            Done::ParkedLong(number) => self.adopt(number),
            Done::Carried(number, end, link) => self.carried(number, end, link),
        }
    }

    /// Sees to it that something is under way while there is no link.
    fn seek(&mut self) {
        if self.current.is_some() || !self.greeting.is_empty() {
            return;
        }
        if self.calling != Calling::Dialing
            && let Some((_, connection)) = self.parked.take()
        {
            self.greet(connection);
            return;
        }
        if self.calling == Calling::No && self.shared.address(self.peer).is_some() {
            let pause = rest(&self.shared.config, self.peer, self.attempt);
            self.calling = Calling::Resting;
            self.work.push(Box::pin(async move {
                smol::Timer::after(pause).await;
                Done::Rested
            }));
        }
    }

    fn call(&mut self) {
        self.calling = Calling::No;
        if self.current.is_some() || !self.greeting.is_empty() {
            return;
        }
        let Some(address) = self.shared.address(self.peer) else {
            return;
        };
        self.calling = Calling::Dialing;
        self.attempt = self.attempt.saturating_add(1);
        let dial = dial(self.endpoint.clone(), self.client.clone(), address);
        self.work
            .push(Box::pin(async move { Done::Dialed(dial.await) }));
    }

    fn dialed(&mut self, answer: Result<Connection, LinkEnd>) {
        self.calling = Calling::No;
        match answer {
            Err(end) => self.shared.ended(self.peer, end),
            Ok(connection) if self.shared.is_cut(self.peer) => {
                connection.close(LinkEnd::Disconnected.as_code(), b"");
            }
            Ok(connection) if self.current.is_some() => {
                connection.close(LinkEnd::Replaced.as_code(), b"");
            }
            Ok(connection) if self.arbiter() && !self.greeting.is_empty() => {
                connection.close(LinkEnd::Replaced.as_code(), b"");
            }
            Ok(connection) => self.greet(connection),
        }
    }

    /// A connection that the peer dialed.
    fn take(&mut self, connection: Connection) {
        if !self.arbiter() {
            self.greet(connection);
            return;
        }
        let number = self.number();
        if let Some((_, earlier)) = self.parked.replace((number, connection)) {
            earlier.close(LinkEnd::Replaced.as_code(), b"");
        }
        self.work.push(Box::pin(async move {
            smol::Timer::after(PARKED_FOR).await;
            Done::ParkedLong(number)
        }));
    }

    /// The parked connection takes over, if the peer still holds it open.
    fn adopt(&mut self, number: u64) {
        let Some((_, connection)) = self.parked.take_if(|(parked, _)| *parked == number) else {
            return;
        };
        if connection.close_reason().is_some() {
            return;
        }
        self.abandon_greetings();
        if let Some((_, current)) = &self.current {
            // Its end is noted when its streams fail.
            current.close(LinkEnd::Replaced.as_code(), b"");
        }
        self.greet(connection);
    }

    fn greet(&mut self, connection: Connection) {
        if self.greeting.len() >= GREETINGS_MAX
            && let Some((_, oldest)) = self.greeting.pop_first()
        {
            oldest.close(LinkEnd::Replaced.as_code(), b"");
        }
        let number = self.number();
        self.greeting.insert(number, connection.clone());
        let max = self.shared.config.frame_len_max;
        self.work.push(Box::pin(async move {
            let answer = greet(&connection, max).await;
            if let Err(end) = answer {
                connection.close(end.as_code(), b"");
            }
            Done::Greeted(number, answer)
        }));
    }

    fn greeted(&mut self, number: u64, answer: Result<Greeted, LinkEnd>) {
        // One that was abandoned meanwhile is not in the list any more.
        let Some(connection) = self.greeting.remove(&number) else {
            return;
        };
        match answer {
            Err(end) => self.shared.ended(self.peer, end),
            Ok(streams) => self.up(number, connection, streams),
        }
    }

    fn up(&mut self, number: u64, connection: Connection, streams: Greeted) {
        self.attempt = 0;
        self.abandon_greetings();
        if let Some((_, earlier)) = self.current.replace((number, connection.clone())) {
            earlier.close(LinkEnd::Replaced.as_code(), b"");
        }
        let config = &self.shared.config;
        let max = config.frame_len_max;
        let bytes_max = config.queue_bytes.max(max);
        let queue = Arc::new(Inbox::new(config.queue_frames, bytes_max));
        // Sending works before `Up` is seen.
        self.shared
            .up(self.peer, queue.open(self.peer), streams.frame_len_max);
        let link = self.shared.inbox.open(self.peer);
        let shared = Arc::clone(&self.shared);
        self.work.push(Box::pin(async move {
            let end = carry(streams, queue, &link, max).await;
            // A transport that closes drops its links, often before its endpoint
            // has told the peer why.
            let end = if shared.is_closed() {
                LinkEnd::Closed
            } else {
                end
            };
            connection.close(end.as_code(), b"");
            Done::Carried(number, end, link)
        }));
    }

    fn carried(&mut self, number: u64, end: LinkEnd, link: Link) {
        if self.current.take_if(|(up, _)| *up == number).is_none() {
            return;
        }
        // A link that was just lost is dialed again after a first rest.
        self.attempt = 1;
        let end = if self.shared.is_cut(self.peer) {
            LinkEnd::Disconnected
        } else {
            end
        };
        self.shared.ended(self.peer, end);
        // Sending stops before `Down` is seen.
        self.shared.down(self.peer);
        drop(link);
    }

    /// The host wants no link to this peer.
    fn cut(&mut self) {
        let parked = self.parked.take().map(|(_, connection)| connection);
        let greeting = std::mem::take(&mut self.greeting).into_values();
        let current = self.current.as_ref().map(|(_, connection)| connection);
        greeting
            .chain(parked)
            .chain(current.cloned())
            .for_each(|connection| connection.close(LinkEnd::Disconnected.as_code(), b""));
    }

    fn abandon_greetings(&mut self) {
        for connection in std::mem::take(&mut self.greeting).into_values() {
            connection.close(LinkEnd::Replaced.as_code(), b"");
        }
    }

    fn arbiter(&self) -> bool {
        self.shared.local < self.peer
    }

    fn number(&mut self) -> u64 {
        self.numbered += 1;
        self.numbered
    }
}
