//! The laws of [`Transport`], numbered as in its contract.
//!
//! [`check`] runs them all, each on fresh transports; each is a function of
//! its own for bisecting. The kit has no timer: how long a silence must last
//! to count as one is the caller's [`Trio::settled`] and [`Trio::patience`].

mod faulty;
mod recording;
mod run;

use alloc::format;
use alloc::vec;
use alloc::vec::Vec;
use core::future::Future;
use core::pin::pin;

use crate::host::{Incoming, Transport, TransportError};
use crate::key::PeerId;

use super::Violation;
use run::{Run, number_of, numbered, once};

pub use faulty::{Faulty, SendFault};
pub use recording::{Call, Recording};

/// Three transports that know each other, and a hand on what links them.
pub trait Trio {
    /// The transport under test.
    type Port: Transport;

    /// One of the three, by number 0 to 2.
    fn port(&self, at: usize) -> &Self::Port;

    /// A peer that none of the three was told of.
    fn stranger(&self) -> PeerId;

    /// Cuts the link between two of them.
    fn cut(&self, a: usize, b: usize) -> impl Future<Output = ()>;

    /// Lets a cut link come up again.
    fn heal(&self, a: usize, b: usize) -> impl Future<Output = ()>;

    /// Closes one of them.
    fn close(&self, at: usize) -> impl Future<Output = ()>;

    /// Ends when whatever was sent before must have arrived.
    fn settled(&self) -> impl Future<Output = ()>;

    /// Ends when one wait has lasted too long; may be much longer.
    fn patience(&self) -> impl Future<Output = ()>;
}

/// Frames that are sent before a link without reader counts as unbounded.
const FLOOD: u64 = 65_536;
/// Frames per law where one is not enough.
const ROUNDS: u64 = 32;

/// Checks all laws in their order; `make` gives three fresh transports.
///
/// # Errors
/// The first law that is broken.
pub async fn check<T: Trio, F: Future<Output = T>>(make: impl Fn() -> F) -> Result<(), Violation> {
    up_first(&make().await).await?;
    one_for_one(&make().await).await?;
    unchanged(&make().await).await?;
    addressed(&make().await).await?;
    named(&make().await).await?;
    in_order(&make().await).await?;
    up_to_the_limit(&make().await).await?;
    known_peers_only(&make().await).await?;
    cancel_safe(&make().await).await?;
    bounded(&make().await).await?;
    cut(&make().await).await?;
    closed(&make().await).await
}

/// 1. `Up` comes before the first frame of a peer, once.
///
/// # Errors
/// `transport.up_first`
pub async fn up_first<T: Trio>(trio: &T) -> Result<(), Violation> {
    let run = Run::new("transport.up_first", trio);
    let ends = [(0, 1), (1, 0), (0, 2), (2, 0), (1, 2), (2, 1)];
    let mut up: Vec<(usize, usize)> = Vec::new();
    // Everybody speaks as soon as it can, so that a frame may overtake.
    for at in 0..3 {
        for _ in 0..2 {
            let peer = loop {
                match run.event(at).await? {
                    Incoming::Up(peer) if !up.contains(&(at, run.number(peer)?)) => break peer,
                    Incoming::Frame { from, .. } if up.contains(&(at, run.number(from)?)) => {}
                    event => return run.broken(format!("port {at} reports {event:?}")),
                }
            };
            up.push((at, run.number(peer)?));
            run.send(at, run.number(peer)?, b"first").await?;
        }
    }
    for at in 0..3 {
        while let Some(event) = run.event_at_once(at).await {
            let Ok(Incoming::Frame { .. }) = event else {
                return run.broken(format!("port {at} then reports {event:?}"));
            };
        }
    }
    match ends.iter().find(|end| !up.contains(end)) {
        Some((at, of)) => run.broken(format!("port {at} never reports port {of}")),
        None => Ok(()),
    }
}

/// 2. Frames are neither merged nor split, invented nor repeated.
///
/// # Errors
/// `transport.one_for_one`
pub async fn one_for_one<T: Trio>(trio: &T) -> Result<(), Violation> {
    let run = Run::up("transport.one_for_one", trio).await?;
    for round in 0..ROUNDS {
        run.send(0, 1, &round.to_be_bytes()).await?;
    }
    for _ in 0..ROUNDS {
        run.frame(1).await?;
    }
    run.silence(1).await
}

