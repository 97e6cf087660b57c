//! A request of somebody unknown: registration, if the host has it.

use std::{net::IpAddr, sync::Arc};

use stanza::{Condition, IqType, Kind, Stanza, StanzaError};
use stream::StreamFault;

use super::{
    Connection, Outcome as Awaited, Tls,
    negotiation::{Outcome, unavailable},
};
use crate::{
    host::Host,
    module::{
        IqJob, Method, To,
        iq::{Handler, Hold},
    },
    permission::Role,
    server::Server,
};

impl Connection {
    /// A request before sign-in: registration, if the host has it.
    pub(super) fn early_iq(&mut self, stanza: Stanza) {
        let Some(host) = self.host() else { return };
        if self.settings.requires_tls && !self.is_secure() {
            return self.stream.fault(&StreamFault::TooEarly);
        }
        if self.tls == Tls::Early {
            // Somebody else may ask for it a second time. Who is there can ask again.
            let error = StanzaError::new(Condition::UnexpectedRequest);
            if let Some(reply) = stanza.reply_error(&error) {
                self.stream.send_stanza(&reply);
            }
            return;
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
