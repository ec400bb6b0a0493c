use alloc::vec::Vec;
use core::ops::Deref;

use super::{Decode, DecodeError, Encode, Reader, Reason, Writer};

/// Between `MIN` and `MAX` items; nothing makes a list of another length.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct List<T, const MIN: usize, const MAX: usize>(Vec<T>);

/// A list would be shorter or longer than its type allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("list of {len} items where {min} to {max} are allowed")]
pub struct OutOfRange {
    len: usize,
    min: usize,
    max: usize,
}

impl crate::error::Coded for OutOfRange {
    fn code(&self) -> &'static str {
        "canon.list.length"
    }

    fn fault(&self) -> crate::error::Fault {
        crate::error::Fault::Caller
    }
}

impl<T, const MIN: usize, const MAX: usize> List<T, MIN, MAX> {
    /// A list of these items.
    ///
    /// # Errors
    /// [`OutOfRange`] when there are fewer than `MIN` or more than `MAX`.
    pub fn new(items: impl Into<Vec<T>>) -> Result<Self, OutOfRange> {
        let items = items.into();
        if (MIN..=MAX).contains(&items.len()) {
            Ok(Self(items))
        } else {
            Err(OutOfRange {
                len: items.len(),
                min: MIN,
                max: MAX,
            })
        }
    }

    /// A list of so many items; a number that is not allowed does not compile.
    #[must_use]
    pub fn of<const N: usize>(items: [T; N]) -> Self {
        const { assert!(MIN <= N && N <= MAX, "a length that the list allows") };
        Self(Vec::from(items))
    }

    /// The items.
    #[must_use]
    pub fn into_vec(self) -> Vec<T> {
        self.0
    }
}

impl<T, const MAX: usize> List<T, 0, MAX> {
    /// A list of nothing.
    #[must_use]
    pub const fn empty() -> Self {
        Self(Vec::new())
    }
}

impl<T, const MAX: usize> Default for List<T, 0, MAX> {
    fn default() -> Self {
        Self::empty()
    }
}

impl<T, const MIN: usize, const MAX: usize> Deref for List<T, MIN, MAX> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<'a, T, const MIN: usize, const MAX: usize> IntoIterator for &'a List<T, MIN, MAX> {
    type Item = &'a T;
    type IntoIter = core::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl<T: Encode, const MIN: usize, const MAX: usize> Encode for List<T, MIN, MAX> {
    fn encode(&self, w: &mut Writer) {
        w.array(self.0.len());
        for item in &self.0 {
            item.encode(w);
        }
    }
}

impl<T: Decode, const MIN: usize, const MAX: usize> Decode for List<T, MIN, MAX> {
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (too_long, too_short) = (r.error(Reason::Limit), r.error(Reason::Count));
        let len = r.array()?;
        if len > MAX {
            return Err(too_long);
        }
        if len < MIN {
            return Err(too_short);
        }
        // The usual few take no more room than they need; of many, memory follows
        // the bytes that were really read.
        let mut items = Vec::with_capacity(len.min(4));
        for _ in 0..len {
            items.push(T::decode(r)?);
        }
        Ok(Self(items))
    }
}
