//! Sessions that are there and do nothing: what one costs in memory, and all of them in CPU time.

use std::{cell::Cell, future::poll_fn, rc::Rc, time::Duration};

use anyhow::{Result, bail};
use clap::Args;
use tokio::{
    task::{AbortHandle, spawn_local},
    time::sleep,
};

use super::{
    friends::{Circle, make_friends},
    gather,
};
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
    /// Ask for the roster, and announce capabilities in the presence: 350 bytes, as clients of today do.
    #[arg(long)]
    caps: bool,
    #[command(flatten)]
    circle: Circle,
}

/// A presence as clients of today send it (XEP-0115, XEP-0319, XEP-0153): with its tags 350 bytes.
pub(super) const CAPABILITIES: &str = "<priority>5</priority>\
     <c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='https://client.example.org/desktop/releases/for-everybody' \
     ver='q07IKJEyjvHSyhy//CH0CxmKi8w='/>\
     <idle xmlns='urn:xmpp:idle:1' since='2026-01-15T10:24:05Z'/>\
     <x xmlns='vcard-temp:x:update'><photo>9b3c1f0e5d7a42688f10c2d4b6e8a0917f5e3d2c</photo></x>";

impl Idle {
    pub(super) fn accounts(&self) -> u32 {
        self.circle.accounts(self.sessions)
    }

    /// Gives the accounts their rosters.
    pub(super) async fn prepare(&self, target: &Rc<Target>) -> Result<()> {
        make_friends(target, &self.circle, self.sessions).await
    }

    pub(super) fn has_contacts(&self) -> bool {
        self.circle.contacts() > 0
    }

    pub(super) async fn run(&self, target: &Rc<Target>) -> Result<Report> {
        if self.sessions <= self.first_sessions {
            bail!("--sessions: more than --first-sessions");
        }
        let ended = Rc::new(Cell::new(0));
        let _first = self.sign_in(target, 0, self.first_sessions, &ended).await?;
        sleep(Duration::from_millis(200)).await;
        let before_kib = rss_kib(target)?;
        let first = self.first_sessions;
        let _others = self
            .sign_in(target, first, self.sessions - first, &ended)
            .await?;
        sleep(Duration::try_from_secs_f64(self.settle)?).await;
        let after_kib = rss_kib(target)?;
        let sessions = self.sessions - first;

        let watch = Watch::start(target)?;
        sleep(Duration::try_from_secs_f64(self.seconds)?).await;
        let mut report = watch.report(target, u64::from(self.sessions), "session")?;
        report.scenario = format!(
            "{} idle sessions, presence of {} bytes, rosters of {}, {:?}",
            self.sessions,
            self.options().presence.len() + "<presence></presence>".len(),
            self.circle.contacts(),
            target.security
        );
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

    fn options(&self) -> SessionOptions {
        SessionOptions {
            roster: self.caps,
            presence: if self.caps { CAPABILITIES } else { "" },
            ..SessionOptions::default()
        }
    }

    async fn sign_in(
        &self,
        target: &Rc<Target>,
        first: u32,
        count: u32,
        ended: &Rc<Cell<u32>>,
    ) -> Result<Vec<Staying>> {
        let (target, ended) = (Rc::clone(target), Rc::clone(ended));
        let options = self.options();
        let make = move |number| {
            let (target, ended) = (Rc::clone(&target), Rc::clone(&ended));
            let options = options.clone();
            async move {
                let client = match target.is_relay {
                    true => Client::in_relay(&target, RelayUse::Echo).await?,
                    false => Client::session(&target, first + number, &options).await?,
                };
                Ok(Staying::new(client, ended))
            }
        };
        gather(count, self.at_once, make).await
    }
}

/// A session that stays until this is dropped; then its connection is cut.
pub(super) struct Staying(AbortHandle);

impl Staying {
    pub(super) fn new(client: Client, ended: Rc<Cell<u32>>) -> Self {
        Self(spawn_local(stay(client, ended)).abort_handle())
    }
}

impl Drop for Staying {
    fn drop(&mut self) {
        self.0.abort();
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_presence_is_as_long_as_it_is_said_to_be() {
        assert_eq!(CAPABILITIES.len() + "<presence></presence>".len(), 350);
        xml::Tree::parse(format!("<presence>{CAPABILITIES}</presence>")).unwrap();
    }
}
