use core::num::NonZeroU16;

use super::{Resume, Standing, Witness};
use crate::authority::{Finality, Tip};
use crate::id::{ChainId, RecordId, UnitId};
use crate::record::Kind;
use crate::set::{Pair, RecordSet, Row};
use crate::sign::Signed;
use crate::testkit::stage::Stage;

const NOTE: Kind = Kind::new(67);

/// One chain with `count` records, and the set that a backup made before the
/// last `lost` of them holds.
fn restored(count: u64, lost: usize) -> (Stage, ChainId, RecordSet) {
    let mut stage = Stage::new(1, 1);
    let topic = stage.ledger(UnitId::from_bytes([5; 32]));
    let chain = stage.open_member(0, &topic, None);
    for number in 0..count {
        stage.write(&chain, NOTE, &[], &number);
    }
    let kept = &stage.records[..stage.records.len() - lost];
    let set = stage.replay(kept);
    (stage, chain, set)
}

fn witness(number: u8) -> Witness {
    Witness::Teller(ChainId::from_bytes([number; 32]))
}

fn needed(count: u16) -> NonZeroU16 {
    NonZeroU16::new(count).unwrap()
}

fn row(set: &RecordSet, chain: ChainId, back: usize) -> Row {
    let spine = set.spine(&chain);
    let record = set.record(spine[spine.len() - 1 - back]);
    Row {
        chain,
        tip: Some(Tip {
            seq: record.seq(),
            head: record.id(),
        }),
        fork: None,
    }
}

#[test]
fn head_is_confirmed_by_as_many_witnesses_as_are_needed() {
    let (_, chain, set) = restored(3, 0);
    let mut resume = Resume::new(chain, needed(2));
    let missing = |count| Standing::Unconfirmed {
        missing: needed(count),
    };
    assert_eq!(resume.standing(&set), missing(2));
    resume.hear(witness(1), Some(row(&set, chain, 0)));
    resume.hear(witness(1), Some(row(&set, chain, 0)));
    assert_eq!(resume.standing(&set), missing(1), "one witness counts once");
    resume.hear(witness(2), Some(row(&set, chain, 1)));
    assert_eq!(resume.standing(&set), missing(1), "this one is behind");
    resume.hear(witness(3), None);
    assert_eq!(resume.standing(&set), missing(1), "this one knows nothing");
    resume.hear(witness(2), Some(row(&set, chain, 0)));
    assert_eq!(resume.standing(&set), Standing::Confirmed);
}

#[test]
fn restored_backup_fetches_what_it_lost_before_it_goes_on() {
    let (stage, chain, mut set) = restored(4, 2);
    let mut resume = Resume::new(chain, needed(1));
    resume.hear(witness(1), Some(row(&set, chain, 0)));
    assert_eq!(resume.standing(&set), Standing::Confirmed);
    let newest = row(&stage.set, chain, 0);
    resume.hear(witness(2), Some(newest));
    let record = newest.tip.unwrap().head;
    assert_eq!(resume.standing(&set), Standing::Behind { record });
    let lost: Vec<Signed<_>> = stage.records[stage.records.len() - 2..].to_vec();
    for record in lost {
        set.insert(record).unwrap();
    }
    assert_eq!(resume.standing(&set), Standing::Confirmed);
}

/// The registrar has seen more of the chain than every witness that was asked.
#[test]
fn seal_over_a_lost_record_outweighs_every_witness_until_the_record_is_here() {
    let (mut stage, chain, _) = restored(4, 0);
    stage.seal(&chain, Finality::Open);
    let newest = row(&stage.set, chain, 0).tip.unwrap().head;
    let records = stage.records.clone();
    let (lost, kept): (Vec<_>, Vec<_>) = records
        .into_iter()
        .partition(|one| one.chain() == chain && one.seq() >= 2);
    let mut set = stage.replay(&kept);
    let mut resume = Resume::new(chain, needed(1));
    let behind = Standing::Behind { record: newest };
    assert_eq!(resume.standing(&set), behind, "before anybody was heard");
    resume.hear(witness(1), Some(row(&set, chain, 0)));
    assert_eq!(resume.standing(&set), behind);
    assert_eq!(set.sealed_beyond(&chain), Some(newest));
    for record in lost {
        assert_eq!(resume.standing(&set), behind);
        set.insert(record).unwrap();
    }
    assert_eq!(set.sealed_beyond(&chain), None);
    resume.hear(witness(1), Some(row(&set, chain, 0)));
    assert_eq!(resume.standing(&set), Standing::Confirmed);
}

#[test]
fn record_that_went_on_from_the_old_state_is_a_fork_once_it_is_here() {
    let (mut stage, chain, mut set) = restored(3, 1);
    let own = stage.records.last().unwrap().clone();
    let before = row(&set, chain, 0).tip;
    stage.write_after(&chain, before, NOTE, &[], &99_u64);
    let other = stage.records.last().unwrap().clone();
    let mut resume = Resume::new(chain, needed(1));
    let tip = Tip {
        seq: own.seq(),
        head: own.id(),
    };
    let heard = Row {
        chain,
        tip: Some(tip),
        fork: None,
    };
    resume.hear(witness(1), Some(heard));
    set.insert(other.clone()).unwrap();
    let record = own.id();
    assert_eq!(resume.standing(&set), Standing::Behind { record });
    set.insert(own.clone()).unwrap();
    assert_eq!(resume.standing(&set), Standing::Forked);
    stage.reopen(&chain, Some(tip), 0);
    for record in &stage.records {
        set.insert(record.clone()).unwrap();
    }
    assert_eq!(
        resume.standing(&set),
        Standing::Confirmed,
        "an Open settled it"
    );
    let pair = Pair {
        low: own.id().min(other.id()),
        high: own.id().max(other.id()),
    };
    let fork = Row {
        tip: before,
        fork: Some(pair),
        ..heard
    };
    resume.hear(witness(1), Some(fork));
    let missing = needed(1);
    let unconfirmed = Standing::Unconfirmed { missing };
    assert_eq!(
        resume.standing(&set),
        unconfirmed,
        "who lacks the Seal is behind"
    );
}

#[test]
fn nobodys_word_alone_convicts_and_a_liar_is_forgotten() {
    let (_, chain, set) = restored(2, 0);
    let mut resume = Resume::new(chain, needed(1));
    resume.hear(witness(1), Some(row(&set, chain, 0)));
    let record = RecordId::from_bytes([7; 32]);
    let own = row(&set, chain, 0);
    let lie = Row {
        fork: Some(Pair {
            low: own.tip.unwrap().head,
            high: record,
        }),
        ..own
    };
    resume.hear(witness(2), Some(lie));
    assert_eq!(resume.standing(&set), Standing::Behind { record });
    resume.forget(&witness(2));
    assert_eq!(resume.standing(&set), Standing::Confirmed);
    let other = Row {
        chain: ChainId::from_bytes([8; 32]),
        ..lie
    };
    resume.hear(witness(2), Some(other));
    assert_eq!(resume.standing(&set), Standing::Confirmed, "another chain");
    assert_eq!(resume.chain(), chain);
}
