//! One session that writes, at its pace, and one that reads and counts.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    future::poll_fn,
    rc::Rc,
    task::{Context, Poll},
    time::Instant,
};

use anyhow::{Result, bail, ensure};
use xml::{Element, Ns};

use super::pace::Pace;
use crate::{
    client::{Client, Heard, NS_SM},
    clock,
    histogram::Histogram,
};

/// What all pairs of a run share.
#[derive(Debug, Default)]
pub(super) struct Board {
    /// What the ids of the run's messages begin with. Others are left from an earlier run, and of no interest.
    pub(super) run: String,
    /// Whether latencies are recorded.
    pub(super) is_measuring: Cell<bool>,
    /// Messages that may still be sent.
    pub(super) budget: Cell<u64>,
    /// Messages delivered, and with stream management acknowledged too.
    pub(super) done: Cell<u64>,
    /// From sending to delivery.
    pub(super) delivered: RefCell<Histogram>,
    /// From sending to the server's acknowledgement.
    pub(super) acknowledged: RefCell<Histogram>,
}

/// One pair.
#[derive(Debug)]
pub(super) struct Pair {
    from: Client,
    to: Client,
    text: Text,
    pace: Pace,
    with_sm: bool,
    sent: u64,
    received: u64,
    acknowledged: u64,
    /// How many of those done the board knows of.
    counted: u64,
    /// When messages were sent that have not been received, and that have not been acknowledged.
    on_the_way: VecDeque<Instant>,
    unacknowledged: VecDeque<Instant>,
    board: Rc<Board>,
}

/// A message around its number, with which its id ends.
#[derive(Clone, Debug)]
pub(super) struct Text {
    before: String,
    after: String,
}

impl Text {
    /// A chat message to `to` with so many bytes of text.
    pub(super) fn new(run: &str, to: &str, body_bytes: usize) -> Self {
        let words = "lorem ipsum dolor sit amet consectetur ";
        let body: String = words.chars().cycle().take(body_bytes).collect();
        Self {
            before: format!("<message to='{to}' type='chat' id='{run}"),
            after: format!("'><body>{body}</body></message>"),
        }
    }

    fn write(&self, number: u64, out: &mut Vec<u8>) {
        out.extend_from_slice(self.before.as_bytes());
        out.extend_from_slice(number.to_string().as_bytes());
        out.extend_from_slice(self.after.as_bytes());
    }
}

impl Pair {
    pub(super) fn new(
        from: Client,
        to: Client,
        text: Text,
        pace: Pace,
        with_sm: bool,
        board: &Rc<Board>,
    ) -> Self {
        Self {
            from,
            to,
            text,
            pace,
            with_sm,
            sent: 0,
            received: 0,
            acknowledged: 0,
            counted: 0,
            on_the_way: VecDeque::new(),
            unacknowledged: VecDeque::new(),
            board: Rc::clone(board),
        }
    }

    /// Writes and reads until the budget is used up and all is delivered. Gives back both sessions.
    ///
    /// # Errors
    ///
    /// A lost, repeated, reordered or refused message, and a connection that breaks.
    pub(super) async fn run(mut self) -> Result<(Client, Client)> {
        poll_fn(|cx| self.poll(cx)).await?;
        Ok((self.from, self.to))
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<()>> {
        loop {
            let mut has_come = false;
            while let Poll::Ready(heard) = self.poll_recipient(cx)? {
                heard.more()?;
                has_come = true;
            }
            while let Poll::Ready(heard) = self.from.poll_events(cx, refused)? {
                heard.more()?;
                has_come = true;
            }
            self.count();
            self.write();
            let _ = self.from.poll_flush(cx)?;
            let _ = self.to.poll_flush(cx)?;
            if let Pace::Due(due) = &self.pace {
                due.register(cx);
            }
            if self.in_flight() == 0 && self.board.budget.get() == 0 {
                return Poll::Ready(Ok(()));
            }
            if !has_come {
                return Poll::Pending;
            }
        }
    }

    fn poll_recipient(&mut self, cx: &mut Context<'_>) -> Poll<Result<Heard>> {
        let (received, sent) = (&mut self.received, self.sent);
        let run = self.board.run.as_str();
        self.to.poll_events(cx, |element| {
            let id = match element.is("message", Ns::Content) {
                true => element.attr("id").unwrap_or_default(),
                false => return Ok(()),
            };
            if let Some(number) = id.strip_prefix(run) {
                ensure!(
                    number.parse() == Ok(*received) && *received < sent,
                    "message {number} came where {received} was due"
                );
                *received += 1;
            }
            Ok(())
        })
    }

    /// Takes the time of what has come since the last look.
    fn count(&mut self) {
        let acknowledged = self.from.acknowledged().min(self.sent);
        let (came, acked) = (
            self.on_the_way.len() as u64,
            self.unacknowledged.len() as u64,
        );
        let new_received = came.saturating_sub(self.sent - self.received);
        let new_acknowledged = acked.saturating_sub(self.sent - acknowledged);
        self.acknowledged = acknowledged;
        if new_received + new_acknowledged == 0 {
            return;
        }
        let (now, board) = (clock::now(), &self.board);
        let count = |times: &mut VecDeque<Instant>, new: u64, into: &RefCell<Histogram>| {
            for sent in times.drain(..new as usize) {
                if board.is_measuring.get() {
                    into.borrow_mut().record(now - sent);
                }
            }
        };
        count(&mut self.on_the_way, new_received, &board.delivered);
        count(
            &mut self.unacknowledged,
            new_acknowledged,
            &board.acknowledged,
        );
        let done = self.done();
        self.board
            .done
            .set(self.board.done.get() + done - self.counted);
        self.counted = done;
    }

    fn write(&mut self) {
        let sent_before = self.sent;
        match self.pace.clone() {
            Pace::Window(window) => {
                let new = window.saturating_sub(self.in_flight());
                if new > 0 && self.board.budget.get() > 0 {
                    let now = clock::now();
                    while self.sent < sent_before + new && self.write_one(now) {}
                }
            }
            Pace::Due(due) => {
                while let Some(time) = due.take() {
                    self.write_one(time);
                }
            }
        }
        if self.with_sm && self.sent > sent_before {
            let request = format!("<r xmlns='{NS_SM}'/>");
            self.from.out().extend_from_slice(request.as_bytes());
        }
    }

    /// Writes a message whose time counts from `time`; `false` when there may be none any more.
    fn write_one(&mut self, time: Instant) -> bool {
        let Some(left) = self.board.budget.get().checked_sub(1) else {
            return false;
        };
        self.board.budget.set(left);
        self.text.write(self.sent, self.from.out());
        self.on_the_way.push_back(time);
        if self.with_sm {
            self.unacknowledged.push_back(time);
        }
        self.sent += 1;
        true
    }

    fn in_flight(&self) -> u64 {
        self.sent - self.done()
    }

    /// Messages of which nothing is awaited any more.
    fn done(&self) -> u64 {
        match self.with_sm {
            true => self.received.min(self.acknowledged),
            false => self.received,
        }
    }
}

/// What a sender does not want to hear.
fn refused(element: Element<'_>) -> Result<()> {
    if element.is("message", Ns::Content) && element.attr("type").as_deref() == Some("error") {
        bail!("a message was refused: {:?}", element.as_str());
    }
    Ok(())
}
