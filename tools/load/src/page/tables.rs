//! The page's tables.

use std::fmt::Write as _;

use super::gathered::{FLOOR, Gathered, OURS, Scenario};
use crate::{
    figures::{Range, digits, median, ratios},
    plan::Figure,
    report::{Cpu, Latency, Report},
};

/// Where and when, in a sentence.
pub(super) fn place(gathered: &Gathered) -> String {
    let place = &gathered.place;
    let servers: Vec<String> = place
        .servers
        .iter()
        .map(|(name, version)| format!("{name} {version}"))
        .collect();
    format!(
        "Last run on {}, on {} ({}), with {}, by `load {}`.",
        place.date,
        place.machine,
        place.system,
        servers.join(", "),
        place.command
    )
}

/// A figure of every scenario it is taken of, by server.
pub(super) fn overview(gathered: &Gathered, figure: Figure) -> String {
    let mut text = String::from("| work |");
    for server in &gathered.servers {
        let _ = write!(text, " {server} |");
    }
    text.push_str(" couplet / relay | best peer / couplet |\n| --- |");
    text.push_str(&" --- |".repeat(gathered.servers.len() + 2));
    for scenario in gathered.with(figure) {
        let _ = write!(text, "\n| {} |", scenario.plan.title);
        for server in &gathered.servers {
            let _ = write!(text, " {} |", cell(scenario, server, figure));
        }
        let own = scenario.figures(OURS, figure);
        let floor = scenario.figures(FLOOR, figure);
        let peer = scenario
            .best_peer(&gathered.servers, figure)
            .map(|peer| scenario.figures(peer, figure));
        let _ = write!(text, " {} |", times(&own, &floor));
        let _ = write!(text, " {} |", times(&peer.unwrap_or_default(), &own));
    }
    text
}

/// What went wrong, with a heading; nothing when nothing did.
pub(super) fn failures(gathered: &Gathered) -> String {
    let mut text = String::new();
    for scenario in &gathered.scenarios {
        for run in &scenario.runs {
            for failure in run.outcome.failures() {
                let title = &scenario.plan.title;
                let failure = failure.replace('\n', " ");
                let _ = writeln!(
                    text,
                    "- {}, {title}, round {}: {failure}",
                    run.server, run.round
                );
            }
        }
    }
    match text.is_empty() {
        true => text,
        false => format!("## Failures\n\n{text}\n"),
    }
}

/// A table for each scenario.
pub(super) fn details(gathered: &Gathered) -> String {
    let mut text = String::new();
    for scenario in &gathered.scenarios {
        let unit = scenario.runs.iter().find_map(|run| run.outcome.sound());
        let what = unit.map_or(String::new(), |report| {
            format!("{}; the unit is a {}.", report.scenario, report.unit)
        });
        let _ = write!(
            text,
            "### {}\n\n`{}.toml`: {what}\n\n\
             | server | µs per unit | x relay | in the kernel | switches | KiB per session | per second | \
             p50 / p90 / p99 / p99.9 / max | bystanders p99 / max | generator | yardstick ms |\n\
             | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n",
            scenario.plan.title, scenario.plan.name
        );
        for server in &gathered.servers {
            let _ = writeln!(text, "{}", row(scenario, server));
        }
        text.push('\n');
    }
    text
}

fn row(scenario: &Scenario, server: &str) -> String {
    let reports: Vec<&Report> = scenario.reports(server).map(|(_, report)| report).collect();
    if reports.is_empty() {
        let excuse = scenario.excuse(server);
        return format!("| {server} | {excuse} | | | | | | | | | |");
    }
    let middle = |of: &dyn Fn(&Report) -> Option<f64>| {
        let values: Vec<f64> = reports.iter().filter_map(|report| of(report)).collect();
        (!values.is_empty()).then(|| median(&values))
    };
    let cpu = |of: fn(&Cpu) -> f64| middle(&|report| report.server_cpu.as_ref().map(of));
    let figure = scenario.main_figure();
    let floor = scenario.figures(FLOOR, figure);
    let held_up = reports.iter().any(|report| report.is_held_up());
    let cells = [
        server.to_owned(),
        cell(scenario, server, Figure::Cpu),
        times(&scenario.figures(server, figure), &floor),
        shown(cpu(|cpu| cpu.system_percent), |percent| {
            format!("{percent:.0} %")
        }),
        shown(cpu(|cpu| cpu.switches_per_unit), digits),
        cell(scenario, server, Figure::Memory),
        shown(
            middle(&|report| (report.per_second > 0.0).then_some(report.per_second)),
            digits,
        ),
        latencies(
            &reports,
            |report| report.latency_ms,
            &[
                |latency| latency.p50,
                |latency| latency.p90,
                |latency| latency.p99,
                |latency| latency.p999,
                |latency| latency.max,
            ],
        ),
        latencies(
            &reports,
            |report| report.bystanders_ms,
            &[|latency| latency.p99, |latency| latency.max],
        ),
        shown(middle(&|report| Some(report.own_cpu.percent)), |percent| {
            format!("{percent:.0} %{}", if held_up { " †" } else { "" })
        }),
        shown(middle(&|report| Some(report.yardstick_ms)), digits),
    ];
    format!("| {} |", cells.join(" | "))
}

/// Median and range, or why there is none.
fn cell(scenario: &Scenario, server: &str, figure: Figure) -> String {
    match scenario.range(server, figure) {
        Some(range) => brackets(range),
        None if scenario.main_figure() == figure => scenario.excuse(server).to_owned(),
        None => String::new(),
    }
}

fn brackets(range: Range) -> String {
    let (median, min, max) = (digits(range.median), digits(range.min), digits(range.max));
    match range.min == range.max {
        true => median,
        false => format!("{median} [{min}..{max}]"),
    }
}

/// The median of how many times `floor` the figures are.
fn times(figures: &[(u32, f64)], floor: &[(u32, f64)]) -> String {
    let ratios = ratios(figures, floor);
    shown((!ratios.is_empty()).then(|| median(&ratios)), |times| {
        format!("{}x", digits(times))
    })
}

/// Medians of some quantiles.
fn latencies(
    reports: &[&Report],
    which: fn(&Report) -> Option<Latency>,
    quantiles: &[fn(&Latency) -> f64],
) -> String {
    let all: Vec<Latency> = reports.iter().filter_map(|report| which(report)).collect();
    if all.is_empty() {
        return String::new();
    }
    let shown: Vec<String> = quantiles
        .iter()
        .map(|quantile| digits(median(&all.iter().map(quantile).collect::<Vec<_>>())))
        .collect();
    shown.join(" / ")
}

fn shown(value: Option<f64>, show: impl Fn(f64) -> String) -> String {
    value.map_or(String::new(), show)
}
