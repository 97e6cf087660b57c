//! Servers that the tool starts itself, the same scenarios against each, in turn, round by round.
//!
//! The same server costs up to twice as much CPU time from one minute to the next on shared machines. So within a
//! round every server has its turn in the same few seconds, the relay among them, and ratios are taken within rounds.
//!
//! - `mod.rs`: the order of things
//! - `prepare.rs`: accounts, rosters and archives, before anything is measured
//! - `place.rs`: which machine this is

mod place;
mod prepare;

use std::{path::PathBuf, rc::Rc, time::Duration};

use anyhow::{Context as _, Result, bail};
use clap::{Args, Parser as _};
use tokio::time::timeout;

use crate::{
    Cli, Command,
    page::Page,
    plan::{self, Plan},
    report::Report,
    results::{Line, Outcome, Run, Writer},
    scenario::{NotOffered, Scenario},
    servers::{Kind, Server},
    target::ServerArgs,
};

/// How long one run may take before its server counts as hung.
const PATIENCE: Duration = Duration::from_secs(240);

/// Parameters.
#[derive(Args, Clone, Debug)]
pub(crate) struct Compare {
    /// Files of scenarios, or folders of them.
    #[arg(default_value = "tools/load/scenarios")]
    scenarios: Vec<PathBuf>,
    /// How often each server has its turn in each scenario.
    #[arg(long, default_value_t = 5)]
    rounds: u32,
    /// Which are started.
    #[arg(
        long,
        value_delimiter = ',',
        default_value = "relay,couplet,prosody,ejabberd"
    )]
    servers: Vec<String>,
    /// Couplet's binary; by default the one beside this program.
    #[arg(long)]
    couplet: Option<PathBuf>,
    /// Where servers keep their data and results are written to.
    #[arg(long, default_value = "target/load")]
    folder: PathBuf,
    /// Use the accounts and rosters of the run before, if they are there.
    #[arg(long)]
    keep: bool,
    /// The page that is written; its charts go to the folder of the same name beside it.
    #[arg(long, default_value = "docs/performance.md")]
    page: PathBuf,
    /// Measure for so many seconds, whatever the scenarios say but for their `seconds_min`.
    #[arg(long)]
    seconds: Option<f64>,
}

/// A scenario, ready to be run.
struct Task {
    plan: Plan,
    args: ServerArgs,
    scenario: Scenario,
}

impl Compare {
    /// Runs all and writes the page; `false` when something failed.
    ///
    /// # Errors
    ///
    /// When nothing can be run, or results can't be written.
    pub(crate) async fn run(&self, options: &ServerArgs) -> Result<bool> {
        let tasks = self.tasks(options)?;
        let mut servers = self.servers(&tasks)?;
        let results = self.folder.join("results.jsonl");
        let mut writer = Writer::create(&results)?;
        writer.write(&Line::Place(place::look(&servers)))?;
        for server in &mut servers {
            // A server that is not there fails in its runs, and keeps nobody else from being measured.
            if let Err(error) = prepare::prepare(server, &tasks).await {
                eprintln!("{}: {error:#}", server.kind().name());
            }
        }
        let mut is_sound = true;
        for task in &tasks {
            writer.write(&Line::Scenario(task.plan.clone()))?;
            is_sound &= self.rounds(&mut servers, task, &mut writer).await?;
        }
        for server in &mut servers {
            server.stop().await;
        }
        Page::new(results, self.page.clone()).write()?;
        Ok(is_sound)
    }

    fn tasks(&self, options: &ServerArgs) -> Result<Vec<Task>> {
        let mut tasks = Vec::new();
        for plan in plan::read_all(&self.scenarios)? {
            let mut arguments = plan.arguments()?;
            if let Some(seconds) = self.seconds
                && plan.options.contains_key("seconds")
            {
                let seconds = seconds.max(plan.seconds_min);
                arguments.extend(["--seconds".to_owned(), seconds.to_string()]);
            }
            let cli = Cli::try_parse_from(arguments)
                .with_context(|| format!("the scenario {} is wrong", plan.name))?;
            let Command::Scenario(scenario) = cli.command else {
                bail!("{} names no scenario", plan.name);
            };
            tasks.push(Task {
                args: cli.server.on_cores_of(options),
                plan,
                scenario,
            });
        }
        Ok(tasks)
    }

    fn servers(&self, tasks: &[Task]) -> Result<Vec<Server>> {
        let couplet = match &self.couplet {
            Some(binary) => binary.clone(),
            None => std::env::current_exe()?.with_file_name("couplet"),
        };
        let core = tasks.first().and_then(|task| task.args.server_core());
        let mut servers = Vec::new();
        for name in &self.servers {
            let kind = Kind::named(name, &couplet)
                .with_context(|| format!("--servers: there is no {name:?} to start"))?;
            servers.push(Server::new(kind, &self.folder, core, self.keep)?);
        }
        Ok(servers)
    }

    /// All rounds of one scenario. Every server begins it anew, so that none carries what another scenario left.
    async fn rounds(
        &self,
        servers: &mut [Server],
        task: &Task,
        writer: &mut Writer,
    ) -> Result<bool> {
        let mut is_sound = true;
        let rounds = self.rounds.min(task.plan.rounds_max.unwrap_or(u32::MAX));
        for server in &mut *servers {
            server.stop().await;
        }
        for round in 1..=rounds {
            for server in &mut *servers {
                if matches!(server.kind(), Kind::Relay) && !task.plan.floor {
                    continue;
                }
                let name = server.kind().name();
                let outcome = self.once(server, task).await;
                let title = &task.plan.title;
                match &outcome {
                    Outcome::Report(report) => eprintln!("{title}, round {round}\n{report}"),
                    Outcome::NotOffered(what) => eprintln!("{name}: {title}: no {what}"),
                    Outcome::Failed(failure) => eprintln!("{name}: {title}: FAILED {failure}"),
                }
                is_sound &= outcome.failures().is_empty();
                writer.write(&Line::Run(Run {
                    scenario: task.plan.name.clone(),
                    server: name.to_owned(),
                    round,
                    outcome,
                }))?;
            }
        }
        Ok(is_sound)
    }

    async fn once(&self, server: &mut Server, task: &Task) -> Outcome {
        let measured = timeout(PATIENCE, measure(server, task))
            .await
            .unwrap_or_else(|_| bail!("it takes longer than {PATIENCE:?}"));
        let outcome = match measured {
            Ok(report) => Outcome::Report(Box::new(report)),
            Err(error) => match error.downcast_ref::<NotOffered>() {
                Some(NotOffered(feature)) => Outcome::NotOffered(feature.clone()),
                None => Outcome::Failed(format!("{error:#}")),
            },
        };
        if !outcome.failures().is_empty() {
            // Whatever it is in now, the next run begins with a server that has just been started.
            server.stop().await;
        }
        outcome
    }
}

async fn measure(server: &mut Server, task: &Task) -> Result<Report> {
    if !server.is_running() || task.scenario.wants_fresh_server() {
        server.restart(task.plan.archive).await?;
    }
    let args = server.args(&task.args)?;
    let target = Rc::new(args.target(server.kind().name())?);
    if let Some(feature) = &task.plan.needs
        && !target.is_relay
    {
        crate::client::Client::require(&target, feature).await?;
    }
    task.scenario.run(&target).await
}
