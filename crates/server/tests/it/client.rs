//! A blocking client: signs in without TLS by SCRAM, binds, and reads stanzas as trees.

use std::{
    collections::VecDeque,
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

use sasl::{Mechanism, Nonce, client::Scram, wire};
use xml::{Element, Event, Framing, Limits, Scanner, Scratch, Tree, ns};

/// How long a read may take. Far more than any needs, so that a busy machine fails nothing.
const PATIENCE: Duration = Duration::from_secs(60);

const SASL: &str = "urn:ietf:params:xml:ns:xmpp-sasl";
const BIND: &str = "urn:ietf:params:xml:ns:xmpp-bind";
/// Stream management, [XEP-0198](https://xmpp.org/extensions/xep-0198.html).
pub(crate) const SM: &str = "urn:xmpp:sm:3";

/// One connection.
pub(crate) struct Client {
    socket: TcpStream,
    scanner: Scanner,
    arrived: VecDeque<Arrived>,
}

/// What the server sent: a complete child of the stream, or a part of the stream itself.
enum Arrived {
    Header,
    Element(Tree),
}

impl Client {
    /// Connects and signs in `name` of localhost, whose password is its name; binds `resource`.
    pub(crate) fn sign_in(port: u16, name: &str, resource: &str) -> Self {
        let mut client = Self {
            socket: TcpStream::connect(("127.0.0.1", port)).unwrap(),
            scanner: Scanner::new(Framing::Stream, ns::CLIENT, Limits::default()),
            arrived: VecDeque::new(),
        };
        client.socket.set_read_timeout(Some(PATIENCE)).unwrap();
        client.socket.set_nodelay(true).unwrap();
        client.open();
        client.authenticate(name);
        client.scanner.restart();
        client.open();
        client.send(&format!(
            "<iq type='set' id='bind'><bind xmlns='{BIND}'><resource>{resource}</resource></bind></iq>"
        ));
        client.expect("iq", "bind");
        client
    }

    fn open(&mut self) {
        self.send(&format!(
            "<stream:stream xmlns='jabber:client' xmlns:stream='{}' to='localhost' version='1.0'>",
            ns::STREAMS
        ));
        match self.next() {
            Some(Arrived::Header) => {}
            _ => panic!("a stream header was due"),
        }
        let features = self.receive().expect("features are due");
        assert_eq!(features.root().name(), "features");
    }

    /// SCRAM-SHA-1: the test is about messages, not about mechanisms.
    fn authenticate(&mut self, name: &str) {
        let nonce = Nonce::from_bytes(name.as_bytes());
        let mut scram = Scram::new(Mechanism::ScramSha1, name, name, &nonce, None).unwrap();
        let first = wire::encode(&scram.first());
        self.send(&format!(
            "<auth xmlns='{SASL}' mechanism='SCRAM-SHA-1'>{first}</auth>"
        ));
        let challenge = wire::decode(&self.sasl_text("challenge")).unwrap();
        let answer = wire::encode(&scram.answer(&challenge).unwrap());
        self.send(&format!("<response xmlns='{SASL}'>{answer}</response>"));
        let success = wire::decode(&self.sasl_text("success")).unwrap();
        scram.check(&success).unwrap();
    }

    fn sasl_text(&mut self, name: &str) -> String {
        let tree = self.receive().expect("an answer to sign-in is due");
        let element = tree.root();
        assert!(element.is(name, SASL), "{}", element.as_str());
        element.text().into_owned()
    }

    /// Turns acknowledgements on.
    pub(crate) fn enable_acks(&mut self) {
        self.send(&format!("<enable xmlns='{SM}'/>"));
        let enabled = self.receive().expect("an answer to <enable/> is due");
        assert!(enabled.root().is("enabled", SM));
    }

    /// Becomes available, and waits until that is done.
    pub(crate) fn become_available(&mut self) {
        self.send("<presence/>");
        self.receive_until(|element| element.name() == "presence")
            .expect("own presence comes back");
    }

    /// Sends; `false` when the connection is gone.
    pub(crate) fn try_send(&mut self, xml: &str) -> bool {
        self.socket.write_all(xml.as_bytes()).is_ok()
    }

    /// Sends.
    #[track_caller]
    pub(crate) fn send(&mut self, xml: &str) {
        assert!(self.try_send(xml), "the connection is gone");
    }

    /// Closes the stream in good order.
    pub(crate) fn close(mut self) {
        self.send("</stream:stream>");
        while self.receive().is_some() {}
    }

    /// A second handle on the same connection, for sending only.
    pub(crate) fn sender(&self) -> TcpStream {
        self.socket.try_clone().unwrap()
    }

    /// The next element; `None` when the connection is gone.
    pub(crate) fn receive(&mut self) -> Option<Tree> {
        match self.next()? {
            Arrived::Element(tree) => Some(tree),
            Arrived::Header => panic!("no stream header is due"),
        }
    }

    /// The next element that is meant, leaving out what comes before it.
    pub(crate) fn receive_until(&mut self, meant: impl Fn(Element<'_>) -> bool) -> Option<Tree> {
        loop {
            let tree = self.receive()?;
            if meant(tree.root()) {
                return Some(tree);
            }
        }
    }

    /// Waits for the stanza `name` with this `id`, which must not be an error.
    pub(crate) fn expect(&mut self, name: &str, id: &str) {
        let meant = |element: Element<'_>| {
            element.name() == name && element.attr("id").as_deref() == Some(id)
        };
        let tree = self.receive_until(meant).expect("the connection is gone");
        let element = tree.root();
        assert_ne!(
            element.attr("type").as_deref(),
            Some("error"),
            "{}",
            element.as_str()
        );
    }

    fn next(&mut self) -> Option<Arrived> {
        let mut buffer = [0; 16 * 1024];
        loop {
            if let Some(arrived) = self.arrived.pop_front() {
                return Some(arrived);
            }
            // What arrived before the end of the connection is there; then comes 0 or an error.
            let count = match self.socket.read(&mut buffer) {
                Ok(0) => return None,
                Ok(count) => count,
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                    panic!("nothing came for {} s", PATIENCE.as_secs())
                }
                Err(_) => return None,
            };
            self.scan(&buffer[..count]);
        }
    }

    fn scan(&mut self, mut input: &[u8]) {
        let mut scratch = Scratch::default();
        while let Some(event) = self.scanner.receive(&mut input, &mut scratch).unwrap() {
            let arrived = match event {
                Event::Open(_) => Arrived::Header,
                Event::Child(element) => {
                    let mut detached = Vec::new();
                    element.write_detached(&mut detached);
                    Arrived::Element(Tree::parse_fragment(detached).unwrap())
                }
                Event::Close => continue,
            };
            self.arrived.push_back(arrived);
        }
    }
}
