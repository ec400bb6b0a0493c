use alloc::vec::Vec;

use crate::canon::{Reader, to_bytes};
use crate::key::{BadSignature, SignError, Signature, Signer, VerifyingKey};
use crate::sign::{Signed, Unverified};
use crate::time::Timestamp;

use super::Record;
use super::content::Content;
use super::header::{Header, Place};
use super::kind::Kind;

/// A record that nobody has signed yet.
///
/// Authoring is two-step: a draft gives the bytes to sign, a signature turns
/// it into a record. The key may be anywhere and answer at any time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    header: Header,
    content: Content,
}

impl Draft {
    /// A draft of `content` at `place`. `None` when kind and place contradict
    /// each other, or when the content is too long or nests too deeply for any
    /// reader: what can be signed can be read.
    #[must_use]
    pub fn new(place: Place, kind: Kind, at: Timestamp, content: Content) -> Option<Self> {
        let bytes = to_bytes(&content);
        Reader::new(&bytes)
            .and_then(|mut reader| reader.item())
            .ok()?;
        let header = Header::new(place, kind, at, &bytes)?;
        Some(Self { header, content })
    }

    /// The header as it will be signed; its id is the record's.
    #[must_use]
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// What the record will say.
    #[must_use]
    pub const fn content(&self) -> &Content {
        &self.content
    }

    /// Exactly the bytes to sign.
    #[must_use]
    pub fn signing_bytes(&self) -> Vec<u8> {
        to_bytes(&self.header)
    }

    /// The record with a signature of nothing: for looking at what a rule
    /// would say.
    pub(crate) fn unsigned(&self) -> Record {
        let signature = Signature::from_bytes([0; 64]);
        let (header, content) = (self.header.clone(), self.content.clone());
        Record::assemble(self.header.id(), header, signature, Some(content))
    }

    /// The record with a signature that was made elsewhere.
    ///
    /// # Errors
    /// [`BadSignature`] when it is not `key`'s signature of this draft.
    pub fn with_signature(
        self,
        key: &VerifyingKey,
        signature: Signature,
    ) -> Result<Signed<Record>, BadSignature> {
        let id = self.header.id();
        Unverified::new(Record::assemble(
            id,
            self.header,
            signature,
            Some(self.content),
        ))
        .verify(key)
    }

    /// The record signed here and now. The new signature is checked, so that a
    /// broken key store cannot put a bad record on its own chain.
    ///
    /// # Errors
    /// [`SignError`] as the signer says; [`SignError::Refused`] when it gave a
    /// signature that does not fit its key.
    pub fn sign<S: Signer + ?Sized>(self, signer: &S) -> Result<Signed<Record>, SignError> {
        let signature = signer.sign(&self.signing_bytes())?;
        self.with_signature(&signer.public_key().prepare(), signature)
            .map_err(|BadSignature| SignError::Refused)
    }
}
