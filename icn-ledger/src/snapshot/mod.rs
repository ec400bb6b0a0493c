//! A ledger as pages and back: what a host keeps so that it need not judge and
//! count all records again.
//!
//! [`Ledger::snapshot`] writes down verdicts, accounts, columns and what counts
//! beside the spines, and [`Ledger::restore`] reads them. What a page means is said
//! by slots, so both take the set whose records have these slots. Whatever forks
//! there are, reading pages judges nothing and reads no record. They are for the
//! host that wrote them; nobody else has a reason to believe them.
//!
//! A host may leave the bodies of most records where they are. The
//! [live](Ledger::live) ones are those that a ledger reads again in the ordinary
//! run of payments, acknowledgements, refusals, holds, Resolves and Seals.

mod cell;
mod error;
mod live;
mod pages;
mod verdicts;

use alloc::vec::Vec;

use icn_types::id::{RecordId, TopicId};
use icn_types::set::RecordSet;

use crate::beside::Beside;
use crate::columns::Columns;
use crate::ledger::{Ledger, Restored};
use crate::rules::LedgerRules;
use crate::unit::Unit;

pub(crate) use cell::{Cell, Row, Sum, number};
pub use error::RestoreError;
pub(crate) use pages::{Pages, Reading};
pub(crate) use verdicts::{read_waiting, write_waiting};

/// Of which ledger, of how many records with which one last, and whether all of
/// them lay on spines.
type Head = (TopicId, u32, Option<RecordId>, bool);

impl Ledger {
    /// The ledger in pages of at most 208 KiB. Linear in the set, and in the
    /// accounts on each branch of a chain.
    ///
    /// `set` is the one that the ledger follows, all of whose records it was told
    /// of. `None` while labels moved that nobody [counted](Self::refresh).
    ///
    /// It reads no record, but those of a chain whose spine ends where a record that
    /// does not count goes on: where a Seal cut off what had been written already, or
    /// where the second record of a fork waits.
    ///
    /// ```
    /// # use icn_ledger::unit::Scale;
    /// # use icn_ledger::{Unit, UnitCode};
    /// # use icn_types::amount::Amount;
    /// # use icn_types::testkit::stage::{GRANT, Stage};
    /// use icn_ledger::Ledger;
    ///
    /// # let mut stage = Stage::new(1, 2);
    /// # let unit = Unit {
    /// #     issuer: stage.domain(),
    /// #     code: UnitCode::new("hours").ok_or("a code")?,
    /// #     scale: Scale::new(1).ok_or("a scale")?,
    /// #     min_leg: Amount::new(1)?,
    /// # };
    /// # let topic = stage.ledger(unit.id());
    /// # let chain = stage.open_member(0, &topic, Some(GRANT));
    /// # let set = &stage.set;
    /// let ledger = Ledger::of(set, unit);
    /// let pages = ledger.snapshot(set).ok_or("counted")?;
    /// // ... kept, and read when the host starts again:
    /// let same = Ledger::restore(set, unit, &pages)?;
    /// assert_eq!(same.positions(set, &chain), ledger.positions(set, &chain));
    /// assert_eq!(same.label_digest(set), ledger.label_digest(set));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn snapshot(&self, set: &RecordSet) -> Option<Vec<Vec<u8>>> {
        let columns = self.counted(set)?;
        let mut pages = Pages::default();
        let last = set.len().checked_sub(1).and_then(|last| set.slot(last));
        let last = last.map(|last| set.id(last));
        pages.row::<Head>(&(self.topic(), number(set.len()), last, set.is_straight()));
        verdicts::write_judge(self, set, &mut pages);
        verdicts::write_order(self.decided(), &mut pages);
        self.beside().write(&mut pages);
        pages.row(&self.relabelled());
        columns.write(set, &mut pages)?;
        Some(pages.into_vec())
    }

    /// The ledger that was written in these pages, equal to the one that wrote
    /// them: in verdicts, positions, digests, what waits, the order of
    /// [`decided`](Self::decided), and in all that it answers about records that
    /// come. Linear in the pages; reads the body of no record.
    ///
    /// `set` has the records of the set that the pages were written with in the
    /// same slots, and possibly others after them, of which the ledger is then
    /// [told](Self::update) one by one: it counts anew then, unless no record lay
    /// beside its spine and none does. A [`Register`](crate::query::Register) of the
    /// other ledger and this very set goes with this one, too.
    ///
    /// # Errors
    /// - [`Page`](RestoreError::Page), [`Short`](RestoreError::Short) or
    ///   [`Long`](RestoreError::Long) when they are not all pages of one snapshot
    ///   in their order;
    /// - [`Row`](RestoreError::Row) when one says what cannot be;
    /// - [`Ledger`](RestoreError::Ledger) when they are of another unit or domain;
    /// - [`Set`](RestoreError::Set) when they were written with another set.
    ///
    /// Whatever is in the pages, no question to a ledger made of them panics.
    /// What was changed into something that could be is not noticed.
    pub fn restore<P: AsRef<[u8]>>(
        set: &RecordSet,
        unit: Unit,
        pages: impl IntoIterator<Item = P>,
    ) -> Result<Self, RestoreError> {
        let mut pages = pages.into_iter();
        let mut from = Reading::new(set, &mut pages);
        let rules = LedgerRules::of(set.domain(), &unit);
        let (topic, records, last, was_straight): Head = from.row()?;
        if topic != rules.topic {
            return Err(RestoreError::Ledger { topic });
        }
        let slots = known(set, records, last).ok_or(RestoreError::Set { records })?;
        from.bound(slots);
        let judge = verdicts::read_judge(rules, slots, &mut from)?;
        let decided = verdicts::read_order(&judge, &mut from)?;
        let beside = Beside::read(topic, &mut from)?;
        let relabelled = from.row()?;
        let columns = Columns::read(&mut from)?;
        from.finish()?;
        // Of more records only straight ones say that no label moved meanwhile.
        let is_labelled = slots == set.len() || (was_straight && set.is_straight());
        let parts = Restored {
            unit,
            judge,
            columns: is_labelled.then_some(columns),
            beside,
            decided,
            relabelled,
        };
        Ok(Self::restored(set, parts))
    }
}

/// The number of records, if the set begins with them.
fn known(set: &RecordSet, records: u32, last: Option<RecordId>) -> Option<usize> {
    let records = usize::try_from(records).ok()?;
    let found = records.checked_sub(1).map(|last| set.slot(last));
    let found = match found {
        Some(slot) => Some(set.id(slot?)),
        None => None,
    };
    (found == last).then_some(records)
}
