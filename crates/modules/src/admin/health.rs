//! `healthcheck`: whether the server does its work, for whatever restarts it if it does not.

use std::{fmt, time::Duration};

use engine::{
    Action,
    command::{AdminContext, Command, CommandError, Concern},
};
use serde::{Deserialize, Serialize};

/// How long each part may take. What restarts servers usually waits for half a minute.
const PATIENCE: Duration = Duration::from_secs(5);

/// Tries the server out.
#[derive(Debug, Deserialize)]
pub(super) struct Healthcheck {}

impl Command for Healthcheck {
    const PATH: &'static str = "healthcheck";
    const ABOUT: &'static str =
        "See whether the server does its work: its store takes a value, its workers answer";
    const NEEDS: Action = Action::OperateServer;
    const NEEDS_RUNNING: bool = true;
    const READS_ONLY: bool = true;
    type Output = Health;

    fn concerns(&self) -> Concern {
        Concern::Server
    }

    async fn run(self, cx: &AdminContext) -> Result<Health, CommandError> {
        let server = cx.server();
        let seconds = PATIENCE.as_secs();
        let stored = server.within(PATIENCE, server.try_store()).await;
        let took = stored.ok_or_else(|| {
            CommandError::Unwell(format!(
                "the store did not take a value within {seconds} s; look at the disk and at the log"
            ))
        })?;
        let took = took.map_err(|error| {
            CommandError::Unwell(format!("the store does not take what it is given: {error}"))
        })?;
        let answered = server.within(PATIENCE, cx.control()?.ask_workers()).await;
        let workers = answered.ok_or_else(|| {
            CommandError::Unwell(format!(
                "a worker did not answer within {seconds} s; the log may say why"
            ))
        })?;
        Ok(Health {
            store_milliseconds: took.as_millis(),
            workers,
        })
    }
}

#[derive(Debug, Serialize)]
pub(super) struct Health {
    /// How long the store took to make a value durable and give it back.
    store_milliseconds: u128,
    /// How many workers answered: all.
    workers: usize,
}

impl fmt::Display for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "The server is well: its store took a value in {} ms, its workers ({}) answer.",
            self.store_milliseconds, self.workers
        )
    }
}
