//! Canonical bytes: one byte string per value, readable by any CBOR library.
//!
//! The format is deterministic CBOR ([RFC 8949, section 4.2.1]) cut down to
//! 64-bit integers, byte strings, UTF-8 text, definite arrays, booleans and
//! null. Maps, floats, tags and indefinite items do not exist, so the size of
//! a head is the only freedom left and "shortest form" is the whole rule. A
//! value that stands alone is an array whose first element is its type tag,
//! ASCII, `icn/<crate>/<type>/v<number>`.
//!
//! What the reader accepts, the writer writes again byte by byte:
//! `encode(decode(bytes)) == bytes`. Every count and length is compared with
//! the bytes that are left before anything is allocated.
//!
//! ```
//! use icn_types::canon::{self, Decode, Encode};
//!
//! struct Pair {
//!     left: u64,
//!     right: Option<i64>,
//! }
//! icn_types::canonical!(Pair = "icn/example/pair/v1" { left, right });
//!
//! let bytes = canon::to_bytes(&Pair { left: 7, right: None });
//! assert_eq!(bytes[..2], [0x83, 0x73]); // three items, text of 19 bytes
//! let pair: Pair = canon::from_bytes(&bytes)?;
//! assert_eq!((pair.left, pair.right), (7, None));
//! # Ok::<(), icn_types::canon::DecodeError>(())
//! ```
//!
//! [RFC 8949, section 4.2.1]: https://www.rfc-editor.org/rfc/rfc8949#section-4.2.1

mod error;
mod list;
mod raw;
mod reader;
mod value;
mod writer;

use alloc::vec::Vec;

pub use error::{DecodeError, Reason};
pub use list::{List, OutOfRange};
pub use raw::Raw;
pub use reader::Reader;
pub use writer::Writer;

/// Deepest nesting of arrays that a reader follows.
pub const DEPTH_MAX: usize = 8;

/// Longest input that [`from_bytes`] looks at: one record with its content.
pub const LEN_MAX: usize = 256 * 1024;

/// A value with canonical bytes.
pub trait Encode {
    /// Appends the canonical bytes of `self`, exactly one CBOR item.
    fn encode(&self, w: &mut Writer);
}

/// A value that can be read back from its canonical bytes.
pub trait Decode: Sized {
    /// Reads exactly one CBOR item.
    ///
    /// # Errors
    /// [`DecodeError`] when the item is not the canonical form of a `Self`.
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError>;
}

/// A value that stands alone under a type tag.
pub trait Tagged {
    /// ASCII, `icn/<crate>/<type>/v<number>`.
    const TAG: &'static str;
}

/// Canonical bytes of `value`.
#[must_use]
pub fn to_bytes<T: Encode + ?Sized>(value: &T) -> Vec<u8> {
    let mut w = Writer::new();
    value.encode(&mut w);
    w.into_bytes()
}

/// Reads one value that fills `bytes` entirely. Cost is linear in their length.
///
/// # Errors
/// [`DecodeError`] with the offset where reading stopped: too long, truncated,
/// not shortest form, another type, a value out of range, or bytes left over.
pub fn from_bytes<T: Decode>(bytes: &[u8]) -> Result<T, DecodeError> {
    let mut r = Reader::new(bytes)?;
    let value = T::decode(&mut r)?;
    r.finish()?;
    Ok(value)
}

/// Derives [`Encode`] and [`Decode`] of a struct from one list of its fields,
/// so that the two cannot drift apart.
///
/// `canonical!(Name = "tag" { a, b })` writes `[tag, a, b]` and implements
/// [`Tagged`]; `canonical!(Name { a, b })` writes `[a, b]`, for parts that never
/// stand alone. With `where check`, decoding ends with
/// `fn check(self) -> Result<Self, Reason>`.
#[macro_export]
macro_rules! canonical {
    ($name:ident = $tag:literal { $($field:ident),* $(,)? } $(where $check:ident)?) => {
        impl $crate::canon::Tagged for $name {
            const TAG: &'static str = $tag;
        }
        impl $crate::canon::Encode for $name {
            fn encode(&self, w: &mut $crate::canon::Writer) {
                w.array(1 $(+ { let _ = stringify!($field); 1 })*);
                w.text($tag);
                $( $crate::canon::Encode::encode(&self.$field, w); )*
            }
        }
        impl $crate::canon::Decode for $name {
            fn decode(r: &mut $crate::canon::Reader<'_>) -> Result<Self, $crate::canon::DecodeError> {
                r.array_of(1 $(+ { let _ = stringify!($field); 1 })*)?;
                r.tag($tag)?;
                let value = Self { $( $field: $crate::canon::Decode::decode(r)? ),* };
                $( let value = value.$check().map_err(|reason| r.error(reason))?; )?
                Ok(value)
            }
        }
    };
    ($name:ident { $($field:ident),* $(,)? } $(where $check:ident)?) => {
        impl $crate::canon::Encode for $name {
            fn encode(&self, w: &mut $crate::canon::Writer) {
                w.array(0 $(+ { let _ = stringify!($field); 1 })*);
                $( $crate::canon::Encode::encode(&self.$field, w); )*
            }
        }
        impl $crate::canon::Decode for $name {
            fn decode(r: &mut $crate::canon::Reader<'_>) -> Result<Self, $crate::canon::DecodeError> {
                r.array_of(0 $(+ { let _ = stringify!($field); 1 })*)?;
                let value = Self { $( $field: $crate::canon::Decode::decode(r)? ),* };
                $( let value = value.$check().map_err(|reason| r.error(reason))?; )?
                Ok(value)
            }
        }
    };
}

#[cfg(test)]
mod tests;
