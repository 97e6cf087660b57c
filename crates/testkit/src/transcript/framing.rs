//! A continuous stream as one document per element ([RFC 7395]), so that the same file plays on both framings.
//!
//! [RFC 7395]: https://www.rfc-editor.org/rfc/rfc7395#section-3.3

use super::tree;

const END: &str = "</stream:stream>";
const OPEN: &str = "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing'";
const CLOSE: &str = "<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>";

/// What a client sends on a continuous stream as documents: the header becomes `<open/>`, the end `<close/>`, and each
/// element declares its namespace, `jabber:client` where it has none. `None` when `text` is not made of whole
/// elements: such a file belongs to one framing and says so with `only stream`.
#[must_use]
pub fn as_documents(text: &str) -> Option<Vec<String>> {
    let text = without_declaration(text.trim());
    let (text, is_ended) = match text.strip_suffix(END) {
        Some(before) => (before, true),
        None => (text, false),
    };
    let mut documents: Vec<String> = tree::elements(text)?.into_iter().map(document).collect();
    if is_ended {
        documents.push(CLOSE.to_owned());
    }
    Some(documents)
}

fn without_declaration(text: &str) -> &str {
    if !text.starts_with("<?xml ") {
        return text;
    }
    text.split_once("?>").map_or(text, |(_, rest)| rest)
}

fn document(element: &str) -> String {
    if let Some(rest) = element.strip_prefix(tree::HEADER) {
        let attributes = rest.trim_end_matches('>').trim_end_matches('/');
        return format!("{OPEN}{}/>", without_declarations(attributes));
    }
    let element = tree::as_fragment(element);
    let name_end = element
        .find([' ', '\t', '\n', '/', '>'])
        .unwrap_or(element.len());
    let (name, rest) = element.split_at(name_end);
    let tag = rest.split_once('>').map_or(rest, |(tag, _)| tag);
    if name.contains(':') || tag.contains("xmlns='") || tag.contains("xmlns=\"") {
        return element;
    }
    format!("{name} xmlns='jabber:client'{rest}")
}

/// The attributes of a header without namespace declarations, which an `<open/>` does not have.
fn without_declarations(attributes: &str) -> String {
    let mut kept = String::new();
    let mut rest = attributes.trim_start();
    while let Some((name, after)) = rest.split_once('=') {
        let Some(quote) = after.chars().next() else {
            break;
        };
        let Some((value, after)) = after.get(1..).and_then(|value| value.split_once(quote)) else {
            break;
        };
        let name = name.trim();
        if name != "xmlns" && !name.starts_with("xmlns:") {
            kept.push_str(&format!(" {name}={quote}{value}{quote}"));
        }
        rest = after.trim_start();
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_becomes_an_open_and_the_end_a_close() {
        check(
            "<?xml version='1.0'?><stream:stream xmlns='jabber:client' to='example' \
             xmlns:stream=\"http://etherx.jabber.org/streams\" version=\"1.0\">",
            &["<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='example' version=\"1.0\"/>"],
        );
        check("</stream:stream>", &[CLOSE]);
        check(
            "<presence xmlns='u'/></stream:stream>",
            &["<presence xmlns='u'/>", CLOSE],
        );
    }

    #[test]
    fn elements_declare_their_namespace() {
        check("<presence/>", &["<presence xmlns='jabber:client'/>"]);
        check(
            "<message to='x'><body xmlns='u'/></message> <a xmlns=\"u\"/>",
            &[
                "<message xmlns='jabber:client' to='x'><body xmlns='u'/></message>",
                "<a xmlns=\"u\"/>",
            ],
        );
        let error = "<stream:error xmlns:stream='http://etherx.jabber.org/streams'/>";
        check("<stream:error/>", &[error]);
    }

    #[test]
    fn parts_of_elements_have_no_documents() {
        for text in ["<message>", "to='x'/>", "text", "<a"] {
            assert_eq!(as_documents(text), None, "{text}");
        }
    }

    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        assert_eq!(as_documents(text).unwrap(), expected, "{text}");
    }
}
