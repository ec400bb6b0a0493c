//! The transport keeps the laws of its port.

use std::future::ready;
use std::time::Duration;

use futures::executor::block_on;
use icn_transport_quic::QuicTransport;
use icn_types::host::Transport as _;
use icn_types::key::PeerId;
use icn_types::testkit::transport::{Trio, check};
use smol::Timer;

use super::world::{PATIENCE, introduce, peer, start};

struct Bench([QuicTransport; 3]);

impl Bench {
    fn new(ports: [QuicTransport; 3]) -> Self {
        for at in 0..3 {
            for of in (0..3).filter(|of| *of != at) {
                introduce(&ports[at], &ports[of]);
            }
        }
        Self(ports)
    }
}

impl Trio for Bench {
    type Port = QuicTransport;

    fn port(&self, at: usize) -> &QuicTransport {
        &self.0[at]
    }

    fn stranger(&self) -> PeerId {
        peer(99)
    }

    async fn cut(&self, a: usize, b: usize) {
        assert_eq!(self.0[a].disconnect(self.0[b].local_peer()), Ok(()));
    }

    async fn heal(&self, a: usize, b: usize) {
        assert_eq!(self.0[a].reconnect(self.0[b].local_peer()), Ok(()));
    }

    async fn close(&self, at: usize) {
        self.0[at].close().await;
    }

    async fn settled(&self) {
        Timer::after(Duration::from_millis(200)).await;
    }

    async fn patience(&self) {
        Timer::after(PATIENCE).await;
    }
}

#[test]
fn quic_keeps_the_laws_of_the_transport_port() {
    let make = || ready(Bench::new([0, 1, 2].map(|number| start(number).unwrap())));
    block_on(check(make)).unwrap();
}
