//! What the transport and its tasks share.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::channel::mpsc;
use icn_types::host::{Frame, Inbox, Link, TransportError};
use icn_types::key::PeerId;
use quinn::Connection;

use crate::config::QuicConfig;
use crate::end::LinkEnd;

pub(crate) struct Shared {
    pub(crate) local: PeerId,
    pub(crate) config: QuicConfig,
    pub(crate) inbox: Arc<Inbox>,
    state: Mutex<State>,
}

struct State {
    closed: bool,
    peers: BTreeMap<PeerId, Entry>,
}

struct Entry {
    address: Option<SocketAddr>,
    cut: bool,
    up: Option<Up>,
    last_end: Option<LinkEnd>,
    orders: mpsc::Sender<Order>,
}

/// The sending side of a link that is up.
struct Up {
    link: Arc<Link>,
    frame_len_max: usize,
}

/// What wakes the keeper of a peer.
pub(crate) enum Order {
    /// The peer dialed us.
    Dialed(Connection),
    /// Address or permission changed.
    Look,
}

impl Shared {
    pub(crate) fn new(
        local: PeerId,
        config: QuicConfig,
        orders: BTreeMap<PeerId, mpsc::Sender<Order>>,
    ) -> Self {
        let bytes_max = config.queue_bytes.max(config.frame_len_max);
        let entry = |orders| Entry {
            address: None,
            cut: false,
            up: None,
            last_end: None,
            orders,
        };
        Self {
            local,
            inbox: Arc::new(Inbox::new(config.queue_frames, bytes_max)),
            config,
            state: Mutex::new(State {
                closed: false,
                peers: orders
                    .into_iter()
                    .map(|(peer, orders)| (peer, entry(orders)))
                    .collect(),
            }),
        }
    }

    pub(crate) fn send(&self, to: PeerId, frame: Frame) -> Result<(), TransportError> {
        let len = frame.len();
        let (link, theirs) = {
            let state = self.state();
            if state.closed {
                return Err(TransportError::Closed);
            }
            let entry = state.peers.get(&to);
            let entry = entry.ok_or(TransportError::UnknownPeer(to))?;
            fits(len, self.config.frame_len_max)?;
            let up = entry.up.as_ref().ok_or(TransportError::NotConnected(to))?;
            (Arc::clone(&up.link), up.frame_len_max)
        };
        fits(len, theirs)?;
        link.offer(frame)
    }

    /// Where to dial a peer, if it may be dialed.
    pub(crate) fn address(&self, peer: PeerId) -> Option<SocketAddr> {
        let state = self.state();
        let entry = state.peers.get(&peer)?;
        entry.address.filter(|_| !entry.cut)
    }

    pub(crate) fn is_cut(&self, peer: PeerId) -> bool {
        self.state().peers.get(&peer).is_none_or(|entry| entry.cut)
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.state().closed
    }

    pub(crate) fn last_end(&self, peer: PeerId) -> Option<LinkEnd> {
        self.state().peers.get(&peer)?.last_end
    }

    pub(crate) fn set_address(
        &self,
        peer: PeerId,
        address: SocketAddr,
    ) -> Result<(), TransportError> {
        self.change(peer, |entry| entry.address = Some(address))
    }

    pub(crate) fn set_cut(&self, peer: PeerId, cut: bool) -> Result<(), TransportError> {
        self.change(peer, |entry| entry.cut = cut)
    }

    /// Sending is possible from here on.
    pub(crate) fn up(&self, peer: PeerId, link: Link, frame_len_max: usize) {
        let link = Arc::new(link);
        let earlier = self.with_entry(peer, |entry| {
            entry.up.replace(Up {
                link,
                frame_len_max,
            })
        });
        drop(earlier);
    }

    pub(crate) fn down(&self, peer: PeerId) {
        let earlier = self.with_entry(peer, |entry| entry.up.take());
        drop(earlier);
    }

    pub(crate) fn ended(&self, peer: PeerId, end: LinkEnd) {
        self.with_entry(peer, |entry| entry.last_end = Some(end));
    }

    /// Gives a connection of a proven peer to its keeper.
    pub(crate) fn dialed(&self, peer: PeerId, connection: Connection) {
        let order = Order::Dialed(connection);
        let refused = self.with_entry(peer, |entry| entry.orders.try_send(order).err());
        if let Some(Order::Dialed(connection)) = refused.flatten().map(|full| full.into_inner()) {
            connection.close(LinkEnd::Replaced.as_code(), b"");
        }
    }

    pub(crate) fn close(&self) {
        let mut state = self.state();
        state.closed = true;
        let peers = std::mem::take(&mut state.peers);
        drop(state);
        drop(peers);
        self.inbox.close();
    }

    fn change(&self, peer: PeerId, change: impl FnOnce(&mut Entry)) -> Result<(), TransportError> {
        if self.state().closed {
            return Err(TransportError::Closed);
        }
        self.with_entry(peer, |entry| {
            change(entry);
            // A full queue wakes the keeper just as well.
            let _ = entry.orders.try_send(Order::Look);
        })
        .ok_or(TransportError::UnknownPeer(peer))
    }

    fn with_entry<R>(&self, peer: PeerId, change: impl FnOnce(&mut Entry) -> R) -> Option<R> {
        self.state().peers.get_mut(&peer).map(change)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn fits(len: usize, max: usize) -> Result<(), TransportError> {
    if len > max {
        return Err(TransportError::TooLong { len, max });
    }
    Ok(())
}
