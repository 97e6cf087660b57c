//! The no-loss test in a world of its own: every interleaving comes from one seed, and the server may be killed at any
//! moment that is asked for.

use engine::TlsFacts;
use jid::BareJid;

use super::{
    client::Client,
    crowd::{Crowd, Scale},
    verdict::{Figures, Mistakes, Promises},
};
use crate::world::{Bench, LinkId, Moment, Moments, World};

/// What befalls the server and the connections.
#[derive(Clone, Copy, Debug, Default)]
pub struct Fates {
    /// It dies right after this moment, counted from when everybody is online.
    pub death: Option<Moment>,
    /// And its machine with it.
    pub is_power_cut: bool,
    /// It stops once more after that, before anybody has come back.
    pub again: Option<Stop>,
    /// It is killed so often besides, when chance wants.
    pub kills: usize,
    /// It is restarted in order so often.
    pub restarts: usize,
    /// Whether connections are cut.
    pub has_cuts: bool,
}

/// How a server stops.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Stop {
    /// It is killed.
    Death,
    /// In good order.
    Restart,
    /// Its machine loses power, and is started anew.
    PowerCut,
}

/// A run that found nothing wrong.
#[derive(Clone, Copy, Debug)]
pub struct Chat {
    /// What was done.
    pub figures: Figures,
    /// When everybody was online.
    pub begun: Moments,
    /// At the end.
    pub ended: Moments,
}

/// A run that found something.
#[derive(Debug, thiserror::Error)]
#[error("seed {seed}, {fates:?}: {what}")]
pub struct Failure {
    /// Runs it again.
    pub seed: u64,
    /// What befell the server.
    pub fates: Fates,
    /// What was wrong.
    pub what: String,
}

/// So often is it seen to that everything comes to rest.
const ROUNDS_MAX: usize = 2_000;
/// A kill and a restart come once in so many steps, as long as some are left.
const FATE_IN: usize = 60;
/// A cut comes once in so many steps.
const CUT_IN: usize = 25;
/// How long the disk takes, at most.
const DISK_MICROS: u64 = 3_000;

/// Lets a crowd chat.
///
/// # Errors
///
/// [`Failure`], with whatever was promised and not kept.
pub fn chat(
    seed: u64,
    scale: Scale,
    promises: &Promises,
    bench: Bench,
    fates: Fates,
) -> Result<Chat, Failure> {
    let failure = |what: String| Failure { seed, fates, what };
    let world = World::new(seed, bench).map_err(failure)?;
    let crowd = Crowd::new(scale, promises);
    let mut stage = Stage {
        links: vec![None; crowd.clients().len()],
        world,
        crowd,
        fates,
        begun: Moments::default(),
    };
    stage.make_accounts(scale, promises).map_err(failure)?;
    stage.play().map_err(failure)?;
    let figures = stage.crowd.verdict();
    let figures = figures.map_err(|Mistakes(all)| failure(Mistakes(all).to_string()))?;
    Ok(Chat {
        figures,
        begun: stage.begun,
        ended: stage.world.moments,
    })
}

struct Stage {
    world: World,
    crowd: Crowd,
    /// By client.
    links: Vec<Option<LinkId>>,
    fates: Fates,
    begun: Moments,
}

