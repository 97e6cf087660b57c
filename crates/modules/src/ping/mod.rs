//! # XMPP Ping
//!
//! Answers "are you there?" for the host and for the asker's own account, so that clients notice a
//! dead connection. A ping to somebody else's full JID is for that client to answer.
//!
//! Spec: [XEP-0199](https://xmpp.org/extensions/xep-0199.html) 2.0.1; the server sends no pings itself.

use engine::{
    HostFacts,
    module::{
        Answer, AnswerIq, ConfigError, IqContext, Method, Module, NoConfig, Payload, Spec, To,
        Wiring,
    },
};
use stanza::StanzaError;
use xml::Element;

/// The namespace.
const NS: &str = "urn:xmpp:ping";

/// The feature.
pub struct Ping;

impl Module for Ping {
    const NAME: &'static str = "ping";
    const SPECS: &'static [Spec] =
        &[Spec::new("XEP-0199", "2.0.1").except("pings from the server")];
    type Config = NoConfig;

    fn new(_: NoConfig, _: &HostFacts) -> Result<Option<Self>, ConfigError> {
        Ok(Some(Self))
    }

    fn wire(wiring: &mut Wiring<'_, Self>) {
        wiring
            .disco_feature(NS)
            .disco_account_feature(NS)
            .iq::<Question>(To::Host)
            .iq::<Question>(To::OwnAccount);
    }
}

/// `<ping/>`, [§4](https://xmpp.org/extensions/xep-0199.html#protocol).
struct Question;

impl Payload for Question {
    const ELEMENT: &'static str = "ping";
    const NS: &'static str = NS;
    const METHOD: Method = Method::Get;

    fn parse(_: &Element<'_>) -> Result<Self, StanzaError> {
        Ok(Self)
    }
}

impl AnswerIq<Question> for Ping {
    fn answer_iq(&self, _: Question, _: &mut IqContext<'_>) -> Answer {
        Ok(None)
    }
}
