//! Sealing: chains that go on beyond their Seals, and when the last checkpoint
//! was written.

use std::collections::BTreeSet;

use icn_types::authority::{Act, Finality, SEAL_ROWS_MAX, Seal};
use icn_types::id::ChainId;
use icn_types::record::Kind;
use icn_types::set::{RecordSet, Slot};
use icn_types::time::Timestamp;

/// The newest Seal with a checkpoint.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Checkpoint {
    at: Timestamp,
    rows: usize,
}

/// What there may be to seal.
#[derive(Debug, PartialEq)]
pub(super) struct Sealing {
    /// Chains with records beyond the last Seal.
    unsealed: BTreeSet<ChainId>,
    /// Milliseconds between checkpoints, as the charter says.
    interval: Option<u64>,
    checkpoint: Option<Checkpoint>,
    /// Acts that were looked at.
    acts: usize,
    /// The set's count of spines that moved at that time; none at first.
    bends: Option<u64>,
    /// Nothing was found to be sealed, and nothing arrived since.
    is_quiet: bool,
}

impl Sealing {
    /// What there is to seal in a set.
    pub(super) fn of(set: &RecordSet) -> Self {
        let acts = set.spine(&set.authority());
        let mut newest = acts.iter().rev().filter_map(|&slot| seal(set, slot));
        let mut sealing = Self {
            unsealed: BTreeSet::new(),
            interval: set.charter().map(|charter| charter.seal_interval),
            checkpoint: newest.find_map(|(at, seal)| checkpoint(at, &seal)),
            acts: acts.len(),
            bends: Some(set.bends()),
            is_quiet: false,
        };
        let chains = set.chains();
        chains.for_each(|(chain, _)| sealing.weigh(set, chain));
        sealing
    }

    /// Takes in what was stored since. Costs that much, unless a spine moved or
    /// an act came whole that was known in part.
    pub(super) fn follow(&mut self, set: &RecordSet, stored: &[Slot]) {
        let acts = set.spine(&set.authority());
        let was_known = |&slot: &Slot| {
            let record = set.record(slot);
            let seq = usize::try_from(record.seq()).ok();
            record.chain() == set.authority() && seq.is_some_and(|seq| seq < self.acts)
        };
        if self.bends != Some(set.bends()) || stored.iter().any(was_known) {
            *self = Self::of(set);
            return;
        }
        for &slot in stored {
            self.weigh(set, set.chain(slot));
        }
        for &slot in acts.get(self.acts..).unwrap_or_default() {
            if let Some((at, seal)) = seal(set, slot) {
                seal.rows.iter().for_each(|row| self.weigh(set, row.chain));
                self.checkpoint = checkpoint(at, &seal).or(self.checkpoint);
            }
        }
        self.acts = acts.len();
        self.is_quiet = false;
    }

    fn weigh(&mut self, set: &RecordSet, chain: ChainId) {
        if chain != set.authority() && set.spine(&chain).len() > set.sealed_len(&chain) {
            self.unsealed.insert(chain);
        } else {
            self.unsealed.remove(&chain);
        }
    }

    /// Chains with records beyond the last Seal, ascending; none while nothing
    /// can be sealed.
    pub(super) fn chains(&self) -> impl Iterator<Item = &ChainId> {
        self.unsealed.iter().filter(|_| !self.is_quiet)
    }

    /// Nothing is to be sealed until something arrives.
    pub(super) const fn be_quiet(&mut self) {
        self.is_quiet = true;
    }

    /// Whether the next checkpoint waits for its time. One that was full is
    /// followed by the next at once; without a charter there is none.
    pub(super) fn is_early(&self, at: Timestamp) -> bool {
        match (self.interval, self.checkpoint) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(interval), Some(last)) => {
                last.rows < SEAL_ROWS_MAX && at < last.at.saturating_add(interval)
            }
        }
    }
}

