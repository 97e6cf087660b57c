//! `kill -9` of a real server under load: what was acknowledged arrives, once.
//!
//! Senders number their messages and count as acknowledged what an `<a/>` covers, [XEP-0198 §4]. Half of the recipients
//! are offline in each life, the other half in the next. At a random moment after enough acknowledgements of the life
//! the server is killed. After the last life everybody signs in: each acknowledged message was received then or before.
//! A message may be seen again in another session when the server died before it knew that it was taken, but then with
//! the same `<stanza-id/>`, if there is an archive to give it one: it is in the mailbox once. Who signs in a second time
//! after the last life gets nothing again.
//!
//! `COUPLET_KILLS=50` is the full run, `COUPLET_SEED` repeats one (as far as a process under load can be repeated).
//!
//! [XEP-0198 §4]: https://xmpp.org/extensions/xep-0198.html#acking

use std::{
    borrow::Cow,
    collections::BTreeMap,
    env,
    hash::{BuildHasher, RandomState},
    io::Write,
    net::TcpStream,
    sync::mpsc::{self, Receiver, Sender},
    thread::{self, JoinHandle},
};

use super::{
    client::{Client, SM},
    process::Place,
};

const SENDERS: usize = 3;
const RECIPIENTS: usize = 6;
/// A life ends after this many acknowledged messages at the earliest, and this many events later at the latest.
const ACKED_MIN: usize = 100;
const FURTHER_EVENTS_MAX: u64 = 60;
/// How many messages one sender has on their way.
const WINDOW: usize = 24;
/// An acknowledgement is asked for after this many messages.
const ASK_EVERY: usize = 6;

const IDS: &str = "urn:xmpp:sid:0";

#[test]
fn what_was_acknowledged_survives_kill_9_and_arrives_once() {
    let lives: usize = setting("COUPLET_KILLS").unwrap_or(5);
    let seed = setting("COUPLET_SEED").unwrap_or_else(|| RandomState::new().hash_one(()));
    println!("{lives} lives, seed {seed}");
    let mut random = Random(seed | 1);
    let place = Place::new();
    place.configure("c2s.require_tls = false");
    for name in names("sender", SENDERS).chain(names("recipient", RECIPIENTS)) {
        place.done(
            &[
                "user",
                "add",
                &format!("{name}@localhost"),
                "--password-stdin",
            ],
            &format!("{name}\n"),
        );
    }

    let mut record = Record::default();
    for life in 0..lives {
        live(&place, life, &mut random, &mut record);
    }
    let _server = place.serve();
    for (index, name) in names("recipient", RECIPIENTS).enumerate() {
        record.note(
            &format!("the end, recipient {index}"),
            receive_the_rest(&place, &name),
        );
        let again = receive_the_rest(&place, &name);
        assert!(again.is_empty(), "{name} gets again: {again:?}");
    }
    let acked = record.acked.len();
    println!("{acked} acknowledged messages");
    assert!(
        acked >= lives * ACKED_MIN,
        "only {acked} messages were acknowledged in {lives} lives"
    );
    record.check();
}

/// One life of the server: clients sign in, senders send, the server is killed, and everything that it said is read.
fn live(place: &Place, life: usize, random: &mut Random, record: &mut Record) {
    let server = place.serve();
    let online = names("recipient", RECIPIENTS)
        .enumerate()
        .filter(|(index, _)| (index + life).is_multiple_of(2));
    let reading: Vec<JoinHandle<Vec<Seen>>> = online
        .map(|(_, name)| {
            let mut client = Client::sign_in(place.port, &name, "here");
            client.enable_acks();
            client.send("<presence/>");
            thread::spawn(move || read_messages(&mut client))
        })
        .collect();
    let (events, happened) = mpsc::channel();
    let sending: Vec<JoinHandle<Vec<String>>> = names("sender", SENDERS)
        .map(|name| {
            let mut client = Client::sign_in(place.port, &name, "here");
            client.enable_acks();
            let events = events.clone();
            thread::spawn(move || send_messages(&mut client, &format!("{life} {name}"), &events))
        })
        .collect();
    drop(events);

    wait(&happened, random.below(FURTHER_EVENTS_MAX));
    // This is what dropping it means: SIGKILL, and nothing of it runs afterwards.
    drop(server);

    let before = record.acked.len();
    for sender in sending {
        record.acked.extend(sender.join().unwrap());
    }
    let acked = record.acked.len() - before;
    assert!(acked >= ACKED_MIN, "life {life}: {acked} acknowledged");
    for (session, recipient) in reading.into_iter().enumerate() {
        record.note(
            &format!("life {life}, session {session}"),
            recipient.join().unwrap(),
        );
    }
}

/// Waits until enough messages are acknowledged and then for some `further` events, sent or acknowledged alike.
fn wait(happened: &Receiver<Happened>, further: u64) {
    let mut acked = 0;
    while acked < ACKED_MIN {
        match happened.recv().expect("senders end only with the server") {
            Happened::Acked(count) => acked += count,
            Happened::Sent => {}
        }
    }
    for _ in 0..further {
        happened.recv().expect("senders end only with the server");
    }
}

enum Happened {
    Sent,
    Acked(usize),
}

