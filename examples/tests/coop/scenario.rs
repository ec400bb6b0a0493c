//! Scenario files: other stories, and mistakes that are named by their line.

use crate::program::{Folder, coop};

const DEFAULT: &str = include_str!("../../coop/scenario.toml");

/// Number of the first line that reads like this, from 1.
fn line_of(text: &str, like: &str) -> usize {
    text.lines().position(|line| line == like).unwrap() + 1
}

fn refused(folder: &Folder, text: &str) -> String {
    let file = folder.file("story.toml");
    std::fs::write(&file, text).unwrap();
    let stores = folder.file("data");
    let run = coop(&[
        "--scenario",
        file.to_str().unwrap(),
        "--data",
        stores.to_str().unwrap(),
    ]);
    assert_eq!(run.code, 2, "{run:?}");
    assert_eq!(run.out, "", "nothing is told of a story that cannot be");
    assert!(!stores.exists(), "and nothing is written");
    run.err
}

/// One line of the story is changed, and that line is named.
#[test]
fn every_mistake_is_named_by_its_line() {
    let folder = Folder::new("mistakes");
    for (line, changed, message) in [
        ("at = \"Bob\"", "at = \"Zoe\"", "Zoe is no member"),
        (
            "at = \"Alice\"",
            "at = \"Supplier\"",
            "Supplier is no member",
        ),
        ("name = \"Bob\"", "name = \"Alice\"", "Alice is named twice"),
        (
            "name = \"Supplier\"",
            "name = \"Bob\"",
            "Bob is named twice",
        ),
        (
            "name = \"Bob\"",
            "name = \"B b\"",
            "\"B b\" is not 1 to 11 letters or digits",
        ),
        (
            "name = \"Bob\"",
            "name = \"\"",
            "\"\" is not 1 to 11 letters or digits",
        ),
        (
            "amount = \"5000\"",
            "amount = \"5k\"",
            "an amount is a whole number",
        ),
        (
            "amount = \"5000\"",
            "amount = \"0\"",
            "an amount is a whole number",
        ),
        (
            "amount = \"5000\"",
            "amount = \"-1\"",
            "an amount is a whole number",
        ),
        (
            "amount = \"5000\"",
            "amount = \"10001\"",
            "the treasury may not go below -10000",
        ),
        ("amount = \"5000\"", "amount = 5000", "invalid type"),
        (
            "floor = \"-10000\"",
            "floor = \"1\"",
            "a floor is a whole number",
        ),
        (
            "floor = \"-10000\"",
            "floor = \"low\"",
            "a floor is a whole number",
        ),
        ("atoms = 3600", "atoms = 0", "atoms must be between"),
        (
            "payee = \"Supplier\"",
            "payee = \"Nobody\"",
            "Nobody is no member",
        ),
        (
            "unit = \"credits\"",
            "unit = \"shells\"",
            "shells is no unit",
        ),
        ("node = \"Charlie\"", "node = \"Dora\"", "Dora is no member"),
        ("choice = \"no\"", "choice = \"maybe\"", "unknown variant"),
        ("when = \"linked\"", "when = \"later\"", "unknown variant"),
        ("amount = \"10\"", "amounts = \"10\"", "unknown field"),
        ("amount = \"10\"", "amount \"10\"", ""),
        ("[treasury]", "[treasury", ""),
    ] {
        let number = line_of(DEFAULT, line);
        let error = refused(&folder, &DEFAULT.replacen(line, changed, 1));
        let expected = format!("story.toml, line {number}: ");
        assert!(
            error.contains(&expected) && error.contains(message),
            "{changed}: {error}"
        );
        assert_eq!(error.lines().count(), 1, "{error}");
    }
}

#[test]
fn payer_who_is_the_payee_is_named_by_its_line() {
    let folder = Folder::new("same");
    let changed = DEFAULT.replacen("payee = \"Alice\"", "payee = \"Bob\"", 1);
    let number = line_of(&changed, "payee = \"Bob\"");
    let error = refused(&folder, &changed);
    assert!(
        error.contains(&format!("line {number}: payer and payee are the same")),
        "{error}"
    );
}

