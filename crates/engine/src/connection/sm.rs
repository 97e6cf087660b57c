//! XEP-0198 on the wire: what is asked of a stream that has a resource, and what it is told.

use std::{
    io::Write as _,
    sync::Arc,
    time::{Duration, Instant},
};

use stanza::Condition;
use store::Seq;
use stream::{C2s, StreamFault};
use xml::{Builder, Element, Fragment};

use super::bound::Bound;
use crate::{
    account::{Account, stored},
    pipeline::Context,
    server::Server,
    session::{Acks, Resumption, Session, SmId},
};

/// The namespace of [XEP-0198](https://xmpp.org/extensions/xep-0198.html) 1.6.
pub(crate) const NS: &str = "urn:xmpp:sm:3";

/// What `max` counts by.
const SHORTEST_HOLD: Duration = Duration::from_secs(1);

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

    /// Whether any session waits to be resumed. Whoever signs in anonymously can't sign in as the same again.
    pub(super) fn lets_wait(&self, is_anonymous: bool) -> bool {
        !is_anonymous && self.hold >= SHORTEST_HOLD
    }
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

/// A first-level element of a bound stream that is no stanza. What is to be waited for before anything else, if it is
/// that.
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
) -> Result<Option<Starting>, StreamFault> {
    if element.ns() != xml::Ns::Uri(NS) {
        return Err(StreamFault::UnsupportedStanzaType);
    }
    match element.name() {
        "enable" => match enable(element, bound, server, settings) {
            Ok(starting) => return Ok(Some(starting)),
            Err(failed) => stream.send_nonza(&failed),
        },
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
    Ok(None)
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
            Some(seconds) => Some(Duration::from_secs(whole(&seconds)?)),
        };
        Some(Self { resume, max })
    }

    /// How long the session may be without a transport; `None` when it can't be resumed.
    fn hold(self, settings: &SmSettings, is_anonymous: bool) -> Option<Duration> {
        let wanted = self.resume && settings.lets_wait(is_anonymous);
        let hold = self.max.map_or(settings.hold, |max| max.min(settings.hold));
        (wanted && hold >= SHORTEST_HOLD).then_some(hold)
    }

    /// Turns acks on for a session, which `store` stores if it shall be resumable: then the answer waits for that.
    fn carry_out(
        self,
        server: &Arc<Server>,
        session: &Arc<Session>,
        is_anonymous: bool,
        settings: &SmSettings,
        store: impl FnOnce() -> Option<Seq>,
    ) -> Result<Starting, Fragment> {
        let hold = self.hold(settings, is_anonymous);
        let resumption = hold.map(|hold| Resumption::new(SmId::random(server.environment()), hold));
        let enabled = enabled(resumption.as_ref(), settings);
        let is_resumable = resumption.is_some();
        let acks = Acks::new(resumption.map(Resumption::starting));
        if !session.turn_acks_on(acks) {
            return Err(failed_with(Condition::UnexpectedRequest, None));
        }
        Ok(Starting {
            server: server.clone(),
            session: session.clone(),
            stored: is_resumable.then(store).flatten(),
            enabled,
        })
    }
}

/// A number of the schema's `positiveInteger`, which has no end: what is beyond ours is as long as can be.
fn whole(digits: &str) -> Option<u64> {
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| digits.parse().unwrap_or(u64::MAX))
}

/// The client of a session that has a resource asks for stream management.
///
/// # Errors
///
/// `<failed/>`, when `<enable/>` is malformed or came before.
fn enable(
    element: &Element<'_>,
    bound: &Bound,
    server: &Arc<Server>,
    settings: &SmSettings,
) -> Result<Starting, Fragment> {
    let enable = Enable::parse(element).ok_or_else(|| failed_with(Condition::BadRequest, None))?;
    let (session, is_anonymous) = (bound.session(), bound.is_anonymous());
    enable.carry_out(server, session, is_anonymous, settings, || {
        server.note_handled(bound.cell(), session, 0)
    })
}

/// The same for a session that is just being bound by Bind 2, in the run that connects it,
/// [§Enable Stream Management Inline](https://xmpp.org/extensions/xep-0198.html#inline-enable).
///
/// # Errors
///
/// As a client asks that has bound before.
pub(super) fn enable_inline(
    element: &Element<'_>,
    session: &Arc<Session>,
    account: &mut Account,
    cx: &Context<'_>,
    settings: &SmSettings,
) -> Result<Starting, Fragment> {
    let enable = Enable::parse(element).ok_or_else(|| failed_with(Condition::BadRequest, None))?;
    let is_anonymous = account.is_anonymous();
    enable.carry_out(cx.server(), session, is_anonymous, settings, || {
        stored::checkpoint(account, cx, session, 0)
    })
}

/// Stream management that is about to begin: nothing is read from the client and nothing written to it before
/// [`Starting::finish`] gives the answer.
pub(super) struct Starting {
    server: Arc<Server>,
    session: Arc<Session>,
    /// The batch that has the session.
    stored: Option<Seq>,
    enabled: Fragment,
}

impl Starting {
    /// The same where [`Starting::hoped_for`] is told instead: whether it holds.
    pub(super) async fn holds(self) -> bool {
        let is_plain = self.session.outbox().resumption().is_none();
        let session = self.session.clone();
        self.finish().await;
        is_plain || session.outbox().resumption().is_some()
    }

    /// What [`Starting::finish`] will give if the store takes the session.
    pub(super) fn hoped_for(&self) -> Fragment {
        self.enabled.clone()
    }

    /// The answer, which counts begin with, once the session is stored. A store that refuses it makes it one that can't
    /// be resumed.
    pub(super) async fn finish(self) -> Fragment {
        let is_resumable = self.session.outbox().resumption().is_some();
        let is_stored = match self.stored {
            Some(batch) => self.server.store().settled(batch).await.is_ok(),
            None => false,
        };
        let mut outbox = self.session.outbox();
        match &mut outbox.acks {
            Some(acks) if is_resumable && !is_stored => {
                acks.resumption = None;
                enabled(None, &SmSettings::default())
            }
            Some(acks) => {
                if let Some(resumption) = &mut acks.resumption {
                    resumption.is_starting = false;
                }
                self.enabled
            }
            None => self.enabled,
        }
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

/// Appends `<a h='…'/>`.
pub(super) fn write_answer(h: u32, out: &mut Vec<u8>) {
    // Writing to memory doesn't fail.
    let _ = write!(out, "<a xmlns='{NS}' h='{h}'/>");
}

/// Appends `<r/>`.
pub(super) fn write_request(out: &mut Vec<u8>) {
    let _ = write!(out, "<r xmlns='{NS}'/>");
}

/// `<r/>`.
pub(super) fn request() -> Fragment {
    Builder::new("r", NS).build()
}
