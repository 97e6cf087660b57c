//! Frames of a session in order, in a queue that holds nothing while it is empty.

use std::{collections::VecDeque, ops::Deref};

use super::frame::Frame;
use crate::room;

/// Frames, oldest first.
#[derive(Debug, Default)]
pub(super) struct Frames(VecDeque<Frame>);

impl Frames {
    pub(super) fn push_back(&mut self, frame: Frame) {
        room::have(&mut self.0);
        self.0.push_back(frame);
    }

    pub(super) fn push_front(&mut self, frame: Frame) {
        room::have(&mut self.0);
        self.0.push_front(frame);
    }

    pub(super) fn pop_front(&mut self) -> Option<Frame> {
        let frame = self.0.pop_front();
        room::leave(&mut self.0);
        frame
    }

    /// Takes the oldest, at most as many as there are.
    pub(super) fn take_front<F: FromIterator<Frame>>(&mut self, count: usize) -> F {
        let taken = self.0.drain(..count.min(self.0.len())).collect();
        room::leave(&mut self.0);
        taken
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Frame> {
        self.0.iter_mut()
    }

    /// Takes all of them.
    pub(super) fn take(&mut self) -> VecDeque<Frame> {
        std::mem::take(&mut self.0)
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
