//! How domain parts are prepared.

use jid::{Domain, JidError, Part, prepare_domain};

#[test]
fn names_are_lower_case_and_in_unicode() {
    check("example.com", "example.com");
    check("EXAMPLE.com", "example.com");
    check("localhost", "localhost");
    check("a-b.c--d.example", "a-b.c--d.example");
    check("chat_room.docker", "chat_room.docker");
    check("bücher.example", "bücher.example");
    check("BÜCHER.example", "bücher.example");
    check("xn--bcher-kva.example", "bücher.example");
    check("Xn--Bcher-kva.example", "bücher.example");
    check("bu\u{308}cher.example", "bücher.example");
    check("ｅｘａｍｐｌｅ．com", "example.com");
    check("例え。テスト", "例え.テスト");
    check("faß.example", "faß.example");
    check("xn--nxasmm1c.example", "βόλος.example");
    check("مثال.إختبار", "مثال.إختبار");
    check("☃.example", "☃.example");
}

#[test]
fn a_fast_path_looks_for_a_labels_at_the_start_of_labels_only() {
    check("axn--b.example", "axn--b.example");
    check("example.xn-b", "example.xn-b");
    check("x.n.example", "x.n.example");
    refuse("a.xn--0.example", JidError::InvalidDomain);
    refuse("xn--.example", JidError::InvalidDomain);
    refuse("xn--a", JidError::InvalidDomain);
    refuse("xn--abc-", JidError::InvalidDomain);
    refuse("xn--xn--bcher-dkva.example", JidError::InvalidDomain);
    refuse("xn--\u{fc}.example", JidError::InvalidDomain);
}

#[test]
fn one_trailing_dot_is_removed() {
    check("example.com.", "example.com");
    check("例え。テスト。", "例え.テスト");
    check("example.com\u{ff0e}", "example.com");
    refuse("example.com..", JidError::InvalidDomain);
    refuse("example.com。.", JidError::InvalidDomain);
    refuse("..", JidError::InvalidDomain);
    refuse(".", JidError::Empty(Part::Domain));
}

#[test]
fn ip_addresses_are_domains() {
    check("192.0.2.1", "192.0.2.1");
    check("[::1]", "[::1]");
    check("[2001:DB8:0:0:0:0:0:1]", "[2001:db8::1]");
    check("[2001:db8::1].", "[2001:db8::1]");
    refuse("::1", JidError::InvalidDomain);
    refuse("[::1", JidError::InvalidDomain);
    refuse("::1]", JidError::InvalidDomain);
    refuse("[]", JidError::InvalidDomain);
    refuse("[::1]x", JidError::InvalidDomain);
    refuse("[fe80::1%eth0]", JidError::InvalidDomain);
    refuse("[192.0.2.1]", JidError::InvalidDomain);
    refuse("[example.com]", JidError::InvalidDomain);
}

#[test]
fn what_no_host_can_be_called_is_refused() {
    refuse("", JidError::Empty(Part::Domain));
    refuse(" ", JidError::InvalidDomain);
    refuse("a b", JidError::InvalidDomain);
    refuse("a\u{a0}b", JidError::InvalidDomain);
    refuse("a\u{3000}b", JidError::InvalidDomain);
    refuse("a..b", JidError::InvalidDomain);
    refuse(".a", JidError::InvalidDomain);
    refuse("-a.example", JidError::InvalidDomain);
    refuse("a-.example", JidError::InvalidDomain);
    refuse("a.example-", JidError::InvalidDomain);
    refuse("a:5222", JidError::InvalidDomain);
    refuse("a\u{ff20}b", JidError::InvalidDomain);
    refuse("a\u{ff0f}b", JidError::InvalidDomain);
    refuse("a%b", JidError::InvalidDomain);
    refuse("a\0b", JidError::InvalidDomain);
    refuse("a\u{7f}b", JidError::InvalidDomain);
    refuse("a\u{200d}b", JidError::InvalidDomain);
    refuse("a\u{202e}b", JidError::InvalidDomain);
    refuse("\u{ad}", JidError::InvalidDomain);
    refuse("aמ.example", JidError::InvalidDomain);
}

#[test]
fn the_dns_gets_a_labels() {
    let ascii = |text: &str| Domain::parse(text).expect("a domain").to_ascii();
    assert_eq!(ascii("bücher.example"), "xn--bcher-kva.example");
    assert_eq!(ascii("xn--bcher-kva.example"), "xn--bcher-kva.example");
    assert_eq!(ascii("example.com."), "example.com");
    assert_eq!(ascii("[::1]"), "[::1]");
}

#[test]
fn an_already_prepared_name_is_borrowed() {
    for name in [
        "example.com",
        "example.com.",
        "192.0.2.1",
        "[::1]",
        "bücher.example",
    ] {
        let prepared = prepare_domain(name).expect("a domain");
        assert!(matches!(prepared, std::borrow::Cow::Borrowed(_)), "{name}");
    }
}

#[track_caller]
fn check(text: &str, prepared: &str) {
    assert_eq!(prepare_domain(text).as_deref(), Ok(prepared), "{text}");
    assert_eq!(
        prepare_domain(prepared).as_deref(),
        Ok(prepared),
        "again, {text}"
    );
    assert_eq!(Domain::parse(text).expect("a domain"), prepared, "{text}");
}

#[track_caller]
fn refuse(text: &str, error: JidError) {
    assert_eq!(prepare_domain(text), Err(error), "{text:?}");
}
