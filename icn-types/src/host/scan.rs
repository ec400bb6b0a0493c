use alloc::vec::Vec;
use core::num::NonZeroU32;

use super::{Key, KeyBytes, Space};

/// Rows of a page when a scan names no limit.
pub const PAGE_ROWS_DEFAULT: NonZeroU32 = NonZeroU32::new(256).unwrap();

/// A page ends after the row that takes its keys and values to this many bytes.
pub const PAGE_BYTES_MAX: usize = 4 << 20;

/// A question for the rows of one space whose keys lie in a half-open range.
///
/// ```
/// use core::num::NonZeroU32;
/// use icn_types::host::{Order, Scan, Space};
///
/// const NOTES: Space = Space::new("example/note");
/// let last_three = Scan::prefix(NOTES, &[7, 0xff])
///     .descending()
///     .limit(NonZeroU32::new(3).unwrap());
/// assert_eq!(last_three.from(), [7, 0xff]);
/// assert_eq!(last_three.to(), Some(&[8][..]));
/// assert_eq!(last_three.order(), Order::Descending);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scan {
    space: Space,
    from: KeyBytes,
    to: Option<KeyBytes>,
    order: Order,
    limit: NonZeroU32,
}

/// The direction of a scan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "there is no third direction")]
pub enum Order {
    /// Lowest key first.
    Ascending,
    /// Highest key first.
    Descending,
}

impl Scan {
    /// All rows of a space, lowest first, [`PAGE_ROWS_DEFAULT`] per page.
    #[must_use]
    pub const fn all(space: Space) -> Self {
        Self {
            space,
            from: KeyBytes::new(),
            to: None,
            order: Order::Ascending,
            limit: PAGE_ROWS_DEFAULT,
        }
    }

    /// Rows whose key starts with `prefix`.
    #[must_use]
    pub fn prefix(space: Space, prefix: impl Into<KeyBytes>) -> Self {
        let from = prefix.into();
        Self {
            to: from.past_prefix(),
            from,
            ..Self::all(space)
        }
    }

    /// Rows from key `from` up to, but without, key `to`. No row when `to` is
    /// not greater than `from`.
    #[must_use]
    pub fn range(space: Space, from: impl Into<KeyBytes>, to: impl Into<KeyBytes>) -> Self {
        let from = from.into();
        Self {
            to: Some(to.into().max(from.clone())),
            from,
            ..Self::all(space)
        }
    }

    /// Only rows that come after `key` in ascending order.
    #[must_use]
    pub fn above(mut self, key: impl Into<KeyBytes>) -> Self {
        self.from = self.from.max(key.into().next());
        self.to = self.to.map(|to| to.max(self.from.clone()));
        self
    }

    /// Only rows that come before `key` in ascending order.
    #[must_use]
    pub fn below(mut self, key: impl Into<KeyBytes>) -> Self {
        let key = key.into().max(self.from.clone());
        self.to = Some(
            self.to
                .map_or_else(|| key.clone(), |to| to.min(key.clone())),
        );
        self
    }

    /// Highest key first.
    #[must_use]
    pub const fn descending(mut self) -> Self {
        self.order = Order::Descending;
        self
    }

    /// At most so many rows per page.
    #[must_use]
    pub const fn limit(mut self, rows: NonZeroU32) -> Self {
        self.limit = rows;
        self
    }

    /// The space of the rows.
    #[must_use]
    pub const fn space(&self) -> Space {
        self.space
    }

    /// First key of the range.
    #[must_use]
    pub fn from(&self) -> &[u8] {
        &self.from
    }

    /// First key after the range, never below [`from`](Self::from); `None` when
    /// the range ends with the space.
    #[must_use]
    pub fn to(&self) -> Option<&[u8]> {
        self.to.as_deref()
    }

    /// The direction.
    #[must_use]
    pub const fn order(&self) -> Order {
        self.order
    }

    /// Most rows of a page.
    #[must_use]
    pub const fn rows_max(&self) -> NonZeroU32 {
        self.limit
    }

    /// The same question for what comes after `key` in the scan's direction.
    fn after(&self, key: &Key) -> Self {
        match self.order {
            Order::Ascending => self.clone().above(key.as_bytes()),
            Order::Descending => self.clone().below(key.as_bytes()),
        }
    }
}

/// One row of a scan.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a key and its value, nothing else"
)]
pub struct StoredRow {
    /// The key, in the space of the scan.
    pub key: Key,
    /// Its value; may be empty.
    pub value: Vec<u8>,
}

/// Some rows of a range, and where the others are.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Page {
    /// The rows in the direction of the scan.
    pub rows: Vec<StoredRow>,
    /// The scan that continues after the last row; `None` when no row was left.
    ///
    /// It names a key, not a place, so rows committed in between neither hide
    /// others nor make them appear twice.
    pub next: Option<Scan>,
}

impl Page {
    /// The page that a store answers with, from an iterator over the rows of
    /// the range in the direction of the scan. Stops at the limit of the scan
    /// or at [`PAGE_BYTES_MAX`], and looks one row further.
    ///
    /// # Errors
    /// Whatever the iterator fails with.
    pub fn collect<E>(
        scan: &Scan,
        rows: impl IntoIterator<Item = Result<StoredRow, E>>,
    ) -> Result<Self, E> {
        let rows_max = usize::try_from(scan.limit.get()).unwrap_or(usize::MAX);
        let usual = scan.limit.min(PAGE_ROWS_DEFAULT).get();
        let mut page = Self {
            rows: Vec::with_capacity(usize::try_from(usual).unwrap_or_default()),
            next: None,
        };
        let mut len = 0_usize;
        for row in rows {
            let row = row?;
            if let Some(last) = page.rows.last()
                && (page.rows.len() >= rows_max || len >= PAGE_BYTES_MAX)
            {
                page.next = Some(scan.after(&last.key));
                break;
            }
            len = len
                .saturating_add(row.key.as_bytes().len())
                .saturating_add(row.value.len());
            page.rows.push(row);
        }
        Ok(page)
    }
}

#[cfg(test)]
mod tests;
