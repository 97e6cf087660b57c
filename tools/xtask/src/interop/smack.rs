//! Smack's integration tests against the development binary.
//!
//! Maven gets the suite, at the version that `tests/interop/smack/pom.xml` names, into the target folder. The suite
//! makes its accounts by the administrator's commands (XEP-0133), trusts the server's certificate because that is in the
//! trust store it gets, and always connects to the port 5222: the server listens there on a loopback address of its own.

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
    machine::Tool,
    process::{self, Tests},
    server::{ACCOUNTS, Build, Setup, TestServer},
    steps::Outcome,
    workspace::Workspace,
};

/// What the suite can't run without.
pub(crate) const NEEDS: [Tool; 3] = [Tool::C, Tool::Java, Tool::Maven];

const POM: &str = "tests/interop/smack/pom.xml";
const MAIN: &str = "org.igniterealtime.smack.inttest.SmackIntegrationTestFramework";

/// All runs of the suite together end within this time.
const LIMIT: Duration = Duration::from_secs(10 * 60);

/// How often a test that races with itself is run until it has passed.
const CHANCES: usize = 4;

/// How long the suite waits for an answer, in milliseconds: longer than any takes on a busy machine, as only what fails
/// takes that long.
const PATIENCE_MS: u32 = 30_000;

/// Which tests are run.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Which {
    /// Those that fail by the server's fault only.
    Sure,
    /// Those that can fail by their own fault as well.
    All,
}

/// The step of `cargo xtask test`.
///
/// # Errors
///
/// As [`run`].
pub(crate) fn step(workspace: &Workspace) -> Result<Outcome> {
    Ok(Outcome::Tests(run(workspace, Which::Sure)?))
}

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
    // Like everything else, below the target folder.
    maven.arg(format!("-Dmaven.repo.local={}/maven", work.display()));
    process::run(&mut maven)?;
    fs::write(&fetched, pom)?;
    Ok(jars)
}

/// Runs the suite, prints what did not pass and why, and counts.
///
/// # Errors
///
/// When the suite or the server can't be started, or the suite does not come to its end.
pub(crate) fn run(workspace: &Workspace, which: Which) -> Result<Tests> {
    let page = Page::read(workspace)?;
    let jars = fetch(workspace)?;
    let work = workspace.target().join("interop/smack");
    let address = free_address()?;
    let setup = Setup {
        address: Some(address),
        host: String::new(),
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
    let tests = suite
        .count(&page, which, &work)
        .with_context(|| server.log_end())?;
    server.stop()?;
    println!("the suite's logs are {}/log*", work.display());
    Ok(tests)
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
    /// Runs the tests, those that need it one by one, and counts.
    fn count(&self, page: &Page, which: Which, work: &Path) -> Result<Tests> {
        let results = self.together(page, &work.join("log"))?;
        for failure in &results.failed {
            println!("FAILED {}: {}", failure.name, failure.why);
        }
        let mut tests = Tests {
            passed: results.passed.len() as u64,
            failed: (results.failed.len() + explain_impossible(page, &results)) as u64,
        };
        let mut alone = Vec::new();
        alone.extend(page.names(Kind::Alone).into_iter().map(|test| (test, 1)));
        if which == Which::All {
            alone.extend(
                page.names(Kind::Racy)
                    .into_iter()
                    .map(|test| (test, CHANCES)),
            );
        }
        for (test, chances) in alone {
            let connections = page.names(Kind::Connection).join(",");
            let log = work.join(format!("log-{test}"));
            if self.passes_alone(test, &connections, chances, &log)? {
                tests.passed += 1;
            } else {
                tests.failed += 1;
            }
        }
        Ok(tests)
    }

    /// In one run, all that the page neither leaves out nor wants to run alone.
    fn together(&self, page: &Page, log: &Path) -> Result<Results> {
        let mut settings = Vec::new();
        for (key, kinds) in [
            ("disabledSpecifications", &[Kind::Specification][..]),
            ("disabledConnections", &[Kind::Connection]),
            ("disabledTests", &[Kind::Test, Kind::Alone, Kind::Racy]),
        ] {
            let names: Vec<&str> = kinds.iter().flat_map(|kind| page.names(*kind)).collect();
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

    /// Whether a test passes in a run, and so on accounts, of its own, without these kinds of connections.
    fn passes_alone(&self, test: &str, without: &str, chances: usize, log: &Path) -> Result<bool> {
        let mut settings = vec![("enabledTests", test.to_owned())];
        if !without.is_empty() {
            settings.push(("disabledConnections", without.to_owned()));
        }
        let mut why = Vec::new();
        for _ in 0..chances {
            let results = self.run(&settings, log)?;
            if results.is_complete && results.failed.is_empty() && !results.passed.is_empty() {
                return Ok(true);
            }
            let failure = results.failed.into_iter().next();
            why.push(failure.map_or("it did not run".to_owned(), |failure| failure.why));
        }
        println!("FAILED {test}, alone: {}", why.join("; "));
        Ok(false)
    }

    fn run(&self, settings: &[(&str, String)], log: &Path) -> Result<Results> {
        let file = fs::File::create(log)?;
        let [(admin, password), _] = ACCOUNTS;
        let (admin, _) = admin.split_once('@').context("an account has a domain")?;
        let mut java = self.workspace.command("java");
        // One line per message, in one language, in one encoding.
        java.args([
            "-Duser.language=en",
            "-Dfile.encoding=UTF-8",
            "-Djava.util.logging.SimpleFormatter.format=%4$s: %5$s%6$s%n",
            "-Djavax.net.ssl.trustStorePassword=password",
            "-Dsinttest.service=localhost",
            "-Dsinttest.securityMode=required",
            "-Dsinttest.dnsResolver=javax",
        ]);
        java.arg(format!(
            "-Djavax.net.ssl.trustStore={}",
            self.trust.display()
        ))
        .arg(format!("-Dsinttest.host={}", self.address.ip()))
        .arg(format!("-Dsinttest.replyTimeout={PATIENCE_MS}"))
        .arg(format!("-Dsinttest.adminAccountUsername={admin}"))
        .arg(format!("-Dsinttest.adminAccountPassword={password}"));
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
