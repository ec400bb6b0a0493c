//! The in-process network keeps the laws; each law catches a transport that
//! breaks it.

use std::collections::VecDeque;
use std::future::{Future, poll_fn, ready};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use async_trait::async_trait;
use futures::executor::block_on;
use futures::future::{join, pending};
use icn_types::error::{Coded as _, Fault};
use icn_types::host::{
    Frame, Inbox, Incoming, LocalNetwork, LocalTransport, Transport, TransportError,
};
use icn_types::key::{Keypair, PeerId, Signer as _};
use icn_types::testkit::Violation;
use icn_types::testkit::transport::{Call, Faulty, Recording, SendFault, Trio, check};
use proptest::collection::vec;
use proptest::prelude::{Strategy, prop_assert, prop_oneof, proptest};

#[test]
fn local_network_keeps_the_laws() {
    verdict(None).unwrap();
}

#[test]
fn the_laws_hold_through_pointers() {
    let network = LocalNetwork::new();
    let boxed: Box<dyn Transport> = Box::new(network.join(peer(0)));
    let shared: Arc<dyn Transport> = Arc::new(network.join(peer(1)));
    block_on(async {
        boxed.send(peer(1), Frame::new(b"x")).await.unwrap();
        assert_eq!(shared.recv().await, Ok(Incoming::Up(peer(0))));
        let event = shared.recv().await.unwrap();
        assert_eq!(event.peer(), peer(0));
        assert_eq!(
            (boxed.local_peer(), shared.local_peer()),
            (peer(0), peer(1))
        );
        assert_eq!(boxed.max_frame_len(), shared.max_frame_len());
    });
}

macro_rules! caught {
    ($($test:ident: $twist:ident => $law:literal;)*) => {$(
        #[test]
        fn $test() {
            let violation = verdict(Some(Twist::$twist)).unwrap_err();
            assert_eq!(violation.law(), $law, "{violation}");
        }
    )*};
}
caught! {
    a_transport_that_hides_up_is_caught: HidesUp => "transport.up_first";
    a_transport_that_reports_up_twice_is_caught: UpTwice => "transport.up_first";
    a_transport_that_repeats_frames_is_caught: Repeats => "transport.one_for_one";
    a_transport_that_merges_frames_is_caught: Merges => "transport.one_for_one";
    a_transport_that_truncates_is_caught: Truncates => "transport.unchanged";
    a_transport_that_mangles_bytes_is_caught: Mangles => "transport.unchanged";
    a_transport_that_drops_empty_frames_is_caught: DropsEmpty => "transport.unchanged";
    a_transport_that_misnames_senders_is_caught: Misnames => "transport.named";
    a_transport_that_misdelivers_is_caught: Misdelivers => "transport.addressed";
    a_transport_that_reorders_is_caught: Reorders => "transport.in_order";
    a_transport_that_cuts_long_frames_is_caught: CutsLong => "transport.up_to_the_limit";
    a_transport_that_refuses_its_own_limit_is_caught: OffByOne => "transport.up_to_the_limit";
    a_transport_that_accepts_for_strangers_is_caught: AnyPeer => "transport.known_peers_only";
    a_transport_that_loses_on_cancel_is_caught: LosesOnCancel => "transport.cancel_safe";
    a_transport_that_never_says_busy_is_caught: NeverBusy => "transport.bounded";
    a_transport_that_hides_down_is_caught: HidesDown => "transport.cut";
    a_transport_that_accepts_after_a_cut_is_caught: AcceptsCut => "transport.cut";
    a_transport_that_hangs_after_closing_is_caught: HangsClosed => "transport.closed";
}

#[test]
fn a_link_that_comes_and_goes_unread_leaves_nothing() {
    let network = LocalNetwork::new();
    let (a, b) = (network.join(peer(0)), network.join(peer(1)));
    block_on(async {
        assert_eq!(a.recv().await, Ok(Incoming::Up(peer(1))));
        b.send(peer(0), Frame::new(b"kept")).await.unwrap();
        for _ in 0..1000 {
            network.disconnect(peer(1), peer(0));
            network.reconnect(peer(0), peer(1));
            b.send(peer(0), Frame::new(b"last")).await.unwrap();
        }
        let frame = |bytes| {
            let frame = Frame::new(bytes);
            let from = peer(1);
            Incoming::Frame { from, frame }
        };
        assert_eq!(a.recv().await, Ok(frame(b"kept")));
        assert_eq!(a.recv().await, Ok(Incoming::Down(peer(1))));
        assert_eq!(a.recv().await, Ok(Incoming::Up(peer(1))));
        assert_eq!(a.recv().await, Ok(frame(b"last")));
        // At b nothing was read: all that is left is the last link.
        assert_eq!(b.recv().await, Ok(Incoming::Up(peer(0))));
        a.close();
        assert_eq!(b.recv().await, Ok(Incoming::Down(peer(0))));
    });
}

