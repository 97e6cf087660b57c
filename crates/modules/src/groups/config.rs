//! How groups are declared: `[host."example.org".groups]`.

use std::collections::{BTreeMap, BTreeSet};

use engine::module::ConfigError;
use jid::{BareJid, Domain};
use serde::Deserialize;

/// What stands for every account of the host.
pub(super) const ALL: &str = "@all";

/// The name of a group has at most this many bytes, as in a roster.
pub(super) const NAME_BYTES_MAX: usize = 1_023;

/// `groups = { team = ["romeo", "juliet"], everybody = { label = "Verona", members = "@all" } }`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(transparent)]
pub struct Config(BTreeMap<String, Group>);

/// One group.
#[derive(Clone, Debug, Deserialize)]
#[serde(
    untagged,
    expecting = "expected a list of accounts, \"@all\", or a table with \"members\" and \"label\""
)]
pub enum Group {
    /// Its members; it is shown under its name.
    Members(Members),
    /// And under what name it is shown.
    Table(Labelled),
}

/// A group that is shown under another name than its key.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Labelled {
    /// Who is in it.
    pub members: Members,
    /// The name rosters show.
    pub label: Option<String>,
}

/// Who is in a group.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Members {
    /// `@all`, or one account.
    One(String),
    /// These: addresses, or names of the host.
    Several(Vec<String>),
}

/// A declared group, checked.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Declared {
    pub(super) name: String,
    pub(super) label: String,
    pub(super) members: BTreeSet<BareJid>,
    pub(super) everybody: bool,
}

impl Config {
    /// The groups of a host.
    ///
    /// # Errors
    ///
    /// When a member is no account of the host, or a name can't be shown.
    pub(super) fn groups_of(self, host: &Domain) -> Result<Vec<Declared>, ConfigError> {
        let groups = self.0.into_iter();
        groups
            .map(|(name, group)| declared(name, group, host))
            .collect()
    }
}

fn declared(name: String, group: Group, host: &Domain) -> Result<Declared, ConfigError> {
    let (members, label) = match group {
        Group::Members(members) => (members, None),
        Group::Table(Labelled { members, label }) => (members, label),
    };
    let wrong = |problem: String| ConfigError {
        key: format!("groups.{name}"),
        problem,
    };
    let label = label.unwrap_or_else(|| name.clone());
    if !is_name(&label) {
        return Err(wrong(format!("\"{label}\" is no name for a group")));
    }
    let members = match members {
        Members::One(member) => vec![member],
        Members::Several(members) => members,
    };
    let everybody = members.iter().any(|member| member == ALL);
    let members = members
        .iter()
        .filter(|member| *member != ALL)
        .map(|member| {
            account(member, host)
                .ok_or_else(|| wrong(format!("\"{member}\" is no account of {host}")))
        })
        .collect::<Result<_, _>>()?;
    Ok(Declared {
        name,
        label,
        members,
        everybody,
    })
}

/// Whether a roster can show it.
pub(super) fn is_name(text: &str) -> bool {
    !text.trim().is_empty() && text.len() <= NAME_BYTES_MAX
}

/// An account of the host, by its address or its name.
pub(super) fn account(text: &str, host: &Domain) -> Option<BareJid> {
    let jid = match text.contains('@') {
        true => BareJid::parse(text).ok()?,
        false => host.with_local(text).ok()?,
    };
    (jid.local().is_some() && jid.domain() == host.as_str()).then_some(jid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_declared_in_several_ways() {
        check(
            r#"{"team":["romeo","juliet@example"]}"#,
            "team (team): juliet@example romeo@example",
        );
        check(r#"{"all":"@all"}"#, "all (all): *");
        check(
            r#"{"all":{"label":"Verona","members":["@all"]}}"#,
            "all (Verona): *",
        );
        check(r#"{"one":"romeo"}"#, "one (one): romeo@example");
        check(
            r#"{"team":["romeo@other"]}"#,
            "groups.team: \"romeo@other\" is no account of example",
        );
        check(r#"{"team":["example"]}"#, "team (team): example@example");
        check(
            r#"{"team":{"members":[],"label":" "}}"#,
            "groups.team: \" \" is no name for a group",
        );
    }

    #[track_caller]
    fn check(config: &str, expected: &str) {
        let config: Config = serde_json::from_str(config).unwrap();
        let host = Domain::parse("example").unwrap();
        let got = match config.groups_of(&host) {
            Err(error) => error.to_string(),
            Ok(groups) => groups
                .iter()
                .map(|group| {
                    let members = group.members.iter().map(|member| member.to_string());
                    let everybody = group.everybody.then(|| "*".to_owned());
                    let members: Vec<_> = members.chain(everybody).collect();
                    format!("{} ({}): {}", group.name, group.label, members.join(" "))
                })
                .collect::<Vec<_>>()
                .join("; "),
        };
        assert_eq!(got, expected);
    }
}