/// Sends until the connection is lost; gives the bodies that were acknowledged.
fn send_messages(client: &mut Client, prefix: &str, events: &Sender<Happened>) -> Vec<String> {
    let mut socket = client.sender();
    let (mut sent, mut acked) = (Vec::new(), 0);
    while send_window(&mut socket, prefix, &mut sent, acked, events)
        && let Some(covered) = next_ack(client)
    {
        assert!(
            covered >= acked && covered <= sent.len(),
            "<a h='{covered}'/>"
        );
        // Nobody waits any more once the server is killed.
        let _ = events.send(Happened::Acked(covered - acked));
        acked = covered;
    }
    // What the server said before it died is still to be read.
    while let Some(covered) = next_ack(client) {
        acked = covered;
    }
    sent.truncate(acked);
    sent
}

/// Fills the window; `false` when the connection is lost.
fn send_window(
    socket: &mut TcpStream,
    prefix: &str,
    sent: &mut Vec<String>,
    acked: usize,
    events: &Sender<Happened>,
) -> bool {
    while sent.len() < acked + WINDOW {
        let number = sent.len();
        let body = format!("{prefix} {number}");
        let mut xml = format!(
            "<message to='recipient{}@localhost' type='chat' id='{number}'><body>{body}</body></message>",
            number % RECIPIENTS
        );
        if (number + 1).is_multiple_of(ASK_EVERY) {
            xml.push_str(&format!("<r xmlns='{SM}'/>"));
        }
        sent.push(body);
        if socket.write_all(xml.as_bytes()).is_err() {
            return false;
        }
        let _ = events.send(Happened::Sent);
    }
    true
}

/// How many stanzas the next `<a/>` covers; `None` when the connection is lost.
fn next_ack(client: &mut Client) -> Option<usize> {
    let tree = client.receive_until(|element| {
        assert_ne!(
            element.name(),
            "message",
            "no message is for a sender, nor an error: {}",
            element.as_str()
        );
        element.is("a", SM)
    })?;
    Some(tree.root().attr("h").unwrap().parse().unwrap())
}

/// A message that arrived: its body, and the id that the recipient's archive gave it.
type Seen = (String, Option<String>);

/// Reads until the connection is lost, and acknowledges when asked.
fn read_messages(client: &mut Client) -> Vec<Seen> {
    let (mut seen, mut count) = (Vec::new(), 0);
    while let Some(tree) = client.receive() {
        let element = tree.root();
        match element.name() {
            "r" => {
                let answer = format!("<a xmlns='{SM}' h='{count}'/>");
                if !client.try_send(&answer) {
                    continue;
                }
            }
            "message" => {
                count += 1;
                seen.extend(message(element));
            }
            "presence" | "iq" => count += 1,
            _ => {}
        }
    }
    seen
}

fn message(element: xml::Element<'_>) -> Option<Seen> {
    let body = element.child_text("body", xml::Ns::Content)?;
    let id = element.child("stanza-id", IDS).and_then(|id| id.attr("id"));
    Some((body.into_owned(), id.map(Cow::into_owned)))
}

/// Signs a recipient in after the last life, and reads up to a message that was sent after all others.
fn receive_the_rest(place: &Place, name: &str) -> Vec<Seen> {
    let mut client = Client::sign_in(place.port, name, "here");
    let last = format!("to {name}: the last");
    client.send(&format!(
        "<presence/><message to='{name}@localhost' type='chat'><body>{last}</body></message>"
    ));
    let mut seen = Vec::new();
    loop {
        let tree = client.receive().expect("the server is there");
        match message(tree.root()) {
            Some((body, _)) if body == last => break,
            other => seen.extend(other),
        }
    }
    client.close();
    seen
}

/// What was promised and what arrived.
#[derive(Default)]
struct Record {
    acked: Vec<String>,
    /// By body: the archive's id under which it was seen.
    seen: BTreeMap<String, Option<String>>,
    mistakes: Vec<String>,
}

impl Record {
    /// Takes what one session saw.
    fn note(&mut self, session: &str, seen: Vec<Seen>) {
        let mut here = BTreeMap::new();
        for (body, id) in seen {
            if here.insert(body.clone(), ()).is_some() {
                self.mistakes.push(format!("{session}: twice: {body}"));
            }
            let known = self.seen.entry(body.clone()).or_insert_with(|| id.clone());
            if *known != id {
                self.mistakes.push(format!(
                    "{session}: twice in the mailbox: {body} as {known:?} and {id:?}"
                ));
            }
        }
    }

    #[track_caller]
    fn check(mut self) {
        let lost = self
            .acked
            .iter()
            .filter(|body| !self.seen.contains_key(*body));
        let lost: Vec<String> = lost
            .map(|body| format!("acknowledged and lost: {body}"))
            .collect();
        self.mistakes.extend(lost);
        let count = self.mistakes.len();
        self.mistakes.truncate(20);
        assert!(
            self.mistakes.is_empty(),
            "{count} mistakes:\n{}",
            self.mistakes.join("\n")
        );
    }
}

/// Numbers that look random, from one seed: xorshift.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

fn names(role: &str, count: usize) -> impl Iterator<Item = String> {
    (0..count).map(move |index| format!("{role}{index}"))
}

fn setting<T: std::str::FromStr>(name: &str) -> Option<T> {
    let text = env::var(name).ok()?;
    text.parse().ok()
}
