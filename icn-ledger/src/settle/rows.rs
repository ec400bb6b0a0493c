//! Settlements as rows and back.

use alloc::vec::Vec;

use icn_types::id::ChainId;
use icn_types::set::Slot;

use super::{Paid, Settlements};
use crate::snapshot::{Cell, Pages, Reading, RestoreError, Row, Sum};

impl Settlements {
    pub(crate) fn write(&self, into: &mut Pages) {
        let Self {
            paid,
            against,
            replaced,
        } = self;
        into.table(paid.iter().map(|(&claim, &paid)| (claim, paid)));
        into.table(against.iter().map(|(&debtor, &atoms)| (debtor, Sum(atoms))));
        into.table(replaced.iter().map(|(&leg, &by)| (leg, by)));
    }

    pub(crate) fn read<P: AsRef<[u8]>>(from: &mut Reading<'_, P>) -> Result<Self, RestoreError> {
        let paid = from.table()?.into_iter().collect();
        let against = from.table()?.into_iter();
        Ok(Self {
            paid,
            against: against
                .map(|(debtor, Sum(atoms))| (debtor, atoms))
                .collect(),
            replaced: from.table()?.into_iter().collect(),
        })
    }
}

impl Cell for Paid {
    const LEN: usize = Slot::LEN + ChainId::LEN + Sum::LEN;

    fn put(&self, into: &mut Vec<u8>) {
        let Self { by, debtor, atoms } = *self;
        (by, debtor, Sum(atoms)).put(into);
    }

    fn take(from: &mut Row<'_>) -> Option<Self> {
        let (by, debtor, Sum(atoms)) = Cell::take(from)?;
        Some(Self { by, debtor, atoms })
    }
}
