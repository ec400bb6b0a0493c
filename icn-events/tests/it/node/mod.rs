//! Whole nodes, joined in one process.

mod auditing;
mod batch;
mod chains;
mod clearing;
mod coop;
pub(crate) mod crash;
mod credit;
mod epochs;
mod evidence;
mod faults;
mod flow;
mod hostile;
mod idle;
mod joining;
mod lean;
mod lies;
mod mandates;
mod money;
mod queries;
mod recalls;
mod restart;
mod resume;
mod roll;
mod running;
mod seals;
mod settling;
mod stored;

use futures::executor::block_on;
use icn_governance::body::{Choice, Proposal, Subject};
use icn_ledger::{Leg, PaymentRequest};
use icn_types::amount::Amount;
use icn_types::authority::{Action, Outcome, ProposalId};
use icn_types::canon::List;
use icn_types::id::{ChainId, OperationKey, RecordId};
use icn_types::record::Record;

use coop::Village;

fn budget(village: &Village) -> Proposal {
    let coop = &village.coop;
    let action = Action::Pay {
        payer: coop.treasury(),
        payee: coop.supplier(),
        unit: coop.credits,
        amount: Amount::new(5_000).unwrap(),
    };
    Proposal {
        proposer: coop.members[0].inception.id(),
        nonce: [5; 32],
        subject: Subject::Actions(List::new([action]).unwrap()),
        text: None,
    }
}

fn hours(payee: ChainId, hours: u64, key: u8) -> PaymentRequest {
    PaymentRequest {
        legs: List::new([Leg {
            payee,
            amount: Amount::new(hours * 3600).unwrap(),
        }])
        .unwrap(),
        key: OperationKey::from_bytes([key; 32]),
        decision: None,
        effective: None,
        memo: None,
        cause: None,
    }
}

/// The records of a chain's spine, as one node holds them.
fn records(village: &Village, node: usize, chain: &ChainId) -> Vec<Record> {
    let set = village.nodes[node].set();
    let spine = set.spine(chain).iter();
    spine.map(|&slot| set.record(slot).clone()).collect()
}

/// The vote on a proposal, as one node knows it.
fn opening_of(village: &Village, node: usize, proposal: ProposalId) -> Option<RecordId> {
    let office = village.nodes[node].set().office()?;
    office
        .decisions()
        .find(|(_, decision)| decision.opening().proposal == proposal)
        .map(|(opening, _)| *opening)
}

/// Member 0 proposes, everybody votes on its own node.
fn propose_and_vote(village: &mut Village, proposal: Proposal, choices: &[Choice]) -> RecordId {
    let id = proposal.id();
    let (times, voice) = (village.times(), village.coop.voice_of(0));
    block_on(village.nodes[0].propose(&voice, proposal, times)).unwrap();
    village.until("every node knows the opening", |v| {
        (0..v.nodes.len()).all(|node| opening_of(v, node, id).is_some())
    });
    let opening = opening_of(village, 0, id).unwrap();
    for (member, choice) in choices.iter().enumerate() {
        let (times, voice) = (village.times(), village.coop.voice_of(member));
        block_on(village.nodes[member].vote(&voice, opening, *choice, times)).unwrap();
    }
    opening
}

#[test]
fn an_accepted_budget_is_paid_once_and_recorded_on_every_node() {
    let mut village = Village::new(1, 3);
    let proposal = budget(&village);
    let id = proposal.id();
    propose_and_vote(
        &mut village,
        proposal,
        &[Choice::Yes, Choice::Yes, Choice::No],
    );
    let (credits, supplier, treasury) = (
        village.coop.credits,
        village.coop.supplier(),
        village.coop.treasury(),
    );
    village.until("supplier is paid everywhere", |v| {
        (0..3).all(|node| v.posted(node, credits, supplier) == 5_000)
    });
    village.until("nodes agree", Village::agree);
    for node in 0..3 {
        assert_eq!(village.posted(node, credits, treasury), -5_000);
        let node = &village.nodes[node];
        let (_, decision) = node.set().office().unwrap().decisions().next().unwrap();
        assert_eq!(decision.close().unwrap().2, Outcome::Accepted);
    }
    village.until("audit lines", |v| {
        v.nodes
            .iter()
            .all(|node| node.audit().payment(node.set(), &id, 0).is_some())
    });
    for node in &village.nodes {
        let text = node.audit().export(node.set()).unwrap();
        let report = icn_events::audit::verify(&text, node.audit().head(node.set())).unwrap();
        assert_eq!(report.payments.len(), 1);
    }
}

#[test]
fn hours_of_three_members_come_out_as_seven_minus_five_and_minus_two() {
    let mut village = Village::new(2, 3);
    let unit = village.coop.hours;
    let accounts = [0, 1, 2].map(|member| village.coop.hours_of(member));
    let [alice, bob, charlie] = accounts;
    let trades = [
        (1, bob, alice, 10),
        (2, charlie, bob, 5),
        (0, alice, charlie, 3),
    ];
    for (number, (node, payer, payee, amount)) in (0..).zip(trades) {
        let times = village.times();
        let request = hours(payee, amount, number);
        block_on(village.nodes[node].pay(&unit, &payer, &request, times)).unwrap();
    }
    village.until("all is acknowledged", |v| {
        (0..3).all(|node| {
            accounts.map(|account| v.posted(node, unit, account))
                == [7 * 3600, -5 * 3600, -2 * 3600]
        })
    });
    village.until("nodes agree", Village::agree);
}

#[test]
fn a_cut_node_and_the_others_go_on_and_agree_after_the_link_heals() {
    let mut village = Village::new(3, 3);
    let unit = village.coop.hours;
    let [alice, bob, charlie] = [0, 1, 2].map(|member| village.coop.hours_of(member));
    for _ in 0..20 {
        village.round();
    }
    let peers = village
        .coop
        .members
        .iter()
        .map(coop::Person::peer)
        .collect::<Vec<_>>();
    village.network.disconnect(peers[2], peers[0]);
    village.network.disconnect(peers[2], peers[1]);
    let times = village.times();
    block_on(village.nodes[2].pay(&unit, &charlie, &hours(bob, 5, 1), times)).unwrap();
    block_on(village.nodes[0].pay(&unit, &alice, &hours(charlie, 3, 2), times)).unwrap();
    for _ in 0..50 {
        village.round();
    }
    assert!(!village.agree(), "a link that is cut brings nothing");
    village.network.reconnect(peers[2], peers[0]);
    village.network.reconnect(peers[2], peers[1]);
    village.until("nodes agree", |v| {
        v.agree() && v.posted(1, unit, bob) == 5 * 3600
    });
}
