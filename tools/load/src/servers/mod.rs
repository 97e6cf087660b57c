//! Servers that the tool starts itself, each in a folder of its own, so that they can be compared.
//!
//! - `mod.rs`: one server's life: its ports, its start, its end
//! - `kind.rs`: which there are, and how each is started
//! - `certificate.rs`: the certificate that all of them show

mod certificate;
mod kind;

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use tokio::time::sleep;

pub(crate) use self::kind::Kind;
use crate::{clock, process, target::ServerArgs};

/// How long a server may take to listen, and to end.
const PATIENCE: Duration = Duration::from_secs(30);
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// A server in its folder. What it keeps there survives its restarts.
#[derive(Debug)]
pub(crate) struct Server {
    kind: Kind,
    folder: PathBuf,
    core: Option<usize>,
    running: Option<Running>,
}

/// A server that listens.
#[derive(Debug)]
struct Running {
    child: Child,
    plain: SocketAddr,
    tls: SocketAddr,
}

impl Server {
    /// A server that has not been started. Its folder is made, and emptied unless it is to be kept.
    ///
    /// # Errors
    ///
    /// When the folder can't be made.
    pub(crate) fn new(
        kind: Kind,
        folder: &Path,
        core: Option<usize>,
        is_kept: bool,
    ) -> Result<Self> {
        let folder = std::path::absolute(folder)?.join(kind.name());
        if folder.exists() && !is_kept {
            fs::remove_dir_all(&folder)
                .with_context(|| format!("can't empty {}", folder.display()))?;
        }
        fs::create_dir_all(folder.join("data"))
            .with_context(|| format!("can't make {}", folder.display()))?;
        certificate::make(&folder)?;
        Ok(Self {
            kind,
            folder,
            core,
            running: None,
        })
    }

    /// Which it is.
    pub(crate) fn kind(&self) -> &Kind {
        &self.kind
    }

    /// Its folder.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Whether it runs.
    pub(crate) fn is_running(&self) -> bool {
        self.running.is_some()
    }

    /// Ends it if it runs, starts it, and waits until it listens.
    ///
    /// # Errors
    ///
    /// When it does not come up, with what it said.
    pub(crate) async fn restart(&mut self, with_archive: bool) -> Result<()> {
        self.stop().await;
        let (plain, tls) = (free_port()?, free_port()?);
        let place = kind::Place {
            folder: &self.folder,
            plain: plain.port(),
            tls: tls.port(),
            with_archive,
        };
        let mut command = self.kind.command(&place)?;
        let output = fs::File::create(self.folder.join("output"))?;
        command
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output);
        // What is started inherits the core.
        let child = process::on_core(self.core, || spawn(&mut command, &self.kind))??;
        self.running = Some(Running { child, plain, tls });
        let up = self.wait_until_up().await;
        if up.is_err() {
            self.stop().await;
        }
        up.with_context(|| {
            let output = fs::read_to_string(self.folder.join("output")).unwrap_or_default();
            let name = self.kind.name();
            format!("{name} does not come up; it says: {}", output.trim())
        })
    }

    /// Ends it, gently at first.
    pub(crate) async fn stop(&mut self) {
        let Some(mut running) = self.running.take() else {
            return;
        };
        if let Some(pid) = Pid::from_raw(running.child.id().cast_signed()) {
            // It may have ended by itself.
            let _ = kill_process(pid, Signal::TERM);
        }
        let started = clock::now();
        while started.elapsed() < PATIENCE {
            if !matches!(running.child.try_wait(), Ok(None)) {
                return;
            }
            sleep(LOOK_AGAIN).await;
        }
        running.end();
    }

    /// These options for this server.
    ///
    /// # Errors
    ///
    /// When it does not run.
    pub(crate) fn args(&self, args: &ServerArgs) -> Result<ServerArgs> {
        let running = self.running.as_ref().context("it does not run")?;
        let is_relay = matches!(self.kind, Kind::Relay);
        let address = match args.begins_with_tls(is_relay) {
            true => running.tls,
            false => running.plain,
        };
        Ok(args.against(address, running.child.id(), is_relay, self.core))
    }

    async fn wait_until_up(&mut self) -> Result<()> {
        let started = clock::now();
        while let Some(running) = &mut self.running {
            if let Some(status) = running.child.try_wait()? {
                bail!("it ended: {status}");
            }
            let is_relay = matches!(self.kind, Kind::Relay);
            if TcpStream::connect(running.tls).is_ok() && (is_relay || greets(running.plain)) {
                break;
            }
            if started.elapsed() > PATIENCE {
                bail!("it does not listen after {PATIENCE:?}");
            }
            sleep(LOOK_AGAIN).await;
        }
        Ok(())
    }
}

impl Running {
    fn end(&mut self) {
        // Failure means that it has ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
    }
}

fn spawn(command: &mut Command, kind: &Kind) -> Result<Child> {
    command.spawn().with_context(|| {
        let program = command.get_program().display();
        format!("can't start {program}; {}", kind.advice())
    })
}

/// Whether a stream can be opened: some servers listen before they are ready.
fn greets(address: SocketAddr) -> bool {
    let greet = || {
        let mut socket = TcpStream::connect(address)?;
        socket.set_read_timeout(Some(LOOK_AGAIN * 10))?;
        socket.write_all(
            b"<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' \
              to='localhost' version='1.0'>",
        )?;
        let (mut come, mut buffer) = (Vec::new(), [0; 4096]);
        loop {
            let length = socket.read(&mut buffer)?;
            come.extend_from_slice(buffer.get(..length).unwrap_or_default());
            let text = String::from_utf8_lossy(&come);
            if length == 0 || text.contains("</stream:features>") {
                return std::io::Result::Ok(length > 0);
            }
        }
    };
    greet().unwrap_or(false)
}

fn free_port() -> Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    Ok(listener.local_addr()?)
}
