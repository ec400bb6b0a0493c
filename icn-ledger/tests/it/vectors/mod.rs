//! The published vectors: written by the code here, compared with the files
//! byte by byte.

mod breaches;
mod bundles;
mod clearings;
mod holds;
mod labels;
mod mandates;
mod remarks;
mod scene;
mod settlements;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use icn_ledger::LedgerRule;
use icn_ledger::bundle::BUNDLE;
use icn_ledger::entry::{ACK, HOLD, NOTE, PAYMENT, REFUND, REFUSE, RESOLVE};
use icn_ledger::remark::{ASSERTION, DISPUTE, OUTCOME, PERIOD_CLOSE};
use icn_ledger::settle::SETTLEMENT;
use icn_types::error::Coded as _;
use icn_types::record::Kind;

use crate::clearing::faulty;
use crate::market::follow;
use clearings::Case;
use scene::Scene;

/// Codes that no vector shows yet. A rule belongs here only until its vector
/// is written.
const WITHOUT_VECTOR: [LedgerRule; 0] = [];

/// Codes of every topic that arise on ledger chains.
const SHARED: [&str; 5] = [
    "invalid.open",
    "invalid.ended",
    "invalid.ref",
    "invalid.kind",
    "invalid.body",
];

/// Kinds of which some record is Valid.
const KINDS: [Kind; 13] = [
    PAYMENT,
    ACK,
    REFUSE,
    NOTE,
    HOLD,
    RESOLVE,
    REFUND,
    ASSERTION,
    PERIOD_CLOSE,
    DISPUTE,
    OUTCOME,
    SETTLEMENT,
    BUNDLE,
];

fn files() -> [(&'static str, &'static str, Vec<Scene>); 2] {
    [
        (
            "verdicts.json",
            "records in the order of writing, each with its verdict: every rule is broken by one",
            breaches::scenes()
                .into_iter()
                .chain(mandates::scenes())
                .chain(holds::breaches())
                .chain([settlements::breaches()])
                .collect(),
        ),
        (
            "labels.json",
            "sets of records, what each counts as, and where the accounts stand",
            labels::scenes()
                .into_iter()
                .chain(holds::labels())
                .chain(settlements::labels())
                .collect(),
        ),
    ]
}

/// The files with all that they say.
fn texts() -> Vec<(&'static str, String)> {
    let files = files().into_iter().map(|(name, purpose, scenes)| {
        let cases: Vec<String> = scenes.iter().map(Scene::case).collect();
        (name, text(purpose, &cases))
    });
    let purpose = "clearings, each with its name and dues, and bytes that are none";
    let clearings: Vec<String> = clearings::cases().iter().map(Case::text).collect();
    files
        .chain([("clearings.json", text(purpose, &clearings))])
        .collect()
}

fn text(purpose: &str, cases: &[String]) -> String {
    format!(
        "{{\n  \"purpose\": \"{purpose}\",\n  \"format\": 1,\n  \"cases\": [\n{}\n  ]\n}}\n",
        cases.join(",\n")
    )
}

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("vectors")
        .join(name)
}

#[test]
fn the_files_say_what_the_code_says() {
    for (name, expected) in texts() {
        let found = fs::read_to_string(path(name)).unwrap();
        for (line, (found, expected)) in found.lines().zip(expected.lines()).enumerate() {
            assert_eq!(found, expected, "{name} line {}", line + 1);
        }
        assert_eq!(found, expected, "{name}");
    }
}

#[test]
fn every_code_and_every_kind_has_a_record() {
    let (mut codes, mut kinds) = (BTreeSet::new(), BTreeSet::new());
    for scene in files().into_iter().flat_map(|(_, _, scenes)| scenes) {
        let set = scene.set();
        let ledger = follow(&set, scene.market.unit);
        let own = set
            .slots()
            .filter(|&slot| set.record(slot).topic() == ledger.topic());
        for slot in own {
            let verdict = scene::verdict(&set, &ledger, slot).unwrap();
            codes.insert(verdict);
            if verdict == "valid" {
                kinds.insert(set.record(slot).kind());
            }
        }
    }
    let missing = WITHOUT_VECTOR.map(|rule| rule.code());
    let rules = LedgerRule::ALL.iter().map(LedgerRule::code);
    let expected: BTreeSet<&str> = rules
        .filter(|code| !missing.contains(code))
        .chain(SHARED)
        .chain(["valid", "waiting"])
        .collect();
    assert_eq!(codes, expected);
    assert_eq!(kinds, BTreeSet::from(KINDS));
}

/// A clearing of more obligations than there may be would fill the file.
#[test]
fn every_flaw_of_a_clearing_has_bytes() {
    let codes: BTreeSet<&str> = clearings::cases().iter().map(Case::code).collect();
    let flaws = faulty().into_iter().map(|(_, _, flaw)| flaw.code());
    let expected: BTreeSet<&str> = flaws
        .filter(|code| *code != "clearing.few") // says that the list is too short
        .chain(["valid", "clearing.order"])
        .chain(["amount.zero", "canon.count", "canon.tag", "canon.trailing"])
        .collect();
    assert_eq!(codes, expected);
}

#[test]
#[ignore = "writes the vectors; run it after a deliberate change of the format"]
fn bless_vectors() {
    for (name, text) in texts() {
        fs::write(path(name), text).unwrap();
    }
}
