//! One session that speaks, many that hear it: what presence and rooms have in common.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    future::poll_fn,
    rc::Rc,
    time::Instant,
};

use anyhow::{Result, ensure};
use tokio::sync::Notify;
use xml::Element;

use super::board::Board;
use crate::{client::Client, clock};

/// What the speaker and all hearers share.
pub(super) struct Fan {
    board: Rc<Board>,
    hearers: u64,
    /// What is on its way: when it was said, and how many have not heard it.
    on_the_way: RefCell<VecDeque<(Instant, u64)>>,
    /// Number of the first of these.
    first: Cell<u64>,
    was_heard: Notify,
    is_over: Notify,
}

/// Finds the number in what a hearer gets, if it is about this at all.
pub(super) type NumberOf = fn(Element<'_>) -> Option<u64>;

impl Fan {
    pub(super) fn new(board: &Rc<Board>, hearers: u32) -> Rc<Self> {
        Rc::new(Self {
            board: Rc::clone(board),
            hearers: hearers.into(),
            on_the_way: RefCell::default(),
            first: Cell::new(1),
            was_heard: Notify::new(),
            is_over: Notify::new(),
        })
    }

    /// Says one after another, with `window` of them on their way, until the board says that it is over and all is
    /// heard. Numbers count from 1.
    ///
    /// # Errors
    ///
    /// When the stream ends.
    pub(super) async fn speak(
        self: Rc<Self>,
        mut client: Client,
        window: usize,
        words: impl Fn(u64) -> String,
    ) -> Result<()> {
        let mut number = 1;
        loop {
            while !self.board.is_over() && self.on_the_way.borrow().len() < window.max(1) {
                client.out().extend_from_slice(words(number).as_bytes());
                let said = (clock::now(), self.hearers);
                self.on_the_way.borrow_mut().push_back(said);
                number += 1;
            }
            client.flush().await?;
            if self.on_the_way.borrow().is_empty() {
                break;
            }
            // What the speaker gets itself has to be read, and is of no interest.
            tokio::select! {
                () = self.was_heard.notified() => {}
                heard = poll_fn(|cx| client.poll_events(cx, |_| Ok(()))) => heard?.more()?,
            }
        }
        self.is_over.notify_waiters();
        client.close().await
    }

    /// Hears all of it, in order.
    ///
    /// # Errors
    ///
    /// When something is missing, comes twice or in another order, and when the stream ends.
    pub(super) async fn hear(
        self: Rc<Self>,
        mut client: Client,
        number_of: NumberOf,
    ) -> Result<()> {
        let mut due = 1;
        loop {
            let hear = poll_fn(|cx| {
                client.poll_events(cx, |element| {
                    let Some(number) = number_of(element) else {
                        return Ok(());
                    };
                    ensure!(number == due, "number {number} came where {due} was due");
                    due += 1;
                    self.was_heard_once(number);
                    Ok(())
                })
            });
            // Through a relay the others' farewells are heard as well.
            tokio::select! {
                biased;
                () = self.is_over.notified() => break,
                heard = hear => heard?.more()?,
            }
        }
        client.close().await
    }

    fn was_heard_once(&self, number: u64) {
        let mut on_the_way = self.on_the_way.borrow_mut();
        let place = number.saturating_sub(self.first.get()) as usize;
        if let Some((said, left)) = on_the_way.get_mut(place) {
            *left = left.saturating_sub(1);
            if *left == 0 {
                self.board.count(self.hearers, *said);
            }
        }
        while on_the_way.front().is_some_and(|(_, left)| *left == 0) {
            on_the_way.pop_front();
            self.first.set(self.first.get() + 1);
            self.was_heard.notify_one();
        }
    }
}
