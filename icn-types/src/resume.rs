//! Resume: whether a writer whose store may be old can go on.
//!
//! A node that was restored from a backup does not know what it signed after
//! the backup was made. Writing on would be a second record at one position:
//! an honest fork, and a conviction. So before its first record it asks others
//! how far they know its chain to go. A Seal over a record of the chain needs no
//! asking: it shows the writer's own signature.

use alloc::collections::BTreeMap;
use core::num::NonZeroU16;

use crate::id::{ChainId, RecordId};
use crate::key::PeerId;
use crate::set::{RecordSet, Row};

/// What others said about one chain since its writer started.
///
/// ```
/// use core::num::NonZeroU16;
///
/// use icn_types::key::PeerId;
/// use icn_types::resume::{Resume, Standing, Witness};
/// use icn_types::set::RecordSet;
/// # use icn_types::id::{ChainId, DomainId};
/// # let set = RecordSet::new(DomainId::from_bytes([1; 32]));
/// # let chain = ChainId::from_bytes([2; 32]);
/// # let peer = Witness::Teller(ChainId::from_bytes([3; 32]));
///
/// let mut resume = Resume::new(chain, NonZeroU16::MIN);
/// assert_eq!(resume.standing(&set), Standing::Unconfirmed { missing: NonZeroU16::MIN });
/// resume.hear(peer, None); // it knows of no record either
/// assert_eq!(resume.standing(&set), Standing::Confirmed);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resume {
    chain: ChainId,
    needed: NonZeroU16,
    heard: BTreeMap<Witness, Option<Row>>,
}

/// Who says how far a chain goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(clippy::exhaustive_enums, reason = "the two that can be asked")]
pub enum Witness {
    /// A peer, by the rows of its clock.
    Peer(PeerId),
    /// A teller, by what its chain acknowledged.
    Teller(ChainId),
}

/// Whether the writer may go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a writer matches on all of it")]
pub enum Standing {
    /// Enough witnesses know the chain to end where it ends here.
    Confirmed,
    /// Too few said so yet.
    Unconfirmed {
        /// How many more are needed.
        missing: NonZeroU16,
    },
    /// A Seal or a witness names a record of the chain that is not here. It is
    /// fetched first. A witness that cannot show it is not listened to; a Seal
    /// is proof.
    Behind {
        /// The record.
        record: RecordId,
    },
    /// The chain forks: somebody went on from the old state, or another holder
    /// of the key did. Only a Seal and a new Open continue it.
    Forked,
}

impl Resume {
    /// Nothing heard yet about `chain`, which `needed` witnesses must confirm.
    #[must_use]
    pub const fn new(chain: ChainId, needed: NonZeroU16) -> Self {
        Self {
            chain,
            needed,
            heard: BTreeMap::new(),
        }
    }

    /// The chain.
    #[must_use]
    pub const fn chain(&self) -> ChainId {
        self.chain
    }

    /// Takes note of the row that a witness has for the chain, in place of an
    /// earlier one; `None` when it knows no record of it. A row of another
    /// chain says nothing.
    pub fn hear(&mut self, witness: Witness, row: Option<Row>) {
        if row.is_none_or(|row| row.chain == self.chain) {
            self.heard.insert(witness, row);
        }
    }

    /// Forgets a witness, for example one that could not show what it named.
    pub fn forget(&mut self, witness: &Witness) {
        self.heard.remove(witness);
    }

    /// Whether the writer may go on from the chain as it is in `set`.
    ///
    /// Nobody's word convicts: a fork is one only with both records here. A Seal
    /// over a record that is not here, or one witness who names such a record,
    /// outweighs any number of confirmations, because they may all be as old.
    /// Once confirmed, the writer goes on and asks no more. That a chain ends
    /// where it does no record of others proves.
    ///
    /// Costs O(log n) for each witness.
    #[must_use]
    pub fn standing(&self, set: &RecordSet) -> Standing {
        if set.fork(&self.chain).is_some() {
            return Standing::Forked;
        }
        if let Some(record) = set.sealed_beyond(&self.chain) {
            return Standing::Behind { record };
        }
        let own = set.spine(&self.chain).last();
        let own = own.map(|&tip| set.id(tip));
        let mut confirmed = 0_u16;
        for row in self.heard.values() {
            let tip = row.and_then(|row| row.tip).map(|tip| tip.head);
            let pair = row.and_then(|row| row.fork);
            let named = pair.iter().flat_map(|pair| [pair.low, pair.high]);
            let mut named = tip.into_iter().chain(named);
            if let Some(record) = named.find(|record| set.find(record).is_none()) {
                return Standing::Behind { record };
            }
            // Whoever names an older record, or one that a Seal left behind,
            // is behind itself.
            if tip == own {
                confirmed = confirmed.saturating_add(1);
            }
        }
        match NonZeroU16::new(self.needed.get().saturating_sub(confirmed)) {
            Some(missing) => Standing::Unconfirmed { missing },
            None => Standing::Confirmed,
        }
    }
}

#[cfg(test)]
mod tests;
