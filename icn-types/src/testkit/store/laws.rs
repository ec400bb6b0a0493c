#![expect(
    clippy::missing_errors_doc,
    reason = "every law answers with the violation of itself"
)]

use alloc::boxed::Box;
use alloc::format;
use alloc::vec;
use alloc::vec::Vec;
use core::num::NonZeroU32;

use super::poll::{Boxed, all, once, turn};
use super::{REOPENED, StoreFactory, broken};
use crate::host::{Batch, Key, Scan, Space, Store, StoreError, StoreErrorKind, VALUE_LEN_MAX};
use crate::testkit::Violation;

const ONE: Space = Space::new("law/one");
const TWO: Space = Space::new("law/two");

pub(super) type Verdict = Result<(), Violation>;
type Value = Option<Vec<u8>>;

/// A write of a law: key and, unless it is a deletion, value.
type Change<'a> = (Space, &'a [u8], Option<&'a [u8]>);

fn key(law: &'static str, space: Space, bytes: &[u8]) -> Result<Key, Violation> {
    Key::new(space, bytes).map_err(|e| broken(law, e))
}

fn batch(law: &'static str, absent: &[&[u8]], changes: &[Change<'_>]) -> Result<Batch, Violation> {
    let mut batch = Batch::new();
    for bytes in absent {
        batch
            .absent(key(law, ONE, bytes)?)
            .map_err(|e| broken(law, e))?;
    }
    for &(space, bytes, value) in changes {
        let key = key(law, space, bytes)?;
        match value {
            Some(value) => batch.put(key, value),
            None => batch.delete(key),
        }
        .map_err(|e| broken(law, e))?;
    }
    Ok(batch)
}

async fn write(law: &'static str, store: &impl Store, changes: &[Change<'_>]) -> Verdict {
    let batch = batch(law, &[], changes)?;
    store.commit(batch).await.map_err(|e| broken(law, e))
}

async fn read(
    law: &'static str,
    store: &impl Store,
    keys: &[(Space, &[u8])],
) -> Result<Vec<Value>, Violation> {
    let keys: Vec<Key> = keys
        .iter()
        .map(|(space, bytes)| key(law, *space, bytes))
        .collect::<Result<_, _>>()?;
    store.read(&keys).await.map_err(|e| broken(law, e))
}

/// All rows of a scan, page by page; more pages than rows are a violation.
pub(super) async fn rows(
    law: &'static str,
    store: &impl Store,
    scan: Scan,
) -> Result<Vec<(Vec<u8>, Vec<u8>)>, Violation> {
    let mut found = Vec::new();
    let mut next = Some(scan);
    while let Some(scan) = next {
        let page = store.scan(&scan).await.map_err(|e| broken(law, e))?;
        if page.rows.is_empty() && page.next.is_some() || found.len() > 10_000 {
            return Err(Violation::new(law, "paging does not end"));
        }
        found.extend(
            page.rows
                .into_iter()
                .map(|row| (row.key.as_bytes().to_vec(), row.value)),
        );
        next = page.next;
    }
    Ok(found)
}

pub(super) fn same<T: PartialEq + core::fmt::Debug>(
    law: &'static str,
    found: &T,
    expected: &T,
) -> Verdict {
    if found == expected {
        Ok(())
    } else {
        Err(Violation::new(
            law,
            format!("found {found:?}, expected {expected:?}"),
        ))
    }
}

fn conflicts(law: &'static str, answer: &Result<(), StoreError>) -> Verdict {
    let kind = answer.as_ref().err().map(StoreError::kind);
    same(law, &kind, &Some(StoreErrorKind::Conflict))
}

fn some(bytes: &[u8]) -> Value {
    Some(bytes.to_vec())
}

const fn limit(rows: u32) -> NonZeroU32 {
    match NonZeroU32::new(rows) {
        Some(rows) => rows,
        None => NonZeroU32::MIN,
    }
}

