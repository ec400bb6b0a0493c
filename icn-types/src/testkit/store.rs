//! Laws of the [`Store`] port. Each takes a fresh, empty store.

mod laws;
mod model;
mod poll;
mod recording;

pub use laws::*;
pub use model::{batches_equal_the_model, store_equals_its_model};
pub use recording::Recording;

use super::Violation;
use crate::host::{Store, StoreError};

/// Makes stores for the laws.
pub trait StoreFactory {
    /// The store under test.
    type Store: Store;

    /// A new empty store that shares nothing with earlier ones.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be made.
    fn fresh(&self) -> Result<Self::Store, StoreError>;

    /// Closes a store and opens what it left behind; `None` when it is volatile
    /// and leaves nothing.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be opened again.
    fn reopen(&self, store: Self::Store) -> Result<Option<Self::Store>, StoreError>;
}

macro_rules! laws {
    ($($law:ident),* $(,)?) => {
        /// Names of all laws, in the order they are checked.
        pub const LAWS: &[&str] = &[$(stringify!($law),)* REOPENED];

        /// Checks every law, each on a fresh store, and answers with all
        /// violations.
        pub async fn violations<F: StoreFactory>(factory: &F) -> alloc::vec::Vec<Violation> {
            let mut found = alloc::vec::Vec::new();
            $(
                match factory.fresh() {
                    Ok(store) => found.extend($law(&store).await.err()),
                    Err(error) => found.push(broken(stringify!($law), error)),
                }
            )*
            found.extend(reopened_store_keeps_what_was_committed(factory).await.err());
            found
        }
    };
}

const REOPENED: &str = "reopened_store_keeps_what_was_committed";

laws! {
    commit_is_all_or_nothing,
    conflict_leaves_no_trace,
    preconditions_see_the_state_before_the_batch,
    last_write_to_a_key_wins,
    commit_is_read_back,
    read_answers_in_the_order_asked,
    read_is_one_snapshot,
    scan_is_ordered_and_bounded,
    paging_is_stable,
    spaces_are_apart,
    empty_value_is_a_value,
    empty_key_is_a_key,
    keys_order_as_bytes,
    deleting_nothing_is_ok,
    deleted_key_is_absent,
    largest_values_fit,
    dropped_commit_is_all_or_nothing,
    one_of_many_wins,
    store_equals_its_model,
}

/// Checks every law, each on a fresh store.
///
/// # Errors
/// The first [`Violation`].
pub async fn check_all<F: StoreFactory>(factory: &F) -> Result<(), Violation> {
    violations(factory)
        .await
        .into_iter()
        .next()
        .map_or(Ok(()), Err)
}

fn broken(law: &'static str, error: impl core::fmt::Debug) -> Violation {
    Violation::new(law, alloc::format!("{error:?}"))
}
