use alloc::string::{String, ToString as _};
use alloc::vec;
use alloc::vec::Vec;

use proptest::prelude::*;

use super::{
    DEPTH_MAX, Decode, DecodeError, Encode, LEN_MAX, List, Raw, Reader, Reason, Tagged, Writer,
    from_bytes, to_bytes,
};
use crate::error::{Coded, Fault};
use crate::id::{Digest, OperationKey};
use crate::key::{Inception, Keypair, MemberId, Signature, Signer as _};
use crate::time::Timestamp;

/// One of everything that the format has.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Everything {
    tiny: u8,
    short: u16,
    middle: u32,
    long: u64,
    signed: i64,
    flag: bool,
    name: [u8; 4],
    perhaps: Option<u64>,
    list: List<Small, 0, 5>,
    rest: Raw,
}
canonical!(Everything = "icn/types/everything/v1" {
    tiny, short, middle, long, signed, flag, name, perhaps, list, rest,
});

#[derive(Clone, Debug, PartialEq, Eq)]
struct Small {
    left: i64,
    right: Option<[u8; 2]>,
}
canonical!(Small { left, right });

/// An even number, to have a rule of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Even {
    number: u64,
}
canonical!(Even = "icn/types/even/v1" { number } where check);

impl Even {
    fn check(self) -> Result<Self, Reason> {
        if self.number.is_multiple_of(2) {
            Ok(self)
        } else {
            Err(Reason::Value("even.odd"))
        }
    }
}

/// Any canonical item as a tree: the second opinion on what an item is.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Node {
    Uint(u64),
    Int(i64),
    Bytes(Vec<u8>),
    Text(String),
    Array(Vec<Self>),
    Bool(bool),
    Null,
}

impl Encode for Node {
    fn encode(&self, w: &mut Writer) {
        match self {
            Self::Uint(value) => w.uint(*value),
            Self::Int(value) => w.int(*value),
            Self::Bytes(value) => w.bytes(value),
            Self::Text(value) => w.text(value),
            Self::Array(items) => {
                w.array(items.len());
                items.iter().for_each(|item| item.encode(w));
            }
            Self::Bool(value) => w.bool(*value),
            Self::Null => w.null(),
        }
    }
}

impl Decode for Node {
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Self::within(r, DEPTH_MAX)
    }
}

impl Node {
    /// Asks for each type in turn; only the first that is there may fail in
    /// another way than by its type.
    fn within(r: &mut Reader<'_>, depth: usize) -> Result<Self, DecodeError> {
        if r.null()? {
            return Ok(Self::Null);
        }
        if let Some(value) = tried(r, Reader::bool)? {
            return Ok(Self::Bool(value));
        }
        if let Some(value) = tried(r, Reader::uint)? {
            return Ok(Self::Uint(value));
        }
        if let Some(value) = tried(r, Reader::int)? {
            return Ok(Self::Int(value));
        }
        if let Some(value) = tried(r, Reader::bytes)? {
            return Ok(Self::Bytes(value.to_vec()));
        }
        if let Some(value) = tried(r, Reader::text)? {
            return Ok(Self::Text(value.into()));
        }
        let too_deep = r.error(Reason::Depth);
        let len = r.array()?;
        let depth = depth.checked_sub(1).ok_or(too_deep)?;
        (0..len)
            .map(|_| Self::within(r, depth))
            .collect::<Result<_, _>>()
            .map(Self::Array)
    }
}

/// What `read` finds here, or `None` when an item of another type is here.
fn tried<'a, T>(
    r: &mut Reader<'a>,
    read: fn(&mut Reader<'a>) -> Result<T, DecodeError>,
) -> Result<Option<T>, DecodeError> {
    let mut ahead = r.clone();
    match read(&mut ahead) {
        Ok(value) => {
            *r = ahead;
            Ok(Some(value))
        }
        Err(error) if error.reason() == Reason::Type => Ok(None),
        Err(error) => Err(error),
    }
}

