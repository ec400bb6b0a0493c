//! What counts in a canonical set: holds, what ends them, and every leg with
//! who took it. Columns add it up, and exporters write it down.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use icn_types::id::RecordId;
use icn_types::judge::Judge;
use icn_types::record::Record;
use icn_types::set::{Canonical, Label, Slot};

use crate::columns::takes;
use crate::entry::{Entry, Hold, Resolve};
use crate::legs::{self, LegId, Sent, Side, resolved, sent};
use crate::rules::LedgerRules;

/// Hears what counts, each hold before what ends it.
pub(crate) trait Counting {
    /// A posted hold sets its amount aside.
    fn hold(&mut self, record: &Record, hold: &Hold);

    /// A posted Resolve ends a hold, if that is posted too: all of it goes
    /// back, and the parts are sent as legs.
    fn resolve(&mut self, record: &Record, hold: RecordId);

    /// A leg of a Valid canonical record. One that is not posted counts once
    /// somebody took it.
    fn leg(&mut self, leg: LegId, counted: &Counted<'_>);

    /// The same leg once more when it is that of a settlement: whoever keeps it
    /// hands over a claim for it.
    fn settlement(&mut self, leg: LegId, counted: &Counted<'_>);
}

/// What a leg counts as.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Counted<'a> {
    /// The record that sent it.
    pub(crate) slot: Slot,
    pub(crate) sent: Sent,
    /// Whether all that it comes from is posted.
    pub(crate) is_posted: bool,
    pub(crate) takers: Option<&'a Takers>,
}

/// Who took one leg, on all branches together.
#[derive(Debug, Default)]
pub(crate) struct Takers {
    pub(crate) posted: Option<RecordId>,
    /// Whether the posted one acknowledged it.
    is_kept: bool,
    /// The lowest id of all who took it.
    pub(crate) lowest: Option<RecordId>,
    pub(crate) acknowledged: bool,
}

impl Takers {
    /// The record by which the leg was taken to keep, the posted one if there
    /// is one: that alone decides then.
    pub(crate) const fn keeper(&self) -> Option<RecordId> {
        match self.posted {
            Some(by) if self.is_kept => Some(by),
            None if self.acknowledged => self.lowest,
            _ => None,
        }
    }
}

/// Counts a canonical set from nothing.
pub(crate) fn count(
    canonical: &Canonical<'_>,
    judge: &Judge<LedgerRules>,
    into: &mut impl Counting,
) {
    let set = canonical.set();
    let entries = valid(canonical, judge);
    let mut takers: BTreeMap<LegId, Takers> = BTreeMap::new();
    for (slot, is_posted, entry) in &entries {
        let record = set.record(*slot);
        if let Entry::Hold(hold) = entry
            && *is_posted
        {
            into.hold(record, hold);
        }
        for leg in takes(record, entry) {
            let takers = takers.entry(leg).or_default();
            let id = record.id();
            let is_ack = matches!(entry, Entry::Ack(_));
            takers.acknowledged |= is_ack;
            takers.lowest = Some(takers.lowest.map_or(id, |lowest| lowest.min(id)));
            if *is_posted {
                takers.posted = Some(id);
                takers.is_kept = is_ack;
            }
        }
    }
    for (slot, is_posted, entry) in &entries {
        let record = set.record(*slot);
        if let Entry::Resolve(resolve) = entry {
            count_parts(canonical, *slot, resolve, &takers, into);
            continue;
        }
        for (leg, sent) in sent(set, *slot, entry) {
            let leg = LegId {
                record: record.id(),
                leg,
            };
            let counted = Counted {
                slot: *slot,
                sent,
                is_posted: *is_posted,
                takers: takers.get(&leg),
            };
            into.leg(leg, &counted);
            if let Entry::Settlement(_) = entry {
                into.settlement(leg, &counted);
            }
        }
    }
}

/// A part is taken from its hold if both the hold and the Resolve are posted.
/// Otherwise whoever wrote the one that is not owes it.
fn count_parts(
    canonical: &Canonical<'_>,
    slot: Slot,
    resolve: &Resolve,
    takers: &BTreeMap<LegId, Takers>,
    into: &mut impl Counting,
) {
    let set = canonical.set();
    let record = set.record(slot);
    let is_posted = canonical.label(slot) == Label::Posted;
    let ended = record.content().filter(|_| is_posted);
    for hold in ended.iter().flat_map(|content| resolved(content, resolve)) {
        into.resolve(record, hold);
    }
    for (number, part) in legs::parts(set, slot, resolve) {
        let is_held = canonical.label(part.hold) == Label::Posted;
        if !is_held && part.side == Side::Payer {
            continue; // it never left the payer
        }
        let payer = if is_held && !is_posted {
            record.chain()
        } else {
            part.sent.payer
        };
        let leg = LegId {
            record: record.id(),
            leg: number,
        };
        let counted = Counted {
            slot,
            sent: Sent { payer, ..part.sent },
            is_posted: is_posted && is_held,
            takers: takers.get(&leg),
        };
        into.leg(leg, &counted);
    }
}

/// Valid canonical entries of the topic, each with whether it is posted.
fn valid(canonical: &Canonical<'_>, judge: &Judge<LedgerRules>) -> Vec<(Slot, bool, Entry)> {
    let (set, topic) = (canonical.set(), judge.topic());
    canonical
        .slots()
        .filter(|&slot| set.topic(slot) == topic && judge.verdict(slot).is_valid())
        .filter_map(|slot| {
            let is_posted = canonical.label(slot) == Label::Posted;
            Some((slot, is_posted, Entry::of(set.record(slot))?))
        })
        .collect()
}
