//! Exact decimal numbers, as people write them.

use core::fmt;

use super::flaw::Flaw;

/// Largest number of atoms that one amount may have, either way. A sum of up
/// to 10^10 such amounts fits into 128 bits, so no order of adding overflows.
pub const ATOMS_MAX: i128 = 10_i128.pow(28);

/// How many decimals the amounts of a commodity have: 0 to 18. Its atom is
/// that power of ten.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Decimals(u8);

impl Decimals {
    /// Whole numbers.
    pub const NONE: Self = Self(0);

    /// As many decimals; `None` above 18.
    #[must_use]
    pub const fn new(count: u8) -> Option<Self> {
        if count <= 18 { Some(Self(count)) } else { None }
    }

    /// How many.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0
    }

    /// Atoms written as a number with exactly these decimals.
    #[must_use]
    pub const fn show(self, atoms: i128) -> Decimal {
        Decimal {
            mantissa: atoms,
            decimals: self,
        }
    }
}

/// The character between whole and fraction. The other one groups digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(clippy::exhaustive_enums, reason = "no tool knows a third")]
pub enum DecimalMark {
    /// `1,000.00`
    Point,
    /// `1.000,00`
    Comma,
}

impl DecimalMark {
    const fn byte(self) -> u8 {
        match self {
            Self::Point => b'.',
            Self::Comma => b',',
        }
    }
}

/// `mantissa / 10^decimals`, as it was written: 1.50 has two decimals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decimal {
    mantissa: i128,
    decimals: Decimals,
}

impl Decimal {
    /// How many decimals it is written with.
    #[must_use]
    pub const fn decimals(self) -> Decimals {
        self.decimals
    }

    /// The number as atoms of a commodity with so many decimals.
    ///
    /// # Errors
    /// [`Flaw::Precision`] when it has more decimals that are not zero,
    /// [`Flaw::Large`] when it is above [`ATOMS_MAX`].
    pub fn atoms(self, scale: Decimals) -> Result<i128, Flaw> {
        let (have, want) = (self.decimals.0, scale.0);
        let atoms = if have <= want {
            let factor = 10_i128.pow(u32::from(want - have));
            self.mantissa.checked_mul(factor).ok_or(Flaw::Large)?
        } else {
            let factor = 10_i128.pow(u32::from(have - want));
            if self.mantissa % factor != 0 {
                return Err(Flaw::Precision { decimals: scale });
            }
            self.mantissa / factor
        };
        within_bounds(atoms)
    }

    pub(super) const fn is_negative(self) -> bool {
        self.mantissa < 0
    }

    pub(super) const fn negated(self) -> Self {
        self.decimals.show(-self.mantissa)
    }

    pub(super) fn times(self, other: Self) -> Result<Self, Flaw> {
        let (left, right) = (self.shortest(), other.shortest());
        let decimals = Decimals::new(left.decimals.0 + right.decimals.0).ok_or(Flaw::Large)?;
        let product = left.mantissa.checked_mul(right.mantissa);
        Ok(decimals
            .show(within_bounds(product.ok_or(Flaw::Large)?)?)
            .shortest())
    }

    /// The same number without zeros at its end.
    pub(super) const fn shortest(mut self) -> Self {
        while self.decimals.0 > 0 && self.mantissa % 10 == 0 {
            self.mantissa /= 10;
            self.decimals.0 -= 1;
        }
        self
    }

