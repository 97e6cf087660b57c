//! Telling systemd how the server stands: ready, reloading, stopping, alive.
//!
//! The protocol is [`sd_notify(3)`]: lines of text in a datagram to the socket that `NOTIFY_SOCKET` names. Where nobody
//! asked, nothing is sent, and nothing waits for the one who did.
//!
//! [`sd_notify(3)`]: https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html

use std::{
    env, io,
    os::{
        linux::net::SocketAddrExt,
        unix::net::{SocketAddr, UnixDatagram},
    },
    sync::Arc,
    time::Duration,
};

use rustix::time::{ClockId, clock_gettime};
use tokio::runtime::Handle;

/// Where to tell: a path, or a name that begins with `@`.
const SOCKET: &str = "NOTIFY_SOCKET";
/// After how many microseconds of silence the server counts as hung.
const SILENCE_MAX: &str = "WATCHDOG_USEC";
/// The process that is watched, where it is named.
const WATCHED: &str = "WATCHDOG_PID";

/// The service manager that started this process, if one did and wants to be told.
#[derive(Debug)]
pub(crate) struct ServiceManager {
    socket: Option<UnixDatagram>,
    alive_every: Option<Duration>,
}

impl ServiceManager {
    /// Finds it by the environment.
    pub(crate) fn find() -> Self {
        let address = env::var(SOCKET).ok();
        let connected = address.map(|address| connect(&address).map_err(|error| (address, error)));
        let socket = match connected.transpose() {
            Ok(socket) => socket,
            Err((address, error)) => {
                tracing::warn!(%error, address, "the service manager cannot be told anything");
                None
            }
        };
        let number = |name| env::var(name).ok()?.parse::<u64>().ok();
        Self {
            alive_every: alive_every(number(SILENCE_MAX), number(WATCHED), std::process::id()),
            socket,
        }
    }

    /// What is being done before it is ready, for people.
    pub(crate) fn status(&self, status: &str) {
        self.tell(&format!("STATUS={status}"));
    }

    /// Clients can connect, or a reload has ended; `status` says it for people.
    pub(crate) fn ready(&self, status: &str) {
        self.tell(&format!("READY=1\nSTATUS={status}"));
    }

    /// The configuration is being read anew; [`ready`](Self::ready) follows.
    pub(crate) fn reloading(&self) {
        self.tell(&going_on());
    }

    /// The process goes on as another program, which will say that it is [`ready`](Self::ready).
    pub(crate) fn restarting(&self) {
        self.tell(&format!("{}\nSTATUS=Restarting", going_on()));
    }

    /// No new clients are taken.
    pub(crate) fn stopping(&self) {
        self.tell("STOPPING=1\nSTATUS=Ending sessions");
    }

    /// Tells it, as often as it wants to hear it, that nothing hangs: neither this thread nor any of the `workers`,
    /// each of which has to run a task in between.
    pub(crate) async fn say_alive(self: Arc<Self>, workers: Vec<Handle>) {
        let (Some(_), Some(every)) = (&self.socket, self.alive_every) else {
            return;
        };
        let mut turn = tokio::time::interval(every);
        loop {
            turn.tick().await;
            for worker in &workers {
                if worker.spawn(async {}).await.is_err() {
                    // The server is stopping.
                    return;
                }
            }
            self.tell("WATCHDOG=1");
        }
    }

    fn tell(&self, lines: &str) {
        let Some(socket) = &self.socket else {
            return;
        };
        if let Err(error) = socket.send(lines.as_bytes()) {
            tracing::debug!(%error, "the service manager was not told");
        }
    }
}

/// What says that the process is not ready for a while, and means to be again.
fn going_on() -> String {
    let now = clock_gettime(ClockId::Monotonic);
    let micros = i128::from(now.tv_sec) * 1_000_000 + i128::from(now.tv_nsec) / 1_000;
    format!("RELOADING=1\nMONOTONIC_USEC={micros}")
}

fn connect(address: &str) -> io::Result<UnixDatagram> {
    let address = match address.strip_prefix('@') {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(address)?,
    };
    let socket = UnixDatagram::unbound()?;
    socket.connect_addr(&address)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// Twice within the silence that is allowed, where it is this process that is watched.
fn alive_every(
    silence_micros_max: Option<u64>,
    watched: Option<u64>,
    own: u32,
) -> Option<Duration> {
    let is_own = watched.is_none_or(|watched| watched == u64::from(own));
    let half = silence_micros_max.map(|micros| Duration::from_micros(micros / 2));
    half.filter(|half| is_own && !half.is_zero())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_watched_process_is_heard_twice_within_the_silence() {
        check(Some(30_000_000), None, Some(15));
        check(Some(30_000_000), Some(7), Some(15));
        check(Some(30_000_000), Some(8), None);
        check(Some(0), None, None);
        check(None, None, None);
    }

    #[track_caller]
    fn check(silence: Option<u64>, watched: Option<u64>, seconds: Option<u64>) {
        let expected = seconds.map(Duration::from_secs);
        assert_eq!(alive_every(silence, watched, 7), expected);
    }
}
