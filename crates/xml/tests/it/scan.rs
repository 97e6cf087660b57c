//! The scanner: events and faults, whatever the split.

use xml::{Fault, FaultKind, Framing, Limits, Scanner, Scratch, ns};

use crate::events::{all_cuts, client, fault};

const HEADER: &str = "<?xml version='1.0'?><stream:stream to='example' xmlns='jabber:client' \
                      xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>";
const OPEN: &str =
    "open <{http://etherx.jabber.org/streams}stream to=\"example\" version=\"1.0\"></>";

/// On a client stream, `text` gives these events and then, when given, the fault.
#[track_caller]
fn check(text: impl AsRef<[u8]>, expected: &[&str], ends: Option<Fault>) {
    let bytes = [HEADER.as_bytes(), text.as_ref()].concat();
    let mut lines: Vec<String> = [OPEN]
        .iter()
        .chain(expected)
        .map(|&line| line.to_owned())
        .collect();
    lines.extend(ends.map(fault));
    let found = all_cuts(&bytes, &client);
    assert_eq!(found, lines, "{}", String::from_utf8_lossy(text.as_ref()));
}

#[track_caller]
fn refused(text: impl AsRef<[u8]>, why: Fault) {
    check(text, &[], Some(why));
}

#[test]
fn a_stream_gives_its_header_its_children_and_its_end() {
    check("", &[], None);
    check("<message/>", &["<message></>"], None);
    check(
        " \n<a/>\t<b></b \n>\r\n</stream:stream>\n",
        &["<a></>", "<b></>", "close"],
        None,
    );
    check(
        "<message to='juliet@example' type=\"chat\"><body>Neither, fair &amp; saint</body></message>",
        &["<message to=\"juliet@example\" type=\"chat\"><body>\"Neither, fair & saint\"</></>"],
        None,
    );
}

#[test]
fn namespaces_are_resolved() {
    check("<a xmlns='u'><b/></a>", &["<{u}a><{u}b></></>"], None);
    check(
        "<a xmlns:p='u'><p:b/><c/></a>",
        &["<a><{u}b></><c></></>"],
        None,
    );
    check(
        "<a xmlns='u'><b xmlns=''/></a>",
        &["<{u}a><{}b></></>"],
        None,
    );
    check("<a xmlns='u&amp;v'/>", &["<{u&v}a></>"], None);
    check("<a xmlns='jabber:client'/>", &["<a></>"], None);
    check(
        "<f xmlns='u'><a xmlns='jabber:client'/></f>",
        &["<{u}f><{jabber:client}a></></>"],
        None,
    );
    check(
        "<c:a xmlns:c='jabber:client'><c:b/></c:a>",
        &["<a><b></></>"],
        None,
    );
    check(
        "<stream:error/>",
        &["<{http://etherx.jabber.org/streams}error></>"],
        None,
    );
    check(
        "<a p:x='1' x='2' xmlns:p='u' xml:lang='en'/>",
        &["<a x=\"2\" {http://www.w3.org/XML/1998/namespace}lang=\"en\" {u}x=\"1\"></>"],
        None,
    );
    check(
        "<xml:a/>",
        &["<{http://www.w3.org/XML/1998/namespace}a></>"],
        None,
    );
    check(
        "<a xmlns:xml='http://www.w3.org/XML/1998/namespace'/>",
        &["<a></>"],
        None,
    );
}

#[test]
fn text_is_unescaped_and_normalised() {
    check("<a>x&#65;&lt;</a>", &["<a>\"xA<\"</>"], None);
    check("<a>x<![CDATA[<&]]]]>y</a>", &["<a>\"x<&]]y\"</>"], None);
    check("<a>x\r\ny\rz</a>", &["<a>\"x\\ny\\nz\"</>"], None);
    check("<a>x<b/>y</a>", &["<a>\"xy\"<b></></>"], None);
    check("<a x='1\n2&#10;3'/>", &["<a x=\"1 2\\n3\"></>"], None);
    check(
        "<a>日本🎭 and a long plain tail of text</a>",
        &["<a>\"日本🎭 and a long plain tail of text\"</>"],
        None,
    );
    check(
        "<a b = \"'\"\tc='\"' />",
        &["<a b=\"'\" c=\"\\\"\"></>"],
        None,
    );
}

