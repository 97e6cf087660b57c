//! A message from one client to another with features on: what each of them adds.
//!
//! The store has a thread of its own in the server, and what it does is no part of this. Clients acknowledge what they
//! are asked about, and ask about what they send.

use std::fmt::Write as _;

use crate::{
    cases::{people, took},
    quiet::log_nothing_at_info,
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
    /// So many others are blocked by the recipient.
    blocked: usize,
    /// Somebody listens to what is logged.
    is_logged: bool,
}

/// What a client says that wants acknowledgements and to be resumed.
pub(crate) const SM: &str = "<enable xmlns='urn:xmpp:sm:3' resume='true'/>";
/// What one says that wants copies.
pub(crate) const CARBONS: &str = "<iq type='set' id='c'><enable xmlns='urn:xmpp:carbons:2'/></iq>";
/// What one says whose user does not look.
pub(crate) const INACTIVE: &str = "<inactive xmlns='urn:xmpp:csi:0'/>";
/// What one says that wants to be woken.
pub(crate) const PUSH: &str =
    "<iq type='set' id='p'><enable xmlns='urn:xmpp:push:0' jid='push.example.com' node='n1'/></iq>";
const SEARCH: &str = "<iq type='set' id='s'><query xmlns='urn:xmpp:mam:2'><x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE' type='hidden'><value>urn:xmpp:mam:2</value></field><field var='{urn:xmpp:fulltext:0}fulltext'><value>saint</value></field></x></query></iq>";

const ARCHIVE: (&str, &str) = ("archive", "\"always\"");

/// Nothing but what every server does.
const PLAIN: Talk = Talk {
    name: "talk",
    modules: &[],
    sender: &[],
    recipient: &[],
    second: None,
    blocked: 0,
    is_logged: false,
};

/// With an archive for both.
const ARCHIVED: Talk = Talk {
    name: "talk-archive",
    modules: &[ARCHIVE],
    ..PLAIN
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
    ARCHIVED,
    Talk {
        name: "talk-archive-sm",
        sender: &[SM],
        recipient: &[SM],
        ..ARCHIVED
    },
    Talk {
        name: "talk-full-text",
        recipient: &[SEARCH],
        ..ARCHIVED
    },
    Talk {
        name: "talk-retention",
        modules: &[ARCHIVE, ("retention", "{\"keep\":\"1 year\"}")],
        ..ARCHIVED
    },
    Talk {
        name: "talk-second",
        second: Some(&[]),
        ..PLAIN
    },
    Talk {
        name: "talk-carbons",
        second: Some(&[CARBONS]),
        ..PLAIN
    },
    Talk {
        name: "talk-inactive",
        recipient: &[INACTIVE],
        ..PLAIN
    },
    Talk {
        name: "talk-push",
        recipient: &[PUSH],
        ..PLAIN
    },
    Talk {
        name: "talk-blocklist",
        blocked: 100,
        ..PLAIN
    },
    Talk {
        name: "talk-strangers",
        modules: &[("strangers", "\"block\"")],
        sender: &["<presence type='subscribe' to='juliet@example.org'/>"],
        recipient: &["<presence type='subscribed' to='romeo@example.org'/>"],
        ..PLAIN
    },
    Talk {
        name: "talk-logged",
        is_logged: true,
        ..PLAIN
    },
];

/// Does it so many times.
pub(crate) fn run(talk: &Talk, rounds: u32) {
    if talk.is_logged {
        log_nothing_at_info();
    }
    let world = World::with(talk.modules);
    let mut links = people(&world, &["romeo", "juliet"]);
    prepare(talk, &world, &mut links);
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
    let copies = talk.second.map(|says| says.contains(&CARBONS));
    for round in 1..=rounds {
        if let Some(romeo) = links.first_mut() {
            world.send(romeo, &message);
        }
        world.settle(&mut links);
        for (number, link) in links.iter_mut().enumerate() {
            match number {
                0 if sender_asks => took(link, b"<a xmlns='urn:xmpp:sm:3' h='"),
                2 if copies == Some(true) => took(link, b"<message from='juliet@example.org'"),
                0 | 2 => assert!(link.out.is_empty(), "this is none of its business"),
                _ => hear(&world, link, round),
            }
        }
        world.settle(&mut links);
    }
}

/// Everybody says what there is to be said before.
fn prepare(talk: &Talk, world: &World, links: &mut Vec<Link>) {
    if let Some(texts) = talk.second {
        let mut link = world.sign_in("juliet", "phone");
        for text in texts {
            accepted(&world.exchange(&mut link, text));
        }
        links.push(link);
    }
    for (link, texts) in links.iter_mut().zip([talk.sender, talk.recipient]) {
        for text in texts {
            accepted(&world.exchange(link, text));
        }
        if texts == talk.recipient && talk.blocked > 0 {
            let mut block = "<iq type='set' id='b'><block xmlns='urn:xmpp:blocking'>".to_owned();
            for number in 0..talk.blocked {
                let _ = write!(block, "<item jid='somebody{number}@{HOST}'/>");
            }
            block.push_str("</block></iq>");
            accepted(&world.exchange(link, &block));
        }
    }
}

/// The server does not refuse what it was asked.
fn accepted(answer: &str) {
    assert!(!answer.contains("error"), "{answer}");
}

/// A recipient has one message more, and says so where it is asked.
fn hear(world: &World, link: &mut Link, received: u32) {
    let is_asked = link.out.ends_with(b"<r xmlns='urn:xmpp:sm:3'/>");
    took(link, b"<message from='romeo@");
    if is_asked {
        world.send(link, &format!("<a xmlns='urn:xmpp:sm:3' h='{received}'/>"));
    }
}
