//! Signed records, from the charter on, and records that do not hold together.

use icn_types::authority::{
    Act, Charter, Consent, FORMAT, Finality, Grant, Open, Raise, Seal, SealRow, Sealed, Start,
};
use icn_types::canon::{self, List, Raw};
use icn_types::chain::{Chain, Owner};
use icn_types::error::Coded as _;
use icn_types::hash;
use icn_types::id::{DomainId, RecordId};
use icn_types::key::{Inception, Keypair, PublicKey, Signature, Signer as _};
use icn_types::record::{Content, Draft, Kind, Place, Record};
use icn_types::sign::{Signed, Unverified};
use icn_types::time::Timestamp;
use icn_types::topic::{Topic, authority_chain};

use super::json::Json;
use super::shape::Item;
use super::{Case, File};

const NONCE: [u8; 32] = [9; 32];
const AT: u64 = 1_700_000_000_000;

pub(super) fn file() -> File {
    let story = Story::new();
    let mut cases = vec![story.charter.case.clone()];
    cases.extend([story.open(), story.entry(), story.seal(), story.raise()].map(|told| told.case));
    cases.push(story.bare());
    cases.extend(story.refused());
    File {
        name: "records.json",
        purpose: "signed records with header, content and id, and refused records with the reason",
        cases: cases.into_iter().map(Case::from).collect(),
    }
}

type Claims = (&'static str, Vec<(&'static str, Json)>);

impl From<Claims> for Case {
    fn from((name, claims): Claims) -> Self {
        Self::new(name, claims)
    }
}

/// A record and the case that shows it.
struct Told {
    record: Signed<Record>,
    case: Claims,
}

/// What a record is made of, before anybody signs it.
struct Plan {
    place: Place,
    kind: Kind,
    refs: Vec<RecordId>,
    cause: Option<RecordId>,
    body: Raw,
    described: Item,
}

impl Plan {
    fn content(&self) -> Content {
        Content::new(self.refs.clone(), self.cause, &self.body).unwrap()
    }

    fn signed(self, name: &'static str, pair: &Keypair) -> Told {
        let draft = Draft::new(
            self.place,
            self.kind,
            Timestamp::from_millis(AT),
            self.content(),
        );
        let record = draft.unwrap().sign(pair).unwrap();
        let item = self.item(record.signature());
        let bytes = record.to_bytes();
        assert_eq!(bytes, canon::to_bytes(&item), "{name}");
        let read: Unverified<Record> = canon::from_bytes(&bytes).unwrap();
        assert_eq!(read.verify(&pair.public_key().prepare()).unwrap(), record);
        let case = vec![
            ("value", item.describe()),
            ("hex", Json::hex(&bytes)),
            ("key", Json::hex(pair.public_key().as_bytes())),
            ("id", Json::hex(record.id().as_bytes())),
        ];
        Told {
            record,
            case: (name, case),
        }
    }

    fn item(&self, signature: &Signature) -> Item {
        let content = content_item(&self.refs, self.cause, self.described.clone());
        let bytes = canon::to_bytes(&content);
        let (topic, chain, epoch, seq, prev) = match &self.place {
            Place::Founding => (None, None, None, 0, None),
            Place::Succession {
                topic,
                chain,
                seq,
                prev,
            } => (Some(topic), Some(chain), None, *seq, Some(prev)),
            Place::Entry {
                topic,
                chain,
                epoch,
                seq,
                prev,
            } => (Some(topic), Some(chain), Some(epoch), *seq, prev.as_ref()),
        };
        let header = Item::Array(vec![
            Item::Text("icn/types/header/v1"),
            Item::option(topic.map(|id| id.as_bytes())),
            Item::option(chain.map(|id| id.as_bytes())),
            Item::option(epoch.map(|id| id.as_bytes())),
            Item::Uint(seq),
            Item::option(prev.map(|id| id.as_bytes())),
            Item::Uint(self.kind.number().into()),
            Item::Uint(AT),
            Item::bytes(&hash::sha256(&bytes)),
            Item::Uint(bytes.len().try_into().unwrap()),
        ]);
        Item::Array(vec![
            Item::Text("icn/types/record/v1"),
            header,
            Item::bytes(signature.as_bytes()),
            content,
        ])
    }
}

