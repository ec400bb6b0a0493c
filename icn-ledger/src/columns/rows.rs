//! Columns as rows and back, the legs in the order in which they were counted.

use alloc::vec::Vec;

use icn_types::amount::Amount;
use icn_types::id::ChainId;
use icn_types::index::Directory;
use icn_types::set::{RecordSet, Slot};
use icn_types::time::Timestamp;

use super::table::Leg;
use super::{Column, Columns, Held};
use crate::legs::{LegId, Sent};
use crate::snapshot::{Cell, Pages, Reading, RestoreError, Row, Sum, number};

/// A leg with the record that took it.
type LegRow = (Slot, u8, Option<Slot>);

/// Payer and payee by number, and how much. What is in transit makes up the
/// columns for it.
type TransitRow = (u32, u32, Amount);

/// An open hold. Its payer wrote it.
type HeldRow = (Slot, ChainId, ChainId, Amount, Option<Timestamp>);

/// What a column says beside what is in transit or held.
#[derive(Clone, Copy)]
struct Standing {
    posted: Sum,
    contested: Sum,
    charged: Sum,
}

impl Columns {
    /// `None` where these are no columns of `set`.
    pub(crate) fn write(&self, set: &RecordSet, into: &mut Pages) -> Option<()> {
        let Self {
            accounts,
            legs,
            open: _, // all that no record took
            held,
            unresolved: _, // the same as `held`
            settling,
        } = self;
        let accounts = accounts.iter();
        into.table(accounts.map(|(chain, row)| (*chain, Standing::of(&row.column))));
        let (mut rows, mut transits): (Vec<LegRow>, Vec<TransitRow>) = (Vec::new(), Vec::new());
        rows.reserve(legs.iter().len());
        for (slot, (leg, state)) in legs.with_slots(set) {
            let by = match *state {
                Leg::Taken(by) => Some(set.find(&by)?),
                Leg::InTransit {
                    payer,
                    payee,
                    amount,
                } => {
                    transits.push((number(payer), number(payee), amount));
                    None
                }
            };
            rows.push((slot?, leg.leg, by));
        }
        into.table(rows.into_iter());
        into.table(transits.into_iter());
        let held = held.iter().map(|(hold, held)| {
            let Held {
                payer: _,
                payee,
                resolver,
                amount,
                expires,
            } = *held;
            Some((set.find(hold)?, payee, resolver, amount, expires))
        });
        let held: Option<Vec<HeldRow>> = held.collect();
        into.table(held?.into_iter());
        let settling = settling.iter();
        let settling = settling.map(|leg| Some((set.find(&leg.record)?, leg.leg)));
        let settling: Option<Vec<(Slot, u8)>> = settling.collect();
        into.table(settling?.into_iter());
        Some(())
    }

    /// The columns that were written.
    pub(crate) fn read<P: AsRef<[u8]>>(from: &mut Reading<'_, P>) -> Result<Self, RestoreError> {
        let set = from.set();
        let rows: Vec<(ChainId, Standing)> = from.table()?;
        let rows = rows.into_iter();
        let rows = rows.map(|(chain, standing)| (chain, standing.row()));
        let accounts = Directory::of(rows.collect());
        let mut columns = Self {
            accounts: accounts.map_err(|_| from.bad_row())?, // each has one row
            ..Self::default()
        };
        let legs: Vec<LegRow> = from.table()?;
        let transits: Vec<TransitRow> = from.table()?;
        columns
            .add_legs(set, &legs, &transits)
            .ok_or_else(|| from.bad_row())?;
        for (slot, payee, resolver, amount, expires) in from.table::<HeldRow>()? {
            let held = Held {
                payer: set.chain(slot),
                payee,
                resolver,
                amount,
                expires,
            };
            columns.add_held(set.id(slot), held);
        }
        for (slot, leg) in from.table::<(Slot, u8)>()? {
            let record = set.id(slot);
            columns.settling.insert(LegId { record, leg });
        }
        Ok(columns)
    }

    /// Legs with who took them, and for each that nobody took what it moves.
    fn add_legs(
        &mut self,
        set: &RecordSet,
        legs: &[LegRow],
        transits: &[TransitRow],
    ) -> Option<()> {
        self.legs.reserve(set.len(), legs.len());
        let mut transits = transits.iter();
        for &(slot, leg, by) in legs {
            let id = LegId {
                record: set.id(slot),
                leg,
            };
            if let Some(by) = by {
                self.legs.add(slot, id, Leg::Taken(set.id(by)));
                continue;
            }
            let &(payer, payee, amount) = transits.next()?;
            let chain = |number| self.accounts.key(usize::try_from(number).ok()?);
            let sent = Sent {
                payer: *chain(payer)?,
                payee: *chain(payee)?,
                amount,
            };
            self.depart(slot, id, sent);
        }
        transits.next().is_none().then_some(())
    }
}

impl Standing {
    fn of(column: &Column) -> Self {
        let Column {
            posted,
            contested,
            charged,
            held: _,
            outgoing: _,
            incoming: _,
        } = *column;
        Self {
            posted: Sum(posted),
            contested: Sum(contested),
            charged: Sum(i128::try_from(charged).unwrap_or(i128::MAX)),
        }
    }

