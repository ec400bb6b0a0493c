//! What the judge of a ledger knows, as rows and back.

use alloc::borrow::Cow;
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
use crate::ledger::Ledger;
use crate::rule::LedgerRule;
use crate::rules::LedgerRules;

/// Bytes of the longest code, filled up with zeros.
const CODE_LEN: usize = 32;

/// Records that wait, each under one that is awaited.
type Waiting = BTreeMap<RecordId, Vec<Slot>>;

pub(super) fn write_judge(ledger: &Ledger, set: &RecordSet, into: &mut Pages) {
    let judge = &ledger.judge;
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
    let tips = tips(ledger, set);
    into.table(tips.iter().map(|tip| (tip.slot, tip.ended)));
    for tip in tips {
        tip.state.write(into);
    }
}

/// Where chains end that the judge knows of, on whatever branch, and the ends of
/// the spines that a record beside them took the account away from. Ascending.
fn tips<'a>(ledger: &'a Ledger, set: &RecordSet) -> Vec<ChainTip<Cow<'a, Account>>> {
    let judge = &ledger.judge;
    let kept = judge.tips().map(|tip| ChainTip {
        slot: tip.slot,
        state: Cow::Borrowed(tip.state),
        ended: tip.ended,
    });
    let mut tips: Vec<_> = kept.collect();
    let ends = set
        .chains()
        .filter_map(|(chain, _)| ledger.end(set, &chain));
    let left = ends.filter(|&end| judge.state_at(end).is_none());
    tips.extend(left.map(|slot| ChainTip {
        slot,
        state: Cow::Owned(judge.state(set, Some(slot))),
        ended: ended_at(judge, set, slot),
    }));
    tips.sort_unstable_by_key(|tip| tip.slot);
    tips
}

/// The epoch of the last Invalid record up to this one on its chain.
fn ended_at(judge: &Judge<LedgerRules>, set: &RecordSet, slot: Slot) -> Option<RecordId> {
    let is_invalid = |slot: &Slot| matches!(judge.verdict(*slot), Verdict::Invalid(_));
    let last = set.back(slot).find(is_invalid)?;
    set.record(last).epoch()
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
    Ok(Judge::restored(rules, topic, set, parts))
}

pub(crate) fn write_waiting(waiting: &Waiting, into: &mut Pages) {
    let rows = waiting.iter();
    let rows = rows.flat_map(|(id, slots)| slots.iter().map(move |&slot| (*id, slot)));
    into.table(rows.collect::<Vec<_>>().into_iter());
}

pub(crate) fn read_waiting<P: AsRef<[u8]>>(
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
