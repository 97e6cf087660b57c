//! The same scenario against several servers that run already and the relay, in turn, round by round.
//!
//! The same server costs up to twice as much CPU time from one minute to the next on shared machines, so figures of
//! different minutes can't be compared. Here the ratio to the relay is taken within each round.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
    rc::Rc,
};

use anyhow::{Context as _, Result, bail};
use clap::Args;
use serde::Serialize;

use crate::{
    figures::{Range, median, ratios},
    relay::Place,
    report::Report,
    scenario::Scenario,
    target::{ServerArgs, Target},
};

/// The relay's name in reports.
const FLOOR: &str = "relay";

/// Parameters.
#[derive(Args, Clone, Debug)]
pub(crate) struct Alternate {
    /// A server as name=NAME,pid=PID,address=HOST:PORT and whatever else differs from the other options: host, tls,
    /// mechanism, account, password. Once for each server.
    #[arg(long, required = true)]
    server: Vec<String>,
    /// How often each has its turn.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Leave the relay out.
    #[arg(long)]
    no_relay: bool,
    /// What is done.
    #[command(subcommand)]
    scenario: Scenario,
}

/// The figures of one server.
#[derive(Clone, Debug, Serialize)]
struct Line {
    server: String,
    figure: &'static str,
    range: Option<Range>,
    /// Median of the rounds' ratios to the relay.
    times_the_floor: Option<f64>,
    yardstick_ms: f64,
    rounds: Vec<Report>,
}

impl Alternate {
    /// Runs all rounds and prints; `false` when something failed.
    ///
    /// # Errors
    ///
    /// When a server can't be put under load at all.
    pub(crate) async fn run(&self, server: &ServerArgs, json: bool) -> Result<bool> {
        let mut targets = Vec::new();
        for changes in &self.server {
            let (name, server) = server.with(changes)?;
            targets.push(server.target(&name)?);
        }
        let relay = match self.no_relay {
            true => None,
            false => Some(Relay::start()?),
        };
        if let Some(relay) = &relay {
            targets.push(relay.target(server)?);
        }
        let targets: Vec<_> = targets.into_iter().map(Rc::new).collect();
        let mut reports: Vec<Vec<Report>> = vec![Vec::new(); targets.len()];
        for round in 1..=self.rounds {
            for (target, reports) in targets.iter().zip(&mut reports) {
                let report = self.scenario.run(target).await?;
                if !json {
                    eprintln!("round {round} of {}\n{report}", self.rounds);
                }
                reports.push(report);
            }
        }
        let lines = lines(&targets, reports)?;
        print(&lines, json)?;
        let mut all = lines.iter().flat_map(|line| &line.rounds);
        Ok(all.all(|report| report.failures.is_empty()))
    }
}

fn lines(targets: &[Rc<Target>], reports: Vec<Vec<Report>>) -> Result<Vec<Line>> {
    let mut lines = Vec::new();
    for (target, rounds) in targets.iter().zip(reports) {
        let mut figures = Vec::new();
        let mut unit = "";
        for report in &rounds {
            let figure = report.figure().with_context(|| {
                format!("{} has no pid=PID, so there is no figure", target.name)
            })?;
            figures.push(figure.0);
            unit = figure.1;
        }
        lines.push(Line {
            server: target.name.clone(),
            figure: unit,
            range: Range::of(&figures),
            times_the_floor: None,
            yardstick_ms: median(
                &rounds
                    .iter()
                    .map(|report| report.yardstick_ms)
                    .collect::<Vec<_>>(),
            ),
            rounds,
        });
    }
    let floor: Option<Vec<(u32, f64)>> = lines
        .iter()
        .find(|line| line.server == FLOOR)
        .map(|line| figures(&line.rounds));
    if let Some(floor) = floor {
        for line in &mut lines {
            line.times_the_floor = Some(median(&ratios(&figures(&line.rounds), &floor)));
        }
    }
    Ok(lines)
}

/// The figure of each round.
fn figures(rounds: &[Report]) -> Vec<(u32, f64)> {
    (1..)
        .zip(rounds)
        .filter_map(|(round, report)| Some((round, report.figure()?.0)))
        .collect()
}

fn print(lines: &[Line], json: bool) -> Result<()> {
    if json {
        println!("{}", serde_json::to_string(lines)?);
        return Ok(());
    }
    let Some(first) = lines.first() else {
        return Ok(());
    };
    let what = first.rounds.first().map_or("", |report| &report.scenario);
    println!(
        "\n{what}; {} rounds, {}\n",
        first.rounds.len(),
        first.figure
    );
    println!("| server | median | min..max | x relay | per second | yardstick ms |");
    println!("| --- | --- | --- | --- | --- | --- |");
    for line in lines {
        let rates: Vec<f64> = line.rounds.iter().map(|report| report.per_second).collect();
        let Some(range) = line.range else { continue };
        println!(
            "| {} | {:.2} | {:.2}..{:.2} | {} | {:.0} | {:.2} |",
            line.server,
            range.median,
            range.min,
            range.max,
            line.times_the_floor
                .map_or("-".to_owned(), |times| format!("{times:.2}")),
            median(&rates),
            line.yardstick_ms
        );
    }
    Ok(())
}

/// The relay as a process of its own, ended when this is dropped.
struct Relay {
    process: Child,
    place: Place,
}

impl Relay {
    fn start() -> Result<Self> {
        let program = std::env::current_exe().context("can't tell what program this is")?;
        let mut process = Command::new(program)
            .arg("relay")
            .stdout(Stdio::piped())
            .spawn()
            .context("can't start the relay")?;
        let output = process.stdout.take().context("the output was asked for")?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        let Ok(place) = serde_json::from_str(&line) else {
            let _ = process.kill();
            bail!("the relay did not come up");
        };
        Ok(Self { process, place })
    }

    fn target(&self, server: &ServerArgs) -> Result<Target> {
        let address = match server.begins_with_tls(true) {
            true => self.place.tls,
            false => self.place.plain,
        };
        let args = server.against(address, self.process.id(), true, server.server_core());
        args.target(FLOOR)
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
