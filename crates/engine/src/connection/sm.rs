//! XEP-0198 on the wire: what is asked of a stream that has a resource, and what it is told.

use std::{sync::Arc, time::Duration, time::Instant};

use stanza::Condition;
use stream::{C2s, StreamFault};
use xml::{Builder, Element, Fragment};

use super::bound::Bound;
use crate::{
    server::Server,
    session::{Acks, Resumption, Session, SmId},
};

/// The namespace of [XEP-0198](https://xmpp.org/extensions/xep-0198.html) 1.6.
pub(crate) const NS: &str = "urn:xmpp:sm:3";

/// What an operator sets for sessions that can be resumed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SmSettings {
    /// How long a session without a transport waits to be resumed; zero where none does.
    pub hold: Duration,
    /// Where clients shall connect first to resume, `HOST:PORT`.
    pub location: Option<String>,
}

impl SmSettings {
    /// As long as Prosody's.
    pub const HOLD: Duration = Duration::from_secs(600);
}

impl Default for SmSettings {
    fn default() -> Self {
        Self {
            hold: Self::HOLD,
            location: None,
        }
    }
}

/// §2: what a client that signed in is offered. It may ask for it once a resource is bound.
pub(super) fn feature() -> Fragment {
    Builder::new("sm", NS).build()
}

/// What a client may say of stream management before it bound a resource, but for resuming: nothing that helps.
pub(super) fn before_binding(stream: &mut C2s, element: &Element<'_>) {
    if element.is("enable", NS) {
        stream.send_nonza(&failed_with(Condition::UnexpectedRequest, None));
    } else {
        stream.fault(&StreamFault::UnsupportedStanzaType);
    }
}

/// A first-level element of a bound stream that is no stanza.
///
/// # Errors
///
/// The fault that ends the stream.
pub(super) fn received(
    bound: &mut Bound,
    server: &Arc<Server>,
    settings: &SmSettings,
    stream: &mut C2s,
    element: &Element<'_>,
    now: Instant,
) -> Result<(), StreamFault> {
    if element.ns() != xml::Ns::Uri(NS) {
        return Err(StreamFault::UnsupportedStanzaType);
    }
    match element.name() {
        "enable" => {
            let answer = match Enable::parse(element) {
                Some(enable) => {
                    enable.carry_out(bound.session(), bound.is_anonymous(), server, settings)
                }
                None => failed_with(Condition::BadRequest, None),
            };
            stream.send_nonza(&answer);
        }
        "resume" => stream.send_nonza(&failed_with(Condition::UnexpectedRequest, None)),
        "r" => bound.ack_requested(now),
        "a" => {
            let h = element
                .attr("h")
                .and_then(|h| h.parse().ok())
                .ok_or(StreamFault::InvalidXml)?;
            bound.acked(server, h)?;
        }
        _ => return Err(StreamFault::UnsupportedStanzaType),
    }
    Ok(())
}

/// `<enable/>`, [§3](https://xmpp.org/extensions/xep-0198.html#enable).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Enable {
    /// The session shall be resumable.
    resume: bool,
    /// For so long at most, if the client says.
    max: Option<Duration>,
}

impl Enable {
    /// `None` when an attribute is not of its type.
    fn parse(element: &Element<'_>) -> Option<Self> {
        let resume = match element.attr("resume").as_deref() {
            None | Some("false" | "0") => false,
            Some("true" | "1") => true,
            Some(_) => return None,
        };
        let max = match element.attr("max") {
            None => None,
            Some(seconds) => Some(Duration::from_secs(seconds.parse::<u32>().ok()?.into())),
        };
        Some(Self { resume, max })
    }

    /// How long the session may be without a transport; `None` when it can't be resumed.
    fn hold(self, settings: &SmSettings, is_anonymous: bool) -> Option<Duration> {
        // Whoever signs in anonymously can't sign in as the same again.
        let wanted = self.resume && !is_anonymous;
        let hold = self.max.map_or(settings.hold, |max| max.min(settings.hold));
        (wanted && hold >= Duration::from_secs(1)).then_some(hold)
    }

    fn carry_out(
        self,
        session: &Session,
        is_anonymous: bool,
        server: &Arc<Server>,
        settings: &SmSettings,
    ) -> Fragment {
        let hold = self.hold(settings, is_anonymous);
        let resumption = hold.map(|hold| Resumption::new(SmId::random(server.environment()), hold));
        let enabled = enabled(resumption.as_ref(), settings);
        match session.turn_acks_on(Acks::new(resumption)) {
            true => enabled,
            false => failed_with(Condition::UnexpectedRequest, None),
        }
    }
}

/// The same for a session that is just being bound by Bind 2,
/// [§Enable Stream Management Inline](https://xmpp.org/extensions/xep-0198.html#inline-enable).
pub(super) fn enable_inline(
    element: &Element<'_>,
    session: &Session,
    is_anonymous: bool,
    server: &Arc<Server>,
    settings: &SmSettings,
) -> Fragment {
    match Enable::parse(element) {
        Some(enable) => enable.carry_out(session, is_anonymous, server, settings),
        None => failed_with(Condition::BadRequest, None),
    }
}

fn enabled(resumption: Option<&Resumption>, settings: &SmSettings) -> Fragment {
    let enabled = Builder::new("enabled", NS);
    match resumption {
        None => enabled.build(),
        Some(resumption) => enabled
            .attr("id", resumption.id.to_text())
            .attr("resume", "true")
            .attr("max", resumption.hold.as_secs().to_string())
            .attr_opt("location", settings.location.as_deref())
            .build(),
    }
}

/// `<failed/>` with a condition of RFC 6120, [§6], and how many stanzas were handled where that is known.
///
/// [§6]: https://xmpp.org/extensions/xep-0198.html#errors
pub(super) fn failed_with(condition: Condition, h: Option<u32>) -> Fragment {
    Builder::new("failed", NS)
        .attr_opt("h", h.map(|h| h.to_string()))
        .child(Builder::new(condition.name(), xml::ns::STANZA_ERRORS))
        .build()
}

/// `<a h='…'/>`.
pub(super) fn answer(h: u32) -> Fragment {
    Builder::new("a", NS).attr("h", h.to_string()).build()
}

/// `<r/>`.
pub(super) fn request() -> Fragment {
    Builder::new("r", NS).build()
}
