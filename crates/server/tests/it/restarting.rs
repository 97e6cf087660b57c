//! `couplet restart`: the same process, another program, and nobody is refused in between.

use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
    os::unix::{fs::PermissionsExt, net::UnixDatagram},
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use super::{
    client::Client,
    process::{COUPLET, Place, free_port},
};

fn with_romeo() -> Place {
    let place = Place::new();
    place.configure("c2s.require_tls = false");
    place.done(
        &["user", "add", "romeo@localhost", "--password-stdin"],
        "romeo\n",
    );
    place
}

fn pid(place: &Place) -> String {
    place.done(&["pid"], "").trim().to_owned()
}

#[test]
fn the_process_stays_and_what_is_stored_too() {
    let place = with_romeo();
    let server = place.serve();
    let mut before = Client::sign_in(place.port, "romeo", "before");
    let said = place.done(&["restart"], "");
    assert_eq!(
        said,
        format!(
            "The server restarts; it stays process {}.\n",
            server.child.id()
        )
    );
    assert_eq!(pid(&place), server.child.id().to_string());
    assert!(
        before.receive_until(|_| false).is_none(),
        "its stream ended"
    );
    Client::sign_in(place.port, "romeo", "after").close();
    // The file's listeners may be others by then.
    let old = place.port;
    let place = Place {
        port: free_port(),
        ..place
    };
    place.configure("c2s.require_tls = false");
    place.done(&["restart"], "");
    Client::sign_in(place.port, "romeo", "after").close();
    assert!(TcpStream::connect(("127.0.0.1", old)).is_err());
    server.signal("-TERM");
    let mut server = server;
    assert!(server.child.wait().unwrap().success());
}

#[test]
fn nobody_is_refused_while_it_restarts() {
    let place = with_romeo();
    let _server = place.serve();
    let is_over = Arc::new(AtomicBool::new(false));
    let connected = Arc::new(AtomicUsize::new(0));
    let (over, counted, port) = (Arc::clone(&is_over), Arc::clone(&connected), place.port);
    let knocking = thread::spawn(move || {
        while !over.load(Ordering::Relaxed) {
            let mut socket = TcpStream::connect(("127.0.0.1", port)).expect("nobody is refused");
            // What the old program took may end at once. What waits for the new one is answered by it.
            let _ = socket.write_all(b"</>");
            let _ = socket.read(&mut [0]);
            counted.fetch_add(1, Ordering::Relaxed);
        }
    });
    for _ in 0..3 {
        let before = connected.load(Ordering::Relaxed);
        place.done(&["restart"], "");
        Client::sign_in(place.port, "romeo", "here").close();
        assert!(connected.load(Ordering::Relaxed) > before);
    }
    is_over.store(true, Ordering::Relaxed);
    knocking.join().unwrap();
}

#[test]
fn a_configuration_that_the_program_refuses_changes_nothing() {
    let place = with_romeo();
    let server = place.serve();
    let mut client = Client::sign_in(place.port, "romeo", "here");
    place.configure("c2s.require_tsl = false");
    let output = place.run(&["restart"], "");
    assert_eq!(output.status.code(), Some(3), "the command line refuses it");
    // Whoever does not read it hears it from the server.
    fs::write(place.path("other.toml"), "data = \"data\"").unwrap();
    let output = place.run(&["--config", "other.toml", "restart"], "");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("would not start: "), "{said}");
    assert!(said.contains("require_tsl"), "{said}");
    client.send("<iq type='get' id='1' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>");
    client.expect("iq", "1");
    place.configure("c2s.require_tls = false");
    place.done(&["restart"], "");
    assert_eq!(pid(&place), server.child.id().to_string());
}

#[test]
fn the_program_that_is_there_by_then_goes_on() {
    let place = with_romeo();
    let program = place.path("couplet");
    let install = |text: &[u8]| {
        // A package puts the new file in the place of the old one, which runs on.
        let new = place.path("couplet.new");
        fs::write(&new, text).unwrap();
        fs::set_permissions(&new, fs::Permissions::from_mode(0o755)).unwrap();
        fs::rename(&new, &program).unwrap();
    };
    install(&fs::read(COUPLET).unwrap());
    let server = place.start(Command::new(&program), &["serve"]);
    install(b"#!/bin/sh\necho 'couplet: the moon is full' >&2; exit 4\n");
    place.fails(
        &["restart"],
        1,
        &format!("{} would not start: the moon is full", program.display()),
    );
    let script = format!("#!/bin/sh\nexport COUPLET_LOG=debug\nexec {COUPLET} \"$@\"\n");
    install(script.as_bytes());
    place.done(&["restart"], "");
    assert_eq!(pid(&place), server.child.id().to_string());
    // It runs by the script now, which can be seen by how much it logs.
    server.logs("\"ready\"");
    let restarted = place.done(&["log", "default"], "");
    assert!(restarted.contains("debug"), "{restarted}");
}

#[test]
fn a_service_manager_hears_that_it_goes_on() {
    let place = with_romeo();
    let path = place.path("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket
        .set_read_timeout(Some(Duration::from_secs(60)))
        .unwrap();
    let mut command = Command::new(COUPLET);
    command
        .env("NOTIFY_SOCKET", &path)
        .env_remove("WATCHDOG_USEC");
    let _server = place.start(command, &["serve"]);
    let heard = || {
        let mut buffer = [0; 1024];
        let length = socket.recv(&mut buffer).unwrap();
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    };
    assert_eq!(heard(), "STATUS=Opening the store");
    assert_eq!(heard(), "READY=1\nSTATUS=Serving localhost");
    place.done(&["restart"], "");
    let text = heard();
    assert!(text.starts_with("RELOADING=1\nMONOTONIC_USEC="), "{text}");
    assert!(text.ends_with("\nSTATUS=Restarting"), "{text}");
    assert_eq!(heard(), "STATUS=Opening the store");
    assert_eq!(heard(), "READY=1\nSTATUS=Serving localhost");
}

#[test]
fn a_port_that_somebody_opened_before_is_taken_over() {
    let place = with_romeo();
    let address = format!("127.0.0.1:{}", place.port).parse().unwrap();
    let opened = transport::bind(address).unwrap();
    // This waits in the kernel: nobody serves yet.
    let early = TcpStream::connect(("127.0.0.1", place.port)).unwrap();
    let mut command = Command::new(COUPLET);
    let open = transport::hand_on(&opened, &mut command).unwrap();
    command.env_remove("LISTEN_PID");
    let _server = place.start(command, &["serve"]);
    drop((opened, open));
    (&early).write_all(b"</>").unwrap();
    let mut answer = String::new();
    (&early).read_to_string(&mut answer).unwrap();
    assert!(answer.contains("<stream:error>"), "{answer}");
    place.done(&["restart"], "");
    Client::sign_in(place.port, "romeo", "here").close();
}
