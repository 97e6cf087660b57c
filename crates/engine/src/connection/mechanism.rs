//! A mechanism that a client chose: whether this is the time for it, what it asks for, and what follows its success.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use sasl::{Ask, Mechanism, Nonce, SaslFailure, TokenSlot};
use stream::SignInRequest;

use super::{
    Connection, Outcome as Awaited, Peer, Phase, Tls,
    negotiation::{Attempt, Outcome},
    sasl2::Proved,
    sign_in,
};
use crate::{account::ClientName, environment::random_bytes, server::Server};

impl Connection {
    /// A mechanism is chosen. What comes before the handshake is over may be a sign-in by token and nothing else,
    /// [XEP-0388 §Security](https://xmpp.org/extensions/xep-0388.html#security),
    /// [XEP-0484 §3.4](https://xmpp.org/extensions/xep-0484.html#fast-auth): any other is to be tried once more.
    pub(super) fn signing_in(&mut self, mechanism: Mechanism, request: Option<Box<SignInRequest>>) {
        let is_early = self.tls == Tls::Early;
        if is_early && (request.is_none() || !mechanism.can_be_early()) {
            return self.stream.refuse(SaslFailure::TemporaryAuthFailure);
        }
        if let Phase::Negotiating(negotiation) = &mut self.phase {
            negotiation.request = request;
            negotiation.is_early = is_early;
            negotiation.record = None;
            negotiation.held = None;
            negotiation.proof = None;
        }
        let nonce = random_bytes::<18>(self.server.environment());
        self.stream.begin(Nonce::from_bytes(&nonce));
    }

    pub(super) fn asked(&mut self, ask: Ask, now: Instant) {
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

    pub(super) fn proved(
        &mut self,
        username: String,
        mechanism: Mechanism,
        token: Option<TokenSlot>,
    ) {
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
                is_early: negotiation.is_early,
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
}

/// How long the outcome of a sign-in is held back, after failures.
fn delay(server: &Arc<Server>, peer: &Peer, username: &str, now: Instant) -> Duration {
    match peer.address {
        Some(address) => server
            .sign_ins()
            .delay(&server.limits(), address, username, now),
        None => Duration::ZERO,
    }
}