// Strategies

fn node(depth: u32) -> impl Strategy<Value = Node> {
    let leaf = prop_oneof![
        number().prop_map(Node::Uint),
        (i64::MIN..0).prop_map(Node::Int),
        (-300_i64..0).prop_map(Node::Int),
        prop::collection::vec(any::<u8>(), 0..40).prop_map(Node::Bytes),
        ".{0,12}".prop_map(Node::Text),
        any::<bool>().prop_map(Node::Bool),
        Just(Node::Null),
    ];
    leaf.prop_recursive(depth, 40, 5, |inner| {
        prop::collection::vec(inner, 0..5).prop_map(Node::Array)
    })
}

/// Numbers of every head length, edges included.
fn number() -> impl Strategy<Value = u64> {
    (any::<u64>(), 0_u32..64).prop_map(|(value, shift)| value >> shift)
}

prop_compose! {
    fn everything()(
        tiny: u8,
        short: u16,
        middle: u32,
        long in number(),
        signed: i64,
        flag: bool,
        name: [u8; 4],
        perhaps in prop::option::of(number()),
        list in prop::collection::vec(small(), 0..=5),
        rest in node(7),
    ) -> Everything {
        Everything {
            tiny, short, middle, long, signed, flag, name, perhaps,
            list: List::new(list).unwrap(),
            rest: Raw::of(&rest),
        }
    }
}

prop_compose! {
    fn small()(left: i64, right: Option<[u8; 2]>) -> Small {
        Small { left, right }
    }
}

#[derive(Clone, Debug)]
enum Damage {
    Flip(prop::sample::Index, u8),
    Set(prop::sample::Index, u8),
    Insert(prop::sample::Index, u8),
    Remove(prop::sample::Index),
    Cut(prop::sample::Index),
}

fn damage() -> impl Strategy<Value = Damage> {
    let at = any::<prop::sample::Index>;
    prop_oneof![
        4 => (at(), 0_u8..8).prop_map(|(at, bit)| Damage::Flip(at, 1 << bit)),
        2 => (at(), any::<u8>()).prop_map(|(at, byte)| Damage::Set(at, byte)),
        2 => (at(), any::<u8>()).prop_map(|(at, byte)| Damage::Insert(at, byte)),
        1 => at().prop_map(Damage::Remove),
        1 => at().prop_map(Damage::Cut),
    ]
}

fn damaged(mut bytes: Vec<u8>, damages: &[Damage]) -> Vec<u8> {
    for damage in damages {
        if bytes.is_empty() {
            break;
        }
        let len = bytes.len();
        match damage {
            Damage::Flip(at, mask) => bytes[at.index(len)] ^= mask,
            Damage::Set(at, byte) => bytes[at.index(len)] = *byte,
            Damage::Insert(at, byte) => bytes.insert(at.index(len + 1), *byte),
            Damage::Remove(at) => drop(bytes.remove(at.index(len))),
            Damage::Cut(at) => bytes.truncate(at.index(len)),
        }
    }
    bytes
}

// Laws

/// What is accepted as a `T` is written again byte by byte.
fn one_spelling<T: Encode + Decode>(bytes: &[u8]) -> Result<(), TestCaseError> {
    if let Ok(value) = from_bytes::<T>(bytes) {
        prop_assert_eq!(to_bytes(&value), bytes);
    }
    Ok(())
}

fn one_spelling_in_every_type(bytes: &[u8]) -> Result<(), TestCaseError> {
    one_spelling::<u8>(bytes)?;
    one_spelling::<u16>(bytes)?;
    one_spelling::<u32>(bytes)?;
    one_spelling::<u64>(bytes)?;
    one_spelling::<i64>(bytes)?;
    one_spelling::<bool>(bytes)?;
    one_spelling::<[u8; 2]>(bytes)?;
    one_spelling::<Option<i64>>(bytes)?;
    one_spelling::<List<u64, 1, 3>>(bytes)?;
    one_spelling::<Small>(bytes)?;
    one_spelling::<Even>(bytes)?;
    one_spelling::<Everything>(bytes)?;
    one_spelling::<Node>(bytes)?;
    one_spelling::<Raw>(bytes)
}

