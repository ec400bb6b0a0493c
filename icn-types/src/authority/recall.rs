use crate::canon::{Decode, DecodeError, Encode, List, Reader, Reason, Writer};
use crate::canonical;
use crate::id::{DomainId, RecordId};
use crate::key::{MemberId, PublicKey, Signature};

/// Most votes of one Recall: with as many Opens as a record names it fits into
/// one content.
pub const RECALL_VOTES_MAX: usize = 1024;

/// Under this many members a set of recovery keys recalls the registrar.
const SMALL_ROLL: usize = 4;

/// Whether a roll of `members` recalls by recovery keys instead of by votes.
pub(crate) const fn recalls_by_key(members: usize) -> bool {
    members < SMALL_ROLL
}

/// Whether `votes` of `voters` replace a registrar: more than two thirds, so
/// that two such majorities share an honest voter.
pub(crate) const fn recalls(votes: usize, voters: usize) -> bool {
    votes * 3 > voters * 2
}

/// Whether a roll of `members` with so many recovery keys can recall its
/// registrar at all: there are voters, and enough of them fit into one Recall.
pub(crate) const fn can_recall(members: usize, keys: usize) -> bool {
    if recalls_by_key(members) {
        keys > 0
    } else {
        recalls(RECALL_VOTES_MAX, members)
    }
}

/// Replaces the registrar: signed by value by more than two thirds of the
/// roll, so that it needs no help from the one it removes.
///
/// It follows the record that it honours; everything above that is dropped,
/// except the Opens that it refs. The record itself is signed by the successor.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "signed data: its fields are the format"
)]
pub struct Recall {
    /// Key of the next registrar.
    pub successor: PublicKey,
    /// Votes, ascending by voter.
    pub votes: List<Vote, 1, RECALL_VOTES_MAX>,
}
canonical!(Recall = "icn/types/recall/v1" { successor, votes } where check);

impl Recall {
    fn check(self) -> Result<Self, Reason> {
        if self.votes.is_sorted_by(|a, b| a.voter < b.voter) {
            Ok(self)
        } else {
            Err(Reason::Value("recall.votes"))
        }
    }
}

/// One signature for a Recall.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "signed data: its fields are the format"
)]
pub struct Vote {
    /// Whose it is.
    pub voter: Voter,
    /// Signature over the [`VoteTerms`].
    pub signature: Signature,
}
canonical!(Vote { voter, signature });

/// Who may sign a Recall.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(
    clippy::exhaustive_enums,
    reason = "signed data: its shapes are the format"
)]
pub enum Voter {
    /// A member of the roll, with the key in force on its governance chain
    /// (device 0), or the key of its inception while that chain has no Open.
    Member(MemberId),
    /// A recovery key of the charter, by position; counts only while the roll
    /// has fewer than four members.
    Key(u8),
}

impl Encode for Voter {
    fn encode(&self, w: &mut Writer) {
        w.array(2);
        match self {
            Self::Member(id) => {
                w.uint(0);
                id.encode(w);
            }
            Self::Key(number) => {
                w.uint(1);
                number.encode(w);
            }
        }
    }
}

impl Decode for Voter {
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        r.array_of(2)?;
        match r.uint()? {
            0 => MemberId::decode(r).map(Self::Member),
            1 => u8::decode(r).map(Self::Key),
            _ => Err(r.error(Reason::Value("recall.voter"))),
        }
    }
}

/// What the voters of a Recall sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "signed data: its fields are the format"
)]
pub struct VoteTerms {
    /// The domain.
    pub domain: DomainId,
    /// The record that the Recall honours and follows.
    pub honoured: RecordId,
    /// Key of the next registrar.
    pub successor: PublicKey,
}
canonical!(VoteTerms = "icn/types/recall-vote/v1" { domain, honoured, successor });

#[cfg(test)]
mod tests {
    use super::*;

    /// So two Recalls of one registrar at once take more than a third of the
    /// roll who signed both, each convicted by two signatures.
    #[test]
    fn two_recalls_share_more_than_a_third_of_the_roll() {
        for roll in SMALL_ROLL..=2000 {
            let least = (0..=roll).find(|&votes| recalls(votes, roll)).unwrap();
            let shared = 2 * least - roll;
            assert!(shared * 3 > roll, "{shared} of {roll}");
        }
    }
}
