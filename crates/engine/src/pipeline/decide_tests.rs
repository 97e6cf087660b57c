//! The table of RFC 6121 §8.5.4, type by target by resources, written out.

use super::*;

use IqType::{Get, Result as IqResult, Set};
use MessageType::{Chat, Groupchat, Headline, Normal};
use PresenceType::{
    Available, Probe, Subscribe, Subscribed, Unavailable, Unsubscribe, Unsubscribed,
};

const MESSAGE_ERROR: Kind = Kind::Message(MessageType::Error);
const PRESENCE_ERROR: Kind = Kind::Presence(PresenceType::Error);
const IQ_ERROR: Kind = Kind::Iq(IqType::Error);

// Resources are written as words: a priority, or `-` for a resource without presence; `*` marks the one the full JID
// names. "1 *-5 -" is three resources. The answer: indexes to deliver to, or one word.

#[test]
fn chat_and_normal_to_the_bare_jid_go_to_the_highest_non_negative_priority() {
    for kind in [Chat, Normal] {
        bare(kind, "", "store");
        bare(kind, "-", "store");
        bare(kind, "-1", "store");
        bare(kind, "-1 -128", "store");
        bare(kind, "-1 -", "store");
        bare(kind, "0", "0");
        bare(kind, "127", "0");
        bare(kind, "0 -", "0");
        bare(kind, "- 0", "1");
        bare(kind, "0 -1", "0");
        bare(kind, "0 0", "0 1");
        bare(kind, "1 0", "0");
        bare(kind, "0 1 1 -5 -", "1 2");
        bare(kind, "5 1 5 5 -", "0 2 3");
        bare(kind, "1 1 1 1 1 1", "0 1 2 3 4 5");
    }
}

#[test]
fn headlines_to_the_bare_jid_go_to_every_non_negative_priority_or_nowhere() {
    bare(Headline, "", "drop");
    bare(Headline, "-", "drop");
    bare(Headline, "-1", "drop");
    bare(Headline, "0", "0");
    bare(Headline, "0 5 -1 - 5", "0 1 4");
}

#[test]
fn groupchat_to_the_bare_jid_is_refused_and_errors_vanish() {
    for resources in ["", "-", "-1", "0", "0 1"] {
        bare(Groupchat, resources, "refuse");
        check(MESSAGE_ERROR, Target::Bare, resources, "drop");
        check(MESSAGE_ERROR, Target::OwnBare, resources, "drop");
    }
}

#[test]
fn a_message_to_a_full_jid_reaches_that_resource_whatever_its_presence() {
    for kind in [Chat, Normal, Groupchat, Headline, MessageType::Error] {
        full(Kind::Message(kind), "*0", "0");
        full(Kind::Message(kind), "*-", "0");
        full(Kind::Message(kind), "*-1", "0");
        full(Kind::Message(kind), "*-128 5", "0");
        full(Kind::Message(kind), "5 *-", "1");
        full(Kind::Message(kind), "7 7 *0 -", "2");
    }
}

#[test]
fn chat_and_normal_to_an_absent_full_jid_are_treated_as_to_the_bare_jid() {
    for kind in [Chat, Normal] {
        full(Kind::Message(kind), "", "store");
        full(Kind::Message(kind), "-", "store");
        full(Kind::Message(kind), "-1", "store");
        full(Kind::Message(kind), "0 -1", "0");
        full(Kind::Message(kind), "0 2 2", "1 2");
    }
}

#[test]
fn other_messages_to_an_absent_full_jid_never_reach_another_resource() {
    for resources in ["", "-", "-1", "0", "0 1"] {
        full(Kind::Message(Groupchat), resources, "refuse");
        full(Kind::Message(Headline), resources, "drop");
        full(MESSAGE_ERROR, resources, "drop");
    }
}

#[test]
fn presence_to_the_bare_jid_goes_to_every_available_resource() {
    for kind in [
        Kind::Presence(Available),
        Kind::Presence(Unavailable),
        PRESENCE_ERROR,
    ] {
        for target in [Target::Bare, Target::OwnBare] {
            check(kind, target, "", "drop");
            check(kind, target, "-", "drop");
            check(kind, target, "-1", "0");
            check(kind, target, "0 -1 - 7", "0 1 3");
        }
    }
}

#[test]
fn presence_to_a_full_jid_goes_to_that_resource_or_nowhere() {
    for kind in [
        Kind::Presence(Available),
        Kind::Presence(Unavailable),
        PRESENCE_ERROR,
    ] {
        full(kind, "0 *-1", "1");
        full(kind, "0 *-", "1");
        full(kind, "0 1", "drop");
        full(kind, "", "drop");
    }
}

#[test]
fn subscriptions_and_probes_are_for_the_account_and_nobody_subscribes_to_himself() {
    for resources in ["", "-", "0", "*0 1", "*- -1"] {
        for kind in [Subscribe, Subscribed, Unsubscribe, Unsubscribed] {
            check(Kind::Presence(kind), Target::Bare, resources, "handle");
            check(Kind::Presence(kind), Target::Full, resources, "handle");
            check(Kind::Presence(kind), Target::OwnBare, resources, "drop");
            check(Kind::Presence(kind), Target::OwnFull, resources, "drop");
        }
        full(Kind::Presence(Probe), resources, "handle");
        check(Kind::Presence(Probe), Target::Bare, resources, "handle");
        check(Kind::Presence(Probe), Target::OwnBare, resources, "handle");
    }
}