#[test]
fn joining_again_is_a_restart() {
    let network = LocalNetwork::new();
    let (a, b) = (network.join(peer(0)), network.join(peer(1)));
    let again = network.join(peer(0));
    block_on(async {
        assert_eq!(a.recv().await, Err(TransportError::Closed));
        let closed = a.send(peer(1), Frame::default()).await;
        assert_eq!(closed, Err(TransportError::Closed));
        // Dropping the old end does not take the new one with it.
        drop(a);
        b.send(peer(0), Frame::new(b"hello")).await.unwrap();
        assert_eq!(again.recv().await, Ok(Incoming::Up(peer(1))));
        assert!(matches!(again.recv().await, Ok(Incoming::Frame { .. })));
        drop(again);
        let gone = b.send(peer(0), Frame::default()).await;
        assert_eq!(gone, Err(TransportError::NotConnected(peer(0))));
    });
}

#[test]
fn a_cut_made_before_joining_holds() {
    let network = LocalNetwork::new();
    network.disconnect(peer(0), peer(1));
    let (a, b) = (network.join(peer(0)), network.join(peer(1)));
    block_on(async {
        let refused = a.send(peer(1), Frame::default()).await;
        assert_eq!(refused, Err(TransportError::NotConnected(peer(1))));
        network.reconnect(peer(0), peer(1));
        assert_eq!(b.recv().await, Ok(Incoming::Up(peer(0))));
    });
}

#[test]
fn a_full_share_holds_the_writer_until_read() {
    let inbox = Arc::new(Inbox::new(2, 4));
    let link = inbox.open(peer(1));
    let other = inbox.open(peer(2));
    // One frame always fits, and one peer's share is not another's.
    link.offer(Frame::new(b"longer than four")).unwrap();
    let busy = link.offer(Frame::default());
    assert_eq!(busy, Err(TransportError::Busy(peer(1))));
    other.offer(Frame::new(b"ab")).unwrap();
    other.offer(Frame::new(b"cd")).unwrap();
    assert_eq!(
        other.offer(Frame::default()),
        Err(TransportError::Busy(peer(2)))
    );
    block_on(async {
        let reading = async {
            for _ in 0..3 {
                inbox.recv().await.unwrap();
            }
        };
        let (admitted, ()) = join(link.admit(Frame::new(b"next")), reading).await;
        admitted.unwrap();
        link.end();
        let ended = link.admit(Frame::default()).await;
        assert_eq!(ended, Err(TransportError::NotConnected(peer(1))));
        inbox.close();
        assert_eq!(
            other.admit(Frame::default()).await,
            Err(TransportError::Closed)
        );
    });
}

#[test]
fn every_waiting_receiver_is_served() {
    let network = LocalNetwork::new();
    let (a, b) = (network.join(peer(0)), network.join(peer(1)));
    block_on(async {
        a.recv().await.unwrap();
        b.recv().await.unwrap();
        let sending = async {
            b.send(peer(0), Frame::new(b"1")).await.unwrap();
            b.send(peer(0), Frame::new(b"2")).await.unwrap();
        };
        let (both, ()) = join(join(a.recv(), a.recv()), sending).await;
        assert!(both.0.is_ok() && both.1.is_ok());
        assert_ne!(both.0, both.1);
    });
}

