//! Steps that all laws share: each fails under the name of its law.

use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::future::{Future, poll_fn};
use core::pin::{Pin, pin};
use core::task::Poll;

use crate::host::{Frame, Incoming, Transport as _, TransportError};
use crate::key::PeerId;
use crate::testkit::Violation;

use super::Trio;

/// One law on one trio.
pub(super) struct Run<'a, T> {
    law: &'static str,
    trio: &'a T,
}

impl<'a, T: Trio> Run<'a, T> {
    pub(super) const fn new(law: &'static str, trio: &'a T) -> Self {
        Self { law, trio }
    }

    /// Waits until all are linked with all.
    pub(super) async fn up(law: &'static str, trio: &'a T) -> Result<Self, Violation> {
        let run = Self::new(law, trio);
        for at in 0..3 {
            for _ in 0..2 {
                match run.event(at).await? {
                    Incoming::Up(_) => {}
                    event => return run.broken(format!("port {at} starts with {event:?}")),
                }
            }
        }
        Ok(run)
    }

    pub(super) fn peer(&self, at: usize) -> PeerId {
        self.trio.port(at).local_peer()
    }

    pub(super) fn number(&self, peer: PeerId) -> Result<usize, Violation> {
        match (0..3).find(|at| self.peer(*at) == peer) {
            Some(at) => Ok(at),
            None => self.broken(format!("an event of unknown peer {peer}")),
        }
    }

    pub(super) fn max(&self) -> usize {
        self.trio.port(0).max_frame_len()
    }

    pub(super) fn broken<R>(&self, detail: String) -> Result<R, Violation> {
        Err(Violation::new(self.law, detail))
    }

    /// The answer, or nothing when patience ends first.
    pub(super) async fn patient<R>(&self, answer: impl Future<Output = R>) -> Option<R> {
        before(self.trio.patience(), answer).await
    }

    /// What is there now or on its way.
    pub(super) async fn event_at_once(
        &self,
        at: usize,
    ) -> Option<Result<Incoming, TransportError>> {
        before(self.trio.settled(), self.trio.port(at).recv()).await
    }

    pub(super) async fn try_send(
        &self,
        at: usize,
        to: PeerId,
        bytes: &[u8],
    ) -> Result<Result<(), TransportError>, Violation> {
        let send = self.trio.port(at).send(to, Frame::new(bytes));
        match self.patient(send).await {
            Some(answer) => Ok(answer),
            None => self.broken(format!("port {at} waits in send")),
        }
    }

    pub(super) async fn send(&self, at: usize, to: usize, bytes: &[u8]) -> Result<(), Violation> {
        match self.try_send(at, self.peer(to), bytes).await? {
            Ok(()) => Ok(()),
            Err(error) => self.broken(format!("port {at} refuses to send: {error}")),
        }
    }

    pub(super) async fn refused(
        &self,
        at: usize,
        to: PeerId,
        bytes: &[u8],
        expected: TransportError,
    ) -> Result<(), Violation> {
        match self.try_send(at, to, bytes).await? {
            Err(error) if error == expected => Ok(()),
            answer => self.broken(format!("send answers {answer:?} instead of {expected:?}")),
        }
    }

    pub(super) async fn event(&self, at: usize) -> Result<Incoming, Violation> {
        match self.patient(self.trio.port(at).recv()).await {
            Some(Ok(event)) => Ok(event),
            Some(Err(error)) => self.broken(format!("recv of port {at} fails: {error}")),
            None => self.broken(format!("nothing arrives at port {at}")),
        }
    }

    pub(super) async fn event_is(&self, at: usize, expected: &Incoming) -> Result<(), Violation> {
        match self.event(at).await? {
            event if event == *expected => Ok(()),
            event => self.broken(format!(
                "port {at} reports {event:?} instead of {expected:?}"
            )),
        }
    }

    pub(super) async fn frame(&self, at: usize) -> Result<(PeerId, Frame), Violation> {
        match self.event(at).await? {
            Incoming::Frame { from, frame } => Ok((from, frame)),
            event => self.broken(format!("port {at} reports {event:?} instead of a frame")),
        }
    }

    pub(super) async fn frame_is(&self, at: usize, bytes: &[u8]) -> Result<(), Violation> {
        match self.frame(at).await? {
            (_, frame) if *frame == *bytes => Ok(()),
            (_, frame) => self.broken(format!(
                "{frame:?} arrived in place of {:?}",
                Frame::new(bytes)
            )),
        }
    }

    pub(super) async fn silence(&self, at: usize) -> Result<(), Violation> {
        match self.event_at_once(at).await {
            Some(event) => self.broken(format!("port {at} reports {event:?} out of nothing")),
            None => Ok(()),
        }
    }
}

/// The answer, unless the other future ends first.
async fn before<R>(end: impl Future<Output = ()>, answer: impl Future<Output = R>) -> Option<R> {
    let (mut answer, mut end) = (pin!(answer), pin!(end));
    poll_fn(|cx| match answer.as_mut().poll(cx) {
        Poll::Ready(answer) => Poll::Ready(Some(answer)),
        Poll::Pending => end.as_mut().poll(cx).map(|()| None),
    })
    .await
}

/// Polls a future one single time.
pub(super) async fn once<F: Future>(mut future: Pin<&mut F>) -> Option<F::Output> {
    poll_fn(|cx| {
        Poll::Ready(match future.as_mut().poll(cx) {
            Poll::Ready(answer) => Some(answer),
            Poll::Pending => None,
        })
    })
    .await
}

/// `len` bytes that begin with a number, as far as they reach.
pub(super) fn numbered(number: u64, len: usize) -> Vec<u8> {
    let mut bytes = vec![0xa5; len];
    for (byte, digit) in bytes.iter_mut().zip(number.to_be_bytes()) {
        *byte = digit;
    }
    bytes
}

pub(super) fn number_of(frame: &Frame) -> u64 {
    frame
        .iter()
        .take(8)
        .fold(0, |number, byte| number << 8 | u64::from(*byte))
}
