//! The clients step: client libraries that people use, against the development binary.
//!
//! Each folder of `tests/clients` is one client. With a `requirements.txt` it is Python: `run.py` runs in a virtual
//! environment that has these packages. With a `package.json` it is JavaScript: `run.mjs` runs beside its
//! `node_modules`. Everything downloaded lands in the target folder. A script ends with 0 when all was as it should
//! be, and reads from its environment where the server is and who may sign in:
//!
//! - `COUPLET_HOST`, `COUPLET_PORT` (STARTTLS), `COUPLET_TLS_PORT` (direct TLS): where to connect;
//! - `COUPLET_METRICS_PORT`: where metrics are, by HTTP;
//! - `COUPLET_DOMAIN`: the virtual host. Its certificate is self-signed, so the script does not verify it;
//! - `COUPLET_MOTD`, `COUPLET_WELCOME`: what the host tells everybody once, and whoever registers;
//! - `COUPLET_USER_1`, `COUPLET_PASSWORD_1`, `COUPLET_USER_2`, `COUPLET_PASSWORD_2`: two accounts, empty at the start;
//!   the first administers the server.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};

use crate::{
    process,
    server::{ACCOUNTS, MOTD, TestServer, WELCOME},
    steps::Outcome,
    workspace::Workspace,
};

const FOLDER: &str = "tests/clients";

/// Runs every client, each against a server of its own; with `$CLIENT`, those whose name has that word.
///
/// # Errors
///
/// When a client or the server is not content.
pub(crate) fn run(workspace: &Workspace) -> Result<Outcome> {
    let only = std::env::var("CLIENT").unwrap_or_default();
    let mut clients = clients(&workspace.root().join(FOLDER))?;
    clients.retain(|client| client.name.contains(&only));
    if clients.is_empty() {
        bail!("there is no client {only:?} in {FOLDER}");
    }
    for client in &clients {
        println!("-- {}", client.name);
        let work = workspace.target().join("clients").join(&client.name);
        let mut command = client.prepare(workspace, &work)?;
        let server = TestServer::start(workspace, &work.join("server"))?;
        describe(&mut command, &server);
        process::run(&mut command).with_context(|| server.log_end())?;
        server.stop()?;
    }
    let names: Vec<&str> = clients.iter().map(|client| client.name.as_str()).collect();
    Ok(Outcome::PassedWith(names.join(", ")))
}

struct Client {
    name: String,
    folder: PathBuf,
    language: Language,
}

enum Language {
    Python,
    JavaScript,
}

/// The clients in `folder`, by name.
fn clients(folder: &Path) -> Result<Vec<Client>> {
    let mut clients = Vec::new();
    let Ok(entries) = fs::read_dir(folder) else {
        return Ok(clients);
    };
    for entry in entries {
        let folder = entry?.path();
        let language = match () {
            () if folder.join("requirements.txt").exists() => Language::Python,
            () if folder.join("package.json").exists() => Language::JavaScript,
            () => continue,
        };
        let name = folder
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        clients.push(Client {
            name,
            folder,
            language,
        });
    }
    clients.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(clients)
}

impl Client {
    /// Installs what the script needs below `work`, and gives the command that runs it.
    fn prepare(&self, workspace: &Workspace, work: &Path) -> Result<Command> {
        fs::create_dir_all(work)?;
        match self.language {
            Language::Python => self.prepare_python(workspace, work),
            Language::JavaScript => self.prepare_javascript(workspace, work),
        }
    }

    fn prepare_python(&self, workspace: &Workspace, work: &Path) -> Result<Command> {
        let environment = work.join("environment");
        let python = environment.join("bin/python");
        if !python.exists() {
            process::run(
                workspace
                    .command("python3")
                    .args(["-m", "venv"])
                    .arg(&environment),
            )?;
        }
        let mut pip = workspace.command(&python);
        pip.args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--requirement",
        ]);
        process::run(pip.arg(self.folder.join("requirements.txt")))?;
        let mut command = workspace.command(&python);
        command
            .arg(self.folder.join("run.py"))
            .env("PYTHONDONTWRITEBYTECODE", "1");
        Ok(command)
    }

    /// Node looks for packages beside the script, so the script goes where they are.
    fn prepare_javascript(&self, workspace: &Workspace, work: &Path) -> Result<Command> {
        for entry in fs::read_dir(&self.folder)? {
            let file = entry?.path();
            if let (true, Some(name)) = (file.is_file(), file.file_name()) {
                fs::copy(&file, work.join(name))?;
            }
        }
        let how = if work.join("package-lock.json").exists() {
            "ci"
        } else {
            "install"
        };
        let mut npm = workspace.command("npm");
        npm.args([how, "--no-audit", "--no-fund", "--loglevel=error"])
            .current_dir(work);
        process::run(&mut npm)?;
        let mut command = workspace.command("node");
        command.arg("run.mjs").current_dir(work);
        Ok(command)
    }
}

fn describe(command: &mut Command, server: &TestServer) {
    command
        .env("COUPLET_HOST", "127.0.0.1")
        .env("COUPLET_PORT", server.port.to_string())
        .env("COUPLET_TLS_PORT", server.tls_port.to_string())
        .env("COUPLET_METRICS_PORT", server.metrics_port.to_string())
        .env("COUPLET_DOMAIN", "localhost")
        .env("COUPLET_MOTD", MOTD)
        .env("COUPLET_WELCOME", WELCOME);
    for (number, (account, password)) in ACCOUNTS.iter().enumerate() {
        command.env(format!("COUPLET_USER_{}", number + 1), account);
        command.env(format!("COUPLET_PASSWORD_{}", number + 1), password);
    }
}
