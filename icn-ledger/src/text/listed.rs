//! Values by key, in the order in which the keys came first.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

/// A list that is searched in O(log n).
#[derive(Clone, Debug)]
pub(super) struct Listed<K, V> {
    places: BTreeMap<K, usize>,
    values: Vec<(K, V)>,
}

impl<K: Copy + Ord, V> Listed<K, V> {
    pub(super) const fn new() -> Self {
        Self {
            places: BTreeMap::new(),
            values: Vec::new(),
        }
    }

    /// The value of a key, which is `first` for a new one.
    pub(super) fn of(&mut self, key: K, first: V) -> &mut V {
        let place = *self.places.entry(key).or_insert(self.values.len());
        if place == self.values.len() {
            self.values.push((key, first));
        }
        &mut self.values[place].1
    }

    pub(super) fn into_values(self) -> Vec<(K, V)> {
        self.values
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn values_add_up_by_key_in_the_order_of_the_first(
            added in prop::collection::vec((0_u8..9, 1_i64..100), 0..40),
        ) {
            let (mut listed, mut plain) = (Listed::new(), Vec::<(u8, i64)>::new());
            for (key, amount) in added {
                *listed.of(key, 0) += amount;
                match plain.iter_mut().find(|(known, _)| *known == key) {
                    Some((_, sum)) => *sum += amount,
                    None => plain.push((key, amount)),
                }
            }
            prop_assert_eq!(listed.into_values(), plain);
        }
    }
}
