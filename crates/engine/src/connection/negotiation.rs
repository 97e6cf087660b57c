//! From the first byte to the bound session: which host, who is it, which resource.

use std::{net::IpAddr, sync::Arc, time::Instant};

use jid::{BareJid, FullJid};
use sasl::{Ask, Credentials, Mechanism, Nonce, SaslFailure, TokenSlot, Tokens, Verdict};
use stanza::{Condition, IqType, Kind, Stanza, StanzaError};
use stream::{ClientId, Event, HostPolicy, Opening, SignInRequest, StreamFault, UserAgent};
use xml::Element;

use super::{
    Connection, Outcome as Awaited, Peer, Phase, TlsFacts, bind,
    resume::{self, Refusal, Resumed},
    sasl2::{Progress, Proof, Proved},
    sign_in, sm,
};
use crate::{
    account::{
        Account, AccountRecord, ClientName,
        ending::{self, End},
        tokens::Held,
    },
    environment::random_bytes,
    host::{Authentication, Host},
    module::{
        AtStream, IqJob, Method, SignInOffer, To,
        iq::{Handler, Hold},
    },
    permission::Role,
    pipeline::{Context, Gates},
    server::Server,
};

/// What is known before a resource is bound.
#[derive(Default)]
pub(super) struct Negotiation {
    host: Option<Arc<Host>>,
    tls: TlsFacts,
    is_secure: bool,
    /// The name of a sign-in under way, until it succeeded or failed.
    pub(super) attempt: Option<Attempt>,
    /// Who the header says that the client is.
    claimed: Option<BareJid>,
    /// What came with the sign-in under way, if it has the form of SASL2.
    pub(super) request: Option<Box<SignInRequest>>,
    /// The account's record, as it was when it was read what the sign-in under way is held against.
    record: Option<AccountRecord>,
    /// The tokens that were read for it.
    held: Option<Box<Held>>,
    /// The sign-in got as far as tasks.
    pub(super) proof: Option<Box<Proof>>,
    pub(super) account: Option<SignedIn>,
}

/// A sign-in under way.
pub(super) struct Attempt {
    pub(super) username: String,
    /// Its one message was answered: if nothing was proved, it failed.
    pub(super) is_last_step: bool,
}

/// Who signed in.
#[derive(Clone)]
pub(super) struct SignedIn {
    pub(super) jid: BareJid,
    pub(super) role: Role,
    pub(super) is_anonymous: bool,
    pub(super) mechanism: Mechanism,
    /// Which credentials of the account it proved to have.
    pub(super) credentials: u32,
    /// Which client it is, where it could say so.
    pub(super) user_agent: Option<Arc<UserAgent>>,
}

impl SignedIn {
    pub(super) fn client_id(&self) -> Option<ClientId> {
        self.user_agent.as_ref()?.id
    }
}

/// What an awaited future of the negotiation tells.
pub(super) enum Outcome {
    Credentials(Result<(Credentials, Option<AccountRecord>), SaslFailure>),
    Verdict(Result<(Verdict, Option<AccountRecord>), SaslFailure>),
    Tokens(Result<Box<(Tokens, Held)>, SaslFailure>),
    Proved(Result<SignedIn, SaslFailure>),
    Sasl2(Box<Progress>),
    EarlyAnswer(Option<Box<Stanza>>),
}

impl Negotiation {
    pub(super) fn host(&self) -> Option<&Arc<Host>> {
        self.host.as_ref()
    }

    pub(super) fn secured(&mut self, facts: TlsFacts) {
        self.tls = facts;
        self.is_secure = true;
    }

    pub(super) fn is_authenticated(&self) -> bool {
        self.account.is_some()
    }

    /// Gives the host to the session.
    pub(super) fn into_host(mut self) -> Option<Arc<Host>> {
        self.host.take()
    }

    /// The connection ends before anything was bound.
    pub(super) fn leave(mut self, server: &Arc<Server>, peer: &Peer) {
        self.settle_attempt(server, peer, false);
        if let Some(host) = self.host.take() {
            host.close_stream();
        }
    }

