//! How often a client has to wait between its TCP handshake and the answer to its first request.

use std::fs;

use testkit::sockets::Returning;

use crate::process::{Place, free_port};

const HEADER: &str = "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='localhost' from='juliet@localhost' version='1.0'>";

/// What a client wants first of all.
const REQUEST: &str = "<iq type='get' id='first'><query xmlns='jabber:iq:roster'/></iq>";

/// Signs in and binds by a mechanism of one message.
fn authenticate(version: &str) -> String {
    let plain = sasl::wire::encode(b"\0juliet\0juliet");
    format!(
        "<authenticate xmlns='urn:xmpp:sasl:2' mechanism='PLAIN'><initial-response>{plain}</initial-response><user-agent id='d4565fa7-4d72-4749-b3d3-740edbf87770'/><bind xmlns='urn:xmpp:bind:0'><tag>flights</tag><enable xmlns='urn:xmpp:carbons:2'/><enable xmlns='urn:xmpp:sm:3' resume='true'/></bind>{version}</authenticate>"
    )
}

fn is_answered(received: &str) -> bool {
    received.contains(" id='first'") && received.contains("</iq>")
}

/// [XEP-0509](https://xmpp.org/extensions/xep-0509.html): one round trip for TLS 1.3, one for all the rest.
#[test]
fn a_client_that_knows_the_offer_has_its_first_answer_after_two_round_trips() {
    let place = Place::new();
    let port = free_port();
    let listen = format!(
        "data = \"data\"\nlisten.c2s = []\nlisten.c2s_tls = [\"127.0.0.1:{port}\"]\nscram.iterations = 4096\n"
    );
    fs::write(place.path("couplet.toml"), listen).unwrap();
    place.done(
        &["user", "add", "juliet@localhost", "--password-stdin"],
        "juliet\n",
    );
    let serving = place.serve();
    let client = Returning::new(([127, 0, 0, 1], port).into(), "localhost").unwrap();

    // The first time it waits for the offer, as it has to.
    let mut flights = [HEADER.to_owned(), authenticate("") + REQUEST].into_iter();
    let mut awaited = ["", "</stream:features>"].into_iter().peekable();
    let first = client.visit(
        |_, received| {
            awaited.next_if(|awaited| received.ends_with(awaited))?;
            flights.next()
        },
        is_answered,
    );
    let first = first.unwrap();
    assert_eq!(
        (first.round_trips, first.is_resumed),
        (3, false),
        "{first:?}"
    );
    let version = first.received.split_once("<config-version ").unwrap().1;
    let version = format!("<config-version {}/>", version.split_once("/>").unwrap().0);

    let mut flight = Some(HEADER.to_owned() + &authenticate(&version) + REQUEST);
    let again = client.visit(|_, _| flight.take(), is_answered).unwrap();
    assert_eq!(
        (again.round_trips, again.is_resumed),
        (2, true),
        "{again:?}"
    );
    for came in ["<success ", "<bound ", "<enabled ", "type='result'"] {
        assert!(again.received.contains(came), "{came}: {again:?}");
    }
    drop(serving);
}
