//! The canonical records beside the spines, kept up from record to record.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use crate::id::{RecordId, TopicId};

use super::RecordSet;
use super::arena::Slot;
use super::canonical::{Canonical, Needed};

/// Which records beside the spines of one set are canonical.
///
/// For whoever asks for the [canonical part](RecordSet::canonical) of a set
/// again and again: while no spine moves, a new record costs a search for each
/// of its refs, and a record beside a spine that nothing canonical names changes
/// nothing. Whatever moves a spine costs one walk over the set, at the next
/// question. While all chains are straight and nobody asked for its
/// [parts](Self::parts) it keeps nothing.
#[derive(Clone, Debug, Default)]
pub struct Beside {
    needed: Option<Kept>,
    /// Records that are not here, each with those that name it. None while
    /// nobody asked about a set that is not straight, or for the parts.
    awaited: Option<BTreeMap<RecordId, Vec<Slot>>>,
}

/// What a [`Beside`] keeps of a set: for whoever keeps the set by its
/// [outline](RecordSet::outline), from which nobody finds it out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "all that is kept")]
pub struct BesideParts {
    /// Canonical records beside the spines, each under a topic that needs it,
    /// ascending.
    pub canonical: Vec<(TopicId, Slot)>,
    /// Records that are not here, each with one that names it, ascending.
    pub awaited: Vec<(RecordId, Slot)>,
}

#[derive(Clone, Debug)]
struct Kept {
    needed: Needed,
    /// The set's bends that it is of.
    bends: u64,
}

impl Beside {
    /// Of a set about which nobody asked yet.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            needed: None,
            awaited: None,
        }
    }

    /// Takes note of a record that the set added or completed: of each, in their
    /// order, before anybody asks. Answers whether the canonical part may be
    /// another one now.
    pub fn update(&mut self, set: &RecordSet, slot: Slot) -> bool {
        let namers = self.await_refs(set, slot);
        match &mut self.needed {
            Some(kept) if kept.bends == set.bends() && set.is_straight() => true,
            Some(kept) if kept.bends == set.bends() => kept.update(set, slot, &namers),
            _ => {
                self.needed = None;
                true
            }
        }
    }

    /// What it keeps of the set, which it looks for where it does not know.
    pub fn parts(&mut self, set: &RecordSet) -> BesideParts {
        let canonical = self.canonical(set).needed().collect();
        self.await_all(set);
        let mut awaited = Vec::new();
        for (id, by) in self.awaited.iter().flatten() {
            awaited.extend(by.iter().map(|&by| (*id, by)));
        }
        awaited.sort_unstable();
        awaited.dedup();
        BesideParts { canonical, awaited }
    }

    /// What kept this of the set, as it is now. Nothing is checked: whoever has the
    /// parts of another set gets answers of none.
    #[must_use]
    pub fn restored(set: &RecordSet, parts: BesideParts) -> Self {
        let mut awaited: BTreeMap<RecordId, Vec<Slot>> = BTreeMap::new();
        for (id, by) in parts.awaited {
            awaited.entry(id).or_default().push(by);
        }
        Self {
            needed: Some(Kept {
                needed: parts.canonical.into_iter().collect(),
                bends: set.bends(),
            }),
            awaited: Some(awaited),
        }
    }

    /// The canonical part of the set, where it is known: no spine moved since
    /// somebody asked for it.
    #[must_use]
    pub fn known<'a>(&self, set: &'a RecordSet) -> Option<Canonical<'a>> {
        if set.is_straight() {
            return Some(set.canonical_with(Needed::new()));
        }
        let kept = self.needed.as_ref();
        let kept = kept.filter(|kept| kept.bends == set.bends());
        kept.map(|kept| set.canonical_with(kept.needed.clone()))
    }

    /// The canonical part of the set.
    pub fn canonical<'a>(&mut self, set: &'a RecordSet) -> Canonical<'a> {
        if let Some(known) = self.known(set) {
            return known;
        }
        self.await_all(set);
        let needed = set.needed();
        self.needed = Some(Kept {
            needed: needed.clone(),
            bends: set.bends(),
        });
        set.canonical_with(needed)
    }

    /// Remembers what all records name that is not here, if nobody did.
    fn await_all(&mut self, set: &RecordSet) {
        if self.awaited.is_none() {
            self.awaited = Some(BTreeMap::new());
            for slot in set.slots() {
                self.await_refs(set, slot);
            }
        }
    }

    /// Remembers what a record names that is not here. Answers with the records
    /// that named this one before it came.
    fn await_refs(&mut self, set: &RecordSet, slot: Slot) -> Vec<Slot> {
        let Some(awaited) = &mut self.awaited else {
            return Vec::new();
        };
        let record = set.record(slot);
        let by_value = set.named_by_value(slot);
        for id in record.refs().iter().chain(&by_value) {
            if set.find(id).is_none() {
                awaited.entry(*id).or_default().push(slot);
            }
        }
        awaited.remove(&record.id()).unwrap_or_default()
    }
}

impl Kept {
    fn update(&mut self, set: &RecordSet, slot: Slot, namers: &[Slot]) -> bool {
        if set.on_spine(slot) {
            let topic = set.topic(slot);
            let relied_on = set.relied_on(slot).map(|named| (topic, named));
            set.need(&mut self.needed, relied_on);
            return true;
        }
        let relying = namers.iter().filter(|&&by| {
            let mut relied_on = set.relied_on(by);
            relied_on.any(|named| named == slot)
        });
        let by: Vec<TopicId> = relying.flat_map(|&by| self.topics_of(set, by)).collect();
        set.need(&mut self.needed, by.into_iter().map(|by| (by, slot)));
        let under = self.topics_of(set, slot);
        for &topic in &under {
            let relied_on = set.relied_on(slot).map(|named| (topic, named));
            set.need(&mut self.needed, relied_on);
        }
        !under.is_empty()
    }

    /// Topics in which a record is canonical. Linear in the records beside the
    /// spines for one of the authority chain that is not on its own.
    fn topics_of(&self, set: &RecordSet, slot: Slot) -> Vec<TopicId> {
        let topic = set.topic(slot);
        if set.on_spine(slot) {
            return Vec::from([topic]);
        }
        if set.chain(slot) != set.authority() {
            let is_needed = self.needed.contains(&(topic, slot));
            return is_needed.then_some(topic).into_iter().collect();
        }
        let needed = self.needed.iter().filter(|(_, needed)| *needed == slot);
        needed.map(|(topic, _)| *topic).collect()
    }
}
