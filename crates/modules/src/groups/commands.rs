//! `group ...`.

use std::{fmt, sync::Arc};

use engine::{
    Action, Host,
    command::{AdminContext, Command, CommandError, Concern, Field, FieldKind},
    module::Prepare,
};
use jid::Domain;
use serde::{Deserialize, Serialize};

use super::{
    SharedGroups, config,
    stored::{self, Member},
};

const GROUP: Field = Field::required("group", FieldKind::Text, "the group, by its name");
const MEMBER: Field = Field::required(
    "member",
    FieldKind::Text,
    "an account of the host, or @all for every one",
);

/// Lists groups.
#[derive(Debug, Deserialize)]
pub(super) struct ListGroups {
    host: Domain,
}

impl Command for ListGroups {
    const PATH: &'static str = "group list";
    const ABOUT: &'static str = "List the shared groups of a host with their members";
    const NEEDS: Action = Action::ManageAccounts;
    const FIELDS: &'static [Field] = &[Field::HOST];
    const READS_ONLY: bool = true;
    type Output = Groups;

    fn concerns(&self) -> Concern {
        Concern::Host(self.host.clone())
    }

    async fn run(self, cx: &AdminContext) -> Result<Groups, CommandError> {
        let (host, feature) = found(cx, &self.host)?;
        feature.prepare(&host, cx.server()).await?;
        let state = feature.state();
        let groups = state.table.groups().map(|(name, group)| Group {
            name: name.clone(),
            label: group.label.clone(),
            everybody: group.everybody,
            members: group.members().map(ToString::to_string).collect(),
        });
        Ok(Groups {
            groups: groups.collect(),
        })
    }
}

#[derive(Debug, Serialize)]
pub(super) struct Groups {
    groups: Vec<Group>,
}

#[derive(Debug, Serialize)]
struct Group {
    name: String,
    label: String,
    /// Whether every account is to be in it.
    everybody: bool,
    members: Vec<String>,
}

impl fmt::Display for Groups {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for group in &self.groups {
            write!(f, "{}", group.name)?;
            if group.label != group.name {
                write!(f, "  \"{}\"", group.label)?;
            }
            let everybody = if group.everybody { "  (@all)" } else { "" };
            writeln!(f, "{everybody}")?;
            for member in &group.members {
                writeln!(f, "  {member}")?;
            }
        }
        Ok(())
    }
}

/// Somebody in a group of a host.
#[derive(Debug, Deserialize)]
struct Membership {
    host: Domain,
    group: String,
    member: String,
}

impl Membership {
    const FIELDS: &'static [Field] = &[Field::HOST, GROUP, MEMBER];

    /// Who is meant, and the feature whose group it is.
    fn found(
        &self,
        cx: &AdminContext,
    ) -> Result<(Arc<Host>, Arc<SharedGroups>, Member), CommandError> {
        let (host, feature) = found(cx, &self.host)?;
        let member = member(&self.member, &self.host)?;
        Ok((host, feature, member))
    }
}

/// Puts somebody into a group.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(super) struct AddMember(Membership);

impl Command for AddMember {
    const PATH: &'static str = "group add";
    const ABOUT: &'static str =
        "Put an account into a shared group, which is made if there is none";
    const NEEDS: Action = Action::ManageAccounts;
    const FIELDS: &'static [Field] = Membership::FIELDS;
    type Output = Changed;

    fn concerns(&self) -> Concern {
        Concern::Host(self.0.host.clone())
    }

    async fn run(self, cx: &AdminContext) -> Result<Changed, CommandError> {
        let (host, feature, member) = self.0.found(cx)?;
        let Membership {
            host: domain,
            group,
            ..
        } = &self.0;
        if !config::is_name(group) {
            let problem = format!("\"{group}\" is no name for a group");
            return Err(CommandError::Arguments(problem));
        }
        if let Member::Account(account) = &member {
            cx.account(account).await?;
        }
        stored::add(cx.server(), domain, group, &member).await?;
        renew(cx, &host, &feature).await?;
        Ok(Changed {
            done: format!("{} is in the group {group}.", member.as_str()),
        })
    }
}

/// Takes somebody out of a group.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(super) struct RemoveMember(Membership);

impl Command for RemoveMember {
    const PATH: &'static str = "group remove";
    const ABOUT: &'static str =
        "Take an account out of a shared group; one without members is gone";
    const NEEDS: Action = Action::ManageAccounts;
    const FIELDS: &'static [Field] = Membership::FIELDS;
    type Output = Changed;

    fn concerns(&self) -> Concern {
        Concern::Host(self.0.host.clone())
    }

    async fn run(self, cx: &AdminContext) -> Result<Changed, CommandError> {
        let (host, feature, member) = self.0.found(cx)?;
        let Membership {
            host: domain,
            group,
            ..
        } = &self.0;
        feature.prepare(&host, cx.server()).await?;
        feature.must_be_stored(group, &member)?;
        stored::take(cx.server(), domain, group, &member).await?;
        renew(cx, &host, &feature).await?;
        let member = member.as_str();
        Ok(Changed {
            done: format!("{member} is not in the group {group} any more."),
        })
    }
}

#[derive(Debug, Serialize)]
pub(super) struct Changed {
    done: String,
}

impl fmt::Display for Changed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.done)
    }
}

impl SharedGroups {
    /// Only what a command has said, a command can take back.
    fn must_be_stored(&self, name: &str, member: &Member) -> Result<(), CommandError> {
        let state = self.state();
        let Some(group) = state.table.group(name) else {
            let problem = format!("there is no group \"{name}\"; \"group list\" shows them");
            return Err(CommandError::Arguments(problem));
        };
        let (is_stored, is_declared) = match member {
            Member::Everybody => (group.everybody_stored, group.everybody),
            Member::Account(account) => (
                group.stored.contains(account),
                group.declared.contains(account),
            ),
        };
        if is_stored {
            return Ok(());
        }
        let member = member.as_str();
        Err(CommandError::Arguments(match is_declared {
            true => format!("{member} is in the group {name} by the configuration"),
            false => format!("{member} is not in the group {name}"),
        }))
    }
}

/// The host and the feature as it has it.
fn found(
    cx: &AdminContext,
    domain: &Domain,
) -> Result<(Arc<Host>, Arc<SharedGroups>), CommandError> {
    let host = cx.host(domain)?;
    let feature = host.feature::<SharedGroups>().ok_or_else(|| {
        CommandError::Arguments(format!(
            "the host {domain} has no shared groups: it has no accounts, or groups = false"
        ))
    })?;
    Ok((host, feature))
}

fn member(text: &str, host: &Domain) -> Result<Member, CommandError> {
    if text == config::ALL {
        return Ok(Member::Everybody);
    }
    config::account(text, host)
        .map(Member::Account)
        .ok_or_else(|| CommandError::Arguments(format!("\"{text}\" is no account of {host}")))
}

/// What is stored is in force, and whoever is there sees it.
async fn renew(
    cx: &AdminContext,
    host: &Arc<Host>,
    feature: &SharedGroups,
) -> Result<(), CommandError> {
    feature.prepare(host, cx.server()).await?;
    cx.server().circles_changed(host, None).await;
    Ok(())
}
