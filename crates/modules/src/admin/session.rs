//! `session ...`: who is connected.

use std::fmt;

use engine::{
    Action,
    command::{AdminContext, Command, CommandError, Concern, Field, FieldKind},
};
use jid::{Domain, FullJid};
use serde::{Deserialize, Serialize};

use super::said::Done;

/// Lists sessions.
#[derive(Debug, Deserialize)]
pub(super) struct ListSessions {
    host: Option<Domain>,
}

impl Command for ListSessions {
    const PATH: &'static str = "session list";
    const ABOUT: &'static str = "List sessions";
    const NEEDS: Action = Action::ManageSessions;
    const FIELDS: &'static [Field] = &[Field::last(
        "host",
        FieldKind::Host,
        "only those of this host",
    )];
    const NEEDS_RUNNING: bool = true;
    const READS_ONLY: bool = true;
    type Output = Sessions;

    fn concerns(&self) -> Concern {
        self.host.clone().map_or(Concern::Server, Concern::Host)
    }

    async fn run(self, cx: &AdminContext) -> Result<Sessions, CommandError> {
        if let Some(domain) = &self.host {
            cx.host(domain)?;
        }
        let is_wanted = |jid: &FullJid| {
            let host = self.host.as_ref();
            host.is_none_or(|host| host.as_str() == jid.domain())
        };
        let sessions = cx
            .server()
            .list_sessions()
            .into_iter()
            .filter(|session| is_wanted(&session.full_jid))
            .map(|session| Session {
                jid: session.full_jid,
                priority: session.priority,
                acks: session.has_acks,
                detached: session.is_detached,
            })
            .collect();
        Ok(Sessions { sessions })
    }
}

#[derive(Debug, Serialize)]
pub(super) struct Sessions {
    sessions: Vec<Session>,
}

#[derive(Debug, Serialize)]
struct Session {
    jid: FullJid,
    /// The priority of its presence, if it is available.
    priority: Option<i8>,
    /// Whether it uses acks (XEP-0198).
    acks: bool,
    /// Whether it has no connection and waits to be resumed.
    detached: bool,
}

impl fmt::Display for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for session in &self.sessions {
            let presence = match session.priority {
                Some(priority) => format!("available, priority {priority}"),
                None => "not available".to_owned(),
            };
            let acks = if session.acks { ", acks" } else { "" };
            let detached = match session.detached {
                true => ", waits to be resumed",
                false => "",
            };
            writeln!(f, "{}  {presence}{acks}{detached}", session.jid)?;
        }
        Ok(())
    }
}

/// Shows one session.
#[derive(Debug, Deserialize)]
pub(super) struct ShowSession {
    session: FullJid,
}

impl Command for ShowSession {
    const PATH: &'static str = "session show";
    const ABOUT: &'static str = "Show one session";
    const NEEDS: Action = Action::ManageSessions;
    const FIELDS: &'static [Field] = &[Field::required(
        "session",
        FieldKind::Session,
        "the session, such as juliet@example.org/phone",
    )];
    const NEEDS_RUNNING: bool = true;
    const READS_ONLY: bool = true;
    type Output = Shown;

    fn concerns(&self) -> Concern {
        Concern::host_of(&self.session.bare())
    }

    async fn run(self, cx: &AdminContext) -> Result<Shown, CommandError> {
        cx.host(&self.session.to_domain())?;
        let info = cx.server().session_info(&self.session);
        let info = info.ok_or(CommandError::NoSession(self.session))?;
        Ok(Shown {
            jid: info.full_jid,
            role: info.role.name(),
            priority: info.priority,
            present_since: info.present_since.map(|since| since.to_string()),
            interested: info.is_interested,
            directed_presences: info.directed_presences,
            acks: info.has_acks,
            inactive: info.is_inactive,
            held_stanzas: info.held_stanzas,
            resumable: info.is_resumable,
            detached: info.is_detached,
            waiting_stanzas: info.waiting_stanzas,
            waiting_bytes: info.outbox_bytes,
        })
    }
}

#[derive(Debug, Serialize)]
pub(super) struct Shown {
    jid: FullJid,
    role: &'static str,
    /// The priority of its presence, if it is available.
    priority: Option<i8>,
    present_since: Option<String>,
    /// Whether it asked for the roster.
    interested: bool,
    directed_presences: usize,
    acks: bool,
    /// Whether its client said that its user does not look (XEP-0352).
    inactive: bool,
    /// How many stanzas wait until something important comes for such a client.
    held_stanzas: usize,
    /// Whether it can be resumed.
    resumable: bool,
    /// Whether it has no connection and waits to be resumed.
    detached: bool,
    /// What came while it could not be written to, stored messages included.
    waiting_stanzas: usize,
    /// What was not written yet, or not acknowledged, stored messages that came meanwhile apart.
    waiting_bytes: usize,
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let yes = |is_so| if is_so { "yes" } else { "no" };
        writeln!(f, "session             {}", self.jid)?;
        writeln!(f, "role                {}", self.role)?;
        match (self.priority, &self.present_since) {
            (Some(priority), Some(since)) => {
                writeln!(f, "presence            priority {priority}, since {since}")?;
            }
            _ => writeln!(f, "presence            not available")?,
        }
        writeln!(f, "roster              {}", yes(self.interested))?;
        writeln!(f, "directed presences  {}", self.directed_presences)?;
        writeln!(f, "acks                {}", yes(self.acks))?;
        match self.inactive {
            true => writeln!(
                f,
                "client              inactive, {} stanzas held",
                self.held_stanzas
            )?,
            false => writeln!(f, "client              active")?,
        }
        let resumption = match (self.resumable, self.detached) {
            (_, true) => "waits to be resumed",
            (true, false) => "can be resumed",
            (false, false) => "cannot be resumed",
        };
        writeln!(f, "resumption          {resumption}")?;
        if self.detached {
            writeln!(f, "waiting stanzas     {}", self.waiting_stanzas)?;
        }
        writeln!(f, "waiting             {} bytes", self.waiting_bytes)
    }
}

/// Ends one session.
#[derive(Debug, Deserialize)]
pub(super) struct CloseSession {
    session: FullJid,
    reason: Option<String>,
}

impl Command for CloseSession {
    const PATH: &'static str = "session close";
    const ABOUT: &'static str = "End one session; its user may sign in again";
    const NEEDS: Action = Action::ManageSessions;
    const FIELDS: &'static [Field] = &[
        Field::required(
            "session",
            FieldKind::Session,
            "the session, such as juliet@example.org/phone",
        ),
        Field::option("reason", FieldKind::Text, "shown to the user"),
    ];
    const NEEDS_RUNNING: bool = true;
    const NODE: Option<&'static str> = Some("http://jabber.org/protocol/admin#end-user-session");
    type Output = Done;

    fn concerns(&self) -> Concern {
        Concern::host_of(&self.session.bare())
    }

    async fn run(self, cx: &AdminContext) -> Result<Done, CommandError> {
        let user = self.session.bare();
        cx.host(&self.session.to_domain())?;
        if let Some(record) = cx.server().account_record(&user).await? {
            cx.must_be_below(&user, Some(&record))?;
        }
        let only = Some(&self.session);
        match cx.server().kick(&user, only, self.reason.as_deref()) {
            0 => Err(CommandError::NoSession(self.session)),
            _ => Ok(Done::new(format!("The session {} ended.", self.session))),
        }
    }
}
