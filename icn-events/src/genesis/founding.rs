//! Founding: the first records of a domain, written by its registrar.

use icn_types::authority::{Act, Charter, Consent, FORMAT, Grant, Open, Start};
use icn_types::canon::{Raw, to_bytes};
use icn_types::chain::Chain;
use icn_types::error::{Coded, Fault};
use icn_types::id::{ChainId, DomainId};
use icn_types::key::{PublicKey, SignError, Signature, Signer};
use icn_types::record::{Draft, Place, Record};
use icn_types::set::{RecordSet, Refusal};
use icn_types::sign::Signed;
use icn_types::time::Timestamp;
use icn_types::verdict::Verdict;

use super::{Genesis, GenesisReason, Peer};

/// Founds a cooperative: charter first, then one Open per chain.
///
/// ```
/// use icn_events::genesis::Founding;
/// use icn_types::authority::{Charter, FORMAT};
/// use icn_types::canon::{List, Raw};
/// use icn_types::key::{Inception, Keypair, Signer as _};
/// use icn_types::time::Timestamp;
///
/// let [registrar, alice, recovery] = [1, 2, 3].map(|seed| Keypair::from_seed(&[seed; 32]));
/// let nonce = [9; 32]; // random in life
/// let inception = Inception { community: nonce, key: alice.public_key(), recovery: recovery.public_key() };
/// let charter = Charter {
///     nonce,
///     format: FORMAT,
///     registrar: registrar.public_key(),
///     recovery: List::new([recovery.public_key()])?,
///     roll: List::new([inception])?,
///     seal_interval: 60_000,
///     rules: Raw::of(&0_u64),
/// };
/// let founding = Founding::new(charter, &registrar, Timestamp::from_millis(1_000))?;
/// let genesis = founding.finish()?;
/// assert_eq!(icn_events::genesis::Genesis::parse(&genesis.to_text())?.domain(), genesis.domain());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Founding<'a> {
    registrar: &'a dyn Signer,
    at: Timestamp,
    set: RecordSet,
    units: Vec<Raw>,
    peers: Vec<Peer>,
}

impl std::fmt::Debug for Founding<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Founding")
            .field("domain", &self.domain())
            .finish_non_exhaustive()
    }
}

/// The first epoch of a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "what a caller states")]
pub struct FirstEpoch {
    /// The chain.
    pub chain: Chain,
    /// The key that writes it.
    pub key: PublicKey,
    /// The key that may replace the other when it is lost.
    pub recovery: PublicKey,
    /// Credit, for an account.
    pub grant: Option<Grant>,
}

/// Why a founding record cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FoundingError {
    /// A key could not sign.
    #[error("signing failed")]
    Sign(#[from] SignError),
    /// The charter cannot be written: it contradicts itself or is too large.
    #[error("charter cannot be written")]
    Charter,
    /// The registrar's key is not the one that the charter names.
    #[error("signer is not the registrar that the charter names")]
    Registrar,
    /// The record would not be well-formed.
    #[error("record is not well-formed")]
    Refused(#[from] Refusal),
    /// The record would break a rule of the authority chain.
    #[error("record is invalid")]
    Invalid(#[source] GenesisReason),
}

impl Coded for FoundingError {
    fn code(&self) -> &'static str {
        match self {
            Self::Sign(error) => error.code(),
            Self::Charter => "founding.charter",
            Self::Registrar => "founding.registrar",
            Self::Refused(refusal) => refusal.code(),
            Self::Invalid(reason) => reason.code(),
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::Sign(error) => error.fault(),
            _ => Fault::Caller,
        }
    }
}

impl<'a> Founding<'a> {
    /// Writes the charter.
    ///
    /// # Errors
    /// [`FoundingError`] when the charter cannot be written or names another
    /// registrar.
    pub fn new(
        charter: Charter,
        registrar: &'a dyn Signer,
        at: Timestamp,
    ) -> Result<Self, FoundingError> {
        if charter.registrar != registrar.public_key() {
            return Err(FoundingError::Registrar);
        }
        let record = draft(Place::Founding, at, &Act::Charter(charter))?.sign(registrar)?;
        let domain = DomainId::from_bytes(*record.id().as_bytes());
        let mut founding = Self {
            registrar,
            at,
            set: RecordSet::new(domain),
            units: Vec::new(),
            peers: Vec::new(),
        };
        founding.add(record)?;
        Ok(founding)
    }

    /// The domain.
    #[must_use]
    pub const fn domain(&self) -> DomainId {
        self.set.domain()
    }

    /// Opens a chain for the first time. `owner` signs the terms: the member
    /// for its own chain, the new key for every other one.
    ///
    /// # Errors
    /// [`FoundingError`] when the owner's consent does not fit or the chain is
    /// open already.
    pub fn open(
        &mut self,
        epoch: FirstEpoch,
        owner: &dyn Signer,
    ) -> Result<ChainId, FoundingError> {
        let mut open = Open {
            chain: epoch.chain,
            key: epoch.key,
            recovery: epoch.recovery,
            format: FORMAT,
            start: Start::First,
            charged: 0,
            claims: None,
            grant: epoch.grant,
            consent: Consent::Current(Signature::from_bytes([0; 64])),
        };
        open.consent = Consent::Current(owner.sign(&to_bytes(&open.consent_terms(self.domain())))?);
        let place = self
            .set
            .next_place(&self.set.authority())
            .ok_or(FoundingError::Charter)?;
        let record = draft(place, self.at, &Act::Open(open))?.sign(self.registrar)?;
        self.add(record)?;
        Ok(epoch.chain.id())
    }

    /// Adds a unit of account, by its definition.
    pub fn unit(&mut self, definition: Raw) {
        self.units.push(definition);
    }

    /// Adds a peer to call.
    pub fn peer(&mut self, peer: Peer) {
        self.peers.push(peer);
    }

    /// What a new node is given.
    ///
    /// # Errors
    /// [`GenesisReason`] when units or peers occur twice or are too many.
    pub fn finish(self) -> Result<Genesis, GenesisReason> {
        let mut builder = Genesis::builder(self.domain()).records_of(&self.set)?;
        for unit in self.units {
            builder = builder.unit(unit)?;
        }
        for peer in self.peers {
            builder = builder.peer(peer)?;
        }
        builder.finish()
    }

    fn add(&mut self, record: Signed<Record>) -> Result<(), FoundingError> {
        let slot = self.set.insert(record)?.slot();
        match self.set.verdict(slot) {
            Verdict::Valid => Ok(()),
            Verdict::Waiting => Err(FoundingError::Invalid(GenesisReason::waiting(&self.set))),
            Verdict::Invalid(breach) => Err(FoundingError::Invalid(GenesisReason::Invalid(breach))),
        }
    }
}

fn draft(place: Place, at: Timestamp, act: &Act) -> Result<Draft, FoundingError> {
    let draft = act.draft(place, Vec::new(), at);
    draft.ok_or(FoundingError::Charter)
}
