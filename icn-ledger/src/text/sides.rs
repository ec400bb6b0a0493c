//! Debit and credit: the one place that knows both.

/// On which side a rise of a position is booked.
///
/// A position is positive where the community owes the holder. A posting of a
/// journal is positive where it is a debit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "there are two sides")]
pub enum Sides {
    /// A debit raises and a credit lowers a position: each account is kept as
    /// its holder sees it, as an asset.
    #[default]
    DebitRaises,
    /// A credit raises and a debit lowers a position: each account is kept as
    /// the community sees it, as a liability.
    CreditRaises,
}

impl Sides {
    /// A change of a position as a posting, and back.
    pub(super) const fn turn(self, atoms: i128) -> i128 {
        match self {
            Self::DebitRaises => atoms,
            Self::CreditRaises => -atoms,
        }
    }
}
