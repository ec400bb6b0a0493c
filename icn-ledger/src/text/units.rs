//! Units as commodities.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::decimal::Decimals;
use super::word::Symbol;
use crate::unit::Unit;

/// How a unit is written.
#[derive(Clone, Debug)]
pub(super) struct Commodity {
    pub(super) symbol: Symbol,
    pub(super) decimals: Decimals,
}

/// The commodities of units, in their order.
///
/// A unit whose scale is a power of ten is written with its decimals and under
/// its code. Any other is counted in atoms, as no number of decimals would be
/// exact: seconds for hours, as `5400 "hours atoms"`. Units that would share a
/// symbol have their names behind it.
pub(super) fn commodities<'a>(units: impl Iterator<Item = &'a Unit>) -> Vec<Commodity> {
    let plain: Vec<(String, Decimals, &Unit)> = units
        .map(|unit| {
            let digits = unit
                .scale
                .decimals()
                .and_then(|digits| u8::try_from(digits).ok());
            match digits.and_then(Decimals::new) {
                Some(decimals) => (unit.code.to_string(), decimals, unit),
                None => (format!("{} atoms", unit.code), Decimals::NONE, unit),
            }
        })
        .collect();
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for (text, ..) in &plain {
        *counts.entry(text).or_default() += 1;
    }
    plain
        .iter()
        .filter_map(|(text, decimals, unit)| {
            let symbol = match counts.get(text.as_str()) {
                Some(1) => Symbol::new(text),
                _ => Symbol::new(&format!("{text} {}", unit.id())),
            };
            Some(Commodity {
                symbol: symbol?,
                decimals: *decimals,
            })
        })
        .collect()
}
