//! Drafts of bundles and of their payments.

use alloc::vec::Vec;

use icn_types::id::{ChainId, OperationKey, RecordId};
use icn_types::record::Attachment;
use icn_types::set::{RecordSet, Slot};
use icn_types::time::Timestamp;

use super::{Bundle, Terms};
use crate::account::Account;
use crate::authorize::Authorized;
use crate::batch::Drafting;
use crate::entry::Entry;
use crate::ledger::Ledger;
use crate::policy::{Policies, Policy};
use crate::refusal::Refusal;
use crate::remark::Remark;
use crate::request::Requested;
use crate::rule::LedgerRule;
use crate::unit::Unit;

/// Payments that somebody wants to belong together.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "what a caller states")]
pub struct BundleRequest {
    /// What is to be paid.
    pub terms: Terms,
    /// Names the operation: asking again with the same key bundles once.
    pub key: OperationKey,
    /// A text beside the record.
    pub memo: Option<Attachment>,
    /// What it is paid for, anywhere.
    pub cause: Option<RecordId>,
}

impl Requested for BundleRequest {
    fn first(&self, _: &RecordSet, account: &Account) -> Option<Slot> {
        account.operation(&self.key)
    }

    /// No due may be below the least leg of its unit.
    fn check(&self, unit_of: impl Fn(&ChainId) -> Option<Unit>) -> Result<(), Refusal> {
        // Terms without an answer break a rule, which says so.
        let dues = self.terms.dues().unwrap_or_default();
        let small = dues.iter().find_map(|due| {
            let least = unit_of(&due.payer)?.min_leg;
            (due.amount < least).then_some((due, least))
        });
        match small {
            Some((due, least)) => Err(Refusal::SmallDue {
                payer: due.payer,
                amount: due.amount,
                least,
            }),
            None => Ok(()),
        }
    }

    fn entry(&self, _: &[RecordId]) -> Result<Entry, Refusal> {
        Ok(Entry::Remark(Remark::Bundle(Bundle {
            terms: self.terms.clone(),
            key: self.key,
            memo: self.memo,
        })))
    }

    fn cause(&self) -> Option<RecordId> {
        self.cause
    }
}

/// A bundle and those of its payments that may be authored with it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Bundling {
    /// The bundle.
    pub bundle: Authorized,
    /// Its payments, in the order of `payers`.
    pub payments: Vec<Authorized>,
}

impl Ledger {
    /// Whether the writer of `chain` may state a bundle now; in all else like
    /// [`authorize`](Self::authorize). It sends nothing, so no policy is asked.
    /// Dues in another unit are taken as stated.
    ///
    /// # Errors
    /// [`Refusal::SmallDue`] when a due in this unit could never be paid; others
    /// when the chain cannot be written now, or a rule says no. Nothing is written.
    pub fn authorize_bundle(
        &self,
        set: &RecordSet,
        chain: &ChainId,
        request: &BundleRequest,
        at: Timestamp,
    ) -> Result<Authorized, Refusal> {
        self.admit_request(set, chain, request, at, &Policy::NONE)
    }
}

