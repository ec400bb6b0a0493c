//! Peers on loopback.

use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::pin;
use std::time::Duration;

use futures::future::{Either, select};
use icn_transport_quic::{BindError, LinkEnd, QuicConfig, QuicTransport, bind};
use icn_types::host::{Frame, Incoming, Transport as _};
use icn_types::key::{Keypair, PeerId, Signer as _};
use smol::Timer;

/// Longer than anything here takes on a loaded machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(15);

pub(crate) fn keypair(number: u8) -> Keypair {
    Keypair::from_seed(&[number; 32])
}

pub(crate) fn peer(number: u8) -> PeerId {
    PeerId::new(keypair(number).public_key())
}

/// Two numbers whose keys ascend: the first is the arbiter of the pair.
pub(crate) fn ascending() -> [u8; 2] {
    if peer(1) < peer(2) { [1, 2] } else { [2, 1] }
}

/// Listens on a free port and knows peers 0 to 7.
pub(crate) fn config(number: u8) -> QuicConfig {
    config_at(number, (Ipv4Addr::LOCALHOST, 0).into())
}

pub(crate) fn config_at(number: u8, local: SocketAddr) -> QuicConfig {
    QuicConfig::new(keypair(number), local, (0..8).map(peer), [number; 32])
        .with_rest(Duration::from_millis(10), Duration::from_millis(200))
}

pub(crate) fn start(number: u8) -> Result<QuicTransport, BindError> {
    bind(config(number))
}

/// Tells the first where the second is.
pub(crate) fn introduce(to: &QuicTransport, other: &QuicTransport) {
    let address = other.local_addr().ok();
    let told = address.map(|address| to.add_peer(other.local_peer(), address));
    assert_eq!(told, Some(Ok(())));
}

/// The next event, or nothing after [`PATIENCE`].
pub(crate) async fn next(at: &QuicTransport) -> Option<Incoming> {
    within(PATIENCE, at.recv()).await.and_then(Result::ok)
}

/// The next event unless nothing comes for `time`.
pub(crate) async fn within<R>(time: Duration, answer: impl Future<Output = R>) -> Option<R> {
    match select(pin!(answer), pin!(Timer::after(time))).await {
        Either::Left((answer, _)) => Some(answer),
        Either::Right(_) => None,
    }
}

/// Waits until both ends see the link.
pub(crate) async fn both_up(a: &QuicTransport, b: &QuicTransport) {
    assert_eq!(next(a).await, Some(Incoming::Up(b.local_peer())));
    assert_eq!(next(b).await, Some(Incoming::Up(a.local_peer())));
}

/// A frame each way.
pub(crate) async fn talk(a: &QuicTransport, b: &QuicTransport) {
    for (at, to) in [(a, b), (b, a)] {
        let frame = Frame::new(b"hello");
        let sent = at.send(to.local_peer(), frame.clone()).await;
        assert_eq!(sent, Ok(()));
        let from = at.local_peer();
        assert_eq!(next(to).await, Some(Incoming::Frame { from, frame }));
    }
}

/// Waits for the reason that `at` states for `peer`.
pub(crate) async fn ends_with(at: &QuicTransport, peer: PeerId, expected: LinkEnd) {
    let looking = async {
        while at.last_end(peer) != Some(expected) {
            Timer::after(Duration::from_millis(5)).await;
        }
    };
    let seen = within(PATIENCE, looking).await;
    assert_eq!(seen, Some(()), "last end is {:?}", at.last_end(peer));
}
