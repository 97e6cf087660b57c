//! `config default` and `config show`: the configuration as a file, with the manual in comments.

use std::fmt::Write;

use super::{
    host::HostConfig,
    limits,
    load::{Config, Features},
    table::{Described, Table},
    values::quoted,
};

/// The whole configuration as a TOML file. Commented, each key is preceded by its documentation.
pub(crate) fn write(config: &Config, features: &dyn Features, commented: bool) -> String {
    let mut manual = Manual {
        out: String::new(),
        commented,
    };
    manual.table(&config.general);
    manual.table(&config.listen);
    manual.table(&config.c2s);
    manual.table(&config.tls);
    manual.table(&config.scram);
    manual.table(&config.log);
    manual.heading(
        "limits",
        &["Every throttle and bound. Each says what happens when it is met."],
    );
    manual.keys(&limits::describe(&config.limits));
    if commented {
        manual.defaults(features);
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

struct Manual {
    out: String,
    commented: bool,
}

impl Manual {
    fn table<T: Table>(&mut self, table: &T) {
        self.heading(T::NAME, T::DOCS);
        self.keys(&table.describe());
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

    fn keys(&mut self, keys: &[Described]) {
        for key in keys {
            self.docs(key.docs.iter().map(String::as_str));
            self.key(&key.key, key.shown.as_deref());
        }
    }

    /// `[defaults]`, with a line for each feature.
    fn defaults(&mut self, features: &dyn Features) {
        self.heading(HostConfig::NAME, HostConfig::DOCS);
        self.keys(&HostConfig::default().describe());
        self.line("# The features; uncomment a line to turn one off.");
        for name in features.names() {
            self.line(&format!("# {name} = false"));
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

/// A feature's value as it stands in the file.
fn toml_value(value: &serde_json::Value) -> Option<String> {
    use serde::Deserialize;
    toml::Value::deserialize(value.clone())
        .ok()
        .map(|value| value.to_string())
}