    /// A sign-in under way has ended.
    pub(super) fn settle_attempt(&mut self, server: &Arc<Server>, peer: &Peer, succeeded: bool) {
        let Some(attempt) = self.attempt.take() else {
            return;
        };
        let Some(address) = peer.address else { return };
        let mut sign_ins = server.sign_ins();
        if succeeded {
            sign_ins.succeeded(address, &attempt.username);
        } else {
            tracing::info!(peer = %peer.label, host = self.host.as_ref().map(|host| host.domain().as_str()), "sign-in failed");
            sign_ins.failed(
                &server.limits(),
                address,
                &attempt.username,
                server.environment().now(),
            );
        }
    }
}

impl Connection {
    /// An event before the session is there.
    pub(super) fn negotiate(&mut self, event: Event<'_>, now: Instant) {
        let proved = matches!(event, Event::Proved { .. });
        let (server, peer) = (self.server.clone(), self.peer.clone());
        if let Phase::Negotiating(negotiation) = &mut self.phase {
            negotiation.settle_attempt(&server, &peer, proved);
        }
        match event {
            Event::Opening(opening) => self.opening(&opening),
            Event::SigningIn {
                is_sasl2, request, ..
            } => {
                if let Phase::Negotiating(negotiation) = &mut self.phase {
                    negotiation.request = is_sasl2.then_some(request);
                    negotiation.record = None;
                    negotiation.held = None;
                    negotiation.proof = None;
                }
                let nonce = random_bytes::<18>(server.environment());
                self.stream.begin(Nonce::from_bytes(&nonce));
            }
            Event::Ask(ask) => self.asked(ask, now),
            Event::Proved {
                username,
                mechanism,
                token,
            } => self.proved(username, mechanism, token),
            Event::Task { data, .. } => self.sasl2_task(data),
            Event::Reopened => {
                if let Some(host) = self.host() {
                    let mut features = host.stream_features(AtStream::AfterSignIn);
                    features.push(super::sm::feature());
                    self.stream.features(&features);
                }
            }
            Event::EarlyIq(stanza) => self.early_iq(stanza),
            Event::Binding(requested) => self.binding(requested),
            Event::Nonza(element) => self.before_binding(&element),
            Event::Rejected(rejected) => {
                if let Some(reply) = rejected.reply(&jid::Jid::from(self.account_or_host())) {
                    self.stream.send_stanza(&reply);
                }
            }
            Event::Handled
            | Event::Idle
            | Event::Reply(_)
            | Event::Stanza(_)
            | Event::StartTls
            | Event::PeerClosed
            | Event::PeerFaulted { .. }
            | Event::Faulted(_) => {}
        }
        self.count_failed_sign_in();
    }

    /// What the client was told of a sign-in that failed.
    pub(super) fn count_failed_sign_in(&mut self) {
        if let Some(failure) = self.stream.take_sasl_failure() {
            self.server.metrics().sign_in_failed(failure);
        }
    }

    /// What was awaited is there.
    pub(super) fn negotiated(&mut self, outcome: Outcome, now: Instant) {
        match outcome {
            Outcome::Credentials(Ok((credentials, record))) => {
                self.keep_record(record);
                self.stream.credentials(credentials);
            }
            Outcome::Verdict(Ok((verdict, record))) => {
                self.keep_record(record);
                self.stream.verdict(verdict);
                self.settle_last_step(now);
            }
            Outcome::Tokens(Ok(read)) => {
                let (tokens, held) = *read;
                self.keep_record(held.record.clone());
                if let Phase::Negotiating(negotiation) = &mut self.phase {
                    negotiation.held = Some(Box::new(held));
                }
                self.stream.tokens(tokens);
                self.settle_last_step(now);
            }
            Outcome::Proved(Ok(signed_in)) => {
                let jid = signed_in.jid.clone();
                self.log_sign_in(&signed_in);
                if let Phase::Negotiating(negotiation) = &mut self.phase {
                    negotiation.account = Some(signed_in);
                }
                self.stream.accept(jid);
            }
            Outcome::Credentials(Err(failure))
            | Outcome::Verdict(Err(failure))
            | Outcome::Tokens(Err(failure))
            | Outcome::Proved(Err(failure)) => {
                if let (Phase::Negotiating(negotiation), SaslFailure::TemporaryAuthFailure) =
                    (&mut self.phase, failure)
                {
                    // Our fault, not a wrong password.
                    negotiation.attempt = None;
                }
                self.stream.refuse(failure);
            }
            Outcome::Sasl2(progress) => self.sasl2_progress(*progress),
            Outcome::EarlyAnswer(Some(reply)) => self.stream.send_stanza(&reply),
            Outcome::EarlyAnswer(None) => {}
        }
        self.count_failed_sign_in();
    }