/// The walk without recursion and the typed calls answer the same.
fn raw_agrees_with_typed_reading(bytes: &[u8]) -> Result<(), TestCaseError> {
    let raw = from_bytes::<Raw>(bytes);
    let tree = from_bytes::<Node>(bytes);
    prop_assert_eq!(raw.as_ref().err(), tree.as_ref().err());
    if let (Ok(raw), Ok(tree)) = (raw, tree) {
        prop_assert_eq!(Raw::of(&tree), raw);
    }
    Ok(())
}

fn round_trip<T>(value: &T) -> Result<(), TestCaseError>
where
    T: Encode + Decode + PartialEq + core::fmt::Debug,
{
    prop_assert_eq!(&from_bytes::<T>(&to_bytes(value))?, value);
    prop_assert_eq!(&Raw::of(value).read::<T>()?, value);
    prop_assert!(from_bytes::<Raw>(&to_bytes(value)).is_ok());
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn every_plain_value_reads_back(
        tiny: u8, short: u16, middle: u32, long in number(), signed: i64, flag: bool,
        none: [u8; 0], name: [u8; 32], perhaps: Option<i64>,
        list in prop::collection::vec(number(), 1..=4),
    ) {
        round_trip(&tiny)?;
        round_trip(&short)?;
        round_trip(&middle)?;
        round_trip(&long)?;
        round_trip(&signed)?;
        round_trip(&flag)?;
        round_trip(&none)?;
        round_trip(&name)?;
        round_trip(&perhaps)?;
        round_trip(&Timestamp::from_millis(long))?;
        round_trip(&Digest::from_bytes(name))?;
        round_trip(&OperationKey::from_bytes(name))?;
        round_trip(&MemberId::from_bytes(name))?;
        round_trip(&List::<_, 1, 4>::new(list).unwrap())?;
    }

    #[test]
    fn a_value_of_many_fields_reads_back(value in everything()) {
        round_trip(&value)?;
        round_trip(&value.rest)?;
        round_trip(&value.list)?;
    }

    #[test]
    fn any_item_reads_back(tree in node(8)) {
        round_trip(&tree)?;
    }

    #[test]
    fn an_integer_has_the_same_bytes_whatever_its_type(value in 0..=i64::MAX, tiny: u8) {
        prop_assert_eq!(to_bytes(&value), to_bytes(&value.cast_unsigned()));
        prop_assert_eq!(to_bytes(&tiny), to_bytes(&u64::from(tiny)));
    }

    #[test]
    fn arbitrary_bytes_have_one_spelling(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        one_spelling_in_every_type(&bytes)?;
        raw_agrees_with_typed_reading(&bytes)?;
    }

    #[test]
    fn heads_put_together_have_one_spelling(
        heads in prop::collection::vec(prop::sample::select(&[
            0x00, 0x17, 0x18, 0x19, 0x1a, 0x1b, 0x1c, 0x20, 0x3b, 0x40, 0x41, 0x58, 0x5f, 0x60,
            0x61, 0x7f, 0x80, 0x81, 0x82, 0x98, 0x9b, 0x9f, 0xa0, 0xc0, 0xf4, 0xf5, 0xf6, 0xf7,
            0xf8, 0xfb, 0xff,
        ][..]), 0..24)
    ) {
        one_spelling_in_every_type(&heads)?;
        raw_agrees_with_typed_reading(&heads)?;
    }

    #[test]
    fn damaged_bytes_have_one_spelling(
        value in everything(),
        damages in prop::collection::vec(damage(), 1..4),
    ) {
        let bytes = damaged(to_bytes(&value), &damages);
        one_spelling_in_every_type(&bytes)?;
        raw_agrees_with_typed_reading(&bytes)?;
    }

    #[test]
    fn a_damaged_item_has_one_spelling(
        tree in node(8),
        damages in prop::collection::vec(damage(), 1..3),
    ) {
        let bytes = damaged(to_bytes(&tree), &damages);
        one_spelling_in_every_type(&bytes)?;
        raw_agrees_with_typed_reading(&bytes)?;
    }

    #[test]
    fn every_shorter_input_is_refused(value in everything(), at: prop::sample::Index) {
        let bytes = to_bytes(&value);
        let cut = &bytes[..at.index(bytes.len())];
        prop_assert_eq!(from_bytes::<Everything>(cut).unwrap_err().reason(), Reason::Truncated);
        prop_assert_eq!(from_bytes::<Raw>(cut).unwrap_err().reason(), Reason::Truncated);
    }

    #[test]
    fn every_longer_input_is_refused(value in everything(), more: u8) {
        let mut bytes = to_bytes(&value);
        let len = bytes.len();
        bytes.push(more);
        let error = from_bytes::<Everything>(&bytes).unwrap_err();
        prop_assert_eq!((error.reason(), error.at()), (Reason::Trailing, len));
        prop_assert_eq!(from_bytes::<Raw>(&bytes).unwrap_err(), error);
    }

    #[test]
    fn a_head_longer_than_it_needs_to_be_is_refused(
        major in 0_u8..5, width in 0_usize..4, value: u64,
    ) {
        let unneeded = value % [24, 1 << 8, 1 << 16, 1 << 32][width];
        let mut bytes = vec![major << 5 | [24, 25, 26, 27][width]];
        bytes.extend_from_slice(&unneeded.to_be_bytes()[8 - (1 << width)..]);
        bytes.extend_from_slice(&[0; 300]);
        prop_assert_eq!(reason::<Raw>(&bytes), Reason::NotShortest);
        prop_assert_eq!(reason::<Node>(&bytes), Reason::NotShortest);
    }
}