#[test]
fn member_who_votes_twice_is_named_by_the_second_line() {
    let folder = Folder::new("votes");
    let second = DEFAULT.replacen("member = \"Bob\"", "member = \"Alice\"", 1);
    let number = line_of(DEFAULT, "member = \"Bob\"");
    let error = refused(&folder, &second);
    assert!(
        error.contains(&format!("line {number}: Alice votes twice")),
        "{error}"
    );
}

#[test]
fn two_members_are_too_few_and_six_too_many() {
    let folder = Folder::new("few");
    let charlie = "[[member]]\nname = \"Charlie\"\nfloor = \"-40\"\n";
    let two = refused(&folder, &DEFAULT.replacen(charlie, "", 1));
    assert!(two.contains("2 members, but a story has 3 to 5"), "{two}");
    let more: String = ["Dora", "Emil", "Fred"]
        .map(|name| charlie.replace("Charlie", name))
        .concat();
    let six = refused(
        &folder,
        &DEFAULT.replacen(charlie, &format!("{charlie}{more}"), 1),
    );
    assert!(six.contains("6 members, but a story has 3 to 5"), "{six}");
}

#[test]
fn missing_file_is_named() {
    let folder = Folder::new("missing");
    let file = folder.file("none.toml");
    let run = coop(&[
        "--scenario",
        file.to_str().unwrap(),
        "--data",
        folder.path(),
    ]);
    assert_eq!(run.code, 2);
    assert!(run.err.contains("none.toml: "), "{}", run.err);
}

/// Four and five members, one of them with nothing to do.
#[test]
fn larger_cooperatives_agree_too() {
    let charlie = "[[member]]\nname = \"Charlie\"\nfloor = \"-40\"\n";
    for names in [&["Dora"][..], &["Dora", "Emil"]] {
        let more: String = names
            .iter()
            .map(|name| charlie.replace("Charlie", name))
            .collect();
        let votes: String = names
            .iter()
            .map(|name| format!("\n[[vote]]\nmember = \"{name}\"\nchoice = \"yes\"\n"))
            .collect();
        let text = DEFAULT.replacen(charlie, &format!("{charlie}{more}"), 1) + &votes;
        let folder = Folder::new(&format!("with-{}", names.len()));
        let file = folder.file("story.toml");
        std::fs::write(&file, text).unwrap();
        let run = coop(&[
            "--scenario",
            file.to_str().unwrap(),
            "--data",
            folder.path(),
        ]);
        assert_eq!(run.code, 0, "{run:?}");
        let row = |name: &str, cell: &str| {
            let row = run.out.lines().find(|row| {
                let mut words = row.split_whitespace();
                words.next() == Some(name) && words.next() == Some("hours")
            });
            let cells: Vec<&str> = row.unwrap().split_whitespace().skip(2).collect();
            assert_eq!(cells, vec![cell; 3 + names.len()]);
        };
        row("Alice", "+7h");
        row("Bob", "-5h");
        row("Charlie", "-2h");
        row("Dora", "0h");
    }
}

#[test]
fn rejected_budget_pays_nothing_and_is_no_failure() {
    let folder = Folder::new("rejected");
    let text = DEFAULT.replace("choice = \"yes\"", "choice = \"no\"");
    let file = folder.file("story.toml");
    std::fs::write(&file, text).unwrap();
    for _ in 0..2 {
        let run = coop(&[
            "--scenario",
            file.to_str().unwrap(),
            "--data",
            folder.path(),
        ]);
        assert_eq!(run.code, 0, "{run:?}");
        assert!(
            run.out.contains("nothing was accepted, so nothing is paid"),
            "{}",
            run.out
        );
        let treasury = run.out.lines().find(|row| row.starts_with("  Treasury"));
        let cells: Vec<&str> = treasury.unwrap().split_whitespace().skip(2).collect();
        assert_eq!(cells, ["0", "0", "0"]);
        assert!(
            run.out.contains("verified: 2 lines, 0 payment"),
            "{}",
            run.out
        );
    }
}
