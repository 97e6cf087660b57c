//! Queues that are empty most of the time have their room from their thread.
//!
//! A session's queue holds a frame for a moment, thousands of times a day, and an account's queue an effect; there is
//! nothing in them in between. Room of its own for that would be more than anything else that an idle session holds, and
//! asking the allocator each time an allocation per message. So a queue that gets empty leaves its room to the next one on
//! the same thread that needs some.

use std::{cell::RefCell, collections::VecDeque, thread::LocalKey};

use crate::{effect::Effect, session::frame::Frame};

/// What threads keep room for.
pub(crate) trait Kept: Sized + 'static {
    /// A thread keeps room for so many queues. One that finds none asks the allocator.
    const QUEUES: usize;
    /// Room for more than so many is not kept.
    const LENGTH: usize;

    /// The room that this thread keeps.
    fn spare() -> &'static LocalKey<RefCell<Vec<VecDeque<Self>>>>;
}

/// Nearly all hold one, and a broadcast fills many at once.
impl Kept for Frame {
    const QUEUES: usize = 256;
    const LENGTH: usize = 4;

    fn spare() -> &'static LocalKey<RefCell<Vec<VecDeque<Self>>>> {
        thread_local! {
            static SPARE: RefCell<Vec<VecDeque<Frame>>> = const { RefCell::new(Vec::new()) };
        }
        &SPARE
    }
}

/// One account after the other fills its own, and a broadcast with many.
impl Kept for Effect {
    const QUEUES: usize = 8;
    const LENGTH: usize = 64;

    fn spare() -> &'static LocalKey<RefCell<Vec<VecDeque<Self>>>> {
        thread_local! {
            static SPARE: RefCell<Vec<VecDeque<Effect>>> = const { RefCell::new(Vec::new()) };
        }
        &SPARE
    }
}

/// Something is about to be put into a queue.
pub(crate) fn have<T: Kept>(queue: &mut VecDeque<T>) {
    if queue.capacity() == 0 {
        // While a thread ends there may be nothing left to take from.
        let spare = T::spare().try_with(|spare| spare.borrow_mut().pop());
        *queue = spare.ok().flatten().unwrap_or_default();
    }
}

/// Something was taken out of a queue.
pub(crate) fn leave<T: Kept>(queue: &mut VecDeque<T>) {
    if !queue.is_empty() || queue.capacity() == 0 {
        return;
    }
    let mut room = std::mem::take(queue);
    // From its beginning again.
    room.clear();
    if room.capacity() <= T::LENGTH {
        let _ = T::spare().try_with(|spare| {
            let mut spare = spare.borrow_mut();
            if spare.len() < T::QUEUES {
                spare.push(room);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use stanza::{MessageType, Stanza};

    use super::*;
    use crate::{pipeline::Gates, session::frame::Fate};

    #[test]
    fn an_empty_queue_holds_nothing_and_the_next_takes_over_its_room() {
        let (mut first, mut second) = (VecDeque::new(), VecDeque::new());
        have(&mut first);
        first.push_back(frame());
        let room = first.front().map(std::ptr::from_ref);
        leave(&mut first);
        assert_eq!(first.len(), 1, "it is not empty");
        first.pop_front();
        leave(&mut first);
        assert_eq!(first.capacity(), 0);
        have(&mut second);
        second.push_back(frame());
        assert_eq!(second.front().map(std::ptr::from_ref), room);
    }

    #[test]
    fn room_for_many_is_not_kept() {
        let mut queue: VecDeque<Frame> = (0..=Frame::LENGTH).map(|_| frame()).collect();
        queue.clear();
        leave(&mut queue);
        assert_eq!(queue.capacity(), 0);
        have(&mut queue);
        assert_eq!(queue.capacity(), 0);
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
