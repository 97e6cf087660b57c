//! Sessions that are there and do nothing: what one costs in memory, and all of them in CPU time.

use std::{cell::Cell, future::poll_fn, rc::Rc, time::Duration};

use anyhow::{Result, bail};
use clap::Args;
use tokio::{task::spawn_local, time::sleep};

use super::gather;
use crate::{
    client::{Client, Heard, RelayUse, SessionOptions},
    report::{Memory, Report},
    target::Target,
    watch::Watch,
};

/// Parameters.
#[derive(Args, Clone, Debug)]
pub(crate) struct Idle {
    /// How many sessions, each of an account of its own.
    #[arg(long, default_value_t = 1000)]
    sessions: u32,
    /// How many sign in at a time.
    #[arg(long, default_value_t = 32)]
    at_once: u32,
    /// Seconds to wait after the last sign-in, before memory is looked at.
    #[arg(long, default_value_t = 5.0)]
    settle: f64,
    /// Seconds to look on after that.
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,
    /// So many of them sign in before memory is looked at for the first time, so that what a server sets up when it
    /// is first used counts for no session.
    #[arg(long, default_value_t = 1)]
    first_sessions: u32,
}

impl Idle {
    pub(super) fn accounts(&self) -> u32 {
        self.sessions
    }

    pub(super) async fn run(&self, target: &Rc<Target>) -> Result<Report> {
        if self.sessions <= self.first_sessions {
            bail!("--sessions: more than --first-sessions");
        }
        let ended = Rc::new(Cell::new(0));
        self.sign_in(target, 0, self.first_sessions, &ended).await?;
        sleep(Duration::from_millis(200)).await;
        let before_kib = rss_kib(target)?;
        let first = self.first_sessions;
        self.sign_in(target, first, self.sessions - first, &ended)
            .await?;
        sleep(Duration::try_from_secs_f64(self.settle)?).await;
        let after_kib = rss_kib(target)?;
        let sessions = self.sessions - first;

        let watch = Watch::start(target)?;
        sleep(Duration::try_from_secs_f64(self.seconds)?).await;
        let mut report = watch.report(target, u64::from(self.sessions), "session")?;
        report.scenario = format!("{} idle sessions, {:?}", self.sessions, target.security);
        report.per_second = 0.0;
        if let (Some(before_kib), Some(after_kib)) = (before_kib, after_kib) {
            report.memory = Some(Memory {
                before_kib,
                after_kib,
                kib_per_session: after_kib.saturating_sub(before_kib) as f64 / f64::from(sessions),
            });
        }
        if ended.get() > 0 {
            let ended = ended.get();
            report
                .failures
                .push(format!("{ended} sessions were ended by the server"));
        }
        Ok(report)
    }

    async fn sign_in(
        &self,
        target: &Rc<Target>,
        first: u32,
        count: u32,
        ended: &Rc<Cell<u32>>,
    ) -> Result<()> {
        let (target, ended) = (Rc::clone(target), Rc::clone(ended));
        let make = move |number| {
            let (target, ended) = (Rc::clone(&target), Rc::clone(&ended));
            async move {
                let client = match target.is_relay {
                    true => Client::in_relay(&target, RelayUse::Echo).await?,
                    false => {
                        Client::session(&target, first + number, &SessionOptions::default()).await?
                    }
                };
                spawn_local(stay(client, ended));
                Ok(())
            }
        };
        gather(count, self.at_once, make).await?;
        Ok(())
    }
}

/// Reads what comes and answers what has to be answered, until the session ends.
async fn stay(mut client: Client, ended: Rc<Cell<u32>>) {
    let listen = async {
        while poll_fn(|cx| client.poll_events(cx, |_| Ok(()))).await? != Heard::End {
            client.flush().await?;
        }
        anyhow::Ok(())
    };
    let _ = listen.await;
    ended.set(ended.get() + 1);
}

fn rss_kib(target: &Target) -> Result<Option<u64>> {
    target.process.map(|process| process.rss_kib()).transpose()
}
