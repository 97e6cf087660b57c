//! The keys of a feature's configuration as data: what the operator's book says of them.
//!
//! [`config!`](crate::config) declares a table of keys once: it is the type that is read and the text that is shown.

use serde::{Deserializer, Serialize, de};
use serde_json::Value;

/// One key of a feature.
#[derive(Clone, Debug, PartialEq)]
pub struct Key {
    /// Its name below the feature's; empty where the feature itself is the key, as in `registration = "open"`.
    pub name: &'static str,
    /// What it means.
    pub about: String,
    /// What holds where it is left out; null where that is nothing.
    pub default: Value,
}

impl Key {
    /// The key that is the feature's name itself.
    #[must_use]
    pub fn main(default: &impl Serialize, about: &str) -> Self {
        Self::new("", default, &[about])
    }

    /// A key with the lines of its documentation.
    #[must_use]
    pub fn new(name: &'static str, default: &impl Serialize, lines: &[&str]) -> Self {
        let lines: Vec<&str> = lines.iter().map(|line| line.trim()).collect();
        Self {
            name,
            about: lines.join(" "),
            default: serde_json::to_value(default).unwrap_or_default(),
        }
    }
}

/// Declares the table of a feature's keys: a struct that is read from the file, where each key may be left out, and
/// `keys()`, which describes them. The doc comments are for the operator.
///
/// ```
/// engine::config! {
///     /// `weather = { city = "Verona" }`.
///     #[derive(Clone, Debug)]
///     pub struct Config {
///         /// Where the weather is told for.
///         pub city: String,
///     }
/// }
///
/// let keys = Config::keys();
/// assert_eq!(keys[0].name, "city");
/// assert_eq!(keys[0].about, "Where the weather is told for.");
/// ```
#[macro_export]
macro_rules! config {
    (
        $(#[$attribute:meta])*
        $vis:vis struct $type:ident {
            $($(#[doc = $doc:literal])* $key_vis:vis $key:ident: $kind:ty,)*
        }
    ) => {
        $(#[$attribute])*
        #[derive(Default, serde::Deserialize, serde::Serialize)]
        #[serde(default, deny_unknown_fields)]
        $vis struct $type {
            $($(#[doc = $doc])* $key_vis $key: $kind,)*
        }

        impl $type {
            /// Its keys, for the operator's book.
            #[must_use]
            $vis fn keys() -> Vec<$crate::module::Key> {
                let defaults = Self::default();
                vec![$($crate::module::Key::new(
                    stringify!($key),
                    &defaults.$key,
                    &[$($doc),*],
                ),)*]
            }
        }
    };
}

/// The names of the keys that `T` reads, in the order of their declaration; `None` when it is no table.
#[must_use]
pub fn key_names<T: de::DeserializeOwned>() -> Option<&'static [&'static str]> {
    let mut names = None;
    // What comes back does not matter: only the names were asked for.
    let _ = T::deserialize(Names(&mut names));
    names
}

/// A deserializer that notes which fields it is asked for and gives none.
struct Names<'a>(&'a mut Option<&'static [&'static str]>);

impl<'de> Deserializer<'de> for Names<'_> {
    type Error = de::value::Error;

    fn deserialize_any<V: de::Visitor<'de>>(self, _: V) -> Result<V::Value, Self::Error> {
        Err(de::Error::custom("only names are asked for"))
    }

    fn deserialize_struct<V: de::Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Self::Error> {
        *self.0 = Some(fields);
        Err(de::Error::custom("only names are asked for"))
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit
        unit_struct newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::module::NoConfig;

    crate::config! {
        /// `pings = { every = 10 }`.
        #[derive(Debug)]
        struct Pings {
            /// How often.
            ///  In seconds.
            every: u32,
            /// Whether at all.
            on: bool,
        }
    }

    #[derive(serde::Deserialize)]
    enum Word {}

    #[test]
    fn a_declaration_is_the_type_and_the_text() {
        let keys = Pings::keys();
        let names: Vec<_> = keys.iter().map(|key| key.name).collect();
        assert_eq!(key_names::<Pings>(), Some(&*names));
        let first = keys.first().expect("there are keys");
        assert_eq!(first.about, "How often. In seconds.");
        assert_eq!(first.default, Value::from(0));
        let read: Pings = serde_json::from_str(r#"{"on": true}"#).expect("a table");
        assert!(read.on && read.every == 0);
        assert!(serde_json::from_str::<Pings>(r#"{"off": true}"#).is_err());
    }

    #[test]
    fn what_is_no_table_has_no_names() {
        assert_eq!(key_names::<NoConfig>(), Some(&[][..]));
        assert_eq!(key_names::<Word>(), None);
        assert_eq!(key_names::<bool>(), None);
    }
}
