//! Names that beancount allows, in place of ours.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::text::word::{AccountName, Symbol};

/// The five roots, with the words that other tools use for them.
const ROOTS: [(&str, &[&str]); 5] = [
    ("Assets", &["assets", "asset"]),
    (
        "Liabilities",
        &["liabilities", "liability", "debts", "debt"],
    ),
    ("Equity", &["equity"]),
    ("Income", &["income", "revenues", "revenue"]),
    ("Expenses", &["expenses", "expense"]),
];

/// Where an account goes that is below none of the five.
const OTHER_ROOT: &str = "Equity";

/// Words that beancount reads as values.
const VALUES: [&str; 3] = ["TRUE", "FALSE", "NULL"];

/// Longest currency that beancount reads.
const CURRENCY_MAX: usize = 24;

/// The accounts by the names that beancount gets, no two the same. They depend
/// on the names alone.
pub(super) fn accounts<'a>(
    names: impl Iterator<Item = &'a AccountName>,
) -> BTreeMap<&'a AccountName, AccountName> {
    let names = unique(
        names,
        BTreeSet::new(),
        |name| account(name.as_str()),
        |name, tail| format!("{name}-{tail}"),
    );
    names
        .into_iter()
        .map(|(name, other)| (name, AccountName::renamed(other)))
        .collect()
}

/// The commodities by the names that beancount gets, no two the same.
pub(super) fn currencies<'a>(
    names: impl Iterator<Item = &'a Symbol>,
) -> BTreeMap<&'a Symbol, String> {
    let taken = VALUES.into_iter().map(String::from).collect();
    unique(
        names,
        taken,
        |name| currency(name.as_str()),
        |name, tail| {
            let tail = format!("-{tail}");
            let kept = name.get(..CURRENCY_MAX - tail.len()).unwrap_or(name);
            format!("{kept}{tail}")
        },
    )
}

fn unique<K: Ord>(
    names: impl Iterator<Item = K>,
    mut taken: BTreeSet<String>,
    plain: impl Fn(&K) -> String,
    numbered: impl Fn(&str, u64) -> String,
) -> BTreeMap<K, String> {
    let mut found = BTreeMap::new();
    for name in names {
        let plain = plain(&name);
        let free = core::iter::once(plain.clone())
            .chain((2..).map(|tail| numbered(&plain, tail)))
            .find(|candidate| !taken.contains(candidate));
        let chosen = free.unwrap_or(plain);
        taken.insert(chosen.clone());
        found.insert(name, chosen);
    }
    found
}

fn account(name: &str) -> String {
    let (first, below) = name.split_once(':').unwrap_or((name, ""));
    let lower = first.to_ascii_lowercase();
    let root = ROOTS
        .iter()
        .find(|(_, words)| words.contains(&lower.as_str()));
    let (root, rest) = match root {
        Some((root, _)) if !below.is_empty() => (*root, below),
        Some((root, _)) => (*root, first),
        None => (OTHER_ROOT, name),
    };
    let parts: Vec<String> = rest.split(':').map(component).collect();
    format!("{root}:{}", parts.join(":"))
}

/// Letters, digits and dashes, the first one a capital or a digit.
fn component(part: &str) -> String {
    let allowed = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    let mut letters = part.chars().map(allowed);
    let first = letters.next().unwrap_or('-').to_ascii_uppercase();
    let start = if first == '-' {
        "X-".to_string()
    } else {
        first.to_string()
    };
    start.chars().chain(letters).collect()
}

/// Capitals, digits and dashes, the first one a capital, the last no dash.
fn currency(symbol: &str) -> String {
    let allowed = |c: char| {
        if c.is_ascii_alphanumeric() {
            c.to_ascii_uppercase()
        } else {
            '-'
        }
    };
    let letters: String = symbol.chars().map(allowed).take(CURRENCY_MAX - 1).collect();
    let letters = letters.trim_matches('-');
    if letters.starts_with(|c: char| c.is_ascii_uppercase()) {
        letters.into()
    } else {
        format!("X{letters}")
    }
}

/// A key of metadata: small letters, digits and dashes, two at least, and not
/// one of those that beancount sets itself.
pub(super) fn key(tag: &str) -> String {
    let allowed = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    let key: String = tag
        .chars()
        .map(allowed)
        .collect::<String>()
        .to_ascii_lowercase();
    let is_plain = key.len() > 1 && key.starts_with(|c: char| c.is_ascii_lowercase());
    if is_plain && key != "filename" && key != "lineno" {
        key
    } else {
        format!("x-{key}")
    }
}
