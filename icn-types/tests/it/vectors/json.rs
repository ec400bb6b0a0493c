//! Just enough JSON to write vectors. Numbers that matter are texts.

use std::fmt;

use icn_types::id::Hex;

#[derive(Clone, Debug)]
pub(super) enum Json {
    Null,
    Bool(bool),
    Number(usize),
    Text(String),
    List(Vec<Self>),
    Object(Vec<(&'static str, Self)>),
}

impl Json {
    pub(super) fn text(text: impl ToString) -> Self {
        Self::Text(text.to_string())
    }

    pub(super) fn hex(bytes: &[u8]) -> Self {
        Self::text(Hex(bytes))
    }
}

impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool(value) => value.fmt(f),
            Self::Number(value) => value.fmt(f),
            Self::Text(value) => quoted(f, value),
            Self::List(items) => {
                f.write_str("[")?;
                for (at, item) in items.iter().enumerate() {
                    let comma = if at == 0 { "" } else { ", " };
                    write!(f, "{comma}{item}")?;
                }
                f.write_str("]")
            }
            Self::Object(fields) => {
                f.write_str("{")?;
                for (at, (name, value)) in fields.iter().enumerate() {
                    let comma = if at == 0 { "" } else { ", " };
                    write!(f, "{comma}\"{name}\": {value}")?;
                }
                f.write_str("}")
            }
        }
    }
}

/// Printable ASCII as it is, everything else as UTF-16 escapes.
fn quoted(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    f.write_str("\"")?;
    for unit in text.encode_utf16() {
        match u8::try_from(unit) {
            Ok(byte @ (b'"' | b'\\')) => write!(f, "\\{}", char::from(byte))?,
            Ok(byte @ b' '..=b'~') => write!(f, "{}", char::from(byte))?,
            _ => write!(f, "\\u{unit:04x}")?,
        }
    }
    f.write_str("\"")
}

#[test]
fn texts_are_quoted_in_ascii() {
    let json = Json::Object(vec![
        ("a", Json::text("\"\\\n\u{e9}\u{1f600}")),
        (
            "b",
            Json::List(vec![Json::Null, Json::Bool(true), Json::Number(7)]),
        ),
    ]);
    let expected = r#"{"a": "\"\\\u000a\u00e9\ud83d\ude00", "b": [null, true, 7]}"#;
    assert_eq!(json.to_string(), expected);
}
