//! `config default` and `config show`: the configuration as a file, with the manual in comments.

use std::fmt::Write;

use engine::module::Key;

use super::{
    host::HostConfig,
    limits,
    load::{Config, Features},
    table::{Described, Table},
    values::quoted,
};

/// A table with its keys.
pub(super) struct Section {
    /// The name in brackets; empty for the keys above all tables.
    pub(super) name: &'static str,
    pub(super) docs: &'static [&'static str],
    pub(super) keys: Vec<Described>,
}

impl Section {
    fn of<T: Table>(table: &T) -> Self {
        Self {
            name: T::NAME,
            docs: T::DOCS,
            keys: table.describe(),
        }
    }

    /// The tables that are there once, in the order of the manual.
    pub(super) fn all(config: &Config) -> [Self; 8] {
        [
            Self::of(&config.general),
            Self::of(&config.listen),
            Self::of(&config.c2s),
            Self::of(&config.sm),
            Self::of(&config.tls),
            Self::of(&config.scram),
            Self::of(&config.log),
            Self {
                name: "limits",
                docs: &["Every throttle and bound. Each says what happens when it is met."],
                keys: limits::describe(&config.limits),
            },
        ]
    }

    /// `[defaults]`, but for the features.
    pub(super) fn defaults() -> Self {
        Self::of(&HostConfig::default())
    }
}

/// The whole configuration as a TOML file. Commented, each key is preceded by its documentation.
pub(crate) fn write(config: &Config, features: &dyn Features, commented: bool) -> String {
    let mut manual = Manual {
        out: String::new(),
        commented,
    };
    for section in Section::all(config) {
        manual.section(&section);
    }
    if commented {
        manual.section(&Section::defaults());
        manual.features(features);
    }
    for (domain, host) in &config.hosts {
        manual.heading(&format!("host.{}", quoted(domain.as_str())), &[]);
        for key in host.config.describe() {
            manual.key(&key.key, key.shown.as_deref());
        }
        for (name, value) in &host.features {
            manual.key(name, toml_value(value).as_deref());
        }
    }
    manual.out
}

/// How wide the comments are.
const WIDTH: usize = 96;

struct Manual {
    out: String,
    commented: bool,
}

impl Manual {
    fn section(&mut self, section: &Section) {
        self.heading(section.name, section.docs);
        for key in &section.keys {
            self.docs(key.docs.iter().map(String::as_str));
            self.key(&key.key, key.shown.as_deref());
        }
    }

    fn heading(&mut self, name: &str, docs: &[&str]) {
        if !self.out.is_empty() {
            self.out.push('\n');
        }
        self.docs(docs.iter().copied());
        if !name.is_empty() {
            self.line(&format!("[{name}]"));
        } else if self.commented {
            self.out.push('\n');
        }
    }

    /// Below `[defaults]`, a line for each feature and for each key of one.
    fn features(&mut self, features: &dyn Features) {
        self.line("# The features; uncomment a line with false to turn one off.");
        for name in features.names() {
            let keys = features.keys(name);
            if keys.iter().all(|key| !key.name.is_empty()) {
                self.line(&format!("# {name} = false"));
            }
            for key in keys {
                self.docs(wrapped(&key.about, WIDTH).iter().map(String::as_str));
                let shown = toml_value(&key.default).unwrap_or_default();
                self.line(&format!("# {} = {shown}", path_of(name, &key)));
            }
        }
    }

    fn docs<'a>(&mut self, lines: impl Iterator<Item = &'a str>) {
        if self.commented {
            for line in lines {
                self.line(&format!("# {}", line.trim()));
            }
        }
    }

    fn key(&mut self, key: &str, shown: Option<&str>) {
        match shown {
            Some(shown) => self.line(&format!("{key} = {shown}")),
            None if self.commented => self.line(&format!("# {key} =")),
            None => {}
        }
    }

    fn line(&mut self, line: &str) {
        // Writing into a text does not fail.
        let _ = writeln!(self.out, "{line}");
    }
}

/// How a key of a feature is written in a host's table.
pub(super) fn path_of(feature: &str, key: &Key) -> String {
    match key.name {
        "" => feature.to_owned(),
        name => format!("{feature}.{name}"),
    }
}

/// `text` in lines of at most `width` characters, words permitting.
pub(super) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let fits = |line: &String| line.chars().count() + 1 + word.chars().count() <= width;
        match lines.last_mut() {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) if fits(line) => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// A feature's value as it stands in the file.
pub(super) fn toml_value(value: &serde_json::Value) -> Option<String> {
    use serde::Deserialize;
    toml::Value::deserialize(value.clone())
        .ok()
        .map(|value| value.to_string())
}