    fn keep_record(&mut self, record: Option<AccountRecord>) {
        if let Phase::Negotiating(negotiation) = &mut self.phase {
            negotiation.record = record;
        }
    }

    /// The one message of a mechanism was judged: if nothing was proved, the sign-in failed.
    fn settle_last_step(&mut self, now: Instant) {
        self.pump_kept(now);
        let (server, peer) = (self.server.clone(), self.peer.clone());
        if let Phase::Negotiating(negotiation) = &mut self.phase
            && negotiation
                .attempt
                .as_ref()
                .is_some_and(|attempt| attempt.is_last_step)
        {
            negotiation.settle_attempt(&server, &peer, false);
        }
    }

    /// Somebody is in.
    pub(super) fn log_sign_in(&self, who: &SignedIn) {
        tracing::info!(peer = %self.peer.label, jid = %who.jid, mechanism = who.mechanism.name(), "signed in");
        self.server.metrics().signed_in(who.mechanism);
    }

    fn opening(&mut self, opening: &Opening) {
        let Some(host) = self.server.host(opening.host.as_str()) else {
            return self
                .stream
                .fault(&StreamFault::HostUnknown(opening.host.clone()));
        };
        // Who belongs elsewhere does not sign in here, XEP-0388 §Mechanism negotiation.
        let is_elsewhere = |from: &BareJid| from.domain() != host.domain().as_str();
        if opening.from.as_ref().is_some_and(is_elsewhere) {
            return self.stream.fault(&StreamFault::InvalidFrom);
        }
        let Phase::Negotiating(negotiation) = &mut self.phase else {
            return;
        };
        match &negotiation.host {
            Some(before) if before.domain() != host.domain() => {
                return self.stream.fault(&StreamFault::HostChanged);
            }
            Some(_) => {}
            None => {
                if !host.open_stream(self.server.limits().streams_per_host_max) {
                    return self.stream.fault(&StreamFault::ResourceConstraint(
                        "streams for this host; see limits.streams_per_host_max",
                    ));
                }
                negotiation.host = Some(host.clone());
            }
        }
        negotiation.claimed.clone_from(&opening.from);
        let mut policy = HostPolicy {
            mechanisms: mechanisms(&host, !negotiation.tls.xmpp_addresses.is_empty()),
            can_start_tls: self.settings.can_start_tls,
            requires_tls: self.settings.requires_tls,
            // What comes before TLS comes to nothing where TLS is required, RFC 6120 §5.3.1.
            features: match self.settings.requires_tls && !negotiation.is_secure {
                true => Vec::new(),
                false => host.stream_features(AtStream::BeforeSignIn),
            },
            inline: Vec::new(),
            authentication: Vec::new(),
        };
        if negotiation.is_secure {
            let offer = SignInOffer {
                host: &host,
                bindings: &negotiation.tls.bindings,
                claimed: opening.from.as_ref(),
            };
            policy.inline.extend_from_slice(host.sign_in_inline());
            for feature in host.sign_in() {
                policy.mechanisms.extend(feature.mechanisms(offer));
                policy.inline.extend(feature.inline(offer));
                policy.authentication.extend(feature.authentication(offer));
            }
        }
        self.stream.open(policy);
    }

