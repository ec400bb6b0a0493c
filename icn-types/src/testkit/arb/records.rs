//! Keys, records, contents and authority bodies, each well spelled.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use proptest::collection::{btree_set, vec};
use proptest::option;
use proptest::prelude::*;

use crate::amount::Amount;
use crate::authority::{
    Act, Action, Charter, Close, Consent, DecisionTerms, Envelope, FORMAT, Finality, Grant, Open,
    Opening, Outcome, ProposalId, Raise, Ready, Recall, Release, RollChange, Seal, SealRow, Sealed,
    Start, Tip, Vote, Voter,
};
use crate::canon::{List, Raw};
use crate::chain::{Chain, Owner};
use crate::id::{ChainId, Digest, DomainId, RecordId, TopicId, UnitId};
use crate::key::{Inception, Keypair, MemberId, PeerId, PublicKey, Signature, Signer as _};
use crate::record::{Content, Draft, Header, Kind, Place, Record};
use crate::sign::Signed;
use crate::time::Timestamp;
use crate::topic::Topic;

/// Key pairs.
pub fn keypair() -> impl Strategy<Value = Keypair> {
    any::<[u8; 32]>().prop_map(|seed| Keypair::from_seed(&seed))
}

/// Public keys of key pairs.
pub fn public_key() -> impl Strategy<Value = PublicKey> {
    keypair().prop_map(|pair| pair.public_key())
}

/// Signatures by shape; they fit nothing.
pub fn signature() -> impl Strategy<Value = Signature> {
    (any::<[u8; 32]>(), any::<[u8; 32]>()).prop_map(|(left, right)| {
        let mut bytes = [0; 64];
        bytes[..32].copy_from_slice(&left);
        bytes[32..].copy_from_slice(&right);
        Signature::from_bytes(bytes)
    })
}

/// Names of records.
pub fn record_id() -> impl Strategy<Value = RecordId> {
    any::<[u8; 32]>().prop_map(RecordId::from_bytes)
}

/// Names of chains.
pub fn chain_id() -> impl Strategy<Value = ChainId> {
    any::<[u8; 32]>().prop_map(ChainId::from_bytes)
}

/// Names of members.
pub fn member_id() -> impl Strategy<Value = MemberId> {
    any::<[u8; 32]>().prop_map(MemberId::from_bytes)
}

/// Topics of every kind.
pub fn topic() -> impl Strategy<Value = Topic> {
    let domain = || any::<[u8; 32]>().prop_map(DomainId::from_bytes);
    let unit = any::<[u8; 32]>().prop_map(UnitId::from_bytes);
    prop_oneof![
        domain().prop_map(Topic::Authority),
        domain().prop_map(Topic::Governance),
        (domain(), unit).prop_map(|(domain, unit)| Topic::Ledger(domain, unit)),
        (domain(), public_key()).prop_map(|(domain, key)| Topic::Audit(domain, PeerId::new(key))),
    ]
}

/// Owners of every kind.
pub fn owner() -> impl Strategy<Value = Owner> {
    prop_oneof![
        Just(Owner::Registrar),
        (member_id(), any::<u32>()).prop_map(|(id, device)| Owner::Member(id, device)),
        any::<u32>().prop_map(Owner::Shared),
        any::<u32>().prop_map(Owner::Teller),
        any::<u32>().prop_map(Owner::Partner),
        public_key().prop_map(|key| Owner::Node(PeerId::new(key))),
    ]
}

/// Definitions of chains.
pub fn chain() -> impl Strategy<Value = Chain> {
    (topic(), owner()).prop_map(|(topic, owner)| topic.chain(owner))
}

/// A place and a kind that fits it.
pub fn place() -> impl Strategy<Value = (Place, Kind)> {
    let topic = || any::<[u8; 32]>().prop_map(TopicId::from_bytes);
    let above = || prop_oneof![1..9_u64, Just(u64::MAX)];
    let succession =
        (topic(), chain_id(), above(), record_id()).prop_map(|(topic, chain, seq, prev)| {
            Place::Succession {
                topic,
                chain,
                seq,
                prev,
            }
        });
    let entry = (
        (topic(), chain_id(), record_id()),
        option::of((above(), record_id())),
    )
        .prop_map(|((topic, chain, epoch), before)| Place::Entry {
            topic,
            chain,
            epoch,
            seq: before.map_or(0, |(seq, _)| seq),
            prev: before.map(|(_, prev)| prev),
        });
    let kind = any::<u16>().prop_map(|number| match Kind::new(number) {
        Kind::CHARTER | Kind::RECALL => Kind::OPEN,
        kind => kind,
    });
    prop_oneof![
        1 => Just((Place::Founding, Kind::CHARTER)),
        1 => succession.prop_map(|place| (place, Kind::RECALL)),
        8 => (entry, kind),
    ]
}

