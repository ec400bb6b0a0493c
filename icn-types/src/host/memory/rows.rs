//! The rows of one space: found by hash of the key, put in order when a scan
//! asks for it.

use core::ops::Bound::{Excluded, Included, Unbounded};
use std::collections::BTreeMap;
use std::vec::Vec;

use crate::host::KeyBytes;
use crate::index::{Index, Spread as _};

/// Keys without a value that are kept whatever else there is.
const VACANT_MIN: usize = 16;

/// Values by key. Whoever writes pays for one look-up; whoever scans pays for
/// the order of what was written since the last scan.
#[derive(Debug, Default)]
pub(super) struct Rows {
    /// A row that was deleted stays, without a value, until half of them have none.
    rows: Pages,
    /// Their numbers by key.
    numbers: Index<KeyBytes>,
    /// Rows without a value.
    vacant: usize,
    /// The keys with a value among those numbered below `ordered`.
    order: BTreeMap<KeyBytes, usize>,
    ordered: usize,
}

#[derive(Debug)]
struct Row {
    key: KeyBytes,
    /// Short ones lie inside, as short keys do.
    value: Option<KeyBytes>,
}

impl Rows {
    fn find(&self, key: &KeyBytes) -> Option<usize> {
        self.find_spread(key, key.spread())
    }

    fn find_spread(&self, key: &KeyBytes, spread: u32) -> Option<usize> {
        let is = |number| self.rows.at(number).is_some_and(|row| row.key == *key);
        self.numbers.find_spread(key, spread, is)
    }

    pub(super) fn value(&self, key: &KeyBytes) -> Option<&[u8]> {
        self.rows.at(self.find(key)?)?.value.as_deref()
    }

    /// Begins to read what writing to `key` will read.
    pub(super) fn warm(&self, key: &KeyBytes) {
        self.numbers.warm(key);
    }

    pub(super) fn put(&mut self, key: KeyBytes, value: Vec<u8>) {
        let spread = key.spread();
        let Some(number) = self.find_spread(&key, spread) else {
            self.numbers.insert_spread(&key, spread, self.rows.len());
            let value = Some(KeyBytes::from(value));
            self.rows.push(Row { key, value });
            return;
        };
        let Some(row) = self.rows.at_mut(number) else {
            return;
        };
        if row.value.replace(KeyBytes::from(value)).is_none() {
            self.vacant -= 1;
            if number < self.ordered {
                self.order.insert(key, number);
            }
        }
    }

    pub(super) fn delete(&mut self, key: &KeyBytes) {
        let row = self.find(key).and_then(|number| self.rows.at_mut(number));
        if row.and_then(|row| row.value.take()).is_none() {
            return;
        }
        self.order.remove(key);
        self.vacant += 1;
        if self.vacant > VACANT_MIN.max(self.rows.len() / 2) {
            self.forget_vacant();
        }
    }

    /// Costs O(n) after n / 2 deletions.
    fn forget_vacant(&mut self) {
        for row in core::mem::take(self).rows.into_iter() {
            if row.value.is_some() {
                self.numbers.insert(&row.key, self.rows.len());
                self.rows.push(row);
            }
        }
    }

    /// The rows from key `from` up to, but without, key `to`, which is not
    /// below it.
    pub(super) fn within(
        &mut self,
        from: &[u8],
        to: Option<&[u8]>,
    ) -> impl DoubleEndedIterator<Item = (&KeyBytes, &[u8])> {
        self.put_in_order();
        let range = (Included(from), to.map_or(Unbounded, Excluded));
        let rows = &self.rows;
        let keys = self.order.range::<[u8], _>(range);
        keys.filter_map(|(key, &number)| Some((key, rows.at(number)?.value.as_deref()?)))
    }

    /// Sorted first, so that neighbours are inserted one after the other.
    fn put_in_order(&mut self) {
        let late = (self.ordered..self.rows.len()).filter_map(|number| {
            let row = self.rows.at(number)?;
            row.value.as_ref()?;
            Some((row.key.clone(), number))
        });
        let mut late: Vec<(KeyBytes, usize)> = late.collect();
        late.sort_unstable();
        self.order.extend(late);
        self.ordered = self.rows.len();
    }
}

/// Rows of a page.
const PAGE: usize = 128;

/// A list that grows without moving what it holds. All pages but the last are
/// full.
#[derive(Debug, Default)]
struct Pages(Vec<Vec<Row>>);

impl Pages {
    fn len(&self) -> usize {
        let full = self.0.len().saturating_sub(1) * PAGE;
        full + self.0.last().map_or(0, Vec::len)
    }

    fn at(&self, number: usize) -> Option<&Row> {
        self.0.get(number / PAGE)?.get(number % PAGE)
    }

    fn at_mut(&mut self, number: usize) -> Option<&mut Row> {
        self.0.get_mut(number / PAGE)?.get_mut(number % PAGE)
    }

    fn push(&mut self, row: Row) {
        match self.0.last_mut() {
            Some(page) if page.len() < PAGE => page.push(row),
            // Most spaces of a small store never fill the first page.
            _ => {
                let room = if self.0.is_empty() { 1 } else { PAGE };
                let mut page = Vec::with_capacity(room);
                page.push(row);
                self.0.push(page);
            }
        }
    }

    fn into_iter(self) -> impl Iterator<Item = Row> {
        self.0.into_iter().flatten()
    }
}

#[cfg(test)]
mod tests;
