//! Bundles with what was paid of them, in one unit or between several.

use alloc::collections::BTreeMap;
use alloc::collections::btree_set::Range;
use alloc::vec::Vec;

use icn_types::id::{ChainId, RecordId, UnitId};
use icn_types::record::Attachment;
use icn_types::set::Label;
use icn_types::time::Timestamp;

use crate::account::LegAt;
use crate::bundle::{Due, Terms};
use crate::entry::{Entry, Leg, Payment};
use crate::legs::LegId;
use crate::position::{self, Finality};
use crate::query::Query;
use crate::query::list::{Dates, Key, Listed, bounds};
use crate::query::page::{Cursor, Order, Page, PageSize, page};
use crate::remark::Remark;

/// A bundle, and what was paid of it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Bundled {
    /// The bundle. Payments that carry it out name it as their cause.
    pub record: RecordId,
    /// Whose account it stands on.
    pub by: ChainId,
    /// What is to be paid.
    pub terms: Terms,
    /// Every due with what was paid of it.
    pub dues: Vec<Owed>,
    /// Posted legs of its payers that name the bundle and that it does not ask
    /// for.
    pub strays: Vec<LegId>,
    /// What it was written for.
    pub cause: Option<RecordId>,
    /// A text beside the record.
    pub memo: Option<Attachment>,
    /// The date under which reports show it.
    pub date: Timestamp,
    /// What the bundle counts as.
    pub label: Label,
}

/// A due, and what was paid of it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Owed {
    /// What is to be paid.
    pub due: Due,
    /// What was; none where the unit of the due is none of those asked.
    pub paid: Option<Paid>,
}

/// What was paid of a due, in atoms.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Paid {
    /// The unit.
    pub unit: UnitId,
    /// Sent by posted payments.
    pub sent: u128,
    /// Of that, taken by the payee to keep.
    pub taken: u128,
    /// Of that, sent back: refused, or refunded after it was taken.
    pub returned: u128,
    /// Sent by payments that are contested or void; in none of the others.
    pub unposted: u128,
    /// The least final of the posted legs; none while there is none.
    pub finality: Option<Finality>,
}

/// How far a bundle has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(clippy::exhaustive_enums, reason = "the three answers there are")]
pub enum Progress {
    /// Some due is not paid in full, as far as one can see here.
    Incomplete,
    /// Everything is paid to the atom.
    Complete,
    /// A payer paid more than is due from it, or something else.
    Disagreeing,
}

/// Which bundles are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "all, or one of three")]
pub enum Bundles {
    /// All of them.
    All,
    /// Those that have come so far.
    Only(Progress),
}

impl Owed {
    /// What is still to be paid, in atoms; what was sent back is due again.
    #[must_use]
    pub fn left(&self) -> u128 {
        let due = u128::from(self.due.amount.get());
        due.saturating_sub(self.paid.as_ref().map_or(0, Paid::kept))
    }

    fn progress(&self) -> Progress {
        let kept = self.paid.as_ref().map_or(0, Paid::kept);
        if kept > u128::from(self.due.amount.get()) {
            Progress::Disagreeing
        } else if self.left() > 0 {
            Progress::Incomplete
        } else {
            Progress::Complete
        }
    }
}

impl Paid {
    const fn none(unit: UnitId) -> Self {
        Self {
            unit,
            sent: 0,
            taken: 0,
            returned: 0,
            unposted: 0,
            finality: None,
        }
    }

    /// What was sent and not sent back.
    #[must_use]
    pub const fn kept(&self) -> u128 {
        self.sent.saturating_sub(self.returned)
    }
}

impl Bundled {
    /// How far it has come. A disagreement counts before what is missing.
    #[must_use]
    pub fn progress(&self) -> Progress {
        let all = || self.dues.iter().map(Owed::progress);
        if !self.strays.is_empty() || all().any(|one| one == Progress::Disagreeing) {
            Progress::Disagreeing
        } else {
            all().min().unwrap_or(Progress::Complete)
        }
    }

    /// Right after this bundle, in a listing by date.
    #[must_use]
    pub const fn cursor(&self) -> Cursor {
        Cursor::by_date(self.date, self.record)
    }

