//! What is for an account or service that lives in another home.

use std::sync::Arc;

use stanza::{Condition, Kind, StanzaError};

use super::{Next, reply::refuse};
use crate::{effect::Effect, homes::Link, module::Told, server::Server};

impl Server {
    /// On its way there, or back if it can't go.
    pub(super) fn go_elsewhere(self: &Arc<Self>, link: &Arc<Link>, effect: Effect) -> Option<Next> {
        // It came from another home, which thinks that this is the one: it would go back and forth.
        if let Effect::Stanza(envelope) = &effect
            && envelope.crossing().is_some()
        {
            return turned_away(self, effect, Condition::RecipientUnavailable);
        }
        let (effect, condition) = link.leave(self, effect)?;
        turned_away(self, effect, condition)
    }

    /// The same for what waited until the link was ready.
    pub(crate) fn turned_away_elsewhere(self: &Arc<Self>, effect: Effect, condition: Condition) {
        self.work(turned_away(self, effect, condition));
    }

    /// A message came from another home.
    pub(crate) fn route_told(self: &Arc<Self>, told: Box<Told>) {
        match self.link_to(|| told.to.as_str()) {
            None => self.work(Some(Next::Tell(told))),
            Some(_) => self.drop_told(&told, "it came to a home that is not its account's"),
        }
    }
}

/// Messages and requests come back; presence is for sessions, and there are none.
fn turned_away(server: &Server, effect: Effect, condition: Condition) -> Option<Next> {
    match effect {
        Effect::Stanza(envelope) => match envelope.stanza().kind() {
            Kind::Presence(_) => None,
            Kind::Message(_) | Kind::Iq(_) => refuse(&envelope, &StanzaError::new(condition)),
        },
        Effect::Told(told) => {
            server.drop_told(&told, "its home can't be reached");
            None
        }
    }
}
