//! An hour in the life of a server: virtual users who chat, come and go, read slowly or are cut off,
//! a disk that is slow or refuses, and a server that is killed, all from one seed.
//!
//! The oracle is a small model of its own; after every step what users saw is held against it. A seed
//! that fails fails again in the same way.

mod oracle;
mod user;

use std::{collections::BTreeSet, time::Duration};

use jid::BareJid;
use store::StoreError;

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

    /// One thing happens.
    fn step(&mut self, pause: Duration) -> Result<(), Violation> {
        let count = self.users.len();
        let who = self.world.random().below(count);
        let contacts: Vec<usize> = self.user(who).contacts.iter().copied().collect();
        let contact = match contacts.len() {
            0 => self.world.random().below(count),
            some => {
                let index = self.world.random().below(some);
                contacts.get(index).copied().unwrap_or_default()
            }
        };
        let choice = self.world.random().below(100);
        self.action = format!("choice {choice} by user {who} with user {contact}");
        match choice {
            0..45 => {
                for _ in 0..=self.world.random().below(4) {
                    self.message(who, contact, 20, None);
                }
            }
            45..52 => self.with(who, |user, world, oracle| {
                user.ping(world, oracle, Some(contact))
            }),
            52..55 => self.with(who, |user, world, oracle| user.ping(world, oracle, None)),
            55..60 => self.with(who, |user, world, _| user.acks(world)),
            60..63 => self.send(who, "<presence><show>away</show></presence>"),
            63..65 => self.direct_presence(who)?,
            65..73 => self.hang_up(who)?,
            73..88 => self.come_back(who)?,
            88..90 => self.pause_reading(who)?,
            90..92 => self.flood(who, contact)?,
            92 => self.message(who, contact, 20, Some((who + 1) % count)),
            93..95 => self.disk_fault(who, contact)?,
            95 => self.kill(who, contact)?,
            96 => self.restart()?,
            _ => {
                let micros = u64::try_from(self.world.random().below(20_000)).unwrap_or_default();
                self.world.disk_delay = Duration::from_micros(micros);
            }
        }
        self.settle()?;
        self.check()?;
        self.world
            .wait(pause)
            .map_err(|error| unexpected(&error.to_string()))?;
        self.read_all()
    }

    /// Some of those who are away sign in: a server that went down sees all of them again.
    fn come_back(&mut self, first: usize) -> Result<(), Violation> {
        for number in first..first + RETURNING {
            self.sign_in(number % self.users.len())?;
        }
        Ok(())
    }

    fn sign_in(&mut self, who: usize) -> Result<(), Violation> {
        if self.user(who).session.is_some() {
            return Ok(());
        }
        let has_acks = self.world.random().one_in(2);
        let Self {
            world,
            users,
            oracle,
            ..
        } = self;
        if let Some(user) = users.get_mut(who) {
            user.sign_in(world, oracle, has_acks)?;
        }
        Ok(())
    }

    fn message(&mut self, who: usize, to: usize, body_bytes: usize, spoofed: Option<usize>) {
        self.with(who, |user, world, oracle| {
            user.send_message(world, oracle, to, body_bytes, spoofed)
        });
    }

    /// A clean close, a cut, or a cut by another sign-in to come.
    fn hang_up(&mut self, who: usize) -> Result<(), Violation> {
        // What it reads now, and the acks it gives for that, are done with before the end.
        if let Some(session) = &mut self.user(who).session {
            session.reads = true;
        }
        self.settle()?;
        let clean = self.world.random().one_in(2);
        let Self {
            world,
            users,
            oracle,
            report,
            ..
        } = self;
        let Some(user) = users.get_mut(who) else {
            return Ok(());
        };
        let Some(session) = &mut user.session else {
            return Ok(());
        };
        let link = session.client.link();
        if clean {
            session.client.send(world, "</stream:stream>");
            world
                .settle()
                .map_err(|error| unexpected(&error.to_string()))?;
            user.read(world, oracle)?;
        }
        report.cuts += 1;
        world.cut(link);
        user.leave(oracle);
        Ok(())
    }

    /// Presence to somebody who is no contact; they must be told of the end.
    fn direct_presence(&mut self, who: usize) -> Result<(), Violation> {
        let count = self.users.len();
        let other = self.world.random().below(count);
        let knows = self.user(who).contacts.contains(&other);
        let there = self
            .user(other)
            .session
            .as_ref()
            .map(|session| session.full_jid.clone());
        if let Some(to) = there.filter(|_| !knows && other != who) {
            self.send(who, &format!("<presence to='{to}'/>"));
        }
        self.settle()
    }

    fn pause_reading(&mut self, who: usize) -> Result<(), Violation> {
        if let Some(session) = &mut self.user(who).session {
            session.reads = !session.reads;
        }
        self.settle()
    }

    /// More than a queue holds, to somebody who may not be reading.
    fn flood(&mut self, who: usize, to: usize) -> Result<(), Violation> {
        if self.world.random().one_in(2)
            && let Some(session) = &mut self.user(to).session
        {
            session.reads = false;
        }
        for _ in 0..40 {
            self.message(who, to, 16_000, None);
        }
        self.settle()
    }

    /// The next thing the disk is given fails, or everything for a while.
    fn disk_fault(&mut self, who: usize, to: usize) -> Result<(), Violation> {
        self.report.refusals += 1;
        let home = self.some_home();
        if self.world.random().one_in(2) {
            self.world.disk_at(home).set_full(true);
            for _ in 0..3 {
                self.message(who, to, 20, None);
            }
            let settled = self.settle();
            self.world.disk_at(home).set_full(false);
            return settled;
        }
        let after = self.world.random().below(3);
        self.world.disk_at(home).fail_after(after, StoreError::Full);
        self.message(who, to, 20, None);
        Ok(())
    }

    /// One home dies in the middle of something.
    fn kill(&mut self, who: usize, to: usize) -> Result<(), Violation> {
        self.report.kills += 1;
        // The last acks that were given arrive, and what they settle is written, which takes a second.
        self.world
            .wait(Duration::from_secs(1))
            .map_err(|error| unexpected(&error.to_string()))?;
        let unconfirmed = self.users.iter().flat_map(VirtualUser::unconfirmed);
        self.oracle.at_rest(&unconfirmed.collect());
        self.world.disk_delay = Duration::from_millis(20);
        for _ in 0..3 {
            self.message(who, to, 20, None);
            self.message(to, who, 20, None);
        }
        // Many are away: what is for them is in the store only.
        for (one, contact) in [(who, to), (to, who)] {
            let count = self.users.len();
            let other = self.world.random().below(count);
            self.message(one, other, 20, None);
            self.with(one, |user, world, oracle| {
                user.ping(world, oracle, Some(contact));
                user.acks(world);
            });
        }
        // Half of the times what is under way gets further than where nothing moves without time.
        let time_passes = self.world.random().one_in(2);
        let turns = 100 * self.world.homes();
        for _ in 0..self.world.random().below(turns) {
            match time_passes {
                true => self.world.go_on(),
                false => self.world.turn(),
            };
        }
        let home = self.some_home();
        self.go_down(home, true)?;
        // Sometimes all of them, one after another.
        if self.world.homes() > 1 && self.world.random().one_in(4) {
            let others = (0..self.world.homes()).filter(|other| *other != home);
            for other in others.collect::<Vec<_>>() {
                self.go_down(other, true)?;
            }
        }
        Ok(())
    }

    fn restart(&mut self) -> Result<(), Violation> {
        // What the disk refused a moment ago is written again before the server stops.
        self.quiet()?;
        self.report.restarts += 1;
        let home = self.some_home();
        self.go_down(home, false)
    }

    fn go_down(&mut self, home: usize, killed: bool) -> Result<(), Violation> {
        let Self {
            world,
            users,
            oracle,
            ..
        } = self;
        let homes: Vec<usize> = users.iter().map(|user| user.home(world)).collect();
        let is_there = |user: usize| homes.get(user) == Some(&home);
        for user in users.iter_mut().filter(|user| is_there(user.number)) {
            if let Some(session) = &mut user.session {
                session.reads = true;
            }
            user.read(world, oracle)?;
        }
        if killed {
            let killed = world.restart_home(home, true);
            killed.map_err(|what| unexpected(&what))?;
            for user in users.iter_mut().filter(|user| is_there(user.number)) {
                user.leave(oracle);
            }
            oracle.killed(is_there);
            return Ok(());
        }
        for user in users.iter_mut().filter(|user| is_there(user.number)) {
            if let Some(session) = &user.session {
                session.client.send(world, "</stream:stream>");
            }
        }
        self.settle()?;
        let Self {
            world,
            users,
            oracle,
            ..
        } = self;
        for user in users.iter_mut().filter(|user| is_there(user.number)) {
            user.leave(oracle);
        }
        let stopped = world.restart_home(home, false);
        stopped.map_err(|what| unexpected(&what))
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

    /// Everybody comes, reads and confirms; then nothing may be missing.
    fn finish(&mut self) -> Result<(), Violation> {
        self.world.disk_delay = Duration::ZERO;
        self.settle()?;
        for who in 0..self.users.len() {
            if let Some(session) = &mut self.user(who).session {
                session.reads = true;
            }
        }
        self.quiet()?;
        for who in 0..self.users.len() {
            self.sign_in(who)?;
        }
        self.quiet()?;
        for who in 0..self.users.len() {
            self.with(who, |user, world, _| user.acks(world));
        }
        self.quiet()?;
        self.check()?;
        self.report.messages = self.oracle.messages();
        self.report.crossings = self.world.crossings;
        self.oracle.check_messages()
    }

    /// Until nobody has anything more to read or answer.
    fn quiet(&mut self) -> Result<(), Violation> {
        for _ in 0..4 {
            self.settle()?;
            self.world
                .wait(Duration::from_secs(1))
                .map_err(|error| unexpected(&error.to_string()))?;
        }
        self.settle()
    }

    /// Runs until nothing moves, with everybody reading and answering.
    fn settle(&mut self) -> Result<(), Violation> {
        for _ in 0..6 {
            self.world
                .settle()
                .map_err(|error| unexpected(&error.to_string()))?;
            self.read_all()?;
        }
        Ok(())
    }

    fn read_all(&mut self) -> Result<(), Violation> {
        let Self {
            world,
            users,
            oracle,
            ..
        } = self;
        users
            .iter_mut()
            .try_for_each(|user| user.read(world, oracle))
    }

    /// What must hold at quiet, for everybody who reads.
    fn check(&mut self) -> Result<(), Violation> {
        self.notice_ends()?;
        let homes = (0..self.world.homes()).map(|home| self.world.server_at(home));
        let largest = homes.map(|server| server.largest_outbox_bytes()).max();
        let bytes = largest.unwrap_or(0);
        let limit = self.outbox_max + FRAME_MAX;
        if bytes > limit {
            return Err(Violation::QueueTooLong { bytes, limit });
        }
        let all_read = self
            .users
            .iter()
            .all(|user| user.session.as_ref().is_none_or(|session| session.reads));
        for user in &self.users {
            let Some(session) = user.session.as_ref().filter(|session| session.reads) else {
                continue;
            };
            debug_assert!(!session.full_jid.is_empty(), "a session has an address");
            let approved: BTreeSet<usize> = user
                .contacts
                .iter()
                .copied()
                .filter(|other| self.oracle.approved.contains(&(user.number, *other)))
                .collect();
            self.oracle.check_view(user.number, &approved)?;
            if all_read {
                self.oracle.check_requests(user.number)?;
            }
        }
        Ok(())
    }

    /// Those who did not read learn here that the server has ended their stream.
    fn notice_ends(&mut self) -> Result<(), Violation> {
        let Self {
            world,
            users,
            oracle,
            ..
        } = self;
        for user in users.iter_mut() {
            let Some(session) = &mut user.session else {
                continue;
            };
            if world.is_ended(session.client.link()) {
                session.reads = true;
                user.read(world, oracle)?;
            }
        }
        self.settle()
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

/// What is on its way between homes arrives within this.
const WAY_DELAY: Duration = Duration::from_millis(50);

/// So many users come back at a time.
const RETURNING: usize = 8;

/// One frame may exceed the bound: it is the last that fits.
const FRAME_MAX: usize = 300_000;

fn unexpected(what: &str) -> Violation {
    Violation::Unexpected {
        user: usize::MAX,
        what: what.to_owned(),
    }
}
