//! Exchange between two units, as one transfer.

use icn_types::canon::List;

use super::name::{AccountKey, UnitKey};
use super::request::{Part, Transfer};
use crate::rate::{Conversion, Residue};

/// Who exchanges what with whom. The exchange account takes one unit and gives
/// the other, so that each unit stays balanced for itself.
///
/// ```
/// use icn_ledger::book::{AccountKey, Exchange, UnitKey};
/// use icn_ledger::rate::{Known, Rate};
/// use icn_types::amount::Amount;
///
/// let exchange = Exchange {
///     payer: AccountKey::new(0),
///     payee: AccountKey::new(1),
///     through: AccountKey::new(2),
///     residue: AccountKey::new(3),
///     paid_in: UnitKey::new(0),
///     received_in: UnitKey::new(1),
/// };
/// let rate = Rate::new(Amount::new(100)?, Amount::new(1)?);
/// let transfer = exchange.transfer(&rate.convert(Known::Paid(Amount::new(250)?))?);
/// assert_eq!(transfer.payers.len(), 2); // 250 of unit 0, 2 of unit 1
/// assert_eq!(transfer.payees.len(), 3); // 200 and the residue of 50; 2
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "arguments, made by the caller")]
pub struct Exchange {
    /// Who pays.
    pub payer: AccountKey,
    /// Who is paid; may be the payer.
    pub payee: AccountKey,
    /// The exchange account, in both units.
    pub through: AccountKey,
    /// Where whole atoms go that the rate leaves over, in the unit in which they
    /// are left. Another account than the payer and the exchange account.
    pub residue: AccountKey,
    /// The unit that the payer pays in.
    pub paid_in: UnitKey,
    /// The unit that the payee receives.
    pub received_in: UnitKey,
}

impl Exchange {
    /// The transfer that carries a conversion out. What a rate leaves over below
    /// an atom stays with the exchange account.
    #[must_use]
    pub fn transfer(&self, conversion: &Conversion) -> Transfer {
        let part = |account, unit, amount| Part {
            account,
            unit,
            amount,
        };
        let paid = part(self.payer, self.paid_in, conversion.paid);
        let bought = part(self.through, self.paid_in, conversion.exchanged);
        let sold = |amount| part(self.through, self.received_in, amount);
        let received = part(self.payee, self.received_in, conversion.received);
        let left = |unit, amount| part(self.residue, unit, amount);
        let payers = List::of([paid, sold(conversion.received)]);
        match conversion.residue {
            Residue::None => Transfer {
                payers,
                payees: List::of([bought, received]),
            },
            Residue::Payer(residue) => Transfer {
                payers,
                payees: List::of([bought, left(self.paid_in, residue), received]),
            },
            Residue::Payee(residue) => Transfer {
                payers: List::of([paid, sold(conversion.received), sold(residue)]),
                payees: List::of([bought, received, left(self.received_in, residue)]),
            },
        }
    }
}
