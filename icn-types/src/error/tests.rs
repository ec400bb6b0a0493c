//! Every code of this crate in one table.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use super::{Coded, Fault};
use crate::amount::{AmountError, Ratio};
use crate::canon::{List, Reason, from_bytes};
use crate::id::{ChainId, RecordId};
use crate::key::{BadSignature, KeyError, SignError, TextError};
use crate::set::{AuthorityRule, NoProof, OutlineError, Refusal};
use crate::verdict::Breach;

/// All variants of an enum; a variant that is not listed does not compile.
macro_rules! all {
    ($name:ident: $($variant:ident $(($value:expr))?),+ $(,)?) => {{
        fn listed(value: $name) -> $name {
            match value {
                $($name::$variant { .. } => {})+
            }
            value
        }
        [$(listed($name::$variant $(($value))?)),+]
    }};
}

fn rules() -> Vec<AuthorityRule> {
    all!(AuthorityRule:
        OpenOrder, OpenHead, OpenConsent, OpenDecision, OpenTwice, OpenOwner, SealOrder,
        SealHeader, AdoptOpen, RollMember, RollRecall, RaiseEpoch, OpeningRoll,
        OpeningTwice, CloseOpening, CloseTwice, CloseShuts, ReadyClose, ReadyTwice, ReadyEarly,
        ReleaseReady, ReleaseOrder, ReleaseEarly,
    )
    .to_vec()
}

#[test]
fn no_rule_of_the_authority_chain_is_forgotten() {
    assert_eq!(rules(), AuthorityRule::ALL);
}

fn coded() -> Vec<(&'static str, Fault)> {
    let id = RecordId::from_bytes([0; 32]);
    let entry = |error: &dyn Coded| (error.code(), error.fault());
    let mut table = Vec::new();
    table.extend(rules().iter().map(|error| entry(error)));
    let refusals = all!(Refusal:
        MissingPrev(id), MissingEpoch(id), MissingContent, Domain, Epoch, Place, Signature, Recall, Full);
    table.extend(refusals.iter().map(|error| entry(error)));
    let chain = ChainId::from_bytes([0; 32]);
    let decode = from_bytes::<u64>(&[]).unwrap_err();
    let outlines = all!(OutlineError:
        Length(0), Chain(chain), Unlisted(0), Prev(0), Twice(id), Domain(id), Epoch(0), Full, Unknown(0),
        Decode(decode), Body(0), Missing(0));
    // What a decoder says has its own code.
    let own = outlines
        .iter()
        .filter(|error| error.code() != decode.code());
    table.extend(own.map(|error| entry(error)));
    table.extend(
        all!(NoProof: Same, Apart, Signature)
            .iter()
            .map(|error| entry(error)),
    );
    table.extend(
        all!(AmountError: Zero, TooLarge)
            .iter()
            .map(|error| entry(error)),
    );
    table.extend(
        all!(SignError: Unavailable, Refused)
            .iter()
            .map(|error| entry(error)),
    );
    let keys = all!(KeyError: NotAPoint, NotCanonical, Weak, Mixed);
    table.extend(keys.iter().map(|error| entry(error)));
    let prefix = TextError::Prefix { expected: "" };
    table.extend(
        [prefix, TextError::Spelling, TextError::Kind]
            .iter()
            .map(|error| entry(error)),
    );
    table.push(entry(&BadSignature));
    table.push(entry(&Ratio::new(2, 1).unwrap_err()));
    table.push(entry(&List::<u8, 1, 1>::new([]).unwrap_err()));
    table
}

fn plain() -> Vec<&'static str> {
    let reasons = all!(Reason:
        Truncated, Trailing, NotShortest, Forbidden, Type, Tag, Count, Depth, Limit, Text, Range,
        Value("value.said"));
    let mut codes: Vec<_> = reasons.iter().map(|reason| reason.code()).collect();
    type Any = Breach<AuthorityRule>;
    codes.extend(
        [Any::Open, Any::Ended, Any::Ref, Any::Kind, Any::Body].map(|breach| breach.code()),
    );
    codes
}

/// What decoders say about values, found in the source.
fn values() -> BTreeSet<&'static str> {
    let sources = [
        include_str!("../authority/charter.rs"),
        include_str!("../authority/decision.rs"),
        include_str!("../authority/epoch.rs"),
        include_str!("../authority/recall.rs"),
        include_str!("../authority/seal.rs"),
        include_str!("../chain.rs"),
        include_str!("../record/content.rs"),
        include_str!("../record/header.rs"),
        include_str!("../record/mod.rs"),
        include_str!("../set/evidence.rs"),
        include_str!("../topic.rs"),
    ];
    let after = sources
        .iter()
        .flat_map(|source| source.split("Reason::Value(\"").skip(1));
    after.filter_map(|rest| rest.split('"').next()).collect()
}

fn is_dotted(code: &str) -> bool {
    let parts: Vec<&str> = code.split('.').collect();
    let is_word = |part: &&str| {
        !part.is_empty()
            && part
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte == b'_')
    };
    parts.len() > 1 && parts.iter().all(is_word)
}

#[test]
fn every_code_is_dotted_and_nobody_elses() {
    let mut seen = BTreeSet::new();
    let codes = coded().into_iter().map(|(code, _)| code);
    for code in codes.chain(plain()).chain(values()) {
        assert!(is_dotted(code), "{code}");
        assert!(seen.insert(code), "{code} is used twice");
    }
    assert!(values().len() > 15);
    assert!(!is_dotted("open") && !is_dotted("Open.order") && !is_dotted("open..order"));
}

#[test]
fn an_error_shows_one_line_without_a_full_stop() {
    for rule in rules() {
        let line = alloc::format!("{rule}");
        assert!(
            line.starts_with(|first: char| first.is_ascii_lowercase()),
            "{line}"
        );
        assert!(!line.ends_with('.') && !line.contains('\n'), "{line}");
        assert_eq!(rule.fault(), Fault::Rule);
    }
}

#[test]
fn a_full_set_is_nobodys_fault_and_the_rest_is_the_senders() {
    let id = RecordId::from_bytes([0; 32]);
    assert_eq!(Refusal::Full.fault(), Fault::Environment);
    assert_eq!(Refusal::Place.fault(), Fault::Peer);
    assert_eq!(Refusal::MissingPrev(id).missing(), Some(id));
    assert_eq!(Refusal::MissingEpoch(id).missing(), Some(id));
    assert_eq!(Refusal::Signature.missing(), None);
}

#[test]
fn a_decoder_says_the_code_of_the_value() {
    let error = from_bytes::<crate::amount::Amount>(&[0]).unwrap_err();
    assert_eq!(error.code(), AmountError::Zero.code());
}
