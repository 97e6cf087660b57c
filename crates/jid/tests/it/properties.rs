//! What holds for every text: preparing twice changes nothing, and what is written can be read again.

use jid::{BareJid, FullJid, Jid, Strict, prepare_domain, prepare_local, prepare_resource};
use proptest::prelude::*;

/// Texts in which addresses, and the corners of Unicode that matter to them, are likely.
fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => "[a-zA-Z0-9._-]{1,8}",
        2 => "[@/.]",
        2 => any::<char>().prop_map(String::from),
        1 => "[\u{a0}-\u{24f}]{1,3}",
        1 => "[\u{300}-\u{345}]{1,3}",
        1 => "[\u{370}-\u{3ff}\u{1f00}-\u{1fff}]{1,3}",
        1 => "[\u{590}-\u{6ff}]{1,3}",
        1 => "[\u{1100}-\u{11ff}\u{ac00}-\u{ac80}]{1,4}",
        1 => "[\u{2100}-\u{214f}\u{3300}-\u{33ff}\u{fb00}-\u{fdff}]",
        1 => "[\u{1d400}-\u{1d7ff}\u{1f100}-\u{1f6ff}]",
        1 => Just("xn--bcher-kva".to_owned()),
        1 => Just("[::1]".to_owned()),
    ];
    prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_can_be_read_again(text in text()) {
        if let Ok(jid) = Jid::parse(&text) {
            let again = Jid::parse(jid.as_str());
            prop_assert_eq!(again.as_ref(), Ok(&jid));
            let parts = Jid::from_parts(jid.local(), jid.domain(), jid.resource());
            prop_assert_eq!(parts.as_ref(), Ok(&jid));
            let bare = jid.bare();
            prop_assert_eq!(BareJid::parse(bare.as_str()), Ok(bare));
            if let Some(full) = jid.as_full() {
                prop_assert_eq!(FullJid::parse(full.as_str()), Ok(full));
            }
        }
    }

    #[test]
    fn preparing_twice_changes_nothing(text in text()) {
        for strict in [Strict::No, Strict::Yes] {
            if let Ok(once) = prepare_local(&text, strict) {
                prop_assert_eq!(prepare_local(&once, strict), Ok(once.clone()));
            }
            if let Ok(once) = prepare_resource(&text, strict) {
                prop_assert_eq!(prepare_resource(&once, strict), Ok(once.clone()));
            }
        }
        if let Ok(once) = prepare_domain(&text) {
            prop_assert_eq!(prepare_domain(&once), Ok(once.clone()));
        }
    }

    #[test]
    fn strict_accepts_a_part_of_what_is_accepted_and_prepares_it_alike(text in text()) {
        if let Ok(strict) = Jid::parse_strict(&text) {
            prop_assert_eq!(Jid::parse(&text), Ok(strict));
        }
    }

    #[test]
    fn local_parts_do_not_depend_on_case(text in text()) {
        let upper = text.to_ascii_uppercase();
        prop_assert_eq!(prepare_local(&upper, Strict::No), prepare_local(&text, Strict::No));
    }

    #[test]
    fn a_domain_survives_its_way_through_the_dns(text in text()) {
        if let Ok(domain) = jid::Domain::parse(&text) {
            let ascii = domain.to_ascii();
            prop_assert!(ascii.is_ascii());
            prop_assert_eq!(jid::Domain::parse(&ascii), Ok(domain));
        }
    }
}

#[test]
fn every_character_is_prepared_to_what_stays() {
    // Beyond plane 2 there are only tags, private use and nothing.
    for c in (0..0x3_0000)
        .chain(0xe_0000..0xe_1000)
        .filter_map(char::from_u32)
    {
        let text = c.to_string();
        for prepare in [prepare_local, prepare_resource] {
            if let Ok(once) = prepare(&text, Strict::No) {
                assert_eq!(prepare(&once, Strict::No), Ok(once.clone()), "{c:?}");
            }
        }
        if let Ok(once) = prepare_domain(&text) {
            assert_eq!(prepare_domain(&once), Ok(once.clone()), "{c:?}");
        }
    }
}
