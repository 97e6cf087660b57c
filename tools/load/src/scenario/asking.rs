//! A session that asks for something again and again, one request in flight.

use std::{future::poll_fn, rc::Rc};

use anyhow::{Result, ensure};
use xml::{Element, Ns};

use super::{board::Board, gather};
use crate::{
    client::{Client, RelayUse, SessionOptions},
    clock,
    target::Target,
};

/// What is asked for and what is counted.
pub(super) trait Question: 'static {
    /// The request with this id.
    fn request(&self, id: u64) -> String;

    /// How many units this element is, which is not the answer itself.
    fn units_beside(&self, _element: Element<'_>) -> u64 {
        0
    }

    /// How many units the answer is.
    fn units_of_answer(&self) -> u64 {
        1
    }
}

/// Sessions that ask; connections that hear their own bytes, where the target is a relay.
pub(super) async fn sessions(target: &Rc<Target>, count: u32) -> Result<Vec<Client>> {
    let target = Rc::clone(target);
    let make = move |number| {
        let target = Rc::clone(&target);
        async move {
            if !target.is_relay {
                return Client::session(&target, number, &SessionOptions::default()).await;
            }
            let mut client = Client::in_relay(&target, RelayUse::Echo).await?;
            client.joined().await?;
            Ok(client)
        }
    };
    gather(count, 16, make).await
}

/// Asks until the board says that it is over.
///
/// # Errors
///
/// An answer that is an error or another's, and a stream that ends.
pub(super) async fn ask(
    mut client: Client,
    question: Rc<impl Question>,
    board: Rc<Board>,
) -> Result<()> {
    let mut number: u64 = 0;
    while !board.is_over() {
        client
            .out()
            .extend_from_slice(question.request(number).as_bytes());
        let sent = clock::now();
        client.flush().await?;
        let (mut is_answered, mut units) = (false, 0);
        while !is_answered {
            let heard = poll_fn(|cx| {
                client.poll_events(cx, |element| {
                    if !element.is("iq", Ns::Content) {
                        units += question.units_beside(element);
                        return Ok(());
                    }
                    let id = element.attr("id").and_then(|id| id.parse().ok());
                    let is_error = element.attr("type").as_deref() == Some("error");
                    ensure!(!is_error, "a request was refused: {:?}", element.as_str());
                    ensure!(id == Some(number), "the answer to another request came");
                    units += question.units_of_answer();
                    is_answered = true;
                    Ok(())
                })
            });
            heard.await?.more()?;
        }
        number += 1;
        board.count(units, sent);
    }
    client.close().await
}
