//! kill -9 of a process that writes: what it said was stored is there, and the store opens clean.

use std::env;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use store::Store;
use store::thread::spawn_writer;
use store_sqlite::{Durability, Sqlite};

use crate::disk::{check_integrity, pair, pairs};

/// Where the child works; set by its parent only.
const FOLDER: &str = "COUPLET_TEST_KILL_FOLDER";
const LIVES: u64 = 8;
const NUMBERS_PER_LIFE: u64 = 100;

#[test]
fn what_was_settled_survives_a_kill() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut stored = 0;
    for _ in 0..LIVES {
        let mut child = Command::new(env::current_exe().expect("this test's binary"))
            .args(["--exact", "kill::child", "--ignored", "--nocapture"])
            .env(FOLDER, folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the child starts");
        let output = BufReader::new(child.stdout.take().expect("its output is ours"));
        let mut said = stored;
        for line in output.lines() {
            let line = line.expect("its output is text");
            if let Some(number) = line
                .strip_prefix("settled ")
                .and_then(|number| number.parse::<u64>().ok())
            {
                said = number;
                if said >= stored + NUMBERS_PER_LIFE {
                    break;
                }
            }
        }
        child.kill().expect("it is killed");
        child.wait().expect("it is gone");
        assert!(said >= stored + NUMBERS_PER_LIFE, "the child wrote");
        let sqlite = Sqlite::open(folder.path(), Durability::Process).expect("it opens clean");
        stored = pairs(&sqlite);
        assert!(stored >= said, "{said} was settled, {stored} is stored");
        drop(sqlite);
        check_integrity(folder.path());
    }
}

/// The process that is killed: writes for ever, several batches at a time, and says what is settled.
#[test]
#[ignore = "the child of the test above"]
fn child() {
    let Some(folder) = env::var_os(FOLDER) else {
        return;
    };
    let sqlite = Sqlite::open(Path::new(&folder), Durability::Process).expect("it opens");
    let mut number = pairs(&sqlite);
    let store = Store::inline(sqlite.reader().expect("it reads")).expect("it starts");
    let _writer = spawn_writer(store.clone(), sqlite, || {}).expect("a thread");
    let mut said = number;
    let first = number;
    loop {
        number += 1;
        let batch = std::sync::Arc::into_inner(pair(number)).expect("nobody else has it");
        store.submit(batch);
        while number - said > 20
            || (said < number && store.gate(store::Seq(said + 1 - first)) == store::Gate::Durable)
        {
            if store.gate(store::Seq(said + 1 - first)) == store::Gate::Durable {
                said += 1;
                let mut out = std::io::stdout().lock();
                if writeln!(out, "settled {said}")
                    .and_then(|()| out.flush())
                    .is_err()
                {
                    return;
                }
            } else {
                std::thread::yield_now();
            }
        }
    }
}
