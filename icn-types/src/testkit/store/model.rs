use alloc::collections::BTreeMap;
use alloc::format;
use alloc::vec::Vec;

use proptest::strategy::{Strategy, ValueTree as _};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use super::broken;
use super::laws::{Verdict, rows, same};
use crate::host::{Batch, Key, Order, Page, Scan, Store, StoreErrorKind, StoredRow, Write};
use crate::testkit::Violation;
use crate::testkit::arb;

const LAW: &str = "store_equals_its_model";

/// Random batches have the outcome that they have on an ordered map, and leave
/// the same rows. The batches are the same in every run.
///
/// # Errors
/// The [`Violation`].
pub async fn store_equals_its_model(store: &impl Store) -> Verdict {
    let mut stream = Stream::seeded(*b"batches, scans and their answers");
    let mut model = Model::default();
    for _ in 0..120 {
        let batch = stream.draw(&arb::batch::batch())?;
        step(store, &mut model, batch).await?;
        let scan = stream.draw(&arb::batch::scan())?;
        same_page(store, &model, &scan).await?;
    }
    Ok(())
}

/// These batches, one after the other on a fresh store, have the outcome that
/// they have on an ordered map, and leave the same rows after each. For batches
/// of your own; spaces are those of [`arb::batch::SPACES`].
///
/// # Errors
/// The [`Violation`].
pub async fn batches_equal_the_model(
    store: &impl Store,
    batches: impl IntoIterator<Item = Batch>,
) -> Verdict {
    let mut model = Model::default();
    for batch in batches {
        step(store, &mut model, batch).await?;
    }
    Ok(())
}

async fn step(store: &impl Store, model: &mut Model, batch: Batch) -> Verdict {
    let keys: Vec<_> = batch.writes().iter().map(|w| w.key().clone()).collect();
    let found = store.commit(batch.clone()).await.map_err(|e| e.kind());
    let expected = model.commit(&batch);
    if found != expected {
        return Err(Violation::new(
            LAW,
            format!("{batch:?}: found {found:?}, expected {expected:?}"),
        ));
    }
    let expected: Vec<_> = keys.iter().map(|key| model.0.get(key).cloned()).collect();
    let found = store.read(&keys).await.map_err(|e| broken(LAW, e))?;
    same(LAW, &found, &expected)?;
    for space in arb::batch::SPACES {
        let scan = Scan::all(space);
        let expected = model
            .rows(&scan)
            .map(|(key, value)| (key.as_bytes().to_vec(), value.clone()));
        let expected: Vec<_> = expected.collect();
        same(LAW, &rows(LAW, store, scan).await?, &expected)?;
    }
    Ok(())
}

async fn same_page(store: &impl Store, model: &Model, scan: &Scan) -> Verdict {
    let expected = model.page(scan)?;
    let found = store.scan(scan).await.map_err(|e| broken(LAW, e))?;
    same(LAW, &found, &expected)
}

/// The least store that is right.
#[derive(Default)]
struct Model(BTreeMap<Key, Vec<u8>>);

impl Model {
    fn commit(&mut self, batch: &Batch) -> Result<(), StoreErrorKind> {
        for precondition in batch.preconditions() {
            let value = self.0.get(precondition.key());
            if !precondition.holds(value.map(Vec::as_slice)) {
                return Err(StoreErrorKind::Conflict);
            }
        }
        for write in batch.writes() {
            match write.clone() {
                Write::Put(key, value) => self.0.insert(key, value),
                Write::Delete(key) => self.0.remove(&key),
            };
        }
        Ok(())
    }

    /// All rows of a range, lowest first.
    fn rows(&self, scan: &Scan) -> impl DoubleEndedIterator<Item = (&Key, &Vec<u8>)> {
        self.0.iter().filter(|(key, _)| {
            let bytes = key.as_bytes();
            key.space() == scan.space()
                && bytes >= scan.from()
                && scan.to().is_none_or(|to| bytes < to)
        })
    }

    fn page(&self, scan: &Scan) -> Result<Page, Violation> {
        let rows = self.rows(scan);
        let stored = |(key, value): (&Key, &Vec<u8>)| {
            Ok(StoredRow {
                key: key.clone(),
                value: value.clone(),
            })
        };
        match scan.order() {
            Order::Ascending => Page::collect(scan, rows.map(stored)),
            Order::Descending => Page::collect(scan, rows.rev().map(stored)),
        }
    }
}

/// Values of strategies that a seed fixes.
struct Stream(TestRunner);

impl Stream {
    fn seeded(seed: [u8; 32]) -> Self {
        let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
        Self(TestRunner::new_with_rng(Config::default(), rng))
    }

    fn draw<S: Strategy>(&mut self, strategy: &S) -> Result<S::Value, Violation> {
        let tree = strategy.new_tree(&mut self.0);
        Ok(tree.map_err(|e| broken(LAW, e))?.current())
    }
}
