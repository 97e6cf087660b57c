//! Pairs that write to each other, for a scenario of their own or beside another.

use std::{rc::Rc, time::Duration};

use anyhow::{Context as _, Result};
use clap::Args;
use tokio::{
    task::{JoinHandle, spawn_local},
    time::timeout,
};

use super::{
    board::note,
    gather,
    pace::{Due, Pace, Schedule},
    pair::{Board, Pair, Text},
};
use crate::{
    client::{Client, RelayUse, SessionOptions},
    random::random,
    target::Target,
};

/// How long messages may be on their way after the last was sent, before they count as lost.
const PATIENCE: Duration = Duration::from_secs(20);

/// Parameters.
#[derive(Args, Clone, Debug)]
pub(super) struct Talk {
    /// How many pairs; each is two sessions of two accounts.
    #[arg(long, default_value_t = 100)]
    pub(super) pairs: u32,
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
}

/// Pairs that are writing.
pub(super) struct Chat {
    board: Rc<Board>,
    schedule: Option<Schedule>,
    running: Vec<JoinHandle<Ended>>,
}

impl Talk {
    /// Signs pairs in, of the accounts from place `first` on, and lets them write up to `budget` messages.
    ///
    /// # Errors
    ///
    /// When they can't sign in.
    pub(super) async fn start(
        &self,
        target: &Rc<Target>,
        first: u32,
        budget: Option<u64>,
    ) -> Result<Chat> {
        let board = Rc::new(Board {
            run: format!("{:08x}-", u32::from_be_bytes(random()?)),
            ..Board::default()
        });
        let dues: Vec<Rc<Due>> = match self.rate {
            None => Vec::new(),
            Some(_) => (0..self.pairs).map(|_| Rc::default()).collect(),
        };
        let pairs = self.sign_in(target, first, &board, &dues).await?;
        board.budget.set(budget.unwrap_or(u64::MAX));
        board.is_measuring.set(budget.is_some());
        Ok(Chat {
            running: pairs
                .into_iter()
                .map(|pair| spawn_local(pair.run()))
                .collect(),
            schedule: self.rate.map(|rate| Schedule::start(dues, rate)),
            board,
        })
    }

    /// What is done, in words.
    pub(super) fn name(&self, target: &Target) -> String {
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

    async fn sign_in(
        &self,
        target: &Rc<Target>,
        first: u32,
        board: &Rc<Board>,
        dues: &[Rc<Due>],
    ) -> Result<Vec<Pair>> {
        let options = SessionOptions {
            sm: self.sm,
            ..SessionOptions::default()
        };
        let for_each = Rc::clone(target);
        let make = move |number: u32| {
            let (target, options) = (Rc::clone(&for_each), options.clone());
            async move {
                match target.is_relay {
                    true => Client::in_relay(&target, RelayUse::Pair(number / 2)).await,
                    false => Client::session(&target, first + number, &options).await,
                }
            }
        };
        let mut clients = gather(self.pairs * 2, 16, make).await?.into_iter();
        let mut pairs = Vec::new();
        while let (Some(mut from), Some(mut to)) = (clients.next(), clients.next()) {
            if target.is_relay {
                from.joined().await?;
                to.joined().await?;
            }
            let place = first + pairs.len() as u32 * 2 + 1;
            let address = match to.address() {
                // As long as an address of the servers, so that the floor carries as many bytes.
                "" => format!("{}/load", target.accounts.address(place)),
                _ if self.bare => target.accounts.address(place),
                full => full.to_owned(),
            };
            let text = Text::new(&board.run, &address, self.body);
            let with_sm = self.sm && !target.is_relay;
            let pace = match dues.get(pairs.len()) {
                Some(due) => Pace::Due(Rc::clone(due)),
                None => Pace::Window(self.window),
            };
            pairs.push(Pair::new(from, to, text, pace, with_sm, board));
        }
        Ok(pairs)
    }
}

impl Chat {
    /// What all pairs share.
    pub(super) fn board(&self) -> &Board {
        &self.board
    }

    /// Waits until all that the budget allows is written and delivered. The board stays to be read.
    pub(super) async fn until_done(self) -> (Rc<Board>, Vec<String>) {
        let ended = drain(self.running).await;
        (self.board, sign_out(ended).await)
    }

    /// Stops writing, waits for what is on its way, and signs out.
    pub(super) async fn stop(self) -> (Rc<Board>, Vec<String>) {
        self.board.is_measuring.set(false);
        self.board.budget.set(0);
        drop(self.schedule);
        let ended = drain(self.running).await;
        (self.board, sign_out(ended).await)
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
            note(&mut failures, &error);
        }
    }
    failures
}
