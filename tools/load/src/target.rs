//! Which server is put under load, and how it is reached.

use std::{
    cell::Cell,
    net::{Ipv4Addr, SocketAddr, ToSocketAddrs},
    sync::Arc,
};

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use rustls::ClientConfig;

use crate::{accounts::Accounts, process::Process, tls};

/// Options that say which server.
#[derive(Args, Clone, Debug)]
pub(crate) struct ServerArgs {
    /// Where the server listens, HOST:PORT; by default port 5223 (--tls direct) or 5222 of --host.
    #[arg(long, global = true)]
    address: Option<String>,
    /// The domain that streams are opened to; by default the domain of --account.
    #[arg(long, global = true)]
    host: Option<String>,
    /// How the connection is secured.
    #[arg(long, global = true, value_enum, default_value_t = Security::Direct)]
    tls: Security,
    /// The SASL mechanism; by default the strongest SCRAM that is offered, or else PLAIN.
    #[arg(long, global = true)]
    mechanism: Option<String>,
    /// Accounts, numbered.
    #[arg(long, global = true, default_value = "u%d@localhost")]
    account: String,
    /// The password of every account.
    #[arg(long, global = true, default_value = "load")]
    password: String,
    /// The number of the first account.
    #[arg(long, global = true, default_value_t = 0)]
    first: u32,
    /// The server's process, whose CPU time and memory are reported.
    #[arg(long, global = true)]
    pid: Option<u32>,
    /// The other end is a relay (`load relay`): there is no XMPP to speak.
    #[arg(long, global = true)]
    to_relay: bool,
    /// Connect from so many addresses of 127.0.0.0/8 in turn (a server on this machine only).
    #[arg(long, global = true, default_value_t = 1)]
    sources: u8,
    /// Binds the server's threads to this core.
    #[arg(long, global = true)]
    server_core: Option<usize>,
    /// Binds this tool to this core.
    #[arg(long, global = true)]
    own_core: Option<usize>,
}

/// How a connection is secured.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Security {
    /// TLS from the first byte.
    Direct,
    /// TLS after `<starttls/>`.
    Starttls,
    /// Not at all.
    None,
}

/// A server under load.
#[derive(Debug)]
pub(crate) struct Target {
    /// How reports call it.
    pub(crate) name: String,
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// The domain that streams are opened to.
    pub(crate) host: String,
    /// How connections are secured.
    pub(crate) security: Security,
    /// The mechanism that was asked for.
    pub(crate) mechanism: Option<String>,
    /// Who signs in.
    pub(crate) accounts: Accounts,
    /// Its process, when it is known.
    pub(crate) process: Option<Process>,
    /// Whether it is a relay.
    pub(crate) is_relay: bool,
    /// The core that it is bound to.
    pub(crate) core: Option<usize>,
    /// How TLS is spoken.
    pub(crate) tls: Arc<ClientConfig>,
    sources: u8,
    connected: Cell<u32>,
}

impl ServerArgs {
    /// The server that the options describe. Binds processes to the cores that were asked for.
    ///
    /// # Errors
    ///
    /// When an option makes no sense or the process is not there.
    pub(crate) fn target(&self, name: &str) -> Result<Target> {
        let accounts = Accounts::new(&self.account, &self.password, self.first)?;
        let host = self.host.as_deref().unwrap_or(accounts.domain()).to_owned();
        let port = match self.tls {
            Security::Direct => 5223,
            Security::Starttls | Security::None => 5222,
        };
        let address = self.address.clone().unwrap_or(format!("{host}:{port}"));
        let process = self.pid.map(Process::new).transpose()?;
        if let (Some(process), Some(core)) = (process, self.server_core) {
            process.pin(core)?;
        }
        if let Some(core) = self.own_core {
            Process::own().pin(core)?;
        }
        Ok(Target {
            name: name.to_owned(),
            address: address
                .to_socket_addrs()
                .ok()
                .and_then(|mut found| found.next())
                .with_context(|| format!("--address: {address:?} is not HOST:PORT"))?,
            host,
            security: self.tls,
            mechanism: self.mechanism.clone(),
            accounts,
            process,
            is_relay: self.to_relay,
            core: self.server_core,
            tls: tls::client()?,
            sources: self.sources,
            connected: Cell::new(0),
        })
    }

    /// These options with some replaced: `pid=12,address=127.0.0.1:5223`. Returns the `name` among them too.
    ///
    /// # Errors
    ///
    /// When one is unknown or has a value that it can't have.
    pub(crate) fn with(&self, changes: &str) -> Result<(String, Self)> {
        let mut args = self.clone();
        let mut name = None;
        for change in changes.split(',') {
            let (key, value) = change
                .split_once('=')
                .with_context(|| format!("--server: {change:?} is not KEY=VALUE"))?;
            let owned = value.to_owned();
            match key {
                "name" => name = Some(owned),
                "address" => args.address = Some(owned),
                "host" => args.host = Some(owned),
                "mechanism" => args.mechanism = Some(owned),
                "account" => args.account = owned,
                "password" => args.password = owned,
                "pid" => args.pid = Some(value.parse().context("--server: pid is a number")?),
                "tls" => {
                    args.tls = Security::from_str(value, true)
                        .map_err(|_| anyhow::anyhow!("--server: tls=direct, starttls or none"))?;
                }
                _ => bail!(
                    "--server: there is no {key:?}; there are name, pid, address, host, tls, mechanism, account, password"
                ),
            }
        }
        Ok((name.context("--server: begin with name=NAME")?, args))
    }

    /// These options for a server on this machine.
    pub(crate) fn against(
        &self,
        address: SocketAddr,
        pid: u32,
        is_relay: bool,
        core: Option<usize>,
    ) -> Self {
        Self {
            address: Some(address.to_string()),
            pid: Some(pid),
            to_relay: is_relay,
            server_core: core,
            ..self.clone()
        }
    }

    /// The same without TLS.
    pub(crate) fn without_tls(&self) -> Self {
        Self {
            tls: Security::None,
            ..self.clone()
        }
    }

    /// The same with accounts counted from `first`.
    pub(crate) fn beginning_at(&self, first: u32) -> Self {
        Self {
            first,
            ..self.clone()
        }
    }

    /// The same on the cores that `options` names; where it names none, the server on the first and the tool on
    /// the second, if the machine has so many.
    pub(crate) fn on_cores_of(&self, options: &Self) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let by_default = |core: usize| (cores > 1).then_some(core);
        Self {
            server_core: options.server_core.or(by_default(0)),
            own_core: options.own_core.or(by_default(1)),
            ..self.clone()
        }
    }

    /// Whether connections begin with TLS. To a relay there is no other way to it.
    pub(crate) fn begins_with_tls(&self, is_relay: bool) -> bool {
        match self.tls {
            Security::Direct => true,
            Security::Starttls => is_relay,
            Security::None => false,
        }
    }

    /// Number of the first account.
    pub(crate) fn first(&self) -> u32 {
        self.first
    }

    /// The core that servers are bound to.
    pub(crate) fn server_core(&self) -> Option<usize> {
        self.server_core
    }
}

impl Target {
    /// The address to connect from, when one was asked for: another one each time.
    pub(crate) fn source(&self) -> Option<SocketAddr> {
        if self.sources < 2 || !self.address.ip().is_loopback() || !self.address.is_ipv4() {
            return None;
        }
        let number = self.connected.get();
        self.connected.set(number.wrapping_add(1));
        let last = 1 + (number % u32::from(self.sources)) as u8;
        Some((Ipv4Addr::new(127, 0, 0, last), 0).into())
    }
}
