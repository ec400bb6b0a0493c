//! A network inside one process, for tests, simulations and single-host nodes.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;

use crate::key::PeerId;

use super::inbox::{Inbox, Link, Woken};
use super::transport::{Frame, Incoming, Transport, TransportError};

/// Longest frame in bytes, unless [`LocalNetwork::with_limits`] says another.
/// As long as that of the QUIC adapter, so that tests meet the same limit.
const FRAME_LEN_MAX: usize = 256 * 1024;
/// Unread frames per link, as many as a gossip send queue holds per peer.
const FRAMES_MAX: usize = 256;

/// A hub of [`LocalTransport`]s. Clones are handles to the same hub.
///
/// Every two transports are linked from the moment both have joined, until one
/// leaves or the link is cut. Nothing runs in the background: sending puts the
/// frame into the receiver's queue, so equal calls give equal runs.
///
/// ```
/// use icn_types::host::{Frame, Incoming, LocalNetwork, Transport as _};
/// use icn_types::key::{Keypair, PeerId, Signer as _};
///
/// let [ann, bob] = [1, 2].map(|n| PeerId::new(Keypair::from_seed(&[n; 32]).public_key()));
/// let network = LocalNetwork::new();
/// let (at_ann, at_bob) = (network.join(ann), network.join(bob));
///
/// futures::executor::block_on(async {
///     at_ann.send(bob, Frame::new(b"hello")).await?;
///     assert_eq!(at_bob.recv().await?, Incoming::Up(ann));
///     let frame = Frame::new(b"hello");
///     assert_eq!(at_bob.recv().await?, Incoming::Frame { from: ann, frame });
///
///     network.disconnect(ann, bob);
///     assert_eq!(at_bob.recv().await?, Incoming::Down(ann));
///     # Ok::<(), icn_types::host::TransportError>(())
/// })?;
/// # Ok::<(), icn_types::host::TransportError>(())
/// ```
#[derive(Clone)]
pub struct LocalNetwork {
    hub: Arc<Mutex<Hub>>,
    frame_len_max: usize,
    frames_max: usize,
}

impl LocalNetwork {
    /// A hub for frames of up to 256 KiB, 256 of them unread per link.
    #[must_use]
    pub fn new() -> Self {
        Self::with_limits(FRAME_LEN_MAX, FRAMES_MAX)
    }

    /// A hub for frames of up to `frame_len_max` bytes, `frames_max` of them
    /// unread per link (at least one).
    #[must_use]
    pub fn with_limits(frame_len_max: usize, frames_max: usize) -> Self {
        Self {
            hub: Arc::new(Mutex::new(Hub::default())),
            frame_len_max,
            frames_max,
        }
    }

    /// Joins as `peer`, linked with everybody who is there. A transport that
    /// joined as the same peer before is closed, as after a restart.
    #[must_use = "dropping a transport leaves the network"]
    pub fn join(&self, peer: PeerId) -> LocalTransport {
        let bytes_max = self.frames_max.saturating_mul(self.frame_len_max);
        let inbox = Arc::new(Inbox::new(self.frames_max, bytes_max));
        let mut hub = self.hub();
        let earlier = hub.leave(peer, None);
        hub.ends.insert(peer, Some(Arc::clone(&inbox)));
        let others: Vec<PeerId> = hub.ends.keys().copied().collect();
        let woken: Vec<_> = others
            .into_iter()
            .filter_map(|other| hub.connect(peer, other))
            .collect();
        drop(hub);
        drop((earlier, woken));
        LocalTransport {
            network: self.clone(),
            peer,
            inbox,
        }
    }

    /// Cuts the link between two peers until [`reconnect`](Self::reconnect).
    /// What the other end has not read yet of an already reported link stays
    /// readable before its `Down`.
    pub fn disconnect(&self, a: PeerId, b: PeerId) {
        let mut hub = self.hub();
        hub.cuts.insert(pair(a, b));
        let ended = [hub.links.remove(&(a, b)), hub.links.remove(&(b, a))];
        drop(hub);
        ended.iter().flatten().for_each(|link| link.end());
    }

    /// Heals a cut; the link is up at once when both are there.
    pub fn reconnect(&self, a: PeerId, b: PeerId) {
        let mut hub = self.hub();
        hub.cuts.remove(&pair(a, b));
        let woken = hub.connect(a, b);
        drop(hub);
        drop(woken);
    }

    /// The state. What wakes others is dropped only after its lock, since a
    /// waker may run or drop anything.
    fn hub(&self) -> std::sync::MutexGuard<'_, Hub> {
        self.hub.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for LocalNetwork {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for LocalNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hub = self.hub();
        f.debug_struct("LocalNetwork")
            .field("ends", &hub.ends.keys())
            .field("cuts", &hub.cuts)
            .finish()
    }
}

