//! What the Valid records of a governance topic say, by vote.
//!
//! A view of the set: it grows in any order and holds nothing that the records
//! do not say.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use icn_types::authority::ProposalId;
use icn_types::id::{ChainId, RecordId};
use icn_types::key::MemberId;
use icn_types::set::{RecordSet, Slot};

use crate::body::{Body, Choice, Proposal};
use crate::rules::{ballot_at, member_at};

#[derive(Clone, Debug, Default)]
pub(crate) struct Index {
    proposals: BTreeMap<ProposalId, (RecordId, Proposal)>,
    ballots: BTreeMap<Slot, Cast>,
    votes: BTreeMap<Slot, Records>,
}

/// One Valid ballot.
#[derive(Clone, Debug)]
pub(crate) struct Cast {
    pub(crate) opening: Slot,
    pub(crate) member: MemberId,
    pub(crate) choice: Choice,
    /// Ballots of the same member and opening that it names.
    pub(crate) replaces: Vec<Slot>,
    /// Tellers that acknowledged it, on any path.
    pub(crate) tellers: BTreeSet<ChainId>,
}

/// Records of one vote.
#[derive(Clone, Debug, Default)]
pub(crate) struct Records {
    pub(crate) ballots: BTreeMap<MemberId, Vec<Slot>>,
    /// Each teller's receipts with the ballots of this vote in them.
    pub(crate) receipts: BTreeMap<ChainId, Vec<(Slot, Vec<Slot>)>>,
    pub(crate) shuts: BTreeMap<ChainId, Vec<Slot>>,
}

/// What a record added.
#[derive(Debug)]
pub(crate) enum Noted {
    Proposal(ProposalId, MemberId),
    Ballot { opening: Slot, member: MemberId },
    Receipt(Vec<(Slot, Slot)>),
    Shut { opening: Slot },
}

impl Index {
    /// Takes in a record that was found Valid.
    pub(crate) fn note(&mut self, set: &RecordSet, slot: Slot) -> Option<Noted> {
        let record = set.record(slot);
        match Body::read(record.kind(), record.content()?).ok()?? {
            Body::Proposal(proposal) => {
                let (id, proposer) = (proposal.id(), proposal.proposer);
                let entry = (record.id(), proposal);
                let kept = self.proposals.entry(id).or_insert_with(|| entry.clone());
                if entry.0 < kept.0 {
                    *kept = entry;
                }
                Some(Noted::Proposal(id, proposer))
            }
            Body::Ballot(ballot) => {
                let opening = set.find(&ballot.opening)?;
                let member = member_at(set, slot)?;
                let replaces = record
                    .refs()
                    .iter()
                    .filter_map(|id| set.find(id))
                    .filter(|&named| {
                        self.ballots
                            .get(&named)
                            .is_some_and(|cast| cast.opening == opening && cast.member == member)
                    })
                    .collect();
                let cast = Cast {
                    opening,
                    member,
                    choice: ballot.choice,
                    replaces,
                    tellers: BTreeSet::new(),
                };
                self.ballots.insert(slot, cast);
                let vote = self.votes.entry(opening).or_default();
                vote.ballots.entry(member).or_default().push(slot);
                Some(Noted::Ballot { opening, member })
            }
            Body::Receipt(receipt) => {
                let named = receipt.positions().iter();
                let named = named.filter_map(|&at| record.refs().get(usize::from(at)));
                let pairs: Vec<(Slot, Slot)> = named
                    .filter_map(|id| set.find(id))
                    .filter_map(|ballot| {
                        let opening = set.find(&ballot_at(set, ballot)?.opening)?;
                        Some((opening, ballot))
                    })
                    .collect();
                self.acknowledge(record.chain(), slot, &pairs);
                Some(Noted::Receipt(pairs))
            }
            Body::Shut(shut) => {
                let opening = set.find(&shut.opening)?;
                let vote = self.votes.entry(opening).or_default();
                vote.shuts.entry(record.chain()).or_default().push(slot);
                Some(Noted::Shut { opening })
            }
        }
    }

    fn acknowledge(&mut self, teller: ChainId, receipt: Slot, pairs: &[(Slot, Slot)]) {
        let mut by_vote: BTreeMap<Slot, Vec<Slot>> = BTreeMap::new();
        for &(opening, ballot) in pairs {
            by_vote.entry(opening).or_default().push(ballot);
            if let Some(cast) = self.ballots.get_mut(&ballot) {
                cast.tellers.insert(teller);
            }
        }
        for (opening, ballots) in by_vote {
            let vote = self.votes.entry(opening).or_default();
            let receipts = vote.receipts.entry(teller).or_default();
            receipts.push((receipt, ballots));
        }
    }

    pub(crate) fn proposal(&self, id: &ProposalId) -> Option<(RecordId, &Proposal)> {
        self.proposals
            .get(id)
            .map(|(record, proposal)| (*record, proposal))
    }

    pub(crate) fn proposals(&self) -> impl Iterator<Item = (ProposalId, RecordId, &Proposal)> {
        self.proposals
            .iter()
            .map(|(id, (record, proposal))| (*id, *record, proposal))
    }

    pub(crate) fn cast(&self, ballot: Slot) -> Option<&Cast> {
        self.ballots.get(&ballot)
    }

    pub(crate) fn vote(&self, opening: Slot) -> Option<&Records> {
        self.votes.get(&opening)
    }
}
