//! What can be asked of the server, and what it answers.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::secret::Secret;

/// A command with its arguments.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(tag = "command")]
pub(crate) enum Request {
    /// Make an account.
    #[serde(rename = "user add")]
    UserAdd {
        /// Its bare JID.
        jid: String,
        /// Its password.
        password: Secret,
    },
    /// Set a password; the account's sessions end.
    #[serde(rename = "user passwd")]
    UserPasswd {
        /// Whose.
        jid: String,
        /// The new one.
        password: Secret,
    },
    /// Delete an account with everything it owns.
    #[serde(rename = "user delete")]
    UserDelete {
        /// Which.
        jid: String,
    },
    /// List accounts.
    #[serde(rename = "user list")]
    UserList {
        /// Only of this host.
        host: Option<String>,
    },
    /// List sessions.
    #[serde(rename = "session list")]
    SessionList,
    /// Read configuration and certificates anew.
    #[serde(rename = "reload")]
    Reload,
    /// The process id.
    #[serde(rename = "pid")]
    Pid,
}

impl Request {
    /// Whether it means something only to a running server.
    pub(crate) fn needs_running(&self) -> bool {
        matches!(self, Self::SessionList | Self::Reload | Self::Pid)
    }
}

/// What came of a request: `{"ok": ...}` or `{"error": "a sentence"}`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Answer {
    /// Done.
    Ok(Outcome),
    /// Refused; why, and what to do.
    Error(String),
}

/// What a command found or did. Shown to people by `Display`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Outcome {
    /// Done; a sentence.
    Done(String),
    /// Accounts, by address.
    Users(Vec<User>),
    /// Sessions, by account.
    Sessions(Vec<Session>),
    /// The process id of the server.
    Pid(u32),
}

/// An account in a list.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct User {
    /// Its bare JID.
    pub(crate) jid: String,
    /// Whether it may not sign in.
    pub(crate) disabled: bool,
    /// When it was made, in seconds since 1970.
    pub(crate) created: i64,
    /// When somebody last signed in, likewise.
    pub(crate) last_sign_in: Option<i64>,
}

/// A session in a list.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Session {
    /// Its full JID.
    pub(crate) jid: String,
    /// The priority of its presence, if it is available.
    pub(crate) priority: Option<i8>,
    /// Whether it uses acks (XEP-0198).
    pub(crate) acks: bool,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Done(sentence) => writeln!(f, "{sentence}"),
            Self::Pid(pid) => writeln!(f, "{pid}"),
            Self::Users(users) => {
                for user in users {
                    let disabled = if user.disabled { "  (disabled)" } else { "" };
                    writeln!(f, "{}{disabled}", user.jid)?;
                }
                Ok(())
            }
            Self::Sessions(sessions) => {
                for session in sessions {
                    let presence = match session.priority {
                        Some(priority) => format!("available, priority {priority}"),
                        None => "not available".to_owned(),
                    };
                    let acks = if session.acks { ", acks" } else { "" };
                    writeln!(f, "{}  {presence}{acks}", session.jid)?;
                }
                Ok(())
            }
        }
    }
}
