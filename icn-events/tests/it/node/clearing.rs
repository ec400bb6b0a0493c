//! A clearing through nodes: each participant sets aside on its own one, and the
//! node of the clearing chain posts all or gives back.

use std::collections::BTreeSet;

use futures::executor::block_on;
use icn_events::node::Authored;
use icn_ledger::ResolveRequest;
use icn_ledger::batch::Batch;
use icn_ledger::clearing::{
    Cleared, Clearing, DueState, NotReady, Obligation, ObligationId, Terms, solve,
};
use icn_ledger::request::Request;
use icn_types::amount::Amount;
use icn_types::canon;
use icn_types::id::ChainId;
use icn_types::time::Timestamp;
use icn_types::topic::Topic;

use super::coop::Village;

const SEED: u64 = 161;

/// The node whose hours are the clearing chain.
const OFFICE: usize = 3;

fn participants(village: &Village) -> [ChainId; 3] {
    [0, 1, 2].map(|member| village.coop.hours_of(member))
}

/// What three members owe each other, solved on one node and sent to the others.
fn clearing(village: &Village, expires: u64) -> Clearing {
    let [alice, bob, charlie] = participants(village);
    let owed = [
        (alice, bob, 5),
        (bob, charlie, 4),
        (charlie, alice, 6),
        (alice, charlie, 1),
    ];
    let owed = (0..)
        .zip(owed)
        .map(|(number, (debtor, creditor, hours))| Obligation {
            id: ObligationId::from_bytes([number; 32]),
            debtor,
            creditor,
            amount: Amount::new(hours * 3_600).unwrap(),
        });
    let (domain, unit) = (village.coop.domain(), village.coop.hours);
    let terms = Terms {
        topic: Topic::Ledger(domain, unit).id(),
        resolver: village.coop.hours_of(OFFICE),
        expires: Timestamp::from_millis(expires),
    };
    let least = village.nodes[0].ledger(&unit).unwrap().unit().min_leg;
    let solution = solve(terms, least, &owed.collect::<Vec<_>>()).unwrap();
    assert_eq!(solution.total(), (3 * 4 + 2) * 3_600);
    canon::from_bytes(&canon::to_bytes(&solution.clearings()[0])).unwrap()
}

impl Village {
    fn set_aside(&mut self, member: usize, clearing: &Clearing) -> Vec<Authored> {
        let own = self.coop.hours_of(member);
        let holds = clearing.holds(&own).into_iter();
        let holds: Vec<(ChainId, Request)> = holds.map(|hold| (own, hold.into())).collect();
        let times = self.times();
        let results = self.nodes[member].author_all(Batch::Atomic, &holds, times);
        let results = block_on(results).unwrap();
        results.into_iter().map(Result::unwrap).collect()
    }

    fn cleared(&self, node: usize, clearing: &Clearing) -> Cleared {
        let query = self.nodes[node].query(&self.coop.hours).unwrap();
        query.clearing(clearing)
    }

    fn end(&mut self, request: &ResolveRequest) -> Authored {
        let (unit, own, times) = (self.coop.hours, self.coop.hours_of(OFFICE), self.times());
        block_on(self.nodes[OFFICE].resolve(&unit, &own, request, times)).unwrap()
    }

    fn everybody_posted(&self, atoms: i128) -> bool {
        let unit = self.coop.hours;
        (0..4).all(|node| {
            let all = participants(self).map(|chain| self.posted(node, unit, chain));
            all == [atoms; 3]
        })
    }
}

#[test]
fn ring_is_cleared_between_nodes_and_every_request_is_carried_out_once() {
    let mut village = Village::new(SEED, 4);
    let clearing = clearing(&village, 60_000);
    let holds = [0, 1, 2].map(|member| village.set_aside(member, &clearing));
    assert_eq!(holds.each_ref().map(Vec::len), [2, 1, 1]);
    village.until("all is set aside under seals", |v| {
        v.cleared(OFFICE, &clearing).post().is_ok()
    });
    let again = village.set_aside(0, &clearing);
    let first = holds[0].iter().map(|hold| Authored::Again(hold.id()));
    assert!(again.into_iter().eq(first));

    let request = village.cleared(OFFICE, &clearing).post().unwrap();
    let resolve = village.end(&request);
    assert!(matches!(resolve, Authored::New(_)));
    assert_eq!(village.end(&request), Authored::Again(resolve.id()));
    let is_taken = |state| matches!(state, DueState::Taken { .. });
    village.until("everybody has taken what is theirs", |v| {
        (0..4).all(|node| {
            v.cleared(node, &clearing)
                .dues
                .iter()
                .all(|one| is_taken(one.state))
        })
    });
    assert!(village.everybody_posted(0));
    village.until("nodes agree", Village::agree);
    let request = village.cleared(OFFICE, &clearing).post().unwrap();
    assert_eq!(village.end(&request), Authored::Again(resolve.id()));
    assert_eq!(village.forks(), []);
}

#[test]
fn silence_of_one_gives_back_what_the_others_set_aside() {
    let mut village = Village::new(SEED + 1, 4);
    let clearing = clearing(&village, 60_000);
    for member in [0, 2] {
        village.set_aside(member, &clearing);
    }
    let silent = BTreeSet::from([village.coop.hours_of(1)]);
    village.until("only one is waited for", |v| {
        let not_ready = v.cleared(OFFICE, &clearing).post().unwrap_err();
        not_ready.waits_for() == silent
    });
    let request = village.cleared(OFFICE, &clearing).give_up().unwrap();
    let resolve = village.end(&request).id();
    village.until("all is back", |v| v.everybody_posted(0) && v.agree());
    let void = Err(NotReady::Void { resolve });
    assert!((0..4).all(|node| village.cleared(node, &clearing).post() == void));

    // Whoever was late is not left with a hold.
    village.set_aside(1, &clearing);
    village.until("the clearing chain sees it", |v| {
        v.cleared(OFFICE, &clearing).give_up().is_some()
    });
    let request = village.cleared(OFFICE, &clearing).give_up().unwrap();
    assert_ne!(village.end(&request).id(), resolve);
    village.until("that is back as well", |v| {
        v.everybody_posted(0) && v.agree()
    });
}
