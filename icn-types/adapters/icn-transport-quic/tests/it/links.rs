//! How links come, end and come again.

use std::net::{Ipv4Addr, UdpSocket};
use std::time::Duration;

use futures::executor::block_on;
use futures::future::join;
use icn_transport_quic::{BindError, LinkEnd, QuicConfig, bind};
use icn_types::error::Coded as _;
use icn_types::host::{Frame, Incoming, Transport as _, TransportError};

use super::world::{
    PATIENCE, ascending, both_up, config, config_at, ends_with, introduce, keypair, next, peer,
    start, talk, within,
};

/// Long enough for a second connection to show itself.
const WHILE: Duration = Duration::from_millis(1500);

#[test]
fn one_dial_from_either_end_is_enough() {
    let [low, high] = ascending();
    for (dialing, dialed) in [(low, high), (high, low)] {
        block_on(async {
            let (a, b) = (start(dialing).unwrap(), start(dialed).unwrap());
            introduce(&a, &b);
            both_up(&a, &b).await;
            talk(&a, &b).await;
        });
    }
}

#[test]
fn both_dialing_at_once_gives_one_link() {
    for _ in 0..8 {
        block_on(async {
            let [low, high] = ascending();
            let (a, b) = (start(low).unwrap(), start(high).unwrap());
            introduce(&b, &a);
            introduce(&a, &b);
            both_up(&a, &b).await;
            talk(&a, &b).await;
        });
    }
}

#[test]
fn a_link_of_two_dials_stays() {
    block_on(async {
        let [low, high] = ascending();
        let (a, b) = (start(low).unwrap(), start(high).unwrap());
        introduce(&b, &a);
        introduce(&a, &b);
        both_up(&a, &b).await;
        assert_eq!(within(WHILE, a.recv()).await, None);
        assert_eq!(within(WHILE, b.recv()).await, None);
        talk(&a, &b).await;
    });
}

#[test]
fn a_server_with_another_key_is_refused() {
    block_on(async {
        let (a, impostor) = (start(1).unwrap(), start(3).unwrap());
        // Where peer 2 should be, peer 3 answers.
        a.add_peer(peer(2), impostor.local_addr().unwrap()).unwrap();
        ends_with(&a, peer(2), LinkEnd::Refused).await;
        let refused = a.send(peer(2), Frame::default()).await;
        assert_eq!(refused, Err(TransportError::NotConnected(peer(2))));
        assert_eq!(within(WHILE, impostor.recv()).await, None);
    });
}

#[test]
fn an_unknown_client_is_refused() {
    block_on(async {
        let local = (Ipv4Addr::LOCALHOST, 0).into();
        let strict = bind(QuicConfig::new(keypair(1), local, [peer(2)], [1; 32])).unwrap();
        let (stranger, friend) = (start(3).unwrap(), start(2).unwrap());
        introduce(&stranger, &strict);
        ends_with(&stranger, peer(1), LinkEnd::Refused).await;
        introduce(&friend, &strict);
        both_up(&friend, &strict).await;
        talk(&friend, &strict).await;
        assert_eq!(within(WHILE, stranger.recv()).await, None);
        let unknown = strict.send(peer(3), Frame::default()).await;
        assert_eq!(unknown, Err(TransportError::UnknownPeer(peer(3))));
        let address = friend.local_addr().unwrap();
        assert_eq!(
            strict.add_peer(peer(3), address),
            Err(TransportError::UnknownPeer(peer(3)))
        );
    });
}

#[test]
fn a_restarted_peer_on_the_same_port_is_linked_again() {
    let [low, high] = ascending();
    for (stays, restarts) in [(low, high), (high, low)] {
        block_on(async {
            let a = start(stays).unwrap();
            let b = start(restarts).unwrap();
            let address = b.local_addr().unwrap();
            introduce(&a, &b);
            both_up(&a, &b).await;
            // At once, before the next dial fails for another reason.
            let seen = async { (next(&a).await, a.last_end(peer(restarts))) };
            let (seen, ()) = join(seen, b.close()).await;
            let down = Incoming::Down(peer(restarts));
            assert_eq!(seen, (Some(down), Some(LinkEnd::Closed)));
            let b = bind(config_at(restarts, address)).unwrap();
            both_up(&a, &b).await;
            talk(&a, &b).await;
        });
    }
}

#[test]
fn a_peer_that_dies_silently_is_down_after_the_idle_timeout() {
    block_on(async {
        let idle = Duration::from_millis(300);
        let a = bind(config(1).with_idle_timeout(idle)).unwrap();
        let b = bind(config(2).with_idle_timeout(idle)).unwrap();
        // A relay that can go dead without telling anybody.
        let relay = Relay::start(b.local_addr().unwrap().port());
        let address = (Ipv4Addr::LOCALHOST, relay.port).into();
        a.add_peer(peer(2), address).unwrap();
        both_up(&a, &b).await;
        talk(&a, &b).await;
        relay.pass(false);
        assert_eq!(next(&a).await, Some(Incoming::Down(peer(2))));
        assert_eq!(next(&b).await, Some(Incoming::Down(peer(1))));
        assert_eq!(b.last_end(peer(1)), Some(LinkEnd::Lost));
        relay.pass(true);
        both_up(&a, &b).await;
        talk(&a, &b).await;
    });
}

