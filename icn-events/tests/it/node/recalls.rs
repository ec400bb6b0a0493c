//! The registrar is replaced: by votes, without its help, by whom members chose.

use std::sync::Arc;

use futures::executor::block_on;
use icn_events::node::{Authored, ChainRequest, RecallRequest, verify_store};
use icn_types::authority::{Grant, Vote};
use icn_types::chain::Owner;
use icn_types::error::{Coded as _, Fault};
use icn_types::id::RecordId;
use icn_types::key::{Keypair, Signer as _};
use icn_types::topic::Topic;

use super::coop::{FLOAT, Village};
use super::faults::Moment;
use super::hours;

fn successor() -> Keypair {
    Keypair::from_seed(&[95; 32])
}

fn partner() -> Keypair {
    Keypair::from_seed(&[96; 32])
}

/// Four members. The fourth has the successor's key. The first is registrar, and
/// has the key of a partner.
fn village(seed: u64) -> Village {
    let mut village = Village::new(seed, 4);
    for (member, key) in [(3, successor()), (0, partner())] {
        let store = Arc::new(village.stores[member].clone());
        village.open_with(member, &key, store);
    }
    village.until("nodes agree", Village::agree);
    village
}

impl Village {
    fn last_act(&self, node: usize) -> RecordId {
        let set = self.nodes[node].set();
        set.record(set.office_tip().unwrap()).id()
    }

    /// The votes of some members.
    fn votes(&self, members: &[usize], request: &RecallRequest) -> Vec<Vote> {
        let votes = members.iter().map(|&member| {
            let voted = self.nodes[member].agree_to_recall(request);
            voted.unwrap()
        });
        votes.flatten().collect()
    }

    fn recall(&mut self, request: &RecallRequest) -> Authored {
        let votes = self.votes(&[1, 2, 3], request);
        let times = self.times();
        block_on(self.nodes[3].recall(request, votes, times)).unwrap()
    }

    /// The registrar opens an account for the partner, while some nodes hear
    /// nothing of it.
    fn open_partner(&mut self, away: &[usize]) -> (ChainRequest, RecordId) {
        let topic = Topic::Ledger(self.coop.domain(), self.coop.hours);
        let request = ChainRequest {
            chain: topic.chain(Owner::Partner(9)),
            key: partner().public_key(),
            recovery: partner().public_key(),
            grant: Some(Grant {
                floor: -3_600,
                ceiling: i64::MAX,
                float: FLOAT,
            }),
        };
        let agreed = self.nodes[0].agree_to_chain(&request).unwrap();
        for &node in away {
            self.network.disconnect(self.peer(0), self.peer(node));
        }
        let times = self.times();
        let opened = self.nodes[0].open_chain(&request, agreed, 0, times);
        let opened = block_on(opened).unwrap().id();
        (request, opened)
    }

    fn partner_pays(&mut self, account: &ChainRequest) {
        let (unit, own, alice) = (self.coop.hours, account.chain.id(), self.coop.hours_of(0));
        let (times, request) = (self.times(), hours(alice, 1, 7));
        let paid = self.nodes[0].pay(&unit, &own, &request, times);
        block_on(paid).unwrap();
    }

    fn until_the_partner_has_paid(&mut self, account: &ChainRequest) {
        let (unit, own) = (self.coop.hours, account.chain.id());
        self.until("the partner has paid", |v| {
            let alice = v.coop.hours_of(0);
            let posted = |node| [own, alice].map(|chain| v.posted(node, unit, chain));
            (0..4).all(|node| posted(node) == [-3_600, 3_600]) && v.agree()
        });
    }
}

fn honouring(honoured: RecordId, adopted: Vec<RecordId>) -> RecallRequest {
    RecallRequest {
        honoured,
        successor: successor().public_key(),
        adopted,
    }
}

