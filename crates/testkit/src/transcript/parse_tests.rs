//! What transcript files may look like, and what is said of those that may not.

use super::*;

const CARBONS: &str = "\
# XEP-0280 §8: what I send on one device appears on my other devices.
spec     xep-0280#outbound
online   romeo/orchard, romeo/garden, juliet/balcony

romeo/garden -> <iq type='set' id='on'><enable xmlns='urn:xmpp:carbons:2'/></iq>
romeo/garden <- <iq type='result' id='on'/>

juliet/balcony <-
    <message from='romeo@example/orchard'
             type='chat'>
      <body>Neither, fair saint</body>
    </message>

# The sending device gets no copy of its own message.
romeo/orchard <- nothing
";

#[test]
fn a_file_is_its_lines() {
    let script = Script::parse("sent_copy.xmpp", CARBONS).unwrap();
    assert_eq!(script.spec, "xep-0280#outbound");
    assert_eq!(
        script.intent,
        "XEP-0280 §8: what I send on one device appears on my other devices."
    );
    let lines: Vec<usize> = script.steps.iter().map(|step| step.line).collect();
    assert_eq!(lines, [3, 5, 6, 8, 15]);
    assert_eq!(script.needs, []);
}

#[test]
fn every_kind_of_line_is_read() {
    check(
        "account romeo, juliet password s 3",
        "account romeo@example:secret juliet@example:s 3",
    );
    check(
        "contacts romeo, juliet@other",
        "contacts romeo@example juliet@other",
    );
    check("online romeo/orchard", "online romeo/orchard");
    check("connected a/b,c/d", "connected a/b c/d");
    check("signed-in a/b", "signed in a/b");
    check("stream raw", "stream raw Plain");
    check("stream raw tls", "stream raw Tls");
    check("a/b -> <presence/>", "a/b sends <presence/>");
    check(
        "raw -> \"<a\\x3e\\n\\\"\\\\\"",
        "raw sends bytes [60, 97, 62, 10, 34, 92]",
    );
    check("a/b -> close", "a/b closes");
    check("a/b -> cut", "a/b is cut");
    check("raw -> tls", "raw starts tls");
    check("a/b <- <a/><b/>", "a/b gets <a/>, <b/>");
    check(
        "a/b <- unordered <a/> <b/>",
        "a/b gets in any order <a/>, <b/>",
    );
    check(
        "a/b <- unordered\n  <a/>\n  <b/>",
        "a/b gets in any order <a/>, <b/>",
    );
    check(
        "raw <- <stream:stream version='1.0'>",
        "raw gets <stream:stream version='1.0'>",
    );
    check("a/b <- nothing", "a/b gets nothing");
    check("a/b <- anything", "a/b gets anything");
    check("a/b <- closed", "a/b is closed");
    check("a/b <- cut", "a/b is cut off");
    check("everyone <- nothing", "nobody gets anything");
    check("wait 5 min", "wait 300s");
    check("wait 20 ms", "wait 20ms");
    check("wait 2 days", "wait 172800s");
    check("server restart", "server InOrder");
    check("server kill", "server Killed");
    check("disk full", "disk None");
    check("disk free", "disk Enough");
    check(
        "metric a_total{b=\"c d\"} 2",
        "metric a_total{b=\"c d\"} = 2",
    );
    check(
        "command user delete romeo@example",
        "command user delete romeo@example",
    );
}

#[test]
fn indented_lines_join_without_white_space_between_tags() {
    check(
        "a/b ->\n  <message\n    to='x'>\n  <body>hi\n  there</body>\n</message>"
            .replace("\n</", "\n  </")
            .as_str(),
        "a/b sends <message to='x'><body>hi there</body></message>",
    );
    check(
        "a/b ->\n    # why this is sent\n    <presence/>",
        "a/b sends <presence/>",
    );
}

#[test]
fn what_a_file_needs_is_known_from_its_lines() {
    let text = "spec x\nonly stream, couplet\nconfig\n  [limits]\n  roster_items_max = 2\nwait 1 s\nserver kill\ncommand x";
    let script = Script::parse("needs.xmpp", text).unwrap();
    let expected = [
        Need::Stream,
        Need::Couplet,
        Need::Config,
        Need::VirtualTime,
        Need::Restart,
        Need::Commands,
    ];
    assert_eq!(script.needs, expected);
    assert_eq!(script.config, "[limits]\nroster_items_max = 2\n");
}

#[test]
fn a_reload_takes_a_configuration() {
    let text = "spec x\nreload\n  [limits]\n  roster_items_max = 2";
    let script = Script::parse("reload.xmpp", text).unwrap();
    assert_eq!(script.needs, [Need::InProcess]);
    let [step] = &script.steps[..] else {
        panic!("one step");
    };
    assert!(
        matches!(&step.action, Action::Reload(toml) if toml == "[limits]\nroster_items_max = 2\n")
    );
}

