//! `[host."x"]` and `[defaults]`: what the engine reads of a host, and a value per feature.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::{
    Spanned,
    de::{DeValue, ValueDeserializer},
};

use super::{
    complaint::Source,
    load::Features,
    table::{Reader, choice, settings, shown},
};

settings! {
    /// A virtual host: `[host."example.org"]`. What stands in `[defaults]` holds for every host
    /// that does not say otherwise. Besides these keys there is one for each feature: false
    /// turns it off, a table or a value sets it.
    ["defaults"]
    HostConfig {
        /// How people sign in: with "accounts", or "anonymous"ly, each with an address that ends
        /// with the session.
        authentication: Authentication = Authentication::Accounts,
    }
}

choice! {
    /// How clients sign in.
    Authentication {
        /// With an account.
        Accounts = "accounts",
        /// Without one.
        Anonymous = "anonymous",
    }
}

/// What one table says, before `[defaults]` is put under it.
#[derive(Clone, Debug, Default)]
pub(super) struct HostTable {
    authentication: Option<Authentication>,
    /// By feature.
    features: BTreeMap<String, serde_json::Value>,
}

impl HostTable {
    /// Reads one table; keys that are neither ours nor a feature's are complained about.
    pub(super) fn read(
        mut reader: Reader<'_>,
        known: &dyn Features,
        source: &mut Source<'_>,
    ) -> Self {
        let mut table = Self {
            authentication: reader.take("authentication", source),
            features: BTreeMap::new(),
        };
        for name in known.names() {
            let Some(value) = reader.take_raw(name) else {
                continue;
            };
            match json(value).and_then(|value| known.check(name, &value).map(|()| value)) {
                Ok(value) => {
                    table.features.insert(name.to_owned(), value);
                }
                Err(problem) => {
                    let sentence = format!(
                        "{} cannot be {}: {}",
                        reader.path_of(name),
                        shown(value.get_ref()),
                        problem.replace('`', "\"")
                    );
                    source.complain(Some(value.span().start), sentence);
                }
            }
        }
        reader.finish(&[], source);
        table
    }

    /// This table with `defaults` under it.
    pub(super) fn over(
        &self,
        defaults: &Self,
    ) -> (HostConfig, BTreeMap<String, serde_json::Value>) {
        let base = HostConfig::default();
        let config = HostConfig {
            authentication: self
                .authentication
                .or(defaults.authentication)
                .unwrap_or(base.authentication),
        };
        let mut features = defaults.features.clone();
        for (name, value) in &self.features {
            match (features.get_mut(name), value) {
                // Key by key, so that a host may change one setting of a feature.
                (Some(serde_json::Value::Object(under)), serde_json::Value::Object(over)) => {
                    under.extend(over.clone());
                }
                _ => {
                    features.insert(name.clone(), value.clone());
                }
            }
        }
        (config, features)
    }
}

/// A value of the file in the form features read.
fn json(value: &Spanned<DeValue<'_>>) -> Result<serde_json::Value, String> {
    serde_json::Value::deserialize(ValueDeserializer::from(value.clone()))
        .map_err(|error| error.message().to_owned())
}
