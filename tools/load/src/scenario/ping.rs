//! Sessions that ping the server, one ping in flight each, [XEP-0199](https://xmpp.org/extensions/xep-0199.html)
//! 2.0.1.

use std::{
    cell::{Cell, RefCell},
    future::poll_fn,
    io::Write as _,
    rc::Rc,
};

use anyhow::{Context as _, Result, ensure};
use clap::Args;
use tokio::{task::spawn_local, time::sleep};
use xml::Ns;

use super::{Span, gather};
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
pub(crate) struct Ping {
    /// How many sessions.
    #[arg(long, default_value_t = 100)]
    sessions: u32,
    #[command(flatten)]
    span: Span,
}

/// What all sessions share.
#[derive(Debug, Default)]
struct Board {
    is_measuring: Cell<bool>,
    is_over: Cell<bool>,
    done: Cell<u64>,
    latency: RefCell<Histogram>,
}

impl Ping {
    pub(super) fn accounts(&self) -> u32 {
        self.sessions
    }

    pub(super) async fn run(&self, target: &Rc<Target>) -> Result<Report> {
        let for_each = Rc::clone(target);
        let make = move |number| {
            let target = Rc::clone(&for_each);
            async move {
                if !target.is_relay {
                    return Client::session(&target, number, &SessionOptions::default()).await;
                }
                let mut client = Client::in_relay(&target, RelayUse::Echo).await?;
                client.joined().await?;
                Ok(client)
            }
        };
        let clients = gather(self.sessions, 16, make).await?;
        let board = Rc::new(Board::default());
        let running: Vec<_> = clients
            .into_iter()
            .map(|client| spawn_local(session(client, Rc::clone(target), Rc::clone(&board))))
            .collect();
        sleep(self.span.before()?).await;
        let watch = Watch::start(target)?;
        let before = board.done.get();
        board.is_measuring.set(true);
        sleep(self.span.measured()?).await;
        board.is_measuring.set(false);
        let mut report = watch.report(target, board.done.get() - before, "ping")?;
        board.is_over.set(true);
        for session in running {
            if let Err(error) = session.await.context("a session broke off").flatten() {
                report.failures.push(format!("{error:#}"));
            }
        }
        report.failures.truncate(10);
        report.scenario = format!("{} sessions ping, {:?}", self.sessions, target.security);
        report.latency_ms = Latency::of(&board.latency.borrow());
        Ok(report)
    }
}

async fn session(mut client: Client, target: Rc<Target>, board: Rc<Board>) -> Result<()> {
    let mut number: u64 = 0;
    while !board.is_over.get() {
        write!(
            client.out(),
            "<iq type='get' id='{number}' to='{}'><ping xmlns='urn:xmpp:ping'/></iq>",
            target.host
        )?;
        let sent = clock::now();
        client.flush().await?;
        let mut is_answered = false;
        while !is_answered {
            let heard = poll_fn(|cx| {
                client.poll_events(cx, |element| {
                    if element.is("iq", Ns::Content) {
                        let id = element.attr("id").and_then(|id| id.parse().ok());
                        let is_error = element.attr("type").as_deref() == Some("error");
                        ensure!(!is_error, "a ping was refused: {:?}", element.as_str());
                        ensure!(id == Some(number), "the answer to another ping came");
                        is_answered = true;
                    }
                    Ok(())
                })
            });
            heard.await?.more()?;
        }
        number += 1;
        board.done.set(board.done.get() + 1);
        if board.is_measuring.get() {
            board.latency.borrow_mut().record(sent.elapsed());
        }
    }
    client.close().await
}
