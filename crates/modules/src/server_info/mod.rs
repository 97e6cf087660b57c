//! # Server Information
//!
//! Whom to turn to about a host, and what else its operator wants known of it: one data set in what the host says of
//! itself, and so part of the hash in the stream's features.
//!
//! Spec: [XEP-0157](https://xmpp.org/extensions/xep-0157.html) 1.1.1, complete, in the data set that
//! [XEP-0128](https://xmpp.org/extensions/xep-0128.html) 1.0.1 describes. Where the operator names no administrators,
//! those of the configuration are shown.
//!
//! `contacts.rs` holds the roles and what an address may be, `tests/` the transcripts.

mod contacts;

use std::collections::BTreeMap;

use engine::{
    HostFacts,
    module::{ConfigError, Key, Module, Spec, Wiring},
};
use serde::Deserialize;
use stanza::form::{FORM_TYPE, Field, Form};

pub use contacts::{Contacts, Role};

/// The type of the data set, [XEP-0157 §3](https://xmpp.org/extensions/xep-0157.html#xmpp).
const NS: &str = "http://jabber.org/network/serverinfo";

/// The feature.
pub struct ServerInfo {
    form: Form,
}

/// `server_info = { contacts = { abuse = ["mailto:abuse@example.org"] }, fields = { "x-country" = "NL" } }`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Addresses as URIs, by role: `abuse`, `admin`, `feedback`, `sales`, `security`, `status`, `support`. Without
    /// `admin` the administrators of the configuration are shown; `admin = []` shows none.
    pub contacts: Contacts,
    /// Further fields, each with a text or a list of texts.
    pub fields: BTreeMap<String, Values>,
}

/// One text or several.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged, expecting = "expected a text or a list of texts")]
pub enum Values {
    /// One.
    One(String),
    /// Several.
    Several(Vec<String>),
}

impl Values {
    fn into_list(self) -> Vec<String> {
        match self {
            Self::One(value) => vec![value],
            Self::Several(values) => values,
        }
    }
}

impl Module for ServerInfo {
    const NAME: &'static str = "server_info";
    const SPECS: &'static [Spec] = &[Spec::new("XEP-0157", "1.1.1")];
    type Config = Config;

    fn keys() -> Vec<Key> {
        let contacts = "Addresses as URIs, by role: `abuse`, `admin`, `feedback`, `sales`, `security`, `status`, \
                        `support`. Without `admin` the administrators of the configuration are shown; `admin = []` shows \
                        none.";
        let fields = "Further fields, each with a text or a list of texts.";
        vec![
            Key::new("contacts", &(), &[contacts]),
            Key::new("fields", &(), &[fields]),
        ]
    }

    fn new(config: Config, host: &HostFacts) -> Result<Option<Self>, ConfigError> {
        let contacts = config.contacts.by_role(&host.admins);
        let mut form = Form::data(NS);
        for (role, addresses) in contacts {
            check_addresses(role, &addresses)?;
            form = with(form, role.field(), addresses);
        }
        for (name, values) in config.fields {
            check_field(&name)?;
            form = with(form, &name, values.into_list());
        }
        // The first field says what the set is.
        Ok((form.fields.len() > 1).then_some(Self { form }))
    }

    fn wire(wiring: &mut Wiring<'_, Self>) {
        let form = wiring.module().form.clone();
        wiring.disco_form(form);
    }
}

/// A field without a value says nothing.
fn with(form: Form, name: &str, values: Vec<String>) -> Form {
    match values.is_empty() {
        true => form,
        false => form.field(Field::data(name, values)),
    }
}

fn check_addresses(role: Role, addresses: &[String]) -> Result<(), ConfigError> {
    match addresses.iter().find(|address| !contacts::is_uri(address)) {
        None => Ok(()),
        Some(address) => Err(ConfigError {
            key: format!("server_info.contacts.{}", role.name()),
            problem: format!(
                "\"{address}\" is no URI; write it as \"mailto:{address}\" or \"xmpp:{address}\" if it is an address"
            ),
        }),
    }
}

/// What the specification gives a meaning is not to be set in passing.
fn check_field(name: &str) -> Result<(), ConfigError> {
    let problem = if name.is_empty() || name == FORM_TYPE {
        format!("\"{name}\" is no name for a field")
    } else if Role::ALL.iter().any(|role| role.field() == name) {
        format!("\"{name}\" belongs under server_info.contacts")
    } else {
        return Ok(());
    };
    Err(ConfigError {
        key: "server_info.fields".to_owned(),
        problem,
    })
}

#[cfg(test)]
mod tests {
    use jid::{BareJid, Domain};

    use super::*;

    #[test]
    fn the_form_shows_what_is_configured() {
        check(
            r#"{}"#,
            "admin-addresses=xmpp:admin@example,xmpp:nurse%5C20the%5C20elder@example",
        );
        check(r#"{"contacts":{"admin":[]}}"#, "");
        check(
            r#"{"contacts":{"admin":[],"abuse":["mailto:abuse@example"],"status":["https://status.example"]}}"#,
            "abuse-addresses=mailto:abuse@example status-addresses=https://status.example",
        );
        check(
            r#"{"contacts":{"admin":[]},"fields":{"x-country":"NL","x-lang":["nl","fy"]}}"#,
            "x-country=NL x-lang=nl,fy",
        );
        check(
            r#"{"contacts":{"abuse":["abuse@example"]}}"#,
            "server_info.contacts.abuse: \"abuse@example\" is no URI; write it as \"mailto:abuse@example\" or \"xmpp:abuse@example\" if it is an address",
        );
        check(
            r#"{"fields":{"abuse-addresses":["mailto:abuse@example"]}}"#,
            "server_info.fields: \"abuse-addresses\" belongs under server_info.contacts",
        );
        check(
            r#"{"fields":{"FORM_TYPE":"x"}}"#,
            "server_info.fields: \"FORM_TYPE\" is no name for a field",
        );
    }

    #[track_caller]
    fn check(config: &str, expected: &str) {
        let config = serde_json::from_str(config).unwrap();
        let mut host = HostFacts::new(Domain::parse("example").unwrap());
        host.admins = ["admin@example", "nurse\\20the\\20elder@example"]
            .map(|admin| BareJid::parse(admin).unwrap())
            .to_vec();
        let shown = match ServerInfo::new(config, &host) {
            Err(error) => error.to_string(),
            Ok(None) => String::new(),
            Ok(Some(info)) => info
                .form
                .fields
                .iter()
                .skip(1)
                .map(|field| {
                    let name = field.var.clone().unwrap_or_default();
                    format!("{name}={}", field.values.join(","))
                })
                .collect::<Vec<_>>()
                .join(" "),
        };
        assert_eq!(shown, expected);
    }
}
