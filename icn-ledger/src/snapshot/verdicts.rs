//! What the judge of a ledger knows, as rows and back.

use alloc::collections::BTreeMap;
use alloc::vec;
use alloc::vec::Vec;
use core::str;

use icn_types::id::RecordId;
use icn_types::judge::{ChainTip, Judge, Parts};
use icn_types::set::{RecordSet, Slot};
use icn_types::verdict::{Breach, NeedsUpgrade, Verdict};

use super::cell::{Cell, Row, number};
use super::error::RestoreError;
use super::pages::{Pages, Reading};
use crate::account::Account;
use crate::rule::LedgerRule;
use crate::rules::LedgerRules;

/// Bytes of the longest code, filled up with zeros.
const CODE_LEN: usize = 32;

/// Records that wait, each under one that is awaited.
type Waiting = BTreeMap<RecordId, Vec<Slot>>;

pub(super) fn write_judge(judge: &Judge<LedgerRules>, set: &RecordSet, into: &mut Pages) {
    let mut valid = vec![0_u8; set.len().div_ceil(8)];
    let mut invalid = Vec::new();
    for slot in set.slots() {
        match judge.verdict(slot) {
            Verdict::Valid => valid[slot.index() / 8] |= bit(slot),
            Verdict::Invalid(breach) => invalid.push((slot, breach)),
            Verdict::Waiting => {}
        }
    }
    into.table(valid.into_iter());
    into.table(invalid.into_iter());
    let waiting = judge.waiting();
    let waiting = waiting.flat_map(|(id, slots)| slots.iter().map(move |&slot| (id, slot)));
    into.table(waiting.collect::<Vec<_>>().into_iter());
    let upgrade = judge.needs_upgrade();
    into.row(&upgrade.map(|upgrade| (upgrade.format, upgrade.since)));
    let tips: Vec<ChainTip<&Account>> = judge.tips().collect();
    into.table(tips.iter().map(|tip| (tip.slot, tip.ended)));
    for tip in tips {
        tip.state.write(into);
    }
}

const fn bit(slot: Slot) -> u8 {
    1 << (slot.index() % 8)
}

pub(super) fn read_judge<P: AsRef<[u8]>>(
    rules: LedgerRules,
    slots: usize,
    from: &mut Reading<'_, P>,
) -> Result<Judge<LedgerRules>, RestoreError> {
    let (set, topic) = (from.set(), rules.topic);
    let valid: Vec<u8> = from.table()?;
    if valid.len() != slots.div_ceil(8) {
        return Err(from.bad_row());
    }
    let mut verdicts = vec![Verdict::Waiting; slots];
    for (slot, verdict) in set.slots().zip(&mut verdicts) {
        if valid[slot.index() / 8] & bit(slot) != 0 {
            *verdict = Verdict::Valid;
        }
    }
    for (slot, breach) in from.table::<(Slot, Breach<LedgerRule>)>()? {
        verdicts[slot.index()] = Verdict::Invalid(breach);
    }
    let mut judged = set.slots().zip(&verdicts);
    if judged.any(|(slot, verdict)| !verdict.is_waiting() && set.topic(slot) != topic) {
        return Err(from.bad_row());
    }
    let waiting = read_waiting(from)?;
    let upgrade: Option<(u16, RecordId)> = from.row()?;
    let mut tips = Vec::new();
    for (slot, ended) in from.table()? {
        let state = Account::read(from)?;
        tips.push(ChainTip { slot, state, ended });
    }
    let parts = Parts {
        verdicts,
        tips,
        waiting,
        upgrade: upgrade.map(|(format, since)| NeedsUpgrade::new(format, since)),
    };
    Ok(Judge::restored(rules, topic, parts))
}

pub(super) fn write_waiting(waiting: &Waiting, into: &mut Pages) {
    let rows = waiting.iter();
    let rows = rows.flat_map(|(id, slots)| slots.iter().map(move |&slot| (*id, slot)));
    into.table(rows.collect::<Vec<_>>().into_iter());
}

pub(super) fn read_waiting<P: AsRef<[u8]>>(
    from: &mut Reading<'_, P>,
) -> Result<Waiting, RestoreError> {
    let mut waiting = Waiting::new();
    for (id, slot) in from.table()? {
        waiting.entry(id).or_default().push(slot);
    }
    Ok(waiting)
}

/// Decided records: all in the order of slots, but for those that had waited for
/// one that came later.
pub(super) fn write_order(decided: &[Slot], into: &mut Pages) {
    let mut last = None;
    let mut late: Vec<(u32, Slot)> = Vec::new();
    for (at, &slot) in decided.iter().enumerate() {
        if last.is_some_and(|last| slot < last) {
            late.push((number(at), slot));
        } else {
            last = Some(slot);
        }
    }
    into.table(late.into_iter());
}

pub(super) fn read_order<P: AsRef<[u8]>>(
    judge: &Judge<LedgerRules>,
    from: &mut Reading<'_, P>,
) -> Result<Vec<Slot>, RestoreError> {
    let late: Vec<(u32, Slot)> = from.table()?;
    let mut is_late: Vec<Slot> = late.iter().map(|&(_, slot)| slot).collect();
    is_late.sort_unstable();
    let mut late = late.into_iter().peekable();
    let mut decided = Vec::new();
    for slot in from.set().slots() {
        if judge.verdict(slot).is_waiting() || is_late.binary_search(&slot).is_ok() {
            continue;
        }
        decided.push(slot);
        while let Some((_, late)) = late.next_if(|(at, _)| *at == number(decided.len())) {
            if judge.verdict(late).is_waiting() {
                return Err(from.bad_row());
            }
            decided.push(late);
        }
    }
    match late.next() {
        None => Ok(decided),
        Some(_) => Err(from.bad_row()),
    }
}

/// By its code, which stays what it is.
impl Cell for Breach<LedgerRule> {
    const LEN: usize = CODE_LEN;

    fn put(&self, into: &mut Vec<u8>) {
        let end = into.len() + CODE_LEN;
        into.extend_from_slice(self.code().as_bytes());
        into.resize(end, 0);
    }

    fn take(from: &mut Row<'_>) -> Option<Self> {
        let code: [u8; CODE_LEN] = from.fixed()?;
        let len = code.iter().position(|&byte| byte == 0).unwrap_or(CODE_LEN);
        Self::of_code(str::from_utf8(&code[..len]).ok()?, &LedgerRule::ALL)
    }
}
