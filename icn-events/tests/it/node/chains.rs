//! Chains that are opened after the founding: voices, accounts, audit logs.

use std::sync::Arc;

use futures::executor::block_on;
use icn_events::audit::audit_chain;
use icn_events::node::{Authored, ChainRequest};
use icn_governance::body::Choice;
use icn_types::authority::{Grant, RollChange};
use icn_types::canon::List;
use icn_types::chain::{Chain, Owner};
use icn_types::error::{Coded as _, Fault};
use icn_types::id::UnitId;
use icn_types::key::{Inception, Keypair, PeerId, Signature, Signer as _};
use icn_types::topic::Topic;

use super::coop::{FLOAT, Village};
use super::{budget, hours, propose_and_vote};

fn stranger() -> Keypair {
    Keypair::from_seed(&[91; 32])
}

/// A village whose third node has the stranger's key as well.
fn village(seed: u64) -> Village {
    let mut village = Village::new(seed, 3);
    let settings = village
        .coop
        .settings(2, Arc::new(village.stores[2].clone()), &village.network)
        .with_signer(Arc::new(stranger()));
    village.nodes[2] = block_on(settings.open()).unwrap();
    village
}

fn first(chain: Chain, floor: Option<i64>) -> ChainRequest {
    ChainRequest {
        chain,
        key: stranger().public_key(),
        recovery: stranger().public_key(),
        grant: floor.map(|floor| Grant {
            floor,
            ceiling: i64::MAX,
            float: FLOAT,
        }),
    }
}

impl Village {
    /// The third node agrees, the registrar opens.
    fn open_chain(&mut self, request: &ChainRequest) -> Authored {
        let agreed = self.nodes[2].agree_to_chain(request).unwrap();
        let times = self.times();
        let opened = self.nodes[0].open_chain(request, agreed, 0, times);
        let opened = block_on(opened).unwrap();
        self.until("nodes agree", Self::agree);
        opened
    }
}

#[test]
fn newcomer_votes_once_the_voice_is_open() {
    let mut village = village(141);
    let member = Inception {
        key: stranger().public_key(),
        ..village.coop.members[0].inception.clone()
    };
    let owner = Owner::Member(member.id(), 0);
    let joins = RollChange {
        join: List::new([member]).unwrap(),
        leave: List::empty(),
    };
    let voice = first(Topic::Governance(village.coop.domain()).chain(owner), None);
    let early = village.nodes[2].agree_to_chain(&voice);
    assert_eq!(early.unwrap_err().code(), "node.key", "not on the roll yet");
    let times = village.times();
    block_on(village.nodes[0].change_roll(&joins, times)).unwrap();
    village.until("the roll is known", Village::agree);
    village.open_chain(&voice);
    let proposal = budget(&village);
    let opening = propose_and_vote(&mut village, proposal, &[Choice::Yes, Choice::No]);
    let (times, own) = (village.times(), voice.chain.id());
    block_on(village.nodes[2].vote(&own, opening, Choice::Yes, times)).unwrap();
    let credits = village.coop.credits;
    village.until("two of three make it pass", |v| {
        (0..3).all(|node| v.posted(node, credits, v.coop.supplier()) == 5_000)
    });
}

#[test]
fn partner_is_paid_once_an_account_is_open() {
    let mut village = village(142);
    let (domain, unit) = (village.coop.domain(), village.coop.hours);
    let account = Topic::Ledger(domain, unit).chain(Owner::Partner(77));
    let (own, request) = (account.id(), first(account, Some(0)));
    let (alice, times) = (village.coop.hours_of(0), village.times());
    let two = hours(own, 2, 1);
    let early = village.nodes[0].pay(&unit, &alice, &two, times);
    assert_eq!(block_on(early).unwrap_err().code(), "authorize.account");
    let opened = village.open_chain(&request);
    assert_eq!(village.open_chain(&request), Authored::Again(opened.id()));
    let times = village.times();
    block_on(village.nodes[0].pay(&unit, &alice, &two, times)).unwrap();
    village.until("the partner is paid", |v| {
        (0..3).all(|node| v.posted(node, unit, own) == 2 * 3_600)
    });
}

#[test]
fn new_node_keeps_an_audit_log_once_it_is_open() {
    let mut village = village(143);
    let peer = PeerId::new(stranger().public_key());
    let log = first(audit_chain(village.coop.domain(), peer), None);
    village.open_chain(&log);
    let office = village.nodes[1].set().office().unwrap();
    let seat = office.seat(&log.chain.id()).unwrap();
    assert_eq!(seat.key(), stranger().public_key());
}

#[test]
fn chain_is_opened_for_its_writer_and_where_somebody_follows_it() {
    let mut village = village(144);
    let (domain, times) = (village.coop.domain(), village.times());
    let ledger = Topic::Ledger(domain, village.coop.hours);
    let partner = first(ledger.chain(Owner::Partner(78)), Some(0));
    let before = village.nodes[0].set().len();
    let refused = village.nodes[1].agree_to_chain(&partner).unwrap_err();
    assert_eq!(refused.code(), "node.key", "its key is elsewhere");
    let anything = Signature::from_bytes([1; 64]);
    let refused = village.nodes[0].open_chain(&partner, anything, 0, times);
    assert_eq!(block_on(refused).unwrap_err().code(), "open.consent");
    let other_unit = Topic::Ledger(domain, UnitId::from_bytes([8; 32]));
    let peer = PeerId::new(stranger().public_key());
    for chain in [
        other_unit.chain(Owner::Partner(78)),
        Topic::Audit(domain, peer).chain(Owner::Partner(78)),
        Topic::Audit(domain, village.peer(1)).chain(Owner::Node(peer)),
    ] {
        let nowhere = first(chain, None);
        let refused = village.nodes[2].agree_to_chain(&nowhere).unwrap_err();
        assert_eq!(
            (refused.code(), refused.fault()),
            ("node.no_topic", Fault::Caller)
        );
        let refused = village.nodes[0].open_chain(&nowhere, anything, 0, times);
        assert_eq!(block_on(refused).unwrap_err().code(), "node.no_topic");
    }
    assert_eq!(village.nodes[0].set().len(), before, "nothing is written");
}
