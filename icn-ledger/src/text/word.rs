//! Names and texts of one line that every one of the formats can hold.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use core::borrow::Borrow;
use core::fmt;

/// Most bytes of a name or a text. Some tools read lines up to 4096 bytes only.
pub const TEXT_MAX: usize = 1000;

/// Words that ledger takes for commands at the start of an indented line.
const COMMANDS: [&str; 3] = ["assert", "check", "expr"];

/// Neither control characters nor blanks at its ends.
fn is_line(text: &str) -> bool {
    text.len() <= TEXT_MAX && !text.contains(char::is_control) && text.trim() == text
}

macro_rules! text_type {
    ($(#[$doc:meta])* $name:ident($inner:ty), $allowed:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
        pub struct $name($inner);

        impl $name {
            /// The text as it is, or `None` when it is not one of these.
            #[must_use]
            pub fn new(text: &str) -> Option<Self> {
                let is_allowed: fn(&str) -> bool = $allowed;
                (is_line(text) && is_allowed(text)).then(|| Self(text.into()))
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({:?})", stringify!($name), &self.0)
            }
        }
    };
}

text_type! {
    /// The name of an account: parts between colons, none of them empty.
    ///
    /// It has no semicolon and no blanks but single spaces, and it does not
    /// start as a virtual posting or a status mark does.
    AccountName(Arc<str>), |text| {
        let is_part = |part: &str| !part.is_empty() && part.trim() == part;
        text.split(':').all(is_part)
            && !text.contains("  ")
            && !text.contains(|c: char| c == ';' || (c.is_whitespace() && c != ' '))
            && !text.starts_with(['(', '[', '<', '*', '!', '=', '@', '"'])
    }
}

impl AccountName {
    /// The name that one format has in place of another. Not checked.
    pub(super) fn renamed(name: String) -> Self {
        Self(name.into())
    }

    /// Whether ledger takes a posting that starts with the name for a command:
    /// `check ...`, `assert ...` or `expr ...`. A status mark before the name
    /// prevents it.
    #[must_use]
    pub fn is_command(&self) -> bool {
        let is_first = |word: &str| {
            self.0
                .strip_prefix(word)
                .is_some_and(|rest| rest.starts_with(' '))
        };
        COMMANDS.into_iter().any(is_first)
    }

    /// Whether this is `other` or lies below it.
    #[must_use]
    pub fn is_within(&self, other: &Self) -> bool {
        self.0
            .strip_prefix(&*other.0)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
    }
}

text_type! {
    /// What amounts are counted in. Empty for bare numbers; without double
    /// quotes and semicolons otherwise.
    Symbol(Arc<str>), |text| !text.contains(['"', ';'])
}

impl Symbol {
    /// Whether the symbol stands without quotes in a journal.
    pub(super) fn is_plain(&self) -> bool {
        self.0.chars().all(is_symbol_char)
    }
}

/// Characters of symbols that hledger and ledger both read without quotes.
pub(super) fn is_symbol_char(c: char) -> bool {
    if c.is_ascii() {
        c.is_ascii_alphabetic() || c == '$' || c == '_'
    } else {
        !c.is_whitespace() && !c.is_control() && !c.is_numeric()
    }
}

text_type! {
    /// What a transaction is about: a payee, and after a `|` a note.
    ///
    /// It has no semicolon and does not start as a status mark or a code does.
    Description(Box<str>), |text| !text.contains(';') && !text.starts_with(['(', '*', '!', '='])
}

impl Description {
    /// Who is paid: what stands before the first `|`, or all of it.
    #[must_use]
    pub fn payee(&self) -> &str {
        self.0
            .split_once('|')
            .map_or(&*self.0, |(payee, _)| payee.trim_end())
    }

    /// What it is for: what stands after the first `|`.
    #[must_use]
    pub fn note(&self) -> Option<&str> {
        self.0.split_once('|').map(|(_, note)| note.trim_start())
    }

    /// The nearest description to any text: what cannot stand in one becomes a
    /// blank, runs of blanks become one, and the end is cut off.
    #[must_use]
    pub fn nearest(text: &str) -> Self {
        let blank = |c: char| c.is_whitespace() || c.is_control() || c == ';';
        let mut near = String::new();
        for word in text
            .trim_start_matches(|c| blank(c) || "(*!=".contains(c))
            .split(blank)
        {
            let space = usize::from(!near.is_empty());
            if near.len() + space + word.len() > TEXT_MAX {
                break;
            }
            if !word.is_empty() {
                near.push_str(if space > 0 { " " } else { "" });
                near.push_str(word);
            }
        }
        Self(near.into())
    }
}

text_type! {
    /// A number or code of a transaction, in parentheses before its
    /// description. Not empty, without a closing parenthesis.
    Code(Box<str>), |text| !text.is_empty() && !text.contains(')')
}

text_type! {
    /// A comment of a transaction or a posting. Not empty.
    ///
    /// It gives a posting no date of its own (`date:`, `date2:`, `[2024-01-30]`)
    /// and holds no expression of ledger (`name:: ...`): each would mean
    /// something in one tool and nothing in another.
    Comment(Box<str>), |text| {
        !text.is_empty() && !dates_a_posting(text) && !text.split(' ').any(|word| word.ends_with("::"))
    }
}

fn dates_a_posting(text: &str) -> bool {
    let bracketed =
        |rest: &str| rest.starts_with(|c: char| c.is_ascii_digit() || "=-/.".contains(c));
    text.split('[')
        .skip(1)
        .any(|rest| bracketed(rest) && rest.contains(']'))
        || tags(text).any(|(name, _)| matches!(name, "date" | "date2"))
}

impl Comment {
    /// The comment `name: value`, which all the tools read as a tag. `None`
    /// when it could not be read back.
    #[must_use]
    pub fn tag(name: &str, value: &str) -> Option<Self> {
        let comment = Self::new(alloc::format!("{name}: {value}").trim_end())?;
        comment.tags().eq([(name, value)]).then_some(comment)
    }

    /// The tags in it, as (name, value): `name: value` up to a comma, any
    /// number of times; and `:name:name:`, without values.
    pub fn tags(&self) -> impl Iterator<Item = (&str, &str)> {
        tags(&self.0)
    }

    /// The tags that ledger finds: the first word of two bytes or more, if it
    /// ends in a colon, or words between colons before that.
    pub(super) fn ledger_tags(&self) -> impl Iterator<Item = &str> {
        let mut words = self.0.split(' ').filter(|word| word.len() > 1);
        let first = words.next().unwrap_or_default();
        let series = |word: &&str| word.starts_with(':') && word.ends_with(':');
        let setting = first.strip_suffix(':').filter(|_| !series(&first));
        let bare = core::iter::once(first).chain(words).filter(series);
        bare.flat_map(|word| word.split(':').filter(|name| !name.is_empty()))
            .chain(setting)
    }
}

/// Tags of a comment; a tag without a value has an empty one.
fn tags(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let bare = bare_tags(text);
    let valued = text
        .split(',')
        .filter(|part| part.contains(':'))
        .filter_map(valued_tag);
    let valued = bare.is_none().then_some(valued).into_iter().flatten();
    bare.into_iter()
        .flat_map(|names| names.split(':').map(|name| (name, "")))
        .chain(valued)
}

/// `a:b` of the comment `:a:b:`.
fn bare_tags(text: &str) -> Option<&str> {
    let names = text.strip_prefix(':')?.strip_suffix(':')?;
    let is_name = |name: &str| !name.is_empty() && !name.contains([' ', ',']);
    names.split(':').all(is_name).then_some(names)
}

fn valued_tag(part: &str) -> Option<(&str, &str)> {
    part.match_indices(':').find_map(|(at, _)| {
        let (before, value) = (part.get(..at)?, part.get(at + 1..)?);
        let name = before
            .rsplit(char::is_whitespace)
            .next()
            .unwrap_or_default();
        (!name.is_empty() && !name.contains(':')).then_some((name, value.trim()))
    })
}
