use ed25519_dalek::Verifier as _;
use icn_types::canon::from_bytes;
use icn_types::record::Record;
use icn_types::sign::{Signed, Statement as _, Unverified};

use crate::rows::Decoded;

/// A record as it arrives, with what a bare signature check needs.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Arrival {
    /// Its canonical bytes.
    pub bytes: Vec<u8>,
    /// What they say.
    pub decoded: Decoded,
    signed: Vec<u8>,
    signature: ed25519_dalek::Signature,
    key: ed25519_dalek::VerifyingKey,
}

impl Arrival {
    /// These records on their way.
    #[must_use]
    pub fn all(records: &[Signed<Record>]) -> Vec<Self> {
        let arrival = |record: &Signed<Record>| Self {
            bytes: record.to_bytes(),
            decoded: Decoded::of(record),
            signed: record.signing_bytes(),
            signature: ed25519_dalek::Signature::from_bytes(record.signature().as_bytes()),
            key: ed25519_dalek::VerifyingKey::from_bytes(record.key().as_bytes()).expect("a key"),
        };
        records.iter().map(arrival).collect()
    }

    /// The records as our decoder reads them.
    #[must_use]
    pub fn unverified(arrivals: &[Self]) -> Vec<Unverified<Record>> {
        let decode = |arrival: &Self| from_bytes(&arrival.bytes).expect("canonical bytes");
        arrivals.iter().map(decode).collect()
    }

    /// Checks all signatures by plain verification.
    pub fn verify_all(arrivals: &[Self]) {
        for arrival in arrivals {
            let answer = arrival.key.verify(&arrival.signed, &arrival.signature);
            answer.expect("a good signature");
        }
    }

    /// Checks the signature by the strict function of the curve crate.
    pub fn verify_strict(&self) {
        let answer = self.key.verify_strict(&self.signed, &self.signature);
        answer.expect("a good signature");
    }
}
