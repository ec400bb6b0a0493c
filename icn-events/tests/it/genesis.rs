//! What a genesis file may say, and how each wrong one is refused.

use std::sync::OnceLock;

use icn_events::genesis::{
    ADDRESS_LEN_MAX, Founding, FoundingError, Genesis, GenesisReason, PEERS_MAX, Peer, UNITS_MAX,
};
use icn_events::sheet::BadForm;
use icn_types::authority::{Act, FORMAT, RollChange};
use icn_types::canon::{self, List, Raw};
use icn_types::error::{Coded as _, Fault};
use icn_types::id::{DomainId, Hex, RecordId, UnitId};
use icn_types::key::{PeerId, Signer as _};
use icn_types::record::{Kind, Record};
use icn_types::set::Refusal;
use icn_types::sign::Unverified;
use icn_types::testkit::stage::{GRANT, Stage};
use icn_types::time::Timestamp;
use icn_types::verdict::Breach;
use proptest::prelude::*;

use crate::text::{first, flipped, lines, summed};

const UNIT: UnitId = UnitId::from_bytes([1; 32]);

fn stage() -> Stage {
    let mut stage = Stage::new(1, 4);
    let ledger = stage.ledger(UNIT);
    for member in 0..3 {
        let chain = stage.open_member(member, &ledger, Some(GRANT));
        stage.write(&chain, Kind::new(64), &[], &1_u64);
    }
    stage
}

fn peer(stage: &mut Stage, address: &str) -> Peer {
    Peer::new(PeerId::new(stage.draw_key().public_key()), address).unwrap()
}

fn genesis() -> Genesis {
    let mut stage = stage();
    let (one, other) = (
        peer(&mut stage, "[::1]:4433"),
        peer(&mut stage, "coop.example:1"),
    );
    Genesis::builder(stage.domain())
        .unit(Raw::of(&7_u64))
        .and_then(|genesis| genesis.unit(Raw::of(&8_u64)))
        .and_then(|genesis| genesis.records_of(&stage.set))
        .and_then(|genesis| genesis.peer(one))
        .and_then(|genesis| genesis.peer(other))
        .and_then(|genesis| genesis.finish())
        .unwrap()
}

fn arrived(record: &Record) -> Unverified<Record> {
    canon::from_bytes(&record.to_bytes()).unwrap()
}

/// Line from 1 and reason of a refusal.
fn refused(text: &str) -> (usize, GenesisReason) {
    let error = Genesis::parse(text).unwrap_err();
    assert_eq!(error.code(), error.reason.code());
    assert_eq!(error.fault(), Fault::Peer);
    assert!(!error.reason.to_string().contains('\n'));
    (usize::try_from(error.line).unwrap(), error.reason)
}

fn edited(edit: impl FnOnce(&mut Vec<String>)) -> (usize, GenesisReason) {
    let mut lines = lines(&genesis().to_text());
    edit(&mut lines);
    refused(&summed(&lines))
}

/// The refusal of one more line at the end, which must be the line named.
fn added(line: impl Into<String>) -> GenesisReason {
    let mut lines = lines(&genesis().to_text());
    lines.push(line.into());
    let (at, reason) = refused(&summed(&lines));
    assert_eq!(at, lines.len());
    reason
}

fn form(bad: BadForm) -> GenesisReason {
    GenesisReason::Form(bad)
}

#[test]
fn a_genesis_reads_back_as_it_was_written() {
    let genesis = genesis();
    let again = Genesis::parse(&genesis.to_text()).unwrap();
    assert_eq!(again, genesis);
    assert_eq!(again.to_text(), genesis.to_text());
    assert_eq!(again.records().len(), 4);
    assert_eq!(again.units(), [Raw::of(&7_u64), Raw::of(&8_u64)]);
    assert_eq!(again.peers()[1].address(), "coop.example:1");
    assert_eq!(genesis.to_text().parse::<Genesis>(), Ok(genesis));
}

#[test]
fn a_new_node_starts_with_the_office_of_the_old_one() {
    let stage = stage();
    let text = genesis().to_text();
    let set = Genesis::parse(&text).unwrap().into_set();
    assert_eq!(set.domain(), stage.domain());
    let seats = |set: &icn_types::set::RecordSet| {
        let office = set.office().unwrap();
        office
            .seats()
            .map(|(chain, seat)| (*chain, *seat))
            .collect::<Vec<_>>()
    };
    assert_eq!(seats(&set), seats(&stage.set));
}

