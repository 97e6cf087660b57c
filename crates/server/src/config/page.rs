//! The page of the operator's book with every key, made of the same declarations as `config default`.

use std::{fmt::Write, path::Path};

use super::{
    load::{Config, Features},
    manual::{Section, path_of, toml_value, wrapped},
};

const OPENING: &str = "\
# Every key

This page is written by `cargo xtask book` from what the server declares; do not edit it. How keys fit together is told
in [Configuration](configuration.md). Every key may be left out and then has the value shown here. Relative paths are
relative to the folder of the configuration file.
";

const FEATURES: &str = "
## Features

The other keys of a host's table, and of `[defaults]`, are names of features.
";

/// How wide the text of a key is.
const WIDTH: usize = 116;

/// The whole page.
pub(crate) fn write(features: &dyn Features) -> String {
    let mut page = Page(OPENING.to_owned());
    let Ok(defaults) = Config::parse("", Path::new(""), features) else {
        // An empty file has no mistakes.
        return page.0;
    };
    for section in Section::all(&defaults)
        .into_iter()
        .chain([Section::defaults()])
    {
        page.section(&section);
    }
    page.features(features);
    page.0
}

struct Page(String);

impl Page {
    fn section(&mut self, section: &Section) {
        let heading = match section.name {
            "" => "At the top".to_owned(),
            "defaults" => "`[defaults]` and `[host.\"example.org\"]`".to_owned(),
            name => format!("`[{name}]`"),
        };
        self.line(&format!("\n## {heading}\n"));
        // What is said of the whole file stands at the beginning of the page.
        if !section.name.is_empty() {
            for line in wrapped(&escaped(&joined(section.docs)), WIDTH) {
                self.line(&line);
            }
            self.line("");
        }
        for key in &section.keys {
            let docs: Vec<&str> = key.docs.iter().map(String::as_str).collect();
            self.key(&key.key, key.shown.as_deref(), &joined(&docs));
        }
    }

    fn features(&mut self, features: &dyn Features) {
        self.0.push_str(FEATURES);
        for name in features.names() {
            let keys = features.keys(name);
            let others = if keys.is_empty() {
                " It has no other keys."
            } else {
                ""
            };
            self.line(&format!("\n### `{name}`\n\n`false` turns it off.{others}"));
            if !keys.is_empty() {
                self.line("");
            }
            for key in keys {
                let shown = toml_value(&key.default);
                self.key(&path_of(name, &key), shown.as_deref(), &key.about);
            }
        }
    }

    fn key(&mut self, key: &str, shown: Option<&str>, about: &str) {
        match shown {
            Some(shown) => self.line(&format!("- `{key} = {shown}`  ")),
            None => self.line(&format!("- `{key}`, without a default  ")),
        }
        for line in wrapped(&escaped(about), WIDTH) {
            self.line(&format!("  {line}"));
        }
    }

    fn line(&mut self, line: &str) {
        // Writing into a text does not fail.
        let _ = writeln!(self.0, "{line}");
    }
}

fn joined(docs: &[&str]) -> String {
    let lines: Vec<&str> = docs.iter().map(|line| line.trim()).collect();
    lines.join(" ")
}

/// What Markdown would take for its own, outside of code.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    let mut is_code = false;
    for char in text.chars() {
        is_code ^= char == '`';
        if !is_code && matches!(char, '*' | '<' | '>') {
            escaped.push('\\');
        }
        escaped.push(char);
    }
    escaped
}
