//! From the first byte to the bound session: which host, who is it, which resource.
//!
//! What is known on the way, and who takes which event: `offer.rs` answers the header, `mechanism.rs` and `sasl2.rs` sign in,
//! `before_sign_in.rs` serves who has not, `entry.rs` gives a session to who has.

use std::{sync::Arc, time::Instant};

use jid::BareJid;
use sasl::{Credentials, Mechanism, SaslFailure, Tokens, Verdict};
use stanza::{Condition, Stanza, StanzaError};
use stream::{ClientId, Event, SignInRequest, UserAgent};

use super::{
    Connection, Peer, Phase, TlsFacts,
    sasl2::{Progress, Proof},
    sm,
};
use crate::{
    account::{AccountRecord, tokens::Held},
    host::Host,
    module::AtStream,
    permission::Role,
    server::Server,
};

/// What is known before a resource is bound.
#[derive(Default)]
pub(super) struct Negotiation {
    pub(super) host: Option<Arc<Host>>,
    pub(super) tls: TlsFacts,
    pub(super) is_secure: bool,
    /// The name of a sign-in under way, until it succeeded or failed.
    pub(super) attempt: Option<Attempt>,
    /// Who the header says that the client is.
    pub(super) claimed: Option<BareJid>,
    /// What came with the sign-in under way, if it has the form of SASL2.
    pub(super) request: Option<Box<SignInRequest>>,
    /// It came before the handshake was over.
    pub(super) is_early: bool,
    /// The account's record, as it was when it was read what the sign-in under way is held against.
    pub(super) record: Option<AccountRecord>,
    /// The tokens that were read for it.
    pub(super) held: Option<Box<Held>>,
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
                is_sasl2,
                mechanism,
                request,
            } => self.signing_in(mechanism, is_sasl2.then_some(request)),
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
                    features.push(sm::feature());
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

    pub(super) fn is_secure(&self) -> bool {
        match &self.phase {
            Phase::Negotiating(negotiation) => negotiation.is_secure,
            Phase::Bound(_) | Phase::Over => false,
        }
    }

    pub(super) fn host(&self) -> Option<Arc<Host>> {
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

/// The error for a bind that the store could not serve.
pub(super) fn unavailable() -> StanzaError {
    StanzaError::new(Condition::InternalServerError)
}
