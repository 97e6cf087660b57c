//! The payloads that several features share: delay, forwarded, hints, ids, pages.

use jid::Jid;
use stanza::delay::Delay;
use stanza::forward::{Forwarded, forwarded};
use stanza::hints::{Hints, hint};
use stanza::limits::PAGE_ITEMS_MAX;
use stanza::rsm::{Anchor, Page, PageRequest};
use stanza::{Condition, Timestamp, ids};

use crate::wire::{element, stanza, written};

fn jid(text: &str) -> Jid {
    Jid::parse(text).expect("an address")
}

fn stamp() -> Timestamp {
    Timestamp::parse("2002-09-10T23:08:25Z").expect("a time")
}

#[test]
fn a_delay_is_written_and_read_back() {
    let mut delay = Delay::new(stamp(), jid("capulet.com"));
    let text = "<delay xmlns='urn:xmpp:delay' from='capulet.com' stamp='2002-09-10T23:08:25Z'/>";
    assert_eq!(delay.to_fragment().as_str(), text);
    assert_eq!(element(text, Delay::parse), Ok(delay.clone()));

    delay.reason = Some("Offline Storage".to_owned());
    let text = "<delay xmlns='urn:xmpp:delay' from='capulet.com' stamp='2002-09-10T23:08:25Z'>\n Offline Storage\n</delay>";
    assert_eq!(element(text, Delay::parse), Ok(delay));
}

#[test]
fn a_delay_needs_a_time_and_nothing_else() {
    let condition = |text: &str| element(text, Delay::parse).map_err(|error| error.condition());
    assert_eq!(
        condition("<delay xmlns='urn:xmpp:delay'/>"),
        Err(Condition::BadRequest)
    );
    assert_eq!(
        condition("<delay xmlns='urn:xmpp:delay' stamp='20020910T23:08:25'/>"),
        Err(Condition::BadRequest)
    );
    let plain = Ok(Delay::new(stamp(), None));
    assert_eq!(
        condition("<delay xmlns='urn:xmpp:delay' stamp='2002-09-10T23:08:25Z'/>"),
        plain
    );
    assert_eq!(
        condition("<delay xmlns='urn:xmpp:delay' from='@' stamp='2002-09-10T23:08:25Z'/>"),
        plain
    );
}

#[test]
fn a_forwarded_stanza_is_written_and_read_back() {
    let text = "<message from='juliet@capulet.lit/orchard' to='romeo@montague.lit' id='0202197' type='chat'>\
                <body>Yet I should kill thee</body></message>";
    let delay = Delay::new(stamp(), None);
    let wrapped = forwarded(&stanza(text), Some(&delay));
    assert_eq!(
        wrapped.as_str(),
        format!(
            "<forwarded xmlns='urn:xmpp:forward:0'><delay xmlns='urn:xmpp:delay' stamp='2002-09-10T23:08:25Z'/>{}</forwarded>",
            text.replacen("<message", "<message xmlns='jabber:client'", 1)
        )
    );
    let tree = wrapped.tree();
    let read = Forwarded::parse(&tree.root()).expect("forwarded");
    assert_eq!(read.delay, Some(delay));
    assert_eq!(written(&read.stanza), text);
    assert_eq!(
        read.stanza.body().as_deref(),
        Some("Yet I should kill thee")
    );
    assert_eq!(read.to_fragment(), wrapped);
}

#[test]
fn a_forwarded_stanza_may_come_from_a_server_and_must_be_a_stanza() {
    let read = |inside: &str| {
        let text = format!("<forwarded xmlns='urn:xmpp:forward:0'>{inside}</forwarded>");
        element(&text, Forwarded::parse)
            .map(|forwarded| written(&forwarded.stanza))
            .map_err(|error| error.condition())
    };
    assert_eq!(
        read("<message xmlns='jabber:server'><body>hi</body></message>").as_deref(),
        Ok("<message><body>hi</body></message>")
    );
    assert_eq!(read(""), Err(Condition::BadRequest));
    assert_eq!(read("<message/>"), Err(Condition::BadRequest));
    assert_eq!(
        read("<message xmlns='jabber:client' to='@'/>"),
        Err(Condition::BadRequest)
    );
    assert_eq!(
        read("<delay xmlns='urn:xmpp:delay'/><message xmlns='jabber:client'/>"),
        Err(Condition::BadRequest)
    );
}

fn check_hints(children: &str, expected: Hints) {
    let message = stanza(&format!("<message>{children}</message>"));
    assert_eq!(Hints::of(&message), expected, "{children}");
}

#[test]
fn hints_are_read_by_name_and_namespace() {
    let none = Hints::default();
    check_hints("<body>hi</body>", none);
    check_hints(
        "<no-store xmlns='urn:xmpp:hints'/>",
        Hints {
            no_store: true,
            ..none
        },
    );
    check_hints("<no-store xmlns='urn:other'/><store/>", none);
    check_hints(
        "<no-copy xmlns='urn:xmpp:hints'/><no-permanent-store xmlns='urn:xmpp:hints'/><wish xmlns='urn:xmpp:hints'/>",
        Hints {
            no_copy: true,
            no_permanent_store: true,
            ..none
        },
    );
    check_hints(
        hint("store").as_str(),
        Hints {
            store: true,
            ..none
        },
    );
}

