//! Records that were verified before they were stored, taken back without
//! checking their signatures again.
//!
//! Who stores records that were verified writes a [`RunningHash`] over them into
//! the same commit. Records that are read back and lead to that hash are attested:
//! the store holds exactly what was verified once. That trusts whoever can write
//! to the store, for they can write records and hash alike: the hash tells damage,
//! not malice. Nothing that arrives from elsewhere may be taken in like this.

use crate::canon::{Decode, DecodeError, Encode, Reader, Writer};
use crate::error::{Coded, Fault};
use crate::hash::{Hasher, sha256};
use crate::id::DomainId;
use crate::record::Record;
use crate::set::{Added, RecordSet, Refusal};

/// Keeps this hash apart from all others.
const TAG: &[u8] = b"icn/types/running-hash/v1";

/// A hash over records in the order in which they were stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunningHash([u8; 32]);

impl RunningHash {
    /// The hash over no record.
    #[must_use]
    pub fn new() -> Self {
        Self(sha256(TAG))
    }

    /// Adds the bytes of a record whose signature was checked.
    pub fn add(&mut self, record: &[u8]) {
        let mut hasher = Hasher::new();
        hasher.update(&self.0);
        hasher.update(record);
        self.0 = hasher.finish();
    }
}

impl Default for RunningHash {
    fn default() -> Self {
        Self::new()
    }
}

impl Encode for RunningHash {
    fn encode(&self, w: &mut Writer) {
        self.0.encode(w);
    }
}

impl Decode for RunningHash {
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Decode::decode(r).map(Self)
    }
}

/// Reads stored records into a set, in their order, without checking signatures.
/// Nobody sees the set before all of them are there and lead to their hash.
#[derive(Clone, Debug)]
pub struct Reading {
    set: RecordSet,
    hash: RunningHash,
}

/// A stored record that cannot be taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(clippy::exhaustive_enums, reason = "bytes are wrong, or their place")]
pub enum Unreadable {
    /// Its bytes are no record.
    #[error("stored bytes are no record")]
    Decode(#[source] DecodeError),
    /// It does not follow from those before it.
    #[error("stored record does not follow those before it")]
    Refused(#[source] Refusal),
}

impl Coded for Unreadable {
    fn code(&self) -> &'static str {
        match self {
            Self::Decode(error) => error.code(),
            Self::Refused(refusal) => refusal.code(),
        }
    }

    /// Whoever sent it, this store kept it.
    fn fault(&self) -> Fault {
        Fault::Environment
    }
}

impl Reading {
    /// Nothing yet of the domain.
    #[must_use]
    pub fn new(domain: DomainId) -> Self {
        Self {
            set: RecordSet::new(domain),
            hash: RunningHash::new(),
        }
    }

    /// Goes on behind records that led to this hash: the caller vouches that just
    /// they are in the set.
    #[must_use]
    pub const fn after(set: RecordSet, hash: RunningHash) -> Self {
        Self { set, hash }
    }

    /// Takes the bytes of the next record.
    ///
    /// # Errors
    /// [`Unreadable`] when they are none, or one that does not belong there.
    pub fn take(&mut self, bytes: &[u8]) -> Result<Added, Unreadable> {
        let record = Record::read_back(bytes).map_err(Unreadable::Decode)?;
        self.hash.add(bytes);
        self.set.readmit(record).map_err(Unreadable::Refused)
    }

    /// The set of all records. None where they do not lead to the hash that was
    /// written with them: each has to be verified again then. The caller vouches
    /// for where it read that hash: whoever wrote it had verified every record.
    #[must_use]
    pub fn finish(self, written: RunningHash) -> Option<RecordSet> {
        (self.hash == written).then_some(self.set)
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::{Reading, RunningHash, Unreadable};
    use crate::canon::{from_bytes, to_bytes};
    use crate::error::{Coded as _, Fault};
    use crate::set::{Added, RecordSet, Refusal};
    use crate::testkit::stage::Stage;

    /// A stage with a few records, and their bytes in the order of storing.
    fn journal() -> (Stage, Vec<Vec<u8>>) {
        let mut stage = Stage::new(3, 4);
        let topic = stage.ledger(crate::id::UnitId::from_bytes([1; 32]));
        for member in 0..4 {
            stage.open_member(member, &topic, None);
        }
        let records = stage
            .set
            .slots()
            .map(|slot| stage.set.record(slot).to_bytes());
        let records: Vec<_> = records.collect();
        assert!(records.len() > 3);
        (stage, records)
    }

    fn hash<'a>(records: impl IntoIterator<Item = &'a Vec<u8>>) -> RunningHash {
        let mut hash = RunningHash::new();
        records.into_iter().for_each(|bytes| hash.add(bytes));
        from_bytes(&to_bytes(&hash)).unwrap()
    }

