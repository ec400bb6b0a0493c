//! The published vectors: written by the code here, compared with the files
//! byte by byte.

extern crate std;

use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use std::fs;
use std::path::{Path, PathBuf};

use icn_types::amount::Ratio;
use icn_types::authority::{Act, Outcome, RollChange};
use icn_types::canon::{List, to_bytes};
use icn_types::error::Coded;
use icn_types::id::{Hex, RecordId};
use icn_types::record::Kind;
use icn_types::set::RecordSet;
use icn_types::verdict::{Breach, Verdict};

use crate::body::{BALLOT, Ballot, Choice, PROPOSAL, RECEIPT, Receipt, SHUT, Shut};
use crate::count::{Recount, acknowledged, latest};
use crate::rule::{Base, Quorum, Rule, Share, Threshold, Tie, Turnout};
use crate::scene::{PERIOD, Scene, figures, rules};
use crate::tally::Tally;

/// One line of a file: its fields in order, values as JSON.
type Case = Vec<(&'static str, String)>;

fn text(value: impl ToString) -> String {
    format!("\"{}\"", value.to_string())
}

fn hex(bytes: &[u8]) -> String {
    text(Hex(bytes))
}

fn file(purpose: &str, cases: &[Case]) -> String {
    let lines: Vec<String> = cases
        .iter()
        .map(|case| {
            let fields: Vec<String> = case
                .iter()
                .map(|(name, value)| format!("\"{name}\": {value}"))
                .collect();
            format!("    {{{}}}", fields.join(", "))
        })
        .collect();
    format!(
        "{{\n  \"purpose\": \"{purpose}\",\n  \"format\": 1,\n  \"cases\": [\n{}\n  ]\n}}\n",
        lines.join(",\n")
    )
}

fn outcome_name(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Accepted => "accepted",
        Outcome::Rejected => "rejected",
        Outcome::NoQuorum => "no quorum",
        Outcome::Vetoed => "vetoed",
        Outcome::Tied => "tied",
        _ => panic!("no tally ends so"),
    }
}

fn tallies() -> Vec<Case> {
    let third = Ratio::new(1, 3).unwrap();
    let by_yes = Rule {
        quorum: Quorum {
            turnout: Turnout::Yes,
            share: Share::at_least(third),
        },
        threshold: Threshold {
            base: Base::Decisive,
            share: Share::at_least(Ratio::HALF),
        },
        tie: Tie::Rejected,
        ..Rule::majority()
    };
    let by_decisive = Rule {
        quorum: Quorum {
            turnout: Turnout::Decisive,
            share: Share::above(third),
        },
        ..Rule::majority()
    };
    let chosen = [
        ("majority", Rule::majority()),
        (
            "majority with a quorum of half",
            Rule::majority().with_quorum(Ratio::HALF),
        ),
        ("two thirds of cast", Rule::two_thirds_of_cast()),
        ("majority of the roll", Rule::majority_of_roll()),
        ("majority with a veto", Rule::majority().with_veto(third, 2)),
        ("half, quorum of yes", by_yes),
        ("majority, quorum of the decided", by_decisive),
    ];
    let max = u128::MAX;
    let counts = [
        figures(0, 0, 0, 0, 0),
        figures(0, 0, 0, 0, 9),
        figures(0, 0, 9, 0, 9),
        figures(1, 0, 0, 0, 1),
        figures(2, 1, 0, 0, 3),
        figures(1, 2, 0, 0, 3),
        figures(3, 3, 0, 0, 9),
        figures(3, 2, 0, 1, 9),
        figures(4, 2, 1, 2, 9),
        figures(4, 0, 0, 3, 9),
        figures(5, 0, 0, 4, 9),
        figures(5, 2, 2, 0, 9),
        figures(6, 2, 1, 0, 9),
        figures(6, 3, 0, 0, 18),
        figures(max, 0, 0, 0, max),
        figures(max / 2, max / 2, 1, 0, max),
        figures(max / 3 * 2, max / 3, 0, 0, max),
        figures(max / 3 * 2 - 1, max / 3, 1, 0, max),
    ];
    let mut cases = Vec::new();
    for (name, rule) in chosen {
        for tally in counts {
            cases.push(Vec::from([
                ("name", text(format!("{name}: {}", described(&tally)))),
                ("rule", hex(&to_bytes(&rule))),
                ("tally", hex(&to_bytes(&tally))),
                ("outcome", text(outcome_name(tally.outcome(&rule)))),
            ]));
        }
    }
    cases
}

fn described(tally: &Tally) -> String {
    format!(
        "{} yes, {} no, {} abstain, {} veto of {}",
        tally.yes(),
        tally.no(),
        tally.abstain(),
        tally.veto(),
        tally.eligible()
    )
}

