//! `load restart`: a server is restarted under many sessions, and everybody watches everybody.
//!
//! Accounts are contacts in teams, which the server's configuration must say. In each team all sessions but the last can
//! be resumed (XEP-0198). After the restart those must come back as if nothing had been: nobody sees a change of them. The
//! last of each team stays away, and everybody in its team must see it go, exactly once.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    fmt,
    future::poll_fn,
    process::Command,
    rc::Rc,
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use clap::Args;
use serde::Serialize;
use tokio::{
    task::{spawn_blocking, spawn_local},
    time::sleep,
};
use xml::{Element, Ns};

use crate::{
    client::{Client, Heard, SessionOptions},
    clock,
    scenario::gather,
    target::Target,
};

/// How many sign in at a time.
const AT_ONCE: u32 = 32;
/// All is said when nothing came for so long.
const QUIET: Duration = Duration::from_secs(5);
/// How often a client tries to come back.
const ATTEMPTS: usize = 10;
/// How long it waits in between.
const PAUSE: Duration = Duration::from_millis(500);

/// Parameters.
#[derive(Args, Clone, Debug)]
pub(crate) struct Restart {
    /// How many sessions there are.
    #[arg(long, default_value_t = 5_000)]
    sessions: u32,
    /// How many accounts are each other's contacts; the last of them has no stream management.
    #[arg(long, default_value_t = 10)]
    team: u32,
    /// What restarts the server, run by a shell.
    #[arg(long)]
    command: String,
}

/// What came of it.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Outcome {
    /// Sessions that could be resumed.
    resumable: u32,
    /// Sessions that were.
    resumed: u32,
    /// Sessions without stream management.
    others: u32,
    /// How often somebody saw a resumed session change.
    changes_seen: u32,
    /// How often somebody saw one of the others go exactly once, as it must be.
    goings_seen: u32,
    /// How often somebody did not see that.
    goings_missed: u32,
    /// How often somebody saw more than that.
    goings_repeated: u32,
    /// From the command to the last session that came back.
    seconds: f64,
}

impl Outcome {
    /// Whether everything was as it must be.
    pub(crate) fn is_good(&self) -> bool {
        let enough = u64::from(self.resumed) * 100 > u64::from(self.resumable) * 99;
        enough && self.changes_seen == 0 && self.goings_missed == 0 && self.goings_repeated == 0
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            resumable,
            resumed,
            others,
            changes_seen,
            goings_seen,
            goings_missed,
            goings_repeated,
            seconds,
        } = self;
        writeln!(f, "sessions that can be resumed   {resumable:>6}")?;
        writeln!(
            f,
            "  resumed                      {resumed:>6}, within {seconds:.1} s"
        )?;
        writeln!(f, "  seen to change               {changes_seen:>6} times")?;
        writeln!(f, "sessions without               {others:>6}")?;
        writeln!(f, "  seen to go, once             {goings_seen:>6} times")?;
        writeln!(f, "  never seen to go             {goings_missed:>6} times")?;
        write!(
            f,
            "  more than that               {goings_repeated:>6} times"
        )
    }
}

/// What all sessions share.
#[derive(Default)]
struct Board {
    /// What is seen counts from now on.
    is_watching: Cell<bool>,
    is_over: Cell<bool>,
    /// When something came last.
    last: Cell<Option<std::time::Instant>>,
    /// When a session came back last.
    back: Cell<Option<std::time::Instant>>,
    resumed: RefCell<Vec<u32>>,
}

/// What one session saw of others, by full JID: how often they came and went.
type Seen = BTreeMap<String, Changes>;

#[derive(Clone, Copy, Debug, Default)]
struct Changes {
    came: u32,
    went: u32,
}

impl Restart {
    /// Signs all in, has the server restarted, and looks.
    ///
    /// # Errors
    ///
    /// When a session can't be had, or the command fails.
    pub(crate) async fn run(&self, target: Rc<Target>) -> Result<Outcome> {
        ensure!(self.team > 1, "--team: one has no contacts");
        let clients = self.sign_in(&target).await?;
        let addresses: Vec<String> = clients
            .iter()
            .map(|client| client.address().to_owned())
            .collect();
        let board = Rc::new(Board::default());
        let watching: Vec<_> = (0..)
            .zip(clients)
            .map(|(place, client)| {
                let (target, board) = (Rc::clone(&target), Rc::clone(&board));
                let options = self.options(place);
                spawn_local(watch(client, target, place, options, board))
            })
            .collect();
        quiet(&board).await;
        board.is_watching.set(true);
        let begun = clock::now();
        let command = self.command.clone();
        let status = spawn_blocking(move || Command::new("sh").args(["-c", &command]).status());
        let status = status.await?.context("can't run a shell")?;
        ensure!(status.success(), "the command ended with {status}");
        quiet(&board).await;
        board.is_over.set(true);
        let mut seen = Vec::new();
        for watching in watching {
            seen.push(watching.await??);
        }
        let mut outcome = self.outcome(&board, &addresses, &seen);
        let back = board.back.get().unwrap_or(begun);
        outcome.seconds = back.saturating_duration_since(begun).as_secs_f64();
        Ok(outcome)
    }

