//! Sessions that wait for their client (XEP-0198): a connection breaks, the server restarts or dies, and the client goes
//! on where it was. What the server had not got of it is not sent again: it may be lost.
//!
//! While a session waits, and does not know whether its time is over, nobody is held to seeing it or not.

use engine::TlsFacts;
use xml::{Element, Framing};

use super::{
    oracle::{Oracle, Violation},
    user::{SM, VirtualUser},
};
use crate::{
    transcript::Received,
    world::{Client, World},
};

/// What a client that wants to go on after a break says.
pub(super) const ENABLE: &str = "<enable xmlns='urn:xmpp:sm:3' resume='true'/>";

impl VirtualUser {
    /// The connection is gone: the session waits, if it can.
    pub(super) fn lose_connection(&mut self, oracle: &mut Oracle) {
        match self.session.take() {
            Some(mut session) if session.previd.is_some() => {
                oracle.waits(self.number, &session.full_jid);
                session.has_missed = true;
                self.waiting = Some(session);
            }
            session => {
                self.session = session;
                self.leave(oracle);
            }
        }
    }

    /// The server was killed: what came and was not confirmed may come again.
    pub(super) fn server_died(&mut self, oracle: &mut Oracle) {
        let Some(session) = &self.waiting else {
            return;
        };
        for (sender, number) in &session.unconfirmed {
            oracle.may_repeat(*sender, self.number, *number);
        }
    }

    /// Goes on with a session that waits. Whether there is one again.
    pub(super) fn resume(
        &mut self,
        world: &mut World,
        oracle: &mut Oracle,
    ) -> Result<bool, Violation> {
        let Some(waiting) = &self.waiting else {
            return Ok(false);
        };
        let resume = format!(
            "{}<resume xmlns='{SM}' previd='{}' h='{}'/>",
            Self::header(),
            waiting.previd.as_deref().unwrap_or_default(),
            waiting.handled
        );
        let link = world.connect_to(self.home(world), Some(TlsFacts::default()));
        let mut client = Client::new(link, Framing::Stream);
        self.authenticate(world, &mut client)?;
        client.send(world, &resume);
        let settled = world.settle();
        settled.map_err(|error| self.unexpected(&error.to_string()))?;
        let answer = loop {
            let received = client.take(world);
            match received.map_err(|fault| self.unexpected(&fault.to_string()))? {
                Some(Received::Element(tree)) if tree.root().ns() == xml::Ns::Uri(SM) => {
                    break tree;
                }
                Some(Received::Element(_) | Received::Header(_)) => {}
                Some(Received::Closed | Received::Cut) | None => {
                    // A broken store refuses for now.
                    world.cut(link);
                    return Ok(true);
                }
            }
        };
        self.answered_resume(world, oracle, client, answer.root())
    }

    fn answered_resume(
        &mut self,
        world: &mut World,
        oracle: &mut Oracle,
        client: Client,
        answer: Element<'_>,
    ) -> Result<bool, Violation> {
        let has_failed = answer.is("failed", SM);
        if has_failed
            && answer
                .children()
                .any(|child| child.name() == "internal-server-error")
        {
            world.cut(client.link());
            return Ok(true);
        }
        self.session = self.waiting.take();
        let h = answer.attr("h").and_then(|h| h.parse().ok());
        match h {
            Some(h) => self.acknowledged(oracle, h)?,
            None if has_failed => {}
            None => return Err(self.unexpected("<resumed/> without h")),
        }
        let Some(session) = &mut self.session else {
            return Ok(false);
        };
        // The server has not got these, or does not know.
        for (to, number) in session.sent.drain(..).flatten() {
            oracle.uncertain(self.number, to, number);
        }
        if has_failed {
            world.cut(client.link());
            self.leave(oracle);
            return Ok(false);
        }
        session.client = client;
        session.reads = true;
        session.is_inactive = false;
        oracle.available(self.number, &session.full_jid);
        self.resumed += 1;
        Ok(true)
    }
}
