//! The command line's side: the running server does it, or else this process.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    os::unix::net::UnixStream,
    path::Path,
    time::Duration,
};

use engine::command::{AdminContext, CommandEntry, Outcome, Who};
use serde_json::{Map, Value};

use super::request::{Answer, Request};
use crate::{
    assembly::Assembly,
    config::Config,
    data_folder::{self, DataFolder},
    failure::{Exit, Failure},
};

/// How often a server that is starting is asked for its socket: five seconds in all.
const ATTEMPTS: u32 = 100;

/// After a restart the store may have to be brought to a new form: a minute in all.
const ATTEMPTS_AFTER_RESTART: u32 = 1_200;

/// The command after which the server is another program.
const RESTART: &str = "restart";

/// How long to wait in between.
const BETWEEN_ATTEMPTS: Duration = Duration::from_millis(50);

/// Has a command done by the running server of this configuration; when none runs, opens the
/// store and does it here. `heard` is told what a live command says on the way.
///
/// # Errors
///
/// A [`Failure`] with the sentence for the operator.
pub(crate) fn ask(
    config: &Config,
    command: &CommandEntry,
    arguments: Map<String, Value>,
    heard: impl FnMut(&Outcome),
) -> Result<Outcome, Failure> {
    let request = Request::new(command.path, arguments);
    let path = data_folder::socket(&config.general.data);
    let answer = match connect(config, &path) {
        Ok(stream) => {
            let answer = exchange(&stream, &request, heard).map_err(|error| {
                Failure::refused(format!(
                    "the server did not answer on {}: {error}",
                    path.display()
                ))
            })?;
            if command.path == RESTART && matches!(answer, Answer::Ok { .. }) {
                until_back(config, &path, &stream)?;
            }
            answer
        }
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            return Err(Failure::refused(format!(
                "{} belongs to another user; run this as the user that runs couplet",
                path.display()
            )));
        }
        Err(_) if command.needs_running => {
            return Err(Failure::new(
                Exit::NotRunning,
                format!(
                    "no server is running on the data folder {}",
                    config.general.data.display()
                ),
            ));
        }
        Err(_) => alone(config, request)?,
    };
    answer.into_result().map_err(Failure::refused)
}

/// Connects to the running server. One that has the data folder and no socket is starting or stopping:
/// that takes a moment.
fn connect(config: &Config, path: &Path) -> io::Result<UnixStream> {
    for _ in 0..ATTEMPTS {
        let connected = UnixStream::connect(path);
        if connected.is_ok() || !DataFolder::is_in_use(&config.general.data) {
            return connected;
        }
        pause();
    }
    UnixStream::connect(path)
}

/// Waits until the server that answered on `stream` has ended and the one after it answers.
fn until_back(config: &Config, path: &Path, mut stream: &UnixStream) -> Result<(), Failure> {
    // Its end may be a clean one or a reset, and either will do.
    let _ = stream.read_to_end(&mut Vec::new());
    let mut gone_for = 0;
    for _ in 0..ATTEMPTS_AFTER_RESTART {
        if UnixStream::connect(path).is_ok() {
            return Ok(());
        }
        // Between both nobody has the folder, for a moment.
        gone_for = match DataFolder::is_in_use(&config.general.data) {
            true => 0,
            false => gone_for + 1,
        };
        if gone_for == ATTEMPTS {
            return Err(Failure::refused(
                "the server has ended and does not run again; its log says why",
            ));
        }
        pause();
    }
    Err(Failure::refused(
        "the server restarts and does not answer yet; its log says what it does",
    ))
}

#[expect(
    clippy::disallowed_methods,
    reason = "a command of one shot waits for another process"
)]
fn pause() {
    std::thread::sleep(BETWEEN_ATTEMPTS);
}

fn exchange(
    mut stream: &UnixStream,
    request: &Request,
    mut heard: impl FnMut(&Outcome),
) -> io::Result<Answer> {
    let mut line = serde_json::to_vec(request)?;
    line.push(b'\n');
    stream.write_all(&line)?;
    let mut answers = BufReader::new(stream).lines();
    loop {
        let line = answers
            .next()
            .ok_or_else(|| io::Error::other("it has ended"))??;
        match serde_json::from_str(&line)? {
            Answer::Said { text, data } => heard(&Outcome { text, data }),
            answer => return Ok(answer),
        }
    }
}

/// Opens the store, does it, and closes the store.
fn alone(config: &Config, request: Request) -> Result<Answer, Failure> {
    let data = DataFolder::open(&config.general.data).map_err(Failure::start)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Failure::start)?;
    runtime.block_on(async {
        let environment = transport::SystemEnvironment::new();
        let assembly = Assembly::open(config, &data, environment)
            .map_err(|error| Failure::start(format!("{error:#}")))?;
        let cx = AdminContext::new(assembly.server.clone(), Who::Operator, None);
        let answer = request.run(cx).await;
        assembly.close();
        Ok(answer)
    })
}
