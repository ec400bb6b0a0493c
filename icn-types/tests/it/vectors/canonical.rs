//! Values with their one byte string, and byte strings that are none.

use icn_types::canon::{self, DEPTH_MAX, Encode as _, LEN_MAX, List, Raw, Writer};
use icn_types::error::Coded as _;
use icn_types::key::{Inception, Keypair, Signer as _};

use super::json::Json;
use super::shape::{Item, Shape, tagged};
use super::{Case, File};

/// A type of its own, so that tags and counts have something to be wrong in.
#[derive(Clone, Debug, PartialEq)]
struct Pair {
    left: u64,
    right: Option<i64>,
}
icn_types::canonical!(Pair = "icn/example/pair/v1" { left, right });

impl Shape for Pair {
    fn shape() -> Json {
        let fields = vec![u64::shape(), Option::<i64>::shape()];
        tagged("icn/example/pair/v1", fields)
    }
}

pub(super) fn file() -> File {
    let mut cases = integers();
    cases.extend(strings_and_arrays());
    cases.extend(typed_values());
    cases.extend(broken_heads());
    cases.extend(broken_items());
    cases.extend(broken_types());
    File {
        name: "canonical.json",
        purpose: "canonical bytes: values with their only spelling, and refused bytes with the reason",
        cases,
    }
}

fn accepted<T>(name: impl Into<String>, value: &T, item: &Item) -> Case
where
    T: Shape + PartialEq + core::fmt::Debug,
{
    let bytes = canon::to_bytes(value);
    assert_eq!(bytes, canon::to_bytes(item));
    assert_eq!(&canon::from_bytes::<T>(&bytes).unwrap(), value);
    Case::new(
        name,
        vec![
            ("as", T::shape()),
            ("value", item.describe()),
            ("hex", Json::hex(&bytes)),
        ],
    )
}

fn any(name: impl Into<String>, item: &Item) -> Case {
    accepted(name, &Raw::of(item), item)
}

fn refused<T: Shape>(name: impl Into<String>, bytes: &[u8], code: &'static str) -> Case {
    let name = name.into();
    let Err(error) = canon::from_bytes::<T>(bytes) else {
        panic!("{name} is accepted");
    };
    assert_eq!(error.code(), code, "{name}");
    Case::new(
        name,
        vec![
            ("as", T::shape()),
            ("hex", Json::hex(bytes)),
            ("code", Json::text(code)),
        ],
    )
}

fn integers() -> Vec<Case> {
    let mut cases = Vec::new();
    for value in [
        0,
        1,
        23,
        24,
        0xff,
        0x100,
        0xffff,
        0x1_0000,
        0xffff_ffff,
        0x1_0000_0000,
        i64::MAX.cast_unsigned(),
        1 << 63,
        u64::MAX,
    ] {
        cases.push(accepted(
            format!("unsigned {value}"),
            &value,
            &Item::Uint(value),
        ));
    }
    for value in [
        -1,
        -24,
        -25,
        -256,
        -257,
        -65_537,
        -4_294_967_297,
        i64::MIN,
        i64::MAX,
    ] {
        cases.push(accepted(
            format!("signed {value}"),
            &value,
            &Item::Int(value),
        ));
    }
    cases
}

