//! The player against a bench that only relays: what one actor sends to another's name, the other receives.

use std::collections::VecDeque;
use std::time::Duration;

use thiserror::Error;
use xml::Tree;

use super::super::{Listener, Restart, Room};
use super::*;

/// A server of few words. Stanzas with `to` go there, stamped; the word `echo` as a message's type sends it back, and
/// `quit` ends the sender's stream.
#[derive(Default)]
struct Relay {
    inboxes: BTreeMap<Actor, VecDeque<Received>>,
    log: Vec<String>,
    offered: Vec<Need>,
}

#[derive(Debug, Error)]
#[error("no actor {0}")]
struct Unknown(Actor);

impl Relay {
    fn inbox(&mut self, actor: &Actor) -> Result<&mut VecDeque<Received>, Unknown> {
        self.inboxes
            .get_mut(actor)
            .ok_or_else(|| Unknown(actor.clone()))
    }
}

impl Actors for Relay {
    type Error = Unknown;

    fn offers(&self, need: Need) -> bool {
        self.offered.contains(&need)
    }

    fn configure(&mut self, toml: &str) -> Result<(), Unknown> {
        if !toml.is_empty() {
            self.log.push(format!("configure {}", toml.trim()));
        }
        Ok(())
    }

    fn create_account(&mut self, bare_jid: &str, password: &str) -> Result<(), Unknown> {
        self.log.push(format!("account {bare_jid} {password}"));
        Ok(())
    }

    fn open(&mut self, actor: &Actor, listener: Listener) -> Result<(), Unknown> {
        self.log.push(format!("open {actor} {listener:?}"));
        let header = Tree::parse_fragment("<stream xmlns='s' id='42' version='1.0'/>").unwrap();
        self.inboxes
            .insert(actor.clone(), VecDeque::from([Received::Header(header)]));
        Ok(())
    }

    fn sign_in(&mut self, sign_in: &SignIn) -> Result<(), Unknown> {
        self.log
            .push(format!("sign in {} {}", sign_in.full_jid, sign_in.password));
        self.inboxes.insert(sign_in.actor.clone(), VecDeque::new());
        Ok(())
    }

    fn send(&mut self, actor: &Actor, bytes: &[u8]) -> Result<(), Unknown> {
        self.inbox(actor)?;
        let Ok(tree) = Tree::parse_fragment(bytes) else {
            return Ok(());
        };
        let (to, kind) = (tree.root().attr("to"), tree.root().attr("type"));
        match kind.as_deref() {
            Some("echo") => self.inbox(actor)?.push_back(Received::Element(tree)),
            Some("quit") => self.inbox(actor)?.extend([Received::Closed, Received::Cut]),
            _ => {
                let receiver = self.inboxes.iter_mut().find(|(other, _)| {
                    other.full_jid().as_deref() == to.as_deref() && to.is_some()
                });
                if let Some((_, inbox)) = receiver {
                    inbox.push_back(Received::Element(tree));
                }
            }
        }
        Ok(())
    }

    fn close(&mut self, actor: &Actor) -> Result<(), Unknown> {
        self.inbox(actor)?.push_back(Received::Closed);
        Ok(())
    }

    fn cut(&mut self, actor: &Actor) -> Result<(), Unknown> {
        self.inboxes
            .remove(actor)
            .map(drop)
            .ok_or_else(|| Unknown(actor.clone()))
    }

    fn start_tls(&mut self, actor: &Actor) -> Result<(), Unknown> {
        self.log.push(format!("tls {actor}"));
        Ok(())
    }

    fn receive(&mut self, actor: &Actor) -> Result<Option<Received>, Unknown> {
        Ok(self.inbox(actor)?.pop_front())
    }

    fn take_received(&mut self, actor: &Actor) -> Result<Option<Received>, Unknown> {
        self.receive(actor)
    }

    fn settle(&mut self) -> Result<(), Unknown> {
        Ok(())
    }

    fn wait(&mut self, time: Duration) -> Result<(), Unknown> {
        self.log.push(format!("wait {time:?}"));
        Ok(())
    }

    fn restart(&mut self, restart: Restart) -> Result<(), Unknown> {
        self.log.push(format!("restart {restart:?}"));
        Ok(())
    }

    fn metric(&mut self, sample: &str, value: &str) -> Result<(), Unknown> {
        self.log.push(format!("metric {sample} {value}"));
        Ok(())
    }

    fn disk(&mut self, room: Room) -> Result<(), Unknown> {
        self.log.push(format!("disk {room:?}"));
        Ok(())
    }

    fn reload(&mut self, toml: &str) -> Result<(), Unknown> {
        self.log.push(format!("reload {toml}"));
        Ok(())
    }

    fn command(&mut self, command: &str) -> Result<(), Unknown> {
        self.log.push(format!("command {command}"));
        Ok(())
    }
}

#[test]
fn what_is_sent_is_received() {
    passes(
        "online a/x, b/y
         a/x -> <message to='b@example/y' id='1'><body>hi</body></message>
         b/y <- <message id='1'><body>hi</body></message>
         everyone <- nothing",
    );
}

#[test]
fn captures_go_from_what_is_received_into_what_is_sent() {
    passes(
        "online a/x, b/y
         a/x -> <message to='b@example/y' id='17'/>
         b/y <- <message id='{id}'/>
         b/y -> <message to='a@example/x' id='{id}'/>
         a/x <- <message id='17'/>",
    );
    fails(
        "online a/x
         a/x -> <message id='{id}'/>",
        "{id} has not been received yet",
    );
}

