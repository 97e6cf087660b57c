//! A connection's turn: engine, write, read, until there is nothing to do.

use std::{
    future::Future,
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Instant,
};

use tokio::{
    io::{AsyncRead, ReadBuf},
    net::TcpStream,
};

use super::{linger::Linger, link::Link, rest::Rest};
use crate::{
    admission::Permit,
    buffers::{self, Buffers},
    clock,
    drive::{Drive, ListenerKind, Peer},
    limits::{HANDSHAKE_MAX, TURN_BYTES_MAX, WRITE_STALL_MAX},
    timer::Slot,
    tls::Reached,
    wake::{self, ConnectionWaker},
    worker::WorkerShared,
};

/// An accepted socket on its way to a worker.
#[derive(Debug)]
pub(crate) struct Arrival {
    pub(crate) socket: std::net::TcpStream,
    pub(crate) peer: Peer,
    pub(crate) permit: Permit,
}

/// Drives one connection to its end.
pub(crate) struct Driver<D: Drive> {
    shared: Arc<WorkerShared>,
    peer_id: u64,
    socket: TcpStream,
    link: Link,
    rest: Rest,
    stage: Stage<D>,
    /// The waker the engine gets; made in the first turn.
    waker: Option<Waker>,
    timer: Slot,
    /// When a peer that takes nothing counts as gone.
    write_deadline: Option<Instant>,
    /// When the handshake must be over.
    handshake_deadline: Option<Instant>,
    permit: Permit,
    peer_closed: bool,
    stop_told: bool,
}

enum Stage<D> {
    Open(D),
    Lingering(Linger),
}

/// How far a write got.
enum Written {
    /// Everything that is due is out.
    All,
    /// The socket is full.
    Blocked,
    /// The turn's budget is spent; there may be more.
    More,
}

/// How a connection goes on after a step.
pub(super) enum Next {
    /// Something happened; look again.
    Again,
    /// Nothing to do until a waker or a deadline.
    Sleep,
    /// Over.
    Done,
}

impl<D: Drive> Driver<D> {
    /// Takes over an accepted socket. `drive` speaks for our side.
    pub(crate) fn new(
        arrival: Arrival,
        drive: D,
        shared: Arc<WorkerShared>,
        now: Instant,
    ) -> io::Result<Self> {
        let (link, handshake_deadline) = match arrival.peer.kind {
            ListenerKind::C2s => (Link::Plain, None),
            ListenerKind::C2sTls => {
                let session = shared.tls.direct().map_err(io::Error::other)?;
                (Link::Tls(Box::new(session)), Some(now + HANDSHAKE_MAX))
            }
        };
        Ok(Self {
            shared,
            peer_id: arrival.peer.id,
            socket: TcpStream::from_std(arrival.socket)?,
            link,
            rest: Rest::default(),
            stage: Stage::Open(drive),
            waker: None,
            timer: Slot::default(),
            write_deadline: None,
            handshake_deadline,
            permit: arrival.permit,
            peer_closed: false,
            stop_told: false,
        })
    }

