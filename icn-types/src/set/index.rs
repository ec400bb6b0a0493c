//! Slots by record id.

use alloc::collections::BTreeMap;
use alloc::collections::btree_map::Entry;

use crate::id::RecordId;

use super::arena::Slot;

/// Slots by id, ordered by the first eight bytes alone.
///
/// Ids are hashes, so these eight bytes nearly always tell records apart, and
/// looking for a number costs a third of looking for 32 bytes. Whoever spends
/// 2^32 hashes on two ids that share them makes a look-up as dear as before.
#[derive(Debug, Clone, Default)]
pub(super) struct Index {
    by_prefix: BTreeMap<u64, Slot>,
    /// Records whose first eight bytes an earlier one has.
    twins: BTreeMap<RecordId, Slot>,
}

impl Index {
    /// The slot of `id`; `id_of` gives the whole id of a candidate.
    pub(super) fn find(&self, id: &RecordId, id_of: impl Fn(Slot) -> RecordId) -> Option<Slot> {
        let slot = *self.by_prefix.get(&prefix(id))?;
        if id_of(slot) == *id {
            Some(slot)
        } else {
            self.twins.get(id).copied()
        }
    }

    /// Adds an id that is not there yet.
    pub(super) fn insert(&mut self, id: RecordId, slot: Slot) {
        match self.by_prefix.entry(prefix(&id)) {
            Entry::Vacant(free) => drop(free.insert(slot)),
            Entry::Occupied(_) => drop(self.twins.insert(id, slot)),
        }
    }
}

fn prefix(id: &RecordId) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = *id.as_bytes();
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::{Index, Slot};
    use crate::id::RecordId;

    /// Ids of which some share their first eight bytes, by slot.
    fn ids() -> Vec<RecordId> {
        let id = |first: u8, last: u8| {
            let mut bytes = [first; 32];
            bytes[31] = last;
            RecordId::from_bytes(bytes)
        };
        Vec::from([id(1, 0), id(2, 0), id(1, 1), id(1, 2), id(3, 0)])
    }

    #[test]
    fn every_id_is_found_even_beside_others_with_its_first_bytes() {
        let ids = ids();
        let mut index = Index::default();
        for (number, id) in (0..).zip(&ids) {
            let id_of = |slot: Slot| ids[slot.index()];
            assert_eq!(index.find(id, id_of), None);
            index.insert(*id, Slot::numbered(number));
            for (known, id) in (0..=number).zip(&ids) {
                assert_eq!(index.find(id, id_of), Some(Slot::numbered(known)));
            }
        }
    }
}