    /// Reads digits with a decimal mark and digit groups, without a sign.
    ///
    /// The mark is as declared. Where nothing is declared, of two different
    /// ones the last is the decimal mark; one that occurs more often groups; a
    /// single point is a decimal mark, and so is a single comma unless three
    /// digits follow, or six: `1,000` is 1 to hledger and 1000 to ledger.
    ///
    /// # Errors
    /// [`Flaw::Ambiguous`], [`Flaw::Number`], [`Flaw::Large`], or
    /// [`Flaw::Precision`] above 18 decimals.
    pub(super) fn read(text: &str, mark: Option<DecimalMark>) -> Result<Self, Flaw> {
        let bytes = text.as_bytes();
        let point = match mark {
            Some(mark) => only(bytes, mark.byte())?,
            None => decimal_point(bytes)?,
        };
        let (whole, fraction) = match point {
            None => (bytes, &[][..]),
            Some(at) => (
                bytes.get(..at).unwrap_or_default(),
                bytes.get(at + 1..).unwrap_or_default(),
            ),
        };
        if whole.is_empty() && fraction.is_empty() {
            return Err(Flaw::Number);
        }
        let mantissa = read_digits(read_groups(whole)?, fraction)?;
        let decimals = u8::try_from(fraction.len()).ok().and_then(Decimals::new);
        let decimals = decimals.ok_or(Flaw::Precision {
            decimals: Decimals(18),
        })?;
        Ok(decimals.show(mantissa))
    }
}

fn within_bounds(atoms: i128) -> Result<i128, Flaw> {
    if (-ATOMS_MAX..=ATOMS_MAX).contains(&atoms) {
        Ok(atoms)
    } else {
        Err(Flaw::Large)
    }
}

/// Where the byte stands, if it does at most once.
fn only(bytes: &[u8], mark: u8) -> Result<Option<usize>, Flaw> {
    let mut places = bytes.iter().enumerate().filter(|&(_, &byte)| byte == mark);
    let first = places.next().map(|(at, _)| at);
    if places.next().is_some() {
        return Err(Flaw::Number);
    }
    Ok(first)
}

/// Where the decimal mark stands when none is declared.
fn decimal_point(bytes: &[u8]) -> Result<Option<usize>, Flaw> {
    let is_mark = |byte: &u8| matches!(byte, b'.' | b',');
    let Some(last) = bytes.iter().rposition(is_mark) else {
        return Ok(None);
    };
    let (mark, before) = bytes
        .get(..=last)
        .and_then(|upto| upto.split_last())
        .ok_or(Flaw::Number)?;
    if before.contains(mark) {
        return Ok(None);
    }
    let is_single = !before.iter().any(is_mark);
    let after = bytes.len() - last - 1;
    if is_single && *mark == b',' && after > 0 && after.is_multiple_of(3) {
        return Err(Flaw::Ambiguous);
    }
    Ok(Some(last))
}

/// The whole part: digits, or groups of them between equal marks.
fn read_groups(whole: &[u8]) -> Result<i128, Flaw> {
    let mark = whole.iter().find(|byte| !byte.is_ascii_digit());
    let Some(&mark) = mark else {
        return read_digits(0, whole);
    };
    let is_mark = |byte: &u8| *byte == mark;
    let last = whole.split(is_mark).count() - 1;
    let mut value = 0;
    for (number, group) in whole.split(is_mark).enumerate() {
        let is_group = match number {
            0 => (1..=3).contains(&group.len()),
            _ if number == last => group.len() == 3,
            // Lakhs and crores are groups of two.
            _ => matches!(group.len(), 2 | 3),
        };
        if !is_group {
            return Err(Flaw::Number);
        }
        value = read_digits(value, group)?;
    }
    Ok(value)
}

fn read_digits(start: i128, digits: &[u8]) -> Result<i128, Flaw> {
    let mut value = start;
    for &byte in digits {
        if !byte.is_ascii_digit() {
            return Err(Flaw::Number);
        }
        value = value * 10 + i128::from(byte - b'0');
        within_bounds(value)?;
    }
    Ok(value)
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.mantissa < 0 { "-" } else { "" };
        let digits = self.mantissa.unsigned_abs();
        let one = 10_u128.pow(u32::from(self.decimals.0));
        match usize::from(self.decimals.0) {
            0 => write!(f, "{sign}{digits}"),
            width => write!(f, "{sign}{}.{:0width$}", digits / one, digits % one),
        }
    }
}
