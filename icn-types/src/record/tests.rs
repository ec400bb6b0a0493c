use alloc::vec::Vec;

use proptest::prelude::*;

use super::*;
use crate::authority::Act;
use crate::canon::{DEPTH_MAX, from_bytes, to_bytes};
use crate::id::DomainId;
use crate::key::{Keypair, PublicKey, SignError, Signer};
use crate::sign::Signed;
use crate::testkit::arb::records as arb;
use crate::topic::{Topic, authority_chain};

const NOTE: Kind = Kind::new(67);

fn key() -> Keypair {
    Keypair::from_seed(&[1; 32])
}

fn entry(seq: u64, prev: Option<RecordId>) -> Place {
    Place::Entry {
        topic: TopicId::from_bytes([1; 32]),
        chain: ChainId::from_bytes([2; 32]),
        epoch: RecordId::from_bytes([3; 32]),
        seq,
        prev,
    }
}

fn content(number: u64) -> Content {
    Content::new(Vec::new(), None, &number).unwrap()
}

fn draft(number: u64) -> Draft {
    Draft::new(entry(0, None), NOTE, Timestamp::default(), content(number)).unwrap()
}

fn record(number: u64) -> Signed<Record> {
    draft(number).sign(&key()).unwrap()
}

/// Header, signature and content of different origin, as they would travel.
fn spliced(header: &Header, signature: &Signature, content: Option<&Content>) -> Vec<u8> {
    let mut w = Writer::new();
    w.array(4);
    w.text(Record::TAG);
    header.encode(&mut w);
    signature.encode(&mut w);
    match content {
        Some(content) => content.encode(&mut w),
        None => w.null(),
    }
    w.into_bytes()
}

fn reason(bytes: &[u8]) -> Reason {
    from_bytes::<Unverified<Record>>(bytes)
        .unwrap_err()
        .reason()
}

#[test]
fn the_id_is_the_hash_of_the_header_and_of_nothing_else() {
    let record = record(1);
    let header = to_bytes(record.header());
    assert_eq!(record.id().as_bytes(), &hash::sha256(&header));
    assert_eq!(record.signing_bytes(), header);
    let bare = Record::bare(record.header().clone(), Signature::from_bytes([9; 64]));
    assert_eq!(bare.claim().id(), record.id());
}

#[test]
fn a_charter_lies_in_the_topic_that_it_founds() {
    let draft = Draft::new(
        Place::Founding,
        Kind::CHARTER,
        Timestamp::default(),
        content(1),
    );
    let record = draft.unwrap().sign(&key()).unwrap();
    let domain = DomainId::from_bytes(*record.id().as_bytes());
    assert_eq!(record.topic(), Topic::Authority(domain).id());
    assert_eq!(record.chain(), authority_chain(domain));
    assert_eq!(
        (record.seq(), record.prev(), record.epoch()),
        (0, None, None)
    );
}

#[test]
fn content_of_another_record_is_refused() {
    let (one, other) = (record(1), record(2));
    let bytes = spliced(one.header(), one.signature(), other.content());
    assert_eq!(reason(&bytes), Reason::Value("record.content"));
    let longer = record(u64::MAX);
    let bytes = spliced(one.header(), one.signature(), longer.content());
    assert_eq!(reason(&bytes), Reason::Value("record.content"));
    assert!(!one.header().names(b""));
}

#[test]
fn a_length_that_does_not_fit_the_hash_is_refused() {
    let one = record(1);
    let header = to_bytes(one.header());
    let len = one.header().content_len();
    let (last, rest) = header.split_last().unwrap();
    let mut wrong = rest.to_vec();
    // 24..256 takes two bytes, so this length is spelled as one more.
    assert_eq!(u32::from(*last), len);
    wrong.push(last + 1);
    let header: Header = from_bytes(&wrong).unwrap();
    assert_eq!(header.content(), one.header().content());
    let bytes = spliced(&header, one.signature(), one.content());
    assert_eq!(reason(&bytes), Reason::Value("record.content"));
}

