//! Handshakes, what they tell the engine, and how TLS ends.

use std::{
    io::{Read, Write},
    sync::Arc,
};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, SanType};
use rustls::{ClientConfig, pki_types::PrivateKeyDer};
use transport::{
    TlsInfo, TlsVersion,
    tls::{ClientAuthorities, TlsSettings},
};

use super::server::{Server, TlsClient, over_tls};

fn info(server: &Server) -> TlsInfo {
    server.until(|log| log.tls.is_some());
    server.log.lock().unwrap().tls.clone().unwrap()
}

fn exporter(client: &TlsClient) -> [u8; 32] {
    client
        .0
        .get_ref()
        .conn
        .export_keying_material([0; 32], b"EXPORTER-Channel-Binding", Some(b""))
        .unwrap()
}

fn sha256(bytes: &[u8]) -> Vec<u8> {
    ring::digest::digest(&ring::digest::SHA256, bytes)
        .as_ref()
        .to_vec()
}

#[test]
fn starttls_switches_in_place() {
    let server = Server::start();
    let mut client = server.connect();
    client.send("starttls\nthis is discarded");
    client.expect("proceed");
    let mut client = over_tls(
        client.0.into_inner(),
        "first.example",
        server.client_config(),
    );
    client.send("secret");
    client.expect("secret");
    let info = info(&server);
    assert_eq!(info.version, TlsVersion::V1_3);
    assert_eq!(info.exporter, Some(exporter(&client)));
    assert_eq!(
        info.end_point,
        Some(sha256(&server.leaves["first.example"]))
    );
    assert_eq!(info.sni.as_deref(), Some("first.example"));
    client.send("quit");
    client.expect("bye");
    // A TLS end without close_notify would be an error here.
    client.expect_end();
}

#[test]
fn starttls_without_sni_gets_the_certificate_of_the_streams_host() {
    let server = Server::start();
    let mut client = server.connect();
    client.send("starttls");
    client.expect("proceed");
    let mut config = server.client_config();
    config.enable_sni = false;
    let mut client = over_tls(client.0.into_inner(), "stream.example", config);
    client.send("secret");
    client.expect("secret");
    assert_eq!(
        info(&server).end_point,
        Some(sha256(&server.leaves["stream.example"]))
    );
}

#[test]
fn direct_tls_takes_xmpp_client_or_no_alpn_at_all() {
    for alpn in [vec![b"xmpp-client".to_vec()], Vec::new()] {
        let server = Server::start();
        let mut config = server.client_config();
        config.alpn_protocols = alpn.clone();
        let mut client = server.connect_tls("a.wild.example", config);
        client.send("hello");
        client.expect("hello");
        let info = info(&server);
        assert_eq!(info.alpn.is_some(), !alpn.is_empty());
        assert_eq!(
            info.end_point,
            Some(sha256(&server.leaves["*.wild.example"]))
        );
    }
}

#[test]
fn another_alpn_is_refused_with_an_alert() {
    let server = Server::start();
    let mut config = server.client_config();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    let mut client = server.connect_tls("first.example", config);
    let error = client.0.read(&mut [0; 1]).unwrap_err().to_string();
    assert!(error.contains("NoApplicationProtocol"), "{error}");
    server.until(|log| log.lost == 1);
}

#[test]
fn tls_1_2_has_an_end_point_but_no_exporter() {
    let server = Server::start();
    let config =
        ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_protocol_versions(&[&rustls::version::TLS12])
            .unwrap()
            .with_root_certificates(server.roots.clone())
            .with_no_client_auth();
    let mut client = server.connect_tls("first.example", config);
    client.send("hello");
    client.expect("hello");
    let info = info(&server);
    assert_eq!(info.version, TlsVersion::V1_2);
    assert_eq!(info.exporter, None);
    assert_eq!(
        info.end_point,
        Some(sha256(&server.leaves["first.example"]))
    );
}

#[test]
fn a_resumed_session_binds_to_the_same_certificate() {
    let server = Server::start();
    let config = server.client_config();
    for resumed in [false, true] {
        server.log.lock().unwrap().tls = None;
        let mut client = server.connect_tls("first.example", config.clone());
        client.send("hello");
        client.expect("hello");
        let kind = client.0.get_ref().conn.handshake_kind().unwrap();
        assert_eq!(kind == rustls::HandshakeKind::Resumed, resumed);
        let info = info(&server);
        assert_eq!(info.exporter, Some(exporter(&client)));
        assert_eq!(
            info.end_point,
            Some(sha256(&server.leaves["first.example"]))
        );
    }
}

