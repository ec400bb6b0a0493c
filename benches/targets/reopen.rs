//! What a host waits for when it starts again with a long history on redb, and
//! for the newest lines of an account.
//!
//! `cargo bench --bench reopen` measures; under `cargo test` one small round of
//! each runs, and nothing is asserted about time.
#![expect(clippy::expect_used, reason = "a bench that cannot be set up ends")]

use std::path::Path;
use std::sync::Arc;

use futures::executor::block_on;
use icn_benches::{Case, Rounds, Trade, cpu_nanos, is_measuring, print_machine, sized};
use icn_events::book::StoredBook;
use icn_ledger::book::{Batch, Book};
use icn_store_redb::RedbStore;

fn main() {
    print_machine();
    let wanted = std::env::args()
        .skip(1)
        .find(|argument| !argument.starts_with('-'));
    let bars: [(&str, fn()); 1] = [("book", book)];
    for (name, bar) in bars {
        if wanted.as_deref().is_none_or(|wanted| wanted == name) {
            bar();
        }
    }
}

fn title(text: &str) {
    println!("\n{text}\n\n| program | ns each | per second |\n|---|---|---|");
}

fn verdict(text: &str, thousandths: u64, bar: u64) {
    if is_measuring() {
        let word = if thousandths >= bar { "met" } else { "missed" };
        println!("\n{text}: {thousandths} / 1000, bar {bar}: {word}");
    }
}

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
    title(&format!("Opening a book of {entries} entries"));
    times.print();
    let each = write / u64::try_from(entries).expect("a number of entries");
    println!("| written, 1000 at once, per entry | {each} | |");
    let ours = times.nanos("from rows on redb").max(1);
    verdict("opened within 1 s", 1_000_000_000_000 / ours, 1000);
}