/// A vote in which every rule is kept by some and broken by one.
struct World {
    scene: Scene,
    /// What each governance record is there for.
    named: Vec<(RecordId, &'static str)>,
    closes: Vec<(RecordId, RecordId, Vec<RecordId>)>,
}

fn world() -> World {
    let mut scene = Scene::with_rules(12, &rules(9, 5));
    let mut named = Vec::new();
    let device = scene.second_device(3);
    let proposal = scene.text(0);
    named.push((scene.propose(0, &proposal), "proposal"));
    let body = scene.opening(named[0].0, &proposal);
    let first = scene.act(&Act::Opening(body), &[]);
    let leave = List::new([scene.member(7)]).unwrap();
    let join = List::empty();
    scene.act(&Act::Roll(RollChange { join, leave }), &[]);
    let proposal = scene.budget(0);
    let record = scene.propose(0, &proposal);
    named.push((record, "proposal of a payment"));
    let body = scene.opening(record, &proposal);
    let second = scene.act(&Act::Opening(body), &[]);
    let ballots = member_steps(&mut scene, &mut named, device, first, second);
    let shuts = teller_steps(&mut scene, &mut named, [first, second], &ballots);
    let claims = [figures(2, 1, 0, 0, 12), figures(11, 0, 0, 0, 11)];
    let mut closes = Vec::new();
    for ((opening, shuts), claim) in [first, second].into_iter().zip(shuts).zip(claims) {
        let close = scene.close(opening, &shuts, Outcome::Accepted, claim);
        closes.push((opening, close, shuts));
    }
    World {
        scene,
        named,
        closes,
    }
}

fn member_steps(
    scene: &mut Scene,
    named: &mut Vec<(RecordId, &'static str)>,
    device: icn_types::id::ChainId,
    first: RecordId,
    second: RecordId,
) -> Vec<RecordId> {
    let chain = scene.members.clone();
    let yes = Choice::Yes;
    let a = scene.vote(1, first, yes);
    let b = scene.vote(2, first, Choice::Abstain);
    let b2 = scene.vote_on(&chain[2], first, Choice::No, &[b]);
    let c = scene.vote(3, first, Choice::Veto);
    let c2 = scene.vote_on(&device, first, yes, &[c]);
    named.extend([
        (a, "ballot"),
        (b, "ballot that another replaces"),
        (b2, "ballot that replaces one on its chain"),
        (c, "ballot of a first device"),
        (c2, "ballot of a second device that replaces it"),
    ]);
    let stolen = scene.text(0);
    named.push((scene.propose(4, &stolen), "proposal of somebody else"));
    named.push((scene.vote(4, first, yes), "ballot after an invalid record"));
    let opening = first;
    let body = Ballot {
        opening,
        choice: yes,
    };
    let unnamed = scene.stage.write(&chain[5], BALLOT, &[], &body);
    named.push((unnamed, "ballot that refs no opening"));
    named.push((scene.vote(6, first, yes), "ballot that nobody acknowledges"));
    named.push((
        scene.vote(6, first, yes),
        "ballot that does not name the one before",
    ));
    named.push((
        scene.vote(7, second, yes),
        "ballot of a member who had left",
    ));
    let member_receipt = scene.acknowledge_on(&chain[8], &[a]);
    named.push((member_receipt, "receipt of a member"));
    scene.stage.set_time(PERIOD);
    let shut = Shut { opening };
    let member_shut = scene.stage.write(&chain[9], SHUT, &[first], &shut);
    named.push((member_shut, "shut of a member"));
    let kind = scene.stage.write(&chain[10], Kind::new(36), &[], &1_u64);
    named.push((kind, "kind that does not exist"));
    let body = scene.stage.write(&chain[11], PROPOSAL, &[], &1_u64);
    named.push((body, "body of another kind"));
    scene.sync();
    Vec::from([a, b, b2, c, c2])
}

fn teller_steps(
    scene: &mut Scene,
    named: &mut Vec<(RecordId, &'static str)>,
    openings: [RecordId; 2],
    ballots: &[RecordId],
) -> [Vec<RecordId>; 2] {
    let chain = scene.tellers.clone();
    let opening = openings[0];
    let (a, b, b2, c2) = (ballots[0], ballots[1], ballots[2], ballots[4]);
    named.push((scene.acknowledge(0, &[a]), "receipt"));
    let mut two = [b, c2];
    two.sort_unstable();
    named.push((scene.acknowledge(1, &two), "receipt of two ballots"));
    named.push((scene.acknowledge(2, &[b2]), "receipt of a replacing ballot"));
    let shuts = openings.map(|opening| {
        let shuts: Vec<RecordId> = (0..5).map(|teller| scene.shut(teller, opening)).collect();
        named.extend(shuts.iter().map(|shut| (*shut, "shut")));
        shuts
    });
    named.push((scene.acknowledge(3, &[a]), "receipt after a shut"));
    named.push((scene.shut(4, opening), "second shut of a vote"));
    let past = Receipt::new(Vec::from([1])).unwrap();
    let past = scene.stage.write(&chain[5], RECEIPT, &[a], &past);
    named.push((past, "receipt that names no ballot"));
    named.push((scene.acknowledge(6, &[a]), "receipt of another teller"));
    named.push((scene.acknowledge(6, &[a]), "second receipt of a ballot"));
    let shut = Shut { opening };
    let unnamed = scene.stage.write(&chain[7], SHUT, &[], &shut);
    named.push((unnamed, "shut that refs no opening"));
    scene.stage.set_time(PERIOD - 1);
    let early = scene.stage.write(&chain[8], SHUT, &[opening], &shut);
    named.push((early, "shut before the period ends"));
    scene.sync();
    shuts
}

fn code<R: Coded>(verdict: Verdict<R>) -> String {
    match verdict {
        Verdict::Valid => text("valid"),
        Verdict::Waiting => text("waiting"),
        Verdict::Invalid(breach) => text(breach_code(&breach)),
    }
}

fn breach_code<R: Coded>(breach: &Breach<R>) -> &'static str {
    breach.code()
}

fn records(world: &World) -> Vec<Case> {
    let set = world.scene.set();
    let records = world.scene.stage.records.iter().map(|record| {
        let (id, slot) = (record.id(), set.find(&record.id()).unwrap());
        let of_office = record.chain() == set.authority();
        let known = world.named.iter().find(|(named, _)| *named == id);
        let name = known.map_or(if of_office { "act" } else { "step" }, |(_, name)| *name);
        let verdict = if of_office {
            code(set.verdict(slot))
        } else {
            code(world.scene.governance.verdict(slot))
        };
        Vec::from([
            ("name", text(name)),
            ("id", text(id)),
            ("record", hex(&record.to_bytes())),
            ("verdict", verdict),
        ])
    });
    records.collect()
}

fn votes(world: &World) -> Vec<Case> {
    let (set, governance) = (world.scene.set(), &world.scene.governance);
    let case = |(opening, close, shuts): &(RecordId, RecordId, Vec<RecordId>)| {
        let slot = set.find(opening).unwrap();
        let named: Vec<_> = shuts.iter().filter_map(|id| set.find(id)).collect();
        let ballots = acknowledged(set, &governance.index, slot, &named);
        let frozen = set.frozen(slot).unwrap();
        let tally = governance.count(set, slot, frozen, &named).unwrap();
        let recount = governance.recount(set, close).unwrap();
        let counted = ids(set, latest(set, &governance.index, &ballots).into_values());
        Vec::from([
            ("name", text(recount_name(recount))),
            ("close", text(close)),
            ("acknowledged", ids(set, ballots.into_iter())),
            ("counted", counted),
            ("figures", text(described(&tally))),
            ("recount", text(recount.code())),
        ])
    };
    world.closes.iter().map(case).collect()
}

fn ids(set: &RecordSet, slots: impl Iterator<Item = icn_types::set::Slot>) -> String {
    let ids: BTreeSet<RecordId> = slots.map(|slot| set.id(slot)).collect();
    let ids: Vec<String> = ids.iter().map(text).collect();
    format!("[{}]", ids.join(", "))
}

const fn recount_name(recount: &Recount) -> &'static str {
    match recount {
        Recount::Confirmed => "true certificate",
        Recount::False(_) => "false certificate",
        Recount::Pending(_) => "certificate that waits",
    }
}

fn files() -> [(&'static str, String); 3] {
    let world = world();
    [
        (
            "tally.json",
            file("how a vote of some figures ends under a rule", &tallies()),
        ),
        (
            "records.json",
            file(
                "records of one cooperative in the order of writing, each with its verdict",
                &records(&world),
            ),
        ),
        (
            "votes.json",
            file(
                "what the certificates among these records count",
                &votes(&world),
            ),
        ),
    ]
}

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("vectors")
        .join(name)
}

#[test]
fn the_files_say_what_the_code_says() {
    for (name, expected) in files() {
        let found = fs::read_to_string(path(name)).unwrap();
        for (line, (found, expected)) in found.lines().zip(expected.lines()).enumerate() {
            assert_eq!(found, expected, "{name} line {}", line + 1);
        }
        assert_eq!(found, expected, "{name}");
    }
}

#[test]
fn every_code_of_a_rule_has_a_record() {
    let found = records(&world());
    let found: BTreeSet<&str> = found
        .iter()
        .map(|case| case[3].1.trim_matches('"'))
        .collect();
    let rules = crate::codes::rules().map(|rule| rule.code());
    let shared = ["valid", "invalid.ended", "invalid.kind", "invalid.body"];
    let expected: BTreeSet<&str> = rules.into_iter().chain(shared).collect();
    assert_eq!(found, expected);
}

#[test]
#[ignore = "writes the vectors; run it after a deliberate change of the format"]
fn bless_vectors() {
    for (name, text) in files() {
        fs::write(path(name), text).unwrap();
    }
}