#[test]
fn comments_and_blank_lines_say_nothing_but_are_summed() {
    let genesis = genesis();
    let mut lines = lines(&genesis.to_text());
    lines.insert(1, "# the bakery".to_owned());
    lines.insert(2, String::new());
    let text = summed(&lines);
    assert_eq!(Genesis::parse(&text), Ok(genesis));
    let changed = text.replace("bakery", "brewery");
    assert_eq!(refused(&changed), (lines.len() + 1, form(BadForm::Sum)));
}

#[test]
fn the_end_of_the_last_line_may_be_missing() {
    let text = genesis().to_text();
    assert!(Genesis::parse(text.trim_end()).is_ok());
}

#[test]
fn a_text_without_the_header_is_refused_at_its_first_line() {
    assert_eq!(refused(""), (1, form(BadForm::Header)));
    assert_eq!(
        edited(|lines| lines[0].push('0')),
        (1, form(BadForm::Header))
    );
}

#[test]
fn a_text_that_is_too_large_is_refused_as_a_whole() {
    let max = 16 * 1024 * 1024;
    let text = "#".repeat(max + 1);
    assert_eq!(refused(&text), (0, form(BadForm::Size { max })));
}

#[test]
fn too_many_lines_are_refused_at_the_first_one_too_many() {
    let text = "\n".repeat(65_537);
    assert_eq!(
        refused(&text),
        (65_537, form(BadForm::Lines { max: 65_536 }))
    );
}

#[test]
fn a_line_that_is_too_long_is_refused() {
    let max = 2 * canon::LEN_MAX + 64;
    assert_eq!(added("#".repeat(max + 1)), form(BadForm::LineSize { max }));
}

#[test]
fn line_ends_of_another_system_are_refused() {
    let text = genesis().to_text().replace('\n', "\r\n");
    assert_eq!(refused(&text), (1, form(BadForm::Control)));
}

#[test]
fn an_unknown_word_is_refused() {
    assert_eq!(added("member 00"), form(BadForm::Word));
    assert_eq!(added("domain 00"), form(BadForm::Word));
}

#[test]
fn hex_has_one_spelling() {
    for value in ["", "0", "0g", "AB", "00 "] {
        assert_eq!(
            added(format!("unit {value}")),
            form(BadForm::Hex),
            "{value}"
        );
    }
}

#[test]
fn a_file_that_was_cut_off_is_refused() {
    let lines = lines(&genesis().to_text());
    let text = lines.join("\n");
    assert_eq!(refused(&text), (lines.len(), form(BadForm::SumMissing)));
}

#[test]
fn nothing_may_follow_the_sum() {
    let text = genesis().to_text();
    let count = text.lines().count();
    assert_eq!(
        refused(&format!("{text}#\n")),
        (count + 1, form(BadForm::AfterSum))
    );
}

#[test]
fn the_sum_is_64_hex_digits() {
    let text = genesis().to_text();
    let count = text.lines().count();
    assert_eq!(
        refused(&text[..text.len() - 2]),
        (count, form(BadForm::Hex))
    );
}

#[test]
fn the_domain_comes_first() {
    let (line, reason) = edited(|lines| {
        lines.remove(1);
    });
    assert_eq!((line, reason), (2, GenesisReason::Domain));
    let (line, reason) = edited(|lines| lines[1].truncate(70));
    assert_eq!((line, reason), (2, form(BadForm::Hex)));
}

#[test]
fn the_charter_of_another_domain_is_refused() {
    let (line, reason) = edited(|lines| lines[1] = format!("domain {}", "00".repeat(32)));
    assert_eq!((line, reason), (5, GenesisReason::Refused(Refusal::Domain)));
}

#[test]
fn bytes_that_are_not_canonical_are_refused() {
    for word in ["unit", "record"] {
        let reason = added(format!("{word} 1801"));
        assert!(matches!(reason, GenesisReason::Bytes(_)), "{reason:?}");
    }
}

