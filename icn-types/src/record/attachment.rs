use crate::canonical;
use crate::hash;
use crate::name32;

name32! {
    /// A salted hash of a text that travels beside a record.
    AttachmentHash
}

/// Names a human text beside the record: salted hash and length.
///
/// No rule ever needs the text. Dropping it together with its salt erases it,
/// while the record stays valid and says as much as before about money and
/// votes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attachment {
    hash: AttachmentHash,
    len: u32,
}
canonical!(Attachment { hash, len });

impl Attachment {
    /// Names `text` under `salt`, 32 random bytes that keep a short text from
    /// being guessed. `None` when the text is longer than 2^32 - 1 bytes.
    #[must_use]
    pub fn new(salt: &[u8; 32], text: &[u8]) -> Option<Self> {
        Some(Self {
            hash: salted(salt, text),
            len: u32::try_from(text.len()).ok()?,
        })
    }

    /// Whether this is the text, under its salt.
    #[must_use]
    pub fn names(&self, salt: &[u8; 32], text: &[u8]) -> bool {
        Self::new(salt, text).as_ref() == Some(self)
    }

    /// Length of the text in bytes.
    #[must_use]
    pub const fn len(&self) -> u32 {
        self.len
    }

    /// Whether the text has no bytes.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The salted hash.
    #[must_use]
    pub const fn hash(&self) -> AttachmentHash {
        self.hash
    }
}

fn salted(salt: &[u8; 32], text: &[u8]) -> AttachmentHash {
    let mut hasher = hash::Hasher::new();
    hasher.update(b"icn/types/attachment/v1");
    hasher.update(salt);
    hasher.update(text);
    AttachmentHash::from_bytes(hasher.finish())
}
