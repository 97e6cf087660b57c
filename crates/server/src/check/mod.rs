//! `couplet check`: what would keep a server from starting or working well, and what to do about each.
//!
//! Everything is looked at and nothing is touched. `certificates.rs`, `files.rs`, `ports.rs` and `system.rs` look at one
//! subject each; what the configuration itself says is checked when it is read.

mod certificates;
mod files;
mod ports;
mod system;

use std::{fmt, path::Path};

use serde::Serialize;

use crate::{
    certificates as served,
    config::{Config, ConfigError},
    data_folder::DataFolder,
    failure::{Exit, Failure},
};

/// How bad it is.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Severity {
    /// Good to know.
    Note,
    /// It works, and not for everybody or not for long.
    Warning,
    /// The server will not start, or nobody can use it.
    Error,
}

/// Something that was found.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub(crate) struct Finding {
    pub(crate) severity: Severity,
    /// What it is about: `certificates`, `ports`.
    pub(crate) about: &'static str,
    /// What is so.
    pub(crate) found: String,
    /// What to do.
    pub(crate) advice: String,
}

impl Finding {
    fn new(
        severity: Severity,
        about: &'static str,
        found: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self {
            severity,
            about,
            found: found.into(),
            advice: advice.into(),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self.severity {
            Severity::Note => "note",
            Severity::Warning => "warning",
            Severity::Error => "error",
        };
        writeln!(f, "{word} ({}): {}.", self.about, self.found)?;
        writeln!(f, "  {}.", self.advice)
    }
}

/// What was found, the worst first.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    /// The configuration file, if there is one.
    config: Option<String>,
    findings: Vec<Finding>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for finding in &self.findings {
            finding.fmt(f)?;
        }
        let place = self.config.as_deref().unwrap_or("no file, only defaults");
        let counted = |severity, what| match self.count(severity) {
            1 => format!("1 {what}"),
            count => format!("{count} {what}s"),
        };
        match self.count(Severity::Error) + self.count(Severity::Warning) {
            0 => writeln!(f, "All is well ({place})."),
            _ => writeln!(
                f,
                "{}, {} ({place}).",
                counted(Severity::Error, "error"),
                counted(Severity::Warning, "warning")
            ),
        }
    }
}

impl Report {
    fn count(&self, severity: Severity) -> usize {
        let same = |finding: &&Finding| finding.severity == severity;
        self.findings.iter().filter(same).count()
    }

    /// What the process ends with: success, unless something has to be mended first.
    pub(crate) fn outcome(&self) -> Result<(), Failure> {
        let errors = self.findings.iter();
        let mut errors = errors.filter(|finding| finding.severity == Severity::Error);
        let Some(first) = errors.next() else {
            return Ok(());
        };
        let exit = match first.about {
            "configuration" | "certificates" => Exit::Config,
            _ => Exit::Start,
        };
        // One sentence, of which the advice is no longer the beginning.
        let mut advice = first.advice.clone();
        if let Some(letter) = advice.get_mut(..1) {
            letter.make_ascii_lowercase();
        }
        Err(Failure::new(exit, format!("{}; {advice}", first.found)))
    }
}

/// Looks at everything. `file` is the configuration file that was asked for.
pub(crate) fn run(file: Option<&Path>, config: Result<Config, ConfigError>) -> Report {
    let mut findings = match &config {
        Ok(config) => look(config),
        Err(error) => mistakes(error),
    };
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    Report {
        config: file.map(|file| file.display().to_string()),
        findings,
    }
}

/// Each mistake in the file; what it would mean for the rest can't be known.
fn mistakes(error: &ConfigError) -> Vec<Finding> {
    let finding = |found: String| {
        Finding::new(
            Severity::Error,
            "configuration",
            found,
            "Mend it; the rest is looked at once the file can be read. \"couplet config default\" shows every key",
        )
    };
    match error {
        ConfigError::Wrong(complaints) => complaints
            .iter()
            .map(|complaint| finding(complaint.to_string()))
            .collect(),
        ConfigError::Unreadable { .. } => vec![finding(error.to_string())],
    }
}

fn look(config: &Config) -> Vec<Finding> {
    let now = system::now_seconds();
    let is_running = DataFolder::is_in_use(&config.general.data);
    let mut findings = Vec::new();
    match served::load(config, None) {
        Ok(set) => findings.extend(certificates::look(config, &set, now)),
        Err(error) => findings.push(Finding::new(
            Severity::Error,
            "certificates",
            format!("{error:#}"),
            "The server does not start until this is mended",
        )),
    }
    findings.extend(certificates::authorities(config));
    findings.extend(files::look(config));
    findings.extend(ports::look(config, is_running));
    findings.extend(system::look(config, now));
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(findings: Vec<Finding>) -> Report {
        Report {
            config: Some("couplet.toml".to_owned()),
            findings,
        }
    }

    fn one(severity: Severity, about: &'static str) -> Finding {
        Finding::new(severity, about, "It is so", "Do this")
    }

    #[test]
    fn the_outcome_is_that_of_the_first_error() {
        check(&[], None);
        check(&[one(Severity::Warning, "ports")], None);
        check(&[one(Severity::Error, "ports")], Some("It is so; do this"));
    }

    #[track_caller]
    fn check(findings: &[Finding], failure: Option<&str>) {
        let outcome = report(findings.to_vec()).outcome();
        let said = outcome.err().map(|failure| failure.to_string());
        assert_eq!(said.as_deref(), failure);
    }

    #[test]
    fn a_report_says_what_to_do_and_how_much_there_is() {
        assert_eq!(
            report(Vec::new()).to_string(),
            "All is well (couplet.toml).\n"
        );
        assert_eq!(
            report(vec![one(Severity::Note, "clock")]).to_string(),
            "note (clock): It is so.\n  Do this.\nAll is well (couplet.toml).\n"
        );
        assert_eq!(
            report(vec![one(Severity::Warning, "clock")]).to_string(),
            "warning (clock): It is so.\n  Do this.\n0 errors, 1 warning (couplet.toml).\n"
        );
    }
}
