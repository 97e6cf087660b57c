//! Smack's integration tests against the development binary.
//!
//! Maven gets the suite, at the version that `tests/interop/smack/pom.xml` names, into the target folder. The suite
//! makes its accounts itself (XEP-0077), trusts the server's certificate because that is in the trust store it gets,
//! and always connects to the port 5222: the server listens there on a loopback address of its own.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context, Result, bail};

use super::{
    page::{Kind, PAGE, Page},
    results::{self, Results},
};
use crate::{
    clock::{self, Started},
    process::{self, Tests},
    server::{Build, Setup, TestServer},
    workspace::Workspace,
};

const POM: &str = "tests/interop/smack/pom.xml";
const MAIN: &str = "org.igniterealtime.smack.inttest.SmackIntegrationTestFramework";

/// All runs of the suite together end within this time.
const LIMIT: Duration = Duration::from_secs(10 * 60);

/// How often a test that races with itself is run again, alone.
const FURTHER_CHANCES: usize = 3;

/// The suite keeps one connection on which it makes accounts, and never signs in there.
const TABLES: &str = "[c2s]\nunauthenticated_timeout = \"20 minutes\"\n\n";

/// Gets the suite and what it needs, unless it is there.
///
/// # Errors
///
/// When Maven can't get it.
fn fetch(workspace: &Workspace) -> Result<PathBuf> {
    let work = workspace.target().join("interop/smack");
    let (jars, fetched) = (work.join("jars"), work.join("fetched.xml"));
    let pom = fs::read(workspace.root().join(POM)).context(POM)?;
    if fs::read(&fetched).is_ok_and(|fetched| fetched == pom) {
        return Ok(jars);
    }
    if jars.exists() {
        fs::remove_dir_all(&jars)?;
    }
    let mut maven = workspace.command("mvn");
    maven.args([
        "--batch-mode",
        "--quiet",
        "--strict-checksums",
        "-Dstyle.color=never",
        "--file",
    ]);
    maven.arg(POM).arg("dependency:copy-dependencies");
    maven.arg(format!("-DoutputDirectory={}", jars.display()));
    process::run(&mut maven)?;
    fs::write(&fetched, pom)?;
    Ok(jars)
}

/// Runs the suite, prints what did not pass and why, and counts.
///
/// # Errors
///
/// When the suite or the server can't be started, or the suite does not come to its end.
pub(crate) fn run(workspace: &Workspace) -> Result<Tests> {
    let page = Page::read(workspace)?;
    let jars = fetch(workspace)?;
    let work = workspace.target().join("interop/smack");
    let address = free_address()?;
    let setup = Setup {
        address: Some(address),
        host: "registration = \"open\"\n".to_owned(),
        tables: TABLES,
        ..Setup::of(Build::Development)
    };
    let server = TestServer::start_as(workspace, &work.join("server"), &setup)?;
    let suite = Suite {
        workspace,
        trust: trust(workspace, &work)?,
        jars,
        address,
        started: Started::now(),
    };
    let results = suite
        .all(&page, &work.join("log"))
        .with_context(|| server.log_end())?;
    let failed = failures(&suite, &page, &results, &work)?;
    server.stop()?;
    println!(
        "{} passed, {} failed, {} impossible; the suite's log is {}",
        results.passed.len() + results.failed.len() - failed,
        failed,
        results.impossible.len(),
        work.join("log").display()
    );
    let unexplained = explain_impossible(&page, &results);
    Ok(Tests {
        passed: (results.passed.len() + results.failed.len() - failed) as u64,
        failed: (failed + unexplained) as u64,
    })
}

/// Prints what failed for good, and gives how much that is.
fn failures(suite: &Suite<'_>, page: &Page, results: &Results, work: &Path) -> Result<usize> {
    let mut failed = 0;
    for failure in &results.failed {
        let test = results::short(&failure.name);
        if page.has(Kind::Racy, test) && suite.passes_alone(test, &work.join("log-again"))? {
            println!("{}: passed when run again", failure.name);
        } else {
            println!("FAILED {}: {}", failure.name, failure.why);
            failed += 1;
        }
    }
    Ok(failed)
}

