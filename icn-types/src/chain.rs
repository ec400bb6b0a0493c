//! Chains: one writer at a time, no gaps, one owner for good.

use crate::canon::{Decode, DecodeError, Encode, Reader, Reason, Writer};
use crate::canonical;
use crate::hash;
use crate::id::{ChainId, TopicId};
use crate::key::{MemberId, PeerId};

/// The definition of a chain: the topic it lies in and whose it is. Its hash
/// is the chain's name; keys come and go by Opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Chain {
    topic: TopicId,
    owner: Owner,
}
canonical!(Chain = "icn/types/chain/v1" { topic, owner });

impl Chain {
    /// The chain of `owner` in `topic`.
    #[must_use]
    pub const fn new(topic: TopicId, owner: Owner) -> Self {
        Self { topic, owner }
    }

    /// The chain's name.
    #[must_use]
    pub fn id(&self) -> ChainId {
        ChainId::from_bytes(hash::of(self))
    }

    /// The topic that the chain lies in.
    #[must_use]
    pub const fn topic(&self) -> TopicId {
        self.topic
    }

    /// Whose chain it is.
    #[must_use]
    pub const fn owner(&self) -> Owner {
        self.owner
    }
}

/// Whose chain it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Owner {
    /// The office that keeps the authority chain.
    Registrar,
    /// A member on one of its devices; each device has a chain of its own, so
    /// that two of them never fork one.
    Member(MemberId, u32),
    /// A shared account such as a treasury, by number.
    Shared(u32),
    /// A teller of the domain, by number.
    Teller(u32),
    /// A node, for its audit log.
    Node(PeerId),
    /// Somebody who trades with the cooperative without being on its roll, by
    /// number.
    Partner(u32),
}

impl Owner {
    /// The member behind the chain, if one is.
    #[must_use]
    pub const fn member(&self) -> Option<MemberId> {
        match self {
            Self::Member(id, _) => Some(*id),
            _ => None,
        }
    }
}

impl Encode for Owner {
    fn encode(&self, w: &mut Writer) {
        match self {
            Self::Registrar => {
                w.array(1);
                w.uint(0);
            }
            Self::Member(id, device) => {
                w.array(3);
                w.uint(1);
                id.encode(w);
                device.encode(w);
            }
            Self::Shared(number) => {
                w.array(2);
                w.uint(2);
                number.encode(w);
            }
            Self::Teller(number) => {
                w.array(2);
                w.uint(3);
                number.encode(w);
            }
            Self::Node(peer) => {
                w.array(2);
                w.uint(4);
                peer.encode(w);
            }
            Self::Partner(number) => {
                w.array(2);
                w.uint(5);
                number.encode(w);
            }
        }
    }
}

impl Decode for Owner {
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let items = r.array()?;
        match (r.uint()?, items) {
            (0, 1) => Ok(Self::Registrar),
            (1, 3) => Ok(Self::Member(MemberId::decode(r)?, u32::decode(r)?)),
            (2, 2) => u32::decode(r).map(Self::Shared),
            (3, 2) => u32::decode(r).map(Self::Teller),
            (4, 2) => PeerId::decode(r).map(Self::Node),
            (5, 2) => u32::decode(r).map(Self::Partner),
            _ => Err(r.error(Reason::Value("chain.owner"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::canon::{from_bytes, to_bytes};
    use crate::testkit::arb::records as arb;

    #[test]
    fn an_owner_has_exactly_its_parts() {
        for (kind, items) in [
            (0, 2),
            (1, 2),
            (2, 1),
            (2, 3),
            (3, 1),
            (4, 1),
            (5, 1),
            (6, 2),
        ] {
            let mut w = Writer::new();
            w.array(items);
            w.uint(kind);
            (1..items).for_each(|_| w.uint(1));
            let error = from_bytes::<Owner>(&w.into_bytes()).unwrap_err();
            assert_eq!(error.reason(), Reason::Value("chain.owner"));
        }
    }

    #[test]
    fn devices_of_a_member_have_chains_of_their_own() {
        let topic = TopicId::from_bytes([1; 32]);
        let member = MemberId::from_bytes([2; 32]);
        let [one, two] = [0, 1].map(|device| Chain::new(topic, Owner::Member(member, device)));
        assert_ne!(one.id(), two.id());
        assert_eq!(one.owner().member(), Some(member));
        assert_eq!(Owner::Shared(0).member(), None);
    }

    proptest! {
        #[test]
        fn a_chain_reads_back_and_another_has_another_name(
            one in arb::chain(),
            other in arb::chain(),
        ) {
            prop_assert_eq!(from_bytes(&to_bytes(&one)), Ok(one));
            prop_assert_eq!(one == other, one.id() == other.id());
            prop_assert_eq!(Chain::new(one.topic(), one.owner()), one);
        }
    }
}
