//! Debian's Prosody, set up like our bench.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use testkit::{
    sockets::{Addresses, Target},
    transcript::{Need, Restart},
};
use toml::{Table, Value};

use crate::ports;

/// The hosts of the bench.
const HOSTS: [&str; 3] = ["example", "other.example", "anon.example"];

/// A module that evens out two choices that the RFCs leave to a server, so that they are not the first difference of
/// every file that asks an account or looks into a copy: Prosody gives each stanza of a client whose stream names no
/// language its own one, and what it says on behalf of a client's own account has no `from` (RFC 6120 §8.1.2.1).
const EVEN: &str = r#"
local filters = require "util.filters"

local function forget_language(event)
    local attr = event.stanza.attr
    if attr["xml:lang"] == "en" then attr["xml:lang"] = nil end
end
for _, kind in ipairs { "message", "presence", "iq" } do
    for _, to in ipairs { "self", "bare", "full", "host" } do
        module:hook("pre-" .. kind .. "/" .. to, forget_language, 1000)
    end
end

local function name_account(stanza, session)
    local is_stanza = stanza.name == "message" or stanza.name == "iq"
    if is_stanza and stanza.attr.from == nil and stanza.attr.xmlns == nil and session.username then
        stanza = require "util.stanza".clone(stanza)
        stanza.attr.from = session.username .. "@" .. session.host
    end
    return stanza
end
filters.add_filter_hook(function(session)
    if session.type == "c2s_unauthed" or session.type == "c2s" then
        filters.add_filter(session, "stanzas/out", name_account)
    end
end)
"#;

/// A server in a folder of its own. It is killed when this is dropped.
pub(crate) struct Prosody {
    folder: PathBuf,
    child: Option<Child>,
}

impl Prosody {
    /// One that has not been started yet.
    pub(crate) fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            child: None,
        }
    }
}

impl Drop for Prosody {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // Failure means that it has ended by itself.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Target for Prosody {
    fn offers(&self, _: Need) -> bool {
        false
    }

    fn takes(&self, toml: &str) -> bool {
        translated(toml).is_some()
    }

    fn start(&mut self, toml: &str) -> Result<Addresses, String> {
        let addresses = ports::free()?;
        fs::create_dir(self.folder.join("data")).map_err(text)?;
        fs::write(self.folder.join("mod_even.lua"), EVEN).map_err(text)?;
        make_certificate(&self.folder)?;
        let config = self.folder.join("prosody.cfg.lua");
        let own = translated(toml).ok_or("a configuration that Prosody does not have")?;
        fs::write(&config, configuration(addresses, &self.folder, &own)).map_err(text)?;
        let mut child = Command::new("prosody")
            .arg("--config")
            .arg(&config)
            .arg("-F")
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("prosody cannot be started: {error}"))?;
        let up = ports::wait(addresses, &mut child);
        self.child = Some(child);
        up.map_err(|error| {
            let log = fs::read_to_string(self.folder.join("log")).unwrap_or_default();
            format!("{error}: {log}")
        })?;
        Ok(addresses)
    }

    /// As its back end `internal_plain` keeps accounts; `prosodyctl` would take half a second for each.
    fn create_account(&mut self, bare_jid: &str, password: &str) -> Result<(), String> {
        let (local, domain) = bare_jid.split_once('@').ok_or("no account")?;
        let folder = self
            .folder
            .join("data")
            .join(file_name(domain))
            .join("accounts");
        fs::create_dir_all(&folder).map_err(text)?;
        let account = format!("return {{ [\"password\"] = \"{}\"; }};\n", lua(password));
        fs::write(folder.join(format!("{}.dat", file_name(local))), account).map_err(text)
    }

    fn restart(&mut self, _: Restart) -> Result<(), String> {
        Err("Prosody is not restarted".to_owned())
    }

    fn command(&mut self, _: &str) -> Result<(), String> {
        Err("Prosody has other commands".to_owned())
    }
}

fn make_certificate(folder: &Path) -> Result<(), String> {
    let made = rcgen::generate_simple_self_signed(HOSTS.map(str::to_owned))
        .map_err(|error| error.to_string())?;
    fs::write(folder.join("certificate.pem"), made.cert.pem()).map_err(text)?;
    fs::write(folder.join("key.pem"), made.signing_key.serialize_pem()).map_err(text)
}

/// What our configuration is in Prosody's, for the keys of the host `example` that it has as well.
fn translated(toml: &str) -> Option<String> {
    let config: Table = toml.parse().ok()?;
    let mut lines = String::new();
    for (key, value) in &config {
        let host = match (key.as_str(), value.get("example")) {
            ("host", Some(Value::Table(host))) if value.as_table()?.len() == 1 => host,
            _ => return None,
        };
        for (key, value) in host {
            lines.push_str(match (key.as_str(), value.as_str()?) {
                ("archive", "always") => {
                    "    modules_enabled = { \"mam\" }\n    default_archive_policy = true\n"
                }
                ("archive", "roster") => {
                    "    modules_enabled = { \"mam\" }\n    default_archive_policy = \"roster\"\n"
                }
                ("registration", "open") => "    allow_registration = true\n",
                _ => return None,
            });
        }
    }
    Some(lines)
}

fn configuration(addresses: Addresses, folder: &Path, host: &str) -> String {
    format!(
        r#"
pidfile = "{folder}/pid"
data_path = "{folder}/data"
plugin_paths = {{ "{folder}" }}
run_as_root = true
daemonize = false
interfaces = {{ "127.0.0.1" }}
c2s_ports = {{ {plain} }}
c2s_direct_tls_ports = {{ {tls} }}
modules_enabled = {{
    "roster", "saslauth", "tls", "disco", "carbons", "ping", "version", "register", "smacks",
    "blocklist", "lastactivity", "private", "time", "uptime", "vcard", "csi_simple",
    "even"
}}
modules_disabled = {{ "s2s", "admin_shell", "admin_socket", "posix", "limits" }}
authentication = "internal_plain"
allow_registration = false
admins = {{ "admin@example" }}
ssl = {{ certificate = "{folder}/certificate.pem", key = "{folder}/key.pem" }}
c2s_direct_tls_ssl = ssl
log = {{ {{ levels = {{ min = "info" }}, to = "file", filename = "{folder}/log" }} }}
VirtualHost "example"
{host}VirtualHost "other.example"
VirtualHost "anon.example"
    authentication = "anonymous"
"#,
        folder = folder.display(),
        plain = addresses.plain.port(),
        tls = addresses.tls.port(),
    )
}

/// As Prosody names files: what is no ASCII letter or digit is written in hexadecimal.
fn file_name(text: &str) -> String {
    text.bytes()
        .map(|byte| {
            if byte.is_ascii_alphanumeric() {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02x}")
            }
        })
        .collect()
}

/// The inside of a Lua string.
fn lua(text: &str) -> String {
    text.bytes().map(|byte| format!("\\{byte:03}")).collect()
}

fn text(error: std::io::Error) -> String {
    error.to_string()
}
