//! Where the parts of an address begin and end, and which texts are none. RFC 7622 §3.5 has the examples.

use jid::{Jid, JidError, Part};

#[test]
fn addresses_of_the_rfc_are_read() {
    check("juliet@example.com", Some("juliet"), "example.com", None);
    check(
        "juliet@example.com/foo",
        Some("juliet"),
        "example.com",
        Some("foo"),
    );
    check(
        "juliet@example.com/foo bar",
        Some("juliet"),
        "example.com",
        Some("foo bar"),
    );
    check(
        "juliet@example.com/foo@bar",
        Some("juliet"),
        "example.com",
        Some("foo@bar"),
    );
    check(
        "foo\\20bar@example.com",
        Some("foo\\20bar"),
        "example.com",
        None,
    );
    check(
        "fussball@example.com",
        Some("fussball"),
        "example.com",
        None,
    );
    check("π@example.com", Some("π"), "example.com", None);
    check("king@example.com/♚", Some("king"), "example.com", Some("♚"));
    check("example.com", None, "example.com", None);
    check("example.com/foobar", None, "example.com", Some("foobar"));
    check(
        "a.example.com/b@example.net",
        None,
        "a.example.com",
        Some("b@example.net"),
    );
}

#[test]
fn separators_count_only_where_they_stand_first() {
    check("a.example/b/c", None, "a.example", Some("b/c"));
    check("a@b.example/c@d/e", Some("a"), "b.example", Some("c@d/e"));
    check("a.example//", None, "a.example", Some("/"));
    check("a@b.example/ ", Some("a"), "b.example", Some(" "));
}

#[test]
fn one_trailing_dot_of_the_domain_is_removed() {
    check(
        "user@example.com./res",
        Some("user"),
        "example.com",
        Some("res"),
    );
    check("user@example.com.", Some("user"), "example.com", None);
    check("example.com./res", None, "example.com", Some("res"));
    check(
        "user@example.com/res.",
        Some("user"),
        "example.com",
        Some("res."),
    );
    check(
        "user@bücher.example。/res",
        Some("user"),
        "bücher.example",
        Some("res"),
    );
    refuse("user@example.com..", JidError::InvalidDomain);
    refuse("user@.", JidError::Empty(Part::Domain));
}

#[test]
fn what_is_written_back_is_the_prepared_form() {
    normal("Juliet@Example.COM/Balcony", "juliet@example.com/Balcony");
    normal("user@example.com./res", "user@example.com/res");
    normal("STRASSE@example.com", "strasse@example.com");
    normal("Straße@example.com", "strasse@example.com");
    normal("juliet@XN--BCHER-KVA.example/x", "juliet@bücher.example/x");
    normal("ｊuliet@example.com/ﬁn", "juliet@example.com/fin");
    normal("room@muc.example/😀", "room@muc.example/😀");
}

#[test]
fn texts_that_are_no_address_are_refused() {
    refuse("", JidError::Empty(Part::Domain));
    refuse("@", JidError::Empty(Part::Local));
    refuse("/", JidError::Empty(Part::Domain));
    refuse("@example.com", JidError::Empty(Part::Local));
    refuse("@/res", JidError::Empty(Part::Local));
    refuse("juliet@", JidError::Empty(Part::Domain));
    refuse("juliet@/res", JidError::Empty(Part::Domain));
    refuse("example.com/", JidError::Empty(Part::Resource));
    refuse("juliet@example.com/", JidError::Empty(Part::Resource));
    refuse("a@b@example.com", JidError::InvalidDomain);
    refuse("foo bar@example.com", JidError::Prohibited(Part::Local));
    refuse("\"juliet\"@example.com", JidError::Prohibited(Part::Local));
    refuse("juliet@exa mple.com", JidError::InvalidDomain);
    refuse("juliet@ example.com", JidError::InvalidDomain);
    refuse("juliet@example.com ", JidError::InvalidDomain);
    refuse("juliet@example.com /res", JidError::InvalidDomain);
    refuse(
        "juliet@example.com/a\nb",
        JidError::Prohibited(Part::Resource),
    );
    refuse("juliet\0@example.com", JidError::Prohibited(Part::Local));
}

#[test]
fn each_part_may_have_1023_bytes() {
    let longest = "a".repeat(1023);
    let too_long = "a".repeat(1024);
    check(
        &format!("{longest}@{longest}/{longest}"),
        Some(&longest),
        &longest,
        Some(&longest),
    );
    check(
        &format!("{longest}@{longest}./{longest}"),
        Some(&longest),
        &longest,
        Some(&longest),
    );
    refuse(&format!("{too_long}@a/b"), JidError::TooLong(Part::Local));
    refuse(&format!("a@{too_long}/b"), JidError::TooLong(Part::Domain));
    refuse(
        &format!("a@b/{too_long}"),
        JidError::TooLong(Part::Resource),
    );

    let two_bytes_each = "é".repeat(512);
    refuse(
        &format!("a@b/{two_bytes_each}"),
        JidError::TooLong(Part::Resource),
    );
    // U+FB03 has three bytes and is prepared to three letters; U+FDFA has three and becomes 33.
    let grows = "\u{fdfa}".repeat(300);
    refuse(&format!("a@b/{grows}"), JidError::TooLong(Part::Resource));
}

#[test]
fn parts_are_joined_without_being_split_again() {
    let jid = Jid::from_parts(Some("Juliet"), "Example.com.", Some("a/b@c")).expect("a JID");
    assert_eq!(jid, "juliet@example.com/a/b@c");
    assert_eq!(
        Jid::from_parts(Some("a@b"), "c", None),
        Err(JidError::Prohibited(Part::Local))
    );
    assert_eq!(
        Jid::from_parts(Some("a/b"), "c", None),
        Err(JidError::Prohibited(Part::Local))
    );
    assert_eq!(
        Jid::from_parts(None, "a/b", None),
        Err(JidError::InvalidDomain)
    );
    assert_eq!(
        Jid::from_parts(None, "a@b", None),
        Err(JidError::InvalidDomain)
    );
    assert_eq!(
        Jid::from_parts(Some(""), "a", None),
        Err(JidError::Empty(Part::Local))
    );
}

#[track_caller]
fn check(text: &str, local: Option<&str>, domain: &str, resource: Option<&str>) {
    let jid = Jid::parse(text).expect(text);
    let parts = (jid.local(), jid.domain(), jid.resource());
    assert_eq!(parts, (local, domain, resource), "{text}");
    assert_eq!(
        Jid::from_parts(local, domain, resource).as_ref(),
        Ok(&jid),
        "{text}"
    );
}

#[track_caller]
fn normal(text: &str, prepared: &str) {
    let jid = Jid::parse(text).expect(text);
    assert_eq!(jid.to_string(), prepared, "{text}");
}

#[track_caller]
fn refuse(text: &str, error: JidError) {
    assert_eq!(Jid::parse(text), Err(error), "{text:?}");
}
