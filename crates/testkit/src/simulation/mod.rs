//! An hour in the life of a server: virtual users who chat, come and go, read slowly or are cut off,
//! a disk that is slow or refuses, and a server that is killed, all from one seed.
//!
//! The oracle is a small model of its own; after every step what users saw is held against it. A seed
//! that fails fails again in the same way.
//!
//! `user` is one of them and its client, `sign_in` how it comes, `resumption` how it goes on, `doings` what they do, `mishaps` what befalls the server, `quiet` what must hold
//! whenever nothing moves, and at the end; `oracle` knows what that is, and `archive` what an archive has to show.

mod archive;
mod doings;
mod mishaps;
mod oracle;
mod quiet;
mod resumption;
mod sign_in;
mod user;

use std::time::Duration;

use jid::BareJid;

pub use self::oracle::Violation;
use self::{oracle::Oracle, user::VirtualUser};
use crate::world::{Bench, WayFault, World};

/// How big a simulation is.
#[derive(Clone, Copy, Debug)]
pub struct Scale {
    /// How many users.
    pub users: usize,
    /// How many contacts each of them asks.
    pub contacts: usize,
    /// How many things they do.
    pub steps: usize,
    /// How long it lasts.
    pub time: Duration,
    /// How many homes the accounts live in.
    pub homes: usize,
    /// A fault of the way between them, to be found.
    pub way_fault: WayFault,
}

/// What a simulation that found nothing wrong did.
#[derive(Clone, Copy, Debug, Default)]
pub struct Report {
    /// Messages sent.
    pub messages: usize,
    /// Times the server was killed.
    pub kills: usize,
    /// Times it was stopped in order and started again.
    pub restarts: usize,
    /// Connections cut.
    pub cuts: usize,
    /// Batches the disk refused.
    pub refusals: usize,
    /// What went from one home to another.
    pub crossings: usize,
    /// Sessions resumed.
    pub resumed: usize,
    /// Messages found in archives.
    pub archived: usize,
}

/// A simulation that found something wrong.
#[derive(Debug, thiserror::Error)]
#[error("seed {seed}, step {step} ({action}): {violation}")]
pub struct Failure {
    /// Runs it again.
    pub seed: u64,
    /// At which step.
    pub step: usize,
    /// What was being done.
    pub action: String,
    /// What was wrong.
    pub violation: Violation,
}

struct Simulation {
    world: World,
    users: Vec<VirtualUser>,
    oracle: Oracle,
    report: Report,
    outbox_max: usize,
    action: String,
}

/// Plays one hour with `seed`.
///
/// # Errors
///
/// [`Failure`] with the first thing that was wrong.
pub fn run(seed: u64, scale: Scale, bench: Bench) -> Result<Report, Failure> {
    let outbox_max = usize::try_from(bench.settings.limits.outbox_bytes_max).unwrap_or(usize::MAX);
    let world = World::with_homes(seed, bench, scale.homes, scale.way_fault);
    let mut world = world.map_err(|what| Failure {
        seed,
        step: 0,
        action: "the start".to_owned(),
        violation: unexpected(&what),
    })?;
    world.is_ragged = true;
    world.disk_is_piecemeal = true;
    world.way_delay = WAY_DELAY;
    let users = (0..scale.users).map(VirtualUser::new).collect();
    let mut simulation = Simulation {
        world,
        users,
        oracle: Oracle::default(),
        report: Report::default(),
        outbox_max,
        action: "sign-ins and contacts".to_owned(),
    };
    let mut step = 0;
    simulation
        .play(scale, &mut step)
        .map_err(|violation| Failure {
            seed,
            step,
            action: simulation.action.clone(),
            violation,
        })?;
    Ok(simulation.report)
}

/// What is on its way between homes arrives within this.
const WAY_DELAY: Duration = Duration::from_millis(50);

impl Simulation {
    fn play(&mut self, scale: Scale, step: &mut usize) -> Result<(), Violation> {
        self.begin(scale)?;
        let pause = scale.time / u32::try_from(scale.steps).unwrap_or(u32::MAX).max(1);
        while *step < scale.steps {
            *step += 1;
            self.step(pause)?;
        }
        "the end".clone_into(&mut self.action);
        self.finish()
    }

    /// Accounts, first sign-ins, and contacts.
    fn begin(&mut self, scale: Scale) -> Result<(), Violation> {
        for number in 0..scale.users {
            let jid = BareJid::parse(&VirtualUser::bare_jid(number))
                .map_err(|error| unexpected(&error.to_string()))?;
            let server = self.world.server_at(self.home(number)).clone();
            let created = self
                .world
                .run(async move { server.create_account(&jid, "secret", false).await });
            created
                .map_err(|error| unexpected(&error.to_string()))?
                .map_err(|error| unexpected(&error.to_string()))?;
        }
        for number in 0..scale.users {
            self.sign_in(number)?;
        }
        self.quiet()?;
        for number in 0..scale.users {
            for _ in 0..scale.contacts {
                let other = self.world.random().below(scale.users);
                self.befriend(number, other)?;
            }
        }
        self.check()
    }

    /// Each asks the other, and each approves.
    fn befriend(&mut self, one: usize, other: usize) -> Result<(), Violation> {
        if one == other || self.user(one).contacts.contains(&other) {
            return Ok(());
        }
        for (asker, asked) in [(one, other), (other, one)] {
            self.user(asker).contacts.insert(asked);
            let (to_asked, to_asker) = (VirtualUser::bare_jid(asked), VirtualUser::bare_jid(asker));
            self.send(
                asker,
                &format!("<presence type='subscribe' to='{to_asked}'/>"),
            );
            self.settle()?;
            self.send(
                asked,
                &format!("<presence type='subscribed' to='{to_asker}'/>"),
            );
            self.settle()?;
        }
        Ok(())
    }

    /// In which home a user's account lives.
    fn home(&self, who: usize) -> usize {
        self.world.home_of(&VirtualUser::bare_jid(who))
    }

    fn some_home(&mut self) -> usize {
        let homes = self.world.homes();
        match homes {
            1 => 0,
            several => self.world.random().below(several),
        }
    }

    fn send(&mut self, who: usize, text: &str) {
        self.with(who, |user, world, _| user.send(world, text));
    }

    fn with(&mut self, who: usize, act: impl FnOnce(&mut VirtualUser, &mut World, &mut Oracle)) {
        let Self {
            world,
            users,
            oracle,
            ..
        } = self;
        if let Some(user) = users.get_mut(who) {
            act(user, world, oracle);
        }
    }

    fn user(&mut self, who: usize) -> &mut VirtualUser {
        self.users.get_mut(who).expect("users are numbered from 0")
    }
}

fn unexpected(what: &str) -> Violation {
    Violation::Unexpected {
        user: usize::MAX,
        what: what.to_owned(),
    }
}