fn strings_and_arrays() -> Vec<Case> {
    let deepest = (0..DEPTH_MAX).fold(Item::Uint(0), |inner, _| Item::Array(vec![inner]));
    let deepest_empty =
        (1..DEPTH_MAX).fold(Item::Array(vec![]), |inner, _| Item::Array(vec![inner]));
    vec![
        any("null", &Item::Null),
        any("false", &Item::Bool(false)),
        any("true", &Item::Bool(true)),
        any("no bytes", &Item::Bytes(vec![])),
        any("23 bytes", &Item::Bytes(vec![7; 23])),
        any("24 bytes", &Item::Bytes(vec![7; 24])),
        any("256 bytes", &Item::Bytes(vec![7; 256])),
        any("no text", &Item::Text("")),
        any("text in ascii", &Item::Text("icn/types/header/v1")),
        any(
            "text of one, two, three and four bytes",
            &Item::Text("a\u{e9}\u{20ac}\u{1f600}"),
        ),
        any(
            "text with a zero, a quote and a line end",
            &Item::Text("\0\"\n"),
        ),
        any("no items", &Item::Array(vec![])),
        any("24 items", &Item::Array(vec![Item::Null; 24])),
        any(
            "one of each kind",
            &Item::Array(vec![
                Item::Uint(u64::MAX),
                Item::Int(i64::MIN),
                Item::bytes(b"\x00\xff"),
                Item::Text("z"),
                Item::Array(vec![Item::Bool(true)]),
                Item::Null,
            ]),
        ),
        any("deepest nesting around an integer", &deepest),
        any("deepest nesting around nothing", &deepest_empty),
    ]
}

fn typed_values() -> Vec<Case> {
    let pair = |right: Option<i64>| Pair { left: 7, right };
    let item = |right| {
        Item::Array(vec![
            Item::Text("icn/example/pair/v1"),
            Item::Uint(7),
            right,
        ])
    };
    let key = |seed| Keypair::from_seed(&[seed; 32]).public_key();
    let inception = Inception {
        community: [9; 32],
        key: key(1),
        recovery: key(2),
    };
    vec![
        accepted("pair", &pair(Some(-3)), &item(Item::Int(-3))),
        accepted("pair without its right", &pair(None), &item(Item::Null)),
        accepted(
            "list of the least length",
            &list(&[5]),
            &Item::Array(vec![Item::Uint(5)]),
        ),
        accepted(
            "list of the greatest length",
            &list(&[5, 0, 24]),
            &Item::Array(vec![Item::Uint(5), Item::Uint(0), Item::Uint(24)]),
        ),
        accepted("bytes of a fixed length", &[1_u8, 2], &Item::bytes(&[1, 2])),
        accepted("largest u8", &u8::MAX, &Item::Uint(255)),
        accepted("largest u16", &u16::MAX, &Item::Uint(65_535)),
        accepted("largest u32", &u32::MAX, &Item::Uint(4_294_967_295)),
        accepted(
            "inception",
            &inception,
            &Item::Array(vec![
                Item::Text("icn/types/inception/v1"),
                Item::bytes(&[9; 32]),
                Item::bytes(key(1).as_bytes()),
                Item::bytes(key(2).as_bytes()),
            ]),
        ),
    ]
}

fn list(items: &[u64]) -> List<u64, 1, 3> {
    List::new(items).unwrap()
}

fn broken_heads() -> Vec<Case> {
    let mut cases = Vec::new();
    for (head, name) in [
        (0xa0, "empty map"),
        (0xa1, "map"),
        (0xbf, "indefinite map"),
        (0xc0, "tag of a date"),
        (0xc2, "tag of a bignum"),
        (0xd8, "tag of one byte"),
        (0x5f, "indefinite bytes"),
        (0x7f, "indefinite text"),
        (0x9f, "indefinite array"),
        (0xff, "break"),
        (0xf7, "undefined"),
        (0xe0, "simple value 0"),
        (0xf8, "simple value of one byte"),
        (0xf9, "half float"),
        (0xfa, "float"),
        (0xfb, "double"),
        (0x1c, "reserved integer head 28"),
        (0x3d, "reserved negative head 29"),
        (0x5e, "reserved bytes head 30"),
        (0x1f, "integer head 31"),
        (0xfc, "reserved simple head 28"),
    ] {
        let bytes = [head, 0, 0, 0, 0, 0, 0, 0, 0];
        cases.push(refused::<Raw>(name, &bytes, "canon.forbidden"));
        cases.push(refused::<u64>(
            format!("{name} for a number"),
            &bytes,
            "canon.forbidden",
        ));
    }
    for major in 0..5_u8 {
        for (info, digits) in [
            (24, &[23][..]),
            (25, &[0, 0xff]),
            (26, &[0, 0, 0xff, 0xff]),
            (27, &[0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]),
        ] {
            let bytes = [&[major << 5 | info], digits].concat();
            let name = format!(
                "head of type {major} in {} bytes without need",
                digits.len()
            );
            cases.push(refused::<Raw>(name, &bytes, "canon.not_shortest"));
            let name = format!("head of type {major} cut off in {} bytes", digits.len());
            let cut = &bytes[..bytes.len() - 1];
            cases.push(refused::<Raw>(name, cut, "canon.truncated"));
        }
    }
    cases
}

