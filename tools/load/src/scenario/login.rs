//! Sign in, be available, go: what a session costs that does nothing else.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use anyhow::{Context as _, Result};
use clap::Args;
use tokio::{task::spawn_local, time::sleep};

use super::Span;
use crate::{
    client::{Client, RelayUse, SessionOptions},
    clock,
    histogram::Histogram,
    report::{Latency, Report},
    target::Target,
    watch::Watch,
};

/// Parameters.
#[derive(Args, Clone, Debug)]
pub(crate) struct Login {
    /// How many accounts take turns.
    #[arg(long, default_value_t = 100)]
    accounts: u32,
    /// How many are at it at a time.
    #[arg(long, default_value_t = 8)]
    at_once: u32,
    #[command(flatten)]
    span: Span,
}

/// What all that sign in share.
#[derive(Debug, Default)]
struct Board {
    is_measuring: Cell<bool>,
    is_over: Cell<bool>,
    done: Cell<u64>,
    latency: RefCell<Histogram>,
}

impl Login {
    pub(super) fn accounts(&self) -> u32 {
        self.accounts
    }

    pub(super) async fn run(&self, target: &Rc<Target>) -> Result<Report> {
        let board = Rc::new(Board::default());
        let at_once = self.at_once.clamp(1, self.accounts.max(1));
        let running: Vec<_> = (0..at_once)
            .map(|number| {
                let places = (number..self.accounts).step_by(at_once as usize);
                spawn_local(again_and_again(
                    places.collect(),
                    Rc::clone(target),
                    Rc::clone(&board),
                ))
            })
            .collect();
        sleep(self.span.before()?).await;
        let watch = Watch::start(target)?;
        let before = board.done.get();
        board.is_measuring.set(true);
        sleep(self.span.measured()?).await;
        board.is_measuring.set(false);
        let mut report = watch.report(target, board.done.get() - before, "login")?;
        board.is_over.set(true);
        for one in running {
            if let Err(error) = one.await.context("a sign-in broke off").flatten() {
                report.failures.push(format!("{error:#}"));
            }
        }
        report.failures.truncate(10);
        report.scenario = format!("{at_once} sign in at a time, {:?}", target.security);
        report.latency_ms = Latency::of(&board.latency.borrow());
        Ok(report)
    }
}

/// Signs in and out as each of these accounts in turn.
async fn again_and_again(places: Vec<u32>, target: Rc<Target>, board: Rc<Board>) -> Result<()> {
    for place in places.into_iter().cycle() {
        if board.is_over.get() {
            break;
        }
        let started = clock::now();
        if target.is_relay {
            let mut client = Client::in_relay(&target, RelayUse::Echo).await?;
            client.joined().await?;
            drop(client);
        } else {
            let client = Client::session(&target, place, &SessionOptions::default()).await?;
            client.close().await?;
        }
        board.done.set(board.done.get() + 1);
        if board.is_measuring.get() {
            board.latency.borrow_mut().record(started.elapsed());
        }
    }
    Ok(())
}
