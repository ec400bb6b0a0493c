//! Pages: tables of rows one after the other, cut where a page is full.

use alloc::vec::Vec;

use icn_types::set::RecordSet;

use super::cell::{Cell, Row};
use super::error::RestoreError;

/// Every page begins with it and its number.
const TAG: &[u8] = b"icn/ledger/snapshot/v2";

/// No page is longer, in bytes.
const PAGE_LEN: usize = 208 * 1024;

/// In place of a number of rows: too many for one byte, and eight bytes follow.
const MANY: u8 = u8::MAX;

/// Pages that are written.
#[derive(Default)]
pub(crate) struct Pages {
    full: Vec<Vec<u8>>,
    page: Vec<u8>,
    row: Vec<u8>,
}

impl Pages {
    pub(crate) fn row<T: Cell>(&mut self, row: &T) {
        self.row.clear();
        row.put(&mut self.row);
        if !self.page.is_empty() && self.page.len() + self.row.len() > PAGE_LEN {
            self.full.push(core::mem::take(&mut self.page));
        }
        if self.page.is_empty() {
            let number = super::cell::number(self.full.len());
            self.page.extend_from_slice(TAG);
            number.put(&mut self.page);
        }
        self.page.extend_from_slice(&self.row);
    }

    pub(crate) fn table<T: Cell>(&mut self, rows: impl ExactSizeIterator<Item = T>) {
        match u8::try_from(rows.len()) {
            Ok(len) if len < MANY => self.row(&len),
            _ => {
                self.row(&MANY);
                self.row(&(rows.len() as u64));
            }
        }
        for row in rows {
            self.row(&row);
        }
    }

    pub(crate) fn into_vec(mut self) -> Vec<Vec<u8>> {
        if !self.page.is_empty() {
            self.full.push(self.page);
        }
        self.full
    }
}

/// Pages that are read.
pub(crate) struct Reading<'a, P> {
    pages: &'a mut dyn Iterator<Item = P>,
    page: Option<P>,
    /// How many pages were begun.
    begun: u32,
    /// How far the last one was read.
    at: usize,
    set: &'a RecordSet,
    slots: usize,
}

impl<'a, P: AsRef<[u8]>> Reading<'a, P> {
    pub(crate) fn new(set: &'a RecordSet, pages: &'a mut dyn Iterator<Item = P>) -> Self {
        Self {
            pages,
            page: None,
            begun: 0,
            at: 0,
            set,
            slots: set.len(),
        }
    }

    /// Slots are below this number from now on.
    pub(super) const fn bound(&mut self, slots: usize) {
        self.slots = slots;
    }

