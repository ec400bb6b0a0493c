//! The tally: a pure function of rule, roll and counted ballots.
//!
//! Ballots come one per member by type, so their order cannot matter. Weights
//! are integers and shares are compared by cross multiplication; nothing is
//! divided, rounded or added past its range.

use alloc::collections::BTreeMap;

use icn_types::authority::Outcome;
use icn_types::canon::{Decode, DecodeError, Encode, Reader, Reason, Tagged, Writer};
use icn_types::error::{Coded, Fault};
use icn_types::key::MemberId;

use crate::body::Choice;
use crate::rule::{Base, Rule, Tie, Turnout, Veto};

/// Weight by choice, and the weight of the whole roll.
///
/// What was cast never exceeds what was eligible; nothing makes another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tally {
    yes: u128,
    no: u128,
    abstain: u128,
    veto: u128,
    eligible: u128,
}

/// More was cast than was eligible, or the roll weighs more than 2^128 - 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("more weight than the roll has, or than can be counted")]
#[non_exhaustive]
pub struct Excess;

impl Coded for Excess {
    fn code(&self) -> &'static str {
        "tally.excess"
    }

    fn fault(&self) -> Fault {
        Fault::Caller
    }
}

/// Counts `ballots` by the weights of the roll. A ballot of somebody who is
/// not on the roll counts nothing. O(n log n).
///
/// # Errors
/// [`Excess`] when the roll weighs more than 2^128 - 1.
pub fn tally(
    roll: &BTreeMap<MemberId, u128>,
    ballots: &BTreeMap<MemberId, Choice>,
) -> Result<Tally, Excess> {
    let eligible = roll
        .values()
        .try_fold(0_u128, |sum, weight| sum.checked_add(*weight));
    let mut tally = Tally::new(0, 0, 0, 0, eligible.ok_or(Excess)?)?;
    for (member, choice) in ballots {
        let weight = roll.get(member).copied().unwrap_or(0);
        let sum = match choice {
            Choice::Yes => &mut tally.yes,
            Choice::No => &mut tally.no,
            Choice::Abstain => &mut tally.abstain,
            Choice::Veto => &mut tally.veto,
        };
        *sum = sum.checked_add(weight).ok_or(Excess)?;
    }
    tally.checked()
}

impl Tally {
    /// A tally of these weights.
    ///
    /// # Errors
    /// [`Excess`] when the first four together exceed `eligible`.
    pub fn new(
        yes: u128,
        no: u128,
        abstain: u128,
        veto: u128,
        eligible: u128,
    ) -> Result<Self, Excess> {
        let tally = Self {
            yes,
            no,
            abstain,
            veto,
            eligible,
        };
        tally.checked()
    }

    fn checked(self) -> Result<Self, Excess> {
        [self.no, self.abstain, self.veto]
            .iter()
            .try_fold(self.yes, |sum, weight| sum.checked_add(*weight))
            .filter(|cast| *cast <= self.eligible)
            .map(|_| self)
            .ok_or(Excess)
    }

    /// How the vote ends under `rule`: first the quorum, then the veto, then
    /// the threshold, and only then a tie.
    #[must_use]
    pub fn outcome(&self, rule: &Rule) -> Outcome {
        let turnout = match rule.quorum.turnout {
            Turnout::Cast => self.cast(),
            Turnout::Decisive => self.decisive(),
            Turnout::Yes => self.yes,
        };
        if !rule.quorum.share.is_reached(turnout, self.eligible) {
            return Outcome::NoQuorum;
        }
        if self.is_vetoed(rule.veto) {
            return Outcome::Vetoed;
        }
        let threshold = rule.threshold;
        if threshold
            .share
            .is_reached(self.yes, self.base(threshold.base))
        {
            return Outcome::Accepted;
        }
        match rule.tie {
            Tie::Tied if self.yes > 0 && self.yes == self.against() => Outcome::Tied,
            Tie::Tied | Tie::Rejected => Outcome::Rejected,
        }
    }

    fn is_vetoed(&self, veto: Veto) -> bool {
        match veto {
            Veto::None => false,
            Veto::Share {
                base,
                share,
                minimum,
            } => self.veto >= u128::from(minimum) && share.is_reached(self.veto, self.base(base)),
        }
    }

    const fn base(&self, base: Base) -> u128 {
        match base {
            Base::Decisive => self.decisive(),
            Base::Cast => self.cast(),
            Base::Eligible => self.eligible,
        }
    }

    /// Weight in favour.
    #[must_use]
    pub const fn yes(&self) -> u128 {
        self.yes
    }

    /// Weight of plain noes.
    #[must_use]
    pub const fn no(&self) -> u128 {
        self.no
    }

    /// Weight of abstentions.
    #[must_use]
    pub const fn abstain(&self) -> u128 {
        self.abstain
    }

    /// Weight of vetoes.
    #[must_use]
    pub const fn veto(&self) -> u128 {
        self.veto
    }

    /// Weight of the whole roll.
    #[must_use]
    pub const fn eligible(&self) -> u128 {
        self.eligible
    }

    /// Noes and vetoes.
    #[must_use]
    pub const fn against(&self) -> u128 {
        self.no + self.veto
    }

    /// Yes, no and veto.
    #[must_use]
    pub const fn decisive(&self) -> u128 {
        self.yes + self.against()
    }

    /// Everything cast.
    #[must_use]
    pub const fn cast(&self) -> u128 {
        self.decisive() + self.abstain
    }
}

impl Tagged for Tally {
    const TAG: &'static str = "icn/governance/tally/v1";
}

impl Encode for Tally {
    /// `[tag, yes, no, abstain, veto, eligible]`, each 16 bytes, big-endian.
    fn encode(&self, w: &mut Writer) {
        w.array(6);
        w.text(Self::TAG);
        for weight in [self.yes, self.no, self.abstain, self.veto, self.eligible] {
            w.bytes(&weight.to_be_bytes());
        }
    }
}

impl Decode for Tally {
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        r.array_of(6)?;
        r.tag(Self::TAG)?;
        let mut weight = || r.fixed().map(u128::from_be_bytes);
        let (yes, no, abstain, veto, eligible) =
            (weight()?, weight()?, weight()?, weight()?, weight()?);
        Self::new(yes, no, abstain, veto, eligible)
            .map_err(|error| r.error(Reason::Value(error.code())))
    }
}

#[cfg(test)]
mod tests;
