//! `user ...`: accounts.

use std::fmt;

use engine::{
    Action, Role,
    account::{AccountRecord, Deletion},
    command::{AdminContext, Command, CommandError, Concern, Field, FieldKind, Secret},
};
use jid::{BareJid, Domain};
use serde::{Deserialize, Serialize};

use super::said::{Done, counted, moment};

const PASSWORD: Field = Field::required("password", FieldKind::Password, "the new password");

/// Makes an account.
#[derive(Debug, Deserialize)]
pub(super) struct AddUser {
    user: BareJid,
    password: Secret,
}

impl Command for AddUser {
    const PATH: &'static str = "user add";
    const ABOUT: &'static str = "Make an account";
    const NEEDS: Action = Action::ManageAccounts;
    const FIELDS: &'static [Field] = &[Field::USER, PASSWORD];
    const NODE: Option<&'static str> = Some("http://jabber.org/protocol/admin#add-user");
    type Output = Done;

    fn concerns(&self) -> Concern {
        Concern::host_of(&self.user)
    }

    async fn run(self, cx: &AdminContext) -> Result<Done, CommandError> {
        cx.must_be_below(&self.user, None)?;
        let password = self.password.reveal();
        cx.server()
            .create_account(&self.user, password, false)
            .await?;
        Ok(Done::new(format!("The account {} was made.", self.user)))
    }
}

/// Sets an account's password and ends its sessions.
#[derive(Debug, Deserialize)]
pub(super) struct SetPassword {
    user: BareJid,
    password: Secret,
}

impl Command for SetPassword {
    const PATH: &'static str = "user passwd";
    const ABOUT: &'static str = "Set an account's password and end its sessions";
    const NEEDS: Action = Action::ManageAccounts;
    const FIELDS: &'static [Field] = &[Field::USER, PASSWORD];
    const NODE: Option<&'static str> =
        Some("http://jabber.org/protocol/admin#change-user-password");
    type Output = Done;

    fn concerns(&self) -> Concern {
        Concern::host_of(&self.user)
    }

    async fn run(self, cx: &AdminContext) -> Result<Done, CommandError> {
        cx.account_below(&self.user).await?;
        let password = self.password.reveal();
        cx.server().set_password(&self.user, password, None).await?;
        Ok(Done::new(format!(
            "The password of {} was set; its sessions ended.",
            self.user
        )))
    }
}

/// Removes an account.
#[derive(Debug, Deserialize)]
pub(super) struct DeleteUser {
    user: BareJid,
    #[serde(default)]
    now: bool,
}

impl Command for DeleteUser {
    const PATH: &'static str = "user delete";
    const ABOUT: &'static str = "Delete an account with everything it owns";
    const NEEDS: Action = Action::ManageAccounts;
    const FIELDS: &'static [Field] = &[
        Field::USER,
        Field::option(
            "now",
            FieldKind::Flag,
            "at once, also where the host lets accounts be taken back for a while",
        ),
    ];
    const NODE: Option<&'static str> = Some("http://jabber.org/protocol/admin#delete-user");
    type Output = Done;

    fn concerns(&self) -> Concern {
        Concern::host_of(&self.user)
    }

    async fn run(self, cx: &AdminContext) -> Result<Done, CommandError> {
        cx.account_below(&self.user).await?;
        let user = &self.user;
        Ok(Done::new(
            match cx.server().delete_account(user, self.now).await? {
                Deletion::Done => {
                    format!("The account {user} was deleted with everything it owned.")
                }
                Deletion::At(moment) => format!(
                    "Nobody can sign in to {user}; it is deleted after {moment}. Until then \"user undelete\" takes it back."
                ),
                Deletion::Unfinished => format!(
                    "Nobody can sign in to {user}. The rest of its deletion is held up and is tried again within minutes; the log says why."
                ),
            },
        ))
    }
}

/// Lists accounts.
#[derive(Debug, Deserialize)]
pub(super) struct ListUsers {
    host: Option<Domain>,
}