#[test]
fn a_header_stands_in_one_of_three_places() {
    let id = |present: bool| present.then(|| RecordId::from_bytes([7; 32]));
    let mut accepted = 0;
    for bits in 0..16_u8 {
        let [topic, chain, epoch, prev] = [1, 2, 4, 8].map(|bit| bits & bit > 0);
        for (seq, kind) in [0, 1]
            .into_iter()
            .flat_map(|seq| [Kind::CHARTER, Kind::RECALL, Kind::OPEN, NOTE].map(|kind| (seq, kind)))
        {
            let mut w = Writer::new();
            w.array(10);
            w.text(Header::TAG);
            id(topic).encode(&mut w);
            id(chain).encode(&mut w);
            id(epoch).encode(&mut w);
            w.uint(seq);
            id(prev).encode(&mut w);
            kind.encode(&mut w);
            w.uint(0);
            id(true).encode(&mut w);
            w.uint(10);
            let bytes = w.into_bytes();
            let expected = match (topic, chain, epoch, prev, seq) {
                (false, false, false, false, 0) => kind == Kind::CHARTER,
                (true, true, false, true, 1) => kind == Kind::RECALL,
                (true, true, true, false, 0) | (true, true, true, true, 1) => {
                    kind == Kind::OPEN || kind == NOTE
                }
                _ => false,
            };
            match from_bytes::<Header>(&bytes) {
                Ok(header) => {
                    assert!(expected, "{bits} {seq} {kind:?}");
                    assert_eq!(to_bytes(&header), bytes);
                    accepted += 1;
                }
                Err(error) => {
                    assert!(!expected, "{bits} {seq} {kind:?}");
                    assert_eq!(error.reason(), Reason::Value("header.place"));
                }
            }
        }
    }
    assert_eq!(accepted, 6);
}

#[test]
fn next_place_is_under_the_key_that_the_record_was_written_with_or_sets() {
    let header = |place, kind| Header::new(place, kind, Timestamp::default(), b"").unwrap();
    let founding = header(Place::Founding, Kind::CHARTER);
    let domain = DomainId::from_bytes(*founding.id().as_bytes());
    let (topic, chain) = (Topic::Authority(domain).id(), authority_chain(domain));
    let after = |prev: &Header, epoch, seq| Place::Entry {
        topic,
        chain,
        epoch,
        seq,
        prev: Some(prev.id()),
    };
    let first = founding.next_place().unwrap();
    assert_eq!(first, after(&founding, founding.id(), 1));
    let seal = header(first, Kind::SEAL);
    let second = seal.next_place().unwrap();
    assert_eq!(second, after(&seal, founding.id(), 2));
    let succession = Place::Succession {
        topic,
        chain,
        seq: 2,
        prev: seal.id(),
    };
    let recall = header(succession, Kind::RECALL);
    assert_eq!(recall.next_place(), Some(after(&recall, recall.id(), 3)));
    let last = header(after(&seal, founding.id(), u64::MAX), Kind::SEAL);
    assert_eq!(last.next_place(), None);
}

#[test]
fn kinds_that_contradict_the_place_make_no_draft() {
    let make = |place, kind| Draft::new(place, kind, Timestamp::default(), content(1));
    let prev = RecordId::from_bytes([4; 32]);
    assert!(make(Place::Founding, NOTE).is_none());
    assert!(make(entry(0, None), Kind::CHARTER).is_none());
    assert!(make(entry(0, None), Kind::RECALL).is_none());
    assert!(make(entry(0, Some(prev)), NOTE).is_none());
    assert!(make(entry(1, None), NOTE).is_none());
    assert!(make(entry(1, Some(prev)), NOTE).is_some());
}

#[test]
fn contents_have_a_longest_length() {
    let make = |len: usize| {
        Header::new(
            entry(0, None),
            NOTE,
            Timestamp::default(),
            &alloc::vec![0; len],
        )
    };
    let longest = make(CONTENT_LEN_MAX).unwrap();
    assert!(make(CONTENT_LEN_MAX + 1).is_none());
    let mut bytes = to_bytes(&longest);
    *bytes.last_mut().unwrap() += 1;
    assert_eq!(
        from_bytes::<Header>(&bytes).unwrap_err().reason(),
        Reason::Limit
    );
}

#[test]
fn refs_have_one_spelling() {
    let [one, two] = [1, 2].map(|byte| RecordId::from_bytes([byte; 32]));
    let content = Content::new(Vec::from([two, one, two]), None, &1_u64).unwrap();
    assert_eq!(content.refs(), [one, two]);
    for refs in [[two, one], [one, one]] {
        let mut w = Writer::new();
        w.array(4);
        w.text(Content::TAG);
        w.array(2);
        refs.iter().for_each(|id| id.encode(&mut w));
        w.null();
        w.uint(1);
        let error = from_bytes::<Content>(&w.into_bytes()).unwrap_err();
        assert_eq!(error.reason(), Reason::Value("content.refs"));
    }
}

#[test]
fn a_record_names_at_most_512_others() {
    let ids = |count: u16| {
        (0..count)
            .map(|number| {
                let mut bytes = [0; 32];
                bytes[..2].copy_from_slice(&number.to_be_bytes());
                RecordId::from_bytes(bytes)
            })
            .collect::<Vec<_>>()
    };
    assert!(Content::new(ids(512), None, &1_u64).is_some());
    assert!(Content::new(ids(513), None, &1_u64).is_none());
}

