//! What a service manager hears, over the socket that it names.

use std::{
    os::{
        linux::net::SocketAddrExt,
        unix::net::{SocketAddr, UnixDatagram},
    },
    process::Command,
    sync::mpsc::{self, Receiver},
    thread,
    time::Duration,
};

use super::process::{COUPLET, Place, Serving};

/// Far more than any message needs, so that a busy machine fails nothing.
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn it_hears_of_every_step_of_a_life() {
    let place = Place::new();
    place.configure("[host.localhost]\n[host.\"anon.localhost\"]");
    let path = place.path("notify");
    let (mut server, heard) = serve(
        &place,
        &UnixDatagram::bind(&path).unwrap(),
        path.to_str().unwrap(),
        None,
    );
    assert_eq!(heard.recv().unwrap(), "STATUS=Opening the store");
    assert_eq!(
        heard.recv().unwrap(),
        "READY=1\nSTATUS=Serving anon.localhost and 1 more"
    );

    server.signal("-HUP");
    check_reloading(&heard);
    assert_eq!(
        heard.recv().unwrap(),
        "READY=1\nSTATUS=Serving anon.localhost and 1 more"
    );

    place.configure("[host.localhost]");
    place.done(&["reload"], "");
    check_reloading(&heard);
    assert_eq!(heard.recv().unwrap(), "READY=1\nSTATUS=Serving localhost");

    place.configure("[host.localhost]\nnonsense = true");
    server.signal("-HUP");
    check_reloading(&heard);
    assert_eq!(
        heard.recv().unwrap(),
        "READY=1\nSTATUS=Serving localhost; the last reload failed, see the log"
    );

    server.signal("-TERM");
    assert_eq!(heard.recv().unwrap(), "STOPPING=1\nSTATUS=Ending sessions");
    assert!(server.child.wait().unwrap().success());
}

#[test]
fn it_hears_that_nothing_hangs_as_often_as_it_wants() {
    let place = Place::new();
    let name = format!("couplet-test-{}", place.port);
    let address = SocketAddr::from_abstract_name(&name).unwrap();
    let socket = UnixDatagram::bind_addr(&address).unwrap();
    let (_server, heard) = serve(&place, &socket, &format!("@{name}"), Some("20000"));
    let alive = heard.iter().filter(|text| text == "WATCHDOG=1");
    assert_eq!(alive.take(5).count(), 5);
}

#[test]
fn a_socket_that_is_not_there_keeps_nobody_from_serving() {
    let place = Place::new();
    let mut command = Command::new(COUPLET);
    command.env("NOTIFY_SOCKET", place.path("nowhere"));
    let server = place.start(command, &["serve"]);
    assert!(server.log.contains("service manager"), "{}", server.log);
}

/// Starts a server that is told of `socket` by the name `address`. What it says comes out of the channel.
fn serve(
    place: &Place,
    socket: &UnixDatagram,
    address: &str,
    watchdog_micros: Option<&str>,
) -> (Serving, Receiver<String>) {
    let socket = socket.try_clone().unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let (said, heard) = mpsc::channel();
    thread::spawn(move || {
        let mut buffer = [0; 1024];
        while let Ok(length) = socket.recv(&mut buffer) {
            let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
            if said.send(text).is_err() {
                return;
            }
        }
    });
    let mut command = Command::new(COUPLET);
    command
        .env("NOTIFY_SOCKET", address)
        .env_remove("WATCHDOG_PID");
    match watchdog_micros {
        Some(micros) => command.env("WATCHDOG_USEC", micros),
        None => command.env_remove("WATCHDOG_USEC"),
    };
    (place.start(command, &["serve"]), heard)
}

#[track_caller]
fn check_reloading(heard: &Receiver<String>) {
    let text = heard.recv().unwrap();
    let micros = text.strip_prefix("RELOADING=1\nMONOTONIC_USEC=");
    let micros: Option<u64> = micros.and_then(|micros| micros.parse().ok());
    assert!(micros.is_some_and(|micros| micros > 0), "{text}");
}
