//! One occupant of a room who writes, and all who hear it, [XEP-0045](https://xmpp.org/extensions/xep-0045.html).

use std::{rc::Rc, time::Duration};

use anyhow::{Context as _, Result};
use clap::Args;
use tokio::{task::spawn_local, time::timeout};
use xml::{Element, Ns};

use super::{
    NotOffered, Span,
    board::{Board, leave},
    fan::Fan,
    presence::sessions,
};
use crate::{client::Client, report::Report, target::Target};

/// The feature of a service that has rooms.
const NS_MUC: &str = "http://jabber.org/protocol/muc";
/// How long the last message may be on its way, before it counts as lost.
const PATIENCE: Duration = Duration::from_secs(20);

/// Parameters.
#[derive(Args, Clone, Debug)]
pub(crate) struct Room {
    /// How many hear it, besides the one who writes.
    #[arg(long, default_value_t = 200)]
    occupants: u32,
    /// How many messages are on their way at most.
    #[arg(long, default_value_t = 1)]
    window: usize,
    #[command(flatten)]
    span: Span,
}

impl Room {
    pub(super) fn accounts(&self) -> u32 {
        self.occupants + 1
    }

    pub(super) async fn run(&self, target: &Rc<Target>) -> Result<Report> {
        let mut clients = sessions(target, self.accounts()).await?;
        let room = self.enter(target, &mut clients).await?;
        let mut clients = clients.into_iter();
        let speaker = clients.next().context("nobody is there")?;
        let board = Rc::new(Board::default());
        let fan = Fan::new(&board, self.occupants);
        let mut running = Vec::new();
        for client in clients {
            running.push(spawn_local(Rc::clone(&fan).hear(client, number_of)));
        }
        let words = move |number| {
            format!(
                "<message to='{room}' type='groupchat' id='said-{number}'>\
                 <body>What was said in a room, for everybody to hear, and no more than that.</body></message>"
            )
        };
        running.push(spawn_local(fan.speak(speaker, self.window, words)));
        let mut report = board.measure(target, self.span, "delivery").await?;
        report.failures = timeout(PATIENCE, leave(running))
            .await
            .unwrap_or_else(|_| vec!["messages were lost".to_owned()]);
        report.scenario = format!(
            "a room of {} and one who writes, {} at a time, {:?}",
            self.occupants, self.window, target.security
        );
        Ok(report)
    }

    /// Lets everybody join, the one who writes first. The room's address.
    async fn enter(&self, target: &Target, clients: &mut [Client]) -> Result<String> {
        if target.is_relay {
            return Ok(format!("load@rooms.{}", target.host));
        }
        let first = clients.first_mut().context("nobody is there")?;
        let service = first.service(target, NS_MUC).await;
        let service = service.ok_or_else(|| NotOffered(NS_MUC.to_owned()))?;
        let room = format!("load@{service}");
        for (number, client) in clients.iter_mut().enumerate() {
            client.join(&room, &format!("n{number}")).await?;
            if number == 0 {
                client.accept_room(&room).await?;
            }
        }
        Ok(room)
    }
}

fn number_of(element: Element<'_>) -> Option<u64> {
    if !element.is("message", Ns::Content) {
        return None;
    }
    element.attr("id")?.strip_prefix("said-")?.parse().ok()
}
