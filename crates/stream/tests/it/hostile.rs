//! What nobody wrote a rule for: bytes changed at random. Nothing panics, nothing grows, and how the bytes are cut
//! makes no difference.

use proptest::prelude::*;
use xml::Framing;

use crate::player::{Player, Setting};

/// What a client sends from its header to its end.
const SESSION: [&str; 7] = [
    "{open}",
    "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AGp1bGlldABzZWNyZXQ=</auth>",
    "{open}",
    "<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>x</resource></bind></iq>",
    "<message to='romeo@example.org' type='chat'><body>Ay me</body></message>",
    "<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>",
    "</stream:stream>",
];

/// Something done to the list of elements, or to their bytes.
#[derive(Clone, Debug)]
enum Change {
    Drop(usize),
    Repeat(usize),
    Swap(usize, usize),
    Byte(usize, u8),
    Cut(usize),
}

fn change() -> impl Strategy<Value = Change> {
    let at = 0..SESSION.len();
    prop_oneof![
        at.clone().prop_map(Change::Drop),
        at.clone().prop_map(Change::Repeat),
        (at.clone(), at).prop_map(|(a, b)| Change::Swap(a, b)),
        (0..900usize, any::<u8>()).prop_map(|(at, byte)| Change::Byte(at, byte)),
        (0..900usize).prop_map(Change::Cut),
    ]
}

fn session(player: &Player, changes: &[Change]) -> Vec<u8> {
    let mut elements = SESSION.to_vec();
    for change in changes {
        let len = elements.len().max(1);
        match *change {
            Change::Drop(at) if !elements.is_empty() => {
                elements.remove(at % len);
            }
            Change::Repeat(at) if !elements.is_empty() => {
                let element = elements.remove(at % len);
                elements.splice(at % len..at % len, [element, element]);
            }
            Change::Swap(a, b) if !elements.is_empty() => elements.swap(a % len, b % len),
            _ => {}
        }
    }
    let mut bytes: Vec<u8> = elements
        .into_iter()
        .flat_map(|line| player.sent(line))
        .collect();
    for change in changes {
        match *change {
            Change::Byte(at, byte) => {
                if let Some(old) = bytes.get_mut(at) {
                    *old = byte;
                }
            }
            Change::Cut(at) => bytes.truncate(at),
            _ => {}
        }
    }
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn how_the_bytes_are_cut_makes_no_difference(
        changes in prop::collection::vec(change(), 0..4),
        piece_bytes in 1..40usize,
        is_stream in any::<bool>(),
    ) {
        let framing = if is_stream { Framing::Stream } else { Framing::Document };
        let mut whole = Player::new(Setting::default(), framing, usize::MAX);
        let mut pieces = Player::new(Setting::default(), framing, piece_bytes);
        let bytes = session(&whole, &changes);
        prop_assert_eq!(whole.outcome(&bytes), pieces.outcome(&bytes));
        prop_assert!(whole.stream.held_bytes() < 20_000);
    }
}
