//! Accounts, rosters and archives, before anything is measured.

use std::{fs, rc::Rc};

use anyhow::{Context as _, Result};

use super::Task;
use crate::{
    client::Client,
    scenario::gather,
    servers::{Kind, Server},
    target::ServerArgs,
};

/// How many accounts are made at a time.
const AT_ONCE: u32 = 16;

/// Ranges of numbers, as first and count, without overlaps.
pub(super) fn ranges(mut wanted: Vec<(u32, u32)>) -> Vec<(u32, u32)> {
    wanted.sort_unstable();
    let mut merged: Vec<(u32, u32)> = Vec::new();
    for (first, count) in wanted {
        match merged.last_mut() {
            Some((begin, known)) if first <= *begin + *known => {
                *known = (*known).max(first + count - *begin);
            }
            _ => merged.push((first, count)),
        }
    }
    merged
}

/// Makes what the scenarios need to exist, unless a run before has made it. Leaves the server stopped.
///
/// # Errors
///
/// When accounts can't be made. What else can't be made shows in the scenario that needs it.
pub(super) async fn prepare(server: &mut Server, tasks: &[Task]) -> Result<()> {
    if matches!(server.kind(), Kind::Relay) {
        return Ok(());
    }
    let ranges = ranges(
        tasks
            .iter()
            .map(|task| (task.args.first(), task.scenario.accounts()))
            .collect(),
    );
    let wanting = || {
        tasks
            .iter()
            .filter(|task| task.scenario.wants_preparation())
    };
    let names: Vec<&str> = wanting().map(|task| task.plan.name.as_str()).collect();
    let wanted = format!("accounts {ranges:?}, {}", names.join(", "));
    let note = server.folder().join("prepared");
    if fs::read_to_string(&note).is_ok_and(|made| made == wanted) {
        return Ok(());
    }
    let name = server.kind().name();
    eprintln!("{name}: preparing {wanted}");
    if let Some(task) = tasks.first() {
        make_accounts(server, &task.args, &ranges).await?;
    }
    for task in wanting() {
        server.restart(task.plan.archive).await?;
        let args = server.args(&task.args)?;
        let target = Rc::new(args.target(name)?);
        if let Err(error) = task.scenario.prepare(&target).await {
            eprintln!("{name}: {}: {error:#}", task.plan.title);
        }
    }
    server.stop().await;
    fs::write(&note, wanted).context("can't note what was prepared")
}

async fn make_accounts(
    server: &mut Server,
    args: &ServerArgs,
    ranges: &[(u32, u32)],
) -> Result<()> {
    server.restart(false).await?;
    for (first, count) in ranges {
        let args = server.args(&args.without_tls())?.beginning_at(*first);
        let target = Rc::new(args.target(server.kind().name())?);
        let make = move |place| {
            let target = Rc::clone(&target);
            async move { Client::register(&target, place).await }
        };
        gather(*count, AT_ONCE, make).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_that_touch_become_one() {
        assert_eq!(ranges(vec![(10, 5), (0, 4), (3, 7)]), [(0, 15)]);
        assert_eq!(ranges(vec![(100, 1), (0, 9), (2, 3)]), [(0, 9), (100, 1)]);
        assert_eq!(ranges(vec![]), []);
    }
}
