use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use async_trait::async_trait;
use futures::channel::mpsc;
use futures::future::{Either, select};
use futures::stream::{FuturesUnordered, StreamExt as _};
use icn_types::host::{Frame, Incoming, Transport, TransportError};
use icn_types::key::PeerId;
use quinn::{AsyncUdpSocket, Endpoint, EndpointConfig, Runtime as _, SmolRuntime, VarInt};

use crate::config::{BindError, QuicConfig};
use crate::end::LinkEnd;
use crate::keeper::Keeper;
use crate::link::in_time;
use crate::state::Shared;
use crate::tls::{Identity, proven};

/// Handshakes of dialing peers that run at once; more are refused.
const HANDSHAKES_MAX: usize = 64;
/// From here on a dialing peer must first prove its address.
const HANDSHAKES_UNPROVEN: usize = 16;
/// Connections that may wait for a peer's keeper; they are taken at once.
const ORDERS_MAX: usize = 16;
/// How often `close` looks whether the socket is gone.
const LOOK: Duration = Duration::from_millis(1);

/// Starts a transport. Needs no runtime: its tasks run on smol's executor.
///
/// # Errors
/// - [`BindError::Socket`]: the address is taken or not ours.
/// - [`BindError::Tls`]: the cryptography refuses the settings.
pub fn bind(config: QuicConfig) -> Result<QuicTransport, BindError> {
    let local = PeerId::new(config.signer.public_key());
    let mut peers = config.peers.clone();
    peers.remove(&local);
    let identity = Identity::new(Arc::clone(&config.signer));
    let limits = Arc::new(limits(&config));

    let mut server = quinn::ServerConfig::with_crypto(Arc::new(identity.server(peers.clone())?));
    server.transport_config(Arc::clone(&limits));
    let (endpoint, socket) = open(config.local, server).map_err(|source| BindError::Socket {
        local: config.local,
        source,
    })?;

    let mut clients = Vec::new();
    let mut orders = BTreeMap::new();
    for peer in peers {
        let mut client = quinn::ClientConfig::new(Arc::new(identity.client(peer)?));
        client.transport_config(Arc::clone(&limits));
        let (sender, receiver) = mpsc::channel(ORDERS_MAX);
        orders.insert(peer, sender);
        clients.push((peer, client, receiver));
    }
    let shared = Arc::new(Shared::new(local, config, orders));
    let mut tasks = vec![smol::spawn(accept(endpoint.clone(), Arc::clone(&shared)))];
    tasks.extend(clients.into_iter().map(|(peer, client, receiver)| {
        let keeper = Keeper::new(Arc::clone(&shared), endpoint.clone(), client, peer);
        smol::spawn(keeper.run(receiver))
    }));
    Ok(QuicTransport {
        shared,
        socket,
        running: Mutex::new(Some(Running { endpoint, tasks })),
    })
}

/// Frames over QUIC, one connection per peer, both ends known by their keys.
///
/// Dropping it closes every link and frees the port soon after;
/// [`close`](Self::close) waits until it is free.
pub struct QuicTransport {
    shared: Arc<Shared>,
    socket: Weak<dyn AsyncUdpSocket>,
    running: Mutex<Option<Running>>,
}

struct Running {
    endpoint: Endpoint,
    tasks: Vec<smol::Task<()>>,
}

impl QuicTransport {
    /// The address that this end listens on.
    ///
    /// # Errors
    /// [`TransportError::Closed`] once closed.
    pub fn local_addr(&self) -> Result<SocketAddr, TransportError> {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let running = running.as_ref().ok_or(TransportError::Closed)?;
        running
            .endpoint
            .local_addr()
            .map_err(|_| TransportError::Closed)
    }

    /// Says where a peer of the allow-list can be dialed; replaces an earlier
    /// address. One end of a pair suffices.
    ///
    /// # Errors
    /// - [`TransportError::UnknownPeer`]: the peer is not in the allow-list.
    /// - [`TransportError::Closed`]: this transport has ended.
    pub fn add_peer(&self, peer: PeerId, address: SocketAddr) -> Result<(), TransportError> {
        self.shared.set_address(peer, address)
    }

    /// Ends the link to a peer and refuses new ones until
    /// [`reconnect`](Self::reconnect).
    ///
    /// # Errors
    /// As [`add_peer`](Self::add_peer).
    pub fn disconnect(&self, peer: PeerId) -> Result<(), TransportError> {
        self.shared.set_cut(peer, true)
    }

