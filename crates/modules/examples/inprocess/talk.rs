//! A message from one client to another with features on: what each of them adds.
//!
//! The store has a thread of its own in the server, and what it does is no part of this. Clients acknowledge what they
//! are asked about, and ask about what they send.

use crate::{
    cases::{people, took},
    world::{HOST, Link, Modules, World},
};

/// Who talks how.
pub(crate) struct Talk {
    /// How it is called.
    pub(crate) name: &'static str,
    /// What the host's modules are set to.
    modules: &'static Modules,
    /// What the sender's client says before it sends messages.
    sender: &'static [&'static str],
    /// What the recipient's client says before.
    recipient: &'static [&'static str],
    /// What a second client of the recipient's says, where there is one.
    second: Option<&'static [&'static str]>,
}

const SM: &str = "<enable xmlns='urn:xmpp:sm:3' resume='true'/>";
const ARCHIVE: (&str, &str) = ("archive", "always");

/// Nothing but what every server does.
const PLAIN: Talk = Talk {
    name: "talk",
    modules: &[],
    sender: &[],
    recipient: &[],
    second: None,
};

/// All of them.
pub(crate) const TALKS: &[Talk] = &[
    PLAIN,
    Talk {
        name: "talk-sm-sender",
        sender: &[SM],
        ..PLAIN
    },
    Talk {
        name: "talk-sm-recipient",
        recipient: &[SM],
        ..PLAIN
    },
    Talk {
        name: "talk-sm",
        sender: &[SM],
        recipient: &[SM],
        ..PLAIN
    },
    Talk {
        name: "talk-archive",
        modules: &[ARCHIVE],
        ..PLAIN
    },
    Talk {
        name: "talk-archive-sm",
        modules: &[ARCHIVE],
        sender: &[SM],
        recipient: &[SM],
        ..PLAIN
    },
];

/// Does it so many times.
pub(crate) fn run(talk: &Talk, rounds: u32) {
    let world = World::with(talk.modules);
    let mut links = people(&world, &["romeo", "juliet"]);
    for (link, texts) in links.iter_mut().zip([talk.sender, talk.recipient]) {
        texts
            .iter()
            .for_each(|text| drop(world.exchange(link, text)));
    }
    if let Some(texts) = talk.second {
        let mut link = world.sign_in("juliet", "phone");
        texts
            .iter()
            .for_each(|text| drop(world.exchange(&mut link, text)));
        links.push(link);
    }
    world.let_a_second_pass();
    world.settle(&mut links);
    links.iter_mut().for_each(|link| link.out.clear());
    world.leave_out_the_store();

    let mut message = format!(
        "<message to='juliet@{HOST}/home' type='chat' id='k1'><body>Neither, fair saint, if either thee dislike.</body></message>"
    );
    let sender_asks = talk.sender.contains(&SM);
    if sender_asks {
        message.push_str("<r xmlns='urn:xmpp:sm:3'/>");
    }
    for round in 1..=rounds {
        if let Some(romeo) = links.first_mut() {
            world.send(romeo, &message);
        }
        world.settle(&mut links);
        for (number, link) in links.iter_mut().enumerate() {
            match number {
                0 if sender_asks => took(link, b"<a xmlns='urn:xmpp:sm:3' h='"),
                0 => assert!(link.out.is_empty(), "a message is not answered"),
                _ => hear(&world, link, round),
            }
        }
        world.settle(&mut links);
    }
}

/// A recipient has one message more, and says so where it is asked.
fn hear(world: &World, link: &mut Link, received: u32) {
    let is_asked = link.out.ends_with(b"<r xmlns='urn:xmpp:sm:3'/>");
    took(link, b"<message from='");
    if is_asked {
        world.send(link, &format!("<a xmlns='urn:xmpp:sm:3' h='{received}'/>"));
    }
}
