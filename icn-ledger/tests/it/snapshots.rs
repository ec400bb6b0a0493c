//! Snapshots: what is read back is the ledger that was written, and stays so.

use icn_ledger::{Ledger, LedgerEvent, Unit};
use icn_types::record::Record;
use icn_types::set::{RecordSet, Sketch, Slot};
use icn_types::sign::Signed;

/// The ledger read back, if it can be written down now.
pub(crate) fn again(ledger: &Ledger, set: &RecordSet, unit: Unit) -> Option<Ledger> {
    let pages = ledger.snapshot(set)?;
    let same = Ledger::restore(set, unit, &pages).unwrap();
    assert_same(ledger, &same, set);
    assert_eq!(same.snapshot(set).as_ref(), Some(&pages));
    Some(same)
}

/// Everything that a ledger answers.
pub(crate) fn assert_same(one: &Ledger, other: &Ledger, set: &RecordSet) {
    assert_eq!(one.columns(set), other.columns(set));
    assert_eq!(one.label_digest(set), other.label_digest(set));
    assert_eq!(one.decided(), other.decided());
    assert_eq!(one.needs_upgrade(), other.needs_upgrade());
    let waiting = |ledger: &Ledger| {
        let waiting = ledger.waiting().map(|(id, slots)| (id, slots.to_vec()));
        waiting.collect::<Vec<_>>()
    };
    assert_eq!(waiting(one), waiting(other));
    for slot in set.slots() {
        assert_eq!(one.verdict(slot), other.verdict(slot));
    }
    for (chain, topic) in set.chains() {
        if topic != one.topic() {
            continue;
        }
        assert_eq!(one.positions(set, &chain), other.positions(set, &chain));
        assert_eq!(one.charge(set, &chain), other.charge(set, &chain));
        let incoming = one.columns(set).incoming(chain).collect::<Vec<_>>();
        assert!(other.columns(set).incoming(chain).eq(incoming));
        let unresolved = one.columns(set).unresolved(chain).collect::<Vec<_>>();
        assert!(other.columns(set).unresolved(chain).eq(unresolved));
    }
}

/// A ledger read back, over a set that has only the bodies of what is live.
#[derive(Clone)]
pub(crate) struct Away {
    pub(crate) set: RecordSet,
    pub(crate) ledger: Ledger,
}

impl Away {
    /// None where the set has no outline or the ledger no snapshot.
    pub(crate) fn of(ledger: &Ledger, set: &RecordSet) -> Option<Self> {
        let (outline, pages) = (set.outline()?, ledger.snapshot(set)?);
        let mut sketch = Sketch::new(set.domain());
        for page in outline.pages() {
            sketch.page(&page).unwrap();
        }
        let mut at_hand = ledger.live(set);
        at_hand.extend(set.spine(&set.authority()));
        for slot in at_hand {
            let bytes = set.record(slot).to_bytes();
            sketch.body(slot.index(), &bytes).unwrap();
        }
        let set = sketch.finish().unwrap();
        let ledger = Ledger::restore(&set, *ledger.unit(), &pages).unwrap();
        assert!(!set.missed(), "nothing is read to read a ledger back");
        Some(Self { set, ledger })
    }

    /// What the ledger learns of records. None where it would have had to read
    /// something that is not at hand: then nothing that it says counts.
    pub(crate) fn hear(&mut self, records: &[Signed<Record>]) -> Option<Vec<LedgerEvent>> {
        let added = records.iter().map(|record| self.set.insert(record.clone()));
        let added: Result<Vec<_>, _> = added.collect();
        let mut events = Vec::new();
        for added in added.ok()? {
            events.extend(self.ledger.update(&self.set, added.slot()));
        }
        self.ledger.refresh(&self.set);
        (!self.set.missed()).then_some(events)
    }

    /// Whether where accounts stand is what it is with all bodies at hand, as far
    /// as nothing had to be read that is not.
    pub(crate) fn stands_like(&self, ledger: &Ledger, set: &RecordSet) -> bool {
        let own = |topic| topic == ledger.topic();
        let chains = set.chains().filter(|(_, topic)| own(*topic));
        let is_same = chains.into_iter().all(|(chain, _)| {
            let here = self.ledger.positions(&self.set, &chain);
            self.set.missed() || here == ledger.positions(set, &chain)
        });
        let verdicts = |slot: Slot| self.ledger.verdict(slot) == ledger.verdict(slot);
        is_same
            && (self.set.missed()
                || *self.ledger.columns(&self.set) == *ledger.columns(set)
                    && set.slots().all(verdicts))
    }
}
