//! Plays a script against a stream: a peer that sends, and a caller that answers what it is asked.
//!
//! A script has lines of these forms; those of one kind that follow each other belong together.
//!
//! ```text
//! > <message/>          the peer sends; several lines arrive together
//! ! stanza <message/>   these events come, in order
//! < {header ...}        exactly these bytes are written, over any number of lines
//! wait 300              time passes; events and output as above
//! call close            the caller does something, see `Player::call`
//! ```
//!
//! Scripts are written as on a continuous stream; where documents are framed, the player rewrites what is sent, and
//! what is written back. What neither `!` nor `<` expects must not happen.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jid::{BareJid, Domain};
use sasl::{
    Ask, ChannelBinding, Credentials, FakeCredentials, Hash, Mechanism, Nonce, Password,
    SaslFailure, ScramKeys, Tokens, client::Scram,
};
use stanza::{Condition, Output, Stanza, StanzaError};
use stream::{
    C2s, C2sSettings, Event, HostPolicy, SignInRequest, StreamFault, StreamId, UserAgent, documents,
};
use xml::{Fragment, Framing, Limits, Scratch, ns};

/// The header of a client of example.org.
pub(crate) const OPEN: &str = "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='example.org' version='1.0'>";

/// What example.org offers before authentication over TLS.
pub(crate) const FEATURES: &str = "<stream:features><sasl-channel-binding xmlns='urn:xmpp:sasl-cb:0'><channel-binding type='tls-exporter'/></sasl-channel-binding><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>SCRAM-SHA-256-PLUS</mechanism><mechanism>SCRAM-SHA-256</mechanism><mechanism>EXTERNAL</mechanism><mechanism>PLAIN</mechanism><mechanism>ANONYMOUS</mechanism></mechanisms><authentication xmlns='urn:xmpp:sasl:2'><mechanism>SCRAM-SHA-256-PLUS</mechanism><mechanism>SCRAM-SHA-256</mechanism><mechanism>EXTERNAL</mechanism><mechanism>PLAIN</mechanism><mechanism>ANONYMOUS</mechanism><inline><bind xmlns='urn:xmpp:bind:0'/><fast xmlns='urn:xmpp:fast:0'/></inline><upgrade xmlns='urn:xmpp:sasl:upgrade:0'>UPGR-SCRAM-SHA-512</upgrade></authentication><register xmlns='http://jabber.org/features/iq-register'/><limits xmlns='urn:xmpp:stream-limits:0'><max-bytes>2000</max-bytes><idle-seconds>840</idle-seconds></limits><config-version xmlns='urn:xmpp:iap:0' scheme='opaque' value='{version}'/></stream:features>";

/// The version of that offer.
pub(crate) const VERSION: &str = "3beelMYfUeT3Ep02eq";

/// What an account may do.
pub(crate) const BIND_FEATURES: &str = "<stream:features><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/><session xmlns='urn:ietf:params:xml:ns:xmpp-session'><optional/></session><sm xmlns='urn:xmpp:sm:3'/><limits xmlns='urn:xmpp:stream-limits:0'><max-bytes>10000</max-bytes><idle-seconds>840</idle-seconds></limits></stream:features>";

/// A script that opens a stream.
pub(crate) const OPENED: &str = "
> {open}
! opening example.org secure
< {header from='example.org'}{features}
";

/// A script that opens a stream and signs in.
pub(crate) const AUTHENTICATED: &str = "
> {open}
! opening example.org secure
< {header from='example.org'}{features}
> <auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AGp1bGlldABzZWNyZXQ=</auth>
! signing in PLAIN
! ask verify juliet
! proved juliet PLAIN
< <success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>
> {open}
! reopened
< {header from='example.org'}{bind-features}
";

