//! The published vectors: written by the code here, compared with the files
//! byte by byte. Building a case runs it, so a refused one is really refused
//! and with that code.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "the lints know test functions only, not what they call"
)]

mod authority;
mod bodies;
mod canonical;
mod ids;
mod json;
mod keys;
mod records;
mod shape;
mod signatures;

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use json::Json;

/// One file of vectors about one subject.
struct File {
    name: &'static str,
    purpose: &'static str,
    cases: Vec<Case>,
}

/// A name, unique in its file, and what is claimed under it.
struct Case {
    name: String,
    claims: Vec<(&'static str, Json)>,
}

impl Case {
    fn new(name: impl Into<String>, claims: Vec<(&'static str, Json)>) -> Self {
        Self {
            name: name.into(),
            claims,
        }
    }
}

impl File {
    fn path(&self) -> PathBuf {
        PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/vectors")).join(self.name)
    }

    /// One line per case, so that a change of one shows as one line.
    fn text(&self) -> String {
        let cases: Vec<String> = self
            .cases
            .iter()
            .map(|case| {
                let mut fields = vec![("name", Json::text(&case.name))];
                fields.extend(case.claims.iter().cloned());
                format!("    {}", Json::Object(fields))
            })
            .collect();
        format!(
            "{{\n  \"purpose\": {},\n  \"format\": 1,\n  \"cases\": [\n{}\n  ]\n}}\n",
            Json::text(self.purpose),
            cases.join(",\n"),
        )
    }
}

fn files() -> [File; 7] {
    [
        authority::file(),
        bodies::file(),
        canonical::file(),
        ids::file(),
        keys::file(),
        records::file(),
        signatures::file(),
    ]
}

#[test]
fn the_files_say_what_the_code_says() {
    for file in files() {
        let found = fs::read_to_string(file.path()).unwrap();
        for (line, (found, expected)) in found.lines().zip(file.text().lines()).enumerate() {
            assert_eq!(found, expected, "{} line {}", file.name, line + 1);
        }
        assert_eq!(found, file.text(), "{}", file.name);
    }
}

#[test]
fn every_case_has_a_name_of_its_own() {
    for file in files() {
        let names: BTreeSet<&str> = file.cases.iter().map(|case| &*case.name).collect();
        assert_eq!(names.len(), file.cases.len(), "{}", file.name);
    }
}

#[test]
#[ignore = "writes the files; run it after a deliberate change of the format"]
fn bless_vectors() {
    for file in files() {
        fs::write(file.path(), file.text()).unwrap();
    }
}
