//! The docket: votes about which something may still be to be done.
//!
//! Every duty about votes looks at these alone, so that a step costs what is
//! new or pending and not what was ever decided.

use std::collections::BTreeSet;

use icn_types::id::RecordId;
use icn_types::record::Kind;
use icn_types::set::RecordSet;

/// Votes by their opening.
#[derive(Debug, Default)]
pub(super) struct Docket {
    votes: BTreeSet<RecordId>,
    /// Records of the authority chain that were looked at.
    seen: usize,
    /// The set's count of spines that moved at that time.
    bends: u64,
}

impl Docket {
    /// Takes in what was opened since. Where a spine moved, what was done need
    /// not stand any more, so that every vote is taken in again.
    pub(super) fn update(&mut self, set: &RecordSet) {
        if set.bends() != self.bends {
            *self = Self {
                bends: set.bends(),
                ..Self::default()
            };
        }
        let acts = set.spine(&set.authority());
        let fresh = acts.get(self.seen..).unwrap_or_default().iter();
        let opened = fresh.map(|&slot| set.record(slot));
        let opened = opened.filter(|record| record.kind() == Kind::OPENING);
        self.votes.extend(opened.map(|record| record.id()));
        self.seen = acts.len();
    }

    /// Ascending by opening.
    pub(super) fn votes(&self) -> impl Iterator<Item = &RecordId> {
        self.votes.iter()
    }

    /// Strikes votes off about which nothing is left to be done.
    pub(super) fn strike(&mut self, done: &[RecordId]) {
        for vote in done {
            self.votes.remove(vote);
        }
    }
}

#[cfg(test)]
mod tests {
    use icn_types::authority::{Act, DecisionTerms, Finality, Opening, ProposalId, Tip};
    use icn_types::canon::{List, Raw};
    use icn_types::id::{ChainId, UnitId};
    use icn_types::testkit::stage::{GRANT, Stage};

    use super::*;

    fn open(stage: &mut Stage, proposal: u8) -> RecordId {
        let opening = Opening {
            proposal: ProposalId::from_bytes([proposal; 32]),
            record: RecordId::from_bytes([8; 32]),
            actions: List::empty(),
            rule: Raw::of(&0_u64),
            roll: stage.set.office().unwrap().roll_digest(),
            terms: DecisionTerms {
                tellers: List::new([ChainId::from_bytes([1; 32])]).unwrap(),
                needed: 1,
                period: 100,
                timelock: 500,
            },
        };
        stage.act(&Act::Opening(opening), &[])
    }

    fn sorted<const N: usize>(mut votes: [RecordId; N]) -> [RecordId; N] {
        votes.sort_unstable();
        votes
    }

    #[test]
    fn vote_that_is_struck_off_comes_back_only_when_a_spine_moves() {
        let mut stage = Stage::new(1, 4);
        let ledger = stage.ledger(UnitId::from_bytes([1; 32]));
        let account = stage.open_member(0, &ledger, Some(GRANT));
        let mut docket = Docket::default();
        let mut votes = |stage: &Stage, done: &[RecordId]| {
            docket.update(&stage.set);
            let votes: Vec<RecordId> = docket.votes().copied().collect();
            docket.strike(done);
            votes
        };
        assert_eq!(votes(&stage, &[]), []);
        let [first, second] = [1, 2].map(|proposal| open(&mut stage, proposal));
        assert_eq!(votes(&stage, &[first]), sorted([first, second]));
        let third = open(&mut stage, 3);
        stage.write(&account, Kind::new(67), &[], &0_u64);
        stage.seal(&account, Finality::Open);
        assert_eq!(votes(&stage, &[second]), sorted([second, third]));
        stage.write(&account, Kind::new(67), &[], &1_u64);
        stage.write_after(&account, stage.tip(&account), Kind::new(67), &[], &2_u64);
        assert_eq!(votes(&stage, &[]), [third], "nothing moved");
        let sealed = Tip {
            seq: 0,
            head: stage.set.record(stage.set.spine(&account)[0]).id(),
        };
        stage.write_after(&account, Some(sealed), Kind::new(67), &[], &3_u64);
        assert!(stage.set.fork(&account).is_some());
        assert_eq!(votes(&stage, &[]), sorted([first, second, third]));
    }
}
