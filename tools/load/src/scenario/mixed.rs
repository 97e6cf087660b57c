//! A day in small: some are just there, some write to each other, some come and go.

use std::{cell::Cell, rc::Rc, time::Duration};

use anyhow::Result;
use clap::Args;
use tokio::{
    task::spawn_local,
    time::{MissedTickBehavior, interval, sleep},
};

use super::{
    Span,
    board::leave,
    chat::Talk,
    gather,
    idle::{CAPABILITIES, Staying},
};
use crate::{
    client::{Client, SessionOptions},
    report::{Latency, Report},
    target::Target,
    watch::Watch,
};

/// Parameters.
#[derive(Args, Clone, Debug)]
pub(crate) struct Mixed {
    /// How many are just there.
    #[arg(long, default_value_t = 500)]
    idle: u32,
    /// How many sign in each second, ask for their roster, and leave again.
    #[arg(long, default_value_t = 20.0)]
    logins: f64,
    #[command(flatten)]
    talk: Talk,
    #[command(flatten)]
    span: Span,
}

/// Accounts that come and go.
const GUESTS: u32 = 100;

impl Mixed {
    pub(super) fn accounts(&self) -> u32 {
        self.idle + self.talk.pairs * 2 + GUESTS
    }

    pub(super) async fn run(&self, target: &Rc<Target>) -> Result<Report> {
        let ended = Rc::new(Cell::new(0));
        let _settled = self.settle(target, &ended).await?;
        let chat = self.talk.start(target, self.idle, None).await?;
        let (is_over, logins) = (Rc::new(Cell::new(false)), Rc::new(Cell::new(0)));
        let first = self.idle + self.talk.pairs * 2;
        let period = Duration::try_from_secs_f64(1.0 / self.logins)?;
        let guests = spawn_local(come_and_go(
            Rc::clone(target),
            first,
            period,
            Rc::clone(&is_over),
            Rc::clone(&logins),
        ));
        sleep(self.span.before()?).await;
        let watch = Watch::start(target)?;
        let before = chat.board().done.get() + logins.get();
        chat.board().is_measuring.set(true);
        sleep(self.span.measured()?).await;
        let done = chat.board().done.get() + logins.get() - before;
        let mut report = watch.report(target, done, "event")?;
        is_over.set(true);
        let (board, mut failures) = chat.stop().await;
        failures.extend(leave(vec![guests]).await);
        if ended.get() > 0 {
            failures.push(format!("{} sessions were ended by the server", ended.get()));
        }
        report.scenario = format!(
            "{} idle, {} sign-ins per second, {}; an event is a message or a visit",
            self.idle,
            self.logins,
            self.talk.name(target)
        );
        report.latency_ms = Latency::of(&board.delivered.borrow());
        report.failures = failures;
        Ok(report)
    }

    /// Signs in those who are just there.
    async fn settle(&self, target: &Rc<Target>, ended: &Rc<Cell<u32>>) -> Result<Vec<Staying>> {
        let (target, ended) = (Rc::clone(target), Rc::clone(ended));
        let options = SessionOptions {
            roster: true,
            presence: CAPABILITIES,
            ..SessionOptions::default()
        };
        let make = move |place| {
            let (target, ended) = (Rc::clone(&target), Rc::clone(&ended));
            let options = options.clone();
            async move {
                let client = Client::session(&target, place, &options).await?;
                Ok(Staying::new(client, ended))
            }
        };
        gather(self.idle, 32, make).await
    }
}

/// Lets somebody come, look at the roster and go, once each `period`.
async fn come_and_go(
    target: Rc<Target>,
    first: u32,
    period: Duration,
    is_over: Rc<Cell<bool>>,
    logins: Rc<Cell<u64>>,
) -> Result<()> {
    let options = SessionOptions {
        roster: true,
        presence: CAPABILITIES,
        ..SessionOptions::default()
    };
    let mut clock = interval(period);
    clock.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut visits = Vec::new();
    for place in (first..first + GUESTS).cycle() {
        clock.tick().await;
        if is_over.get() {
            break;
        }
        let (target, logins, options) = (Rc::clone(&target), Rc::clone(&logins), options.clone());
        visits.push(spawn_local(async move {
            let client = Client::session(&target, place, &options).await?;
            client.close().await?;
            logins.set(logins.get() + 1);
            anyhow::Ok(())
        }));
    }
    for visit in visits {
        visit.await??;
    }
    Ok(())
}
