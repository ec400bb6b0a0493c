//! Codes of errors: stable, dotted, unique.

use std::collections::BTreeSet;

use icn_events::audit::{AuditReason, AuditRule, NotRecorded};
use icn_events::genesis::GenesisReason;
use icn_events::sheet::BadForm;
use icn_types::error::Coded;

fn codes(errors: &[&dyn Coded]) -> Vec<&'static str> {
    errors.iter().map(|error| error.code()).collect()
}

#[test]
fn no_code_means_two_things() {
    let sheet = codes(&[
        &BadForm::Size { max: 0 },
        &BadForm::Lines { max: 0 },
        &BadForm::LineSize { max: 0 },
        &BadForm::Control,
        &BadForm::Header,
        &BadForm::Word,
        &BadForm::Hex,
        &BadForm::SumMissing,
        &BadForm::Sum,
        &BadForm::AfterSum,
    ]);
    let genesis = codes(&[
        &GenesisReason::Domain,
        &GenesisReason::UnitTwice,
        &GenesisReason::Units,
        &GenesisReason::Bare,
        &GenesisReason::Elsewhere,
        &GenesisReason::RecordTwice,
        &GenesisReason::Waiting,
        &GenesisReason::Address,
        &GenesisReason::PeerTwice,
        &GenesisReason::Peers,
        &GenesisReason::Charter,
    ]);
    let log = codes(&[
        &AuditRule::Owner,
        &AuditRule::Time,
        &AuditRule::Twice,
        &NotRecorded::Place,
        &NotRecorded::Waiting,
    ]);
    let file = codes(&[
        &AuditReason::Domain,
        &AuditReason::Node,
        &AuditReason::Order,
        &AuditReason::Bare,
        &AuditReason::Elsewhere,
        &AuditReason::RecordTwice,
        &AuditReason::Waiting,
        &AuditReason::Charter,
        &AuditReason::Follow,
        &AuditReason::Beside,
        &AuditReason::Opening,
        &AuditReason::Close,
        &AuditReason::Ready,
        &AuditReason::Proposal,
        &AuditReason::Action,
        &AuditReason::EntryTwice,
        &AuditReason::EntryMissing,
        &AuditReason::EntryUnnamed,
        &AuditReason::EntryEpoch,
        &AuditReason::EntrySignature,
        &AuditReason::EntryReady,
        &AuditReason::EntryPayer,
        &AuditReason::ProofMissing,
        &AuditReason::ProofUnnamed,
        &AuditReason::ProofEpoch,
        &AuditReason::Sealed,
        &AuditReason::Head,
    ]);
    let all = [sheet, genesis, log, file].concat();
    let unique: BTreeSet<_> = all.iter().collect();
    assert_eq!(unique.len(), all.len());
    for code in all {
        let is_spelled = |c: char| c.is_ascii_lowercase() || c == '.' || c == '_';
        assert!(code.contains('.') && code.chars().all(is_spelled), "{code}");
    }
}
