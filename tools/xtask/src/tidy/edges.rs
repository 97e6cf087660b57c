//! Dependencies point one way: a crate sees those it is built on and no other.
//!
//! A crate that may not see another can't come to need it. The table is the drawing in ARCHITECTURE.md; a new edge is
//! a decision and changes both.

use std::collections::BTreeSet;

use super::Complaint;
use crate::metadata::{Metadata, Package};

/// Each crate and those directly below it. What is below these is below it too.
const BELOW: &[(&str, &[&str])] = &[
    ("xml", &[]),
    ("jid", &[]),
    ("sasl", &[]),
    ("stanza", &["xml", "jid"]),
    ("stream", &["stanza", "sasl"]),
    ("store", &["jid"]),
    ("store-sqlite", &["store"]),
    ("mailbox", &["store", "stanza"]),
    ("engine", &["stream", "mailbox"]),
    ("modules", &["engine"]),
    ("transport", &["engine"]),
    ("testkit", &["engine"]),
    ("couplet", &["modules", "transport", "store-sqlite"]),
    ("load", &["xml", "jid", "sasl"]),
    ("xtask", &[]),
];

/// Crates of others that are one crate's business, so that it stays the only place to change.
const CONFINED: &[(&str, &[&str])] = &[
    ("tokio", &["transport", "couplet", "load"]),
    ("rustls", &["transport", "couplet", "load", "testkit"]),
    ("rusqlite", &["store-sqlite"]),
    ("anyhow", &["couplet", "load", "xtask"]),
    ("clap", &["couplet", "load"]),
];

/// What tests of any crate may use besides what is below it.
const FOR_TESTS: &str = "testkit";

pub(super) fn check(metadata: &Metadata) -> Vec<Complaint> {
    let ours: BTreeSet<&str> = metadata
        .ours
        .iter()
        .map(|package| package.name.as_str())
        .collect();
    metadata
        .ours
        .iter()
        .flat_map(|package| check_package(package, &ours))
        .collect()
}

fn check_package(package: &Package, ours: &BTreeSet<&str>) -> Vec<Complaint> {
    let Some(below) = below(&package.name) else {
        return vec![Complaint::new(
            &package.name,
            "has no place in the order of crates",
            "Say in tools/xtask/src/tidy/edges.rs and in ARCHITECTURE.md what it is built on.",
        )];
    };
    let mut complaints = Vec::new();
    for dependency in &package.dependencies {
        let name = dependency.name.as_str();
        let is_for_tests = dependency.kind.as_deref() == Some("dev");
        if ours.contains(name) && !below.contains(name) && !(is_for_tests && name == FOR_TESTS) {
            complaints.push(Complaint::new(
                &package.name,
                format!("depends on {name}, which is not below it"),
                "Move what is needed down, or hand it in as an argument; a new edge is a design page.",
            ));
        }
        let confined = CONFINED.iter().find(|(confined, _)| *confined == name);
        if let Some((_, places)) = confined
            && !is_for_tests
            && !places.contains(&package.name.as_str())
        {
            complaints.push(Complaint::new(
                &package.name,
                format!("depends on {name}, which only {} may use", places.join(" and ")),
                "Sockets, threads and foreign formats have one home each, so that the rest runs in a test.",
            ));
        }
    }
    complaints
}

/// Every crate that `name` may see.
fn below(name: &str) -> Option<BTreeSet<&'static str>> {
    let (_, direct) = BELOW.iter().find(|(upper, _)| *upper == name)?;
    let mut all = BTreeSet::new();
    for lower in *direct {
        all.insert(*lower);
        all.extend(below(lower).unwrap_or_default());
    }
    Some(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::Dependency;

    #[test]
    fn a_crate_sees_what_it_is_built_on() {
        check("stanza", "xml", None, true);
        check("engine", "xml", None, true);
        check("modules", "stanza", None, true);
        check("xml", "stanza", None, false);
        check("stream", "store", None, false);
        check("engine", "transport", None, false);
        check("transport", "modules", None, false);
        check("testkit", "modules", None, false);
        check("xtask", "jid", None, false);
    }

    #[test]
    fn tests_may_use_the_test_kit_and_nothing_else_from_above() {
        check("engine", "testkit", Some("dev"), true);
        check("engine", "testkit", None, false);
        check("engine", "modules", Some("dev"), false);
    }

    #[test]
    fn some_foreign_crates_have_one_home() {
        check("transport", "tokio", None, true);
        check("engine", "tokio", None, false);
        check("engine", "tokio", Some("dev"), true);
        check("store", "rusqlite", None, false);
        check("engine", "smallvec", None, true);
    }

    #[test]
    fn a_new_crate_needs_a_place() {
        check("muck", "xml", None, false);
    }

    #[track_caller]
    fn check(name: &str, dependency: &str, kind: Option<&str>, allowed: bool) {
        let ours = BELOW.iter().map(|(name, _)| *name).collect();
        let package = Package {
            name: name.to_owned(),
            dependencies: vec![Dependency {
                name: dependency.to_owned(),
                kind: kind.map(str::to_owned),
            }],
        };
        assert_eq!(
            check_package(&package, &ours).is_empty(),
            allowed,
            "{name} on {dependency} ({kind:?})"
        );
    }
}
