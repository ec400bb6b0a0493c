//! Peers that know a key and break everything else.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use futures::executor::block_on;
use futures::future::join;
use icn_types::error::{Coded as _, Fault};
use icn_types::host::{Frame, Incoming, Transport as _};
use icn_types::key::{Keypair, PeerId, PublicKey, SignError, Signature, Signer};
use quinn::{Connection, ConnectionError, Endpoint, RecvStream, SendStream};

use crate::config::HostSigner;
use crate::dial::rest;
use crate::tls::Identity;
use crate::{LinkEnd, QuicConfig, QuicTransport, bind};

const HELLO: &[u8] = b"icnq\x00\x01\x00\x04\x00\x00";
const FRAME_LEN_MAX: usize = 4_000;

fn keypair(number: u8) -> Keypair {
    Keypair::from_seed(&[number; 32])
}

fn peer(number: u8) -> PeerId {
    PeerId::new(keypair(number).public_key())
}

/// Two numbers whose keys ascend: the first is the arbiter of the pair.
fn ascending() -> [u8; 2] {
    if peer(1) < peer(2) { [1, 2] } else { [2, 1] }
}

fn config(number: u8) -> QuicConfig {
    let local = (Ipv4Addr::LOCALHOST, 0).into();
    QuicConfig::new(keypair(number), local, (0..8).map(peer), [number; 32])
        .with_frame_len_max(FRAME_LEN_MAX)
}

/// A victim, and another peer that is linked with it throughout.
struct Scene {
    victim: QuicTransport,
    bystander: QuicTransport,
}

impl Scene {
    async fn set(victim: u8) -> Self {
        let [victim, bystander] = [victim, 7].map(|number| bind(config(number)).unwrap());
        let address = victim.local_addr().unwrap();
        bystander.add_peer(victim.local_peer(), address).unwrap();
        assert_eq!(victim.recv().await, Ok(Incoming::Up(peer(7))));
        Self { victim, bystander }
    }

