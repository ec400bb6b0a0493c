//! Seeds, keys and texts; keys and texts that are refused.

use core::fmt::Display;
use core::str::FromStr;

use curve25519_dalek::constants::EIGHT_TORSION;
use curve25519_dalek::edwards::CompressedEdwardsY;
use icn_types::error::Coded as _;
use icn_types::key::{Keypair, MemberId, PublicKey, Signer as _, TextError};

use super::json::Json;
use super::{Case, File};

pub(super) fn file() -> File {
    let mut cases = seeds();
    cases.extend(members());
    cases.extend(refused_keys());
    cases.extend(refused_texts());
    File {
        name: "keys.json",
        purpose: "Ed25519 seeds with public keys and texts, refused keys and refused texts with the reason",
        cases,
    }
}

fn key_of(seed: u8) -> PublicKey {
    Keypair::from_seed(&[seed; 32]).public_key()
}

fn seeds() -> Vec<Case> {
    [0, 1, 2, 3, 0x7f, 0xff]
        .into_iter()
        .map(|seed| {
            let key = key_of(seed);
            assert_eq!(key.to_string().parse(), Ok(key));
            Case::new(
                format!("seed of 32 times {seed}"),
                vec![
                    ("seed", Json::hex(&[seed; 32])),
                    ("key", Json::hex(key.as_bytes())),
                    ("text", Json::text(key)),
                ],
            )
        })
        .collect()
}

fn members() -> Vec<Case> {
    let mut mostly_zero = [0; 32];
    mostly_zero[31] = 58;
    let names = [
        ("member of zeros", [0; 32]),
        ("member of ones", [0xff; 32]),
        ("member with zeros before", mostly_zero),
        ("member of 32 times 1", [1; 32]),
    ];
    names
        .into_iter()
        .map(|(name, bytes)| {
            let member = MemberId::from_bytes(bytes);
            assert_eq!(member.to_string().parse(), Ok(member));
            Case::new(
                name,
                vec![("member", Json::hex(&bytes)), ("text", Json::text(member))],
            )
        })
        .collect()
}

/// The second spelling of a point with small y.
fn prime_plus(more: u8) -> [u8; 32] {
    let mut bytes = [0xff; 32];
    bytes[0] = 0xed + more;
    bytes[31] = 0x7f;
    bytes
}

fn mixed(torsion: usize) -> [u8; 32] {
    let honest = CompressedEdwardsY(*key_of(1).as_bytes())
        .decompress()
        .unwrap();
    (honest + EIGHT_TORSION[torsion]).compress().to_bytes()
}

fn refused_keys() -> Vec<Case> {
    let mut cases: Vec<(String, [u8; 32], &'static str)> = vec![
        ("no point".into(), [2; 32], "key.point"),
        (
            "no point in a second spelling".into(),
            prime_plus(2),
            "key.point",
        ),
        ("second spelling".into(), prime_plus(3), "key.canonical"),
        (
            "second spelling with the greatest y".into(),
            prime_plus(18),
            "key.canonical",
        ),
    ];
    for (order, point) in EIGHT_TORSION.iter().enumerate() {
        let bytes = point.compress().to_bytes();
        cases.push((format!("point of small order {order}"), bytes, "key.weak"));
        if order > 0 {
            cases.push((
                format!("point with torsion {order}"),
                mixed(order),
                "key.mixed",
            ));
        }
    }
    let signed = |mut bytes: [u8; 32]| {
        bytes[31] |= 0x80;
        bytes
    };
    for (name, bytes) in [
        ("zero in a second spelling", prime_plus(0)),
        ("zero in a second spelling, signed", signed(prime_plus(0))),
        ("one in a second spelling", prime_plus(1)),
        ("one in a second spelling, signed", signed(prime_plus(1))),
        (
            "one, signed",
            signed(EIGHT_TORSION[0].compress().to_bytes()),
        ),
        (
            "minus one, signed",
            signed(EIGHT_TORSION[4].compress().to_bytes()),
        ),
    ] {
        cases.push((format!("point of small order: {name}"), bytes, "key.weak"));
    }
    cases
        .into_iter()
        .map(|(name, bytes, code)| {
            let error = PublicKey::from_bytes(bytes).unwrap_err();
            assert_eq!(error.code(), code, "{name}");
            Case::new(
                name,
                vec![("key", Json::hex(&bytes)), ("code", Json::text(code))],
            )
        })
        .collect()
}

