//! Sessions against rustls's own client, with what came in any pieces.

use std::{
    io::{Read, Write},
    sync::Arc,
};

use rustls::{
    ClientConfig, ClientConnection, RootCertStore, ServerConfig,
    crypto::ring::default_provider,
    pki_types::{PrivateKeyDer, ServerName},
    version::{TLS12, TLS13},
};

use super::{
    super::{exporter::Tap, remembered::Remembered},
    *,
};

/// A session and its client, with bytes going between them in pieces of `piece`.
struct Pair {
    session: Session,
    client: ClientConnection,
    info: Option<TlsInfo>,
    /// What the session decrypted.
    came: Vec<u8>,
    piece: usize,
}

/// What sessions and their clients go by.
struct Ends {
    server: Arc<ServerConfig>,
    client: Arc<ClientConfig>,
}

fn ends(version: &'static rustls::SupportedProtocolVersion) -> Ends {
    let key = rcgen::KeyPair::generate().unwrap();
    let params = rcgen::CertificateParams::new(vec!["example".to_owned()]).unwrap();
    let certificate = params.self_signed(&key).unwrap().der().clone();
    let private = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let mut server = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_protocol_versions(&[version])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], private)
        .unwrap();
    server.key_log = Arc::new(Tap);
    server.session_storage = Arc::new(Remembered::default());
    server.max_early_data_size = 1_000;
    server.send_half_rtt_data = true;
    let mut roots = RootCertStore::empty();
    roots.add(certificate).unwrap();
    let mut client = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_protocol_versions(&[version])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    client.enable_early_data = true;
    Ends {
        server: Arc::new(server),
        client: Arc::new(client),
    }
}

impl Ends {
    fn pair(&self, piece: usize) -> Pair {
        let name = ServerName::try_from("example").unwrap();
        Pair {
            session: Session::new(Arc::clone(&self.server), None).unwrap(),
            client: ClientConnection::new(Arc::clone(&self.client), name).unwrap(),
            info: None,
            came: Vec::new(),
            piece,
        }
    }
}

fn pair(version: &'static rustls::SupportedProtocolVersion, piece: usize) -> Pair {
    ends(version).pair(piece)
}

impl Pair {
    /// Lets both go on until neither has anything to say; `answer` is sent by the session first.
    fn exchange(&mut self, answer: &[u8]) -> Result<Vec<u8>, TlsFault> {
        let mut wire = Vec::new();
        let mut got = Vec::new();
        self.session.send(answer, &mut wire)?;
        loop {
            let mut from = wire.as_slice();
            while !from.is_empty() {
                self.client.read_tls(&mut from).unwrap();
                let io = self.client.process_new_packets().unwrap();
                let mut plain = vec![0; io.plaintext_bytes_to_read()];
                self.client.reader().read_exact(&mut plain).unwrap();
                got.append(&mut plain);
            }
            let mut back = Vec::new();
            while self.client.wants_write() {
                self.client.write_tls(&mut back).unwrap();
            }
            wire.clear();
            for piece in back.chunks_mut(self.piece) {
                let reached = self.session.receive(piece, &mut self.came)?;
                if let Some(Reached::Established(info)) = reached {
                    assert!(self.info.replace(info).is_none(), "established once");
                }
            }
            self.session.send(&[], &mut wire)?;
            if wire.is_empty() && back.is_empty() {
                return Ok(got);
            }
        }
    }

    fn keeps_nothing(&self) -> bool {
        self.session.unfinished.capacity() == 0 && self.session.to_send.capacity() == 0
    }
}

#[test]
fn any_pieces_make_a_handshake_and_carry_data_both_ways() {
    let long: Vec<u8> = (0..100_000_u32).map(|n| n.to_le_bytes()[0]).collect();
    for (version, name) in [(&TLS13, "TLS 1.3"), (&TLS12, "TLS 1.2")] {
        for piece in [1, 2, 3, 7, 100, 5_000, 1_000_000] {
            let mut pair = pair(version, piece);
            pair.exchange(&[]).unwrap();
            assert!(
                !pair.session.is_handshaking(),
                "{name} in pieces of {piece}"
            );
            assert!(pair.keeps_nothing(), "{name} in pieces of {piece}");
            pair.client.writer().write_all(b"hello").unwrap();
            let mut got = pair.exchange(&long).unwrap();
            for part in long.chunks(50_000) {
                pair.client.writer().write_all(part).unwrap();
                got.extend(pair.exchange(b"!").unwrap());
            }
            assert_eq!(got, [long.as_slice(), b"!!"].concat(), "{name}, {piece}");
            assert_eq!(
                pair.came,
                [b"hello", long.as_slice()].concat(),
                "{name}, {piece}"
            );
            assert!(pair.keeps_nothing(), "{name} in pieces of {piece}");
        }
    }
}