/// One peer's end of a [`LocalNetwork`]. Dropping it leaves the network.
#[derive(Debug)]
pub struct LocalTransport {
    network: LocalNetwork,
    peer: PeerId,
    inbox: Arc<Inbox>,
}

impl LocalTransport {
    /// Leaves the network: peers see `Down`, pending and later calls here end
    /// with [`TransportError::Closed`].
    pub fn close(&self) {
        let mut hub = self.network.hub();
        let left = hub.leave(self.peer, Some(&self.inbox));
        drop(hub);
        drop(left);
    }

    fn offer(&self, to: PeerId, frame: Frame) -> Result<(), TransportError> {
        let max = self.network.frame_len_max;
        if frame.len() > max {
            let len = frame.len();
            return Err(TransportError::TooLong { len, max });
        }
        let link = self.network.hub().link(&self.inbox, self.peer, to)?;
        link.offer(frame).map_err(|error| match error {
            TransportError::Busy(_) => TransportError::Busy(to),
            _ => TransportError::NotConnected(to),
        })
    }
}

#[cfg_attr(not(target_family = "wasm"), async_trait)]
#[cfg_attr(target_family = "wasm", async_trait(?Send))]
impl Transport for LocalTransport {
    fn local_peer(&self) -> PeerId {
        self.peer
    }

    fn max_frame_len(&self) -> usize {
        self.network.frame_len_max
    }

    async fn send(&self, to: PeerId, frame: Frame) -> Result<(), TransportError> {
        self.offer(to, frame)
    }

    async fn recv(&self) -> Result<Incoming, TransportError> {
        self.inbox.recv().await
    }
}

impl Drop for LocalTransport {
    fn drop(&mut self) {
        self.close();
    }
}

#[derive(Default)]
struct Hub {
    /// Everybody who ever joined; `None` after leaving.
    ends: BTreeMap<PeerId, Option<Arc<Inbox>>>,
    /// Open links by (receiver, sender).
    links: BTreeMap<(PeerId, PeerId), Arc<Link>>,
    cuts: BTreeSet<(PeerId, PeerId)>,
}

impl Hub {
    /// Links two peers that are both there, not cut and not linked.
    fn connect(&mut self, a: PeerId, b: PeerId) -> Option<[Woken; 2]> {
        if a == b || self.cuts.contains(&pair(a, b)) || self.links.contains_key(&(a, b)) {
            return None;
        }
        let inbox = |peer| self.ends.get(&peer).cloned().flatten();
        let (at_a, at_b) = (inbox(a)?, inbox(b)?);
        let (from_b, woken_a) = at_a.open_quietly(b);
        let (from_a, woken_b) = at_b.open_quietly(a);
        self.links.insert((a, b), Arc::new(from_b));
        self.links.insert((b, a), Arc::new(from_a));
        Some([woken_a, woken_b])
    }

    fn is_end(&self, peer: PeerId, inbox: &Arc<Inbox>) -> bool {
        let end = self.ends.get(&peer).and_then(Option::as_ref);
        end.is_some_and(|end| Arc::ptr_eq(end, inbox))
    }

    /// The link on which `from`, if it still is this end, reaches `to`.
    fn link(
        &self,
        inbox: &Arc<Inbox>,
        from: PeerId,
        to: PeerId,
    ) -> Result<Arc<Link>, TransportError> {
        if !self.is_end(from, inbox) {
            return Err(TransportError::Closed);
        }
        if from == to || !self.ends.contains_key(&to) {
            return Err(TransportError::UnknownPeer(to));
        }
        let link = self.links.get(&(to, from));
        link.cloned().ok_or(TransportError::NotConnected(to))
    }

    /// Takes a peer out, if `only` is its inbox; returns what ends with it.
    fn leave(&mut self, peer: PeerId, only: Option<&Arc<Inbox>>) -> Left {
        if only.is_some_and(|inbox| !self.is_end(peer, inbox)) {
            return Left::default();
        }
        let mut left = Left {
            inbox: self.ends.get_mut(&peer).and_then(Option::take),
            links: Vec::new(),
        };
        self.links.retain(|(to, from), link| {
            let stays = *to != peer && *from != peer;
            if !stays {
                left.links.push(Arc::clone(link));
            }
            stays
        });
        left
    }
}

/// What ends when a peer leaves: closed on drop, outside the hub's lock.
#[derive(Default)]
struct Left {
    inbox: Option<Arc<Inbox>>,
    links: Vec<Arc<Link>>,
}

impl Drop for Left {
    fn drop(&mut self) {
        self.links.iter().for_each(|link| link.end());
        if let Some(inbox) = &self.inbox {
            inbox.close();
        }
    }
}

fn pair(a: PeerId, b: PeerId) -> (PeerId, PeerId) {
    (a.min(b), a.max(b))
}
