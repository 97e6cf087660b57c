//! The no-loss test over real sockets and processes: [`testkit::no_loss`] says who the clients are and what counts.
//!
//! Connections are cut at random bytes, in both directions; the server is killed with SIGKILL, each time after at least
//! 100 acknowledged messages, and restarted in good order. A short run is part of the suite. `cargo xtask torture` is the
//! long one; it sets the variables that [`Plan`] reads. A seed repeats what the clients do, as far as a process under load
//! can be repeated.

mod wires;

use std::{
    env,
    hash::{BuildHasher, RandomState},
    process::{Child, Command},
    time::{Duration, Instant},
};

use testkit::{
    no_loss::{Crowd, Promises, Scale},
    world::Random,
};

use self::wires::Wires;
use super::process::{COUPLET, Place, Serving};

/// A death of the server comes after so many acknowledged messages at the earliest.
const ACKNOWLEDGED_MIN: usize = 100;
/// And so many turns after it is due, at the latest.
const FURTHER_TURNS: usize = 40;
/// Nothing comes any more when nothing came for so long. Far more than anything needs.
const PATIENCE: Duration = Duration::from_secs(30);

#[test]
fn nothing_acknowledged_is_lost_and_nothing_comes_twice() {
    let plan = Plan::from_env();
    println!("{plan:?}");
    let mut torture = Torture::begin(plan);
    torture.get_online();
    torture.live();
    torture.come_to_rest();
    println!("{}{}", torture.tally, torture.crowd.figures());
    if let Err(mistakes) = torture.crowd.verdict() {
        panic!("seed {}: {mistakes}", torture.plan.seed);
    }
}

/// How much is done.
#[derive(Clone, Debug)]
struct Plan {
    messages: usize,
    kills: usize,
    restarts: usize,
    seed: u64,
    binary: String,
}

impl Plan {
    fn from_env() -> Self {
        Self {
            messages: setting("COUPLET_TORTURE_MESSAGES").unwrap_or(3_000),
            kills: setting("COUPLET_TORTURE_KILLS").unwrap_or(3),
            restarts: setting("COUPLET_TORTURE_RESTARTS").unwrap_or(2),
            seed: setting("COUPLET_SEED").unwrap_or_else(|| RandomState::new().hash_one(())),
            binary: env::var("COUPLET_TORTURE_BINARY").unwrap_or_else(|_| COUPLET.to_owned()),
        }
    }
}

fn setting<T: std::str::FromStr>(name: &str) -> Option<T> {
    env::var(name).ok()?.parse().ok()
}

/// What befalls the server.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Fate {
    Killed,
    Restarted,
}

/// What was done to it.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    kills: usize,
    restarts: usize,
    cuts: usize,
}

impl std::fmt::Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "kills                       {:>7}", self.kills)?;
        writeln!(f, "restarts                    {:>7}", self.restarts)?;
        writeln!(f, "connections cut             {:>7}", self.cuts)
    }
}

struct Torture {
    plan: Plan,
    random: Random,
    place: Place,
    server: Option<Serving>,
    crowd: Crowd,
    wires: Wires,
    tally: Tally,
}

impl Torture {
    fn begin(plan: Plan) -> Self {
        let scale = Scale {
            accounts: 20,
            messages: plan.messages,
            has_multicast: true,
        };
        let promises = Promises {
            domain: "localhost".to_owned(),
            has_archive: HAS_ARCHIVE,
            survives_death: SURVIVES_DEATH,
        };
        let place = Place::new();
        place.configure(&configuration(scale.accounts));
        for name in Crowd::teams(scale.accounts).flatten() {
            let user = format!("{name}@localhost");
            place.done(
                &["user", "add", &user, "--password-stdin"],
                &format!("{name}\n"),
            );
        }
        let crowd = Crowd::new(scale, &promises);
        let mut torture = Self {
            random: Random::new(plan.seed),
            wires: Wires::new(place.port, crowd.clients().len()),
            server: None,
            tally: Tally::default(),
            plan,
            place,
            crowd,
        };
        torture.serve();
        torture
    }

    fn serve(&mut self) {
        let command = Command::new(&self.plan.binary);
        self.server = Some(self.place.start(command, &["serve"]));
    }