#[test]
fn what_occurs_twice_is_refused_where_it_occurs_again() {
    let lines = lines(&genesis().to_text());
    let again = |word| added(&lines[first(&lines, word)]);
    assert_eq!(again("unit"), GenesisReason::UnitTwice);
    assert_eq!(again("record"), GenesisReason::RecordTwice);
    assert_eq!(again("peer"), GenesisReason::PeerTwice);
}

#[test]
fn there_are_not_too_many_units_and_peers() {
    let mut stage = stage();
    let key = PeerId::new(stage.draw_key().public_key());
    let mut units = Genesis::builder(stage.domain());
    let mut peers = Genesis::builder(stage.domain());
    for number in 0..UNITS_MAX as u64 {
        units = units.unit(Raw::of(&number)).unwrap();
    }
    for number in 0..PEERS_MAX {
        peers = peers
            .peer(Peer::new(key, number.to_string()).unwrap())
            .unwrap();
    }
    let reason = units.unit(Raw::of(&u64::MAX)).unwrap_err();
    assert_eq!(
        (reason, reason.code()),
        (GenesisReason::Units, "genesis.units")
    );
    let reason = peers.peer(Peer::new(key, "more").unwrap()).unwrap_err();
    assert_eq!(
        (reason, reason.code()),
        (GenesisReason::Peers, "genesis.peers")
    );
}

#[test]
fn a_record_comes_with_its_content() {
    let stage = stage();
    let record = &stage.records[1];
    let bare = Record::bare(record.header().clone(), *record.signature());
    let bytes = bare.claim().to_bytes();
    assert_eq!(
        added(format!("record {}", Hex(&bytes))),
        GenesisReason::Bare
    );
}

#[test]
fn a_record_of_another_chain_is_refused() {
    let stage = stage();
    let entry = stage
        .records
        .iter()
        .find(|record| record.kind() == Kind::new(64))
        .unwrap();
    let line = format!("record {}", Hex(&entry.to_bytes()));
    assert_eq!(added(line), GenesisReason::Elsewhere);
}

#[test]
fn records_stand_after_what_they_follow() {
    let (line, reason) = edited(|lines| {
        let at = first(lines, "record") + 1;
        lines.swap(at, at + 1);
    });
    let first_open = stage().records[1].id();
    assert_eq!(line, 6);
    assert_eq!(
        reason,
        GenesisReason::Refused(Refusal::MissingPrev(first_open))
    );
}

#[test]
fn a_record_that_names_a_missing_one_is_refused() {
    let mut stage = stage();
    let change = change(&stage);
    stage.act(&change, &[RecordId::from_bytes([9; 32])]);
    let record = arrived(stage.records.last().unwrap());
    let genesis = Genesis::builder(stage.domain())
        .records_of(&stage.set)
        .unwrap();
    let reason = genesis.record(record).unwrap_err();
    assert_eq!(
        (reason, reason.code()),
        (GenesisReason::Waiting, "genesis.record.waiting")
    );
}

#[test]
fn an_invalid_record_is_refused_and_never_exported() {
    let mut stage = stage();
    let nobody = Act::Roll(RollChange {
        join: List::empty(),
        leave: List::empty(),
    });
    stage.act(&nobody, &[]);
    let record = arrived(stage.records.last().unwrap());
    let genesis = Genesis::builder(stage.domain())
        .records_of(&stage.set)
        .unwrap();
    let reason = genesis.clone().record(record).unwrap_err();
    assert!(matches!(reason, GenesisReason::Invalid(Breach::Rule(_))));
    assert_eq!(reason.code(), "roll.member");
    assert_eq!(genesis.finish().unwrap().records().len(), 4);
}

fn change(stage: &Stage) -> Act {
    Act::Roll(RollChange {
        join: List::empty(),
        leave: List::new([stage.members()[0].inception.id()]).unwrap(),
    })
}

#[test]
fn without_a_charter_there_is_no_genesis() {
    let domain = DomainId::from_bytes([3; 32]);
    let reason = Genesis::builder(domain).finish().unwrap_err();
    assert_eq!(
        (reason, reason.code()),
        (GenesisReason::Charter, "genesis.charter")
    );
    let text = summed(&["icn genesis 1".to_owned(), format!("domain {domain}")]);
    assert_eq!(refused(&text), (3, GenesisReason::Charter));
}

