//! How often a client has to wait between its TCP handshake and the first page of its history.

use std::fs;

use sasl::{ChannelBinding, Mechanism, client, wire::encode};
use testkit::sockets::Returning;

use crate::process::{Place, free_port};

const HEADER: &str = "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='localhost' from='juliet@localhost' version='1.0'>";

/// What a client wants first of all: the end of its history.
const REQUEST: &str = "<iq type='set' id='first'><query xmlns='urn:xmpp:mam:2'><set xmlns='http://jabber.org/protocol/rsm'><max>50</max><before/></set></query></iq>";

/// Something to be found in it.
const NOTE: &str =
    "<message to='juliet@localhost' type='chat'><body>O happy dagger</body></message>";

const TOKEN: Mechanism = Mechanism::HtSha256Exporter;

/// Signs in and binds by a mechanism of one message.
fn authenticate(mechanism: Mechanism, message: &[u8], along: &str) -> String {
    let message = encode(message);
    format!(
        "<authenticate xmlns='urn:xmpp:sasl:2' mechanism='{mechanism}'><initial-response>{message}</initial-response><user-agent id='d4565fa7-4d72-4749-b3d3-740edbf87770'/><bind xmlns='urn:xmpp:bind:0'><tag>flights</tag><enable xmlns='urn:xmpp:carbons:2'/><enable xmlns='urn:xmpp:sm:3' resume='true'/></bind>{along}</authenticate>"
    )
}

fn is_answered(received: &str) -> bool {
    received.contains(" id='first'") && received.contains("</iq>")
}

/// What stands between two texts.
fn between<'a>(text: &'a str, start: &str, end: &str) -> &'a str {
    let (_, rest) = text.split_once(start).expect(start);
    rest.split_once(end).expect(end).0
}

/// [XEP-0509](https://xmpp.org/extensions/xep-0509.html) and [XEP-0484](https://xmpp.org/extensions/xep-0484.html): one
/// round trip for TLS 1.3, one for all the rest.
#[test]
fn a_client_that_was_here_before_has_a_page_of_history_after_two_round_trips() {
    let place = Place::new();
    let port = free_port();
    let listen = format!(
        "data = \"data\"\nlisten.c2s = []\nlisten.c2s_tls = [\"127.0.0.1:{port}\"]\nscram.iterations = 4096\n"
    );
    fs::write(place.path("couplet.toml"), listen).unwrap();
    let add = ["user", "add", "juliet@localhost", "--password-stdin"];
    place.done(&add, "juliet\n");
    let serving = place.serve();
    let client = Returning::new(([127, 0, 0, 1], port).into(), "localhost").unwrap();

    // The first time it waits for the offer, as it has to, and has nothing but a password.
    let wants_token = format!("<request-token xmlns='urn:xmpp:fast:0' mechanism='{TOKEN}'/>");
    let plain = client::plain("juliet", "juliet");
    let by_password = authenticate(Mechanism::Plain, &plain, &wants_token) + NOTE + REQUEST;
    let mut flights = [HEADER.to_owned(), by_password].into_iter();
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
    let version = between(&first.received, "<config-version ", "/>");
    let token = between(&first.received, "<token ", "/>");
    let token = between(token, " token='", "'");

    let along = format!("<fast xmlns='urn:xmpp:fast:0'/><config-version {version}/>");
    let mut is_sent = false;
    let again = client.visit(
        |tls, _| {
            if std::mem::replace(&mut is_sent, true) {
                return None;
            }
            let exporter = tls.export_keying_material(
                [0; 32],
                b"EXPORTER-Channel-Binding",
                Some(b"".as_slice()),
            );
            let binding = ChannelBinding::Exporter(exporter.unwrap());
            let proof = client::token(TOKEN, "juliet", token, Some(&binding)).unwrap();
            Some(HEADER.to_owned() + &authenticate(TOKEN, &proof, &along) + REQUEST)
        },
        is_answered,
    );
    let again = again.unwrap();
    assert_eq!(
        (again.round_trips, again.is_resumed),
        (2, true),
        "{again:?}"
    );
    for came in [
        "<success ",
        "<bound ",
        "<enabled ",
        "O happy dagger",
        "<fin ",
    ] {
        assert!(again.received.contains(came), "{came}: {again:?}");
    }
    drop(serving);
}
