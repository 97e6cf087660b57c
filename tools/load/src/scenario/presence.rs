//! One user whose presence changes, and everybody who sees it.

use std::{rc::Rc, time::Duration};

use anyhow::{Context as _, Result};
use clap::Args;
use tokio::{task::spawn_local, time::timeout};
use xml::{Element, Ns};

use super::{
    Span,
    board::{Board, leave},
    fan::Fan,
    friends, gather,
};
use crate::{
    client::{Client, RelayUse, SessionOptions},
    report::Report,
    target::Target,
};

/// How long the last presence may be on its way, before it counts as lost.
const PATIENCE: Duration = Duration::from_secs(20);

/// Parameters.
#[derive(Args, Clone, Debug)]
pub(crate) struct Presence {
    /// How many contacts see it, all of them there.
    #[arg(long, default_value_t = 200)]
    contacts: u32,
    /// How many changes are on their way at most.
    #[arg(long, default_value_t = 1)]
    window: usize,
    #[command(flatten)]
    span: Span,
}

impl Presence {
    pub(super) fn accounts(&self) -> u32 {
        self.contacts + 1
    }

    /// Makes the subscriptions.
    pub(super) async fn prepare(&self, target: &Rc<Target>) -> Result<()> {
        let pairs: Vec<_> = (1..=self.contacts).map(|contact| (0, contact)).collect();
        friends::subscribe(target, self.accounts(), &pairs).await
    }

    pub(super) async fn run(&self, target: &Rc<Target>) -> Result<Report> {
        let mut clients = sessions(target, self.accounts()).await?.into_iter();
        let speaker = clients.next().context("nobody is there")?;
        let board = Rc::new(Board::default());
        let fan = Fan::new(&board, self.contacts);
        let mut running = Vec::new();
        for client in clients {
            running.push(spawn_local(Rc::clone(&fan).hear(client, number_of)));
        }
        // Through a relay the bytes have to be those that a server would send.
        let from = match target.is_relay {
            true => format!(" from='{}/load'", target.accounts.address(0)),
            false => String::new(),
        };
        let words = move |number| {
            format!("<presence{from}><show>away</show><status>change {number}</status></presence>")
        };
        running.push(spawn_local(fan.speak(speaker, self.window, words)));
        let mut report = board.measure(target, self.span, "delivery").await?;
        report.failures = timeout(PATIENCE, leave(running))
            .await
            .unwrap_or_else(|_| vec!["presences were lost".to_owned()]);
        report.scenario = format!(
            "presence to {} contacts, {} at a time, {:?}",
            self.contacts, self.window, target.security
        );
        Ok(report)
    }
}

/// Sessions; in a relay, connections that all hear each other.
pub(super) async fn sessions(target: &Rc<Target>, count: u32) -> Result<Vec<Client>> {
    let target = Rc::clone(target);
    let make = move |place| {
        let target = Rc::clone(&target);
        async move {
            if !target.is_relay {
                return Client::session(&target, place, &SessionOptions::default()).await;
            }
            let mut client = Client::in_relay(&target, RelayUse::Fan).await?;
            client.joined().await?;
            Ok(client)
        }
    };
    gather(count, 16, make).await
}

fn number_of(element: Element<'_>) -> Option<u64> {
    if !element.is("presence", Ns::Content) {
        return None;
    }
    let status = element.child_text("status", Ns::Content)?;
    status.strip_prefix("change ")?.parse().ok()
}
