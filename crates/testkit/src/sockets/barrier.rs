//! Stanzas that prove that everything before them has had its effects, and that no actor ever sees.
//!
//! A server handles a session's stanzas in order, and what goes from one account to another keeps its order too. So
//! when a ping that was sent last is answered, and a message that everybody sent last to everybody has arrived, what
//! was sent before has arrived as well; what *that* made others send has arrived after the second time. The messages
//! are headlines without a body: nobody copies, stores or bounces them.

use xml::Tree;

/// How the id of every such stanza begins.
const ID: &str = "transcript-barrier-";

/// How often a barrier is passed before all is quiet.
pub(super) const ROUNDS: usize = 2;

/// A request that the own account answers.
pub(super) fn ping(round: u64, from: usize) -> String {
    let id = ping_id(round, from);
    format!("<iq type='get' id='{id}'><ping xmlns='urn:xmpp:ping'/></iq>")
}

/// A message that only the session at `to` receives.
pub(super) fn message(round: u64, from: usize, to: &str) -> String {
    let id = message_id(round, from);
    let mut address = Vec::new();
    xml::escape_attr(to, &mut address);
    let address = String::from_utf8_lossy(&address).into_owned();
    format!("<message type='headline' id='{id}' to='{address}'/>")
}

/// The id of the ping of `from` and of its answer.
pub(super) fn ping_id(round: u64, from: usize) -> String {
    format!("{ID}{round}-ping-{from}")
}

/// The id of the messages of `from`.
pub(super) fn message_id(round: u64, from: usize) -> String {
    format!("{ID}{round}-message-{from}")
}

/// The id of a received stanza that belongs to a barrier, its errors included.
pub(super) fn id_of(received: &Tree) -> Option<String> {
    let id = received.root().attr("id")?;
    id.starts_with(ID).then(|| id.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stanzas_of_a_barrier_are_known_by_their_ids() {
        check(&ping(7, 0), Some("transcript-barrier-7-ping-0"));
        let to = "o'hara@example/a&b";
        check(&message(7, 1, to), Some("transcript-barrier-7-message-1"));
        check("<iq type='result' id='transcript-bind'/>", None);
        check("<presence/>", None);
    }

    #[track_caller]
    fn check(stanza: &str, id: Option<&str>) {
        let tree = Tree::parse_fragment(stanza).unwrap();
        assert_eq!(id_of(&tree).as_deref(), id, "{stanza}");
    }
}
