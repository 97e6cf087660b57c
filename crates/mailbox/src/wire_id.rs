//! What a client sees of a position: sixteen hexadecimal digits that tell nothing about how many entries there are or
//! when they came, and that nobody guesses, as [XEP-0313] asks ("unpredictable", never used twice).
//!
//! The position is one block of XTEA (Needham and Wheeler 1997: 64-bit block, 128-bit key, 64 Feistel rounds) under a
//! key of the account. A block cipher makes it reversible without a table and never collides. Little hangs on it: only
//! the account itself is shown its ids. XTEA is ten lines without tables or key schedule, and the best known attack
//! reaches 36 of its 64 rounds.
//!
//! [XEP-0313]: https://xmpp.org/extensions/xep-0313.html#archives

use std::fmt;

use serde::{Deserialize, Serialize};
use store::EntryId;

use crate::hex;

/// Cycles of two Feistel rounds each.
const CYCLES: u32 = 32;
/// 2^32 divided by the golden ratio: makes the rounds differ.
const DELTA: u32 = 0x9E37_79B9;
/// Digits of an id on the wire.
const DIGITS: usize = 16;

/// The key of one account's wire ids. Stored with the mailbox; `Debug` does not show it.
#[derive(Clone, Copy, Deserialize, Eq, PartialEq, Serialize)]
#[serde(transparent)]
pub struct WireKey([u32; 4]);

impl WireKey {
    /// A key of 128 random bits, which the caller draws: this crate has no randomness.
    #[must_use]
    pub fn new(random: u128) -> Self {
        let word = |shift: u32| (random >> shift) as u32;
        Self([word(96), word(64), word(32), word(0)])
    }

    /// What stands for this position on the wire.
    #[must_use]
    pub fn seal(&self, position: EntryId) -> WireId {
        let [k0, k1, k2, k3] = self.0;
        let key = |sum: u32| match sum & 3 {
            0 => k0,
            1 => k1,
            2 => k2,
            _ => k3,
        };
        let (mut left, mut right) = ((position.0 >> 32) as u32, position.0 as u32);
        let mut sum = 0_u32;
        for _ in 0..CYCLES {
            left = left.wrapping_add(mix(right) ^ sum.wrapping_add(key(sum)));
            sum = sum.wrapping_add(DELTA);
            right = right.wrapping_add(mix(left) ^ sum.wrapping_add(key(sum >> 11)));
        }
        WireId(u64::from(left) << 32 | u64::from(right))
    }

    /// The position that this id stands for. Every id stands for one, so the caller must check that it was ever drawn
    /// ([`Mailbox::position`](crate::Mailbox::position) does).
    #[must_use]
    pub fn open(&self, id: WireId) -> EntryId {
        let [k0, k1, k2, k3] = self.0;
        let key = |sum: u32| match sum & 3 {
            0 => k0,
            1 => k1,
            2 => k2,
            _ => k3,
        };
        let (mut left, mut right) = ((id.0 >> 32) as u32, id.0 as u32);
        let mut sum = DELTA.wrapping_mul(CYCLES);
        for _ in 0..CYCLES {
            right = right.wrapping_sub(mix(left) ^ sum.wrapping_add(key(sum >> 11)));
            sum = sum.wrapping_sub(DELTA);
            left = left.wrapping_sub(mix(right) ^ sum.wrapping_add(key(sum)));
        }
        EntryId(u64::from(left) << 32 | u64::from(right))
    }
}

fn mix(half: u32) -> u32 {
    ((half << 4) ^ (half >> 5)).wrapping_add(half)
}

impl fmt::Debug for WireKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WireKey(..)")
    }
}

/// A position as clients see it: the `id` of a `<stanza-id/>` and of an archive result. `Display` writes it.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct WireId(u64);

impl WireId {
    /// Reads what a client sent; `None` for everything that [`Display`](fmt::Display) never writes.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        let ours = text.len() == DIGITS && text.bytes().all(digits);
        ours.then(|| u64::from_str_radix(text, 16).ok())
            .flatten()
            .map(Self)
    }
}

impl WireId {
    /// Calls `with` with the digits.
    pub fn with_digits<R>(self, with: impl FnOnce(&str) -> R) -> R {
        hex::with_digits(self.0.to_be_bytes(), with)
    }
}

impl fmt::Display for WireId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.with_digits(|digits| f.write_str(digits))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The vectors of the reference implementation that Botan and libtomcrypt test with.
    #[test]
    fn published_vectors_come_out() {
        let key = WireKey::new(0x0001_0203_0405_0607_0809_0a0b_0c0d_0e0f);
        check(key, 0x4142_4344_4546_4748, "497df3d072612cb5");
        check(key, 0x4141_4141_4141_4141, "e78f2d13744341d8");
        check(WireKey::new(0), 0x4142_4344_4546_4748, "a0390589f8b8efa5");
        check(WireKey::new(0), 0x4141_4141_4141_4141, "ed23375a821a8c2d");
    }

    #[test]
    fn every_position_comes_back() {
        let key = WireKey::new(0x1234_5678_9abc_def0_0fed_cba9_8765_4321);
        for position in (0..1000).chain([u64::MAX, i64::MAX as u64]).map(EntryId) {
            let text = key.seal(position).to_string();
            assert_eq!(WireId::parse(&text).map(|id| key.open(id)), Some(position));
        }
    }

    #[test]
    fn neighbours_do_not_look_alike() {
        let key = WireKey::new(7);
        let differing = |a: u64, b: u64| {
            let (a, b) = (key.seal(EntryId(a)), key.seal(EntryId(b)));
            (a.0 ^ b.0).count_ones()
        };
        assert!((1..100).all(|n| differing(n, n + 1) > 10));
    }

    #[test]
    fn only_what_we_write_is_read() {
        for text in [
            "",
            "1",
            "497DF3D072612CB5",
            "+97df3d072612cb5",
            "497df3d072612cb50",
            "497df3d072612cbg",
        ] {
            assert_eq!(WireId::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_key_does_not_print() {
        assert_eq!(format!("{:?}", WireKey::new(42)), "WireKey(..)");
    }

    #[track_caller]
    fn check(key: WireKey, position: u64, wire: &str) {
        assert_eq!(key.seal(EntryId(position)).to_string(), wire);
    }
}
