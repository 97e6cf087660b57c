//! What clients resume where early data is taken: kept here instead of in a ticket, and good for once, so that early data
//! that is sent a second time is not taken, [RFC 8446 §8.1](https://www.rfc-editor.org/rfc/rfc8446#section-8.1).
//!
//! Bounded in bytes, in two halves. Nothing is ever looked for by age, so that a use costs the same however many there are;
//! rustls's own cache looks through all of them.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use rustls::server::StoresServerSessions;
use zeroize::Zeroizing;

use crate::limits::{REMEMBERED_BYTES_MAX, REMEMBERED_OVERHEAD, REMEMBERED_SESSION_BYTES_MAX};

/// See the file's head.
pub(super) struct Remembered {
    halves: Mutex<Halves>,
    bytes_max: usize,
}

#[derive(Default)]
struct Halves {
    younger: Half,
    older: Half,
}

/// Sessions by the name that their clients have for them.
#[derive(Default)]
struct Half {
    sessions: HashMap<Vec<u8>, Zeroizing<Vec<u8>>>,
    bytes: usize,
}

impl Default for Remembered {
    fn default() -> Self {
        Self::of(REMEMBERED_BYTES_MAX)
    }
}

impl std::fmt::Debug for Remembered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Remembered(..)")
    }
}

impl Remembered {
    fn of(bytes_max: usize) -> Self {
        Self {
            halves: Mutex::default(),
            bytes_max,
        }
    }

    fn halves(&self) -> MutexGuard<'_, Halves> {
        self.halves.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Half {
    fn take(&mut self, name: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let session = self.sessions.remove(name)?;
        self.bytes = self.bytes.saturating_sub(weight(name, &session));
        Some(session)
    }
}

fn weight(name: &[u8], session: &[u8]) -> usize {
    name.len() + session.len() + REMEMBERED_OVERHEAD
}

impl StoresServerSessions for Remembered {
    fn put(&self, name: Vec<u8>, session: Vec<u8>) -> bool {
        let session = Zeroizing::new(session);
        if session.len() > REMEMBERED_SESSION_BYTES_MAX {
            return false;
        }
        let weight = weight(&name, &session);
        let mut halves = self.halves();
        if halves.younger.bytes + weight > self.bytes_max / 2 {
            halves.older = std::mem::take(&mut halves.younger);
        }
        halves.younger.bytes += weight;
        halves.younger.sessions.insert(name, session);
        true
    }

    /// For TLS 1.2, which has no early data and may resume a session again.
    fn get(&self, name: &[u8]) -> Option<Vec<u8>> {
        let halves = self.halves();
        let mut both = [&halves.younger, &halves.older].into_iter();
        both.find_map(|half| half.sessions.get(name).map(|session| session.to_vec()))
    }

    fn take(&self, name: &[u8]) -> Option<Vec<u8>> {
        let mut halves = self.halves();
        let session = halves.younger.take(name);
        let session = session.or_else(|| halves.older.take(name))?;
        Some(session.to_vec())
    }

    fn can_cache(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_taken_once() {
        let remembered = Remembered::default();
        assert!(remembered.put(vec![1], vec![2]));
        assert_eq!(remembered.get(&[1]), Some(vec![2]));
        assert_eq!(remembered.take(&[1]), Some(vec![2]));
        assert_eq!(remembered.take(&[1]), None);
        assert_eq!(remembered.get(&[1]), None);
        assert_eq!(remembered.halves().younger.bytes, 0);
    }

    #[test]
    fn the_oldest_are_forgotten_when_there_are_too_many() {
        let one = weight(&[0; 4], &[0; 100]);
        let remembered = Remembered::of(20 * one);
        for number in 0..1_000_u32 {
            assert!(remembered.put(number.to_le_bytes().to_vec(), vec![0; 100]));
            let halves = remembered.halves();
            assert!(halves.younger.bytes + halves.older.bytes <= 20 * one);
        }
        // The last half is there in any case.
        for number in 990..1_000_u32 {
            assert!(remembered.take(&number.to_le_bytes()).is_some(), "{number}");
        }
        assert!(remembered.take(&979_u32.to_le_bytes()).is_none());
    }

    #[test]
    fn one_that_is_too_long_is_not_kept() {
        let remembered = Remembered::default();
        assert!(!remembered.put(vec![1], vec![0; REMEMBERED_SESSION_BYTES_MAX + 1]));
        assert_eq!(remembered.take(&[1]), None);
    }
}