/// Prints what can't run though the page does not say so, or could though it does, and gives how much that is.
fn explain_impossible(page: &Page, results: &Results) -> usize {
    let mut unexplained = 0;
    for failure in &results.impossible {
        let class = results::short(&failure.name);
        if page.has(Kind::Impossible, class) {
            continue;
        }
        println!(
            "FAILED {class} can't run, and {PAGE} does not say why: {}",
            failure.why
        );
        unexplained += 1;
    }
    for class in page.names(Kind::Impossible) {
        if !results
            .impossible
            .iter()
            .any(|failure| results::short(&failure.name) == class)
        {
            println!("FAILED {class} could run: take its row out of {PAGE}");
            unexplained += 1;
        }
    }
    unexplained
}

/// How the suite is started.
struct Suite<'a> {
    workspace: &'a Workspace,
    jars: PathBuf,
    trust: PathBuf,
    address: SocketAddr,
    started: Started,
}

impl Suite<'_> {
    /// All that the page does not leave out.
    fn all(&self, page: &Page, log: &Path) -> Result<Results> {
        let mut settings = Vec::new();
        for (key, kind) in [
            ("disabledSpecifications", Kind::Specification),
            ("disabledConnections", Kind::Connection),
            ("disabledTests", Kind::Test),
        ] {
            let names = page.names(kind);
            if !names.is_empty() {
                settings.push((key, names.join(",")));
            }
        }
        let results = self.run(&settings, log)?;
        if !results.is_complete {
            bail!("the suite did not come to its end; see {}", log.display());
        }
        Ok(results)
    }

    /// Whether a test passes when it has the server for itself.
    fn passes_alone(&self, test: &str, log: &Path) -> Result<bool> {
        let settings = [("enabledTests", test.to_owned())];
        for _ in 0..FURTHER_CHANCES {
            let results = self.run(&settings, log)?;
            if results.is_complete && results.failed.is_empty() && !results.passed.is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn run(&self, settings: &[(&str, String)], log: &Path) -> Result<Results> {
        let file = fs::File::create(log)?;
        let mut java = self.workspace.command("java");
        // One line per message, in one language, in one encoding.
        java.args([
            "-Duser.language=en",
            "-Dfile.encoding=UTF-8",
            "-Djava.util.logging.SimpleFormatter.format=%4$s: %5$s%6$s%n",
            "-Djavax.net.ssl.trustStorePassword=password",
            "-Dsinttest.service=localhost",
            "-Dsinttest.securityMode=required",
            "-Dsinttest.replyTimeout=5000",
            "-Dsinttest.dnsResolver=javax",
        ]);
        java.arg(format!(
            "-Djavax.net.ssl.trustStore={}",
            self.trust.display()
        ))
        .arg(format!("-Dsinttest.host={}", self.address.ip()));
        for (key, value) in settings {
            java.arg(format!("-Dsinttest.{key}={value}"));
        }
        java.arg("-cp")
            .arg(self.jars.join("*"))
            .arg(MAIN)
            .stdout(file.try_clone()?)
            .stderr(file);
        let mut child = java
            .spawn()
            .with_context(|| format!("can't start {}", process::shown(&java)))?;
        // It says by its exit code that tests failed; which ones stands in the log.
        while child.try_wait()?.is_none() {
            if self.started.elapsed() > LIMIT {
                child.kill()?;
                child.wait()?;
                bail!(
                    "the suite was ended after {} minutes; its log is {}",
                    LIMIT.as_secs() / 60,
                    log.display()
                );
            }
            clock::pause();
        }
        Ok(Results::parse(&fs::read_to_string(log)?))
    }
}

/// A loopback address on which nobody has the port that the suite connects to.
fn free_address() -> Result<SocketAddr> {
    (1..=9)
        .map(|last| SocketAddr::from((Ipv4Addr::new(127, 0, 0, last), 5222)))
        .find(|address| TcpListener::bind(address).is_ok())
        .context("the port 5222 is taken on this machine; the suite can't use another")
}

/// A trust store with the certificate that the server made.
fn trust(workspace: &Workspace, work: &Path) -> Result<PathBuf> {
    let store = work.join("trust.p12");
    if store.exists() {
        fs::remove_file(&store)?;
    }
    let mut keytool: Command = workspace.command("keytool");
    keytool.args([
        "-importcert",
        "-noprompt",
        "-alias",
        "server",
        "-storetype",
        "PKCS12",
    ]);
    keytool
        .args(["-storepass", "password", "-keystore"])
        .arg(&store);
    keytool
        .arg("-file")
        .arg(work.join("server/data/self-signed/localhost.crt"));
    process::output(&mut keytool)?;
    Ok(store)
}
