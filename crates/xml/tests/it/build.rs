//! Building fragments, and escaping.

use xml::{Builder, Fragment, Ns, Scratch, Tree, escape_attr, escape_text};

#[test]
fn children_of_the_same_namespace_declare_nothing() {
    check(
        Builder::new("query", "u")
            .attr("node", "n")
            .child(Builder::new("item", "u"))
            .text("<"),
        "<query xmlns='u' node='n'><item/>&lt;</query>",
    );
    check(
        Builder::content("iq").child(Builder::new("q", "u")),
        "<iq><q xmlns='u'/></iq>",
    );
    check(
        Builder::new("forwarded", "u").child(Builder::content("message").child_text("body", "x")),
        "<forwarded xmlns='u'><message xmlns='jabber:client'><body>x</body></message></forwarded>",
    );
    check(
        Builder::new("forwarded", "u")
            .child(Fragment::parse("<message to='a'><x xmlns='v'/></message>").unwrap()),
        "<forwarded xmlns='u'><message xmlns='jabber:client' to='a'><x xmlns='v'/></message></forwarded>",
    );
    check(
        Builder::new("e", "u").child(Fragment::parse("<p:x xmlns:p='v'><y/></p:x>").unwrap()),
        "<e xmlns='u'><p:x xmlns='jabber:client' xmlns:p='v'><y/></p:x></e>",
    );
    check(
        Builder::content("a")
            .attr_opt("b", None::<&str>)
            .attr_opt("c", Some("1")),
        "<a c='1'/>",
    );
    check(Builder::new("a", ""), "<a xmlns=''/>");
}

#[track_caller]
fn check(builder: Builder, expected: &str) {
    let fragment = builder.build();
    assert_eq!(fragment.as_str(), expected);
    let read = Fragment::parse(expected).unwrap();
    assert_eq!((read.name(), read.ns()), (fragment.name(), fragment.ns()));
    let mut scratch = Scratch::default();
    let element = fragment.element(&mut scratch);
    assert_eq!(
        (element.name(), element.ns()),
        (fragment.name(), fragment.ns())
    );
}

#[test]
fn a_fragment_knows_its_name_and_namespace() {
    named("<a/>", "a", Ns::Content);
    named(" <a xmlns='u'>x</a>\n", "a", Ns::Uri("u"));
    named("<p:a q:b='' xmlns:q='v' xmlns:p='u'/>", "a", Ns::Uri("u"));
    named("<a xmlns='u&amp;v'/>", "a", Ns::Uri("u&v"));
    assert!(Fragment::parse("<a/><b/>").is_err());
    assert!(Fragment::parse("<a>").is_err());
    assert!(Fragment::parse("").is_err());
}

#[track_caller]
fn named(text: &str, name: &str, ns: Ns<'_>) {
    let fragment = Fragment::parse(text).unwrap();
    assert_eq!((fragment.name(), fragment.ns()), (name, ns), "{text}");
    assert!(fragment.is(name, ns));
    assert_eq!(fragment.as_str(), text.trim());
}

#[test]
fn text_and_values_come_back_as_they_were() {
    for text in [
        "",
        "plain",
        "<&>'\"",
        "a\tb\nc\rd\r\ne",
        "]]>",
        "日本🎭",
        " x ",
    ] {
        let mut out = b"<a b='".to_vec();
        escape_attr(text, &mut out);
        out.extend_from_slice(b"'>");
        escape_text(text, &mut out);
        out.extend_from_slice(b"</a>");
        let tree = Tree::parse(&out).unwrap();
        assert_eq!(tree.root().text(), text);
        assert_eq!(tree.root().attr("b").unwrap(), text);
    }
    let mut out = Vec::new();
    escape_text("a\0b\u{ffff}c\u{fffe}", &mut out);
    assert_eq!(
        String::from_utf8(out).unwrap(),
        "a\u{fffd}b\u{fffd}c\u{fffd}"
    );
}
