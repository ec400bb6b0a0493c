//! A book beside the least program with the same entries: encode, hash, balance
//! rule, and an index by id, by key and by account.
//!
//! `cargo bench --bench book` measures; under `cargo test` one small round of
//! each runs, and nothing is asserted about time. Both programs write the same
//! bytes and must end with the same id.
#![expect(clippy::expect_used, reason = "a bench that cannot be set up ends")]

use icn_benches::{Case, FastMap, Rounds, Trade, cpu_nanos, run, sized, title, told, verdict};
use icn_ledger::book::{Action, Batch, Book, EntryId, Request, UnitKey};
use icn_types::canon::{Encode as _, Writer};
use icn_types::hash::sha256;

fn main() {
    run(&[("post", post), ("history", history), ("reads", reads)]);
}

/// Heads of the columns.
const EACH: [&str; 2] = ["ns each", "per second"];

fn timed(work: impl FnOnce()) -> u64 {
    let start = cpu_nanos();
    work();
    cpu_nanos() - start
}

/// A book with the accounts, and the floor program after the same entries.
fn start(trade: &Trade) -> (Book, Bare) {
    let mut book = Book::new();
    trade.open(&mut book);
    let bare = Bare::after(&book, trade.accounts());
    (book, bare)
}

type Map = FastMap<u64, u32>;

fn prefix(bytes: &[u8; 32]) -> u64 {
    u64::from_be_bytes(*bytes.first_chunk().expect("32 bytes"))
}

/// The floor: one unit, one floor for all, no check of anything else.
#[derive(Clone, Default)]
struct Bare {
    bytes: Writer,
    ends: Vec<usize>,
    head: Option<EntryId>,
    by_id: Map,
    by_key: Map,
    positions: Vec<i128>,
    newest: Vec<u32>,
    /// Entry and the step before it of the same account.
    steps: Vec<(u32, u32)>,
}

impl Bare {
    fn after(book: &Book, accounts: usize) -> Self {
        Self {
            head: book.head(),
            positions: vec![0; accounts],
            newest: vec![u32::MAX; accounts],
            ..Self::default()
        }
    }

    fn post(&mut self, request: &Request) {
        let number = u32::try_from(self.ends.len()).expect("few entries");
        let key = prefix(request.key.as_bytes());
        assert!(!self.by_key.contains_key(&key), "a new key");
        let Action::Transfer(pay) = &request.action else {
            unreachable!("only transfers are traded");
        };
        for (parts, sign) in [(&pay.payers, -1), (&pay.payees, 1)] {
            for part in parts {
                let at = part.account.index();
                self.positions[at] += sign * i128::from(part.amount.get());
                assert!(
                    self.positions[at] >= i128::from(Trade::FLOOR),
                    "within the floor"
                );
                let step = u32::try_from(self.steps.len()).expect("few steps");
                self.steps.push((number, self.newest[at]));
                self.newest[at] = step;
            }
        }
        let start = self.bytes.as_bytes().len();
        let w = &mut self.bytes;
        w.array(3);
        w.text("icn/ledger/book-entry/v1");
        self.head.encode(w);
        w.array(2);
        w.uint(2);
        request.encode(w);
        let id = sha256(&w.as_bytes()[start..]);
        self.ends.push(w.as_bytes().len());
        self.by_id.insert(prefix(&id), number);
        self.by_key.insert(key, number);
        self.head = Some(EntryId::from_bytes(id));
    }
}

fn post_all(book: &mut Book, requests: &[Request]) -> u64 {
    timed(|| {
        for request in requests {
            book.post(request).expect("accepted");
        }
    })
}

fn post_all_bare(bare: &mut Bare, requests: &[Request]) -> u64 {
    timed(|| requests.iter().for_each(|request| bare.post(request)))
}

/// The same in batches.
fn post_batches(book: &mut Book, requests: &[Request]) -> u64 {
    timed(|| {
        for batch in requests.chunks(1000) {
            let results = book.post_all(Batch::Independent, batch);
            assert!(results.iter().all(Result::is_ok), "accepted");
        }
    })
}

/// Ours beside the floor at several numbers of accounts.
fn post() {
    let (rounds, len) = sized((15, 20_000), (1, 30));
    for accounts in sized([10, 1000, 100_000], [3, 4, 5]) {
        let mut trade = Trade::new(accounts);
        let (mut book, mut bare) = start(&trade);
        let mut batched = book.clone();
        let requests: Vec<_> = (0..rounds).map(|_| trade.next(len)).collect();
        let [mut ours, mut batches, mut floor] = [(); 3].map(|()| requests.iter());
        let cases: Vec<Case<'_>> = vec![
            (
                "book",
                Box::new(|| post_all(&mut book, ours.next().expect("a round"))),
            ),
            (
                "book, 1000 at once",
                Box::new(|| post_batches(&mut batched, batches.next().expect("a round"))),
            ),
            (
                "floor",
                Box::new(|| post_all_bare(&mut bare, floor.next().expect("a round"))),
            ),
        ];
        let times = Rounds::run(rounds, len, cases);
        title(
            &format!("Post, unsigned, in memory, {accounts} accounts"),
            EACH,
        );
        times.print();
        let ratio = times.ratio("book", |of| of("floor"));
        verdict("book beside the floor", ratio, 600);
        let ratio = times.ratio("book, 1000 at once", |of| of("floor"));
        verdict("book, 1000 at once, beside the floor", ratio, 600);
        assert_eq!(book.head(), bare.head, "both wrote the same entries");
        assert_eq!(book.head(), batched.head(), "in batches, too");
    }
}

