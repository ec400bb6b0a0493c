//! A judge taken apart, and one put together again without judging anything.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::{ChainState, Judge, Judged, Rules};
use crate::id::{RecordId, TopicId};
use crate::set::{RecordSet, Slot};
use crate::verdict::{NeedsUpgrade, Verdict};

/// Where the records of a chain that are decided end, on one of its branches,
/// and what they add up to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "all that a judge keeps there")]
pub struct ChainTip<S> {
    /// The last decided record.
    pub slot: Slot,
    /// The state after it.
    pub state: S,
    /// The epoch that an Invalid record ended.
    pub ended: Option<RecordId>,
}

/// What a judge came to know of one topic.
#[derive(Debug, Clone)]
#[expect(clippy::exhaustive_structs, reason = "all that a judge keeps")]
pub struct Parts<R: Rules> {
    /// Verdicts by [index](Slot::index) of the slot; `Waiting` for records of
    /// other topics.
    pub verdicts: Vec<Verdict<R::Rule>>,
    /// What chains add up to.
    pub tips: Vec<ChainTip<R::State>>,
    /// As [`Judge::waiting`] says it.
    pub waiting: BTreeMap<RecordId, Vec<Slot>>,
    /// As [`Judge::needs_upgrade`] says it.
    pub upgrade: Option<NeedsUpgrade>,
}

impl<R: Rules> Judge<R> {
    /// Ends of chains with what they add up to, ascending by slot. Linear in
    /// the set.
    pub fn tips(&self) -> impl Iterator<Item = ChainTip<&R::State>> {
        let judged = self.judged.iter().enumerate();
        judged.filter_map(|(index, judged)| {
            let chain = judged.chain.as_deref()?;
            Some(ChainTip {
                slot: Slot::of_index(index)?,
                state: &chain.state,
                ended: chain.ended,
            })
        })
    }

    /// The judge that knows this of a set. Nothing is judged: whoever has the parts
    /// from a judge of the same records, by the same slots, gets that judge.
    #[must_use]
    pub fn restored(rules: R, topic: TopicId, set: &RecordSet, parts: Parts<R>) -> Self {
        let verdicts = parts.verdicts.into_iter();
        let mut judge = Self {
            judged: verdicts
                .map(|verdict| Judged {
                    verdict,
                    chain: None,
                })
                .collect(),
            waiting: parts.waiting,
            upgrade: parts.upgrade,
            ..Self::new(rules, topic)
        };
        for ChainTip { slot, state, ended } in parts.tips {
            judge.place(slot).chain = Some(Box::new(ChainState { state, ended }));
            if !set.on_spine(slot) {
                judge.beside.push_back(slot);
            }
        }
        judge
    }
}
