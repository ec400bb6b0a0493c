//! What a host waits for when it starts again with a long history on redb, and
//! for the newest lines of an account.
//!
//! `cargo bench --bench reopen` measures; under `cargo test` one small round of
//! each runs, and nothing is asserted about time.
#![expect(clippy::expect_used, reason = "a bench that cannot be set up ends")]

use std::num::NonZeroU32;
use std::path::Path;
use std::sync::Arc;

use futures::executor::block_on;
use icn_benches::{Case, Market, Rounds, Trade, cpu_nanos, run, sized, title, verdict};
use icn_events::book::StoredBook;
use icn_events::genesis::Genesis;
use icn_events::node::{LeanNode, Node, NodeSettings, Saved, Stored};
use icn_ledger::book::{Batch, Book};
use icn_ledger::query::{Order, PageSize};
use icn_store_redb::RedbStore;
use icn_types::canon::{Raw, from_bytes};
use icn_types::host::{Batch as Rows, LocalNetwork, Store as _, Table};
use icn_types::key::{PeerId, Signer as _};
use icn_types::testkit::stage::key_of;
use tempfile::TempDir;

fn main() {
    run(&[("book", book), ("node", node)]);
}

/// Heads of the columns.
const EACH: [&str; 2] = ["ns each", "per second"];

fn timed<T>(work: impl FnOnce() -> T) -> (u64, T) {
    let start = cpu_nanos();
    let done = work();
    (cpu_nanos() - start, done)
}

fn open(path: &Path) -> StoredBook {
    let store = RedbStore::open(path).expect("a sound store");
    block_on(StoredBook::open(Arc::new(store))).expect("a sound book")
}

/// A book of many entries on redb: opened from its rows, and decided again.
fn book() {
    let entries = sized(1_000_000, 100);
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("book");
    let mut trade = Trade::new(sized(1000, 4));
    let mut stored = open(&path);
    block_on(stored.change(|book| trade.open(book))).expect("durable");
    let (write, ()) = timed(|| {
        for _ in 0..entries / sized(1000, 10) {
            let requests = trade.next(sized(1000, 10));
            let post = |book: &mut Book| book.post_all(Batch::Independent, &requests);
            let results = block_on(stored.change(post)).expect("durable");
            assert!(results.iter().all(Result::is_ok), "accepted");
        }
    });
    let before = stored.book().expect("durable").clone();
    drop(stored);
    let bytes: Vec<Vec<u8>> = before
        .entries()
        .map(|entry| entry.bytes().to_vec())
        .collect();
    let cases: Vec<Case<'_>> = vec![
        (
            "from rows on redb",
            Box::new(|| {
                let (time, stored) = timed(|| open(&path));
                assert_eq!(stored.book().expect("durable").head(), before.head());
                time
            }),
        ),
        (
            "every entry decided again, bytes in memory",
            Box::new(|| {
                let (time, book) = timed(|| Book::replay(bytes.iter().map(Vec::as_slice)));
                assert_eq!(book.expect("a book").head(), before.head());
                time
            }),
        ),
    ];
    let rounds = sized(9, 1);
    let times = Rounds::run(rounds, 1, cases);
    title(&format!("Opening a book of {entries} entries"), EACH);
    times.print();
    let each = write / u64::try_from(entries).expect("a number of entries");
    println!("| written, 1000 at once, per entry | {each} | |");
    let ours = times.nanos("from rows on redb").max(1);
    verdict("opened within 1 s", 1_000_000_000_000 / ours, 1000);
}

/// Every record by its append position, as a node keeps them.
const RECORDS: Table<u64, Raw> = Table::new("node/record", 1);

/// A cooperative of many accounts and the files of one of its nodes.
struct Coop {
    market: Market,
    genesis: Genesis,
    folder: TempDir,
}

impl Coop {
    fn new() -> Self {
        let market = Market::new(sized(1000, 4));
        let coop = Self {
            genesis: market.genesis(),
            market,
            folder: tempfile::tempdir().expect("a folder"),
        };
        drop(coop.open());
        coop
    }

    fn store(&self) -> Arc<RedbStore> {
        Arc::new(RedbStore::open(self.folder.path().join("node")).expect("a sound store"))
    }

    fn settings(&self) -> NodeSettings {
        let key = key_of(1, "node", 1).public_key();
        let transport = LocalNetwork::new().join(PeerId::new(key));
        let settings = NodeSettings::new(self.genesis.clone(), self.store(), Arc::new(transport));
        settings.expect("a unit")
    }

