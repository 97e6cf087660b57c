//! How often a client has to wait between its TCP handshake and the first page of its history.

use std::fs;

use sasl::{ChannelBinding, Mechanism, client, wire::encode};
use testkit::sockets::{Returning, Visit};

use crate::process::{Place, Serving, free_port};

const HEADER: &str = "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='localhost' from='juliet@localhost' version='1.0'>";

/// What a client wants first of all: the end of its history.
const REQUEST: &str = "<iq type='set' id='first'><query xmlns='urn:xmpp:mam:2'><set xmlns='http://jabber.org/protocol/rsm'><max>50</max><before/></set></query></iq>";

/// Something to be found in it.
const NOTE: &str =
    "<message to='juliet@localhost' type='chat'><body>O happy dagger</body></message>";

/// What a client goes on with.
const PING: &str = "<iq type='get' id='ping' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>";

/// Signs in and binds by a mechanism of one message.
fn authenticate(mechanism: Mechanism, message: &[u8], along: &str) -> String {
    let message = encode(message);
    format!(
        "<authenticate xmlns='urn:xmpp:sasl:2' mechanism='{mechanism}'><initial-response>{message}</initial-response><user-agent id='d4565fa7-4d72-4749-b3d3-740edbf87770'/><bind xmlns='urn:xmpp:bind:0'><tag>flights</tag><enable xmlns='urn:xmpp:carbons:2'/><enable xmlns='urn:xmpp:sm:3' resume='true'/></bind>{along}</authenticate>"
    )
}

/// A server with direct TLS, and a client that signed in to it once, with its password and for a token of `mechanism`.
struct Warm {
    place: Place,
    serving: Serving,
    client: Returning,
    token: String,
    /// The version of the offer, as attributes.
    version: String,
    /// What else was of use.
    first: Visit,
    /// The certificate it was shown.
    certificate: Vec<u8>,
}

impl Warm {
    fn up(mechanism: Mechanism, more: &str) -> Self {
        let place = Place::new();
        let port = free_port();
        let listen = format!(
            "data = \"data\"\nlisten.c2s = []\nlisten.c2s_tls = [\"127.0.0.1:{port}\"]\nscram.iterations = 4096\n{more}"
        );
        fs::write(place.path("couplet.toml"), listen).unwrap();
        let add = ["user", "add", "juliet@localhost", "--password-stdin"];
        place.done(&add, "juliet\n");
        let serving = place.serve();
        let client = Returning::new(([127, 0, 0, 1], port).into(), "localhost").unwrap();
        // The first time it waits for the offer, as it has to, and has nothing but a password.
        let wants_token =
            format!("<request-token xmlns='urn:xmpp:fast:0' mechanism='{mechanism}'/>");
        let plain = client::plain("juliet", "juliet");
        let by_password = authenticate(Mechanism::Plain, &plain, &wants_token) + NOTE + REQUEST;
        let mut flights = [HEADER.to_owned(), by_password].into_iter();
        let mut awaited = ["", "</stream:features>"].into_iter().peekable();
        let mut certificate = Vec::new();
        let first = client.visit(
            |tls, received| {
                certificate = tls.peer_certificates().unwrap()[0].to_vec();
                awaited.next_if(|awaited| received.ends_with(awaited))?;
                flights.next()
            },
            is_answered,
        );
        let first = first.unwrap();
        let token = between(&first.received, "<token ", "/>");
        Self {
            token: between(token, " token='", "'").to_owned(),
            version: between(&first.received, "<config-version ", "/>").to_owned(),
            place,
            serving,
            client,
            first,
            certificate,
        }
    }
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
    const TOKEN: Mechanism = Mechanism::HtSha256Exporter;
    let warm = Warm::up(TOKEN, "");
    let first = &warm.first;
    assert_eq!(
        (first.round_trips, first.is_resumed),
        (3, false),
        "{first:?}"
    );
    assert!(!first.received.contains("tls-0rtt"), "{first:?}");

    let version = &warm.version;
    let along = format!("<fast xmlns='urn:xmpp:fast:0'/><config-version {version}/>");
    let mut is_sent = false;
    let again = warm.client.visit(
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
            let proof = client::token(TOKEN, "juliet", &warm.token, Some(&binding)).unwrap();
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
    assert_has_all(&again.received);
    drop(warm.serving);
}

/// [XEP-0484 §3.4](https://xmpp.org/extensions/xep-0484.html#fast-auth): with the first flight of TLS 1.3 comes everything
/// else. Whoever sends that flight again gets nothing of it.
#[test]
fn with_early_data_it_has_one_after_one_round_trip_and_nobody_else_by_the_same_bytes() {
    const TOKEN: Mechanism = Mechanism::HtSha256EndPoint;
    let warm = Warm::up(TOKEN, "tls.early_data = true\n");
    assert!(warm.first.received.contains(" tls-0rtt='true'"));
    let end_point = ring::digest::digest(&ring::digest::SHA256, &warm.certificate);
    let binding = ChannelBinding::ServerEndPoint(end_point.as_ref().to_vec());
    let flight = |count: u32| {
        let version = &warm.version;
        let along =
            format!("<fast xmlns='urn:xmpp:fast:0' count='{count}'/><config-version {version}/>");
        let proof = client::token(TOKEN, "juliet", &warm.token, Some(&binding)).unwrap();
        HEADER.to_owned() + &authenticate(TOKEN, &proof, &along) + NOTE + REQUEST
    };
    let is_pinged = |received: &str| received.contains(" id='ping'");
    let notes = |received: &str| received.matches("O happy dagger").count();
    // Each visit adds the note to what it reads, and what is sent again does not.
    for visit in 1..4 {
        let early = warm
            .client
            .visit_early(&flight(visit), is_answered, PING, is_pinged)
            .unwrap();
        assert!(early.is_taken, "{}", early.received);
        assert_has_all(&early.received);
        let so_far = usize::try_from(visit).unwrap() + 1;
        assert_eq!(notes(&early.received), so_far, "{}", early.received);
        for _ in 0..2 {
            warm.client.replay(&early.flight).unwrap();
        }
    }
    // The same text in another flight is no better: TLS takes it, the token does not.
    let is_refused = |received: &str| received.contains("<not-authorized ");
    let again = warm
        .client
        .visit_early(&flight(3), is_refused, PING, is_pinged)
        .unwrap();
    assert!(again.is_taken && !again.received.contains("<success "));
    // A server that was started anew knows nothing of what could be resumed, and shakes hands.
    drop(warm.serving);
    let serving = warm.place.serve();
    let cold = warm
        .client
        .visit_early(&flight(4), is_answered, PING, is_pinged)
        .unwrap();
    assert!(!cold.is_taken, "{}", cold.received);
    assert_has_all(&cold.received);
    drop(serving);
}

/// Everything that was asked for along with a sign-in is there.
#[track_caller]
fn assert_has_all(received: &str) {
    for came in [
        "<success ",
        "<bound ",
        "<enabled ",
        "O happy dagger",
        "<fin ",
    ] {
        assert!(received.contains(came), "{came}: {received}");
    }
}
