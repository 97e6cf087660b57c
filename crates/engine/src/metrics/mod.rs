//! What the server counts of its own work, for operators: [OpenMetrics].
//!
//! Whoever counts declares a `static` [`Counter`] or [`Histogram`] once and counts into the [`Metrics`] of the server
//! at hand. A count is a line of memory that only the counting thread writes; a scrape adds the lines up. What there
//! *is* (sessions, bytes that wait) is not counted along the way but looked at when somebody asks.
//!
//! A feature names its counters in `wire`, so that they are shown where the feature is on.
//!
//! `counter.rs` and `histogram.rs` are the declarations, `cells.rs` and `thread.rs` where counts are kept, `text.rs` the
//! exposition, `own.rs` what the engine itself counts.
//!
//! [OpenMetrics]: https://github.com/prometheus/OpenMetrics/blob/v1.0.0/specification/OpenMetrics.md

mod cells;
mod counter;
mod histogram;
pub(crate) mod own;
mod text;
mod thread;

pub use self::{
    cells::Metrics,
    counter::Counter,
    histogram::Histogram,
    text::{CONTENT_TYPE, Exposition, Family, Kind},
};