    fn open(&self) -> Node {
        block_on(self.settings().open()).expect("a sound store")
    }

    fn open_lean(&self) -> LeanNode {
        block_on(self.settings().open_lean()).expect("a sound store")
    }

    /// Puts further entries into the journal, as a node that took them in.
    fn trade(&mut self, entries: usize) {
        let store = self.store();
        let last = RECORDS.scan().descending().limit(NonZeroU32::MIN);
        let last = block_on(store.scan(&last)).expect("a sound store");
        let last = RECORDS.decode_key(&last.rows[0].key).expect("a position");
        let mut positions = last + 1..;
        for _ in 0..entries / sized(30_000, 30) {
            let mut batch = Rows::new();
            for record in self.market.trade(sized(10_000, 10)) {
                let position = positions.next().expect("few records");
                let raw = from_bytes(&record.to_bytes()).expect("canonical bytes");
                RECORDS.put(&mut batch, &position, &raw).expect("a batch");
            }
            block_on(store.commit(batch)).expect("durable");
        }
    }
}

/// A node with many records on redb: opened with each signature checked, and
/// with the hash that was written with them.
fn node() {
    for entries in sized([100_000, 1_000_000], [30, 60]) {
        let mut coop = Coop::new();
        coop.trade(entries);
        let (verified, node) = timed(|| coop.open());
        let len = node.set().len();
        title(&format!("Opening a node of {len} records"), EACH);
        println!("| each signature checked, rows derived | {verified} | |");
        drop(node);
        let by_hash = || {
            let (time, node) = timed(|| coop.open());
            assert_eq!(node.set().len(), len);
            time
        };
        let (time, mut node) = timed(|| coop.open_lean());
        // Few records make no snapshot due.
        let saved = block_on(node.save()).expect("durable");
        assert_eq!(saved, Saved::Written);
        drop(node);
        println!("| opened by hash and a snapshot written | {time} | |");
        let lean = || {
            let (time, node) = timed(|| coop.open_lean());
            assert!(!node.has_history(), "from the snapshot");
            time
        };
        let cases: Vec<Case<'_>> = vec![
            ("by hash, history read", Box::new(by_hash)),
            ("lean, from a snapshot", Box::new(lean)),
        ];
        let times = Rounds::run(sized(5, 1), 1, cases);
        times.print();
        let ours = times.nanos("lean, from a snapshot").max(1);
        verdict("opened within 1 s", 1_000_000_000_000 / ours, 1000);
        newest(&coop);
        newest_lines(&coop);
    }
}

/// The newest 50 records of an account, out of a store without its node.
fn newest(coop: &Coop) {
    let stored = Stored::new(coop.store());
    let mut accounts = coop.market.accounts().iter().step_by(7).cycle();
    let count = NonZeroU32::new(50).expect("a number");
    let len = sized(100, 3);
    let ask = || {
        let (time, ()) = timed(|| {
            for account in accounts.by_ref().take(len) {
                let found = block_on(stored.newest(account, count)).expect("a sound store");
                assert!(!found.is_empty(), "everybody trades");
            }
        });
        time
    };
    let name = "newest 50 of an account, out of the store";
    let times = Rounds::run(sized(9, 1), len, vec![(name, Box::new(ask))]);
    times.print();
    let bar = 500_000_000 / times.nanos(name).max(1);
    verdict("newest 50 within 500 us", bar, 1000);
}

/// The newest 50 lines of an account, out of the ledger of a node.
fn newest_lines(coop: &Coop) {
    let node = coop.open();
    let unit = node.ledgers().next().expect("one unit").unit().id();
    let query = node.query(&unit).expect("a unit of the genesis");
    let mut accounts = coop.market.accounts().iter().step_by(7).cycle();
    let size = PageSize::new(50).expect("a size");
    let len = sized(100, 3);
    let ask = || {
        let (time, ()) = timed(|| {
            for account in accounts.by_ref().take(len) {
                let page = query.lines(account, Order::NewestFirst, None, size);
                assert!(!page.expect("a page").rows.is_empty(), "everybody trades");
            }
        });
        time
    };
    let name = "newest 50 lines of an account, in memory";
    let times = Rounds::run(sized(9, 1), len, vec![(name, Box::new(ask))]);
    times.print();
    let bar = 50_000_000 / times.nanos(name).max(1);
    verdict("newest 50 within 50 us", bar, 1000);
}
