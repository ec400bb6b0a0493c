//! Pages of rows of one width, of which parts of a snapshot consist.

use icn_types::set::{RecordSet, Slot};

use super::positions::Again;
use super::schema::Page;

/// No page of rows is longer, in bytes.
const PAGE_LEN: usize = 200_000;

/// Rows one after the other.
pub(super) fn write<const N: usize>(rows: &[[u8; N]]) -> Vec<Page> {
    let pages = rows.chunks(PAGE_LEN / N);
    pages.map(|rows| Page(rows.concat())).collect()
}

/// The rows of pages. What is left at the end of a page is none.
pub(super) fn read<const N: usize>(pages: &[Page]) -> impl Iterator<Item = &[u8; N]> {
    pages.iter().flat_map(|page| page.0.as_chunks().0)
}

/// The number of a record. A set has fewer than this has values.
pub(super) fn number(slot: Slot) -> [u8; 4] {
    let number = u32::try_from(slot.index()).unwrap_or(u32::MAX);
    number.to_be_bytes()
}

pub(super) fn index(number: &[u8; 4]) -> usize {
    usize::try_from(u32::from_be_bytes(*number)).unwrap_or(usize::MAX)
}

/// A name and the number of a record.
pub(super) fn named(name: &[u8; 32], slot: Slot) -> [u8; 36] {
    let mut row = [0; 36];
    row[..32].copy_from_slice(name);
    row[32..].copy_from_slice(&number(slot));
    row
}

/// `None` where there is no such record.
pub(super) fn of_named(set: &RecordSet, row: &[u8; 36]) -> Option<([u8; 32], Slot)> {
    let (name, number) = row.split_first_chunk()?;
    Some((*name, set.slot(index(number.first_chunk()?))?))
}

pub(super) fn again(again: &Again) -> [u8; 16] {
    let numbers = u128::from(again.behind) << 64 | u128::from(again.record);
    numbers.to_be_bytes()
}

pub(super) fn of_again(row: &[u8; 16]) -> Option<Again> {
    let [behind, record] = row.as_chunks().0 else {
        return None;
    };
    Some(Again {
        behind: u64::from_be_bytes(*behind),
        record: u64::from_be_bytes(*record),
    })
}

#[cfg(test)]
mod tests {
    use icn_types::host::Batch;
    use icn_types::testkit::stage::Stage;

    use super::super::schema::PAGES;
    use super::*;

    #[test]
    fn rows_of_any_number_are_read_back_from_pages_that_are_rows_of_the_store() {
        for len in [0, 1, 5, PAGE_LEN / 36, PAGE_LEN / 36 + 1] {
            let rows: Vec<[u8; 36]> = (0..len)
                .map(|number| [u8::try_from(number % 251).unwrap(); 36])
                .collect();
            let pages = write(&rows);
            for page in &pages {
                PAGES.put(&mut Batch::new(), &0, page).unwrap();
            }
            assert!(read(&pages).eq(&rows));
        }
    }

    #[test]
    fn what_a_row_says_is_read_back() {
        let set = Stage::new(1, 3).set;
        let last = set.slots().last().unwrap();
        assert_eq!(
            of_named(&set, &named(&[7; 32], last)),
            Some(([7; 32], last))
        );
        assert_eq!(index(&number(last)), last.index());
        assert_eq!(of_named(&set, &[255; 36]), None);
        let more = Again {
            behind: u64::MAX - 1,
            record: 3,
        };
        assert_eq!(of_again(&again(&more)), Some(more));
    }
}
