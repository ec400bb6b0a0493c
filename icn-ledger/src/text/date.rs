//! Days of the calendar.

use core::fmt;

use icn_types::time::Timestamp;

const MILLIS_OF_DAY: u64 = 24 * 60 * 60 * 1000;

/// A day of the Gregorian calendar, in one of the years that every one of the
/// tools reads: 1400 to 2999.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date {
    year: u16,
    month: u8,
    day: u8,
}

impl Date {
    /// The day with these numbers. `None` when there is no such day, or not
    /// in those years.
    #[must_use]
    pub const fn new(year: u16, month: u8, day: u8) -> Option<Self> {
        let is_day = 1400 <= year
            && year <= 2999
            && 1 <= month
            && month <= 12
            && 1 <= day
            && day <= days_of_month(year, month);
        if is_day {
            Some(Self { year, month, day })
        } else {
            None
        }
    }

    /// The year.
    #[must_use]
    pub const fn year(self) -> u16 {
        self.year
    }

    /// The month, from 1.
    #[must_use]
    pub const fn month(self) -> u8 {
        self.month
    }

    /// The day of the month, from 1.
    #[must_use]
    pub const fn day(self) -> u8 {
        self.day
    }

    /// The day after.
    #[must_use]
    pub const fn next(self) -> Option<Self> {
        let Self { year, month, day } = self;
        if day < days_of_month(year, month) {
            Self::new(year, month, day + 1)
        } else if month < 12 {
            Self::new(year, month + 1, 1)
        } else {
            Self::new(year + 1, 1, 1)
        }
    }

    /// The day of a time, in UTC. `None` after the year 2999.
    #[must_use]
    pub fn of(time: Timestamp) -> Option<Self> {
        // Days are counted from 1 March of year 0, so that the leap day is the
        // last of its year and months have a regular pattern.
        let days = time.as_millis() / MILLIS_OF_DAY + 719_468;
        let (era, day_of_era) = (days / 146_097, days % 146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * shifted + 2) / 5 + 1;
        let month = if shifted < 10 {
            shifted + 3
        } else {
            shifted - 9
        };
        let year = era * 400 + year_of_era + u64::from(month <= 2);
        Self::new(
            u16::try_from(year).ok()?,
            u8::try_from(month).ok()?,
            u8::try_from(day).ok()?,
        )
    }

    /// Midnight, UTC, at the start of the day. `None` before 1970.
    #[must_use]
    pub fn start(self) -> Option<Timestamp> {
        let (year, month) = (u64::from(self.year), u64::from(self.month));
        let year = year - u64::from(month <= 2);
        let shifted = if month > 2 { month - 3 } else { month + 9 };
        let day_of_year = (153 * shifted + 2) / 5 + u64::from(self.day) - 1;
        let days = year * 365 + year / 4 - year / 100 + year / 400 + day_of_year;
        let millis = days.checked_sub(719_468)?.checked_mul(MILLIS_OF_DAY)?;
        Some(Timestamp::from_millis(millis))
    }

    /// Reads `2024-01-30`, `2024/1/30` or `2024.1.30`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let separator = text.chars().find(|c| !c.is_ascii_digit())?;
        let (year, rest) = text.split_once(separator)?;
        (year.len() == 4).then_some(())?;
        Self::parse_in(number(year)?, rest, separator)
    }

    /// Reads a date whose year may be left out, as in `2024-01-30=02-01`.
    pub(super) fn parse_after(self, text: &str) -> Option<Self> {
        Self::parse(text).or_else(|| {
            let separator = text.chars().find(|c| !c.is_ascii_digit())?;
            Self::parse_in(self.year, text, separator)
        })
    }

    fn parse_in(year: u16, text: &str, separator: char) -> Option<Self> {
        if !matches!(separator, '-' | '/' | '.') {
            return None;
        }
        let (month, day) = text.split_once(separator)?;
        let short = |text: &str| u8::try_from(number(text)?).ok();
        (month.len() <= 2 && day.len() <= 2).then_some(())?;
        Self::new(year, short(month)?, short(day)?)
    }
}

fn number(digits: &str) -> Option<u16> {
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| digits.parse().ok()).flatten()
}

const fn days_of_month(year: u16, month: u8) -> u8 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => {
            29
        }
        2 => 28,
        _ => 31,
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { year, month, day } = self;
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

impl fmt::Debug for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Date({self})")
    }
}
