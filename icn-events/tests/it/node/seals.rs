//! Checkpoints that the registrar's node writes by itself.

use futures::executor::block_on;
use icn_ledger::remark::RemarkRequest;
use icn_types::authority::SEAL_ROWS_MAX;
use icn_types::chain::Owner;
use icn_types::id::ChainId;
use icn_types::time::Timestamp;
use icn_types::topic::Topic;

use super::coop::{Registrar, Village};
use super::hours;

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