/// A script that does what [`AUTHENTICATED`] does, and binds.
pub(crate) const BOUND: &str = "
> {open}
! opening example.org secure
< {header from='example.org'}{features}
> <auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AGp1bGlldABzZWNyZXQ=</auth>
! signing in PLAIN
! ask verify juliet
! proved juliet PLAIN
< <success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>
> {open}
! reopened
< {header from='example.org'}{bind-features}
> <iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>balcony</resource></bind></iq>
! binding balcony
< <iq id='b' type='result'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>juliet@example.org/balcony</jid></bind></iq>
";

/// What is the same in each run of a script.
#[derive(Clone, Copy)]
pub(crate) struct Setting {
    /// Whether TLS is there from the first byte.
    pub(crate) is_secure: bool,
    pub(crate) can_start_tls: bool,
    pub(crate) requires_tls: bool,
    pub(crate) mechanisms: &'static [Mechanism],
    pub(crate) register: bool,
    /// Whether the rule exists where documents are framed.
    pub(crate) on_documents: bool,
}

impl Default for Setting {
    fn default() -> Self {
        Self {
            is_secure: true,
            can_start_tls: true,
            requires_tls: true,
            mechanisms: &[
                Mechanism::Plain,
                Mechanism::ScramSha256,
                Mechanism::ScramSha256Plus,
                Mechanism::External,
                Mechanism::Anonymous,
            ],
            register: true,
            on_documents: true,
        }
    }
}

/// Plays scripts, one after the other as one, with the default setting.
#[track_caller]
pub(crate) fn check(scripts: &[&str]) {
    check_with(Setting::default(), scripts);
}

/// Plays scripts, one after the other as one.
#[track_caller]
pub(crate) fn check_with(setting: Setting, scripts: &[&str]) {
    let script = scripts.concat();
    for framing in [Framing::Stream, Framing::Document] {
        if framing == Framing::Document && !setting.on_documents {
            continue;
        }
        for piece_bytes in [usize::MAX, 1, 7] {
            Player::new(setting, framing, piece_bytes).play(&script);
        }
    }
}

/// One run of a script.
pub(crate) struct Player {
    pub(crate) stream: C2s,
    pub(crate) scratch: Scratch,
    pub(crate) now: Instant,
    setting: Setting,
    framing: Framing,
    /// How many bytes arrive at a time.
    piece_bytes: usize,
    /// What came with a sign-in by SASL2.
    sasl2: Option<SignInRequest>,
    /// What it has to do yet.
    tasks: Vec<&'static str>,
    events: Vec<String>,
    output: Vec<u8>,
}

impl Player {
    pub(crate) fn new(setting: Setting, framing: Framing, piece_bytes: usize) -> Self {
        let settings = C2sSettings {
            framing,
            limits: Limits {
                element_bytes_max: 10_000,
                ..Limits::default()
            },
            limits_unauthenticated: Limits {
                element_bytes_max: 2_000,
                ..Limits::default()
            },
            failures_max: 3,
            ..C2sSettings::default()
        };
        let now = start();
        let mut stream = C2s::new(Arc::new(settings), StreamId::from_bytes([0; 16]), now);
        if setting.is_secure {
            stream.tls_established(bindings());
        }
        Self {
            stream,
            scratch: Scratch::default(),
            now,
            setting,
            framing,
            piece_bytes,
            sasl2: None,
            tasks: Vec::new(),
            events: Vec::new(),
            output: Vec::new(),
        }
    }

    #[track_caller]
    pub(crate) fn play(&mut self, script: &str) {
        let mut lines = script
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
            .peekable();
        while let Some(line) = lines.next() {
            let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
            match verb {
                ">" => {
                    let mut bytes = self.sent(rest);
                    while let Some(next) = lines.next_if(|next| next.starts_with("> ")) {
                        bytes.extend(self.sent(&next[2..]));
                    }
                    self.receive(&bytes);
                }
                "wait" => self.wait(rest.parse().expect("wait takes seconds")),
                "call" => self.call(rest),
                _ => unreachable!("unknown line {line}"),
            }
            self.flush();
            let mut events = Vec::new();
            let mut output = String::new();
            while let Some(line) =
                lines.next_if(|line| line.starts_with("! ") || line.starts_with("< "))
            {
                match line.split_at(2) {
                    ("! ", event) => events.push(event.to_owned()),
                    (_, bytes) => output += &expand(bytes),
                }
            }
            let written = self.written();
            let place = format!(
                "after {line}\non {:?}, {} bytes at a time",
                self.framing, self.piece_bytes
            );
            assert_eq!(std::mem::take(&mut self.events), events, "{place}");
            assert_eq!(written, output, "{place}");
        }
    }

