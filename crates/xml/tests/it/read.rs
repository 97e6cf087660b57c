//! Reading elements, and comparing them.

use std::borrow::Cow;

use xml::{Ns, Tree, same};

#[test]
fn an_element_shows_its_parts() {
    let tree = Tree::parse_fragment(
        "<iq id='&lt;1' xml:lang='en' type='get'> <query xmlns='u' node='n'><item/><item/></query>\n</iq>",
    )
    .unwrap();
    let iq = tree.root();
    assert_eq!(iq.name(), "iq");
    assert_eq!(iq.ns(), Ns::Content);
    assert!(iq.is("iq", Ns::Content));
    assert_eq!(iq.attr("id"), Some(Cow::Borrowed("<1")));
    assert_eq!(iq.attr("lang"), None);
    assert_eq!(iq.lang(), Some(Cow::Borrowed("en")));
    assert_eq!(iq.attr_ns("lang", xml::ns::XML), Some(Cow::Borrowed("en")));
    assert!(!iq.has_non_whitespace_text());
    let query = iq.child("query", "u").unwrap();
    assert!(iq.child("query", "v").is_none());
    assert_eq!(query.children().count(), 2);
    assert_eq!(
        query.as_str(),
        "<query xmlns='u' node='n'><item/><item/></query>"
    );
    assert_eq!(query.default_ns(), Ns::Uri("u"));
}

#[test]
fn plain_text_is_borrowed() {
    let tree = Tree::parse_fragment("<a><body>hello</body></a>").unwrap();
    assert!(matches!(
        tree.root().child_text("body", Ns::Content),
        Some(Cow::Borrowed("hello"))
    ));
    assert_eq!(tree.root().child_text("subject", Ns::Content), None);
}

#[test]
fn debug_output_shows_no_content() {
    let tree = Tree::parse_fragment("<a secret='x'>secret</a>").unwrap();
    assert_eq!(format!("{:?} {tree:?}", tree.root()), "<a/> <a/>");
}

#[test]
fn elements_are_compared_as_xml() {
    alike("<a b='1' c='2'/>", "<a c=\"2\" b='&#49;'></a>");
    alike("<a><b/></a>", "<a>\n  <b/>\n</a>");
    alike("<a xmlns:p='u'><p:b/></a>", "<a><b xmlns='u'/></a>");
    alike("<a>x&amp;y</a>", "<a><![CDATA[x&y]]></a>");
    differ("<a/>", "<b/>", "at a: <a/> is not <b/>");
    differ(
        "<a><b/></a>",
        "<a><b xmlns='u'/></a>",
        "at a/b: <b/> is not <b xmlns='u'/>",
    );
    differ(
        "<a b='1'/>",
        "<a/>",
        "at a: attributes {(\"\", \"b\"): \"1\"} are not {}",
    );
    differ("<a> </a>", "<a/>", "at a: text \" \" is not \"\"");
    differ("<a><b/></a>", "<a/>", "at a: <b/> is missing on the right");
    differ(
        "<a><b/></a>",
        "<a><b/>x<c/></a>",
        "at a: text \"\" is not \"x\"",
    );
}

#[track_caller]
fn alike(left: &str, right: &str) {
    let (left, right) = (
        Tree::parse_fragment(left).unwrap(),
        Tree::parse_fragment(right).unwrap(),
    );
    assert_eq!(same(&left.root(), &right.root()), Ok(()));
}

#[track_caller]
fn differ(left: &str, right: &str, how: &str) {
    let (left, right) = (
        Tree::parse_fragment(left).unwrap(),
        Tree::parse_fragment(right).unwrap(),
    );
    let difference = same(&left.root(), &right.root()).unwrap_err();
    assert_eq!(difference.to_string(), how);
}
