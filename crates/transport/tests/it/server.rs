//! A server for the tests: a line protocol on the transport, and blocking clients for it.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    num::NonZeroUsize,
    sync::{Arc, Mutex},
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use rcgen::{CertificateParams, KeyPair};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned, pki_types::CertificateDer,
};
use transport::{
    Admission, Drive, ListenerKind, MakeConnection, Peer, Settings, TlsInfo, Transport,
    certificate::{CertificateSet, Certificates, Identity},
    tls::{TlsAcceptor, TlsSettings},
};

/// Everything the connections of one server tell the test.
#[derive(Default)]
pub(crate) struct Log {
    pub(crate) tls: Option<TlsInfo>,
    pub(crate) lost: usize,
    pub(crate) dropped: usize,
    /// Lines meant for every connection, and the wakers of all.
    broadcast: Vec<u8>,
    wakers: Vec<Waker>,
}

/// Answers each line with itself, but for: `starttls`, `quit`, `hang` (stop reading), `later`
/// (answers after 30 ms), `flood N` (N bytes), `all X` (sends X to every connection).
struct Lines {
    log: Arc<Mutex<Log>>,
    input: Vec<u8>,
    out: Vec<u8>,
    flood: usize,
    seen_broadcast: usize,
    tls_requested: bool,
    hanging: bool,
    closed: bool,
    later: Option<Instant>,
}

impl Drive for Lines {
    fn receive(&mut self, bytes: &[u8], now: Instant) {
        assert!(self.wants_read(), "bytes only when they are wanted");
        self.input.extend_from_slice(bytes);
        while let Some(end) = self.input.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.input.drain(..=end).collect();
            let line = String::from_utf8(line).unwrap();
            match line
                .trim_end()
                .split_once(' ')
                .unwrap_or((line.trim_end(), ""))
            {
                ("starttls", _) => {
                    self.out.extend(b"proceed\n");
                    self.tls_requested = true;
                    self.input.clear();
                }
                ("quit", _) => {
                    self.out.extend(b"bye\n");
                    self.closed = true;
                    self.input.clear();
                }
                ("hang", _) => self.hanging = true,
                ("later", _) => self.later = Some(now + Duration::from_millis(30)),
                ("flood", count) => self.flood = count.parse().unwrap(),
                ("all", text) => {
                    let mut log = self.log.lock().unwrap();
                    log.broadcast.extend(text.as_bytes());
                    log.broadcast.push(b'\n');
                    log.wakers.drain(..).for_each(Waker::wake);
                }
                _ => self.out.extend(line.as_bytes()),
            }
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>, now: Instant) -> Poll<()> {
        if self.later.is_some_and(|later| later <= now) {
            self.later = None;
            self.out.extend(b"later\n");
        }
        let mut log = self.log.lock().unwrap();
        let news = log.broadcast[self.seen_broadcast..].to_vec();
        self.seen_broadcast = log.broadcast.len();
        self.out.extend(news);
        log.wakers.push(cx.waker().clone());
        Poll::Pending
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.later
    }

    fn flush(&mut self, out: &mut Vec<u8>) {
        out.append(&mut self.out);
        let chunk = self.flood.min(50_000);
        self.flood -= chunk;
        out.resize(out.len() + chunk, b'x');
    }

    fn wants_read(&self) -> bool {
        !self.hanging && !self.closed && !self.tls_requested
    }

    fn tls_requested(&self) -> bool {
        self.tls_requested
    }

    fn tls_host(&self) -> Option<String> {
        Some("stream.example".to_owned())
    }

    fn tls_early(&mut self, _info: TlsInfo, _now: Instant) {
        self.out.extend(b"early\n");
    }

    fn tls_established(&mut self, info: TlsInfo, _now: Instant) {
        self.tls_requested = false;
        self.log.lock().unwrap().tls = Some(info);
    }

    fn is_closed(&self) -> bool {
        self.closed
    }

    fn is_authenticated(&self) -> bool {
        false
    }

    fn peer_closed(&mut self, _now: Instant) {
        self.out.extend(b"you closed\n");
        self.closed = true;
    }

    fn lost(&mut self, _now: Instant) {
        self.log.lock().unwrap().lost += 1;
        self.closed = true;
    }

    fn stop(&mut self, _now: Instant) {
        self.out.extend(b"stopping\n");
        self.closed = true;
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        self.log.lock().unwrap().dropped += 1;
    }
}

struct Maker(Arc<Mutex<Log>>);

impl MakeConnection for Maker {
    type Connection = Lines;

    fn make(&self, _peer: &Peer, _now: Instant) -> Lines {
        Lines {
            log: Arc::clone(&self.0),
            input: Vec::new(),
            out: Vec::new(),
            flood: 0,
            seen_broadcast: self.0.lock().unwrap().broadcast.len(),
            tls_requested: false,
            hanging: false,
            closed: false,
            later: None,
        }
    }
}

