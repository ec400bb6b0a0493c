//! Who joins gets an account, who leaves is frozen; each once.

use std::sync::Arc;

use futures::executor::block_on;
use icn_events::node::{AuthorError, Authored, ChainRequest};
use icn_governance::body::Proposal;
use icn_types::authority::{Grant, RollChange};
use icn_types::canon::List;
use icn_types::chain::Owner;
use icn_types::error::Coded as _;
use icn_types::key::{Inception, Keypair, MemberId, Signer as _};
use icn_types::topic::Topic;

use super::coop::{FLOAT, Village};
use super::faults::Moment;
use super::{budget, hours, opening_of};

const SEED: u64 = 131;

fn newcomer() -> Keypair {
    Keypair::from_seed(&[66; 32])
}

fn inception(village: &Village) -> Inception {
    Inception {
        key: newcomer().public_key(),
        ..village.coop.members[0].inception.clone()
    }
}

fn joining(village: &Village) -> RollChange {
    RollChange {
        join: List::new([inception(village)]).unwrap(),
        leave: List::empty(),
    }
}

fn leaving(member: MemberId) -> RollChange {
    RollChange {
        join: List::empty(),
        leave: List::new([member]).unwrap(),
    }
}

fn change(village: &mut Village, change: &RollChange) -> Result<Authored, AuthorError> {
    let times = village.times();
    block_on(village.nodes[0].change_roll(change, times))
}

#[test]
fn newcomer_joins_gets_an_account_and_leaves() {
    let mut village = Village::new(SEED, 3);
    let unit = village.coop.hours;
    let request = joining(&village);
    let joined = change(&mut village, &request).unwrap();
    let again = change(&mut village, &request).unwrap();
    assert_eq!(again, Authored::Again(joined.id()));
    let times = village.times();
    let away = leaving(inception(&village).id());
    let refused = block_on(village.nodes[1].change_roll(&away, times));
    assert_eq!(refused.unwrap_err().code(), "node.key");

    let settings = village
        .coop
        .settings(2, Arc::new(village.stores[2].clone()), &village.network)
        .with_signer(Arc::new(newcomer()));
    village.nodes[2] = block_on(settings.open()).unwrap();
    let member = inception(&village).id();
    village.until("the roll is known", |v| {
        v.nodes[2].set().office().unwrap().member(&member).is_some()
    });
    let topic = Topic::Ledger(village.coop.domain(), unit);
    let account = ChainRequest {
        chain: topic.chain(Owner::Member(member, 0)),
        key: newcomer().public_key(),
        recovery: newcomer().public_key(),
        grant: Some(Grant {
            floor: -3_600,
            ceiling: i64::MAX,
            float: FLOAT,
        }),
    };
    let agreed = village.nodes[2].agree_to_chain(&account).unwrap();
    let times = village.times();
    let opened = village.nodes[0].open_chain(&account, agreed, 3_600, times);
    block_on(opened).unwrap();
    let (own, alice) = (account.chain.id(), village.coop.hours_of(0));
    village.until("the account is open", |v| {
        v.nodes[2].set().office().unwrap().seat(&own).is_some()
    });
    let times = village.times();
    block_on(village.nodes[2].pay(&unit, &own, &hours(alice, 1, 1), times)).unwrap();
    village.until("alice is paid", |v| {
        v.agree() && v.posted(0, unit, alice) == 3_600
    });

    let left = change(&mut village, &leaving(member)).unwrap();
    let again = change(&mut village, &leaving(member)).unwrap();
    assert_eq!(again, Authored::Again(left.id()));
    let before = village.nodes[0].set().len();
    let nobody = change(&mut village, &leaving(MemberId::from_bytes([9; 32])));
    assert_eq!(nobody.unwrap_err().code(), "roll.member");
    assert_eq!(village.nodes[0].set().len(), before, "nothing is written");
    let times = village.times();
    block_on(village.nodes[0].freeze(&own, times)).unwrap();
    village.until("nodes agree", Village::agree);
    let times = village.times();
    let frozen = block_on(village.nodes[2].pay(&unit, &own, &hours(alice, 1, 2), times));
    assert_eq!(frozen.unwrap_err().code(), "authorize.frozen");
    // Who comes back joins anew.
    let back = change(&mut village, &request).unwrap();
    assert!(matches!(back, Authored::New(_)));
}

#[test]
fn roll_changes_once_whichever_way_the_commit_fails() {
    let village = Village::new(SEED, 3);
    let request = joining(&village);
    let before = Moment::of(SEED, &village);
    let trial = before.trial(0, |village, store| village.open_on(0, store));
    let ask = |village: &mut Village| Ok(vec![change(village, &request)?]);
    trial.is_carried_out_once(ask, |village, _| {
        village.until("nodes agree", Village::agree);
        let office = village.nodes[2].set().office().unwrap();
        assert_eq!(office.roll().len(), 4);
    });
}

#[test]
fn proposal_of_who_left_is_opened_once_they_are_back() {
    for is_reopened in [false, true] {
        let mut village = Village::new(SEED + 1, 4);
        village.rounds(10);
        for other in [0, 1, 3] {
            village
                .network
                .disconnect(village.peer(2), village.peer(other));
        }
        let member = village.coop.members[2].inception.clone();
        change(&mut village, &leaving(member.id())).unwrap();
        let proposal = Proposal {
            proposer: member.id(),
            ..budget(&village)
        };
        let id = proposal.id();
        let (voice, times) = (village.coop.voice_of(2), village.times());
        block_on(village.nodes[2].propose(&voice, proposal, times)).unwrap();
        for other in [0, 1, 3] {
            village
                .network
                .reconnect(village.peer(2), village.peer(other));
        }
        village.until("the registrar knows the proposal", |v| {
            v.agree() && v.nodes[0].governance().proposal(&id).is_some()
        });
        village.rounds(5);
        assert_eq!(opening_of(&village, 0, id), None);
        if is_reopened {
            village.reopen(0);
        }
        let back = RollChange {
            join: List::new([member]).unwrap(),
            leave: List::empty(),
        };
        change(&mut village, &back).unwrap();
        village.until("it is opened", |v| opening_of(v, 0, id).is_some());
    }
}
