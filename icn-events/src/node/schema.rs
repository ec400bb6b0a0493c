//! Rows that a node keeps.

use icn_types::canon::Raw;
use icn_types::canonical;
use icn_types::host::Table;
use icn_types::id::DomainId;

/// Every stored record by its local append position: the one growing table,
/// and the only one that a restart reads.
///
/// A record that first came without its content stands here twice, the second
/// time complete.
pub(super) const RECORDS: Table<u64, Raw> = Table::new("node/record", 1);

/// What the store is about; written with the first record.
pub(super) const IDENTITY: Table<u8, Identity> = Table::new("node/identity", 1);

/// The one key of [`IDENTITY`].
pub(super) const ONLY: u8 = 0;

/// The domain that a store belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) domain: DomainId,
}
canonical!(Identity = "icn/events/identity/v1" { domain });
