//! Columns: where every account stands, and what is in transit.
//!
//! A pure function of the canonical set. Payments and acknowledgements of
//! chains that fork never vanish: what nobody took counts nothing, what
//! somebody took stays visible as contested and is charged to its author. For
//! every unit, over any set that is closed under ancestors,
//! `posted + contested + in transit + held = 0`, and nothing in transit or held
//! is negative.

mod rows;
mod table;

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use icn_types::amount::Amount;
use icn_types::id::{ChainId, RecordId};
use icn_types::index::Directory;
use icn_types::judge::Judge;
use icn_types::record::Record;
use icn_types::set::{Canonical, RecordSet, Slot};
use icn_types::time::Timestamp;

use crate::counted::{Counted, Counting, count};
use crate::entry::{Entry, Hold};
use crate::legs::{LegId, Sent, resolved, sent, taken};
use crate::rules::LedgerRules;

use table::{Leg, LegTable};

pub(crate) use table::LegNumber;

/// All accounts of one unit and everything in transit.
#[derive(Clone, Debug, Default)]
pub struct Columns {
    accounts: Directory<ChainId, Row>,
    /// Legs that posted records sent, and those that they took.
    legs: LegTable,
    /// Legs in transit.
    open: Pending,
    /// Open holds.
    held: BTreeMap<RecordId, Held>,
    /// The same by resolver.
    unresolved: BTreeSet<(ChainId, RecordId)>,
    /// Settlements in transit.
    pub(crate) settling: BTreeSet<LegId>,
}

/// An account by number.
type AccountNumber = usize;

#[derive(Clone, Debug, Default)]
struct Row {
    column: Column,
    /// Legs in transit to it.
    incoming: BTreeMap<LegId, LegNumber>,
}

/// Numbers of legs in transit, among some that were taken since.
#[derive(Clone, Debug, Default)]
struct Pending {
    legs: Vec<LegNumber>,
    taken: usize,
}

impl Pending {
    fn add(&mut self, leg: LegNumber) {
        self.legs.push(leg);
    }

    /// One of them was taken. Sweeps when half of them were, so that each is
    /// looked at once.
    fn take(&mut self, legs: &LegTable) {
        self.taken += 1;
        if self.taken > self.legs.len() / 2 + 4 {
            let is_open = |leg: &LegNumber| matches!(legs.leg(*leg), Some(Leg::InTransit { .. }));
            self.legs.retain(is_open);
            self.taken = 0;
        }
    }
}

impl PartialEq for Columns {
    /// Numbers follow the order of arrival; what they stand for does not.
    fn eq(&self, other: &Self) -> bool {
        self.accounts().eq(other.accounts())
            && self.in_transit().eq(other.in_transit())
            && self.taken() == other.taken()
            && self.held == other.held
    }
}

impl Eq for Columns {}

/// One account, in atoms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Column {
    /// Credit that posted records took, without what posted records sent.
    pub posted: i128,
    /// The same of records that are not posted, and claims that it settled.
    pub contested: i128,
    /// Legs in records of the account that are not posted and that somebody
    /// acknowledged, and parts acknowledged by its Resolves that are not. The
    /// next Open charges them.
    pub charged: u128,
    /// Set aside by open holds.
    pub held: u128,
    /// Sent and not taken yet.
    pub outgoing: u128,
    /// Sent to the account and not taken yet.
    pub incoming: u128,
}

/// A leg that its payee has not taken yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Transit {
    /// Who sent it.
    pub payer: ChainId,
    /// Who may take it.
    pub payee: ChainId,
    /// How much.
    pub amount: Amount,
}

/// An amount set aside that no posted Resolve has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Held {
    /// Who set it aside.
    pub payer: ChainId,
    /// Who may get it.
    pub payee: ChainId,
    /// Who says.
    pub resolver: ChainId,
    /// How much at most.
    pub amount: Amount,
    /// When the resolver should give it back.
    pub expires: Option<Timestamp>,
}

impl Columns {
    /// One account; zeros for one that nothing happened to.
    #[must_use]
    pub fn account(&self, chain: &ChainId) -> Column {
        let row = self.accounts.get(chain);
        row.map(|row| row.column).unwrap_or_default()
    }

