//! # Entity Time
//!
//! What time it is on the host.
//!
//! Spec: [XEP-0202](https://xmpp.org/extensions/xep-0202.html) 2.0, complete.

use engine::{
    HostFacts,
    module::{
        Answer, AnswerIq, ConfigError, IqContext, Key, Method, Module, Payload, Spec, To, Wiring,
    },
};
use serde::{Deserialize, Deserializer, Serialize, de::Error};
use stanza::StanzaError;
use xml::{Builder, Element};

/// The namespace.
const NS: &str = "urn:xmpp:time";

/// The feature.
pub struct EntityTime {
    offset: Offset,
}

engine::config! {
    /// `time = { offset = "+02:00" }`.
    #[derive(Clone, Debug)]
    pub struct Config {
        /// The host's offset from UTC, such as "+02:00" or "-06:30". It is told only where the operator says so: it
        /// helps to guess where the machine stands.
        pub offset: Offset,
    }
}

/// An offset from UTC, `+hh:mm` or `-hh:mm`.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Offset(String);

impl Default for Offset {
    fn default() -> Self {
        Self("+00:00".to_owned())
    }
}

impl Offset {
    fn parse(text: &str) -> Option<Self> {
        let (hours, minutes) = text.strip_prefix(['+', '-'])?.split_once(':')?;
        let number = |part: &str, max: u8| {
            let is_number = part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
            is_number && part.parse::<u8>().is_ok_and(|number| number <= max)
        };
        (number(hours, 14) && number(minutes, 59)).then(|| Self(text.to_owned()))
    }
}

impl<'de> Deserialize<'de> for Offset {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| {
            D::Error::custom(format!("offset must be like \"+02:00\", not \"{text}\""))
        })
    }
}

impl Module for EntityTime {
    const NAME: &'static str = "time";
    const SPECS: &'static [Spec] = &[Spec::new("XEP-0202", "2.0")];
    type Config = Config;

    fn keys() -> Vec<Key> {
        Config::keys()
    }

    fn new(config: Config, _: &HostFacts) -> Result<Option<Self>, ConfigError> {
        Ok(Some(Self {
            offset: config.offset,
        }))
    }

    fn wire(wiring: &mut Wiring<'_, Self>) {
        wiring.disco_feature(NS).iq::<Query>(To::Host);
    }
}

/// `<time/>`.
struct Query;

impl Payload for Query {
    const ELEMENT: &'static str = "time";
    const NS: &'static str = NS;
    const METHOD: Method = Method::Get;

    fn parse(_: &Element<'_>) -> Result<Self, StanzaError> {
        Ok(Self)
    }
}

impl AnswerIq<Query> for EntityTime {
    fn answer_iq(&self, _: Query, cx: &mut IqContext<'_>) -> Answer {
        let now = cx.server().environment().timestamp().whole_seconds();
        let answer = Builder::new("time", NS)
            .child_text("tzo", &self.offset.0)
            .child_text("utc", &now.to_string());
        Ok(Some(answer.build()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_are_those_of_time_zones() {
        check("+00:00", true);
        check("-09:30", true);
        check("+14:00", true);
        check("+15:00", false);
        check("+05:60", false);
        check("02:00", false);
        check("+2:00", false);
        check("+0200", false);
        check("++1:00", false);
        check("Z", false);
    }

    #[track_caller]
    fn check(text: &str, is_offset: bool) {
        assert_eq!(Offset::parse(text).is_some(), is_offset, "{text}");
    }
}
