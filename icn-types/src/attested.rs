//! Records that were verified before they were stored, taken back without
//! checking their signatures again.
//!
//! Who stores records that were verified writes a [`RunningHash`] over them into
//! the same commit. Read back, records whose bytes lead to that hash are
//! [`Attested`]: the store holds exactly what was verified once. That trusts
//! whoever can write to the store, for they can write records and hash alike: the
//! hash tells damage, not malice. Nothing that arrives from elsewhere may be taken
//! in like this.

use alloc::vec::Vec;

use crate::canon::{Decode, DecodeError, Encode, Reader, Writer, from_bytes};
use crate::hash::{Hasher, sha256};
use crate::record::Record;
use crate::sign::Unverified;

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

/// A statement whose signature was checked before it was stored, by the word of
/// the store. Only a [`Reading`] makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attested<T>(T);

impl<T> Attested<T> {
    /// What the statement says.
    #[must_use]
    pub const fn claim(&self) -> &T {
        &self.0
    }

    pub(crate) fn into_inner(self) -> T {
        self.0
    }
}

/// Reads stored records in their order.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    hash: RunningHash,
    records: Vec<Unverified<Record>>,
}

/// Records as they were stored.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_enums, reason = "the hash fits or does not")]
pub enum StoredRecords {
    /// They lead to the hash that was written with them.
    Attested(Vec<Attested<Record>>),
    /// They do not, or no hash was written: each has to be verified again.
    Unverified(Vec<Unverified<Record>>),
}

impl Reading {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the bytes of the next record.
    ///
    /// # Errors
    /// [`DecodeError`] when they are none.
    pub fn take(&mut self, bytes: &[u8]) -> Result<(), DecodeError> {
        self.records.push(from_bytes(bytes)?);
        self.hash.add(bytes);
        Ok(())
    }

    /// What was read.
    pub fn records(&self) -> impl ExactSizeIterator<Item = &Record> {
        self.records.iter().map(Unverified::claim)
    }

    /// How many records were read.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether no record was read.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// The hash over what was read.
    #[must_use]
    pub const fn hash(&self) -> RunningHash {
        self.hash
    }

    /// The records; attested when they lead to the hash that was written with
    /// them. The caller vouches for where it read that hash: whoever wrote it
    /// had verified every record.
    #[must_use]
    pub fn finish(self, written: Option<RunningHash>) -> StoredRecords {
        if written == Some(self.hash) {
            let records = self.records.into_iter();
            StoredRecords::Attested(records.map(|one| Attested(one.into_claim())).collect())
        } else {
            StoredRecords::Unverified(self.records)
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::{Reading, RunningHash, StoredRecords};
    use crate::canon::{from_bytes, to_bytes};
    use crate::set::{RecordSet, Refusal};
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

    fn read(records: &[Vec<u8>], written: Option<RunningHash>) -> StoredRecords {
        let mut reading = Reading::new();
        assert!(reading.is_empty());
        for bytes in records {
            reading.take(bytes).unwrap();
        }
        assert_eq!(reading.len(), records.len());
        assert_eq!(reading.records().len(), records.len());
        reading.finish(written)
    }

    #[test]
    fn records_that_lead_to_their_hash_make_the_same_set() {
        let (stage, records) = journal();
        let StoredRecords::Attested(attested) = read(&records, Some(hash(&records))) else {
            panic!("they lead to their hash");
        };
        let mut set = RecordSet::new(stage.domain());
        for record in attested {
            set.readmit(record).unwrap();
        }
        let topic = crate::topic::Topic::Authority(stage.domain()).id();
        let digest = |set: &RecordSet| set.canonical().digest(topic);
        assert_eq!(digest(&set), digest(&stage.set));
        assert_eq!(set.len(), stage.set.len());
    }

    #[test]
    fn records_are_attested_by_the_hash_over_all_of_them_in_their_order_alone() {
        let (_, records) = journal();
        let other_order = records.iter().rev();
        for written in [
            None,
            Some(RunningHash::default()),
            Some(hash(&records[1..])),
            Some(hash(&records[..records.len() - 1])),
            Some(hash(records.iter().chain(&records[..1]))),
            Some(hash(other_order)),
        ] {
            assert!(matches!(
                read(&records, written),
                StoredRecords::Unverified(all) if all.len() == records.len()
            ));
        }
        assert!(Reading::new().take(&[0x80]).is_err());
    }

    #[test]
    fn attested_records_still_have_to_follow_each_other() {
        let (stage, mut records) = journal();
        records.remove(1);
        let StoredRecords::Attested(attested) = read(&records, Some(hash(&records))) else {
            panic!("they lead to their hash");
        };
        let mut set = RecordSet::new(stage.domain());
        let refused = attested.into_iter().find_map(|record| {
            let id = record.claim().prev();
            set.readmit(record).err().map(|refusal| (refusal, id))
        });
        let (refusal, prev) = refused.unwrap();
        assert_eq!(Some(refusal), prev.map(Refusal::MissingPrev));
    }
}
