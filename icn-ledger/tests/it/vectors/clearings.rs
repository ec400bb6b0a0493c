//! Clearings: bytes, names and keys, and everything that is none.

use std::fmt::Write as _;

use icn_ledger::clearing::{Clearing, Obligation, Reduction, SOLVER, digest_of, solve};
use icn_types::canon::{self, List};
use icn_types::id::{Hex, RecordId};

use super::scene::{list, quoted};
use crate::clearing::{Stated, faulty, is_largest, owed, reduce, terms};
use crate::market::amount;

/// Bytes that may be a clearing, and what was owed when it was found.
pub(super) struct Case {
    name: String,
    bytes: Vec<u8>,
    owed: Option<Vec<Obligation>>,
}

impl Case {
    pub(super) fn code(&self) -> &'static str {
        match canon::from_bytes::<Clearing>(&self.bytes) {
            Ok(_) => "valid",
            Err(error) => error.reason().code(),
        }
    }

    /// The case as one JSON object.
    pub(super) fn text(&self) -> String {
        let clearing = canon::from_bytes::<Clearing>(&self.bytes).ok();
        let id = clearing.as_ref().map(Clearing::id);
        let all = self
            .owed
            .as_ref()
            .map(|owed| List::<_, 0, 4096>::new(owed.clone()).unwrap());
        let all = all.map(|all| Hex(&canon::to_bytes(&all)).to_string());
        let is_largest = clearing
            .as_ref()
            .zip(self.owed.as_ref())
            .map(|(clearing, owed)| {
                clearing.input() == digest_of(owed) && is_largest(owed, clearing.reductions())
            });
        let is_largest = is_largest.map_or_else(|| "null".into(), |is| is.to_string());
        let dues = clearing.iter().flat_map(|clearing| {
            let holds = |payer| {
                let hold = move |hold: icn_ledger::HoldRequest| {
                    let (payee, atoms) = (hold.leg.payee, hold.leg.amount);
                    let key = RecordId::from_bytes(*hold.key.as_bytes());
                    format!(
                        "{{\"payer\": \"{payer}\", \"payee\": \"{payee}\", \
                        \"amount\": \"{atoms}\", \"key\": \"{key}\"}}"
                    )
                };
                clearing.holds(&payer).into_iter().map(hold)
            };
            clearing.participants().into_iter().flat_map(holds)
        });
        let mut text = String::from("    {\n");
        let (name, bytes, code) = (&self.name, Hex(&self.bytes), self.code());
        writeln!(
            text,
            "      \"name\": \"{name}\",\n      \"clearing\": \"{bytes}\","
        )
        .unwrap();
        list(&mut text, "dues", dues);
        write!(
            text,
            "      \"owed\": {},\n      \"code\": \"{code}\",\n      \"id\": {},\n      \
            \"largest\": {is_largest}\n    }}",
            quoted(all),
            quoted(id)
        )
        .unwrap();
        text
    }
}

pub(super) fn cases() -> Vec<Case> {
    let mut cases = found();
    let broken = faulty().into_iter().map(|(name, mut reductions, _)| {
        reductions.sort_by_key(|one| one.obligation.id);
        stated(name, reductions)
    });
    cases.extend(broken);
    let ring = || {
        let all = owed(&[(0, 1, 9), (1, 2, 9), (2, 0, 9)]);
        all.into_iter()
            .map(|one| reduce(one, 5))
            .collect::<Vec<_>>()
    };
    let mut descending = ring();
    descending.swap(1, 2);
    cases.push(stated("obligations in another order", descending));
    let mut nothing = stated("reduction of nothing", ring());
    *nothing.bytes.last_mut().unwrap() = 0;
    let mut later = stated("type tag of a later version", ring());
    later.bytes[23] += 1;
    let mut longer = stated("a byte too many", ring());
    longer.bytes.push(0);
    cases.extend([nothing, later, longer]);
    cases
}

/// What solvers found.
fn found() -> Vec<Case> {
    let ring = owed(&[(0, 1, 50), (1, 2, 30), (2, 0, 70), (0, 3, 5)]);
    let long = owed(&[(0, 1, 10), (1, 0, 10), (1, 2, 10), (2, 3, 10), (3, 0, 10)]);
    let shared = owed(&[(0, 1, 5), (1, 0, 7), (0, 1, 1 << 40), (2, 1, 3), (0, 1, 5)]);
    let mut cases: Vec<Case> = [
        ("ring of three", &ring),
        ("long way round that pays more than the short one", &long),
        ("several obligations of one debtor to one creditor", &shared),
    ]
    .map(|(name, owed)| {
        let solution = solve(terms(), amount(1), owed).unwrap();
        let [clearing] = solution.clearings() else {
            panic!("one clearing");
        };
        assert_eq!(clearing.solver(), SOLVER);
        Case {
            name: name.into(),
            bytes: canon::to_bytes(clearing),
            owed: Some(owed.clone()),
        }
    })
    .into();
    let less = ring[..3].iter().map(|one| reduce(*one, 29)).collect();
    let clearing = Clearing::new(terms(), 0, digest_of(&ring), less).unwrap();
    cases.push(Case {
        name: "less than could be paid".into(),
        bytes: canon::to_bytes(&clearing),
        owed: Some(ring),
    });
    cases
}

fn stated(name: &str, reductions: Vec<Reduction>) -> Case {
    Case {
        name: name.into(),
        bytes: canon::to_bytes(&Stated::of(reductions)),
        owed: None,
    }
}
