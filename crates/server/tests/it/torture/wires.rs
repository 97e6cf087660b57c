//! Connections of many clients, on one thread, cut wherever chance wants.

use std::{
    io::{ErrorKind, Read, Write},
    net::TcpStream,
};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use testkit::{
    no_loss::{Client, Crowd},
    world::Random,
};

/// How long one turn waits for something to come.
const WAIT: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 5_000_000,
};
/// A connection that will be cut lives for at most so many bytes, in and out.
const BYTES_MAX: usize = 40_000;
/// One in so many connections lasts.
const LASTING: usize = 3;

/// One connection.
struct Wire {
    socket: TcpStream,
    out: Vec<u8>,
    /// After so many bytes it is cut.
    left: Option<usize>,
}

/// What became of a connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    Open,
    Ended,
    /// By us.
    Cut,
}

/// All connections, by client.
pub(super) struct Wires {
    port: u16,
    wires: Vec<Option<Wire>>,
    /// Whether connections are cut.
    pub(super) may_cut: bool,
}

impl Wires {
    pub(super) fn new(port: u16, clients: usize) -> Self {
        Self {
            port,
            wires: (0..clients).map(|_| None).collect(),
            may_cut: false,
        }
    }

    /// Moves what can be moved; gives how many connections were cut.
    pub(super) fn turn(&mut self, crowd: &mut Crowd, random: &mut Random) -> usize {
        let mut cuts = 0;
        for (client, slot) in crowd.clients_mut().iter_mut().zip(&mut self.wires) {
            if slot.is_none() {
                *slot = connect(self.port, self.may_cut, random);
                if slot.is_some() {
                    client.connected();
                }
            }
            let Some(wire) = slot else { continue };
            if !self.may_cut {
                wire.left = None;
            }
            let state = wire.turn(client);
            if state != State::Open || client.is_over() {
                cuts += usize::from(state == State::Cut);
                *slot = None;
                client.lost();
            }
        }
        self.wait();
        cuts
    }

    /// The server is dead: what it said before is still there to be read.
    pub(super) fn read_to_the_end(&mut self, crowd: &mut Crowd) {
        for (client, slot) in crowd.clients_mut().iter_mut().zip(&mut self.wires) {
            let Some(mut wire) = slot.take() else {
                continue;
            };
            while wire.read(client) == State::Open {}
            client.lost();
        }
    }

    fn wait(&self) {
        let open = self.wires.iter().flatten();
        let mut watched: Vec<PollFd<'_>> = open
            .map(|wire| {
                let wants = match wire.out.is_empty() {
                    true => PollFlags::IN,
                    false => PollFlags::IN | PollFlags::OUT,
                };
                PollFd::new(&wire.socket, wants)
            })
            .collect();
        // That nothing came, or that a signal did, is as good.
        let _ = poll(&mut watched, Some(&WAIT));
    }
}

fn connect(port: u16, may_cut: bool, random: &mut Random) -> Option<Wire> {
    let socket = TcpStream::connect(("127.0.0.1", port)).ok()?;
    socket.set_nodelay(true).ok()?;
    socket.set_nonblocking(true).ok()?;
    let left = (may_cut && !random.one_in(LASTING)).then(|| random.below(BYTES_MAX));
    Some(Wire {
        socket,
        out: Vec::new(),
        left,
    })
}

impl Wire {
    fn turn(&mut self, client: &mut Client) -> State {
        match self.read_once(client) {
            State::Open => self.write(client),
            ended => ended,
        }
    }

    fn write(&mut self, client: &mut Client) -> State {
        self.out.extend_from_slice(client.take_output().as_bytes());
        while !self.out.is_empty() {
            let allowed = self.left.unwrap_or(usize::MAX).min(self.out.len());
            if allowed == 0 {
                return State::Cut;
            }
            match self.socket.write(&self.out[..allowed]) {
                Ok(count) => {
                    self.out.drain(..count);
                    self.spend(count);
                }
                Err(error) if is_for_later(error.kind()) => return State::Open,
                Err(_) => return State::Ended,
            }
        }
        State::Open
    }

    /// Reads all that is there, and beyond: until the end.
    fn read(&mut self, client: &mut Client) -> State {
        self.socket.set_nonblocking(false).unwrap();
        self.read_once(client)
    }

    fn read_once(&mut self, client: &mut Client) -> State {
        let mut buffer = [0; 16 * 1024];
        match self.socket.read(&mut buffer) {
            Ok(0) => State::Ended,
            Ok(count) => {
                let heard = self.left.unwrap_or(usize::MAX).min(count);
                client.receive(&buffer[..heard]);
                self.spend(count);
                match self.left {
                    Some(0) => State::Cut,
                    _ => State::Open,
                }
            }
            Err(error) if is_for_later(error.kind()) => State::Open,
            Err(_) => State::Ended,
        }
    }

    fn spend(&mut self, bytes: usize) {
        if let Some(left) = &mut self.left {
            *left = left.saturating_sub(bytes);
        }
    }
}

fn is_for_later(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::WouldBlock | ErrorKind::Interrupted)
}
