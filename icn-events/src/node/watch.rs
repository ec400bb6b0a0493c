//! The watch: own chains on which something may be owed.
//!
//! A chain is looked at after something happened that can change what it owes,
//! and not again until the next time. Votes that run and decisions that are
//! not carried out are owed by the clock: whom they concern is looked at in
//! every step.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use icn_ledger::{Ledger, parties};
use icn_types::chain::Owner;
use icn_types::id::{ChainId, RecordId, TopicId};
use icn_types::key::PublicKey;
use icn_types::record::{Kind, Record};
use icn_types::set::{Office, RecordSet};

/// Own chains, and which of them to look at.
#[derive(Debug)]
pub(super) struct Watch {
    keys: Vec<PublicKey>,
    own: BTreeSet<ChainId>,
    tellers: BTreeSet<ChainId>,
    awake: BTreeSet<ChainId>,
    /// Sleeping chains whose credit waits for a Seal.
    unsealed: BTreeSet<ChainId>,
    /// Acts that were looked at.
    acts: usize,
    /// The set's count of spines that moved at that time; none at first.
    bends: Option<u64>,
    /// Records of each ledger that were looked at.
    decided: BTreeMap<TopicId, usize>,
}

impl Watch {
    /// A watch over the chains of these keys, all of them to be looked at.
    pub(super) fn of<'a>(
        set: &RecordSet,
        ledgers: impl Iterator<Item = &'a Ledger>,
        keys: Vec<PublicKey>,
    ) -> Self {
        let seen = ledgers.map(|ledger| (ledger.topic(), ledger.decided().len()));
        let mut watch = Self {
            keys,
            own: BTreeSet::new(),
            tellers: BTreeSet::new(),
            awake: BTreeSet::new(),
            unsealed: BTreeSet::new(),
            acts: 0,
            bends: None,
            decided: seen.collect(),
        };
        watch.follow_acts(set);
        watch
    }

    /// Own chains, ascending.
    pub(super) fn own(&self) -> impl Iterator<Item = &ChainId> {
        self.own.iter()
    }

    /// Takes in what the authority chain decided since: an Open wakes its chain,
    /// a Seal those whose credit waits for one.
    pub(super) fn follow_acts(&mut self, set: &RecordSet) {
        let tip = set.office_tip().map(|tip| set.seq(tip));
        let acts = tip.and_then(|seq| usize::try_from(seq).ok());
        let acts = acts.map_or(0, |last| last + 1);
        let fresh = set.spine(&set.authority()).get(self.acts..acts);
        match fresh.filter(|_| self.bends == Some(set.bends())) {
            Some(fresh) => {
                for &slot in fresh {
                    self.take_act(set, set.record(slot));
                }
            }
            None => self.seat_all(set),
        }
        self.acts = acts;
        self.bends = Some(set.bends());
    }

    fn take_act(&mut self, set: &RecordSet, act: &Record) {
        match act.kind() {
            Kind::OPEN => self.seat(set, &act.id()),
            Kind::SEAL => self.wake_unsealed(),
            Kind::ADOPT => self.seat_all(set),
            _ => {}
        }
    }

    /// Takes in what a ledger decided since: whomever an entry concerns, and
    /// those whose credit waits where it lies under a Seal that counts only now.
    pub(super) fn follow_ledger(&mut self, set: &RecordSet, ledger: &Ledger) {
        let seen = self.decided.entry(ledger.topic()).or_default();
        let fresh = ledger.decided().get(*seen..).unwrap_or_default();
        *seen = ledger.decided().len();
        for &slot in fresh {
            if self.awake.len() == self.own.len() {
                return;
            }
            let record = set.record(slot);
            let sealed = set.sealed_len(&record.chain());
            if usize::try_from(record.seq()).is_ok_and(|seq| seq < sealed) {
                self.wake_unsealed();
            }
            parties(set, slot).for_each(|chain| self.wake(&chain));
        }
    }

    /// Looks at a chain again, if it is an own one.
    pub(super) fn wake(&mut self, chain: &ChainId) {
        if self.own.contains(chain) {
            self.unsealed.remove(chain);
            self.awake.insert(*chain);
        }
    }

    pub(super) fn wake_all(&mut self) {
        self.unsealed.clear();
        self.awake.clone_from(&self.own);
    }

    pub(super) fn wake_tellers(&mut self) {
        self.awake.extend(&self.tellers);
    }

    fn wake_unsealed(&mut self) {
        self.awake.append(&mut self.unsealed);
    }

    /// Nothing is owed on a chain until something happens.
    pub(super) fn sleep(&mut self, chain: &ChainId) {
        self.awake.remove(chain);
    }

    /// The same, and a Seal is something that happens.
    pub(super) fn sleep_until_seal(&mut self, chain: &ChainId) {
        self.awake.remove(chain);
        self.unsealed.insert(*chain);
    }

    /// The next chain to look at, ascending.
    pub(super) fn next(&self, after: Option<ChainId>) -> Option<ChainId> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        self.awake.range((from, Bound::Unbounded)).next().copied()
    }

    fn seat_all(&mut self, set: &RecordSet) {
        self.own.clear();
        self.tellers.clear();
        self.awake.clear();
        let seats = set.office().into_iter().flat_map(Office::seats);
        for (_, seat) in seats {
            self.seat(set, &seat.open());
        }
        self.wake_all();
    }

    /// An Open gave a chain to a key.
    fn seat(&mut self, set: &RecordSet, open: &RecordId) {
        let Some(open) = set.open(open) else {
            return;
        };
        let chain = open.chain.id();
        for chains in [
            &mut self.own,
            &mut self.tellers,
            &mut self.awake,
            &mut self.unsealed,
        ] {
            chains.remove(&chain);
        }
        if self.keys.contains(&open.key) {
            self.own.insert(chain);
            self.awake.insert(chain);
            if let Owner::Teller(_) = open.chain.owner() {
                self.tellers.insert(chain);
            }
        }
    }
}
