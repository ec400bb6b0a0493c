use alloc::boxed::Box;
use alloc::vec::Vec;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;

use crate::host::{Frame, Incoming, Transport, TransportError};
use crate::key::PeerId;

/// One finished call of a transport.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "one variant per call of the port")]
pub enum Call {
    /// A send with its answer.
    Send {
        /// The receiver.
        to: PeerId,
        /// The bytes.
        frame: Frame,
        /// What the transport answered.
        answer: Result<(), TransportError>,
    },
    /// A finished receive.
    Recv(Result<Incoming, TransportError>),
}

/// Keeps what went through a transport, in the order in which calls ended.
///
/// It keeps everything, so it is for tests. A dropped `recv` leaves no trace,
/// as nothing was received.
#[derive(Debug)]
pub struct Recording<T> {
    inner: T,
    calls: Mutex<Vec<Call>>,
}

impl<T> Recording<T> {
    /// Records from now on.
    pub const fn new(inner: T) -> Self {
        Self {
            inner,
            calls: Mutex::new(Vec::new()),
        }
    }

    /// The transport beneath.
    pub const fn inner(&self) -> &T {
        &self.inner
    }

    /// Takes what was recorded since the last time.
    pub fn take(&self) -> Vec<Call> {
        core::mem::take(&mut self.calls.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn record(&self, call: Call) {
        self.calls
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(call);
    }
}

#[deny(clippy::missing_trait_methods)]
#[cfg_attr(not(target_family = "wasm"), async_trait)]
#[cfg_attr(target_family = "wasm", async_trait(?Send))]
impl<T: Transport> Transport for Recording<T> {
    fn local_peer(&self) -> PeerId {
        self.inner.local_peer()
    }

    fn max_frame_len(&self) -> usize {
        self.inner.max_frame_len()
    }

    async fn send(&self, to: PeerId, frame: Frame) -> Result<(), TransportError> {
        let answer = self.inner.send(to, frame.clone()).await;
        self.record(Call::Send { to, frame, answer });
        answer
    }

    async fn recv(&self) -> Result<Incoming, TransportError> {
        let answer = self.inner.recv().await;
        self.record(Call::Recv(answer.clone()));
        answer
    }
}
