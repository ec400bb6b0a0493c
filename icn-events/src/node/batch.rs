//! Several requests about money at once.

use icn_ledger::batch::{Batch, Item, authorize_all};
use icn_ledger::bundle::{BundleRequest, authorize_bundle};
use icn_ledger::request::Request;
use icn_ledger::{Authorized, Refusal};
use icn_types::id::ChainId;
use icn_types::record::{Draft, Record};
use icn_types::sign::Signed;
use icn_types::time::Times;

use super::Node;
use super::author::{AuthorError, Authored};
use super::error::NodeError;

/// Most requests of one batch.
pub const BATCH_MAX: usize = 256;

/// What became of the requests of a batch, in their order.
pub type Results = Vec<Result<Authored, AuthorError>>;

/// What would be written, and the results if it is.
struct Admitted {
    results: Results,
    drafts: Vec<(ChainId, Draft)>,
}

impl Node {
    /// Carries out several requests, each by the writer of a chain within its
    /// [policy](super::NodeSettings::with_policy), in any of the units:
    /// [all or none](Batch::Atomic), or
    /// [each for itself](Batch::Independent). Later ones see what earlier ones
    /// do. Whatever is written is written in one commit, so nothing of it is
    /// visible before all of it is durable.
    ///
    /// Each request is carried out once, as by a call of its own: asked again
    /// it answers with the first record. When a request of an atomic batch is
    /// refused, that one has its refusal and every other [`Refusal::Undone`].
    ///
    /// # Errors
    /// [`AuthorError::Batch`] above [`BATCH_MAX`] requests, and
    /// [`AuthorError::Node`] when the node or a signer fails: nothing is
    /// granted then.
    pub async fn author_all(
        &mut self,
        batch: Batch,
        requests: &[(ChainId, Request)],
        times: Times,
    ) -> Result<Results, AuthorError> {
        self.ready()?;
        if requests.len() > BATCH_MAX {
            return Err(AuthorError::Batch { max: BATCH_MAX });
        }
        let Admitted { results, drafts } = match self.admit_all(batch, requests, times) {
            Ok(admitted) => admitted,
            Err((item, error)) => return Ok(all_undone(requests.len(), item, error)),
        };
        let mut decisions = requests.iter().map(|(_, request)| request.decision());
        let is_decided = decisions.any(|decision| decision.is_some());
        self.store_all(drafts, is_decided, times).await?;
        Ok(results)
    }

    /// States a bundle on `chain`, and pays what is due from `payers` whose
    /// keys this node has, each within its policy: all of it in one commit, or
    /// nothing. What others owe they pay on their own nodes, by the request that
    /// the terms give.
    ///
    /// Answers with the bundle and the payments in the order of `payers`. The
    /// same request answers with the records that it led to.
    ///
    /// # Errors
    /// [`AuthorError::Batch`] with [`BATCH_MAX`] payers or more, and any other
    /// [`AuthorError`] when one of them is refused or the node fails.
    pub async fn bundle(
        &mut self,
        chain: &ChainId,
        request: &BundleRequest,
        payers: &[ChainId],
        times: Times,
    ) -> Result<Vec<Authored>, AuthorError> {
        self.ready()?;
        if payers.len() >= BATCH_MAX {
            return Err(AuthorError::Batch { max: BATCH_MAX });
        }
        let writers = || std::iter::once(chain).chain(payers);
        let at = writers().map(|chain| self.not_before_tip(chain, times.now));
        let at = at.max().unwrap_or(times.now);
        let (set, ledgers) = (self.set(), self.ledgers());
        let policies = &self.policies;
        let bundling = authorize_bundle(set, ledgers, chain, request, payers, at, policies)?;
        let all = std::iter::once(bundling.bundle).chain(bundling.payments);
        let mut drafts = Vec::new();
        let authored = writers()
            .zip(all)
            .map(|(chain, authorized)| match authorized {
                Authorized::Again(id) => Authored::Again(id),
                Authorized::Draft(draft) => {
                    let id = draft.header().id();
                    drafts.push((*chain, draft));
                    Authored::New(id)
                }
            });
        let authored = authored.collect();
        self.store_all(drafts, false, times).await?;
        Ok(authored)
    }