#[test]
fn the_greatest_number_of_one_width_is_refused_in_the_next() {
    for bytes in [
        &[0x18, 23][..],
        &[0x19, 0, 0xff],
        &[0x1a, 0, 0, 0xff, 0xff],
        &[0x1b, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff],
    ] {
        assert_eq!(reason::<u64>(bytes), Reason::NotShortest);
    }
}

#[test]
fn a_type_with_two_spellings_breaks_the_law() {
    #[derive(Debug)]
    struct Lax(u64);
    impl Encode for Lax {
        fn encode(&self, w: &mut Writer) {
            w.uint(self.0);
        }
    }
    impl Decode for Lax {
        fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
            if r.null()? {
                Ok(Self(0))
            } else {
                r.uint().map(Self)
            }
        }
    }
    assert!(one_spelling::<Lax>(&[0x00]).is_ok());
    assert!(one_spelling::<Lax>(&[0xf6]).is_err());
}

fn reason<T: Decode>(bytes: &[u8]) -> Reason {
    match from_bytes::<T>(bytes) {
        Ok(_) => panic!("{bytes:02x?} was accepted"),
        Err(error) => error.reason(),
    }
}

fn nested(depth: usize, innermost: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0x81; depth];
    bytes.extend_from_slice(innermost);
    bytes
}

// What is read

#[test]
fn heads_take_their_five_widths() {
    for (value, bytes) in [
        (0, &[0x00][..]),
        (23, &[0x17]),
        (24, &[0x18, 24]),
        (255, &[0x18, 255]),
        (256, &[0x19, 1, 0]),
        (0xffff, &[0x19, 0xff, 0xff]),
        (0x1_0000, &[0x1a, 0, 1, 0, 0]),
        (0xffff_ffff, &[0x1a, 0xff, 0xff, 0xff, 0xff]),
        (0x1_0000_0000, &[0x1b, 0, 0, 0, 1, 0, 0, 0, 0]),
        (u64::MAX, &[0x1b, 255, 255, 255, 255, 255, 255, 255, 255]),
    ] {
        assert_eq!(to_bytes(&value), bytes);
        assert_eq!(from_bytes::<u64>(bytes), Ok(value));
    }
}

