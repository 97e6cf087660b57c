//! The page that results are shown on: Markdown from the template `tools/load/page.md`, and charts beside it.
//!
//! - `gathered.rs`: lines of results, put together
//! - `tables.rs`: the tables
//! - `budgets.rs`: figures against what they may be
//! - `chart.rs`: the charts, as SVG

mod budgets;
mod chart;
mod gathered;
mod tables;

use std::{fs, path::PathBuf};

use anyhow::{Context as _, Result};
use clap::Args;

use self::gathered::Gathered;
use crate::{plan::Figure, results};

const TEMPLATE: &str = include_str!("../../page.md");

/// Parameters.
#[derive(Args, Clone, Debug)]
pub(crate) struct Page {
    /// What `compare` has kept.
    #[arg(default_value = "target/load/results.jsonl")]
    results: PathBuf,
    /// The page; its charts go to the folder of the same name beside it.
    #[arg(long, default_value = "docs/performance.md")]
    page: PathBuf,
}

impl Page {
    /// The page `page`, made of `results`.
    pub(crate) fn new(results: PathBuf, page: PathBuf) -> Self {
        Self { results, page }
    }

    /// Writes the page and its charts.
    ///
    /// # Errors
    ///
    /// When results can't be read or files not written.
    pub(crate) fn write(&self) -> Result<()> {
        let gathered = Gathered::of(results::read(&self.results)?);
        let charts = self.page.with_extension("");
        fs::create_dir_all(&charts).with_context(|| format!("can't make {}", charts.display()))?;
        let cpu = chart::dots("CPU time per unit, µs", &gathered.chart(Figure::Cpu));
        let memory = chart::bars("RSS per session, KiB", &gathered.chart(Figure::Memory));
        fs::write(charts.join("cpu.svg"), cpu)?;
        fs::write(charts.join("memory.svg"), memory)?;
        let name = charts.file_name().unwrap_or_default().to_string_lossy();
        // `cargo xtask perf-check --features` counts it, whenever it is run.
        let features = fs::read_to_string(charts.join("features.md")).unwrap_or_default();
        fs::write(&self.page, render(&gathered, &name, &features))
            .with_context(|| format!("can't write {}", self.page.display()))
    }
}

fn render(gathered: &Gathered, charts: &str, features: &str) -> String {
    TEMPLATE
        .replace(
            "{cpu_chart}",
            &format!("![CPU time per unit]({charts}/cpu.svg)"),
        )
        .replace(
            "{memory_chart}",
            &format!("![Memory per session]({charts}/memory.svg)"),
        )
        .replace("{place}", &tables::place(gathered))
        .replace("{budgets}", &budgets::table(gathered))
        .replace("{cpu}", &tables::overview(gathered, Figure::Cpu))
        .replace("{memory}", &tables::overview(gathered, Figure::Memory))
        .replace("{failures}", &tables::failures(gathered))
        .replace("{details}", tables::details(gathered).trim_end())
        .replace("{features}", features)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        plan::{Against, Budget, Plan},
        report::{Cpu, Report},
        results::{Line, Outcome, Run},
    };

    #[test]
    fn a_page_has_medians_ratios_budgets_and_failures() {
        let plan = Plan {
            budget: vec![Budget {
                figure: Figure::Cpu,
                against: Against::Floor,
                must: 2.2,
                aim: 1.6,
            }],
            ..toml::from_str("name = 'chat'\ntitle = 'Chat'\nscenario = 'messages'").unwrap()
        };
        let mut lines = vec![Line::Scenario(plan)];
        for (round, relay, couplet) in [(1, 10.0, 20.0), (2, 20.0, 30.0), (3, 10.0, 19.0)] {
            lines.push(run("relay", round, relay));
            lines.push(run("couplet", round, couplet));
        }
        lines.push(Line::Run(Run {
            scenario: "chat".to_owned(),
            server: "prosody".to_owned(),
            round: 1,
            outcome: Outcome::Failed("it fell over".to_owned()),
        }));
        let page = render(&Gathered::of(lines), "performance", "| SM | 1 |\n");
        for expected in [
            "| Chat | 10.0 [10.0..20.0] | 20.0 [19.0..30.0] | failed | 1.90x |",
            "| Chat | CPU | 2.20x relay | 1.60x relay | 1.90x [1.50..2.00] | within |",
            "- prosody, Chat, round 1: it fell over",
            "<!-- features -->\n\n| SM | 1 |\n\n<!-- end of features -->\n",
        ] {
            assert!(page.contains(expected), "{expected}\n{page}");
        }
        assert!(!page.contains('{'), "{page}");
    }

    fn run(server: &str, round: u32, us_per_unit: f64) -> Line {
        let cpu = Cpu {
            us_per_unit,
            ..Cpu::default()
        };
        Line::Run(Run {
            scenario: "chat".to_owned(),
            server: server.to_owned(),
            round,
            outcome: Outcome::Report(Box::new(Report {
                server_cpu: Some(cpu),
                ..Report::default()
            })),
        })
    }
}
