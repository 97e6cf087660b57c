//! After the first header: features are sent, the host and its policy are known, the client is not. STARTTLS
//! ([RFC 6120 §5](https://www.rfc-editor.org/rfc/rfc6120#section-5)) and SASL
//! ([§6](https://www.rfc-editor.org/rfc/rfc6120#section-6)) happen here; what a mechanism says is the business of `sasl`.
//! What SASL2 has besides is in `sasl2.rs`.

use std::sync::Arc;
use std::time::Instant;

use jid::{BareJid, Domain};
use sasl::{
    Ask, Credentials, Exchange, Mechanism, Nonce, Offer, SaslFailure, Step, TokenSlot, Tokens,
    Verdict,
    wire::{decode_initial, encode},
};
use stanza::{Condition, IqType, Kind, Stanza, StanzaError};
use xml::{Element, Fragment, Framing, Ns, escape_text, ns};

use super::authenticated::Authenticated;
use super::connecting::{Connecting, Start};
use super::features;
use super::profile::{Profile, text};
use crate::wire::Wire;
use crate::{C2sSettings, Channel, Event, HostPolicy, SignInRequest, StreamFault, StreamId};

/// A stream that was opened to a host of ours by somebody unknown.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(super) id: StreamId,
    since: Instant,
    failures: u8,
    failures_max: u8,
    pub(super) host: Domain,
    /// Who the client says it is.
    pub(super) claimed: Option<BareJid>,
    pub(super) lang: Option<Arc<str>>,
    pub(super) offer: Offer,
    offers_tls: bool,
    /// The version of what SASL2 offers; nothing where it is not offered.
    pub(super) version: Option<Arc<str>>,
    /// In which form the last sign-in was begun.
    pub(super) profile: Profile,
    /// What of a failed sign-in came in one go with it is not for now.
    pub(super) discards: Discards,
    /// `<continue/>` was sent: there is no other sign-in on this stream.
    pub(super) is_continued: bool,
    pub(super) step: SignIn,
}

/// What becomes of what a client sent behind its `<authenticate/>`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Discards {
    /// It is taken for what it is.
    Nothing,
    /// It goes with the sign-in, if that fails.
    WithSignIn,
    /// It is thrown away, up to the next attempt.
    Everything,
}

/// How far the client is with signing in.
#[derive(Debug)]
pub(super) enum SignIn {
    /// No exchange runs.
    Idle,
    /// `<proceed/>` is sent.
    TlsAwaited,
    /// STARTTLS was refused, which ends the stream.
    TlsRefused,
    /// A mechanism is chosen; the caller's nonce is awaited.
    Chosen {
        mechanism: Mechanism,
        initial: Option<Vec<u8>>,
    },
    /// The client's response is awaited.
    Running(Exchange),
    /// The caller's answer is awaited, after it got the question.
    Asked {
        exchange: Exchange,
        ask: Option<Ask>,
    },
    /// The exchange succeeded; the caller's consent is awaited, after it got the name.
    Proved {
        mechanism: Mechanism,
        username: Option<String>,
        token: Option<TokenSlot>,
        data: Option<Vec<u8>>,
    },
    /// The client has to choose one of these tasks.
    Continued { tasks: Vec<String> },
    /// The caller's answer to what the client said in a task is awaited.
    TaskAsked,
    /// What the client says in a task is awaited.
    TaskRunning,
}

impl Opened {
    /// Answers the header: ours, and the features of `policy`.
    pub(crate) fn open(
        start: Start,
        policy: HostPolicy,
        settings: &C2sSettings,
        wire: &mut Wire,
    ) -> Result<Self, StreamFault> {
        let is_secure = start.tls.is_some();
        let offers_tls = !is_secure && policy.can_start_tls && settings.framing == Framing::Stream;
        let offer = features::offer(&policy, start.tls, offers_tls);
        let version = features::before_authentication(
            &policy,
            &offer,
            (is_secure, offers_tls),
            settings,
            wire,
        )?;
        Ok(Self {
            id: start.id,
            since: start.since,
            failures: start.failures,
            failures_max: settings.failures_max,
            host: start.header.host,
            claimed: start.header.from,
            lang: start.header.lang,
            offer,
            offers_tls,
            version,
            profile: Profile::Rfc6120,
            discards: Discards::Nothing,
            is_continued: false,
            step: SignIn::Idle,
        })
    }

