//! How far a clearing has come, and what its clearing chain may do.

use alloc::vec::Vec;

use icn_types::amount::Amount;
use icn_types::canon::List;
use icn_types::id::{ChainId, RecordId};
use icn_types::record::Record;
use icn_types::set::{RecordSet, Slot};

use super::{Clearing, ClearingId, NotReady};
use crate::bundle::Due;
use crate::columns::Columns;
use crate::entry::{Entry, Hold, Resolution};
use crate::ledger::Ledger;
use crate::legs::LegId;
use crate::request::{HoldRequest, ResolveRequest};

/// A clearing, and how far each of its dues has come.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Cleared {
    /// The clearing.
    pub clearing: ClearingId,
    /// Whether it is of the ledger that was asked.
    is_own: bool,
    /// Its dues, ascending by payer and payee.
    pub dues: Vec<ClearedDue>,
}

/// A due of a clearing, and how far it has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClearedDue {
    /// What is to be paid.
    pub due: Due,
    /// How far that has come.
    pub state: DueState,
}

/// How far a due has come, by the records on the spines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "the way of a due, step by step")]
pub enum DueState {
    /// Its payer has set nothing aside.
    Unheld,
    /// Its payer wrote something else under the key of the hold.
    Other {
        /// That.
        record: RecordId,
    },
    /// Set aside; a fork of its payer may take it away.
    Held {
        /// The hold.
        hold: RecordId,
    },
    /// Set aside under a Seal that counts: only the clearing chain ends it.
    Sealed {
        /// The hold.
        hold: RecordId,
    },
    /// Sent to its payee, who has not taken it yet.
    Posted {
        /// The hold.
        hold: RecordId,
        /// The leg of the Resolve.
        leg: LegId,
    },
    /// Taken by its payee.
    Taken {
        /// The hold.
        hold: RecordId,
        /// The leg of the Resolve.
        leg: LegId,
        /// The acknowledgement.
        ack: RecordId,
    },
    /// Given back to its payer, all or some of it.
    Void {
        /// The hold.
        hold: RecordId,
        /// The Resolve.
        resolve: RecordId,
    },
}

impl DueState {
    /// The hold, where that is as the clearing says.
    #[must_use]
    pub const fn hold(&self) -> Option<RecordId> {
        match self {
            Self::Unheld | Self::Other { .. } => None,
            Self::Held { hold }
            | Self::Sealed { hold }
            | Self::Posted { hold, .. }
            | Self::Taken { hold, .. }
            | Self::Void { hold, .. } => Some(*hold),
        }
    }

    const fn is_open(&self) -> bool {
        matches!(self, Self::Held { .. } | Self::Sealed { .. })
    }

    const fn is_posted(&self) -> bool {
        matches!(self, Self::Posted { .. } | Self::Taken { .. })
    }
}

impl Ledger {
    /// How far a clearing has come. A function of the canonical set.
    ///
    /// Costs O(n log n) in its reductions, and as much for each due as reading its
    /// hold and its Resolve.
    #[must_use]
    pub fn clearing(&self, set: &RecordSet, clearing: &Clearing) -> Cleared {
        self.cleared(set, &self.columns(set), clearing)
    }

    pub(crate) fn cleared(
        &self,
        set: &RecordSet,
        columns: &Columns,
        clearing: &Clearing,
    ) -> Cleared {
        let id = clearing.id();
        let state = |due: Due| {
            let expected = clearing.hold(id, &due);
            let state = self.state_of(set, columns, &due.payer, &expected);
            ClearedDue { due, state }
        };
        Cleared {
            clearing: id,
            is_own: clearing.terms().topic == self.topic(),
            dues: clearing.dues().into_iter().map(state).collect(),
        }
    }

    fn state_of(
        &self,
        set: &RecordSet,
        columns: &Columns,
        payer: &ChainId,
        expected: &HoldRequest,
    ) -> DueState {
        let Some(slot) = self.account(set, payer).operation(&expected.key) else {
            return DueState::Unheld;
        };
        let hold = set.id(slot);
        match Entry::of(set.record(slot)) {
            Some(Entry::Hold(body)) if is_expected(&body, expected) => {}
            _ => return DueState::Other { record: hold },
        }
        let resolver = self.account(set, &expected.resolver);
        match resolver.resolved(slot) {
            None if set.is_sealed(slot) => DueState::Sealed { hold },
            None => DueState::Held { hold },
            Some(resolve) => ended(set, columns, hold, resolve, expected),
        }
    }
}