#[test]
fn an_attachment_is_named_under_its_salt() {
    let (salt, other) = ([1; 32], [2; 32]);
    let attachment = Attachment::new(&salt, b"for the roof").unwrap();
    assert!(attachment.names(&salt, b"for the roof"));
    assert!(!attachment.names(&other, b"for the roof"));
    assert!(!attachment.names(&salt, b"for the door"));
    assert_ne!(
        attachment.hash(),
        Attachment::new(&other, b"for the roof").unwrap().hash()
    );
    assert_eq!((attachment.len(), attachment.is_empty()), (12, false));
    assert!(Attachment::new(&salt, b"").unwrap().is_empty());
    assert_eq!(from_bytes(&to_bytes(&attachment)), Ok(attachment));
}

/// Zero in so many arrays.
struct Nested(usize);

impl Encode for Nested {
    fn encode(&self, w: &mut Writer) {
        (0..self.0).for_each(|_| w.array(1));
        w.uint(0);
    }
}

#[test]
fn the_array_of_a_content_counts_in_how_deep_its_body_nests() {
    for (depth, fits) in [(DEPTH_MAX - 1, true), (DEPTH_MAX, false)] {
        let content = Content::new(Vec::new(), None, &Nested(depth)).unwrap();
        let (place, at) = (entry(0, None), Timestamp::default());
        let header = Header::new(place, NOTE, at, &to_bytes(&content)).unwrap();
        let bytes = spliced(&header, record(1).signature(), Some(&content));
        let read = from_bytes::<Unverified<Record>>(&bytes);
        let expected = if fits { Ok(()) } else { Err(Reason::Depth) };
        assert_eq!(read.map(drop).map_err(|error| error.reason()), expected);
        assert_eq!(Draft::new(place, NOTE, at, content).is_some(), fits);
    }
}

/// Signs with one key and claims another, or cannot sign.
struct Broken(Option<Keypair>);

impl Signer for Broken {
    fn public_key(&self) -> PublicKey {
        key().public_key()
    }

    fn sign(&self, message: &[u8]) -> Result<Signature, SignError> {
        let other = self.0.as_ref().ok_or(SignError::Unavailable)?;
        other.sign(message)
    }
}

#[test]
fn a_broken_key_store_puts_no_bad_record_on_its_chain() {
    let other = Keypair::from_seed(&[2; 32]);
    assert_eq!(draft(1).sign(&Broken(Some(other))), Err(SignError::Refused));
    assert_eq!(draft(1).sign(&Broken(None)), Err(SignError::Unavailable));
    assert!(draft(1).sign(&Broken(Some(key()))).is_ok());
}

#[test]
fn a_signature_made_elsewhere_is_checked() {
    let signature = key().sign(&draft(1).signing_bytes()).unwrap();
    let verifying = key().public_key().prepare();
    let record = draft(1).with_signature(&verifying, signature).unwrap();
    assert_eq!(record, self::record(1));
    assert!(draft(2).with_signature(&verifying, signature).is_err());
}

#[test]
fn only_the_check_of_its_signature_makes_a_record_signed() {
    let record = record(1);
    let other = Keypair::from_seed(&[2; 32]).public_key().prepare();
    let read = || from_bytes::<Unverified<Record>>(&record.to_bytes()).unwrap();
    assert!(read().verify(&other).is_err());
    let checked = read().verify(&key().public_key().prepare()).unwrap();
    assert_eq!(checked, record);
    assert_eq!(checked.key(), key().public_key());
}

fn read_is_canonical(bytes: &[u8]) -> Result<(), TestCaseError> {
    if let Ok(read) = from_bytes::<Unverified<Record>>(bytes) {
        let record = read.claim();
        prop_assert_eq!(record.to_bytes(), bytes);
        prop_assert_eq!(record.id(), record.header().id());
        if let Some(content) = record.content() {
            prop_assert!(record.header().names(&to_bytes(content)));
        }
    }
    if let Ok(header) = from_bytes::<Header>(bytes) {
        prop_assert_eq!(to_bytes(&header), bytes);
    }
    if let Ok(content) = from_bytes::<Content>(bytes) {
        prop_assert_eq!(to_bytes(&content), bytes);
    }
    Ok(())
}

/// One change to valid bytes.
#[derive(Debug, Clone)]
enum Damage {
    Flip(prop::sample::Index, u8),
    Cut(prop::sample::Index),
    Append(Vec<u8>),
    Remove(prop::sample::Index, usize),
    Repeat(prop::sample::Index, usize),
}

fn damage() -> impl Strategy<Value = Damage> {
    prop_oneof![
        4 => (any::<prop::sample::Index>(), 0..8_u8).prop_map(|(at, bit)| Damage::Flip(at, bit)),
        1 => any::<prop::sample::Index>().prop_map(Damage::Cut),
        1 => prop::collection::vec(any::<u8>(), 1..9).prop_map(Damage::Append),
        1 => (any::<prop::sample::Index>(), 1..40_usize).prop_map(|(at, n)| Damage::Remove(at, n)),
        1 => (any::<prop::sample::Index>(), 1..40_usize).prop_map(|(at, n)| Damage::Repeat(at, n)),
    ]
}

