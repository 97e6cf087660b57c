//! Keys of a [`Map`](crate::Map): values with a text form that sorts as they should be listed.

use std::sync::Arc;

use jid::{BareJid, Domain, FullJid, Jid};

/// Ends the first part of a two-part key. It occurs in no address.
const SEPARATOR: char = '\u{1f}';
/// Starts the escape of a separator inside the first part.
const ESCAPE: char = '\u{1e}';

/// A key of a map. Back ends store and order the text form, byte by byte.
pub trait Key: Sized {
    /// The text form: equal keys have equal texts, different keys different ones.
    fn to_key(&self) -> String;

    /// The text form, to be kept.
    fn to_shared(&self) -> Arc<str> {
        self.to_key().into()
    }

    /// Reads the text form back; `None` when it is not one.
    fn from_key(text: &str) -> Option<Self>;
}

impl Key for String {
    fn to_key(&self) -> String {
        self.clone()
    }

    fn to_shared(&self) -> Arc<str> {
        self.as_str().into()
    }

    fn from_key(text: &str) -> Option<Self> {
        Some(text.to_owned())
    }
}

/// For a collection with one value per owner.
impl Key for () {
    fn to_key(&self) -> String {
        String::new()
    }

    fn from_key(text: &str) -> Option<Self> {
        text.is_empty().then_some(())
    }
}

/// Twenty digits, so that text order is number order.
impl Key for u64 {
    fn to_key(&self) -> String {
        format!("{self:020}")
    }

    fn from_key(text: &str) -> Option<Self> {
        (text.len() == 20).then(|| text.parse().ok()).flatten()
    }
}

macro_rules! key_by_text {
    ($($type:ty),*) => {$(
        impl Key for $type {
            fn to_key(&self) -> String {
                self.to_string()
            }

            fn from_key(text: &str) -> Option<Self> {
                Self::parse(text).ok()
            }
        }
    )*};
}

key_by_text!(Jid, BareJid, FullJid, Domain);

/// Two parts: ordered by the first, then the second. [`prefix_of`] is the range of one first part.
impl<A: Key, B: Key> Key for (A, B) {
    fn to_key(&self) -> String {
        let mut text = prefix_of(&self.0);
        text.push_str(&self.1.to_key());
        text
    }

    fn from_key(text: &str) -> Option<Self> {
        let (first, second) = text.split_once(SEPARATOR)?;
        Some((A::from_key(&unescape(first)?)?, B::from_key(second)?))
    }
}

/// The prefix that all two-part keys with this first part share.
pub fn prefix_of<A: Key>(first: &A) -> String {
    let mut text = escape(&first.to_key());
    text.push(SEPARATOR);
    text
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + 1);
    for c in text.chars() {
        match c {
            ESCAPE => escaped.extend([ESCAPE, 'e']),
            SEPARATOR => escaped.extend([ESCAPE, 's']),
            other => escaped.push(other),
        }
    }
    escaped
}

fn unescape(text: &str) -> Option<String> {
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        plain.push(match c {
            ESCAPE => match chars.next()? {
                'e' => ESCAPE,
                's' => SEPARATOR,
                _ => return None,
            },
            other => other,
        });
    }
    Some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_back_as_they_were() {
        check("plain".to_owned());
        check(String::new());
        check(42_u64);
        check(u64::MAX);
        check(());
        check(("a".to_owned(), "b".to_owned()));
        check(("a\u{1f}b\u{1e}s".to_owned(), "c\u{1f}d".to_owned()));
        check((7_u64, ("x".to_owned(), 9_u64)));
    }

    #[test]
    fn numbers_sort_as_numbers() {
        assert!(9_u64.to_key() < 10_u64.to_key());
    }

    #[test]
    fn a_prefix_covers_exactly_its_first_part() {
        let key = ("room".to_owned(), "nick".to_owned()).to_key();
        assert!(key.starts_with(&prefix_of(&"room".to_owned())));
        assert!(!key.starts_with(&prefix_of(&"roo".to_owned())));
    }

    #[track_caller]
    fn check<K: Key + Eq + std::fmt::Debug>(key: K) {
        assert_eq!(K::from_key(&key.to_key()), Some(key));
    }
}
