//! Stanzas that prove that everything before them has had its effects, and that no actor ever sees.
//!
//! A server handles a session's stanzas in order, and what goes from one account to another keeps its order too. So when
//! a ping of the own account that a session sent last is answered, what it sent before has been routed; and the answer
//! comes behind everything that was on its way to the session. Pings are held back by nothing: not by a block list, nor by
//! a rule about strangers. After one round of pings everything that was said is with those it was said to; what it made
//! their accounts say is there after the next, and so on.
//!
//! A client that said its user does not look (XEP-0352) would be woken by an answer, so it is left out of this: only with
//! what it says itself, which wakes it anyway, a ping goes along. Before it says so, the ping stands in front, in the same
//! write: what a server reads at once it handles before it writes.

use xml::Tree;

/// How the id of every such stanza begins.
const ID: &str = "transcript-barrier-";

/// How often a barrier is passed before all is quiet: what somebody says is answered, and that is answered once more.
pub(super) const ROUNDS: usize = 4;

/// A request that the own account answers.
pub(super) fn ping(round: u64, from: usize) -> String {
    ping_with(&id(round, from))
}

fn ping_with(id: &str) -> String {
    format!("<iq type='get' id='{id}'><ping xmlns='urn:xmpp:ping'/></iq>")
}

/// The id of the ping of `from` and of its answer.
pub(super) fn id(round: u64, from: usize) -> String {
    format!("{ID}{round}-{from}")
}

/// The ping that goes along with what an inactive client says, and its id.
pub(super) fn ping_along(number: u64) -> (String, String) {
    let id = format!("{ID}along-{number}");
    (ping_with(&id), id)
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
        check(&ping(7, 0), Some("transcript-barrier-7-0"));
        let (along, id) = ping_along(3);
        check(&along, Some(&id));
        check("<iq type='result' id='transcript-bind'/>", None);
        check("<presence/>", None);
    }

    #[track_caller]
    fn check(stanza: &str, id: Option<&str>) {
        let tree = Tree::parse_fragment(stanza).unwrap();
        assert_eq!(id_of(&tree).as_deref(), id, "{stanza}");
    }
}
