//! Multilateral clearing: what members owe each other in rings is paid all at
//! once, and nobody's position changes.
//!
//! [`solve`] takes obligations, such as invoices that both sides acknowledged,
//! and finds the reductions that take away the most of them while everybody pays
//! exactly what it receives. A [`Clearing`] is what of that is carried out
//! together. Its bytes prove it to a stranger, whoever computed it: no obligation
//! grows or falls below zero, and no net position changes.
//!
//! It is carried out by ordinary entries. Each participant sets aside what it
//! pays by holds ([`Clearing::holds`]) whose one resolver is the **clearing
//! chain**. Once all of them are there and under Seals, so that no fork takes one
//! away again, one Resolve posts all ([`Cleared::post`]); or what is there goes
//! back ([`Cleared::give_up`]). Whoever stays silent or forks can only keep the
//! clearing from coming about.
//!
//! ```
//! # use icn_ledger::unit::Scale;
//! # use icn_ledger::{Unit, UnitCode};
//! # use icn_types::amount::Amount;
//! # use icn_types::testkit::stage::{GRANT, Stage};
//! # use icn_types::time::Timestamp;
//! use icn_ledger::clearing::{Clearing, Obligation, ObligationId, Terms, solve};
//! use icn_ledger::{Authorized, Ledger, Policy};
//! use icn_types::canon;
//!
//! # let mut stage = Stage::new(1, 4);
//! # let unit = Unit {
//! #     issuer: stage.domain(),
//! #     code: UnitCode::new("hours").ok_or("a code")?,
//! #     scale: Scale::new(1).ok_or("a scale")?,
//! #     min_leg: Amount::new(1)?,
//! # };
//! # let topic = stage.ledger(unit.id());
//! # let [ana, ben, cleo, office] =
//! #     [0, 1, 2, 3].map(|member| stage.open_member(member, &topic, Some(GRANT)));
//! // Ana owes Ben 50, Ben owes Cleo 40, Cleo owes Ana 60.
//! let owed = [(1, ana, ben, 50), (2, ben, cleo, 40), (3, cleo, ana, 60)];
//! let owed = owed.map(|(invoice, debtor, creditor, atoms)| {
//!     let id = ObligationId::from_bytes([invoice; 32]);
//!     Amount::new(atoms).map(|amount| Obligation { id, debtor, creditor, amount })
//! });
//! let owed = owed.into_iter().collect::<Result<Vec<_>, _>>()?;
//! let expires = Timestamp::from_millis(86_400_000);
//! let terms = Terms { topic: topic.id(), resolver: office, expires };
//! let solution = solve(terms, unit.min_leg, &owed)?;
//! let clearing = &solution.clearings()[0];
//! assert_eq!(clearing.total(), 120); // 40 of each
//! let bytes = canon::to_bytes(clearing);
//! assert_eq!(&canon::from_bytes::<Clearing>(&bytes)?, clearing);
//!
//! // Each participant sets aside what it pays, and the registrar seals it.
//! let at = Timestamp::from_millis(0);
//! for payer in clearing.participants() {
//!     let ledger = Ledger::of(&stage.set, unit);
//!     for hold in clearing.holds(&payer) {
//!         let none = Policy::NONE;
//!         let held = ledger.authorize_hold(&stage.set, &payer, &hold, at, &none)?;
//!         if let Authorized::Draft(draft) = held {
//!             stage.submit(draft);
//!         }
//!     }
//!     stage.seal(&payer, icn_types::authority::Finality::Open);
//! }
//!
//! // The clearing chain posts all of it by one Resolve.
//! let ledger = Ledger::of(&stage.set, unit);
//! let resolve = ledger.clearing(&stage.set, clearing).post()?;
//! if let Authorized::Draft(draft) = ledger.authorize_resolve(&stage.set, &office, &resolve, at)? {
//!     stage.submit(draft);
//! }
//! for payee in clearing.participants() {
//!     let ledger = Ledger::of(&stage.set, unit);
//!     stage.submit(ledger.draft_acks(&stage.set, &payee, at)?.ok_or("a leg")?);
//! }
//! let ledger = Ledger::of(&stage.set, unit);
//! let columns = ledger.columns(&stage.set);
//! assert!(clearing.participants().iter().all(|chain| columns.account(chain).posted == 0));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Whether something is owed is for debtor and creditor to know, and no rule of
//! the ledger: a participant compares the reductions with its own books before it
//! sets anything aside, and counts an obligation as reduced once its due is
//! posted. The same obligation in two clearings that are both posted is paid
//! twice.
//!
//! What it takes: who pays in a clearing has as much to spend for the moment, and
//! pays under a key of the clearing. A shared account, which pays by decisions
//! and under their keys, is therefore no participant.

mod cleared;
mod cut;
mod error;
mod flow;
mod solve;

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use core::cmp::Ordering;