/// The cost of an entry after a short and after a long history, and of coming
/// there.
fn history() {
    let (rounds, len) = sized((15, 2000), (1, 20));
    let (short, long) = sized((1000, 1_000_000), (10, 100));
    let mut trade = Trade::new(sized(1000, 3));
    let (mut book, mut bare) = start(&trade);
    let (mut ours, mut floor) = (0, 0);
    let mut early = None;
    let mut early_bare = None;
    for _ in 0..long / short {
        let requests = trade.next(short);
        ours += post_all(&mut book, &requests);
        floor += post_all_bare(&mut bare, &requests);
        early.get_or_insert_with(|| book.clone());
        early_bare.get_or_insert_with(|| bare.clone());
    }
    let early = early.expect("a short history");
    let mut bares = [early_bare.expect("a short history"), bare];
    let mut books = [early.clone(), early, book.clone(), book];
    let requests: Vec<_> = (0..rounds).map(|_| trade.next(len)).collect();
    let names = [
        "short history",
        "short history, 1000 at once",
        "long history",
        "long history, 1000 at once",
    ];
    let posts = [post_all, post_batches, post_all, post_batches];
    let mut cases: Vec<Case<'_>> = books
        .iter_mut()
        .zip(names)
        .zip(posts)
        .map(|((book, name), post)| -> Case<'_> {
            let mut supply = requests.iter();
            let next = move || post(book, supply.next().expect("a round"));
            (name, Box::new(next))
        })
        .collect();
    let bare_names = ["floor, short history", "floor, long history"];
    for (bare, name) in bares.iter_mut().zip(bare_names) {
        let mut supply = requests.iter();
        let next = move || post_all_bare(bare, supply.next().expect("a round"));
        cases.push((name, Box::new(next)));
    }
    let times = Rounds::run(rounds, len, cases);
    title(
        &format!("Post after {short} and after {long} entries"),
        EACH,
    );
    times.print();
    let entries = u64::try_from(long).expect("a number of entries");
    for (name, nanos) in [("book", ours), ("floor", floor)] {
        println!("| {name}, {long} from the first | {} | |", nanos / entries);
    }
    let flat = times.ratio(names[2], |of| of(names[0]));
    verdict("long beside short", flat, 800);
    let flat = times.ratio(names[3], |of| of(names[1]));
    verdict("long beside short, 1000 at once", flat, 800);
    let flat = times.ratio(bare_names[1], |of| of(bare_names[0]));
    told("the floor, long beside short", flat);
    for (name, bare) in [(names[0], bare_names[0]), (names[2], bare_names[1])] {
        let ratio = times.ratio(name, |of| of(bare));
        verdict(&format!("{name}, beside the floor"), ratio, 600);
    }
    verdict(
        "from the first, beside the floor",
        floor * 1000 / ours.max(1),
        600,
    );
}

/// What readers wait for, in a long book.
fn reads() {
    let (rounds, len) = sized((15, 1000), (1, 10));
    let mut trade = Trade::new(sized(1000, 3));
    let (mut book, _) = start(&trade);
    for request in trade.next(sized(1_000_000, 100)) {
        book.post(&request).expect("accepted");
    }
    let unit = UnitKey::new(0);
    let accounts: Vec<_> = book.accounts().map(|(account, _)| account).collect();
    let ids: Vec<_> = book.entries().map(|entry| entry.id()).step_by(97).collect();
    let mut at = 0;
    let mut next = || {
        at += 7919;
        at
    };
    let mut asked: Vec<usize> = (0..rounds * len).map(|_| next()).collect();
    asked.rotate_left(rounds);
    let mut account = asked.iter().map(|at| accounts[at % accounts.len()]).cycle();
    let mut other = account.clone();
    let mut id = asked.iter().map(|at| ids[at % ids.len()]).cycle();
    let mut seen = 0_u128;
    let mut lines = 0;
    let mut found = 0;
    let cases: Vec<Case<'_>> = vec![
        (
            "standing of an account",
            Box::new(|| {
                timed(|| {
                    for account in account.by_ref().take(len) {
                        let standing = book.standing(account, unit).expect("open");
                        seen ^= standing.position.get().unsigned_abs();
                    }
                })
            }),
        ),
        (
            "newest 50 lines of an account",
            Box::new(|| {
                timed(|| {
                    for account in other.by_ref().take(len) {
                        let all = book.lines(account, unit, None).expect("open");
                        lines += all.take(50).filter(|line| line.change != 0).count();
                    }
                })
            }),
        ),
        (
            "entry by id, read",
            Box::new(|| {
                timed(|| {
                    for id in id.by_ref().take(len) {
                        let entry = book.find(&id).expect("there");
                        found += usize::from(entry.read().is_ok());
                    }
                })
            }),
        ),
    ];
    let times = Rounds::run(rounds, len, cases);
    title("Reads", EACH);
    times.print();
    assert!(lines > 0 && found == rounds * len, "everything was found");
    let within = |name: &str, bar: u64| bar * 1000 / times.nanos(name).max(1);
    verdict(
        "standing within 200 ns",
        within("standing of an account", 200),
        1000,
    );
    let newest = within("newest 50 lines of an account", 50_000);
    verdict("newest 50 within 50 us", newest, 1000);
}
