//! The coop example, run as a person would: its page, its exit codes, its
//! mistakes, and what is left when it is killed.

#![expect(
    clippy::unwrap_used,
    reason = "the lints know test functions only, not what they call"
)]

mod killed;
mod program;
mod scenario;

use program::{Folder, Run, coop};

const TABLE: &str = "\
AGREE
  account      unit  Alice    Bob  Charlie
  Alice     credits      0      0        0
  Bob       credits      0      0        0
  Charlie   credits      0      0        0
  Treasury  credits  -5000  -5000    -5000
  Supplier  credits  +5000  +5000    +5000
  sum       credits      0      0        0
  Alice       hours    +7h    +7h      +7h
  Bob         hours    -5h    -5h      -5h
  Charlie     hours    -2h    -2h      -2h
  sum         hours     0h     0h       0h
";

const AUDITS: &str = "\
  audit of Alice    verified: 3 lines, 1 payment
  audit of Bob      verified: 3 lines, 1 payment
  audit of Charlie  verified: 3 lines, 1 payment
";

#[test]
fn first_run_does_everything_and_the_second_finds_it_done() {
    let folder = Folder::new("twice");
    let first = coop(&["--data", folder.path()]);
    assert_eq!(first.code, 0, "{first:?}");
    assert!(first.out.contains(TABLE), "{}", first.out);
    assert!(first.out.contains(AUDITS), "{}", first.out);
    assert!(!first.out.contains("resumed"), "{}", first.out);
    assert!(
        first.out.ends_with("  7 steps executed, 0 found done\n"),
        "{}",
        first.out
    );
    assert_eq!(first.err, "");

    let second = coop(&["--data", folder.path()]);
    assert_eq!(second.code, 0, "{second:?}");
    assert!(
        second.out.contains("  resumed from disk: "),
        "{}",
        second.out
    );
    assert!(
        second.out.ends_with("  0 steps executed, 7 found done\n"),
        "{}",
        second.out
    );
    assert_eq!(
        second.ending(),
        first.ending(),
        "the same balances and digests"
    );
}

#[test]
fn page_for_a_pipe_has_no_escape_codes() {
    let folder = Folder::new("plain");
    let run = coop(&["--data", folder.path()]);
    assert_eq!(run.code, 0);
    assert!(!run.out.contains('\x1b') && !run.err.contains('\x1b'));
}

#[test]
fn reader_who_leaves_early_does_not_end_the_story() {
    let folder = Folder::new("pipe");
    let mut run = program::command(&["--data", folder.path()])
        .spawn()
        .unwrap();
    drop(run.stdout.take());
    let ended = Run::of(run.wait_with_output().unwrap());
    assert_eq!((ended.code, ended.err.as_str()), (0, ""));
    let again = coop(&["--data", folder.path()]);
    assert!(again.out.contains("7 found done"));
}

#[test]
fn folder_of_another_seed_is_refused() {
    let folder = Folder::new("seed");
    let first = coop(&["--data", folder.path(), "--seed", "1"]);
    assert_eq!(first.code, 0, "{first:?}");
    let other = coop(&["--data", folder.path(), "--seed", "2"]);
    assert_eq!(other.code, 2, "{other:?}");
    assert!(
        other.err.contains("belongs to another scenario or seed"),
        "{}",
        other.err
    );
    let same = coop(&["--data", folder.path(), "--seed", "1"]);
    assert_eq!(same.code, 0, "a refusal changes nothing");
}

#[test]
fn broken_genesis_file_is_named() {
    let folder = Folder::new("genesis");
    std::fs::write(folder.file("genesis.icn"), "not one\n").unwrap();
    let run = coop(&["--data", folder.path()]);
    assert_eq!(run.code, 2, "{run:?}");
    assert!(run.err.contains("genesis.icn, "), "{}", run.err);
    assert_eq!(run.out, "");
}

#[test]
fn damaged_store_ends_with_one_line_and_code_2() {
    let folder = Folder::new("damaged");
    std::fs::write(folder.file("bob.redb"), [7; 4096]).unwrap();
    let run = coop(&["--data", folder.path()]);
    assert_eq!(run.code, 2, "{run:?}");
    assert!(run.err.starts_with("coop: "), "{}", run.err);
    assert_eq!(run.err.lines().count(), 1, "{}", run.err);
}

#[test]
fn arguments_that_are_not_understood_end_with_code_2_and_the_usage() {
    for (args, message) in [
        (&["--nope"][..], "--nope is not understood"),
        (&["extra"], "extra is not understood"),
        (&["--seed"], "--seed needs a value"),
        (&["--seed", "x"], "seed \"x\" is not a whole number"),
        (&["--seed", "-1"], "seed \"-1\" is not a whole number"),
        (&["--data"], "--data needs a value"),
        (&["--scenario"], "--scenario needs a value"),
    ] {
        let run = coop(args);
        assert_eq!(run.code, 2, "{run:?}");
        assert!(
            run.err
                .starts_with(&format!("coop: {message}\nusage: coop ")),
            "{}",
            run.err
        );
        assert_eq!(run.out, "");
    }
}

#[test]
fn help_is_no_mistake() {
    for flag in ["--help", "-h"] {
        let run = coop(&[flag]);
        assert_eq!(run.code, 0);
        assert!(run.out.starts_with("usage: coop "));
        assert_eq!(run.err, "");
    }
}
