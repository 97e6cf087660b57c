//! The cases that are counted: what each sets up once, and what one round of it is.
//!
//! Every round checks that the server did the work, so that nothing gets cheap by not happening.

use sasl::{Mechanism, client::Scram};

use crate::{
    talk::{self, TALKS},
    world::{HEADER, HOST, Link, PASSWORD, World, bind},
};

/// What they are called.
pub(crate) const NAMES: [&str; 5] = ["message", "presence-0", "presence-50", "ping", "login"];

/// Does a case so many times; `false` when there is no such case.
pub(crate) fn run(case: &str, rounds: u32) -> bool {
    match case {
        "message" => message(rounds),
        "presence-0" => presence(rounds, 0),
        "presence-50" => presence(rounds, 50),
        "ping" => ping(rounds),
        "login" => login(rounds),
        _ => match TALKS.iter().find(|talk| talk.name == case) {
            Some(talk) => talk::run(talk, rounds),
            None => return false,
        },
    }
    true
}

/// A chat message from one client to another: both ends' turns.
fn message(rounds: u32) {
    let world = World::new();
    let mut links = people(&world, &["romeo", "juliet"]);
    let text = format!(
        "<message to='juliet@{HOST}/home' type='chat' id='k1'><body>Neither, fair saint, if either thee dislike.</body></message>"
    );
    for _ in 0..rounds {
        broadcast(&world, &mut links, &text);
        let [romeo, juliet] = links.as_mut_slice() else {
            unreachable!("two people were made");
        };
        assert!(romeo.out.is_empty(), "a message is not answered");
        took(juliet, b"<message from='romeo@");
    }
}

/// A change of presence, shown to the client itself and to so many contacts.
fn presence(rounds: u32, contacts: usize) {
    let world = World::new();
    let mut names = vec!["romeo".to_owned()];
    names.extend((0..contacts).map(|number| format!("contact{number}")));
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut links = people(&world, &names);
    if let Some((romeo, others)) = links.split_first_mut() {
        for (other, name) in others.iter_mut().zip(names.iter().skip(1)) {
            world.exchange(
                other,
                &format!("<presence type='subscribe' to='romeo@{HOST}'/>"),
            );
            world.exchange(
                romeo,
                &format!("<presence type='subscribed' to='{name}@{HOST}'/>"),
            );
        }
    }
    world.settle(&mut links);
    links.iter_mut().for_each(|link| link.out.clear());
    for _ in 0..rounds {
        broadcast(&world, &mut links, "<presence><show>away</show></presence>");
        for link in &mut links {
            took(link, b"<presence from='romeo@");
        }
    }
}

/// XEP-0199 to the server.
fn ping(rounds: u32) {
    let world = World::new();
    let mut links = people(&world, &["romeo"]);
    let text = format!("<iq type='get' id='p1' to='{HOST}'><ping xmlns='urn:xmpp:ping'/></iq>");
    for _ in 0..rounds {
        broadcast(&world, &mut links, &text);
        for link in &mut links {
            took(link, b"<iq from='example.org'");
        }
    }
}

/// SCRAM-SHA-256, bind, presence, and the end of the stream.
///
/// Randomness repeats in each round, so that the client's side is the same text every time and costs nothing.
fn login(rounds: u32) {
    let world = World::new();
    world.add_account("romeo");
    world.repeat_randomness();
    let script = rehearse(&world);
    for _ in 0..rounds {
        world.repeat_randomness();
        let mut link = world.connect();
        for text in &script {
            world.send(&mut link, text);
            world.settle(std::slice::from_mut(&mut link));
        }
        assert!(
            link.out.ends_with(b"</stream:stream>"),
            "the sign-in went through: {}",
            String::from_utf8_lossy(&link.out)
        );
        // What it changed is written, once.
        world.let_a_second_pass();
    }
}

/// Signs in once and gives all that the client said.
fn rehearse(world: &World) -> Vec<String> {
    let ns = xml::ns::SASL;
    let nonce = sasl::Nonce::from_bytes(&[9; 18]);
    let mut scram = Scram::new(Mechanism::ScramSha256, "romeo", PASSWORD, &nonce, None)
        .expect("name and password can be prepared");
    let mut link = world.connect();
    let mut script = Vec::new();
    let mut say = |text: String| {
        let answer = world.exchange(&mut link, &text);
        script.push(text);
        answer
    };
    say(HEADER.to_owned());
    let first = sasl::wire::encode(&scram.first());
    let challenge = say(format!(
        "<auth xmlns='{ns}' mechanism='SCRAM-SHA-256'>{first}</auth>"
    ));
    let challenge = challenge
        .split_once('>')
        .and_then(|(_, rest)| rest.split_once('<'))
        .and_then(|(data, _)| sasl::wire::decode(data).ok())
        .expect("the server answers with a challenge");
    let last = scram.answer(&challenge).expect("the challenge can be read");
    let last = sasl::wire::encode(&last);
    say(format!("<response xmlns='{ns}'>{last}</response>"));
    say(HEADER.to_owned());
    say(bind("home"));
    say("<presence/>".to_owned());
    say("</stream:stream>".to_owned());
    script
}

/// Everybody signed in as `name@example.org/home`, with nothing left to read.
pub(crate) fn people(world: &World, names: &[&str]) -> Vec<Link> {
    let link = |name: &&str| {
        world.add_account(name);
        world.sign_in(name, "home")
    };
    names.iter().map(link).collect()
}

/// The first of `links` sends `text`, and everybody who is woken by it gets a turn.
fn broadcast(world: &World, links: &mut [Link], text: &str) {
    if let Some(first) = links.first_mut() {
        world.send(first, text);
    }
    world.settle(links);
}

/// The client got one stanza that begins like this, and reads it.
pub(crate) fn took(link: &mut Link, beginning: &[u8]) {
    assert!(
        link.out.starts_with(beginning),
        "what came is not it: {}",
        String::from_utf8_lossy(&link.out)
    );
    link.out.clear();
}
