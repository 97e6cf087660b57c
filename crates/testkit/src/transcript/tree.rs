//! The text of transcripts cut into elements, and elements as text again.

use xml::{Element, Ns, escape_attr, escape_text};

/// What the prefix `stream` means in a transcript that does not declare it.
const STREAM_PREFIX: &str = " xmlns:stream='http://etherx.jabber.org/streams'";

/// How a stream header begins.
pub(super) const HEADER: &str = "<stream:stream";

/// Cuts `text` into its top-level elements; white space between them is dropped. `None` when the text does not look
/// like elements: whether they are well-formed is for the XML parser to say.
pub(super) fn elements(text: &str) -> Option<Vec<&str>> {
    let mut found = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let end = element_end(rest)?;
        let (element, after) = rest.split_at_checked(end)?;
        found.push(element);
        rest = after.trim_start();
    }
    Some(found)
}

/// Where the element at the start of `text` ends. An unclosed stream header ends with its tag.
fn element_end(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(rest) = text.get(at..) {
        let tag_start = if depth == 0 {
            rest.starts_with('<').then_some(0)?
        } else {
            rest.find('<')?
        };
        let tag = rest.get(tag_start..)?;
        let tag_length = tag_end(tag)?;
        let tag = tag.get(..tag_length)?;
        at += tag_start + tag_length;
        if tag.starts_with("</") {
            depth = depth.checked_sub(1)?;
        } else if !tag.ends_with("/>") && !tag.starts_with("<?") && !tag.starts_with(HEADER) {
            depth += 1;
        }
        if depth == 0 {
            return Some(at);
        }
    }
    None
}

/// The length of the tag at the start of `text`; a `>` inside a quoted value does not end it.
fn tag_end(text: &str) -> Option<usize> {
    let mut quote = None;
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (None, '>') => return Some(at + 1),
            (None, '\'' | '"') => quote = Some(c),
            (Some(open), _) if open == c => quote = None,
            _ => {}
        }
    }
    None
}

/// Declares the prefix `stream` in an element that uses it first and does not declare it, and closes a stream header,
/// so that each parses as an element of its own.
pub(super) fn as_fragment(element: &str) -> String {
    let mut text = element.to_owned();
    if text.starts_with(HEADER) && !text.ends_with("/>") && !text.contains("</") {
        text.truncate(text.len().saturating_sub(1));
        text.push_str("/>");
    }
    if text.starts_with("<stream:") && !text.contains("xmlns:stream") {
        let name_end = text.find([' ', '\t', '\n', '/', '>']).unwrap_or(text.len());
        // The slash of `<stream:error/>` ends the name, that of `</` cannot stand here.
        text.insert_str(name_end, STREAM_PREFIX);
    }
    text
}

/// An element as one line of XML, for people: every namespace that differs from the parent's is declared.
pub(super) fn show(element: Element<'_>) -> String {
    let mut out = Vec::new();
    write(element, Ns::Content, &mut out);
    String::from_utf8_lossy(&out).into_owned()
}

fn write(element: Element<'_>, parent: Ns<'_>, out: &mut Vec<u8>) {
    out.push(b'<');
    out.extend_from_slice(element.name().as_bytes());
    if element.ns() != parent {
        out.extend_from_slice(b" xmlns='");
        escape_attr(element.ns().uri_or(xml::ns::CLIENT), out);
        out.push(b'\'');
    }
    for attribute in element.attrs() {
        out.push(b' ');
        out.extend_from_slice(attribute.qualified_name().as_bytes());
        out.extend_from_slice(b"='");
        escape_attr(&attribute.value(), out);
        out.push(b'\'');
    }
    let mut children = element.children().peekable();
    let has_text = element.has_non_whitespace_text();
    if children.peek().is_none() && !has_text {
        out.extend_from_slice(b"/>");
        return;
    }
    out.push(b'>');
    if has_text {
        escape_text(&element.text(), out);
    }
    for child in children {
        write(child, element.ns(), out);
    }
    out.extend_from_slice(b"</");
    out.extend_from_slice(element.name().as_bytes());
    out.push(b'>');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_into_elements() {
        check("<a/>", &["<a/>"]);
        check(
            "<a/> <b></b>\n<c x='>'/>",
            &["<a/>", "<b></b>", "<c x='>'/>"],
        );
        check(
            "<a><b><a/></b>text</a><d/>",
            &["<a><b><a/></b>text</a>", "<d/>"],
        );
        check(
            "<stream:stream to='x'><a/>",
            &["<stream:stream to='x'>", "<a/>"],
        );
        check("", &[]);
    }

    #[test]
    fn what_is_no_element_is_noticed() {
        for text in ["hello", "<a>", "<a", "<a/>text", "</a>", "<a x='>"] {
            assert_eq!(elements(text), None, "{text}");
        }
    }

    #[test]
    fn the_stream_prefix_is_declared() {
        let declared = |rest: &str| format!("<stream:error{STREAM_PREFIX}{rest}");
        assert_eq!(as_fragment("<stream:error/>"), declared("/>"));
        assert_eq!(
            as_fragment("<stream:error><a/></stream:error>"),
            declared("><a/></stream:error>")
        );
        assert_eq!(as_fragment("<a/>"), "<a/>");
        let header = format!("<stream:stream{STREAM_PREFIX} to='x'/>");
        assert_eq!(as_fragment("<stream:stream to='x'>"), header);
    }

    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        assert_eq!(elements(text).as_deref(), Some(expected), "{text}");
    }
}
