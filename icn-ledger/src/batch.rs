//! Batches: several requests at once.

use alloc::borrow::Cow;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use icn_types::id::{ChainId, TopicId};
use icn_types::record::{Content, Draft, Header};
use icn_types::set::{RecordSet, Slot};
use icn_types::time::Timestamp;

use crate::account::Account;
use crate::author::{Author, Written};
use crate::authorize::Authorized;
use crate::ledger::Ledger;
use crate::policy::Policies;
use crate::position;
use crate::refusal::Refusal;
use crate::request::{Request, Requested, again};
use crate::settle::Settling;

/// What becomes of a batch when one of its items fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "the two ways there are")]
pub enum Batch {
    /// All items or none.
    Atomic,
    /// Each item for itself.
    Independent,
}

/// One request of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "what a caller states")]
pub struct Item {
    /// The chain that writes.
    pub chain: ChainId,
    /// What it asks for.
    pub request: Request,
    /// The time that the record claims, if the one before it claims no later one.
    pub at: Timestamp,
}

/// Whether several requests may be authored now, of any chains in any of the
/// units, each within its policy: one answer for each, in their order.
///
/// Later items see what earlier ones of the batch would do: where they stand on
/// the chain, their keys, what they spend, resolve and pay back, and what they
/// leave of a cap. An item that asks for the same as an earlier one is answered
/// with that one's record. What is only drafted can be named as a cause and relied
/// on by nobody.
///
/// A draft has its id before it is signed, so that drafts of one chain follow
/// each other. Sign them, then store them in this order, in one commit where
/// the batch is atomic; without one of them, those after it on its chain cannot
/// be stored. When an item of an atomic batch is refused, it has its own
/// refusal and every other one [`Refusal::Undone`].
///
/// Costs one copy of the account of each chain that writes, and each item what
/// it costs alone.
///
/// ```
/// # use icn_ledger::unit::Scale;
/// # use icn_ledger::{Ledger, Leg, PaymentRequest, Unit, UnitCode};
/// # use icn_types::amount::Amount;
/// # use icn_types::canon::List;
/// # use icn_types::id::OperationKey;
/// # use icn_types::testkit::stage::{GRANT, Stage};
/// # use icn_types::time::Timestamp;
/// use icn_ledger::batch::{Batch, Item, authorize_all};
/// use icn_ledger::{Authorized, Policies, Refusal};
///
/// # let mut stage = Stage::new(1, 2);
/// # let unit = Unit {
/// #     issuer: stage.domain(),
/// #     code: UnitCode::new("hours").ok_or("a code")?,
/// #     scale: Scale::new(1).ok_or("a scale")?,
/// #     min_leg: Amount::new(1)?,
/// # };
/// # let topic = stage.ledger(unit.id());
/// # let payee = stage.open_member(0, &topic, Some(GRANT));
/// # let chain = stage.open_member(1, &topic, Some(GRANT));
/// # let mut ledger = Ledger::new(stage.domain(), unit);
/// # for slot in stage.set.slots() {
/// #     ledger.update(&stage.set, slot);
/// # }
/// // The account may spend 100: the second payment sees that 60 of it are gone.
/// let pay = |key, atoms| -> Result<Item, Box<dyn std::error::Error>> {
///     let request = PaymentRequest {
///         legs: List::new([Leg { payee, amount: Amount::new(atoms)? }])?,
///         key: OperationKey::from_bytes([key; 32]),
///         decision: None,
///         effective: None,
///         memo: None,
///         cause: None,
///     };
///     let at = Timestamp::from_millis(0);
///     Ok(Item { chain, request: request.into(), at })
/// };
/// let items = [pay(1, 60)?, pay(2, 50)?, pay(3, 40)?];
/// let none = Policies::NONE;
/// let each = authorize_all(&stage.set, [&ledger], Batch::Independent, &items, &none);
/// assert!(matches!(each[0], Ok(Authorized::Draft(_))));
/// assert_eq!(each[1], Err(Refusal::Limit { spendable: 40 }));
/// assert!(matches!(each[2], Ok(Authorized::Draft(_))));
/// let all = authorize_all(&stage.set, [&ledger], Batch::Atomic, &items, &none);
/// assert_eq!(all[0], Err(Refusal::Undone { item: 1 }));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn authorize_all<'a>(
    set: &'a RecordSet,
    ledgers: impl IntoIterator<Item = &'a Ledger>,
    batch: Batch,
    items: &[Item],
    policies: &'a Policies,
) -> Vec<Result<Authorized, Refusal>> {
    let mut drafting = Drafting::new(set, ledgers, policies);
    let mut answers = Vec::with_capacity(items.len());
    for (number, item) in items.iter().enumerate() {
        match (batch, drafting.admit(item)) {
            (Batch::Atomic, Err(refusal)) => {
                let undone = Refusal::Undone { item: number };
                return all_undone(items.len(), number, refusal, undone);
            }
            (_, answer) => answers.push(answer),
        }
    }
    answers
}

