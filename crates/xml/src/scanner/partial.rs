//! What is held of an element between the pieces it comes in.

use crate::{
    chars::{self, NAME},
    fault::Fault,
    limits::Limits,
    scan::{Context, Progress, Work},
    tape::Record,
};

/// Bytes of room that an unfinished element gets at first: those of most stanzas.
const ROOM: usize = 512;

/// An unfinished element: its bytes so far and how far the pass over them came.
#[derive(Clone, Debug, Default)]
pub(super) struct Partial {
    pub(super) bytes: Vec<u8>,
    pub(super) work: Work,
    /// The class of the bytes that need only be kept; up to the first other one, `work` is not told of them.
    quiet: u8,
    /// How many bytes there may be before something has to be looked at.
    quiet_end: usize,
}

impl Partial {
    /// Keeps what came of an element after the pass over it.
    pub(super) fn keep(bytes: &[u8], work: &Work, bytes_max: usize, limits: &Limits) -> Box<Self> {
        let mut partial = Box::new(Self {
            bytes: Vec::new(),
            work: work.clone(),
            quiet: 0,
            quiet_end: 0,
        });
        partial.append(bytes, bytes_max);
        partial.settle(limits);
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

    /// Takes a byte that need only be kept. Else nothing has changed.
    #[inline]
    pub(super) fn quiet_byte(&mut self, byte: u8) -> bool {
        let is_quiet = chars::is(byte, self.quiet) && self.bytes.len() < self.quiet_end;
        if is_quiet {
            self.bytes.push(byte);
        }
        is_quiet
    }

    /// Takes a byte that is simple. Else it is left to [`scan`](Self::scan).
    #[inline(never)]
    pub(super) fn single_byte(&mut self, byte: u8, limits: &Limits) -> bool {
        if !self.has_room() {
            return false;
        }
        self.rouse();
        self.bytes.push(byte);
        let Some(quiet) = self.work.single_byte(&self.bytes, byte, limits) else {
            self.bytes.pop();
            return false;
        };
        if quiet != 0 {
            self.keep_quiet(quiet, limits);
        }
        // Where a start tag ends the tape has grown.
        if byte == b'>' {
            self.bound(limits);
        }
        true
    }

    /// Whether the bytes stay below their limit with one more: there is no room past it.
    #[inline]
    fn has_room(&self) -> bool {
        self.bytes.len() + 1 < self.bytes.capacity()
    }

    /// Adds `piece` and goes on with the pass. When that needs more, [`settle`](Self::settle) comes next.
    #[inline]
    pub(super) fn scan(
        &mut self,
        piece: &[u8],
        bytes_max: usize,
        cx: &Context<'_>,
    ) -> Result<Progress, Fault> {
        self.rouse();
        self.append(piece, bytes_max);
        self.work.scan(&self.bytes, cx)
    }

    #[inline]
    fn keep_quiet(&mut self, class: u8, limits: &Limits) {
        self.quiet = class;
        // There is room below the limit as long as the bytes don't fill theirs.
        self.quiet_end = self.bytes.capacity().saturating_sub(1);
        if class == NAME {
            self.quiet_end = self.quiet_end.min(self.work.name_end(limits));
        }
    }

    /// Tells `work` of the quiet bytes.
    #[inline]
    fn rouse(&mut self) {
        if self.quiet != 0 {
            self.work.pass_quiet(&self.bytes);
            self.quiet = 0;
        }
    }

    /// Gets ready to wait for more.
    #[inline]
    pub(super) fn settle(&mut self, limits: &Limits) {
        self.keep_quiet(self.work.quiet_class(&self.bytes), limits);
        self.bound(limits);
    }

    /// Gives up the tape when bytes and tape together outgrow what an element may hold, unless it is small.
    #[inline]
    fn bound(&mut self, limits: &Limits) {
        let tape = self.work.tape.held_bytes();
        if tape > limits.depth_max * size_of::<Record>()
            && self.bytes.capacity() + tape > limits.element_bytes_max
            && !self.work.untaped
        {
            self.work.give_up_tape();
        }
    }

    pub(super) fn held_bytes(&self) -> usize {
        size_of::<Self>() + self.bytes.capacity() + self.work.held_bytes()
    }
}