    /// The handshake of a peer that goes on as it likes.
    async fn dialed_by(&self, signer: HostSigner) -> Result<Connection, ConnectionError> {
        let victim = self.victim.local_peer();
        let client = Identity::new(signer).client(victim).unwrap();
        let client = quinn::ClientConfig::new(Arc::new(client));
        let endpoint = Endpoint::client((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        let address = self.victim.local_addr().unwrap();
        endpoint.connect_with(client, address, "icn").unwrap().await
    }

    /// A link that the victim holds for up, its streams in hostile hands.
    async fn linked_with(&self, number: u8) -> (Connection, SendStream, RecvStream) {
        let connection = self.dialed_by(Arc::new(keypair(number))).await.unwrap();
        let mut sending = connection.open_uni().await.unwrap();
        sending.write_all(HELLO).await.unwrap();
        sending.write_all(b"R").await.unwrap();
        let mut receiving = connection.accept_uni().await.unwrap();
        let mut greeting = [0; 11];
        receiving.read_exact(&mut greeting).await.unwrap();
        assert_eq!(greeting, *b"icnq\x00\x01\x00\x00\x0f\xa0R");
        assert_eq!(self.victim.recv().await, Ok(Incoming::Up(peer(number))));
        (connection, sending, receiving)
    }

    /// What the victim says of a peer that says `bytes` first.
    async fn verdict_on(&self, number: u8, bytes: &[u8]) -> LinkEnd {
        let connection = self.dialed_by(Arc::new(keypair(number))).await.unwrap();
        let mut sending = connection.open_uni().await.unwrap();
        sending.write_all(bytes).await.unwrap();
        assert!(matches!(
            connection.closed().await,
            ConnectionError::ApplicationClosed(_)
        ));
        self.end_of(number).await
    }

    async fn end_of(&self, number: u8) -> LinkEnd {
        loop {
            if let Some(end) = self.victim.last_end(peer(number)) {
                return end;
            }
            smol::Timer::after(Duration::from_millis(5)).await;
        }
    }

    /// The victim's other links work as before.
    async fn goes_on(&self) {
        let frame = Frame::new(b"still here");
        let victim = self.victim.local_peer();
        self.bystander.send(victim, frame.clone()).await.unwrap();
        let from = peer(7);
        assert_eq!(
            self.victim.recv().await,
            Ok(Incoming::Frame { from, frame })
        );
    }
}

#[test]
fn an_oversized_frame_ends_the_link_of_its_sender_only() {
    for victim in ascending() {
        block_on(async {
            let scene = Scene::set(victim).await;
            let hostile = 3 - victim;
            let (connection, mut sending, _receiving) = scene.linked_with(hostile).await;
            sending.write_all(&[0xff; 4]).await.unwrap();
            assert_eq!(scene.victim.recv().await, Ok(Incoming::Down(peer(hostile))));
            let end = LinkEnd::TooLong {
                len: u32::MAX as usize,
                max: FRAME_LEN_MAX,
            };
            assert_eq!(scene.victim.last_end(peer(hostile)), Some(end));
            assert_eq!(end.fault(), Fault::Peer);
            let ConnectionError::ApplicationClosed(close) = connection.closed().await else {
                panic!("not told");
            };
            assert_eq!(close.error_code, end.as_code());
            scene.goes_on().await;
        });
    }
}

#[test]
fn a_frame_that_ends_early_ends_the_link() {
    block_on(async {
        let scene = Scene::set(1).await;
        let (_connection, mut sending, _receiving) = scene.linked_with(2).await;
        sending
            .write_all(b"\0\0\0\x02ok\0\0\0\x09short")
            .await
            .unwrap();
        sending.finish().unwrap();
        let (from, frame) = (peer(2), Frame::new(b"ok"));
        assert_eq!(
            scene.victim.recv().await,
            Ok(Incoming::Frame { from, frame })
        );
        assert_eq!(scene.victim.recv().await, Ok(Incoming::Down(peer(2))));
        assert_eq!(scene.victim.last_end(peer(2)), Some(LinkEnd::Truncated));
        scene.goes_on().await;
    });
}

#[test]
fn wrong_greetings_are_refused_by_reason() {
    block_on(async {
        let scene = Scene::set(1).await;
        let end = scene.verdict_on(2, b"GET / HTTP/1.1\r\n\r\n").await;
        assert_eq!(end, LinkEnd::BadHello);
        let end = scene.verdict_on(3, b"icnq\x00\x09\x00\x00\x10\x00").await;
        assert_eq!(end, LinkEnd::Version { theirs: 9 });
        let end = scene.verdict_on(4, b"icnq\x00\x01\x00\x00\x10\x00X").await;
        assert_eq!(end, LinkEnd::BadHello);
        scene.goes_on().await;
    });
}

#[test]
fn a_peer_that_does_not_greet_is_given_up() {
    block_on(async {
        let scene = Scene::set(1).await;
        // Half a greeting, and a whole one that never confirms ours.
        let ends = join(scene.verdict_on(2, b"icnq"), scene.verdict_on(3, HELLO)).await;
        assert_eq!(ends, (LinkEnd::Silent, LinkEnd::Silent));
        scene.goes_on().await;
    });
}

#[test]
fn a_close_with_a_code_of_its_own_is_the_peers_fault() {
    block_on(async {
        let scene = Scene::set(1).await;
        let (connection, _sending, _receiving) = scene.linked_with(2).await;
        connection.close(quinn::VarInt::from_u32(77), b"boo");
        assert_eq!(scene.victim.recv().await, Ok(Incoming::Down(peer(2))));
        assert_eq!(scene.victim.last_end(peer(2)), Some(LinkEnd::Protocol));
    });
}

#[test]
fn random_bytes_after_the_greeting_hurt_nobody_else() {
    block_on(async {
        let scene = Scene::set(1).await;
        for round in 0..16_u8 {
            let (_connection, mut sending, _receiving) = scene.linked_with(2).await;
            let noise = icn_types::hash::sha256(&[round]);
            // Short enough lengths in half of the rounds.
            let first = if round % 2 == 0 {
                [0, 0, 0, round]
            } else {
                [round; 4]
            };
            sending.write_all(&first).await.unwrap();
            // The link may be gone already.
            let _ = sending.write_all(&noise).await;
            let _ = sending.finish();
            while scene.victim.recv().await != Ok(Incoming::Down(peer(2))) {}
            let end = scene.end_of(2).await;
            assert_eq!(end.fault(), Fault::Peer, "{end}");
        }
        scene.goes_on().await;
    });
}

#[test]
fn a_peer_that_dials_again_is_linked_again() {
    // As a restarted peer does, whose old connection nobody closed.
    for victim in ascending() {
        block_on(async {
            let scene = Scene::set(victim).await;
            let number = 3 - victim;
            let (first, _sending, _receiving) = scene.linked_with(number).await;
            let second = scene.dialed_by(Arc::new(keypair(number))).await.unwrap();
            let mut sending = second.open_uni().await.unwrap();
            sending.write_all(HELLO).await.unwrap();
            sending.write_all(b"R\0\0\0\x03new").await.unwrap();
            assert_eq!(scene.victim.recv().await, Ok(Incoming::Down(peer(number))));
            assert_eq!(scene.victim.recv().await, Ok(Incoming::Up(peer(number))));
            let (from, frame) = (peer(number), Frame::new(b"new"));
            assert_eq!(
                scene.victim.recv().await,
                Ok(Incoming::Frame { from, frame })
            );
            let ConnectionError::ApplicationClosed(close) = first.closed().await else {
                panic!("not told");
            };
            assert_eq!(close.error_code, LinkEnd::Replaced.as_code());
        });
    }
}

#[test]
fn a_peer_that_dials_without_end_costs_two_connections() {
    for victim in ascending() {
        block_on(async {
            let scene = Scene::set(victim).await;
            let number = 3 - victim;
            let mut dialed = Vec::new();
            for _ in 0..40 {
                dialed.push(scene.dialed_by(Arc::new(keypair(number))).await.unwrap());
            }
            let open = || {
                let closed = |dialed: &&Connection| dialed.close_reason().is_some();
                dialed.len() - dialed.iter().filter(closed).count()
            };
            while open() > 2 {
                smol::Timer::after(Duration::from_millis(5)).await;
            }
            scene.goes_on().await;
        });
    }
}

#[test]
fn of_two_dials_the_one_of_the_lower_key_stays() {
    block_on(async {
        let [low, high] = ascending();
        let scene = Scene::set(low).await;
        let identity = Identity::new(Arc::new(keypair(high)));
        let server = identity.server([peer(low)].into()).unwrap();
        let server = quinn::ServerConfig::with_crypto(Arc::new(server));
        let endpoint = Endpoint::server(server, (Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        scene
            .victim
            .add_peer(peer(high), endpoint.local_addr().unwrap())
            .unwrap();
        // The dial of the lower key is under way, and the other one overtakes.
        let incoming = endpoint.accept().await.unwrap();
        let ours = scene.dialed_by(Arc::new(keypair(high))).await.unwrap();
        let mut early = ours.open_uni().await.unwrap();
        early.write_all(HELLO).await.unwrap();
        smol::Timer::after(Duration::from_millis(100)).await;
        let theirs = incoming.accept().unwrap().await.unwrap();
        let mut sending = theirs.open_uni().await.unwrap();
        sending.write_all(HELLO).await.unwrap();
        sending.write_all(b"R").await.unwrap();
        let mut receiving = theirs.accept_uni().await.unwrap();
        let mut greeting = [0; 11];
        receiving.read_exact(&mut greeting).await.unwrap();
        assert_eq!(scene.victim.recv().await, Ok(Incoming::Up(peer(high))));
        ours.close(LinkEnd::Replaced.as_code(), b"");
        // Closed while it was parked: the link stays as it is.
        smol::Timer::after(Duration::from_millis(1200)).await;
        assert_eq!(theirs.close_reason(), None);
        sending.write_all(b"\0\0\0\x01x").await.unwrap();
        let (from, frame) = (peer(high), Frame::new(b"x"));
        assert_eq!(
            scene.victim.recv().await,
            Ok(Incoming::Frame { from, frame })
        );
        scene.goes_on().await;
    });
}

/// Claims one key and signs with another, or not at all.
struct Forger {
    claimed: PublicKey,
    signing: Option<Keypair>,
}

impl Signer for Forger {
    fn public_key(&self) -> PublicKey {
        self.claimed
    }

    fn sign(&self, message: &[u8]) -> Result<Signature, SignError> {
        match &self.signing {
            Some(key) => key.sign(message),
            None => Err(SignError::Unavailable),
        }
    }
}

#[test]
fn a_key_without_its_signature_proves_nothing() {
    block_on(async {
        let scene = Scene::set(1).await;
        let forger = |signing| {
            let claimed = keypair(2).public_key();
            Arc::new(Forger { claimed, signing })
        };
        // The refused client may see a finished dial before the refusal.
        let end = match scene.dialed_by(forger(Some(keypair(9)))).await {
            Ok(connection) => connection.closed().await,
            Err(error) => error,
        };
        assert_eq!(LinkEnd::from(end), LinkEnd::Refused);
        assert!(scene.dialed_by(forger(None)).await.is_err());
        scene.goes_on().await;
        assert_eq!(scene.victim.last_end(peer(2)), None);
    });
}

#[test]
fn a_server_whose_key_is_locked_is_refused() {
    block_on(async {
        let claimed = keypair(2).public_key();
        let forger = Forger {
            claimed,
            signing: None,
        };
        let local = (Ipv4Addr::LOCALHOST, 0).into();
        let locked = bind(QuicConfig::new(forger, local, [peer(1)], [2; 32])).unwrap();
        let dialing = bind(config(1)).unwrap();
        dialing
            .add_peer(peer(2), locked.local_addr().unwrap())
            .unwrap();
        let end = loop {
            if let Some(end) = dialing.last_end(peer(2)) {
                break end;
            }
            smol::Timer::after(Duration::from_millis(5)).await;
        };
        assert_eq!(end, LinkEnd::Refused);
    });
}

#[test]
fn rests_double_up_to_the_limit_and_spread() {
    let (min, max) = (Duration::from_millis(50), Duration::from_secs(2));
    let config = config(1).with_rest(min, max);
    assert_eq!(rest(&config, peer(2), 0), Duration::ZERO);
    for attempt in 1..100 {
        let whole = min.saturating_mul(1 << (attempt - 1).min(20)).min(max);
        let pause = rest(&config, peer(2), attempt);
        assert!(whole / 2 <= pause && pause <= whole, "{attempt}: {pause:?}");
        assert_eq!(pause, rest(&config, peer(2), attempt));
    }
    let spread: std::collections::BTreeSet<_> =
        (2..8).map(|other| rest(&config, peer(other), 9)).collect();
    assert!(spread.len() > 3, "{spread:?}");
}

#[test]
fn ends_have_codes_of_their_own() {
    let ends = [
        LinkEnd::Closed,
        LinkEnd::Replaced,
        LinkEnd::Disconnected,
        LinkEnd::Lost,
        LinkEnd::Refused,
        LinkEnd::BadHello,
        LinkEnd::Version { theirs: 2 },
        LinkEnd::Silent,
        LinkEnd::TooLong { len: 2, max: 1 },
        LinkEnd::Truncated,
        LinkEnd::Protocol,
    ];
    let codes: std::collections::BTreeSet<_> = ends.iter().map(LinkEnd::code).collect();
    assert_eq!(codes.len(), ends.len());
    assert!(ends.iter().all(|end| !end.to_string().ends_with('.')));
}