/// Contents with up to nine refs and some body.
pub fn content() -> impl Strategy<Value = Content> {
    let body = prop_oneof![
        any::<u64>().prop_map(|number| Raw::of(&number)),
        act().prop_map(|act| act.body().1),
    ];
    (vec(record_id(), 0..9), option::of(record_id()), body)
        .prop_filter_map("few refs", |(refs, cause, body)| {
            Content::new(refs, cause, &body)
        })
}

/// Drafts at any place.
pub fn draft() -> impl Strategy<Value = Draft> {
    (place().boxed(), any::<u64>(), content().boxed())
        .prop_filter_map("fits", |((place, kind), at, content)| {
            Draft::new(place, kind, Timestamp::from_millis(at), content)
        })
}

/// Records with their content, each signed by some key.
pub fn record() -> BoxedStrategy<Signed<Record>> {
    (draft().boxed(), keypair())
        .prop_filter_map("signs", |(draft, key)| draft.sign(&key).ok())
        .boxed()
}

/// Headers.
pub fn header() -> impl Strategy<Value = Header> {
    draft().prop_map(|draft| draft.header().clone())
}

/// Bodies of authority records, of every kind.
pub fn act() -> BoxedStrategy<Act> {
    let raise = (record_id(), -1000..=0_i64).prop_map(|(open, floor)| Raise { open, floor });
    prop_oneof![
        charter().boxed().prop_map(Act::Charter),
        open().boxed().prop_map(Act::Open),
        seal().boxed().prop_map(Act::Seal),
        Just(Act::Adopt),
        recall().boxed().prop_map(Act::Recall),
        roll().boxed().prop_map(Act::Roll),
        raise.prop_map(Act::Raise),
        opening().boxed().prop_map(Act::Opening),
        close().boxed().prop_map(Act::Close),
        record_id().prop_map(|close| Act::Ready(Ready { close })),
        release().prop_map(Act::Release),
    ]
    .boxed()
}

fn inceptions(community: [u8; 32]) -> impl Strategy<Value = Vec<Inception>> {
    vec((public_key(), public_key()), 1..6).prop_map(move |keys| {
        let members = keys.into_iter().map(|(key, recovery)| Inception {
            community,
            key,
            recovery,
        });
        let by_id: BTreeMap<MemberId, Inception> =
            members.map(|member| (member.id(), member)).collect();
        by_id.into_values().collect()
    })
}

fn charter() -> impl Strategy<Value = Charter> {
    let recovery = vec(public_key(), 1..4).prop_map(|mut keys| {
        keys.sort_unstable();
        keys.dedup();
        keys
    });
    let roll = any::<[u8; 32]>().prop_flat_map(|nonce| (Just(nonce), inceptions(nonce)));
    (roll, public_key(), recovery, any::<u64>()).prop_filter_map(
        "in range",
        |((nonce, roll), registrar, recovery, seal_interval)| {
            Some(Charter {
                nonce,
                format: FORMAT,
                registrar,
                recovery: List::new(recovery).ok()?,
                roll: List::new(roll).ok()?,
                seal_interval,
                rules: Raw::of(&seal_interval),
            })
        },
    )
}

fn tip() -> impl Strategy<Value = Tip> {
    (any::<u64>(), record_id()).prop_map(|(seq, head)| Tip { seq, head })
}

fn open() -> impl Strategy<Value = Open> {
    let start = prop_oneof![
        Just(Start::First),
        (record_id(), option::of(tip())).prop_map(|(prior, tip)| Start::After { prior, tip }),
    ];
    let grant =
        (-1000..=0_i64, 0..1000_i64, 0..1000_u64).prop_map(|(floor, ceiling, float)| Grant {
            floor,
            ceiling,
            float,
        });
    let consent = prop_oneof![
        signature().prop_map(Consent::Current),
        signature().prop_map(Consent::Recovery),
        (record_id(), any::<u16>()).prop_map(|(ready, action)| Consent::Decision { ready, action }),
    ];
    let charge = option::of((1..=u64::MAX, any::<[u8; 32]>()));
    let keys = (public_key(), public_key());
    (
        chain(),
        keys,
        any::<u16>(),
        start,
        charge,
        option::of(grant),
        consent,
    )
        .prop_map(
            |(chain, (key, recovery), format, start, charge, grant, consent)| Open {
                chain,
                key,
                recovery,
                format,
                start,
                charged: charge.map_or(0, |(charged, _)| charged),
                claims: charge.map(|(_, claims)| Digest::from_bytes(claims)),
                grant,
                consent,
            },
        )
}

