//! A stanza as it is shown to an operator: its structure, and of its text nothing unless that was asked for.
//!
//! Passwords are not shown even then.

use jid::Jid;
use stanza::{Output, Stanza};
use xml::{Element, Ns, Tree, escape_attr, escape_text};

use super::Seen;

/// Stands for text that is hidden.
const HIDDEN: &str = "…";

/// Texts that say nothing about what somebody has to say: words of the protocol.
const HARMLESS: [&str; 2] = ["show", "priority"];

/// What is shown of `seen`; with its texts if `with_text`.
#[must_use]
pub fn shown(seen: &Seen, with_text: bool) -> String {
    text_of(&seen.stanza, seen.to.as_ref(), with_text)
}

fn text_of(stanza: &Stanza, to: Option<&Jid>, with_text: bool) -> String {
    let mut text = Vec::new();
    let output = Output {
        to,
        ..Output::default()
    };
    stanza.write(&mut text, output);
    let text = String::from_utf8_lossy(&text).into_owned();
    let Ok(tree) = Tree::parse_fragment(&text) else {
        return HIDDEN.to_owned();
    };
    if with_text && !has_secret(tree.root()) {
        return text;
    }
    let mut out = Vec::new();
    write(tree.root(), Ns::Content, &mut out);
    String::from_utf8_lossy(&out).into_owned()
}

/// Whether a password is in it, as an element of its own or as a field of a form.
fn has_secret(element: Element<'_>) -> bool {
    let var = element.attr("var").unwrap_or_default();
    element.name() == "password"
        || element.attr("type").as_deref() == Some("text-private")
        || var.to_ascii_lowercase().contains("password")
        || element.children().any(has_secret)
}

fn write(element: Element<'_>, around: Ns<'_>, out: &mut Vec<u8>) {
    let name = element.name();
    out.push(b'<');
    out.extend_from_slice(name.as_bytes());
    if element.ns() != around {
        write_attribute("xmlns", element.ns().uri_or(xml::ns::CLIENT), out);
    }
    if let Some(lang) = element.lang() {
        write_attribute("xml:lang", &lang, out);
    }
    for attribute in element
        .attrs()
        .filter(|attribute| attribute.ns().is_empty())
    {
        write_attribute(attribute.name(), &attribute.value(), out);
    }
    let has_text = element.has_non_whitespace_text();
    if !has_text && element.children().next().is_none() {
        out.extend_from_slice(b"/>");
        return;
    }
    out.push(b'>');
    if has_text {
        if element.ns() == Ns::Content && HARMLESS.contains(&name) {
            escape_text(&element.text(), out);
        } else {
            out.extend_from_slice(HIDDEN.as_bytes());
        }
    }
    for child in element.children() {
        write(child, element.ns(), out);
    }
    out.extend_from_slice(b"</");
    out.extend_from_slice(name.as_bytes());
    out.push(b'>');
}

fn write_attribute(name: &str, value: &str, out: &mut Vec<u8>) {
    out.push(b' ');
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"='");
    escape_attr(value, out);
    out.push(b'\'');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_hidden_and_structure_is_not() {
        check(
            "<message to='a@b' type='chat'><body>Neither, fair saint</body><active xmlns='urn:x'/></message>",
            "<message to='a@b' type='chat'><body>…</body><active xmlns='urn:x'/></message>",
        );
        check(
            "<presence><show>away</show><status>asleep</status><priority>5</priority></presence>",
            "<presence><show>away</show><status>…</status><priority>5</priority></presence>",
        );
        check(
            "<iq type='set' id='1'><q xmlns='urn:x'>a<i n='&lt;&apos;'>b</i></q></iq>",
            "<iq id='1' type='set'><q xmlns='urn:x'>…<i n='&lt;&apos;'>…</i></q></iq>",
        );
        check(
            "<message><f xmlns='urn:f'><message xmlns='jabber:client'><body>x</body></message></f></message>",
            "<message><f xmlns='urn:f'><message xmlns='jabber:client'><body>…</body></message></f></message>",
        );
    }

    #[track_caller]
    fn check(xml: &str, expected: &str) {
        let stanza = Stanza::from_stored(xml.as_bytes()).expect("a stanza");
        assert_eq!(text_of(&stanza, None, false), expected);
        let whole = String::from_utf8(stanza.to_stored()).expect("text");
        assert_eq!(
            text_of(&stanza, None, true),
            whole,
            "asked for, it is there"
        );
    }

    #[test]
    fn passwords_are_never_shown() {
        never(
            "<iq type='set' id='1'><query xmlns='jabber:iq:register'><password>wherefore</password></query></iq>",
        );
        never(
            "<iq type='set' id='1'><command xmlns='urn:c'><x xmlns='jabber:x:data'><field var='password-verify'><value>wherefore</value></field></x></command></iq>",
        );
        never(
            "<iq type='set' id='1'><x xmlns='jabber:x:data'><field type='text-private' var='s'><value>wherefore</value></field></x></iq>",
        );
    }

    #[track_caller]
    fn never(xml: &str) {
        let stanza = Stanza::from_stored(xml.as_bytes()).expect("a stanza");
        let shown = text_of(&stanza, None, true);
        assert!(!shown.contains("wherefore"), "{shown}");
    }

    #[test]
    fn the_address_it_is_written_to_is_shown() {
        let stanza = Stanza::from_stored(b"<message to='a@b'/>").expect("a stanza");
        let to = Jid::parse("a@b/c").expect("an address");
        assert_eq!(text_of(&stanza, Some(&to), false), "<message to='a@b/c'/>");
    }
}
