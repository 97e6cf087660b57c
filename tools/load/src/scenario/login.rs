//! Sign in, be available, go: what a session costs that does nothing else.

use std::rc::Rc;

use anyhow::Result;
use clap::Args;
use tokio::task::spawn_local;

use super::{
    Span,
    board::{Board, leave},
};
use crate::{
    client::{Client, RelayUse, SessionOptions},
    clock,
    report::Report,
    target::Target,
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
        let mut report = board.measure(target, self.span, "login").await?;
        report.failures = leave(running).await;
        report.scenario = format!("{at_once} sign in at a time, {:?}", target.security);
        Ok(report)
    }
}

/// Signs in and out as each of these accounts in turn.
async fn again_and_again(places: Vec<u32>, target: Rc<Target>, board: Rc<Board>) -> Result<()> {
    for place in places.into_iter().cycle() {
        if board.is_over() {
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
        board.count(1, started);
    }
    Ok(())
}