#[test]
fn plaintext_on_the_tls_port_is_closed_at_once() {
    let server = Server::start();
    let mut socket = std::net::TcpStream::connect(server.direct).unwrap();
    std::io::Write::write_all(&mut socket, b"<?xml version='1.0'?><stream:stream>").unwrap();
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).unwrap();
    assert_eq!(answer.first(), Some(&21), "an alert and the end");
}

#[test]
fn a_flood_over_tls_arrives_whole() {
    let server = Server::start();
    let mut client = server.connect_tls("first.example", server.client_config());
    client.send("flood 3000000");
    let mut read = vec![0; 3_000_000];
    client.0.read_exact(&mut read).unwrap();
    client.send("quit");
    client.expect("bye");
    client.expect_end();
}

#[test]
fn a_client_certificate_is_believed_only_from_a_trusted_authority() {
    let folder = tempfile::tempdir().unwrap();
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let path = folder.path().join("ca.pem");
    std::fs::write(&path, authority.self_signed(&key).unwrap().pem()).unwrap();
    let issuer = Issuer::new(authority, key);
    let authorities = ClientAuthorities::read(&path).unwrap();

    for (trusted, expected) in [
        (true, vec!["juliet@first.example".to_owned()]),
        (false, vec![]),
    ] {
        let server = Server::start_with(
            1,
            TlsSettings {
                authorities: Some(authorities.clone()),
                ..TlsSettings::default()
            },
        );
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.subject_alt_names.push(SanType::OtherName((
            vec![1, 3, 6, 1, 5, 5, 7, 8, 5],
            "juliet@first.example".into(),
        )));
        let key = KeyPair::generate().unwrap();
        let leaf = if trusted {
            params.signed_by(&key, &issuer).unwrap()
        } else {
            params.self_signed(&key).unwrap()
        };
        let config =
            ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_root_certificates(server.roots.clone())
                .with_client_auth_cert(
                    vec![leaf.der().clone()],
                    PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
                )
                .unwrap();
        let mut client = server.connect_tls("first.example", config);
        client.send("hello");
        client.expect("hello");
        assert_eq!(info(&server).client_addresses, expected);
    }
}

/// A client that was here before says something along with its first message, and is answered without its end of the
/// handshake, which is not sent before something else is.
fn say_early(server: &Server, config: &ClientConfig) -> TlsClient {
    let mut client = server.connect_tls("first.example", config.clone());
    let stream = client.0.get_mut();
    let mut early = stream.conn.early_data().expect("it was told that it may");
    early.write_all(b"one\n").unwrap();
    stream.conn.write_tls(&mut stream.sock).unwrap();
    let mut plain = Vec::new();
    while !plain.ends_with(b"one\n") {
        stream.conn.read_tls(&mut stream.sock).unwrap();
        let came = stream.conn.process_new_packets().unwrap();
        let start = plain.len();
        plain.resize(start + came.plaintext_bytes_to_read(), 0);
        stream
            .conn
            .reader()
            .read_exact(&mut plain[start..])
            .unwrap();
    }
    assert_eq!(plain, b"early\none\n");
    assert!(stream.conn.is_early_data_accepted());
    client
}

#[test]
fn early_data_is_taken_by_direct_tls_only_and_answered_at_once() {
    let server = Server::start_with(
        1,
        TlsSettings {
            takes_early_data: true,
            ..TlsSettings::default()
        },
    );
    let mut config = server.client_config();
    config.alpn_protocols = vec![b"xmpp-client".to_vec()];
    config.enable_early_data = true;
    let mut client = server.connect_tls("first.example", config.clone());
    client.send("hello");
    client.expect("hello");
    assert!(info(&server).takes_early_data);
    let mut client = say_early(&server, &config);
    client.send("two");
    client.expect("two");
    // Who leaves before the handshake is over is lost, whatever was said.
    drop(say_early(&server, &config));
    server.until(|log| log.lost == 1);

    // Where TLS begins by STARTTLS there is nothing to gain, and nobody is told that it could.
    let mut starttls = server.client_config();
    starttls.enable_early_data = true;
    for _ in 0..2 {
        let mut client = server.connect();
        client.send("starttls");
        client.expect("proceed");
        let mut client = over_tls(client.0.into_inner(), "first.example", starttls.clone());
        assert!(client.0.get_mut().conn.early_data().is_none());
        client.send("secret");
        client.expect("secret");
        assert!(!info(&server).takes_early_data);
    }
}
