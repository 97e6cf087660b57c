//! Our figures against what they may be.

use std::fmt::Write as _;

use super::gathered::{FLOOR, Gathered, OURS, Scenario, only_values};
use crate::{
    figures::{Range, digits, ratios},
    plan::{Against, Budget, Figure},
};

/// One row for each budget.
pub(super) fn table(gathered: &Gathered) -> String {
    let mut text = String::from(
        "| work | figure | must | aim | measured | |\n| --- | --- | --- | --- | --- | --- |\n",
    );
    for scenario in &gathered.scenarios {
        for budget in &scenario.plan.budget {
            let measured = measured(gathered, scenario, budget);
            let (shown, verdict) = match measured {
                None => (scenario.excuse(OURS).to_owned(), ""),
                Some(range) => (show(range, budget), verdict(range.median, budget)),
            };
            let unit = unit(budget);
            let _ = writeln!(
                text,
                "| {} | {} | {}{unit} | {}{unit} | {shown} | {verdict} |",
                scenario.plan.title,
                name(budget.figure),
                digits(budget.must),
                digits(budget.aim),
            );
        }
    }
    text.trim_end().to_owned()
}

fn measured(gathered: &Gathered, scenario: &Scenario, budget: &Budget) -> Option<Range> {
    let own = scenario.figures(OURS, budget.figure);
    let other = match budget.against {
        Against::Itself => return Range::of(&only_values(&own)),
        Against::Floor => FLOOR,
        Against::Peer => scenario.best_peer(&gathered.servers, budget.figure)?,
    };
    Range::of(&ratios(&own, &scenario.figures(other, budget.figure)))
}

fn show(range: Range, budget: &Budget) -> String {
    let times = if budget.against == Against::Itself {
        ""
    } else {
        "x"
    };
    let (median, min, max) = (digits(range.median), digits(range.min), digits(range.max));
    match range.min == range.max {
        true => format!("{median}{times}"),
        false => format!("{median}{times} [{min}..{max}]"),
    }
}

fn verdict(median: f64, budget: &Budget) -> &'static str {
    match median {
        good if good <= budget.aim => "as wanted",
        fair if fair <= budget.must => "within",
        _ => "**missed**",
    }
}

fn name(figure: Figure) -> &'static str {
    match figure {
        Figure::Cpu => "CPU",
        Figure::Memory => "memory",
        Figure::P999 => "p99.9",
    }
}

fn unit(budget: &Budget) -> &'static str {
    match (budget.against, budget.figure) {
        (Against::Floor, _) => "x relay",
        (Against::Peer, _) => "x peer",
        (Against::Itself, Figure::Cpu) => " µs",
        (Against::Itself, Figure::Memory) => " KiB",
        (Against::Itself, Figure::P999) => " ms",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_compares_with_both_bounds() {
        check(1.6, "as wanted");
        check(2.0, "within");
        check(2.3, "**missed**");
    }

    #[track_caller]
    fn check(median: f64, expected: &str) {
        let budget = Budget {
            figure: Figure::Cpu,
            against: Against::Floor,
            must: 2.2,
            aim: 1.6,
        };
        assert_eq!(verdict(median, &budget), expected);
    }
}
