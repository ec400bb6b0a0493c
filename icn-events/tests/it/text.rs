//! Files of checked lines, taken apart and put together again.

use icn_types::hash::sha256;
use icn_types::id::Hex;

/// The lines before the sum.
pub(crate) fn lines(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    assert!(lines.pop().unwrap().starts_with("sum "));
    lines
}

/// A text of these lines with the sum that fits, as a forger would make it.
pub(crate) fn summed(lines: &[String]) -> String {
    let body: String = lines.iter().map(|line| format!("{line}\n")).collect();
    format!("{body}sum {}\n", Hex(&sha256(body.as_bytes())))
}

/// Another character of the same kind in place of one.
pub(crate) fn flipped(line: &str, at: usize) -> String {
    let mut bytes = line.as_bytes().to_vec();
    let at = at % bytes.len();
    bytes[at] = if bytes[at] == b'7' { b'3' } else { b'7' };
    String::from_utf8(bytes).unwrap()
}

/// Number of the first line that starts with a word, from 0.
pub(crate) fn first(lines: &[String], word: &str) -> usize {
    let is_it = |line: &String| line.split(' ').next() == Some(word);
    lines.iter().position(is_it).unwrap()
}