#[test]
fn negatives_reach_down_to_the_least_i64_and_no_further() {
    let least = [0x3b, 0x7f, 255, 255, 255, 255, 255, 255, 255];
    let below = [0x3b, 0x80, 0, 0, 0, 0, 0, 0, 0];
    assert_eq!(from_bytes::<i64>(&least), Ok(i64::MIN));
    assert_eq!(to_bytes(&i64::MIN), least);
    assert_eq!(to_bytes(&-1_i64), [0x20]);
    assert_eq!(reason::<i64>(&below), Reason::Range);
    assert_eq!(reason::<Raw>(&below), Reason::Range);
}

#[test]
fn positives_of_an_i64_stop_at_its_greatest() {
    assert_eq!(from_bytes::<i64>(&to_bytes(&i64::MAX)), Ok(i64::MAX));
    let above = to_bytes(&(i64::MAX.cast_unsigned() + 1));
    assert_eq!(reason::<i64>(&above), Reason::Range);
    assert!(from_bytes::<Raw>(&above).is_ok());
}

#[test]
fn small_integers_refuse_what_does_not_fit() {
    assert_eq!(from_bytes::<u8>(&to_bytes(&255_u64)), Ok(255));
    assert_eq!(reason::<u8>(&to_bytes(&256_u64)), Reason::Range);
    assert_eq!(reason::<u16>(&to_bytes(&0x1_0000_u64)), Reason::Range);
    assert_eq!(reason::<u32>(&to_bytes(&0x1_0000_0000_u64)), Reason::Range);
}

#[test]
fn a_tagged_value_is_an_array_that_starts_with_its_tag() {
    let bytes = to_bytes(&Even { number: 4 });
    assert_eq!(bytes[0], 0x82);
    assert_eq!(bytes[1], 0x60 | 17);
    assert_eq!(&bytes[2..19], Even::TAG.as_bytes());
    assert_eq!(bytes[19..], [4]);
}

#[test]
fn an_option_is_null_or_the_value_itself() {
    assert_eq!(to_bytes(&None::<u64>), [0xf6]);
    assert_eq!(to_bytes(&Some(7_u64)), [7]);
}

// What is refused

