//! Which records a ledger reads again.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use icn_types::set::{RecordSet, Slot};

use crate::entry::{REFUND, REFUSE, RESOLVE};
use crate::ledger::Ledger;
use crate::settle::SETTLEMENT;

impl Ledger {
    /// The live records: of this topic, those that a ledger reads again when it
    /// goes on, and its writers with it. Nothing else of the topic is read in the
    /// ordinary run of payments, acknowledgements, refusals, holds, Resolves,
    /// notes and Seals; records of the authority chain are. That goes for whoever
    /// forked and got a next epoch, too, and for records beside the spines that
    /// follow the end of a branch or that of a spine.
    ///
    /// They are the last record of each spine, the last one there with a verdict,
    /// open holds, what sent a leg in transit, what waits, and what these name, where
    /// the rules look through a record at what it names. Whoever pays back, settles,
    /// asserts or disputes something old names a record that may not be among them,
    /// and so does whoever acknowledges what does not stand, or asks again for
    /// something that was done long ago; caps of a [policy](crate::policy) read what
    /// the account sent in their windows. A record that forks a chain below the end
    /// of its spine has all before it read, and what makes the next
    /// [refresh](Self::refresh) count anew has all records read.
    ///
    /// Costs O(n log n) in what is live and in the chains of the domain, and a look
    /// at each verdict.
    #[must_use]
    pub fn live(&self, set: &RecordSet) -> BTreeSet<Slot> {
        let columns = self.columns(set);
        let sent = columns.in_transit().map(|(leg, _)| leg.record);
        let held = columns.held().map(|(hold, _)| hold);
        let open: Vec<Slot> = sent.chain(held).filter_map(|id| set.find(&id)).collect();
        let mut live = BTreeSet::new();
        for slot in open {
            self.keep(set, slot, &mut live);
        }
        for (_, waiting) in self.waiting() {
            for &slot in waiting {
                live.insert(slot);
                for named in self.named(set, slot) {
                    self.keep(set, named, &mut live);
                }
            }
        }
        for (chain, _) in set.chains().filter(|(_, topic)| *topic == self.topic()) {
            live.extend(set.spine(&chain).last());
            live.extend(self.end(set, &chain));
        }
        live
    }

    /// Adds a record, and what is looked at through it.
    fn keep(&self, set: &RecordSet, slot: Slot, live: &mut BTreeSet<Slot>) {
        let mut left = Vec::from([slot]);
        while let Some(slot) = left.pop() {
            if !set.is_at_hand(slot) {
                live.insert(slot);
                continue;
            }
            let is_seen_through = matches!(
                set.record(slot).kind(),
                REFUND | REFUSE | RESOLVE | SETTLEMENT
            );
            if live.insert(slot) && is_seen_through {
                left.extend(self.named(set, slot));
            }
        }
    }

    /// Records of this topic that one names.
    fn named(&self, set: &RecordSet, slot: Slot) -> Vec<Slot> {
        let refs = set.record(slot).refs().iter();
        let named = refs.filter_map(|id| set.find(id));
        named
            .filter(|&slot| set.topic(slot) == self.topic())
            .collect()
    }
}
