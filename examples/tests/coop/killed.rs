//! A program that is killed at any moment and started again tells the same
//! story to its end.

use std::thread::sleep;
use std::time::Duration;

use crate::program::{Folder, Run, command, coop};
use crate::{AUDITS, TABLE};

/// Kills in a row, one store for several of them.
const KILLS: u64 = 50;
const KILLS_PER_STORE: u64 = 5;

/// Longest life in milliseconds: a little more than a first run needs.
const LIFE_MAX: u64 = 1_200;

/// Numbers that look random and follow from a seed.
struct Draws(u64);

impl Draws {
    const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

#[test]
fn killed_at_any_moment_it_ends_with_the_same_table() {
    let seed = std::env::var("COOP_SEED").map_or(7, |seed| seed.parse().unwrap());
    println!("seed {seed}");
    let mut draws = Draws(seed);
    let folder = Folder::new("whole");
    let whole = coop(&["--data", folder.path()]);
    assert_eq!(whole.code, 0, "{whole:?}");
    for store in 0..KILLS / KILLS_PER_STORE {
        let folder = Folder::new(&format!("killed-{store}"));
        let args = ["--data", folder.path()];
        for kill in 0..KILLS_PER_STORE {
            let life = Duration::from_millis(draws.next() % LIFE_MAX);
            println!("store {store}, kill {kill} after {life:?}");
            let mut child = command(&args).spawn().unwrap();
            sleep(life);
            // It may have ended by itself, and then well.
            child.kill().unwrap();
            let run = Run::of(child.wait_with_output().unwrap());
            assert!(matches!(run.code, -1 | 0), "{run:?}");
            assert_eq!(run.err, "");
        }
        let run = coop(&args);
        assert_eq!(run.code, 0, "{run:?}");
        assert!(run.out.contains(TABLE), "{}", run.out);
        assert!(run.out.contains(AUDITS), "{}", run.out);
        assert_one_digest_per_row(&run);
        let again = coop(&args);
        assert!(
            again.out.ends_with("  0 steps executed, 7 found done\n"),
            "{}",
            again.out
        );
        assert_eq!(again.ending(), run.ending());
    }
}

/// Every digest is one that all nodes have.
fn assert_one_digest_per_row(run: &Run) {
    let rows: Vec<&str> = run
        .out
        .lines()
        .filter(|row| row.contains(" digest "))
        .collect();
    assert_eq!(rows.len(), 4, "{}", run.out);
    assert!(
        rows.iter().all(|row| row.ends_with("  on every node")),
        "{rows:?}"
    );
}
