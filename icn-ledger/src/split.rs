//! Dividing an amount by weights, to the atom.

use alloc::vec::Vec;
use core::cmp::Reverse;

use icn_types::amount::Amount;
use icn_types::error::{Coded, Fault};

/// Nothing has a weight, so nobody has a share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no weight is above zero")]
#[expect(clippy::exhaustive_structs, reason = "it has nothing to tell")]
pub struct SplitError;

impl Coded for SplitError {
    fn code(&self) -> &'static str {
        "split.weights"
    }

    fn fault(&self) -> Fault {
        Fault::Caller
    }
}

/// Divides `amount` in proportion to `weights`, one part for each in order; none
/// where the part is nothing.
///
/// The parts add up to the amount. Each is its exact share rounded down, and the
/// atoms that are left go one each to the largest remainders, the earlier of two
/// equal ones first (Hamilton's method). A weight of zero receives nothing. Cost
/// is that of sorting the weights.
///
/// ```
/// use icn_ledger::split::split;
/// use icn_types::amount::Amount;
///
/// let parts = split(Amount::new(100)?, &[1, 1, 0, 1])?;
/// let atoms: Vec<_> = parts.iter().map(|part| part.map_or(0, Amount::get)).collect();
/// assert_eq!(atoms, [34, 33, 0, 33]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`SplitError`] when no weight is above zero.
pub fn split(amount: Amount, weights: &[u64]) -> Result<Vec<Option<Amount>>, SplitError> {
    let whole: u128 = weights.iter().copied().map(u128::from).sum();
    if whole == 0 {
        return Err(SplitError);
    }
    // An amount has 63 bits and a weight 64, so no product overflows.
    let share = |weight: &u64| u128::from(amount.get()) * u128::from(*weight);
    let mut parts: Vec<u128> = weights.iter().map(|weight| share(weight) / whole).collect();
    let left = u128::from(amount.get()) - parts.iter().sum::<u128>();
    // The remainders come to `left` times `whole` and each is below `whole`, so
    // more than `left` of them are above zero: nobody without a weight is reached.
    let mut order: Vec<usize> = (0..weights.len()).collect();
    order.sort_by_key(|&at| Reverse(share(&weights[at]) % whole));
    for (_, at) in (0..left).zip(order) {
        parts[at] += 1;
    }
    let part = |atoms| {
        u64::try_from(atoms)
            .ok()
            .and_then(|atoms| Amount::new(atoms).ok())
    };
    Ok(parts.into_iter().map(part).collect())
}