impl Stage {
    fn make_accounts(&mut self, scale: Scale, promises: &Promises) -> Result<(), String> {
        for name in Crowd::teams(scale.accounts).flatten() {
            let jid = BareJid::parse(&format!("{name}@{}", promises.domain));
            let jid = jid.map_err(|error| error.to_string())?;
            let server = self.world.server().clone();
            let made = self
                .world
                .run(async move { server.create_account(&jid, &name, false).await });
            made.map_err(|error| error.to_string())?
                .map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    fn play(&mut self) -> Result<(), String> {
        self.rest("everybody is online", Crowd::is_online)?;
        self.world.is_ragged = true;
        self.world.disk_is_piecemeal = true;
        self.world.disk_delay = std::time::Duration::from_micros(DISK_MICROS);
        self.begun = self.world.moments;
        while !(self.crowd.has_sent_all() && self.fates.kills + self.fates.restarts == 0) {
            self.step()?;
        }
        self.rest("nothing is under way", Crowd::is_at_rest)?;
        self.fates.death = None;
        self.crowd.sync(true);
        self.rest("archives are read", Crowd::is_at_rest)
    }

    /// Somebody does something, and the world goes on for a bit.
    fn step(&mut self) -> Result<(), String> {
        for _ in 0..=self.world.random().below(3) {
            let Self { world, crowd, .. } = self;
            crowd.act(world.random());
        }
        self.move_bytes();
        for _ in 0..self.world.random().below(60) {
            if !self.go_on()? {
                break;
            }
        }
        self.move_bytes();
        if self.fates.has_cuts && self.world.random().one_in(CUT_IN) {
            self.cut_one();
        }
        if self.fates.kills > 0 && self.world.random().one_in(FATE_IN) {
            self.fates.kills -= 1;
            return self.go_down(Stop::Death);
        }
        if self.fates.restarts > 0 && self.world.random().one_in(FATE_IN) {
            self.fates.restarts -= 1;
            return self.go_down(Stop::Restart);
        }
        Ok(())
    }

    /// One thing happens in the world; the server dies after it if that is its fate. Whether anything happened.
    fn go_on(&mut self) -> Result<bool, String> {
        let moved = self.world.go_on();
        let is_due = |moment| self.world.moments.have_reached(moment, &self.begun);
        if self.fates.death.is_some_and(is_due) {
            self.fates.death = None;
            self.go_down(match self.fates.is_power_cut {
                true => Stop::PowerCut,
                false => Stop::Death,
            })?;
            if let Some(stop) = self.fates.again {
                // Long enough for accounts to be read again.
                self.world.settle().map_err(|error| error.to_string())?;
                self.go_down(stop)?;
            }
        }
        Ok(moved)
    }

    /// Everything under way arrives, until it is so.
    fn rest(&mut self, what: &str, is_so: impl Fn(&Crowd) -> bool) -> Result<(), String> {
        for _ in 0..ROUNDS_MAX {
            self.move_bytes();
            let mut has_moved = false;
            while self.go_on()? {
                has_moved = true;
            }
            self.move_bytes();
            if !has_moved && is_so(&self.crowd) {
                return Ok(());
            }
            if !has_moved {
                // Acknowledgements and retries have their time.
                let waited = self.world.wait(std::time::Duration::from_millis(500));
                waited.map_err(|error| error.to_string())?;
            }
            self.crowd.ask_for_acks();
        }
        match self.crowd.verdict() {
            Err(mistakes) => Err(format!("it does not come to this that {what}; {mistakes}")),
            Ok(_) => Err(format!("it does not come to this that {what}")),
        }
    }

    /// Between clients and their transports; connections come and go as they want.
    fn move_bytes(&mut self) {
        let Self {
            world,
            crowd,
            links,
            ..
        } = self;
        for (client, slot) in crowd.clients_mut().iter_mut().zip(links) {
            let link = *slot.get_or_insert_with(|| {
                client.connected();
                world.connect(Some(TlsFacts::default()))
            });
            let has_ended = world.is_ended(link);
            client.receive(&world.received(link));
            if has_ended || client.is_over() {
                world.cut(link);
                *slot = None;
                client.lost();
                continue;
            }
            let out = client.take_output();
            if !out.is_empty() {
                world.send(link, out.as_bytes());
            }
        }
    }

    /// A connection breaks somewhere inside of what is under way.
    fn cut_one(&mut self) {
        let who = self.world.random().below(self.links.len());
        let (Some(Some(link)), Some(client)) = (
            self.links.get(who).copied(),
            self.crowd.clients_mut().get_mut(who),
        ) else {
            return;
        };
        part_of_what_came(&mut self.world, client, link);
        let out = client.take_output();
        let length = self.world.random().below(out.len() + 1);
        let sent = out.as_bytes().get(..length).unwrap_or_default();
        self.world.send(link, sent);
        // What arrived is read by the server before it sees the end, or is not.
        for _ in 0..self.world.random().below(4) {
            self.world.turn();
        }
        self.world.cut(link);
        client.lost();
        if let Some(slot) = self.links.get_mut(who) {
            *slot = None;
        }
    }

    /// Clients read what was written before, all of it or a part.
    fn go_down(&mut self, stop: Stop) -> Result<(), String> {
        match stop {
            Stop::Death | Stop::PowerCut => {
                for (client, slot) in self.crowd.clients_mut().iter_mut().zip(&mut self.links) {
                    if let Some(link) = slot.take() {
                        part_of_what_came(&mut self.world, client, link);
                        client.lost();
                    }
                }
                match stop == Stop::PowerCut {
                    true => self.world.cut_power()?,
                    false => self.world.restart_home(0, true)?,
                }
                self.crowd.server_died();
            }
            Stop::Restart => {
                self.move_bytes();
                self.world.restart_home(0, false)?;
            }
        }
        self.world.disk_delay = std::time::Duration::from_micros(DISK_MICROS);
        Ok(())
    }
}

/// A client gets all of what was written to it, or in one of four times a part.
fn part_of_what_came(world: &mut World, client: &mut Client, link: LinkId) {
    let came = world.received(link);
    let length = match world.random().one_in(4) {
        true => world.random().below(came.len() + 1),
        false => came.len(),
    };
    client.receive(came.get(..length).unwrap_or_default());
}