    fn row(self) -> super::Row {
        let column = Column {
            posted: self.posted.0,
            contested: self.contested.0,
            charged: self.charged.0.unsigned_abs(),
            ..Column::default()
        };
        super::Row {
            column,
            ..super::Row::default()
        }
    }
}

impl Cell for Standing {
    const LEN: usize = 3 * Sum::LEN;

    fn put(&self, into: &mut Vec<u8>) {
        (self.posted, self.contested, self.charged).put(into);
    }

    fn take(from: &mut Row<'_>) -> Option<Self> {
        let (posted, contested, charged): (_, _, Sum) = Cell::take(from)?;
        (charged.0 >= 0).then_some(Self {
            posted,
            contested,
            charged,
        })
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use icn_types::id::{RecordId, UnitId};
    use icn_types::record::Kind;
    use icn_types::testkit::stage::{GRANT, Stage};

    use super::*;

    fn stage() -> Stage {
        let mut stage = Stage::new(1, 2);
        let topic = stage.ledger(UnitId::from_bytes([1; 32]));
        let chains = [0, 1].map(|member| stage.open_member(member, &topic, Some(GRANT)));
        for number in 0..6_u64 {
            let chain = chains[usize::try_from(number % 2).unwrap()];
            stage.write(&chain, Kind::new(67), &[], &number);
        }
        stage
    }

    fn atoms(atoms: u64) -> Amount {
        Amount::new(atoms).unwrap()
    }

    /// Columns all of whose fields say something.
    fn full(set: &RecordSet) -> Columns {
        let slot = |index| set.slot(index).unwrap();
        let leg = |index, leg| LegId {
            record: set.id(slot(index)),
            leg,
        };
        let (a, b) = (set.chain(slot(3)), set.chain(slot(4)));
        let sent = |amount| Sent {
            payer: a,
            payee: b,
            amount: atoms(amount),
        };
        let mut columns = Columns::default();
        columns.send(slot(3), leg(3, 0), sent(10));
        let by = Leg::Taken(set.id(slot(6)));
        columns.legs.add(slot(3), leg(3, 1), by);
        let last = set.len() - 1;
        columns.legs.add(slot(last), leg(last, 2), by);
        columns.send(slot(4), leg(4, 0), sent(20));
        columns.send(slot(4), leg(4, 7), sent(1));
        let held = Held {
            payer: b,
            payee: a,
            resolver: a,
            amount: atoms(5),
            expires: Some(Timestamp::from_millis(3)),
        };
        columns.add_held(set.id(slot(6)), held);
        columns.settling.insert(leg(4, 7));
        columns.change(b, |column| {
            column.posted = 1 << 80;
            column.contested = -8;
            column.charged = 9;
        });
        columns
    }

    fn write(columns: &Columns, set: &RecordSet) -> Option<Vec<Vec<u8>>> {
        let mut pages = Pages::default();
        columns.write(set, &mut pages)?;
        Some(pages.into_vec())
    }

    fn read(pages: Vec<Vec<u8>>, set: &RecordSet) -> Result<Columns, RestoreError> {
        let mut pages = pages.into_iter();
        let mut from = Reading::new(set, &mut pages);
        let columns = Columns::read(&mut from)?;
        from.finish().map(|()| columns)
    }

    #[test]
    fn every_field_of_columns_is_read_back() {
        let stage = stage();
        let columns = full(&stage.set);
        let again = read(write(&columns, &stage.set).unwrap(), &stage.set).unwrap();
        assert!(again == columns);
        assert_eq!(format!("{again:#?}"), format!("{columns:#?}"));
    }

    #[test]
    fn columns_of_records_that_are_not_in_the_set_are_not_written() {
        let stage = stage();
        let mut columns = full(&stage.set);
        assert!(write(&columns, &stage.set).is_some());
        let by = Leg::Taken(RecordId::from_bytes([1; 32]));
        let last = stage.set.slots().last().unwrap();
        let record = stage.set.id(last);
        columns.legs.add(last, LegId { record, leg: 0 }, by);
        assert!(write(&columns, &stage.set).is_none());
    }

    #[test]
    fn what_no_columns_can_say_is_no_row() {
        let stage = stage();
        let set = &stage.set;
        let columns = full(set);
        let accounts: Vec<_> = columns.accounts.iter().collect();
        let accounts = accounts
            .iter()
            .map(|(chain, row)| (*chain, Standing::of(&row.column)));
        let accounts: Vec<_> = accounts.collect();
        let slot = set.slot(3).unwrap();
        let open: (Slot, u8, Option<Slot>) = (slot, 0, None);
        let transit = (0_u32, 1_u32, atoms(1));
        let twice = [&accounts[..], &accounts[..1]].concat();
        for (accounts, legs, transits) in [
            (accounts.clone(), Vec::from([open]), Vec::new()),
            (accounts.clone(), Vec::new(), Vec::from([transit])),
            (accounts, Vec::from([open]), Vec::from([(0, 2, atoms(1))])),
            (twice, Vec::new(), Vec::new()),
        ] {
            let mut pages = Pages::default();
            pages.table(accounts.into_iter());
            pages.table(legs.into_iter());
            pages.table(transits.into_iter());
            let error = read(pages.into_vec(), set).unwrap_err();
            assert_eq!(error, RestoreError::Row { page: 0 });
        }
    }
}
