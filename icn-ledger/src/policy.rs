//! What an author allows itself: how fast an account may send.
//!
//! The limits of a grant are checked by everybody and say how much an account
//! may owe. A policy is asked only where a record is authored, by whoever authors
//! it, and says how much may leave the account in how short a time: what a mistake
//! or a broken program can do before somebody notices. It does not hold back
//! whoever has the key and another node; and a record of somebody else is never
//! compared with it.

use alloc::collections::BTreeMap;
use alloc::vec;
use core::fmt;
use core::num::NonZeroU64;

use icn_types::canon::List;
use icn_types::id::ChainId;
use icn_types::time::Timestamp;

use crate::entry::Entry;
use crate::refusal::Refusal;

/// Most caps of one policy.
pub const CAPS_MAX: usize = 16;

/// How much may be sent in how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cap {
    most: u64,
    millis: NonZeroU64,
}

impl Cap {
    /// At most `most` atoms in any `millis` milliseconds; none at all for 0.
    #[must_use]
    pub const fn new(most: u64, millis: NonZeroU64) -> Self {
        Self { most, millis }
    }

    /// How much, in atoms.
    #[must_use]
    pub const fn most(&self) -> u64 {
        self.most
    }

    /// In how many milliseconds.
    #[must_use]
    pub const fn millis(&self) -> NonZeroU64 {
        self.millis
    }
}

impl fmt::Display for Cap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} atoms in {} ms", self.most, self.millis)
    }
}

/// Caps on what one account sends. All of them hold.
///
/// **What counts** are the payments, holds and refunds on the spine of the
/// account's own chain, over all epochs, each whole and at the time that it
/// claims. So nothing is recorded beside the records, and a restart forgets
/// nothing. A hold counts when it sets aside, whoever gets it. What comes back,
/// refused or left of a hold, makes no room: nobody else can widen a cap. A
/// member's devices have an account each and so a cap each.
///
/// **What does not** is what a decision lets an account send, its settlements
/// among it. The community bounded that itself, by the action or the envelope
/// and its tranches, and no setting of one node may hold it up.
///
/// **Time** never goes back on a chain: a draft claims no earlier time than the
/// record before it. A clock that jumps back so widens no cap, and one that was
/// ahead keeps a cap shut until time has caught up with it. Where another program
/// let times go back on the chain, a cap looks no further than the first record
/// that is older than its window.
///
/// Costs the records of the chain within the longest window, whatever the length
/// of history.
///
/// ```
/// # use icn_ledger::unit::Scale;
/// # use icn_ledger::{Ledger, Leg, PaymentRequest, Unit, UnitCode};
/// # use icn_types::amount::Amount;
/// # use icn_types::id::OperationKey;
/// # use icn_types::testkit::stage::{GRANT, Stage};
/// use core::num::NonZeroU64;
/// use icn_ledger::policy::{Cap, Policy};
/// use icn_ledger::{Authorized, Refusal};
/// use icn_types::canon::List;
/// use icn_types::time::Timestamp;
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
/// # let mut ledger = Ledger::of(&stage.set, unit);
/// # let pay = |key, atoms| -> Result<PaymentRequest, Box<dyn std::error::Error>> {
/// #     Ok(PaymentRequest {
/// #         legs: List::new([Leg { payee, amount: Amount::new(atoms)? }])?,
/// #         key: OperationKey::from_bytes([key; 32]),
/// #         decision: None,
/// #         effective: None,
/// #         memo: None,
/// #         cause: None,
/// #     })
/// # };
/// let hour = NonZeroU64::new(3_600_000).ok_or("an hour")?;
/// let cap = Cap::new(50, hour);
/// let policy = Policy::new(List::new([cap])?);
///
/// let at = Timestamp::from_millis(0);
/// let Authorized::Draft(draft) = ledger.authorize(&stage.set, &chain, &pay(1, 40)?, at, &policy)?
/// else {
///     return Err("a first payment".into());
/// };
/// # let paid = stage.submit(draft);
/// # ledger.update(&stage.set, stage.set.find(&paid).ok_or("stored")?);
/// // ... signed and stored: ten atoms are left for an hour.
/// let ask = |at| ledger.authorize(&stage.set, &chain, &pay(2, 11)?, at, &policy)
///     .map_err(Box::<dyn std::error::Error>::from);
/// let refused = ask(Timestamp::from_millis(3_599_999)).unwrap_err();
/// assert_eq!(refused.downcast_ref(), Some(&Refusal::Velocity { cap, left: 10 }));
/// assert!(ask(Timestamp::from_millis(3_600_000)).is_ok());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    caps: List<Cap, 0, CAPS_MAX>,
}

