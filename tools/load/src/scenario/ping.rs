//! Sessions that ping the server, one ping in flight each, [XEP-0199](https://xmpp.org/extensions/xep-0199.html)
//! 2.0.1.

use std::rc::Rc;

use anyhow::Result;
use clap::Args;
use tokio::task::spawn_local;

use super::{
    Span,
    asking::{self, Question},
    board::{Board, leave},
};
use crate::{report::Report, target::Target};

/// Parameters.
#[derive(Args, Clone, Debug)]
pub(crate) struct Ping {
    /// How many sessions.
    #[arg(long, default_value_t = 100)]
    sessions: u32,
    #[command(flatten)]
    span: Span,
}

/// A ping to the server.
struct ToHost(String);

impl Question for ToHost {
    fn request(&self, id: u64) -> String {
        let host = &self.0;
        format!("<iq type='get' id='{id}' to='{host}'><ping xmlns='urn:xmpp:ping'/></iq>")
    }
}

impl Ping {
    pub(super) fn accounts(&self) -> u32 {
        self.sessions
    }

    pub(super) async fn run(&self, target: &Rc<Target>) -> Result<Report> {
        let clients = asking::sessions(target, self.sessions).await?;
        let question = Rc::new(ToHost(target.host.clone()));
        let board = Rc::new(Board::default());
        let running: Vec<_> = clients
            .into_iter()
            .map(|client| spawn_local(asking::ask(client, Rc::clone(&question), Rc::clone(&board))))
            .collect();
        let mut report = board.measure(target, self.span, "ping").await?;
        report.failures = leave(running).await;
        report.scenario = format!("{} sessions ping, {:?}", self.sessions, target.security);
        Ok(report)
    }
}
