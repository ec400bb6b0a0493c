//! Keys whose bytes order like the values.

use super::super::KeyBytes;
use crate::time::Timestamp;

/// A value that can be a table's key.
///
/// Contract: all values of a type have encodings of the same length, and the
/// encodings order like the values. Then tuples order by their parts, and a
/// part is a prefix of the whole.
///
/// Integers are big-endian, signed ones with the sign bit flipped; names of 32
/// bytes are themselves. For a name of another crate see
/// [`table_key32!`](crate::table_key32).
pub trait TableKey: Sized {
    /// Appends the encoding.
    fn write(&self, out: &mut KeyBytes);

    /// Reads the encoding from the start of `from`; `None` when it is none.
    fn read(from: &mut KeyReader<'_>) -> Option<Self>;
}

/// Reads the parts of a key one after another.
#[derive(Clone, Debug)]
pub struct KeyReader<'a>(pub(super) &'a [u8]);

impl KeyReader<'_> {
    /// The next `N` bytes, if there are so many.
    pub fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }
}

pub(super) fn key_bytes(key: &impl TableKey) -> KeyBytes {
    let mut bytes = KeyBytes::new();
    key.write(&mut bytes);
    bytes
}

macro_rules! integers {
    ($($int:ty),*) => { $(
        impl TableKey for $int {
            fn write(&self, out: &mut KeyBytes) {
                out.push(&self.to_be_bytes());
            }

            fn read(from: &mut KeyReader<'_>) -> Option<Self> {
                from.take().map(Self::from_be_bytes)
            }
        }
    )* };
}
integers!(u8, u16, u32, u64, u128);

macro_rules! signed {
    ($($int:ty),*) => { $(
        impl TableKey for $int {
            fn write(&self, out: &mut KeyBytes) {
                out.push(&(self ^ Self::MIN).to_be_bytes());
            }

            fn read(from: &mut KeyReader<'_>) -> Option<Self> {
                from.take().map(|bytes| Self::from_be_bytes(bytes) ^ Self::MIN)
            }
        }
    )* };
}
signed!(i64, i128);

impl<const N: usize> TableKey for [u8; N] {
    fn write(&self, out: &mut KeyBytes) {
        out.push(self);
    }

    fn read(from: &mut KeyReader<'_>) -> Option<Self> {
        from.take()
    }
}

impl TableKey for Timestamp {
    fn write(&self, out: &mut KeyBytes) {
        self.as_millis().write(out);
    }

    fn read(from: &mut KeyReader<'_>) -> Option<Self> {
        u64::read(from).map(Self::from_millis)
    }
}

/// The only key of a table with one row.
impl TableKey for () {
    fn write(&self, _: &mut KeyBytes) {}

    fn read(_: &mut KeyReader<'_>) -> Option<Self> {
        Some(())
    }
}

macro_rules! tuples {
    ($(($($part:ident . $at:tt),*))*) => { $(
        impl<$($part: TableKey),*> TableKey for ($($part,)*) {
            fn write(&self, out: &mut KeyBytes) {
                $( self.$at.write(out); )*
            }

            fn read(from: &mut KeyReader<'_>) -> Option<Self> {
                Some(($( $part::read(from)?, )*))
            }
        }
    )* };
}
tuples! {
    (A.0, B.1)
    (A.0, B.1, C.2)
    (A.0, B.1, C.2, D.3)
}

/// Makes names declared with [`name32!`](crate::name32) keys of tables.
#[macro_export]
macro_rules! table_key32 {
    ($($name:ty),* $(,)?) => { $(
        impl $crate::host::TableKey for $name {
            fn write(&self, out: &mut $crate::host::KeyBytes) {
                out.push(self.as_bytes());
            }

            fn read(from: &mut $crate::host::KeyReader<'_>) -> ::core::option::Option<Self> {
                from.take().map(Self::from_bytes)
            }
        }
    )* };
}
table_key32!(
    crate::id::RecordId,
    crate::id::DomainId,
    crate::id::ChainId,
    crate::id::TopicId,
    crate::id::UnitId,
    crate::id::ContentHash,
    crate::id::OperationKey,
    crate::id::Digest,
    crate::key::MemberId,
);
