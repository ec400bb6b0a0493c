//! What a settlement does to columns beside what its leg does.

use icn_types::id::ChainId;

use crate::columns::{Columns, Transit};
use crate::counted::Counted;
use crate::legs::{LegId, Sent};

/// The two sides of a settlement that its payee keeps.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Handover {
    payee: ChainId,
    payer: ChainId,
    atoms: i128,
}

impl From<Sent> for Handover {
    fn from(sent: Sent) -> Self {
        Self {
            payee: sent.payee,
            payer: sent.payer,
            atoms: sent.amount.get().into(),
        }
    }
}

impl From<Transit> for Handover {
    fn from(transit: Transit) -> Self {
        Self {
            payee: transit.payee,
            payer: transit.payer,
            atoms: transit.amount.get().into(),
        }
    }
}

impl Columns {
    /// The settlement of a leg in transit that a posted record is about to
    /// take; none of any other leg.
    pub(crate) fn settled(&mut self, leg: &LegId) -> Option<Handover> {
        let transit = self.settling.remove(leg).then(|| self.transit(leg));
        transit.flatten().map(Handover::from)
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
            self.hand_over(counted.sent.into(), takers.posted.is_some());
        }
    }

    /// The payee's credit of the claim goes to whoever paid for it. It does not
    /// stand, so it is contested there, and nobody can spend it.
    pub(crate) fn hand_over(&mut self, by: Handover, is_posted: bool) {
        self.change(by.payee, |column| {
            let credit = if is_posted {
                &mut column.posted
            } else {
                &mut column.contested
            };
            *credit -= by.atoms;
        });
        self.change(by.payer, |column| column.contested += by.atoms);
    }
}
