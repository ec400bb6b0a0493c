//! Exchange rates: an amount of one unit for an amount of another.

use icn_types::amount::Amount;
use icn_types::canon::{Decode, DecodeError, Encode, Reader, Reason, Writer};
use icn_types::canonical;
use icn_types::error::{Coded, Fault};

/// How much of the payee's unit stands for how much of the payer's.
///
/// Two whole numbers and no quotient: 3 cents for 7 seconds is just that.
///
/// ```
/// use icn_ledger::rate::{Known, Rate, Residue};
/// use icn_types::amount::Amount;
///
/// // One euro for 100 cents: 250 cents buy two euros, and 50 cents are left.
/// let rate = Rate::new(Amount::new(100)?, Amount::new(1)?);
/// let converted = rate.convert(Known::Paid(Amount::new(250)?))?;
/// assert_eq!(converted.received.get(), 2);
/// assert_eq!(converted.residue, Residue::Payer(Amount::new(50)?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    paid: Amount,
    received: Amount,
}
canonical!(Rate { paid, received });

/// Which of the two amounts is given; the other one follows from the rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "the two sides there are")]
pub enum Known {
    /// What the payer gives. The payee receives no more than it buys.
    Paid(Amount),
    /// What the payee receives. The payer gives no less than it costs.
    Received(Amount),
}

impl Encode for Known {
    /// `[0, amount]` paid or `[1, amount]` received.
    fn encode(&self, w: &mut Writer) {
        let (number, amount) = match self {
            Self::Paid(amount) => (0, amount),
            Self::Received(amount) => (1, amount),
        };
        w.array(2);
        w.uint(number);
        amount.encode(w);
    }
}

impl Decode for Known {
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        r.array_of(2)?;
        Ok(match r.uint()? {
            0 => Self::Paid(Decode::decode(r)?),
            1 => Self::Received(Decode::decode(r)?),
            _ => return Err(r.error(Reason::Value("rate.known"))),
        })
    }
}

/// An exchange of whole atoms.
///
/// At `a` paid for `b` received, nothing is left out:
/// `paid = exchanged + residue of the payer` and
/// `exchanged * b = (received + residue of the payee) * a + remainder`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Conversion {
    /// What the payer gives, in atoms of its unit.
    pub paid: Amount,
    /// What of it is exchanged.
    pub exchanged: Amount,
    /// What the payee receives, in atoms of its unit.
    pub received: Amount,
    /// What was given for nothing, as whole atoms.
    pub residue: Residue,
    /// What whoever exchanges keeps beside: so many parts of an atom of the
    /// payee's unit, of which the rate's paid amount make one. It is less than an
    /// atom of either unit.
    pub remainder: u64,
}

/// Whole atoms that the rate leaves over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "none, or on one side")]
pub enum Residue {
    /// None.
    None,
    /// Of the payer's unit, given and not needed for what was received.
    Payer(Amount),
    /// Of the payee's unit, bought and not asked for.
    Payee(Amount),
}

/// An amount has no counterpart at a rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RateError {
    /// It buys less than one atom.
    #[error("amount buys less than one atom")]
    Nothing,
    /// The counterpart is above 2^63 - 1 atoms.
    #[error("counterpart is above 2^63 - 1 atoms")]
    TooLarge,
}

impl Coded for RateError {
    fn code(&self) -> &'static str {
        match self {
            Self::Nothing => "rate.nothing",
            Self::TooLarge => "rate.large",
        }
    }

    fn fault(&self) -> Fault {
        Fault::Caller
    }
}

impl Rate {
    /// `received` atoms of the payee's unit for `paid` atoms of the payer's.
    #[must_use]
    pub const fn new(paid: Amount, received: Amount) -> Self {
        Self { paid, received }
    }

    /// Atoms of the payer's unit.
    #[must_use]
    pub const fn paid(&self) -> Amount {
        self.paid
    }

    /// Atoms of the payee's unit that stand for them.
    #[must_use]
    pub const fn received(&self) -> Amount {
        self.received
    }

    /// The other amount. Rounded against whoever named the known one, and what
    /// rounding leaves is in the answer.
    ///
    /// # Errors
    /// - [`RateError::Nothing`] when the amount paid buys less than one atom;
    /// - [`RateError::TooLarge`] when the other amount would be above 2^63 - 1
    ///   atoms.
    pub fn convert(&self, known: Known) -> Result<Conversion, RateError> {
        // Amounts have 63 bits, so no product overflows.
        let (paid_for, received_for) = (wide(self.paid), wide(self.received));
        match known {
            Known::Paid(paid) => {
                let value = wide(paid) * received_for;
                let received = amount(value / paid_for)?;
                let left = value % paid_for;
                let residue = left / received_for;
                let exchanged = amount(wide(paid) - residue)?;
                Ok(Conversion {
                    paid,
                    exchanged: exchanged.ok_or(RateError::Nothing)?,
                    received: received.ok_or(RateError::Nothing)?,
                    residue: amount(residue)?.map_or(Residue::None, Residue::Payer),
                    remainder: narrow(left % received_for)?,
                })
            }
            Known::Received(received) => {
                let value = wide(received) * paid_for;
                let paid = amount(value.div_ceil(received_for))?;
                let paid = paid.ok_or(RateError::Nothing)?;
                let left = wide(paid) * received_for - value;
                Ok(Conversion {
                    paid,
                    exchanged: paid,
                    received,
                    residue: amount(left / paid_for)?.map_or(Residue::None, Residue::Payee),
                    remainder: narrow(left % paid_for)?,
                })
            }
        }
    }
}

fn wide(amount: Amount) -> u128 {
    u128::from(amount.get())
}

fn narrow(atoms: u128) -> Result<u64, RateError> {
    u64::try_from(atoms).map_err(|_| RateError::TooLarge)
}

/// None for zero.
fn amount(atoms: u128) -> Result<Option<Amount>, RateError> {
    match narrow(atoms)? {
        0 => Ok(None),
        atoms => Amount::new(atoms)
            .map(Some)
            .map_err(|_| RateError::TooLarge),
    }
}
