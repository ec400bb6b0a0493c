//! Units of account: what an amount is an amount of.

use core::fmt;
use core::num::NonZeroU64;

use icn_types::amount::{Amount, AmountError};
use icn_types::canon::{Decode, DecodeError, Encode, Reader, Reason, Writer};
use icn_types::canonical;
use icn_types::error::{Coded, Fault};
use icn_types::hash;
use icn_types::id::{DomainId, UnitId};

/// Atoms in an hour, where the unit is time.
const HOUR: u64 = 3600;

/// The definition of a unit. Its hash is the unit's name, so two communities
/// never mean the same unit by the same code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "hashed value: its fields are the format"
)]
pub struct Unit {
    /// The domain whose members owe and are owed.
    pub issuer: DomainId,
    /// What people call it.
    pub code: UnitCode,
    /// Atoms of one display unit: 100 for cents, 3600 for hours in seconds.
    pub scale: Scale,
    /// The least amount that one leg may have.
    pub min_leg: Amount,
}
canonical!(Unit = "icn/ledger/unit/v1" { issuer, code, scale, min_leg });

impl Unit {
    /// The unit's name: SHA-256 of its definition.
    #[must_use]
    pub fn id(&self) -> UnitId {
        UnitId::from_bytes(hash::of(self))
    }

    /// Atoms as people read them, without the code.
    ///
    /// A power of ten gives `12.34`, 3600 gives `7h`, `1h30` or `1h30:15`,
    /// every other scale `3+5/12`. Exact; what stands above zero is read back by
    /// [`parse`](Self::parse).
    #[must_use]
    pub const fn show(&self, atoms: i128) -> Shown {
        Shown {
            atoms,
            scale: self.scale,
        }
    }

    /// Reads an amount as [`show`](Self::show) writes it. Fewer decimals than
    /// the scale has are allowed, more are not: nothing is rounded.
    ///
    /// # Errors
    /// [`ParseError`] when the text is no amount of this unit.
    pub fn parse(&self, text: &str) -> Result<Amount, ParseError> {
        let atoms = self.scale.parse(text)?;
        Ok(Amount::new(atoms)?)
    }
}

/// Atoms of one display unit, at least 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Scale(NonZeroU64);

/// How a scale is written.
enum Style {
    /// A power of ten with this exponent.
    Decimal(u32),
    Hours,
    Fraction,
}

impl Scale {
    /// `atoms` to one display unit. `None` for zero.
    #[must_use]
    pub const fn new(atoms: u64) -> Option<Self> {
        match NonZeroU64::new(atoms) {
            Some(atoms) => Some(Self(atoms)),
            None => None,
        }
    }

    /// The number of atoms.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0.get()
    }

    /// How many decimals a display unit has, where it is a power of ten.
    pub(crate) fn decimals(self) -> Option<u32> {
        match self.style() {
            Style::Decimal(digits) => Some(digits),
            Style::Hours | Style::Fraction => None,
        }
    }

    fn style(self) -> Style {
        let digits = self.0.ilog10();
        if self.get() == HOUR {
            Style::Hours
        } else if 10_u64.checked_pow(digits) == Some(self.get()) {
            Style::Decimal(digits)
        } else {
            Style::Fraction
        }
    }

    fn parse(self, text: &str) -> Result<u64, ParseError> {
        let (whole, rest) = match self.style() {
            Style::Decimal(digits) => match text.split_once('.') {
                Some((whole, decimals)) => (whole, decimal_places(decimals, digits)?),
                None => (text, 0),
            },
            Style::Hours => {
                let (whole, rest) = text.split_once('h').ok_or(ParseError::Form)?;
                (whole, seconds(rest)?)
            }
            Style::Fraction => match text.split_once('+') {
                Some((whole, fraction)) => (whole, self.numerator(fraction)?),
                None => (text, 0),
            },
        };
        number(whole)?
            .checked_mul(self.get())
            .and_then(|atoms| atoms.checked_add(rest))
            .ok_or(ParseError::Amount(AmountError::TooLarge))
    }

    fn numerator(self, fraction: &str) -> Result<u64, ParseError> {
        let (numerator, denominator) = fraction.split_once('/').ok_or(ParseError::Form)?;
        let (numerator, denominator) = (number(numerator)?, number(denominator)?);
        if denominator == self.get() && (1..denominator).contains(&numerator) {
            Ok(numerator)
        } else {
            Err(ParseError::Form)
        }
    }
}