    fn is_in(&self, query: &Query<'_>) -> bool {
        let unit = query.ledger.unit().id();
        let mut paid = self.dues.iter().filter_map(|owed| owed.paid.as_ref());
        paid.any(|paid| paid.unit == unit)
    }
}

/// One bundle, with what was paid of it in the units asked. `None` when none
/// of them has it as a Valid canonical record.
///
/// Costs O(log n) for each due and what its payers wrote for the bundle; what
/// others wrote for it costs nothing and counts nothing.
#[must_use]
pub fn bundle(queries: &[&Query<'_>], record: &RecordId) -> Option<Bundled> {
    let listed = queries.iter().find_map(|query| query.entry(record))?;
    bundled(queries, &listed)
}

/// Bundles that stand in the units asked, by date, each with what was paid of
/// it in those units. Costs O(log n) and the bundles that are looked at.
#[must_use]
pub fn bundles(
    queries: &[&Query<'_>],
    which: Bundles,
    order: Order,
    after: Option<Cursor>,
    size: PageSize,
) -> Page<Bundled> {
    let rows = in_order(queries, order, after);
    let rows = rows.filter_map(|(query, record)| bundled(queries, &query.entry(&record)?));
    page(rows.filter(|row| which.has(row)), size, Bundled::cursor)
}

/// Links between two units: bundles in which something is due in both, such as
/// exchanges, by date. Those that are [`Complete`](Progress::Complete) are
/// matched: of an exchange, both sides fit its rate to the atom, and the residue
/// went to the account that it names.
///
/// Costs as [`bundles`].
#[must_use]
pub fn reconcile(
    one: &Query<'_>,
    other: &Query<'_>,
    which: Bundles,
    order: Order,
    after: Option<Cursor>,
    size: PageSize,
) -> Page<Bundled> {
    let queries = [one, other];
    let rows = in_order(&queries, order, after);
    let rows = rows
        .filter_map(|(query, record)| bundled(&queries, &query.entry(&record)?))
        .filter(|row| row.is_in(one) && row.is_in(other));
    page(rows.filter(|row| which.has(row)), size, Bundled::cursor)
}

impl Bundles {
    fn has(self, row: &Bundled) -> bool {
        match self {
            Self::All => true,
            Self::Only(progress) => row.progress() == progress,
        }
    }
}

impl Query<'_> {
    /// Bundles in which something is due from an account, by date, each with
    /// what was paid of it in this unit.
    ///
    /// Costs O(log n) and the rows.
    #[must_use]
    pub fn due_from(
        &self,
        payer: &ChainId,
        order: Order,
        after: Option<Cursor>,
        size: PageSize,
    ) -> Page<Bundled> {
        let Some((low, high)) = bounds(Dates::ALL, order, after) else {
            return page(core::iter::empty(), size, Bundled::cursor);
        };
        let of_payer = |(date, record): Key| (*payer, date, record);
        let keys = (low.map(of_payer), high.map(of_payer));
        let ids = self.register.owed.range(keys).map(|(_, _, record)| record);
        let row = |record| bundled(&[self], &self.entry(record)?);
        match order {
            Order::OldestFirst => page(ids.filter_map(row), size, Bundled::cursor),
            Order::NewestFirst => page(ids.rev().filter_map(row), size, Bundled::cursor),
        }
    }

    /// Valid canonical payments of an account that name `cause`.
    fn payments_for(
        &self,
        cause: RecordId,
        payer: ChainId,
    ) -> impl Iterator<Item = (RecordId, Label, Payment)> + '_ {
        let at = |id| (cause, payer, RecordId::from_bytes(id));
        let ids = self.register.payments.range(at([0; 32])..=at([0xff; 32]));
        ids.filter_map(|(_, _, id)| {
            let label = self.label(id)?;
            match Entry::of(self.set.record(self.set.find(id)?))? {
                Entry::Payment(payment) => Some((*id, label, payment)),
                _ => None,
            }
        })
    }

    /// Whether the chain was opened in this ledger.
    fn has_account(&self, chain: &ChainId) -> bool {
        let epoch = position::epoch(self.set, chain);
        epoch.is_some_and(|(_, open)| open.chain.topic() == self.ledger.topic())
    }

    /// Counts what a payer paid for a bundle into its dues, which are given by
    /// payee. Answers with the posted legs that are none of them.
    fn count_all(
        &self,
        bundle: RecordId,
        payer: ChainId,
        own: &BTreeMap<ChainId, usize>,
        dues: &mut [Owed],
    ) -> Vec<LegId> {
        for &at in own.values() {
            dues[at].paid = Some(Paid::none(self.ledger.unit().id()));
        }
        let mut strays = Vec::new();
        for (record, label, payment) in self.payments_for(bundle, payer) {
            for (number, sent) in (0..=u8::MAX).zip(&payment.legs) {
                let leg = LegId {
                    record,
                    leg: number,
                };
                let owed = own.get(&sent.payee).map(|&at| &mut dues[at]);
                match owed.and_then(|owed| owed.paid.as_mut()) {
                    Some(paid) => self.count(paid, leg, label, sent),
                    None if label == Label::Posted => strays.push(leg),
                    None => {}
                }
            }
        }
        strays
    }

    /// Counts a leg into what was paid of a due.
    fn count(&self, paid: &mut Paid, leg: LegId, label: Label, sent: &Leg) {
        let atoms = u128::from(sent.amount.get());
        if label != Label::Posted {
            paid.unposted += atoms;
            return;
        }
        paid.sent += atoms;
        let finality = self.finality(&leg);
        paid.finality = Some(paid.finality.map_or(finality, |least| least.min(finality)));
        let by = self.columns.taken_by(self.set, &leg);
        match by.and_then(|by| Entry::of(self.set.record(self.set.find(&by)?))) {
            Some(Entry::Refuse(_)) => paid.returned += atoms,
            Some(_) => {
                paid.taken += atoms;
                paid.returned += self.refunded(&sent.payee, leg);
            }
            None => {}
        }
    }

    fn refunded(&self, payee: &ChainId, leg: LegId) -> u128 {
        let slot = self.set.find(&leg.record);
        let at = slot.map(|slot| LegAt { slot, leg: leg.leg });
        let account = self.ledger.account(self.set, payee);
        at.map_or(0, |at| account.refunded(at).into())
    }
}