    pub(crate) fn since(&self) -> Instant {
        self.since
    }

    pub(crate) fn awaits_tls(&self) -> bool {
        matches!(self.step, SignIn::TlsAwaited)
    }

    pub(crate) fn refused_tls(&self) -> bool {
        matches!(self.step, SignIn::TlsRefused)
    }

    pub(crate) fn is_waiting(&self) -> bool {
        matches!(
            self.step,
            SignIn::Chosen { .. }
                | SignIn::Asked { .. }
                | SignIn::Proved { .. }
                | SignIn::TaskAsked
        )
    }

    pub(crate) fn held_bytes(&self) -> usize {
        size_of::<Self>()
    }

    /// A question that came up and was not put yet.
    pub(crate) fn due(&mut self) -> Option<Event<'static>> {
        match &mut self.step {
            SignIn::Asked { ask, .. } => ask.take().map(Event::Ask),
            SignIn::Proved {
                mechanism,
                username,
                token,
                ..
            } => Some(Event::Proved {
                mechanism: *mechanism,
                username: username.take()?,
                token: *token,
            }),
            _ => None,
        }
    }

    pub(crate) fn element<'a>(
        &mut self,
        element: Element<'a>,
        wire: &mut Wire,
    ) -> Result<Event<'a>, StreamFault> {
        if self.is_amid_sasl2() {
            return self.amid_sasl2(&element, wire);
        }
        if Stanza::is_stanza(&element) {
            return match self.discards {
                Discards::Everything => Ok(discarded(&element, wire)),
                Discards::Nothing | Discards::WithSignIn => early_stanza(&element, wire),
            };
        }
        match (element.name(), element.ns()) {
            ("starttls", Ns::Uri(ns::TLS)) => Ok(self.start_tls(wire)),
            ("auth", Ns::Uri(ns::SASL)) => self.auth(&element, wire),
            ("response", Ns::Uri(ns::SASL)) => self.response(&element, wire),
            ("abort", Ns::Uri(ns::SASL)) => self.abort(Profile::Rfc6120, wire),
            ("authenticate", Ns::Uri(ns::SASL2)) => self.authenticate(&element, wire),
            ("abort", Ns::Uri(ns::SASL2)) => self.abort(Profile::Sasl2, wire),
            ("response" | "next" | "task-data", Ns::Uri(ns::SASL2)) => self.stray(wire),
            _ if self.discards == Discards::Everything => Ok(Event::Handled),
            _ => Ok(Event::Nonza(element)),
        }
    }

    /// [RFC 6120 §5.4.2](https://www.rfc-editor.org/rfc/rfc6120#section-5.4.2).
    fn start_tls(&mut self, wire: &mut Wire) -> Event<'static> {
        if !self.offers_tls {
            wire.element("failure", ns::TLS, |_| {});
            self.step = SignIn::TlsRefused;
            return Event::Handled;
        }
        wire.element("proceed", ns::TLS, |_| {});
        self.step = SignIn::TlsAwaited;
        Event::StartTls
    }

    /// [RFC 6120 §6.4.2](https://www.rfc-editor.org/rfc/rfc6120#section-6.4.2). An exchange that runs is given up and
    /// counts as failed, or a client could make us begin any number of them.
    fn auth(
        &mut self,
        element: &Element<'_>,
        wire: &mut Wire,
    ) -> Result<Event<'static>, StreamFault> {
        self.begin_anew(Profile::Rfc6120)?;
        let name = element.attr("mechanism").unwrap_or_default();
        let chosen = self.offer.choose(&name).and_then(|mechanism| {
            let initial = decode_initial(&text(element)?)?;
            Ok((mechanism, initial))
        });
        match chosen {
            Ok((mechanism, initial)) => {
                Ok(self.chosen(mechanism, initial, SignInRequest::default()))
            }
            Err(failure) => self.handled(Err(failure), wire),
        }
    }

    /// Another sign-in begins; one that runs failed. After `<continue/>` there is no other,
    /// [XEP-0388 §Multiple Authentication](https://xmpp.org/extensions/xep-0388.html#sasl-multi).
    pub(super) fn begin_anew(&mut self, profile: Profile) -> Result<(), StreamFault> {
        if self.is_continued {
            return Err(StreamFault::UnsupportedStanzaType);
        }
        self.profile = profile;
        self.discards = Discards::Nothing;
        if matches!(self.step, SignIn::Running(_)) {
            self.step = SignIn::Idle;
            self.count_failure()?;
        }
        Ok(())
    }

    pub(super) fn chosen(
        &mut self,
        mechanism: Mechanism,
        initial: Option<Vec<u8>>,
        request: SignInRequest,
    ) -> Event<'static> {
        self.step = SignIn::Chosen { mechanism, initial };
        Event::SigningIn {
            mechanism,
            is_sasl2: self.profile == Profile::Sasl2,
            request: Box::new(request),
        }
    }

    /// The client gives up.
    pub(super) fn abort(
        &mut self,
        profile: Profile,
        wire: &mut Wire,
    ) -> Result<Event<'static>, StreamFault> {
        self.profile = profile;
        self.handled(Err(SaslFailure::Aborted), wire)
    }

    pub(super) fn response(
        &mut self,
        element: &Element<'_>,
        wire: &mut Wire,
    ) -> Result<Event<'static>, StreamFault> {
        let step = match std::mem::replace(&mut self.step, SignIn::Idle) {
            SignIn::Running(mut exchange) => self
                .profile
                .response(element)
                .map(|message| (exchange.receive(&message), exchange)),
            _ => Err(SaslFailure::MalformedRequest),
        };
        self.handled(step, wire)
    }

    pub(super) fn handled(
        &mut self,
        step: Result<(Step, Exchange), SaslFailure>,
        wire: &mut Wire,
    ) -> Result<Event<'static>, StreamFault> {
        self.advance(step, wire)?;
        Ok(self.due().unwrap_or(Event::Handled))
    }

    /// Does what the exchange wants.
    fn advance(
        &mut self,
        step: Result<(Step, Exchange), SaslFailure>,
        wire: &mut Wire,
    ) -> Result<(), StreamFault> {
        self.step = match step {
            Ok((Step::Challenge(challenge), exchange)) => {
                self.profile.challenge(&challenge, wire);
                SignIn::Running(exchange)
            }
            Ok((Step::Ask(ask), _)) if self.is_foreign(&ask) => {
                return self.fail(SaslFailure::InvalidAuthzid, None, wire);
            }
            Ok((Step::Ask(ask), exchange)) => SignIn::Asked {
                exchange,
                ask: Some(ask),
            },
            Ok((Step::Success(success), exchange)) => SignIn::Proved {
                mechanism: exchange.mechanism(),
                username: Some(success.username),
                token: success.token,
                data: success.data,
            },
            Ok((Step::Failure(failure), _)) | Err(failure) => {
                return self.fail(failure, None, wire);
            }
        };
        Ok(())
    }

    pub(super) fn fail(
        &mut self,
        failure: SaslFailure,
        why: Option<&Fragment>,
        wire: &mut Wire,
    ) -> Result<(), StreamFault> {
        self.gave_up();
        self.profile.failure(failure, why, wire);
        wire.note_sasl_failure(failure);
        self.count_failure()
    }

    /// A sign-in comes to nothing, and with it what came along.
    pub(super) fn gave_up(&mut self) {
        self.step = SignIn::Idle;
        self.discards = match self.discards {
            Discards::Nothing => Discards::Nothing,
            Discards::WithSignIn | Discards::Everything => Discards::Everything,
        };
    }

    fn count_failure(&mut self) -> Result<(), StreamFault> {
        self.failures = self.failures.saturating_add(1);
        if self.failures < self.failures_max {
            return Ok(());
        }
        Err(StreamFault::TooManyFailures {
            failures: self.failures,
        })
    }

    /// The caller's nonce for the mechanism chosen.
    pub(crate) fn begin(&mut self, nonce: Nonce, wire: &mut Wire) -> Result<(), StreamFault> {
        match std::mem::replace(&mut self.step, SignIn::Idle) {
            SignIn::Chosen { mechanism, initial } => {
                let mut exchange = Exchange::new(mechanism, &self.offer, nonce);
                let step = exchange.start(initial.as_deref());
                self.advance(Ok((step, exchange)), wire)
            }
            other => {
                self.step = other;
                Ok(())
            }
        }
    }

    /// The caller's answer to a question of the mechanism.
    pub(crate) fn answer(&mut self, answer: Answer, wire: &mut Wire) -> Result<(), StreamFault> {
        match std::mem::replace(&mut self.step, SignIn::Idle) {
            SignIn::Asked { mut exchange, .. } => {
                let step = match answer {
                    Answer::Credentials(credentials) => exchange.credentials(credentials),
                    Answer::Verdict(verdict) => exchange.verdict(verdict),
                    Answer::Tokens(tokens) => exchange.tokens(&tokens),
                    Answer::Identified(username) => exchange.identified(username),
                };
                self.advance(Ok((step, exchange)), wire)
            }
            other => {
                self.step = other;
                Ok(())
            }
        }
    }

    /// The caller's no to whatever it was asked.
    pub(crate) fn refuse(
        &mut self,
        failure: SaslFailure,
        why: Option<&Fragment>,
        wire: &mut Wire,
    ) -> Result<(), StreamFault> {
        if !self.is_waiting() {
            return Ok(());
        }
        self.fail(failure, why, wire)
    }

    /// The caller's yes: the client is told, and a new stream begins, with nothing kept of the exchange.
    /// Nothing when there is no success to tell.
    pub(crate) fn accept(&mut self, jid: BareJid, wire: &mut Wire) -> Option<Authenticated> {
        let data = match (&mut self.step, self.profile) {
            (SignIn::Proved { data, .. }, Profile::Rfc6120) => data.take(),
            _ => return None,
        };
        wire.element("success", ns::SASL, |out| {
            if let Some(data) = &data {
                escape_text(&encode(data), out);
            }
        });
        Some(Authenticated::new(
            jid,
            self.host.clone(),
            self.claimed.take(),
            self.id.next(),
            self.lang.take(),
        ))
    }

    /// TLS is established after `<proceed/>`: all begins again.
    pub(crate) fn secured(&self, tls: Channel) -> Connecting {
        Connecting::again(self.id, self.since, self.failures, self.host.clone(), tls)
    }
}

