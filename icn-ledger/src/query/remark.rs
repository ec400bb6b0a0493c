//! Assertions with what was found, and disputes with how they ended.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use icn_types::amount::{Amount, Position};
use icn_types::id::{ChainId, RecordId};
use icn_types::record::Attachment;
use icn_types::set::Label;
use icn_types::time::Timestamp;

use crate::entry::Entry;
use crate::legs::{self, LegId};
use crate::query::Query;
use crate::query::list::{Dates, Listed, bounds};
use crate::query::page::{Cursor, Order, Page, PageSize, page};
use crate::remark::{Remark, Ruling};

/// What an assertion says, and what is so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Asserted {
    /// The assertion.
    pub record: RecordId,
    /// Whose account it stands on.
    pub by: ChainId,
    /// The record that it is about.
    pub about: RecordId,
    /// What it says the position after that record is.
    pub expected: Position,
    /// What it is.
    pub found: Found,
    /// The date under which reports show it.
    pub date: Timestamp,
    /// What the assertion counts as.
    pub label: Label,
}

/// Whether an assertion holds. It follows from the ancestors of the record
/// that it is about, so it never changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "it holds or it does not")]
pub enum Found {
    /// It holds, to the atom.
    Holds,
    /// It does not.
    Fails {
        /// The position.
        actual: Position,
    },
}

/// Which disputes are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "both, or one of two")]
pub enum Disputes {
    /// All of them.
    All,
    /// Those without a posted outcome.
    Open,
    /// Those with one.
    Ended,
}

/// A dispute.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Disputed {
    /// The dispute. Entries that move money because of it name it as their
    /// cause.
    pub record: RecordId,
    /// Whose account it stands on.
    pub by: ChainId,
    /// The leg.
    pub leg: LegId,
    /// Who sent the leg.
    pub payer: ChainId,
    /// Whom it was sent to.
    pub payee: ChainId,
    /// How much.
    pub amount: Amount,
    /// Whose account says how it ends.
    pub mediator: ChainId,
    /// Documents beside the record.
    pub evidence: Vec<Attachment>,
    /// A text beside the record.
    pub memo: Option<Attachment>,
    /// The date under which reports show it.
    pub date: Timestamp,
    /// What the dispute counts as.
    pub label: Label,
    /// How it ended, by a posted outcome.
    pub ruled: Option<Ruled>,
}

/// How a dispute ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Ruled {
    /// The outcome.
    pub record: RecordId,
    /// What it says.
    pub ruling: Ruling,
}

impl Query<'_> {
    /// Assertions about accounts of this ledger, by date, each with what is
    /// so. Costs O(log n) and the rows.
    #[must_use]
    pub fn assertions(
        &self,
        order: Order,
        after: Option<Cursor>,
        size: PageSize,
    ) -> Page<Asserted> {
        self.remarks(&self.register.assertions, order, after, size, |listed| {
            self.asserted(listed)
        })
    }

    /// Disputes by date. Costs O(log n) and the disputes that are looked at.
    #[must_use]
    pub fn disputes(
        &self,
        which: Disputes,
        order: Order,
        after: Option<Cursor>,
        size: PageSize,
    ) -> Page<Disputed> {
        self.remarks(&self.register.disputes, order, after, size, |listed| {
            let disputed = self.disputed(listed)?;
            let is_asked = match which {
                Disputes::All => true,
                Disputes::Open => disputed.ruled.is_none(),
                Disputes::Ended => disputed.ruled.is_some(),
            };
            is_asked.then_some(disputed)
        })
    }

    /// A page of remarks of one kind, as `row` shows them.
    fn remarks<T>(
        &self,
        keys: &BTreeSet<(Timestamp, RecordId)>,
        order: Order,
        after: Option<Cursor>,
        size: PageSize,
        row: impl Fn(&Listed) -> Option<T>,
    ) -> Page<T> {
        let keys = bounds(Dates::ALL, order, after).map(|bounds| keys.range(bounds));
        let ids = keys.into_iter().flatten().map(|(_, record)| record);
        let rows = |id| {
            let listed = self.entry(id)?;
            Some((listed.cursor(), row(&listed)?))
        };
        let page = match order {
            Order::OldestFirst => page(ids.filter_map(rows), size, |(cursor, _)| *cursor),
            Order::NewestFirst => page(ids.rev().filter_map(rows), size, |(cursor, _)| *cursor),
        };
        Page {
            rows: page.rows.into_iter().map(|(_, row)| row).collect(),
            next: page.next,
        }
    }

    fn asserted(&self, listed: &Listed) -> Option<Asserted> {
        let Entry::Remark(Remark::Assertion(assertion)) = &listed.entry else {
            return None;
        };
        let about = self.named(&listed.record, assertion.reference)?;
        let actual = self.position_after(&about)?.position;
        let expected = Position::new(i128::from(assertion.position));
        Some(Asserted {
            record: listed.record,
            by: listed.chain,
            about,
            expected,
            found: if actual == expected {
                Found::Holds
            } else {
                Found::Fails { actual }
            },
            date: listed.date,
            label: listed.label,
        })
    }

    fn disputed(&self, listed: &Listed) -> Option<Disputed> {
        let Entry::Remark(Remark::Dispute(dispute)) = &listed.entry else {
            return None;
        };
        let leg = LegId {
            record: self.named(&listed.record, dispute.leg.reference)?,
            leg: dispute.leg.leg,
        };
        let sent = legs::find(self.set, leg)?;
        Some(Disputed {
            record: listed.record,
            by: listed.chain,
            leg,
            payer: sent.payer,
            payee: sent.payee,
            amount: sent.amount,
            mediator: dispute.mediator,
            evidence: dispute.evidence.to_vec(),
            memo: dispute.memo,
            date: listed.date,
            label: listed.label,
            ruled: self.ruled(listed.record),
        })
    }

    /// The posted outcome of a dispute; its chain has one at most.
    fn ruled(&self, dispute: RecordId) -> Option<Ruled> {
        let first = (dispute, RecordId::from_bytes([0; 32]));
        let last = (dispute, RecordId::from_bytes([0xff; 32]));
        let outcomes = self.register.outcomes.range(first..=last);
        outcomes
            .filter(|(_, id)| self.label(id) == Some(Label::Posted))
            .find_map(|(_, id)| match self.entry(id)?.entry {
                Entry::Remark(Remark::Outcome(outcome)) => Some(Ruled {
                    record: *id,
                    ruling: outcome.ruling,
                }),
                _ => None,
            })
    }

    fn named(&self, record: &RecordId, reference: u16) -> Option<RecordId> {
        let record = self.set.record(self.set.find(record)?);
        record.refs().get(usize::from(reference)).copied()
    }
}
