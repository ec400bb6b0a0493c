use icn_ledger::Entry;
use icn_types::host::{Batch, Key, Space};
use icn_types::id::ChainId;
use icn_types::record::Record;

/// The spaces of the five rows, in the order of [`Decoded::rows`].
pub const SPACES: [Space; 5] = [
    Space::new("bench/body"),
    Space::new("bench/place"),
    Space::new("bench/id"),
    Space::new("bench/operation"),
    Space::new("bench/account"),
];

/// An entry as its rows and the balance rule need it, decoded before the clock
/// starts. Every path, ours and floor, starts from one of these.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Decoded {
    /// The account.
    pub chain: ChainId,
    /// Its id.
    pub id: [u8; 32],
    /// What a payment sends, or zero.
    pub sent: i128,
    /// The legs of a payment, for those who take them.
    pub legs: Vec<i128>,
    /// The leg that an acknowledgement takes.
    pub taken: Option<([u8; 32], usize)>,
    place: [u8; 40],
    /// The key of a payment, or the taken leg.
    pub(crate) operation: [u8; 33],
}

impl Decoded {
    /// Decodes an entry.
    #[must_use]
    pub fn of(record: &Record) -> Self {
        let mut place = [0; 40];
        place[..32].copy_from_slice(record.chain().as_bytes());
        place[32..].copy_from_slice(&record.seq().to_be_bytes());
        let mut operation = [0; 33];
        let (mut legs, mut taken) = (Vec::new(), None);
        match Entry::of(record).expect("an entry") {
            Entry::Payment(payment) => {
                operation[..32].copy_from_slice(payment.key.as_bytes());
                operation[32] = 0xff;
                legs.extend(payment.legs.iter().map(|leg| i128::from(leg.amount.get())));
            }
            Entry::Ack(ack) => {
                let (payment, leg) = (record.refs()[0], ack.legs[0].leg);
                operation[..32].copy_from_slice(payment.as_bytes());
                operation[32] = leg;
                taken = Some((*payment.as_bytes(), usize::from(leg)));
            }
            other => unreachable!("nobody writes {other:?}"),
        }
        Self {
            chain: record.chain(),
            id: *record.id().as_bytes(),
            sent: legs.iter().sum(),
            legs,
            taken,
            place,
            operation,
        }
    }

    /// The five rows of the entry: its body by append position, then its place
    /// on the chain, its id and its operation, each giving the position, and
    /// the account's position in atoms.
    #[must_use]
    pub fn rows(&self, number: u64, body: Vec<u8>, posted: i128) -> [(Bytes, Vec<u8>); 5] {
        let number = number.to_be_bytes();
        [
            (Bytes::of(&number), body),
            (Bytes::of(&self.place), number.to_vec()),
            (Bytes::of(&self.id), number.to_vec()),
            (Bytes::of(&self.operation), number.to_vec()),
            (
                Bytes::of(self.chain.as_bytes()),
                posted.to_be_bytes().to_vec(),
            ),
        ]
    }

    /// Adds these rows to a batch.
    pub fn put(&self, batch: &mut Batch, number: u64, body: Vec<u8>, posted: i128) {
        for (space, (key, value)) in SPACES.into_iter().zip(self.rows(number, body, posted)) {
            let key = Key::new(space, key.as_slice()).expect("a short key");
            batch.put(key, value).expect("a small batch");
        }
    }
}

/// A key of at most 40 bytes, without an allocation.
#[derive(Debug, Clone, Copy)]
pub struct Bytes {
    len: usize,
    bytes: [u8; 40],
}

impl Bytes {
    fn of(key: &[u8]) -> Self {
        let mut bytes = [0; 40];
        bytes[..key.len()].copy_from_slice(key);
        Self {
            len: key.len(),
            bytes,
        }
    }

    /// The bytes.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}
