//! Legs that posted records sent, found by the slot of their record.

use alloc::vec;
use alloc::vec::Vec;
use core::num::NonZeroUsize;
use core::slice;

use icn_types::amount::Amount;
use icn_types::id::RecordId;
use icn_types::set::{RecordSet, Slot};

use super::AccountNumber;
use crate::legs::LegId;

/// What became of a leg.
#[derive(Clone, Copy, Debug)]
pub(super) enum Leg {
    InTransit {
        payer: AccountNumber,
        payee: AccountNumber,
        amount: Amount,
    },
    /// By a posted record.
    Taken(RecordId),
}

/// A leg by the order in which they were sent.
pub(crate) type LegNumber = usize;

/// The legs of a record lie side by side in their order, so that none is
/// searched for by name.
#[derive(Clone, Debug, Default)]
pub(super) struct LegTable {
    /// By slot: the first leg of the record, counted from 1.
    starts: Vec<Option<NonZeroUsize>>,
    legs: Vec<(LegId, Leg)>,
}

impl LegTable {
    /// Makes room for so many legs, of records up to so many slots.
    pub(super) fn reserve(&mut self, slots: usize, legs: usize) {
        self.starts.resize(slots, None);
        self.legs.reserve(legs);
    }

    /// Adds the next leg of the record in `slot`, whose legs come one after the
    /// other.
    pub(super) fn add(&mut self, slot: Slot, id: LegId, leg: Leg) -> LegNumber {
        let number = self.legs.len();
        self.legs.push((id, leg));
        if self.starts.len() <= slot.index() {
            self.starts.resize(slot.index() + 1, None);
        }
        let start = || NonZeroUsize::MIN.saturating_add(number);
        self.starts[slot.index()].get_or_insert_with(start);
        number
    }

    /// The number of a leg of the record in `slot`. A record may send fewer legs
    /// than it has numbers for, never more.
    pub(super) fn find(&self, slot: Slot, id: &LegId) -> Option<LegNumber> {
        let start = self.starts.get(slot.index()).copied()??.get() - 1;
        let numbers = start..=start + usize::from(id.leg);
        let is =
            |number: &LegNumber| matches!(self.legs.get(*number), Some((known, _)) if known == id);
        numbers.rev().find(is)
    }

    /// What became of the legs of the record in `slot`, in their order.
    pub(super) fn of(&self, slot: Slot, record: RecordId) -> impl Iterator<Item = Leg> + '_ {
        let start = self.starts.get(slot.index()).copied().flatten();
        let legs = start.and_then(|start| self.legs.get(start.get() - 1..));
        let legs = legs.unwrap_or_default().iter();
        legs.take_while(move |(id, _)| id.record == record)
            .map(|(_, leg)| *leg)
    }

    pub(super) fn id(&self, number: LegNumber) -> Option<LegId> {
        self.legs.get(number).map(|(id, _)| *id)
    }

    pub(super) fn leg(&self, number: LegNumber) -> Option<Leg> {
        self.legs.get(number).map(|(_, leg)| *leg)
    }

    pub(super) fn leg_mut(&mut self, number: LegNumber) -> Option<&mut Leg> {
        self.legs.get_mut(number).map(|(_, leg)| leg)
    }

    /// In the order of their numbers, each with the slot of its record.
    pub(super) fn with_slots(
        &self,
        set: &RecordSet,
    ) -> impl Iterator<Item = (Option<Slot>, &(LegId, Leg))> {
        let mut starts = vec![None; self.legs.len()];
        for (index, start) in self.starts.iter().enumerate() {
            if let Some(start) = start
                && let Some(first) = starts.get_mut(start.get() - 1)
            {
                *first = set.slot(index);
            }
        }
        let mut current = None;
        self.legs.iter().zip(starts).map(move |(leg, start)| {
            current = start.or(current);
            (current, leg)
        })
    }

    /// In the order of their numbers.
    pub(super) fn iter(&self) -> slice::Iter<'_, (LegId, Leg)> {
        self.legs.iter()
    }
}

#[cfg(test)]
mod tests {
    use icn_types::id::DomainId;
    use icn_types::set::RecordSet;

    use super::*;

    #[test]
    fn legs_are_found_whichever_numbers_a_record_leaves_out() {
        let set = RecordSet::new(DomainId::from_bytes([1; 32]));
        let mut table = LegTable::default();
        let mut added = Vec::new();
        for (slot, numbers) in [
            (4, &[0_u8, 1, 2][..]),
            (1, &[1, 4]),
            (2, &[]),
            (9, &[2, 255]),
        ] {
            let slot = set.slot_ahead(slot).unwrap();
            for &leg in numbers {
                let record = RecordId::from_bytes([u8::try_from(slot.index()).unwrap(); 32]);
                let id = LegId { record, leg };
                added.push((slot, id, table.add(slot, id, Leg::Taken(record))));
            }
        }
        for &(slot, id, number) in &added {
            assert_eq!(table.find(slot, &id), Some(number));
            assert_eq!(table.id(number), Some(id));
        }
        for (slot, leg) in [
            (4, 3),
            (1, 0),
            (1, 2),
            (2, 0),
            (3, 0),
            (9, 0),
            (9, 254),
            (10, 0),
        ] {
            let slot = set.slot_ahead(slot).unwrap();
            let record = RecordId::from_bytes([u8::try_from(slot.index()).unwrap(); 32]);
            assert_eq!(table.find(slot, &LegId { record, leg }), None);
        }
    }
}