    /// Signs all drafts, then stores them in their order in one commit. Nothing
    /// has changed when a signer fails.
    pub(super) async fn store_all(
        &mut self,
        drafts: Vec<(ChainId, Draft)>,
        is_decided: bool,
        times: Times,
    ) -> Result<(), AuthorError> {
        let mut records: Vec<Signed<Record>> = Vec::with_capacity(drafts.len());
        for (chain, draft) in drafts {
            let signer = self.writer(&chain)?;
            records.push(draft.sign(&*signer).map_err(NodeError::from)?);
        }
        self.store_signed(records, is_decided, times).await
    }

    /// Stores records of this node in one commit.
    pub(super) async fn store_signed(
        &mut self,
        records: Vec<Signed<Record>>,
        is_decided: bool,
        times: Times,
    ) -> Result<(), AuthorError> {
        if records.is_empty() {
            return Ok(());
        }
        let mut work = self.begin()?;
        for record in records {
            self.take_own(record, times, &mut work)?;
        }
        if is_decided {
            self.write_audit_lines(times, &mut work)?;
        }
        self.end(work).await?;
        Ok(())
    }

    /// Asks the ledgers. An error is that of one request of an atomic batch.
    fn admit_all(
        &self,
        batch: Batch,
        requests: &[(ChainId, Request)],
        times: Times,
    ) -> Result<Admitted, (usize, AuthorError)> {
        let mut results: Vec<Option<Result<Authored, AuthorError>>> = Vec::new();
        let mut items = Vec::new();
        for (number, (chain, request)) in requests.iter().enumerate() {
            let decision = request.decision();
            let confirmed = decision.map_or(Ok(()), |(ready, _)| self.confirmed(&ready));
            match (batch, confirmed) {
                (Batch::Atomic, Err(error)) => return Err((number, error)),
                (Batch::Independent, Err(error)) => results.push(Some(Err(error))),
                (_, Ok(())) => {
                    let at = self.not_before_tip(chain, times.now);
                    let (chain, request) = (*chain, request.clone());
                    items.push((number, Item { chain, request, at }));
                    results.push(None);
                }
            }
        }
        let (numbers, items): (Vec<usize>, Vec<Item>) = items.into_iter().unzip();
        let answers = authorize_all(self.set(), self.ledgers(), batch, &items, &self.policies);
        let mut drafts = Vec::new();
        for ((number, item), answer) in numbers.into_iter().zip(items).zip(answers) {
            let answer = answer.map_err(AuthorError::from);
            let result = answer.and_then(|authorized| match authorized {
                Authorized::Again(id) => {
                    if self.set().find(&id).is_none() {
                        self.writer(&item.chain)?; // it stands or falls with that draft
                    }
                    Ok(Authored::Again(id))
                }
                Authorized::Draft(draft) => {
                    if item.request.decision().is_some() {
                        self.auditor().ok_or(AuthorError::NoAudit)?;
                    }
                    self.writer(&item.chain)?;
                    let id = draft.header().id();
                    drafts.push((item.chain, draft));
                    Ok(Authored::New(id))
                }
            });
            match (batch, result) {
                // The one that was refused for itself stands for all.
                (Batch::Atomic, Err(AuthorError::Money(Refusal::Undone { .. }))) => {}
                (Batch::Atomic, Err(error)) => return Err((number, error)),
                (_, result) => results[number] = Some(result),
            }
        }
        let results = results.into_iter().flatten().collect();
        Ok(Admitted { results, drafts })
    }
}

/// One request is refused, and the others of its batch with it.
fn all_undone(len: usize, item: usize, error: AuthorError) -> Results {
    let undone = |_| Err(Refusal::Undone { item }.into());
    let mut results: Results = (0..len).map(undone).collect();
    if let Some(result) = results.get_mut(item) {
        *result = Err(error);
    }
    results
}
