//! What a new node is given: the domain, its authority records, its units and
//! peers to call, in one text file.
//!
//! ```text
//! icn genesis 1
//! domain <64 hex digits>
//! unit <hex of the canonical bytes of a unit definition>
//! record <hex of a record with its content>
//! peer <did:key of the transport key> <address>
//! sum <64 hex digits: SHA-256 of every byte before this line>
//! ```
//!
//! Records stand in an order in which each follows what it names, the charter
//! first; all lie on the authority chain and are Valid. Everything but the
//! peers is proved by signatures that end in the domain's id, so whoever knows
//! that id can take the file from anybody.
//!
//! ```
//! use icn_events::genesis::{Genesis, GenesisReason};
//! use icn_types::testkit::stage::Stage;
//!
//! let stage = Stage::new(1, 4); // a charter with four members
//! let genesis = Genesis::builder(stage.domain())
//!     .records_of(&stage.set)?
//!     .finish()?;
//! assert_eq!(Genesis::parse(&genesis.to_text()), Ok(genesis));
//! # Ok::<(), GenesisReason>(())
//! ```

mod builder;
mod error;
mod founding;

use std::fmt;
use std::str::FromStr;

use icn_types::canon::{LEN_MAX, Raw};
use icn_types::id::{DomainId, Hex};
use icn_types::key::PeerId;
use icn_types::record::Record;
use icn_types::set::RecordSet;
use icn_types::sign::Signed;

pub use builder::GenesisBuilder;
pub use error::{GenesisError, GenesisReason};
pub use founding::{FirstEpoch, Founding, FoundingError};

use crate::sheet::{Limits, LineError, Sheet, SheetWriter, unhex32};

/// Most units of one genesis.
pub const UNITS_MAX: usize = 1024;

/// Most peers of one genesis.
pub const PEERS_MAX: usize = 1024;

/// Longest address in bytes.
pub const ADDRESS_LEN_MAX: usize = 255;

const HEADER: &str = "icn genesis 1";
const DOMAIN: &str = "domain";
const UNIT: &str = "unit";
const RECORD: &str = "record";
const PEER: &str = "peer";

pub(super) const LIMITS: Limits = Limits {
    bytes: 16 * 1024 * 1024,
    lines: 65_536,
    line: 2 * LEN_MAX + 64,
};

/// What a new node is given, checked.
///
/// All records are verified, on the domain's authority chain and Valid. Units
/// are opaque canonical bytes here; whoever reads them checks their issuer.
#[derive(Clone)]
pub struct Genesis {
    set: RecordSet,
    records: Vec<Signed<Record>>,
    units: Vec<Raw>,
    peers: Vec<Peer>,
}

/// A peer to call and where.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Peer {
    id: PeerId,
    address: String,
}

impl Genesis {
    /// Starts a genesis of the domain whose charter has this id.
    #[must_use]
    pub const fn builder(domain: DomainId) -> GenesisBuilder {
        GenesisBuilder::new(domain)
    }

    /// Reads a genesis file. Linear in its length, with one signature check
    /// per record.
    ///
    /// # Errors
    /// [`GenesisError`] with the line and one reason per failure.
    pub fn parse(text: &str) -> Result<Self, GenesisError> {
        let mut sheet = Sheet::open(text, HEADER, &LIMITS).map_err(widen)?;
        let domain = match sheet.next_line().map_err(widen)? {
            Some(line) if line.word == DOMAIN => unhex32(line.value)
                .map(DomainId::from_bytes)
                .map_err(|bad| GenesisError::new(line.number, bad.into()))?,
            _ => return Err(LineError::new(sheet.number(), GenesisReason::Domain)),
        };
        let mut builder = Self::builder(domain);
        while let Some(line) = sheet.next_line().map_err(widen)? {
            builder = builder
                .line(line.word, line.value)
                .map_err(|reason| LineError::new(line.number, reason))?;
        }
        builder
            .finish()
            .map_err(|reason| LineError::new(sheet.number(), reason))
    }

    /// The genesis file. [`parse`](Self::parse) reads it back to an equal
    /// genesis.
    #[must_use]
    pub fn to_text(&self) -> String {
        self.sheet().finish()
    }

    fn sheet(&self) -> SheetWriter {
        let mut sheet = SheetWriter::new(HEADER);
        sheet.line(DOMAIN, self.domain());
        for unit in &self.units {
            sheet.line(UNIT, Hex(unit.as_bytes()));
        }
        for record in &self.records {
            sheet.line(RECORD, Hex(&record.to_bytes()));
        }
        for peer in &self.peers {
            sheet.line(PEER, format_args!("{} {}", peer.id, peer.address));
        }
        sheet
    }

    /// The domain.
    #[must_use]
    pub const fn domain(&self) -> DomainId {
        self.set.domain()
    }

    /// Definitions of units, opaque, in the order of the file.
    #[must_use]
    pub fn units(&self) -> &[Raw] {
        &self.units
    }

    /// The authority records, each after what it names.
    #[must_use]
    pub fn records(&self) -> &[Signed<Record>] {
        &self.records
    }

    /// Peers to call, in the order of the file.
    #[must_use]
    pub fn peers(&self) -> &[Peer] {
        &self.peers
    }

    /// The set of exactly these records.
    #[must_use]
    pub const fn set(&self) -> &RecordSet {
        &self.set
    }

    /// The set of exactly these records, to go on with.
    #[must_use]
    pub fn into_set(self) -> RecordSet {
        self.set
    }
}

impl PartialEq for Genesis {
    /// The set follows from the records.
    fn eq(&self, other: &Self) -> bool {
        self.domain() == other.domain()
            && self.records == other.records
            && self.units == other.units
            && self.peers == other.peers
    }
}

impl Eq for Genesis {}

impl fmt::Debug for Genesis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Genesis")
            .field("domain", &self.domain())
            .field("units", &self.units.len())
            .field("records", &self.records.len())
            .field("peers", &self.peers)
            .finish_non_exhaustive()
    }
}

impl FromStr for Genesis {
    type Err = GenesisError;

    fn from_str(text: &str) -> Result<Self, GenesisError> {
        Self::parse(text)
    }
}

impl Peer {
    /// A peer at an address: 1 to [`ADDRESS_LEN_MAX`] visible ASCII
    /// characters that only the host's transport understands.
    ///
    /// # Errors
    /// [`GenesisReason::Address`] when the address is none.
    pub fn new(id: PeerId, address: impl Into<String>) -> Result<Self, GenesisReason> {
        let address = address.into();
        let is_visible = address.bytes().all(|byte| byte.is_ascii_graphic());
        if address.is_empty() || address.len() > ADDRESS_LEN_MAX || !is_visible {
            return Err(GenesisReason::Address);
        }
        Ok(Self { id, address })
    }

    /// The transport key.
    #[must_use]
    pub const fn id(&self) -> PeerId {
        self.id
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }
}

fn widen(error: LineError<crate::sheet::BadForm>) -> GenesisError {
    LineError::new(error.line, error.reason.into())
}
