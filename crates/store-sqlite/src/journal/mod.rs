//! The journal: two files before the tables, so that a batch is durable with one write in sequence.
//!
//! Batches are written to one file while what the other holds is carried over to the tables; then they change places.
//! A file is written over from its beginning, and frames are numbered without a gap: what is left of its last time has
//! lower numbers and ends it.

mod frame;
mod pending;

use std::fs::File;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;

use store::{Batch, StoreError};

pub(crate) use frame::is_kept;
pub(crate) use pending::{Below, Check, Heads, Pending, Value};

use crate::error::from_io;
use crate::tables::Carried;
use crate::writer::Durability;

/// The journal's files in the data folder.
pub const FILES: [&str; 2] = ["store.sqlite.journal-1", "store.sqlite.journal-2"];

/// Both files, one of which is being written to.
#[derive(Debug)]
pub(crate) struct Journal {
    files: [File; 2],
    /// Which is written to.
    current: usize,
    /// How far it is.
    length: u64,
    /// The number of the newest frame.
    number: u64,
    store: u64,
    sync: bool,
    /// Kept from one frame to the next.
    buffer: Vec<u8>,
}

impl Journal {
    /// Opens the files of a store of which the tables hold everything up to frame `number`.
    pub(crate) fn open(
        folder: &Path,
        durability: Durability,
        store: u64,
        number: u64,
    ) -> Result<Self, StoreError> {
        let open = |name| {
            File::options()
                .create(true)
                .truncate(false)
                .read(true)
                .write(true)
                .mode(0o600)
                .open(folder.join(name))
                .map_err(|error| from_io(&error))
        };
        let files = [open(FILES[0])?, open(FILES[1])?];
        let sync = durability == Durability::Full;
        if sync {
            // That the files are there must be as durable as what is written to them.
            let folder = File::open(folder).and_then(|folder| folder.sync_all());
            folder.map_err(|error| from_io(&error))?;
        }
        Ok(Self {
            files,
            current: 0,
            length: 0,
            number,
            store,
            sync,
            buffer: Vec::new(),
        })
    }

    /// Writes batches as one frame, as durable as it is set to be. On an error nothing of it is there.
    pub(crate) fn append(&mut self, batches: &[Arc<Batch>]) -> Result<(), StoreError> {
        self.buffer.clear();
        frame::write(&mut self.buffer, self.number + 1, self.store, batches)?;
        let [first, second] = &self.files;
        let file = if self.current == 0 { first } else { second };
        let mut written = file.write_all_at(&self.buffer, self.length);
        if self.sync {
            written = written.and_then(|()| file.sync_data());
        }
        if let Err(error) = written {
            // It must not come back with a later start. The next frame gets its number and its place.
            let cut = file.set_len(self.length).and_then(|()| file.sync_data());
            return Err(from_io(&cut.err().unwrap_or(error)));
        }
        self.length += self.buffer.len() as u64;
        self.number += 1;
        self.buffer.shrink_to(crate::limits::FRAME_BYTES_KEPT);
        Ok(())
    }

    /// The number of the newest frame.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// How many bytes the current file has.
    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// Goes on in the other file, whose frames must all be in the tables.
    pub(crate) fn turn(&mut self) {
        self.current = 1 - self.current;
        self.length = 0;
    }

    /// Cuts both files to nothing: everything must be in the tables.
    pub(crate) fn empty(&mut self) -> Result<(), StoreError> {
        self.length = 0;
        let cut = self.files.iter().try_for_each(|file| file.set_len(0));
        cut.map_err(|error| from_io(&error))
    }
}

/// What was read of the files in a folder: the frames of each, as far as they follow one another.
pub(crate) struct Runs(Vec<Vec<frame::Frame>>);

impl Runs {
    /// Reads the files. It may be done beside a server that writes: what it said was stored before is there, unless the
    /// tables have it by now.
    pub(crate) fn read(folder: &Path) -> Result<Self, StoreError> {
        let mut runs = Vec::new();
        for name in FILES {
            match std::fs::read(folder.join(name)) {
                Ok(bytes) => runs.push(run(&bytes)),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(from_io(&error)),
            }
        }
        runs.sort_by_key(|run| run.first().map(|frame| frame.number));
        Ok(Self(runs))
    }

    /// What tables lack that have everything up to there: what it comes to, and how far that is.
    pub(crate) fn behind(self, tables: Carried) -> Option<(Pending, u64)> {
        let mut number = tables.number;
        let mut pending = Pending::default();
        for frame in self.0.into_iter().flatten() {
            if frame.store == tables.store && frame.number == number + 1 {
                number = frame.number;
                pending.take(&frame.ops, None);
            }
        }
        (number > tables.number).then_some((pending, number))
    }
}

/// The frames of a file from its beginning.
fn run(mut bytes: &[u8]) -> Vec<frame::Frame> {
    let mut frames: Vec<frame::Frame> = Vec::new();
    while let Some(frame) = frame::read(&mut bytes) {
        if frames
            .last()
            .is_some_and(|last| frame.number != last.number + 1)
        {
            break;
        }
        frames.push(frame);
    }
    frames
}
