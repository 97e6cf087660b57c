//! Requests that went to another home and have no answer yet.
//!
//! Each gets exactly one: that of the other home, or, if that goes down first, an error from us.

use std::{collections::BTreeMap, sync::Arc};

use jid::Jid;
use stanza::{Stanza, StanzaError};

use crate::envelope::Envelope;

/// Requests that may be open to one home; more are answered `resource-constraint`.
const OPEN_MAX: usize = 65_536;

/// Who asked whom, under which id.
type Which = (String, String, String);

/// The open ones.
#[derive(Default)]
pub(super) struct Requests {
    open: BTreeMap<Which, Vec<Request>>,
    count: usize,
}

struct Request {
    asker: Jid,
    asked: Jid,
    stanza: Arc<Stanza>,
}

impl Requests {
    /// Notes that `envelope`, a request, is on its way; `false` when too many are.
    pub(super) fn note(&mut self, envelope: &Envelope) -> bool {
        if self.count >= OPEN_MAX {
            return false;
        }
        self.count += 1;
        let id = envelope.stanza().id().unwrap_or_default();
        let which = which(envelope.from(), envelope.to(), id);
        self.open.entry(which).or_default().push(Request {
            asker: envelope.from().clone(),
            asked: envelope.to().clone(),
            stanza: envelope.stanza().clone(),
        });
        true
    }

    /// The response `stanza` went from `from` to `to`: what it answers is not open any more.
    pub(super) fn answered(&mut self, from: &Jid, to: &Jid, stanza: &Stanza) {
        let which = which(to, from, stanza.id().unwrap_or_default());
        let Some(requests) = self.open.get_mut(&which) else {
            return;
        };
        self.count -= usize::from(requests.pop().is_some());
        if requests.is_empty() {
            self.open.remove(&which);
        }
    }

    /// Nobody answers any more: what the askers get instead.
    pub(super) fn give_up(&mut self, error: &StanzaError) -> Vec<Envelope> {
        let open = std::mem::take(self).open;
        open.into_values()
            .flatten()
            .filter_map(|request| request.answered(error))
            .collect()
    }
}

impl Request {
    fn answered(self, error: &StanzaError) -> Option<Envelope> {
        let reply = self.stanza.reply_error(error)?;
        Some(Envelope::from_elsewhere(self.asked, self.asker, reply))
    }
}

fn which(asker: &Jid, asked: &Jid, id: &str) -> Which {
    (
        asker.as_str().to_owned(),
        asked.as_str().to_owned(),
        id.to_owned(),
    )
}
