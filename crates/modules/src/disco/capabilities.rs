//! The verification string of [XEP-0115 §5](https://xmpp.org/extensions/xep-0115.html#ver), by SHA-1 as
//! that version asks.

use base64::{Engine, engine::general_purpose::STANDARD};
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use stanza::form::{FORM_TYPE, Form};
use xml::{Builder, Fragment};

use super::protocol::Info;

/// The namespace.
pub(super) const NS: &str = "http://jabber.org/protocol/caps";

/// Names the software whose capabilities these are.
pub(super) const NODE: &str = "urn:couplet:server";

/// `<c/>`.
pub(super) fn element(ver: &str) -> Fragment {
    Builder::new("c", NS)
        .attr("hash", "sha-1")
        .attr("node", NODE)
        .attr("ver", ver)
        .build()
}

/// The hash of an answer, in base 64.
pub(super) fn hash(info: &Info) -> String {
    STANDARD.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, text(info).as_bytes()))
}

/// The text that is hashed, [§5.1](https://xmpp.org/extensions/xep-0115.html#ver-gen).
fn text(info: &Info) -> String {
    let mut identities: Vec<String> = info
        .identities
        .iter()
        .map(|identity| {
            let name = identity.name.unwrap_or_default();
            format!("{}/{}//{name}<", identity.category, identity.kind)
        })
        .collect();
    identities.sort_unstable();
    let mut features = info.features.clone();
    features.sort_unstable();
    let mut text = identities.concat();
    for feature in features {
        push(feature, &mut text);
    }
    let mut forms: Vec<&Form> = info
        .forms
        .iter()
        .filter(|form| form.form_type().is_some())
        .collect();
    forms.sort_by_key(|form| form.form_type());
    for form in forms {
        push_form(form, &mut text);
    }
    text
}

fn push_form(form: &Form, text: &mut String) {
    push(form.form_type().unwrap_or_default(), text);
    let mut fields: Vec<_> = form
        .fields
        .iter()
        .filter_map(|field| Some((field.var.as_deref()?, &field.values)))
        .filter(|(var, _)| *var != FORM_TYPE)
        .collect();
    fields.sort_by_key(|(var, _)| *var);
    for (var, values) in fields {
        push(var, text);
        let mut values: Vec<&String> = values.iter().collect();
        values.sort_unstable();
        for value in values {
            push(value, text);
        }
    }
}

fn push(part: &str, text: &mut String) {
    text.push_str(part);
    text.push('<');
}

#[cfg(test)]
mod tests {
    use stanza::form::Field;

    use engine::Identity;

    use super::*;

    /// The example of [§5.2](https://xmpp.org/extensions/xep-0115.html#ver-gen-simple).
    #[test]
    fn the_simple_example_hashes_as_published() {
        let info = Info {
            identities: vec![Identity {
                category: "client",
                kind: "pc",
                name: Some("Exodus 0.9.1"),
            }],
            features: vec![
                "http://jabber.org/protocol/muc",
                "http://jabber.org/protocol/disco#items",
                "http://jabber.org/protocol/disco#info",
                NS,
            ],
            forms: Vec::new(),
        };
        assert_eq!(hash(&info), "QgayPKawpkPSDYmwT/WM94uAlu0=");
    }

    #[test]
    fn data_sets_are_sorted_by_type_field_and_value() {
        let form = Form::data("urn:xmpp:dataforms:softwareinfo")
            .field(Field::data("os", ["Mac"]))
            .field(Field::data("ip_version", ["ipv6", "ipv4"]));
        let info = Info {
            identities: vec![Identity {
                category: "client",
                kind: "pc",
                name: Some("Psi 0.11"),
            }],
            features: vec!["b", "a"],
            forms: vec![form],
        };
        let expected =
            "client/pc//Psi 0.11<a<b<urn:xmpp:dataforms:softwareinfo<ip_version<ipv4<ipv6<os<Mac<";
        assert_eq!(text(&info), expected);
    }
}
