//! Reading one table of the file, and declaring tables so that type, defaults and manual are one.

use std::ops::Range;

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::complaint::{Source, suggestion};

/// A kind of value: how it is read and how it is written.
pub(super) trait Value: Sized {
    /// Reads it.
    ///
    /// # Errors
    ///
    /// What the value must be, to follow "must be".
    fn read(value: &DeValue<'_>) -> Result<Self, String>;

    /// As it would stand in the file; `None` when there is nothing to write.
    fn show(&self) -> Option<String>;
}

/// One key in the manual.
#[derive(Clone, Debug)]
pub(super) struct Described {
    pub(super) key: String,
    /// The lines of the doc comment.
    pub(super) docs: Vec<String>,
    /// The value as in the file.
    pub(super) shown: Option<String>,
}

/// A table declared by [`settings!`].
pub(super) trait Table: Sized + Default {
    /// The name in brackets; empty for the keys above all tables.
    const NAME: &'static str;
    /// The lines of the table's doc comment.
    const DOCS: &'static [&'static str];

    /// Takes its keys out of `reader`.
    fn read(reader: &mut Reader<'_>, source: &mut Source<'_>) -> Self;

    /// Its keys with these values.
    fn describe(&self) -> Vec<Described>;
}

/// One table of the file, from which keys are taken until none is left.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    /// With the dot at its end; empty at the top.
    path: String,
    entries: Vec<(String, Range<usize>, &'a Spanned<DeValue<'a>>)>,
    known: Vec<&'static str>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(path: &str, table: &'a DeTable<'a>) -> Self {
        let entries = table
            .iter()
            .map(|(key, value)| (key.get_ref().to_string(), key.span(), value))
            .collect();
        let path = if path.is_empty() {
            String::new()
        } else {
            format!("{path}.")
        };
        Self {
            path,
            entries,
            known: Vec::new(),
        }
    }

    /// A table that is not in the file.
    pub(super) fn empty() -> Self {
        Self {
            path: String::new(),
            entries: Vec::new(),
            known: Vec::new(),
        }
    }

    /// Takes `key` as it stands.
    pub(super) fn take_raw(&mut self, key: &'static str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.known.push(key);
        let index = self.entries.iter().position(|(name, _, _)| name == key)?;
        Some(self.entries.swap_remove(index).2)
    }

    /// Takes `key`; a value of another kind is complained about.
    pub(super) fn take<T: Value>(
        &mut self,
        key: &'static str,
        source: &mut Source<'_>,
    ) -> Option<T> {
        let value = self.take_raw(key)?;
        T::read(value.get_ref())
            .map_err(|expected| {
                let sentence = format!(
                    "{}{key} must be {expected}, not {}",
                    self.path,
                    shown(value.get_ref())
                );
                source.complain(Some(value.span().start), sentence);
            })
            .ok()
    }

    /// Takes `key`, which must be a table.
    pub(super) fn take_table(&mut self, key: &'static str, source: &mut Source<'_>) -> Self {
        let Some(value) = self.take_raw(key) else {
            return Self::empty();
        };
        let path = format!("{}{key}", self.path);
        match value.get_ref().as_table() {
            Some(table) => Self::new(&path, table),
            None => {
                let sentence = format!("{path} must be a table: write [{path}] on its own line");
                source.complain(Some(value.span().start), sentence);
                Self::empty()
            }
        }
    }

    /// What has not been taken, in the order of the file.
    pub(super) fn rest(&mut self) -> Vec<(String, Range<usize>, &'a Spanned<DeValue<'a>>)> {
        let mut rest = std::mem::take(&mut self.entries);
        rest.sort_by_key(|(_, span, _)| span.start);
        rest
    }

    /// The path of `key` in this table, as the operator would write it.
    pub(super) fn path_of(&self, key: &str) -> String {
        format!("{}{key}", self.path)
    }

    /// Complains about every key that was not taken. `more` are known names besides those asked
    /// for.
    pub(super) fn finish(mut self, more: &[&str], source: &mut Source<'_>) {
        let place = match self.path.strip_suffix('.') {
            Some(path) => format!(" in [{path}]"),
            None => String::new(),
        };
        for (key, span, _) in self.rest() {
            let known = self.known.iter().chain(more).copied();
            let sentence = format!("unknown key \"{key}\"{place}{}", suggestion(&key, known));
            source.complain(Some(span.start), sentence);
        }
    }
}

/// A value as an operator recognises it.
pub(super) fn shown(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => format!("the text \"{text}\""),
        DeValue::Integer(number) => format!("the number {}", number.as_str()),
        DeValue::Float(number) => format!("the number {}", number.as_str()),
        DeValue::Boolean(value) => value.to_string(),
        DeValue::Datetime(date) => format!("the date {date}"),
        DeValue::Array(items) => {
            let items: Vec<_> = items.iter().map(|item| shown(item.get_ref())).collect();
            match items.is_empty() {
                true => "an empty list".to_owned(),
                false => format!("a list of {}", items.join(", ")),
            }
        }
        DeValue::Table(_) => "a table".to_owned(),
    }
}

/// Declares a table: the struct, its defaults, how it is read, and its part of the manual.
macro_rules! settings {
    (
        $(#[doc = $table_doc:literal])*
        [$name:literal]
        $type:ident {
            $($(#[doc = $doc:literal])* $key:ident: $kind:ty = $default:expr,)*
        }
    ) => {
        $(#[doc = $table_doc])*
        #[derive(Clone, Debug, Eq, PartialEq)]
        pub(crate) struct $type {
            $($(#[doc = $doc])* pub(crate) $key: $kind,)*
        }

        impl Default for $type {
            fn default() -> Self {
                Self { $($key: $default,)* }
            }
        }

        impl $crate::config::table::Table for $type {
            const NAME: &'static str = $name;
            const DOCS: &'static [&'static str] = &[$($table_doc),*];

            fn read(
                reader: &mut $crate::config::table::Reader<'_>,
                source: &mut $crate::config::complaint::Source<'_>,
            ) -> Self {
                let mut table = Self::default();
                $(if let Some(value) = reader.take(stringify!($key), source) {
                    table.$key = value;
                })*
                table
            }

            fn describe(&self) -> Vec<$crate::config::table::Described> {
                vec![$($crate::config::table::Described {
                    key: stringify!($key).to_owned(),
                    docs: vec![$($doc.trim().to_owned()),*],
                    shown: $crate::config::table::Value::show(&self.$key),
                }),*]
            }
        }
    };
}
pub(super) use settings;

/// Declares a choice of words, each with what it is called in the file.
macro_rules! choice {
    (
        $(#[doc = $doc:literal])*
        $type:ident { $($(#[doc = $variant_doc:literal])* $variant:ident = $word:literal,)* }
    ) => {
        $(#[doc = $doc])*
        #[derive(Clone, Copy, Debug, Eq, PartialEq)]
        pub(crate) enum $type {
            $($(#[doc = $variant_doc])* $variant,)*
        }

        impl $crate::config::table::Value for $type {
            fn read(value: &toml::de::DeValue<'_>) -> Result<Self, String> {
                match value.as_str() {
                    $(Some($word) => Ok(Self::$variant),)*
                    _ => Err($crate::config::values::one_of(&[$($word),*])),
                }
            }

            fn show(&self) -> Option<String> {
                Some(match self { $(Self::$variant => concat!("\"", $word, "\"").to_owned(),)* })
            }
        }
    };
}
pub(super) use choice;
