//! A client's stream driven with any bytes in any split, and answered in any way that is allowed: nothing panics, what
//! is written is well-formed, memory stays within its limit, and no split changes what happens.
//!
//! The first byte of an input chooses framing and TLS, the second the split, the next sixteen the answers, over and
//! over. The rest is what the client sends, in flights that are ended by a byte that no stream has: after STARTTLS
//! the rest of a flight is lost, because it came too early.
#![no_main]

use std::{num::NonZeroU32, sync::Arc, time::Duration, time::Instant};

use jid::{BareJid, Domain};
use libfuzzer_sys::fuzz_target;
use sasl::{
    Ask, ChannelBinding, Credentials, Hash, Mechanism, Nonce, Password, SaslFailure, ScramKeys,
    Tokens,
};
use stanza::{Condition, Output, Stanza, StanzaError};
use stream::{
    C2s, C2sSettings, Event, HostPolicy, StreamFault, StreamId, documents,
    limits::INLINE_ELEMENTS_MAX,
};
use xml::{Fragment, Framing, Limits, Scanner, Scratch, Tree, ns};

/// Ends a flight.
const FLIGHT_END: u8 = 0xff;
const ANSWERS: usize = 16;

/// Low, so that inputs of a usual size meet every limit.
const LIMITS: Limits = Limits {
    element_bytes_max: 2048,
    depth_max: 8,
    attributes_max: 20,
    declarations_max: 6,
    name_bytes_max: 64,
    header_bytes_max: 512,
};

/// What a stream may hold besides the bytes of an unfinished element: its state, and the scanner's.
const HELD_BESIDES: usize = 8192;

fuzz_target!(|data: &[u8]| {
    let [choice, piece, rest @ ..] = data else {
        return;
    };
    let Some((answers, bytes)) = rest.split_at_checked(ANSWERS) else {
        return;
    };
    let whole = play(*choice, answers, bytes, usize::MAX);
    check_output(*choice, &whole.output);
    for piece in [usize::from(*piece).max(2), 1] {
        let split = play(*choice, answers, bytes, piece);
        assert_eq!(whole, split, "pieces of {piece} bytes change what happens");
    }
});

/// What happened.
#[derive(Debug, PartialEq)]
struct Outcome {
    events: Vec<String>,
    output: Vec<u8>,
    is_over: bool,
}

fn framing(choice: u8) -> Framing {
    if choice & 1 == 0 {
        Framing::Stream
    } else {
        Framing::Document
    }
}

fn play(choice: u8, answers: &[u8], bytes: &[u8], piece: usize) -> Outcome {
    let settings = C2sSettings {
        framing: framing(choice),
        limits: LIMITS,
        limits_unauthenticated: Limits {
            element_bytes_max: 1024,
            ..LIMITS
        },
        failures_max: 3,
        ..C2sSettings::default()
    };
    let now = Instant::now();
    let mut stream = C2s::new(Arc::new(settings), StreamId::from_bytes([0; 16]), now);
    if choice & 2 != 0 {
        stream.tls_established(bindings());
    }
    let mut caller = Caller {
        stream,
        answers: answers.iter().copied().cycle(),
        now,
        awaits_tls: false,
        is_sasl2: false,
        outcome: Outcome {
            events: Vec::new(),
            output: Vec::new(),
            is_over: false,
        },
    };
    for flight in bytes.split(|byte| *byte == FLIGHT_END) {
        caller.flight(flight, piece);
    }
    caller.outcome.is_over = caller.stream.is_over();
    caller.outcome
}

/// The server around the stream.
struct Caller<'c> {
    stream: C2s,
    answers: std::iter::Cycle<std::iter::Copied<std::slice::Iter<'c, u8>>>,
    now: Instant,
    awaits_tls: bool,
    /// The sign-in under way has the form of SASL2.
    is_sasl2: bool,
    outcome: Outcome,
}

