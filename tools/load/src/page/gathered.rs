//! Lines of results, put together by scenario and server.

use crate::{
    figures::Range,
    plan::{Figure, Plan},
    report::Report,
    results::{Line, Outcome, Place, Run},
};

/// The relay's name in results.
pub(super) const FLOOR: &str = "relay";
/// The name of the server whose page this is.
pub(super) const OURS: &str = "couplet";

/// All results.
pub(super) struct Gathered {
    pub(super) place: Place,
    /// In the order in which they were run.
    pub(super) scenarios: Vec<Scenario>,
    /// Every server there is a run of, in order.
    pub(super) servers: Vec<String>,
}

/// The results of one scenario.
pub(super) struct Scenario {
    pub(super) plan: Plan,
    pub(super) runs: Vec<Run>,
}

/// A row of a chart: a scenario, and each server with its values.
pub(super) type Row = (String, Vec<(String, Range)>);

impl Gathered {
    pub(super) fn of(lines: Vec<Line>) -> Self {
        let mut gathered = Self {
            place: Place::default(),
            scenarios: Vec::new(),
            servers: Vec::new(),
        };
        for line in lines {
            match line {
                Line::Place(place) => gathered.place = place,
                Line::Scenario(plan) => gathered.scenarios.push(Scenario {
                    plan,
                    runs: Vec::new(),
                }),
                Line::Run(run) => {
                    if !gathered.servers.contains(&run.server) {
                        gathered.servers.push(run.server.clone());
                    }
                    let mut scenarios = gathered.scenarios.iter_mut();
                    if let Some(known) = scenarios.find(|known| known.plan.name == run.scenario) {
                        known.runs.push(run);
                    }
                }
            }
        }
        gathered
    }

    /// The scenarios that this figure is taken of.
    pub(super) fn with(&self, figure: Figure) -> impl Iterator<Item = &Scenario> {
        self.scenarios
            .iter()
            .filter(move |scenario| scenario.main_figure() == figure)
    }

    /// What a chart shows.
    pub(super) fn chart(&self, figure: Figure) -> Vec<Row> {
        self.with(figure)
            .map(|scenario| {
                let values = self.servers.iter().filter_map(|server| {
                    let range = scenario.range(server, figure)?;
                    Some((server.clone(), range))
                });
                (scenario.plan.title.clone(), values.collect())
            })
            .collect()
    }
}

impl Scenario {
    /// What servers are compared by: memory where sessions idle, CPU time elsewhere.
    pub(super) fn main_figure(&self) -> Figure {
        match self.plan.scenario.as_str() {
            "idle" => Figure::Memory,
            _ => Figure::Cpu,
        }
    }

    /// The runs of one server that were measured without anything going wrong.
    pub(super) fn reports<'a>(
        &'a self,
        server: &'a str,
    ) -> impl Iterator<Item = (u32, &'a Report)> {
        self.runs
            .iter()
            .filter(move |run| run.server == server)
            .filter_map(|run| Some((run.round, run.outcome.sound()?)))
    }

    /// A figure of each round.
    pub(super) fn figures(&self, server: &str, figure: Figure) -> Vec<(u32, f64)> {
        self.reports(server)
            .filter_map(|(round, report)| Some((round, value(report, figure)?)))
            .collect()
    }

    pub(super) fn range(&self, server: &str, figure: Figure) -> Option<Range> {
        Range::of(&only_values(&self.figures(server, figure)))
    }

    /// Why there is no figure: in a word.
    pub(super) fn excuse(&self, server: &str) -> &'static str {
        let mut runs = self.runs.iter().filter(|run| run.server == server);
        match runs.next_back().map(|run| &run.outcome) {
            None => "-",
            Some(Outcome::NotOffered(_)) => "not offered",
            Some(_) => "failed",
        }
    }

    /// The peer that does best, by median.
    pub(super) fn best_peer<'a>(&self, servers: &'a [String], figure: Figure) -> Option<&'a str> {
        servers
            .iter()
            .filter(|server| *server != FLOOR && *server != OURS)
            .filter_map(|server| Some((self.range(server, figure)?.median, server.as_str())))
            .min_by(|one, other| one.0.total_cmp(&other.0))
            .map(|(_, server)| server)
    }
}

/// Without their rounds.
pub(super) fn only_values(figures: &[(u32, f64)]) -> Vec<f64> {
    figures.iter().map(|(_, value)| *value).collect()
}

fn value(report: &Report, figure: Figure) -> Option<f64> {
    Some(match figure {
        Figure::Cpu => report.server_cpu?.us_per_unit,
        Figure::Memory => report.memory?.kib_per_session,
        Figure::P999 => report.latency_ms?.p999,
    })
}
