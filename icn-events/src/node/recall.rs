//! Requests about the registrar itself: members put another one in its place,
//! and that one takes over what the last one opened.
//!
//! No registrar is needed for that. The voters sign, each on its own node; the
//! successor's node writes the Recall with the votes that it was brought.

use icn_types::authority::{Act, Recall, Vote, VoteTerms};
use icn_types::canon::{List, to_bytes};
use icn_types::id::RecordId;
use icn_types::key::PublicKey;
use icn_types::record::{Kind, Record};
use icn_types::set::AuthorityRule;
use icn_types::time::Times;
use icn_types::verdict::Breach;

use super::Node;
use super::author::{AuthorError, Authored};
use super::error::NodeError;

/// Another registrar.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "what a caller states")]
pub struct RecallRequest {
    /// The record of the authority chain that is honoured: what stands above it
    /// is dropped. For a registrar that does not fork, the last one.
    pub honoured: RecordId,
    /// The key of the next registrar.
    pub successor: PublicKey,
    /// Opens that are [dropped](icn_types::set::RecordSet::opens_beside) and stay
    /// in force all the same: those under which their owners wrote.
    pub adopted: Vec<RecordId>,
}

impl Node {
    /// Votes for a Recall with every key of this node that may. Who may is fixed
    /// at the honoured record.
    ///
    /// # Errors
    /// [`AuthorError::NoPlace`] unless the honoured record is Valid,
    /// [`AuthorError::NoKey`] without such a key, or [`AuthorError::Node`] when
    /// one does not sign.
    pub fn agree_to_recall(&self, request: &RecallRequest) -> Result<Vec<Vote>, AuthorError> {
        let set = self.set();
        let office = set.office_after(&request.honoured);
        let voters = office.ok_or(AuthorError::NoPlace)?.voters();
        let terms = to_bytes(&VoteTerms {
            domain: set.domain(),
            honoured: request.honoured,
            successor: request.successor,
        });
        self.sound()?;
        let own = voters
            .into_iter()
            .filter_map(|(voter, key)| Some((voter, self.signer_with(key)?)));
        let votes = own.map(|(voter, signer)| {
            let signature = signer.sign(&terms).map_err(NodeError::from)?;
            Ok(Vote { voter, signature })
        });
        let votes: Vec<Vote> = votes.collect::<Result<_, AuthorError>>()?;
        if votes.is_empty() {
            return Err(AuthorError::NoKey(set.authority()));
        }
        Ok(votes)
    }

    /// As successor, replaces the registrar with the votes of more than two
    /// thirds. The same Recall is written once.
    ///
    /// # Errors
    /// [`AuthorError::Votes`] when they are not enough, [`AuthorError::NoKey`]
    /// without the successor's key, [`AuthorError::Act`] when an adopted Open is
    /// not dropped, [`AuthorError::NoPlace`] unless the honoured record is Valid,
    /// or [`AuthorError::Node`].
    pub async fn recall(
        &mut self,
        request: &RecallRequest,
        votes: impl IntoIterator<Item = Vote>,
        times: Times,
    ) -> Result<Authored, AuthorError> {
        self.ready()?;
        if let Some(recall) = self.recalled(request) {
            return Ok(Authored::Again(recall));
        }
        let (set, honoured) = (self.set(), request.honoured);
        let mut votes: Vec<Vote> = votes.into_iter().collect();
        votes.sort_unstable_by_key(|vote| vote.voter);
        votes.dedup_by_key(|vote| vote.voter);
        let recall = Recall {
            successor: request.successor,
            votes: List::new(votes).map_err(|_| AuthorError::Votes)?,
        };
        let office = set.office_after(&honoured).ok_or(AuthorError::NoPlace)?;
        if !office.backs(honoured, &recall) {
            return Err(AuthorError::Votes);
        }
        let dropped = set.opens_beside(&honoured);
        if !request.adopted.iter().all(|open| dropped.contains(open)) {
            return Err(AuthorError::Act(Breach::Rule(AuthorityRule::AdoptOpen)));
        }
        let signer = self.signer_with(request.successor);
        let signer = signer.ok_or(AuthorError::NoKey(set.authority()))?;
        let at = set.find(&honoured).map(|slot| set.record(slot).at());
        let (place, at) = set
            .succession(&honoured)
            .zip(at)
            .ok_or(AuthorError::NoPlace)?;
        let act = Act::Recall(recall);
        let draft = act.draft(place, request.adopted.clone(), times.now.max(at));
        self.sound()?;
        let record = draft.ok_or(AuthorError::NoPlace)?.sign(&**signer);
        let record = record.map_err(NodeError::from)?;
        let id = record.id();
        self.store_signed(vec![record], times).await?;
        Ok(Authored::New(id))
    }

    /// As registrar, takes over Opens that an earlier one wrote on a branch that
    /// was dropped. The same ones are taken over once.
    ///
    /// # Errors
    /// [`AuthorError`] when it is refused or the node fails.
    pub async fn adopt(
        &mut self,
        opens: &[RecordId],
        times: Times,
    ) -> Result<Authored, AuthorError> {
        self.ready()?;
        let at = self.not_before_tip(&self.set().authority(), times.now);
        let signer = self.registrar()?;
        let place = self.end_of_authority().ok_or(AuthorError::NoPlace)?;
        let draft = Act::Adopt.draft(place, opens.to_vec(), at);
        let draft = draft.ok_or(AuthorError::NoPlace)?;
        let refs = draft.content().refs();
        let same = self.act_with(|act| act.kind() == Kind::ADOPT && act.refs() == refs);
        if let Some(adopt) = same {
            return Ok(Authored::Again(adopt));
        }
        let id = draft.header().id();
        self.write_acts(vec![draft], &signer, times).await?;
        Ok(Authored::New(id))
    }

    /// The Recall in force that a request asks for.
    fn recalled(&self, request: &RecallRequest) -> Option<RecordId> {
        self.act_with(|act| {
            let stated = act.content().and_then(|content| content.read().ok());
            act.kind() == Kind::RECALL
                && act.prev() == Some(request.honoured)
                && stated.is_some_and(|recall: Recall| recall.successor == request.successor)
        })
    }

    /// The newest record of the authority chain that is as asked.
    fn act_with(&self, is_it: impl Fn(&Record) -> bool) -> Option<RecordId> {
        let mut records = self.acts().map(|slot| self.set().record(slot));
        records.find(|record| is_it(record)).map(Record::id)
    }
}
