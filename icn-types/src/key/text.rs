//! Texts of keys, members and peers: one spelling each.

use core::fmt;
use core::str::FromStr;

use crate::error::{Coded, Fault};

use super::base58;
use super::member::MemberId;
use super::peer::PeerId;
use super::public::{KeyError, PublicKey};

/// multicodec `ed25519-pub`, as an unsigned varint.
const ED25519_PUB: [u8; 2] = [0xed, 0x01];
const KEY_PREFIX: &str = "did:key:z";
const MEMBER_PREFIX: &str = "did:icn:z";
/// Longest text that is looked at; every valid one is shorter.
const TEXT_LEN_MAX: usize = 128;

/// Why a text names no key, member or peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TextError {
    /// The text does not start as a name of this kind does.
    #[error("text does not start with {expected}")]
    Prefix {
        /// The start that was expected.
        expected: &'static str,
    },
    /// What follows is not the one base58btc spelling of a name.
    #[error("text is not the base58btc spelling of a name")]
    Spelling,
    /// The name is spelled well but is a key of another kind.
    #[error("text names a key of another kind")]
    Kind,
    /// The key is not admitted.
    #[error("text names a key that is not admitted")]
    Key(#[source] KeyError),
}

impl Coded for TextError {
    fn code(&self) -> &'static str {
        match self {
            Self::Prefix { .. } => "text.prefix",
            Self::Spelling => "text.spelling",
            Self::Kind => "text.kind",
            Self::Key(error) => error.as_code(),
        }
    }

    fn fault(&self) -> Fault {
        Fault::Caller
    }
}

impl fmt::Display for PublicKey {
    /// `did:key:z6Mk...`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = [0; 34];
        bytes[..2].copy_from_slice(&ED25519_PUB);
        bytes[2..].copy_from_slice(self.as_bytes());
        spelled(f, KEY_PREFIX, &bytes)
    }
}

impl FromStr for PublicKey {
    type Err = TextError;

    fn from_str(text: &str) -> Result<Self, TextError> {
        let bytes: [u8; 34] = unspelled(text, KEY_PREFIX)?;
        let (codec, key) = bytes.split_at(2);
        if codec != ED25519_PUB {
            return Err(TextError::Kind);
        }
        let key = key.try_into().map_err(|_| TextError::Spelling)?;
        Self::from_bytes(key).map_err(TextError::Key)
    }
}

impl fmt::Display for MemberId {
    /// `did:icn:z...`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        spelled(f, MEMBER_PREFIX, self.as_bytes())
    }
}

impl FromStr for MemberId {
    type Err = TextError;

    fn from_str(text: &str) -> Result<Self, TextError> {
        unspelled(text, MEMBER_PREFIX).map(Self::from_bytes)
    }
}

impl fmt::Display for PeerId {
    /// The `did:key` of the transport key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.key().fmt(f)
    }
}

impl FromStr for PeerId {
    type Err = TextError;

    fn from_str(text: &str) -> Result<Self, TextError> {
        text.parse().map(Self::new)
    }
}

fn spelled(f: &mut fmt::Formatter<'_>, prefix: &str, bytes: &[u8]) -> fmt::Result {
    f.write_str(prefix)?;
    f.write_str(&base58::encode(bytes))
}

fn unspelled<const N: usize>(text: &str, prefix: &'static str) -> Result<[u8; N], TextError> {
    let rest = text
        .strip_prefix(prefix)
        .ok_or(TextError::Prefix { expected: prefix })?;
    if text.len() > TEXT_LEN_MAX {
        return Err(TextError::Spelling);
    }
    base58::decode(rest).ok_or(TextError::Spelling)
}
