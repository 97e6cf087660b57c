//! The page of metrics: a text that is OpenMetrics, with the names that the operator's book has.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::{Read, Write},
    net::TcpStream,
};

use super::{
    client::Client,
    process::{Place, free_port},
};

/// A place whose server tells metrics at the port that comes with it.
pub(super) fn place(more: &str) -> (Place, u16) {
    let (place, port) = (Place::new(), free_port());
    place.configure(&format!("listen.metrics = [\"127.0.0.1:{port}\"]\n{more}"));
    (place, port)
}

/// Sends a request; gives the head of the response and its body.
fn ask(port: u16, request: &str) -> (String, String) {
    let mut socket = TcpStream::connect(("127.0.0.1", port)).unwrap();
    socket.write_all(request.as_bytes()).unwrap();
    let mut response = String::new();
    socket.read_to_string(&mut response).unwrap();
    let (head, body) = response.split_once("\r\n\r\n").unwrap();
    (head.to_owned(), body.to_owned())
}

/// The samples of the page, by name with labels.
pub(super) fn samples(port: u16) -> BTreeMap<String, f64> {
    let (_, text) = ask(port, "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
    Page::read(&text).samples
}

/// A page, read strictly.
#[derive(Default)]
struct Page {
    /// By name: its type and its unit.
    families: BTreeMap<String, (String, Option<String>)>,
    samples: BTreeMap<String, f64>,
}

impl Page {
    #[track_caller]
    fn read(text: &str) -> Self {
        let mut page = Self::default();
        let mut lines = text.strip_suffix("# EOF\n").expect("it has an end").lines();
        let mut family = String::new();
        let mut buckets: Vec<f64> = Vec::new();
        for line in lines.by_ref() {
            if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').unwrap();
                family = name.to_owned();
                buckets.clear();
                let new = page
                    .families
                    .insert(family.clone(), (kind.to_owned(), None));
                assert!(new.is_none(), "{name} is there twice");
            } else if let Some(rest) = line.strip_prefix("# UNIT ") {
                let (name, unit) = rest.split_once(' ').unwrap();
                assert!(
                    name == family && name.ends_with(&format!("_{unit}")),
                    "{line}"
                );
                page.families.get_mut(name).unwrap().1 = Some(unit.to_owned());
            } else if let Some(rest) = line.strip_prefix("# HELP ") {
                let (name, help) = rest.split_once(' ').unwrap();
                assert!(name == family && help.ends_with('.'), "{line}");
            } else {
                page.sample(&family, line, &mut buckets);
            }
        }
        page
    }

    fn sample(&mut self, family: &str, line: &str, buckets: &mut Vec<f64>) {
        let (sample, value) = line.rsplit_once(' ').unwrap();
        let value: f64 = value.parse().unwrap();
        let name = sample.split('{').next().unwrap();
        let suffix = name.strip_prefix(family).expect("a sample of the family");
        match (self.families[family].0.as_str(), suffix) {
            ("counter", "_total") | ("gauge", "") => assert!(value >= 0.0, "{line}"),
            ("info", "_info") => assert!(value == 1.0, "{line}"),
            ("histogram", "_bucket") => {
                assert!(buckets.last().is_none_or(|last| *last <= value), "{line}");
                buckets.push(value);
            }
            ("histogram", "_count") => assert_eq!(buckets.last(), Some(&value), "{line}"),
            ("histogram", "_sum") => {}
            (kind, _) => panic!("{line} in a {kind}"),
        }
        let new = self.samples.insert(sample.to_owned(), value);
        assert!(new.is_none(), "{sample} is there twice");
    }
}

