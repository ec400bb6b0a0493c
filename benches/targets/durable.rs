//! Signed entries checked, applied and committed to redb, by batch size, next
//! to the bare check and the bare store.
#![expect(clippy::expect_used, reason = "a bench that cannot be set up ends")]

use std::time::Duration;

use criterion::measurement::WallTime;
use criterion::{BatchSize, BenchmarkGroup, Criterion, Throughput};
use icn_benches::{Arrival, BareLedger, BareRedb, Market, Node, Replica, sized};
use icn_store_redb::RedbStore;

fn main() {
    let mut criterion = Criterion::default().configure_from_args().without_plots();
    let mut market = Market::new(sized(1000, 4));
    let replica = market.replica();
    let entries = Arrival::all(&market.trade(sized(1000, 3)));
    let mut group = criterion.benchmark_group("entry::durable");
    group
        .sample_size(10)
        .measurement_time(Duration::from_secs(5));
    for batch in sized([1, 100, 1000], [1, 2, 9]) {
        let entries = &entries[..entries.len().min(batch * 100)];
        group.throughput(Throughput::Elements(entries.len() as u64));
        ingest(&mut group, batch, &replica, entries);
        bare_store(&mut group, batch, entries);
    }
    group.throughput(Throughput::Elements(entries.len() as u64));
    group.bench_function("bare-verify/batch=1", |b| {
        b.iter(|| Arrival::verify_all(&entries))
    });
    group.finish();
    criterion.final_summary();
}

fn ingest(
    group: &mut BenchmarkGroup<'_, WallTime>,
    batch: usize,
    replica: &Replica,
    entries: &[Arrival],
) {
    group.bench_function(format!("ours/batch={batch}"), |b| {
        b.iter_batched(
            || {
                let folder = tempfile::tempdir().expect("a folder");
                let store = RedbStore::open(folder.path().join("ours")).expect("a new store");
                (
                    Node::new(replica.clone(), store),
                    Arrival::unverified(entries),
                    folder,
                )
            },
            |(mut node, claims, folder)| {
                node.ingest(claims, entries, batch).expect("a sound store");
                (node, folder)
            },
            BatchSize::PerIteration,
        );
    });
}

fn bare_store(group: &mut BenchmarkGroup<'_, WallTime>, batch: usize, entries: &[Arrival]) {
    group.bench_function(format!("bare-store/batch={batch}"), |b| {
        b.iter_batched(
            || {
                let folder = tempfile::tempdir().expect("a folder");
                let store = BareRedb::create(&folder.path().join("bare"));
                (store, BareLedger::default(), folder)
            },
            |(mut store, mut ledger, folder)| {
                entries
                    .chunks(batch)
                    .for_each(|batch| store.commit(&mut ledger, batch));
                (store, folder)
            },
            BatchSize::PerIteration,
        );
    });
}
