//! Worlds of replicas, honest members, dishonest ones and a registrar, each
//! from one seed, and nine properties that hold in every one of them.

mod authors;
mod chance;
mod properties;
mod registrar;
mod tally;
mod world;

use std::collections::BTreeMap;
use std::ops::Range;

use properties::{Broken, Property, outcome, run};
use world::Bug;

/// Steps of a world: about two hundred records.
const STEPS: u64 = 120;

/// Worlds of an ordinary test run.
const WORLDS: u64 = 200;

#[derive(Default)]
struct Report {
    broken: Vec<Broken>,
    facts: BTreeMap<&'static str, u64>,
    rounds: usize,
    records: usize,
}

fn run_one(seed: u64, report: &mut Report) {
    match run(seed, STEPS, None) {
        Ok((mut world, rounds)) => {
            outcome(&mut world);
            report.rounds = report.rounds.max(rounds);
            report.records += world.order.len();
            for (what, times) in world.facts {
                *report.facts.entry(what).or_default() += times;
            }
        }
        Err(broken) => report.broken.push(broken),
    }
}

/// Runs all seeds on a few threads.
fn run_all(seeds: Range<u64>) -> Report {
    const THREADS: usize = 4;
    let seeds: Vec<u64> = seeds.collect();
    let parts = seeds.chunks(seeds.len().div_ceil(THREADS).max(1));
    let reports = std::thread::scope(|scope| {
        let running: Vec<_> = parts
            .map(|part| {
                scope.spawn(move || {
                    let mut report = Report::default();
                    part.iter().for_each(|&seed| run_one(seed, &mut report));
                    report
                })
            })
            .collect();
        let ended = running.into_iter().map(|running| running.join());
        ended.map(Result::unwrap).collect::<Vec<_>>()
    });
    let mut sum = Report::default();
    for report in reports {
        sum.broken.extend(report.broken);
        sum.rounds = sum.rounds.max(report.rounds);
        sum.records += report.records;
        for (what, times) in report.facts {
            *sum.facts.entry(what).or_default() += times;
        }
    }
    sum
}

impl Report {
    fn show(&self) {
        for broken in &self.broken {
            println!("{broken}");
        }
        println!("{} records, at most {} rounds", self.records, self.rounds);
        println!("{:#?}", self.facts);
    }
}

#[test]
fn every_world_keeps_every_property() {
    let report = run_all(0..WORLDS);
    report.show();
    assert!(report.broken.is_empty(), "{} broken", report.broken.len());
}

#[test]
#[ignore = "thousands of worlds; ICN_WORLDS says how many"]
#[expect(
    clippy::disallowed_methods,
    reason = "whoever starts it says how many worlds"
)]
fn thousands_of_worlds_keep_every_property() {
    let count = std::env::var("ICN_WORLDS").map_or(5000, |count| count.parse().unwrap());
    let report = run_all(WORLDS..WORLDS + count);
    report.show();
    assert!(report.broken.is_empty(), "{} broken", report.broken.len());
}

#[test]
#[ignore = "replays the world whose seed is in ICN_WORLD"]
#[expect(
    clippy::disallowed_methods,
    reason = "whoever replays a world says which"
)]
fn one_world() {
    let seed = std::env::var("ICN_WORLD").unwrap().parse().unwrap();
    let report = run_all(seed..seed + 1);
    report.show();
    assert!(report.broken.is_empty());
}