#[test]
fn malformed_markup_is_refused_for_what_it_is() {
    refused("<1/>", Fault::BadName);
    refused("< a/>", Fault::BadName);
    refused(
        "<a b='1'c='2'/>",
        Fault::BadMarkup {
            expected: "white space, '/' or '>'",
        },
    );
    refused("<a b/>", Fault::BadMarkup { expected: "'='" });
    refused(
        "<a b=1/>",
        Fault::BadMarkup {
            expected: "a quote",
        },
    );
    refused("<a / >", Fault::BadMarkup { expected: "'>'" });
    refused("<a b='<'/>", Fault::LessThanInAttribute);
    refused("<a>]]></a>", Fault::CdataEndInText);
    refused("<a>& </a>", Fault::BadReference);
    refused("<a></b>", Fault::MismatchedEndTag);
    refused("<a></ab>", Fault::MismatchedEndTag);
    refused("</stream>", Fault::MismatchedEndTag);
    refused("<a b='1' b='2'/>", Fault::DuplicateAttribute);
    refused(
        "<a xmlns:p='u' xmlns:q='u' p:b='1' q:b='2'/>",
        Fault::DuplicateAttribute,
    );
    refused("<a>\u{1}</a>", Fault::ForbiddenCharacter);
    refused("<a>\u{ffff}</a>", Fault::ForbiddenCharacter);
    refused("<a>&#0;</a>", Fault::ForbiddenCharacter);
    refused(b"<a>\xff</a>", Fault::InvalidUtf8);
    refused(b"<a>\xed\xa0\x80</a>", Fault::InvalidUtf8);
    refused("<![CDATA[x]]>", Fault::StrayText);
    refused(
        "<a><![cdata[x]]></a>",
        Fault::BadMarkup {
            expected: "'[CDATA['",
        },
    );
}

#[test]
fn what_stands_before_a_fault_is_given_first() {
    check("<a/><b/>x", &["<a></>", "<b></>"], Some(Fault::StrayText));
    check("</stream:stream><a/>", &["close"], Some(Fault::AfterEnd));
    assert_eq!(Fault::StrayText.kind(), FaultKind::BadFormat);
}

#[test]
fn restricted_xml_is_refused() {
    refused("<!-- -->", Fault::Comment);
    refused("<a><!-- --></a>", Fault::Comment);
    refused("<?php ?>", Fault::ProcessingInstruction);
    refused("<?xml version='1.0'?>", Fault::ProcessingInstruction);
    refused("<!DOCTYPE a>", Fault::Doctype);
    refused("<a>&nbsp;</a>", Fault::UnknownEntity);
    refused("<a b='&nbsp;'/>", Fault::UnknownEntity);
}

#[test]
fn misused_namespaces_are_refused() {
    refused("<p:a/>", Fault::UndeclaredPrefix);
    refused("<a p:b=''/>", Fault::UndeclaredPrefix);
    refused("<a:b:c/>", Fault::BadQualifiedName);
    refused("<:a/>", Fault::BadQualifiedName);
    refused("<a:/>", Fault::BadQualifiedName);
    refused("<a xmlns:p=''/>", Fault::EmptyPrefixBinding);
    refused("<a xmlns:xml='u'/>", Fault::ReservedNamespace);
    refused("<a xmlns:xmlns='u'/>", Fault::ReservedNamespace);
    refused(
        "<a xmlns:p='http://www.w3.org/2000/xmlns/'/>",
        Fault::ReservedNamespace,
    );
    refused(
        "<a xmlns='http://www.w3.org/XML/1998/namespace'/>",
        Fault::ReservedNamespace,
    );
    refused("<xmlns:a/>", Fault::ReservedNamespace);
}

