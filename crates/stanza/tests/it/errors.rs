//! Stanza errors and answers, RFC 6120 §8.3.

use stanza::{Condition, ErrorType, IqType, Kind, Stanza, StanzaError};
use xml::Fragment;

use crate::wire::{element, stanza, written};

const NS: &str = "xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'";

fn check(error: &StanzaError, text: &str) {
    assert_eq!(error.to_fragment().as_str(), text);
    assert_eq!(&element(text, StanzaError::parse), error);
}

#[test]
fn every_condition_is_written_with_its_type_and_read_back() {
    for condition in Condition::ALL {
        check(
            &StanzaError::new(condition),
            &format!(
                "<error type='{}'><{} {NS}/></error>",
                condition.default_type().name(),
                condition.name()
            ),
        );
    }
}

#[test]
fn an_error_carries_text_application_element_and_who_found_it() {
    let application = Fragment::parse("<too-many xmlns='urn:ours'/>").expect("a fragment");
    check(
        &StanzaError::new(Condition::ResourceConstraint)
            .with_type(ErrorType::Cancel)
            .with_text("5 < 6")
            .with_lang("en")
            .with_by(jid::Jid::parse("example.com").expect("an address"))
            .with_application(application),
        &format!(
            "<error type='cancel' by='example.com'><resource-constraint {NS}/>\
             <text {NS} xml:lang='en'>5 &lt; 6</text><too-many xmlns='urn:ours'/></error>"
        ),
    );
}

#[test]
fn gone_and_redirect_carry_where_to() {
    check(
        &StanzaError::gone(Some("xmpp:romeo@example.org")),
        &format!("<error type='cancel'><gone {NS}>xmpp:romeo@example.org</gone></error>"),
    );
    check(
        &StanzaError::gone(None),
        &format!("<error type='cancel'><gone {NS}/></error>"),
    );
    check(
        &StanzaError::redirect("xmpp:a@example.org?join"),
        &format!("<error type='modify'><redirect {NS}>xmpp:a@example.org?join</redirect></error>"),
    );
}

#[test]
fn an_error_from_elsewhere_is_read_as_well_as_it_can_be() {
    let read = |text: &str| element(text, StanzaError::parse);
    let newer = read(&format!("<error type='legacy'><too-hot {NS}/></error>"));
    assert_eq!(
        (newer.condition(), newer.error_type()),
        (Condition::UndefinedCondition, ErrorType::Cancel)
    );
    let empty = read("<error/>");
    assert_eq!(empty, StanzaError::new(Condition::UndefinedCondition));
    let text = read(&format!(
        "<error type='wait'><text {NS}>later</text><conflict {NS}>x</conflict></error>"
    ));
    assert_eq!(text.to_string(), "wait/conflict (later)");
    assert_eq!((text.lang(), text.uri()), (None, None));
}

#[test]
fn an_answer_swaps_addresses_and_keeps_the_id() {
    let get = stanza(
        "<iq type='get' id='7' from='a@example.com/x' to='b@example.com'><q xmlns='urn:q'/></iq>",
    );
    assert_eq!(
        written(&get.reply_result(None)),
        "<iq from='b@example.com' to='a@example.com/x' id='7' type='result'/>"
    );
    let payload = Fragment::parse("<q xmlns='urn:q'>yes</q>").expect("a fragment");
    assert_eq!(
        written(&get.reply_result(Some(payload))),
        "<iq from='b@example.com' to='a@example.com/x' id='7' type='result'><q xmlns='urn:q'>yes</q></iq>"
    );
    let error = StanzaError::new(Condition::Forbidden);
    assert_eq!(
        get.reply_error(&error).as_ref().map(written),
        Some(format!(
            "<iq from='b@example.com' to='a@example.com/x' id='7' type='error'>\
             <error type='auth'><forbidden {NS}/></error></iq>"
        ))
    );
}

#[test]
fn errors_and_results_are_never_answered() {
    let error = StanzaError::from(Condition::ServiceUnavailable);
    let answered = |text: &str| stanza(text).reply_error(&error).map(|reply| reply.kind());
    assert_eq!(answered("<message type='error'/>"), None);
    assert_eq!(answered("<presence type='error'/>"), None);
    assert_eq!(answered("<iq type='error' id='1'/>"), None);
    assert_eq!(answered("<iq type='result' id='1'/>"), None);
    assert_eq!(
        answered("<iq type='set' id='1'><q/></iq>"),
        Some(Kind::Iq(IqType::Error))
    );
    assert!(answered("<message/>").is_some_and(Kind::is_error));
    assert!(answered("<presence/>").is_some_and(Kind::is_error));
}

#[test]
fn a_result_that_could_not_be_kept_becomes_an_error_to_the_same_receiver() {
    let result = Stanza::iq(IqType::Result, "7")
        .with_to(jid::Jid::parse("a@example.com/x").expect("an address"));
    assert_eq!(
        written(&result.result_as_failure()),
        format!(
            "<iq to='a@example.com/x' id='7' type='error'>\
             <error type='cancel'><internal-server-error {NS}/></error></iq>"
        )
    );
}
