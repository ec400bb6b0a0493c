//! What the review of snapshots of forks found.

use crate::market::Market;

/// Whoever forks at the end of a long chain has the whole account written down once
/// for each of the records there.
#[test]
fn snapshot_of_many_branches_is_not_larger_than_the_records() {
    let mut market = Market::new(2);
    let [a, b] = *market.chains.clone() else {
        panic!("two accounts");
    };
    for _ in 0..400 {
        market.pay(a, b, 1);
    }
    let mut sizes = Vec::new();
    let prev = market.tip(a);
    for branch in 0..200_u64 {
        market.pay_after(a, prev, b, 2 + branch);
        if [1, 99, 199].contains(&branch) {
            let set = &market.stage.set;
            let records: usize = set
                .slots()
                .map(|slot| set.record(slot).to_bytes().len())
                .sum();
            market.ledger.refresh(set);
            let pages = market.ledger.snapshot(set).unwrap();
            let pages: usize = pages.iter().map(Vec::len).sum();
            sizes.push((set.len(), records, pages));
        }
    }
    println!("{sizes:?}");
    let (_, records, pages) = sizes[2];
    assert!(pages < records, "{sizes:?}");
}