impl Policy {
    /// No cap: nothing but the limits of the grant holds the account back.
    pub const NONE: Self = Self {
        caps: List::empty(),
    };

    /// These caps, all of them at once.
    #[must_use]
    pub const fn new(caps: List<Cap, 0, CAPS_MAX>) -> Self {
        Self { caps }
    }

    /// The caps.
    #[must_use]
    pub fn caps(&self) -> &[Cap] {
        &self.caps
    }

    /// Whether `atoms` may be sent `now`, after what was `sent`, newest first.
    pub(crate) fn admit(
        &self,
        now: Timestamp,
        sent: impl Iterator<Item = (Timestamp, u128)>,
        atoms: u128,
    ) -> Result<(), Refusal> {
        let longest = self.caps.iter().map(|cap| cap.millis.get()).max();
        let Some(longest) = longest.filter(|_| atoms > 0) else {
            return Ok(());
        };
        let aged = sent.map(|(at, sent)| (now.as_millis().saturating_sub(at.as_millis()), sent));
        let mut sums = vec![0_u128; self.caps.len()];
        for (age, sent) in aged.take_while(|(age, _)| *age < longest) {
            for (cap, sum) in self.caps.iter().zip(&mut sums) {
                if age < cap.millis.get() {
                    *sum = sum.saturating_add(sent);
                }
            }
        }
        for (&cap, sum) in self.caps.iter().zip(sums) {
            let left = u128::from(cap.most).saturating_sub(sum);
            if atoms > left {
                return Err(Refusal::Velocity { cap, left });
            }
        }
        Ok(())
    }
}

/// What an entry counts against the caps of its author, in atoms.
pub(crate) fn counted(entry: &Entry) -> u128 {
    if entry.decision().is_some() {
        return 0;
    }
    let atoms = |amount: icn_types::amount::Amount| u128::from(amount.get());
    match entry {
        Entry::Payment(payment) => payment.legs.iter().map(|leg| atoms(leg.amount)).sum(),
        Entry::Hold(hold) => atoms(hold.leg.amount),
        Entry::Refund(refund) => atoms(refund.amount),
        _ => 0,
    }
}

/// The policies of several accounts: what a request about any of them is asked
/// with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policies {
    of: BTreeMap<ChainId, Policy>,
    others: Policy,
}

impl Policies {
    /// No cap on any account.
    pub const NONE: Self = Self::all(Policy::NONE);

    /// The same policy for every account, each counted for itself.
    #[must_use]
    pub const fn all(policy: Policy) -> Self {
        Self {
            of: BTreeMap::new(),
            others: policy,
        }
    }

    /// The same with another policy for one account.
    #[must_use]
    pub fn with(mut self, chain: ChainId, policy: Policy) -> Self {
        self.of.insert(chain, policy);
        self
    }

    /// The policy of an account.
    #[must_use]
    pub fn of(&self, chain: &ChainId) -> &Policy {
        self.of.get(chain).unwrap_or(&self.others)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cap(most: u64, millis: u64) -> Cap {
        Cap::new(most, NonZeroU64::new(millis).unwrap())
    }

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn a_window_ends_where_it_is_as_old_as_its_length() {
        let policy = Policy::new(List::new([cap(10, 100)]).unwrap());
        let ask = |now, atoms| policy.admit(at(now), [(at(50), 7)].into_iter(), atoms);
        let refused = Err(Refusal::Velocity {
            cap: cap(10, 100),
            left: 3,
        });
        assert_eq!(ask(149, 4), refused);
        assert_eq!(ask(149, 3), Ok(()));
        assert_eq!(ask(150, 4), Ok(()));
        assert_eq!(ask(20, 4), refused, "what is dated ahead is not older");
    }

    #[test]
    fn the_ends_of_time_and_of_amounts_do_not_wrap() {
        let policy = Policy::new(List::new([cap(u64::MAX, u64::MAX)]).unwrap());
        let ask = |now, sent| policy.admit(at(now), [(at(0), sent)].into_iter(), 1);
        assert_eq!(ask(u64::MAX, u128::MAX), Ok(()));
        let refused = Refusal::Velocity {
            cap: policy.caps()[0],
            left: 0,
        };
        assert_eq!(ask(u64::MAX - 1, u128::MAX), Err(refused));
    }

    #[test]
    fn nothing_older_than_the_longest_window_is_looked_at() {
        let policy = Policy::new(List::new([cap(10, 100), cap(5, 10)]).unwrap());
        let mut looked = 0;
        let sent = (0..1000_u64).rev().map(|millis| {
            looked += 1;
            (at(millis), 0)
        });
        assert_eq!(policy.admit(at(999), sent, 1), Ok(()));
        assert_eq!(looked, 101);
    }
}
