use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use crate::host::{Frame, Incoming, Transport, TransportError};
use crate::key::PeerId;

/// What goes wrong with one send. Each is something that the contract allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SendFault {
    /// Refused with [`TransportError::Busy`].
    Busy,
    /// Refused with [`TransportError::NotConnected`].
    NotConnected,
    /// Accepted and lost, as is all that follows on that link until its `Down`.
    Lost,
}

/// Lets chosen sends of a transport fail.
#[derive(Debug)]
pub struct Faulty<T> {
    inner: T,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    faults: BTreeMap<u64, SendFault>,
    sends: u64,
    /// Peers whose link carries nothing any more.
    mute: BTreeSet<PeerId>,
}

impl<T> Faulty<T> {
    /// `faults` names sends by number, from 1.
    pub fn new(inner: T, faults: impl IntoIterator<Item = (u64, SendFault)>) -> Self {
        Self {
            inner,
            state: Mutex::new(State {
                faults: faults.into_iter().collect(),
                ..State::default()
            }),
        }
    }

    /// The transport beneath.
    pub const fn inner(&self) -> &T {
        &self.inner
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[deny(clippy::missing_trait_methods)]
#[cfg_attr(not(target_family = "wasm"), async_trait)]
#[cfg_attr(target_family = "wasm", async_trait(?Send))]
impl<T: Transport> Transport for Faulty<T> {
    fn local_peer(&self) -> PeerId {
        self.inner.local_peer()
    }

    fn max_frame_len(&self) -> usize {
        self.inner.max_frame_len()
    }

    async fn send(&self, to: PeerId, frame: Frame) -> Result<(), TransportError> {
        let lost = {
            let mut state = self.state();
            state.sends += 1;
            let number = state.sends;
            match state.faults.get(&number) {
                Some(SendFault::Busy) => return Err(TransportError::Busy(to)),
                Some(SendFault::NotConnected) => return Err(TransportError::NotConnected(to)),
                Some(SendFault::Lost) => {
                    state.mute.insert(to);
                    true
                }
                None => state.mute.contains(&to),
            }
        };
        if lost {
            return Ok(());
        }
        self.inner.send(to, frame).await
    }

    async fn recv(&self) -> Result<Incoming, TransportError> {
        let event = self.inner.recv().await?;
        if let Incoming::Down(peer) = event {
            self.state().mute.remove(&peer);
        }
        Ok(event)
    }
}
