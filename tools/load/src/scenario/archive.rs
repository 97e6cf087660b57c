//! Sessions that read the latest page of their archive, [XEP-0313](https://xmpp.org/extensions/xep-0313.html).

use std::rc::Rc;

use anyhow::Result;
use clap::Args;
use tokio::task::spawn_local;
use xml::{Element, Ns};

use super::{
    Span,
    asking::{self, Question},
    board::{Board, leave},
    gather,
};
use crate::{
    client::{Client, SessionOptions},
    report::Report,
    target::Target,
};

/// The archive's namespace, and its feature.
const NS_ARCHIVE: &str = "urn:xmpp:mam:2";

/// Parameters.
#[derive(Args, Clone, Debug)]
pub(crate) struct Archive {
    /// How many read, each their own archive.
    #[arg(long, default_value_t = 40)]
    sessions: u32,
    /// How many messages a page has.
    #[arg(long, default_value_t = 50)]
    page: u32,
    /// How many messages each archive is filled with before.
    #[arg(long, default_value_t = 500)]
    messages: u32,
    #[command(flatten)]
    span: Span,
}

/// The latest page.
struct Latest(u32);

impl Question for Latest {
    fn request(&self, id: u64) -> String {
        let page = self.0;
        format!(
            "<iq type='set' id='{id}'><query xmlns='{NS_ARCHIVE}' queryid='{id}'>\
             <set xmlns='http://jabber.org/protocol/rsm'><max>{page}</max><before/></set></query></iq>"
        )
    }

    fn units_beside(&self, element: Element<'_>) -> u64 {
        let is_result =
            element.is("message", Ns::Content) && element.child("result", NS_ARCHIVE).is_some();
        is_result.into()
    }

    fn units_of_answer(&self) -> u64 {
        0
    }
}

impl Archive {
    pub(super) fn accounts(&self) -> u32 {
        self.sessions
    }

    /// Fills the archives: everybody writes to themselves.
    pub(super) async fn prepare(&self, target: &Rc<Target>) -> Result<()> {
        Client::require(target, NS_ARCHIVE).await?;
        let (for_each, messages) = (Rc::clone(target), self.messages);
        let make = move |place: u32| {
            let target = Rc::clone(&for_each);
            async move {
                let mut client =
                    Client::session(&target, place, &SessionOptions::default()).await?;
                let to = target.accounts.address(place);
                for number in 0..messages {
                    let text = format!(
                        "<message to='{to}' type='chat' id='old-{number}'><body>What was written \
                         on some day, message {number} of many that nobody remembers.</body></message>"
                    );
                    client.out().extend_from_slice(text.as_bytes());
                }
                client.flush().await?;
                client.close().await
            }
        };
        gather(self.sessions, 16, make).await?;
        Ok(())
    }

    pub(super) async fn run(&self, target: &Rc<Target>) -> Result<Report> {
        let clients = asking::sessions(target, self.sessions).await?;
        let board = Rc::new(Board::default());
        let question = Rc::new(Latest(self.page));
        let running: Vec<_> = clients
            .into_iter()
            .map(|client| spawn_local(asking::ask(client, Rc::clone(&question), Rc::clone(&board))))
            .collect();
        let mut report = board.measure(target, self.span, "result").await?;
        report.failures = leave(running).await;
        report.scenario = format!(
            "{} sessions read the latest {} of their archive, {:?}; latency is of a page",
            self.sessions, self.page, target.security
        );
        Ok(report)
    }
}
