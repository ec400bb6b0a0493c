//! Values and types, described for readers that have no code of ours.

use icn_types::canon::{Decode, Encode, List, Raw, Writer};
use icn_types::key::{Inception, PublicKey};

use super::json::Json;

/// Any canonical item, written out.
#[derive(Clone, Debug)]
pub(super) enum Item {
    Uint(u64),
    Int(i64),
    Bytes(Vec<u8>),
    Text(&'static str),
    Array(Vec<Self>),
    Bool(bool),
    Null,
}

impl Item {
    pub(super) fn bytes(bytes: &[u8]) -> Self {
        Self::Bytes(bytes.to_vec())
    }

    pub(super) fn option(bytes: Option<&[u8; 32]>) -> Self {
        bytes.map_or(Self::Null, |bytes| Self::bytes(bytes))
    }

    pub(super) fn describe(&self) -> Json {
        match self {
            Self::Uint(value) => Json::Object(vec![("int", Json::text(value))]),
            Self::Int(value) => Json::Object(vec![("int", Json::text(value))]),
            Self::Bytes(value) => Json::Object(vec![("bytes", Json::hex(value))]),
            Self::Text(value) => Json::Object(vec![("text", Json::text(value))]),
            Self::Array(items) => Json::List(items.iter().map(Self::describe).collect()),
            Self::Bool(value) => Json::Bool(*value),
            Self::Null => Json::Null,
        }
    }
}

impl Encode for Item {
    fn encode(&self, w: &mut Writer) {
        match self {
            Self::Uint(value) => w.uint(*value),
            Self::Int(value) => w.int(*value),
            Self::Bytes(value) => w.bytes(value),
            Self::Text(value) => w.text(value),
            Self::Array(items) => {
                w.array(items.len());
                items.iter().for_each(|item| item.encode(w));
            }
            Self::Bool(value) => w.bool(*value),
            Self::Null => w.null(),
        }
    }
}

/// A type that can be described. The words are explained in vectors/README.md.
pub(super) trait Shape: Encode + Decode {
    fn shape() -> Json;
}

macro_rules! named {
    ($($type:ty = $name:literal),*) => { $(
        impl Shape for $type {
            fn shape() -> Json {
                Json::text($name)
            }
        }
    )* };
}
named!(
    u8 = "u8",
    u16 = "u16",
    u32 = "u32",
    u64 = "u64",
    i64 = "i64",
    bool = "bool"
);
named!(Raw = "item", PublicKey = "key");

impl<const N: usize> Shape for [u8; N] {
    fn shape() -> Json {
        Json::Object(vec![("bytes", Json::Number(N))])
    }
}

impl<T: Shape> Shape for Option<T> {
    fn shape() -> Json {
        Json::Object(vec![("option", T::shape())])
    }
}

impl<T: Shape, const MIN: usize, const MAX: usize> Shape for List<T, MIN, MAX> {
    fn shape() -> Json {
        Json::Object(vec![
            ("list", T::shape()),
            ("min", Json::Number(MIN)),
            ("max", Json::Number(MAX)),
        ])
    }
}

pub(super) fn tagged(tag: &str, fields: Vec<Json>) -> Json {
    Json::Object(vec![
        ("tagged", Json::text(tag)),
        ("fields", Json::List(fields)),
    ])
}

impl Shape for Inception {
    fn shape() -> Json {
        let fields = vec![<[u8; 32]>::shape(), PublicKey::shape(), PublicKey::shape()];
        tagged("icn/types/inception/v1", fields)
    }
}
