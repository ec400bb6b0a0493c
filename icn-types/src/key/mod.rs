//! Keys, signatures and the one Ed25519 rule.
//!
//! A key is admitted once: canonical, of full order, without a torsion part.
//! A signature is then accepted exactly when [RFC 8032] verification with the
//! strict checks accepts it. There is no second path: batches and relaxed
//! variants accept other sets, and two nodes would disagree.
//!
//! [RFC 8032]: https://www.rfc-editor.org/rfc/rfc8032#section-5.1.7

mod base58;
mod member;
mod peer;
mod public;
mod signature;
mod text;

pub use member::{Inception, MemberId};
pub use peer::PeerId;
pub use public::{KeyError, PublicKey, VerifyingKey};
pub use signature::{BadSignature, Keypair, SignError, Signature, Signer};
pub use text::TextError;

#[cfg(test)]
mod tests;