#[test]
fn limits_hold_while_bytes_arrive() {
    let limits = Limits {
        element_bytes_max: 120,
        depth_max: 3,
        attributes_max: 18,
        declarations_max: 2,
        name_bytes_max: 40,
        header_bytes_max: 200,
    };
    let scanner = || Scanner::new(Framing::Stream, ns::CLIENT, limits);
    let limited = |text: &str, ends: Option<Fault>| {
        let found = all_cuts(format!("{HEADER}{text}").as_bytes(), &scanner);
        assert_eq!(
            found
                .get(1)
                .cloned()
                .filter(|line| line.starts_with("fault")),
            ends.map(fault),
            "{text}"
        );
    };
    limited(&format!("<a>{}</a>", "x".repeat(113)), None);
    limited(
        &format!("<a>{}</a>", "x".repeat(114)),
        Some(Fault::TooLarge { bytes_max: 120 }),
    );
    limited(
        &format!("<a>{}", "x".repeat(117)),
        Some(Fault::TooLarge { bytes_max: 120 }),
    );
    limited("<a><b><c/></b></a>", None);
    limited("<a><b><c><d/>", Some(Fault::TooDeep { depth_max: 3 }));
    limited("<a xmlns:a='u' xmlns:b='u'><b/></a>", None);
    limited(
        "<a xmlns:a='u' xmlns:b='u'><b xmlns:c='u'/>",
        Some(Fault::TooManyDeclarations {
            declarations_max: 2,
        }),
    );
    limited(
        &format!("<{}/>", "n".repeat(41)),
        Some(Fault::NameTooLong { bytes_max: 40 }),
    );
    limited(&format!("<{}/>", "n".repeat(40)), None);
    // A name that is both too long and wrong is the same in every split.
    let long = Some(Fault::NameTooLong { bytes_max: 40 });
    limited(&format!("<{}\u{d7}/>", "n".repeat(41)), long);
    limited(&format!("<a>&{}!", "n".repeat(41)), long);
    limited(&format!("<{}:1", "n".repeat(40)), long);
    let attributes = |count| {
        (0..count)
            .map(|index| format!(" {}=''", char::from(b'a' + index)))
            .collect::<String>()
    };
    limited(&format!("<a{}/>", attributes(18)), None);
    limited(
        &format!("<a{}/>", attributes(19)),
        Some(Fault::TooManyAttributes { attributes_max: 18 }),
    );
    let header = format!("<stream:stream xmlns:stream='{}'>", "u".repeat(300));
    assert_eq!(
        all_cuts(header.as_bytes(), &scanner),
        [fault(Fault::TooLarge { bytes_max: 200 })]
    );
}

#[test]
fn many_attributes_are_searched_for_duplicates_too() {
    let limits = Limits {
        attributes_max: 40,
        ..Limits::default()
    };
    let scanner = || Scanner::new(Framing::Stream, ns::CLIENT, limits);
    let attributes: String = (0..30)
        .map(|index| format!(" n{index}='{index}'"))
        .collect();
    let found = all_cuts(format!("{HEADER}<a{attributes}/>").as_bytes(), &scanner);
    assert_eq!(found.len(), 2);
    let found = all_cuts(
        format!("{HEADER}<a{attributes} n7=''/>").as_bytes(),
        &scanner,
    );
    assert_eq!(found, [OPEN.to_owned(), fault(Fault::DuplicateAttribute)]);
}