#[test]
fn the_page_is_there_for_programs_and_nothing_else_is() {
    let (place, port) = place("");
    let _server = place.serve();
    let (head, text) = ask(port, "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    assert!(
        head.contains("Content-Type: application/openmetrics-text; version=1.0.0; charset=utf-8"),
        "{head}"
    );
    assert!(
        head.contains(&format!("Content-Length: {}", text.len())),
        "{head}"
    );
    let (head, body) = ask(port, "HEAD /metrics HTTP/1.1\r\n\r\n");
    assert!(
        head.starts_with("HTTP/1.1 200 OK\r\n") && body.is_empty(),
        "{head}"
    );
    for (request, status) in [
        ("GET / HTTP/1.1\r\n\r\n", "404"),
        ("POST /metrics HTTP/1.1\r\n\r\n", "405"),
        ("nonsense\r\n\r\n", "400"),
    ] {
        let (head, _) = ask(port, request);
        assert!(
            head.starts_with(&format!("HTTP/1.1 {status} ")),
            "{request:?}: {head}"
        );
    }
    let long = format!("GET /metrics HTTP/1.1\r\nX: {}", "x".repeat(9 * 1024));
    assert!(ask(port, &long).0.starts_with("HTTP/1.1 431 "));
}

#[test]
fn every_metric_is_in_the_book_and_the_book_has_no_other() {
    let (place, port) = place("");
    let _server = place.serve();
    let (_, text) = ask(port, "GET /metrics HTTP/1.1\r\n\r\n");
    let told: BTreeSet<String> = Page::read(&text).families.into_keys().collect();
    let book = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/admin/metrics.md");
    let book = fs::read_to_string(book).unwrap();
    let rows = book.lines().filter_map(|line| line.strip_prefix("| `"));
    let named = rows.filter_map(|row| row.split(['`', '{']).next());
    let in_book: BTreeSet<String> = named.map(str::to_owned).collect();
    assert_eq!(told, in_book);
}

#[test]
fn what_happens_is_counted() {
    let (place, port) = place("c2s.require_tls = false");
    for name in ["romeo", "juliet"] {
        let jid = format!("{name}@localhost");
        let input = format!("{name}\n");
        place.done(&["user", "add", &jid, "--password-stdin"], &input);
    }
    let _server = place.serve();
    let mut juliet = Client::sign_in(place.port, "juliet", "balcony");
    juliet.become_available();
    let mut romeo = Client::sign_in(place.port, "romeo", "orchard");
    romeo.send("<message to='juliet@localhost' id='m' type='chat'><body>hi</body></message>");
    juliet.expect("message", "m");
    // It waits for a commit, and for what comes before it.
    place.done(&["healthcheck"], "");
    let samples = samples(port);
    let is = |sample: &str, value: f64| assert_eq!(samples[sample], value, "{sample}");
    is("couplet_sessions{state=\"available\"}", 1.0);
    is("couplet_sessions{state=\"unavailable\"}", 1.0);
    is("couplet_sign_ins_total{mechanism=\"SCRAM-SHA-1\"}", 2.0);
    is("couplet_connections_accepted_total{result=\"taken\"}", 2.0);
    is(
        "couplet_stanzas_total{direction=\"received\",kind=\"message\"}",
        1.0,
    );
    is("couplet_streams{host=\"localhost\"}", 2.0);
    let connections = samples
        .iter()
        .filter(|(name, _)| name.starts_with("couplet_worker_connections{"));
    assert_eq!(connections.map(|(_, count)| count).sum::<f64>(), 2.0);
    assert!(samples["couplet_store_commit_seconds_count"] >= 1.0);
    assert!(samples["couplet_store_bytes{file=\"database\"}"] > 0.0);
    assert!(samples["process_resident_memory_bytes"] > 1e6);
    assert!(samples["couplet_certificate_expiry_timestamp_seconds{host=\"localhost\"}"] > 1e9);
}

#[test]
fn only_this_machine_may_read_them() {
    let place = Place::new();
    place.configure("listen.metrics = [\"0.0.0.0:9522\"]");
    place.fails(
        &["check", "config"],
        3,
        "couplet.toml:5: listen.metrics must be addresses of this machine alone, such as \"127.0.0.1:9522\" or \"[::1]:9522\", not \"0.0.0.0:9522\": whoever connects may read them",
    );
}