#[test]
fn faults_hit_the_sends_that_were_chosen() {
    let network = LocalNetwork::new();
    let faults = [
        (1, SendFault::Busy),
        (2, SendFault::NotConnected),
        (4, SendFault::Lost),
    ];
    let a = Faulty::new(network.join(peer(0)), faults);
    let b = network.join(peer(1));
    let c = network.join(peer(2));
    block_on(async {
        let send = |to: u8, text: &str| a.send(peer(to), Frame::new(text.as_bytes()));
        assert_eq!(send(1, "1").await, Err(TransportError::Busy(peer(1))));
        assert_eq!(
            send(1, "2").await,
            Err(TransportError::NotConnected(peer(1)))
        );
        for (to, text) in [(1, "3"), (1, "4"), (1, "5"), (2, "6")] {
            assert_eq!(send(to, text).await, Ok(()));
        }
        assert_eq!(frames(&b).await, ["3"]);
        assert_eq!(frames(&c).await, ["6"]);
        // The link carries again after it was seen to end.
        while a.recv().await != Ok(Incoming::Up(peer(1))) {}
        network.disconnect(peer(0), peer(1));
        while a.recv().await != Ok(Incoming::Down(peer(1))) {}
        network.reconnect(peer(0), peer(1));
        assert_eq!(send(1, "7").await, Ok(()));
        assert_eq!(frames(&b).await, ["7"]);
    });
}

#[test]
fn a_recording_holds_every_finished_call() {
    let network = LocalNetwork::new();
    let a = Recording::new(network.join(peer(0)));
    let b = network.join(peer(1));
    block_on(async {
        let frame = Frame::new(b"x");
        let answer = a.send(peer(1), frame.clone()).await;
        let unknown = a.send(peer(5), frame.clone()).await;
        let event = a.recv().await;
        assert!(poll_once(a.recv()).await.is_none());
        let sent = |to, answer| {
            let frame = frame.clone();
            Call::Send { to, frame, answer }
        };
        let calls = [
            sent(peer(1), answer),
            sent(peer(5), unknown),
            Call::Recv(event),
        ];
        assert_eq!(a.take(), calls);
        assert_eq!(a.take(), []);
        b.close();
        a.inner().close();
        assert_eq!(a.recv().await, Err(TransportError::Closed));
        assert_eq!(a.take(), [Call::Recv(Err(TransportError::Closed))]);
    });
}

/// Texts of the frames that are there.
async fn frames(at: &LocalTransport) -> Vec<String> {
    let mut texts = Vec::new();
    while let Some(Ok(event)) = poll_once(at.recv()).await {
        if let Incoming::Frame { frame, .. } = event {
            texts.push(String::from_utf8_lossy(&frame).into_owned());
        }
    }
    texts
}

#[test]
fn errors_say_who_is_at_fault_and_what_may_pass() {
    let cases = [
        (
            TransportError::UnknownPeer(peer(1)),
            "transport.unknown_peer",
            false,
        ),
        (
            TransportError::NotConnected(peer(1)),
            "transport.not_connected",
            true,
        ),
        (
            TransportError::TooLong { len: 9, max: 8 },
            "transport.too_long",
            false,
        ),
        (TransportError::Busy(peer(1)), "transport.busy", true),
        (TransportError::Closed, "transport.closed", false),
    ];
    for (error, code, retryable) in cases {
        assert_eq!(error.code(), code);
        assert_eq!(error.is_retryable(), retryable);
        assert_eq!(error.fault() == Fault::Environment, retryable);
        assert!(!error.to_string().ends_with('.'));
    }
}

/// One thing that may happen on a network of three.
#[derive(Clone, Copy, Debug)]
enum Deed {
    Send(usize, usize),
    Read(usize),
    Cut(usize, usize),
    Heal(usize, usize),
}

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let pair = || (0..3_usize, 1..3_usize).prop_map(|(a, step)| (a, (a + step) % 3));
    let deed = prop_oneof![
        4 => pair().prop_map(|(a, b)| Deed::Send(a, b)),
        4 => (0..3_usize).prop_map(Deed::Read),
        1 => pair().prop_map(|(a, b)| Deed::Cut(a, b)),
        1 => pair().prop_map(|(a, b)| Deed::Heal(a, b)),
    ];
    vec(deed, 0..200)
}