    fn turn(&mut self, cx: &mut Context<'_>, buffers: &mut Buffers) -> Poll<()> {
        let now = clock::now();
        let mut budget = TURN_BYTES_MAX;
        loop {
            let next = match &mut self.stage {
                Stage::Open(_) => self.step(cx, buffers, &mut budget, now),
                Stage::Lingering(linger) => {
                    linger.step(&mut self.socket, &mut self.rest, cx, buffers, now)
                }
            };
            match next {
                Next::Again if budget == 0 => {
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Next::Again => {}
                Next::Sleep => {
                    if let Some(deadline) = self.next_deadline(now) {
                        self.timer.arm(deadline, now, cx);
                    }
                    return Poll::Pending;
                }
                Next::Done => return Poll::Ready(()),
            }
        }
    }

    fn step(
        &mut self,
        cx: &mut Context<'_>,
        buffers: &mut Buffers,
        budget: &mut usize,
        now: Instant,
    ) -> Next {
        if self.is_overdue(now) {
            return self.lost(now, "it took nothing, or its TLS handshake took too long");
        }
        self.poll_drive(cx, now);
        match self.write(cx, buffers, budget) {
            Ok(Written::All) => {
                self.write_deadline = None;
                if let Some(next) = self.after_write(buffers, now) {
                    return next;
                }
            }
            Ok(Written::Blocked) => {
                self.write_deadline.get_or_insert(now + WRITE_STALL_MAX);
            }
            Ok(Written::More) => return Next::Again,
            Err(error) => return self.lost(now, error),
        }
        if *budget == 0 {
            return Next::Again;
        }
        self.read(cx, buffers, budget, now)
    }

    /// Lets the engine go on, with a waker that is cheap from other threads.
    fn poll_drive(&mut self, cx: &mut Context<'_>, now: Instant) {
        let Stage::Open(drive) = &mut self.stage else {
            return;
        };
        if self.shared.is_stopping() && !self.stop_told {
            self.stop_told = true;
            drive.stop(now);
        }
        let waker = self.waker.get_or_insert_with(|| {
            ConnectionWaker::new(Arc::clone(&self.shared.inbox), cx.waker().clone()).into()
        });
        // Readiness needs no answer: output and end are asked for in any case.
        let _ = drive.poll(&mut Context::from_waker(waker), now);
        if drive.is_authenticated() {
            self.permit.authenticated();
        }
    }

    /// Writes what is due, as far as socket and budget allow.
    fn write(
        &mut self,
        cx: &mut Context<'_>,
        buffers: &mut Buffers,
        budget: &mut usize,
    ) -> io::Result<Written> {
        let Stage::Open(drive) = &mut self.stage else {
            return Ok(Written::All);
        };
        let before = self.rest.len();
        if self.rest.poll_write(&mut self.socket, cx)?.is_pending() {
            if self.rest.len() < before {
                // Slow is not gone.
                self.write_deadline = None;
            }
            return Ok(Written::Blocked);
        }
        self.write_deadline = None;
        while *budget > 0 {
            buffers.plain_out.clear();
            buffers.wire_out.clear();
            if self.link.can_send() {
                drive.flush(&mut buffers.plain_out);
            }
            self.link.send(buffers).map_err(io::Error::other)?;
            if buffers.wire_out.is_empty() {
                return Ok(Written::All);
            }
            *budget = budget.saturating_sub(buffers.wire_out.len());
            if self
                .rest
                .poll_write_new(&buffers.wire_out, &mut self.socket, cx)?
                .is_pending()
            {
                return Ok(Written::Blocked);
            }
        }
        Ok(Written::More)
    }

    /// What waits for the output to be out: the switch to TLS, and the end.
    fn after_write(&mut self, buffers: &mut Buffers, now: Instant) -> Option<Next> {
        let Stage::Open(drive) = &mut self.stage else {
            return None;
        };
        if drive.is_closed() {
            return Some(self.close(buffers, now));
        }
        if self.link.is_plain() && drive.tls_requested() {
            return Some(match self.shared.tls.starttls(drive.tls_host()) {
                Ok(session) => {
                    self.link = Link::Tls(Box::new(session));
                    self.handshake_deadline = Some(now + HANDSHAKE_MAX);
                    Next::Again
                }
                Err(error) => self.lost(now, error),
            });
        }
        None
    }

    fn read(
        &mut self,
        cx: &mut Context<'_>,
        buffers: &mut Buffers,
        budget: &mut usize,
        now: Instant,
    ) -> Next {
        let Stage::Open(drive) = &mut self.stage else {
            return Next::Again;
        };
        // Early data is bounded, and the rest of the handshake comes behind it: it is read however long the answer takes.
        let handshaking = self.link.is_handshaking();
        let switching = self.link.is_plain() && drive.tls_requested();
        if self.peer_closed || switching || !(handshaking || drive.wants_read()) {
            return Next::Sleep;
        }
        let mut read = ReadBuf::new(&mut buffers.read);
        let length = match Pin::new(&mut self.socket).poll_read(cx, &mut read) {
            Poll::Pending => return Next::Sleep,
            Poll::Ready(Err(error)) => return self.lost(now, error),
            Poll::Ready(Ok(())) => read.filled().len(),
        };
        *budget = budget.saturating_sub(length);
        let received = match self.link.receive(length, buffers) {
            Ok(received) => received,
            Err(fault) => {
                // The alert, if there is one, still goes out.
                buffers.plain_out.clear();
                buffers.wire_out.clear();
                let _ = self.link.send(buffers);
                self.rest.keep(&buffers.wire_out);
                return self.fault(now, fault);
            }
        };
        if length == 0 && self.link.is_handshaking() {
            return self.lost(now, "it left during the TLS handshake");
        }
        match received.reached {
            Some(Reached::EarlyData(info)) => {
                self.shared.load.early_data_taken();
                drive.tls_early(info, now);
            }
            Some(Reached::Established(info)) => {
                self.handshake_deadline = None;
                self.shared.load.established(info.version);
                drive.tls_established(info, now);
            }
            None => {}
        }
        if !buffers.plain_in.is_empty() {
            drive.receive(&buffers.plain_in, now);
        }
        if length == 0 || received.closed {
            self.peer_closed = true;
            drive.peer_closed(now);
        }
        Next::Again
    }

    /// Our side has said all: closes in good order.
    fn close(&mut self, buffers: &mut Buffers, now: Instant) -> Next {
        buffers.wire_out.clear();
        self.link.close(&mut buffers.wire_out);
        self.rest.keep(&buffers.wire_out);
        self.begin_linger(now)
    }

    /// The peer broke TLS: the engine learns that the connection is gone, the peer gets the alert.
    fn fault(&mut self, now: Instant, fault: impl std::fmt::Display) -> Next {
        tracing::debug!(connection = self.peer_id, %fault, "TLS failed");
        self.count_failed_handshake();
        if let Stage::Open(drive) = &mut self.stage {
            drive.lost(now);
        }
        self.begin_linger(now)
    }

    fn begin_linger(&mut self, now: Instant) -> Next {
        self.write_deadline = None;
        self.handshake_deadline = None;
        self.stage = Stage::Lingering(Linger::new(
            self.peer_closed,
            self.shared.is_stopping(),
            now,
        ));
        Next::Again
    }

    fn lost(&mut self, now: Instant, reason: impl std::fmt::Display) -> Next {
        tracing::debug!(connection = self.peer_id, %reason, "connection lost");
        self.count_failed_handshake();
        if let Stage::Open(drive) = &mut self.stage {
            drive.lost(now);
        }
        Next::Done
    }

    /// The connection is over; a handshake that goes on has failed.
    fn count_failed_handshake(&self) {
        if self.link.is_handshaking() {
            self.shared.load.handshake_failed();
        }
    }

    fn is_overdue(&self, now: Instant) -> bool {
        let passed = |deadline: Option<Instant>| deadline.is_some_and(|deadline| deadline <= now);
        passed(self.write_deadline) || passed(self.handshake_deadline)
    }

    /// A deadline of the engine's that has passed while the peer does not read is one for output, which has to wait
    /// with the rest: it must not keep the worker busy.
    fn next_deadline(&self, now: Instant) -> Option<Instant> {
        let is_writable = self.rest.is_empty();
        let stage = match &self.stage {
            Stage::Open(drive) => drive
                .poll_timeout()
                .filter(|when| is_writable || *when > now),
            Stage::Lingering(linger) => Some(linger.deadline()),
        };
        [stage, self.write_deadline, self.handshake_deadline]
            .into_iter()
            .flatten()
            .min()
    }
}

impl<D: Drive> Future for Driver<D> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        let done = buffers::with(|buffers| this.turn(cx, buffers));
        wake::turn_ended();
        done
    }
}