    pub(crate) const fn set(&self) -> &'a RecordSet {
        self.set
    }

    pub(crate) fn row<T: Cell>(&mut self) -> Result<T, RestoreError> {
        let mut row = None;
        self.rows(1, |read| row = Some(read))?;
        row.ok_or_else(|| self.bad_row())
    }

    /// All rows of a table, each looked at before there is room for the next
    /// page of them.
    pub(crate) fn table<T: Cell>(&mut self) -> Result<Vec<T>, RestoreError> {
        let len = match self.row::<u8>()? {
            MANY => self.row::<u64>()?,
            len => u64::from(len),
        };
        let mut rows = Vec::new();
        self.rows(len, |row| rows.push(row))?;
        Ok(rows)
    }

    fn rows<T: Cell>(&mut self, len: u64, mut each: impl FnMut(T)) -> Result<(), RestoreError> {
        let (set, slots) = (self.set, self.slots);
        let mut left = len;
        while left > 0 {
            let bytes = self.rest()?;
            let fits = usize::try_from(left).unwrap_or(usize::MAX);
            let fits = fits.min(bytes.len() / T::LEN);
            if fits == 0 {
                let page = self.begun.saturating_sub(1);
                return Err(RestoreError::Short { page });
            }
            let read = bytes
                .chunks_exact(T::LEN)
                .take(fits)
                .try_fold((), |(), bytes| {
                    each(T::take(&mut Row { bytes, set, slots })?);
                    Some(())
                });
            read.ok_or_else(|| self.bad_row())?;
            self.at += fits * T::LEN;
            left -= fits as u64;
        }
        Ok(())
    }

    /// What is left of the page, or all of the next one.
    fn rest(&mut self) -> Result<&[u8], RestoreError> {
        if self
            .page
            .as_ref()
            .is_none_or(|page| page.as_ref().len() == self.at)
        {
            self.turn()?;
        }
        let page = self.page.as_ref().map_or(&[][..], AsRef::as_ref);
        Ok(page.get(self.at..).unwrap_or_default())
    }

    fn turn(&mut self) -> Result<(), RestoreError> {
        let page = self.pages.next();
        let page = page.ok_or(RestoreError::Short { page: self.begun })?;
        let number = self.begun.to_be_bytes();
        let rest = page.as_ref().strip_prefix(TAG);
        rest.and_then(|rest| rest.strip_prefix(&number))
            .ok_or(RestoreError::Page { page: self.begun })?;
        self.page = Some(page);
        self.begun += 1;
        self.at = TAG.len() + number.len();
        Ok(())
    }

    /// Whether that was all.
    pub(crate) fn finish(mut self) -> Result<(), RestoreError> {
        let is_read = self
            .page
            .as_ref()
            .is_none_or(|page| page.as_ref().len() == self.at);
        if is_read && self.pages.next().is_none() {
            return Ok(());
        }
        self.begun -= u32::from(!is_read);
        Err(RestoreError::Long { page: self.begun })
    }

    /// The row that was read last, or was about to be, is none.
    pub(crate) const fn bad_row(&self) -> RestoreError {
        RestoreError::Row {
            page: self.begun.saturating_sub(1),
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use icn_types::id::{DomainId, RecordId};

    use super::*;

    type Wide = (RecordId, RecordId, u8);

    /// So many rows fill three pages and a part of the next one.
    const MOST: u64 = (PAGE_LEN * 7 / 2 / Wide::LEN) as u64;

    fn rows(count: u64) -> Vec<Wide> {
        let name = |number: u64| {
            let mut name = [0; 32];
            name[..8].copy_from_slice(&number.to_be_bytes());
            RecordId::from_bytes(name)
        };
        (0..count)
            .map(|number| (name(number), name(!number), 7))
            .collect()
    }

    fn read<T: Cell>(pages: &[Vec<u8>], tables: usize) -> Result<Vec<Vec<T>>, RestoreError> {
        let set = RecordSet::new(DomainId::from_bytes([1; 32]));
        let mut pages = pages.iter();
        let mut from = Reading::new(&set, &mut pages);
        let read = (0..tables)
            .map(|_| from.table())
            .collect::<Result<_, _>>()?;
        from.finish().map(|()| read)
    }

    #[test]
    fn tables_of_any_length_are_read_back_over_any_number_of_pages() {
        let lengths = [0, 1, 254, 255, 256, MOST];
        let tables = lengths.map(rows);
        let mut pages = Pages::default();
        for table in &tables {
            pages.table(table.iter().copied());
        }
        let pages = pages.into_vec();
        assert_eq!(pages.len(), 4);
        assert!(pages.iter().all(|page| page.len() <= PAGE_LEN));
        assert!(pages[0].len() > PAGE_LEN - Wide::LEN);
        assert_eq!(read::<Wide>(&pages, lengths.len()).unwrap(), tables);
    }

    #[test]
    fn page_that_is_missing_or_in_the_wrong_place_is_named() {
        let mut pages = Pages::default();
        pages.table(rows(MOST).into_iter());
        let pages = pages.into_vec();
        let error = |pages: &[Vec<u8>]| read::<Wide>(pages, 1).unwrap_err();
        let [first, second, third, fourth] = &*pages else {
            panic!("four pages");
        };
        let all = |pages: &[&Vec<u8>]| pages.iter().copied().cloned().collect::<Vec<_>>();
        let swapped = all(&[first, third, second, fourth]);
        assert_eq!(error(&swapped), RestoreError::Page { page: 1 });
        let without = all(&[first, second, fourth]);
        assert_eq!(error(&without), RestoreError::Page { page: 2 });
        let cut = all(&[first, second, third]);
        assert_eq!(error(&cut), RestoreError::Short { page: 3 });
        let mut torn = pages.clone();
        torn[1].pop();
        assert_eq!(error(&torn), RestoreError::Short { page: 1 });
        let longer = all(&[first, second, third, fourth, first]);
        assert_eq!(error(&longer), RestoreError::Long { page: 4 });
    }

    #[test]
    fn number_of_rows_makes_no_room() {
        let mut pages = Pages::default();
        pages.row(&MANY);
        pages.row(&u64::MAX);
        pages.row(&7_u8);
        let error = read::<u8>(&pages.into_vec(), 1).unwrap_err();
        assert_eq!(error, RestoreError::Short { page: 1 });
        assert_eq!(read::<u8>(&[], 1), Err(RestoreError::Short { page: 0 }));
        assert_eq!(read::<u8>(&[], 0), Ok(vec![]));
    }
}
