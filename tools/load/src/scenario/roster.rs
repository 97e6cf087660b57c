//! Sessions that ask for their roster, [RFC 6121](https://www.rfc-editor.org/rfc/rfc6121) section 2.1.3.

use std::rc::Rc;

use anyhow::Result;
use clap::Args;
use tokio::task::spawn_local;

use super::{
    Span,
    asking::{self, Question},
    board::{Board, leave},
    friends::{Circle, make_friends},
};
use crate::{client::NS_ROSTER, report::Report, target::Target};

/// Parameters.
#[derive(Args, Clone, Debug)]
pub(crate) struct Roster {
    /// How many sessions.
    #[arg(long, default_value_t = 100)]
    sessions: u32,
    #[command(flatten)]
    circle: Circle,
    #[command(flatten)]
    span: Span,
}

/// A request for the whole roster.
struct Whole;

impl Question for Whole {
    fn request(&self, id: u64) -> String {
        format!("<iq type='get' id='{id}'><query xmlns='{NS_ROSTER}'/></iq>")
    }
}

impl Roster {
    pub(super) fn accounts(&self) -> u32 {
        self.circle.accounts(self.sessions)
    }

    /// Gives the accounts their rosters.
    pub(super) async fn prepare(&self, target: &Rc<Target>) -> Result<()> {
        make_friends(target, &self.circle, self.sessions).await
    }

    pub(super) async fn run(&self, target: &Rc<Target>) -> Result<Report> {
        let clients = asking::sessions(target, self.sessions).await?;
        let board = Rc::new(Board::default());
        let question = Rc::new(Whole);
        let running: Vec<_> = clients
            .into_iter()
            .map(|client| spawn_local(asking::ask(client, Rc::clone(&question), Rc::clone(&board))))
            .collect();
        let mut report = board.measure(target, self.span, "roster").await?;
        report.failures = leave(running).await;
        report.scenario = format!(
            "{} sessions ask for rosters of {}, {:?}",
            self.sessions,
            self.circle.contacts(),
            target.security
        );
        Ok(report)
    }
}