/// 3. A frame arrives with exactly its bytes.
///
/// # Errors
/// `transport.unchanged`
pub async fn unchanged<T: Trio>(trio: &T) -> Result<(), Violation> {
    let run = Run::up("transport.unchanged", trio).await?;
    let all: Vec<u8> = (0..=u8::MAX).collect();
    let long = all.repeat(8);
    let frames: [&[u8]; 6] = [
        b"",
        b"\0",
        &all,
        &long,
        b"\xff\xff\xff\xff",
        b"GET / HTTP/1.1\r\n",
    ];
    for bytes in frames {
        let bytes = &bytes[..bytes.len().min(run.max())];
        run.send(0, 1, bytes).await?;
        run.frame_is(1, bytes).await?;
        run.send(1, 0, bytes).await?;
        run.frame_is(0, bytes).await?;
    }
    Ok(())
}

/// 4. A frame arrives where it was sent to and nowhere else.
///
/// # Errors
/// `transport.addressed`
pub async fn addressed<T: Trio>(trio: &T) -> Result<(), Violation> {
    let run = Run::up("transport.addressed", trio).await?;
    run.send(0, 1, b"for 1").await?;
    run.frame_is(1, b"for 1").await?;
    run.silence(2).await?;
    run.send(0, 2, b"for 2").await?;
    run.frame_is(2, b"for 2").await?;
    run.silence(1).await
}

/// 5. A frame carries the peer that sent it.
///
/// # Errors
/// `transport.named`
pub async fn named<T: Trio>(trio: &T) -> Result<(), Violation> {
    let run = Run::up("transport.named", trio).await?;
    for at in 0..3 {
        for from in (0..3).filter(|from| *from != at) {
            run.send(from, at, b"from").await?;
            let (named, _) = run.frame(at).await?;
            if named != run.peer(from) {
                return run.broken(format!("a frame of port {from} names {named}"));
            }
        }
    }
    Ok(())
}

/// 6. Frames of one link arrive in the order of their acceptance.
///
/// # Errors
/// `transport.in_order`
pub async fn in_order<T: Trio>(trio: &T) -> Result<(), Violation> {
    let run = Run::up("transport.in_order", trio).await?;
    // Lengths go up and down: short frames must not overtake long ones.
    let lens = [8, 900, 1800, 2700, 3600].into_iter().cycle();
    for (round, len) in (0..ROUNDS).zip(lens) {
        run.send(0, 1, &numbered(round, run.max().min(len))).await?;
    }
    for round in 0..ROUNDS {
        let (_, frame) = run.frame(1).await?;
        if number_of(&frame) != round {
            let came = number_of(&frame);
            return run.broken(format!("frame {came} came in place of {round}"));
        }
    }
    Ok(())
}

/// 7. The longest frame arrives; a longer one is refused, nothing of it comes.
///
/// # Errors
/// `transport.up_to_the_limit`
pub async fn up_to_the_limit<T: Trio>(trio: &T) -> Result<(), Violation> {
    let run = Run::up("transport.up_to_the_limit", trio).await?;
    let max = run.max();
    let longest = numbered(u64::MAX, max);
    run.send(0, 1, &longest).await?;
    run.frame_is(1, &longest).await?;
    for len in [max + 1, 2 * max] {
        let expected = TransportError::TooLong { len, max };
        run.refused(0, run.peer(1), &vec![1; len], expected).await?;
    }
    run.send(0, 1, b"after").await?;
    run.frame_is(1, b"after").await
}

/// 8. Unknown peers, and a transport's own, are refused.
///
/// # Errors
/// `transport.known_peers_only`
pub async fn known_peers_only<T: Trio>(trio: &T) -> Result<(), Violation> {
    let run = Run::up("transport.known_peers_only", trio).await?;
    for peer in [trio.stranger(), run.peer(0)] {
        run.refused(0, peer, b"hello", TransportError::UnknownPeer(peer))
            .await?;
    }
    run.silence(0).await
}