fn refused_texts() -> Vec<Case> {
    let key = key_of(1).to_string();
    let member = MemberId::from_bytes([0xff; 32]).to_string();
    let rest = &key[9..];
    let mut cases = Vec::new();
    for (name, text, code) in [
        ("no text", String::new(), "text.prefix"),
        ("bare base58", format!("z{rest}"), "text.prefix"),
        (
            "upper-case method",
            format!("DID:KEY:z{rest}"),
            "text.prefix",
        ),
        (
            "upper-case multibase letter",
            format!("did:key:Z{rest}"),
            "text.prefix",
        ),
        ("space before", format!(" {key}"), "text.prefix"),
        ("text of a member", member.clone(), "text.prefix"),
        (
            "nothing after the prefix",
            "did:key:z".into(),
            "text.spelling",
        ),
        ("space after", format!("{key} "), "text.spelling"),
        ("line end after", format!("{key}\n"), "text.spelling"),
        ("fragment after", format!("{key}#{rest}"), "text.spelling"),
        (
            "zero digit before",
            format!("did:key:z1{rest}"),
            "text.spelling",
        ),
        ("digit after", format!("{key}1"), "text.spelling"),
        ("all lower-case", key.to_lowercase(), "text.spelling"),
        (
            "letter outside the alphabet",
            format!("did:key:z0{}", &rest[1..]),
            "text.spelling",
        ),
        (
            "letter outside ascii",
            format!("did:key:z\u{e9}{}", &rest[1..]),
            "text.spelling",
        ),
        (
            "far too long",
            format!("did:key:z{}", "1".repeat(200)),
            "text.spelling",
        ),
        (
            "last digit missing",
            key[..key.len() - 1].into(),
            "text.kind",
        ),
        ("x25519 key", X25519.into(), "text.kind"),
        ("weak key", WEAK.into(), "key.weak"),
    ] {
        cases.push(refused_text::<PublicKey>(
            format!("key: {name}"),
            "key",
            &text,
            code,
        ));
    }
    let rest = &member[9..];
    for (name, text, code) in [
        ("no text", String::new(), "text.prefix"),
        ("text of a key", key.clone(), "text.prefix"),
        (
            "upper-case method",
            format!("did:ICN:z{rest}"),
            "text.prefix",
        ),
        ("line end before", format!("\n{member}"), "text.prefix"),
        (
            "nothing after the prefix",
            "did:icn:z".into(),
            "text.spelling",
        ),
        ("space after", format!("{member} "), "text.spelling"),
        (
            "zero digit before",
            format!("did:icn:z1{rest}"),
            "text.spelling",
        ),
        ("digit after", format!("{member}1"), "text.spelling"),
        (
            "31 zeros",
            format!("did:icn:z{}", "1".repeat(31)),
            "text.spelling",
        ),
        (
            "33 zeros",
            format!("did:icn:z{}", "1".repeat(33)),
            "text.spelling",
        ),
        (
            "letter outside the alphabet",
            format!("did:icn:zI{}", &rest[1..]),
            "text.spelling",
        ),
    ] {
        cases.push(refused_text::<MemberId>(
            format!("member: {name}"),
            "member",
            &text,
            code,
        ));
    }
    cases
}

/// The all-zero key under multicodec ec 01, and the identity under ed 01.
const X25519: &str = "did:key:z6LSbgBAXJos6Tik6PNmXeWxKbDUr9Y7hcB9syigVTeXiNmm";
const WEAK: &str = "did:key:z6MkeXATEjyXENzBXBxgC5EHk2JE5aqd7qMGGtDpLUH1e2Sj";

fn refused_text<T>(name: String, kind: &str, text: &str, code: &'static str) -> Case
where
    T: FromStr<Err = TextError> + Display,
{
    let Err(error) = text.parse::<T>() else {
        panic!("{name} is accepted");
    };
    assert_eq!(error.code(), code, "{name}");
    Case::new(
        name,
        vec![
            ("as", Json::text(kind)),
            ("text", Json::text(text)),
            ("code", Json::text(code)),
        ],
    )
}