#[test]
fn a_prolog_may_stand_at_the_start_only() {
    let scan = |text: &str| all_cuts(text.as_bytes(), &client);
    let stream = "<stream:stream xmlns:stream='u'/>";
    let opened = ["open <{u}stream></>".to_owned(), "close".to_owned()];
    assert_eq!(scan(stream), opened);
    assert_eq!(scan(&format!("\u{feff}{stream}")), opened);
    assert_eq!(scan(&format!("\n{stream}")), opened);
    assert_eq!(
        scan(&format!(
            "\u{feff}<?xml version='1.0' encoding='UTF-8' ?>\n {stream}"
        )),
        opened
    );
    assert_eq!(
        scan(&format!(" <?xml version='1.0'?>{stream}")),
        [fault(Fault::ProcessingInstruction)]
    );
    assert_eq!(
        scan("<?xml version='1.0' encoding='iso-8859-1'?>"),
        [fault(Fault::UnsupportedEncoding)]
    );
    assert_eq!(
        scan("<?xml version='2.0'?>"),
        [fault(Fault::BadDeclaration)]
    );
    assert_eq!(scan("<!DOCTYPE a>"), [fault(Fault::Doctype)]);
    let no_text = fault(Fault::BadMarkup { expected: "'<'" });
    assert_eq!(scan("x"), std::slice::from_ref(&no_text));
    assert_eq!(scan("\u{feff}x"), std::slice::from_ref(&no_text));
    assert_eq!(scan("GET / HTTP/1.1\r\n\r\n"), [no_text]);
}

#[test]
fn an_end_tag_of_nothing_is_refused_as_soon_as_it_begins() {
    let documents = || Scanner::new(Framing::Document, ns::CLIENT, Limits::default());
    let refused = [fault(Fault::MismatchedEndTag)];
    assert_eq!(all_cuts(b"</", &documents), refused);
    assert_eq!(all_cuts(b"</", &client), refused);
}

#[test]
fn a_restarted_stream_begins_anew() {
    let mut scanner = client();
    let lines = crate::events::events(
        HEADER.as_bytes(),
        crate::events::Cut::Every(5),
        &mut scanner,
    );
    assert_eq!(lines, [OPEN]);
    scanner.restart();
    let lines = crate::events::events(HEADER.as_bytes(), crate::events::Cut::Whole, &mut scanner);
    assert_eq!(lines, [OPEN]);
}

#[test]
fn with_one_document_per_element_each_declares_its_own_namespace() {
    let scanner = || Scanner::new(Framing::Document, ns::CLIENT, Limits::default());
    let text = "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='example'/>\
                <?xml version='1.0'?><message xmlns='jabber:client'><body>x</body></message><iq/>\
                <close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>";
    assert_eq!(
        all_cuts(text.as_bytes(), &scanner),
        [
            "open <{urn:ietf:params:xml:ns:xmpp-framing}open to=\"example\"></>",
            "<message><body>\"x\"</></>",
            "<{}iq></>",
            "close",
        ]
    );
}

#[test]
fn a_foreign_default_namespace_of_the_stream_holds_for_its_children() {
    let text = "<stream xmlns='http://etherx.jabber.org/streams'><error/><message xmlns='jabber:client'><a/></message>";
    assert_eq!(
        all_cuts(text.as_bytes(), &client),
        [
            "open <{http://etherx.jabber.org/streams}stream></>",
            "<{http://etherx.jabber.org/streams}error></>",
            "<message><a></></>",
        ]
    );
}

#[test]
fn an_unfinished_element_holds_no_more_than_its_limit() {
    // What is held besides bytes and tape: open elements, declarations in force, one tag's attributes.
    const BESIDES: usize = 8192;
    let limits = Limits::default();
    for piece in [1, 100, 16_384] {
        let mut scanner = Scanner::new(Framing::Stream, ns::CLIENT, limits);
        let mut scratch = Scratch::default();
        let mut found = 0;
        let attack = format!("{HEADER}<a>{}</a>", "<b/>".repeat(65_534));
        for mut input in attack.as_bytes().chunks(piece) {
            while scanner.receive(&mut input, &mut scratch).unwrap().is_some() {
                found += 1;
            }
            let held = scanner.held_bytes();
            assert!(held <= limits.element_bytes_max + BESIDES, "{held} bytes");
        }
        assert_eq!((found, scanner.held_bytes()), (2, 0));
    }
}
