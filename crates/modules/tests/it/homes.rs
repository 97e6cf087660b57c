//! What one home takes from another: what it may say, and nothing else.

use engine::TlsFacts;
use jid::{BareJid, Domain};
use testkit::{
    transcript::Received,
    world::{Client, WayFault, World},
};
use xml::{Framing, ns};

use crate::bench;

/// Juliet's home, and the other one, where romeo lives.
const HERE: usize = 1;
const ELSEWHERE: &str = "home0";

#[test]
fn a_home_speaks_for_its_own_accounts_and_for_hosts() {
    check("romeo@example/orchard", true);
    check("romeo@example", true);
    check("example", true);
    // These live in juliet's home.
    check("juliet@example/chamber", false);
    check("admin@example", false);
    check("juliet@elsewhere.example", false);
}

#[test]
fn what_is_no_parcel_is_dropped() {
    let (mut world, mut juliet) = with_juliet();
    for bytes in [
        "",
        "{}",
        r#"{"stanza":{"to":"juliet@example","xml":"<message from='romeo@example'>"}}"#,
        r#"{"stanza":{"to":"juliet@example","xml":"<message/>"}}"#,
        r#"{"settled":{"position":7}}"#,
        r#"{"refused":{"position":7}}"#,
    ] {
        sent(&mut world, bytes);
        assert_eq!(read(&mut world, &mut juliet), 0, "{bytes}");
    }
}

#[test]
fn what_comes_again_is_taken_once_also_after_a_crash() {
    let (mut world, mut juliet) = with_juliet();
    let kept = |position: u64, from: u64| {
        let xml = "<message from='romeo@example/orchard' type='chat'><body>hi</body></message>";
        format!(
            r#"{{"stanza":{{"to":"juliet@example","xml":"{xml}","has_acks":true,"kept":{{"position":{position},"from":{from}}}}}}}"#
        )
    };
    sent(&mut world, &kept(1, 0));
    sent(&mut world, &kept(1, 0));
    sent(&mut world, &kept(2, 0));
    assert_eq!(read(&mut world, &mut juliet), 2);
    world.restart_home(HERE, true).unwrap();
    world.settle().unwrap();
    let mut juliet = sign_in(&mut world);
    sent(&mut world, &kept(2, 0));
    sent(&mut world, &kept(1, 0));
    assert_eq!(read(&mut world, &mut juliet), 0, "both were taken");
    // The other home says that it has trimmed both: what comes under their positions is something else.
    sent(&mut world, &kept(3, 3));
    sent(&mut world, &kept(1, 3));
    assert_eq!(read(&mut world, &mut juliet), 2);
}

/// Whether juliet gets a message that the other home says is from `from`.
#[track_caller]
fn check(from: &str, comes: bool) {
    let (mut world, mut juliet) = with_juliet();
    let xml = format!("<message from='{from}' type='chat'><body>hi</body></message>");
    sent(
        &mut world,
        &format!(r#"{{"stanza":{{"to":"juliet@example","xml":"{xml}"}}}}"#),
    );
    assert_eq!(read(&mut world, &mut juliet), usize::from(comes), "{from}");
}

fn sent(world: &mut World, bytes: &str) {
    let home = Domain::parse(ELSEWHERE).expect("a name");
    world.server_at(HERE).home_sent(&home, bytes.as_bytes());
    world.settle().expect("it comes to rest");
}

/// How many messages came.
fn read(world: &mut World, client: &mut Client) -> usize {
    let mut messages = 0;
    while let Some(received) = client.take(world).expect("XML") {
        let Received::Element(tree) = received else {
            continue;
        };
        messages += usize::from(tree.root().is("message", xml::Ns::Content));
    }
    messages
}

fn with_juliet() -> (World, Client) {
    let (settings, clients) = bench::configure("").expect("a configuration");
    let bench = testkit::world::Bench {
        entries: modules::ALL,
        settings,
        clients: std::sync::Arc::new(clients),
    };
    let mut world = World::with_homes(1, bench, 2, WayFault::None).expect("a world");
    assert_eq!(world.home_of("juliet@example"), HERE);
    assert_eq!(world.home_of("admin@example"), HERE);
    assert_ne!(world.home_of("romeo@example"), HERE);
    let server = world.server_at(HERE).clone();
    let juliet = BareJid::parse("juliet@example").expect("an address");
    let created = world.run(async move { server.create_account(&juliet, "secret", false).await });
    created.expect("it comes to rest").expect("an account");
    let client = sign_in(&mut world);
    (world, client)
}

fn sign_in(world: &mut World) -> Client {
    let link = world.connect_to(HERE, Some(TlsFacts::default()));
    let mut client = Client::new(link, Framing::Stream);
    let header = "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='example' version='1.0'>";
    let plain = sasl::wire::encode(&sasl::client::plain("juliet", "secret"));
    for text in [
        format!(
            "{header}<auth xmlns='{}' mechanism='PLAIN'>{plain}</auth>",
            ns::SASL
        ),
        format!(
            "{header}<iq type='set' id='b'><bind xmlns='{}'/></iq><presence/>",
            ns::BIND
        ),
    ] {
        client.send(world, &text);
        world.settle().expect("it comes to rest");
        while client.take(world).expect("XML").is_some() {}
    }
    client
}