    /// Accounts with anything but zeros, ascending. Costs O(n log n) in the
    /// accounts.
    pub fn accounts(&self) -> impl ExactSizeIterator<Item = (ChainId, Column)> + use<> {
        let rows = self
            .accounts
            .iter()
            .map(|(chain, row)| (*chain, row.column));
        let mut rows: Vec<_> = rows
            .filter(|(_, column)| *column != Column::default())
            .collect();
        rows.sort_unstable_by_key(|(chain, _)| *chain);
        rows.into_iter()
    }

    /// Everything in transit, ascending. Costs O(n log n) in what it gives.
    pub fn in_transit(&self) -> impl ExactSizeIterator<Item = (LegId, Transit)> + use<> {
        let legs = self.open.legs.iter();
        let mut legs: Vec<_> = legs.filter_map(|&leg| self.numbered(leg)).collect();
        legs.sort_unstable_by_key(|(leg, _)| *leg);
        legs.into_iter()
    }

    /// One leg in transit. `set` is the one that these columns are of, here and
    /// in [`taken_by`](Self::taken_by).
    #[must_use]
    pub fn transit(&self, set: &RecordSet, leg: &LegId) -> Option<Transit> {
        let number = self.find(set, leg)?;
        self.numbered(number).map(|(_, leg)| leg)
    }

