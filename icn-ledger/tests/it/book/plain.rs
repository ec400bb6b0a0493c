//! The book again, as plainly as possible: a list of what was accepted, from
//! which everything is counted anew for each question.

use icn_ledger::book::{Action, EntryNumber, Hold, Limits, Part, Request, Transfer};

/// Account and unit.
pub(super) type Place = (u32, u32);

#[derive(Debug, Default, Clone)]
pub(super) struct Plain {
    pub(super) open: Vec<(Place, Limits)>,
    pub(super) units: u32,
    /// By number.
    pub(super) accepted: Vec<(u32, Request)>,
    pub(super) next: u32,
}

fn places(transfer: &Transfer) -> Vec<(Place, i128)> {
    let change = |part: &Part, sign: i128| {
        let place = (part.account.get(), part.unit.get());
        (place, sign * i128::from(part.amount.get()))
    };
    let payers = transfer.payers.iter().map(|part| change(part, -1));
    let payees = transfer.payees.iter().map(|part| change(part, 1));
    payers.chain(payees).collect()
}

fn hold_places(hold: &Hold, atoms: u64) -> Vec<(Place, i128)> {
    let (atoms, unit) = (i128::from(atoms), hold.unit.get());
    vec![
        ((hold.payer.get(), unit), -atoms),
        ((hold.payee.get(), unit), atoms),
    ]
}

