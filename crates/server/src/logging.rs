//! The log: human on a terminal, JSON where programs read it. Always on standard error.
//!
//! How much is logged can be changed while the server runs, until the next reload or start.

use std::{
    collections::BTreeMap,
    io::{self, IsTerminal},
    sync::{Mutex, PoisonError},
};

use tracing_subscriber::{EnvFilter, fmt};

use crate::{
    config::{Config, LogFormat, suggestion},
    features,
};

/// The environment variable that overrides `log.level`, with the syntax of `tracing`'s filters.
const FILTER: &str = "COUPLET_LOG";

/// What gives the level back to the configuration.
const DEFAULT: &str = "default";

/// Parts of the server that log by their own name.
const PARTS: [&str; 8] = [
    "couplet",
    "engine",
    "mailbox",
    "modules",
    "store",
    "stream",
    "transport",
    "rustls",
];

/// The running log.
pub(crate) struct Log {
    apply: Box<dyn Fn(EnvFilter) -> Result<(), String> + Send + Sync>,
    levels: Mutex<Levels>,
}

impl std::fmt::Debug for Log {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Log").finish_non_exhaustive()
    }
}

/// Starts logging as `config` says. Panics are logged too: each ends one task, not the process.
pub(crate) fn start(config: &Config) -> Log {
    let levels = Levels::of(config);
    let filter = EnvFilter::try_new(levels.filter()).unwrap_or_default();
    let terminal = io::stderr().is_terminal();
    let json = match config.log.format {
        LogFormat::Auto => !terminal,
        LogFormat::Human => false,
        LogFormat::Json => true,
    };
    let builder = fmt().with_env_filter(filter).with_writer(io::stderr);
    let told = |error: tracing_subscriber::reload::Error| error.to_string();
    // A second start in one process keeps the first one's log.
    let apply: Box<dyn Fn(EnvFilter) -> Result<(), String> + Send + Sync> = if json {
        let builder = builder
            .json()
            .flatten_event(true)
            .with_current_span(false)
            .with_filter_reloading();
        let handle = builder.reload_handle();
        let _ = builder.try_init();
        Box::new(move |filter| handle.reload(filter).map_err(told))
    } else {
        let builder = builder
            .with_ansi(terminal)
            .with_target(false)
            .with_filter_reloading();
        let handle = builder.reload_handle();
        let _ = builder.try_init();
        Box::new(move |filter| handle.reload(filter).map_err(told))
    };
    std::panic::set_hook(Box::new(|panic| {
        tracing::error!(at = ?panic.location().map(ToString::to_string), "a bug: a task panicked");
    }));
    Log {
        apply,
        levels: Mutex::new(levels),
    }
}

impl Log {
    /// Changes the level, everywhere or in one module; says what is logged now.
    ///
    /// # Errors
    ///
    /// A sentence when there is no such module.
    pub(crate) fn set(&self, level: &str, module: Option<&str>) -> Result<String, String> {
        let mut levels = self.levels.lock().unwrap_or_else(PoisonError::into_inner);
        let mut changed = levels.clone();
        changed.set(level, module)?;
        self.apply(&changed)?;
        *levels = changed;
        Ok(levels.said())
    }

    /// As a start with this configuration would.
    pub(crate) fn reset(&self, config: &Config) {
        let levels = Levels::of(config);
        match self.apply(&levels) {
            Ok(()) => *self.levels.lock().unwrap_or_else(PoisonError::into_inner) = levels,
            Err(error) => tracing::warn!(%error, "the level of the log stays as it was"),
        }
    }

    fn apply(&self, levels: &Levels) -> Result<(), String> {
        let filter = EnvFilter::try_new(levels.filter()).map_err(|error| error.to_string())?;
        (self.apply)(filter)
    }
}

/// What is logged: at which level everywhere, and where at another.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Levels {
    configured: String,
    everywhere: Option<String>,
    modules: BTreeMap<String, String>,
}

impl Levels {
    fn of(config: &Config) -> Self {
        let from_environment = std::env::var(FILTER)
            .ok()
            .filter(|filter| EnvFilter::try_new(filter).is_ok());
        Self {
            configured: from_environment.unwrap_or_else(|| config.log.level.word().to_owned()),
            everywhere: None,
            modules: BTreeMap::new(),
        }
    }

