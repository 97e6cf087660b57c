//! Stanzas for a service: a domain that a feature owns.

use std::sync::Arc;

use jid::BareJid;
use stanza::{Condition, IqType, Kind, StanzaError};

use super::{
    Next, Queue,
    reply::{Question, route_error},
};
use crate::{
    effect::Effect,
    envelope::Envelope,
    module::{
        IqContext, Method, ServiceRef, To,
        iq::{Answering, Handler},
    },
    pipeline::{Context, run_service},
    server::Server,
};

impl Server {
    /// One run of the service, under its lock.
    pub(super) fn to_service(
        self: &Arc<Self>,
        service: &ServiceRef,
        envelope: Envelope,
    ) -> Option<Next> {
        let question = Question::of(&envelope);
        // The sender reads on only when it is known what its stanza rests on.
        let held = envelope.hold();
        let gates = envelope.gates();
        let jid = BareJid::from(service.parts().domain().clone());
        let mut queue = service.cell.lock();
        let outcome = run_service(self, service.host(), &jid, &mut queue, gates, |cx| {
            if let Some(held) = &held {
                held.note(cx);
            }
            self.at_service(service, envelope, cx)
        });
        match outcome {
            Ok((waiting, gates)) => {
                Effect::hold_back(&mut queue, held.as_ref());
                if let Some(held) = held {
                    held.gate_at(gates);
                }
                let is_drainer = queue.claim();
                drop(queue);
                if let Some((answering, envelope)) = waiting {
                    self.answer_later(answering, envelope);
                }
                is_drainer.then(|| Next::Drain(Queue::Service(service.cell.clone())))
            }
            Err(_) => {
                tracing::error!(service = %jid, "a panic in a service; what it was given is answered with an error");
                question.failed()
            }
        }
    }

    /// What the service does; gives back a request whose answer has to wait.
    fn at_service(
        self: &Arc<Self>,
        service: &ServiceRef,
        envelope: Envelope,
        cx: &Context<'_>,
    ) -> Option<(Answering, Envelope)> {
        let method = match envelope.stanza().kind() {
            Kind::Iq(IqType::Get) => Method::Get,
            Kind::Iq(IqType::Set) => Method::Set,
            // An answer that nobody awaits.
            Kind::Iq(_) => return None,
            Kind::Message(_) | Kind::Presence(_) => {
                (service.parts().take)(&envelope, cx);
                return None;
            }
        };
        let stanza = envelope.stanza().clone();
        let answer = match stanza.payload() {
            None => Err(StanzaError::new(Condition::BadRequest)),
            Some(child) => {
                let (name, ns) = (child.name(), child.ns().uri_or(""));
                // The service's own answer, or what a feature of the host answers for all of them.
                let own = service.parts().iq.find(To::Service, method, name, ns);
                match own.or_else(|| service.host().iq().find(To::Service, method, name, ns)) {
                    None => Err(StanzaError::new(Condition::ServiceUnavailable)),
                    Some(Handler::Answer(answer)) => {
                        let mut at_hand = IqContext {
                            asked: To::Service,
                            from: envelope.from(),
                            session: envelope.session(),
                            role: envelope.role(),
                            account: None,
                            run: Some(cx),
                            service: Some(service.parts()),
                            host: service.host(),
                            server: self,
                            stanza: &stanza,
                            afterwards: Vec::new(),
                        };
                        answer(&child.tree().root(), &mut at_hand)
                    }
                    Some(Handler::Handle(handle)) => {
                        let job = self.job(service.host(), &envelope);
                        match handle(&child.tree().root(), job) {
                            Ok(answering) => return Some((answering, envelope)),
                            Err(error) => Err(error),
                        }
                    }
                }
            }
        };
        match answer {
            Ok(payload) => cx.route(envelope.answer(stanza.reply_result(payload))),
            Err(error) => route_error(cx, &envelope, &error),
        }
        None
    }
}