    /// The bytes of one line that the peer sends.
    pub(crate) fn sent(&self, line: &str) -> Vec<u8> {
        let line = expand(line);
        if self.framing == Framing::Stream {
            return line.into_bytes();
        }
        if line.trim().is_empty() {
            return Vec::new();
        }
        let header = format!(" xmlns='jabber:client' xmlns:stream='{}'", ns::STREAMS);
        let line = if line == "</stream:stream>" {
            format!("<close xmlns='{}'/>", ns::FRAMING)
        } else if let Some(rest) = line.strip_prefix("<stream:stream") {
            let rest = rest.replacen(&header, "", 1).replace('>', "/>");
            format!("<open xmlns='{}'{rest}", ns::FRAMING)
        } else if let Some(rest) = line.strip_prefix("<stream:error") {
            format!("<stream:error xmlns:stream='{}'{rest}", ns::STREAMS)
        } else {
            ["<message", "<presence", "<iq"]
                .iter()
                .find_map(|name| Some((name, line.strip_prefix(name)?)))
                .filter(|(_, rest)| {
                    let start_tag = rest.split('>').next().unwrap_or_default();
                    !start_tag.contains(" xmlns=")
                })
                .map_or(line.clone(), |(name, rest)| {
                    format!("{name} xmlns='jabber:client'{rest}")
                })
        };
        line.into_bytes()
    }

    /// Gives bytes to the stream as a driver would, in pieces, keeping what a question holds back.
    pub(crate) fn receive(&mut self, bytes: &[u8]) {
        let mut held: Vec<u8> = Vec::new();
        for piece in bytes.chunks(self.piece_bytes) {
            held.extend_from_slice(piece);
            let mut input = held.as_slice();
            // Borrowed apart from `self`, so that an event may be answered while it is looked at.
            let mut scratch = std::mem::take(&mut self.scratch);
            while let Some(event) = self.stream.receive(&mut input, &mut scratch, self.now) {
                self.event(&event);
            }
            self.scratch = scratch;
            let taken = held.len() - input.len();
            held.drain(..taken);
        }
        assert!(held.is_empty(), "left over: {}", held.escape_ascii());
    }

    /// Sends one element and gives back what is written, whatever events come.
    pub(crate) fn exchange(&mut self, line: &str) -> String {
        let bytes = self.sent(line);
        self.receive(&bytes);
        self.flush();
        self.events.clear();
        self.written()
    }

    /// The events and output of bytes, and whether the stream is over then.
    pub(crate) fn outcome(&mut self, bytes: &[u8]) -> (Vec<String>, Vec<u8>, bool) {
        self.receive(bytes);
        self.flush();
        (
            std::mem::take(&mut self.events),
            std::mem::take(&mut self.output),
            self.stream.is_over(),
        )
    }

    /// Sends one element, refuses the first question, and gives back what is written.
    pub(crate) fn exchange_refused(&mut self, line: &str, failure: SaslFailure) -> String {
        let bytes = self.sent(line);
        let mut input = bytes.as_slice();
        let event = self.stream.receive(&mut input, &mut self.scratch, self.now);
        assert!(matches!(event, Some(Event::SigningIn { .. })), "{event:?}");
        assert!(self.stream.is_waiting());
        self.stream.refuse(failure);
        assert!(!self.stream.is_waiting());
        self.flush();
        self.written()
    }

