//! What a host asks, after short and long histories of two accounts that pay
//! each other.
#![expect(clippy::expect_used, reason = "a bench that cannot be set up ends")]

use std::hint::black_box;
use std::time::Duration;

use criterion::{BatchSize, Criterion, Throughput};
use icn_benches::{Market, Replica, sized};
use icn_ledger::query::{Cursor, Dates, Order, PageSize, Query, Register};
use icn_types::id::ChainId;
use icn_types::time::Timestamp;

fn main() {
    let mut criterion = Criterion::default().configure_from_args().without_plots();
    criterion = criterion
        .sample_size(20)
        .measurement_time(Duration::from_secs(2));
    let lengths: &[usize] = sized(&[1000, 100_000], &[20]);
    for &length in lengths {
        let mut market = Market::new(3);
        market.trade_between(0, 1, length);
        let replica = market.replica();
        follow(&mut criterion, length, &replica);
        let account = market.accounts()[0];
        let mut register = Register::new();
        let query = register.query(&replica.set, &replica.ledger);
        ask(&mut criterion, length, &query, &account);
    }
    criterion.final_summary();
}

/// A register that is built from nothing, per entry.
fn follow(criterion: &mut Criterion, length: usize, replica: &Replica) {
    let mut group = criterion.benchmark_group("query::register");
    group.throughput(Throughput::Elements(length as u64));
    group.bench_function(format!("entries={length}"), |b| {
        b.iter_batched(
            Register::new,
            |mut register| {
                black_box(register.query(&replica.set, &replica.ledger));
                register
            },
            BatchSize::PerIteration,
        );
    });
}

fn ask(criterion: &mut Criterion, length: usize, query: &Query<'_>, account: &ChainId) {
    let size = PageSize::new(50).expect("a size");
    let mut bench = |name: &str, ask: &dyn Fn()| {
        criterion.bench_function(&format!("query::{name}/entries={length}"), |b| {
            b.iter(ask);
        });
    };
    let lines = |after: Option<Cursor>| {
        let page = query.lines(account, Order::NewestFirst, after, size);
        page.expect("a page")
    };
    bench("newest_50", &|| {
        black_box(lines(None));
    });
    let next = lines(None).next;
    bench("next_50", &|| {
        black_box(lines(next));
    });
    bench("by_date_50", &|| {
        black_box(query.by_date(Dates::ALL, Order::NewestFirst, None, size));
    });
    bench("position_on", &|| {
        black_box(query.position_on(account, Timestamp::from_millis(1)));
    });
    let middle = length as u64 / 4;
    bench("statement_50", &|| {
        let page = query.statement(account, middle, u64::MAX, None, size);
        black_box(page.expect("a page"));
    });
}
