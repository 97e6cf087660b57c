//! `[limits]`: declared and documented by the engine, which enforces it.
//!
//! The manual takes the doc comments from the engine's source, so that there is one text.

use engine::{limits::Limits, module::key_names};
use serde::{Deserialize, de::value::MapDeserializer};
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
    key_names::<Limits>().unwrap_or_default()
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
