//! From one form of an address to another, and what comparing them means.

use std::collections::{BTreeMap, HashMap};

use jid::{BareJid, BareJids, Domain, FullJid, Jid, JidError};

#[test]
fn each_form_asks_for_its_parts() {
    assert_eq!(BareJid::parse("a@b/c"), Err(JidError::HasResource));
    assert_eq!(FullJid::parse("a@b"), Err(JidError::NoResource));
    assert_eq!(Domain::parse("a@b"), Err(JidError::HasLocal));
    assert_eq!(Domain::parse("b/c"), Err(JidError::HasResource));
    assert!(BareJid::parse("b").expect("a domain is bare").is_domain());
    assert_eq!(FullJid::parse("b/c").expect("a full JID").local(), None);
}

#[test]
fn strict_forms_refuse_what_was_assigned_late() {
    assert!(FullJid::parse("a@b/😀").is_ok());
    assert!(FullJid::parse_strict("a@b/😀").is_err());
    assert!(BareJid::parse_strict("😀@b").is_err());
    assert!(Jid::parse_strict("a@b/c").is_ok());
    let bare = BareJid::parse("a@b").expect("a bare JID");
    assert!(bare.with_resource("😀").is_ok());
    assert!(bare.with_resource_strict("😀").is_err());
    let domain = Domain::parse("b").expect("a domain");
    assert!(domain.with_local("😀").is_ok());
    assert!(domain.with_local_strict("😀").is_err());
}

#[test]
fn a_full_jid_gives_up_its_parts() {
    let full = FullJid::parse("Juliet@Example.com/Balcony").expect("a full JID");
    assert_eq!(full.as_str(), "juliet@example.com/Balcony");
    assert_eq!(full.local(), Some("juliet"));
    assert_eq!(full.domain(), "example.com");
    assert_eq!(full.resource(), "Balcony");
    assert_eq!(full.bare(), "juliet@example.com");
    assert_eq!(full.bare_str(), "juliet@example.com");
    assert_eq!(full.to_domain(), "example.com");
    assert_eq!(full.bare().to_domain(), "example.com");
    assert_eq!(Jid::from(&full).to_domain(), "example.com");
    assert_eq!(Jid::from(&full), full);
    assert_eq!(Jid::from(full.bare()), "juliet@example.com");
    assert_eq!(Jid::from(full.to_domain()), "example.com");
    assert_eq!(BareJid::from(full.to_domain()).domain(), "example.com");
    assert_eq!(Jid::from(full.bare()).into_full(), None);
    assert_eq!(Jid::from(full.clone()).as_full(), Some(full));
}

#[test]
fn an_address_is_built_up_from_its_domain() {
    let domain = Domain::parse("EXAMPLE.com.").expect("a domain");
    let bare = domain.with_local("Juliet").expect("a bare JID");
    assert_eq!(bare, "juliet@example.com");
    assert_eq!(
        (bare.local(), bare.domain()),
        (Some("juliet"), "example.com")
    );
    let full = bare.with_resource("a/b").expect("a full JID");
    assert_eq!(full, "juliet@example.com/a/b");
    assert_eq!(
        full,
        FullJid::parse("juliet@example.com/a/b").expect("a full JID")
    );
    let of_domain = BareJid::from(&domain)
        .with_resource("x")
        .expect("a full JID");
    assert_eq!(of_domain, "example.com/x");
    assert!(domain.with_local("a@b").is_err());
    assert!(bare.with_resource("").is_err());
}

#[test]
fn going_to_the_bare_jid_shares_the_text_until_it_is_made_compact() {
    let full = FullJid::parse("juliet@example.com/balcony").expect("a full JID");
    let bare = full.bare();
    assert_eq!(bare.as_str().as_ptr(), full.as_str().as_ptr());
    assert_ne!(
        bare.clone().compact().as_str().as_ptr(),
        full.as_str().as_ptr()
    );
    let compact = bare.compact();
    assert_eq!(compact, "juliet@example.com");
    let at = compact.as_str().as_ptr();
    assert_eq!(compact.compact().as_str().as_ptr(), at);
}

#[test]
fn only_the_own_part_of_a_shared_text_is_compared() {
    let here = FullJid::parse("a@b/c").expect("a full JID").bare();
    let there = FullJid::parse("a@b/d").expect("a full JID").bare();
    assert_eq!(here, there);
    let sessions = HashMap::from([(here.clone(), 1)]);
    assert_eq!(sessions.get(&there), Some(&1));
    assert_eq!(sessions.get("a@b"), Some(&1));
    let sorted = BTreeMap::from([(there, 2)]);
    assert_eq!(sorted.get(&here), Some(&2));
    assert_eq!(sorted.get("a@b"), Some(&2));
    let domains = HashMap::from([(here.to_domain(), 3)]);
    assert_eq!(domains.get("b"), Some(&3));
}

#[test]
fn addresses_are_ordered_as_their_texts() {
    let mut jids = ["b@x", "a@x/2", "a@x", "a@x/1"].map(|text| Jid::parse(text).expect("a JID"));
    jids.sort();
    assert_eq!(
        jids.map(|jid| jid.to_string()),
        ["a@x", "a@x/1", "a@x/2", "b@x"]
    );
}

#[test]
fn addresses_are_small() {
    assert_eq!(size_of::<Jid>(), 24);
    assert_eq!(size_of::<BareJid>(), 24);
    assert_eq!(size_of::<FullJid>(), 24);
    assert_eq!(size_of::<Option<Jid>>(), 24);
}

#[test]
fn addresses_are_stored_as_their_text() {
    let jid = BareJid::parse("juliet@example.com").expect("a bare JID");
    let stored = serde_json::to_string(&jid).expect("text");
    assert_eq!(stored, "\"juliet@example.com\"");
    assert_eq!(
        serde_json::from_str::<BareJid>(&stored).expect("a bare JID"),
        jid
    );
    assert!(serde_json::from_str::<BareJid>("\"a@b/c\"").is_err());
    assert_eq!(
        serde_json::from_str::<Jid>("\"a\\u00e9@B\"").expect("a JID"),
        "aé@b"
    );
}

#[test]
fn a_list_gives_back_what_was_put_into_it() {
    let jids: Vec<BareJid> = ["a@example.org", "example.org", "romeo@b.example", "x@y"]
        .map(|jid| BareJid::parse(jid).expect("a bare JID"))
        .into();
    let list = BareJids::join(
        jids.len(),
        jids.iter().map(|jid| (jid.local(), jid.domain())),
    )
    .expect("few fit");
    assert_eq!(list.len(), jids.len());
    for (index, jid) in jids.iter().enumerate() {
        let found = list.get(index).expect("one for each").to_jid();
        assert_eq!(found, *jid);
        assert_eq!(found.local(), jid.local());
        assert_eq!(found.domain(), jid.domain());
        assert_eq!(found.is_domain(), jid.is_domain());
        assert_eq!(found.to_domain(), jid.to_domain());
        assert_eq!(Jid::from(found.clone()).bare(), *jid);
        assert_eq!(Jid::from(found.clone()).is_domain(), jid.is_domain());
        let full = found.with_resource("z").expect("a resource");
        assert_eq!((full.bare(), full.resource()), (jid.clone(), "z"));
        let own = found.compact();
        assert_eq!((own.as_str(), own.local()), (jid.as_str(), jid.local()));
    }
    assert!(list.get(4).is_none());
}
