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

        impl $crate::index::Spread for $name {
            fn spread(&self) -> u32 {
                $crate::index::Spread::spread(&self.0)
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

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::string::ToString as _;

    use super::{DomainId, Hex, RecordId};
    use crate::canon::{self, Reason};

    const BYTES: [u8; 32] = {
        let mut bytes = [0xab; 32];
        bytes[0] = 0x01;
        bytes
    };

    #[test]
    fn a_name_is_shown_as_64_lower_case_digits() {
        let text = RecordId::from_bytes(BYTES).to_string();
        assert_eq!(text, format!("01{}", "ab".repeat(31)));
    }

    #[test]
    fn debug_tells_the_kind_and_the_first_four_bytes() {
        assert_eq!(
            format!("{:?}", RecordId::from_bytes(BYTES)),
            "RecordId(01ababab)"
        );
        assert_eq!(
            format!("{:?}", DomainId::from_bytes(BYTES)),
            "DomainId(01ababab)"
        );
    }

    #[test]
    fn names_are_ordered_as_their_bytes() {
        let mut higher = [0; 32];
        higher[0] = 1;
        let mut lower = [0xff; 32];
        lower[0] = 0;
        assert!(RecordId::from_bytes(lower) < RecordId::from_bytes(higher));
    }

    #[test]
    fn a_name_is_a_byte_string_of_32() {
        let bytes = canon::to_bytes(&RecordId::from_bytes(BYTES));
        assert_eq!((bytes.len(), &bytes[..2]), (34, &[0x58, 32][..]));
        assert_eq!(canon::from_bytes(&bytes), Ok(RecordId::from_bytes(BYTES)));
        let short = canon::to_bytes(&[0_u8; 31]);
        let error = canon::from_bytes::<RecordId>(&short).unwrap_err();
        assert_eq!(error.reason(), Reason::Range);
    }

    #[test]
    fn hex_of_nothing_is_empty() {
        assert_eq!(Hex(&[]).to_string(), "");
        assert_eq!(Hex(&[0x00, 0x0f, 0xf0]).to_string(), "000ff0");
    }
}
