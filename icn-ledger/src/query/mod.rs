//! Queries: what a host asks a ledger that it follows.
//!
//! A [`Register`] keeps the indexes; [`Register::query`] brings it up to date
//! and gives the [`Query`] that answers. Answers are functions of the canonical
//! set: equal on replicas with equal sets, whatever arrived when.
//!
//! ```
//! # use icn_ledger::unit::Scale;
//! # use icn_ledger::{Ledger, Unit, UnitCode};
//! # use icn_types::amount::Amount;
//! # use icn_types::testkit::stage::{GRANT, Stage};
//! use icn_ledger::query::{Order, PageSize, Register};
//!
//! # let mut stage = Stage::new(1, 1);
//! # let unit = Unit {
//! #     issuer: stage.domain(),
//! #     code: UnitCode::new("hours").ok_or("a code")?,
//! #     scale: Scale::new(1).ok_or("a scale")?,
//! #     min_leg: Amount::new(1)?,
//! # };
//! # let topic = stage.ledger(unit.id());
//! # let alice = stage.open_member(0, &topic, Some(GRANT));
//! # let mut ledger = Ledger::new(stage.domain(), unit);
//! # for slot in stage.set.slots() {
//! #     ledger.update(&stage.set, slot);
//! # }
//! let mut register = Register::new();
//! let size = PageSize::new(50).ok_or("a size")?;
//! let query = register.query(&stage.set, &ledger);
//! let page = query.lines(&alice, Order::NewestFirst, None, size)?;
//! assert!(page.rows.is_empty() && page.next.is_none());
//! assert_eq!(query.trial_balance().sum(), 0);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod account;
mod balance;
mod bundle;
mod claim;
mod line;
mod list;
mod page;
mod quarantine;
mod register;
mod remark;
mod statement;

use alloc::borrow::Cow;

use icn_types::id::{ChainId, RecordId};
use icn_types::set::{Label, RecordSet, Slot};
use icn_types::time::Timestamp;

pub use account::Incoming;
pub use balance::{ByFinality, Known, Snapshot, TrialBalance};
pub use bundle::{Bundled, Bundles, Owed, Paid, Progress, bundle, bundles, reconcile};
pub use claim::{Claim, ClaimState, Claims, Doubt, Impairment};
pub use line::{Line, Movement};
pub use list::{Dates, Listed};
pub use page::{Cursor, CursorError, Order, Page, PageSize};
pub use quarantine::{Quarantined, Reason, Release};
pub use register::Register;
pub use remark::{Asserted, Disputed, Disputes, Found, Ruled};
pub use statement::{Imbalance, Statement};

use crate::clearing::{Cleared, Clearing};
use crate::columns::Columns;
use crate::entry::Entry;
use crate::ledger::Ledger;
use crate::legs::LegId;
use crate::position::{self, Finality};
use crate::reliance::{self, Reliance};

/// Answers about one ledger at one moment.
#[derive(Debug)]
pub struct Query<'a> {
    set: &'a RecordSet,
    ledger: &'a Ledger,
    register: &'a Register,
    columns: Cow<'a, Columns>,
}

impl Query<'_> {
    /// What a Valid canonical record counts as. `None` for any other.
    #[must_use]
    pub fn label(&self, record: &RecordId) -> Option<Label> {
        self.label_at(self.set.find(record)?)
    }

    fn label_at(&self, slot: Slot) -> Option<Label> {
        let is_valid = self.ledger.verdict(slot).is_valid();
        self.place(slot).filter(|_| is_valid)
    }

    /// How far a clearing has come, as [`Ledger::clearing`].
    #[must_use]
    pub fn clearing(&self, clearing: &Clearing) -> Cleared {
        self.ledger.cleared(self.set, &self.columns, clearing)
    }

    /// What the answers are computed from.
    pub(crate) const fn sources(&self) -> (&RecordSet, &Ledger) {
        (self.set, self.ledger)
    }

    /// Where a canonical record of the topic stands, whatever its verdict.
    fn place(&self, slot: Slot) -> Option<Label> {
        if self.set.topic(slot) != self.ledger.topic() {
            None
        } else if self.set.on_spine(slot) {
            Some(Label::Posted)
        } else {
            self.register.beside.get(&slot).copied()
        }
    }

    /// Records at the start of a chain's spine that have a verdict.
    fn decided(&self, chain: &ChainId) -> &[Slot] {
        let is_marked = |slot| self.register.mark(slot).is_some();
        reliance::decided(self.set.spine(chain), is_marked)
    }

    /// Who relies on the path of an account.
    fn reliance(&self, chain: &ChainId) -> Reliance<'_> {
        let reliance = Reliance::of(self.ledger, self.set, &self.columns, chain);
        reliance.within(self.decided(chain).len())
    }

    /// How final a leg is that some record sent, taken or not.
    fn finality(&self, leg: &LegId) -> Finality {
        let sender = self.set.find(&leg.record);
        let by = sender.and_then(|sender| self.columns.taker(sender, leg));
        match sender.zip(by.and_then(|by| self.set.find(&by))) {
            Some((sender, by)) => position::finality_of_taken(self.set, sender, leg.leg, by),
            None => Finality::Local,
        }
    }

    /// What the records that a leg comes from count as: the first that is not
    /// posted says.
    fn label_of(&self, sender: Slot, leg: u8) -> Label {
        let origins = position::origins(self.set, sender, leg);
        let mut labels = origins.map(|slot| self.label_at(slot).unwrap_or(Label::Void));
        let unposted = labels.find(|label| *label != Label::Posted);
        unposted.unwrap_or(Label::Posted)
    }

    pub(crate) fn is_sealed(&self, record: &RecordId) -> bool {
        let slot = self.set.find(record);
        slot.is_some_and(|slot| self.set.is_sealed(slot))
    }

    /// The date under which reports show a decided record.
    fn date(&self, slot: Slot, entry: &Entry) -> Timestamp {
        let before = self.register.before(self.set, slot);
        line::stated(self.set, slot, entry).max(before.open_from)
    }
}