impl Plain {
    /// The number of the entry, or the code of the refusal.
    pub(super) fn post(&mut self, request: &Request) -> Result<u32, &'static str> {
        self.structure(&request.action)?;
        if let Some((number, known)) = self.accepted.iter().find(|(_, at)| at.key == request.key) {
            return if known == request {
                Ok(*number)
            } else {
                Err("book.key")
            };
        }
        self.rules(&request.action)?;
        self.accepted.push((self.next, request.clone()));
        self.next += 1;
        Ok(self.next - 1)
    }

    pub(super) fn request(&self, number: EntryNumber) -> Option<&Request> {
        let found = self.accepted.iter().find(|(at, _)| *at == number.get());
        found.map(|(_, request)| request)
    }

    fn hold(&self, number: EntryNumber) -> Option<Hold> {
        match self.request(number)?.action {
            Action::Hold(hold) => Some(hold),
            _ => None,
        }
    }

    /// What an action changes, part by part.
    pub(super) fn changes(&self, action: &Action) -> Vec<(Place, i128)> {
        match action {
            Action::Transfer(transfer) => places(transfer),
            Action::Refund(refund) => places(&refund.back),
            Action::Resolve(resolve) => match (self.hold(resolve.hold), resolve.posted) {
                (Some(hold), Some(posted)) => hold_places(&hold, posted.get()),
                _ => vec![],
            },
            Action::Hold(_) | Action::LimitChange(_) | Action::Close(_) => vec![],
        }
    }

    pub(super) fn position(&self, place: Place) -> i128 {
        let steps = self
            .accepted
            .iter()
            .flat_map(|(_, at)| self.changes(&at.action));
        steps
            .filter(|(at, _)| *at == place)
            .map(|(_, change)| change)
            .sum()
    }

    /// Atoms that open holds take out of a place, and put into it.
    pub(super) fn held(&self, place: Place) -> (i128, i128) {
        let changes = self.open_holds().into_iter().flat_map(|number| {
            let hold = self.hold(EntryNumber::new(number)).unwrap();
            hold_places(&hold, hold.amount.get())
        });
        let own: Vec<i128> = changes
            .filter(|(at, _)| *at == place)
            .map(|(_, c)| c)
            .collect();
        let out = own.iter().filter(|change| **change < 0).sum::<i128>();
        (-out, own.iter().filter(|change| **change > 0).sum())
    }

    pub(super) fn open_holds(&self) -> Vec<u32> {
        let is_hold = |at: &&(u32, Request)| matches!(at.1.action, Action::Hold(_));
        let holds = self.accepted.iter().filter(is_hold).map(|at| at.0);
        holds
            .filter(|number| self.resolved(EntryNumber::new(*number)).is_none())
            .collect()
    }

    fn resolved(&self, hold: EntryNumber) -> Option<u32> {
        let resolves = |at: &&(u32, Request)| match at.1.action {
            Action::Resolve(resolve) => resolve.hold == hold,
            _ => false,
        };
        self.accepted.iter().find(resolves).map(|at| at.0)
    }

    pub(super) fn limits(&self, place: Place) -> Option<Limits> {
        let mut changes = self.accepted.iter().filter_map(|(_, at)| match at.action {
            Action::LimitChange(to) if (to.account.get(), to.unit.get()) == place => {
                Some(to.limits)
            }
            _ => None,
        });
        let opening = self.open.iter().find(|(at, _)| *at == place);
        opening.map(|(_, limits)| changes.next_back().unwrap_or(*limits))
    }

    pub(super) fn closed_through(&self) -> Option<u64> {
        let mut ends = self.accepted.iter().filter_map(|(_, at)| match at.action {
            Action::Close(close) => Some(close.through.as_millis()),
            _ => None,
        });
        ends.next_back()
    }

    fn structure(&self, action: &Action) -> Result<(), &'static str> {
        match action {
            Action::Transfer(transfer) => self.balanced(transfer),
            Action::Refund(refund) => {
                self.balanced(&refund.back)?;
                let original = self.request(refund.original);
                let original = original
                    .filter(|at| matches!(at.action, Action::Transfer(_) | Action::Resolve(_)));
                let paid = original
                    .map(|at| self.changes(&at.action))
                    .unwrap_or_default();
                if paid.is_empty() {
                    return Err("book.refund.none");
                }
                let is_party = |(place, change): &(Place, i128)| {
                    paid.iter()
                        .any(|(at, paid)| at == place && (*paid < 0) != (*change < 0))
                };
                match places(&refund.back).iter().all(is_party) {
                    true => Ok(()),
                    false => Err("book.refund.party"),
                }
            }
            Action::Hold(hold) => {
                let places = hold_places(hold, 1);
                places
                    .iter()
                    .try_for_each(|(place, _)| self.known(*place))?;
                if hold.payer == hold.payee {
                    Err("book.self")
                } else {
                    Ok(())
                }
            }
            Action::Resolve(resolve) => match self.hold(resolve.hold) {
                Some(_) => Ok(()),
                None => Err("book.hold.none"),
            },
            Action::LimitChange(to) => self.known((to.account.get(), to.unit.get())),
            Action::Close(_) => Ok(()),
        }
    }

    fn known(&self, place: Place) -> Result<(), &'static str> {
        let has = |of: fn(&Place) -> u32, what| self.open.iter().any(|(at, _)| of(at) == what);
        if self.open.iter().any(|(at, _)| *at == place) {
            Ok(())
        } else if !has(|at| at.0, place.0) {
            Err("book.account")
        } else if place.1 >= self.units {
            Err("book.unit")
        } else {
            Err("book.not_open")
        }
    }

    fn balanced(&self, transfer: &Transfer) -> Result<(), &'static str> {
        let changes = places(transfer);
        for (at, (place, change)) in changes.iter().enumerate() {
            self.known(*place)?;
            let is_payer = |other: &(Place, i128)| other.0 == *place && other.1 < 0;
            if *change > 0 && changes[..at].iter().any(is_payer) {
                return Err("book.self");
            }
        }
        let of = |unit| changes.iter().filter(move |(place, _)| place.1 == unit);
        let sum = |unit| of(unit).map(|(_, change)| change).sum::<i128>();
        match changes.iter().all(|(place, _)| sum(place.1) == 0) {
            true => Ok(()),
            false => Err("book.balance"),
        }
    }

    fn rules(&self, action: &Action) -> Result<(), &'static str> {
        match action {
            Action::Transfer(transfer) => self.within_limits(&places(transfer)),
            Action::Hold(hold) => self.within_limits(&hold_places(hold, hold.amount.get())),
            Action::Refund(refund) => {
                let original = self.request(refund.original).unwrap();
                let paid = self.changes(&original.action);
                let mut back = Vec::new();
                for (_, request) in &self.accepted {
                    match &request.action {
                        Action::Refund(other) if other.original == refund.original => {
                            back.extend(places(&other.back));
                        }
                        _ => {}
                    }
                }
                back.extend(places(&refund.back));
                let sum = |list: &[(Place, i128)], place| -> i128 {
                    list.iter()
                        .filter(|(at, _)| *at == place)
                        .map(|(_, change)| change)
                        .sum()
                };
                let is_too_much = |place| sum(&back, place).abs() > sum(&paid, place).abs();
                if places(&refund.back)
                    .iter()
                    .any(|(place, _)| is_too_much(*place))
                {
                    return Err("book.refund.sum");
                }
                self.within_limits(&places(&refund.back))
            }
            Action::Resolve(resolve) => {
                let held = self.hold(resolve.hold).unwrap().amount;
                match (self.resolved(resolve.hold), resolve.posted) {
                    (Some(_), _) => Err("book.hold.resolved"),
                    (None, Some(posted)) if posted > held => Err("book.hold.part"),
                    _ => Ok(()),
                }
            }
            Action::LimitChange(_) => Ok(()),
            Action::Close(close) => match self.closed_through() {
                Some(end) if close.through.as_millis() <= end => Err("book.closed"),
                _ => Ok(()),
            },
        }
    }

    fn within_limits(&self, changes: &[(Place, i128)]) -> Result<(), &'static str> {
        for (at, (place, change)) in changes.iter().enumerate() {
            let so_far = changes[..=at].iter().filter(|(other, _)| other == place);
            let position = self.position(*place) + so_far.map(|(_, change)| change).sum::<i128>();
            let (limits, (held_out, held_in)) = (self.limits(*place).unwrap(), self.held(*place));
            let floor = limits.floor().map_or(i128::MIN, i128::from);
            let ceiling = limits.ceiling().map_or(i128::MAX, i128::from);
            if *change < 0 && position - held_out < floor {
                return Err("book.limit.floor");
            }
            if *change > 0 && position + held_in > ceiling {
                return Err("book.limit.ceiling");
            }
        }
        Ok(())
    }
}