/// Decimals after the point, filled up with zeros.
fn decimal_places(text: &str, digits: u32) -> Result<u64, ParseError> {
    let given = u32::try_from(text.len()).unwrap_or(u32::MAX);
    let missing = digits.checked_sub(given).ok_or(ParseError::Precision)?;
    number(text)?
        .checked_mul(10_u64.pow(missing))
        .ok_or(ParseError::Form)
}

/// Nothing, minutes, or minutes and seconds after the `h`.
fn seconds(text: &str) -> Result<u64, ParseError> {
    let sixty = |text: &str| match number(text)? {
        value if text.len() == 2 && value < 60 => Ok(value),
        _ => Err(ParseError::Form),
    };
    match text.split_once(':') {
        None if text.is_empty() => Ok(0),
        None => Ok(sixty(text)? * 60),
        Some((minutes, seconds)) => Ok(sixty(minutes)? * 60 + sixty(seconds)?),
    }
}

/// Digits and nothing else.
fn number(text: &str) -> Result<u64, ParseError> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(ParseError::Form);
    }
    text.parse()
        .map_err(|_| ParseError::Amount(AmountError::TooLarge))
}

impl Encode for Scale {
    fn encode(&self, w: &mut Writer) {
        w.uint(self.get());
    }
}

impl Decode for Scale {
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let atoms = r.uint()?;
        Self::new(atoms).ok_or_else(|| r.error(Reason::Value("unit.scale")))
    }
}

/// Atoms as people read them; see [`Unit::show`].
#[derive(Clone, Copy, Debug)]
pub struct Shown {
    atoms: i128,
    scale: Scale,
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let atoms = self.atoms.unsigned_abs();
        let scale = u128::from(self.scale.get());
        let (whole, rest) = (atoms / scale, atoms % scale);
        if self.atoms < 0 {
            f.write_str("-")?;
        }
        match self.scale.style() {
            Style::Decimal(0) => write!(f, "{whole}"),
            Style::Decimal(digits) => {
                let width = usize::try_from(digits).unwrap_or_default();
                write!(f, "{whole}.{rest:0width$}")
            }
            Style::Hours => match (rest / 60, rest % 60) {
                (0, 0) => write!(f, "{whole}h"),
                (minutes, 0) => write!(f, "{whole}h{minutes:02}"),
                (minutes, seconds) => write!(f, "{whole}h{minutes:02}:{seconds:02}"),
            },
            Style::Fraction if rest == 0 => write!(f, "{whole}"),
            Style::Fraction => write!(f, "{whole}+{rest}/{scale}"),
        }
    }
}

/// One to eleven ASCII letters, digits and dashes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct UnitCode {
    bytes: [u8; Self::LEN_MAX],
    len: u8,
}

impl UnitCode {
    /// Longest code in bytes.
    pub const LEN_MAX: usize = 11;

    /// The code with this spelling. `None` when it is empty, too long or has
    /// other characters than ASCII letters, digits and dashes.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        let mut bytes = [0; Self::LEN_MAX];
        bytes
            .get_mut(..text.len())?
            .copy_from_slice(text.as_bytes());
        let len = u8::try_from(text.len()).ok()?;
        (len > 0 && text.bytes().all(is_allowed)).then_some(Self { bytes, len })
    }

    /// The spelling.
    #[must_use]
    pub fn as_str(&self) -> &str {
        let bytes = self.bytes.get(..usize::from(self.len)).unwrap_or_default();
        core::str::from_utf8(bytes).unwrap_or_default()
    }
}

impl fmt::Display for UnitCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for UnitCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UnitCode({self})")
    }
}

impl Encode for UnitCode {
    fn encode(&self, w: &mut Writer) {
        w.text(self.as_str());
    }
}

impl Decode for UnitCode {
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let text = r.text()?;
        Self::new(text).ok_or_else(|| r.error(Reason::Value("unit.code")))
    }
}

/// A text is no amount of a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseError {
    /// It is not spelled as amounts of the unit are.
    #[error("text is not spelled as an amount of the unit")]
    Form,
    /// It has more decimals than the unit.
    #[error("text has more decimals than the unit")]
    Precision,
    /// The number is no amount.
    #[error("number is no amount")]
    Amount(#[from] AmountError),
}

impl Coded for ParseError {
    fn code(&self) -> &'static str {
        match self {
            Self::Form => "unit.form",
            Self::Precision => "unit.precision",
            Self::Amount(error) => error.code(),
        }
    }

    fn fault(&self) -> Fault {
        Fault::Caller
    }
}
