//! Positions then and now, and the proof that nothing appeared or vanished.

use alloc::collections::BTreeMap;

use icn_types::amount::Position;
use icn_types::authority::Tip;
use icn_types::id::{ChainId, Digest, RecordId};
use icn_types::set::Slot;
use icn_types::time::Timestamp;
use icn_types::verdict::NeedsUpgrade;

use crate::columns::{Column, Columns};
use crate::position::{self, Finality, Limits};
use crate::query::Query;

/// A position at some place in the history of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Known {
    /// What the records up to there add up to.
    pub position: Position,
    /// How final that is: of the last record that it counts. `Local` also for one
    /// that is not posted.
    pub finality: Finality,
}

/// How much of the position of an account is how final. The three add up to what
/// is posted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ByFinality {
    /// By records under a Seal that counts: where the account stood there.
    pub sealed: Position,
    /// What records after these moved, up to the last one on which another account
    /// relies.
    pub acknowledged: Position,
    /// What the records after that moved: the word of the account's writer.
    pub local: Position,
}

/// How far every account went at one moment: what an answer "as known at" it
/// is computed from.
///
/// A record's verdict never changes and its path is in its hash, so a position
/// after a record is fixed. A host that keeps the value can ask later what was
/// known then, whatever was dated back since and whatever forked. What it
/// cannot answer from it is what was contested or in transit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    digest: Digest,
    tips: BTreeMap<ChainId, Tip>,
}

impl Snapshot {
    /// A snapshot that a host kept in a form of its own.
    #[must_use]
    pub fn new(digest: Digest, tips: impl IntoIterator<Item = (ChainId, Tip)>) -> Self {
        let tips = tips.into_iter().collect();
        Self { digest, tips }
    }

    /// The set digest of the ledger's topic at that moment.
    #[must_use]
    pub const fn digest(&self) -> Digest {
        self.digest
    }

    /// The last decided record of each account's spine, ascending by account.
    pub fn tips(&self) -> impl ExactSizeIterator<Item = (ChainId, Tip)> + '_ {
        self.tips.iter().map(|(chain, tip)| (*chain, *tip))
    }
}

/// All accounts at one moment, with the sums that must be zero.
#[derive(Clone, Copy, Debug)]
pub struct TrialBalance<'a> {
    columns: &'a Columns,
    digest: Digest,
    labels: Digest,
    needs_upgrade: Option<NeedsUpgrade>,
    finality: Finality,
}

impl TrialBalance<'_> {
    /// The set digest of the topic that it was computed from.
    #[must_use]
    pub const fn digest(&self) -> Digest {
        self.digest
    }

    /// The label digest: who has it too has the same balance.
    #[must_use]
    pub const fn labels(&self) -> Digest {
        self.labels
    }

    /// Set when an epoch needs newer code: the balance still adds up, but
    /// records of that epoch are not in it.
    #[must_use]
    pub const fn needs_upgrade(&self) -> Option<NeedsUpgrade> {
        self.needs_upgrade
    }

    /// The least final of what is posted on the accounts. `Sealed`: no later
    /// record changes what these records add up to.
    #[must_use]
    pub const fn finality(&self) -> Finality {
        self.finality
    }

    /// Accounts with anything but zeros, ascending.
    pub fn accounts(&self) -> impl ExactSizeIterator<Item = (ChainId, Column)> + '_ {
        self.columns.accounts()
    }

    /// Sum of what is posted.
    #[must_use]
    pub fn posted(&self) -> i128 {
        self.accounts().map(|(_, column)| column.posted).sum()
    }

    /// Sum of what is contested.
    #[must_use]
    pub fn contested(&self) -> i128 {
        self.accounts().map(|(_, column)| column.contested).sum()
    }

    /// Sum of what is in transit.
    #[must_use]
    pub fn in_transit(&self) -> u128 {
        let legs = self.columns.in_transit();
        legs.map(|(_, transit)| u128::from(transit.amount.get()))
            .sum()
    }

    /// Sum of what open holds set aside.
    #[must_use]
    pub fn held(&self) -> u128 {
        let holds = self.columns.held();
        holds.map(|(_, held)| u128::from(held.amount.get())).sum()
    }

    /// Posted, contested, in transit and held together: zero.
    #[must_use]
    pub fn sum(&self) -> i128 {
        self.columns.sum()
    }
}

