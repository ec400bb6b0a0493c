//! Our paths beside their floors, in one process and in turn.
//!
//! `cargo bench --bench bars` measures; under `cargo test` one small round of
//! each runs, and nothing is asserted about time.
#![expect(clippy::expect_used, reason = "a bench that cannot be set up ends")]

use icn_benches::{
    Arrival, BareIndex, BareLedger, BareMap, BareRedb, Case, Decoded, Market, Node, Replica,
    Rounds, cpu_nanos, encode_and_hash, run, sized, title, told, verdict, wall_nanos,
};
use icn_store_redb::RedbStore;
use icn_types::host::MemoryStore;
use icn_types::record::{Content, Record};
use icn_types::sign::Signed;

fn main() {
    run(&[
        ("accounts", accounts),
        ("history", history),
        ("store", store),
        ("signed", signed),
        ("durable", durable),
    ]);
}

/// Heads of the columns.
const PER_ENTRY: [&str; 2] = ["ns per entry", "entries/s"];

/// The next entries of a list that is long enough for all rounds.
struct Supply<T>(std::vec::IntoIter<T>);

impl<T> Supply<T> {
    fn new(items: Vec<T>) -> Self {
        Self(items.into_iter())
    }

    fn next(&mut self, len: usize) -> Vec<T> {
        let items: Vec<T> = self.0.by_ref().take(len).collect();
        assert_eq!(items.len(), len, "too few entries were written");
        items
    }
}

fn timed(clock: fn() -> u64, work: impl FnOnce()) -> u64 {
    let start = clock();
    work();
    clock() - start
}

/// Applies the next entries of a market in each round.
fn applying(
    replica: &mut Replica,
    entries: Vec<Signed<Record>>,
    len: usize,
) -> Box<dyn FnMut() -> u64 + '_> {
    let mut supply = Supply::new(entries);
    Box::new(move || {
        let entries = supply.next(len);
        timed(cpu_nanos, || {
            entries.into_iter().for_each(|entry| replica.apply(entry))
        })
    })
}

/// Applies the same entries to bare hash maps of the same accounts.
fn applying_bare<'a>(
    ledger: &'a mut BareIndex,
    entries: &[Signed<Record>],
    len: usize,
) -> Box<dyn FnMut() -> u64 + 'a> {
    let decoded = entries.iter().map(|entry| Decoded::of(entry)).collect();
    let mut supply = Supply::new(decoded);
    Box::new(move || {
        let entries = supply.next(len);
        timed(cpu_nanos, || {
            for entry in &entries {
                ledger.apply(entry);
            }
        })
    })
}

/// A replica with a history, bare hash maps with the same one, and what comes
/// next.
struct World {
    replica: Replica,
    bare: BareIndex,
    coming: Vec<Signed<Record>>,
}

impl World {
    fn new(mut market: Market, history: &[Signed<Record>], coming: Trade<'_>) -> Self {
        let replica = market.replica();
        let mut bare = BareIndex::of(market.accounts());
        history
            .iter()
            .for_each(|entry| bare.apply(&Decoded::of(entry)));
        let coming = coming(&mut market);
        Self {
            replica,
            bare,
            coming,
        }
    }
}

/// Writes entries of a market.
type Trade<'a> = &'a dyn Fn(&mut Market) -> Vec<Signed<Record>>;