/// A running server with both kinds of listener.
pub(crate) struct Server {
    pub(crate) plain: SocketAddr,
    pub(crate) direct: SocketAddr,
    pub(crate) log: Arc<Mutex<Log>>,
    pub(crate) roots: RootCertStore,
    pub(crate) leaves: BTreeMap<String, CertificateDer<'static>>,
    pub(crate) transport: Transport,
    runtime: tokio::runtime::Handle,
    _alive: tokio::sync::oneshot::Sender<()>,
}

impl Server {
    /// Serves the hosts `first.example`, `stream.example` and `*.wild.example`.
    pub(crate) fn start() -> Self {
        Self::start_with(2, TlsSettings::default())
    }

    pub(crate) fn start_with(workers: usize, tls: TlsSettings) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut roots = RootCertStore::empty();
        let mut identities = Vec::new();
        let mut leaves = BTreeMap::new();
        for host in ["first.example", "stream.example", "*.wild.example"] {
            let key = KeyPair::generate().unwrap();
            let leaf = CertificateParams::new(vec![host.to_owned()])
                .unwrap()
                .self_signed(&key)
                .unwrap();
            let path = folder.path().join("pem");
            std::fs::write(&path, leaf.pem() + &key.serialize_pem()).unwrap();
            identities.push(Identity::read(&path, &path).unwrap());
            roots.add(leaf.der().clone()).unwrap();
            leaves.insert(host.to_owned(), leaf.der().clone());
        }
        let hosts = ["first.example".to_owned(), "stream.example".to_owned()];
        let set = CertificateSet::new(identities, BTreeMap::new(), &hosts);
        let admission = Admission::new(Arc::default());
        let settings = Settings {
            workers: NonZeroUsize::new(workers),
            tls: TlsAcceptor::new(Certificates::new(set), tls).unwrap(),
            admission,
        };
        let log = Arc::new(Mutex::new(Log::default()));
        let mut transport = Transport::start(settings, Maker(Arc::clone(&log))).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let handle = runtime.handle().clone();
        let (alive, ended) = tokio::sync::oneshot::channel::<()>();
        std::thread::spawn(move || runtime.block_on(ended));
        let mut listen = |kind| {
            let bound = transport::bind("127.0.0.1:0".parse().unwrap())
                .unwrap()
                .remove(0);
            let address = bound.local_addr().unwrap();
            handle.block_on(async { transport.accept_from(bound, kind) });
            address
        };
        let (plain, direct) = (listen(ListenerKind::C2s), listen(ListenerKind::C2sTls));
        Self {
            plain,
            direct,
            log,
            roots,
            leaves,
            transport,
            runtime: handle,
            _alive: alive,
        }
    }

    pub(crate) fn stop(&mut self) -> usize {
        self.runtime
            .block_on(self.transport.stop(Duration::from_secs(5)))
    }

    pub(crate) fn connect(&self) -> Client<TcpStream> {
        Client::new(connect(self.plain))
    }

    pub(crate) fn client_config(&self) -> ClientConfig {
        ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(self.roots.clone())
            .with_no_client_auth()
    }

    /// Direct TLS to `host`.
    pub(crate) fn connect_tls(&self, host: &str, config: ClientConfig) -> TlsClient {
        over_tls(connect(self.direct), host, config)
    }

    /// Waits until `check` holds.
    pub(crate) fn until(&self, check: impl Fn(&Log) -> bool) {
        for _ in 0..500 {
            if check(&self.log.lock().unwrap()) {
                return;
            }
            pause(10);
        }
        panic!("it never happened");
    }
}

pub(crate) type TlsClient = Client<StreamOwned<ClientConnection, TcpStream>>;

pub(crate) fn over_tls(socket: TcpStream, host: &str, config: ClientConfig) -> TlsClient {
    let name = host.to_owned().try_into().unwrap();
    Client::new(StreamOwned::new(
        ClientConnection::new(Arc::new(config), name).unwrap(),
        socket,
    ))
}

fn connect(address: SocketAddr) -> TcpStream {
    let socket = TcpStream::connect(address).unwrap();
    socket
        .set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    socket
}

#[expect(
    clippy::disallowed_methods,
    reason = "these tests run over real sockets"
)]
pub(crate) fn pause(ms: u64) {
    std::thread::sleep(Duration::from_millis(ms));
}

/// A blocking client.
pub(crate) struct Client<S: Read + Write>(pub(crate) BufReader<S>);

impl<S: Read + Write> Client<S> {
    fn new(stream: S) -> Self {
        Self(BufReader::new(stream))
    }

    pub(crate) fn send(&mut self, line: &str) {
        self.0
            .get_mut()
            .write_all(format!("{line}\n").as_bytes())
            .unwrap();
    }

    #[track_caller]
    pub(crate) fn expect(&mut self, line: &str) {
        let mut read = String::new();
        self.0.read_line(&mut read).unwrap();
        assert_eq!(read.trim_end(), line);
    }

    #[track_caller]
    pub(crate) fn expect_end(&mut self) {
        let mut rest = Vec::new();
        self.0.read_to_end(&mut rest).unwrap();
        assert_eq!(String::from_utf8_lossy(&rest), "");
    }
}
