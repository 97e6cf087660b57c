//! One home of a world: an engine over a virtual disk, with tasks and timers of its own.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use engine::{Homes, Server, command::Control};
use store::{Gate, Memory, Store, StoreError};

use super::{
    bench::Bench,
    command::Process,
    executor::{Handle, VirtualWorld},
    random::Random,
};

/// A server process, as it were.
pub(super) struct Home {
    pub(super) world: Arc<VirtualWorld>,
    pub(super) environment: Arc<Handle>,
    pub(super) disk: Memory,
    store: Store,
    pub(super) server: Arc<Server>,
    /// What commands that came over a stream may ask.
    process: Arc<dyn Control>,
    pub(super) disk_due: Option<Instant>,
    /// How often its machine was started anew.
    boots: u32,
}

impl Home {
    /// On an empty disk.
    pub(super) fn new(
        world: Arc<VirtualWorld>,
        homes: Option<Arc<dyn Homes>>,
        bench: &Bench,
        random: &mut Random,
    ) -> Result<Self, String> {
        let disk = Memory::new();
        let environment = Arc::new(Handle::new(world.clone(), homes, 0));
        let (store, server) = boot(&environment, &disk, bench, random)?;
        let process: Arc<dyn Control> = Arc::new(Process);
        server.serve_in(&process);
        Ok(Self {
            process,
            world,
            environment,
            disk,
            store,
            server,
            disk_due: None,
            boots: 0,
        })
    }

    /// Another life, on what the disk holds.
    pub(super) fn begin_anew(
        &mut self,
        homes: Option<Arc<dyn Homes>>,
        bench: &Bench,
        random: &mut Random,
        is_power_cut: bool,
    ) -> Result<(), String> {
        self.disk_due = None;
        self.world.forget_tasks();
        self.boots += u32::from(is_power_cut);
        self.environment = Arc::new(Handle::new(self.world.clone(), homes, self.boots));
        (self.store, self.server) = boot(&self.environment, &self.disk, bench, random)?;
        self.server.serve_in(&self.process);
        Ok(())
    }

    /// The disk takes what waits after a while, and has it after another.
    pub(super) fn turn_disk(
        &mut self,
        now: Instant,
        manners: DiskManners,
        random: &mut Random,
    ) -> Disk {
        match self.disk_due {
            Some(due) if now < due => Disk::Idle,
            Some(_) => {
                self.disk_due = None;
                self.write(manners, random)
            }
            None => {
                let micros = usize::try_from(manners.delay.as_micros()).unwrap_or(usize::MAX);
                if micros == 0 {
                    return self.write(manners, random);
                }
                if self.store.gate(self.store.submitted()) != Gate::Pending {
                    return Disk::Idle;
                }
                let delay = random.below(micros);
                self.disk_due =
                    Some(now + Duration::from_micros(u64::try_from(delay).unwrap_or(0)));
                Disk::Begun
            }
        }
    }

    /// All that waits, or the oldest of it: what is left waits for its own turn, and a death may come before that.
    fn write(&mut self, manners: DiskManners, random: &mut Random) -> Disk {
        let mut disk = self.disk.clone();
        let waiting = self.store.waiting();
        let most = match manners.is_piecemeal && waiting > 1 && random.one_in(2) {
            true => 1 + random.below(waiting - 1),
            false => waiting,
        };
        match self.store.turn_oldest(most, &mut disk) {
            true => Disk::Wrote,
            false => Disk::Idle,
        }
    }
}

/// How a disk writes.
#[derive(Clone, Copy, Debug)]
pub(super) struct DiskManners {
    /// How long it takes, at most.
    pub(super) delay: Duration,
    /// It may write a part of what waits, and the rest another time.
    pub(super) is_piecemeal: bool,
}

/// What a disk did.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Disk {
    Idle,
    /// It has taken something that it will have written later.
    Begun,
    Wrote,
}

fn boot(
    environment: &Arc<Handle>,
    disk: &Memory,
    bench: &Bench,
    random: &mut Random,
) -> Result<(Store, Arc<Server>), String> {
    let store = disk
        .store()
        .map_err(|error: StoreError| error.to_string())?;
    let server = Server::shuffled(
        environment.clone(),
        store.clone(),
        bench.entries,
        &bench.settings,
        [7; 32],
        &mut |bound| random.below(bound),
    )
    .map_err(|error| error.to_string())?;
    server.make_tokens_with([8; 32]);
    Ok((store, server))
}
