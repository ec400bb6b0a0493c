//! Bounds: the arithmetic of the rules, in plain numbers.
//!
//! Each rule about amounts stands here once. No sum can overflow: 2^64 legs of
//! the largest amount fit into 128 bits.

use icn_types::amount::Amount;

/// What the records of one account add up to, in atoms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sums {
    /// Credit that nobody can take back any more.
    pub(crate) sealed: i128,
    /// Credit that a fork of its sender could still take back.
    pub(crate) unsealed: i128,
    /// Sent, whatever became of it; on a chain also what holds set aside, for
    /// what is not paid of it comes back as credit.
    pub(crate) sent: i128,
    /// Set aside by open holds of a book.
    pub(crate) held: i128,
}

/// What bounds an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bounds {
    /// Lowest position that sending may reach.
    pub(crate) floor: i64,
    /// Highest position that credit may reach.
    pub(crate) ceiling: i64,
    /// Unsealed credit that may be spent.
    pub(crate) float: u64,
    /// What the account owes from records that do not count.
    pub(crate) charged: u64,
}

impl Sums {
    /// Where the account stands: credit without what it sent or set aside.
    pub(crate) const fn position(&self) -> i128 {
        self.sealed + self.unsealed - self.sent - self.held
    }

    /// What is left above the floor; negative below it.
    pub(crate) fn available(&self, bounds: &Bounds) -> i128 {
        self.sealed + self.unsealed.min(i128::from(bounds.float))
            - self.sent
            - self.held
            - i128::from(bounds.charged)
            - i128::from(bounds.floor)
    }

    /// What the account may send or set aside.
    pub(crate) fn spendable(&self, bounds: &Bounds) -> u128 {
        self.available(bounds).max(0).unsigned_abs()
    }

    /// Whether the account may send or set aside `atoms`.
    pub(crate) fn may_send(&self, bounds: &Bounds, atoms: i128) -> bool {
        atoms <= self.available(bounds)
    }

    /// What is left below the ceiling; negative above it.
    pub(crate) fn room(&self, bounds: &Bounds) -> i128 {
        i128::from(bounds.ceiling) - self.position()
    }

    /// Whether the account may take `atoms` of credit.
    pub(crate) fn may_take(&self, bounds: &Bounds, atoms: i128) -> bool {
        atoms <= self.room(bounds)
    }
}

/// What goes back to the payer when `part` of a hold goes to the payee. `None`
/// when the hold is smaller than the part.
pub(crate) const fn rest(held: Amount, part: u64) -> Option<u64> {
    held.get().checked_sub(part)
}

/// What all refunds of an original come to with one more. `None` when that is
/// more than the original.
pub(crate) fn refunded(original: Amount, before: u64, refund: Amount) -> Option<u64> {
    let sum = refunded_of(u128::from(original.get()), u128::from(before), refund)?;
    u64::try_from(sum).ok()
}

/// The same for an original of several amounts.
pub(crate) fn refunded_of(original: u128, before: u128, refund: Amount) -> Option<u128> {
    let sum = before.checked_add(u128::from(refund.get()))?;
    (sum <= original).then_some(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds = Bounds {
        floor: -100,
        ceiling: 50,
        float: 20,
        charged: 7,
    };

    fn amount(atoms: u64) -> Amount {
        Amount::new(atoms).unwrap()
    }

    #[test]
    fn an_account_spends_sealed_credit_some_unsealed_and_what_its_floor_leaves() {
        let mut sums = Sums {
            sealed: 30,
            unsealed: 25,
            sent: 40,
            held: 5,
        };
        assert_eq!(sums.position(), 10);
        assert_eq!(sums.available(&BOUNDS), 30 + 20 - 40 - 5 - 7 + 100);
        assert!(sums.may_send(&BOUNDS, 98));
        assert!(!sums.may_send(&BOUNDS, 99));
        sums.unsealed = 15;
        assert_eq!(sums.spendable(&BOUNDS), 93);
        sums.sent = 1000;
        assert_eq!(sums.spendable(&BOUNDS), 0, "below the floor");
    }

    #[test]
    fn the_ceiling_is_reached_and_not_passed() {
        let sums = Sums {
            sealed: 60,
            held: 30,
            ..Sums::default()
        };
        assert!(sums.may_take(&BOUNDS, 20));
        assert!(!sums.may_take(&BOUNDS, 21));
    }

    #[test]
    fn sums_at_the_ends_of_their_ranges_do_not_wrap() {
        let most = i128::from(u64::MAX) * i128::from(Amount::MAX);
        let bounds = Bounds {
            floor: i64::MIN,
            ceiling: i64::MAX,
            float: u64::MAX,
            charged: u64::MAX,
        };
        let sums = Sums {
            sent: most,
            ..Sums::default()
        };
        assert_eq!(
            sums.available(&bounds),
            -most - i128::from(u64::MAX) + (1 << 63)
        );
        assert!(!sums.may_send(&bounds, most));
        let sums = Sums {
            sealed: most,
            ..Sums::default()
        };
        assert!(!sums.may_take(&bounds, 1));
    }

    #[test]
    fn a_part_is_nothing_to_all_of_a_hold() {
        assert_eq!(rest(amount(50), 0), Some(50));
        assert_eq!(rest(amount(50), 50), Some(0));
        assert_eq!(rest(amount(50), 51), None);
    }

    #[test]
    fn refunds_come_to_no_more_than_the_original() {
        assert_eq!(refunded(amount(50), 0, amount(50)), Some(50));
        assert_eq!(refunded(amount(50), 30, amount(20)), Some(50));
        assert_eq!(refunded(amount(50), 30, amount(21)), None);
        assert_eq!(refunded(amount(50), u64::MAX, amount(1)), None);
    }
}
