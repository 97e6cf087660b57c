//! The end of a connection: write the rest, close our direction, wait briefly for the peer's.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Instant,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

use super::{driver::Next, rest::Rest};
use crate::{
    buffers::Buffers,
    limits::{LINGER_BYTES_MAX, LINGER_MAX, LINGER_STOPPING_MAX},
};

/// See the file's head. The protocol state is already gone.
#[derive(Debug)]
pub(super) struct Linger {
    deadline: Instant,
    peer_closed: bool,
    shut: bool,
    discarded: usize,
}

impl Linger {
    pub(super) fn new(peer_closed: bool, stopping: bool, now: Instant) -> Self {
        let patience = if stopping {
            LINGER_STOPPING_MAX
        } else {
            LINGER_MAX
        };
        Self {
            deadline: now + patience,
            peer_closed,
            shut: false,
            discarded: 0,
        }
    }

    pub(super) fn deadline(&self) -> Instant {
        self.deadline
    }

    pub(super) fn step(
        &mut self,
        socket: &mut TcpStream,
        rest: &mut Rest,
        cx: &mut Context<'_>,
        buffers: &mut Buffers,
        now: Instant,
    ) -> Next {
        if now >= self.deadline {
            return Next::Done;
        }
        if !rest.is_empty() {
            match rest.poll_write(socket, cx) {
                Poll::Pending => return Next::Sleep,
                Poll::Ready(Err(_)) => return Next::Done,
                Poll::Ready(Ok(())) => {}
            }
        }
        if !self.shut {
            self.shut = true;
            // shutdown(2) does not wait; a failure means that the peer is gone.
            if Pin::new(&mut *socket).poll_shutdown(cx).is_pending() || self.peer_closed {
                return Next::Done;
            }
        }
        let mut read = ReadBuf::new(&mut buffers.read);
        match Pin::new(socket).poll_read(cx, &mut read) {
            Poll::Pending => Next::Sleep,
            Poll::Ready(Err(_)) => Next::Done,
            Poll::Ready(Ok(())) => {
                let length = read.filled().len();
                self.discarded += length;
                if length == 0 || self.discarded > LINGER_BYTES_MAX {
                    Next::Done
                } else {
                    Next::Again
                }
            }
        }
    }
}