    /// Legs that an account may take, ascending.
    pub fn incoming(&self, payee: ChainId) -> impl Iterator<Item = (LegId, Transit)> + '_ {
        let first = LegId {
            record: RecordId::from_bytes([0; 32]),
            leg: 0,
        };
        self.incoming_from(payee, first)
    }

    /// The same from some leg on.
    pub(crate) fn incoming_from(
        &self,
        payee: ChainId,
        first: LegId,
    ) -> impl Iterator<Item = (LegId, Transit)> + '_ {
        let row = self.accounts.get(&payee).into_iter();
        let legs = row.flat_map(move |row| row.incoming.range(first..));
        legs.filter_map(|(_, number)| self.numbered(*number))
    }

    /// The posted record that took a leg.
    #[must_use]
    pub fn taken_by(&self, set: &RecordSet, leg: &LegId) -> Option<RecordId> {
        self.taker(set.find(&leg.record)?, leg)
    }

    /// The same where the record that sent the leg is known.
    pub(crate) fn taker(&self, sender: Slot, leg: &LegId) -> Option<RecordId> {
        match self.legs.leg(self.legs.find(sender, leg)?)? {
            Leg::Taken(by) => Some(by),
            Leg::InTransit { .. } => None,
        }
    }

    /// The posted records that took legs of the one in `slot`.
    pub(crate) fn takers(
        &self,
        set: &RecordSet,
        slot: Slot,
    ) -> impl Iterator<Item = RecordId> + '_ {
        let legs = self.legs.of(slot, set.id(slot));
        legs.filter_map(|leg| match leg {
            Leg::Taken(by) => Some(by),
            Leg::InTransit { .. } => None,
        })
    }

    fn find(&self, set: &RecordSet, leg: &LegId) -> Option<LegNumber> {
        self.legs.find(set.find(&leg.record)?, leg)
    }

    /// A leg in transit.
    pub(crate) fn numbered(&self, leg: LegNumber) -> Option<(LegId, Transit)> {
        match self.legs.leg(leg)? {
            Leg::InTransit {
                payer,
                payee,
                amount,
            } => {
                let transit = Transit {
                    payer: *self.accounts.key(payer)?,
                    payee: *self.accounts.key(payee)?,
                    amount,
                };
                Some((self.legs.id(leg)?, transit))
            }
            Leg::Taken(_) => None,
        }
    }

    /// Legs that posted records took, ascending.
    fn taken(&self) -> Vec<(LegId, RecordId)> {
        let taken = self.legs.iter().filter_map(|(leg, state)| match state {
            Leg::Taken(by) => Some((*leg, *by)),
            Leg::InTransit { .. } => None,
        });
        let mut taken: Vec<_> = taken.collect();
        taken.sort_unstable();
        taken
    }

    /// Open holds, ascending.
    pub fn held(&self) -> impl ExactSizeIterator<Item = (RecordId, Held)> + '_ {
        self.held.iter().map(|(hold, held)| (*hold, *held))
    }

    /// One open hold.
    #[must_use]
    pub fn hold(&self, hold: &RecordId) -> Option<Held> {
        self.held.get(hold).copied()
    }

    /// Open holds that an account resolves, ascending.
    pub fn unresolved(&self, resolver: ChainId) -> impl Iterator<Item = (RecordId, Held)> + '_ {
        let first = RecordId::from_bytes([0; 32]);
        self.unresolved
            .range((resolver, first)..)
            .take_while(move |(chain, _)| *chain == resolver)
            .filter_map(|(_, hold)| Some((*hold, self.hold(hold)?)))
    }

    /// Posted, contested, in transit and held of all accounts together: zero.
    #[must_use]
    pub fn sum(&self) -> i128 {
        let columns = self.accounts.iter().map(|(_, row)| row.column);
        let accounts: i128 = columns.map(|column| column.posted + column.contested).sum();
        let legs = self.open.legs.iter().filter_map(|&leg| self.numbered(leg));
        let transit: i128 = legs.map(|(_, transit)| signed(transit.amount)).sum();
        let held = self.held.values().map(|held| signed(held.amount));
        accounts + transit + held.sum::<i128>()
    }

    pub(crate) fn change(&mut self, chain: ChainId, change: impl FnOnce(&mut Column)) {
        let number = self.accounts.number(&chain);
        if let Some(row) = self.accounts.at_mut(number) {
            change(&mut row.column);
        }
    }

    /// Out of the payer's position into transit.
    fn send(&mut self, slot: Slot, leg: LegId, sent: Sent) {
        let payer = self.depart(slot, leg, sent);
        if let Some(row) = self.accounts.at_mut(payer) {
            row.column.posted -= signed(sent.amount);
        }
    }

    /// Into transit, from a position that does without it already. Answers with
    /// the payer.
    fn depart(&mut self, slot: Slot, leg: LegId, sent: Sent) -> AccountNumber {
        let Sent {
            payer,
            payee,
            amount,
        } = sent;
        let atoms = u128::from(amount.get());
        let payer = self.accounts.number(&payer);
        let payee = self.accounts.number(&payee);
        let sent = Leg::InTransit {
            payer,
            payee,
            amount,
        };
        let number = self.legs.add(slot, leg, sent);
        self.open.add(number);
        if let Some(row) = self.accounts.at_mut(payer) {
            row.column.outgoing += atoms;
        }
        if let Some(row) = self.accounts.at_mut(payee) {
            row.column.incoming += atoms;
            row.incoming.insert(leg, number);
        }
        payer
    }

    /// Out of transit into the position of the payee, whose record `by` takes
    /// it. `None` when the leg is not in transit.
    fn arrive(&mut self, number: LegNumber, by: RecordId) -> Option<()> {
        let leg = self.legs.id(number)?;
        let state = self.legs.leg_mut(number)?;
        let Leg::InTransit {
            payer,
            payee,
            amount,
        } = *state
        else {
            return None;
        };
        *state = Leg::Taken(by);
        let atoms = u128::from(amount.get());
        self.open.take(&self.legs);
        if let Some(row) = self.accounts.at_mut(payer) {
            row.column.outgoing -= atoms;
        }
        if let Some(row) = self.accounts.at_mut(payee) {
            row.column.incoming -= atoms;
            row.column.posted += signed(amount);
            row.incoming.remove(&leg);
        }
        Some(())
    }
}

/// Holds: out of the payer's position, and on by a Resolve.
impl Columns {
    fn set_aside(&mut self, record: &Record, hold: &Hold) {
        let held = Held {
            payer: record.chain(),
            payee: hold.leg.payee,
            resolver: hold.resolver,
            amount: hold.leg.amount,
            expires: hold.expires,
        };
        self.add_held(record.id(), held);
        self.change(held.payer, |column| column.posted -= signed(held.amount));
    }