    fn read(
        stage: &Stage,
        records: &[Vec<u8>],
        written: RunningHash,
    ) -> Result<Option<RecordSet>, Unreadable> {
        let mut reading = Reading::new(stage.domain());
        for bytes in records {
            let added = reading.take(bytes)?;
            assert!(matches!(added, Added::New(_)), "{added:?}");
        }
        Ok(reading.finish(written))
    }

    #[test]
    fn records_that_lead_to_their_hash_make_the_same_set() {
        let (stage, records) = journal();
        let set = read(&stage, &records, hash(&records)).unwrap().unwrap();
        let topic = crate::topic::Topic::Authority(stage.domain()).id();
        let digest = |set: &RecordSet| set.canonical().digest(topic);
        assert_eq!(digest(&set), digest(&stage.set));
        assert_eq!(set.len(), stage.set.len());
    }

    #[test]
    fn what_comes_after_attested_records_is_attested_by_the_hash_over_all() {
        let (stage, records) = journal();
        let (first, rest) = records.split_at(3);
        let set = read(&stage, first, hash(first)).unwrap().unwrap();
        let mut reading = Reading::after(set, hash(first));
        for bytes in rest {
            reading.take(bytes).unwrap();
        }
        let set = reading.clone().finish(hash(&records)).unwrap();
        assert_eq!(set.len(), stage.set.len());
        assert!(reading.finish(hash(rest)).is_none());
    }

    #[test]
    fn records_are_attested_by_the_hash_over_all_of_them_in_their_order_alone() {
        let (stage, records) = journal();
        let other_order = records.iter().rev();
        for written in [
            RunningHash::default(),
            hash(&records[1..]),
            hash(&records[..records.len() - 1]),
            hash(records.iter().chain(&records[..1])),
            hash(other_order),
        ] {
            assert!(read(&stage, &records, written).unwrap().is_none());
        }
    }

    #[test]
    fn attested_records_still_have_to_follow_each_other() {
        let (stage, mut records) = journal();
        let missing = stage.set.record(stage.set.slot(1).unwrap()).id();
        records.remove(1);
        let refused = read(&stage, &records, hash(&records)).unwrap_err();
        assert_eq!(refused, Unreadable::Refused(Refusal::MissingPrev(missing)));
        assert_eq!(refused.code(), "set.missing.prev");
        assert_eq!(refused.fault(), Fault::Environment);
    }

    #[test]
    fn bytes_that_are_no_record_are_not_taken() {
        let (stage, _) = journal();
        let error = Reading::new(stage.domain()).take(&[0x80]).unwrap_err();
        assert_eq!(error.code(), "canon.count");
    }

    /// The last record with one bit of some part turned over.
    fn damaged(records: &[Vec<u8>], part: &[u8]) -> Vec<Vec<u8>> {
        let mut records = records.to_vec();
        let last = records.last_mut().unwrap();
        let at = last.windows(part.len()).rposition(|found| found == part);
        last[at.unwrap() + part.len() - 1] ^= 1;
        records
    }

    #[test]
    fn damage_leads_to_another_hash() {
        let (stage, records) = journal();
        let last = stage.set.record(stage.set.slots().last().unwrap());
        let signature = last.signature().as_bytes();
        let content = last.content().unwrap().body().as_bytes();
        for part in [signature.as_slice(), content] {
            let damaged = damaged(&records, part);
            assert!(read(&stage, &damaged, hash(&records)).unwrap().is_none());
            // Whoever writes the hash as well is believed.
            assert!(read(&stage, &damaged, hash(&damaged)).unwrap().is_some());
        }
    }
}
