//! A feature is one folder under `crates/modules/src` and one line in its list: nothing else names it.
//!
//! So a feature can be read, changed or deleted in one place. Two features meet at events, in facts the engine owns,
//! or in a payload that `stanza` owns, never in each other's code.

use std::{
    collections::BTreeSet,
    path::{Component, Path},
};

use super::{Complaint, TextFile, code};

const FOLDER: &str = "crates/modules/src";
const LIST: &str = "crates/modules/src/lib.rs";

const NAMED: &str = "A feature is known to its folder and the list only: use an event, a fact of the engine, or a payload of `stanza`.";
const UNLISTED: &str = "Add its line to the list, or delete the folder.";

pub(super) fn check(files: &[TextFile]) -> Vec<Complaint> {
    let features: BTreeSet<&str> = files
        .iter()
        .filter_map(|file| feature_of(&file.path))
        .collect();
    let mut complaints = unlisted(&features, files);
    for file in files
        .iter()
        .filter(|file| file.is_rust() && file.path != Path::new(LIST))
    {
        let own = feature_of(&file.path);
        let code = code::only_code(&file.text);
        for (line, name) in named_at_root(&code::tokens(&code), &file.path) {
            if features.contains(name) && own != Some(name) {
                complaints.push(Complaint::at(
                    &file.path,
                    line,
                    format!("names the feature {name}"),
                    NAMED,
                ));
            }
        }
    }
    complaints
}

/// The feature whose folder holds the file.
fn feature_of(path: &Path) -> Option<&str> {
    let mut inside = path.strip_prefix(FOLDER).ok()?.components();
    match (inside.next()?, inside.next()?) {
        (Component::Normal(folder), Component::Normal(_)) => folder.to_str(),
        _ => None,
    }
}

fn unlisted(features: &BTreeSet<&str>, files: &[TextFile]) -> Vec<Complaint> {
    let list = files
        .iter()
        .find(|file| file.path == Path::new(LIST))
        .map_or("", |file| file.text.as_str());
    let code = code::only_code(list);
    let tokens = code::tokens(&code);
    let is_listed = |feature: &str| {
        tokens.windows(4).any(|window| {
            let words: Vec<&str> = window.iter().map(|(_, token)| *token).collect();
            words == ["entry", "::", "<", feature]
        })
    };
    features
        .iter()
        .filter(|feature| !is_listed(feature))
        .map(|feature| {
            Complaint::new(
                format!("{FOLDER}/{feature}"),
                "is not in the list of features",
                UNLISTED,
            )
        })
        .collect()
}

/// The names that the file takes directly from the root of the crate `modules`, in a path or in a group of them.
fn named_at_root<'a>(tokens: &[(usize, &'a str)], path: &Path) -> Vec<(usize, &'a str)> {
    let mut names = Vec::new();
    let mut rest = tokens;
    while let Some((_, after)) = rest.split_first() {
        match after_root(rest, path) {
            Some(inside) => {
                names.extend(first_names(inside));
                rest = inside;
            }
            None => rest = after,
        }
    }
    names
}

/// What follows a path to the root of `modules`, when the tokens begin with one.
fn after_root<'t, 'a>(
    tokens: &'t [(usize, &'a str)],
    path: &Path,
) -> Option<&'t [(usize, &'a str)]> {
    let Ok(inside) = path.strip_prefix(FOLDER) else {
        return strip(tokens, &["modules", "::"]);
    };
    if let Some(rest) = strip(tokens, &["crate", "::"]) {
        return Some(rest);
    }
    let is_entry = path.file_name().is_some_and(|name| name == "mod.rs");
    let depth = inside.components().count() - usize::from(is_entry);
    let mut rest = tokens;
    let mut steps = 0;
    while let Some(after) = strip(rest, &["super", "::"]) {
        rest = after;
        steps += 1;
    }
    (steps > 0 && steps >= depth).then_some(rest)
}

fn strip<'t, 'a>(tokens: &'t [(usize, &'a str)], words: &[&str]) -> Option<&'t [(usize, &'a str)]> {
    let (start, rest) = tokens.split_at_checked(words.len())?;
    start
        .iter()
        .map(|(_, token)| *token)
        .eq(words.iter().copied())
        .then_some(rest)
}

/// The next name, or those at the beginnings of a `{...}` group's items.
fn first_names<'a>(tokens: &[(usize, &'a str)]) -> Vec<(usize, &'a str)> {
    if tokens.first().is_none_or(|(_, token)| *token != "{") {
        return tokens.first().copied().into_iter().collect();
    }
    let mut names = Vec::new();
    let mut depth = 0_usize;
    let mut begins = false;
    for (line, token) in tokens {
        match *token {
            "{" => {
                depth += 1;
                begins = depth == 1;
            }
            "}" => {
                depth -= 1;
                if depth == 0 {
                    break;
                }
            }
            "," => begins = depth == 1,
            name if begins => {
                names.push((*line, name));
                begins = false;
            }
            _ => {}
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    const PING: &str = "crates/modules/src/ping/mod.rs";

    #[test]
    fn another_feature_is_not_named() {
        check(PING, "use crate::carbons::Carbons;", 1);
        check(
            PING,
            "use crate::{ping::Ping, carbons::{self, Carbons}};",
            1,
        );
        check(PING, "use super::carbons;", 1);
        check(
            "crates/modules/src/ping/answer.rs",
            "fn f() { super::super::carbons::g() }",
            1,
        );
        check("crates/engine/src/router.rs", "modules::carbons::copy()", 1);
        check(
            "crates/server/src/main.rs",
            "use modules::{carbons, ping};",
            2,
        );
    }

    #[test]
    fn other_things_of_that_name_are_fine() {
        check(PING, "use crate::ping::answer;", 0);
        check(
            PING,
            "// like crate::carbons\nlet carbons = \"crate::carbons\";",
            0,
        );
        check(
            "crates/modules/src/ping/answer.rs",
            "use super::carbons;",
            0,
        );
        check("crates/engine/src/router.rs", "use crate::carbons;", 0);
        check(
            "crates/modules/src/carbons/mod.rs",
            "use crate::carbons::x;",
            0,
        );
        check(LIST, "pub mod carbons;", 0);
    }

    #[test]
    fn a_folder_without_a_line_is_found() {
        let files = [
            TextFile::new(LIST, "entry::<ping::Ping>(),"),
            TextFile::new(PING, ""),
            carbons(),
        ];
        let complaints = check_all(&files);
        assert_eq!(complaints, ["crates/modules/src/carbons"]);
    }

    #[track_caller]
    fn check(path: &str, text: &str, count: usize) {
        let list = TextFile::new(LIST, "entry::<ping::Ping>(), entry::<carbons::Carbons>(),");
        let files = [
            list,
            TextFile::new(PING, ""),
            carbons(),
            TextFile::new(path, text),
        ];
        assert_eq!(super::check(&files).len(), count, "{text}");
    }

    fn check_all(files: &[TextFile]) -> Vec<String> {
        super::check(files)
            .into_iter()
            .map(|complaint| complaint.place)
            .collect()
    }

    fn carbons() -> TextFile {
        TextFile::new("crates/modules/src/carbons/mod.rs", "")
    }
}
