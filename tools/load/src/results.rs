//! Results as they are kept: lines of JSON, from which the page can be made again without running anything.

use std::{
    fs::{self, File},
    io::Write as _,
    path::Path,
};

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

use crate::{plan::Plan, report::Report};

/// One line.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Line {
    /// Where and when: the first.
    Place(Place),
    /// A scenario, before its runs.
    Scenario(Plan),
    /// One run.
    Run(Run),
}

/// Where and when it was run.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct Place {
    /// Day, in UTC.
    pub(crate) date: String,
    /// The processor and how many cores the machine has.
    pub(crate) machine: String,
    /// The operating system.
    pub(crate) system: String,
    /// The servers, each with its version.
    pub(crate) servers: Vec<(String, String)>,
    /// What was typed.
    pub(crate) command: String,
}

/// One scenario against one server, once.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Run {
    /// Its file's name.
    pub(crate) scenario: String,
    /// The server's name.
    pub(crate) server: String,
    /// Counted from 1.
    pub(crate) round: u32,
    /// How it went.
    pub(crate) outcome: Outcome,
}

/// How a run went.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    /// It was measured.
    Report(Box<Report>),
    /// The server does not offer this feature.
    NotOffered(String),
    /// It could not be measured.
    Failed(String),
}

impl Outcome {
    /// What was measured without anything going wrong.
    pub(crate) fn sound(&self) -> Option<&Report> {
        match self {
            Self::Report(report) if report.failures.is_empty() => Some(report),
            _ => None,
        }
    }

    /// What went wrong.
    pub(crate) fn failures(&self) -> Vec<&str> {
        match self {
            Self::Report(report) => report.failures.iter().map(String::as_str).collect(),
            Self::NotOffered(_) => Vec::new(),
            Self::Failed(failure) => vec![failure],
        }
    }
}

/// A file that results are written to as they come.
pub(crate) struct Writer {
    file: File,
}

impl Writer {
    /// Begins the file anew.
    pub(crate) fn create(path: &Path) -> Result<Self> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let file = File::create(path).with_context(|| format!("can't write {}", path.display()))?;
        Ok(Self { file })
    }

    /// Writes one line.
    pub(crate) fn write(&mut self, line: &Line) -> Result<()> {
        let mut text = serde_json::to_string(line)?;
        text.push('\n');
        Ok(self.file.write_all(text.as_bytes())?)
    }
}

/// Reads a file of results.
pub(crate) fn read(path: &Path) -> Result<Vec<Line>> {
    let text =
        fs::read_to_string(path).with_context(|| format!("can't read {}", path.display()))?;
    text.lines()
        .map(|line| Ok(serde_json::from_str(line)?))
        .collect::<Result<_>>()
        .with_context(|| format!("{} holds no results", path.display()))
}
