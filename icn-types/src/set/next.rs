//! What comes next: where writers go on, which epoch follows, and what voters and
//! the successor need for a Recall.

use alloc::borrow::Cow;
use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use crate::authority::Start;
use crate::id::{ChainId, RecordId};
use crate::record::{Kind, Place};

use super::RecordSet;
use super::arena::Slot;
use super::office::Office;
use super::spine::Spine;

impl RecordSet {
    /// Where the current writer of a chain puts its next record. `None` while
    /// the chain has no epoch in force, is sealed for good or forks, or while
    /// the charter [needs an upgrade](Self::needs_upgrade).
    #[must_use]
    pub fn next_place(&self, chain: &ChainId) -> Option<Place> {
        let spine = self.spines.of(chain);
        let forks = spine.is_some_and(|spine| spine.fork().is_some());
        if forks || self.needs_upgrade().is_some() {
            return None;
        }
        let tip = spine.and_then(Spine::tip);
        let (topic, epoch) = if *chain == self.authority {
            (self.authority_topic, self.registrar_epoch()?)
        } else {
            let seat = self.office()?.seat(chain)?;
            if self.is_frozen(chain) {
                return None;
            }
            let open = self.open(&seat.open())?;
            let starts = open.start.tip().map(|tip| tip.head) == tip.map(|tip| self.id(tip));
            let goes_on = tip.is_some_and(|tip| self.goes_on(seat.open(), Some(tip)));
            (starts || goes_on).then_some(())?;
            (open.chain.topic(), seat.open())
        };
        Some(Place::Entry {
            topic,
            chain: *chain,
            epoch,
            seq: tip.map_or(Some(0), |tip| self.seq(tip).checked_add(1))?,
            prev: tip.map(|tip| self.id(tip)),
        })
    }

    /// Where the next Open of a chain starts: first where it has no epoch, else
    /// at the final Seal of the current one. `None` while that is not sealed.
    #[must_use]
    pub fn next_start(&self, chain: &ChainId) -> Option<Start> {
        let Some(seat) = self.office()?.seat(chain) else {
            return Some(Start::First);
        };
        let row = self.registry.rows.row(seat.last_row()?);
        row.ends(&seat.open()).then(|| Start::After {
            prior: seat.open(),
            tip: row.tip(),
        })
    }

    /// What the authority chain has decided up to a Valid record of it. `None`
    /// for any other record.
    ///
    /// At hand where [`office`](Self::office) stands; anywhere else it costs a
    /// fold over the chain.
    #[must_use]
    pub fn office_after(&self, record: &RecordId) -> Option<Cow<'_, Office>> {
        let slot = self.valid_act(record)?;
        match self.registry.office_at(slot) {
            Some(office) => Some(Cow::Borrowed(office)),
            None => {
                let mut registry = self.registry.clone();
                registry.fold(&self.arena, slot).map(Cow::Owned)
            }
        }
    }

    /// Where a Recall goes that honours this record. `None` unless it is a Valid
    /// record of the authority chain.
    #[must_use]
    pub fn succession(&self, honoured: &RecordId) -> Option<Place> {
        let slot = self.valid_act(honoured)?;
        Some(Place::Succession {
            topic: self.authority_topic,
            chain: self.authority,
            seq: self.seq(slot).checked_add(1)?,
            prev: *honoured,
        })
    }

    /// Valid Opens that the authority chain up to `head` neither has nor took
    /// over: what a Recall that honours `head` drops, or an Adopt after it may
    /// take over. In the order in which they were written; linear in the
    /// authority records.
    #[must_use]
    pub fn opens_beside(&self, head: &RecordId) -> Vec<RecordId> {
        let Some(head) = self.valid_act(head) else {
            return Vec::new();
        };
        let path: BTreeSet<Slot> = self.back(head).collect();
        let takes_over = |slot: &&Slot| {
            let kind = self.record(**slot).kind();
            kind == Kind::RECALL || kind == Kind::ADOPT
        };
        let takers = path.iter().filter(takes_over);
        let adopted: BTreeSet<&RecordId> =
            takers.flat_map(|&slot| self.record(slot).refs()).collect();
        let judged = self.judged().iter().filter(|&slot| {
            let record = self.record(*slot);
            record.kind() == Kind::OPEN
                && self.verdict(*slot).is_valid()
                && !path.contains(slot)
                && !adopted.contains(&record.id())
        });
        let mut beside: Vec<(u64, RecordId)> = judged
            .map(|&slot| (self.seq(slot), self.id(slot)))
            .collect();
        beside.sort_unstable();
        beside.into_iter().map(|(_, open)| open).collect()
    }

    /// A Valid record of the authority chain.
    fn valid_act(&self, id: &RecordId) -> Option<Slot> {
        let slot = self.find(id)?;
        self.verdict(slot).is_valid().then_some(slot)
    }
}