/// Two worlds, a small and a large one, ours beside bare hash maps. What no
/// ledger can do without grows, too: it finds hashes among more of them.
fn growth<const N: usize>(
    text: &str,
    names: [[&'static str; 2]; N],
    worlds: &mut [World; N],
    (rounds, len): (usize, usize),
) {
    let mut cases: Vec<Case<'_>> = Vec::new();
    for (world, [name, bare]) in worlds.iter_mut().zip(names) {
        let coming = core::mem::take(&mut world.coming);
        cases.push((bare, applying_bare(&mut world.bare, &coming, len)));
        cases.push((name, applying(&mut world.replica, coming, len)));
    }
    let times = Rounds::run(rounds, len, cases);
    title(text, PER_ENTRY);
    times.print();
    let [.., [small, bare_small], [large, bare_large]] = names.as_slice() else {
        return;
    };
    let flat = times.ratio(large, |of| of(small));
    verdict(&format!("{large} beside {small}"), flat, 800);
    let bare = times.ratio(bare_large, |of| of(bare_small));
    told(&format!("{bare_large} beside {bare_small}"), bare);
    told(
        "growth of the bare maps beside ours",
        flat * 1000 / bare.max(1),
    );
    worlds.iter().for_each(|world| world.replica.check());
}

/// The cost of an entry at many accounts, each of which was used before.
fn accounts() {
    let (rounds, len) = sized((15, 3000), (1, 30));
    let sizes = sized([10, 1000, 100_000], [3, 4, 5]);
    let mut worlds = sizes.map(|accounts| {
        let mut market = Market::new(accounts);
        let history = market.round();
        World::new(market, &history, &|market| market.trade(rounds * len / 3))
    });
    let names = [
        ["10 accounts", "bare maps of 10"],
        ["1,000 accounts", "bare maps of 1,000"],
        ["100,000 accounts", "bare maps of 100,000"],
    ];
    growth(
        "Apply in memory, by accounts",
        names,
        &mut worlds,
        (rounds, len),
    );
}

/// The cost of an entry after a long history.
fn history() {
    let (rounds, len) = sized((15, 2000), (1, 20));
    let lens = sized([1000, 100_000], [10, 20]);
    let mut worlds = lens.map(|len_before| {
        let mut market = Market::new(3);
        let history = market.trade_between(0, 1, 2 * len_before);
        World::new(market, &history, &|market| {
            market.trade_between(0, 1, rounds * len)
        })
    });
    let names = [
        ["after 1,000 entries", "bare maps after 1,000"],
        ["after 100,000 entries", "bare maps after 100,000"],
    ];
    let text = "Apply in memory, by history of one account";
    growth(text, names, &mut worlds, (rounds, len));
}

/// Entry by entry through the Store trait beside a bare map.
fn store() {
    let (rounds, len) = sized((15, 3000), (1, 30));
    let mut market = Market::new(sized(1000, 4));
    let mut node = Node::new(market.replica(), MemoryStore::new());
    let entries: Vec<(Content, Signed<Record>, Decoded)> = market
        .trade(rounds * len / 3)
        .into_iter()
        .map(|entry| (content_of(&entry), entry.clone(), Decoded::of(&entry)))
        .collect();
    let (mut ours, mut floor) = (Supply::new(entries.clone()), Supply::new(entries));
    let (mut ledger, mut map) = (BareLedger::default(), BareMap::default());
    let cases: Vec<Case<'_>> = vec![
        (
            "ours through the Store trait",
            Box::new(|| {
                let entries = ours.next(len);
                timed(cpu_nanos, || {
                    for (content, entry, decoded) in entries {
                        let header = entry.header().clone();
                        node.append(&header, content, entry, &decoded);
                    }
                })
            }),
        ),
        (
            "bare map",
            Box::new(|| {
                let entries = floor.next(len);
                timed(cpu_nanos, || {
                    for (_, entry, decoded) in entries {
                        let (body, id) = encode_and_hash(&entry);
                        assert_eq!(id, decoded.id, "another id");
                        let posted = ledger.apply(&decoded);
                        map.put(&decoded, body, posted);
                    }
                })
            }),
        ),
    ];
    let times = Rounds::run(rounds, len, cases);
    title("Unsigned append, five puts per entry in memory", PER_ENTRY);
    times.print();
    let ratio = times.ratio("ours through the Store trait", |of| of("bare map"));
    verdict("through the Store trait, beside the bare map", ratio, 850);
    node.replica.check();
}

fn content_of(record: &Record) -> Content {
    record.content().expect("a whole record").clone()
}

/// Entries that arrive one by one beside a bare signature check.
fn signed() {
    let (rounds, len) = sized((15, 600), (1, 30));
    let mut market = Market::new(sized(1000, 4));
    let (mut decoding, mut decoded) = (market.replica(), market.replica());
    let entries = Arrival::all(&market.trade(rounds * len / 3));
    let mut supplies = [0; 4].map(|_| Supply::new(entries.clone()));
    let [from_wire, from_memory, strict, bare] = &mut supplies;
    let cases: Vec<Case<'_>> = vec![
        (
            "ours from bytes: decode, verify, apply",
            Box::new(|| {
                let entries = from_wire.next(len);
                timed(cpu_nanos, || {
                    for entry in Arrival::unverified(&entries) {
                        decoding.receive(entry);
                    }
                })
            }),
        ),
        (
            "ours: verify, apply",
            Box::new(|| {
                let entries = Arrival::unverified(&from_memory.next(len));
                timed(cpu_nanos, || {
                    entries.into_iter().for_each(|entry| decoded.receive(entry))
                })
            }),
        ),
        (
            "bare verify_strict",
            Box::new(|| {
                let entries = strict.next(len);
                timed(cpu_nanos, || {
                    for entry in &entries {
                        entry.verify_strict();
                    }
                })
            }),
        ),
        (
            "bare verify",
            Box::new(|| {
                let entries = bare.next(len);
                timed(cpu_nanos, || Arrival::verify_all(&entries))
            }),
        ),
    ];
    let times = Rounds::run(rounds, len, cases);
    title("Signed, strict, one by one", PER_ENTRY);
    times.print();
    let floor = |of: &dyn Fn(&str) -> u64| of("bare verify_strict") + 1000;
    let ratio = times.ratio("ours from bytes: decode, verify, apply", floor);
    verdict("from bytes, beside bare verify_strict + 1 us", ratio, 950);
    // What a caller of the curve crate gets by its other function, with another
    // rule of acceptance.
    let floor = |of: &dyn Fn(&str) -> u64| of("bare verify") + 1000;
    let ratio = times.ratio("ours from bytes: decode, verify, apply", floor);
    verdict("from bytes, beside bare verify + 1 us", ratio, 900);
    let ratio = times.ratio("ours: verify, apply", floor);
    verdict("decoded, beside bare verify + 1 us", ratio, 900);
    decoding.check();
    decoded.check();
}

