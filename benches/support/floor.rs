//! Floor programs: the least work with the same outcome, on bare structures.
#![expect(
    clippy::disallowed_types,
    reason = "a floor may use the fastest map there is; nothing depends on its order"
)]

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasherDefault, Hasher};
use std::path::Path;

use icn_types::hash::sha256;
use icn_types::id::ChainId;
use icn_types::record::Record;
use redb::{Database, TableDefinition};

use crate::arrival::Arrival;
use crate::rows::{Decoded, SPACES};

/// Balances by account, payments by id: the balance rule and nothing else.
#[derive(Debug, Default, Clone)]
pub struct BareLedger {
    balances: BTreeMap<[u8; 32], i128>,
    payments: BTreeMap<[u8; 32], Vec<i128>>,
}

impl BareLedger {
    /// Applies an entry if the balance allows it; answers with the balance.
    ///
    /// # Panics
    /// When it does not.
    pub fn apply(&mut self, entry: &Decoded) -> i128 {
        let taken = entry.taken.and_then(|(payment, leg)| {
            let legs = self.payments.get_mut(&payment)?;
            legs.get_mut(leg).map(core::mem::take)
        });
        let balance = self.balances.entry(*entry.chain.as_bytes()).or_default();
        *balance += taken.unwrap_or(0) - entry.sent;
        assert!(*balance > i128::from(i64::MIN / 2), "beyond the limit");
        let balance = *balance;
        if entry.sent > 0 {
            self.payments.insert(entry.id, entry.legs.clone());
        }
        balance
    }
}

/// The first eight bytes of a hash are as good as a hash.
#[derive(Debug, Default, Clone)]
pub struct Prefix(u64);

impl Hasher for Prefix {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        if let Some(first) = bytes.first_chunk() {
            self.0 ^= u64::from_be_bytes(*first);
        }
    }

    fn write_u8(&mut self, number: u8) {
        self.0 ^= u64::from(number);
    }

    fn write_u64(&mut self, number: u64) {
        self.0 ^= number;
    }

    fn write_usize(&mut self, _: usize) {}
}

/// The fastest map there is for keys that are hashes.
pub type FastMap<K, V> = HashMap<K, V, BuildHasherDefault<Prefix>>;

/// What no ledger that refuses doubles can do without: hash maps of balances,
/// of ids, of operation keys and of the legs that nobody took yet. Five
/// look-ups by random names for each entry, and nothing else.
#[derive(Debug, Default, Clone)]
pub struct BareIndex {
    balances: FastMap<[u8; 32], i128>,
    ids: FastMap<[u8; 32], u64>,
    operations: FastMap<[u8; 33], u64>,
    legs: FastMap<([u8; 32], u8), i128>,
}

impl BareIndex {
    /// Accounts at zero.
    #[must_use]
    pub fn of(accounts: &[ChainId]) -> Self {
        let balances = accounts.iter().map(|chain| (*chain.as_bytes(), 0));
        Self {
            balances: balances.collect(),
            ..Self::default()
        }
    }

    /// Takes in an entry that is new and within the limit.
    ///
    /// # Panics
    /// When it is not.
    pub fn apply(&mut self, entry: &Decoded) {
        let number = self.ids.len() as u64;
        assert!(
            self.ids.insert(entry.id, number).is_none(),
            "an entry twice"
        );
        let twice = self.operations.insert(entry.operation, number);
        assert!(twice.is_none(), "a key twice");
        let taken = entry.taken.map_or(0, |(payment, leg)| {
            let leg = u8::try_from(leg).expect("few legs");
            self.legs.remove(&(payment, leg)).expect("a leg to take")
        });
        let balance = self.balances.entry(*entry.chain.as_bytes()).or_default();
        *balance += taken - entry.sent;
        assert!(*balance > i128::from(i64::MIN / 2), "beyond the limit");
        for (leg, amount) in (0..).zip(&entry.legs) {
            self.legs.insert((entry.id, leg), *amount);
        }
    }
}

/// Encodes a record and hashes header and content, as its id asks for.
#[must_use]
pub fn encode_and_hash(record: &Record) -> (Vec<u8>, [u8; 32]) {
    let bytes = record.to_bytes();
    // `[tag, header, signature, content]`: array head, tag, then the header;
    // the signature has two bytes of head.
    let content = usize::try_from(record.header().content_len()).expect("a short content");
    let header = 1 + 1 + 19..bytes.len() - content - 66;
    let id = sha256(&bytes[header.clone()]);
    let hash = sha256(&bytes[header.end + 66..]);
    assert_eq!(hash, *record.header().content().as_bytes(), "another hash");
    (bytes, id)
}

/// One ordered map of bytes, five puts per entry.
#[derive(Debug, Default, Clone)]
pub struct BareMap {
    rows: BTreeMap<Vec<u8>, Vec<u8>>,
    next: u64,
}

impl BareMap {
    /// Puts the rows of an entry, one byte of prefix for each space.
    pub fn put(&mut self, entry: &Decoded, body: Vec<u8>, posted: i128) {
        let rows = entry.rows(self.next, body, posted);
        self.next += 1;
        for (space, (key, value)) in (0..).zip(rows) {
            let mut prefixed = Vec::with_capacity(41);
            prefixed.push(space);
            prefixed.extend_from_slice(key.as_slice());
            self.rows.insert(prefixed, value);
        }
    }
}

/// redb itself: one table per space, one durable transaction per batch.
#[derive(Debug)]
pub struct BareRedb {
    database: Database,
    next: u64,
}

impl BareRedb {
    /// A new file.
    #[must_use]
    pub fn create(path: &Path) -> Self {
        Self {
            database: Database::create(path).expect("a new file"),
            next: 0,
        }
    }

    /// Applies entries and stores them in one transaction.
    pub fn commit(&mut self, ledger: &mut BareLedger, entries: &[Arrival]) {
        let write = self.database.begin_write().expect("a transaction");
        {
            let mut tables = SPACES.map(|space| {
                let table: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new(space.as_str());
                write.open_table(table).expect("a table")
            });
            for entry in entries {
                let posted = ledger.apply(&entry.decoded);
                let rows = entry.decoded.rows(self.next, entry.bytes.clone(), posted);
                self.next += 1;
                for (table, (key, value)) in tables.iter_mut().zip(rows) {
                    table
                        .insert(key.as_slice(), value.as_slice())
                        .expect("a row");
                }
            }
        }
        write.commit().expect("a commit");
    }
}