    /// Sets aside what its payer's position does without already.
    fn add_held(&mut self, hold: RecordId, held: Held) {
        let atoms = u128::from(held.amount.get());
        self.change(held.payer, |column| column.held += atoms);
        self.unresolved.insert((held.resolver, hold));
        self.held.insert(hold, held);
    }

    /// Back into the position of the payer, from where the parts are sent.
    /// `None` when the hold is not open.
    fn release(&mut self, hold: RecordId) -> Option<()> {
        let Held {
            payer,
            resolver,
            amount,
            ..
        } = self.held.remove(&hold)?;
        self.unresolved.remove(&(resolver, hold));
        self.change(payer, |column| {
            column.posted += signed(amount);
            column.held -= u128::from(amount.get());
        });
        Some(())
    }
}

/// Columns as they grow, record by record.
impl Columns {
    /// Takes in a posted record all of whose refs are posted. `None` when a
    /// leg that it takes is not in transit, so that only the canonical set can
    /// tell what it counts as.
    pub(crate) fn post(&mut self, set: &RecordSet, slot: Slot, entry: &Entry) -> Option<()> {
        let record = set.record(slot);
        let id = record.id();
        for leg in takes(record, entry) {
            let number = self.find(set, &leg)?;
            let settled = self.settled(&leg, number);
            self.arrive(number, id)?;
            if let (Some(settled), Entry::Ack(_)) = (settled, entry) {
                self.hand_over(settled, true);
            }
        }
        match entry {
            Entry::Hold(hold) => self.set_aside(record, hold),
            Entry::Resolve(resolve) => {
                for hold in resolved(record.content()?, resolve) {
                    self.release(hold)?;
                }
            }
            _ => {}
        }
        for (leg, sent) in sent(set, slot, entry) {
            let leg = LegId { record: id, leg };
            self.send(slot, leg, sent);
            if let Entry::Settlement(_) = entry {
                self.settling.insert(leg);
            }
        }
        Some(())
    }

    /// The columns of a canonical set, from nothing.
    pub(crate) fn of(canonical: &Canonical<'_>, judge: &Judge<LedgerRules>) -> Self {
        let mut columns = Self::default();
        count(canonical, judge, &mut columns);
        columns
    }
}

impl Counting for Columns {
    fn hold(&mut self, record: &Record, hold: &Hold) {
        self.set_aside(record, hold);
    }

    fn resolve(&mut self, _: &Record, hold: RecordId) {
        self.release(hold);
    }

    fn settlement(&mut self, leg: LegId, counted: &Counted<'_>) {
        self.settle(leg, counted);
    }

    fn leg(&mut self, leg: LegId, counted: &Counted<'_>) {
        let Counted {
            slot,
            sent,
            is_posted,
            ..
        } = *counted;
        let atoms = signed(sent.amount);
        let Some(takers) = counted.takers else {
            if is_posted {
                self.send(slot, leg, sent);
            }
            return;
        };
        if is_posted {
            self.change(sent.payer, |column| column.posted -= atoms);
        }
        match takers.posted {
            Some(by) => {
                self.legs.add(slot, leg, Leg::Taken(by));
                self.change(sent.payee, |column| column.posted += atoms);
            }
            None => self.change(sent.payee, |column| column.contested += atoms),
        }
        if !is_posted {
            self.change(sent.payer, |column| {
                column.contested -= atoms;
                if takers.acknowledged {
                    column.charged += u128::from(sent.amount.get());
                }
            });
        }
    }
}

pub(crate) fn signed(amount: Amount) -> i128 {
    i128::from(amount.get())
}

pub(crate) fn takes<'a>(record: &'a Record, entry: &'a Entry) -> impl Iterator<Item = LegId> + 'a {
    let legs = match entry {
        Entry::Ack(ack) => &*ack.legs,
        Entry::Refuse(refuse) => &*refuse.legs,
        _ => &[],
    };
    let content = record.content().into_iter();
    content.flat_map(|content| taken(content, legs))
}

#[cfg(test)]
mod tests;
