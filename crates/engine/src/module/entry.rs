//! The list of features: one line each, and nothing else names them.

use serde_json::Value;

use super::{
    ConfigError, Key, Module, Spec, key_names,
    wiring::{Parts, Wiring},
};
use crate::{account::ResidentKind, command::CommandEntry, host::HostFacts};

/// One line of the list of features.
#[derive(Clone, Copy)]
pub struct Entry {
    /// The module's name.
    pub name: &'static str,
    /// The specifications it implements.
    pub specs: &'static [Spec],
    /// What operators can do with it.
    pub commands: &'static [CommandEntry],
    pub(crate) resident: &'static [ResidentKind],
    build: fn(Setting, &HostFacts, &mut Parts) -> Result<(), ConfigError>,
    check: fn(&Value) -> Result<(), String>,
    keys: fn() -> Vec<Key>,
    key_names: fn() -> Option<&'static [&'static str]>,
}

/// What a host's configuration says of a module.
#[derive(Clone, Debug, PartialEq)]
pub enum Setting {
    /// Nothing: defaults.
    Default,
    /// A table, or a scalar for its main setting.
    Value(Value),
    /// `false`: the host does not have it.
    Off,
}

impl Setting {
    /// Reads what stands under the module's key.
    #[must_use]
    pub fn from_value(value: Option<Value>) -> Self {
        match value {
            None | Some(Value::Bool(true)) => Self::Default,
            Some(Value::Bool(false)) => Self::Off,
            Some(other) => Self::Value(other),
        }
    }
}

/// The line for module `M`.
#[must_use]
pub const fn entry<M: Module>() -> Entry {
    Entry {
        name: M::NAME,
        specs: M::SPECS,
        commands: M::COMMANDS,
        resident: M::RESIDENT,
        build: build::<M>,
        check: check::<M>,
        keys: M::keys,
        key_names: key_names::<M::Config>,
    }
}

impl Entry {
    pub(crate) fn build(
        &self,
        setting: Setting,
        facts: &HostFacts,
        parts: &mut Parts,
    ) -> Result<(), ConfigError> {
        (self.build)(setting, facts, parts)
    }

    /// The keys of its configuration.
    #[must_use]
    pub fn keys(&self) -> Vec<Key> {
        (self.keys)()
    }

    /// The names of the keys that it reads; `None` when its configuration is no table.
    #[must_use]
    pub fn key_names(&self) -> Option<&'static [&'static str]> {
        (self.key_names)()
    }

    /// Whether `value` is a configuration of this module.
    ///
    /// # Errors
    ///
    /// What is wrong, as a phrase.
    pub fn check(&self, value: &Value) -> Result<(), String> {
        (self.check)(value)
    }
}

fn build<M: Module>(
    setting: Setting,
    facts: &HostFacts,
    parts: &mut Parts,
) -> Result<(), ConfigError> {
    let config = match setting {
        Setting::Off => return Ok(()),
        Setting::Default => M::Config::default(),
        Setting::Value(value) => serde_json::from_value(value).map_err(|error| ConfigError {
            key: M::NAME.to_owned(),
            problem: error.to_string(),
        })?,
    };
    if let Some(module) = M::new(config, facts)? {
        parts.commands.extend(M::COMMANDS);
        M::wire(&mut Wiring::new(module, parts));
    }
    Ok(())
}

fn check<M: Module>(value: &Value) -> Result<(), String> {
    if value.is_boolean() {
        return Ok(());
    }
    serde_json::from_value::<M::Config>(value.clone())
        .map(|_| ())
        .map_err(|error| error.to_string())
}
