//! The docket: proposals to be opened, and votes about which something may still
//! be to be done.
//!
//! Every duty about votes looks at these alone, so that a step costs what is
//! new or pending and not what was ever decided.

use std::collections::BTreeSet;

use icn_governance::governance::{Event, Governance};
use icn_types::authority::ProposalId;
use icn_types::id::RecordId;
use icn_types::record::Kind;
use icn_types::set::RecordSet;

use super::NodeEvent;

#[derive(Debug, Default)]
pub(super) struct Docket {
    proposals: BTreeSet<ProposalId>,
    /// Votes by their opening.
    votes: BTreeSet<RecordId>,
    /// Records of the authority chain that were looked at.
    seen: usize,
    /// The set's count of spines that moved at that time; none at first.
    bends: Option<u64>,
}

impl Docket {
    /// Takes in a proposal that became known.
    pub(super) fn note(&mut self, event: &NodeEvent) {
        if let NodeEvent::Vote(Event::ProposalMade { proposal, .. }) = event {
            self.proposals.insert(*proposal);
        }
    }

    /// Takes in votes that were opened since. Where a spine moved, what was done
    /// need not stand any more, so that all of them are taken in again.
    pub(super) fn update(&mut self, set: &RecordSet, governance: &Governance) {
        if self.bends != Some(set.bends()) {
            let proposals = governance.proposals().map(|(proposal, ..)| proposal);
            *self = Self {
                bends: Some(set.bends()),
                proposals: proposals.collect(),
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

    /// Ascending.
    pub(super) fn proposals(&self) -> impl Iterator<Item = &ProposalId> {
        self.proposals.iter()
    }

    /// Ascending by opening.
    pub(super) fn votes(&self) -> impl Iterator<Item = &RecordId> {
        self.votes.iter()
    }

    /// Strikes off what was opened, and votes about which nothing is left to be
    /// done.
    pub(super) fn strike(&mut self, set: &RecordSet, done: &[RecordId]) {
        for vote in done {
            self.votes.remove(vote);
        }
        if let Some(office) = set.office() {
            self.proposals
                .retain(|proposal| office.opening_of(proposal).is_none());
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
        let (mut docket, governance) = (Docket::default(), Governance::new(stage.domain()));
        let mut votes = |stage: &Stage, done: &[RecordId]| {
            docket.update(&stage.set, &governance);
            let votes: Vec<RecordId> = docket.votes().copied().collect();
            docket.strike(&stage.set, done);
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
