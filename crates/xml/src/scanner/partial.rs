//! What is held of an element between the pieces it comes in.

use crate::{limits::Limits, scan::Work};

/// Bytes of room that an unfinished element gets at first: those of most stanzas.
const ROOM: usize = 512;

/// An unfinished element: its bytes so far and how far the pass over them came.
#[derive(Clone, Debug, Default)]
pub(super) struct Partial {
    pub(super) bytes: Vec<u8>,
    pub(super) work: Work,
}

impl Partial {
    /// Keeps what came of an element after the pass over it.
    pub(super) fn keep(bytes: &[u8], work: &Work, bytes_max: usize, limits: &Limits) -> Box<Self> {
        let mut partial = Box::new(Self {
            bytes: Vec::new(),
            work: work.clone(),
        });
        partial.append(bytes, bytes_max);
        partial.bound(limits);
        partial
    }

    /// Adds bytes. Room doubles, but not past `bytes_max`, which the bytes never exceed.
    #[inline]
    pub(super) fn append(&mut self, bytes: &[u8], bytes_max: usize) {
        let needed = self.bytes.len() + bytes.len();
        if needed > self.bytes.capacity() {
            let room = needed
                .max(self.bytes.capacity() * 2)
                .max(ROOM)
                .min(bytes_max.max(needed));
            self.bytes.reserve_exact(room - self.bytes.len());
        }
        match bytes {
            [byte] => self.bytes.push(*byte),
            _ => self.bytes.extend_from_slice(bytes),
        }
    }

    /// Takes one byte, when that needs no more than to go on. Else it is left alone.
    #[inline]
    pub(super) fn single_byte(&mut self, byte: u8, limits: &Limits) -> bool {
        // There is room below the limit as long as the bytes don't fill theirs.
        if self.bytes.len() + 1 >= self.bytes.capacity() {
            return false;
        }
        let takes = self.work.single_byte(&self.bytes, byte, limits);
        if takes {
            self.bytes.push(byte);
        }
        takes
    }

    /// Gives up the tape when bytes and tape together would outgrow what an element may hold.
    #[inline]
    pub(super) fn bound(&mut self, limits: &Limits) {
        let held = self.bytes.capacity() + self.work.tape.held_bytes();
        if held > limits.element_bytes_max && !self.work.untaped {
            self.work.give_up_tape();
        }
    }

    pub(super) fn held_bytes(&self) -> usize {
        size_of::<Self>() + self.bytes.capacity() + self.work.held_bytes()
    }
}
