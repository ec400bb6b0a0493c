//! A store that fails where a test says so.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU64, Ordering};

use alloc::boxed::Box;

use crate::host::{Batch, Key, Page, Scan, Store, StoreError, StoreErrorKind};

/// What happens instead of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// Nothing happens, and the answer says so: unavailable.
    Refused,
    /// It happens, but the answer is uncertain.
    UncertainDone,
    /// It does not happen, but the answer is uncertain.
    UncertainLost,
}

/// Passes calls on to a store, but for those that its plan names by number.
///
/// Calls of all three methods are counted together, from 0. A read or scan
/// never changes anything, so any fault makes it unavailable.
#[derive(Debug)]
pub struct Faulty<S> {
    inner: S,
    plan: BTreeMap<u64, Fault>,
    calls: AtomicU64,
}

impl<S> Faulty<S> {
    /// `inner`, failing at the calls that `plan` names.
    pub fn new(inner: S, plan: impl IntoIterator<Item = (u64, Fault)>) -> Self {
        Self {
            inner,
            plan: plan.into_iter().collect(),
            calls: AtomicU64::new(0),
        }
    }

    /// Calls so far.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::Acquire)
    }

    /// The store behind, which never fails by plan.
    pub const fn inner(&self) -> &S {
        &self.inner
    }

    fn turn(&self) -> Option<Fault> {
        let call = self.calls.fetch_add(1, Ordering::AcqRel);
        self.plan.get(&call).copied()
    }

    fn turn_to_read(&self) -> Result<(), StoreError> {
        match self.turn() {
            None => Ok(()),
            Some(_) => Err(StoreErrorKind::Unavailable.into()),
        }
    }
}

#[cfg_attr(not(target_family = "wasm"), async_trait::async_trait)]
#[cfg_attr(target_family = "wasm", async_trait::async_trait(?Send))]
#[deny(clippy::missing_trait_methods)]
impl<S: Store> Store for Faulty<S> {
    async fn read(&self, keys: &[Key]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        self.turn_to_read()?;
        self.inner.read(keys).await
    }

    async fn scan(&self, scan: &Scan) -> Result<Page, StoreError> {
        self.turn_to_read()?;
        self.inner.scan(scan).await
    }

    async fn commit(&self, batch: Batch) -> Result<(), StoreError> {
        match self.turn() {
            None => self.inner.commit(batch).await,
            Some(Fault::Refused) => Err(StoreErrorKind::Unavailable.into()),
            Some(Fault::UncertainLost) => Err(StoreErrorKind::Uncertain.into()),
            Some(Fault::UncertainDone) => {
                self.inner.commit(batch).await?;
                Err(StoreErrorKind::Uncertain.into())
            }
        }
    }
}
