//! Amounts, positions and exact ratios. Integers only; nothing wraps.

use core::cmp::Ordering;
use core::fmt;
use core::num::NonZeroU64;

use crate::canon::{Decode, DecodeError, Encode, Reader, Reason, Writer};
use crate::error::{Coded, Fault};

/// A number of atoms of some unit: 1 to 2^63 - 1.
///
/// Zero, negative and fractional amounts do not exist, so none has to be
/// refused later.
///
/// ```
/// use icn_types::amount::Amount;
///
/// assert!(Amount::new(0).is_err());
/// assert_eq!(Amount::new(5000)?.get(), 5000);
/// # Ok::<(), icn_types::amount::AmountError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Amount(NonZeroU64);

/// A number is no amount, or a sum leaves its range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AmountError {
    /// Zero is no amount.
    #[error("amount is zero")]
    Zero,
    /// The number is above 2^63 - 1.
    #[error("amount is above 2^63 - 1")]
    TooLarge,
}

impl Coded for AmountError {
    fn code(&self) -> &'static str {
        match self {
            Self::Zero => "amount.zero",
            Self::TooLarge => "amount.large",
        }
    }

    fn fault(&self) -> Fault {
        Fault::Caller
    }
}

impl Amount {
    /// The largest amount, 2^63 - 1 atoms.
    pub const MAX: u64 = i64::MAX.cast_unsigned();

    /// An amount of `atoms`.
    ///
    /// # Errors
    /// [`AmountError`] when `atoms` is zero or above [`MAX`](Self::MAX).
    pub const fn new(atoms: u64) -> Result<Self, AmountError> {
        match NonZeroU64::new(atoms) {
            None => Err(AmountError::Zero),
            Some(_) if atoms > Self::MAX => Err(AmountError::TooLarge),
            Some(atoms) => Ok(Self(atoms)),
        }
    }

    /// The number of atoms.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0.get()
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Amount({self})")
    }
}

impl Encode for Amount {
    fn encode(&self, w: &mut Writer) {
        w.uint(self.get());
    }
}

impl Decode for Amount {
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let atoms = r.uint()?;
        Self::new(atoms).map_err(|error| r.error(Reason::Value(error.code())))
    }
}

/// Where an account stands, in atoms. Positive: the community owes the
/// holder. Negative: the holder owes the community.
///
/// Wide enough that no sum of amounts that fits in memory leaves it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position(i128);

impl Position {
    /// Nothing owed either way.
    pub const ZERO: Self = Self(0);

    /// A position of `atoms`.
    #[must_use]
    pub const fn new(atoms: i128) -> Self {
        Self(atoms)
    }

    /// The number of atoms, signed.
    #[must_use]
    pub const fn get(self) -> i128 {
        self.0
    }

    /// Higher by `amount`; `None` past the end of the range.
    #[must_use]
    pub fn raised(self, amount: Amount) -> Option<Self> {
        self.0.checked_add(i128::from(amount.get())).map(Self)
    }

    /// Lower by `amount`; `None` past the end of the range.
    #[must_use]
    pub fn lowered(self, amount: Amount) -> Option<Self> {
        self.0.checked_sub(i128::from(amount.get())).map(Self)
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An exact fraction between 0 and 1: what quorums and thresholds are.
///
/// ```
/// use core::cmp::Ordering;
/// use icn_types::amount::Ratio;
///
/// let two_thirds = Ratio::new(2, 3)?;
/// assert_eq!(two_thirds.compare(2, 3), Some(Ordering::Equal));
/// assert_eq!(two_thirds.compare(u128::MAX, u128::MAX), Some(Ordering::Greater));
/// assert_eq!(two_thirds.compare(0, 0), None); // a part of nothing
/// # Ok::<(), icn_types::amount::RatioError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ratio {
    numerator: u64,
    denominator: NonZeroU64,
}

/// Two numbers are no fraction between 0 and 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("ratio {numerator}/{denominator} is not between 0 and 1")]
pub struct RatioError {
    numerator: u64,
    denominator: u64,
}

impl Coded for RatioError {
    fn code(&self) -> &'static str {
        "ratio.range"
    }

    fn fault(&self) -> Fault {
        Fault::Caller
    }
}

impl Ratio {
    /// Nothing.
    pub const ZERO: Self = Self::of(0, 1);

    /// One half.
    pub const HALF: Self = Self::of(1, 2);

    /// Two thirds.
    pub const TWO_THIRDS: Self = Self::of(2, 3);

    /// Everything.
    pub const ONE: Self = Self::of(1, 1);

    /// A known fraction between 0 and 1.
    const fn of(numerator: u64, denominator: u64) -> Self {
        match Self::new(numerator, denominator) {
            Ok(ratio) => ratio,
            Err(_) => Self {
                numerator: 0,
                denominator: NonZeroU64::MIN,
            },
        }
    }

    /// `numerator / denominator`.
    ///
    /// # Errors
    /// [`RatioError`] when the denominator is zero or the fraction above 1.
    pub const fn new(numerator: u64, denominator: u64) -> Result<Self, RatioError> {
        match NonZeroU64::new(denominator) {
            Some(nonzero) if numerator <= denominator => Ok(Self {
                numerator,
                denominator: nonzero,
            }),
            _ => Err(RatioError {
                numerator,
                denominator,
            }),
        }
    }

    /// The part.
    #[must_use]
    pub const fn numerator(self) -> u64 {
        self.numerator
    }

    /// The whole, never zero.
    #[must_use]
    pub const fn denominator(self) -> u64 {
        self.denominator.get()
    }

    /// How `part / whole` compares with this ratio, by cross multiplication
    /// in 192 bits; nothing is divided and nothing is rounded. `None` when the
    /// whole is zero: a part of nothing reaches no ratio.
    #[must_use]
    pub fn compare(self, part: u128, whole: u128) -> Option<Ordering> {
        (whole > 0).then(|| {
            widening_mul(part, self.denominator.get()).cmp(&widening_mul(whole, self.numerator))
        })
    }
}

/// The product as (high, low): `high * 2^64 + low` with `low < 2^64`.
fn widening_mul(wide: u128, narrow: u64) -> (u128, u128) {
    const LOW: u128 = u64::MAX as u128;
    let narrow = u128::from(narrow);
    let low = (wide & LOW) * narrow;
    let high = (wide >> 64) * narrow + (low >> 64);
    (high, low & LOW)
}

impl Encode for Ratio {
    fn encode(&self, w: &mut Writer) {
        w.array(2);
        w.uint(self.numerator);
        w.uint(self.denominator.get());
    }
}

impl Decode for Ratio {
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        r.array_of(2)?;
        let (numerator, denominator) = (r.uint()?, r.uint()?);
        Self::new(numerator, denominator).map_err(|error| r.error(Reason::Value(error.code())))
    }
}

#[cfg(test)]
mod tests;
