//! From a file to a checked [`Config`].

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use engine::{limits::Limits, module::Key};
use jid::Domain;
use toml::de::DeTable;
use transport::Endpoint;

use super::{
    complaint::{ConfigError, Source},
    host::{Authentication, HostConfig, HostTable},
    limits,
    table::{Reader, Table},
    tables::{C2s, General, Listen, Log, Scram, Sm, Tls},
};

/// The smallest `stanza_bytes_max` that RFC 6120 §13.12 allows.
const STANZA_BYTES_MIN: u64 = 10_000;
/// And the largest that a stream can hold.
const STANZA_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// The features that a host's table may name. The configuration knows none of them.
pub(crate) trait Features {
    /// Their names.
    fn names(&self) -> Vec<&'static str>;

    /// The keys of the feature `name`, for the manual.
    fn keys(&self, name: &str) -> Vec<Key>;

    /// Whether `value` may stand under `name`.
    ///
    /// # Errors
    ///
    /// What is wrong, as a phrase.
    fn check(&self, name: &str, value: &serde_json::Value) -> Result<(), String>;
}

/// Everything the file says, checked, paths made absolute.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    pub(crate) general: General,
    pub(crate) listen: Listen,
    pub(crate) c2s: C2s,
    pub(crate) sm: Sm,
    pub(crate) tls: Tls,
    pub(crate) scram: Scram,
    pub(crate) log: Log,
    pub(crate) limits: Limits,
    /// By domain; never empty.
    pub(crate) hosts: BTreeMap<Domain, Host>,
    /// Where it was read; none when there is no file.
    pub(crate) file: Option<PathBuf>,
}

/// One virtual host.
#[derive(Clone, Debug)]
pub(crate) struct Host {
    pub(crate) config: HostConfig,
    /// What the file says of each feature.
    pub(crate) features: BTreeMap<String, serde_json::Value>,
}

impl Host {
    /// Whether people have accounts on it.
    pub(crate) fn has_accounts(&self) -> bool {
        self.config.authentication == Authentication::Accounts
    }
}

impl Config {
    /// Reads `file`; without one, everything has its default.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] with a sentence for each mistake.
    pub(crate) fn load(file: Option<&Path>, known: &dyn Features) -> Result<Self, ConfigError> {
        let Some(file) = file else {
            return Self::parse("", Path::new("couplet.toml"), known);
        };
        let text = fs::read_to_string(file).map_err(|error| ConfigError::Unreadable {
            path: file.to_owned(),
            error,
        })?;
        let mut config = Self::parse(&text, file, known)?;
        config.file = Some(file.to_owned());
        let folder = file.parent().unwrap_or_else(|| Path::new(""));
        config.resolve_paths(folder);
        Ok(config)
    }

    /// Reads `text`; `file` is what complaints name.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Wrong`] with a sentence for each mistake.
    pub(super) fn parse(
        text: &str,
        file: &Path,
        known: &dyn Features,
    ) -> Result<Self, ConfigError> {
        let mut source = Source {
            file,
            text,
            complaints: Vec::new(),
        };
        let document = DeTable::parse(text).map_err(|error| {
            let message = error.message().lines().collect::<Vec<_>>().join(", ");
            let at = error.span().map(|span| span.start);
            source.complain(at, format!("this is not valid TOML: {message}"));
            ConfigError::Wrong(std::mem::take(&mut source.complaints))
        })?;
        let config = Self::read(document.get_ref(), known, &mut source);
        if source.complaints.is_empty() {
            Ok(config)
        } else {
            source.complaints.sort_by_key(|complaint| complaint.line);
            Err(ConfigError::Wrong(source.complaints))
        }
    }