#[test]
fn a_charter_of_a_newer_format_founds_nothing_here() {
    let stage = Stage::with_charter(1, 4, |charter| charter.format = FORMAT + 1);
    let charter = stage.set.charter().unwrap();
    let founding = Founding::new(charter, stage.registrar(), Timestamp::from_millis(0));
    let Err(FoundingError::Invalid(reason)) = founding else {
        panic!("founded");
    };
    assert_eq!(reason.code(), "genesis.format");
    assert_eq!(reason.fault(), Fault::Environment);
    let read = Genesis::builder(stage.domain()).record(arrived(&stage.records[0]));
    assert_eq!(read.unwrap_err(), reason);
}

#[test]
fn peers_are_named_by_key_and_address() {
    let key = PeerId::new(stage().draw_key().public_key());
    assert!(matches!(added("peer bob here"), GenesisReason::PeerKey(_)));
    assert_eq!(added("peer bob"), GenesisReason::Address);
    assert_eq!(added(format!("peer {key} ")), GenesisReason::Address);
    assert_eq!(added(format!("peer {key} a b")), GenesisReason::Address);
    let long = "a".repeat(ADDRESS_LEN_MAX + 1);
    assert_eq!(Peer::new(key, long), Err(GenesisReason::Address));
}

#[test]
fn a_genesis_after_a_recall_holds_both_branches() {
    let mut stage = stage();
    let ledger = stage.ledger(UNIT);
    let honoured = stage.records[0].id();
    let dropped = stage.open_of(
        &stage
            .set
            .chains()
            .map(|(id, _)| id)
            .find(|id| *id != stage.set.authority())
            .unwrap(),
    );
    stage.recall(honoured, &[dropped]);
    stage.open_member(3, &ledger, Some(GRANT));
    let genesis = Genesis::builder(stage.domain())
        .records_of(&stage.set)
        .and_then(|genesis| genesis.finish())
        .unwrap();
    let again = Genesis::parse(&genesis.to_text()).unwrap();
    let tip = |set: &icn_types::set::RecordSet| set.record(set.office_tip().unwrap()).id();
    assert_eq!(tip(again.set()), tip(&stage.set));
}

/// One file for the properties, which only read it.
fn written() -> &'static (String, Genesis) {
    static WRITTEN: OnceLock<(String, Genesis)> = OnceLock::new();
    WRITTEN.get_or_init(|| {
        let genesis = genesis();
        (genesis.to_text(), genesis)
    })
}

proptest! {
    #[test]
    fn reading_never_panics_on_any_text(text in "(icn genesis 1\n)?(\\PC|\n){0,200}") {
        let _ = Genesis::parse(&text);
    }

    #[test]
    fn a_changed_character_is_refused_and_its_line_named(
        line in any::<prop::sample::Index>(),
        at in any::<usize>(),
        sums_up in any::<bool>(),
    ) {
        let (text, genesis) = written();
        let mut lines = lines(text);
        let line = line.index(lines.len());
        lines[line] = flipped(&lines[line], at);
        let changed = if sums_up {
            summed(&lines)
        } else {
            format!("{}\n{}\n", lines.join("\n"), text.lines().last().unwrap())
        };
        let proved = lines[line].starts_with("record ");
        match Genesis::parse(&changed) {
            // Units and peers are nobody's signed word: only the sum holds them.
            Ok(other) => {
                prop_assert!(sums_up && !proved);
                prop_assert_eq!(other.records(), genesis.records());
            }
            Err(error) if proved => prop_assert_eq!(error.line as usize, line + 1),
            Err(_) => {}
        }
    }

    #[test]
    fn reading_never_panics_on_a_mangled_file(
        cut in any::<prop::sample::Index>(),
        put in "\\PC{0,8}",
        len in 0_usize..40,
    ) {
        let (text, _) = written();
        let (from, to) = (cut.index(text.len()), (cut.index(text.len()) + len).min(text.len()));
        let mangled = format!("{}{put}{}", &text[..from], &text[to..]);
        if mangled.trim_end() != text.trim_end() {
            prop_assert!(Genesis::parse(&mangled).is_err());
        }
    }
}