/// Ids of bundles in all registers by date, each with where it stands.
fn in_order<'q>(
    queries: &[&'q Query<'q>],
    order: Order,
    after: Option<Cursor>,
) -> impl Iterator<Item = (&'q Query<'q>, RecordId)> {
    let keys = bounds(Dates::ALL, order, after);
    let mut fronts: Vec<_> = queries
        .iter()
        .filter_map(|&query| Some((query, query.register.bundles.range(keys?))))
        .collect();
    let next = move |keys: &mut Range<'q, Key>| match order {
        Order::OldestFirst => keys.next(),
        Order::NewestFirst => keys.next_back(),
    };
    core::iter::from_fn(move || {
        let heads = fronts.iter().enumerate().filter_map(|(at, (_, keys))| {
            let mut keys = keys.clone();
            next(&mut keys).map(|key| (*key, at))
        });
        let (_, at) = match order {
            Order::OldestFirst => heads.min()?,
            Order::NewestFirst => heads.max()?,
        };
        let (query, keys) = &mut fronts[at];
        let (_, record) = next(keys)?;
        Some((*query, *record))
    })
}

fn bundled(queries: &[&Query<'_>], listed: &Listed) -> Option<Bundled> {
    let Entry::Remark(Remark::Bundle(bundle)) = &listed.entry else {
        return None;
    };
    let dues = bundle.terms.dues().ok()?.into_iter();
    let mut dues: Vec<Owed> = dues.map(|due| Owed { due, paid: None }).collect();
    let mut strays = Vec::new();
    let mut by_payer: BTreeMap<ChainId, BTreeMap<ChainId, usize>> = BTreeMap::new();
    for (at, owed) in dues.iter().enumerate() {
        let own = by_payer.entry(owed.due.payer).or_default();
        own.insert(owed.due.payee, at);
    }
    for (payer, own) in &by_payer {
        if let Some(query) = queries.iter().find(|query| query.has_account(payer)) {
            strays.extend(query.count_all(listed.record, *payer, own, &mut dues));
        }
    }
    Some(Bundled {
        record: listed.record,
        by: listed.chain,
        terms: bundle.terms.clone(),
        dues,
        strays,
        cause: listed.cause,
        memo: bundle.memo,
        date: listed.date,
        label: listed.label,
    })
}
