//! Cells: values of fixed width, of which rows are made.

use icn_types::amount::Amount;
use icn_types::authority::ProposalId;
use icn_types::id::{ChainId, OperationKey, RecordId, TopicId};
use icn_types::set::{RecordSet, Slot};
use icn_types::time::Timestamp;

use alloc::vec::Vec;

/// Sums are below 2^104: so many records as a set can hold, of so many legs, of
/// the largest amount. What was read can so be added to what comes.
const SUM_MAX: u128 = 1 << 104;

/// A value that takes the same number of bytes whatever it is. Numbers stand
/// most significant byte first.
pub(crate) trait Cell: Sized {
    const LEN: usize;

    fn put(&self, into: &mut Vec<u8>);

    /// The value that [`put`](Self::put) wrote; `None` where it wrote none such.
    fn take(from: &mut Row<'_>) -> Option<Self>;
}

/// What is left of a row that is read.
pub(crate) struct Row<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) set: &'a RecordSet,
    /// How many slots the snapshot knows of.
    pub(super) slots: usize,
}

impl Row<'_> {
    pub(super) fn fixed<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.bytes.split_first_chunk()?;
        self.bytes = rest;
        Some(*head)
    }

    pub(crate) const fn set(&self) -> &RecordSet {
        self.set
    }
}

macro_rules! numbers {
    ($($number:ty),*) => {$(
        impl Cell for $number {
            const LEN: usize = size_of::<Self>();

            fn put(&self, into: &mut Vec<u8>) {
                into.extend_from_slice(&self.to_be_bytes());
            }

            fn take(from: &mut Row<'_>) -> Option<Self> {
                from.fixed().map(Self::from_be_bytes)
            }
        }
    )*};
}
numbers!(u8, u16, u32, u64, i64);

impl Cell for bool {
    const LEN: usize = 1;

    fn put(&self, into: &mut Vec<u8>) {
        u8::from(*self).put(into);
    }

    fn take(from: &mut Row<'_>) -> Option<Self> {
        match u8::take(from)? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }
}

macro_rules! names {
    ($($name:ty),*) => {$(
        impl Cell for $name {
            const LEN: usize = 32;

            fn put(&self, into: &mut Vec<u8>) {
                into.extend_from_slice(self.as_bytes());
            }

            fn take(from: &mut Row<'_>) -> Option<Self> {
                from.fixed().map(Self::from_bytes)
            }
        }
    )*};
}
names!(RecordId, ChainId, TopicId, OperationKey, ProposalId);

/// By its number, which means the same record in the set that is read with it.
impl Cell for Slot {
    const LEN: usize = 4;

    fn put(&self, into: &mut Vec<u8>) {
        number(self.index()).put(into);
    }

    fn take(from: &mut Row<'_>) -> Option<Self> {
        let index = usize::try_from(u32::take(from)?).ok()?;
        from.set.slot(index).filter(|_| index < from.slots)
    }
}

/// Slots and what is counted by them are 32 bits wide.
pub(crate) fn number(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}

/// A sum of amounts.
#[derive(Clone, Copy)]
pub(crate) struct Sum(pub(crate) i128);

impl Cell for Sum {
    const LEN: usize = 16;

    fn put(&self, into: &mut Vec<u8>) {
        into.extend_from_slice(&self.0.to_be_bytes());
    }

    fn take(from: &mut Row<'_>) -> Option<Self> {
        let sum = i128::from_be_bytes(from.fixed()?);
        (sum.unsigned_abs() <= SUM_MAX).then_some(Self(sum))
    }
}

impl Cell for Amount {
    const LEN: usize = 8;

    fn put(&self, into: &mut Vec<u8>) {
        self.get().put(into);
    }

    fn take(from: &mut Row<'_>) -> Option<Self> {
        Self::new(u64::take(from)?).ok()
    }
}

impl Cell for Timestamp {
    const LEN: usize = 8;

    fn put(&self, into: &mut Vec<u8>) {
        self.as_millis().put(into);
    }

    fn take(from: &mut Row<'_>) -> Option<Self> {
        u64::take(from).map(Self::from_millis)
    }
}

/// Zeros for none.
impl<T: Cell> Cell for Option<T> {
    const LEN: usize = 1 + T::LEN;

    fn put(&self, into: &mut Vec<u8>) {
        let end = into.len() + Self::LEN;
        self.is_some().put(into);
        if let Some(value) = self {
            value.put(into);
        }
        into.resize(end, 0);
    }

    fn take(from: &mut Row<'_>) -> Option<Self> {
        let is_some = bool::take(from)?;
        let (value, rest) = from.bytes.split_at_checked(T::LEN)?;
        let mut value = Row {
            bytes: value,
            ..*from
        };
        from.bytes = rest;
        if is_some {
            T::take(&mut value).map(Some)
        } else {
            Some(None)
        }
    }
}

macro_rules! tuples {
    ($($cell:ident)*) => {
        impl<$($cell: Cell),*> Cell for ($($cell,)*) {
            const LEN: usize = 0 $(+ $cell::LEN)*;

            #[expect(non_snake_case, reason = "named like their types")]
            fn put(&self, into: &mut Vec<u8>) {
                let ($($cell,)*) = self;
                $($cell.put(into);)*
            }

            fn take(from: &mut Row<'_>) -> Option<Self> {
                Some(($($cell::take(from)?,)*))
            }
        }
    };
}
tuples!(A B);
tuples!(A B C);
tuples!(A B C D);
tuples!(A B C D E);