proptest! {
    /// Whatever happens: links alternate, frames come in order and at most
    /// once, what comes was accepted, and refusals are those of the contract.
    #[test]
    fn any_run_reads_as_links_that_come_and_go(deeds in deeds()) {
        let network = LocalNetwork::with_limits(16, 4);
        let ports = [0, 1, 2].map(|number| network.join(peer(number)));
        let number_of = |peer| ports.iter().position(|port| port.local_peer() == peer);
        let mut cut = [[false; 3]; 3];
        let mut up = [[false; 3]; 3];
        let mut accepted = [[0_u64; 3]; 3];
        let mut seen = [[0_u64; 3]; 3];
        for deed in deeds {
            match deed {
                Deed::Send(a, b) => {
                    let frame = Frame::new(&(accepted[a][b] + 1).to_be_bytes());
                    match block_on(ports[a].send(peer_of(b), frame)) {
                        Ok(()) => {
                            prop_assert!(!cut[a][b]);
                            accepted[a][b] += 1;
                        }
                        Err(TransportError::NotConnected(_)) => prop_assert!(cut[a][b]),
                        Err(TransportError::Busy(_)) => {
                            prop_assert!(accepted[a][b] - seen[a][b] >= 4);
                        }
                        Err(error) => prop_assert!(false, "{error}"),
                    }
                }
                Deed::Read(at) => match block_on(poll_once(ports[at].recv())) {
                    None => {}
                    Some(Ok(Incoming::Up(peer))) => {
                        let of = number_of(peer).unwrap();
                        prop_assert!(!std::mem::replace(&mut up[at][of], true));
                    }
                    Some(Ok(Incoming::Down(peer))) => {
                        let of = number_of(peer).unwrap();
                        prop_assert!(std::mem::replace(&mut up[at][of], false));
                    }
                    Some(Ok(Incoming::Frame { from, frame })) => {
                        let of = number_of(from).unwrap();
                        prop_assert!(up[at][of]);
                        let number = u64::from_be_bytes((*frame).try_into().unwrap());
                        prop_assert!(seen[of][at] < number && number <= accepted[of][at]);
                        seen[of][at] = number;
                    }
                    Some(Err(error)) => prop_assert!(false, "{error}"),
                },
                Deed::Cut(a, b) => {
                    network.disconnect(peer_of(a), peer_of(b));
                    (cut[a][b], cut[b][a]) = (true, true);
                }
                Deed::Heal(a, b) => {
                    network.reconnect(peer_of(a), peer_of(b));
                    (cut[a][b], cut[b][a]) = (false, false);
                }
            }
        }
    }
}

/// Ways to break one law.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Twist {
    HidesUp,
    UpTwice,
    Repeats,
    Merges,
    Truncates,
    Mangles,
    DropsEmpty,
    Misnames,
    Misdelivers,
    Reorders,
    CutsLong,
    OffByOne,
    AnyPeer,
    LosesOnCancel,
    NeverBusy,
    HidesDown,
    AcceptsCut,
    HangsClosed,
}

fn verdict(twist: Option<Twist>) -> Result<(), Violation> {
    block_on(check(|| ready(Bench::new(twist))))
}

fn peer_of(at: usize) -> PeerId {
    [peer(0), peer(1), peer(2)][at]
}

fn peer(number: u8) -> PeerId {
    PeerId::new(Keypair::from_seed(&[number; 32]).public_key())
}

async fn poll_once<R>(answer: impl Future<Output = R>) -> Option<R> {
    let mut answer = pin!(answer);
    poll_fn(|cx| {
        Poll::Ready(match answer.as_mut().poll(cx) {
            Poll::Ready(answer) => Some(answer),
            Poll::Pending => None,
        })
    })
    .await
}

struct Bench {
    network: LocalNetwork,
    ports: [Bent; 3],
}

impl Bench {
    fn new(twist: Option<Twist>) -> Self {
        let network = LocalNetwork::with_limits(8_192, 64);
        let ports = [0, 1, 2].map(|number| Bent {
            inner: network.join(peer(number)),
            twist,
            stash: Mutex::default(),
        });
        Self { network, ports }
    }
}

impl Trio for Bench {
    type Port = Bent;

    fn port(&self, at: usize) -> &Bent {
        &self.ports[at]
    }

    fn stranger(&self) -> PeerId {
        peer(9)
    }

    async fn cut(&self, a: usize, b: usize) {
        let peer = |at: usize| self.ports[at].inner.local_peer();
        self.network.disconnect(peer(a), peer(b));
    }

    async fn heal(&self, a: usize, b: usize) {
        let peer = |at: usize| self.ports[at].inner.local_peer();
        self.network.reconnect(peer(a), peer(b));
    }

    async fn close(&self, at: usize) {
        self.ports[at].inner.close();
    }

    async fn settled(&self) {
        self.patience().await;
    }

