//! The cases that are counted: what each sets up once, and what one round of it is.
//!
//! Every round checks that the server did the work, so that nothing gets cheap by not happening.

use crate::{
    login::{self, Login},
    talk::{self, TALKS},
    world::{HOST, Link, World},
};

/// What they are called.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    let others = [
        "message",
        "presence-0",
        "presence-20",
        "presence-50",
        "ping",
        "login",
        "login-roster",
        "login-bind2",
        "login-fast",
    ];
    others.into_iter().chain(TALKS.iter().map(|talk| talk.name))
}

/// Does a case so many times; `false` when there is no such case.
pub(crate) fn run(case: &str, rounds: u32) -> bool {
    match case {
        "message" => message(rounds),
        "presence-0" => presence(rounds, 0),
        "presence-20" => presence(rounds, 20),
        "presence-50" => presence(rounds, 50),
        "ping" => ping(rounds),
        "login" => login::run(Login::Scram, rounds),
        "login-roster" => login::run(Login::WithRoster, rounds),
        "login-bind2" => login::run(Login::Bind2, rounds),
        "login-fast" => login::run(Login::Fast, rounds),
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