    fn asked(&mut self, ask: Ask, now: Instant) {
        let Some(host) = self.host() else { return };
        let Phase::Negotiating(negotiation) = &mut self.phase else {
            return;
        };
        let server = self.server.clone();
        match ask {
            Ask::Credentials {
                username,
                authzid,
                hash,
            } => {
                let delay = delay(&server, &self.peer, &username, now);
                negotiation.attempt = Some(Attempt {
                    username: username.clone(),
                    is_last_step: false,
                });
                self.wait_for(async move {
                    sign_in::hold(&server, now, delay).await;
                    let credentials = server
                        .credentials(&host, &username, authzid.as_deref(), Some(hash))
                        .await;
                    Awaited::Negotiation(Outcome::Credentials(sign_in::or_temporary(credentials)))
                });
            }
            Ask::VerifyPlain {
                username,
                authzid,
                password,
            } => {
                let delay = delay(&server, &self.peer, &username, now);
                negotiation.attempt = Some(Attempt {
                    username: username.clone(),
                    is_last_step: true,
                });
                self.wait_for(async move {
                    sign_in::hold(&server, now, delay).await;
                    let verdict = sign_in::verify_plain(
                        &server,
                        &host,
                        &username,
                        authzid.as_deref(),
                        password,
                    )
                    .await;
                    Awaited::Negotiation(Outcome::Verdict(verdict))
                });
            }
            Ask::Tokens {
                username,
                mechanism,
            } => {
                let delay = delay(&server, &self.peer, &username, now);
                negotiation.attempt = Some(Attempt {
                    username: username.clone(),
                    is_last_step: true,
                });
                let request = negotiation.request.as_deref();
                let installation = request.and_then(|request| request.user_agent.id);
                let client = installation.map(ClientName::of_installation);
                self.wait_for(async move {
                    sign_in::hold(&server, now, delay).await;
                    let tokens = server.tokens(&host, &username, client.as_ref(), mechanism);
                    let tokens = sign_in::or_temporary(tokens.await);
                    Awaited::Negotiation(Outcome::Tokens(tokens.map(Box::new)))
                });
            }
            Ask::External { authzid } => {
                match sign_in::by_certificate(
                    &host,
                    &negotiation.tls.xmpp_addresses,
                    authzid.as_deref(),
                ) {
                    Ok(username) => self.stream.identified(username),
                    Err(failure) => self.stream.refuse(failure),
                }
            }
            Ask::Anonymous => {
                let name = crate::environment::random_id(server.environment());
                self.stream.identified(name);
            }
        }
    }

    fn proved(&mut self, username: String, mechanism: Mechanism, token: Option<TokenSlot>) {
        let Some(host) = self.host() else { return };
        let Phase::Negotiating(negotiation) = &mut self.phase else {
            return;
        };
        let record = negotiation.record.take();
        let held = negotiation.held.take();
        if let Some(request) = negotiation.request.take() {
            let proved = Proved {
                username,
                mechanism,
                record,
                token: token.and_then(|slot| held?.proved(slot)),
                claimed: negotiation.claimed.clone(),
                request: *request,
            };
            return self.sasl2_proved(host, proved);
        }
        let server = self.server.clone();
        self.wait_for(async move {
            let signed_in = sign_in::admit(&server, &host, &username, mechanism, record).await;
            Awaited::Negotiation(Outcome::Proved(signed_in))
        });
    }

    fn binding(&mut self, requested: Option<String>) {
        let Some(host) = self.host() else { return };
        let Phase::Negotiating(negotiation) = &self.phase else {
            return;
        };
        let Some(account) = negotiation.account.clone() else {
            return;
        };
        let (server, settings) = (self.server.clone(), self.settings.clone());
        self.wait_for(async move {
            let wanted = bind::Wanted::Resource(requested);
            let bound = bind::bind(&server, &host, account, wanted, &settings).await;
            Awaited::Bound(Box::new(bound))
        });
    }

