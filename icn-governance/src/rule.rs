//! How a vote is decided: every base, comparator and tie is spelled out.
//!
//! Engines differ silently in what they divide by what. Here a rule says it:
//! which votes make a quorum, what the threshold is a part of, whether "half"
//! is enough, what a veto needs, and what a tie is called. A part of nothing
//! reaches no share, so a vote in which nobody takes part never passes.

use core::cmp::Ordering;

use icn_types::amount::Ratio;
use icn_types::canon::{Decode, DecodeError, Encode, Reader, Reason, Writer};
use icn_types::canonical;

/// How one kind of proposal is decided.
///
/// ```
/// use icn_governance::rule::Rule;
/// use icn_governance::tally::Tally;
/// use icn_types::authority::Outcome;
///
/// let rule = Rule::majority();
/// let tally = Tally::new(2, 1, 4, 0, 9)?; // yes, no, abstain, veto, eligible
/// assert_eq!(tally.outcome(&rule), Outcome::Accepted);
/// # Ok::<(), icn_governance::tally::Excess>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "signed data: its fields are the format"
)]
pub struct Rule {
    /// How many must take part.
    pub quorum: Quorum,
    /// How many must agree.
    pub threshold: Threshold,
    /// What stops it.
    pub veto: Veto,
    /// What as many for as against means.
    pub tie: Tie,
}
canonical!(Rule = "icn/governance/rule/v1" { quorum, threshold, veto, tie });

impl Rule {
    /// More yes than no, whoever takes part.
    #[must_use]
    pub const fn majority() -> Self {
        Self {
            quorum: Quorum {
                turnout: Turnout::Cast,
                share: Share::at_least(Ratio::ZERO),
            },
            threshold: Threshold {
                base: Base::Decisive,
                share: Share::above(Ratio::HALF),
            },
            veto: Veto::None,
            tie: Tie::Tied,
        }
    }

    /// At least two thirds of the votes cast, abstentions among them.
    #[must_use]
    pub const fn two_thirds_of_cast() -> Self {
        Self {
            threshold: Threshold {
                base: Base::Cast,
                share: Share::at_least(Ratio::TWO_THIRDS),
            },
            tie: Tie::Rejected,
            ..Self::majority()
        }
    }

    /// More than half of everybody on the roll.
    #[must_use]
    pub const fn majority_of_roll() -> Self {
        Self {
            threshold: Threshold {
                base: Base::Eligible,
                share: Share::above(Ratio::HALF),
            },
            tie: Tie::Rejected,
            ..Self::majority()
        }
    }

    /// At least two thirds of everybody on the roll.
    #[must_use]
    pub const fn two_thirds_of_roll() -> Self {
        Self {
            threshold: Threshold {
                base: Base::Eligible,
                share: Share::at_least(Ratio::TWO_THIRDS),
            },
            tie: Tie::Rejected,
            ..Self::majority()
        }
    }

    /// Whether every vote that passes under this rule passes under `other` as
    /// well, as far as that shows from quorum, threshold and veto one by one.
    /// A `false` may also mean that the rules cannot be compared so.
    #[must_use]
    pub fn is_as_strict_as(&self, other: &Self) -> bool {
        let quorum = self.quorum.turnout >= other.quorum.turnout
            && self.quorum.share.implies(&other.quorum.share);
        let (own, bar) = (self.threshold, other.threshold);
        // With no yes at all the smaller base may be nothing, which no part reaches.
        let threshold = own.base >= bar.base
            && own.share.implies(&bar.share)
            && (own.base == bar.base || !own.share.is_trivial());
        quorum && threshold && self.veto.is_as_strict_as(&other.veto)
    }

    /// The same rule with a quorum of at least `ratio` of the roll; who
    /// abstains takes part.
    #[must_use]
    pub const fn with_quorum(mut self, ratio: Ratio) -> Self {
        self.quorum = Quorum {
            turnout: Turnout::Cast,
            share: Share::at_least(ratio),
        };
        self
    }

    /// The same rule, stopped by vetoes above `ratio` of the votes cast, and
    /// of at least `minimum`.
    #[must_use]
    pub const fn with_veto(mut self, ratio: Ratio, minimum: u64) -> Self {
        self.veto = Veto::Share {
            base: Base::Cast,
            share: Share::above(ratio),
            minimum,
        };
        self
    }
}

/// How many must take part, as a share of the roll.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "signed data: its fields are the format"
)]
pub struct Quorum {
    /// Which votes count towards it.
    pub turnout: Turnout,
    /// The share of the roll.
    pub share: Share,
}
canonical!(Quorum { turnout, share });

/// Which votes count towards a quorum. A later one counts fewer of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(
    clippy::exhaustive_enums,
    reason = "signed data: its shapes are the format"
)]
pub enum Turnout {
    /// All, abstentions among them.
    Cast,
    /// All but abstentions.
    Decisive,
    /// Only those in favour: then a no can never make a motion pass.
    Yes,
}

/// How many must agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "signed data: its fields are the format"
)]
pub struct Threshold {
    /// What those in favour are a part of.
    pub base: Base,
    /// Their share of it.
    pub share: Share,
}
canonical!(Threshold { base, share });