    /// Waits so long and expects one keepalive at the end: a space, and the event.
    pub(crate) fn wait_until_idle(&mut self, seconds: u64) {
        self.wait(seconds);
        self.flush();
        assert_eq!(std::mem::take(&mut self.events), ["idle"]);
        assert_eq!(self.written(), " ");
    }

    fn wait(&mut self, seconds: u64) {
        let until = self.now + Duration::from_secs(seconds);
        while let Some(due) = self.stream.poll_timeout().filter(|due| *due <= until) {
            self.now = due;
            if let Some(event) = self.stream.handle_timeout(due) {
                self.event(&event);
            }
        }
        self.now = until;
        assert!(self.stream.handle_timeout(until).is_none(), "due too late");
    }

    fn call(&mut self, what: &str) {
        match what {
            "close" => self.stream.close(self.now),
            "fault" => self.stream.fault(&StreamFault::Replaced),
            "invalid-from" => self.stream.fault(&StreamFault::InvalidFrom),
            "tls" => self.stream.tls_established(bindings()),
            "over" => assert!(self.stream.is_over(), "the stream is not over"),
            "open" => assert!(!self.stream.is_over(), "the stream is over"),
            "message" => {
                let mut message = Stanza::message(stanza::MessageType::Chat);
                message.push_child(fragment("<body>Ay me</body>"));
                let mut out = Vec::new();
                self.stream
                    .write_stanza(&message, Output::default(), &mut out);
                self.output.extend(out);
            }
            "nonza" => {
                let mut out = Vec::new();
                self.stream
                    .write_nonza(&fragment("<r xmlns='urn:xmpp:sm:3'/>"), &mut out);
                self.output.extend(out);
            }
            _ => unreachable!("unknown call {what}"),
        }
    }

    /// Notes an event and answers it as the server of example.org would.
    fn event(&mut self, event: &Event<'_>) {
        let note = match event {
            Event::Handled => return,
            Event::Opening(opening) => {
                let secure = if opening.is_secure { "secure" } else { "plain" };
                let from = opening.from.iter().map(|from| format!(" from {from}"));
                format!(
                    "opening {}{} {secure}",
                    opening.host,
                    from.collect::<String>()
                )
            }
            Event::StartTls => "starttls".to_owned(),
            Event::SigningIn {
                mechanism,
                is_sasl2: false,
                ..
            } => format!("signing in {mechanism}"),
            Event::SigningIn {
                mechanism, request, ..
            } => {
                let inline = request.inline.iter();
                let names: String = inline.map(|one| format!(" {}", one.name())).collect();
                let agent = agent(&request.user_agent);
                format!("authenticating {mechanism}{agent}{names}")
            }
            Event::Ask(Ask::VerifyPlain { username, .. }) => format!("ask verify {username}"),
            Event::Ask(Ask::Credentials { username, .. }) => format!("ask keys {username}"),
            Event::Ask(Ask::Tokens { username, .. }) => format!("ask tokens {username}"),
            Event::Ask(Ask::External { authzid }) => format!("ask external {authzid:?}"),
            Event::Ask(Ask::Anonymous) => "ask anonymous".to_owned(),
            Event::Proved {
                username,
                mechanism,
                ..
            } => format!("proved {username} {mechanism}"),
            Event::Task { name, data } => {
                let data: String = data
                    .iter()
                    .map(|one| format!(" {}", one.as_str()))
                    .collect();
                format!("task {}{data}", name.as_deref().unwrap_or("-"))
            }
            Event::Reopened => "reopened".to_owned(),
            Event::EarlyIq(stanza) => format!("early {}", text(stanza)),
            Event::Binding(resource) => {
                format!("binding {}", resource.as_deref().unwrap_or("-"))
            }
            Event::Stanza(stanza) => format!("stanza {}", text(stanza)),
            Event::Rejected(rejected) => format!("rejected {}", rejected.reason),
            Event::Reply(stanza) => format!("reply {}", text(stanza)),
            Event::Nonza(element) => format!("nonza {}", element.name()),
            Event::PeerClosed => "peer closed".to_owned(),
            Event::PeerFaulted { condition } => format!("peer faulted {condition}"),
            Event::Faulted(fault) => format!("faulted {fault}"),
            Event::Idle => "idle".to_owned(),
        };
        self.events.push(note);
        self.answer(event);
    }

