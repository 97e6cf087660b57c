//! Listeners that were open before this program ran, and handing ours on to the next one.
//!
//! Whoever starts the server may have opened its ports already: systemd for a socket unit, or the program that a
//! restart replaces. Clients that connect in between wait in the kernel's queue and are refused by nobody. Both say it
//! by [`sd_listen_fds(3)`]: `LISTEN_FDS` has the number of descriptors, which are the first ones after standard error,
//! or after `LISTEN_FDS_FIRST_FD` for a restart, which can't choose.
//!
//! What a listener is for is not said there. It is found by its address: the configuration says what to listen on, and
//! an address that is open already is not bound again.
//!
//! [`sd_listen_fds(3)`]: https://www.freedesktop.org/software/systemd/man/latest/sd_listen_fds.html

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener},
    os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd},
    process::Command,
};

use listenfd::ListenFd;
use rustix::io::{FdFlags, fcntl_dupfd_cloexec, fcntl_setfd};
use socket2::SockRef;

use crate::listen::{BindError, Bound, Endpoint, bind, bind_any_v6};

/// How many there are.
const COUNT: &str = "LISTEN_FDS";
/// Which process they are for.
const PROCESS: &str = "LISTEN_PID";
/// Which is the first.
const FIRST: &str = "LISTEN_FDS_FIRST_FD";
/// What they are called; we have no names.
const NAMES: &str = "LISTEN_FDNAMES";

/// Where descriptors are put for the next program: above those that are usually open.
const FIRST_DESCRIPTOR: i32 = 64;

/// Listeners that came with the process and that nobody uses yet.
#[derive(Debug, Default)]
pub struct Inherited {
    listeners: Vec<TcpListener>,
}

impl Inherited {
    /// Takes what the environment names, once; the variables are gone then, so no other thread may run yet.
    pub fn take() -> Self {
        let mut found = ListenFd::from_env();
        let mut listeners = Vec::new();
        for index in 0..found.len() {
            match found.take_tcp_listener(index) {
                Ok(listener) => listeners.extend(listener),
                Err(error) => tracing::warn!(%error, "an inherited descriptor is not used"),
            }
        }
        Self { listeners }
    }

    /// Whether nothing came with the process, or all of it is in use.
    pub fn is_empty(&self) -> bool {
        self.listeners.is_empty()
    }

    /// Like [`bind`], but takes what is open already.
    ///
    /// # Errors
    ///
    /// [`BindError`] for the first address that fails.
    pub fn bind(&mut self, endpoint: Endpoint) -> Result<Vec<Bound>, BindError> {
        match endpoint {
            Endpoint::One(address) => match self.take_at(address)? {
                Some(bound) => Ok(vec![bound]),
                None => bind(endpoint),
            },
            Endpoint::Any(port) => {
                let v6 = self.take_at((Ipv6Addr::UNSPECIFIED, port).into())?;
                let v4 = self.take_at((Ipv4Addr::UNSPECIFIED, port).into())?;
                let takes_both = v6.as_ref().is_some_and(takes_ipv4);
                match (v4, v6) {
                    (None, None) => bind(endpoint),
                    (Some(v4), Some(v6)) => Ok(vec![v4, v6]),
                    (None, Some(v6)) if takes_both => Ok(vec![v6]),
                    (Some(v4), None) => {
                        let rest = bind_any_v6(port)?;
                        Ok([v4].into_iter().chain(rest).collect())
                    }
                    (None, Some(v6)) => {
                        let v4 = Endpoint::One((Ipv4Addr::UNSPECIFIED, port).into());
                        Ok(bind(v4)?.into_iter().chain([v6]).collect())
                    }
                }
            }
        }
    }

    fn take_at(&mut self, address: SocketAddr) -> Result<Option<Bound>, BindError> {
        let is_there =
            |listener: &TcpListener| listener.local_addr().is_ok_and(|found| found == address);
        let Some(index) = self.listeners.iter().position(is_there) else {
            return Ok(None);
        };
        Bound::from_listener(self.listeners.swap_remove(index))
            .map(Some)
            .map_err(|error| BindError { address, error })
    }
}

/// A listener of systemd's for "every address" is one socket for both.
fn takes_ipv4(bound: &Bound) -> bool {
    let is_any = bound
        .local_addr()
        .is_ok_and(|address| address.ip() == IpAddr::V6(Ipv6Addr::UNSPECIFIED));
    is_any && matches!(SockRef::from(bound.listener()).only_v6(), Ok(false))
}

