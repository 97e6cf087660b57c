//! Pairs that write to each other: what a message costs the server, and how long it takes.

use std::rc::Rc;

use anyhow::Result;
use clap::Args;
use tokio::time::sleep;

use super::{Span, chat::Talk};
use crate::{
    report::{Latency, Report},
    target::Target,
    watch::Watch,
};

/// Parameters.
#[derive(Args, Clone, Debug)]
pub(crate) struct Messages {
    #[command(flatten)]
    talk: Talk,
    /// So many messages instead of so many seconds.
    #[arg(long, conflicts_with = "rate")]
    count: Option<u64>,
    #[command(flatten)]
    span: Span,
}

impl Messages {
    pub(super) fn accounts(&self) -> u32 {
        self.talk.pairs * 2
    }

    pub(super) async fn run(&self, target: &Rc<Target>) -> Result<Report> {
        let chat = self.talk.start(target, 0, self.count).await?;
        let (report, board, failures) = if self.count.is_some() {
            let watch = Watch::start(target)?;
            let (board, failures) = chat.until_done().await;
            let report = watch.report(target, board.done.get(), "message")?;
            (report, board, failures)
        } else {
            sleep(self.span.before()?).await;
            let watch = Watch::start(target)?;
            let before = chat.board().done.get();
            chat.board().is_measuring.set(true);
            sleep(self.span.measured()?).await;
            let done = chat.board().done.get() - before;
            let report = watch.report(target, done, "message")?;
            let (board, failures) = chat.stop().await;
            (report, board, failures)
        };
        Ok(Report {
            scenario: self.talk.name(target),
            latency_ms: Latency::of(&board.delivered.borrow()),
            acknowledged_ms: Latency::of(&board.acknowledged.borrow()),
            failures,
            ..report
        })
    }
}
