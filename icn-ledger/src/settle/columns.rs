//! What a settlement does to columns beside what its leg does.

use crate::columns::{Columns, LegNumber, signed};
use crate::counted::Counted;
use crate::legs::{LegId, Sent};

impl Columns {
    /// What a leg in transit moves that a posted record is about to take, if it
    /// is that of a settlement.
    pub(crate) fn settled(&mut self, leg: &LegId, number: LegNumber) -> Option<Sent> {
        let is_settlement = self.settling.remove(leg);
        let (_, transit) = is_settlement.then(|| self.numbered(number))??;
        Some(Sent {
            payer: transit.payer,
            payee: transit.payee,
            amount: transit.amount,
        })
    }

    /// Counts the settlement in a canonical set.
    pub(crate) fn settle(&mut self, leg: LegId, counted: &Counted<'_>) {
        let Some(takers) = counted.takers else {
            if counted.is_posted {
                self.settling.insert(leg);
            }
            return;
        };
        if takers.keeper().is_some() {
            self.hand_over(counted.sent, takers.posted.is_some());
        }
    }

    /// The payee's credit of the claim goes to whoever paid for it. It does not
    /// stand, so it is contested there, and nobody can spend it.
    pub(crate) fn hand_over(&mut self, settled: Sent, is_posted: bool) {
        let atoms = signed(settled.amount);
        self.change(settled.payee, |column| {
            let credit = if is_posted {
                &mut column.posted
            } else {
                &mut column.contested
            };
            *credit -= atoms;
        });
        self.change(settled.payer, |column| column.contested += atoms);
    }
}
