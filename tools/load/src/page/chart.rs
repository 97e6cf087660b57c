//! Charts, as SVG that needs nothing but a browser.

use std::fmt::Write as _;

use super::gathered::Row;
use crate::figures::digits;

/// Pixels.
const LABEL_WIDTH: f64 = 330.0;
const PLOT_WIDTH: f64 = 520.0;
const RIGHT: f64 = 70.0;
const ROW_HEIGHT: f64 = 30.0;
const BAR_HEIGHT: f64 = 14.0;
const TOP: f64 = 64.0;
const BOTTOM: f64 = 34.0;

const COLOURS: [(&str, &str); 4] = [
    ("relay", "#8a8f98"),
    ("couplet", "#c2334d"),
    ("prosody", "#2f6690"),
    ("ejabberd", "#4f9d69"),
];
const OTHER_COLOUR: &str = "#7a5195";

/// A dot for each server on each row, with a line from its smallest value to its largest, on a scale of powers of
/// ten: for figures that differ by much.
pub(super) fn dots(title: &str, rows: &[Row]) -> String {
    let values = || rows.iter().flat_map(|(_, servers)| servers);
    let least = values()
        .map(|(_, range)| range.min)
        .fold(f64::MAX, f64::min);
    let most = values().map(|(_, range)| range.max).fold(0.0, f64::max);
    if most <= 0.0 {
        return frame(title, rows, 0.0, "");
    }
    let from = least.max(0.01).log10().floor();
    let to = most.log10().ceil().max(from + 1.0);
    let x = |value: f64| LABEL_WIDTH + (value.max(0.01).log10() - from) / (to - from) * PLOT_WIDTH;
    let height = rows.len() as f64 * ROW_HEIGHT;
    let mut inside = String::new();
    for power in from as i32..=to as i32 {
        inside += &grid(x(10_f64.powi(power)), height, 10_f64.powi(power));
    }
    for (at, (label, servers)) in rows.iter().enumerate() {
        let y = TOP + (at as f64 + 0.5) * ROW_HEIGHT;
        inside += &text(LABEL_WIDTH - 12.0, y + 4.0, "end", label);
        for (server, range) in servers {
            let (colour, middle) = (colour(server), x(range.median));
            let (min, max) = (x(range.min), x(range.max));
            let _ = writeln!(
                inside,
                "<line x1='{min:.1}' x2='{max:.1}' y1='{y:.1}' y2='{y:.1}' stroke='{colour}' stroke-width='2'/>\
                 <circle cx='{middle:.1}' cy='{y:.1}' r='5' fill='{colour}'><title>{server}: {}</title></circle>",
                digits(range.median)
            );
        }
    }
    frame(title, rows, height, &inside)
}

/// A bar for each server on each row, from zero.
pub(super) fn bars(title: &str, rows: &[Row]) -> String {
    let values = || rows.iter().flat_map(|(_, servers)| servers);
    let most = values().map(|(_, range)| range.median).fold(0.0, f64::max);
    let count = values().count() as f64;
    let height = count * BAR_HEIGHT + rows.len() as f64 * BAR_HEIGHT;
    if most <= 0.0 {
        return frame(title, rows, 0.0, "");
    }
    let step = step(most);
    let mut inside = String::new();
    let mut mark = 0.0;
    while mark <= most {
        inside += &grid(LABEL_WIDTH + mark / most * PLOT_WIDTH, height, mark);
        mark += step;
    }
    let mut y = TOP + BAR_HEIGHT / 2.0;
    for (label, servers) in rows {
        let middle = y + servers.len() as f64 * BAR_HEIGHT / 2.0;
        inside += &text(LABEL_WIDTH - 12.0, middle + 4.0, "end", label);
        for (server, range) in servers {
            let (colour, width) = (colour(server), range.median / most * PLOT_WIDTH);
            let _ = writeln!(
                inside,
                "<rect x='{LABEL_WIDTH}' y='{:.1}' width='{width:.1}' height='{:.1}' fill='{colour}'/>",
                y + 1.0,
                BAR_HEIGHT - 2.0
            );
            let value = digits(range.median);
            inside += &text(LABEL_WIDTH + width + 5.0, y + 11.0, "start", &value);
            y += BAR_HEIGHT;
        }
        y += BAR_HEIGHT;
    }
    frame(title, rows, height, &inside)
}