/// Whether a hold says what the clearing does. Dates and texts beside it do not
/// matter.
fn is_expected(body: &Hold, expected: &HoldRequest) -> bool {
    body.leg == expected.leg && body.resolver == expected.resolver
}

/// How a hold ended.
fn ended(
    set: &RecordSet,
    columns: &Columns,
    hold: RecordId,
    resolve: Slot,
    expected: &HoldRequest,
) -> DueState {
    let resolve = set.record(resolve);
    let leg = whole_part(resolve, hold, expected.leg.amount);
    let Some(leg) = leg else {
        let resolve = resolve.id();
        return DueState::Void { hold, resolve };
    };
    match columns.taken_by(set, &leg) {
        Some(ack) => DueState::Taken { hold, leg, ack },
        None => DueState::Posted { hold, leg },
    }
}

/// The leg by which a Resolve gives a payee all of a hold.
fn whole_part(resolve: &Record, hold: RecordId, amount: Amount) -> Option<LegId> {
    let Some(Entry::Resolve(body)) = Entry::of(resolve) else {
        return None;
    };
    let names = |one: &Resolution| resolve.refs().get(usize::from(one.hold)) == Some(&hold);
    let at = body.holds.iter().position(names)?;
    let is_whole = body.holds[at].part == amount.get();
    let leg = u8::try_from(2 * at).ok().filter(|_| is_whole)?;
    let record = resolve.id();
    Some(LegId { record, leg })
}

impl Cleared {
    /// The dues of one payer.
    pub fn of(&self, payer: &ChainId) -> impl Iterator<Item = &ClearedDue> {
        let payer = *payer;
        self.dues.iter().filter(move |one| one.due.payer == payer)
    }

    /// What the clearing chain writes to post all of it at once: each hold is
    /// there as the clearing says and under a Seal that counts. It names the clearing
    /// as its cause. The same again once it is posted.
    ///
    /// # Errors
    /// [`NotReady::Missing`] names the dues that are not sealed yet;
    /// [`NotReady::Void`] once a part of it was given back, and
    /// [`NotReady::Topic`] of another ledger.
    pub fn post(&self) -> Result<ResolveRequest, NotReady> {
        if !self.is_own {
            return Err(NotReady::Topic);
        }
        let mut states = self.dues.iter().map(|one| one.state);
        let void = states.find_map(|state| match state {
            DueState::Void { resolve, .. } => Some(resolve),
            _ => None,
        });
        if let Some(resolve) = void {
            return Err(NotReady::Void { resolve });
        }
        let is_sure =
            |state: &DueState| state.is_posted() || matches!(state, DueState::Sealed { .. });
        let missing = self.dues.iter().filter(|one| !is_sure(&one.state));
        let missing: Vec<ClearedDue> = missing.copied().collect();
        // Had a clearing chain posted some alone, it would owe the others; otherwise
        // it is asked for the same again.
        let has_open = self.dues.iter().any(|one| one.state.is_open());
        let open = self
            .dues
            .iter()
            .filter(|one| !has_open || one.state.is_open());
        let part = |one: &ClearedDue| Some((one.state.hold()?, one.due.amount.get()));
        match self.resolve(open.filter_map(part)) {
            Some(request) if missing.is_empty() => Ok(request),
            _ => Err(NotReady::Missing { missing }),
        }
    }

    /// What the clearing chain writes to give back everything that is set aside.
    /// `None` when nothing is, or some of it is posted.
    ///
    /// What is set aside later is given back by asking again.
    #[must_use]
    pub fn give_up(&self) -> Option<ResolveRequest> {
        let states = || self.dues.iter().map(|one| one.state);
        if states().any(|state| state.is_posted()) {
            return None;
        }
        let open = states().filter(DueState::is_open);
        self.resolve(open.filter_map(|state| Some((state.hold()?, 0))))
    }

    fn resolve(&self, holds: impl Iterator<Item = (RecordId, u64)>) -> Option<ResolveRequest> {
        let holds = List::new(holds.collect::<Vec<_>>()).ok()?;
        Some(ResolveRequest {
            holds,
            memo: None,
            cause: Some(RecordId::from_bytes(*self.clearing.as_bytes())),
        })
    }
}
