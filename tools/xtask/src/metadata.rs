//! What cargo says about our crates and everything they build on.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::{process, workspace::Workspace};

/// Our crates, and the foreign ones that a build for this platform really uses.
#[derive(Debug)]
pub(crate) struct Metadata {
    /// Ours, with what their manifests ask for.
    pub(crate) ours: Vec<Package>,
    /// Everybody else's, also those that only tests or builds use.
    pub(crate) foreign: BTreeSet<Foreign>,
}

/// One of our packages.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Package {
    /// As in `Cargo.toml`.
    pub(crate) name: String,
    /// What its manifest asks for.
    pub(crate) dependencies: Vec<Dependency>,
}

/// One line of a manifest's dependencies.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Dependency {
    /// The name of the package.
    pub(crate) name: String,
    /// `None` for a normal dependency, else `dev` or `build`.
    pub(crate) kind: Option<String>,
}

/// One foreign package in one version.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Foreign {
    /// As in `Cargo.lock`.
    pub(crate) name: String,
    /// As in `Cargo.lock`.
    pub(crate) version: String,
    /// The licence expression, empty when the package states none.
    pub(crate) license: String,
}

#[derive(Deserialize)]
struct Manifests {
    packages: Vec<Package>,
}

impl Metadata {
    /// Asks cargo.
    ///
    /// # Errors
    ///
    /// When cargo fails, or says something else than it used to.
    pub(crate) fn read(workspace: &Workspace) -> Result<Self> {
        let mut cargo = workspace.cargo();
        let json = process::output(cargo.args(["metadata", "--format-version", "1", "--no-deps"]))?;
        let manifests: Manifests =
            serde_json::from_str(&json).context("`cargo metadata` has an unknown form")?;
        // `cargo metadata` also resolves optional packages that no build uses; `cargo tree` does not.
        let mut cargo = workspace.cargo();
        let tree = process::output(cargo.args([
            "tree",
            "--workspace",
            "--prefix",
            "none",
            "--format",
            "{p}\t{l}",
        ]))?;
        let foreign = tree
            .lines()
            .filter_map(Foreign::parse)
            .filter(|foreign| {
                manifests
                    .packages
                    .iter()
                    .all(|package| package.name != foreign.name)
            })
            .collect();
        Ok(Self {
            ours: manifests.packages,
            foreign,
        })
    }

    /// Names that are built in several versions, with these.
    pub(crate) fn duplicates(&self) -> BTreeMap<String, Vec<String>> {
        let mut versions: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for package in &self.foreign {
            versions
                .entry(package.name.clone())
                .or_default()
                .push(package.version.clone());
        }
        versions.retain(|_, versions| versions.len() > 1);
        versions
    }
}

impl Foreign {
    /// Reads `name v1.2.3 (proc-macro)<tab>licence (*)`; the star marks a repetition.
    fn parse(line: &str) -> Option<Self> {
        let (package, license) = line.split_once('\t')?;
        let mut words = package.split(' ');
        let name = words.next()?.to_owned();
        let version = words.next()?.strip_prefix('v')?.to_owned();
        let license = license.strip_suffix(" (*)").unwrap_or(license).to_owned();
        Some(Self {
            name,
            version,
            license,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_tree_is_a_package() {
        check(
            "syn v2.0.1\tMIT OR Apache-2.0",
            "syn",
            "2.0.1",
            "MIT OR Apache-2.0",
        );
        check(
            "serde_derive v1.0.0 (proc-macro)\tMIT (*)",
            "serde_derive",
            "1.0.0",
            "MIT",
        );
        check("nameless v0.1.0\t", "nameless", "0.1.0", "");
        assert_eq!(Foreign::parse(""), None);
    }

    #[track_caller]
    fn check(line: &str, name: &str, version: &str, license: &str) {
        let expected = Foreign {
            name: name.into(),
            version: version.into(),
            license: license.into(),
        };
        assert_eq!(Foreign::parse(line), Some(expected));
    }
}