fn content_item(refs: &[RecordId], cause: Option<RecordId>, body: Item) -> Item {
    Item::Array(vec![
        Item::Text("icn/types/content/v1"),
        Item::Array(refs.iter().map(|id| Item::bytes(id.as_bytes())).collect()),
        Item::option(cause.as_ref().map(|id| id.as_bytes())),
        body,
    ])
}

/// One cooperative of one member, told record by record.
struct Story {
    registrar: Keypair,
    member: Keypair,
    inception: Inception,
    charter: Told,
    domain: DomainId,
}

impl Story {
    fn new() -> Self {
        let registrar = Keypair::from_seed(&[1; 32]);
        let member = Keypair::from_seed(&[2; 32]);
        let recovery = Keypair::from_seed(&[3; 32]).public_key();
        let inception = Inception {
            community: NONCE,
            key: member.public_key(),
            recovery,
        };
        let charter = charter(&registrar, recovery, &inception);
        let domain = DomainId::from_bytes(*charter.record.id().as_bytes());
        Self {
            registrar,
            member,
            inception,
            charter,
            domain,
        }
    }

    fn chain(&self) -> Chain {
        let owner = Owner::Member(self.inception.id(), 0);
        Topic::Governance(self.domain).chain(owner)
    }

    /// A place on the authority chain, in the charter's epoch.
    fn authority(&self, prev: &Record) -> Place {
        Place::Entry {
            topic: Topic::Authority(self.domain).id(),
            chain: authority_chain(self.domain),
            epoch: self.charter.record.id(),
            seq: prev.seq() + 1,
            prev: Some(prev.id()),
        }
    }

    fn open(&self) -> Told {
        let grant = Grant {
            floor: -5000,
            ceiling: 20_000,
            float: 500,
        };
        let mut open = Open {
            chain: self.chain(),
            key: self.member.public_key(),
            recovery: self.inception.recovery,
            format: FORMAT,
            start: Start::First,
            charged: 0,
            claims: None,
            grant: Some(grant),
            consent: Consent::Current(Signature::from_bytes([0; 64])),
        };
        let terms = canon::to_bytes(&open.consent_terms(self.domain));
        let signature = self.member.sign(&terms).unwrap();
        open.consent = Consent::Current(signature);
        let (kind, body) = Act::Open(open).body();
        let chain = Item::Array(vec![
            Item::Text("icn/types/chain/v1"),
            Item::bytes(self.chain().topic().as_bytes()),
            Item::Array(vec![
                Item::Uint(1),
                Item::bytes(self.inception.id().as_bytes()),
                Item::Uint(0),
            ]),
        ]);
        let described = Item::Array(vec![
            Item::Text("icn/types/open/v1"),
            chain,
            Item::bytes(self.member.public_key().as_bytes()),
            Item::bytes(self.inception.recovery.as_bytes()),
            Item::Uint(FORMAT.into()),
            Item::Null,
            Item::Uint(0),
            Item::Null,
            Item::Array(vec![Item::Int(-5000), Item::Int(20_000), Item::Uint(500)]),
            Item::Array(vec![Item::Uint(0), Item::bytes(signature.as_bytes())]),
        ]);
        Plan {
            place: self.authority(&self.charter.record),
            kind,
            refs: vec![],
            cause: None,
            body,
            described,
        }
        .signed("open of a member's chain", &self.registrar)
    }

    fn entry(&self) -> Told {
        let open = self.open().record.id();
        let body = Item::Array(vec![Item::Text("icn/example/note/v1"), Item::Uint(7)]);
        let mut refs = vec![open, self.charter.record.id()];
        refs.sort_unstable();
        Plan {
            place: Place::Entry {
                topic: self.chain().topic(),
                chain: self.chain().id(),
                epoch: open,
                seq: 0,
                prev: None,
            },
            kind: Kind::new(40_000),
            refs,
            cause: Some(RecordId::from_bytes([8; 32])),
            body: Raw::of(&body),
            described: body,
        }
        .signed("first record of a member", &self.member)
    }

