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
    pair::{Board, Pair, Text},
};
use crate::{
    client::{Client, RelayUse},
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
    #[arg(long)]
    count: Option<u64>,
    #[command(flatten)]
    span: Span,
}

impl Messages {
    pub(super) async fn run(&self, target: &Rc<Target>) -> Result<Report> {
        let board = Rc::new(Board::default());
        let mut pairs = self.pairs(target, &board).await?.into_iter();
        let mut running = Vec::new();
        let mut start =
            || -> Vec<_> { pairs.by_ref().map(|pair| spawn_local(pair.run())).collect() };
        let (watch, before);
        let report = if let Some(count) = self.count {
            watch = Watch::start(target)?;
            board.budget.set(count);
            board.is_measuring.set(true);
            running.extend(start());
            let failures = finish(running).await;
            (watch.report(target, board.done.get(), "message")?, failures)
        } else {
            board.budget.set(u64::MAX);
            running.extend(start());
            sleep(self.span.before()?).await;
            watch = Watch::start(target)?;
            before = board.done.get();
            board.is_measuring.set(true);
            sleep(self.span.measured()?).await;
            board.is_measuring.set(false);
            let report = watch.report(target, board.done.get() - before, "message")?;
            board.budget.set(0);
            (report, finish(running).await)
        };
        let (report, failures) = report;
        Ok(Report {
            scenario: self.name(target),
            latency_ms: Latency::of(&board.delivered.borrow()),
            acknowledged_ms: Latency::of(&board.acknowledged.borrow()),
            failures,
            ..report
        })
    }

    fn name(&self, target: &Target) -> String {
        format!(
            "{} pairs, {} in flight each, body of {} bytes, {} JID, {:?}, SM {}",
            self.pairs,
            self.window,
            self.body,
            if self.bare { "bare" } else { "full" },
            target.security,
            if self.sm { "on" } else { "off" }
        )
    }

    async fn pairs(&self, target: &Rc<Target>, board: &Rc<Board>) -> Result<Vec<Pair>> {
        let (with_sm, is_relay) = (self.sm, target.is_relay);
        let for_each = Rc::clone(target);
        let make = move |number: u32| {
            let target = Rc::clone(&for_each);
            async move {
                match is_relay {
                    true => Client::in_relay(&target, RelayUse::Pair(number / 2)).await,
                    false => Client::session(&target, number, with_sm).await,
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
            let text = Text::new(&address, self.body);
            let with_sm = with_sm && !is_relay;
            pairs.push(Pair::new(from, to, text, self.window, with_sm, board));
        }
        Ok(pairs)
    }
}

/// Waits until all pairs are through, and signs their sessions out. What went wrong, once each.
async fn finish(pairs: Vec<JoinHandle<Result<(Client, Client)>>>) -> Vec<String> {
    let mut failures = Vec::new();
    for pair in pairs {
        let ended = async {
            let through = timeout(PATIENCE, pair);
            let (from, to) = through.await.context("messages were lost")???;
            timeout(PATIENCE, from.close()).await??;
            timeout(PATIENCE, to.close()).await??;
            anyhow::Ok(())
        };
        if let Err(error) = ended.await {
            let failure = format!("{error:#}");
            if failures.len() < 10 && !failures.contains(&failure) {
                failures.push(failure);
            }
        }
    }
    failures
}