    fn answer(&mut self, event: &Event<'_>) {
        let stream = &mut self.stream;
        match event {
            Event::Opening(opening) if opening.host.as_str() == "example.org" => {
                stream.open(policy(self.setting));
            }
            Event::Opening(opening) => {
                stream.fault(&StreamFault::HostUnknown(opening.host.clone()));
            }
            Event::SigningIn {
                is_sasl2, request, ..
            } => {
                self.sasl2 = is_sasl2.then(|| request.as_ref().clone());
                stream.begin(Nonce::from_bytes(&[7; 18]));
            }
            Event::Ask(Ask::VerifyPlain {
                username, password, ..
            }) => {
                let credentials = credentials(username, Hash::Sha256);
                stream.verdict(credentials.verify(password));
            }
            Event::Ask(Ask::Credentials { username, hash, .. }) => {
                stream.credentials(credentials(username, *hash));
            }
            Event::Ask(Ask::Tokens { .. }) => stream.tokens(Tokens::none()),
            Event::Ask(Ask::External { authzid: None }) => {
                stream.identified("juliet".to_owned());
            }
            Event::Ask(Ask::External { .. }) => stream.refuse(SaslFailure::InvalidAuthzid),
            Event::Ask(Ask::Anonymous) => stream.identified("guest".to_owned()),
            Event::Proved { username, .. } if username == "guest" => {
                let why = fragment("<pity xmlns='urn:example:guests'/>");
                match self.sasl2 {
                    None => stream.refuse(SaslFailure::TemporaryAuthFailure),
                    Some(_) => stream.refuse_because(SaslFailure::TemporaryAuthFailure, &why),
                }
            }
            Event::Proved { username, .. } if self.sasl2.is_some() => {
                let username = username.clone();
                self.proved(&username);
            }
            Event::Task { data, .. } => self.task(data),
            Event::Proved { username, .. } => {
                let host = Domain::parse("example.org").expect("a domain");
                stream.accept(host.with_local(username).expect("a local part"));
            }
            Event::Reopened => stream.features(&[fragment("<sm xmlns='urn:xmpp:sm:3'/>")]),
            Event::EarlyIq(stanza) if stanza.has("query", "jabber:iq:register") => {
                stream.send_stanza(&stanza.reply_result(None));
            }
            Event::EarlyIq(_) => stream.fault(&StreamFault::TooEarly),
            Event::Binding(Some(resource)) if resource == "taken" => {
                stream.refuse_bind(&StanzaError::new(Condition::Conflict));
            }
            Event::Binding(resource) => {
                let jid = BareJid::parse("juliet@example.org").expect("a bare JID");
                let resource = resource.as_deref().unwrap_or("made");
                stream.bind(jid.with_resource(resource).expect("a resource"));
            }
            Event::Rejected(rejected) => {
                let jid = stream.jid().expect("only bound streams reject").clone();
                if let Some(reply) = rejected.reply(&jid.into()) {
                    stream.send_stanza(&reply);
                }
            }
            Event::Reply(reply) => stream.send_stanza(reply),
            Event::Nonza(element) if element.name() == "r" => {
                stream.send_nonza(&fragment("<a xmlns='urn:xmpp:sm:3' h='0'/>"));
            }
            Event::Nonza(_) => stream.fault(&StreamFault::UnsupportedStanzaType),
            Event::PeerClosed | Event::PeerFaulted { .. } => stream.close(self.now),
            Event::Handled
            | Event::StartTls
            | Event::Stanza(_)
            | Event::Faulted(_)
            | Event::Idle => {}
        }
    }

