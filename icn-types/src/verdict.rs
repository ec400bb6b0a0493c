//! Verdicts: what a record is worth, from the record and what it names.

use crate::error::Coded;
use crate::id::RecordId;

/// Whether a record follows the rules.
///
/// It depends only on the record and on what it names by hash. It moves once,
/// from `Waiting` to one of the others, and never back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "the three answers there are")]
pub enum Verdict<R> {
    /// It follows the rules.
    Valid,
    /// Something that it relies on is not here yet. Never an error.
    Waiting,
    /// It breaks a rule: kept as evidence, without effect.
    Invalid(Breach<R>),
}

impl<R> Verdict<R> {
    /// Whether the record follows the rules.
    pub const fn is_valid(&self) -> bool {
        matches!(self, Self::Valid)
    }

    /// Whether the verdict may still change.
    pub const fn is_waiting(&self) -> bool {
        matches!(self, Self::Waiting)
    }
}

/// Why a record is Invalid. Where several hold, the first of this list counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "the order of precedence is part of the format"
)]
pub enum Breach<R> {
    /// The Open, charter or Recall of its epoch is not Valid.
    Open,
    /// An earlier record of the same epoch is Invalid. Only that one convicts.
    Ended,
    /// A record that it relies on is Invalid or lies in a topic out of reach.
    Ref,
    /// Its kind does not exist in the format of its epoch.
    Kind,
    /// Its body is not the one of its kind.
    Body,
    /// It breaks the rule of its kind.
    Rule(R),
}

/// A format above the newest one that this code can judge.
///
/// What is written in it is stored, passed on and never judged: it waits for
/// newer code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NeedsUpgrade {
    /// The format.
    pub format: u16,
    /// The Open or charter that states it.
    pub since: RecordId,
}

impl NeedsUpgrade {
    /// What the Open or charter `since` states.
    #[must_use]
    pub const fn new(format: u16, since: RecordId) -> Self {
        Self { format, since }
    }
}

impl<R: Coded> Breach<R> {
    /// Stable code of the breach.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Open => "invalid.open",
            Self::Ended => "invalid.ended",
            Self::Ref => "invalid.ref",
            Self::Kind => "invalid.kind",
            Self::Body => "invalid.body",
            Self::Rule(rule) => rule.code(),
        }
    }

    /// The breach with this [code](Self::code), where the rules that a record of
    /// the topic can break are `rules`.
    ///
    /// ```
    /// # use icn_types::set::AuthorityRule;
    /// use icn_types::verdict::Breach;
    ///
    /// let breach: Breach<AuthorityRule> = Breach::Ended;
    /// assert_eq!(Breach::of_code(breach.code(), &AuthorityRule::ALL), Some(breach));
    /// assert_eq!(Breach::of_code("invalid.luck", &AuthorityRule::ALL), None);
    /// ```
    #[must_use]
    pub fn of_code(code: &str, rules: &[R]) -> Option<Self>
    where
        R: Copy,
    {
        let own = [Self::Open, Self::Ended, Self::Ref, Self::Kind, Self::Body];
        let rules = rules.iter().copied().map(Self::Rule);
        own.into_iter()
            .chain(rules)
            .find(|breach| breach.code() == code)
    }
}
