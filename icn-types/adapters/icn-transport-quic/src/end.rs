use icn_types::error::{Coded, Fault};
use quinn::{ConnectionError, VarInt};

/// Why the last link to a peer ended, or a try to make one failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LinkEnd {
    /// The peer closed its transport.
    #[error("peer closed its transport")]
    Closed,
    /// A newer connection of the same pair took over.
    #[error("another connection of the pair took over")]
    Replaced,
    /// One of the two hosts disconnected the other.
    #[error("one of the hosts disconnected the other")]
    Disconnected,
    /// Nothing came for too long, or the network broke.
    #[error("connection was lost")]
    Lost,
    /// The handshake failed: another key than the peer's, the peer does not know
    /// ours, or one of the two signers is locked.
    #[error("handshake was refused")]
    Refused,
    /// The first bytes were not a greeting of this protocol.
    #[error("peer sent something else than a greeting")]
    BadHello,
    /// The peer speaks another version.
    #[error("peer speaks version {theirs}")]
    Version {
        /// The version that it speaks.
        theirs: u16,
    },
    /// The peer did not greet in time.
    #[error("peer did not greet in time")]
    Silent,
    /// The peer announced a longer frame than is allowed.
    #[error("peer sent a frame of {len} bytes, more than {max}")]
    TooLong {
        /// The length announced, in bytes.
        len: usize,
        /// Longest frame in bytes.
        max: usize,
    },
    /// The peer's bytes ended inside a frame or before the link did.
    #[error("bytes of the peer ended early")]
    Truncated,
    /// The peer broke the rules of QUIC, or says that we did.
    #[error("connection broke the rules of QUIC")]
    Protocol,
}

impl LinkEnd {
    /// What a closed connection tells the other end.
    pub(crate) fn as_code(self) -> VarInt {
        VarInt::from_u32(match self {
            Self::Closed => 0,
            Self::Replaced => 1,
            Self::Disconnected => 2,
            Self::BadHello => 3,
            Self::Version { .. } => 4,
            Self::Silent => 5,
            Self::TooLong { .. } => 6,
            Self::Truncated => 7,
            Self::Lost | Self::Refused | Self::Protocol => 8,
        })
    }
}

impl From<ConnectionError> for LinkEnd {
    fn from(error: ConnectionError) -> Self {
        match error {
            ConnectionError::ApplicationClosed(close) => match close.error_code.into_inner() {
                0 => Self::Closed,
                1 => Self::Replaced,
                2 => Self::Disconnected,
                _ => Self::Protocol,
            },
            ConnectionError::ConnectionClosed(close) if is_crypto(close.error_code) => {
                Self::Refused
            }
            // An endpoint that is closing or overrun, nobody's fault.
            ConnectionError::ConnectionClosed(close)
                if close.error_code == quinn::TransportErrorCode::CONNECTION_REFUSED =>
            {
                Self::Lost
            }
            ConnectionError::TransportError(error) if is_crypto(error.code) => Self::Refused,
            ConnectionError::TransportError(_)
            | ConnectionError::ConnectionClosed(_)
            | ConnectionError::VersionMismatch => Self::Protocol,
            ConnectionError::LocallyClosed => Self::Replaced,
            ConnectionError::Reset | ConnectionError::TimedOut | ConnectionError::CidsExhausted => {
                Self::Lost
            }
        }
    }
}

/// Codes 0x100 to 0x1ff carry a TLS alert (RFC 9001, 4.8).
fn is_crypto(code: quinn::TransportErrorCode) -> bool {
    (0x100..0x200).contains(&u64::from(code))
}

impl Coded for LinkEnd {
    fn code(&self) -> &'static str {
        match self {
            Self::Closed => "transport.quic.closed",
            Self::Replaced => "transport.quic.replaced",
            Self::Disconnected => "transport.quic.disconnected",
            Self::Lost => "transport.quic.lost",
            Self::Refused => "transport.quic.refused",
            Self::BadHello => "transport.quic.bad_hello",
            Self::Version { .. } => "transport.quic.version",
            Self::Silent => "transport.quic.silent",
            Self::TooLong { .. } => "transport.quic.too_long",
            Self::Truncated => "transport.quic.truncated",
            Self::Protocol => "transport.quic.protocol",
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::Closed | Self::Replaced | Self::Disconnected | Self::Lost => Fault::Environment,
            Self::Refused
            | Self::BadHello
            | Self::Version { .. }
            | Self::Silent
            | Self::TooLong { .. }
            | Self::Truncated
            | Self::Protocol => Fault::Peer,
        }
    }
}
