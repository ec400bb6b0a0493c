//! Several requests about money at once.

use icn_ledger::batch::{Batch, Item, authorize_all};
use icn_ledger::bundle::{BundleRequest, authorize_bundle};
use icn_ledger::request::Request;
use icn_ledger::{Authorized, Refusal};
use icn_types::id::{ChainId, RecordId};
use icn_types::record::{Draft, Record};
use icn_types::sign::Signed;
use icn_types::time::Times;

use super::auditor::Carried;
use super::author::{AuthorError, Authored};
use super::duty::sign_all;
use super::error::NodeError;
use super::{Node, Unsigned};

/// Most requests of one batch.
pub const BATCH_MAX: usize = 256;

/// What became of the requests of a batch, in their order.
pub type Results = Vec<Result<Authored, AuthorError>>;

/// What would be written, and the results if it is.
struct Admitted {
    results: Results,
    drafts: Vec<(ChainId, Draft)>,
    carried: Vec<Carried>,
}

/// What becomes of the decisions that a batch carries out.
#[derive(Clone, Copy)]
enum Decisions {
    CarriedOut,
    /// The audit log takes no line now.
    Waiting,
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
        match self
            .grant(batch, requests, Decisions::CarriedOut, times)
            .await
        {
            Err(AuthorError::NoAudit) => {
                self.grant(batch, requests, Decisions::Waiting, times).await
            }
            granted => granted,
        }
    }

    /// Admits all requests and stores what that gives.
    async fn grant(
        &mut self,
        batch: Batch,
        requests: &[(ChainId, Request)],
        decisions: Decisions,
        times: Times,
    ) -> Result<Results, AuthorError> {
        let admitted = match self.admit_all(batch, requests, decisions, times) {
            Ok(admitted) => admitted,
            Err((item, error)) => return Ok(all_undone(requests.len(), item, error)),
        };
        let Admitted {
            results,
            drafts,
            carried,
        } = admitted;
        self.store_all(drafts, &carried, times).await?;
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
        self.store_all(drafts, &[], times).await?;
        Ok(authored)
    }

    /// Signs all drafts, then stores them in their order in one commit, with the
    /// audit lines about what they carry out. Nothing has changed when a signer
    /// fails.
    pub(super) async fn store_all(
        &mut self,
        drafts: Vec<(ChainId, Draft)>,
        carried: &[Carried],
        times: Times,
    ) -> Result<(), AuthorError> {
        let with_writer = |(chain, draft)| Ok((draft, self.writer(&chain)?));
        let drafts: Result<Unsigned, AuthorError> = drafts.into_iter().map(with_writer).collect();
        let drafts = drafts?;
        let lines = self.lines_with(carried, times.now);
        self.sound()?;
        let lines = lines.and_then(|lines| sign_all(lines).ok());
        let lines = lines.ok_or(AuthorError::NoAudit)?;
        let records = sign_all(drafts).map_err(|(_, error)| NodeError::from(error))?;
        let records = records.into_iter().chain(lines).collect();
        self.store_signed(records, times).await
    }

    /// Stores records of this node in one commit.
    pub(super) async fn store_signed(
        &mut self,
        records: Vec<Signed<Record>>,
        times: Times,
    ) -> Result<(), AuthorError> {
        if records.is_empty() {
            return Ok(());
        }
        let mut work = self.begin()?;
        for record in records {
            self.take_own(record, times, &mut work)?;
        }
        self.end(work).await?;
        Ok(())
    }

    /// Whether a decision may be carried out. While decisions wait, only what
    /// was carried out before is answered for.
    fn decided(
        &self,
        ready: &RecordId,
        item: &Item,
        decisions: Decisions,
    ) -> Result<(), AuthorError> {
        self.confirmed(ready)?;
        match decisions {
            Decisions::CarriedOut => Ok(()),
            Decisions::Waiting => {
                let item = std::slice::from_ref(item);
                let (set, ledgers) = (self.set(), self.ledgers());
                let alone = authorize_all(set, ledgers, Batch::Atomic, item, &self.policies);
                match alone.into_iter().next().transpose()? {
                    Some(Authorized::Again(_)) => Ok(()),
                    _ => Err(AuthorError::NoAudit),
                }
            }
        }
    }

    /// Asks the ledgers. An error is that of one request of an atomic batch.
    fn admit_all(
        &self,
        batch: Batch,
        requests: &[(ChainId, Request)],
        decisions: Decisions,
        times: Times,
    ) -> Result<Admitted, (usize, AuthorError)> {
        let mut results: Vec<Option<Result<Authored, AuthorError>>> = Vec::new();
        let mut items = Vec::new();
        for (number, (chain, request)) in requests.iter().enumerate() {
            let item = Item {
                chain: *chain,
                request: request.clone(),
                at: self.not_before_tip(chain, times.now),
            };
            let ready = request.decision().map(|(ready, _)| ready);
            let decided = ready.map_or(Ok(()), |ready| self.decided(&ready, &item, decisions));
            match (batch, decided) {
                (Batch::Atomic, Err(error)) => return Err((number, error)),
                (Batch::Independent, Err(error)) => results.push(Some(Err(error))),
                (_, Ok(())) => {
                    items.push((number, item));
                    results.push(None);
                }
            }
        }
        let (numbers, items): (Vec<usize>, Vec<Item>) = items.into_iter().unzip();
        let answers = authorize_all(self.set(), self.ledgers(), batch, &items, &self.policies);
        let (mut drafts, mut carried) = (Vec::new(), Vec::new());
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
                    self.writer(&item.chain)?;
                    let id = draft.header().id();
                    carried.extend(Carried::by(item.request.decision(), id));
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
        Ok(Admitted {
            results,
            drafts,
            carried,
        })
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
