use std::collections::BTreeSet;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use icn_types::error::{Coded, Fault};
use icn_types::key::{PeerId, Signer};

/// A signer that the transport's tasks share.
pub(crate) type HostSigner = Arc<dyn Signer + Send + Sync>;

/// Longest frame in bytes: several of the longest records at once.
const FRAME_LEN_MAX: usize = 256 * 1024;
/// Above this a length-prefixed frame no longer suits a bounded memory.
const FRAME_LEN_LIMIT: usize = 16 * 1024 * 1024;
/// Queue per peer and direction, in frames and bytes: what a gossip peer may
/// keep waiting.
const QUEUE_FRAMES: usize = 256;
const QUEUE_BYTES: usize = 1024 * 1024;
/// A silent link counts as lost after this long; keep-alives come three times
/// as often.
const IDLE_TIMEOUT: Duration = Duration::from_secs(10);
/// Rest before the second dial, doubled before each further one.
const REST_MIN: Duration = Duration::from_millis(50);
/// Longest rest between two dials.
const REST_MAX: Duration = Duration::from_secs(30);

/// Who this end is, whom it talks to, and its limits.
#[derive(Clone)]
pub struct QuicConfig {
    pub(crate) signer: HostSigner,
    pub(crate) local: SocketAddr,
    pub(crate) peers: BTreeSet<PeerId>,
    pub(crate) seed: [u8; 32],
    pub(crate) frame_len_max: usize,
    pub(crate) queue_frames: usize,
    pub(crate) queue_bytes: usize,
    pub(crate) idle_timeout: Duration,
    pub(crate) rest_min: Duration,
    pub(crate) rest_max: Duration,
}

impl QuicConfig {
    /// Listens on `local` as the peer of `signer`'s key and talks to `peers`
    /// only. `seed` spreads the dials of many nodes over time; it is no secret
    /// but should differ between them.
    ///
    /// The signer is asked once per handshake, on a thread of the executor.
    pub fn new(
        signer: impl Signer + Send + Sync + 'static,
        local: SocketAddr,
        peers: impl IntoIterator<Item = PeerId>,
        seed: [u8; 32],
    ) -> Self {
        Self {
            signer: Arc::new(signer),
            local,
            peers: peers.into_iter().collect(),
            seed,
            frame_len_max: FRAME_LEN_MAX,
            queue_frames: QUEUE_FRAMES,
            queue_bytes: QUEUE_BYTES,
            idle_timeout: IDLE_TIMEOUT,
            rest_min: REST_MIN,
            rest_max: REST_MAX,
        }
    }

    /// Longest frame in bytes, at most 16 MiB; 256 KiB unless set. Longer ones
    /// from a peer end its link before anything is allocated.
    #[must_use]
    pub fn with_frame_len_max(mut self, bytes: usize) -> Self {
        self.frame_len_max = bytes.min(FRAME_LEN_LIMIT);
        self
    }

    /// Queue per peer and direction; 256 frames and 1 MiB unless set. One frame
    /// always fits. As many bytes again may be on their way in each direction,
    /// so a peer costs four times `bytes` at most.
    #[must_use]
    pub const fn with_queue(mut self, frames: usize, bytes: usize) -> Self {
        self.queue_frames = frames;
        self.queue_bytes = bytes;
        self
    }

    /// How long a silent link counts as up, at least 100 ms; 10 s unless set.
    #[must_use]
    pub fn with_idle_timeout(mut self, timeout: Duration) -> Self {
        self.idle_timeout = timeout.max(Duration::from_millis(100));
        self
    }

    /// Rests between dials grow from `min` (at least 1 ms) to `max`; 50 ms to
    /// 30 s unless set.
    #[must_use]
    pub fn with_rest(mut self, min: Duration, max: Duration) -> Self {
        self.rest_min = min.max(Duration::from_millis(1));
        self.rest_max = max.max(self.rest_min);
        self
    }
}

impl fmt::Debug for QuicConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QuicConfig")
            .field("key", &self.signer.public_key())
            .field("local", &self.local)
            .field("peers", &self.peers)
            .field("frame_len_max", &self.frame_len_max)
            .finish_non_exhaustive()
    }
}

/// Why a transport could not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BindError {
    /// The socket could not be opened.
    #[error("socket {local} cannot be opened")]
    Socket {
        /// The address that was asked for.
        local: SocketAddr,
        /// What the system says.
        source: std::io::Error,
    },
    /// The cryptography refuses the settings.
    #[error("handshake cannot be set up")]
    Tls {
        /// What the library says.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl Coded for BindError {
    fn code(&self) -> &'static str {
        match self {
            Self::Socket { .. } => "transport.quic.socket",
            Self::Tls { .. } => "transport.quic.tls",
        }
    }

    fn fault(&self) -> Fault {
        Fault::Environment
    }
}
