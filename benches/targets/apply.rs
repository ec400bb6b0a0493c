//! Entries whose signature was checked, applied in memory and through the
//! Store trait. Each payment has two legs and is followed by both
//! acknowledgements.

use std::time::Duration;

use criterion::measurement::WallTime;
use criterion::{BatchSize, BenchmarkGroup, Criterion, Throughput};
use icn_benches::{Decoded, Market, Node, Replica, sized};
use icn_types::host::MemoryStore;
use icn_types::record::Record;
use icn_types::sign::Signed;

fn main() {
    let mut criterion = Criterion::default().configure_from_args().without_plots();
    let sizes: &[u32] = sized(&[10, 1000, 100_000], &[3]);
    for &accounts in sizes {
        let mut market = Market::new(accounts);
        let replica = market.replica();
        let entries = market.trade(sized(1000, 10));
        apply(&mut criterion, accounts, &replica, &entries);
        append(&mut criterion, accounts, &replica, &entries);
    }
    criterion.final_summary();
}

fn group<'c>(
    criterion: &'c mut Criterion,
    name: &str,
    entries: usize,
) -> BenchmarkGroup<'c, WallTime> {
    let mut group = criterion.benchmark_group(name);
    group
        .sample_size(10)
        .measurement_time(Duration::from_secs(3))
        .throughput(Throughput::Elements(entries as u64));
    group
}

fn apply(criterion: &mut Criterion, accounts: u32, replica: &Replica, entries: &[Signed<Record>]) {
    let mut group = group(criterion, "ledger::apply", entries.len());
    group.bench_function(format!("accounts={accounts}"), |b| {
        b.iter_batched(
            || (replica.clone(), entries.to_vec()),
            |(mut replica, entries)| {
                entries.into_iter().for_each(|entry| replica.apply(entry));
                replica
            },
            BatchSize::PerIteration,
        );
    });
}

fn append(criterion: &mut Criterion, accounts: u32, replica: &Replica, entries: &[Signed<Record>]) {
    let decoded: Vec<Decoded> = entries.iter().map(|entry| Decoded::of(entry)).collect();
    let mut group = group(criterion, "ledger::store", entries.len());
    group.bench_function(format!("accounts={accounts}"), |b| {
        b.iter_batched(
            || {
                (
                    Node::new(replica.clone(), MemoryStore::new()),
                    entries.to_vec(),
                )
            },
            |(mut node, entries)| {
                for (entry, decoded) in entries.into_iter().zip(&decoded) {
                    node.apply(entry, decoded);
                }
                node
            },
            BatchSize::PerIteration,
        );
    });
}