fn broken_items() -> Vec<Case> {
    let deep = |innermost: &[u8], depth| [&vec![0x81; depth][..], innermost].concat();
    let mut longest = Writer::new();
    longest.bytes(&vec![0; LEN_MAX - 4]);
    assert_eq!(longest.as_bytes().len(), LEN_MAX + 1);
    let huge = |head: u8| [head, 0x80, 0, 0, 0, 0, 0, 0, 0, 0];
    vec![
        refused::<Raw>("nothing at all", &[], "canon.truncated"),
        refused::<Raw>("bytes cut off", &[0x42, 0], "canon.truncated"),
        refused::<Raw>("text cut off", &[0x62, 0x61], "canon.truncated"),
        refused::<Raw>("array cut off", &[0x82, 0], "canon.truncated"),
        refused::<Raw>("array cut off inside", &[0x81, 0x81], "canon.truncated"),
        refused::<Raw>("2^63 bytes announced", &huge(0x5b), "canon.truncated"),
        refused::<Raw>(
            "2^63 bytes of text announced",
            &huge(0x7b),
            "canon.truncated",
        ),
        refused::<Raw>("2^63 items announced", &huge(0x9b), "canon.truncated"),
        refused::<Raw>("a second item", &[0, 0], "canon.trailing"),
        refused::<Raw>(
            "a second item after an array",
            &[0x81, 0, 0],
            "canon.trailing",
        ),
        refused::<Raw>(
            "below the least i64",
            &[0x3b, 0x80, 0, 0, 0, 0, 0, 0, 0],
            "canon.range",
        ),
        refused::<Raw>("text that is not utf-8", &[0x61, 0xff], "canon.text"),
        refused::<Raw>(
            "text in an overlong form",
            &[0x62, 0xc0, 0x80],
            "canon.text",
        ),
        refused::<Raw>(
            "text with half a surrogate pair",
            &[0x63, 0xed, 0xa0, 0x80],
            "canon.text",
        ),
        refused::<Raw>(
            "text past the last code point",
            &[0x64, 0xf4, 0x90, 0x80, 0x80],
            "canon.text",
        ),
        refused::<Raw>(
            "nesting too deep",
            &deep(&[0x00], DEPTH_MAX + 1),
            "canon.depth",
        ),
        refused::<Raw>(
            "nothing nested too deep",
            &deep(&[0x80], DEPTH_MAX),
            "canon.depth",
        ),
        // Its content is left out of the file by being all zeros.
        refused_zeros("longer than the limit", longest),
    ]
}

/// Like `refused`, for an input that is a head and zeros.
fn refused_zeros(name: &str, written: Writer) -> Case {
    let bytes = written.into_bytes();
    let head = &bytes[..5];
    assert!(bytes[5..].iter().all(|byte| *byte == 0));
    let mut case = refused::<Raw>(name, &bytes, "canon.limit");
    for (field, value) in &mut case.claims {
        if *field == "hex" {
            *value = Json::hex(head);
        }
    }
    case.claims
        .push(("zeros", Json::Number(bytes.len() - head.len())));
    case
}

