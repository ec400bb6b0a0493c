//! The part of a charter that governs votes, and what is wrong with one.

use alloc::vec::Vec;

use icn_types::amount::Ratio;
use icn_types::authority::{Action, DecisionTerms, TELLERS_MAX};
use icn_types::canon::{List, Reason};
use icn_types::canonical;
use icn_types::chain::Owner;
use icn_types::error::{Coded, Fault};
use icn_types::id::{ChainId, DomainId};
use icn_types::topic::Topic;

use crate::body::Subject;
use crate::rule::{Base, Rule, Veto};

/// How a cooperative votes: the `rules` of its charter.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "signed data: its fields are the format"
)]
pub struct Rules {
    /// How texts are decided.
    pub text: Rule,
    /// How budgets are decided.
    pub budget: Rule,
    /// How it is decided that a receiver writes somebody's account, whatever
    /// else the same proposal says.
    pub receivership: Rule,
    /// Numbers of the tellers, ascending.
    pub tellers: List<u32, 1, TELLERS_MAX>,
    /// How many of them a close names.
    pub needed: u8,
    /// Milliseconds from an opening until its tellers may shut.
    pub period: u64,
    /// Milliseconds from a close until a budget may take effect.
    pub timelock: u64,
}
canonical!(Rules = "icn/governance/rules/v1" {
    text, budget, receivership, tellers, needed, period, timelock
} where check);

impl Rules {
    fn check(self) -> Result<Self, Reason> {
        let needed = usize::from(self.needed);
        let ascending = self.tellers.is_sorted_by(|a, b| a < b);
        if !ascending || needed == 0 || needed > self.tellers.len() {
            return Err(Reason::Value("rules.tellers"));
        }
        Ok(self)
    }

    /// The rule for one kind of proposal.
    #[must_use]
    pub fn rule(&self, subject: &Subject) -> &Rule {
        let receives = |action: &Action| matches!(action, Action::Receive { .. });
        match subject {
            Subject::Text => &self.text,
            Subject::Actions(actions) if actions.iter().any(receives) => &self.receivership,
            Subject::Actions(_) => &self.budget,
        }
    }

    /// Times and tellers of a vote in `domain`. `None` when the tellers could
    /// not be written in a record either.
    #[must_use]
    pub fn terms(&self, domain: DomainId) -> Option<DecisionTerms> {
        let topic = Topic::Governance(domain);
        let mut tellers: Vec<ChainId> = self
            .tellers
            .iter()
            .map(|number| topic.chain(Owner::Teller(*number)).id())
            .collect();
        tellers.sort_unstable();
        tellers.dedup();
        let needed = usize::from(self.needed);
        (1..=tellers.len()).contains(&needed).then_some(())?;
        Some(DecisionTerms {
            tellers: List::new(tellers).ok()?,
            needed: self.needed,
            period: self.period,
            timelock: self.timelock,
        })
    }

    /// Everything about these rules that would hurt whoever adopts them.
    #[must_use]
    pub fn flaws(&self) -> Vec<Flaw> {
        let mut flaws = Vec::new();
        let (needed, tellers) = (usize::from(self.needed), self.tellers.len());
        if self.clone().check().is_err() {
            flaws.push(Flaw::Tellers);
        }
        if needed * 2 <= tellers {
            flaws.push(Flaw::TwoCloses);
        }
        if self.period == 0 {
            flaws.push(Flaw::Period);
        }
        for rule in [&self.text, &self.budget, &self.receivership] {
            flaws.extend(rule_flaws(rule));
        }
        if !self.receivership.is_as_strict_as(&self.budget) {
            flaws.push(Flaw::EasyReceivership);
        }
        flaws.sort_unstable();
        flaws.dedup();
        flaws
    }
}

