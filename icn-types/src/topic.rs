//! Topics: what a node follows, and where the authority over it lies.

use crate::canon::{Decode, DecodeError, Encode, Reader, Reason, Writer};
use crate::chain::{Chain, Owner};
use crate::hash;
use crate::id::{ChainId, DomainId, TopicId, UnitId};
use crate::key::PeerId;

/// A set of chains that replicates as one, defined by what it is about.
///
/// The definition names the domain whose authority topic decides about keys
/// and chains, so whoever follows a topic knows what else to follow. Headers
/// carry only its hash, [`TopicId`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Topic {
    /// The registrar's chain of one domain.
    Authority(DomainId),
    /// Proposals, ballots and teller chains of one domain.
    Governance(DomainId),
    /// All accounts in one unit.
    Ledger(DomainId, UnitId),
    /// The audit log of one node.
    Audit(DomainId, PeerId),
}

impl Topic {
    /// The topic's name: SHA-256 of its definition.
    #[must_use]
    pub fn id(&self) -> TopicId {
        TopicId::from_bytes(hash::of(self))
    }

    /// The domain whose registrar opens and seals the chains of this topic.
    #[must_use]
    pub const fn domain(&self) -> DomainId {
        match self {
            Self::Authority(domain)
            | Self::Governance(domain)
            | Self::Ledger(domain, _)
            | Self::Audit(domain, _) => *domain,
        }
    }

    /// The topic that must be followed along with this one; an authority
    /// topic is its own.
    #[must_use]
    pub const fn authority(&self) -> Self {
        Self::Authority(self.domain())
    }

    /// The chain in this topic that belongs to `owner`.
    #[must_use]
    pub fn chain(&self, owner: Owner) -> Chain {
        Chain::new(self.id(), owner)
    }
}

/// The one chain of a domain's authority topic.
#[must_use]
pub fn authority_chain(domain: DomainId) -> ChainId {
    Topic::Authority(domain).chain(Owner::Registrar).id()
}

impl crate::canon::Tagged for Topic {
    const TAG: &'static str = "icn/types/topic/v1";
}

impl Encode for Topic {
    /// `[tag, kind, domain, subject]`; 3 is kept for clearing between domains.
    fn encode(&self, w: &mut Writer) {
        w.array(4);
        w.text(<Self as crate::canon::Tagged>::TAG);
        let (kind, subject) = match self {
            Self::Authority(_) => (0, None),
            Self::Governance(_) => (1, None),
            Self::Ledger(_, unit) => (2, Some(*unit.as_bytes())),
            Self::Audit(_, node) => (4, Some(*node.key().as_bytes())),
        };
        w.uint(kind);
        self.domain().encode(w);
        subject.encode(w);
    }
}

impl Decode for Topic {
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        r.array_of(4)?;
        r.tag(<Self as crate::canon::Tagged>::TAG)?;
        let kind = r.uint()?;
        let domain = DomainId::decode(r)?;
        match kind {
            0 | 1 if !r.null()? => Err(r.error(Reason::Value("topic.subject"))),
            0 => Ok(Self::Authority(domain)),
            1 => Ok(Self::Governance(domain)),
            2 => UnitId::decode(r).map(|unit| Self::Ledger(domain, unit)),
            4 => PeerId::decode(r).map(|node| Self::Audit(domain, node)),
            _ => Err(r.error(Reason::Value("topic.kind"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use proptest::prelude::*;

    use super::*;
    use crate::canon::{from_bytes, to_bytes};
    use crate::testkit::arb::records as arb;

    const DOMAIN: DomainId = DomainId::from_bytes([1; 32]);

    #[test]
    fn an_authority_topic_is_its_own_authority() {
        let authority = Topic::Authority(DOMAIN);
        assert_eq!(authority.authority(), authority);
        assert_eq!(Topic::Governance(DOMAIN).authority(), authority);
        let chain = authority.chain(Owner::Registrar);
        assert_eq!(authority_chain(DOMAIN), chain.id());
    }

    #[test]
    fn kinds_without_a_subject_take_none_and_unknown_kinds_are_refused() {
        let read = |kind: u64, subject: bool| {
            let mut w = Writer::new();
            w.array(4);
            w.text(<Topic as crate::canon::Tagged>::TAG);
            w.uint(kind);
            DOMAIN.encode(&mut w);
            subject.then_some([9_u8; 32]).encode(&mut w);
            from_bytes::<Topic>(&w.into_bytes()).map_err(|error| error.reason())
        };
        assert_eq!(read(0, true), Err(Reason::Value("topic.subject")));
        assert_eq!(read(1, true), Err(Reason::Value("topic.subject")));
        assert_eq!(read(1, false), Ok(Topic::Governance(DOMAIN)));
        assert_eq!(read(2, false), Err(Reason::Type));
        for unknown in [3, 5, u64::MAX] {
            assert_eq!(read(unknown, true), Err(Reason::Value("topic.kind")));
        }
    }

    proptest! {
        #[test]
        fn a_topic_reads_back_and_another_has_another_name(
            one in arb::topic(),
            other in arb::topic(),
        ) {
            prop_assert_eq!(from_bytes(&to_bytes(&one)), Ok(one));
            prop_assert_eq!(one == other, one.id() == other.id());
            prop_assert_eq!(one.authority().domain(), one.domain());
        }
    }

    #[test]
    fn topics_of_one_domain_have_different_names() {
        let unit = UnitId::from_bytes([2; 32]);
        let topics = [
            Topic::Authority(DOMAIN),
            Topic::Governance(DOMAIN),
            Topic::Ledger(DOMAIN, unit),
        ];
        let mut names: Vec<TopicId> = topics.iter().map(Topic::id).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), topics.len());
    }
}
