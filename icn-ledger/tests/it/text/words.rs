//! Names and texts that every format can hold.

use icn_ledger::text::{AccountName, Code, Comment, Description, Symbol, TEXT_MAX};
use proptest::prelude::*;

#[test]
fn an_account_name_reads_the_same_everywhere() {
    for good in [
        "a",
        "assets:alice smith",
        "Z\u{e4}hler",
        "check-in",
        "checking",
        "7",
        "a(b)",
    ] {
        assert!(AccountName::new(good).is_some(), "{good}");
    }
    for bad in [
        "", ":", "a:", ":a", "a::b", "a: b", "a :b", " a", "a ", "a  b", "a\tb", "a\nb", "a;b",
        "(a)", "[a]", "<a>", "* a", "! a", "=a", "\"a", "a\u{a0}b",
    ] {
        assert_eq!(AccountName::new(bad), None, "{bad:?}");
    }
    assert!(AccountName::new(&"x".repeat(TEXT_MAX)).is_some());
    assert_eq!(AccountName::new(&"x".repeat(TEXT_MAX + 1)), None);
}

#[test]
fn some_words_before_a_blank_are_commands_of_ledger() {
    let is_command = |text| AccountName::new(text).unwrap().is_command();
    for text in ["check a", "assert a", "expr a", "check a:b"] {
        assert!(is_command(text), "{text}");
    }
    for text in [
        "check",
        "checks a",
        "check:a b",
        "a:check b",
        "Check a",
        "echeck a",
    ] {
        assert!(!is_command(text), "{text}");
    }
}

#[test]
fn an_account_lies_within_what_its_parts_say() {
    let name = |text| AccountName::new(text).unwrap();
    assert!(name("a:b:c").is_within(&name("a:b")));
    assert!(name("a:b").is_within(&name("a:b")));
    assert!(!name("a:bc").is_within(&name("a:b")));
    assert!(!name("a").is_within(&name("a:b")));
}

#[test]
fn a_symbol_has_no_quotes_of_its_own() {
    for good in ["", "EUR", "$", "hours-atoms", "two words", "7"] {
        assert!(Symbol::new(good).is_some(), "{good}");
    }
    for bad in ["\"", "a;b", " a", "a\n"] {
        assert_eq!(Symbol::new(bad), None, "{bad:?}");
    }
}

#[test]
fn a_comment_gives_no_posting_a_date_and_holds_no_expression() {
    for good in [
        "x",
        "see http://x",
        "a [b] c",
        "[x 1]",
        "update: 1",
        "a, b: c",
        ":a:b:",
    ] {
        assert!(Comment::new(good).is_some(), "{good}");
    }
    for bad in [
        "",
        " x",
        "date: 2024-01-01",
        "x date:1",
        "a, date2: 1",
        "[2024-01-01]",
        "x [=1/2]",
        "amount:: 1 + 1",
    ] {
        assert_eq!(Comment::new(bad), None, "{bad:?}");
    }
}

#[test]
fn tags_are_found_in_comments() {
    for (text, expected) in [
        ("no tag", vec![]),
        ("name: value", vec![("name", "value")]),
        ("name:", vec![("name", "")]),
        (
            "words name: some value, b:c",
            vec![("name", "some value"), ("b", "c")],
        ),
        ("a: b:c", vec![("a", "b:c")]),
        (" : x".trim(), vec![]),
        (":a:b:", vec![("a", ""), ("b", "")]),
        ("x : y: z", vec![("y", "z")]),
    ] {
        let comment = Comment::new(text).unwrap();
        assert_eq!(comment.tags().collect::<Vec<_>>(), expected, "{text}");
    }
    assert_eq!(Comment::tag("a b", "c"), None);
    assert_eq!(Comment::tag("a", "b, c"), None);
    assert_eq!(Comment::tag("date", "2024-01-01"), None);
    assert_eq!(Comment::tag("a", "").unwrap().as_str(), "a:");
}

#[test]
fn a_description_has_a_payee_and_a_note() {
    let both = Description::new("Bakery | bread | rolls").unwrap();
    assert_eq!(
        (both.payee(), both.note()),
        ("Bakery", Some("bread | rolls"))
    );
    let one = Description::new("Bakery").unwrap();
    assert_eq!((one.payee(), one.note()), ("Bakery", None));
    for bad in ["a;b", "(a", "* a", "! a", "=a", "a\n", " a"] {
        assert_eq!(Description::new(bad), None, "{bad:?}");
    }
}

#[test]
fn a_code_is_closed_by_its_first_parenthesis() {
    assert!(Code::new("12 (a").is_some());
    assert_eq!(Code::new("a)"), None);
    assert_eq!(Code::new(""), None);
}

proptest! {
    #[test]
    fn any_text_has_a_nearest_description(text in any::<String>()) {
        let near = Description::nearest(&text);
        prop_assert_eq!(Description::new(near.as_str()), Some(near));
    }

    #[test]
    fn a_description_is_its_own_nearest(text in "[a-z|(),*!=]{0,9}( [a-z|(),*!=]{1,9}){0,3}") {
        prop_assume!(Description::new(&text).is_some());
        let near = Description::nearest(&text);
        prop_assert_eq!(near.as_str(), text);
    }
}