/// Of a batch everything happens or nothing, whoever reads in between and
/// whoever stops waiting for it.
pub async fn commit_is_all_or_nothing(store: &impl Store) -> Verdict {
    const LAW: &str = "commit_is_all_or_nothing";
    let keys: [(Space, &[u8]); 3] = [(ONE, b"a"), (ONE, b"old"), (TWO, b"b")];
    let before = vec![None, some(b"0"), None];
    let after = vec![some(b"1"), None, some(b"2")];
    let changes: [Change<'_>; 3] = [
        (ONE, b"a", Some(b"1")),
        (ONE, b"old", None),
        (TWO, b"b", Some(b"2")),
    ];
    let back: [Change<'_>; 3] = [
        (ONE, b"a", None),
        (ONE, b"old", Some(b"0")),
        (TWO, b"b", None),
    ];
    // Read after each poll of the commit; give up after so many.
    for patience in [0, 1, 2, 3, usize::MAX] {
        write(LAW, store, &back).await?;
        let mut commit: Boxed<'_, _> = Box::pin(store.commit(batch(LAW, &[], &changes)?));
        let mut polls = 0;
        while polls < patience {
            let answer = once(&mut commit).await;
            let found = read(LAW, store, &keys).await?;
            match answer {
                Some(answer) => {
                    answer.map_err(|e| broken(LAW, e))?;
                    same(LAW, &found, &after)?;
                    break;
                }
                None if found != before => same(LAW, &found, &after)?,
                None => {}
            }
            polls = polls.saturating_add(1);
            if patience == usize::MAX {
                turn().await;
            }
        }
        drop(commit);
        let found = read(LAW, store, &keys).await?;
        if found != before {
            same(LAW, &found, &after)?;
        }
    }
    Ok(())
}

