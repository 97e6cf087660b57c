//! What we build on: under which licences, in how many versions, and what is kept out.

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::{Context, Result};

use super::Complaint;
use crate::metadata::Metadata;

/// Licences that can be combined with ours. Data files of Unicode come under theirs.
const LICENCES: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// Crates that must not come in, not even through others.
const UNWANTED: &[(&str, &str)] = &[
    (
        "aws-lc-sys",
        "It takes minutes to build and needs cmake; `ring` does what we need. Turn the feature off.",
    ),
    (
        "aws-lc-rs",
        "It brings aws-lc-sys; `ring` does what we need. Turn the feature off.",
    ),
    (
        "openssl-sys",
        "It needs a C library on the user's machine. Turn the feature off.",
    ),
    (
        "native-tls",
        "It needs a C library on the user's machine. Turn the feature off.",
    ),
];

/// Crates that are built in two versions, and why that is accepted: `name reason` a line.
const DUPLICATES: &str = "tools/xtask/duplicates.txt";

pub(super) fn check(metadata: &Metadata, root: &Path) -> Result<Vec<Complaint>> {
    let lock = fs::read_to_string(root.join("Cargo.lock")).context("can't read Cargo.lock")?;
    let accepted = fs::read_to_string(root.join(DUPLICATES))
        .with_context(|| format!("can't read {DUPLICATES}"))?;
    let mut complaints = licences(metadata);
    complaints.extend(unwanted(&lock));
    complaints.extend(duplicates(&metadata.duplicates(), &accepted));
    Ok(complaints)
}

fn licences(metadata: &Metadata) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for package in &metadata.foreign {
        if !is_allowed(&package.license) {
            complaints.push(Complaint::new(
                format!("{} {}", package.name, package.version),
                format!("has the licence {:?}", package.license),
                "Use another crate; or, if it can be combined with ours, add it to the list in dependencies.rs.",
            ));
        }
    }
    complaints
}

/// Whether an SPDX expression can be met with licences of the list. `MIT/Apache-2.0` is the old way to write `OR`.
fn is_allowed(expression: &str) -> bool {
    let spaced = expression
        .replace('/', " OR ")
        .replace('(', " ( ")
        .replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut rest = words.as_slice();
    let allowed = any_of(&mut rest);
    allowed && rest.is_empty()
}

/// `AND` binds closer than `OR`.
fn any_of(words: &mut &[&str]) -> bool {
    let mut allowed = all_of(words);
    while take(words, "OR") {
        allowed |= all_of(words);
    }
    allowed
}

fn all_of(words: &mut &[&str]) -> bool {
    let mut allowed = one(words);
    while take(words, "AND") {
        allowed &= one(words);
    }
    allowed
}

fn one(words: &mut &[&str]) -> bool {
    if take(words, "(") {
        let allowed = any_of(words);
        return take(words, ")") && allowed;
    }
    let Some((name, rest)) = words.split_first() else {
        return false;
    };
    *words = rest;
    let mut name = (*name).to_owned();
    if take(words, "WITH")
        && let Some((exception, rest)) = words.split_first()
    {
        *words = rest;
        name = format!("{name} WITH {exception}");
    }
    LICENCES.contains(&name.as_str())
}

fn take(words: &mut &[&str], word: &str) -> bool {
    let found = words.first() == Some(&word);
    if found {
        *words = words.get(1..).unwrap_or_default();
    }
    found
}

fn unwanted(lock: &str) -> Vec<Complaint> {
    UNWANTED
        .iter()
        .filter(|(name, _)| lock.contains(&format!("name = \"{name}\"\n")))
        .map(|(name, advice)| Complaint::new("Cargo.lock", format!("has {name}"), advice))
        .collect()
}

fn duplicates(found: &BTreeMap<String, Vec<String>>, accepted: &str) -> Vec<Complaint> {
    let accepted: BTreeMap<&str, &str> = accepted
        .lines()
        .filter(|line| !line.starts_with('#') && !line.trim().is_empty())
        .map(|line| line.split_once(' ').unwrap_or((line, "")))
        .collect();
    let mut complaints = Vec::new();
    for (name, versions) in found {
        if accepted
            .get(name.as_str())
            .is_none_or(|reason| reason.trim().is_empty())
        {
            complaints.push(Complaint::new(
                "Cargo.lock",
                format!("{name} is built in the versions {}", versions.join(", ")),
                "See `cargo tree -d`; agree on one, or give the reason in tools/xtask/duplicates.txt.",
            ));
        }
    }
    for name in accepted.keys().filter(|name| !found.contains_key(**name)) {
        complaints.push(Complaint::new(
            DUPLICATES,
            format!("{name} is built in one version now"),
            "Take its line out, so that it stays so.",
        ));
    }
    complaints
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_licence_is_allowed_when_a_choice_of_it_is() {
        check("MIT", true);
        check("MIT/Apache-2.0", true);
        check("Apache-2.0 WITH LLVM-exception OR Apache-2.0 OR MIT", true);
        check("(MIT OR Apache-2.0) AND Unicode-3.0", true);
        check("Apache-2.0 AND ISC", true);
        check("MIT OR GPL-3.0-only", true);
        check("GPL-3.0-only", false);
        check("MIT AND GPL-3.0-only", false);
        check("(MIT OR Apache-2.0) AND GPL-3.0-only", false);
        check("GPL-2.0 WITH Classpath-exception-2.0", false);
        check("", false);
        check("(MIT", false);
    }

    #[test]
    fn unwanted_crates_are_found_by_their_whole_name() {
        assert_eq!(unwanted("[[package]]\nname = \"aws-lc-sys\"\n").len(), 1);
        assert!(unwanted("[[package]]\nname = \"aws-lc-system\"\n").is_empty());
    }

    #[test]
    fn two_versions_need_a_reason_and_the_reason_needs_two_versions() {
        let twice = BTreeMap::from([(
            "syn".to_owned(),
            vec!["1.0.0".to_owned(), "2.0.0".to_owned()],
        )]);
        assert_eq!(duplicates(&twice, "").len(), 1);
        assert_eq!(duplicates(&twice, "syn\n").len(), 1);
        assert!(duplicates(&twice, "# why\nsyn an old macro of a test tool\n").is_empty());
        assert_eq!(duplicates(&BTreeMap::new(), "syn an old macro\n").len(), 1);
    }

    #[track_caller]
    fn check(expression: &str, allowed: bool) {
        assert_eq!(is_allowed(expression), allowed, "{expression:?}");
    }
}