/// The results of an atomic batch in which one item failed.
pub(crate) fn all_undone<T, E: Copy>(
    len: usize,
    item: usize,
    error: E,
    undone: E,
) -> Vec<Result<T, E>> {
    let of = |at| Err(if at == item { error } else { undone });
    (0..len).map(of).collect()
}

/// Drafts that follow each other before any of them is signed.
pub(crate) struct Drafting<'a> {
    set: &'a RecordSet,
    ledgers: BTreeMap<TopicId, &'a Ledger>,
    policies: &'a Policies,
    authors: BTreeMap<ChainId, Author<'a>>,
    /// In the order in which they are to be stored.
    drafts: Vec<Draft>,
}

impl<'a> Drafting<'a> {
    pub(crate) fn new(
        set: &'a RecordSet,
        ledgers: impl IntoIterator<Item = &'a Ledger>,
        policies: &'a Policies,
    ) -> Self {
        let by_topic = |ledger: &'a Ledger| (ledger.topic(), ledger);
        Self {
            set,
            ledgers: ledgers.into_iter().map(by_topic).collect(),
            policies,
            authors: BTreeMap::new(),
            drafts: Vec::new(),
        }
    }

    fn admit(&mut self, item: &Item) -> Result<Authorized, Refusal> {
        match &item.request {
            Request::Payment(request) => self.request(&item.chain, request, item.at),
            Request::Hold(request) => self.request(&item.chain, request, item.at),
            Request::Resolve(request) => self.request(&item.chain, request, item.at),
            Request::Refund(request) => self.request(&item.chain, request, item.at),
            Request::Bundle(request) => self.request(&item.chain, request, item.at),
            Request::Settlement(request) => {
                let ledger = self.ledger_of(&item.chain)?;
                let account = self.account(ledger, &item.chain);
                let authored = |slot| self.authored(slot);
                let settling = Settling::of(ledger, self.set, (&account, authored), request)?;
                self.request(&item.chain, &settling, item.at)
            }
        }
    }

    pub(crate) fn request<R: Requested>(
        &mut self,
        chain: &ChainId,
        request: &R,
        at: Timestamp,
    ) -> Result<Authorized, Refusal> {
        let ledger = self.ledger_of(chain)?;
        if let Some(first) = request.first(self.set, &self.account(ledger, chain)) {
            let (header, content) = self.authored(first);
            return again(request, header, content).map(Authorized::Again);
        }
        request.check(|chain| Some(*self.ledger_of(chain).ok()?.unit()))?;
        let policy = self.policies.of(chain);
        let granted = self.author(ledger, chain, at)?.grant(request, policy)?;
        let draft = self.keep(chain, granted)?;
        Ok(Authorized::Draft(draft))
    }

    fn ledger_of(&self, chain: &ChainId) -> Result<&'a Ledger, Refusal> {
        let (_, open) = position::epoch(self.set, chain).ok_or(Refusal::NoOpen)?;
        let ledger = self.ledgers.get(&open.chain.topic());
        ledger.copied().ok_or(Refusal::NoOpen)
    }

    fn account(&self, ledger: &'a Ledger, chain: &ChainId) -> Cow<'_, Account> {
        match self.authors.get(chain) {
            Some(author) => Cow::Borrowed(author.account()),
            None => ledger.account(self.set, chain),
        }
    }

    /// What stands at a slot, or will.
    fn authored(&self, slot: Slot) -> (&Header, Option<&Content>) {
        match slot.index().checked_sub(self.set.len()) {
            Some(ahead) => {
                let draft = &self.drafts[ahead];
                (draft.header(), Some(draft.content()))
            }
            None => {
                let record = self.set.record(slot);
                (record.header(), record.content())
            }
        }
    }

    fn author(
        &mut self,
        ledger: &'a Ledger,
        chain: &ChainId,
        at: Timestamp,
    ) -> Result<&mut Author<'a>, Refusal> {
        let author = match self.authors.remove(chain) {
            Some(author) => author.at(at),
            None => Author::of(ledger, self.set, *chain, at)?,
        };
        Ok(self.authors.entry(*chain).or_insert(author))
    }

    /// Goes on after a draft.
    fn keep(&mut self, chain: &ChainId, written: Written) -> Result<Draft, Refusal> {
        let slot = self.set.slot_ahead(self.drafts.len());
        let author = self.authors.get_mut(chain);
        let (slot, author) = slot.zip(author).ok_or(Refusal::Invalid)?;
        let draft = author.follow(written, slot);
        self.drafts.push(draft.clone());
        Ok(draft)
    }
}
