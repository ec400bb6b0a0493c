//! Definitions and the names that follow from them.

use icn_types::authority::{ProposalId, envelope_key, operation_key};
use icn_types::canon::{self, Decode, Encode};
use icn_types::chain::{Chain, Owner};
use icn_types::hash;
use icn_types::id::{DomainId, OperationKey, UnitId};
use icn_types::key::{Inception, Keypair, MemberId, PeerId, PublicKey, Signer as _};
use icn_types::topic::Topic;

use super::json::Json;
use super::shape::Item;
use super::{Case, File};

pub(super) fn file() -> File {
    let mut cases = members();
    cases.extend(topics());
    cases.extend(chains());
    cases.extend(operations());
    File {
        name: "ids.json",
        purpose: "definitions in canonical bytes and their names: the SHA-256 of these bytes",
        cases,
    }
}

fn key_of(seed: u8) -> PublicKey {
    Keypair::from_seed(&[seed; 32]).public_key()
}

fn named<T>(name: &str, value: &T, id: &[u8; 32], item: &Item) -> Case
where
    T: Encode + Decode + PartialEq + core::fmt::Debug,
{
    let bytes = canon::to_bytes(value);
    assert_eq!(bytes, canon::to_bytes(item), "{name}");
    assert_eq!(&canon::from_bytes::<T>(&bytes).unwrap(), value, "{name}");
    assert_eq!(&hash::sha256(&bytes), id, "{name}");
    Case::new(
        name,
        vec![
            ("value", item.describe()),
            ("hex", Json::hex(&bytes)),
            ("id", Json::hex(id)),
        ],
    )
}

fn members() -> Vec<Case> {
    let member = |name, community: [u8; 32], key: u8, recovery: u8| {
        let inception = Inception {
            community,
            key: key_of(key),
            recovery: key_of(recovery),
        };
        let id: MemberId = inception.id();
        let item = Item::Array(vec![
            Item::Text("icn/types/inception/v1"),
            Item::bytes(&community),
            Item::bytes(key_of(key).as_bytes()),
            Item::bytes(key_of(recovery).as_bytes()),
        ]);
        let mut case = named(name, &inception, id.as_bytes(), &item);
        case.claims.push(("text", Json::text(id)));
        case
    };
    vec![
        member("inception", [9; 32], 1, 2),
        member("inception in another community", [8; 32], 1, 2),
        member("inception with the keys swapped", [9; 32], 2, 1),
    ]
}

fn topics() -> Vec<Case> {
    let domain = DomainId::from_bytes([3; 32]);
    let unit = UnitId::from_bytes([4; 32]);
    let node = PeerId::new(key_of(5));
    let topic = |name, topic: Topic, kind, subject| {
        let item = Item::Array(vec![
            Item::Text("icn/types/topic/v1"),
            Item::Uint(kind),
            Item::bytes(domain.as_bytes()),
            Item::option(subject),
        ]);
        named(name, &topic, topic.id().as_bytes(), &item)
    };
    vec![
        topic("authority topic", Topic::Authority(domain), 0, None),
        topic("governance topic", Topic::Governance(domain), 1, None),
        topic(
            "ledger topic",
            Topic::Ledger(domain, unit),
            2,
            Some(&[4; 32]),
        ),
        topic(
            "audit topic",
            Topic::Audit(domain, node),
            4,
            Some(key_of(5).as_bytes()),
        ),
    ]
}

fn chains() -> Vec<Case> {
    let topic = Topic::Governance(DomainId::from_bytes([3; 32])).id();
    let member = MemberId::from_bytes([6; 32]);
    let chain = |name, owner, described| {
        let chain = Chain::new(topic, owner);
        let item = Item::Array(vec![
            Item::Text("icn/types/chain/v1"),
            Item::bytes(topic.as_bytes()),
            Item::Array(described),
        ]);
        named(name, &chain, chain.id().as_bytes(), &item)
    };
    let number = |kind| vec![Item::Uint(kind), Item::Uint(7)];
    vec![
        chain(
            "chain of the registrar",
            Owner::Registrar,
            vec![Item::Uint(0)],
        ),
        chain(
            "chain of a member on its second device",
            Owner::Member(member, 1),
            vec![Item::Uint(1), Item::bytes(&[6; 32]), Item::Uint(1)],
        ),
        chain("chain of a shared account", Owner::Shared(7), number(2)),
        chain("chain of a teller", Owner::Teller(7), number(3)),
        chain(
            "chain of a node",
            Owner::Node(PeerId::new(key_of(5))),
            vec![Item::Uint(4), Item::bytes(key_of(5).as_bytes())],
        ),
    ]
}

/// The definition of an operation key has no type in public; its bytes are
/// told here and hashed.
fn operations() -> Vec<Case> {
    let (domain, proposal) = ([3; 32], [7; 32]);
    let key = |name: String, tag, numbers: &[u16], key: OperationKey| {
        let mut items = vec![
            Item::Text(tag),
            Item::bytes(&domain),
            Item::bytes(&proposal),
        ];
        items.extend(numbers.iter().map(|&number| Item::Uint(number.into())));
        let item = Item::Array(items);
        let bytes = canon::to_bytes(&item);
        assert_eq!(&hash::sha256(&bytes), key.as_bytes());
        Case::new(
            name,
            vec![
                ("value", item.describe()),
                ("hex", Json::hex(&bytes)),
                ("id", Json::hex(key.as_bytes())),
            ],
        )
    };
    let named = (
        DomainId::from_bytes(domain),
        ProposalId::from_bytes(proposal),
    );
    let actions = [0, 1].map(|action| {
        key(
            format!("operation key of action {action}"),
            "icn/types/action-key/v1",
            &[action],
            operation_key(named.0, named.1, action),
        )
    });
    let payments = [0, 1].map(|number| {
        key(
            format!("operation key of payment {number} out of an envelope"),
            "icn/types/envelope-key/v1",
            &[2, number],
            envelope_key(named.0, named.1, 2, number.into()),
        )
    });
    actions.into_iter().chain(payments).collect()
}