    fn seal(&self) -> Told {
        let (open, entry) = (self.open().record, self.entry().record);
        let row = SealRow {
            chain: self.chain().id(),
            open: open.id(),
            sealed: Some(Sealed {
                header: entry.header().clone(),
                signature: *entry.signature(),
            }),
            finality: Finality::Final,
        };
        let (kind, body) = Act::Seal(Seal {
            rows: List::new([row]).unwrap(),
        })
        .body();
        let header = Item::Array(vec![
            Item::Text("icn/types/header/v1"),
            Item::bytes(self.chain().topic().as_bytes()),
            Item::bytes(self.chain().id().as_bytes()),
            Item::bytes(open.id().as_bytes()),
            Item::Uint(0),
            Item::Null,
            Item::Uint(40_000),
            Item::Uint(AT),
            Item::bytes(entry.header().content().as_bytes()),
            Item::Uint(entry.header().content_len().into()),
        ]);
        let row = Item::Array(vec![
            Item::bytes(self.chain().id().as_bytes()),
            Item::bytes(open.id().as_bytes()),
            Item::Array(vec![header, Item::bytes(entry.signature().as_bytes())]),
            Item::Bool(true),
        ]);
        let described = vec![Item::Text("icn/types/seal/v1"), Item::Array(vec![row])];
        Plan {
            place: self.authority(&open),
            kind,
            refs: vec![open.id()],
            cause: None,
            body,
            described: Item::Array(described),
        }
        .signed("final seal of a member's chain", &self.registrar)
    }

    fn raise(&self) -> Told {
        let (open, seal) = (self.open().record, self.seal().record);
        let (kind, body) = Act::Raise(Raise {
            open: open.id(),
            floor: -7000,
        })
        .body();
        let described = vec![
            Item::Text("icn/types/raise/v1"),
            Item::bytes(open.id().as_bytes()),
            Item::Int(-7000),
        ];
        Plan {
            place: self.authority(&seal),
            kind,
            refs: vec![open.id()],
            cause: Some(self.charter.record.id()),
            body,
            described: Item::Array(described),
        }
        .signed("raise of a grant", &self.registrar)
    }

    /// The member's record as it travels while its content is not at hand.
    fn bare(&self) -> Claims {
        let Told { record, case } = self.entry();
        let bytes = to_bare(&record.to_bytes());
        let read: Unverified<Record> = canon::from_bytes(&bytes).unwrap();
        let read = read.verify(&self.member.public_key().prepare()).unwrap();
        assert_eq!((read.id(), read.content()), (record.id(), None));
        let mut claims = case.1;
        for (field, value) in &mut claims {
            match (*field, value) {
                ("value", Json::List(items)) => items[3] = Json::Null,
                ("hex", value) => *value = Json::hex(&bytes),
                _ => {}
            }
        }
        ("first record of a member without content", claims)
    }

    /// Damage to the first record of the member, signed or not: none of this
    /// gets as far as its signature.
    fn refused(&self) -> Vec<Claims> {
        let good = self.entry().record.to_bytes();
        let at = |needle: &[u8]| {
            good.windows(needle.len())
                .position(|w| w == needle)
                .unwrap()
        };
        let changed = |at: usize, to: &[u8]| {
            let mut bytes = good.clone();
            bytes[at..at + to.len()].copy_from_slice(to);
            bytes
        };
        let kind = at(&[0x19, 0x9c, 0x40]);
        let seq = kind - 2; // one byte of seq and a null before the kind
        let [first, second] = [0, 1].map(|n| at(&[0x82, 0x58, 32]) + 1 + 34 * n);
        let mut swapped = good.clone();
        swapped[first..second + 34].rotate_left(34);
        rehash(&mut swapped);
        let long = |len: &[u8]| {
            let mut bytes = to_bare(&good);
            let at = bytes.len() - 1 - 66 - 2; // null, signature, length
            bytes.splice(at..at + 2, len.iter().copied());
            bytes
        };
        vec![
            refused(
                "content changed",
                &changed(good.len() - 1, &[6]),
                "record.content",
            ),
            refused("record cut off", &good[..good.len() - 1], "canon.truncated"),
            refused(
                "record and more",
                &[&good[..], &[0]].concat(),
                "canon.trailing",
            ),
            refused("record of another version", &changed(20, b"2"), "canon.tag"),
            refused(
                "second record without predecessor",
                &changed(seq, &[1]),
                "header.place",
            ),
            refused(
                "content announced too long",
                &long(&[0x1a, 0, 2, 0, 1]),
                "canon.limit",
            ),
            refused("chain without topic", &without_topic(&good), "header.place"),
            refused("charter with a place", &self.with_kind(0), "header.place"),
            refused("recall with an epoch", &self.with_kind(4), "header.place"),
            refused("refs out of order", &swapped, "content.refs"),
        ]
    }

