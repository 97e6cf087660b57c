//! `user clients` and `user revoke`: what operators see of the clients of an account, and take from them.

use std::fmt;

use engine::{
    Action,
    account::{ClientInfo, ClientName},
    command::{AdminContext, Command, CommandError, Concern, Field, FieldKind},
};
use jid::BareJid;
use serde::{Deserialize, Serialize};

/// Lists the clients of an account.
#[derive(Debug, Deserialize)]
pub(super) struct ListClients {
    user: BareJid,
}

impl Command for ListClients {
    const PATH: &'static str = "user clients";
    const ABOUT: &'static str = "List the clients that signed in to an account";
    const NEEDS: Action = Action::ManageAccounts;
    const FIELDS: &'static [Field] = &[Field::USER];
    const READS_ONLY: bool = true;
    type Output = Listed;

    fn concerns(&self) -> Concern {
        Concern::host_of(&self.user)
    }

    async fn run(self, cx: &AdminContext) -> Result<Listed, CommandError> {
        cx.account(&self.user).await?;
        let clients = cx.server().clients(&self.user).await?;
        let clients = clients.into_iter().map(Shown::of).collect();
        Ok(Listed { clients })
    }
}

#[derive(Debug, Serialize)]
pub(super) struct Listed {
    clients: Vec<Shown>,
}

#[derive(Debug, Serialize)]
struct Shown {
    id: String,
    software: Option<String>,
    device: Option<String>,
    connected: bool,
    first_seen: String,
    last_seen: String,
    mechanism: String,
    knows_password: bool,
    token_until: Option<String>,
}

impl Shown {
    fn of(client: ClientInfo) -> Self {
        let moment = |at: stanza::Timestamp| at.whole_seconds().to_string();
        Self {
            id: client.id.to_string(),
            software: client.software,
            device: client.device,
            connected: client.is_connected,
            first_seen: moment(client.first_seen),
            last_seen: moment(client.last_seen),
            mechanism: client.mechanism,
            knows_password: client.knows_password,
            token_until: client.token_until.map(moment),
        }
    }

    /// What people call it.
    fn name(&self) -> String {
        match (&self.software, &self.device) {
            (Some(software), Some(device)) => format!("{software} on {device}"),
            (Some(one), None) | (None, Some(one)) => one.clone(),
            (None, None) => "(without a name)".to_owned(),
        }
    }
}

impl fmt::Display for Listed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for client in &self.clients {
            let seen = match client.connected {
                true => "connected".to_owned(),
                false => format!("last seen {}", client.last_seen),
            };
            let token = match &client.token_until {
                Some(until) => format!(", has a token until {until}"),
                None => String::new(),
            };
            writeln!(
                f,
                "{}  {}  {seen}, first seen {}, by {}{token}",
                client.id,
                client.name(),
                client.first_seen,
                client.mechanism
            )?;
        }
        Ok(())
    }
}

/// Takes a client's access.
#[derive(Debug, Deserialize)]
pub(super) struct RevokeClient {
    user: BareJid,
    client: String,
}

impl Command for RevokeClient {
    const PATH: &'static str = "user revoke";
    const ABOUT: &'static str = "Void the token of a client and end its sessions";
    const NEEDS: Action = Action::ManageAccounts;
    const FIELDS: &'static [Field] = &[
        Field::USER,
        Field::required(
            "client",
            FieldKind::Text,
            "the client's id, as \"user clients\" lists it",
        ),
    ];
    type Output = Revoked;

    fn concerns(&self) -> Concern {
        Concern::host_of(&self.user)
    }

    async fn run(self, cx: &AdminContext) -> Result<Revoked, CommandError> {
        cx.account_below(&self.user).await?;
        let server = cx.server();
        let id = ClientName::parse(&self.client);
        let revoked = match &id {
            Some(id) => server.revoke_client(&self.user, id).await?,
            None => None,
        };
        let (Some(id), Some(revoked)) = (id, revoked) else {
            let problem = format!(
                "{} has no client \"{}\"; \"user clients {}\" lists them",
                self.user, self.client, self.user
            );
            return Err(CommandError::Arguments(problem));
        };
        Ok(Revoked {
            sessions: server.end_client(&self.user, &id),
            had_token: revoked.had_token,
            knows_password: revoked.knows_password,
        })
    }
}

/// What was taken.
#[derive(Debug, Serialize)]
pub(super) struct Revoked {
    sessions: usize,
    had_token: bool,
    knows_password: bool,
}

impl fmt::Display for Revoked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let token = match self.had_token {
            true => "Its token is void",
            false => "It had no token",
        };
        let sessions = match self.sessions {
            0 => "it had no session".to_owned(),
            1 => "its session ended".to_owned(),
            many => format!("its {many} sessions ended"),
        };
        writeln!(f, "{token}, and {sessions}.")?;
        if self.knows_password {
            writeln!(
                f,
                "It knows the password and can sign in again; \"user passwd\" sets another one."
            )?;
        }
        Ok(())
    }
}