#[test]
fn a_wrong_element_is_shown_with_its_difference() {
    fails(
        "online a/x
         a/x -> <message type='echo'><body>ho</body></message>
         a/x <- <message type='echo'><body>hi</body></message>",
        "a/x received something else
  expected  <message type='echo'><body>hi</body></message>
  received  <message type='echo'><body>ho</body></message>
  in <message><body>: the text is \"ho\"",
    );
}

#[test]
fn a_missing_element_and_one_too_many_are_noticed() {
    fails(
        "online a/x
         a/x <- <presence/>",
        "a/x received nothing\n  expected  <presence/>",
    );
    fails(
        "online a/x
         a/x -> <message type='echo'/>
         a/x <- nothing",
        "a/x should have received nothing\n  received  <message type='echo'/>",
    );
    fails(
        "online a/x, b/y
         a/x -> <message to='b@example/y'/>
         everyone <- nothing",
        "b/y should have received nothing\n  received  <message to='b@example/y'/>",
    );
}

#[test]
fn order_counts_unless_it_is_said_not_to() {
    let sent = "online a/x
                a/x -> <message type='echo' id='1'/>
                a/x -> <message type='echo' id='2'/>";
    passes(&format!(
        "{sent}\na/x <- <message type='echo' id='1'/><message type='echo' id='2'/>"
    ));
    passes(&format!(
        "{sent}\na/x <- unordered <message type='echo' id='2'/><message type='echo' id='1'/>"
    ));
    fails(
        &format!("{sent}\na/x <- <message type='echo' id='2'/>"),
        "a/x received something else",
    );
    fails(
        &format!(
            "{sent}\na/x <- unordered <message type='echo' id='2'/><message type='echo' id='3'/>"
        ),
        "a/x received something else\n  expected  <message type='echo' id='2'/> <message type='echo' id='3'/>",
    );
}

#[test]
fn the_end_of_a_stream_is_received_too() {
    passes(
        "online a/x
         a/x -> <message type='quit'/>
         a/x <- closed
         a/x <- cut",
    );
    passes(
        "online a/x
         a/x -> <message type='quit'/>
         a/x <- closed
         a/x <- nothing",
    );
    fails(
        "online a/x
         a/x -> <message type='quit'/>
         a/x <- nothing",
        "a/x should have received nothing\n  received  the end of the stream",
    );
    fails(
        "online a/x
         a/x -> <message type='echo'/>
         a/x <- closed",
        "a/x received something else\n  expected  the end of the stream\n  received  <message type='echo'/>",
    );
    fails(
        "online a/x
         a/x -> <message type='quit'/>
         online a/x, b/y
         a/x -> cut
         a/x <- nothing",
        "no actor a/x",
    );
}

#[test]
fn a_bare_stream_sees_the_header() {
    passes(
        "stream raw tls
         raw -> <stream:stream to='example' version='1.0'>
         raw <- <stream:stream version='1.0' id='{}'>",
    );
    fails(
        "stream raw
         raw <- <stream:stream version='2.0'>",
        "raw received something else\n  expected  <stream:stream version='2.0'>",
    );
    fails(
        "stream raw
         raw <- <stream:features/>",
        "raw received something else",
    );
}

#[test]
fn accounts_are_made_once_with_their_password() {
    let mut relay = Relay::default();
    let text = "account romeo password pencil\nonline romeo/orchard, romeo/garden, juliet/balcony";
    run(&mut relay, text).unwrap();
    let expected = [
        "account romeo@example pencil",
        "sign in romeo@example/orchard pencil",
        "sign in romeo@example/garden pencil",
        "account juliet@example secret",
        "sign in juliet@example/balcony secret",
    ];
    assert_eq!(relay.log, expected);
}

#[test]
fn contacts_are_made_by_sessions_that_go_again() {
    let mut relay = Relay::default();
    run(&mut relay, "contacts romeo, juliet\neveryone <- nothing").unwrap();
    assert_eq!(relay.inboxes.len(), 0);
    assert_eq!(relay.log.len(), 4);
}

#[test]
fn a_bench_that_does_not_offer_what_a_file_needs_is_not_touched() {
    let mut relay = Relay::default();
    let text = "online a/x\nwait 1 h\nserver kill\ncommand user list";
    assert_eq!(
        run(&mut relay, text).unwrap(),
        Outcome::Skipped(Need::VirtualTime)
    );
    assert_eq!(relay.log, [""; 0]);
    relay.offered = vec![Need::VirtualTime, Need::Restart, Need::Commands];
    assert_eq!(run(&mut relay, text).unwrap(), Outcome::Passed);
    let last = &relay.log[relay.log.len() - 3..];
    assert_eq!(last, ["wait 3600s", "restart Killed", "command user list"]);
}

fn run(relay: &mut Relay, lines: &str) -> Result<Outcome, Failure<Unknown>> {
    let lines: Vec<&str> = lines.lines().map(str::trim).collect();
    let script = Script::parse("test.xmpp", &format!("spec x\n{}", lines.join("\n"))).unwrap();
    play(&script, relay)
}

#[track_caller]
fn passes(lines: &str) {
    match run(&mut Relay::default(), lines) {
        Ok(outcome) => assert_eq!(outcome, Outcome::Passed),
        Err(failure) => panic!("{failure}"),
    }
}

/// The last line fails, and says so.
#[track_caller]
fn fails(lines: &str, message: &str) {
    let failure = run(&mut Relay::default(), lines).expect_err(lines);
    assert_eq!(failure.line, lines.lines().count() + 1);
    let shown = failure.to_string();
    let start = format!("test.xmpp:{}: {message}", failure.line);
    assert!(shown.starts_with(&start), "{shown}");
}