    fn turn(&mut self) {
        self.tally.cuts += self.wires.turn(&mut self.crowd, &mut self.random);
    }

    fn get_online(&mut self) {
        self.wait_until("everybody is online", Crowd::is_online);
    }

    /// Everybody does what they do, and the server suffers its fates.
    fn live(&mut self) {
        let fates = self.fates();
        let count = fates.len() + 1;
        self.wires.may_cut = true;
        for (number, fate) in (1..).zip(fates) {
            let acknowledged = self.crowd.acknowledged() + ACKNOWLEDGED_MIN;
            let sent = self.plan.messages * number / count;
            while self.crowd.sent() < sent || self.crowd.acknowledged() < acknowledged {
                let is_over = self.crowd.has_sent_all() && self.crowd.is_at_rest();
                assert!(!is_over, "too few messages for all that is to happen");
                self.act();
            }
            for _ in 0..self.random.below(FURTHER_TURNS) {
                self.act();
            }
            match fate {
                Fate::Killed => self.kill(),
                Fate::Restarted => self.restart(),
            }
        }
        while !self.crowd.has_sent_all() {
            self.act();
        }
    }

    fn act(&mut self) {
        for _ in 0..1 + self.random.below(8) {
            self.crowd.act(&mut self.random);
        }
        self.turn();
    }

    fn fates(&mut self) -> Vec<Fate> {
        let kills = std::iter::repeat_n(Fate::Killed, self.plan.kills);
        let restarts = std::iter::repeat_n(Fate::Restarted, self.plan.restarts);
        let mut fates: Vec<Fate> = kills.chain(restarts).collect();
        for index in (1..fates.len()).rev() {
            fates.swap(index, self.random.below(index + 1));
        }
        fates
    }

    fn kill(&mut self) {
        self.tally.kills += 1;
        // This is what dropping it means: SIGKILL, and nothing of it runs afterwards.
        self.server = None;
        self.wires.read_to_the_end(&mut self.crowd);
        self.crowd.server_died();
        self.serve();
    }

    fn restart(&mut self) {
        self.tally.restarts += 1;
        let mut command = Command::new(&self.plan.binary);
        command.current_dir(self.place.folder.path()).arg("restart");
        let mut restarting = command.spawn().unwrap();
        while !has_ended(&mut restarting) {
            self.act();
        }
    }

    /// Nobody says anything new; what is under way arrives.
    fn come_to_rest(&mut self) {
        self.wires.may_cut = false;
        self.wait_until("nothing is under way", |crowd| {
            crowd.is_at_rest() && crowd.is_complete()
        });
        self.crowd.sync(true);
        self.wait_until("archives are read", Crowd::is_at_rest);
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "a test over sockets can't wait for ever"
    )]
    fn wait_until(&mut self, what: &str, is_so: impl Fn(&Crowd) -> bool) {
        let mut last = (Instant::now(), self.crowd.figures());
        while !is_so(&self.crowd) {
            self.turn();
            self.crowd.ask_for_acks();
            let figures = self.crowd.figures();
            if figures != last.1 {
                last = (Instant::now(), figures);
            } else if last.0.elapsed() > PATIENCE {
                // What is missing by then is what the verdict names.
                println!("nothing comes any more, before {what}");
                return;
            }
        }
    }
}

/// The test is about messages: no TLS. Contacts come from groups.
fn configuration(accounts: usize) -> String {
    let teams = Crowd::teams(accounts).enumerate();
    let teams: String = teams
        .map(|(number, names)| format!("team{number} = {names:?}\n"))
        .collect();
    format!(
        "c2s.require_tls = false\n[host.localhost]\narchive = \"always\"\n[host.localhost.groups]\n{teams}"
    )
}

fn has_ended(child: &mut Child) -> bool {
    let status = child.try_wait().unwrap();
    assert!(status.is_none_or(|status| status.success()), "{status:?}");
    status.is_some()
}

/// Whether the server has an archive to read.
const HAS_ARCHIVE: bool = true;
/// Whether sessions can be resumed after the server was killed.
const SURVIVES_DEATH: bool = true;