    /// Whether the session at this place can be resumed.
    fn is_resumable(&self, place: u32) -> bool {
        (place + 1) % self.team != 0
    }

    fn options(&self, place: u32) -> SessionOptions {
        SessionOptions {
            resumable: self.is_resumable(place),
            ..SessionOptions::default()
        }
    }

    async fn sign_in(&self, target: &Rc<Target>) -> Result<Vec<Client>> {
        let (target, restart) = (Rc::clone(target), self.clone());
        let make = move |place| {
            let (target, options) = (Rc::clone(&target), restart.options(place));
            async move { Client::session(&target, place, &options).await }
        };
        gather(self.sessions, AT_ONCE, make).await
    }

    /// What those who were resumed saw of their team.
    fn outcome(&self, board: &Board, addresses: &[String], seen: &[Seen]) -> Outcome {
        let resumed = board.resumed.borrow();
        let is_resumed = |place: &u32| resumed.contains(place);
        let resumable = (0..self.sessions).filter(|place| self.is_resumable(*place));
        let resumable = u32::try_from(resumable.count()).unwrap_or(u32::MAX);
        let mut outcome = Outcome {
            resumable,
            resumed: u32::try_from(resumed.len()).unwrap_or(u32::MAX),
            others: self.sessions - resumable,
            ..Outcome::default()
        };
        for place in resumed.iter() {
            let first = place - place % self.team;
            let team = first..self.sessions.min(first + self.team);
            let Some(seen) = seen.get(*place as usize) else {
                continue;
            };
            for other in team.filter(|other| other != place) {
                let address = addresses.get(other as usize).map_or("", String::as_str);
                let Changes { came, went } = seen.get(address).copied().unwrap_or_default();
                match self.is_resumable(other) {
                    true if is_resumed(&other) => outcome.changes_seen += came + went,
                    true => {}
                    false if (came, went) == (0, 1) => outcome.goings_seen += 1,
                    false if (came, went) == (0, 0) => outcome.goings_missed += 1,
                    false => outcome.goings_repeated += 1,
                }
            }
        }
        outcome
    }
}

/// Waits until nothing has come for a while.
async fn quiet(board: &Board) {
    board.last.set(Some(clock::now()));
    while board
        .last
        .get()
        .is_some_and(|last| clock::now().saturating_duration_since(last) < QUIET)
    {
        sleep(PAUSE).await;
    }
}

/// One session's life: it listens, comes back if it can, and listens on.
async fn watch(
    mut client: Client,
    target: Rc<Target>,
    place: u32,
    options: SessionOptions,
    board: Rc<Board>,
) -> Result<Seen> {
    let mut seen = Seen::new();
    loop {
        // However it ends, it has ended.
        let _ = listen(&mut client, &board, &mut seen).await;
        if board.is_over.get() || !options.resumable {
            return Ok(seen);
        }
        client = match come_back(client, &target, place, &options).await {
            Some(client) => client,
            None => return Ok(seen),
        };
        board.resumed.borrow_mut().push(place);
        board.back.set(Some(clock::now()));
    }
}

async fn listen(client: &mut Client, board: &Board, seen: &mut Seen) -> Result<()> {
    for element in client.left_over() {
        board.last.set(Some(clock::now()));
        if board.is_watching.get() {
            note(element.root(), seen);
        }
    }
    while !board.is_over.get() {
        client.flush().await?;
        let heard = poll_fn(|cx| {
            client.poll_events(cx, |element| {
                board.last.set(Some(clock::now()));
                if board.is_watching.get() {
                    note(element, seen);
                }
                Ok(())
            })
        });
        // It looks up now and then, to see whether all is over.
        match tokio::time::timeout(QUIET, heard).await {
            Ok(Ok(Heard::Something)) | Err(_) => {}
            Ok(Ok(Heard::End)) => return Ok(()),
            Ok(Err(error)) => return Err(error),
        }
    }
    Ok(())
}

fn note(element: Element<'_>, seen: &mut Seen) {
    let Some(from) = element
        .attr("from")
        .filter(|_| element.is("presence", Ns::Content))
    else {
        return;
    };
    let changes = seen.entry(from.into_owned()).or_default();
    match element.attr("type").as_deref() {
        None => changes.came += 1,
        Some("unavailable") => changes.went += 1,
        Some(_) => {}
    }
}

/// Resumed, or given up.
async fn come_back(
    client: Client,
    target: &Target,
    place: u32,
    options: &SessionOptions,
) -> Option<Client> {
    let cut = client.cut();
    for _ in 0..ATTEMPTS {
        match Client::return_from(cut.clone(), target, place, options).await {
            Ok((client, true)) => return Some(client),
            Ok((_, false)) => return None,
            Err(_) => sleep(PAUSE).await,
        }
    }
    None
}
