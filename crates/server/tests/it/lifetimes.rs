//! Deletion, shared groups and notices from the command line.

use super::process::Place;

fn with_romeo(more: &str) -> Place {
    let place = Place::new();
    place.configure(more);
    let add = ["user", "add", "romeo@localhost", "--password-stdin"];
    place.done(&add, "montague\n");
    place
}

#[test]
fn a_deleted_account_is_taken_back_with_the_server_up_and_down() {
    for up in [false, true] {
        let place = with_romeo("[host.localhost]\ndeletion = { grace = \"7 days\" }");
        let _server = up.then(|| place.serve());
        let user = |word| ["user", word, "romeo@localhost"];
        place.fails(&user("undelete"), 1, "romeo@localhost is not to be deleted");
        let said = place.done(&user("delete"), "");
        assert!(said.starts_with("Nobody can sign in to romeo@localhost; it is deleted after "));
        assert_eq!(
            place.done(&["user", "list", "localhost"], ""),
            "romeo@localhost  (to be deleted)\n"
        );
        let info = place.done(&user("info"), "");
        assert!(info.contains("state         deleted after "), "{info}");
        place.fails(
            &user("enable"),
            1,
            "romeo@localhost is to be deleted; \"user undelete\" takes it back",
        );
        assert_eq!(
            place.done(&user("undelete"), ""),
            "The account romeo@localhost is as it was; its user can sign in again.\n"
        );
        assert_eq!(
            place.done(&["user", "delete", "romeo@localhost", "--now"], ""),
            "The account romeo@localhost was deleted with everything it owned.\n"
        );
        place.fails(&user("undelete"), 1, "there is no account romeo@localhost");
    }
}

#[test]
fn groups_are_made_of_the_configuration_and_of_commands() {
    for up in [false, true] {
        let place = with_romeo(
            "[host.localhost.groups]\nteam = { members = [\"juliet\"], label = \"The Team\" }",
        );
        let _server = up.then(|| place.serve());
        let member = |word, group, who| ["group", word, "localhost", group, who];
        assert_eq!(
            place.done(&member("add", "team", "romeo"), ""),
            "romeo@localhost is in the group team.\n"
        );
        place.done(&member("add", "friends", "romeo@localhost"), "");
        assert_eq!(
            place.done(&["group", "list", "localhost"], ""),
            "friends\n  romeo@localhost\nteam  \"The Team\"\n  juliet@localhost\n  romeo@localhost\n"
        );
        place.fails(
            &member("remove", "team", "juliet"),
            1,
            "juliet@localhost is in the group team by the configuration",
        );
        place.fails(
            &member("remove", "family", "romeo"),
            1,
            "there is no group \"family\"; \"group list\" shows them",
        );
        place.fails(
            &member("add", "team", "romeo@example.org"),
            1,
            "\"romeo@example.org\" is no account of localhost",
        );
        place.fails(
            &member("add", "team", "rmoeo"),
            1,
            "there is no account rmoeo@localhost; did you mean romeo@localhost? See \"user list\"",
        );
        place.done(&member("remove", "friends", "romeo"), "");
        place.done(&member("remove", "team", "romeo"), "");
        assert_eq!(
            place.done(&["group", "list", "localhost"], ""),
            "team  \"The Team\"\n  juliet@localhost\n"
        );
    }
}

#[test]
fn the_message_of_the_day_is_set_shown_and_ended() {
    for up in [false, true] {
        let place = with_romeo("[host.localhost]\nmotd = \"Supper at six\"");
        let _server = up.then(|| place.serve());
        let show = ["motd", "show", "localhost"];
        let six = "Every user of localhost gets to read once: Supper at six\n";
        assert_eq!(place.done(&show, ""), six);
        let seven = "Every user of localhost gets to read once: Supper at seven\n";
        assert_eq!(
            place.done(&["motd", "set", "localhost", "Supper at seven"], ""),
            seven
        );
        assert_eq!(place.done(&show, ""), seven);
        let none = "There is no message of the day on localhost.\n";
        assert_eq!(place.done(&["motd", "clear", "localhost"], ""), none);
        assert_eq!(place.done(&show, ""), none);
        place.fails(
            &["motd", "set", "localhost", " "],
            1,
            "there is nothing to read in an empty text; \"motd clear\" ends the message",
        );
    }
}

#[test]
fn an_announcement_needs_somebody_to_listen() {
    let place = with_romeo("[host.localhost]");
    place.fails(
        &["announce", "Fire"],
        5,
        "no server is running on the data folder data",
    );
    let _server = place.serve();
    assert_eq!(
        place.done(&["announce", "Fire"], ""),
        "0 accounts were told.\n"
    );
    assert_eq!(
        place.done(
            &["announce", "Fire", "--to", "all", "--host", "localhost"],
            ""
        ),
        "One account was told.\n"
    );
}

#[test]
fn mistakes_in_what_features_are_given_are_named() {
    let place = Place::new();
    let refuses = |more: &str, sentence: &str| {
        place.configure(more);
        let output = place.run(&["check", "config"], "");
        let said = String::from_utf8_lossy(&output.stderr).into_owned()
            + &String::from_utf8_lossy(&output.stdout);
        assert!(said.contains(sentence), "{said}");
    };
    refuses(
        "[host.localhost]\ndeletion = { grace = \"soon\" }",
        "a period in quotes such as",
    );
    refuses(
        "[host.localhost]\ndeletion = { tombstones = 3 }",
        "expected true, false, or a period in quotes",
    );
    refuses(
        "[host.localhost]\nregistration_notice = \"everybody\"",
        "expected \"admins\", a list of accounts, or a table",
    );
    refuses(
        "[host.localhost.groups]\nteam = 7",
        "expected a list of accounts, \"@all\", or a table",
    );
}
