//! All sessions lose their connection at once and come back, while other users go on chatting.
//!
//! They resume where the server lets them (XEP-0198) and sign in anew where not, as many at a time as allowed.

use std::{cell::RefCell, rc::Rc, time::Duration};

use anyhow::Result;
use clap::Args;
use tokio::time::sleep;

use super::{chat::Talk, gather};
use crate::{
    client::{Client, Cut, RelayUse, SessionOptions},
    clock,
    histogram::Histogram,
    report::{Latency, Report},
    target::Target,
    watch::Watch,
};

/// Parameters.
#[derive(Args, Clone, Debug)]
pub(crate) struct Storm {
    /// How many sessions are cut.
    #[arg(long, default_value_t = 1000)]
    sessions: u32,
    /// How many come back at a time.
    #[arg(long, default_value_t = 64)]
    at_once: u32,
    /// Do not resume, though the server offers it.
    #[arg(long)]
    anew: bool,
    /// Seconds of chat before.
    #[arg(long, default_value_t = 1.0)]
    quiet: f64,
    #[command(flatten)]
    talk: Talk,
}

/// A session that is to come back: what is left of it, when there is something.
type Left = Rc<RefCell<Vec<Option<Cut>>>>;

impl Storm {
    pub(super) fn accounts(&self) -> u32 {
        self.sessions + self.talk.pairs * 2
    }

    pub(super) async fn run(&self, target: &Rc<Target>) -> Result<Report> {
        let clients = self.sign_in(target).await?;
        let chat = self.talk.start(target, self.sessions, None).await?;
        sleep(Duration::try_from_secs_f64(self.quiet)?).await;
        let watch = Watch::start(target)?;
        chat.board().is_measuring.set(true);
        let left = clients.into_iter().map(|client| Some(client.cut()));
        let left = Rc::new(RefCell::new(left.collect()));
        let times = Rc::new(RefCell::new(Histogram::default()));
        let back = self.come_back(target, left, &times).await;
        let mut report = watch.report(target, self.sessions.into(), "return")?;
        let (board, failures) = chat.stop().await;
        let mut resumed = 0;
        for (client, is_resumed) in back? {
            resumed += u32::from(is_resumed);
            client.close().await?;
        }
        report.scenario = format!(
            "{} sessions are cut and come back, {} at a time, {}; beside them {}",
            self.sessions,
            self.at_once,
            match target.is_relay {
                true => "by connecting".to_owned(),
                false => format!("{resumed} of them resumed"),
            },
            self.talk.name(target)
        );
        report.latency_ms = Latency::of(&times.borrow());
        report.bystanders_ms = Latency::of(&board.delivered.borrow());
        report.failures = failures;
        Ok(report)
    }

    fn options(&self) -> SessionOptions {
        SessionOptions {
            resumable: !self.anew,
            ..SessionOptions::default()
        }
    }

    async fn sign_in(&self, target: &Rc<Target>) -> Result<Vec<Client>> {
        let (target, options) = (Rc::clone(target), self.options());
        let make = move |place| {
            let (target, options) = (Rc::clone(&target), options.clone());
            async move {
                match target.is_relay {
                    true => connect(&target).await,
                    false => Client::session(&target, place, &options).await,
                }
            }
        };
        gather(self.sessions, 32, make).await
    }

    /// Brings all back; each with whether it was resumed.
    async fn come_back(
        &self,
        target: &Rc<Target>,
        left: Left,
        times: &Rc<RefCell<Histogram>>,
    ) -> Result<Vec<(Client, bool)>> {
        let (target, options, times) = (Rc::clone(target), self.options(), Rc::clone(times));
        let make = move |place: u32| {
            let (target, options) = (Rc::clone(&target), options.clone());
            let (left, times) = (Rc::clone(&left), Rc::clone(&times));
            async move {
                let cut = left
                    .borrow_mut()
                    .get_mut(place as usize)
                    .and_then(Option::take);
                let started = clock::now();
                let back = match cut {
                    Some(cut) if !target.is_relay => {
                        Client::return_from(cut, &target, place, &options).await?
                    }
                    _ => (connect(&target).await?, false),
                };
                times.borrow_mut().record(started.elapsed());
                Ok(back)
            }
        };
        gather(self.sessions, self.at_once, make).await
    }
}

async fn connect(target: &Target) -> Result<Client> {
    let mut client = Client::in_relay(target, RelayUse::Echo).await?;
    client.joined().await?;
    Ok(client)
}
