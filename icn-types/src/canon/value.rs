//! Canonical bytes of the plain types.

use super::{Decode, DecodeError, Encode, Reader, Reason, Writer};

macro_rules! unsigned {
    ($($int:ty),*) => { $(
        impl Encode for $int {
            fn encode(&self, w: &mut Writer) {
                w.uint(u64::from(*self));
            }
        }
        impl Decode for $int {
            fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
                let too_large = r.error(Reason::Range);
                Self::try_from(r.uint()?).map_err(|_| too_large)
            }
        }
    )* };
}
unsigned!(u8, u16, u32, u64);

impl Encode for i64 {
    fn encode(&self, w: &mut Writer) {
        w.int(*self);
    }
}

impl Decode for i64 {
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        r.int()
    }
}

impl Encode for bool {
    fn encode(&self, w: &mut Writer) {
        w.bool(*self);
    }
}

impl Decode for bool {
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        r.bool()
    }
}

impl<const N: usize> Encode for [u8; N] {
    fn encode(&self, w: &mut Writer) {
        w.bytes(self);
    }
}

impl<const N: usize> Decode for [u8; N] {
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        r.fixed()
    }
}

/// `null` or the value. No type in canonical bytes is itself written as null.
impl<T: Encode> Encode for Option<T> {
    fn encode(&self, w: &mut Writer) {
        match self {
            Some(value) => value.encode(w),
            None => w.null(),
        }
    }
}

impl<T: Decode> Decode for Option<T> {
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        if r.null()? {
            Ok(None)
        } else {
            T::decode(r).map(Some)
        }
    }
}