/// A header that needs no body, so that bodies may hold it.
fn sealed() -> impl Strategy<Value = Sealed> {
    (place(), any::<u64>(), signature()).prop_filter_map(
        "fits",
        |((place, kind), at, signature)| {
            let header = Header::new(place, kind, Timestamp::from_millis(at), &at.to_be_bytes())?;
            Some(Sealed { header, signature })
        },
    )
}

fn seal() -> impl Strategy<Value = Seal> {
    let row = (record_id(), option::of(sealed()), any::<bool>());
    proptest::collection::btree_map(chain_id(), row, 1..5).prop_filter_map("in range", |rows| {
        let rows = rows
            .into_iter()
            .map(|(chain, (open, sealed, last))| SealRow {
                chain,
                open,
                sealed,
                finality: if last {
                    Finality::Final
                } else {
                    Finality::Open
                },
            });
        let rows = List::new(rows.collect::<Vec<_>>()).ok()?;
        Some(Seal { rows })
    })
}

fn recall() -> impl Strategy<Value = Recall> {
    let voter = prop_oneof![
        member_id().prop_map(Voter::Member),
        any::<u8>().prop_map(Voter::Key),
    ];
    let votes = proptest::collection::btree_map(voter, signature(), 1..5);
    (public_key(), votes).prop_filter_map("in range", |(successor, votes)| {
        let votes = votes
            .into_iter()
            .map(|(voter, signature)| Vote { voter, signature });
        let votes = List::new(votes.collect::<Vec<_>>()).ok()?;
        Some(Recall { successor, votes })
    })
}

fn roll() -> impl Strategy<Value = RollChange> {
    let leave = btree_set(member_id(), 0..4);
    (inceptions([7; 32]), leave).prop_filter_map("in range", |(join, leave)| {
        Some(RollChange {
            join: List::new(join).ok()?,
            leave: List::new(leave.into_iter().collect::<Vec<_>>()).ok()?,
        })
    })
}

fn action() -> impl Strategy<Value = Action> {
    let unit = any::<[u8; 32]>().prop_map(UnitId::from_bytes);
    let amount = (1..=u64::MAX / 2).prop_filter_map("in range", |atoms| Amount::new(atoms).ok());
    let pay = (chain_id(), chain_id(), unit.clone(), amount.clone()).prop_map(
        |(payer, payee, unit, amount)| Action::Pay {
            payer,
            payee,
            unit,
            amount,
        },
    );
    let receive = (chain_id(), public_key(), public_key()).prop_map(|(chain, key, recovery)| {
        Action::Receive {
            chain,
            key,
            recovery,
        }
    });
    let times = (1..=u16::MAX, any::<u64>());
    let envelope = (chain_id(), option::of(chain_id()), unit, amount, times).prop_map(
        |(payer, payee, unit, tranche, (tranches, interval))| {
            Action::Envelope(Envelope {
                payer,
                payee,
                unit,
                tranche,
                tranches,
                interval,
            })
        },
    );
    prop_oneof![pay, receive, envelope]
}

fn release() -> impl Strategy<Value = Release> {
    (record_id(), any::<u16>(), any::<u16>()).prop_map(|(ready, action, tranche)| Release {
        ready,
        action,
        tranche,
    })
}

fn opening() -> impl Strategy<Value = Opening> {
    let ids = (any::<[u8; 32]>(), record_id(), any::<[u8; 32]>());
    let times = (any::<u64>(), any::<u64>());
    (ids, vec(action(), 0..4), btree_set(chain_id(), 1..5), times).prop_filter_map(
        "in range",
        |((proposal, record, roll), actions, tellers, (period, timelock))| {
            let needed = u8::try_from(tellers.len()).ok()?;
            Some(Opening {
                proposal: ProposalId::from_bytes(proposal),
                record,
                actions: List::new(actions).ok()?,
                rule: Raw::of(&period),
                roll: Digest::from_bytes(roll),
                terms: DecisionTerms {
                    tellers: List::new(tellers.into_iter().collect::<Vec<_>>()).ok()?,
                    needed,
                    period,
                    timelock,
                },
            })
        },
    )
}

fn close() -> impl Strategy<Value = Close> {
    let outcome = prop_oneof![
        Just(Outcome::Accepted),
        Just(Outcome::Rejected),
        Just(Outcome::NoQuorum),
        Just(Outcome::Vetoed),
        Just(Outcome::Tied),
        Just(Outcome::Withdrawn),
        Just(Outcome::Expired),
    ];
    (record_id(), outcome, btree_set(record_id(), 1..5)).prop_filter_map(
        "in range",
        |(opening, outcome, shuts)| {
            Some(Close {
                opening,
                outcome,
                shuts: List::new(shuts.into_iter().collect::<Vec<_>>()).ok()?,
                tally: Raw::of(&0_u64),
            })
        },
    )
}