impl Caller<'_> {
    fn flight(&mut self, bytes: &[u8], piece: usize) {
        if std::mem::take(&mut self.awaits_tls) {
            self.stream.tls_established(bindings());
        }
        let mut scratch = Scratch::default();
        let mut held = Vec::new();
        for piece in bytes.chunks(piece) {
            if self.awaits_tls {
                break;
            }
            held.extend_from_slice(piece);
            let mut input = held.as_slice();
            while let Some(event) = self.stream.receive(&mut input, &mut scratch, self.now) {
                self.outcome.events.push(format!("{event:?}"));
                self.answer(&event);
            }
            assert!(!self.stream.is_waiting(), "every question is answered");
            assert!(input.is_empty(), "what is not held back is taken");
            held.clear();
            self.stream.flush(&mut self.outcome.output);
            assert!(
                self.stream.held_bytes() <= LIMITS.element_bytes_max + HELD_BESIDES,
                "{} bytes are held",
                self.stream.held_bytes()
            );
        }
        self.pass_time();
    }

    /// Between two flights, up to six minutes.
    fn pass_time(&mut self) {
        let minutes = u64::from(self.choice() % 4) * 2;
        self.now += Duration::from_secs(minutes * 60);
        if let Some(event) = self.stream.handle_timeout(self.now) {
            self.outcome.events.push(format!("{event:?}"));
        }
        self.stream.flush(&mut self.outcome.output);
    }

    fn choice(&mut self) -> u8 {
        self.answers.next().unwrap_or_default()
    }

    fn answer(&mut self, event: &Event<'_>) {
        match event {
            Event::Opening(opening) => {
                let choice = self.choice();
                if choice & 0xf == 0xf {
                    return self
                        .stream
                        .fault(&StreamFault::HostUnknown(opening.host.clone()));
                }
                self.stream.open(HostPolicy {
                    mechanisms: if choice & 0x30 == 0x30 {
                        Vec::new()
                    } else {
                        Mechanism::ALL.to_vec()
                    },
                    can_start_tls: choice & 1 == 0,
                    requires_tls: choice & 2 != 0,
                    features: vec![fragment(
                        "<register xmlns='http://jabber.org/features/iq-register'/>",
                    )],
                    inline: vec![fragment("<bind xmlns='urn:xmpp:bind:0'/>")],
                    authentication: vec![fragment("<upgrade xmlns='urn:xmpp:sasl:upgrade:0'/>")],
                    versions: Arc::default(),
                });
            }
            Event::StartTls => self.awaits_tls = true,
            Event::SigningIn {
                is_sasl2, request, ..
            } => {
                self.is_sasl2 = *is_sasl2;
                assert!(request.inline.len() <= INLINE_ELEMENTS_MAX, "too many");
                match self.choice() & 0xf {
                    0xf => self.stream.refuse(SaslFailure::TemporaryAuthFailure),
                    _ => self.stream.begin(Nonce::from_bytes(&[7; 18])),
                }
            }
            Event::Ask(ask) => self.answer_ask(ask),
            Event::Proved { .. } if self.choice() & 0xf == 0xf => {
                self.stream.refuse(SaslFailure::AccountDisabled);
            }
            Event::Proved { .. } | Event::Task { .. } if self.is_sasl2 => self.decide(),
            Event::Task { .. } => unreachable!("there are no tasks in the other form"),
            Event::Proved { username, .. } => {
                let host = Domain::parse("example.org").expect("a domain");
                match host.with_local(username) {
                    Ok(jid) => self.stream.accept(jid),
                    Err(_) => self.stream.refuse(SaslFailure::NotAuthorized),
                }
            }
            Event::Reopened => self
                .stream
                .features(&[fragment("<sm xmlns='urn:xmpp:sm:3'/>")]),
            Event::EarlyIq(stanza) if self.choice() & 1 == 0 => {
                self.stream.send_stanza(&stanza.reply_result(None));
            }
            Event::EarlyIq(_) => self.stream.fault(&StreamFault::TooEarly),
            Event::Binding(resource) => self.bind(resource.as_deref()),
            Event::Stanza(stanza) => self.echo(stanza),
            Event::Rejected(rejected) => {
                let jid = self
                    .stream
                    .jid()
                    .expect("only bound streams reject")
                    .clone();
                if let Some(reply) = rejected.reply(&jid.into()) {
                    self.stream.send_stanza(&reply);
                }
            }
            Event::Reply(reply) => self.stream.send_stanza(reply),
            Event::Nonza(_) => match self.choice() % 4 {
                0 => self.stream.fault(&StreamFault::UnsupportedStanzaType),
                1 => {
                    let resumed = juliet().with_resource("balcony").expect("a resource");
                    self.stream.resume(resumed);
                }
                _ => self
                    .stream
                    .send_nonza(&fragment("<a xmlns='urn:xmpp:sm:3' h='0'/>")),
            },
            Event::PeerClosed | Event::PeerFaulted { .. } => self.stream.close(self.now),
            Event::Handled | Event::Faulted(_) | Event::Idle => {}
        }
    }

    /// What a proof or a step of a task leads to.
    fn decide(&mut self) {
        let full_jid = juliet().with_resource("made").expect("a resource");
        let other = [fragment("<bound xmlns='urn:xmpp:bind:0'/>")];
        match self.choice() % 8 {
            0 => self
                .stream
                .require(vec!["a".to_owned(), "b".to_owned()], Some("why")),
            // Between tasks there is none to go on with.
            1 => {
                self.stream.task_data(&other);
                if self.stream.is_waiting() {
                    self.stream.succeed(juliet(), &other);
                }
            }
            2 => self
                .stream
                .refuse_because(SaslFailure::TemporaryAuthFailure, &other[0]),
            3 => self.stream.succeed(juliet(), &other),
            4 => self.stream.succeed_resumed(full_jid, &other),
            5 => self.stream.succeed(juliet(), &[]),
            _ => self.stream.succeed_bound(full_jid, &other, &other),
        }
    }

    fn answer_ask(&mut self, ask: &Ask) {
        let choice = self.choice();
        if choice & 0xf == 0xf {
            return self.stream.refuse(SaslFailure::TemporaryAuthFailure);
        }
        let credentials = |hash| {
            let password = Password::prepare("secret").expect("a password");
            let keys = ScramKeys::derive(hash, &password, &[1; 16], NonZeroU32::MIN);
            match choice & 3 {
                0 => Credentials::foreign_authzid(keys),
                1 => Credentials::refused(keys),
                _ => Credentials::active(keys),
            }
        };
        match ask {
            Ask::VerifyPlain { password, .. } => {
                self.stream
                    .verdict(credentials(Hash::Sha256).verify(password));
            }
            Ask::Credentials { hash, .. } => self.stream.credentials(credentials(*hash)),
            Ask::Tokens { .. } => self.stream.tokens(Tokens::none()),
            Ask::External { .. } | Ask::Anonymous => self.stream.identified("juliet".to_owned()),
        }
    }

    fn bind(&mut self, resource: Option<&str>) {
        let jid = match self.choice() & 0xf {
            0xf => None,
            _ => juliet()
                .with_resource_strict(resource.unwrap_or("made"))
                .ok(),
        };
        match jid {
            Some(jid) => self.stream.bind(jid),
            None => self
                .stream
                .refuse_bind(&StanzaError::new(Condition::Conflict)),
        }
    }

    /// Sends back what came, now and then the last there is.
    fn echo(&mut self, stanza: &Stanza) {
        match self.choice() % 8 {
            0 => self.stream.close(self.now),
            1 => self.stream.fault(&StreamFault::Replaced),
            _ => {
                // What the stream itself wrote goes out before.
                self.stream.flush(&mut self.outcome.output);
                self.stream
                    .write_stanza(stanza, Output::default(), &mut self.outcome.output);
            }
        }
    }
}

