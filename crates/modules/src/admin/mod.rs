//! # Administration
//!
//! The commands every server has: accounts, sessions, hosts, the server itself. Other features bring theirs
//! along. How commands are offered is not decided here: the binary makes a command line of them, the feature
//! `adhoc` makes ad-hoc commands.
//!
//! `user.rs`, `session.rs`, `host.rs`, `process.rs`, `health.rs`, `log.rs` and `watch.rs` hold the commands, `said.rs` what
//! several of them say.

mod health;
mod host;
mod log;
mod process;
mod said;
mod session;
mod user;
mod watch;

use engine::{
    HostFacts,
    command::{CommandEntry, command},
    module::{ConfigError, Module, NoConfig, Spec, Wiring},
};

/// The feature.
pub struct Administration;

impl Module for Administration {
    const NAME: &'static str = "admin";
    const SPECS: &'static [Spec] = &[];
    const COMMANDS: &'static [CommandEntry] = &[
        command::<user::AddUser>(),
        command::<user::SetPassword>(),
        command::<user::DeleteUser>(),
        command::<user::ListUsers>(),
        command::<user::ShowUser>(),
        command::<user::DisableUser>(),
        command::<user::EnableUser>(),
        command::<user::KickUser>(),
        command::<user::SetRole>(),
        command::<session::ListSessions>(),
        command::<session::ShowSession>(),
        command::<session::CloseSession>(),
        command::<host::ListHosts>(),
        command::<host::ShowHost>(),
        command::<process::Stats>(),
        command::<health::Healthcheck>(),
        command::<watch::Watch>(),
        command::<log::SetLog>(),
        command::<process::Reload>(),
        command::<process::Restart>(),
        command::<process::Pid>(),
    ];
    type Config = NoConfig;

    fn new(_: NoConfig, _: &HostFacts) -> Result<Option<Self>, ConfigError> {
        Ok(Some(Self))
    }

    fn wire(_: &mut Wiring<'_, Self>) {}
}
