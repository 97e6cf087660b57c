//! A server to test against: the development binary on free ports, with its own folder and two accounts.

use std::{
    fs,
    io::Write as _,
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, bail};

use crate::{
    clock::{self, Started},
    process,
    workspace::Workspace,
};

/// How long the server may take until it can be connected to, and until it has stopped.
const PATIENCE: Duration = Duration::from_secs(20);

/// Who has an account, with the password. The first administers the server.
pub(crate) const ACCOUNTS: [(&str, &str); 2] = [
    ("romeo@localhost", "wherefore art thou"),
    ("juliet@localhost", "neither, fair saint"),
];

/// What the development build tells everybody once.
pub(crate) const MOTD: &str = "The Prince speaks at noon";

/// What it tells whoever registers.
pub(crate) const WELCOME: &str = "Good morrow, {username}";

/// Which binary is started.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Build {
    /// The one that is quick to build.
    Development,
    /// The one that is quick.
    Release,
}

/// What somebody wants of a server beyond that it runs.
#[derive(Clone, Debug)]
pub(crate) struct Setup {
    /// Which binary is started.
    pub(crate) build: Build,
    /// Where it listens for STARTTLS; a free port on loopback when nothing is said.
    pub(crate) address: Option<SocketAddr>,
    /// Lines of the host's table.
    pub(crate) host: String,
    /// Further tables of the configuration.
    pub(crate) tables: &'static str,
}

impl Setup {
    /// Nothing else.
    pub(crate) fn of(build: Build) -> Self {
        // A load tool makes its own accounts; a client also tests what a host says.
        let host = match build {
            Build::Development => {
                format!("registration = \"open\"\nmotd = \"{MOTD}\"\nwelcome = \"{WELCOME}\"\n")
            }
            Build::Release => "registration = \"open\"\n".to_owned(),
        };
        Self {
            build,
            address: None,
            host,
            tables: "",
        }
    }
}

/// A folder of its own for a server, with a configuration that names free ports.
pub(crate) struct Place {
    folder: PathBuf,
    address: SocketAddr,
    tls_port: u16,
    metrics_port: u16,
}

impl Place {
    /// Empties `folder` and writes the configuration.
    ///
    /// # Errors
    ///
    /// When the folder or the ports can't be had.
    pub(crate) fn new(folder: &Path, setup: &Setup) -> Result<Self> {
        if folder.exists() {
            fs::remove_dir_all(folder)?;
        }
        fs::create_dir_all(folder)?;
        let mut place = Self::keeping(folder)?;
        place.address = setup.address.unwrap_or(place.address);
        let [(admin, _), _] = ACCOUNTS;
        let Setup { host, tables, .. } = setup;
        let text = format!(
            "data = \"data\"\nadmins = [\"{admin}\"]\n\n{}\n{tables}[host.\"localhost\"]\n{host}",
            place.listen()
        );
        fs::write(folder.join("couplet.toml"), text)?;
        Ok(place)
    }

    /// Takes `folder` as it is; the configuration is the caller's.
    ///
    /// # Errors
    ///
    /// When there are no free ports.
    pub(crate) fn keeping(folder: &Path) -> Result<Self> {
        let [port, tls_port, metrics_port] = free_ports()?;
        Ok(Self {
            folder: folder.to_owned(),
            address: (Ipv4Addr::LOCALHOST, port).into(),
            tls_port,
            metrics_port,
        })
    }

    /// The table of the configuration that names the ports.
    pub(crate) fn listen(&self) -> String {
        let Self {
            address,
            tls_port,
            metrics_port,
            ..
        } = self;
        format!(
            "[listen]\nc2s = [\"{address}\"]\nc2s_tls = [\"127.0.0.1:{tls_port}\"]\nmetrics = [\"127.0.0.1:{metrics_port}\"]\n"
        )
    }
}

/// A running server. It is ended, rudely, when this is dropped before [`TestServer::stop`].
pub(crate) struct TestServer {
    child: Child,
    log: PathBuf,
    address: SocketAddr,
    /// The port for STARTTLS.
    pub(crate) port: u16,
    /// The port for TLS from the first byte.
    pub(crate) tls_port: u16,
    /// The port for its metrics, by HTTP.
    pub(crate) metrics_port: u16,
}

impl TestServer {
    /// Builds the binary, starts it with an empty data folder below `folder`, and makes the accounts.
    ///
    /// # Errors
    ///
    /// When it does not come up; the text has the end of its log.
    pub(crate) fn start(workspace: &Workspace, folder: &Path) -> Result<Self> {
        Self::start_as(workspace, folder, &Setup::of(Build::Development))
    }