fn broken_types() -> Vec<Case> {
    let good = canon::to_bytes(&Pair {
        left: 7,
        right: None,
    });
    let changed = |at: usize, to: u8| {
        let mut bytes = good.clone();
        bytes[at] = to;
        bytes
    };
    let with = |bytes: &[u8], more: &[u8]| [bytes, more].concat();
    let longer = |items: u64| {
        let mut w = Writer::new();
        w.array(4);
        (0..items).for_each(|item| item.encode(&mut w));
        w.into_bytes()
    };
    let last = good.len() - 1;
    let mut inception = vec![0x84, 0x76];
    inception.extend_from_slice(b"icn/types/inception/v1");
    inception.extend([&[0x58, 32][..], &[9; 32]].concat());
    inception.extend([&[0x58, 32][..], &[0; 32], &[0x58, 32], &[0; 32]].concat());
    vec![
        refused::<Pair>("pair of another version", &changed(20, b'2'), "canon.tag"),
        refused::<Pair>("pair with a tag of bytes", &changed(1, 0x53), "canon.type"),
        refused::<Pair>(
            "pair of two items",
            &good[..last].with_head(0x82),
            "canon.count",
        ),
        refused::<Pair>(
            "pair of four items",
            &with(&changed(0, 0x84), &[0]),
            "canon.count",
        ),
        refused::<Pair>("pair cut off", &good[..last], "canon.truncated"),
        refused::<Pair>("pair and more", &with(&good, &[0]), "canon.trailing"),
        refused::<Pair>(
            "pair with a negative left",
            &changed(21, 0x20),
            "canon.type",
        ),
        refused::<Pair>(
            "pair with a bool for its right",
            &changed(22, 0xf5),
            "canon.type",
        ),
        refused::<Pair>("pair that is no array", &[0x00], "canon.type"),
        refused::<List<u64, 1, 3>>("list too short", &[0x80], "canon.count"),
        refused::<List<u64, 1, 3>>("list too long", &longer(4), "canon.limit"),
        refused::<List<u64, 1, 3>>("list too long and cut off", &longer(3), "canon.truncated"),
        refused::<[u8; 2]>("bytes too short", &[0x41, 0], "canon.range"),
        refused::<[u8; 2]>("bytes too long", &[0x43, 0, 0, 0], "canon.range"),
        refused::<[u8; 2]>("text for bytes", &[0x62, 0x61, 0x61], "canon.type"),
        refused::<u8>("256 as u8", &[0x19, 1, 0], "canon.range"),
        refused::<u16>("65536 as u16", &[0x1a, 0, 1, 0, 0], "canon.range"),
        refused::<u32>(
            "2^32 as u32",
            &[0x1b, 0, 0, 0, 1, 0, 0, 0, 0],
            "canon.range",
        ),
        refused::<i64>(
            "2^63 as i64",
            &[0x1b, 0x80, 0, 0, 0, 0, 0, 0, 0],
            "canon.range",
        ),
        refused::<i64>(
            "below i64 as i64",
            &[0x3b, 0x80, 0, 0, 0, 0, 0, 0, 0],
            "canon.range",
        ),
        refused::<u64>("null for a number", &[0xf6], "canon.type"),
        refused::<bool>("0 for a bool", &[0x00], "canon.type"),
        refused::<bool>("null for a bool", &[0xf6], "canon.type"),
        refused::<bool>("undefined for a bool", &[0xf7], "canon.forbidden"),
        refused::<Option<u64>>("false for no number", &[0xf4], "canon.type"),
        refused::<Inception>("inception with a weak key", &inception, "key.weak"),
    ]
}

/// The same bytes under another first one.
trait WithHead {
    fn with_head(&self, head: u8) -> Vec<u8>;
}

impl WithHead for [u8] {
    fn with_head(&self, head: u8) -> Vec<u8> {
        [&[head], &self[1..]].concat()
    }
}