#[test]
fn forbidden_items_are_forbidden_wherever_they_stand() {
    for head in [
        0xa0_u8, 0xa1, 0xbf, // maps
        0xc0, 0xc2, 0xd8, 0xdb, // tags, bignums too
        0x5f, 0x7f, 0x9f, 0xff, // indefinite lengths and their end
        0xf7, 0xf8, 0xe0, 0xf3, 0xf9, 0xfa, 0xfb, // undefined, simple values, floats
        0x1c, 0x1d, 0x1e, 0x1f, 0x3c, 0x5d, 0x7e, 0x9c, 0xfc, 0xfd, 0xfe, // reserved
    ] {
        let bytes = [head, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(reason::<Raw>(&bytes), Reason::Forbidden, "{head:#x} as raw");
        assert_eq!(reason::<u64>(&bytes), Reason::Forbidden, "{head:#x} as u64");
        assert_eq!(reason::<i64>(&bytes), Reason::Forbidden, "{head:#x} as i64");
        assert_eq!(
            reason::<bool>(&bytes),
            Reason::Forbidden,
            "{head:#x} as bool"
        );
        assert_eq!(
            reason::<[u8; 4]>(&bytes),
            Reason::Forbidden,
            "{head:#x} as bytes"
        );
        assert_eq!(
            reason::<Even>(&bytes),
            Reason::Forbidden,
            "{head:#x} as array"
        );
        let inside = nested(3, &bytes);
        assert_eq!(
            reason::<Raw>(&inside),
            Reason::Forbidden,
            "{head:#x} inside"
        );
    }
}

#[test]
fn an_item_of_another_type_is_refused() {
    assert_eq!(reason::<u64>(&[0x20]), Reason::Type);
    assert_eq!(reason::<u64>(&[0xf4]), Reason::Type);
    assert_eq!(reason::<i64>(&[0x40]), Reason::Type);
    assert_eq!(reason::<bool>(&[0x00]), Reason::Type);
    assert_eq!(reason::<bool>(&[0xf6]), Reason::Type);
    assert_eq!(reason::<[u8; 1]>(&[0x61, 0x61]), Reason::Type);
    assert_eq!(reason::<Option<u64>>(&[0xf5]), Reason::Type);
    assert_eq!(reason::<List<u64, 0, 3>>(&[0x00]), Reason::Type);
    assert_eq!(reason::<Even>(&[0x82, 0x41, 0x61, 0x00]), Reason::Type);
}

#[test]
fn the_empty_input_is_no_value() {
    assert_eq!(reason::<u64>(&[]), Reason::Truncated);
    assert_eq!(reason::<bool>(&[]), Reason::Truncated);
    assert_eq!(reason::<Option<u64>>(&[]), Reason::Truncated);
    assert_eq!(reason::<Raw>(&[]), Reason::Truncated);
}

#[test]
fn a_head_that_lacks_digits_is_truncated() {
    for (head, digits) in [(0x18_u8, 1), (0x19, 2), (0x1a, 4), (0x1b, 8)] {
        let mut bytes = vec![head];
        bytes.resize(digits, 0xff);
        assert_eq!(reason::<u64>(&bytes), Reason::Truncated);
        assert_eq!(reason::<Raw>(&bytes), Reason::Truncated);
        bytes.push(0xff);
        assert!(from_bytes::<u64>(&bytes).is_ok());
    }
}

#[test]
fn another_tag_or_version_is_refused() {
    let mut newer = to_bytes(&Even { number: 4 });
    newer[18] = b'2';
    let error = from_bytes::<Even>(&newer).unwrap_err();
    assert_eq!((error.reason(), error.at()), (Reason::Tag, 1));
    assert!(from_bytes::<Raw>(&newer).is_ok());
}

#[test]
fn an_array_of_another_length_is_refused() {
    let mut longer = to_bytes(&Even { number: 4 });
    longer[0] = 0x83;
    longer.push(0);
    assert_eq!(reason::<Even>(&longer), Reason::Count);
    assert_eq!(reason::<List<u64, 2, 3>>(&[0x81, 0]), Reason::Count);
    assert_eq!(
        reason::<List<u64, 2, 3>>(&[0x84, 0, 0, 0, 0]),
        Reason::Limit
    );
    assert!(from_bytes::<List<u64, 2, 3>>(&[0x82, 0, 0]).is_ok());
    assert!(from_bytes::<List<u64, 2, 3>>(&[0x83, 0, 0, 0]).is_ok());
}

#[test]
fn a_byte_string_of_another_length_is_refused() {
    assert_eq!(reason::<[u8; 2]>(&[0x41, 0]), Reason::Range);
    assert_eq!(reason::<[u8; 2]>(&[0x43, 0, 0, 0]), Reason::Range);
}

#[test]
fn text_that_is_not_utf8_is_refused() {
    for text in [
        &[0xff][..],
        &[0xc0, 0x80],             // overlong zero
        &[0xed, 0xa0, 0x80],       // half of a surrogate pair
        &[0xf4, 0x90, 0x80, 0x80], // past the last code point
        &[0xe2, 0x82],             // cut off
    ] {
        let mut w = Writer::new();
        w.array(1);
        let mut bytes = w.into_bytes();
        bytes.push(0x60 | u8::try_from(text.len()).unwrap());
        bytes.extend_from_slice(text);
        let error = from_bytes::<Raw>(&bytes).unwrap_err();
        assert_eq!((error.reason(), error.at()), (Reason::Text, 2));
        assert_eq!(
            Reader::new(&bytes[1..])
                .unwrap()
                .text()
                .unwrap_err()
                .reason(),
            Reason::Text
        );
    }
}

#[test]
fn a_value_that_its_type_does_not_have_is_refused_with_its_own_code() {
    let mut bytes = to_bytes(&Even { number: 4 });
    bytes[19] = 5;
    let error = from_bytes::<Even>(&bytes).unwrap_err();
    assert_eq!(error.reason(), Reason::Value("even.odd"));
    assert_eq!(error.code(), "even.odd");
    assert_eq!(error.to_string(), "value is refused: even.odd at byte 20");
}

#[test]
fn a_key_inside_a_value_is_admitted_or_refused_where_it_stands() {
    let key = Keypair::from_seed(&[1; 32]).public_key();
    let inception = Inception {
        community: [2; 32],
        key,
        recovery: key,
    };
    let mut bytes = to_bytes(&inception);
    assert_eq!(from_bytes::<Inception>(&bytes), Ok(inception));
    let last = bytes.len() - 32;
    bytes[last..].fill(0);
    let error = from_bytes::<Inception>(&bytes).unwrap_err();
    assert_eq!((error.code(), error.at()), ("key.weak", last - 2));
}

#[test]
fn a_signature_is_a_byte_string_of_64() {
    let signature = Signature::from_bytes([7; 64]);
    let bytes = to_bytes(&signature);
    assert_eq!(bytes[..2], [0x58, 64]);
    assert_eq!(from_bytes::<Signature>(&bytes), Ok(signature));
    assert_eq!(reason::<Signature>(&to_bytes(&[7_u8; 63])), Reason::Range);
}

// Limits

#[test]
fn arrays_nest_to_the_limit_and_no_deeper() {
    for innermost in [&[0x80][..], &[0x00]] {
        let arrays = usize::from(innermost == [0x80]);
        let deepest = nested(DEPTH_MAX - arrays, innermost);
        let raw: Raw = from_bytes(&deepest).unwrap();
        assert_eq!(raw.as_bytes(), deepest);
        let deeper = nested(DEPTH_MAX + 1 - arrays, innermost);
        let error = from_bytes::<Raw>(&deeper).unwrap_err();
        assert_eq!((error.reason(), error.at()), (Reason::Depth, DEPTH_MAX));
    }
}

#[test]
fn depth_counts_open_arrays_and_not_all_arrays() {
    let mut bytes = vec![0x98, 100];
    for _ in 0..100 {
        bytes.extend_from_slice(&nested(DEPTH_MAX - 1, &[0x00]));
    }
    assert!(from_bytes::<Raw>(&bytes).is_ok());
}

#[test]
fn the_longest_input_of_brackets_is_refused_without_recursion() {
    assert_eq!(reason::<Raw>(&nested(LEN_MAX - 1, &[0x80])), Reason::Depth);
}

#[test]
fn an_input_over_the_limit_is_not_looked_at() {
    let mut w = Writer::new();
    w.bytes(&vec![0; LEN_MAX - 5]);
    let mut bytes = w.into_bytes();
    assert_eq!(bytes.len(), LEN_MAX);
    assert!(from_bytes::<Raw>(&bytes).is_ok());
    bytes.push(0);
    let error = from_bytes::<Raw>(&bytes).unwrap_err();
    assert_eq!((error.reason(), error.at()), (Reason::Limit, 0));
}

#[test]
fn announced_lengths_beyond_the_input_are_refused_at_once() {
    for announced in [4_u64, 1 << 20, 1 << 32, 1 << 40, 1 << 63, u64::MAX] {
        for major in [2_u8, 3, 4] {
            let mut w = Writer::new();
            w.uint(announced);
            let mut bytes = w.into_bytes();
            bytes[0] |= major << 5;
            bytes.extend_from_slice(&[0, 0, 0]);
            assert_eq!(reason::<Raw>(&bytes), Reason::Truncated);
            match major {
                4 => {
                    assert_eq!(
                        reason::<List<u64, 0, { 1 << 20 }>>(&bytes),
                        Reason::Truncated
                    );
                    assert_eq!(reason::<Even>(&bytes), Reason::Truncated);
                }
                2 => assert_eq!(reason::<[u8; 32]>(&bytes), Reason::Truncated),
                _ => {}
            }
        }
    }
}

/// A list grows with the items that were read, never with the number that was
/// announced: here the announced number passes both checks (bytes left, `MAX`)
/// and the first item is bad.
#[test]
fn a_list_does_not_reserve_what_it_announces() {
    struct Probe;
    impl Decode for Probe {
        fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
            r.uint().map(|_| Self)
        }
    }
    let mut bytes = vec![0x1a, 0, 1, 0, 0];
    bytes[0] |= 4 << 5;
    bytes.push(0xf4);
    bytes.resize(5 + 0x1_0000, 0);
    let error = from_bytes::<List<Probe, 0, { 1 << 20 }>>(&bytes)
        .err()
        .unwrap();
    assert_eq!((error.reason(), error.at()), (Reason::Type, 5));
    bytes[5] = 0;
    let list: List<u64, 0, { 1 << 20 }> = from_bytes(&bytes).unwrap();
    assert!(list.into_vec().capacity() <= 2 * 0x1_0000);
}

