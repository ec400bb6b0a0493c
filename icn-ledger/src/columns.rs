//! Columns: where every account stands, and what is in transit.
//!
//! A pure function of the canonical set. Payments and acknowledgements of
//! chains that fork never vanish: what nobody took counts nothing, what
//! somebody took stays visible as contested and is charged to its author. For
//! every unit, over any set that is closed under ancestors,
//! `posted + contested + in transit = 0`, and nothing in transit is negative.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use icn_types::amount::Amount;
use icn_types::id::{ChainId, RecordId};
use icn_types::judge::Judge;
use icn_types::record::Record;
use icn_types::set::{Canonical, Label, RecordSet, Slot};

use crate::entry::Entry;
use crate::legs::{LegId, Sent, sent, taken};
use crate::rules::LedgerRules;

/// All accounts of one unit and everything in transit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Columns {
    /// Accounts with anything but zeros.
    accounts: BTreeMap<ChainId, Column>,
    transit: BTreeMap<LegId, Transit>,
    /// Legs in transit by payee.
    incoming: BTreeSet<(ChainId, LegId)>,
    /// Legs taken by posted records, with the taking record.
    taken: BTreeMap<LegId, RecordId>,
}

/// One account, in atoms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Column {
    /// Credit that posted records took, without what posted records sent.
    pub posted: i128,
    /// The same of records that are not posted.
    pub contested: i128,
    /// Legs in records of the account that are not posted and that somebody
    /// acknowledged. The next Open charges them.
    pub charged: u128,
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

impl Columns {
    /// One account; zeros for one that nothing happened to.
    #[must_use]
    pub fn account(&self, chain: &ChainId) -> Column {
        self.accounts.get(chain).copied().unwrap_or_default()
    }

    /// Accounts with anything but zeros, ascending.
    pub fn accounts(&self) -> impl ExactSizeIterator<Item = (ChainId, Column)> + '_ {
        self.accounts
            .iter()
            .map(|(chain, column)| (*chain, *column))
    }

    /// Everything in transit, ascending.
    pub fn in_transit(&self) -> impl ExactSizeIterator<Item = (LegId, Transit)> + '_ {
        self.transit.iter().map(|(leg, transit)| (*leg, *transit))
    }

    /// One leg in transit.
    #[must_use]
    pub fn transit(&self, leg: &LegId) -> Option<Transit> {
        self.transit.get(leg).copied()
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
        self.incoming
            .range((payee, first)..)
            .take_while(move |(chain, _)| *chain == payee)
            .filter_map(|(_, leg)| Some((*leg, self.transit(leg)?)))
    }

    /// The posted record that took a leg.
    #[must_use]
    pub fn taken_by(&self, leg: &LegId) -> Option<RecordId> {
        self.taken.get(leg).copied()
    }

    /// Posted, contested and in transit of all accounts together: zero.
    #[must_use]
    pub fn sum(&self) -> i128 {
        let accounts: i128 = self
            .accounts
            .values()
            .map(|column| column.posted + column.contested)
            .sum();
        let transit: i128 = self
            .transit
            .values()
            .map(|transit| i128::from(transit.amount.get()))
            .sum();
        accounts + transit
    }

    fn change(&mut self, chain: ChainId, change: impl FnOnce(&mut Column)) {
        let column = self.accounts.entry(chain).or_default();
        change(column);
        if *column == Column::default() {
            self.accounts.remove(&chain);
        }
    }

    /// Out of the payer's position into transit.
    fn send(&mut self, leg: LegId, sent: Sent) {
        let Sent {
            payer,
            payee,
            amount,
        } = sent;
        let atoms = u128::from(amount.get());
        self.change(payer, |column| {
            column.posted -= signed(amount);
            column.outgoing += atoms;
        });
        self.change(payee, |column| column.incoming += atoms);
        self.incoming.insert((payee, leg));
        self.transit.insert(
            leg,
            Transit {
                payer,
                payee,
                amount,
            },
        );
    }

    /// Out of transit into the position of the payee, whose record `by` takes
    /// it. `None` when the leg is not in transit.
    fn arrive(&mut self, leg: LegId, by: RecordId) -> Option<()> {
        let Transit {
            payer,
            payee,
            amount,
        } = self.transit.remove(&leg)?;
        let atoms = u128::from(amount.get());
        self.incoming.remove(&(payee, leg));
        self.taken.insert(leg, by);
        self.change(payer, |column| column.outgoing -= atoms);
        self.change(payee, |column| {
            column.incoming -= atoms;
            column.posted += signed(amount);
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
            self.arrive(leg, id)?;
        }
        for (number, sent) in (0..=u8::MAX).zip(sent(set, slot, entry)) {
            self.send(
                LegId {
                    record: id,
                    leg: number,
                },
                sent,
            );
        }
        Some(())
    }

    /// The columns of a canonical set, from nothing.
    pub(crate) fn of(canonical: &Canonical<'_>, judge: &Judge<LedgerRules>) -> Self {
        let set = canonical.set();
        let entries = valid(canonical, judge);
        let mut takers: BTreeMap<LegId, Takers> = BTreeMap::new();
        for (slot, is_posted, entry) in &entries {
            let record = set.record(*slot);
            for leg in takes(record, entry) {
                let takers = takers.entry(leg).or_default();
                takers.acknowledged |= matches!(entry, Entry::Ack(_));
                if *is_posted {
                    takers.posted = Some(record.id());
                }
            }
        }
        let mut columns = Self::default();
        for (slot, is_posted, entry) in &entries {
            let record = set.record(*slot).id();
            for (number, sent) in (0..=u8::MAX).zip(sent(set, *slot, entry)) {
                let leg = LegId {
                    record,
                    leg: number,
                };
                columns.count(leg, sent, *is_posted, takers.get(&leg));
            }
        }
        columns
    }

    fn count(&mut self, leg: LegId, sent: Sent, is_posted: bool, takers: Option<&Takers>) {
        let atoms = signed(sent.amount);
        let Some(takers) = takers else {
            if is_posted {
                self.send(leg, sent);
            }
            return;
        };
        if is_posted {
            self.change(sent.payer, |column| column.posted -= atoms);
        }
        match takers.posted {
            Some(by) => {
                self.taken.insert(leg, by);
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

/// Who took one leg, on all branches together.
#[derive(Default)]
struct Takers {
    posted: Option<RecordId>,
    acknowledged: bool,
}

fn signed(amount: Amount) -> i128 {
    i128::from(amount.get())
}

fn takes(record: &Record, entry: &Entry) -> Vec<LegId> {
    let Some(content) = record.content() else {
        return Vec::new();
    };
    match entry {
        Entry::Ack(ack) => taken(content, &ack.legs).collect(),
        Entry::Refuse(refuse) => taken(content, &refuse.legs).collect(),
        Entry::Payment(_) | Entry::Note(_) | Entry::Remark(_) => Vec::new(),
    }
}

/// Valid canonical entries of the topic, each with whether it is posted.
fn valid(canonical: &Canonical<'_>, judge: &Judge<LedgerRules>) -> Vec<(Slot, bool, Entry)> {
    let (set, topic) = (canonical.set(), judge.topic());
    canonical
        .slots()
        .filter(|&slot| set.record(slot).topic() == topic && judge.verdict(slot).is_valid())
        .filter_map(|slot| {
            let is_posted = canonical.label(slot) == Label::Posted;
            Some((slot, is_posted, Entry::of(set.record(slot))?))
        })
        .collect()
}