#[test]
fn both_ends_derive_the_same_exporter() {
    let mut pair = pair(&TLS13, 1);
    pair.exchange(&[]).unwrap();
    let wanted = pair
        .client
        .export_keying_material([0; 32], b"EXPORTER-Channel-Binding", Some(b""))
        .unwrap();
    assert_eq!(pair.info.unwrap().exporter, Some(wanted));
}

#[test]
fn a_client_may_change_its_keys_and_ask_us_to() {
    let mut pair = pair(&TLS13, 5);
    pair.exchange(&[]).unwrap();
    for _ in 0..3 {
        pair.client.refresh_traffic_keys().unwrap();
        pair.client.writer().write_all(b"a").unwrap();
        assert_eq!(pair.exchange(b"b").unwrap(), b"b");
    }
    assert_eq!(pair.came, b"aaa");
    assert!(pair.keeps_nothing());
}

#[test]
fn data_goes_out_while_a_record_is_unfinished() {
    let mut pair = pair(&TLS13, 1_000);
    pair.exchange(&[]).unwrap();
    pair.client.writer().write_all(b"one").unwrap();
    let mut record = Vec::new();
    pair.client.write_tls(&mut record).unwrap();
    let (begin, end) = record.split_at_mut(4);
    pair.session.receive(begin, &mut pair.came).unwrap();
    assert_eq!(pair.exchange(b"two").unwrap(), b"two");
    pair.session.receive(end, &mut pair.came).unwrap();
    assert_eq!(pair.came, b"one");
    assert!(pair.keeps_nothing());
}

#[test]
fn what_is_no_record_is_a_fault_with_an_alert() {
    for garbage in [
        b"GET / HTTP/1.1\r\n\r\n".to_vec(),
        vec![0x16, 3, 1, 0xff, 0xff, 0],
        vec![0x17, 3, 3, 0, 2, 0, 0],
        vec![0; 100],
    ] {
        let mut fresh = pair(&TLS13, 1);
        check(&mut fresh.session, &garbage, "at the beginning");
        let mut ready = pair(&TLS13, 1);
        ready.exchange(&[]).unwrap();
        check(&mut ready.session, &garbage, "after the handshake");
    }
}

#[track_caller]
fn check(session: &mut Session, garbage: &[u8], when: &str) {
    let received = session.receive(&mut garbage.to_vec(), &mut Vec::new());
    assert!(received.is_err(), "{garbage:?} {when}");
    let mut wire = Vec::new();
    session.send(&[], &mut wire).unwrap();
    // Sent in the clear or encrypted, the alert is a record.
    assert!(wire.len() >= 7, "{garbage:?} {when}: {wire:?}");
}

#[test]
fn both_ends_close_in_good_order() {
    let mut pair = pair(&TLS13, 3);
    pair.exchange(&[]).unwrap();
    let mut wire = Vec::new();
    pair.session.close(&mut wire);
    pair.client.read_tls(&mut wire.as_slice()).unwrap();
    assert!(pair.client.process_new_packets().unwrap().peer_has_closed());
    pair.client.send_close_notify();
    pair.exchange(&[]).unwrap();
    assert!(pair.session.peer_has_closed());
    assert!(
        pair.session
            .receive(&mut [1, 2, 3], &mut Vec::new())
            .is_ok()
    );
}

#[test]
fn a_client_that_closed_its_direction_still_gets_data() {
    let mut pair = pair(&TLS13, 3);
    pair.exchange(&[]).unwrap();
    pair.client.send_close_notify();
    assert_eq!(pair.exchange(&[]).unwrap(), b"");
    assert!(pair.session.peer_has_closed());
    assert_eq!(pair.exchange(b"last").unwrap(), b"last");
}