/// Title and legend around what is inside.
fn frame(title: &str, rows: &[Row], height: f64, inside: &str) -> String {
    let width = LABEL_WIDTH + PLOT_WIDTH + RIGHT;
    let whole = TOP + height + BOTTOM;
    let mut svg = format!(
        "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {width} {whole}' \
         font-family='system-ui, sans-serif' font-size='12' fill='#222'>\n\
         <rect width='{width}' height='{whole}' fill='#fff'/>\n"
    );
    let _ = writeln!(
        svg,
        "<text x='16' y='24' font-size='15' font-weight='600'>{title}</text>"
    );
    let mut servers: Vec<&str> = Vec::new();
    for (server, _) in rows.iter().flat_map(|(_, servers)| servers) {
        if !servers.contains(&server.as_str()) {
            servers.push(server);
        }
    }
    for (at, server) in servers.into_iter().enumerate() {
        let (x, colour) = (LABEL_WIDTH + at as f64 * 110.0, colour(server));
        let _ = writeln!(svg, "<circle cx='{x}' cy='46' r='5' fill='{colour}'/>");
        svg += &text(x + 10.0, 50.0, "start", server);
    }
    svg + inside + "</svg>\n"
}

fn grid(x: f64, height: f64, value: f64) -> String {
    let bottom = TOP + height;
    let line =
        format!("<line x1='{x:.1}' x2='{x:.1}' y1='{TOP}' y2='{bottom:.1}' stroke='#ddd'/>\n");
    line + &text(x, bottom + 18.0, "middle", &format!("{value}"))
}

fn text(x: f64, y: f64, anchor: &str, what: &str) -> String {
    let what = what.replace('&', "&amp;").replace('<', "&lt;");
    format!("<text x='{x:.1}' y='{y:.1}' text-anchor='{anchor}'>{what}</text>\n")
}

fn colour(server: &str) -> &'static str {
    COLOURS
        .iter()
        .find(|(name, _)| *name == server)
        .map_or(OTHER_COLOUR, |(_, colour)| colour)
}

/// A round distance between marks, so that there are up to ten.
fn step(most: f64) -> f64 {
    let power = 10_f64.powf((most / 10.0).log10().floor());
    let rounds = [1.0, 2.0, 5.0, 10.0].map(|times| times * power);
    rounds
        .into_iter()
        .find(|step| most / step <= 10.0)
        .unwrap_or(most)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::Range;

    #[test]
    fn marks_are_round_and_few() {
        for (most, expected) in [(77.0, 10.0), (12.0, 2.0), (100.0, 10.0), (0.9, 0.1)] {
            assert!((step(most) - expected).abs() < 1e-9, "{most}");
        }
    }

    #[test]
    fn every_server_is_drawn_on_every_row() {
        let range = Range::of(&[8.0, 10.0, 12.0]).unwrap();
        let servers = vec![("relay".to_owned(), range), ("couplet".to_owned(), range)];
        let rows = [
            ("a < b".to_owned(), servers.clone()),
            ("c".to_owned(), servers),
        ];
        let chart = dots("x", &rows);
        assert_eq!(
            chart
                .matches("r='5' fill='#c2334d'><title>couplet: 10.0")
                .count(),
            2
        );
        assert!(chart.contains("a &lt; b"));
        assert_eq!(bars("x", &rows).matches("<rect x='330'").count(), 4);
    }

    #[test]
    fn nothing_makes_an_empty_chart() {
        assert!(dots("x", &[]).ends_with("</svg>\n"));
        assert!(bars("x", &[("a".to_owned(), vec![])]).ends_with("</svg>\n"));
    }
}