use icn_types::amount::Amount;
use icn_types::canon::{List, Reason};
use icn_types::error::Coded as _;
use icn_types::id::{ChainId, Digest, OperationKey, RecordId, TopicId};
use icn_types::time::Timestamp;
use icn_types::{canonical, hash, name32};

use crate::bundle::Due;
use crate::entry::{Leg, RESOLVED_MAX};
use crate::request::HoldRequest;

pub use cleared::{Cleared, ClearedDue, DueState};
pub use error::{ClearingError, NotReady};
pub use solve::{OBLIGATIONS_MAX, SOLVER, Solution, digest_of, solve};

/// Most obligations that one clearing reduces.
pub const REDUCTIONS_MAX: usize = 2048;

/// Most dues of one clearing: each is one hold, and one Resolve ends all.
pub const CLEARED_MAX: usize = RESOLVED_MAX;

name32! {
    /// What is owed: the id or hash of an invoice, a contract or a promise.
    ObligationId
}
name32! {
    /// A clearing: SHA-256 of its canonical bytes.
    ClearingId
}

/// What one account owes another, in the unit of the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "hashed value: its fields are the format"
)]
pub struct Obligation {
    /// Names it among all that are cleared together.
    pub id: ObligationId,
    /// Who owes.
    pub debtor: ChainId,
    /// Whom.
    pub creditor: ChainId,
    /// How much.
    pub amount: Amount,
}
canonical!(Obligation {
    id,
    debtor,
    creditor,
    amount
});

/// An obligation, and how much of it is paid by a clearing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "hashed value: its fields are the format"
)]
pub struct Reduction {
    /// What is owed before.
    pub obligation: Obligation,
    /// How much less is owed then; never more than it is.
    pub by: Amount,
}
canonical!(Reduction { obligation, by });

/// Where and until when obligations are cleared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "hashed value: its fields are the format"
)]
pub struct Terms {
    /// The ledger in which it is carried out.
    pub topic: TopicId,
    /// The clearing chain, an account of that ledger that takes no part.
    pub resolver: ChainId,
    /// When the clearing chain should give back what is set aside. Another date
    /// makes another clearing of the same reductions.
    pub expires: Timestamp,
}
canonical!(Terms {
    topic,
    resolver,
    expires
});

/// Reductions that are carried out together or not at all.
///
/// Every value is one: nobody's net position changes, no obligation grows or
/// falls below zero, and what is to be paid fits one Resolve. Decoding refuses
/// everything else, with the code of the [`ClearingError`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clearing {
    terms: Terms,
    solver: u16,
    input: Digest,
    reductions: List<Reduction, 2, REDUCTIONS_MAX>,
}
canonical!(Clearing = "icn/ledger/clearing/v1" { terms, solver, input, reductions } where check);

impl Clearing {
    /// A clearing of these reductions, in any order, whoever found them:
    /// `solver` 0 stands for none of ours. `input` is the [`digest_of`] all
    /// obligations that it was given.
    ///
    /// Costs O(n log n) in the reductions.
    ///
    /// # Errors
    /// The first [`ClearingError`], in the order of that list: of a reduction
    /// first, of all of them together then.
    pub fn new(
        terms: Terms,
        solver: u16,
        input: Digest,
        mut reductions: Vec<Reduction>,
    ) -> Result<Self, ClearingError> {
        let (len, max) = (reductions.len(), REDUCTIONS_MAX);
        if len > max {
            return Err(ClearingError::Many { len, max });
        }
        reductions.sort_by_key(|reduction| reduction.obligation.id);
        let reductions = List::new(reductions).map_err(|_| ClearingError::Few { len })?;
        let clearing = Self {
            terms,
            solver,
            input,
            reductions,
        };
        clearing.verify()?;
        Ok(clearing)
    }

    fn check(self) -> Result<Self, Reason> {
        let verified = self.verify();
        verified.map_err(|error| Reason::Value(error.code()))?;
        Ok(self)
    }

    fn verify(&self) -> Result<(), ClearingError> {
        let mut before = None;
        for reduction in &self.reductions {
            let Reduction { obligation, by } = reduction;
            follows(before, obligation, &self.terms.resolver)?;
            if by > &obligation.amount {
                let obligation = obligation.id;
                return Err(ClearingError::Above { obligation });
            }
            before = Some(obligation.id);
        }
        let sums = self.sums();
        let (len, max) = (sums.len(), CLEARED_MAX);
        if len > max {
            return Err(ClearingError::Dues { len, max });
        }
        let mut nets: BTreeMap<ChainId, i128> = BTreeMap::new();
        for (&(payer, payee), &sum) in &sums {
            if sum > i128::from(Amount::MAX) {
                return Err(ClearingError::Sum { payer, payee });
            }
            *nets.entry(payer).or_default() -= sum;
            *nets.entry(payee).or_default() += sum;
        }
        match nets.into_iter().find(|(_, net)| *net != 0) {
            Some((chain, _)) => Err(ClearingError::Balance { chain }),
            None => Ok(()),
        }
    }