/// What we wrote is a stream, or several: after STARTTLS and after signing in, other than by SASL2, a new one begins.
fn check_output(choice: u8, output: &[u8]) {
    if framing(choice) == Framing::Document {
        for document in documents(output) {
            let document = std::str::from_utf8(document).expect("output is UTF-8");
            Tree::parse(document).expect("each document stands for itself");
        }
        return;
    }
    let limits = Limits {
        element_bytes_max: 1 << 20,
        header_bytes_max: 1 << 16,
        name_bytes_max: 4096,
        attributes_max: 256,
        ..Limits::default()
    };
    let mut scanner = Scanner::new(Framing::Stream, ns::CLIENT, limits);
    let mut scratch = Scratch::default();
    let mut rest = output;
    while let Some(event) = scanner
        .receive(&mut rest, &mut scratch)
        .expect("output is well-formed")
    {
        if let xml::Event::Child(element) = event
            && (element.is("proceed", ns::TLS) || element.is("success", ns::SASL))
        {
            scanner.restart();
        }
    }
    assert!(scanner.is_between_elements(), "elements are written whole");
}

fn bindings() -> Vec<ChannelBinding> {
    vec![ChannelBinding::Exporter([9; 32])]
}

fn juliet() -> BareJid {
    BareJid::parse("juliet@example.org").expect("a bare JID")
}

fn fragment(text: &str) -> Fragment {
    Fragment::parse(text).expect("well-formed")
}