fn rule_flaws(rule: &Rule) -> impl Iterator<Item = Flaw> {
    let (quorum, threshold) = (rule.quorum.share, rule.threshold.share);
    let of_votes = rule.threshold.base != Base::Eligible;
    let veto = match rule.veto {
        Veto::None => None,
        Veto::Share { share, minimum, .. } => {
            if share.is_trivial() && minimum == 0 {
                Some(Flaw::VetoByNobody)
            } else if minimum <= 1 && share.is_reached(1, u128::from(u64::MAX)) {
                Some(Flaw::VetoByOne)
            } else {
                None
            }
        }
    };
    let flaws = [
        quorum.is_out_of_reach().then_some(Flaw::QuorumOutOfReach),
        threshold
            .is_out_of_reach()
            .then_some(Flaw::ThresholdOutOfReach),
        (of_votes && is_below_half(threshold.ratio)).then_some(Flaw::Minority),
        threshold.is_trivial().then_some(Flaw::ThresholdOfNothing),
        veto,
    ];
    flaws.into_iter().flatten()
}

fn is_below_half(ratio: Ratio) -> bool {
    // One part of two is more than the ratio.
    ratio.compare(1, 2) == Some(core::cmp::Ordering::Greater)
}

/// Something about rules that would hurt whoever adopts them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
#[non_exhaustive]
pub enum Flaw {
    /// Tellers repeat or do not ascend, or more are needed than there are.
    #[error("tellers do not ascend, or more are needed than there are")]
    Tellers,
    /// Half of the tellers or fewer make a close, so two closes could count
    /// disjoint lists without any teller lying.
    #[error("two closes could share no teller")]
    TwoCloses,
    /// Tellers may shut at the moment of opening.
    #[error("votes end when they open")]
    Period,
    /// No turnout makes the quorum.
    #[error("no turnout makes the quorum")]
    QuorumOutOfReach,
    /// Nothing passes.
    #[error("no agreement reaches the threshold")]
    ThresholdOutOfReach,
    /// A proposal passes against more votes than it has.
    #[error("a minority of the votes decides")]
    Minority,
    /// A proposal passes without a single yes.
    #[error("nobody needs to agree")]
    ThresholdOfNothing,
    /// Every proposal is vetoed.
    #[error("a veto needs no vote")]
    VetoByNobody,
    /// A single veto stops everything, whatever the turnout.
    #[error("a single vote vetoes")]
    VetoByOne,
    /// What is no budget may pass with a receivership in the same proposal.
    #[error("a receivership may pass where a budget does not")]
    EasyReceivership,
}

impl Coded for Flaw {
    fn code(&self) -> &'static str {
        match self {
            Self::Tellers => "rules.tellers",
            Self::TwoCloses => "rules.two_closes",
            Self::Period => "rules.period",
            Self::QuorumOutOfReach => "rules.quorum",
            Self::ThresholdOutOfReach => "rules.threshold",
            Self::Minority => "rules.minority",
            Self::ThresholdOfNothing => "rules.nobody",
            Self::VetoByNobody => "rules.veto.nobody",
            Self::VetoByOne => "rules.veto.one",
            Self::EasyReceivership => "rules.receivership",
        }
    }

    fn fault(&self) -> Fault {
        Fault::Caller
    }
}

/// Whom an outcome rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "the two cases there are")]
pub enum Trust {
    /// One teller counts alone: what it leaves out, nobody can prove.
    TrustedRegistrar,
    /// `needed` of `of` tellers would have to lie together.
    Tellers {
        /// How many a close names.
        needed: u8,
        /// How many there are.
        of: u8,
    },
}

impl Trust {
    /// Whom a vote under these terms rests on.
    #[must_use]
    pub fn of(terms: &DecisionTerms) -> Self {
        match (terms.needed, terms.tellers.len()) {
            (_, 1) => Self::TrustedRegistrar,
            (needed, of) => Self::Tellers {
                needed,
                of: u8::try_from(of).unwrap_or(u8::MAX),
            },
        }
    }
}

/// How many receipts put a ballot into every possible close: n - k + 1.
#[must_use]
pub fn certain_receipts(terms: &DecisionTerms) -> usize {
    terms.tellers.len() - usize::from(terms.needed) + 1
}

#[cfg(test)]
mod tests;
