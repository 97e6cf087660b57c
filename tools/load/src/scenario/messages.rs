//! Pairs that write to each other: what a message costs the server, and how long it takes.

use std::{rc::Rc, time::Duration};

use anyhow::{Context as _, Result};
use clap::Args;
use tokio::{
    task::{JoinHandle, spawn_local},
    time::{sleep, timeout},
};

use super::{
    Span, gather,
    pace::{Due, Pace, Schedule},
    pair::{Board, Pair, Text},
};
use crate::{
    client::{Client, RelayUse, SessionOptions},
    random::random,
    report::{Latency, Report},
    target::Target,
    watch::Watch,
};

/// How long messages may be on their way after the last was sent, before they count as lost.
const PATIENCE: Duration = Duration::from_secs(20);

/// Parameters.
#[derive(Args, Clone, Debug)]
pub(crate) struct Messages {
    /// How many pairs; each is two sessions of two accounts.
    #[arg(long, default_value_t = 100)]
    pairs: u32,
    /// How many messages of a pair are in flight at most.
    #[arg(long, default_value_t = 1)]
    window: u64,
    /// Write so many messages per second, all pairs together, whatever the server does; instead of --window.
    #[arg(long)]
    rate: Option<f64>,
    /// Bytes of text in each.
    #[arg(long, default_value_t = 100)]
    body: usize,
    /// Address the account, not the session.
    #[arg(long)]
    bare: bool,
    /// Stream management on both sides: a message is done when it is delivered and acknowledged.
    #[arg(long)]
    sm: bool,
    /// So many messages instead of so many seconds.
    #[arg(long, conflicts_with = "rate")]
    count: Option<u64>,
    #[command(flatten)]
    span: Span,
}

impl Messages {
    pub(super) fn accounts(&self) -> u32 {
        self.pairs * 2
    }

    pub(super) async fn run(&self, target: &Rc<Target>) -> Result<Report> {
        let board = Rc::new(Board {
            run: format!("{:08x}-", u32::from_be_bytes(random()?)),
            ..Board::default()
        });
        let dues: Vec<Rc<Due>> = match self.rate {
            None => Vec::new(),
            Some(_) => (0..self.pairs).map(|_| Rc::default()).collect(),
        };
        let pairs = self.pairs(target, &board, &dues).await?;
        board.budget.set(self.count.unwrap_or(u64::MAX));
        board.is_measuring.set(self.count.is_some());
        let watch = Watch::start(target)?;
        let running: Vec<_> = pairs
            .into_iter()
            .map(|pair| spawn_local(pair.run()))
            .collect();
        let (report, failures) = if self.count.is_some() {
            let ended = drain(running).await;
            let report = watch.report(target, board.done.get(), "message")?;
            (report, sign_out(ended).await)
        } else {
            let schedule = self.rate.map(|rate| Schedule::start(dues, rate));
            sleep(self.span.before()?).await;
            let watch = Watch::start(target)?;
            let before = board.done.get();
            board.is_measuring.set(true);
            sleep(self.span.measured()?).await;
            board.is_measuring.set(false);
            let report = watch.report(target, board.done.get() - before, "message")?;
            board.budget.set(0);
            drop(schedule);
            (report, sign_out(drain(running).await).await)
        };
        Ok(Report {
            scenario: self.name(target),
            latency_ms: Latency::of(&board.delivered.borrow()),
            acknowledged_ms: Latency::of(&board.acknowledged.borrow()),
            failures,
            ..report
        })
    }

    fn name(&self, target: &Target) -> String {
        let pace = match self.rate {
            None => format!("{} in flight each", self.window),
            Some(rate) => format!("{rate} per second"),
        };
        format!(
            "{} pairs, {pace}, body of {} bytes, {} JID, {:?}, SM {}",
            self.pairs,
            self.body,
            if self.bare { "bare" } else { "full" },
            target.security,
            if self.sm { "on" } else { "off" }
        )
    }

    async fn pairs(
        &self,
        target: &Rc<Target>,
        board: &Rc<Board>,
        dues: &[Rc<Due>],
    ) -> Result<Vec<Pair>> {
        let (with_sm, is_relay) = (self.sm, target.is_relay);
        let for_each = Rc::clone(target);
        let make = move |number: u32| {
            let target = Rc::clone(&for_each);
            async move {
                match is_relay {
                    true => Client::in_relay(&target, RelayUse::Pair(number / 2)).await,
                    false => {
                        Client::session(
                            &target,
                            number,
                            &SessionOptions {
                                sm: with_sm,
                                ..SessionOptions::default()
                            },
                        )
                        .await
                    }
                }
            }
        };
        let mut clients = gather(self.pairs * 2, 16, make).await?.into_iter();
        let mut pairs = Vec::new();
        while let (Some(mut from), Some(mut to)) = (clients.next(), clients.next()) {
            if is_relay {
                from.joined().await?;
                to.joined().await?;
            }
            let place = pairs.len() as u32 * 2 + 1;
            let address = match to.address() {
                // As long as an address of the servers, so that the floor carries as many bytes.
                "" => format!("{}/load", target.accounts.address(place)),
                _ if self.bare => target.accounts.address(place),
                full => full.to_owned(),
            };
            let text = Text::new(&board.run, &address, self.body);
            let with_sm = with_sm && !is_relay;
            let pace = match dues.get(pairs.len()) {
                Some(due) => Pace::Due(Rc::clone(due)),
                None => Pace::Window(self.window),
            };
            pairs.push(Pair::new(from, to, text, pace, with_sm, board));
        }
        Ok(pairs)
    }
}

/// How a pair ended: with both sessions still there, or how it did not.
type Ended = Result<(Client, Client)>;

/// Waits until all pairs are through.
async fn drain(pairs: Vec<JoinHandle<Ended>>) -> Vec<Ended> {
    let mut ended = Vec::new();
    for pair in pairs {
        let through = timeout(PATIENCE, pair).await;
        let through = through.context("messages were lost").map(|joined| {
            let joined = joined.context("a pair broke off");
            joined.flatten()
        });
        ended.push(through.flatten());
    }
    ended
}

/// Signs the sessions out. What went wrong with them, once each.
async fn sign_out(ended: Vec<Ended>) -> Vec<String> {
    let mut failures = Vec::new();
    for pair in ended {
        let closed = async {
            let (from, to) = pair?;
            // Both at once: through a relay the end of one stream is what ends the other.
            timeout(PATIENCE, async {
                tokio::try_join!(from.close(), to.close())
            })
            .await??;
            anyhow::Ok(())
        };
        if let Err(error) = closed.await {
            let failure = format!("{error:#}");
            if failures.len() < 10 && !failures.contains(&failure) {
                failures.push(failure);
            }
        }
    }
    failures
}
