//! What a transcript's `config` means on the bench: the tables of the configuration file that the
//! engine and the features read, over defaults with the hosts `example` and `anon.example`, which archive nothing.

use std::{collections::BTreeMap, num::NonZeroU32, sync::Arc, time::Duration};

use engine::{
    Authentication, ClientSettings, ConflictPolicy, HostFacts, HostSettings, Limits, Settings,
    SmSettings,
    period::{NoPeriod, Period},
};
use jid::{BareJid, Domain};
use sasl::Hash;
use serde_json::{Map, Value};
use stream::C2sSettings;

/// Settings for a transcript's TOML.
pub(crate) fn configure(toml: &str) -> Result<(Settings, ClientSettings), String> {
    let config: Map<String, Value> = toml::from_str(toml).map_err(|error| error.to_string())?;
    let limits = match config.get("limits") {
        None => Limits::default(),
        Some(limits) => {
            serde_json::from_value(limits.clone()).map_err(|error| error.to_string())?
        }
    };
    let mut hosts: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
    hosts.insert("example".to_owned(), Map::new());
    hosts.insert("other.example".to_owned(), Map::new());
    let anonymous = Map::from_iter([("authentication".to_owned(), Value::from("anonymous"))]);
    hosts.insert("anon.example".to_owned(), anonymous);
    for table in hosts.values_mut() {
        // Messages carry no ids, but where a transcript is about them.
        table.insert("archive".to_owned(), Value::from("never"));
    }
    if let Some(Value::Object(configured)) = config.get("host") {
        for (domain, table) in configured {
            let table = table.as_object().ok_or("a host is a table")?;
            hosts
                .entry(domain.clone())
                .or_default()
                .extend(table.clone());
        }
    }
    let hashes = scram_hashes(config.get("scram"))?;
    let hosts = hosts
        .into_iter()
        .map(|(domain, table)| host(&domain, table, &hashes))
        .collect::<Result<_, _>>()?;
    Ok((
        Settings {
            hosts,
            limits,
            ..Settings::default()
        },
        ClientSettings {
            sm: sm(config.get("sm"))?,
            ..clients(config.get("c2s"))?
        },
    ))
}

/// `[scram] hashes = [...]`
fn scram_hashes(table: Option<&Value>) -> Result<Vec<Hash>, String> {
    let Some(names) = table.and_then(|table| table.get("hashes")) else {
        return Ok(Hash::ALL.to_vec());
    };
    let names = names.as_array().ok_or("hashes are a list")?;
    let hash = |name: &Value| name.as_str().and_then(Hash::from_name);
    let hashes = names.iter().map(hash).collect::<Option<_>>();
    hashes.ok_or_else(|| format!("scram.hashes = {names:?}"))
}

fn host(
    domain: &str,
    mut table: Map<String, Value>,
    hashes: &[Hash],
) -> Result<HostSettings, String> {
    let mut facts = HostFacts::new(Domain::parse(domain).map_err(|error| error.to_string())?);
    facts.scram_hashes = hashes.to_vec();
    facts.scram_iterations = NonZeroU32::MIN;
    facts.admins = vec![BareJid::parse("admin@example").map_err(|error| error.to_string())?];
    match table
        .remove("authentication")
        .as_ref()
        .and_then(Value::as_str)
    {
        None | Some("accounts") => {}
        Some("anonymous") => facts.authentication = Authentication::Anonymous,
        Some(other) => return Err(format!("authentication = {other:?}")),
    }
    Ok(HostSettings {
        facts,
        modules: table.into_iter().collect(),
    })
}

fn sm(table: Option<&Value>) -> Result<SmSettings, String> {
    let mut sm = SmSettings::default();
    for (key, value) in table.and_then(Value::as_object).into_iter().flatten() {
        match (key.as_str(), value) {
            ("hold", Value::String(period)) => {
                let period: Period = period
                    .parse()
                    .map_err(|error: NoPeriod| error.to_string())?;
                sm.hold = period.0;
            }
            ("location", Value::String(location)) => sm.location = Some(location.clone()),
            (key, value) => return Err(format!("sm.{key} = {value} is unknown on this bench")),
        }
    }
    Ok(sm)
}

fn clients(table: Option<&Value>) -> Result<ClientSettings, String> {
    let mut stream = C2sSettings::default();
    let mut clients = ClientSettings::default();
    for (key, value) in table.and_then(Value::as_object).into_iter().flatten() {
        match (key.as_str(), value) {
            ("require_tls", Value::Bool(requires)) => clients.requires_tls = *requires,
            ("unauthenticated_timeout_seconds", Value::Number(seconds)) => {
                stream.unauthenticated_timeout =
                    Duration::from_secs(seconds.as_u64().unwrap_or_default());
            }
            ("stanza_bytes_max", Value::Number(bytes)) => {
                stream.limits.element_bytes_max =
                    usize::try_from(bytes.as_u64().unwrap_or_default()).unwrap_or_default();
            }
            ("resource_conflict", Value::String(policy)) => {
                clients.conflict = match policy.as_str() {
                    "kick_old" => ConflictPolicy::KickOld,
                    "kick_new" => ConflictPolicy::KickNew,
                    "random" => ConflictPolicy::Random,
                    "increment" => ConflictPolicy::Increment,
                    other => return Err(format!("resource_conflict = {other:?}")),
                };
            }
            (key, value) => return Err(format!("c2s.{key} = {value} is unknown on this bench")),
        }
    }
    clients.stream = Arc::new(stream);
    Ok(clients)
}