impl Command for ListUsers {
    const PATH: &'static str = "user list";
    const ABOUT: &'static str = "List accounts";
    const NEEDS: Action = Action::ManageAccounts;
    const FIELDS: &'static [Field] = &[Field::last(
        "host",
        FieldKind::Host,
        "only those of this host",
    )];
    const READS_ONLY: bool = true;
    type Output = Users;

    fn concerns(&self) -> Concern {
        self.host.clone().map_or(Concern::Server, Concern::Host)
    }

    async fn run(self, cx: &AdminContext) -> Result<Users, CommandError> {
        let hosts = match &self.host {
            None => cx.server().hosts(),
            Some(domain) => vec![cx.host(domain)?],
        };
        let mut users = Vec::new();
        for host in hosts {
            for (jid, record) in cx.server().accounts(&host).await? {
                users.push(User {
                    disabled: record.disabled,
                    deleted_after: record.deletion_due.map(moment),
                    created: moment(record.created),
                    last_sign_in: record.last_sign_in.map(moment),
                    jid,
                });
            }
        }
        Ok(Users { users })
    }
}

#[derive(Debug, Serialize)]
pub(super) struct Users {
    users: Vec<User>,
}

#[derive(Debug, Serialize)]
struct User {
    jid: BareJid,
    disabled: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    deleted_after: Option<String>,
    created: String,
    last_sign_in: Option<String>,
}

impl fmt::Display for Users {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for user in &self.users {
            let state = match (&user.deleted_after, user.disabled) {
                (Some(_), _) => "  (to be deleted)",
                (None, true) => "  (disabled)",
                (None, false) => "",
            };
            writeln!(f, "{}{state}", user.jid)?;
        }
        Ok(())
    }
}

/// Shows one account.
#[derive(Debug, Deserialize)]
pub(super) struct ShowUser {
    user: BareJid,
}

impl Command for ShowUser {
    const PATH: &'static str = "user info";
    const ABOUT: &'static str = "Show what is known of an account";
    const NEEDS: Action = Action::ManageAccounts;
    const FIELDS: &'static [Field] = &[Field::USER];
    const READS_ONLY: bool = true;
    type Output = UserInfo;

    fn concerns(&self) -> Concern {
        Concern::host_of(&self.user)
    }

    async fn run(self, cx: &AdminContext) -> Result<UserInfo, CommandError> {
        let record = cx.account(&self.user).await?;
        let host = cx.host_of(&self.user)?;
        let role = cx.server().role_of(&host, &self.user, Some(&record));
        let sessions = cx.server().list_sessions();
        let own = sessions
            .into_iter()
            .filter(|session| session.full_jid.bare() == self.user)
            .map(|session| session.full_jid.to_string())
            .collect();
        Ok(UserInfo {
            role: role.name(),
            disabled: record.disabled,
            deleted_after: record.deletion_due.map(moment),
            created: moment(record.created),
            last_sign_in: record.last_sign_in.map(moment),
            contacts: cx.server().count_contacts(&self.user).await?,
            sessions: own,
            jid: self.user,
        })
    }
}

#[derive(Debug, Serialize)]
pub(super) struct UserInfo {
    jid: BareJid,
    role: &'static str,
    disabled: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    deleted_after: Option<String>,
    created: String,
    last_sign_in: Option<String>,
    contacts: usize,
    sessions: Vec<String>,
}

impl fmt::Display for UserInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.jid)?;
        writeln!(f, "  role          {}", self.role)?;
        let state = match (&self.deleted_after, self.disabled) {
            (Some(moment), _) => format!("deleted after {moment}"),
            (None, true) => "disabled".to_owned(),
            (None, false) => "may sign in".to_owned(),
        };
        writeln!(f, "  state         {state}")?;
        writeln!(f, "  made          {}", self.created)?;
        let last = self.last_sign_in.as_deref().unwrap_or("never");
        writeln!(f, "  last sign-in  {last}")?;
        writeln!(f, "  contacts      {}", self.contacts)?;
        writeln!(
            f,
            "  connected     {}",
            counted(self.sessions.len(), "session")
        )?;
        for session in &self.sessions {
            writeln!(f, "                {session}")?;
        }
        Ok(())
    }
}

/// Lets nobody sign in to an account.
#[derive(Debug, Deserialize)]
pub(super) struct DisableUser {
    user: BareJid,
}

