//! EXTERNAL and ANONYMOUS, which have one message each, and how any exchange is ended from our side.

use sasl::{Ask, Mechanism, SaslFailure, Step};

use crate::fixture::{begin, end, refused, without_binding};

#[test]
fn external_hands_on_the_authzid() {
    external(b"", Some(None));
    external(b"juliet@example.com", Some(Some("juliet@example.com")));
    external(b"\xff", None);
    external(b"a\0b", None);
    external(&[b'a'; 3072], None);
}

#[test]
fn anonymous_forgets_its_trace() {
    let ask = |trace: &[u8]| {
        let step = begin(Mechanism::Anonymous, &without_binding()).start(Some(trace));
        refused(step)
    };
    assert_eq!(ask(b""), Ok(()));
    assert_eq!(ask(b"sirhc"), Ok(()));
    assert_eq!(ask(b"\xff"), Err(SaslFailure::MalformedRequest));
    assert_eq!(ask(&[b'a'; 1021]), Err(SaslFailure::MalformedRequest));
}

#[test]
fn the_caller_names_who_signed_in() {
    for mechanism in [Mechanism::External, Mechanism::Anonymous] {
        let mut exchange = begin(mechanism, &without_binding());
        assert!(matches!(exchange.start(Some(b"")), Step::Ask(_)));
        let success = end(exchange.identified("juliet".to_owned())).expect("a success");
        assert_eq!((success.username.as_str(), success.data), ("juliet", None));
        assert_eq!(
            end(exchange.receive(b"")),
            Err(SaslFailure::MalformedRequest)
        );
    }
}

#[test]
fn a_message_that_may_be_empty_is_not_asked_for() {
    let mut exchange = begin(Mechanism::Anonymous, &without_binding());
    assert!(matches!(exchange.start(None), Step::Ask(Ask::Anonymous)));
    let mut exchange = begin(Mechanism::External, &without_binding());
    assert!(matches!(exchange.start(None), Step::Challenge(empty) if empty.is_empty()));
    assert!(matches!(exchange.receive(b""), Step::Ask(_)));
}

#[test]
fn a_question_that_cannot_be_answered_ends_the_exchange() {
    for failure in SaslFailure::ALL {
        let mut exchange = begin(Mechanism::External, &without_binding());
        assert!(matches!(exchange.start(Some(b"")), Step::Ask(_)));
        assert_eq!(end(exchange.fail(failure)), Err(failure));
        let late = exchange.identified("juliet".to_owned());
        assert_eq!(end(late), Err(SaslFailure::TemporaryAuthFailure));
    }
}

#[test]
fn an_answer_to_another_question_gives_no_success() {
    let mut exchange = begin(Mechanism::ScramSha1, &without_binding());
    assert!(matches!(
        exchange.start(Some(b"n,,n=juliet,r=abc")),
        Step::Ask(_)
    ));
    let step = exchange.identified("juliet".to_owned());
    assert_eq!(end(step), Err(SaslFailure::TemporaryAuthFailure));
}

#[track_caller]
fn external(message: &[u8], expected: Option<Option<&str>>) {
    let mut exchange = begin(Mechanism::External, &without_binding());
    match exchange.start(Some(message)) {
        Step::Ask(Ask::External { authzid }) => assert_eq!(Some(authzid.as_deref()), expected),
        step => {
            assert_eq!(end(step), Err(SaslFailure::MalformedRequest));
            assert_eq!(expected, None);
        }
    }
}
