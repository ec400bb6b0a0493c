//! Signatures that fit and signatures that do not.

use curve25519_dalek::constants::{ED25519_BASEPOINT_POINT, EIGHT_TORSION};
use curve25519_dalek::scalar::Scalar;
use icn_types::error::Coded as _;
use icn_types::key::{Keypair, PublicKey, Signature, Signer as _};
use sha2::{Digest as _, Sha512};

use super::json::Json;
use super::{Case, File};

pub(super) fn file() -> File {
    let mut cases = published();
    cases.extend(ours());
    cases.extend(damaged());
    cases.extend(hostile());
    File {
        name: "signatures.json",
        purpose: "Ed25519 signatures of RFC 8032 and our own, and refused ones",
        cases,
    }
}

fn case(name: &str, key: PublicKey, message: &[u8], signature: [u8; 64]) -> Case {
    Case::new(
        name,
        vec![
            ("key", Json::hex(key.as_bytes())),
            ("message", Json::hex(message)),
            ("signature", Json::hex(&signature)),
        ],
    )
}

fn accepted(name: &str, pair: &Keypair, message: &[u8]) -> Case {
    let signature = pair.sign(message).unwrap();
    assert_eq!(pair.public_key().verify(message, &signature), Ok(()));
    case(name, pair.public_key(), message, *signature.as_bytes())
}

fn refused(name: &str, key: PublicKey, message: &[u8], signature: [u8; 64]) -> Case {
    let verdict = key.verify(message, &Signature::from_bytes(signature));
    assert_eq!(verdict.unwrap_err().code(), "key.signature", "{name}");
    let mut case = case(name, key, message, signature);
    case.claims.push(("code", Json::text("key.signature")));
    case
}

/// RFC 8032, section 7.1. That our signatures are the published ones is a test
/// of icn-types itself.
fn published() -> Vec<Case> {
    [
        (
            "rfc 8032 test 1",
            "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
            &[][..],
        ),
        (
            "rfc 8032 test 2",
            "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
            &[0x72],
        ),
        (
            "rfc 8032 test 3",
            "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
            &[0xaf, 0x82],
        ),
        (
            "rfc 8032 test sha(abc)",
            "833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
            &Sha512::digest(b"abc"),
        ),
    ]
    .map(|(name, seed, message)| {
        let seed: Vec<u8> = (0..64)
            .step_by(2)
            .map(|at| u8::from_str_radix(&seed[at..at + 2], 16).unwrap())
            .collect();
        accepted(
            name,
            &Keypair::from_seed(&seed.try_into().unwrap()),
            message,
        )
    })
    .into()
}

fn ours() -> Vec<Case> {
    let pair = Keypair::from_seed(&[1; 32]);
    vec![
        accepted("short message", &pair, b"icn"),
        accepted("message of zeros", &pair, &[0; 64]),
        accepted("message of 300 bytes", &pair, &[0x5a; 300]),
        accepted("another key", &Keypair::from_seed(&[2; 32]), b"icn"),
    ]
}

fn damaged() -> Vec<Case> {
    let pair = Keypair::from_seed(&[1; 32]);
    let key = pair.public_key();
    let good = *pair.sign(b"icn").unwrap().as_bytes();
    let flipped = |at: usize| {
        let mut bytes = good;
        bytes[at / 8] ^= 1 << (at % 8);
        bytes
    };
    let mut swapped = good;
    swapped.rotate_left(32);
    let mut enlarged = good;
    let mut carry = 1_u16;
    for (byte, add) in enlarged[32..].iter_mut().zip((-Scalar::ONE).to_bytes()) {
        carry += u16::from(*byte) + u16::from(add);
        *byte = carry.to_le_bytes()[0];
        carry >>= 8;
    }
    let stranger = Keypair::from_seed(&[2; 32]).public_key();
    vec![
        refused("another message", key, b"icm", good),
        refused("longer message", key, b"icn\0", good),
        refused("no message", key, b"", good),
        refused("key of another", stranger, b"icn", good),
        refused("first bit of r", key, b"icn", flipped(0)),
        refused("sign bit of r", key, b"icn", flipped(255)),
        refused("first bit of s", key, b"icn", flipped(256)),
        refused("last bit of s", key, b"icn", flipped(511)),
        refused("halves swapped", key, b"icn", swapped),
        refused("s enlarged by the group order", key, b"icn", enlarged),
        refused("all zeros", key, b"icn", [0; 64]),
        refused("all ones", key, b"icn", [0xff; 64]),
    ]
}

/// Signatures whose r has a small order. With the identity the equation holds,
/// and plain verification accepts them.
fn hostile() -> Vec<Case> {
    let secret = Scalar::from(0x1c7_u64);
    let point = ED25519_BASEPOINT_POINT * secret;
    let key = PublicKey::from_bytes(point.compress().to_bytes()).unwrap();
    EIGHT_TORSION
        .iter()
        .enumerate()
        .map(|(order, nonce)| {
            let r = nonce.compress().to_bytes();
            let hash = Sha512::new().chain_update(r).chain_update(key.as_bytes());
            let challenge = hash.chain_update(b"icn").finalize().into();
            let s = Scalar::from_bytes_mod_order_wide(&challenge) * secret;
            let mut signature = [0; 64];
            signature[..32].copy_from_slice(&r);
            signature[32..].copy_from_slice(s.as_bytes());
            refused(&format!("r of small order {order}"), key, b"icn", signature)
        })
        .collect()
}