    fn set(&mut self, level: &str, module: Option<&str>) -> Result<(), String> {
        let Some(module) = module else {
            self.everywhere = (level != DEFAULT).then(|| level.to_owned());
            // What was said of modules was said under another level.
            self.modules.clear();
            return Ok(());
        };
        let module = known(module)?;
        match level {
            DEFAULT => self.modules.remove(&module),
            _ => self.modules.insert(module, level.to_owned()),
        };
        Ok(())
    }

    /// In the syntax of `tracing`'s filters.
    fn filter(&self) -> String {
        let everywhere = self.everywhere.as_ref().unwrap_or(&self.configured);
        let modules = self.modules.iter();
        modules.fold(everywhere.clone(), |filter, (module, level)| {
            format!("{filter},{module}={level}")
        })
    }

    fn said(&self) -> String {
        let everywhere = match &self.everywhere {
            Some(level) => format!("Logged is \"{level}\""),
            None => format!("Logged is \"{}\", as configured", self.configured),
        };
        let modules: Vec<String> = self
            .modules
            .iter()
            .map(|(module, level)| format!("; in {module} \"{level}\""))
            .collect();
        format!("{everywhere}{}.", modules.concat())
    }
}

/// The module, if it is a part of the server, or a feature below `modules`.
fn known(module: &str) -> Result<String, String> {
    let module = module.replace('-', "_");
    let mut path = module.split("::");
    let part = path.next().unwrap_or_default();
    let below = path.next();
    if !PARTS.contains(&part) {
        let hint = suggestion(part, PARTS.iter().copied());
        return Err(format!("no part of the server is called \"{part}\"{hint}"));
    }
    let features = features::ALL.iter().map(|entry| entry.name);
    match below.filter(|_| part == "modules") {
        Some(name) if !features.clone().any(|feature| feature == name) => {
            let hint = suggestion(name, features);
            Err(format!("no feature is called \"{name}\"{hint}"))
        }
        _ if !module.split("::").all(is_word) => Err(format!("\"{module}\" is no module")),
        _ => Ok(module),
    }
}

fn is_word(part: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    !part.is_empty() && part.bytes().all(is_letter)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(changes: &[(&str, Option<&str>)]) -> Result<Levels, String> {
        let mut levels = Levels {
            configured: "info".to_owned(),
            everywhere: None,
            modules: BTreeMap::new(),
        };
        for (level, module) in changes {
            levels.set(level, *module)?;
        }
        Ok(levels)
    }

    #[test]
    fn levels_add_up_until_they_are_given_back() {
        check(&[], "info");
        check(&[("debug", None)], "debug");
        check(&[("debug", None), ("default", None)], "info");
        check(&[("trace", Some("transport"))], "info,transport=trace");
        check(
            &[("trace", Some("transport")), ("off", Some("modules::ping"))],
            "info,modules::ping=off,transport=trace",
        );
        check(
            &[("trace", Some("transport")), ("default", Some("transport"))],
            "info",
        );
        check(&[("trace", Some("transport")), ("warn", None)], "warn");
    }

    #[track_caller]
    fn check(changes: &[(&str, Option<&str>)], filter: &str) {
        let levels = after(changes).unwrap();
        assert_eq!(levels.filter(), filter);
        assert!(EnvFilter::try_new(levels.filter()).is_ok());
    }

    #[test]
    fn what_is_logged_is_said() {
        let levels = after(&[("warn", None), ("debug", Some("engine"))]).unwrap();
        assert_eq!(levels.said(), "Logged is \"warn\"; in engine \"debug\".");
        assert_eq!(
            after(&[]).unwrap().said(),
            "Logged is \"info\", as configured."
        );
    }

    #[test]
    fn a_module_that_is_not_there_is_answered_with_one_that_is() {
        refused(
            "transprot",
            "no part of the server is called \"transprot\"; did you mean \"transport\"?",
        );
        refused(
            "modules::rooster",
            "no feature is called \"rooster\"; did you mean \"roster\"?",
        );
        refused("engine::a b", "\"engine::a b\" is no module");
        refused(
            "engine=trace,x",
            "no part of the server is called \"engine=trace,x\"; did you mean \"engine\"?",
        );
    }

    #[track_caller]
    fn refused(module: &str, sentence: &str) {
        assert_eq!(known(module), Err(sentence.to_owned()));
    }
}