    /// What a client may say of stream management before it bound a resource: that it wants its session back.
    fn before_binding(&mut self, element: &Element<'_>) {
        if !element.is("resume", sm::NS) {
            return sm::before_binding(&mut self.stream, element);
        }
        let Phase::Negotiating(negotiation) = &self.phase else {
            return;
        };
        let Some(who) = negotiation.account.clone() else {
            let failed = sm::failed_with(Condition::UnexpectedRequest, None);
            return self.stream.send_nonza(&failed);
        };
        let Some(request) = resume::Request::parse(element) else {
            let failed = sm::failed_with(Condition::BadRequest, None);
            return self.stream.send_nonza(&failed);
        };
        let (server, settings) = (self.server.clone(), self.settings.clone());
        self.wait_for(async move {
            let outcome = resume::resume(&server, &who, request, &settings.sm).await;
            Awaited::Resumed(Box::new(outcome))
        });
    }

    /// A session was resumed, or not: then the client may bind a resource.
    pub(super) fn resumed(&mut self, outcome: Result<Resumed, Refusal>) {
        let resumed = match outcome {
            Ok(resumed) => resumed,
            Err(Refusal::TooHigh(too_high)) => return self.end_with(&too_high.fault()),
            Err(refusal) => return self.stream.send_nonza(&refusal.to_fragment()),
        };
        if !self.stream.resume(resumed.session().full_jid().clone()) {
            return;
        }
        self.stream.send_nonza(&resumed.to_fragment());
        self.sit_on(resumed);
    }

    /// From here on the connection is the transport of a session that was resumed.
    pub(super) fn sit_on(&mut self, resumed: Resumed) {
        let before = std::mem::replace(&mut self.phase, Phase::Over);
        let Phase::Negotiating(negotiation) = before else {
            // It ended meanwhile; the session waits again.
            return;
        };
        let Some(host) = negotiation.into_host() else {
            return;
        };
        let (session, cell, transport) = resumed.into_parts();
        tracing::info!(peer = %self.peer.label, jid = %session.full_jid(), "session went on");
        let bound = super::Bound::new(session, cell, host, false, transport);
        self.phase = Phase::Bound(Box::new(bound));
    }

    /// A request before sign-in: registration, if the host has it.
    fn early_iq(&mut self, stanza: Stanza) {
        let Some(host) = self.host() else { return };
        if self.settings.requires_tls && !self.is_secure() {
            return self.stream.fault(&StreamFault::TooEarly);
        }
        let method = match stanza.kind() {
            Kind::Iq(IqType::Get) => Method::Get,
            _ => Method::Set,
        };
        let for_host = stanza
            .to()
            .is_none_or(|to| to.as_str() == host.domain().as_str());
        let Some(child) = stanza.payload().filter(|_| for_host) else {
            return self.stream.fault(&StreamFault::TooEarly);
        };
        let tree = child.tree();
        let handler = host.iq().find(
            To::HostBeforeSignIn,
            method,
            child.name(),
            child.ns().uri_or(""),
        );
        let Some(Handler::Handle(handle)) = handler else {
            return self.stream.fault(&StreamFault::TooEarly);
        };
        let stanza = Arc::new(stanza);
        let server = self.server.clone();
        let job = early_job(&self.server, &host, self.peer.address, &stanza);
        match handle(&tree.root(), job) {
            Err(error) => {
                if let Some(reply) = stanza.reply_error(&error) {
                    self.stream.send_stanza(&reply);
                }
            }
            Ok(answering) => self.wait_for(async move {
                // It runs to its end even if the client is gone by then.
                let reply = match server.detached(answering).await {
                    Some(Ok(payload)) => Some(stanza.reply_result(payload)),
                    Some(Err(error)) => stanza.reply_error(&error),
                    None => stanza.reply_error(&unavailable()),
                };
                Awaited::Negotiation(Outcome::EarlyAnswer(reply.map(Box::new)))
            }),
        }
    }

