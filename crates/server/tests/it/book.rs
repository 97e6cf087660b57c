//! What is made of the command line: completions that shells accept, and a man page that formatters accept.

use std::{
    io::Write,
    process::{Command, Stdio},
};

use super::process::Place;

#[test]
fn shells_accept_their_completions() {
    for (shell, check) in [
        ("bash", &["-n"][..]),
        ("zsh", &["-n"]),
        ("fish", &["--no-execute"]),
    ] {
        let script = Place::new().done(&["completions", shell], "");
        for word in ["user", "passwd", "backup", "--config", "registered"] {
            let is_there = script.contains(word) || script.contains(word.trim_start_matches('-'));
            assert!(is_there, "{shell}: {word}");
        }
        assert!(!script.contains("book"), "hidden commands stay hidden");
        accepted(shell, check, &script);
    }
    let output = Place::new().run(&["completions", "cmd"], "");
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn bash_completes_a_command_and_its_words() {
    let script = Place::new().done(&["completions", "bash"], "");
    let ask = "COMP_WORDS=(couplet user ro); COMP_CWORD=2; _couplet couplet ro user; echo \"${COMPREPLY[@]}\"";
    if let Some(answer) = accepted("bash", &["-s"], &format!("{script}\n{ask}\n")) {
        assert_eq!(answer.trim(), "role");
    }
}

#[test]
fn the_man_page_has_every_command_and_no_mistake() {
    let page = Place::new().done(&["man"], "");
    for part in [
        ".SH NAME\ncouplet \\- an XMPP server\n",
        ".B user role USER registered|member|admin\n",
        ".B user add USER [\\-\\-password\\-stdin]\n",
        ".B completions bash|zsh|fish\n",
        ".B 5\nno server is running\n",
    ] {
        assert!(page.contains(part), "{part}\n{page}");
    }
    assert!(!page.contains("book keys"));
    accepted("groff", &["-man", "-ww", "-z", "-Tutf8"], &page);
}

#[test]
fn every_page_of_the_book_can_be_printed() {
    let place = Place::new();
    assert!(
        place
            .done(&["book", "keys"], "")
            .starts_with("# Every key\n")
    );
    let commands = place.done(&["book", "commands"], "");
    assert!(commands.contains("    couplet session list"), "{commands}");
    assert!(commands.contains("Needs a running server."), "{commands}");
}

/// Has `program` read `text`, which must succeed without a complaint; gives what it prints. Where there is no such
/// program, nothing.
#[track_caller]
fn accepted(program: &str, arguments: &[&str], text: &str) -> Option<String> {
    let started = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut child) = started else {
        println!("{program} is not here");
        return None;
    };
    child
        .stdin
        .take()
        .unwrap()
        .write_all(text.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        output.status.success() && said.is_empty(),
        "{program}: {said}"
    );
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}
