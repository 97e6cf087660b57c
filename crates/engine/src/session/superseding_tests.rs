//! Who supersedes what, and that nothing else ever leaves its place.

use super::*;

fn stanza(xml: &str) -> Stanza {
    let tree = xml::Tree::parse_fragment(xml).unwrap();
    Stanza::accept(&tree.root(), None).unwrap()
}

/// What is left of stanzas that come one after the other, by the number of each.
#[track_caller]
fn check(stanzas: &[&str], left: &[usize]) {
    let mut queue = Superseding::default();
    for (number, xml) in stanzas.iter().enumerate() {
        let stanza = stanza(xml);
        if let Some(ended) = Subject::ended_by(&stanza) {
            queue.forget(&ended);
        }
        queue.push(Subject::of(&stanza), number);
    }
    assert_eq!(queue.len(), left.len(), "{stanzas:?}");
    let mut found = Vec::new();
    while let Some(number) = queue.pop() {
        found.push(number);
    }
    assert_eq!(found, left, "{stanzas:?}");
}

const HERE: &str = "<presence from='juliet@example/phone'/>";
const AWAY: &str = "<presence from='juliet@example/phone'><show>away</show></presence>";
const GONE: &str = "<presence from='juliet@example/phone' type='unavailable'/>";
const OTHER: &str = "<presence from='juliet@example/desk'/>";
const ERROR: &str = "<presence from='juliet@example/phone' type='error'/>";
const TYPING: &str = "<message type='chat' from='juliet@example/phone'><composing xmlns='http://jabber.org/protocol/chatstates'/></message>";
const PAUSED: &str = "<message type='chat' from='juliet@example/phone'><paused xmlns='http://jabber.org/protocol/chatstates'/><thread>1</thread></message>";
const RECEIPT: &str =
    "<message from='juliet@example/phone'><received xmlns='urn:xmpp:receipts' id='1'/></message>";
const NEWS: &str =
    "<message type='headline' from='juliet@example/phone'><body>news</body></message>";
const COPY: &str = "<message from='romeo@example'><received xmlns='urn:xmpp:carbons:2'><forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client' type='chat' from='juliet@example/phone'><paused xmlns='http://jabber.org/protocol/chatstates'/></message></forwarded></received></message>";

#[test]
fn of_presence_the_latest_of_each_sender_is_left_where_it_came() {
    check(&[HERE], &[0]);
    check(&[HERE, AWAY], &[1]);
    check(&[HERE, OTHER, GONE], &[1, 2]);
    check(&[HERE, OTHER, AWAY, OTHER, GONE], &[3, 4]);
    check(&[HERE, ERROR, AWAY], &[1, 2]);
}

#[test]
fn a_chat_state_counts_until_its_sender_says_something_or_goes() {
    check(&[TYPING, PAUSED], &[1]);
    check(&[TYPING, HERE], &[0, 1]);
    check(&[TYPING, GONE], &[1]);
    check(&[TYPING, RECEIPT], &[1]);
    check(&[TYPING, COPY], &[1]);
    check(&[COPY, TYPING], &[1]);
}

#[test]
fn what_counts_by_itself_is_never_superseded() {
    check(
        &[RECEIPT, RECEIPT, NEWS, NEWS, ERROR, ERROR],
        &[0, 1, 2, 3, 4, 5],
    );
}

#[test]
fn holes_are_bounded_and_places_stay_right() {
    let mut queue = Superseding::default();
    queue.push(None, 0);
    for number in 1..10_000 {
        let before = queue.push(Subject::of(&stanza(HERE)), number);
        assert_eq!(before, (number > 1).then(|| number - 1));
    }
    assert!(queue.places.len() <= 2 * queue.len() + HOLES_FREE + 1);
    queue.push(Subject::of(&stanza(OTHER)), 1);
    assert_eq!(queue.push(Subject::of(&stanza(HERE)), 2), Some(9_999));
    let left: Vec<_> = std::iter::from_fn(|| queue.pop()).collect();
    assert_eq!(left, [0, 1, 2]);
}

#[test]
fn what_is_set_apart_stays() {
    let mut queue = Superseding::default();
    let presence = Subject::of(&stanza(HERE)).unwrap();
    queue.push(Some(presence.clone()), 0);
    queue.set_apart(&presence);
    assert_eq!(queue.latest(&presence), None);
    assert_eq!(queue.push(Some(presence.clone()), 1), None);
    assert_eq!(queue.latest(&presence), Some(&1));
    assert_eq!(queue.forget(&presence), Some(1));
    assert_eq!(queue.pop(), Some(0));
}