fn seal(set: &RecordSet, slot: Slot) -> Option<(Timestamp, Seal)> {
    let record = set.record(slot);
    (record.kind() == Kind::SEAL).then_some(())?;
    match set.act(slot)? {
        Act::Seal(seal) => Some((record.at(), seal)),
        _ => None,
    }
}

fn checkpoint(at: Timestamp, seal: &Seal) -> Option<Checkpoint> {
    let mut rows = seal.rows.iter();
    let is_one = rows.any(|row| row.finality == Finality::Open);
    let rows = seal.rows.len();
    is_one.then_some(Checkpoint { at, rows })
}

#[cfg(test)]
mod tests {
    use icn_types::id::UnitId;
    use icn_types::testkit::stage::Stage;

    use super::*;

    const NOTE: Kind = Kind::new(67);

    /// What follows step by step is what the set says at once.
    fn follow(sealing: &mut Sealing, stage: &Stage, told: &mut usize) -> Vec<ChainId> {
        let records = &stage.records[*told..];
        let stored = records.iter().map(|one| stage.set.find(&one.id()).unwrap());
        let stored: Vec<Slot> = stored.collect();
        *told = stage.records.len();
        sealing.follow(&stage.set, &stored);
        let at_once = Sealing::of(&stage.set);
        assert_eq!(sealing, &at_once);
        sealing.chains().copied().collect()
    }

    #[test]
    fn chains_are_there_from_their_first_record_beyond_a_seal_to_the_next_seal() {
        let mut stage = Stage::with_charter(1, 4, |charter| charter.seal_interval = 100);
        let topic = stage.ledger(UnitId::from_bytes([1; 32]));
        let accounts = [0, 1].map(|member| stage.open_member(member, &topic, None));
        let mut sealing = Sealing::of(&stage.set);
        let mut told = stage.records.len();
        let mut now = |stage: &Stage| follow(&mut sealing, stage, &mut told);
        assert_eq!(now(&stage), []);
        stage.write(&accounts[1], NOTE, &[], &0_u64);
        assert_eq!(now(&stage), [accounts[1]]);
        stage.write(&accounts[0], NOTE, &[], &0_u64);
        assert_eq!(now(&stage).len(), 2);
        stage.seal(&accounts[1], Finality::Open);
        assert_eq!(now(&stage), [accounts[0]]);
        // A second record in a sealed place moves nothing; a fork beyond is
        // no record that could be sealed.
        stage.write_after(&accounts[1], None, NOTE, &[], &1_u64);
        assert_eq!(now(&stage), [accounts[0]]);
        stage.write_after(&accounts[0], None, NOTE, &[], &1_u64);
        assert_eq!(now(&stage), []);
        stage.seal(&accounts[0], Finality::Final);
        assert_eq!(now(&stage), []);
    }

    #[test]
    fn next_checkpoint_waits_for_its_interval_and_what_is_quiet_for_something_new() {
        let mut stage = Stage::with_charter(1, 4, |charter| charter.seal_interval = 100);
        let topic = stage.ledger(UnitId::from_bytes([1; 32]));
        let account = stage.open_member(0, &topic, None);
        let mut sealing = Sealing::of(&stage.set);
        let mut told = stage.records.len();
        assert!(!sealing.is_early(Timestamp::default()), "none was written");
        stage.write(&account, NOTE, &[], &0_u64);
        let seal = stage.seal(&account, Finality::Open);
        stage.write(&account, NOTE, &[], &0_u64);
        assert_eq!(follow(&mut sealing, &stage, &mut told), [account]);
        let slot = stage.set.find(&seal).unwrap();
        let at = stage.set.record(slot).at();
        assert!(sealing.is_early(at.saturating_add(99)));
        assert!(!sealing.is_early(at.saturating_add(100)));
        sealing.be_quiet();
        assert_eq!(sealing.chains().count(), 0);
        stage.write(&account, NOTE, &[], &1_u64);
        assert_eq!(follow(&mut sealing, &stage, &mut told), [account]);
    }
}