impl Query<'_> {
    /// How much of what is posted on an account is how final. Costs O(log n), and
    /// the records of the account since the last one on which others rely.
    #[must_use]
    pub fn by_finality(&self, chain: &ChainId) -> ByFinality {
        let reliance = self.reliance(chain);
        let ends = [reliance.sealed(), reliance.acknowledged(), reliance.len()];
        let [sealed, acknowledged, all] = ends.map(|len| self.position_of(chain, len));
        ByFinality {
            sealed: Position::new(sealed),
            acknowledged: Position::new(acknowledged - sealed),
            local: Position::new(all - acknowledged),
        }
    }

    /// What the first `len` decided records of an account add up to.
    fn position_of(&self, chain: &ChainId, len: usize) -> i128 {
        let last = len
            .checked_sub(1)
            .and_then(|last| self.set.spine(chain).get(last));
        let mark = last.and_then(|&slot| self.register.mark(slot));
        mark.map_or(0, |mark| mark.position)
    }

    /// Position of an account after the record at `seq` of its chain. `None`
    /// while that record is not posted and decided. O(log n) below a Seal, and the
    /// later records of the account up to one on which others rely above it.
    #[must_use]
    pub fn position_at(&self, chain: &ChainId, seq: u64) -> Option<Known> {
        let at = usize::try_from(seq).ok()?;
        let slot = *self.decided(chain).get(at)?;
        self.known(slot)
    }

    /// Position of an account by its lines dated at or before `date`.
    ///
    /// O(log n), and the lines after it that are dated before an earlier one.
    /// It is as final as the period close that covers the date, for what comes
    /// later is reported later; without one it is local.
    #[must_use]
    pub fn position_on(&self, chain: &ChainId, date: Timestamp) -> Known {
        Known {
            position: Position::new(self.position_by(chain, date)),
            finality: self.finality_on(chain, date),
        }
    }

    /// What the account could have spent after the record at `seq`, under the
    /// terms of that moment. `None` without a grant, and while the record is
    /// not posted and decided. Linear in `seq`.
    #[must_use]
    pub fn limits_at(&self, chain: &ChainId, seq: u64) -> Option<Limits> {
        let at = usize::try_from(seq).ok()?;
        let slot = *self.decided(chain).get(at)?;
        position::limits_after(self.ledger, self.set, slot)
    }

    /// How far every account goes now. Linear in the accounts.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let topic = self.ledger.topic();
        let chains = self.set.chains().filter(|(_, of)| *of == topic);
        let tips = chains.filter_map(|(chain, _)| {
            let record = self.set.record(*self.decided(&chain).last()?);
            let tip = Tip {
                seq: record.seq(),
                head: record.id(),
            };
            Some((chain, tip))
        });
        Snapshot::new(self.set.canonical().digest(topic), tips)
    }

    /// Position of an account as it was known at a snapshot, zero and final for
    /// an account that had no record then. `None` when the record that the
    /// snapshot names is not here. Costs as [`position_at`](Self::position_at).
    #[must_use]
    pub fn position_as_known(&self, chain: &ChainId, at: &Snapshot) -> Option<Known> {
        match at.tips.get(chain) {
            None => Some(Known {
                position: Position::ZERO,
                finality: Finality::Sealed,
            }),
            Some(tip) => self.position_after(&tip.head),
        }
    }

    /// Position after a decided record, by its own path: fixed, whether or not
    /// it is still posted. `None` for a record that is not here or waits.
    #[must_use]
    pub fn position_after(&self, record: &RecordId) -> Option<Known> {
        self.known(self.set.find(record)?)
    }

    fn known(&self, slot: Slot) -> Option<Known> {
        let mark = self.register.mark(slot)?;
        Some(Known {
            position: Position::new(mark.position),
            finality: self.finality_after(slot),
        })
    }

    /// How final the position after a decided record is.
    fn finality_after(&self, slot: Slot) -> Finality {
        let record = self.set.record(slot);
        match usize::try_from(record.seq()) {
            Ok(seq) if self.set.on_spine(slot) => self.reliance(&record.chain()).after(seq + 1),
            _ => Finality::Local,
        }
    }

    /// How final it is that the account is closed up to a date.
    pub(super) fn finality_on(&self, chain: &ChainId, date: Timestamp) -> Finality {
        let path = self.decided(chain);
        // Once closed up to a date, an account stays so.
        let closed = path.partition_point(|&slot| {
            let mark = self.register.mark(slot);
            mark.is_none_or(|mark| mark.open_from <= date)
        });
        if closed < path.len() {
            self.reliance(chain).after(closed + 1)
        } else {
            Finality::Local
        }
    }

    /// How final it is what the records up to `seq` moved: more may come where
    /// there is none yet.
    pub(super) fn finality_up_to(&self, chain: &ChainId, seq: u64) -> Finality {
        let len = usize::try_from(seq).ok().and_then(|seq| seq.checked_add(1));
        let reliance = self.reliance(chain);
        match len.filter(|len| *len <= reliance.len()) {
            Some(len) => reliance.after(len),
            None => Finality::Local,
        }
    }

    /// All accounts of what this replica holds. Linear in the set, for the
    /// digests.
    #[must_use]
    pub fn trial_balance(&self) -> TrialBalance<'_> {
        let canonical = self.set.canonical();
        let topic = self.ledger.topic();
        let chains = self.set.chains().filter(|(_, of)| *of == topic);
        let finality = chains.map(|(chain, _)| {
            let reliance = self.reliance(&chain);
            reliance.after(reliance.len())
        });
        TrialBalance {
            finality: finality.min().unwrap_or(Finality::Sealed),
            columns: &self.columns,
            digest: canonical.digest(topic),
            labels: self.ledger.label_digest(self.set),
            needs_upgrade: self.ledger.needs_upgrade(),
        }
    }
}

pub(super) const fn final_if(is_sealed: bool) -> Finality {
    if is_sealed {
        Finality::Sealed
    } else {
        Finality::Local
    }
}