    /// The same with something else than the defaults.
    ///
    /// # Errors
    ///
    /// As [`TestServer::start`].
    pub(crate) fn start_as(workspace: &Workspace, folder: &Path, setup: &Setup) -> Result<Self> {
        let mut cargo = workspace.cargo();
        cargo.args(["build", "--package", "couplet"]);
        let binary = match setup.build {
            Build::Development => "debug/couplet",
            Build::Release => {
                cargo.arg("--release");
                "release/couplet"
            }
        };
        process::run(&mut cargo)?;
        let binary = workspace.target().join(binary);
        let place = Place::new(folder, setup)?;
        // Relative if it can be: the data folder has a socket in it, and the path of a socket must be short.
        let config = folder
            .strip_prefix(workspace.root())
            .unwrap_or(folder)
            .join("couplet.toml");
        let command = || workspace.command(&binary);
        Self::start_at(place, &command, &config, &ACCOUNTS)
    }

    /// Starts `command` as a server in `place`, whose configuration it finds at `config`, and makes accounts.
    ///
    /// # Errors
    ///
    /// As [`TestServer::start`].
    pub(crate) fn start_at(
        place: Place,
        command: &dyn Fn() -> Command,
        config: &Path,
        accounts: &[(&str, &str)],
    ) -> Result<Self> {
        let log = place.folder.join("log");
        let file = fs::File::create(&log)?;
        let mut serve = command();
        serve
            .arg("serve")
            .arg("--config")
            .arg(config)
            .stdout(file.try_clone()?)
            .stderr(file);
        let child = serve
            .spawn()
            .with_context(|| format!("can't start {}", process::shown(&serve)))?;
        let mut server = Self {
            child,
            log,
            address: place.address,
            port: place.address.port(),
            tls_port: place.tls_port,
            metrics_port: place.metrics_port,
        };
        server.wait_until_it_listens()?;
        for (account, password) in accounts {
            add_account(command(), config, account, password).with_context(|| server.log_end())?;
        }
        Ok(server)
    }

    /// Its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Asks the server to stop, as an operator would, and waits for it.
    ///
    /// # Errors
    ///
    /// When it does not stop in time, or not with success.
    pub(crate) fn stop(mut self) -> Result<()> {
        let id = self.child.id().to_string();
        process::run(Command::new("kill").args(["-TERM", &id]))?;
        let asked = Started::now();
        while asked.elapsed() < PATIENCE {
            if let Some(status) = self.child.try_wait()? {
                if status.success() {
                    return Ok(());
                }
                bail!("the server stopped with {status}\n{}", self.log_end());
            }
            clock::pause();
        }
        bail!(
            "the server did not stop within {} s\n{}",
            PATIENCE.as_secs(),
            self.log_end()
        )
    }

    /// The end of what the server wrote.
    pub(crate) fn log_end(&self) -> String {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        let start = lines.len().saturating_sub(30);
        format!(
            "the server's log ends:\n{}",
            lines.get(start..).unwrap_or_default().join("\n")
        )
    }

    fn wait_until_it_listens(&mut self) -> Result<()> {
        let started = Started::now();
        while started.elapsed() < PATIENCE {
            if let Some(status) = self.child.try_wait()? {
                bail!("the server ended at once with {status}\n{}", self.log_end());
            }
            let both = [self.address, (Ipv4Addr::LOCALHOST, self.tls_port).into()];
            if both
                .iter()
                .all(|address| TcpStream::connect(address).is_ok())
            {
                return Ok(());
            }
            clock::pause();
        }
        bail!(
            "the server does not listen after {} s\n{}",
            PATIENCE.as_secs(),
            self.log_end()
        )
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Three ports that nobody listens on now.
fn free_ports() -> Result<[u16; 3]> {
    let bind = || TcpListener::bind(("127.0.0.1", 0));
    let held = [bind()?, bind()?, bind()?];
    let mut ports = [0; 3];
    for (port, listener) in ports.iter_mut().zip(&held) {
        *port = listener.local_addr()?.port();
    }
    Ok(ports)
}

fn add_account(mut command: Command, config: &Path, account: &str, password: &str) -> Result<()> {
    command
        .arg("--config")
        .arg(config)
        .args(["user", "add", account, "--password-stdin"]);
    let mut child = command
        .stdin(Stdio::piped())
        .spawn()
        .with_context(|| format!("can't start {}", process::shown(&command)))?;
    let mut input = child.stdin.take().context("the input was asked for")?;
    writeln!(input, "{password}")?;
    drop(input);
    let status = child.wait()?;
    if !status.success() {
        bail!("{} ended with {status}", process::shown(&command));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configuration_names_the_ports() {
        let place = Place {
            folder: PathBuf::new(),
            address: (Ipv4Addr::LOCALHOST, 1).into(),
            tls_port: 2,
            metrics_port: 3,
        };
        assert_eq!(
            place.listen(),
            "[listen]\nc2s = [\"127.0.0.1:1\"]\nc2s_tls = [\"127.0.0.1:2\"]\nmetrics = [\"127.0.0.1:3\"]\n"
        );
    }
}
