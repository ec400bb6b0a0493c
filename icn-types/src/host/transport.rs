//! The network port: frames between peers that know each other's keys.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::ops::Deref;

use async_trait::async_trait;

use crate::error::{Coded, Fault};
use crate::key::PeerId;

use super::send::{MaybeSend, MaybeSync};

/// Carries frames to and from authenticated peers.
///
/// A *link* to a peer is up or down. The laws, one function each in
/// `testkit::transport`:
///
/// 1. **Up first.** A link is up once each end has received a frame of the
///    other, a greeting of the transport's own; a finished dial alone proves
///    nothing. For each peer `recv` reports [`Up`](Incoming::Up), then frames,
///    then [`Down`](Incoming::Down), then `Up` again; no frame stands outside.
/// 2. **One for one.** Frames are neither merged nor split, neither invented
///    nor repeated.
/// 3. **Unchanged.** A frame arrives with exactly the bytes that were sent,
///    any byte values, an empty one too.
/// 4. **Addressed.** A frame arrives at the peer it was sent to and nowhere
///    else.
/// 5. **Named.** A frame carries the peer that sent it, proved by its key.
/// 6. **In order.** Frames of one link arrive in the order in which they were
///    accepted.
/// 7. **Up to the limit.** A frame of [`max_frame_len`](Self::max_frame_len)
///    bytes arrives; a longer one is refused with
///    [`TooLong`](TransportError::TooLong) and nothing of it arrives.
/// 8. **Known peers only.** A peer that this transport was never told of, or
///    itself, is refused with [`UnknownPeer`](TransportError::UnknownPeer).
/// 9. **Cancel-safe.** Dropping a pending `recv` loses nothing.
/// 10. **Bounded.** When the other end does not read, `send` refuses with
///     [`Busy`](TransportError::Busy) in the end; what was accepted before
///     still arrives, and sending works again once it is read.
/// 11. **Cut.** When a link is lost, both ends report `Down`; until the next
///     `Up`, `send` refuses with
///     [`NotConnected`](TransportError::NotConnected). A healed link reports
///     `Up` and carries frames.
/// 12. **Closed.** Closing wakes a pending `recv`, which ends with
///     [`Closed`](TransportError::Closed), as does every later call; peers see
///     `Down`.
///
/// Accepted is not delivered: what was accepted before a cut may be lost, from
/// some point on and without a hole before it. Several concurrent `recv` calls
/// are allowed; each event goes to one of them.
#[cfg_attr(not(target_family = "wasm"), async_trait)]
#[cfg_attr(target_family = "wasm", async_trait(?Send))]
pub trait Transport: MaybeSend + MaybeSync {
    /// The peer that this end proves to be.
    fn local_peer(&self) -> PeerId;

    /// Longest frame in bytes that `send` accepts, fixed for the lifetime.
    fn max_frame_len(&self) -> usize;

    /// Hands a frame over for sending. `Ok` means accepted, not delivered.
    ///
    /// Never waits for the network; a full queue is an error, so that a slow
    /// peer does not hold the caller up.
    ///
    /// # Errors
    /// - [`TooLong`](TransportError::TooLong): split it; the limit is fixed.
    /// - [`UnknownPeer`](TransportError::UnknownPeer): no link can exist.
    /// - [`NotConnected`](TransportError::NotConnected): wait for `Up`.
    /// - [`Busy`](TransportError::Busy): drop the frame or try later.
    /// - [`Closed`](TransportError::Closed): this transport has ended.
    async fn send(&self, to: PeerId, frame: Frame) -> Result<(), TransportError>;

    /// Waits for the next event. Cancel-safe.
    ///
    /// # Errors
    /// [`Closed`](TransportError::Closed) once this transport has ended.
    async fn recv(&self) -> Result<Incoming, TransportError>;
}

/// What a transport reports.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a closed set: a new event would break law 1 for those who skip it"
)]
pub enum Incoming {
    /// The link to this peer is up; both ends have heard each other.
    Up(PeerId),
    /// The link to this peer is lost; accepted frames may be lost with it.
    Down(PeerId),
    /// One whole frame.
    Frame {
        /// The peer that sent it.
        from: PeerId,
        /// The bytes as they were sent.
        frame: Frame,
    },
}

impl Incoming {
    /// The peer that the event is about.
    #[must_use]
    pub const fn peer(&self) -> PeerId {
        match self {
            Self::Up(peer) | Self::Down(peer) | Self::Frame { from: peer, .. } => *peer,
        }
    }
}

/// Bytes that travel as one piece. Cloning shares them.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Frame(Arc<[u8]>);

impl Frame {
    /// A frame of exactly these bytes; copies them once.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Self {
        Self(Arc::from(bytes))
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl From<Vec<u8>> for Frame {
    fn from(bytes: Vec<u8>) -> Self {
        Self(Arc::from(bytes))
    }
}

impl AsRef<[u8]> for Frame {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Deref for Frame {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Frame {
    /// The length and the first bytes; a frame may be long.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self.0.get(..8).unwrap_or(&self.0);
        write!(f, "Frame({} B, {})", self.0.len(), crate::id::Hex(shown))
    }
}

/// Why a transport did not do what was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TransportError {
    /// The peer was never made known to this transport, or is itself.
    #[error("peer {0} is not known to this transport")]
    UnknownPeer(PeerId),
    /// The peer is known but its link is down.
    #[error("no link to peer {0} is up")]
    NotConnected(PeerId),
    /// The frame is longer than the transport carries.
    #[error("frame of {len} bytes is longer than {max}")]
    TooLong {
        /// Length of the frame in bytes.
        len: usize,
        /// Longest frame in bytes.
        max: usize,
    },
    /// The queue to this peer is full.
    #[error("queue to peer {0} is full")]
    Busy(PeerId),
    /// This transport was closed.
    #[error("transport is closed")]
    Closed,
}

impl TransportError {
    /// Whether the same call may succeed later without anybody changing it.
    #[must_use]
    pub const fn is_retryable(self) -> bool {
        matches!(self, Self::NotConnected(_) | Self::Busy(_))
    }
}

impl Coded for TransportError {
    fn code(&self) -> &'static str {
        match self {
            Self::UnknownPeer(_) => "transport.unknown_peer",
            Self::NotConnected(_) => "transport.not_connected",
            Self::TooLong { .. } => "transport.too_long",
            Self::Busy(_) => "transport.busy",
            Self::Closed => "transport.closed",
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::UnknownPeer(_) | Self::TooLong { .. } | Self::Closed => Fault::Caller,
            Self::NotConnected(_) | Self::Busy(_) => Fault::Environment,
        }
    }
}

/// Forwards the port through a pointer.
macro_rules! forward {
    ($($pointer:ty),*) => {$(
        #[cfg_attr(not(target_family = "wasm"), async_trait)]
        #[cfg_attr(target_family = "wasm", async_trait(?Send))]
        impl<T: Transport + ?Sized> Transport for $pointer {
            fn local_peer(&self) -> PeerId {
                (**self).local_peer()
            }

            fn max_frame_len(&self) -> usize {
                (**self).max_frame_len()
            }

            async fn send(&self, to: PeerId, frame: Frame) -> Result<(), TransportError> {
                (**self).send(to, frame).await
            }

            async fn recv(&self) -> Result<Incoming, TransportError> {
                (**self).recv().await
            }
        }
    )*};
}
forward!(&T, Box<T>, Arc<T>);
