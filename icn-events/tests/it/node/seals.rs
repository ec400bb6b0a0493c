//! Checkpoints that the registrar's node writes by itself.

use futures::executor::block_on;
use icn_ledger::remark::RemarkRequest;
use icn_types::authority::SEAL_ROWS_MAX;
use icn_types::chain::Owner;
use icn_types::host::MemoryStore;
use icn_types::id::ChainId;
use icn_types::record::Record;
use icn_types::time::Timestamp;
use icn_types::topic::Topic;

use super::coop::{Registrar, Village};
use super::{hours, records};

impl Village {
    /// More shared accounts, each opened for the treasurer.
    fn open_funds(&mut self, count: usize) -> Vec<ChainId> {
        let registrar = Registrar::join(self);
        let topic = Topic::Ledger(self.coop.domain(), self.coop.credits);
        let open = |number| {
            let chain = topic.chain(Owner::Shared(number));
            registrar.open_shared(self, chain, None);
            chain.id()
        };
        (1..).take(count).map(open).collect()
    }

    /// The first node writes something on an account.
    fn write_on(&mut self, chain: ChainId) {
        let (times, unit) = (self.times(), self.coop.credits);
        let until = Timestamp::from_millis(1);
        let close = RemarkRequest::Close { until };
        block_on(self.nodes[0].remark(&unit, &chain, &close, times)).unwrap();
    }

    fn is_sealed(&self, chain: &ChainId) -> bool {
        self.nodes[0].set().sealed_len(chain) > 0
    }
}

#[test]
fn chains_that_one_seal_does_not_hold_are_sealed_by_the_next_at_once() {
    let mut village = Village::new(71, 3);
    let funds = village.open_funds(SEAL_ROWS_MAX + 1);
    for fund in &funds {
        village.write_on(*fund);
    }
    village.until("some are sealed", |v| {
        funds.iter().any(|fund| v.is_sealed(fund))
    });
    assert!(funds.iter().all(|fund| village.is_sealed(fund)));
}

/// Whoever keeps the registrar busy with final Seals stops no checkpoint.
#[test]
fn freezing_accounts_delays_no_checkpoint() {
    let mut village = Village::new(72, 3);
    let funds = village.open_funds(6);
    let (payer, payee) = (village.coop.hours_of(0), village.coop.hours_of(1));
    village.rounds(30);
    let (times, unit) = (village.times(), village.coop.hours);
    block_on(village.nodes[0].pay(&unit, &payer, &hours(payee, 1, 1), times)).unwrap();
    for fund in &funds {
        let times = village.times();
        block_on(village.nodes[0].freeze(fund, times)).unwrap();
        village.rounds(10);
    }
    assert!(village.is_sealed(&payer));
}

/// A store that was lost comes back from others topic by topic. What a registrar
/// sealed then goes further than what it holds: a row before that would end its
/// own epoch, and one beside it would contradict itself.
#[test]
fn registrar_that_lacks_what_it_sealed_seals_nothing_before_it() {
    let mut village = Village::new(73, 3);
    let guest = Registrar::join(&village);
    let (unit, payer, payee) = (
        village.coop.hours,
        village.coop.hours_of(1),
        village.coop.hours_of(2),
    );
    for key in 0..3 {
        let times = village.times();
        block_on(village.nodes[1].pay(&unit, &payer, &hours(payee, 1, key), times)).unwrap();
    }
    village.until("all of it is sealed", |v| {
        v.nodes[0].set().sealed_len(&payer) == 3
    });
    let set = village.nodes[0].set();
    let is_kept = |record: &&Record| {
        record.chain() == set.authority() || (record.chain() == payer && record.seq() == 0)
    };
    let records = set.slots().map(|slot| set.record(slot));
    let kept: Vec<Record> = records.filter(is_kept).cloned().collect();

    for other in [1, 2] {
        village
            .network
            .disconnect(village.peer(0), village.peer(other));
    }
    village.stores[0] = MemoryStore::new();
    village.reopen(0);
    guest.repeat(&kept, village.peer(0));
    village.rounds(1);
    let (times, own) = (village.times(), village.coop.hours_of(0));
    block_on(village.nodes[0].pay(&unit, &own, &hours(payee, 1, 9), times)).unwrap();
    village.rounds(50);
    let set = village.nodes[0].set();
    assert_eq!(set.spine(&payer).len(), 1);
    assert!(set.len() >= kept.len());
    let last = set.spine(&set.authority()).last().copied();
    assert_eq!(set.office_tip(), last, "the registrar goes on");
    assert_eq!(set.sealed_len(&payer), 0);
    assert_eq!(set.sealed_len(&own), 1, "and others are sealed");
}

/// Bob hears of the Seal, then of the record that it stands on, and at last of
/// what that relies on: neither is about him, but below lies the payment that
/// he acknowledged.
#[test]
fn seal_that_comes_before_what_it_seals_is_named_once_that_is_valid() {
    let mut village = Village::new(102, 3);
    let guest = Registrar::join(&village);
    let unit = village.coop.hours;
    let [alice, bob, charlie] = [0, 1, 2].map(|member| village.coop.hours_of(member));
    let times = village.times();
    block_on(village.nodes[0].pay(&unit, &alice, &hours(charlie, 1, 1), times)).unwrap();
    village.until("an interval begins", |v| v.is_sealed(&alice));
    let times = village.times();
    block_on(village.nodes[2].pay(&unit, &charlie, &hours(bob, 1, 1), times)).unwrap();
    village.until("bob has it", |v| v.posted(2, unit, bob) == 3_600);
    let unsealed = |village: &Village| {
        let node = &village.nodes[1];
        let ledger = node.ledger(&unit).unwrap();
        ledger.waits_for_seal(node.set(), &bob)
    };
    assert!(unsealed(&village));
    for other in [0, 2] {
        let (one, other) = (village.peer(1), village.peer(other));
        village.network.disconnect(one, other);
    }
    let times = village.times();
    block_on(village.nodes[2].pay(&unit, &charlie, &hours(alice, 1, 2), times)).unwrap();
    village.until("all of charlie's chain is sealed", |v| {
        v.nodes[0].set().sealed_len(&charlie) == v.nodes[2].set().spine(&charlie).len()
    });
    let chains = [village.nodes[0].set().authority(), charlie, alice];
    let [acts, entries, named] = chains.map(|chain| records(&village, 0, &chain));
    let to = village.peer(1);
    guest.repeat(&acts, to);
    village.rounds(5);
    assert!(village.nodes[1].set().sealed_len(&charlie) < entries.len());
    assert!(unsealed(&village));
    // The last of them names a record of Alice, who was not heard either.
    guest.repeat(&entries, to);
    village.rounds(5);
    let set = village.nodes[1].set();
    assert_eq!(set.sealed_len(&charlie), entries.len());
    assert!(unsealed(&village));
    guest.repeat(&named, to);
    village.rounds(5);
    assert!(!unsealed(&village), "it names the Seal");
}
