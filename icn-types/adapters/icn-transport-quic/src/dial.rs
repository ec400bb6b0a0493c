//! When to dial and how.

use std::net::SocketAddr;
use std::time::Duration;

use icn_types::hash::sha256;
use icn_types::key::PeerId;
use quinn::{Connection, Endpoint};

use crate::config::QuicConfig;
use crate::end::LinkEnd;
use crate::link::in_time;

/// The name in the handshake; the key says who answers, so it says nothing.
const SERVER_NAME: &str = "icn";

/// Dials once.
pub(crate) async fn dial(
    endpoint: Endpoint,
    client: quinn::ClientConfig,
    address: SocketAddr,
) -> Result<Connection, LinkEnd> {
    in_time(async {
        let connecting = endpoint
            .connect_with(client, address, SERVER_NAME)
            .map_err(|_| LinkEnd::Lost)?;
        // Whatever a handshake breaks off with, there was no link to break.
        connecting.await.map_err(|error| match error.into() {
            LinkEnd::Protocol => LinkEnd::Refused,
            end => end,
        })
    })
    .await
}

/// Rest before dial number `attempt`: none before the first, then doubling up
/// to the limit, between a half and the whole of it by the seed.
pub(crate) fn rest(config: &QuicConfig, peer: PeerId, attempt: u32) -> Duration {
    let Some(doublings) = attempt.checked_sub(1) else {
        return Duration::ZERO;
    };
    let whole = config
        .rest_min
        .saturating_mul(1_u32.checked_shl(doublings).unwrap_or(u32::MAX))
        .min(config.rest_max);
    let own = config.signer.public_key();
    let draw = sha256(
        &[
            &config.seed[..],
            own.as_bytes(),
            peer.key().as_bytes(),
            &attempt.to_be_bytes(),
        ]
        .concat(),
    );
    let half = whole / 2;
    half + half * u32::from(draw[0]) / 255
}