    /// The member's record under a small kind number, which takes one byte.
    fn with_kind(&self, kind: u8) -> Vec<u8> {
        let mut bytes = self.entry().record.to_bytes();
        let needle = [0x19, 0x9c, 0x40];
        let at = bytes.windows(3).position(|w| w == needle).unwrap();
        bytes.splice(at..at + 3, [kind]);
        bytes
    }
}

/// The same record without its content.
fn to_bare(record: &[u8]) -> Vec<u8> {
    let tag = b"icn/types/content/v1";
    let content = record.windows(tag.len()).position(|w| w == tag).unwrap() - 2;
    [&record[..content], &[0xf6]].concat()
}

/// The same record with null for its topic.
fn without_topic(record: &[u8]) -> Vec<u8> {
    let tag = b"icn/types/header/v1";
    let topic = record.windows(tag.len()).position(|w| w == tag).unwrap() + tag.len();
    [&record[..topic], &[0xf6], &record[topic + 34..]].concat()
}

/// Makes the header name the content again.
fn rehash(record: &mut [u8]) {
    let tag = b"icn/types/content/v1";
    let start = record.windows(tag.len()).position(|w| w == tag).unwrap() - 2;
    let hash = hash::sha256(&record[start..]);
    let len = u8::try_from(record.len() - start).unwrap();
    let needle = [0x18, len, 0x58, 64]; // content length, then the signature
    let end = record.windows(4).position(|w| w == needle).unwrap();
    record[end - 32..end].copy_from_slice(&hash);
}

fn charter(registrar: &Keypair, recovery: PublicKey, inception: &Inception) -> Told {
    let rules = Item::Array(vec![Item::Text("icn/example/rules/v1")]);
    let charter = Charter {
        nonce: NONCE,
        format: FORMAT,
        registrar: registrar.public_key(),
        recovery: List::new([recovery]).unwrap(),
        roll: List::new([inception.clone()]).unwrap(),
        seal_interval: 86_400_000,
        rules: Raw::of(&rules),
    };
    let member = Item::Array(vec![
        Item::Text("icn/types/inception/v1"),
        Item::bytes(&NONCE),
        Item::bytes(inception.key.as_bytes()),
        Item::bytes(inception.recovery.as_bytes()),
    ]);
    let described = vec![
        Item::Text("icn/types/charter/v1"),
        Item::bytes(&NONCE),
        Item::Uint(FORMAT.into()),
        Item::bytes(registrar.public_key().as_bytes()),
        Item::Array(vec![Item::bytes(recovery.as_bytes())]),
        Item::Array(vec![member]),
        Item::Uint(86_400_000),
        rules,
    ];
    let (kind, body) = Act::Charter(charter).body();
    Plan {
        place: Place::Founding,
        kind,
        refs: vec![],
        cause: None,
        body,
        described: Item::Array(described),
    }
    .signed("charter", registrar)
}

fn refused(name: &'static str, bytes: &[u8], code: &'static str) -> Claims {
    let Err(error) = canon::from_bytes::<Unverified<Record>>(bytes) else {
        panic!("{name} is accepted");
    };
    assert_eq!(error.code(), code, "{name}");
    let claims = vec![
        ("as", Json::text("record")),
        ("hex", Json::hex(bytes)),
        ("code", Json::text(code)),
    ];
    (name, claims)
}