/// An answer to an [`Ask`].
#[derive(Debug)]
pub(crate) enum Answer {
    Credentials(Credentials),
    Verdict(Verdict),
    Tokens(Box<Tokens>),
    Identified(String),
}

/// Before authentication nothing is sent on. An IQ get or set may be registration; a bind request is told that it
/// comes too early, as Prosody does; anything else ends the stream,
/// [RFC 6120 §4.9.3.12](https://www.rfc-editor.org/rfc/rfc6120#section-4.9.3.12).
fn early_stanza(element: &Element<'_>, wire: &mut Wire) -> Result<Event<'static>, StreamFault> {
    let stanza = Stanza::accept(element, None).map_err(|_| StreamFault::TooEarly)?;
    let (Kind::Iq(IqType::Get | IqType::Set), Some(id)) = (stanza.kind(), stanza.id()) else {
        return Err(StreamFault::TooEarly);
    };
    if stanza.has("session", ns::SESSION) {
        return Err(StreamFault::TooEarly);
    }
    if stanza.has("bind", ns::BIND) {
        let error = StanzaError::new(Condition::NotAuthorized).to_fragment();
        wire.stanza(&Stanza::iq(IqType::Error, id).with_child(error));
        return Ok(Event::Handled);
    }
    Ok(Event::EarlyIq(stanza))
}

/// What came along with a sign-in that failed. Whoever asks for something is told; the rest is thrown away.
fn discarded(element: &Element<'_>, wire: &mut Wire) -> Event<'static> {
    if let Ok(stanza) = Stanza::accept(element, None)
        && let (Kind::Iq(IqType::Get | IqType::Set), Some(id)) = (stanza.kind(), stanza.id())
    {
        let error = StanzaError::new(Condition::NotAuthorized).to_fragment();
        wire.stanza(&Stanza::iq(IqType::Error, id).with_child(error));
    }
    Event::Handled
}