/// Has `command`, which replaces this process, find `listeners` open. Once what this gives is dropped it would not.
///
/// # Errors
///
/// When the system gives no descriptor.
pub fn hand_on(listeners: &[Bound], command: &mut Command) -> io::Result<Vec<OwnedFd>> {
    let listeners: Vec<BorrowedFd<'_>> = listeners
        .iter()
        .map(|bound| bound.listener().as_fd())
        .collect();
    let (first, placed) = place_in_a_row(&listeners)?;
    for descriptor in &placed {
        fcntl_setfd(descriptor, FdFlags::empty())?;
    }
    command
        .env(COUNT, placed.len().to_string())
        .env(FIRST, first.to_string())
        .env(PROCESS, std::process::id().to_string())
        .env_remove(NAMES);
    Ok(placed)
}

/// Copies descriptors to numbers in a row, and gives the first number.
fn place_in_a_row(descriptors: &[BorrowedFd<'_>]) -> io::Result<(i32, Vec<OwnedFd>)> {
    let mut first = FIRST_DESCRIPTOR;
    'from_first: loop {
        let mut placed = Vec::new();
        for (wanted, descriptor) in (first..).zip(descriptors) {
            let copy = fcntl_dupfd_cloexec(descriptor, wanted)?;
            let number = copy.as_raw_fd();
            if number != wanted {
                // Something else has the wanted number: the row begins behind it.
                first = number;
                continue 'from_first;
            }
            placed.push(copy);
        }
        return Ok((first, placed));
    }
}

/// Keeps what this process inherited, or hands on, from a child of it that is no successor.
pub fn hide_inherited(command: &mut Command) {
    command
        .env_remove(COUNT)
        .env_remove(PROCESS)
        .env_remove(FIRST)
        .env_remove(NAMES);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(address: &str) -> Bound {
        bind(address.parse().unwrap()).unwrap().remove(0)
    }

    fn inherited(bound: &[&Bound]) -> Inherited {
        let listeners = bound
            .iter()
            .map(|bound| bound.listener().try_clone().unwrap());
        Inherited {
            listeners: listeners.collect(),
        }
    }

    #[test]
    fn what_is_open_is_taken_and_what_is_not_is_bound() {
        let (one, other) = (open("127.0.0.1:0"), open("127.0.0.1:0"));
        let mut inherited = inherited(&[&one, &other]);
        let endpoint = Endpoint::One(one.local_addr().unwrap());
        let taken = inherited.bind(endpoint).unwrap();
        assert_eq!(taken[0].local_addr().unwrap(), one.local_addr().unwrap());
        assert!(inherited.bind(endpoint).is_err(), "it is taken once");
        let new = inherited.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        assert_ne!(new[0].local_addr().unwrap(), other.local_addr().unwrap());
        assert!(!inherited.is_empty(), "nobody asked for the other");
    }

    #[test]
    fn every_address_is_taken_from_what_there_is_of_it() {
        let v4 = open("0.0.0.0:0");
        let port = v4.local_addr().unwrap().port();
        let taken = inherited(&[&v4]).bind(Endpoint::Any(port)).unwrap();
        assert_eq!(taken[0].local_addr().unwrap(), v4.local_addr().unwrap());
        drop((v4, taken));
        if let Ok(both) = TcpListener::bind("[::]:0") {
            let both = Bound::from_listener(both).unwrap();
            let port = both.local_addr().unwrap().port();
            let taken = inherited(&[&both]).bind(Endpoint::Any(port)).unwrap();
            assert_eq!(taken.len(), 1, "one socket hears both");
        }
    }

    #[test]
    fn descriptors_are_put_in_a_row_around_those_in_use() {
        let bound = open("127.0.0.1:0");
        let borrowed = [bound.listener().as_fd(); 3];
        let (first, placed) = place_in_a_row(&borrowed).unwrap();
        let numbers: Vec<i32> = placed.iter().map(AsRawFd::as_raw_fd).collect();
        assert_eq!(numbers, [first, first + 1, first + 2]);
        let (second, _placed) = place_in_a_row(&borrowed).unwrap();
        assert!(second >= first + 3, "{second}");
    }
}
