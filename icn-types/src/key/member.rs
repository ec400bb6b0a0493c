use crate::canonical;
use crate::hash;
use crate::name32;

use super::public::PublicKey;

name32! {
    /// A principal of one domain: SHA-256 of its [`Inception`].
    ///
    /// Keys change, the member stays. Text form: `did:icn:z...`, one spelling.
    MemberId without text
}

/// How a member came to be: the statement whose hash is the member's name.
///
/// `community` is the founding nonce of the domain's charter, so the same
/// person has another name in another cooperative; links between them are
/// claims, never assumed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "signed data: its fields are the format"
)]
pub struct Inception {
    /// Founding nonce of the charter.
    pub community: [u8; 32],
    /// The member's first key.
    pub key: PublicKey,
    /// The key that may take over when the current one is lost or stolen.
    pub recovery: PublicKey,
}
canonical!(Inception = "icn/types/inception/v1" { community, key, recovery });

impl Inception {
    /// The member's name.
    #[must_use]
    pub fn id(&self) -> MemberId {
        MemberId::from_bytes(hash::of(self))
    }
}
