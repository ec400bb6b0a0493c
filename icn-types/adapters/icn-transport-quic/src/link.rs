//! One connection: the greeting, then frames both ways.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures::future::{Either, select};
use icn_types::host::{Inbox, Incoming, Link};
use quinn::{Connection, RecvStream, SendStream};

use crate::end::LinkEnd;
use crate::wire;

/// Longest wait for a handshake or a greeting; longer than an arbiter parks.
const GREETING_MAX: Duration = Duration::from_secs(5);

/// The two streams after both ends have heard each other.
pub(crate) struct Greeted {
    sending: SendStream,
    receiving: RecvStream,
    /// Longest frame that the other end takes.
    pub(crate) frame_len_max: usize,
}

/// Greets and is greeted. Done when the other end has read our greeting too.
pub(crate) async fn greet(
    connection: &Connection,
    frame_len_max: usize,
) -> Result<Greeted, LinkEnd> {
    in_time(async {
        let mut sending = connection.open_uni().await?;
        wire::write_hello(&mut sending, frame_len_max).await?;
        let mut receiving = connection.accept_uni().await?;
        let theirs = wire::read_hello(&mut receiving).await?;
        wire::write_ready(&mut sending).await?;
        wire::read_ready(&mut receiving).await?;
        Ok(Greeted {
            sending,
            receiving,
            frame_len_max: theirs,
        })
    })
    .await
}

/// Carries frames until the connection ends; says why. The caller closes it.
pub(crate) async fn carry(
    streams: Greeted,
    queue: Arc<Inbox>,
    link: &Link,
    frame_len_max: usize,
) -> LinkEnd {
    let Greeted {
        sending, receiving, ..
    } = streams;
    let reading = pin!(read(receiving, link, frame_len_max));
    let writing = pin!(write(sending, queue));
    let (Either::Left((end, _)) | Either::Right((end, _))) = select(reading, writing).await;
    end
}

/// The answer, or [`LinkEnd::Silent`] after [`GREETING_MAX`].
pub(crate) async fn in_time<R>(
    answer: impl Future<Output = Result<R, LinkEnd>>,
) -> Result<R, LinkEnd> {
    let limit = smol::Timer::after(GREETING_MAX);
    match select(pin!(answer), pin!(limit)).await {
        Either::Left((answer, _)) => answer,
        Either::Right(_) => Err(LinkEnd::Silent),
    }
}

async fn read(mut stream: RecvStream, link: &Link, frame_len_max: usize) -> LinkEnd {
    loop {
        let frame = match wire::read_frame(&mut stream, frame_len_max).await {
            Ok(frame) => frame,
            Err(end) => return end,
        };
        // Not reading on while the inbox is full is what slows the sender.
        if link.admit(frame).await.is_err() {
            return LinkEnd::Replaced;
        }
    }
}

async fn write(mut stream: SendStream, queue: Arc<Inbox>) -> LinkEnd {
    loop {
        match queue.recv().await {
            Ok(Incoming::Frame { frame, .. }) => {
                if let Err(end) = wire::write_frame(&mut stream, &frame).await {
                    return end;
                }
            }
            Ok(Incoming::Up(_)) => {}
            Ok(Incoming::Down(_)) | Err(_) => return LinkEnd::Replaced,
        }
    }
}