#[test]
fn hints_in_an_error_are_those_of_the_message_that_failed() {
    let error = stanza("<message type='error'><store xmlns='urn:xmpp:hints'/></message>");
    assert_eq!(Hints::of(&error), Hints::default());
}

#[test]
fn ids_are_written_and_found() {
    let message = stanza("<message><origin-id xmlns='urn:xmpp:sid:0' id='o1'/></message>")
        .with_child(ids::stanza_id("s&1", "room@example.com"));
    assert_eq!(ids::origin_id(&message).as_deref(), Some("o1"));
    assert_eq!(
        ids::stanza_id_by(&message, &jid("Room@example.com")).as_deref(),
        Some("s&1")
    );
    assert_eq!(ids::stanza_id_by(&message, &jid("romeo@example.com")), None);
    assert_eq!(ids::origin_id(&stanza("<message/>")), None);
    assert_eq!(
        ids::stanza_id("1", "a@b").as_str(),
        "<stanza-id xmlns='urn:xmpp:sid:0' id='1' by='a@b'/>"
    );
}

#[test]
fn forged_ids_are_stripped_however_the_address_is_written() {
    let mut message = stanza(
        "<message><stanza-id xmlns='urn:xmpp:sid:0' id='1' by='juliet@example.com'/>\
         <stanza-id xmlns='urn:xmpp:sid:0' id='2' by='JULIET@Example.com'/>\
         <stanza-id xmlns='urn:xmpp:sid:0' id='3' by='room@example.com'/>\
         <stanza-id xmlns='urn:xmpp:sid:0' id='4'/>\
         <origin-id xmlns='urn:xmpp:sid:0' id='5' by='juliet@example.com'/></message>",
    );
    ids::strip_stanza_ids(&mut message, "juliet@example.com");
    let left: Vec<_> = message
        .children()
        .map(|child| child.tree().root().attr("id").map(|id| id.into_owned()))
        .collect();
    assert_eq!(
        left,
        [
            Some("3".to_owned()),
            Some("4".to_owned()),
            Some("5".to_owned())
        ]
    );
}

fn check_request(children: &str, expected: &str) {
    let text = format!("<set xmlns='http://jabber.org/protocol/rsm'>{children}</set>");
    let read = match element(&text, PageRequest::parse) {
        Ok(PageRequest { items_max, anchor }) => format!("{items_max} {anchor:?}"),
        Err(error) => error.condition().name().to_owned(),
    };
    assert_eq!(read, expected, "{children}");
}

#[test]
fn a_page_is_asked_for_by_count_and_anchor() {
    check_request("", "250 Start");
    check_request("<max>10</max>", "10 Start");
    check_request("<max> 0 </max>", "0 Start");
    check_request("<max>4000000000</max>", "250 Start");
    check_request(
        "<max>10</max><after>peter@pixyland.org</after>",
        "10 After(\"peter@pixyland.org\")",
    );
    check_request("<after/>", "250 Start");
    check_request("<before>b&amp;c</before>", "250 Before(Some(\"b&c\"))");
    check_request("<before/>", "250 Before(None)");
    check_request("<index>371</index>", "250 Index(371)");
    check_request("<max>ten</max>", "bad-request");
    check_request("<max>-1</max>", "bad-request");
    check_request("<max/>", "bad-request");
    check_request("<index>x</index>", "bad-request");
    check_request("<after>a</after><before>b</before>", "bad-request");
    check_request("<before/><index>1</index>", "bad-request");
}

#[test]
fn a_request_without_set_asks_for_the_first_page() {
    let read = |text: &str| element(text, PageRequest::within);
    let first = PageRequest {
        items_max: PAGE_ITEMS_MAX,
        anchor: Anchor::Start,
    };
    assert_eq!(read("<query xmlns='urn:q'/>"), Ok(first));
    let set = "<query xmlns='urn:q'><set xmlns='http://jabber.org/protocol/rsm'><max>1</max></set></query>";
    assert_eq!(
        read(set),
        Ok(PageRequest {
            items_max: 1,
            anchor: Anchor::Start
        })
    );
}

#[test]
fn a_page_says_what_is_on_it() {
    let page = Page {
        first: Some(("stpeter@jabber.org".to_owned(), Some(0))),
        last: Some("peterpan@neverland.lit".to_owned()),
        count: Some(800),
    };
    assert_eq!(
        page.to_fragment().as_str(),
        "<set xmlns='http://jabber.org/protocol/rsm'><first index='0'>stpeter@jabber.org</first>\
         <last>peterpan@neverland.lit</last><count>800</count></set>"
    );
    assert_eq!(
        Page::default().to_fragment().as_str(),
        "<set xmlns='http://jabber.org/protocol/rsm'/>"
    );
}