    fn read(document: &DeTable<'_>, known: &dyn Features, source: &mut Source<'_>) -> Self {
        let mut top = Reader::new("", document);
        let mut config = Self {
            general: General::read(&mut top, source),
            listen: table(&mut top, source),
            c2s: table(&mut top, source),
            sm: table(&mut top, source),
            tls: table(&mut top, source),
            scram: table(&mut top, source),
            log: table(&mut top, source),
            limits: limits::read(top.take_table("limits", source), source),
            hosts: BTreeMap::new(),
            file: None,
        };
        let defaults = HostTable::read(top.take_table("defaults", source), known, source);
        let mut hosts = top.take_table("host", source);
        for (name, span, value) in hosts.rest() {
            let path = format!("host.\"{name}\"");
            let (Ok(domain), Some(table)) = (Domain::parse(&name), value.get_ref().as_table())
            else {
                let sentence = format!(
                    "\"{name}\" is not a host: write [host.\"example.org\"] with a domain in quotes"
                );
                source.complain(Some(span.start), sentence);
                continue;
            };
            let table = HostTable::read(Reader::new(&path, table), known, source);
            let (host, features) = table.over(&defaults);
            if config
                .hosts
                .insert(
                    domain,
                    Host {
                        config: host,
                        features,
                    },
                )
                .is_some()
            {
                source.complain(
                    Some(span.start),
                    format!("the host \"{name}\" is there twice"),
                );
            }
        }
        top.finish(&[], source);
        if config.hosts.is_empty()
            && let Ok(localhost) = Domain::parse("localhost")
        {
            let (host, features) = HostTable::default().over(&defaults);
            config.hosts.insert(
                localhost,
                Host {
                    config: host,
                    features,
                },
            );
        }
        config.check_ranges(source);
        config
    }

    /// What a type alone does not hold.
    fn check_ranges(&self, source: &mut Source<'_>) {
        for endpoint in &self.listen.metrics {
            if !matches!(endpoint, Endpoint::One(address) if address.ip().is_loopback()) {
                let sentence = format!(
                    "listen.metrics must be addresses of this machine alone, such as \"127.0.0.1:9522\" or \"[::1]:9522\", not \"{endpoint}\": whoever connects may read them"
                );
                source.complain(source.text.find("metrics"), sentence);
            }
        }
        let bytes = self.c2s.stanza_bytes_max.0;
        if !(STANZA_BYTES_MIN..=STANZA_BYTES_MAX).contains(&bytes) {
            let sentence = format!(
                "c2s.stanza_bytes_max must be from {STANZA_BYTES_MIN} to {STANZA_BYTES_MAX}, not {bytes}"
            );
            source.complain(source.text.find("stanza_bytes_max"), sentence);
        }
        let iterations = self.scram.iterations.get();
        if !(4096..=sasl::limits::ITERATIONS_MAX).contains(&iterations) {
            let sentence = format!(
                "scram.iterations must be from 4096 (RFC 7677 §4) to {}, not {iterations}",
                sasl::limits::ITERATIONS_MAX
            );
            source.complain(source.text.find("iterations"), sentence);
        }
    }

    fn resolve_paths(&mut self, folder: &Path) {
        // Collecting the parts drops every `.` among them.
        let resolve = |path: &mut PathBuf| *path = folder.join(&*path).components().collect();
        resolve(&mut self.general.data);
        self.tls.certificates.as_mut().map(resolve);
        self.tls.client_authorities.as_mut().map(resolve);
    }

    /// The certificate folder to use, if there is one: the one named, or `certs` beside the file.
    pub(crate) fn certificate_folder(&self) -> Option<PathBuf> {
        if let Some(folder) = &self.tls.certificates {
            return Some(folder.clone());
        }
        let beside = self
            .file
            .as_deref()
            .and_then(Path::parent)
            .unwrap_or_else(|| Path::new(""));
        Some(beside.join("certs")).filter(|folder| folder.is_dir())
    }
}

/// Reads the table `T` and complains about what it does not know.
fn table<T: Table>(top: &mut Reader<'_>, source: &mut Source<'_>) -> T {
    let mut reader = top.take_table(T::NAME, source);
    let table = T::read(&mut reader, source);
    reader.finish(&[], source);
    table
}