    /// Nothing runs beside the test, so a few polls are an eternity.
    async fn patience(&self) {
        let mut left = 8;
        poll_fn(|cx| {
            left -= 1;
            cx.waker().wake_by_ref();
            if left == 0 {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
    }
}

struct Bent {
    inner: LocalTransport,
    twist: Option<Twist>,
    stash: Mutex<VecDeque<Incoming>>,
}

impl Bent {
    /// The next event if there is one already.
    async fn ready(&self) -> Option<Incoming> {
        poll_once(self.inner.recv()).await.and_then(Result::ok)
    }

    async fn yielded(&self) {
        let mut polled = false;
        poll_fn(|cx| {
            cx.waker().wake_by_ref();
            if std::mem::replace(&mut polled, true) {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
    }

    fn stashed(&self) -> MutexGuard<'_, VecDeque<Incoming>> {
        self.stash.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn stash(&self, event: Incoming) {
        self.stashed().push_back(event);
    }

    fn bent(&self, from: PeerId, frame: &Frame) -> Incoming {
        let mut bytes = frame.to_vec();
        let mut from = from;
        match self.twist {
            Some(Twist::Truncates) => bytes.truncate(100),
            Some(Twist::Mangles) => bytes.iter_mut().for_each(|byte| *byte &= 0x7f),
            Some(Twist::Misnames) => from = peer(2),
            _ => {}
        }
        let frame = bytes.into();
        Incoming::Frame { from, frame }
    }

    async fn bent_frame(&self, from: PeerId, frame: Frame) -> Result<Incoming, TransportError> {
        let event = self.bent(from, &frame);
        match self.twist {
            Some(Twist::DropsEmpty) if frame.is_empty() => return self.recv().await,
            Some(Twist::Repeats) => self.stash(event.clone()),
            Some(Twist::LosesOnCancel) => self.yielded().await,
            Some(Twist::Reorders) => {
                if let Some(overtaking) = self.ready().await {
                    self.stash(event);
                    return Ok(overtaking);
                }
            }
            Some(Twist::Merges) => {
                if let Some(Incoming::Frame { frame: more, .. }) = self.ready().await {
                    let frame = [frame.as_bytes(), more.as_bytes()].concat().into();
                    return Ok(Incoming::Frame { from, frame });
                }
            }
            _ => {}
        }
        Ok(event)
    }
}

#[async_trait]
impl Transport for Bent {
    fn local_peer(&self) -> PeerId {
        self.inner.local_peer()
    }

    fn max_frame_len(&self) -> usize {
        self.inner.max_frame_len()
    }

    async fn send(&self, to: PeerId, frame: Frame) -> Result<(), TransportError> {
        let max = self.max_frame_len();
        match self.twist {
            Some(Twist::OffByOne) if frame.len() == max => {
                return Err(TransportError::TooLong { len: max, max });
            }
            Some(Twist::CutsLong) if frame.len() > max => {
                return self.inner.send(to, Frame::new(&frame[..max])).await;
            }
            Some(Twist::Misdelivers) => {
                for other in [0, 1, 2].map(peer) {
                    let _ = self.inner.send(other, frame.clone()).await;
                }
                return Ok(());
            }
            _ => {}
        }
        match (self.twist, self.inner.send(to, frame).await) {
            (Some(Twist::AnyPeer), Err(TransportError::UnknownPeer(_)))
            | (Some(Twist::NeverBusy), Err(TransportError::Busy(_)))
            | (Some(Twist::AcceptsCut), Err(TransportError::NotConnected(_))) => Ok(()),
            (_, answer) => answer,
        }
    }

    async fn recv(&self) -> Result<Incoming, TransportError> {
        let stashed = self.stashed().pop_front();
        if let Some(event) = stashed {
            return Ok(event);
        }
        match (self.twist, self.inner.recv().await) {
            (Some(Twist::HidesUp), Ok(Incoming::Up(_)))
            | (Some(Twist::HidesDown), Ok(Incoming::Down(_))) => self.recv().await,
            (Some(Twist::UpTwice), Ok(Incoming::Up(peer))) => {
                self.stash(Incoming::Up(peer));
                Ok(Incoming::Up(peer))
            }
            (Some(Twist::HangsClosed), Err(_)) => pending().await,
            (_, Ok(Incoming::Frame { from, frame })) => self.bent_frame(from, frame).await,
            (_, event) => event,
        }
    }
}