/// A pair whose client was here before, and what it sends first: with `early` data in it.
fn again(ends: &Ends, early: &[u8], piece: usize) -> (Pair, Vec<u8>) {
    ends.pair(1_000).exchange(&[]).unwrap();
    let mut pair = ends.pair(piece);
    let mut writer = pair.client.early_data().expect("it was told that it may");
    writer.write_all(early).unwrap();
    let mut flight = Vec::new();
    while pair.client.wants_write() {
        pair.client.write_tls(&mut flight).unwrap();
    }
    (pair, flight)
}

/// What a session makes of a flight: what it takes, and whether it says that this is early.
fn take(session: &mut Session, flight: &[u8], piece: usize) -> (Vec<u8>, Vec<TlsInfo>) {
    let (mut came, mut told) = (Vec::new(), Vec::new());
    for piece in flight.to_vec().chunks_mut(piece) {
        match session.receive(piece, &mut came).unwrap() {
            Some(Reached::EarlyData(info)) => told.push(info),
            Some(Reached::Established(_)) => panic!("the client has not ended its handshake"),
            None => {}
        }
    }
    (came, told)
}

#[test]
fn early_data_is_taken_and_can_be_answered_before_the_handshake_is_over() {
    for piece in [1, 7, 100, 1_000_000] {
        let ends = ends(&TLS13);
        let (mut pair, flight) = again(&ends, b"early", piece);
        assert!(!pair.session.can_send());
        let (came, told) = take(&mut pair.session, &flight, piece);
        assert_eq!((came.as_slice(), told.len()), (&b"early"[..], 1), "{piece}");
        assert!(pair.session.is_handshaking() && pair.session.can_send());
        // Its answer is there with our half of the handshake.
        let mut wire = Vec::new();
        pair.session.send(b"answer", &mut wire).unwrap();
        let mut from = wire.as_slice();
        while !from.is_empty() {
            pair.client.read_tls(&mut from).unwrap();
            pair.client.process_new_packets().unwrap();
        }
        let mut answer = [0; 6];
        pair.client.reader().read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"answer");
        assert!(pair.client.is_early_data_accepted());
        pair.client.writer().write_all(b"later").unwrap();
        assert_eq!(pair.exchange(b"more").unwrap(), b"more");
        assert_eq!(pair.came, b"later");
        assert!(!pair.session.is_handshaking() && pair.keeps_nothing());
        let wanted = pair
            .client
            .export_keying_material([0; 32], b"EXPORTER-Channel-Binding", Some(b""))
            .unwrap();
        for info in [told.first(), pair.info.as_ref()] {
            let info = info.expect("both were told");
            assert_eq!(info.exporter, Some(wanted));
            assert_eq!(info.version, TlsVersion::V1_3);
            assert!(info.takes_early_data);
        }
    }
}

#[test]
fn a_flight_that_is_sent_again_is_no_early_data() {
    let ends = ends(&TLS13);
    let (mut pair, flight) = again(&ends, b"early", 1_000);
    assert_eq!(take(&mut pair.session, &flight, 1_000).0, b"early");
    for _ in 0..2 {
        let mut other = ends.pair(1_000);
        let (came, told) = take(&mut other.session, &flight, 1_000);
        assert_eq!((came.len(), told.len()), (0, 0));
        assert!(other.session.is_handshaking() && !other.session.can_send());
    }
}

#[test]
fn too_much_early_data_is_a_fault() {
    // The client sends no more than it was told, so it is told more than is taken.
    let mut ends = ends(&TLS13);
    let (_, flight) = again(&ends, &[b'x'; 1_000], 1_000);
    let mut less = ServerConfig::clone(&ends.server);
    less.max_early_data_size = 500;
    ends.server = Arc::new(less);
    let mut session = ends.pair(1_000).session;
    let mut came = Vec::new();
    let received = session.receive(&mut flight.clone(), &mut came);
    assert!(received.is_err());
    assert!(came.is_empty());
}

#[test]
fn nothing_is_sent_in_a_handshake_without_early_data() {
    let ends = ends(&TLS13);
    let mut pair = ends.pair(1_000);
    let mut hello = Vec::new();
    pair.client.write_tls(&mut hello).unwrap();
    let (came, told) = take(&mut pair.session, &hello, 1_000);
    assert_eq!((came.len(), told.len()), (0, 0));
    assert!(!pair.session.can_send());
}
