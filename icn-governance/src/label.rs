//! Labels: what each record counts as now, and one digest over all of them.

use alloc::vec::Vec;

use icn_types::canon::{Encode, Writer, to_bytes};
use icn_types::hash::Hasher;
use icn_types::id::{Digest, RecordId};
use icn_types::set::{Canonical, Label, Slot};
use icn_types::verdict::{Breach, Verdict};

use crate::count::Recount;
use crate::governance::Governance;
use crate::rules::VoteRule;

/// What one record counts as.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Standing {
    /// It waits for something.
    Waiting,
    /// It breaks a rule.
    Invalid(Breach<VoteRule>),
    /// It is Valid, and stands here.
    Valid(Label),
    /// It is a certificate, and the ballots say this about it.
    Certificate(Recount),
}

impl Standing {
    /// Stable code of the standing.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Waiting => "label.waiting",
            Self::Invalid(breach) => breach.code(),
            Self::Valid(Label::Posted) => "label.posted",
            Self::Valid(Label::Contested) => "label.contested",
            Self::Valid(Label::Void) => "label.void",
            Self::Certificate(recount) => recount.code(),
        }
    }
}

/// A line under the label digest.
struct Line(RecordId, &'static str);

impl Encode for Line {
    fn encode(&self, w: &mut Writer) {
        w.array(2);
        self.0.encode(w);
        w.text(self.1);
    }
}

impl Governance {
    /// Every canonical record of the topic and every canonical certificate
    /// with what it counts as, ascending by id. A function of the canonical
    /// part of the set alone.
    #[must_use]
    pub fn standings(&self, canonical: &Canonical<'_>) -> Vec<(RecordId, Standing)> {
        let set = canonical.set();
        let of_topic = |&slot: &Slot| set.topic(slot) == self.topic();
        let standing = |slot: Slot| match self.verdict(slot) {
            Verdict::Waiting => Standing::Waiting,
            Verdict::Invalid(breach) => Standing::Invalid(breach),
            Verdict::Valid => Standing::Valid(canonical.label(slot)),
        };
        let records = canonical
            .slots()
            .filter(of_topic)
            .map(|slot| (set.id(slot), standing(slot)));
        let certificates = self
            .recounts()
            .filter(|(close, _)| canonical.contains(*close))
            .map(|(close, recount)| {
                let standing = Standing::Certificate(recount.clone());
                (set.id(close), standing)
            });
        let mut standings: Vec<_> = records.chain(certificates).collect();
        standings.sort_unstable_by_key(|(record, _)| *record);
        standings
    }

    /// The label digest: equal on replicas with equal canonical sets. SHA-256
    /// over [`standings`](Self::standings), each as `[id, code]`.
    #[must_use]
    pub fn label_digest(&self, canonical: &Canonical<'_>) -> Digest {
        let mut hasher = Hasher::new();
        hasher.update(b"icn/governance/label-digest/v1");
        for (record, standing) in self.standings(canonical) {
            hasher.update(&to_bytes(&Line(record, standing.code())));
        }
        Digest::from_bytes(hasher.finish())
    }
}