#[test]
fn a_disconnected_peer_stays_out_until_reconnected() {
    let [low, high] = ascending();
    for (cutting, cut) in [(low, high), (high, low)] {
        block_on(async {
            let (a, b) = (start(cutting).unwrap(), start(cut).unwrap());
            introduce(&b, &a);
            both_up(&a, &b).await;
            a.disconnect(peer(cut)).unwrap();
            assert_eq!(next(&a).await, Some(Incoming::Down(peer(cut))));
            assert_eq!(next(&b).await, Some(Incoming::Down(peer(cutting))));
            assert_eq!(a.last_end(peer(cut)), Some(LinkEnd::Disconnected));
            ends_with(&b, peer(cutting), LinkEnd::Disconnected).await;
            assert_eq!(within(WHILE, b.recv()).await, None);
            a.reconnect(peer(cut)).unwrap();
            both_up(&a, &b).await;
            talk(&a, &b).await;
        });
    }
}

#[test]
fn frames_above_the_peers_limit_are_refused() {
    block_on(async {
        let a = start(1).unwrap();
        let b = bind(config(2).with_frame_len_max(1000)).unwrap();
        introduce(&a, &b);
        both_up(&a, &b).await;
        let refused = a.send(peer(2), Frame::new(&[0; 1001])).await;
        let (len, max) = (1001, 1000);
        assert_eq!(refused, Err(TransportError::TooLong { len, max }));
        a.send(peer(2), Frame::new(&[1; 1000])).await.unwrap();
        let (from, frame) = (peer(1), Frame::new(&[1; 1000]));
        assert_eq!(next(&b).await, Some(Incoming::Frame { from, frame }));
    });
}

#[test]
fn garbage_datagrams_hurt_nobody() {
    block_on(async {
        let (a, b) = (start(1).unwrap(), start(2).unwrap());
        introduce(&a, &b);
        both_up(&a, &b).await;
        let stranger = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let mut noise: u32 = 1;
        for round in 0..2_000 {
            let bytes: Vec<u8> = (0..round % 1400)
                .map(|_| {
                    // xorshift: any bytes, but the same ones in each run.
                    noise ^= noise << 13;
                    noise ^= noise >> 17;
                    noise ^= noise << 5;
                    noise.to_be_bytes()[0]
                })
                .collect();
            stranger.send_to(&bytes, b.local_addr().unwrap()).unwrap();
        }
        // Well-formed starts of connections that never go on.
        for first in 0..200_u8 {
            let mut initial = vec![
                0xc3, 0, 0, 0, 1, 8, first, 1, 2, 3, 4, 5, 6, 7, 0, 0, 0x44, 0xb0,
            ];
            initial.resize(1200, first);
            stranger.send_to(&initial, b.local_addr().unwrap()).unwrap();
        }
        talk(&a, &b).await;
    });
}

#[test]
fn a_taken_port_is_a_typed_error() {
    let taken = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let error = bind(config_at(1, taken.local_addr().unwrap())).unwrap_err();
    assert!(matches!(error, BindError::Socket { .. }));
    assert_eq!(error.code(), "transport.quic.socket");
}

#[test]
fn closing_frees_the_port_and_ends_every_call() {
    block_on(async {
        let (a, b) = (start(1).unwrap(), start(2).unwrap());
        let address = a.local_addr().unwrap();
        introduce(&a, &b);
        both_up(&a, &b).await;
        a.close().await;
        drop(UdpSocket::bind(address).unwrap());
        a.close().await;
        assert_eq!(a.recv().await, Err(TransportError::Closed));
        assert_eq!(a.local_addr(), Err(TransportError::Closed));
        assert_eq!(a.disconnect(peer(2)), Err(TransportError::Closed));
        assert_eq!(next(&b).await, Some(Incoming::Down(peer(1))));
    });
}

#[test]
fn dropping_frees_the_port() {
    block_on(async {
        let (a, b) = (start(1).unwrap(), start(2).unwrap());
        let address = a.local_addr().unwrap();
        introduce(&a, &b);
        both_up(&a, &b).await;
        drop(a);
        assert_eq!(next(&b).await, Some(Incoming::Down(peer(1))));
        let freed = async {
            while UdpSocket::bind(address).is_err() {
                smol::Timer::after(Duration::from_millis(5)).await;
            }
        };
        assert_eq!(within(PATIENCE, freed).await, Some(()));
    });
}

/// Carries datagrams between one dialing peer and a port, while it passes.
struct Relay {
    port: u16,
    passing: std::sync::Arc<std::sync::atomic::AtomicBool>,
    _task: smol::Task<()>,
}

impl Relay {
    fn start(to: u16) -> Self {
        use std::sync::atomic::{AtomicBool, Ordering};

        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).ok();
        let port = socket.as_ref().and_then(|socket| socket.local_addr().ok());
        let passing = std::sync::Arc::new(AtomicBool::new(true));
        let passes = std::sync::Arc::clone(&passing);
        let task = smol::spawn(async move {
            let Some(socket) = socket.and_then(|socket| smol::Async::new(socket).ok()) else {
                return;
            };
            let socket = smol::net::UdpSocket::from(socket);
            let (mut bytes, mut dialing) = (vec![0; 65_536], None);
            while let Ok((len, from)) = socket.recv_from(&mut bytes).await {
                let target = if from.port() == to {
                    dialing
                } else {
                    dialing = Some(from);
                    Some((Ipv4Addr::LOCALHOST, to).into())
                };
                if let Some(target) = target.filter(|_| passes.load(Ordering::Relaxed)) {
                    let _ = socket.send_to(&bytes[..len], target).await;
                }
            }
        });
        Self {
            port: port.map_or(0, |address| address.port()),
            passing,
            _task: task,
        }
    }

    fn pass(&self, passing: bool) {
        self.passing
            .store(passing, std::sync::atomic::Ordering::Relaxed);
    }
}