    /// Who asked for an upgrade has two tasks to do; who asked for `bind` is bound, and who asked for `resume` has a
    /// session.
    fn proved(&mut self, username: &str) {
        let Some(request) = &self.sasl2 else { return };
        if request
            .inline("upgrade", "urn:xmpp:sasl:upgrade:0")
            .is_some()
            && self.tasks.is_empty()
        {
            self.tasks = vec!["first", "second"];
            let names = self.tasks.iter().map(|task| (*task).to_owned()).collect();
            return self.stream.require(names, Some("Two things to do"));
        }
        let host = Domain::parse("example.org").expect("a domain");
        let jid = host.with_local(username).expect("a local part");
        let full_jid = jid.with_resource("made").expect("a resource");
        if request.inline("resume", "urn:xmpp:sm:3").is_some() {
            let resumed = fragment("<resumed xmlns='urn:xmpp:sm:3' h='7' previd='x'/>");
            self.stream.succeed_resumed(full_jid, &[resumed]);
        } else if request.inline("bind", "urn:xmpp:bind:0").is_some() {
            let bound = fragment("<bound xmlns='urn:xmpp:bind:0'/>");
            let sm = fragment("<sm xmlns='urn:xmpp:sm:3'/>");
            self.stream.succeed_bound(full_jid, &[bound], &[sm]);
        } else {
            self.stream.succeed(jid, &[]);
        }
    }

    /// A task goes on until the client says that it is done.
    fn task(&mut self, data: &[Fragment]) {
        let says = |name| data.iter().any(|one| one.name() == name);
        if says("bad") {
            self.stream.refuse(SaslFailure::NotAuthorized);
        } else if !says("done") {
            let more = fragment("<more xmlns='urn:example:tasks'/>");
            self.stream.task_data(&[more]);
        } else if self.tasks.len() > 1 {
            self.tasks.pop();
            self.stream.require(vec!["second".to_owned()], None);
        } else {
            self.proved("juliet");
        }
    }

    fn flush(&mut self) {
        let mut out = Vec::new();
        self.stream.flush(&mut out);
        self.output.extend(out);
    }

    /// What was written, as on a continuous stream and with our header shortened.
    fn written(&mut self) -> String {
        let output = std::mem::take(&mut self.output);
        let text = match self.framing {
            Framing::Stream => String::from_utf8(output).expect("output is UTF-8"),
            Framing::Document => documents(&output)
                .map(|document| {
                    let document = std::str::from_utf8(document).expect("output is UTF-8");
                    xml::Tree::parse(document).expect("each document stands for itself");
                    document
                        .replace(" xmlns='jabber:client'", "")
                        .replace(&format!(" xmlns:stream='{}'", ns::STREAMS), "")
                        .replace(
                            &format!("<close xmlns='{}'/>", ns::FRAMING),
                            "</stream:stream>",
                        )
                })
                .collect(),
        };
        shorten_header(&text)
    }
}

/// Our header without what is always the same.
fn shorten_header(text: &str) -> String {
    let stream = format!(
        "<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='{}' id='",
        ns::STREAMS
    );
    let open = format!("<open xmlns='{}' id='", ns::FRAMING);
    let mut text = text.to_owned();
    for (start, end) in [(&stream, ">"), (&open, "/>")] {
        while let Some(at) = text.find(start.as_str()) {
            let id = at + start.len();
            let after = text[id..].find('\'').expect("an id ends") + id + 1;
            text.replace_range(at..after, "{header");
            let tail = format!(" version='1.0' xml:lang='en'{end}");
            let tail_at = text[at..].find(&tail).expect("a header ends so") + at;
            text.replace_range(tail_at..tail_at + tail.len(), "}");
        }
    }
    text
}

fn expand(line: &str) -> String {
    line.replace("{open}", OPEN)
        .replace("{features}", FEATURES)
        .replace("{bind-features}", BIND_FEATURES)
        .replace("{version}", VERSION)
        .replace("{space}", " ")
        .replace("{big}", &"x".repeat(11_000))
}

