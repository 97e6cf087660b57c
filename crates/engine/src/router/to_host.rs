//! Stanzas for a virtual host itself.

use std::sync::Arc;

use stanza::{Condition, IqType, Kind, MessageType, PresenceType, Stanza, StanzaError};

use super::{
    Next,
    reply::{refuse, reply},
};
use crate::{
    envelope::Envelope,
    faults::{Caught, caught},
    host::Host,
    module::{
        Answer, IqContext, IqJob, Method, To,
        iq::{Answering, Handler, Hold},
    },
    server::Server,
};

impl Server {
    pub(super) fn to_host(self: &Arc<Self>, host: &Arc<Host>, envelope: Envelope) -> Option<Next> {
        match envelope.stanza().kind() {
            Kind::Iq(IqType::Get) => self.host_iq(host, envelope, Method::Get),
            Kind::Iq(IqType::Set) => self.host_iq(host, envelope, Method::Set),
            Kind::Iq(IqType::Result | IqType::Error) => None,
            Kind::Message(MessageType::Error) => None,
            Kind::Message(_) => refuse(&envelope, &StanzaError::new(Condition::ServiceUnavailable)),
            Kind::Presence(PresenceType::Probe) => Some(Next::Route(
                envelope.answer(Stanza::presence(PresenceType::Available)),
            )),
            Kind::Presence(PresenceType::Subscribe) => {
                // The host has no roster: everybody may see that it is there.
                Some(Next::Route(
                    envelope.answer(Stanza::presence(PresenceType::Subscribed)),
                ))
            }
            Kind::Presence(_) => None,
        }
    }

    fn host_iq(
        self: &Arc<Self>,
        host: &Arc<Host>,
        envelope: Envelope,
        method: Method,
    ) -> Option<Next> {
        let stanza = envelope.stanza().clone();
        let Some(child) = stanza.payload() else {
            return refuse(&envelope, &StanzaError::new(Condition::BadRequest));
        };
        let ns = child.ns().uri_or("");
        let answer = match host.iq().find(To::Host, method, child.name(), ns) {
            None => Err(StanzaError::new(Condition::ServiceUnavailable)),
            Some(Handler::Answer(answer)) => {
                let mut cx = IqContext {
                    asked: To::Host,
                    from: envelope.from(),
                    session: envelope.session(),
                    role: envelope.role(),
                    account: None,
                    run: None,
                    service: None,
                    host,
                    server: self,
                    stanza: &stanza,
                    afterwards: Vec::new(),
                };
                caught(|| answer(&child.tree().root(), &mut cx))
                    .unwrap_or_else(|panicked| Err(panicked.error()))
            }
            Some(Handler::Handle(handle)) => {
                let job = self.job(host, &envelope);
                match handle(&child.tree().root(), job) {
                    Ok(answering) => {
                        self.answer_later(answering, envelope);
                        return None;
                    }
                    Err(error) => Err(error),
                }
            }
        };
        reply(&envelope, answer)
    }

    /// What an answer that waits has at hand, for a request to no account.
    pub(super) fn job(self: &Arc<Self>, host: &Arc<Host>, envelope: &Envelope) -> IqJob {
        IqJob {
            from: envelope.from().clone(),
            session: envelope.session().cloned(),
            role: envelope.role(),
            account: None,
            host: host.clone(),
            server: self.clone(),
            address: None,
            stanza: envelope.stanza().clone(),
            hold: Hold::default(),
        }
    }

    /// Runs what answers `envelope` to its end, and routes the answer.
    pub(super) fn answer_later(self: &Arc<Self>, answering: Answering, envelope: Envelope) {
        let server = self.clone();
        self.environment().spawn(Box::pin(async move {
            let answer = Caught::new(answering).await;
            server.answer(
                envelope,
                answer.unwrap_or_else(|panicked| Err(panicked.error())),
            );
        }));
    }

    /// Routes the answer to a request that had to wait; the asking session goes on after it.
    pub(crate) fn answer(self: &Arc<Self>, envelope: Envelope, answer: Answer) {
        self.work(reply(&envelope, answer));
        drop(envelope);
    }
}