#[test]
fn an_iq_to_the_bare_jid_is_the_accounts_whoever_is_online() {
    for kind in [Kind::Iq(Get), Kind::Iq(Set), Kind::Iq(IqResult), IQ_ERROR] {
        for resources in ["", "-", "-1", "0", "0 1"] {
            check(kind, Target::Bare, resources, "handle");
            check(kind, Target::OwnBare, resources, "handle");
        }
    }
}

#[test]
fn an_iq_to_a_full_jid_goes_to_that_resource() {
    for kind in [Kind::Iq(Get), Kind::Iq(Set), Kind::Iq(IqResult), IQ_ERROR] {
        full(kind, "*-", "0");
        full(kind, "9 *-1", "1");
        full(kind, "9 *0", "1");
    }
}

#[test]
fn an_iq_to_an_absent_full_jid_is_refused_once() {
    for resources in ["", "-", "-1", "0 1"] {
        full(Kind::Iq(Get), resources, "refuse");
        full(Kind::Iq(Set), resources, "refuse");
        full(Kind::Iq(IqResult), resources, "drop");
        full(IQ_ERROR, resources, "drop");
    }
}

#[test]
fn an_account_that_does_not_exist_refuses_and_stores_nothing() {
    nobody(Kind::Message(Normal), "refuse");
    nobody(Kind::Message(Chat), "refuse");
    nobody(Kind::Message(Groupchat), "refuse");
    nobody(Kind::Message(Headline), "drop");
    nobody(MESSAGE_ERROR, "drop");
    nobody(Kind::Iq(Get), "refuse");
    nobody(Kind::Iq(Set), "refuse");
    nobody(Kind::Iq(IqResult), "drop");
    nobody(IQ_ERROR, "drop");
    nobody(Kind::Presence(Available), "drop");
    nobody(Kind::Presence(Unavailable), "drop");
    nobody(Kind::Presence(Subscribe), "handle");
    nobody(Kind::Presence(Probe), "handle");
    nobody(Kind::Presence(Subscribed), "drop");
    nobody(Kind::Presence(Unsubscribe), "drop");
    nobody(Kind::Presence(Unsubscribed), "drop");
    nobody(PRESENCE_ERROR, "drop");
}

#[test]
fn nothing_that_must_not_be_answered_is_ever_refused_and_only_messages_are_stored() {
    let kinds = [Normal, Chat, Groupchat, Headline, MessageType::Error].map(Kind::Message);
    let presences = [
        Available,
        Unavailable,
        Subscribe,
        Subscribed,
        Unsubscribe,
        Unsubscribed,
        Probe,
        PresenceType::Error,
    ];
    let iqs = [Get, Set, IqResult, IqType::Error].map(Kind::Iq);
    let all = kinds
        .into_iter()
        .chain(presences.map(Kind::Presence))
        .chain(iqs);
    for kind in all {
        for target in [Target::Bare, Target::Full, Target::OwnBare, Target::OwnFull] {
            for text in ["", "-", "-1", "0", "0 0", "5 -1 -"] {
                let decision = decide(kind, target, resources(text).into_iter());
                if matches!(decision, Decision::Refuse(_)) {
                    assert!(kind.may_be_answered(), "{kind:?} {target:?} {text}");
                }
                if decision == Decision::Store {
                    let kept = matches!(kind, Kind::Message(Normal | Chat));
                    assert!(kept, "{kind:?} {target:?} {text}");
                }
            }
        }
    }
}

/// A message to the bare JID, somebody else's and one's own.
#[track_caller]
fn bare(kind: MessageType, resources: &str, expected: &str) {
    check(Kind::Message(kind), Target::Bare, resources, expected);
    check(Kind::Message(kind), Target::OwnBare, resources, expected);
}

/// A stanza to a full JID, of somebody else's account and of one's own.
#[track_caller]
fn full(kind: Kind, resources: &str, expected: &str) {
    check(kind, Target::Full, resources, expected);
    check(kind, Target::OwnFull, resources, expected);
}

#[track_caller]
fn check(kind: Kind, target: Target, text: &str, expected: &str) {
    let decision = decide(kind, target, resources(text).into_iter());
    assert_eq!(
        words(&decision),
        expected,
        "{kind:?} to {target:?} with {text:?}"
    );
}

#[track_caller]
fn nobody(kind: Kind, expected: &str) {
    assert_eq!(words(&decide_for_nobody(kind)), expected, "{kind:?}");
}

fn resources(text: &str) -> Vec<Resource> {
    text.split_whitespace()
        .map(|word| {
            let rest = word.trim_start_matches('*');
            Resource {
                matches: word.starts_with('*'),
                available: rest != "-",
                priority: if rest == "-" {
                    0
                } else {
                    rest.parse().unwrap()
                },
            }
        })
        .collect()
}

fn words(decision: &Decision) -> String {
    match decision {
        Decision::Deliver(indexes) => {
            let indexes: Vec<String> = indexes.iter().map(usize::to_string).collect();
            indexes.join(" ")
        }
        Decision::Store => "store".to_owned(),
        Decision::Handle => "handle".to_owned(),
        Decision::Refuse(Condition::ServiceUnavailable) => "refuse".to_owned(),
        Decision::Refuse(other) => format!("{other:?}"),
        Decision::Drop => "drop".to_owned(),
    }
}