/// A precondition that does not hold is a conflict, and nothing changes.
pub async fn conflict_leaves_no_trace(store: &impl Store) -> Verdict {
    const LAW: &str = "conflict_leaves_no_trace";
    write(LAW, store, &[(ONE, b"taken", Some(b"1"))]).await?;
    let changes: [Change<'_>; 2] = [(ONE, b"taken", Some(b"2")), (TWO, b"new", Some(b"2"))];
    let answer = store
        .commit(batch(LAW, &[b"free", b"taken"], &changes)?)
        .await;
    conflicts(LAW, &answer)?;
    let mut other = batch(LAW, &[], &changes)?;
    other
        .equals(key(LAW, ONE, b"taken")?, b"3")
        .map_err(|e| broken(LAW, e))?;
    conflicts(LAW, &store.commit(other).await)?;
    let found = read(LAW, store, &[(ONE, b"taken"), (TWO, b"new")]).await?;
    same(LAW, &found, &vec![some(b"1"), None])
}

/// Preconditions do not see the writes of their own batch.
pub async fn preconditions_see_the_state_before_the_batch(store: &impl Store) -> Verdict {
    const LAW: &str = "preconditions_see_the_state_before_the_batch";
    let first = batch(LAW, &[b"k"], &[(ONE, b"k", Some(b"1"))])?;
    store.commit(first).await.map_err(|e| broken(LAW, e))?;
    let second = batch(LAW, &[b"k"], &[(ONE, b"k", None)])?;
    conflicts(LAW, &store.commit(second).await)
}

/// Writes happen in the order in which they were added.
pub async fn last_write_to_a_key_wins(store: &impl Store) -> Verdict {
    const LAW: &str = "last_write_to_a_key_wins";
    let changes: [Change<'_>; 4] = [
        (ONE, b"a", Some(b"1")),
        (ONE, b"a", Some(b"2")),
        (ONE, b"b", Some(b"3")),
        (ONE, b"b", None),
    ];
    write(LAW, store, &changes).await?;
    let found = read(LAW, store, &[(ONE, b"a"), (ONE, b"b")]).await?;
    same(LAW, &found, &vec![some(b"2"), None])
}

/// What was committed is read from then on.
pub async fn commit_is_read_back(store: &impl Store) -> Verdict {
    const LAW: &str = "commit_is_read_back";
    for value in [b"1", b"2"] {
        write(LAW, store, &[(ONE, b"k", Some(value))]).await?;
        same(
            LAW,
            &read(LAW, store, &[(ONE, b"k")]).await?,
            &vec![some(value)],
        )?;
        let found = rows(LAW, store, Scan::all(ONE)).await?;
        same(LAW, &found, &vec![(b"k".to_vec(), value.to_vec())])?;
    }
    Ok(())
}

/// One answer per key, in the order asked, also for a key asked twice.
pub async fn read_answers_in_the_order_asked(store: &impl Store) -> Verdict {
    const LAW: &str = "read_answers_in_the_order_asked";
    write(
        LAW,
        store,
        &[(ONE, b"a", Some(b"1")), (ONE, b"b", Some(b"2"))],
    )
    .await?;
    let asked: [(Space, &[u8]); 4] = [(ONE, b"b"), (ONE, b"none"), (ONE, b"a"), (ONE, b"b")];
    let found = read(LAW, store, &asked).await?;
    same(LAW, &found, &vec![some(b"2"), None, some(b"1"), some(b"2")])
}

/// No read sees the middle of a commit.
pub async fn read_is_one_snapshot(store: &impl Store) -> Verdict {
    const LAW: &str = "read_is_one_snapshot";
    let both = |value| -> [Change<'static>; 2] { [(ONE, b"a", value), (TWO, b"b", value)] };
    write(LAW, store, &both(Some(b"1"))).await?;
    let keys = [key(LAW, ONE, b"a")?, key(LAW, TWO, b"b")?];
    let mut reading: Boxed<'_, _> = Box::pin(store.read(&keys));
    let ready = once(&mut reading).await;
    write(LAW, store, &both(Some(b"2"))).await?;
    let found = match ready {
        Some(found) => found,
        None => reading.await,
    }
    .map_err(|e| broken(LAW, e))?;
    same(LAW, &found.first(), &found.last())
}

/// Rows come in byte order in both directions, within range and limit.
pub async fn scan_is_ordered_and_bounded(store: &impl Store) -> Verdict {
    const LAW: &str = "scan_is_ordered_and_bounded";
    for byte in [5_u8, 1, 4, 2, 3] {
        write(LAW, store, &[(ONE, &[byte, 7], Some(&[byte]))]).await?;
    }
    let values = |rows: Vec<(Vec<u8>, Vec<u8>)>| rows.into_iter().flat_map(|r| r.1).collect();
    let expected: [(Scan, &[u8]); 5] = [
        (Scan::all(ONE), &[1, 2, 3, 4, 5]),
        (Scan::all(ONE).descending(), &[5, 4, 3, 2, 1]),
        (Scan::range(ONE, &[2], &[4, 7]), &[2, 3]),
        (Scan::range(ONE, &[4], &[2]), &[]),
        (Scan::prefix(ONE, &[3]), &[3]),
    ];
    for (scan, expected) in expected {
        for rows_max in [1, 2, 100] {
            let scan = scan.clone().limit(limit(rows_max));
            let page = store.scan(&scan).await.map_err(|e| broken(LAW, e))?;
            let wanted = expected.len().min(rows_max as usize);
            same(LAW, &page.rows.len(), &wanted)?;
            same(LAW, &page.next.is_some(), &(wanted < expected.len()))?;
            let found: Vec<u8> = values(rows(LAW, store, scan).await?);
            same(LAW, &found, &expected.to_vec())?;
        }
    }
    Ok(())
}

/// Rows written or taken away between two pages, also the last one seen and
/// the next one, neither hide others nor repeat them.
pub async fn paging_is_stable(store: &impl Store) -> Verdict {
    const LAW: &str = "paging_is_stable";
    let up = Scan::all(ONE).limit(limit(2));
    let cases = [
        (up.clone(), [10_u8, 20], vec![25, 40, 50]),
        (up.descending(), [50, 40], vec![25, 20, 15, 10, 5]),
    ];
    for (scan, seen, rest) in cases {
        for byte in [10_u8, 20, 30, 40, 50] {
            write(LAW, store, &[(ONE, &[byte], Some(b""))]).await?;
        }
        for byte in [5_u8, 15, 25] {
            write(LAW, store, &[(ONE, &[byte], None)]).await?;
        }
        let page = store.scan(&scan).await.map_err(|e| broken(LAW, e))?;
        let found: Vec<u8> = page
            .rows
            .iter()
            .flat_map(|r| r.key.as_bytes().to_vec())
            .collect();
        same(LAW, &found, &seen.to_vec())?;
        let [_, last] = seen;
        let between: [Change<'_>; 5] = [
            (ONE, &[5], Some(b"")),
            (ONE, &[15], Some(b"")),
            (ONE, &[25], Some(b"")),
            (ONE, &[30], None),
            (ONE, &[last], None),
        ];
        write(LAW, store, &between).await?;
        let next = page
            .next
            .ok_or_else(|| Violation::new(LAW, "no next page"))?;
        let found: Vec<u8> = rows(LAW, store, next)
            .await?
            .into_iter()
            .flat_map(|r| r.0)
            .collect();
        same(LAW, &found, &rest)?;
    }
    Ok(())
}

/// Equal keys of two spaces are different keys.
pub async fn spaces_are_apart(store: &impl Store) -> Verdict {
    const LAW: &str = "spaces_are_apart";
    const LONGER: Space = Space::new("law/one/more");
    write(
        LAW,
        store,
        &[(ONE, b"k", Some(b"1")), (TWO, b"k", Some(b"2"))],
    )
    .await?;
    write(LAW, store, &[(TWO, b"k", None), (LONGER, b"k", Some(b"3"))]).await?;
    let found = read(LAW, store, &[(ONE, b"k"), (TWO, b"k"), (LONGER, b"k")]).await?;
    same(LAW, &found, &vec![some(b"1"), None, some(b"3")])?;
    let found = rows(LAW, store, Scan::all(ONE)).await?;
    same(LAW, &found, &vec![(b"k".to_vec(), b"1".to_vec())])
}

/// An empty value is not an absent one.
pub async fn empty_value_is_a_value(store: &impl Store) -> Verdict {
    const LAW: &str = "empty_value_is_a_value";
    write(LAW, store, &[(ONE, b"k", Some(b""))]).await?;
    same(
        LAW,
        &read(LAW, store, &[(ONE, b"k")]).await?,
        &vec![some(b"")],
    )?;
    conflicts(LAW, &store.commit(batch(LAW, &[b"k"], &[])?).await)
}

/// The empty key is a key, the lowest.
pub async fn empty_key_is_a_key(store: &impl Store) -> Verdict {
    const LAW: &str = "empty_key_is_a_key";
    write(
        LAW,
        store,
        &[(ONE, &[0], Some(b"1")), (ONE, b"", Some(b"0"))],
    )
    .await?;
    same(
        LAW,
        &read(LAW, store, &[(ONE, b"")]).await?,
        &vec![some(b"0")],
    )?;
    let found = rows(LAW, store, Scan::all(ONE)).await?;
    same(
        LAW,
        &found,
        &vec![(vec![], b"0".to_vec()), (vec![0], b"1".to_vec())],
    )
}

/// Keys order as unsigned bytes, a prefix first.
pub async fn keys_order_as_bytes(store: &impl Store) -> Verdict {
    const LAW: &str = "keys_order_as_bytes";
    let sorted: [&[u8]; 6] = [&[0], &[0, 0], &[0, 0xff], &[0x7f], &[0x80], &[0xff, 0xff]];
    for bytes in sorted.iter().rev() {
        write(LAW, store, &[(ONE, bytes, Some(b""))]).await?;
    }
    let found: Vec<_> = rows(LAW, store, Scan::all(ONE))
        .await?
        .into_iter()
        .map(|r| r.0)
        .collect();
    same(LAW, &found, &sorted.map(<[u8]>::to_vec).to_vec())
}

/// Taking away what is not there succeeds.
pub async fn deleting_nothing_is_ok(store: &impl Store) -> Verdict {
    const LAW: &str = "deleting_nothing_is_ok";
    write(LAW, store, &[(ONE, b"k", None)]).await?;
    same(LAW, &read(LAW, store, &[(ONE, b"k")]).await?, &vec![None])
}

/// A deleted key is absent for reads and preconditions.
pub async fn deleted_key_is_absent(store: &impl Store) -> Verdict {
    const LAW: &str = "deleted_key_is_absent";
    write(LAW, store, &[(ONE, b"k", Some(b"1"))]).await?;
    write(LAW, store, &[(ONE, b"k", None)]).await?;
    same(LAW, &read(LAW, store, &[(ONE, b"k")]).await?, &vec![None])?;
    let again = batch(LAW, &[b"k"], &[(ONE, b"k", Some(b"2"))])?;
    store.commit(again).await.map_err(|e| broken(LAW, e))
}

/// Everything that a batch admits can be committed.
pub async fn largest_values_fit(store: &impl Store) -> Verdict {
    const LAW: &str = "largest_values_fit";
    let value = vec![7; VALUE_LEN_MAX];
    let long = [9; crate::host::KEY_LEN_MAX];
    write(LAW, store, &[(ONE, &long, Some(&value))]).await?;
    let found = read(LAW, store, &[(ONE, &long)]).await?;
    same(LAW, &(found == [Some(value)]), &true)
}

/// A commit whose future was dropped happened as a whole or not at all.
pub async fn dropped_commit_is_all_or_nothing(store: &impl Store) -> Verdict {
    const LAW: &str = "dropped_commit_is_all_or_nothing";
    for polls in 0..4 {
        let name = [polls];
        let changes: [Change<'_>; 2] = [(ONE, &name, Some(b"1")), (TWO, &name, Some(b"1"))];
        let mut commit: Boxed<'_, _> = Box::pin(store.commit(batch(LAW, &[], &changes)?));
        for _ in 0..polls {
            if once(&mut commit).await.is_some() {
                break;
            }
        }
        drop(commit);
        // What was queued before is done when this is.
        write(LAW, store, &[(ONE, b"after", Some(b""))]).await?;
        let found = read(LAW, store, &[(ONE, &name), (TWO, &name)]).await?;
        same(LAW, &found.first(), &found.last())?;
    }
    Ok(())
}

/// Of concurrent commits that exclude each other exactly one succeeds.
pub async fn one_of_many_wins(store: &impl Store) -> Verdict {
    const LAW: &str = "one_of_many_wins";
    let mut commits: Vec<Boxed<'_, _>> = Vec::new();
    for number in 0..16_u8 {
        let batch = batch(LAW, &[b"k"], &[(ONE, b"k", Some(&[number]))])?;
        commits.push(Box::pin(store.commit(batch)));
    }
    let mut winners = Vec::new();
    for (number, answer) in (0..).zip(all(commits).await) {
        if answer.is_ok() {
            winners.push(Some(vec![number]));
        } else {
            conflicts(LAW, &answer)?;
        }
    }
    same(LAW, &winners.len(), &1)?;
    same(LAW, &read(LAW, store, &[(ONE, b"k")]).await?, &winners)
}

/// What was committed is there after the store was closed and opened.
///
/// # Errors
/// The [`Violation`].
pub async fn reopened_store_keeps_what_was_committed<F: StoreFactory>(factory: &F) -> Verdict {
    let store = factory.fresh().map_err(|e| broken(REOPENED, e))?;
    write(
        REOPENED,
        &store,
        &[(ONE, b"k", Some(b"1")), (ONE, b"gone", Some(b"1"))],
    )
    .await?;
    write(
        REOPENED,
        &store,
        &[(TWO, b"k", Some(b"2")), (ONE, b"gone", None)],
    )
    .await?;
    let Some(store) = factory.reopen(store).map_err(|e| broken(REOPENED, e))? else {
        return Ok(());
    };
    let found = read(
        REOPENED,
        &store,
        &[(ONE, b"k"), (TWO, b"k"), (ONE, b"gone")],
    )
    .await?;
    same(REOPENED, &found, &vec![some(b"1"), some(b"2"), None])
}