    /// Lets a disconnected peer come back.
    ///
    /// # Errors
    /// As [`add_peer`](Self::add_peer).
    pub fn reconnect(&self, peer: PeerId) -> Result<(), TransportError> {
        self.shared.set_cut(peer, false)
    }

    /// Why the last link to a peer ended or the last dial failed; nothing while
    /// neither happened.
    #[must_use]
    pub fn last_end(&self, peer: PeerId) -> Option<LinkEnd> {
        self.shared.last_end(peer)
    }

    /// Closes every link, tells the peers, and waits until the port is free.
    /// Dropping the call leaves that to the background.
    pub async fn close(&self) {
        let Some(Running { endpoint, tasks }) = self.stop() else {
            return;
        };
        for task in tasks {
            task.cancel().await;
        }
        endpoint.wait_idle().await;
        drop(endpoint);
        while self.socket.strong_count() > 0 {
            smol::Timer::after(LOOK).await;
        }
    }

    /// The first half of closing, which takes no time.
    fn stop(&self) -> Option<Running> {
        let running = self
            .running
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        // First, so that peers hear of it before streams break off.
        if let Some(Running { endpoint, .. }) = &running {
            endpoint.close(LinkEnd::Closed.as_code(), b"");
        }
        self.shared.close();
        running
    }
}

impl Drop for QuicTransport {
    fn drop(&mut self) {
        drop(self.stop());
    }
}

impl fmt::Debug for QuicTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QuicTransport")
            .field("peer", &self.shared.local)
            .field("address", &self.local_addr().ok())
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl Transport for QuicTransport {
    fn local_peer(&self) -> PeerId {
        self.shared.local
    }

    fn max_frame_len(&self) -> usize {
        self.shared.config.frame_len_max
    }

    async fn send(&self, to: PeerId, frame: Frame) -> Result<(), TransportError> {
        self.shared.send(to, frame)
    }

    async fn recv(&self) -> Result<Incoming, TransportError> {
        self.shared.inbox.recv().await
    }
}

/// One stream each way and nothing else; as much unread as one queue holds.
fn limits(config: &QuicConfig) -> quinn::TransportConfig {
    let window = config.queue_bytes.max(config.frame_len_max);
    let window = VarInt::from_u32(u32::try_from(window).unwrap_or(u32::MAX));
    let mut limits = quinn::TransportConfig::default();
    limits
        .max_concurrent_uni_streams(VarInt::from_u32(1))
        .max_concurrent_bidi_streams(VarInt::from_u32(0))
        .datagram_receive_buffer_size(None)
        .stream_receive_window(window)
        .receive_window(window)
        .send_window(window.into_inner())
        .keep_alive_interval(Some(config.idle_timeout / 3))
        .max_idle_timeout(config.idle_timeout.try_into().ok());
    limits
}

fn open(
    local: SocketAddr,
    server: quinn::ServerConfig,
) -> io::Result<(Endpoint, Weak<dyn AsyncUdpSocket>)> {
    let runtime = Arc::new(SmolRuntime);
    let socket = runtime.wrap_udp_socket(UdpSocket::bind(local)?)?;
    let weak = Arc::downgrade(&socket);
    let endpoint = Endpoint::new_with_abstract_socket(
        EndpointConfig::default(),
        Some(server),
        socket,
        runtime,
    )?;
    Ok((endpoint, weak))
}

/// Takes connections and hands those of proven peers to their keepers.
async fn accept(endpoint: Endpoint, shared: Arc<Shared>) {
    let mut handshakes = FuturesUnordered::new();
    loop {
        let incoming = if handshakes.is_empty() {
            endpoint.accept().await
        } else {
            // Handshakes first: a flood of dials must not keep them waiting.
            match select(handshakes.next(), pin!(endpoint.accept())).await {
                Either::Left(_) => continue,
                Either::Right((incoming, _)) => incoming,
            }
        };
        let Some(incoming) = incoming else {
            return;
        };
        if handshakes.len() >= HANDSHAKES_MAX {
            incoming.refuse();
        } else if handshakes.len() >= HANDSHAKES_UNPROVEN && incoming.may_retry() {
            // Cannot fail: it may be retried.
            let _ = incoming.retry();
        } else {
            handshakes.push(shake(incoming, &shared));
        }
    }
}

async fn shake(incoming: quinn::Incoming, shared: &Shared) {
    let connection = in_time(async { Ok(incoming.accept()?.await?) }).await;
    let Ok(connection) = connection else {
        // A stranger; nobody here waits for it.
        return;
    };
    match proven(&connection) {
        Some(peer) => shared.dialed(peer, connection),
        None => connection.close(LinkEnd::Refused.as_code(), b""),
    }
}