fn damaged(mut bytes: Vec<u8>, damage: &[Damage]) -> Vec<u8> {
    for damage in damage {
        if bytes.is_empty() {
            return bytes;
        }
        let len = bytes.len();
        match damage {
            Damage::Flip(at, bit) => bytes[at.index(len)] ^= 1 << bit,
            Damage::Cut(at) => bytes.truncate(at.index(len)),
            Damage::Append(more) => bytes.extend(more),
            Damage::Remove(at, count) => {
                let from = at.index(len);
                bytes.drain(from..len.min(from + count));
            }
            Damage::Repeat(at, count) => {
                let from = at.index(len);
                let again = bytes[from..len.min(from + count)].to_vec();
                bytes.extend(again);
            }
        }
    }
    bytes
}

proptest! {
    #[test]
    fn a_record_reads_back_as_it_was_written(record in arb::record()) {
        let bytes = record.to_bytes();
        let read: Unverified<Record> = from_bytes(&bytes).unwrap();
        prop_assert_eq!(read.claim(), &*record);
        prop_assert_eq!(read.claim().to_bytes(), bytes);
        let bare = Record::bare(record.header().clone(), *record.signature());
        let bytes = bare.claim().to_bytes();
        let read: Unverified<Record> = from_bytes(&bytes).unwrap();
        prop_assert_eq!(read.claim().id(), record.id());
        prop_assert_eq!(read.claim().content(), None);
        prop_assert_eq!(read.claim().topic(), record.topic());
    }

    #[test]
    fn a_body_reads_back_as_it_was_written(act in arb::act()) {
        let (kind, body) = act.body();
        let content = Content::new(Vec::new(), None, &body).unwrap();
        let content: Content = from_bytes(&to_bytes(&content)).unwrap();
        prop_assert_eq!(Act::read(kind, &content), Ok(Some(act)));
    }

    #[test]
    fn a_body_of_one_kind_is_none_of_another(act in arb::act(), number in 0..11_u16) {
        let (kind, body) = act.body();
        let content = Content::new(Vec::new(), None, &body).unwrap();
        let other = Kind::new(number);
        prop_assert_eq!(Act::read(other, &content).is_ok(), other == kind);
        prop_assert_eq!(Act::read(Kind::new(number + 11), &content), Ok(None));
    }

    #[test]
    fn the_place_reads_back_and_its_kind_is_the_only_one_that_fits(
        (place, kind) in arb::place(),
        at: u64,
    ) {
        let header = Header::new(place, kind, Timestamp::from_millis(at), b"").unwrap();
        let read: Header = from_bytes(&to_bytes(&header)).unwrap();
        prop_assert_eq!(*read.place(), place);
        prop_assert_eq!(read, header);
    }

    #[test]
    fn arbitrary_bytes_never_read_as_anything_but_themselves(bytes: Vec<u8>) {
        read_is_canonical(&bytes)?;
    }

    #[test]
    fn damaged_records_never_read_as_anything_but_themselves(
        record in arb::record(),
        damage in prop::collection::vec(damage(), 1..4),
    ) {
        let bytes = record.to_bytes();
        let damaged = damaged(bytes.clone(), &damage);
        read_is_canonical(&damaged)?;
        // Whatever still reads is another record, or one that the key signed.
        if damaged != bytes
            && let Ok(read) = from_bytes::<Unverified<Record>>(&damaged)
        {
            let signed = read.clone().verify(&record.key().prepare()).is_ok();
            let same = read.claim().header() == record.header();
            prop_assert!(!signed || same);
        }
    }

    #[test]
    fn damaged_headers_and_contents_never_read_as_anything_but_themselves(
        record in arb::record(),
        damage in damage(),
    ) {
        read_is_canonical(&damaged(to_bytes(record.header()), core::slice::from_ref(&damage)))?;
        let content = record.content().unwrap();
        read_is_canonical(&damaged(to_bytes(content), &[damage]))?;
    }

    #[test]
    fn parts_of_two_records_make_no_third(one in arb::record(), other in arb::record()) {
        let bytes = spliced(one.header(), other.signature(), one.content());
        let read: Unverified<Record> = from_bytes(&bytes).unwrap();
        prop_assert!(read.verify(&other.key().prepare()).is_err());
        if one.content() != other.content() {
            let bytes = spliced(one.header(), one.signature(), other.content());
            prop_assert_eq!(reason(&bytes), Reason::Value("record.content"));
        }
    }
}