    /// A resource was bound, or refused.
    pub(super) fn bound(&mut self, outcome: bind::BindOutcome) {
        match outcome {
            Err(error) => self.stream.refuse_bind(&error),
            Ok(bound) => {
                if let Some((_, full_jid)) = self.enter(bound) {
                    self.stream.bind(full_jid);
                }
            }
        }
    }

    /// From here on there is a session. Nothing when the connection ended meanwhile.
    pub(super) fn enter(&mut self, bound: bind::Bound) -> Option<(Arc<Host>, FullJid)> {
        let bind::Bound { session, cell, .. } = bound;
        let full_jid = session.full_jid().clone();
        let before = std::mem::replace(&mut self.phase, Phase::Over);
        let Phase::Negotiating(negotiation) = before else {
            // So does the session that nobody serves.
            let gone = |account: &mut Account, cx: &Context<'_>| {
                ending::finish(account, cx, session.id(), &End::Gone)
            };
            self.server.visit(&cell, Gates::OPEN, gone);
            return None;
        };
        let signed_in = negotiation.account.clone();
        let host = negotiation.into_host()?;
        tracing::info!(peer = %self.peer.label, jid = %full_jid, "session bound");
        self.phase = Phase::Bound(Box::new(super::Bound::new(
            session,
            cell,
            host.clone(),
            signed_in.is_some_and(|who| who.is_anonymous),
            0,
        )));
        Some((host, full_jid))
    }

    fn is_secure(&self) -> bool {
        match &self.phase {
            Phase::Negotiating(negotiation) => negotiation.is_secure,
            Phase::Bound(_) | Phase::Over => false,
        }
    }

    fn host(&self) -> Option<Arc<Host>> {
        match &self.phase {
            Phase::Negotiating(negotiation) => negotiation.host.clone(),
            Phase::Bound(_) | Phase::Over => None,
        }
    }

    fn account_or_host(&self) -> BareJid {
        let Phase::Negotiating(negotiation) = &self.phase else {
            return self.fallback();
        };
        match (&negotiation.account, &negotiation.host) {
            (Some(account), _) => account.jid.clone(),
            (None, Some(host)) => BareJid::from(host.domain().clone()),
            (None, None) => self.fallback(),
        }
    }

    fn fallback(&self) -> BareJid {
        let host = self.server.hosts().into_iter().next();
        host.map_or_else(
            || BareJid::parse("localhost").expect("localhost is a domain"),
            |host| BareJid::from(host.domain().clone()),
        )
    }
}

/// What a host offers to a client, strongest first.
fn mechanisms(host: &Host, has_certificate: bool) -> Vec<Mechanism> {
    let facts = host.facts();
    match facts.authentication {
        Authentication::Anonymous => vec![Mechanism::Anonymous],
        Authentication::Accounts => Mechanism::ALL
            .into_iter()
            .filter(|mechanism| match mechanism {
                Mechanism::Anonymous => false,
                Mechanism::External => has_certificate,
                Mechanism::Plain => true,
                scram => scram
                    .hash()
                    .is_some_and(|hash| facts.scram_hashes.contains(&hash)),
            })
            .collect(),
    }
}

/// How long the outcome of a sign-in is held back, after failures.
fn delay(server: &Arc<Server>, peer: &Peer, username: &str, now: Instant) -> std::time::Duration {
    match peer.address {
        Some(address) => server
            .sign_ins()
            .delay(&server.limits(), address, username, now),
        None => std::time::Duration::ZERO,
    }
}

fn early_job(
    server: &Arc<Server>,
    host: &Arc<Host>,
    address: Option<IpAddr>,
    stanza: &Arc<Stanza>,
) -> IqJob {
    IqJob {
        from: host.domain().clone().into(),
        session: None,
        role: Role::default(),
        account: None,
        host: host.clone(),
        server: server.clone(),
        address,
        stanza: stanza.clone(),
        hold: Hold::default(),
    }
}

/// The error for a bind that the store could not serve.
pub(super) fn unavailable() -> StanzaError {
    StanzaError::new(Condition::InternalServerError)
}
