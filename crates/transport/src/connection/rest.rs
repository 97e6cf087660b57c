//! What a socket did not take yet.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::{io::AsyncWrite, net::TcpStream};

/// Bytes already made for the wire that the socket had no room for; exactly their size.
#[derive(Debug, Default)]
pub(super) struct Rest(Vec<u8>);

impl Rest {
    /// How many bytes are left.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Writes what is left. Ready when nothing is.
    pub(super) fn poll_write(
        &mut self,
        socket: &mut TcpStream,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        let mut written = 0;
        let result = write_all(&self.0, &mut written, socket, cx);
        if written == self.0.len() {
            self.0 = Vec::new();
        } else {
            self.0.drain(..written);
        }
        result
    }

    /// Writes `bytes`, keeping what does not go out now. Only when nothing is left from before.
    pub(super) fn poll_write_new(
        &mut self,
        bytes: &[u8],
        socket: &mut TcpStream,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        let mut written = 0;
        let result = write_all(bytes, &mut written, socket, cx);
        if let Some(rest) = bytes.get(written..) {
            self.0.extend_from_slice(rest);
        }
        result
    }

    /// Adds `bytes` to be written later.
    pub(super) fn keep(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }
}

fn write_all(
    bytes: &[u8],
    written: &mut usize,
    socket: &mut TcpStream,
    cx: &mut Context<'_>,
) -> Poll<io::Result<()>> {
    while let Some(rest) = bytes.get(*written..).filter(|rest| !rest.is_empty()) {
        match ready!(Pin::new(&mut *socket).poll_write(cx, rest))? {
            0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
            count => *written += count,
        }
    }
    Poll::Ready(Ok(()))
}
