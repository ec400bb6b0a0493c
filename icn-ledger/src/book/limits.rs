//! How far an account may go in a unit.

use icn_types::canon::Reason;
use icn_types::canonical;
use icn_types::error::{Coded, Fault};

/// The lowest and the highest position that an account may reach in a unit.
///
/// There is no default: an account without limits in a unit cannot be used in
/// it. Only a step further past a limit is refused; the way back is always free.
///
/// ```
/// use icn_ledger::book::Limits;
///
/// let member = Limits::between(-40, 100)?;
/// assert_eq!((member.floor(), member.ceiling()), (Some(-40), Some(100)));
/// let adjustment = Limits::UNBOUNDED; // said, never assumed
/// assert_eq!(adjustment.floor(), None);
/// # Ok::<(), icn_ledger::book::LimitsError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    floor: Option<i64>,
    ceiling: Option<i64>,
}
canonical!(Limits { floor, ceiling } where checked);

/// A floor lies above its ceiling.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("floor {floor} is above ceiling {ceiling}")]
pub struct LimitsError {
    floor: i64,
    ceiling: i64,
}

impl Coded for LimitsError {
    fn code(&self) -> &'static str {
        "book.limits.order"
    }

    fn fault(&self) -> Fault {
        Fault::Caller
    }
}

impl Limits {
    /// No limit either way: for accounts that stand for the world outside, for
    /// exchanges and for adjustments.
    pub const UNBOUNDED: Self = Self {
        floor: None,
        ceiling: None,
    };

    /// Positions from `floor` to `ceiling`, in atoms.
    ///
    /// # Errors
    /// [`LimitsError`] when the floor is above the ceiling.
    pub const fn between(floor: i64, ceiling: i64) -> Result<Self, LimitsError> {
        if floor > ceiling {
            return Err(LimitsError { floor, ceiling });
        }
        Ok(Self {
            floor: Some(floor),
            ceiling: Some(ceiling),
        })
    }

    /// Positions from `floor` up, in atoms.
    #[must_use]
    pub const fn from(floor: i64) -> Self {
        Self {
            floor: Some(floor),
            ceiling: None,
        }
    }

    /// Positions up to `ceiling`, in atoms.
    #[must_use]
    pub const fn up_to(ceiling: i64) -> Self {
        Self {
            floor: None,
            ceiling: Some(ceiling),
        }
    }

    /// The lowest position; none when there is no floor.
    #[must_use]
    pub const fn floor(&self) -> Option<i64> {
        self.floor
    }

    /// The highest position; none when there is no ceiling.
    #[must_use]
    pub const fn ceiling(&self) -> Option<i64> {
        self.ceiling
    }

    fn checked(self) -> Result<Self, Reason> {
        if let (Some(floor), Some(ceiling)) = (self.floor, self.ceiling) {
            Self::between(floor, ceiling).map_err(|error| Reason::Value(error.code()))?;
        }
        Ok(self)
    }
}
