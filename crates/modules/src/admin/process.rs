//! `stats`, `reload`, `restart`, `pid`: the server as a whole.

use std::fmt;

use engine::{
    Action,
    command::{AdminContext, Command, CommandError, Concern},
};
use serde::{Deserialize, Serialize};

/// Counts what there is.
#[derive(Debug, Deserialize)]
pub(super) struct Stats {}

impl Command for Stats {
    const PATH: &'static str = "stats";
    const ABOUT: &'static str = "Count sessions, accounts in memory and what waits";
    const NEEDS: Action = Action::OperateServer;
    const NEEDS_RUNNING: bool = true;
    const READS_ONLY: bool = true;
    type Output = Counts;

    fn concerns(&self) -> Concern {
        Concern::Server
    }

    async fn run(self, cx: &AdminContext) -> Result<Counts, CommandError> {
        let server = cx.server();
        let sessions = server.list_sessions();
        Ok(Counts {
            hosts: server.hosts().len(),
            sessions: sessions.len(),
            available: sessions
                .iter()
                .filter(|session| session.priority.is_some())
                .count(),
            accounts_in_memory: server.accounts_in_memory(),
            largest_outbox_bytes: server.largest_outbox_bytes(),
        })
    }
}

#[derive(Debug, Serialize)]
pub(super) struct Counts {
    hosts: usize,
    sessions: usize,
    available: usize,
    accounts_in_memory: usize,
    largest_outbox_bytes: usize,
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "hosts               {}", self.hosts)?;
        writeln!(f, "sessions            {}", self.sessions)?;
        writeln!(f, "  available         {}", self.available)?;
        writeln!(f, "accounts in memory  {}", self.accounts_in_memory)?;
        writeln!(f, "largest outbox      {} bytes", self.largest_outbox_bytes)
    }
}

/// Reads the configuration anew.
#[derive(Debug, Deserialize)]
pub(super) struct Reload {}

impl Command for Reload {
    const PATH: &'static str = "reload";
    const ABOUT: &'static str = "Let the server read its configuration and certificates anew";
    const NEEDS: Action = Action::OperateServer;
    const NEEDS_RUNNING: bool = true;
    type Output = Reloaded;

    fn concerns(&self) -> Concern {
        Concern::Server
    }

    async fn run(self, cx: &AdminContext) -> Result<Reloaded, CommandError> {
        let control = cx.control()?;
        control.reload().map_err(CommandError::Reload)?;
        Ok(Reloaded {
            done: "Configuration and certificates were read anew.",
            needs_restart: control.needs_restart(),
        })
    }
}

#[derive(Debug, Serialize)]
pub(super) struct Reloaded {
    done: &'static str,
    /// Keys whose new values are not in force; left out when there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    needs_restart: Vec<String>,
}

impl fmt::Display for Reloaded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.done)?;
        if !self.needs_restart.is_empty() {
            let keys = self.needs_restart.join(", ");
            writeln!(f, "Changed, but in force only after a restart: {keys}.")?;
        }
        Ok(())
    }
}

/// Restarts the server in place.
#[derive(Debug, Deserialize)]
pub(super) struct Restart {}

impl Command for Restart {
    const PATH: &'static str = "restart";
    const ABOUT: &'static str =
        "Let the server end in good order and go on as the program that is installed now";
    const NEEDS: Action = Action::OperateServer;
    const NEEDS_RUNNING: bool = true;
    type Output = Restarting;

    fn concerns(&self) -> Concern {
        Concern::Server
    }

    async fn run(self, cx: &AdminContext) -> Result<Restarting, CommandError> {
        let control = cx.control()?;
        control.restart().await.map_err(CommandError::Restart)?;
        Ok(Restarting {
            restarting: control.pid(),
        })
    }
}

#[derive(Debug, Serialize)]
pub(super) struct Restarting {
    /// The process, which stays the same.
    restarting: u32,
}

impl fmt::Display for Restarting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "The server restarts; it stays process {}.",
            self.restarting
        )
    }
}

/// Says which process serves.
#[derive(Debug, Deserialize)]
pub(super) struct Pid {}

impl Command for Pid {
    const PATH: &'static str = "pid";
    const ABOUT: &'static str = "Print the process id of the server";
    const NEEDS: Action = Action::OperateServer;
    const NEEDS_RUNNING: bool = true;
    const READS_ONLY: bool = true;
    type Output = ProcessId;

    fn concerns(&self) -> Concern {
        Concern::Server
    }

    async fn run(self, cx: &AdminContext) -> Result<ProcessId, CommandError> {
        Ok(ProcessId {
            pid: cx.control()?.pid(),
        })
    }
}

#[derive(Debug, Serialize)]
pub(super) struct ProcessId {
    pid: u32,
}

impl fmt::Display for ProcessId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.pid)
    }
}