/// 9. Dropping a pending `recv` loses nothing.
///
/// # Errors
/// `transport.cancel_safe`
pub async fn cancel_safe<T: Trio>(trio: &T) -> Result<(), Violation> {
    let run = Run::up("transport.cancel_safe", trio).await?;
    for round in 0..ROUNDS {
        let came = {
            let mut recv = pin!(trio.port(1).recv());
            // Pending before the frame is sent, then dropped after one more
            // poll, at which the frame may be half-way through.
            let early = once(recv.as_mut()).await;
            run.send(0, 1, &round.to_be_bytes()).await?;
            match early {
                Some(event) => Some(event),
                None => once(recv.as_mut()).await,
            }
        };
        let frame = match came {
            Some(Ok(Incoming::Frame { frame, .. })) => frame,
            Some(event) => return run.broken(format!("recv ends with {event:?}")),
            None => run.frame(1).await?.1,
        };
        if *frame != round.to_be_bytes() {
            return run.broken(format!("frame {round} is lost; {frame:?} came"));
        }
    }
    run.silence(1).await
}

/// 10. Without a reader sending is refused in the end, and goes on after it.
///
/// # Errors
/// `transport.bounded`
pub async fn bounded<T: Trio>(trio: &T) -> Result<(), Violation> {
    let run = Run::up("transport.bounded", trio).await?;
    let (peer, len) = (run.peer(1), run.max().min(4096));
    let mut accepted = 0;
    loop {
        match run.try_send(0, peer, &numbered(accepted, len)).await? {
            Ok(()) if accepted == FLOOD => {
                return run.broken(format!("{accepted} unread frames were accepted"));
            }
            Ok(()) => accepted += 1,
            Err(TransportError::Busy(full)) if full == peer => break,
            Err(error) => return run.broken(format!("a full queue is refused with {error:?}")),
        }
    }
    for number in 0..accepted {
        let (_, frame) = run.frame(1).await?;
        if number_of(&frame) != number {
            return run.broken(format!("accepted frame {number} is lost"));
        }
    }
    run.send(0, 1, b"again").await?;
    run.frame_is(1, b"again").await
}

/// 11. Both ends see a cut, sending is refused until the link is up again.
///
/// # Errors
/// `transport.cut`
pub async fn cut<T: Trio>(trio: &T) -> Result<(), Violation> {
    let run = Run::up("transport.cut", trio).await?;
    for _ in 0..2 {
        trio.cut(0, 1).await;
        for (at, of) in [(0, 1), (1, 0)] {
            run.event_is(at, &Incoming::Down(run.peer(of))).await?;
            let peer = run.peer(of);
            run.refused(at, peer, b"cut", TransportError::NotConnected(peer))
                .await?;
        }
        run.send(0, 2, b"not cut").await?;
        run.frame_is(2, b"not cut").await?;
        trio.heal(0, 1).await;
        for (at, of) in [(0, 1), (1, 0)] {
            run.event_is(at, &Incoming::Up(run.peer(of))).await?;
        }
        for (at, of) in [(0, 1), (1, 0)] {
            run.send(at, of, b"healed").await?;
            run.frame_is(of, b"healed").await?;
        }
    }
    Ok(())
}

/// 12. Closing wakes a pending `recv`, and peers see it.
///
/// # Errors
/// `transport.closed`
pub async fn closed<T: Trio>(trio: &T) -> Result<(), Violation> {
    let run = Run::up("transport.closed", trio).await?;
    let mut recv = pin!(trio.port(0).recv());
    if let Some(event) = once(recv.as_mut()).await {
        return run.broken(format!("recv ends with {event:?} before closing"));
    }
    trio.close(0).await;
    // The pending call, then a later one.
    let answers = [
        run.patient(recv).await,
        run.patient(trio.port(0).recv()).await,
    ];
    for answer in answers {
        match answer {
            Some(Err(TransportError::Closed)) => {}
            Some(answer) => return run.broken(format!("recv ends with {answer:?}")),
            None => return run.broken("recv does not end".into()),
        }
    }
    run.refused(0, run.peer(1), b"late", TransportError::Closed)
        .await?;
    for at in [1, 2] {
        run.event_is(at, &Incoming::Down(run.peer(0))).await?;
    }
    Ok(())
}