#[test]
fn more_than_two_thirds_replace_the_registrar_once() {
    let mut village = village(151);
    let request = honouring(village.last_act(1), Vec::new());
    let (times, before) = (village.times(), village.nodes[3].set().len());
    let few = village.votes(&[1, 3], &request);
    let twice = [few.clone(), few.clone()].concat();
    let charter = RecordId::from_bytes(*village.coop.domain().as_bytes());
    let for_others = village.votes(&[1, 2, 3], &honouring(charter, Vec::new()));
    for votes in [Vec::new(), few, twice, for_others] {
        let refused = block_on(village.nodes[3].recall(&request, votes, times)).unwrap_err();
        assert_eq!(
            (refused.code(), refused.fault()),
            ("node.votes", Fault::Caller)
        );
    }
    let votes = village.votes(&[1, 2, 3], &request);
    let refused = block_on(village.nodes[2].recall(&request, votes.clone(), times));
    assert_eq!(refused.unwrap_err().code(), "node.key", "not the successor");
    let unknown = honouring(RecordId::from_bytes([4; 32]), Vec::new());
    let refused = village.nodes[1].agree_to_recall(&unknown).unwrap_err();
    assert_eq!(refused.code(), "node.no_place");
    let refused = block_on(village.nodes[3].recall(&unknown, votes.clone(), times));
    assert_eq!(refused.unwrap_err().code(), "node.no_place");
    let nothing = honouring(request.honoured, vec![request.honoured]);
    let refused = block_on(village.nodes[3].recall(&nothing, votes, times));
    assert_eq!(refused.unwrap_err().code(), "adopt.open");
    assert_eq!(village.nodes[3].set().len(), before, "nothing is written");

    let recall = village.recall(&request);
    assert!(matches!(recall, Authored::New(_)));
    assert_eq!(village.recall(&request), Authored::Again(recall.id()));
    village.until("all know the successor", |v| {
        let key = Some(successor().public_key());
        v.nodes.iter().all(|node| node.set().registrar() == key) && v.agree()
    });
    let (times, alice) = (village.times(), village.coop.hours_of(0));
    let refused = block_on(village.nodes[0].freeze(&alice, times));
    assert_eq!(refused.unwrap_err().code(), "node.key");
    block_on(village.nodes[3].freeze(&alice, times)).unwrap();
    village.until("the successor's acts count", Village::agree);
    assert!(village.nodes[0].set().is_frozen(&alice));
}

#[test]
fn recall_keeps_the_opens_that_it_adopts() {
    let mut village = village(152);
    let honoured = village.last_act(1);
    let (account, opened) = village.open_partner(&[]);
    village.until("all know the account", Village::agree);
    village.recall(&honouring(honoured, vec![opened]));
    village.until("all know the successor", |v| {
        v.agree() && v.nodes[0].set().registrar() == Some(successor().public_key())
    });
    assert_eq!(
        village.nodes[1].set().opens_beside(&village.last_act(1)),
        []
    );
    village.partner_pays(&account);
    village.until_the_partner_has_paid(&account);
}

#[test]
fn successor_adopts_an_open_that_it_learns_of_later() {
    let mut village = village(153);
    let honoured = village.last_act(1);
    let (account, opened) = village.open_partner(&[1, 2, 3]);
    village.partner_pays(&account);
    village.recall(&honouring(honoured, Vec::new()));
    for node in 1..4 {
        let (first, other) = (village.peer(0), village.peer(node));
        village.network.reconnect(first, other);
    }
    village.until("the successor knows the account", |v| {
        v.agree() && v.nodes[3].set().opens_beside(&v.last_act(3)) == [opened]
    });
    let own = account.chain.id();
    let seat = |v: &Village| v.nodes[3].set().office().unwrap().seat(&own).is_some();
    assert!(!seat(&village), "dropped by the Recall");
    for store in &village.stores {
        let rows = verify_store(&village.coop.genesis, store);
        assert_eq!(
            block_on(rows).unwrap(),
            [],
            "rows follow the records all the same"
        );
    }
    let times = village.times();
    let refused = block_on(village.nodes[0].adopt(&[opened], times));
    assert_eq!(refused.unwrap_err().code(), "node.key");
    let refused = block_on(village.nodes[3].adopt(&[honoured], times));
    assert_eq!(refused.unwrap_err().code(), "adopt.open");
    let before = Moment::of(153, &village);
    let trial = before.trial(3, |village, store| {
        village.open_with(3, &successor(), store);
    });
    let ask = |village: &mut Village| {
        let times = village.times();
        Ok(vec![block_on(village.nodes[3].adopt(&[opened], times))?])
    };
    trial.is_carried_out_once(ask, |village, _| {
        assert!(seat(village), "as if it were written there");
        village.until_the_partner_has_paid(&account);
        assert_eq!(
            village.nodes[3].set().opens_beside(&village.last_act(3)),
            []
        );
    });
}
