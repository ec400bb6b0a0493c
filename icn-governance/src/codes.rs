//! Every error code of the crate, once.

use alloc::boxed::Box;
use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use icn_types::authority::{Outcome, ProposalId};
use icn_types::error::Coded;
use icn_types::id::RecordId;

use crate::author::Refusal;
use crate::charter::Flaw;
use crate::count::{Deviation, Falsehood, Recount};
use crate::rules::VoteRule;
use crate::scene::now;
use crate::tally::Excess;

pub(crate) const fn rules() -> [VoteRule; 12] {
    [
        VoteRule::ProposalProposer,
        VoteRule::BallotOpening,
        VoteRule::BallotRoll,
        VoteRule::BallotAgain,
        VoteRule::ReceiptBallot,
        VoteRule::ReceiptTeller,
        VoteRule::ReceiptShut,
        VoteRule::ReceiptTwice,
        VoteRule::ShutOpening,
        VoteRule::ShutTeller,
        VoteRule::ShutEarly,
        VoteRule::ShutTwice,
    ]
}

fn all() -> Vec<Box<dyn Coded>> {
    let mut all: Vec<Box<dyn Coded>> = Vec::from([Box::new(Excess) as Box<dyn Coded>]);
    for rule in rules() {
        all.push(Box::new(rule));
    }
    for flaw in [
        Flaw::Tellers,
        Flaw::TwoCloses,
        Flaw::Period,
        Flaw::QuorumOutOfReach,
        Flaw::ThresholdOutOfReach,
        Flaw::Minority,
        Flaw::ThresholdOfNothing,
        Flaw::VetoByNobody,
        Flaw::VetoByOne,
    ] {
        all.push(Box::new(flaw));
    }
    for deviation in [
        Deviation::Charter,
        Deviation::Proposal,
        Deviation::Actions,
        Deviation::Rule,
        Deviation::Terms,
    ] {
        all.push(Box::new(deviation));
    }
    let record = RecordId::from_bytes([1; 32]);
    for falsehood in [Falsehood::Shut(record), Falsehood::SameTeller(record)] {
        all.push(Box::new(falsehood));
    }
    for refusal in [
        Refusal::NoPlace,
        Refusal::NotOwner,
        Refusal::NoRules,
        Refusal::UnknownProposal(ProposalId::from_bytes([1; 32])),
        Refusal::UnknownOpening(record),
        Refusal::UnknownClose(record),
        Refusal::NotOnRoll,
        Refusal::NotTeller,
        Refusal::Closed,
        Refusal::Late,
        Refusal::Early { until: now(0) },
        Refusal::Shuts { have: 0, needed: 1 },
        Refusal::Deviates(Deviation::Rule),
        Refusal::NotConfirmed(Recount::Confirmed),
        Refusal::NotAccepted(Outcome::Tied),
        Refusal::Unwritable,
    ] {
        all.push(Box::new(refusal));
    }
    all
}

#[test]
fn codes_are_dotted_lower_case_and_unique() {
    let mut seen = BTreeSet::new();
    for error in all() {
        let code = error.code();
        let plain = |c: char| c.is_ascii_lowercase() || c == '.' || c == '_';
        assert!(code.contains('.') && code.chars().all(plain), "{code}");
        assert!(seen.insert(code), "{code} twice");
    }
}

#[test]
fn messages_are_one_lower_case_line_without_a_full_stop() {
    for error in all() {
        let text = alloc::format!("{error}");
        assert!(!text.ends_with('.') && !text.contains('\n'), "{text}");
        assert!(!text.starts_with(char::is_uppercase), "{text}");
    }
}
