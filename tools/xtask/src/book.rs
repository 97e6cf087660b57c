//! The pages of the operator's book that the server writes itself: every key, every command.

use anyhow::{Context, Result};

use crate::{process, workspace::Workspace};

/// Each page, relative to the project's root, and what the binary calls it.
pub(crate) const PAGES: [(&str, &str); 2] = [
    ("docs/admin/keys.md", "keys"),
    ("docs/admin/commands.md", "commands"),
];

/// Writes the pages.
///
/// # Errors
///
/// When the binary can't be built or run, or a page not be written.
pub(crate) fn write(workspace: &Workspace) -> Result<()> {
    for (path, name) in PAGES {
        std::fs::write(workspace.root().join(path), page(workspace, name)?)
            .with_context(|| format!("can't write {path}"))?;
    }
    Ok(())
}

/// A page as it has to be.
///
/// # Errors
///
/// When the binary can't be built or run.
pub(crate) fn page(workspace: &Workspace, name: &str) -> Result<String> {
    // As a part of the whole workspace: alone, its dependencies would have other features and be built again.
    let mut cargo = workspace.cargo();
    process::run(cargo.args(["build", "--quiet", "--workspace", "--bin", "couplet"]))?;
    let binary = workspace.target().join("debug/couplet");
    process::output(workspace.command(binary).args(["book", name]))
}