/// Verify, apply and commit durably beside bare verify and bare redb.
fn durable() {
    // The last commit of a round has nothing beside it, in ours alone: so many
    // that it weighs little.
    for (batch_len, batches) in [(1, 400), (100, 40), (1000, 40)] {
        let (rounds, batches) = sized((9, batches), (1, 1));
        durable_by(sized(batch_len, batch_len.min(9)), batches, rounds);
    }
}

fn durable_by(batch_len: usize, batches: usize, rounds: usize) {
    let len = batch_len * batches;
    let mut market = Market::new(sized(1000, 4));
    let folder = tempfile::tempdir().expect("a folder");
    let store = RedbStore::open(folder.path().join("ours")).expect("a new store");
    let mut node = Node::new(market.replica(), store);
    let mut bare = BareRedb::create(&folder.path().join("bare"));
    let mut ledger = BareLedger::default();
    let entries = Arrival::all(&market.trade((rounds * len).div_ceil(3)));
    let mut supplies = [0; 3].map(|_| Supply::new(entries.clone()));
    let [ours, verified, stored] = &mut supplies;
    let cases: Vec<Case<'_>> = vec![
        (
            "ours: verify, apply, commit",
            Box::new(|| {
                let entries = ours.next(len);
                let claims = Arrival::unverified(&entries);
                timed(wall_nanos, || {
                    node.ingest(claims, &entries, batch_len)
                        .expect("a sound store");
                })
            }),
        ),
        (
            "bare verify",
            Box::new(|| {
                let entries = verified.next(len);
                timed(wall_nanos, || Arrival::verify_all(&entries))
            }),
        ),
        (
            "bare redb",
            Box::new(|| {
                let entries = stored.next(len);
                timed(wall_nanos, || {
                    for batch in entries.chunks(batch_len) {
                        bare.commit(&mut ledger, batch);
                    }
                })
            }),
        ),
    ];
    let times = Rounds::run(rounds, len, cases);
    title(
        &format!("Durable, {batch_len} entries per commit"),
        PER_ENTRY,
    );
    times.print();
    let slower = |of: &dyn Fn(&str) -> u64| of("bare verify").max(of("bare redb"));
    let ratio = times.ratio("ours: verify, apply, commit", slower);
    verdict("beside the slower of bare verify and bare redb", ratio, 850);
    node.replica.check();
}
