//! Queues of frames that are empty most of the time: they have their room from the thread.
//!
//! A session's queue holds one frame for a moment, thousands of times a day, and nothing in between. Room of its own for
//! that would be more than anything else that an idle session holds, and asking the allocator each time an allocation per
//! message. So a queue that gets empty leaves its room to the next one that needs some on the same thread.

use std::{cell::RefCell, collections::VecDeque, ops::Deref};

use super::outbox::Frame;

/// What has grown beyond this is not kept: as much as a queue begins with.
const FRAMES_KEPT: usize = 4;

/// A thread keeps room for so many queues. One that finds none asks the allocator.
const QUEUES_KEPT: usize = 64;

thread_local! {
    static SPARE: RefCell<Vec<VecDeque<Frame>>> = const { RefCell::new(Vec::new()) };
}

/// Frames, oldest first.
#[derive(Debug, Default)]
pub(super) struct Frames(VecDeque<Frame>);

impl Frames {
    pub(super) fn push_back(&mut self, frame: Frame) {
        self.have_room();
        self.0.push_back(frame);
    }

    pub(super) fn push_front(&mut self, frame: Frame) {
        self.have_room();
        self.0.push_front(frame);
    }

    pub(super) fn pop_front(&mut self) -> Option<Frame> {
        let frame = self.0.pop_front();
        self.leave_room();
        frame
    }

    /// Takes the oldest, at most as many as there are.
    pub(super) fn take_front<F: FromIterator<Frame>>(&mut self, count: usize) -> F {
        let taken = self.0.drain(..count.min(self.0.len())).collect();
        self.leave_room();
        taken
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Frame> {
        self.0.iter_mut()
    }

    /// Takes all of them.
    pub(super) fn take(&mut self) -> VecDeque<Frame> {
        std::mem::take(&mut self.0)
    }

    fn have_room(&mut self) {
        if self.0.capacity() == 0 {
            // While a thread ends there may be nothing left to take from.
            let spare = SPARE.try_with(|spare| spare.borrow_mut().pop());
            self.0 = spare.ok().flatten().unwrap_or_default();
        }
    }

    fn leave_room(&mut self) {
        if !self.0.is_empty() || self.0.capacity() == 0 {
            return;
        }
        let mut room = std::mem::take(&mut self.0);
        // From its beginning again.
        room.clear();
        if room.capacity() <= FRAMES_KEPT {
            let _ = SPARE.try_with(|spare| {
                let mut spare = spare.borrow_mut();
                if spare.len() < QUEUES_KEPT {
                    spare.push(room);
                }
            });
        }
    }
}

impl Deref for Frames {
    type Target = VecDeque<Frame>;

    fn deref(&self) -> &VecDeque<Frame> {
        &self.0
    }
}

impl From<VecDeque<Frame>> for Frames {
    fn from(frames: VecDeque<Frame>) -> Self {
        Self(frames)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use stanza::{MessageType, Stanza};

    use super::*;
    use crate::{pipeline::Gates, session::outbox::Fate};

    #[test]
    fn an_empty_queue_holds_nothing_and_the_next_takes_over_its_room() {
        let (mut first, mut second) = (Frames::default(), Frames::default());
        first.push_back(frame());
        let room = first.front().map(std::ptr::from_ref);
        assert!(first.pop_front().is_some());
        assert_eq!(first.capacity(), 0);
        second.push_back(frame());
        assert_eq!(second.front().map(std::ptr::from_ref), room);
    }

    #[test]
    fn what_was_long_once_is_not_kept() {
        let mut frames = Frames::default();
        (0..=FRAMES_KEPT).for_each(|_| frames.push_back(frame()));
        let taken: Vec<Frame> = frames.take_front(usize::MAX);
        assert_eq!((taken.len(), frames.capacity()), (FRAMES_KEPT + 1, 0));
        assert!(SPARE.with_borrow(Vec::is_empty));
    }

    fn frame() -> Frame {
        Frame {
            stanza: Arc::new(Stanza::message(MessageType::Chat)),
            to: None,
            gates: Gates::OPEN,
            fate: Fate::Drop,
        }
    }
}
