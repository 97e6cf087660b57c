//! Reading, writing, waking, closing.

use std::{io::Read, net::Shutdown};

use transport::tls::TlsSettings;

use super::server::{Server, pause};

#[test]
fn lines_come_back() {
    let server = Server::start();
    let mut client = server.connect();
    for line in ["one", "two"] {
        client.send(line);
        client.expect(line);
    }
}

#[test]
fn the_last_words_arrive_before_the_end() {
    let server = Server::start();
    let mut client = server.connect();
    client.send("quit\nthis is read by nobody");
    client.expect("bye");
    client.expect_end();
    assert_eq!(server.log.lock().unwrap().lost, 0);
}

#[test]
fn a_peer_that_closed_its_direction_still_gets_its_answer() {
    let server = Server::start();
    let mut client = server.connect();
    client.send("question");
    client.0.get_ref().shutdown(Shutdown::Write).unwrap();
    client.expect("question");
    client.expect("you closed");
    client.expect_end();
    server.until(|log| log.dropped == 1);
}

#[test]
fn a_reset_loses_the_connection() {
    let server = Server::start();
    let client = server.connect();
    let socket = socket2::SockRef::from(client.0.get_ref());
    socket.set_linger(Some(std::time::Duration::ZERO)).unwrap();
    drop(client);
    server.until(|log| log.dropped == 1);
}

#[test]
fn a_deadline_is_kept_without_traffic() {
    let server = Server::start();
    let mut client = server.connect();
    client.send("later");
    client.expect("later");
}

#[test]
fn a_connection_that_wants_nothing_is_not_read() {
    let server = Server::start();
    let mut client = server.connect();
    client.send("hang");
    pause(20);
    // `receive` would panic and the socket be closed.
    client.send("too much");
    let mut other = server.connect();
    other.send("still there");
    other.expect("still there");
    assert_eq!(server.log.lock().unwrap().dropped, 0);
}

#[test]
fn a_slow_reader_gets_everything_in_the_end() {
    let server = Server::start();
    let mut client = server.connect();
    client.send("flood 30000000");
    pause(50);
    let mut read = vec![0; 30_000_000];
    client.0.read_exact(&mut read).unwrap();
    assert!(read.iter().all(|byte| *byte == b'x'));
    client.send("quit");
    client.expect("bye");
    client.expect_end();
}

#[test]
fn what_is_due_at_the_end_goes_out_whole() {
    let server = Server::start();
    let mut client = server.connect();
    client.send("flood 3000000\nquit");
    client.expect("bye");
    let mut read = Vec::new();
    client.0.read_to_end(&mut read).unwrap();
    assert_eq!(read.len(), 3_000_000);
}

#[test]
fn one_connection_wakes_those_of_all_workers() {
    let server = Server::start_with(3, TlsSettings::default());
    let mut clients: Vec<_> = (0..9).map(|_| server.connect()).collect();
    for client in &mut clients {
        client.send("hello");
        client.expect("hello");
    }
    clients[4].send("all good");
    for client in &mut clients {
        client.expect("good");
    }
}

#[test]
fn stopping_tells_everybody_and_waits() {
    let mut server = Server::start();
    let mut clients: Vec<_> = (0..5).map(|_| server.connect()).collect();
    for client in &mut clients {
        client.send("hello");
        client.expect("hello");
    }
    assert_eq!(server.stop(), 0);
    assert_eq!(
        server.log.lock().unwrap().dropped,
        5,
        "nobody is left behind"
    );
    for client in &mut clients {
        client.expect("stopping");
        client.expect_end();
    }
    assert!(
        std::net::TcpStream::connect(server.plain).is_err(),
        "the listener is closed"
    );
}
