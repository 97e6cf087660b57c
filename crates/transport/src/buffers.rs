//! A worker's buffers. A connection at rest owns none: all reading, decrypting and writing goes
//! through these, and what does not fit the socket is copied out to exactly its size.

use std::cell::RefCell;

use crate::limits::{BUFFER_BYTES_KEPT, READ_BYTES};

thread_local! {
    static BUFFERS: RefCell<Buffers> = RefCell::new(Buffers::default());
}

/// See the file's head.
pub(crate) struct Buffers {
    /// What a read of the socket fills.
    pub(crate) read: Box<[u8]>,
    /// Decrypted input.
    pub(crate) plain_in: Vec<u8>,
    /// Output before encryption.
    pub(crate) plain_out: Vec<u8>,
    /// What goes to the socket.
    pub(crate) wire_out: Vec<u8>,
}

impl Default for Buffers {
    fn default() -> Self {
        Self {
            read: vec![0; READ_BYTES].into_boxed_slice(),
            plain_in: Vec::new(),
            plain_out: Vec::new(),
            wire_out: Vec::new(),
        }
    }
}

impl Buffers {
    fn shrink(&mut self) {
        for buffer in [&mut self.plain_in, &mut self.plain_out, &mut self.wire_out] {
            if buffer.capacity() > BUFFER_BYTES_KEPT {
                *buffer = Vec::new();
            }
        }
    }
}

/// Runs `work` with this thread's buffers. Not to be nested: a connection's turn is the only
/// caller, and it calls no other turn.
pub(crate) fn with<R>(work: impl FnOnce(&mut Buffers) -> R) -> R {
    BUFFERS.with_borrow_mut(|buffers| {
        let result = work(buffers);
        buffers.shrink();
        result
    })
}