fn policy(setting: Setting) -> HostPolicy {
    let register = fragment("<register xmlns='http://jabber.org/features/iq-register'/>");
    HostPolicy {
        mechanisms: setting.mechanisms.to_vec(),
        can_start_tls: setting.can_start_tls,
        requires_tls: setting.requires_tls,
        features: if setting.register {
            vec![register]
        } else {
            Vec::new()
        },
        inline: vec![
            fragment("<bind xmlns='urn:xmpp:bind:0'/>"),
            fragment("<fast xmlns='urn:xmpp:fast:0'/>"),
        ],
        authentication: vec![fragment(
            "<upgrade xmlns='urn:xmpp:sasl:upgrade:0'>UPGR-SCRAM-SHA-512</upgrade>",
        )],
        versions: Arc::default(),
    }
}

fn agent(agent: &UserAgent) -> String {
    let id = agent.id.map(|id| format!(" {id}"));
    let texts = [&agent.software, &agent.device].into_iter().flatten();
    let texts: String = texts.map(|text| format!(" \"{text}\"")).collect();
    id.unwrap_or_default() + &texts
}

/// The keys of juliet, whose password is "secret", and of nobody else.
pub(crate) fn credentials(username: &str, hash: Hash) -> Credentials {
    let iterations = std::num::NonZeroU32::MIN;
    if username != "juliet" {
        return Credentials::refused(
            FakeCredentials::new([1; 32]).for_name(username, hash, iterations),
        );
    }
    let password = Password::prepare("secret").expect("a password");
    Credentials::active(ScramKeys::derive(hash, &password, &[1; 16], iterations))
}

pub(crate) fn bindings() -> Vec<ChannelBinding> {
    vec![ChannelBinding::Exporter([9; 32])]
}

fn fragment(text: &str) -> Fragment {
    Fragment::parse(text).expect("well-formed")
}

fn text(stanza: &Stanza) -> String {
    let mut out = Vec::new();
    stanza.write(&mut out, Output::default());
    String::from_utf8(out).expect("stanzas are UTF-8")
}

#[expect(
    clippy::disallowed_methods,
    reason = "an instant can only be had from the clock; nothing here depends on which"
)]
fn start() -> Instant {
    Instant::now()
}

/// Plays a sign-in of juliet by SCRAM, with channel binding and without, on both framings, whole and byte by byte. The
/// stream is [`OPENED`], and the client has seen what it offers.
pub(crate) fn each_scram(play: impl Fn(Mechanism, Player, Scram)) {
    let names = [
        "SCRAM-SHA-256-PLUS",
        "SCRAM-SHA-256",
        "EXTERNAL",
        "PLAIN",
        "ANONYMOUS",
    ];
    for mechanism in [Mechanism::ScramSha256, Mechanism::ScramSha256Plus] {
        for framing in [Framing::Stream, Framing::Document] {
            for piece_bytes in [usize::MAX, 1] {
                let mut player = Player::new(Setting::default(), framing, piece_bytes);
                player.play(OPENED);
                let binding = mechanism.is_plus().then(|| bindings().remove(0));
                let nonce = Nonce::from_bytes(&[3; 18]);
                let client = Scram::new(mechanism, "juliet", "secret", &nonce, binding.as_ref());
                // XEP-0474: the server says that it is what it offered.
                let client = client.expect("a client").saw(&names, &["tls-exporter"]);
                play(mechanism, player, client);
            }
        }
    }
}

/// What stands in an element without attributes.
pub(crate) fn inside<'a>(text: &'a str, name: &str, ns: &str) -> &'a str {
    text.strip_prefix(&format!("<{name} xmlns='{ns}'>"))
        .and_then(|rest| rest.strip_suffix(&format!("</{name}>")))
        .unwrap_or_else(|| unreachable!("no {name}: {text}"))
}