/// What a share is a part of. A later one is at least as large.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(
    clippy::exhaustive_enums,
    reason = "signed data: its shapes are the format"
)]
pub enum Base {
    /// Yes, no and veto.
    Decisive,
    /// Everything cast, abstentions among it.
    Cast,
    /// The whole roll on the record date.
    Eligible,
}

/// What stops a proposal that most agree with. Under every choice a veto
/// counts as a no.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "signed data: its shapes are the format"
)]
pub enum Veto {
    /// Nothing: a veto is a no.
    None,
    /// Vetoes of some share and some least weight.
    Share {
        /// What vetoes are a part of.
        base: Base,
        /// Their share of it.
        share: Share,
        /// Least weight, so that a single one in a low turnout stops nothing.
        minimum: u64,
    },
}

impl Veto {
    /// Whether it stops everything that `other` stops.
    fn is_as_strict_as(&self, other: &Self) -> bool {
        match (self, other) {
            (_, Self::None) => true,
            (Self::None, Self::Share { .. }) => false,
            (
                Self::Share {
                    base,
                    share,
                    minimum,
                },
                Self::Share {
                    base: other_base,
                    share: other_share,
                    minimum: other_minimum,
                },
            ) => {
                let never_of_nothing = base == other_base || !other_share.is_trivial();
                base <= other_base
                    && never_of_nothing
                    && other_share.implies(share)
                    && minimum <= other_minimum
            }
        }
    }
}

/// What as many for as against, of at least one, means when the threshold is
/// not reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "signed data: its shapes are the format"
)]
pub enum Tie {
    /// Rejected like any other.
    Rejected,
    /// An outcome of its own; nothing takes effect.
    Tied,
}

/// A share of something, and whether reaching it exactly is enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "signed data: its fields are the format"
)]
pub struct Share {
    /// Whether reaching the ratio exactly is enough.
    pub comparator: Comparator,
    /// The ratio.
    pub ratio: Ratio,
}
canonical!(Share { comparator, ratio });

/// Whether reaching a ratio exactly is enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "signed data: its shapes are the format"
)]
pub enum Comparator {
    /// It is not; more is needed.
    Above,
    /// It is.
    AtLeast,
}

impl Share {
    /// More than `ratio`.
    #[must_use]
    pub const fn above(ratio: Ratio) -> Self {
        Self {
            comparator: Comparator::Above,
            ratio,
        }
    }

    /// `ratio` or more.
    #[must_use]
    pub const fn at_least(ratio: Ratio) -> Self {
        Self {
            comparator: Comparator::AtLeast,
            ratio,
        }
    }

    /// Whether `part` of `whole` reaches the share, by cross multiplication.
    /// A part of nothing reaches none.
    #[must_use]
    pub fn is_reached(&self, part: u128, whole: u128) -> bool {
        match (self.ratio.compare(part, whole), self.comparator) {
            (Some(Ordering::Greater), _) | (Some(Ordering::Equal), Comparator::AtLeast) => true,
            (Some(_) | None, _) => false,
        }
    }

    /// Whether whatever reaches this share reaches `other` too.
    fn implies(&self, other: &Self) -> bool {
        let bar = match self.comparator {
            Comparator::AtLeast => *other,
            Comparator::Above => Self::at_least(other.ratio),
        };
        bar.is_reached(
            self.ratio.numerator().into(),
            self.ratio.denominator().into(),
        )
    }

    /// Whether every part of anything reaches it.
    pub(crate) fn is_trivial(&self) -> bool {
        self.is_reached(0, 1)
    }

    /// Whether no part of anything reaches it.
    pub(crate) fn is_out_of_reach(&self) -> bool {
        !self.is_reached(1, 1)
    }
}

/// Writes enums without fields as their position in a list.
macro_rules! numbered {
    ($name:ident, $code:literal: $($variant:ident = $number:literal),*) => {
        impl Encode for $name {
            fn encode(&self, w: &mut Writer) {
                w.uint(match self { $( Self::$variant => $number ),* });
            }
        }
        impl Decode for $name {
            fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
                match r.uint()? {
                    $( $number => Ok(Self::$variant), )*
                    _ => Err(r.error(Reason::Value($code))),
                }
            }
        }
    };
}
numbered!(Turnout, "rule.turnout": Cast = 0, Decisive = 1, Yes = 2);
numbered!(Base, "rule.base": Decisive = 0, Cast = 1, Eligible = 2);
numbered!(Tie, "rule.tie": Rejected = 0, Tied = 1);
numbered!(Comparator, "rule.comparator": Above = 0, AtLeast = 1);

impl Encode for Veto {
    /// `null` or `[base, share, minimum]`.
    fn encode(&self, w: &mut Writer) {
        match self {
            Self::None => w.null(),
            Self::Share {
                base,
                share,
                minimum,
            } => {
                w.array(3);
                base.encode(w);
                share.encode(w);
                minimum.encode(w);
            }
        }
    }
}

impl Decode for Veto {
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        if r.null()? {
            return Ok(Self::None);
        }
        r.array_of(3)?;
        Ok(Self::Share {
            base: Decode::decode(r)?,
            share: Decode::decode(r)?,
            minimum: Decode::decode(r)?,
        })
    }
}

#[cfg(test)]
mod tests;
