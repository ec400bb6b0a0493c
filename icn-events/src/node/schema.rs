//! Rows that a node keeps.

use icn_ledger::Column;
use icn_types::attested::RunningHash;
use icn_types::canon::{Decode, DecodeError, Encode, List, Raw, Reader, Writer};
use icn_types::canonical;
use icn_types::host::{Present, Table};
use icn_types::id::{ChainId, DomainId, RecordId, UnitId};

/// Every stored record by its local append position: the one table that
/// nothing else can replace, and the only one that a restart reads.
///
/// A record that first came without its content stands here twice, the second
/// time complete.
pub(super) const RECORDS: Table<u64, Raw> = Table::new("node/record", 1);

/// The hash over the records, written in each commit that adds some. Each of
/// them was verified before.
pub(super) const HASH: Table<(), RunningHash> = Table::new("node/hash", 1);

/// What the store is about; written with the first record.
pub(super) const IDENTITY: Table<u8, Identity> = Table::new("node/identity", 1);

/// The one key of [`IDENTITY`].
pub(super) const ONLY: u8 = 0;

/// Own chains whose owner agreed to a next epoch, by the Open that it follows.
pub(super) const AGREED: Table<ChainId, RecordId> = Table::new("node/agreed", 1);

/// Chains by number, so that the keys of other rows are short and new ones lie
/// side by side. Derived.
pub(super) const CHAINS: Table<ChainId, u32> = Table::new("node/chain", 1);

/// Append positions of records by chain and place on it. Derived.
pub(super) const PLACES: Table<(u32, u64, u64), Present> = Table::new("node/place", 1);

/// Where accounts stand; none for one with only zeros. Derived.
pub(super) const ACCOUNTS: Table<u32, AccountRow> = Table::new("ledger/account", 1);

/// How far the derived rows go.
pub(super) const DERIVED: Table<(), Derivation> = Table::new("node/derived", 1);

/// Pages of the snapshot, by their order.
pub(super) const PAGES: Table<u32, Page> = Table::new("node/page", 1);

/// The snapshot that a lean node starts from; written after its pages.
pub(super) const SNAPSHOT: Table<(), Snapshot> = Table::new("node/snapshot", 1);

/// The most units of one domain under a snapshot.
const UNITS_MAX: usize = 1024;

/// What a snapshot takes in, and of how many pages it consists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Snapshot {
    /// The way in which its pages are written.
    pub(super) edition: u16,
    /// Records of the set.
    pub(super) records: u64,
    /// Over all records of the journal that it takes in.
    pub(super) hash: RunningHash,
    /// Pages of the outline of the set.
    pub(super) outline: u32,
    /// Pages of the numbers of the records that are at hand.
    pub(super) at_hand: u32,
    /// Pages of canonical records beside the spines.
    pub(super) canonical: u32,
    /// Pages of records that are not here and that one names.
    pub(super) awaited: u32,
    /// Pages of records that stand in the journal once more.
    pub(super) again: u32,
    /// Pages of each ledger, ascending by unit.
    pub(super) ledgers: List<LedgerPages, 0, UNITS_MAX>,
    /// SHA-256 over the rest of this and all pages, each after its length.
    pub(super) digest: [u8; 32],
}
canonical!(
    Snapshot = "icn/events/snapshot/v2" {
        edition,
        records,
        hash,
        outline,
        at_hand,
        canonical,
        awaited,
        again,
        ledgers,
        digest
    }
);

/// Bytes of one page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Page(pub(super) Vec<u8>);

impl Encode for Page {
    fn encode(&self, w: &mut Writer) {
        w.bytes(&self.0);
    }
}

impl Decode for Page {
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        r.bytes().map(|bytes| Self(bytes.to_vec()))
    }
}

/// Pages of one ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LedgerPages {
    pub(super) unit: UnitId,
    pub(super) pages: u32,
}
canonical!(LedgerPages { unit, pages });

/// The domain that a store belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) domain: DomainId,
}
canonical!(Identity = "icn/events/identity/v1" { domain });

/// What the derived rows follow from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Derivation {
    /// Records of the journal that they take in.
    pub(super) records: u64,
    /// The way in which they were derived.
    pub(super) edition: u16,
}
canonical!(Derivation { records, edition });

/// One account. Sums are 128 bits wide, most significant byte first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct AccountRow {
    posted: [u8; 16],
    contested: [u8; 16],
    charged: [u8; 16],
    outgoing: [u8; 16],
    incoming: [u8; 16],
    held: [u8; 16],
}
canonical!(AccountRow {
    posted,
    contested,
    charged,
    outgoing,
    incoming,
    held
});

impl AccountRow {
    pub(super) const fn of(column: &Column) -> Self {
        Self {
            posted: column.posted.to_be_bytes(),
            contested: column.contested.to_be_bytes(),
            charged: column.charged.to_be_bytes(),
            outgoing: column.outgoing.to_be_bytes(),
            incoming: column.incoming.to_be_bytes(),
            held: column.held.to_be_bytes(),
        }
    }

    pub(super) fn column(&self) -> Column {
        let mut column = Column::default();
        column.posted = i128::from_be_bytes(self.posted);
        column.contested = i128::from_be_bytes(self.contested);
        column.charged = u128::from_be_bytes(self.charged);
        column.outgoing = u128::from_be_bytes(self.outgoing);
        column.incoming = u128::from_be_bytes(self.incoming);
        column.held = u128::from_be_bytes(self.held);
        column
    }
}
