//! `host ...`: the virtual hosts.

use std::{fmt, sync::Arc};

use engine::{
    Action, Authentication, Host,
    command::{AdminContext, Command, CommandError, Concern, Field},
};
use jid::Domain;
use serde::{Deserialize, Serialize};

/// Lists hosts.
#[derive(Debug, Deserialize)]
pub(super) struct ListHosts {}

impl Command for ListHosts {
    const PATH: &'static str = "host list";
    const ABOUT: &'static str = "List the hosts that are served";
    const NEEDS: Action = Action::OperateServer;
    const READS_ONLY: bool = true;
    type Output = Hosts;

    fn concerns(&self) -> Concern {
        Concern::Server
    }

    async fn run(self, cx: &AdminContext) -> Result<Hosts, CommandError> {
        let hosts = cx.server().hosts().iter().map(seen).collect();
        Ok(Hosts { hosts })
    }
}

#[derive(Debug, Serialize)]
pub(super) struct Hosts {
    hosts: Vec<Seen>,
}

#[derive(Debug, Serialize)]
struct Seen {
    host: Domain,
    authentication: &'static str,
    streams: u32,
}

fn seen(host: &Arc<Host>) -> Seen {
    Seen {
        host: host.domain().clone(),
        authentication: match host.facts().authentication {
            Authentication::Accounts => "accounts",
            Authentication::Anonymous => "anonymous",
        },
        streams: host.streams(),
    }
}

impl fmt::Display for Hosts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for host in &self.hosts {
            writeln!(
                f,
                "{}  {}, {} client streams",
                host.host, host.authentication, host.streams
            )?;
        }
        Ok(())
    }
}

/// Shows one host.
#[derive(Debug, Deserialize)]
pub(super) struct ShowHost {
    host: Domain,
}

impl Command for ShowHost {
    const PATH: &'static str = "host show";
    const ABOUT: &'static str = "Show what a host offers";
    const NEEDS: Action = Action::ManageAccounts;
    const FIELDS: &'static [Field] = &[Field::HOST];
    const READS_ONLY: bool = true;
    type Output = HostShown;

    fn concerns(&self) -> Concern {
        Concern::Host(self.host.clone())
    }

    async fn run(self, cx: &AdminContext) -> Result<HostShown, CommandError> {
        let host = cx.host(&self.host)?;
        let accounts = cx.server().accounts(&host).await?.len();
        let features = host.disco().host_features().map(str::to_owned).collect();
        let items = host.disco().host_items().iter();
        Ok(HostShown {
            host: seen(&host),
            accounts,
            services: items.map(|item| item.jid.to_string()).collect(),
            features,
        })
    }
}

#[derive(Debug, Serialize)]
pub(super) struct HostShown {
    #[serde(flatten)]
    host: Seen,
    accounts: usize,
    services: Vec<String>,
    features: Vec<String>,
}

impl fmt::Display for HostShown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.host.host)?;
        writeln!(f, "  sign-in   {}", self.host.authentication)?;
        writeln!(f, "  accounts  {}", self.accounts)?;
        writeln!(f, "  streams   {}", self.host.streams)?;
        for service in &self.services {
            writeln!(f, "  service   {service}")?;
        }
        for feature in &self.features {
            writeln!(f, "  feature   {feature}")?;
        }
        Ok(())
    }
}
