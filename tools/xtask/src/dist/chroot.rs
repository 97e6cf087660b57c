//! The proof that the binary needs no other file: it serves from a root folder that has nothing but it.
//!
//! No library, no `/etc`, no `/dev`, no `/proc`. An account is made inside; a client signs in to it from outside.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Result, bail};

use crate::{
    process,
    server::{Place, TestServer},
    workspace::Workspace,
};

/// Where the program that changes the root folder is. The server gets it along and has no use for it.
const PATH: &str = "/usr/sbin:/usr/bin:/sbin:/bin";

/// Who signs in, as the load tool counts accounts.
const ACCOUNT: (&str, &str) = ("juliet0@localhost", "neither, fair saint");
const ACCOUNTS: &str = "juliet%d@localhost";

/// Runs `binary` alone in a root folder.
///
/// # Errors
///
/// When something is missing, or when nobody here may change the root folder of a process.
pub(super) fn prove(workspace: &Workspace, binary: &Path) -> Result<()> {
    let Some(prefix) = prefix() else {
        println!(
            "note: not run in an empty root folder: neither root nor user namespaces are available"
        );
        return Ok(());
    };
    process::run(
        workspace
            .cargo()
            .args(["build", "--quiet", "--workspace", "--bin", "load"]),
    )?;
    let root = workspace.target().join("dist-root");
    let place = Place::new(&root, "")?;
    fs::copy(binary, root.join("couplet"))?;
    let inside = || {
        let mut command = workspace.command(prefix.first().copied().unwrap_or_default());
        command
            .args(prefix.get(1..).unwrap_or_default())
            .arg(&root)
            .arg("/couplet");
        command.env_clear().env("PATH", PATH);
        command
    };
    let config = Path::new("/couplet.toml");
    let server = TestServer::start_at(place, &inside, config, &[ACCOUNT])?;
    let mut load = workspace.command(workspace.target().join("debug/load"));
    load.args(["--address", &format!("127.0.0.1:{}", server.tls_port)])
        .args(["--account", ACCOUNTS, "--password", ACCOUNT.1])
        .args(["login", "--accounts", "1", "--at-once", "1"])
        .args(["--seconds", "1"])
        .stdout(Stdio::null());
    process::run(&mut load)?;
    let listed = process::output(inside().args(["user", "list"]))?;
    if !listed.contains(ACCOUNT.0) {
        bail!("`user list` in the root folder says {listed:?}");
    }
    server.stop()?;
    println!("it serves alone in {}", root.display());
    Ok(())
}

/// What starts a program in another root folder here.
fn prefix() -> Option<&'static [&'static str]> {
    const WAYS: [&[&str]; 2] = [&["chroot"], &["unshare", "--map-root-user", "chroot"]];
    WAYS.into_iter().find(|way| {
        let (program, arguments) = way.split_first().unwrap_or((&"false", &[]));
        Command::new(program)
            .args(arguments)
            .args(["/", "true"])
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    })
}
