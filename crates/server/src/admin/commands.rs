//! Doing what is asked, on the engine.

use std::sync::Arc;

use engine::{Authentication, Server, account::AccountError};
use jid::BareJid;

use super::request::{Answer, Outcome, Request, Session, User};

/// What only a serving process can do.
pub(crate) trait Control: Send + Sync {
    /// Reads configuration and certificates anew.
    ///
    /// # Errors
    ///
    /// A sentence; then nothing has changed.
    fn reload(&self) -> Result<(), String>;
}

/// Does `request`. Without `control` no server runs, and what needs one is refused.
pub(crate) async fn run(
    server: &Arc<Server>,
    control: Option<&dyn Control>,
    request: Request,
) -> Answer {
    match perform(server, control, request).await {
        Ok(outcome) => Answer::Ok(outcome),
        Err(sentence) => Answer::Error(sentence),
    }
}

async fn perform(
    server: &Arc<Server>,
    control: Option<&dyn Control>,
    request: Request,
) -> Result<Outcome, String> {
    let told = |error: &dyn std::error::Error| error.to_string();
    match request {
        Request::UserAdd { jid, password } => {
            let jid = account(server, &jid)?;
            server
                .create_account(&jid, password.reveal(), false)
                .await
                .map_err(|error| match error {
                    AccountError::Exists(_) => {
                        format!("{error}; \"user passwd\" sets its password")
                    }
                    _ => told(&error),
                })?;
            Ok(Outcome::Done(format!("The account {jid} was made.")))
        }
        Request::UserPasswd { jid, password } => {
            let jid = account(server, &jid)?;
            server
                .set_password(&jid, password.reveal(), None)
                .await
                .map_err(|error| told(&error))?;
            Ok(Outcome::Done(format!(
                "The password of {jid} was set; its sessions ended."
            )))
        }
        Request::UserDelete { jid } => {
            let jid = account(server, &jid)?;
            server
                .delete_account(&jid)
                .await
                .map_err(|error| told(&error))?;
            Ok(Outcome::Done(format!(
                "The account {jid} was deleted with everything it owned."
            )))
        }
        Request::UserList { host } => users(server, host.as_deref()).await.map(Outcome::Users),
        Request::SessionList => Ok(Outcome::Sessions(sessions(server))),
        Request::Pid => Ok(Outcome::Pid(std::process::id())),
        Request::Reload => {
            control.ok_or("no server is running")?.reload()?;
            Ok(Outcome::Done(
                "Configuration and certificates were read anew.".to_owned(),
            ))
        }
    }
}

/// The account an operator means.
fn account(server: &Server, text: &str) -> Result<BareJid, String> {
    let jid = BareJid::parse(text)
        .ok()
        .filter(|jid| jid.local().is_some())
        .ok_or_else(|| format!("\"{text}\" is not an address such as juliet@example.org"))?;
    match server.host(jid.domain()) {
        Some(host) if host.facts().authentication == Authentication::Accounts => Ok(jid),
        Some(_) => Err(format!(
            "the host {} has no accounts: people sign in to it anonymously",
            jid.domain()
        )),
        None => Err(format!(
            "the host {} is not served here; add [host.\"{}\"] to the configuration. Served are {}",
            jid.domain(),
            jid.domain(),
            served(server)
        )),
    }
}

fn served(server: &Server) -> String {
    let names: Vec<_> = server
        .hosts()
        .iter()
        .map(|host| host.domain().to_string())
        .collect();
    names.join(", ")
}

async fn users(server: &Arc<Server>, host: Option<&str>) -> Result<Vec<User>, String> {
    let hosts = match host {
        None => server.hosts(),
        Some(name) => vec![server.host(name).ok_or_else(|| {
            format!(
                "the host {name} is not served here; served are {}",
                served(server)
            )
        })?],
    };
    let mut users = Vec::new();
    for host in hosts {
        let accounts = server
            .accounts(&host)
            .await
            .map_err(|error| error.to_string())?;
        users.extend(accounts.into_iter().map(|(jid, record)| User {
            jid: jid.to_string(),
            disabled: record.disabled,
            created: record.created.div_euclid(1_000_000),
            last_sign_in: record.last_sign_in.map(|at| at.div_euclid(1_000_000)),
        }));
    }
    Ok(users)
}

fn sessions(server: &Server) -> Vec<Session> {
    server
        .list_sessions()
        .into_iter()
        .map(|session| Session {
            jid: session.full_jid.to_string(),
            priority: session.priority,
            acks: session.has_acks,
        })
        .collect()
}