#[test]
fn a_list_of_another_length_cannot_be_made() {
    let error = List::<u64, 2, 3>::new([1]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "list of 1 items where 2 to 3 are allowed"
    );
    assert_eq!(
        (error.code(), error.fault()),
        ("canon.list.length", Fault::Caller)
    );
    assert!(List::<u64, 2, 3>::new([1, 2]).is_ok());
    assert!(List::<u64, 2, 3>::new([1, 2, 3]).is_ok());
    assert!(List::<u64, 2, 3>::new([1, 2, 3, 4]).is_err());
    assert_eq!(List::<u64, 2, 3>::of([1, 2]), List::new([1, 2]).unwrap());
    assert_eq!(List::<u64, 0, 3>::default(), List::empty());
}

// Errors

#[test]
fn every_reason_has_its_own_code_and_is_the_peers_fault() {
    let reasons = [
        (Reason::Truncated, "canon.truncated"),
        (Reason::Trailing, "canon.trailing"),
        (Reason::NotShortest, "canon.not_shortest"),
        (Reason::Forbidden, "canon.forbidden"),
        (Reason::Type, "canon.type"),
        (Reason::Tag, "canon.tag"),
        (Reason::Count, "canon.count"),
        (Reason::Depth, "canon.depth"),
        (Reason::Limit, "canon.limit"),
        (Reason::Text, "canon.text"),
        (Reason::Range, "canon.range"),
        (Reason::Value("a.b"), "a.b"),
    ];
    for (reason, code) in reasons {
        let error = DecodeError::new(0, reason);
        assert_eq!((error.code(), error.fault()), (code, Fault::Peer));
    }
}

#[test]
fn an_error_says_what_and_where_in_one_line() {
    let error = from_bytes::<Raw>(&[0x82, 0x00, 0x18, 0x07]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "integer or length is not in its shortest form at byte 2"
    );
}

#[test]
fn a_writer_takes_back_what_follows() {
    let mut w = Writer::new();
    w.uint(7);
    let len = w.as_bytes().len();
    w.text("not this");
    w.truncate(len);
    w.bool(true);
    assert_eq!(w.into_bytes(), [7, 0xf5]);
}
