//! Rehearsal: what an authority record would be worth, before it is signed.

use crate::authority::Act;
use crate::record::Draft;
use crate::verdict::{Breach, Verdict};

use super::RecordSet;
use super::rule::AuthorityRule;

impl RecordSet {
    /// The verdict that a draft of the registrar in office would get at the
    /// end of the authority chain. Waiting when it stands elsewhere, as a
    /// Recall does, or when a record that it names is not here or not decided.
    ///
    /// The first Invalid record ends a registrar's epoch, so a registrar asks
    /// before it signs what others brought. Costs what the rule of the kind
    /// costs.
    #[must_use]
    pub fn rehearse(&self, draft: &Draft) -> Verdict<AuthorityRule> {
        let end = self.next_place(&self.authority);
        let (Some(office), Some(end)) = (self.office(), end) else {
            return Verdict::Waiting;
        };
        if *draft.header().place() != end {
            return Verdict::Waiting;
        }
        if self.spine(&self.authority).last().copied() != self.tip {
            return Verdict::Invalid(Breach::Ended);
        }
        let mut refs_are_valid = true;
        for id in draft.content().refs() {
            let verdict = self.find(id).map(|slot| self.verdict(slot));
            match verdict {
                None | Some(Verdict::Waiting) => return Verdict::Waiting,
                Some(verdict) => refs_are_valid &= verdict.is_valid(),
            }
        }
        if !refs_are_valid {
            return Verdict::Invalid(Breach::Ref);
        }
        let act = match Act::read(draft.header().kind(), draft.content()) {
            Ok(Some(act)) => act,
            Ok(None) => return Verdict::Invalid(Breach::Kind),
            Err(_) => return Verdict::Invalid(Breach::Body),
        };
        let record = draft.unsigned();
        match self.registry.rehearse(&self.arena, office, &record, &act) {
            Ok(()) => Verdict::Valid,
            Err(rule) => Verdict::Invalid(Breach::Rule(rule)),
        }
    }
}