impl Command for DisableUser {
    const PATH: &'static str = "user disable";
    const ABOUT: &'static str = "Let nobody sign in to an account, and end its sessions";
    const NEEDS: Action = Action::ManageAccounts;
    const FIELDS: &'static [Field] = &[Field::USER];
    const NODE: Option<&'static str> = Some("http://jabber.org/protocol/admin#disable-user");
    type Output = Done;

    fn concerns(&self) -> Concern {
        Concern::host_of(&self.user)
    }

    async fn run(self, cx: &AdminContext) -> Result<Done, CommandError> {
        cx.account_below(&self.user).await?;
        cx.server().set_disabled(&self.user, true).await?;
        Ok(Done::new(format!(
            "Nobody can sign in to {} until \"user enable\".",
            self.user
        )))
    }
}

/// Undoes `user disable`.
#[derive(Debug, Deserialize)]
pub(super) struct EnableUser {
    user: BareJid,
}

impl Command for EnableUser {
    const PATH: &'static str = "user enable";
    const ABOUT: &'static str = "Let an account be signed in to again";
    const NEEDS: Action = Action::ManageAccounts;
    const FIELDS: &'static [Field] = &[Field::USER];
    const NODE: Option<&'static str> = Some("http://jabber.org/protocol/admin#reenable-user");
    type Output = Done;

    fn concerns(&self) -> Concern {
        Concern::host_of(&self.user)
    }

    async fn run(self, cx: &AdminContext) -> Result<Done, CommandError> {
        let AccountRecord { deletion_due, .. } = cx.account_below(&self.user).await?;
        if deletion_due.is_some() {
            let problem = format!(
                "{} is to be deleted; \"user undelete\" takes it back",
                self.user
            );
            return Err(CommandError::Arguments(problem));
        }
        cx.server().set_disabled(&self.user, false).await?;
        Ok(Done::new(format!("{} can sign in again.", self.user)))
    }
}

/// Ends every session of one account and tells each client why.
///
/// The account may sign in again at once; `user disable` keeps it out.
#[derive(Debug, Deserialize)]
pub(super) struct KickUser {
    user: BareJid,
    reason: Option<String>,
}

impl Command for KickUser {
    const PATH: &'static str = "user kick";
    const ABOUT: &'static str = "End all sessions of an account; it may sign in again";
    const NEEDS: Action = Action::ManageSessions;
    const FIELDS: &'static [Field] = &[
        Field::USER,
        Field::option("reason", FieldKind::Text, "shown to the user"),
    ];
    const NEEDS_RUNNING: bool = true;
    const NODE: Option<&'static str> = Some("http://jabber.org/protocol/admin#end-user-session");
    type Output = Done;

    fn concerns(&self) -> Concern {
        Concern::host_of(&self.user)
    }

    async fn run(self, cx: &AdminContext) -> Result<Done, CommandError> {
        cx.account_below(&self.user).await?;
        let ended = cx.server().kick(&self.user, None, self.reason.as_deref());
        let sessions = counted(ended, "session");
        Ok(Done::new(format!("{sessions} of {} ended.", self.user)))
    }
}

/// Says what an account is on its host.
#[derive(Debug, Deserialize)]
pub(super) struct SetRole {
    user: BareJid,
    role: Role,
}

impl Command for SetRole {
    const PATH: &'static str = "user role";
    const ABOUT: &'static str = "Make an account registered, a member or an admin of its host";
    const NEEDS: Action = Action::OperateServer;
    const FIELDS: &'static [Field] = &[
        Field::USER,
        Field::required(
            "role",
            FieldKind::Choice(&["registered", "member", "admin"]),
            "what it shall be",
        ),
    ];
    type Output = Done;

    fn concerns(&self) -> Concern {
        Concern::host_of(&self.user)
    }

    async fn run(self, cx: &AdminContext) -> Result<Done, CommandError> {
        cx.account_below(&self.user).await?;
        cx.server().set_role(&self.user, self.role).await?;
        Ok(Done::new(format!(
            "{} has the role {}; its sessions ended, so that it is in force at once.",
            self.user,
            self.role.name()
        )))
    }
}