/// Whether the writer of `chain` may state a bundle now and those of `payers`
/// pay what is due from them, each within its policy: all of it or nothing.
///
/// For whoever writes several of the accounts: the payments of the others
/// follow from [`Terms::request`] on their own nodes. Sign the drafts and store
/// them in this order in one commit. The same request is answered with the
/// records that it led to.
///
/// ```
/// # use icn_ledger::unit::Scale;
/// # use icn_ledger::{Unit, UnitCode};
/// # use icn_types::amount::Amount;
/// # use icn_types::testkit::stage::{GRANT, Stage};
/// # use icn_types::id::OperationKey;
/// # use icn_types::time::Timestamp;
/// use icn_ledger::bundle::{BundleRequest, Exchange, Terms, Through, authorize_bundle};
/// use icn_ledger::query::{Bundles, Order, PageSize, Progress, Register, reconcile};
/// use icn_ledger::rate::{Known, Rate};
/// use icn_ledger::{Authorized, Ledger, Policies};
///
/// # let mut stage = Stage::new(1, 3);
/// # let unit = |code| Some(Unit {
/// #     issuer: stage.domain(),
/// #     code: UnitCode::new(code)?,
/// #     scale: Scale::new(1)?,
/// #     min_leg: Amount::new(1).ok()?,
/// # });
/// # let hours = unit("hours").ok_or("a unit")?;
/// # let euros = unit("EUR").ok_or("a unit")?;
/// # let accounts = [hours, euros].map(|unit| {
/// #     let topic = stage.ledger(unit.id());
/// #     [0, 1, 2].map(|member| stage.open_member(member, &topic, Some(GRANT)))
/// # });
/// // Ana, the exchange and the commons have an account in each unit.
/// let [[ana, takes, _], [ana_in_euros, gives, commons]] = accounts;
/// let terms = Exchange {
///     rate: Rate::new(Amount::new(3)?, Amount::new(20)?), // 3 hours are 20 euros
///     known: Known::Received(Amount::new(50)?),
///     payer: ana,
///     payee: ana_in_euros,
///     through: Through { takes, gives },
///     residue: commons,
/// };
/// let request = BundleRequest {
///     terms: Terms::Exchange(terms),
///     key: OperationKey::from_bytes([1; 32]),
///     memo: None,
///     cause: None,
/// };
/// let at = Timestamp::from_millis(0);
/// let ledgers = [hours, euros].map(|unit| Ledger::of(&stage.set, unit));
/// let none = Policies::NONE;
/// let drafted = authorize_bundle(&stage.set, &ledgers, &ana, &request, &[ana, gives], at, &none)?;
/// for one in [&drafted.bundle].into_iter().chain(&drafted.payments) {
///     if let Authorized::Draft(draft) = one {
///         stage.submit(draft.clone());
///     }
/// }
///
/// let [hours, euros] = [hours, euros].map(|unit| Ledger::of(&stage.set, unit));
/// let (mut one, mut other) = (Register::new(), Register::new());
/// let (one, other) = (one.query(&stage.set, &hours), other.query(&stage.set, &euros));
/// let size = PageSize::new(50).ok_or("a size")?;
/// let links = reconcile(&one, &other, Bundles::All, Order::OldestFirst, None, size);
/// assert_eq!(links.rows[0].progress(), Progress::Complete);
/// // 8 hours are 53 euros and a third of one: 3 more than what was asked for.
/// let dues: Vec<_> = links.rows[0].dues.iter().map(|owed| owed.due.amount.get()).collect();
/// assert_eq!(dues, [8, 50, 3]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// The first [`Refusal`]: among others [`Refusal::SmallDue`] when a due in one of
/// these units could never be paid, [`Refusal::NoDue`] for a payer of whom nothing
/// is due, and [`LedgerRule::PayDecision`] for a shared account, which pays under
/// the key of its decision and so by a request of its own. Nothing is written.
pub fn authorize_bundle<'a>(
    set: &'a RecordSet,
    ledgers: impl IntoIterator<Item = &'a Ledger>,
    chain: &ChainId,
    request: &BundleRequest,
    payers: &[ChainId],
    at: Timestamp,
    policies: &'a Policies,
) -> Result<Bundling, Refusal> {
    let mut drafting = Drafting::new(set, ledgers, policies);
    let bundle = drafting.request(chain, request, at)?;
    let id = bundle.id();
    let mut payments = Vec::with_capacity(payers.len());
    for payer in payers {
        let rate = |_| Refusal::Rule(LedgerRule::BundleRate);
        let payment = request.terms.request(id, payer).map_err(rate)?;
        let payment = payment.ok_or(Refusal::NoDue { payer: *payer })?;
        payments.push(drafting.request(payer, &payment, at)?);
    }
    Ok(Bundling { bundle, payments })
}
