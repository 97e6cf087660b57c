//! Wire forms of [XEP-0377 §4](https://xmpp.org/extensions/xep-0377.html#payload).

use stanza::ids;
use xml::Element;

/// The namespace.
pub(super) const NS: &str = "urn:xmpp:reporting:1";

/// What the reasons begin with that the specification defines.
const REASONS: &str = "urn:xmpp:reporting:";

/// A longer text, or reason, is cut.
const TEXT_BYTES_MAX: usize = 2_000;

/// Further ids of messages are left out.
const IDS_MAX: usize = 50;

/// What a user says about somebody.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Said {
    /// `spam`, `abuse`, or what else the client wrote.
    pub(super) reason: String,
    /// In the user's words.
    pub(super) text: String,
    /// The messages that are meant, by their ids in the user's archive.
    pub(super) messages: Vec<String>,
}

/// Reads a `<report/>`; what has no reason is none.
pub(super) fn read(report: &Element<'_>) -> Option<Said> {
    let reason = report.attr("reason").filter(|_| report.is("report", NS))?;
    let reason = reason.strip_prefix(REASONS).unwrap_or(&reason);
    let ids = report
        .children()
        .filter(|child| child.is("stanza-id", ids::NS))
        .filter_map(|child| child.attr("id"));
    let said = Said {
        reason: cut(reason),
        text: cut(report.child_text("text", NS).unwrap_or_default().trim()),
        messages: ids.take(IDS_MAX).map(|id| cut(&id)).collect(),
    };
    (!said.reason.is_empty()).then_some(said)
}

fn cut(text: &str) -> String {
    let end = text.floor_char_boundary(TEXT_BYTES_MAX);
    text.get(..end).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_have_a_reason() {
        check("reason='urn:xmpp:reporting:spam'", "", Some("spam||"));
        check("reason='urn:example:rude'", "", Some("urn:example:rude||"));
        check("", "", None);
        check("reason=''", "", None);
    }

    #[test]
    fn a_report_may_say_more() {
        let more = "<text> never!\n</text><stanza-id xmlns='urn:xmpp:sid:0' by='a@b' id='1'/>\
                    <stanza-id xmlns='urn:xmpp:sid:0' id='2'/><third-party/>";
        check(
            "reason='urn:xmpp:reporting:abuse'",
            more,
            Some("abuse|never!|1,2"),
        );
    }

    #[test]
    fn what_is_too_much_is_cut() {
        let text = format!("<text>{}é</text>", "x".repeat(TEXT_BYTES_MAX - 1));
        let ids = "<stanza-id xmlns='urn:xmpp:sid:0' id='1'/>".repeat(IDS_MAX + 1);
        let said = said("reason='urn:xmpp:reporting:spam'", &(text + &ids)).unwrap();
        assert_eq!(said.text.len(), TEXT_BYTES_MAX - 1);
        assert_eq!(said.messages.len(), IDS_MAX);
    }

    #[track_caller]
    fn check(attributes: &str, children: &str, expected: Option<&str>) {
        let read = said(attributes, children)
            .map(|said| format!("{}|{}|{}", said.reason, said.text, said.messages.join(",")));
        assert_eq!(read.as_deref(), expected, "{attributes} {children}");
    }

    fn said(attributes: &str, children: &str) -> Option<Said> {
        let xml = format!("<report xmlns='{NS}' {attributes}>{children}</report>");
        read(&xml::Tree::parse_fragment(&xml).unwrap().root())
    }
}