#[test]
fn errors_name_the_line_and_what_to_write() {
    error(
        "online a/b",
        1,
        "there is no line such as \"spec xep-0280#outbound\"",
    );
    error(
        "spec x\nspec y",
        2,
        "\"spec\" stands once, before anything happens",
    );
    error(
        "spec x\nwait 1 s\nspec x",
        3,
        "\"spec\" stands once, before anything happens",
    );
    error("spec x\nwait 1 s\nonly stream", 3, "\"only\" stands once");
    error(
        "spec x\nonly tcp",
        2,
        "\"tcp\" is not known here; possible are stream",
    );
    error("spec x\nonlin a/b", 2, "\"onlin\" is neither a known word");
    error(
        "spec x\nromeo => <a/>",
        2,
        "\"romeo\" is neither a known word",
    );
    error(
        "  <a/>\nspec x",
        1,
        "this line is indented but nothing above takes it",
    );
    error("# what\n  more\nspec x", 2, "this line is indented");
    error("spec x\nwait 1 s\n  more", 2, "this line is indented");
    error("spec x\nonline romeo", 2, "\"romeo\" is no session");
    error("spec x\nonline romeo/", 2, "\"romeo/\" is no session");
    error(
        "spec x\nonline a/b,",
        2,
        "\"online\" needs something after it",
    );
    error(
        "spec x\nstream a/b",
        2,
        "\"a/b\" is no name for a transport",
    );
    error("spec x\nwait 5 minutes", 2, "\"5 minutes\" is no time");
    error(
        "spec x\nserver stop",
        2,
        "\"stop\" is not known here; possible are restart, kill",
    );
    error("spec x\na/b ->", 2, "\"->\" needs something after it");
    error(
        "spec x\na/b <- hello",
        2,
        "\"hello\" is neither elements nor nothing",
    );
    error(
        "spec x\na/b <- unordered",
        2,
        "\"unordered\" needs something after it",
    );
    error(
        "spec x\na/b -> \"\\q\"",
        2,
        "the quoted bytes end too early",
    );
    error("spec x\na/b -> \"abc", 2, "the quoted bytes end too early");
    error("spec x\na/b -> <a>{x y}</a>", 2, "{x y} is no name");
    error("spec x\n\na/b <-\n  <a></b>", 3, "this is not well-formed");
    error("spec x\na/b <- <a>{x y}</a>", 2, "{x y} is no name");
}

#[track_caller]
fn check(line: &str, expected: &str) {
    let script = Script::parse("line.xmpp", &format!("spec x\n{line}")).unwrap();
    assert_eq!(script.steps.len(), 1, "{line}");
    assert_eq!(show(&script.steps[0].action), expected, "{line}");
}

#[track_caller]
fn error(text: &str, line: usize, message: &str) {
    let shown = Script::parse("bad.xmpp", text).expect_err(text).to_string();
    let start = format!("bad.xmpp:{line}: {message}");
    assert!(shown.starts_with(&start), "{text}: {shown}");
}

fn show(action: &Action) -> String {
    match action {
        Action::Accounts(accounts) => {
            let shown = accounts
                .iter()
                .map(|one| format!("{}:{}", one.jid, one.password));
            format!("account {}", shown.collect::<Vec<_>>().join(" "))
        }
        Action::Contacts(jids) => format!("contacts {}", jids.join(" ")),
        Action::Online(actors) => format!("online {}", names(actors)),
        Action::SignedIn(actors) => format!("signed in {}", names(actors)),
        Action::Connected(actors) => format!("connected {}", names(actors)),
        Action::Stream(actor, listener) => format!("stream {actor} {listener:?}"),
        Action::Send(actor, sent) => match sent {
            Sent::Text(text) => format!("{actor} sends {}", fill(text)),
            Sent::Bytes(bytes) => format!("{actor} sends bytes {bytes:?}"),
            Sent::Close => format!("{actor} closes"),
            Sent::Cut => format!("{actor} is cut"),
            Sent::StartTls => format!("{actor} starts tls"),
        },
        Action::Expect(actor, expected) => match expected {
            Expected::InOrder(patterns) => format!("{actor} gets {}", sources(patterns)),
            Expected::Unordered(patterns) => {
                format!("{actor} gets in any order {}", sources(patterns))
            }
            Expected::Nothing => format!("{actor} gets nothing"),
            Expected::Anything => format!("{actor} gets anything"),
            Expected::Closed => format!("{actor} is closed"),
            Expected::Cut => format!("{actor} is cut off"),
        },
        Action::ExpectNothing => "nobody gets anything".to_owned(),
        Action::Disk(room) => format!("disk {room:?}"),
        Action::Metric(sample, value) => format!("metric {sample} = {value}"),
        Action::Wait(time) => format!("wait {time:?}"),
        Action::Server(restart) => format!("server {restart:?}"),
        Action::Reload(toml) => format!("reload {toml}"),
        Action::Command(command) => format!("command {}", fill(command)),
    }
}

fn fill(template: &Template) -> String {
    template.fill(&super::super::Captures::default()).unwrap()
}

fn names(actors: &[Actor]) -> String {
    actors.iter().map(Actor::name).collect::<Vec<_>>().join(" ")
}

fn sources(patterns: &[Pattern]) -> String {
    patterns
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(", ")
}
