//! `[limits]`: declared and documented by the engine, which enforces it.
//!
//! The manual takes the doc comments from the engine's source, so that there is one text.

use engine::limits::Limits;
use serde::{Deserialize, Deserializer, de, de::value::MapDeserializer};
use toml::de::ValueDeserializer;

use super::{
    complaint::Source,
    table::{Described, Reader, shown},
};

/// Where the engine declares them.
const DECLARATION: &str = include_str!("../../../engine/src/limits/mod.rs");

/// Reads the table, key by key, so that each mistake is named.
pub(super) fn read(mut reader: Reader<'_>, source: &mut Source<'_>) -> Limits {
    let mut good = Vec::new();
    for key in keys().iter().copied() {
        let Some(value) = reader.take_raw(key) else {
            continue;
        };
        let one = [(key, ValueDeserializer::from(value.clone()))];
        match Limits::deserialize(MapDeserializer::new(one.into_iter())) {
            Ok(_) => good.push((key, ValueDeserializer::from(value.clone()))),
            Err::<_, toml::de::Error>(error) => {
                let problem = plain(error.message());
                let sentence = format!("limits.{key} {problem}, not {}", shown(value.get_ref()));
                source.complain(Some(value.span().start), sentence);
            }
        }
    }
    reader.finish(&[], source);
    let read: Result<Limits, toml::de::Error> =
        Limits::deserialize(MapDeserializer::new(good.into_iter()));
    read.unwrap_or_default()
}

/// What must stand there, from what serde says.
fn plain(message: &str) -> String {
    match message.rsplit_once("expected ") {
        Some((_, "u32")) => format!("must be a whole number from 0 to {}", u32::MAX),
        Some((_, "u64" | "usize")) => "must be a whole number from 0 on".to_owned(),
        Some((_, "a sequence")) => {
            "must be a list of networks such as [\"127.0.0.0/8\"]".to_owned()
        }
        Some((_, expected)) => format!("must be {expected}"),
        None => format!("is not understood ({message})"),
    }
}

/// The names of all limits, in the order of their declaration.
fn keys() -> &'static [&'static str] {
    struct Names<'a>(&'a mut &'static [&'static str]);
    impl<'de> Deserializer<'de> for Names<'_> {
        type Error = de::value::Error;

        fn deserialize_any<V: de::Visitor<'de>>(self, _: V) -> Result<V::Value, Self::Error> {
            Err(de::Error::custom("only names are asked for"))
        }

        fn deserialize_struct<V: de::Visitor<'de>>(
            self,
            _: &'static str,
            fields: &'static [&'static str],
            visitor: V,
        ) -> Result<V::Value, Self::Error> {
            *self.0 = fields;
            visitor.visit_map(MapDeserializer::new(std::iter::empty::<(
                de::value::StrDeserializer<'_, Self::Error>,
                de::value::StrDeserializer<'_, Self::Error>,
            )>()))
        }

        serde::forward_to_deserialize_any! {
            bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit
            unit_struct newtype_struct seq tuple tuple_struct map enum identifier ignored_any
        }
    }
    let mut names: &'static [&'static str] = &[];
    // The defaults come back; only the names were wanted.
    let _ = Limits::deserialize(Names(&mut names));
    names
}

/// The limits with their documentation and the values in `limits`.
pub(super) fn describe(limits: &Limits) -> Vec<Described> {
    let values = serde_json::to_value(limits).unwrap_or_default();
    keys()
        .iter()
        .map(|key| Described {
            key: (*key).to_owned(),
            docs: docs_of(key),
            shown: values.get(key).map(ToString::to_string),
        })
        .collect()
}

/// The doc comment above `pub key:` in the engine's declaration.
fn docs_of(key: &str) -> Vec<String> {
    let field = format!("    pub {key}:");
    let mut docs: Vec<&str> = Vec::new();
    for line in DECLARATION.lines() {
        if line.starts_with(&field) {
            return docs.into_iter().map(str::to_owned).collect();
        }
        match line.trim_start().strip_prefix("///") {
            Some(text) => docs.push(text.trim()),
            None => docs.clear(),
        }
    }
    Vec::new()
}