    /// What is to be paid, in atoms, by payer and payee.
    fn sums(&self) -> BTreeMap<(ChainId, ChainId), i128> {
        let mut sums = BTreeMap::new();
        for Reduction { obligation, by } in &self.reductions {
            let sum: &mut i128 = sums
                .entry((obligation.debtor, obligation.creditor))
                .or_default();
            *sum += i128::from(by.get());
        }
        sums
    }

    /// The name of the clearing. Costs one hash over its bytes, here and
    /// wherever it is needed.
    #[must_use]
    pub fn id(&self) -> ClearingId {
        ClearingId::from_bytes(hash::of(self))
    }

    /// The same as what entries of the clearing name as their cause.
    #[must_use]
    pub fn cause(&self) -> RecordId {
        RecordId::from_bytes(hash::of(self))
    }

    /// Where and until when.
    #[must_use]
    pub const fn terms(&self) -> &Terms {
        &self.terms
    }

    /// Which solver found it, as it says; 0 for none of ours.
    #[must_use]
    pub const fn solver(&self) -> u16 {
        self.solver
    }

    /// The digest of all obligations that the solver was given.
    #[must_use]
    pub const fn input(&self) -> Digest {
        self.input
    }

    /// What is paid of which obligation, ascending by obligation.
    #[must_use]
    pub fn reductions(&self) -> &[Reduction] {
        &self.reductions
    }

    /// By how much all obligations fall together, in atoms.
    #[must_use]
    pub fn total(&self) -> u128 {
        let by = self.reductions.iter().map(|reduction| reduction.by.get());
        by.map(u128::from).sum()
    }

    /// Everybody who pays, and so is paid as much, ascending.
    #[must_use]
    pub fn participants(&self) -> BTreeSet<ChainId> {
        let debtors = self.reductions.iter().map(|one| one.obligation.debtor);
        debtors.collect()
    }

    /// What is to be paid, ascending by payer and payee: one due where one owes
    /// another several obligations. Costs O(n log n) in the reductions.
    #[must_use]
    pub fn dues(&self) -> Vec<Due> {
        let due = |((payer, payee), atoms)| {
            let atoms = u64::try_from(atoms).ok()?;
            let amount = Amount::new(atoms).ok()?;
            Some(Due {
                payer,
                payee,
                amount,
            })
        };
        self.sums().into_iter().filter_map(due).collect()
    }

    /// What a participant sets aside, one hold for each of its creditors; nothing
    /// for anybody else.
    ///
    /// The key of each follows from the clearing, so that asking again holds
    /// once. Author all of them or none
    /// ([`Batch::Atomic`](crate::Batch::Atomic)): a part of them holds up the
    /// others and whoever wrote it.
    #[must_use]
    pub fn holds(&self, payer: &ChainId) -> Vec<HoldRequest> {
        let id = self.id();
        let own = self.dues().into_iter().filter(|due| due.payer == *payer);
        own.map(|due| self.hold(id, &due)).collect()
    }

    fn hold(&self, id: ClearingId, due: &Due) -> HoldRequest {
        HoldRequest {
            leg: Leg {
                payee: due.payee,
                amount: due.amount,
            },
            resolver: self.terms.resolver,
            key: hold_key(id, due),
            decision: None,
            expires: Some(self.terms.expires),
            effective: None,
            memo: None,
            cause: Some(RecordId::from_bytes(*id.as_bytes())),
        }
    }
}

/// Whether an obligation may follow another one in a list that ascends.
fn follows(
    before: Option<ObligationId>,
    obligation: &Obligation,
    resolver: &ChainId,
) -> Result<(), ClearingError> {
    let (id, sides) = (obligation.id, [&obligation.debtor, &obligation.creditor]);
    match before.map(|before| before.cmp(&id)) {
        Some(Ordering::Equal) => Err(ClearingError::Twice { obligation: id }),
        Some(Ordering::Greater) => Err(ClearingError::Order { obligation: id }),
        _ if obligation.debtor == obligation.creditor => Err(ClearingError::Own { obligation: id }),
        _ if sides.contains(&resolver) => Err(ClearingError::Resolver { obligation: id }),
        _ => Ok(()),
    }
}

/// The key of the hold for a due: SHA-256 of `["icn/ledger/clearing-key/v1",
/// clearing, payer, payee]`.
fn hold_key(clearing: ClearingId, due: &Due) -> OperationKey {
    struct HoldKey {
        clearing: ClearingId,
        payer: ChainId,
        payee: ChainId,
    }
    canonical!(HoldKey = "icn/ledger/clearing-key/v1" { clearing, payer, payee });
    OperationKey::from_bytes(hash::of(&HoldKey {
        clearing,
        payer: due.payer,
        payee: due.payee,
    }))
}
