//! `cargo xtask dist`: the binary as it is released.

use anyhow::{Context, Result};

use crate::{
    machine::{self, Tool},
    process,
    workspace::Workspace,
};

/// Builds with the `dist` profile (thin LTO) and prints where the binary is and how large.
///
/// # Errors
///
/// When it does not build.
pub(crate) fn build(workspace: &Workspace) -> Result<()> {
    machine::provide(workspace, &[Tool::C], &[])?;
    process::run(
        workspace
            .cargo()
            .args(["build", "--package", "couplet", "--profile", "dist"]),
    )?;
    let binary = workspace.target().join("dist/couplet");
    let size_bytes = binary
        .metadata()
        .with_context(|| format!("{} was not built", binary.display()))?
        .len();
    println!("{}: {:.1} MiB", binary.display(), mebibytes(size_bytes));
    Ok(())
}

fn mebibytes(size_bytes: u64) -> f64 {
    let tenths = size_bytes * 10 / (1024 * 1024);
    f64::from(u32::try_from(tenths).unwrap_or(u32::MAX)) / 10.0
}
