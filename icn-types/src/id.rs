//! Names of things: distinct types of 32 bytes that never convert into each
//! other.
//!
//! Almost all of them are hashes of canonical bytes, so a name can be checked
//! by whoever holds the thing. None is read from the wire where it can be
//! computed.

use core::fmt;

/// Declares a name of 32 bytes. Domain crates use it for names of their own.
#[macro_export]
macro_rules! name32 {
    ($(#[$doc:meta])* $name:ident) => {
        $crate::name32!($(#[$doc])* $name without text);

        impl ::core::fmt::Display for $name {
            /// 64 lower-case hex digits.
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                ::core::fmt::Display::fmt(&$crate::id::Hex(&self.0), f)
            }
        }
    };
    ($(#[$doc:meta])* $name:ident without text) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; 32]);

        impl $name {
            /// The name with exactly these bytes. Shape only: whether such a
            /// thing exists is another question.
            #[must_use]
            pub const fn from_bytes(bytes: [u8; 32]) -> Self {
                Self(bytes)
            }

            /// The bytes of the name.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; 32] {
                &self.0
            }
        }

        impl ::core::fmt::Debug for $name {
            /// The first four bytes, enough to tell names apart in a log.
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                ::core::write!(f, "{}({})", stringify!($name), $crate::id::Hex(&self.0[..4]))
            }
        }

        impl $crate::canon::Encode for $name {
            fn encode(&self, w: &mut $crate::canon::Writer) {
                w.bytes(&self.0);
            }
        }

        impl $crate::canon::Decode for $name {
            fn decode(
                r: &mut $crate::canon::Reader<'_>,
            ) -> Result<Self, $crate::canon::DecodeError> {
                r.fixed().map(Self)
            }
        }
    };
}

name32! {
    /// A record: SHA-256 of its header's canonical bytes.
    RecordId
}
name32! {
    /// A domain (one cooperative): the id of its charter.
    DomainId
}
name32! {
    /// A chain: SHA-256 of its definition.
    ChainId
}
name32! {
    /// A topic: SHA-256 of its definition.
    TopicId
}
name32! {
    /// A unit of account: SHA-256 of its definition.
    UnitId
}
name32! {
    /// The content of a record: SHA-256 of its canonical bytes.
    ContentHash
}
name32! {
    /// One operation of a payer, chosen by the caller; the same key and request
    /// give the first outcome again.
    OperationKey
}
name32! {
    /// What two replicas compare: a hash over canonical rows.
    Digest
}

/// Bytes shown as lower-case hex.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "a view of a slice, nothing else")]
pub struct Hex<'a>(pub &'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
