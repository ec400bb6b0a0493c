use alloc::format;
use alloc::vec::Vec;

use proptest::strategy::{Strategy, ValueTree as _};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use super::broken;
use super::laws::{Verdict, rows, same};
use crate::host::{Batch, MemoryStore, Scan, Store, StoreError};
use crate::testkit::Violation;
use crate::testkit::arb;

const LAW: &str = "store_equals_its_model";

/// Random batches have the outcome that they have on [`MemoryStore`], and leave
/// the same rows. The batches are the same in every run.
///
/// # Errors
/// The [`Violation`].
pub async fn store_equals_its_model(store: &impl Store) -> Verdict {
    let mut stream = Stream::seeded(*b"batches, scans and their answers");
    let model = MemoryStore::new();
    for _ in 0..120 {
        let batch = stream.draw(&arb::batch::batch())?;
        step(store, &model, batch).await?;
        let scan = stream.draw(&arb::batch::scan())?;
        same_page(store, &model, &scan).await?;
    }
    Ok(())
}

/// These batches, one after the other on a fresh store, have the outcome that
/// they have on [`MemoryStore`], and leave the same rows after each. For
/// batches of your own; spaces are those of [`arb::batch::SPACES`].
///
/// # Errors
/// The [`Violation`].
pub async fn batches_equal_the_model(
    store: &impl Store,
    batches: impl IntoIterator<Item = Batch>,
) -> Verdict {
    let model = MemoryStore::new();
    for batch in batches {
        step(store, &model, batch).await?;
    }
    Ok(())
}

async fn step(store: &impl Store, model: &MemoryStore, batch: Batch) -> Verdict {
    let outcome = |answer: Result<(), StoreError>| answer.map_err(|e| e.kind());
    let keys: Vec<_> = batch.writes().iter().map(|w| w.key().clone()).collect();
    let expected = outcome(model.commit(batch.clone()).await);
    let found = outcome(store.commit(batch.clone()).await);
    if found != expected {
        return Err(Violation::new(
            LAW,
            format!("{batch:?}: found {found:?}, expected {expected:?}"),
        ));
    }
    let expected = model.read(&keys).await.map_err(|e| broken(LAW, e))?;
    let found = store.read(&keys).await.map_err(|e| broken(LAW, e))?;
    same(LAW, &found, &expected)?;
    for space in arb::batch::SPACES {
        let expected = rows(LAW, model, Scan::all(space)).await?;
        same(LAW, &rows(LAW, store, Scan::all(space)).await?, &expected)?;
    }
    Ok(())
}

async fn same_page(store: &impl Store, model: &MemoryStore, scan: &Scan) -> Verdict {
    let expected = model.scan(scan).await.map_err(|e| broken(LAW, e))?;
    let found = store.scan(scan).await.map_err(|e| broken(LAW, e))?;
    same(LAW, &found, &expected)
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
