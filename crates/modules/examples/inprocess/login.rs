//! Signing in, presence, and the end of the stream, in the ways there are.
//!
//! Randomness repeats in each round, so that the client's side is the same text every time and costs nothing.

use sasl::{Mechanism, client::Scram};

use crate::world::{HEADER, HOST, Link, PASSWORD, World, bind};

/// How many contacts there are in a roster, of whom half are online.
const CONTACTS: usize = 20;

/// By which way.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Login {
    /// SCRAM-SHA-256, then a resource is bound.
    Scram,
    /// The same, and a roster of 20 is fetched, of whom half are online.
    WithRoster,
    /// SCRAM-SHA-256 by SASL2, with Bind 2.
    Bind2,
    /// A token by SASL2, with Bind 2.
    Fast,
}

const USER_AGENT: &str =
    "<user-agent id='d4565fa7-4d72-4749-b3d3-740edbf87770'><software>Psi</software></user-agent>";
const BIND2: &str = "<bind xmlns='urn:xmpp:bind:0'><tag>Psi</tag></bind>";

/// Does it so many times.
pub(crate) fn run(login: Login, rounds: u32) {
    let world = World::new();
    world.add_account("romeo");
    let _others = match login {
        Login::WithRoster => befriend(&world),
        Login::Scram | Login::Bind2 | Login::Fast => Vec::new(),
    };
    world.repeat_randomness();
    let script = rehearse(&world, login);
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
fn rehearse(world: &World, login: Login) -> Vec<String> {
    let mut client = Rehearsal {
        link: world.connect(),
        world,
        script: Vec::new(),
    };
    match login {
        Login::Scram | Login::WithRoster => client.scram(),
        Login::Bind2 => client.bind2(),
        Login::Fast => {
            let token = world_token(world);
            // As in each round.
            world.repeat_randomness();
            client.link = world.connect();
            client.fast(&token);
        }
    }
    if login == Login::WithRoster {
        client.say("<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>".to_owned());
    }
    client.say("<presence/>".to_owned());
    client.say("</stream:stream>".to_owned());
    client.script
}

/// A client that notes what it says.
struct Rehearsal<'a> {
    world: &'a World,
    link: Link,
    script: Vec<String>,
}

impl Rehearsal<'_> {
    fn say(&mut self, text: String) -> String {
        let answer = self.world.exchange(&mut self.link, &text);
        self.script.push(text);
        answer
    }

    fn scram(&mut self) {
        let ns = xml::ns::SASL;
        let mut scram = client();
        self.say(HEADER.to_owned());
        let first = sasl::wire::encode(&scram.first());
        let challenge = self.say(format!(
            "<auth xmlns='{ns}' mechanism='SCRAM-SHA-256'>{first}</auth>"
        ));
        let last = answer(&mut scram, &challenge);
        self.say(format!("<response xmlns='{ns}'>{last}</response>"));
        self.say(HEADER.to_owned());
        self.say(bind("home"));
    }

    fn bind2(&mut self) {
        let mut scram = client();
        self.say(HEADER.to_owned());
        let first = sasl::wire::encode(&scram.first());
        let challenge = self.say(format!(
            "<authenticate xmlns='urn:xmpp:sasl:2' mechanism='SCRAM-SHA-256'><initial-response>{first}</initial-response>{USER_AGENT}{BIND2}</authenticate>"
        ));
        let last = answer(&mut scram, &challenge);
        let bound = self.say(format!(
            "<response xmlns='urn:xmpp:sasl:2'>{last}</response>"
        ));
        assert!(bound.contains("<bound"), "{bound}");
    }

    fn fast(&mut self, token: &str) {
        self.say(HEADER.to_owned());
        let proof = sasl::client::token(Mechanism::HtSha256, "romeo", token, None);
        let proof = sasl::wire::encode(&proof.expect("the mechanism takes tokens"));
        let bound = self.say(format!(
            "<authenticate xmlns='urn:xmpp:sasl:2' mechanism='HT-SHA-256-NONE'><initial-response>{proof}</initial-response>{USER_AGENT}<fast xmlns='urn:xmpp:fast:0'/>{BIND2}</authenticate>"
        ));
        assert!(bound.contains("<bound"), "{bound}");
    }
}

fn client() -> Scram {
    let nonce = sasl::Nonce::from_bytes(&[9; 18]);
    Scram::new(Mechanism::ScramSha256, "romeo", PASSWORD, &nonce, None)
        .expect("name and password can be prepared")
}

/// What the client answers to the challenge in an element.
fn answer(scram: &mut Scram, challenge: &str) -> String {
    let challenge = challenge
        .split_once('>')
        .and_then(|(_, rest)| rest.split_once('<'))
        .and_then(|(data, _)| sasl::wire::decode(data).ok())
        .expect("the server answers with a challenge");
    let last = scram.answer(&challenge).expect("the challenge can be read");
    sasl::wire::encode(&last)
}

/// A token of the client's, which it asked for as it signed in with its password.
fn world_token(world: &World) -> String {
    let mut link = world.connect();
    world.exchange(&mut link, HEADER);
    let plain = sasl::wire::encode(&sasl::client::plain("romeo", PASSWORD));
    let success = world.exchange(
        &mut link,
        &format!(
            "<authenticate xmlns='urn:xmpp:sasl:2' mechanism='PLAIN'><initial-response>{plain}</initial-response>{USER_AGENT}<request-token xmlns='urn:xmpp:fast:0' mechanism='HT-SHA-256-NONE'/></authenticate>"
        ),
    );
    world.exchange(&mut link, "</stream:stream>");
    world.let_a_second_pass();
    let token = success
        .split_once(" token='")
        .and_then(|(_, rest)| rest.split_once('\''));
    token.expect("there is a token").0.to_owned()
}

/// Romeo and so many others are each other's contacts; gives the half of them that stays online.
fn befriend(world: &World) -> Vec<Link> {
    let mut romeo = world.sign_in("romeo", "home");
    let mut online = Vec::new();
    for number in 0..CONTACTS {
        let name = format!("contact{number}");
        world.add_account(&name);
        let mut other = world.sign_in(&name, "home");
        for (from, kind, to) in [
            (0, "subscribe", "romeo"),
            (1, "subscribed", name.as_str()),
            (1, "subscribe", name.as_str()),
            (0, "subscribed", "romeo"),
        ] {
            let link = if from == 0 { &mut other } else { &mut romeo };
            world.exchange(link, &format!("<presence type='{kind}' to='{to}@{HOST}'/>"));
        }
        if number % 2 == 0 {
            online.push(other);
        } else {
            world.exchange(&mut other, "</stream:stream>");
        }
    }
    world.exchange(&mut romeo, "</stream:stream>");
    world.let_a_second_pass();
    online
}
