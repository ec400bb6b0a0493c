use icn_types::canon::{self, Raw};
use icn_types::id::DomainId;
use icn_types::record::Record;
use icn_types::set::{Added, RecordSet, Refusal};
use icn_types::sign::{Signed, Unverified};
use icn_types::verdict::Verdict;

use crate::sheet::{BadForm, unhex};

use super::{Genesis, GenesisReason, LIMITS, PEER, PEERS_MAX, Peer, RECORD, UNIT, UNITS_MAX};

/// A genesis that grows statement by statement; each is checked as it comes.
#[derive(Clone, Debug)]
pub struct GenesisBuilder {
    set: Option<RecordSet>,
    domain: DomainId,
    records: Vec<Signed<Record>>,
    units: Vec<Raw>,
    peers: Vec<Peer>,
}

impl GenesisBuilder {
    pub(super) const fn new(domain: DomainId) -> Self {
        Self {
            set: None,
            domain,
            records: Vec::new(),
            units: Vec::new(),
            peers: Vec::new(),
        }
    }

    /// Adds the definition of a unit, as canonical bytes.
    ///
    /// # Errors
    /// [`GenesisReason::UnitTwice`], [`GenesisReason::Units`].
    pub fn unit(mut self, unit: Raw) -> Result<Self, GenesisReason> {
        if self.units.contains(&unit) {
            return Err(GenesisReason::UnitTwice);
        }
        if self.units.len() >= UNITS_MAX {
            return Err(GenesisReason::Units);
        }
        self.units.push(unit);
        Ok(self)
    }

    /// Adds a record of the authority chain, after everything that it names.
    ///
    /// # Errors
    /// [`GenesisReason`] when the set refuses it, or it lies on another chain,
    /// has no content, waits for something or is Invalid.
    pub fn record(mut self, record: Unverified<Record>) -> Result<Self, GenesisReason> {
        let mut set = self
            .set
            .take()
            .unwrap_or_else(|| RecordSet::new(self.domain));
        let claim = record.claim();
        if claim.content().is_none() {
            return Err(GenesisReason::Bare);
        }
        // Before the charter every chain is another one.
        if !set.is_empty() && claim.chain() != set.authority() {
            return Err(GenesisReason::Elsewhere);
        }
        let key = set.signatory(claim)?.key().clone();
        let record = record.verify(&key).map_err(Refusal::from)?;
        let Added::New(slot) = set.insert(record.clone())? else {
            return Err(GenesisReason::RecordTwice);
        };
        match set.verdict(slot) {
            Verdict::Valid => {}
            Verdict::Waiting => return Err(GenesisReason::waiting(&set)),
            Verdict::Invalid(breach) => return Err(GenesisReason::Invalid(breach)),
        }
        self.records.push(record);
        self.set = Some(set);
        Ok(self)
    }

    /// Adds every Valid record of a set's authority chain.
    ///
    /// # Errors
    /// [`GenesisReason`] as [`record`](Self::record) says, which happens only
    /// for a set of another domain.
    pub fn records_of(mut self, set: &RecordSet) -> Result<Self, GenesisReason> {
        for &slot in set.judged() {
            if set.verdict(slot).is_valid() {
                let bytes = set.record(slot).to_bytes();
                self = self.record(canon::from_bytes(&bytes)?)?;
            }
        }
        Ok(self)
    }

    /// Adds a peer to call.
    ///
    /// # Errors
    /// [`GenesisReason::PeerTwice`] for the same key at the same address,
    /// [`GenesisReason::Peers`].
    pub fn peer(mut self, peer: Peer) -> Result<Self, GenesisReason> {
        if self.peers.contains(&peer) {
            return Err(GenesisReason::PeerTwice);
        }
        if self.peers.len() >= PEERS_MAX {
            return Err(GenesisReason::Peers);
        }
        self.peers.push(peer);
        Ok(self)
    }

    /// The genesis.
    ///
    /// # Errors
    /// [`GenesisReason::Charter`] without any record, or the form that no
    /// reader would take because it is too large.
    pub fn finish(self) -> Result<Genesis, GenesisReason> {
        let genesis = Genesis {
            set: self.set.ok_or(GenesisReason::Charter)?,
            records: self.records,
            units: self.units,
            peers: self.peers,
        };
        genesis.sheet().finish_within(&LIMITS)?;
        Ok(genesis)
    }

    /// Adds what one line of a file says.
    pub(super) fn line(self, word: &str, value: &str) -> Result<Self, GenesisReason> {
        match word {
            UNIT => self.unit(canon::from_bytes(&unhex(value)?)?),
            RECORD => self.record(canon::from_bytes(&unhex(value)?)?),
            PEER => {
                let (id, address) = value.split_once(' ').ok_or(GenesisReason::Address)?;
                self.peer(Peer::new(
                    id.parse().map_err(GenesisReason::PeerKey)?,
                    address,
                )?)
            }
            _ => Err(BadForm::Word.into()),
        }
    }
}
