//! SASL2 on the wire, XEP-0388: its elements, what comes of a success, tasks, what may not be said in between, and
//! what is sent before the outcome is known (XEP-0509).

use ::sasl::Mechanism;
use ::sasl::client::Scram;
use ::sasl::wire::{decode, encode};
use xml::Framing;

use crate::player::{
    OPEN, OPENED, Player, Setting, VERSION, check, check_with, each_scram, inside,
};

/// PLAIN for juliet, whose password it is; with a place for what comes along.
fn authenticate(along: &str) -> String {
    format!(
        "<authenticate xmlns='urn:xmpp:sasl:2' mechanism='PLAIN'><initial-response>AGp1bGlldABzZWNyZXQ=</initial-response>{along}</authenticate>"
    )
}

/// The same with a wrong password.
fn wrong(along: &str) -> String {
    authenticate(along).replace("AGp1bGlldABzZWNyZXQ=", "AGp1bGlldAB3cm9uZw==")
}

#[test]
fn success_opens_no_other_stream() {
    check(&[
        OPENED,
        &format!(
            "
            > {}
            ! authenticating PLAIN
            ! ask verify juliet
            ! proved juliet PLAIN
            ! reopened
            < <success xmlns='urn:xmpp:sasl:2'><authorization-identifier>juliet@example.org</authorization-identifier></success>
            < {{bind-features}}
            > <iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>
            ! binding -
            < <iq id='b' type='result'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>juliet@example.org/made</jid></bind></iq>
            ",
            authenticate("")
        ),
    ]);
}

#[test]
fn after_success_only_binding_is_next() {
    let setting = Setting {
        on_documents: false,
        ..Setting::default()
    };
    check_with(
        setting,
        &[
            OPENED,
            &format!(
                "
                > {}
                ! authenticating PLAIN
                ! ask verify juliet
                ! proved juliet PLAIN
                ! reopened
                < <success xmlns='urn:xmpp:sasl:2'><authorization-identifier>juliet@example.org</authorization-identifier></success>
                < {{bind-features}}
                > <message/>
                ! faulted the peer sent a stanza before it had signed in and bound a resource
                < <stream:error><not-authorized xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>
                ",
                authenticate("")
            ),
        ],
    );
}

#[test]
fn a_client_says_which_one_it_is_and_what_it_wants() {
    check(&[
        OPENED,
        &format!(
            "
            > {}
            ! authenticating PLAIN d4565fa7-4d72-4749-b3d3-740edbf87770 \"AwesomeXMPP\" \"Kiva's Phone\" bind fast
            ! ask verify juliet
            ! proved juliet PLAIN
            < <success xmlns='urn:xmpp:sasl:2'><authorization-identifier>juliet@example.org/made</authorization-identifier><bound xmlns='urn:xmpp:bind:0'/></success>
            < <stream:features><sm xmlns='urn:xmpp:sm:3'/><limits xmlns='urn:xmpp:stream-limits:0'><max-bytes>10000</max-bytes><idle-seconds>840</idle-seconds></limits></stream:features>
            > <message to='romeo@example.net'><body>Ay me</body></message>
            ! stanza <message to='romeo@example.net'><body>Ay me</body></message>
            ",
            authenticate("<user-agent id='D4565fa7-4d72-4749-b3d3-740edbf87770'><software>AwesomeXMPP</software><device>Kiva's Phone</device></user-agent><bind xmlns='urn:xmpp:bind:0'><tag>x</tag></bind><fast xmlns='urn:xmpp:fast:0'/>")
        ),
    ]);
}

#[test]
fn a_resumed_session_is_offered_nothing() {
    check(&[
        OPENED,
        &format!(
            "
            > {}
            ! authenticating PLAIN resume
            ! ask verify juliet
            ! proved juliet PLAIN
            < <success xmlns='urn:xmpp:sasl:2'><authorization-identifier>juliet@example.org/made</authorization-identifier><resumed xmlns='urn:xmpp:sm:3' h='7' previd='x'/></success>
            > <presence/>
            ! stanza <presence/>
            ",
            authenticate("<resume xmlns='urn:xmpp:sm:3' h='1' previd='x'/>")
        ),
    ]);
}

#[test]
fn after_success_the_larger_limit_holds() {
    check(&[
        OPENED,
        &format!(
            "
            > {}
            ! authenticating PLAIN bind
            ! ask verify juliet
            ! proved juliet PLAIN
            < <success xmlns='urn:xmpp:sasl:2'><authorization-identifier>juliet@example.org/made</authorization-identifier><bound xmlns='urn:xmpp:bind:0'/></success>
            < <stream:features><sm xmlns='urn:xmpp:sm:3'/><limits xmlns='urn:xmpp:stream-limits:0'><max-bytes>10000</max-bytes><idle-seconds>840</idle-seconds></limits></stream:features>
            > <message><body>{long}</body></message>
            ! stanza <message><body>{long}</body></message>
            ",
            authenticate("<bind xmlns='urn:xmpp:bind:0'/>"),
            long = "x".repeat(5000),
        ),
    ]);
}

#[test]
fn scram_proves_both_sides() {
    each_scram(scram);
}

fn scram(mechanism: Mechanism, mut player: Player, mut client: Scram) {
    let first = encode(&client.first());
    // White space around the text, as the examples have it.
    let challenge = player.exchange(&format!(
        "<authenticate xmlns='urn:xmpp:sasl:2' mechanism='{mechanism}'><initial-response> {first}\n</initial-response></authenticate>"
    ));
    let challenge = decode(inside(&challenge, "challenge", "urn:xmpp:sasl:2")).expect("base64");
    let last = encode(&client.answer(&challenge).expect("a challenge"));
    let success = player.exchange(&format!(
        "<response xmlns='urn:xmpp:sasl:2'>{last}</response>"
    ));
    let data = success
        .strip_prefix("<success xmlns='urn:xmpp:sasl:2'><additional-data>")
        .and_then(|rest| rest.split_once("</additional-data><authorization-identifier>juliet@example.org</authorization-identifier></success><stream:features>"))
        .unwrap_or_else(|| unreachable!("no success: {success}"))
        .0;
    client
        .check(&decode(data).expect("base64"))
        .expect("the server's proof");
}

#[test]
fn no_initial_response_is_asked_for() {
    check(&[
        OPENED,
        "
        > <authenticate xmlns='urn:xmpp:sasl:2' mechanism='PLAIN'/>
        ! authenticating PLAIN
        < <challenge xmlns='urn:xmpp:sasl:2'/>
        > <response xmlns='urn:xmpp:sasl:2'>AGp1bGlldABzZWNyZXQ=</response>
        ! ask verify juliet
        ! proved juliet PLAIN
        ! reopened
        < <success xmlns='urn:xmpp:sasl:2'><authorization-identifier>juliet@example.org</authorization-identifier></success>
        < {bind-features}
        ",
    ]);
}

#[test]
fn what_is_wrong_with_a_request_is_named() {
    let inline = "<a xmlns='urn:x'/>".repeat(33);
    for (sent, failure) in [
        (
            "<authenticate xmlns='urn:xmpp:sasl:2'/>".to_owned(),
            "invalid-mechanism",
        ),
        (
            "<authenticate xmlns='urn:xmpp:sasl:2' mechanism='X'/>".to_owned(),
            "invalid-mechanism",
        ),
        // Tokens are offered apart, and here they are not.
        (
            "<authenticate xmlns='urn:xmpp:sasl:2' mechanism='HT-SHA-256-NONE'/>".to_owned(),
            "invalid-mechanism",
        ),
        (authenticate("<user-agent id='me'/>"), "malformed-request"),
        (
            authenticate("<user-agent/><user-agent/>"),
            "malformed-request",
        ),
        (authenticate("<initial-response/>"), "malformed-request"),
        (authenticate("<other/>"), "malformed-request"),
        (authenticate(&inline), "malformed-request"),
        (authenticate("").replace("AGp", "!"), "incorrect-encoding"),
        (authenticate("").replace("AGp", "<a/>"), "malformed-request"),
        (
            "<response xmlns='urn:xmpp:sasl:2'/>".to_owned(),
            "malformed-request",
        ),
        (
            "<next xmlns='urn:xmpp:sasl:2' task='x'/>".to_owned(),
            "malformed-request",
        ),
        (
            "<task-data xmlns='urn:xmpp:sasl:2'/>".to_owned(),
            "malformed-request",
        ),
        ("<abort xmlns='urn:xmpp:sasl:2'/>".to_owned(), "aborted"),
    ] {
        check(&[
            OPENED,
            &format!(
                "> {sent}\n< <failure xmlns='urn:xmpp:sasl:2'><{failure} xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/></failure>"
            ),
        ]);
    }
}

#[test]
fn failures_of_both_forms_count_together() {
    check(&[
        OPENED,
        "
        > <abort xmlns='urn:xmpp:sasl:2'/>
        < <failure xmlns='urn:xmpp:sasl:2'><aborted xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/></failure>
        > <abort xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>
        < <failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><aborted/></failure>
        > <abort xmlns='urn:xmpp:sasl:2'/>
        ! faulted the peer failed to sign in 3 times on one stream
        < <failure xmlns='urn:xmpp:sasl:2'><aborted xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/></failure>
        < <stream:error><policy-violation xmlns='urn:ietf:params:xml:ns:xmpp-streams'/><text xmlns='urn:ietf:params:xml:ns:xmpp-streams' xml:lang='en'>Too many authentication failures</text></stream:error></stream:stream>
        ",
    ]);
}

#[test]
fn a_failure_may_say_more() {
    check(&[
        OPENED,
        "
        > <authenticate xmlns='urn:xmpp:sasl:2' mechanism='ANONYMOUS'><initial-response/></authenticate>
        ! authenticating ANONYMOUS
        ! ask anonymous
        ! proved guest ANONYMOUS
        < <failure xmlns='urn:xmpp:sasl:2'><temporary-auth-failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/><pity xmlns='urn:example:guests'/></failure>
        ",
    ]);
}

#[test]
fn the_client_may_abort_and_try_again() {
    check(&[
        OPENED,
        &format!(
            "
            > <authenticate xmlns='urn:xmpp:sasl:2' mechanism='PLAIN'/>
            ! authenticating PLAIN
            < <challenge xmlns='urn:xmpp:sasl:2'/>
            > <abort xmlns='urn:xmpp:sasl:2'><text>no</text></abort>
            < <failure xmlns='urn:xmpp:sasl:2'><aborted xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/></failure>
            > {}
            ! authenticating PLAIN
            ! ask verify juliet
            ! proved juliet PLAIN
            ! reopened
            < <success xmlns='urn:xmpp:sasl:2'><authorization-identifier>juliet@example.org</authorization-identifier></success>
            < {{bind-features}}
            ",
            authenticate("")
        ),
    ]);
}

#[test]
fn nothing_else_is_said_in_between() {
    for (sent, fault) in [
        ("<message/>", "not-authorized"),
        (
            "<iq type='get' id='1'><query xmlns='jabber:iq:register'/></iq>",
            "not-authorized",
        ),
        (
            "<authenticate xmlns='urn:xmpp:sasl:2' mechanism='PLAIN'/>",
            "unsupported-stanza-type",
        ),
        (
            "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'/>",
            "unsupported-stanza-type",
        ),
        (
            "<response xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>",
            "unsupported-stanza-type",
        ),
        (
            "<next xmlns='urn:xmpp:sasl:2' task='first'/>",
            "unsupported-stanza-type",
        ),
        ("<r xmlns='urn:xmpp:sm:3'/>", "unsupported-stanza-type"),
    ] {
        let mut player = Player::new(Setting::default(), Framing::Stream, usize::MAX);
        player.play(OPENED);
        player.exchange("<authenticate xmlns='urn:xmpp:sasl:2' mechanism='PLAIN'/>");
        let got = player.exchange(sent);
        let expected = format!("<stream:error><{fault} xmlns=");
        assert!(got.starts_with(&expected), "{sent}: {got}");
        assert!(player.stream.is_over(), "{sent}");
    }
}

#[test]
fn an_identity_that_the_header_does_not_name_is_refused() {
    // PLAIN for juliet as juliet@example.org.
    let with_authzid = authenticate("").replace(
        "AGp1bGlldABzZWNyZXQ=",
        "anVsaWV0QGV4YW1wbGUub3JnAGp1bGlldABzZWNyZXQ=",
    );
    let open = |from: &str| OPEN.replace("to='", &format!("from='{from}' to='"));
    for (from, is_refused) in [("juliet@example.org", false), ("romeo@example.org", true)] {
        let mut player = Player::new(Setting::default(), Framing::Stream, usize::MAX);
        player.exchange(&open(from));
        let got = player.exchange(&with_authzid);
        let failure = "<failure xmlns='urn:xmpp:sasl:2'><invalid-authzid xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/></failure>";
        assert_eq!(got == failure, is_refused, "{from}: {got}");
    }
}

#[test]
fn without_tls_there_is_no_sasl2() {
    let setting = Setting {
        is_secure: false,
        requires_tls: false,
        ..Setting::default()
    };
    let mut player = Player::new(setting, Framing::Stream, usize::MAX);
    let features = player.exchange(OPEN);
    assert!(
        features.contains("<mechanism>PLAIN</mechanism>"),
        "{features}"
    );
    assert!(!features.contains("urn:xmpp:sasl:2"), "{features}");
    assert!(!features.contains("urn:xmpp:iap:0"), "{features}");
    let got = player.exchange(&authenticate(""));
    assert_eq!(
        got,
        "<failure xmlns='urn:xmpp:sasl:2'><encryption-required xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/></failure>"
    );
}

/// Signs in as who has tasks to do.
fn with_tasks(rest: &str) -> String {
    format!(
        "
        > {}
        ! authenticating PLAIN upgrade bind
        ! ask verify juliet
        ! proved juliet PLAIN
        < <continue xmlns='urn:xmpp:sasl:2'><tasks><task>first</task><task>second</task></tasks><text>Two things to do</text></continue>
        {rest}",
        authenticate("<upgrade xmlns='urn:xmpp:sasl:upgrade:0'>UPGR-SCRAM-SHA-512</upgrade><bind xmlns='urn:xmpp:bind:0'/>")
    )
}

#[test]
fn tasks_are_done_one_after_another() {
    check(&[
        OPENED,
        &with_tasks(
            "
            > <next xmlns='urn:xmpp:sasl:2' task='second'><a xmlns='urn:example:tasks'/></next>
            ! task second <a xmlns='urn:example:tasks'/>
            < <task-data xmlns='urn:xmpp:sasl:2'><more xmlns='urn:example:tasks'/></task-data>
            > <task-data xmlns='urn:xmpp:sasl:2'><b xmlns='urn:example:tasks'/></task-data>
            ! task - <b xmlns='urn:example:tasks'/>
            < <task-data xmlns='urn:xmpp:sasl:2'><more xmlns='urn:example:tasks'/></task-data>
            > <task-data xmlns='urn:xmpp:sasl:2'><done xmlns='urn:example:tasks'/></task-data>
            ! task - <done xmlns='urn:example:tasks'/>
            < <continue xmlns='urn:xmpp:sasl:2'><tasks><task>second</task></tasks></continue>
            > <next xmlns='urn:xmpp:sasl:2' task='second'><done xmlns='urn:example:tasks'/></next>
            ! task second <done xmlns='urn:example:tasks'/>
            < <success xmlns='urn:xmpp:sasl:2'><authorization-identifier>juliet@example.org/made</authorization-identifier><bound xmlns='urn:xmpp:bind:0'/></success>
            < <stream:features><sm xmlns='urn:xmpp:sm:3'/><limits xmlns='urn:xmpp:stream-limits:0'><max-bytes>10000</max-bytes><idle-seconds>840</idle-seconds></limits></stream:features>
            ",
        ),
    ]);
}

#[test]
fn a_task_may_fail_and_then_the_stream_is_good_for_nothing() {
    for (sent, failure) in [
        (
            "<next xmlns='urn:xmpp:sasl:2' task='third'/>",
            "malformed-request",
        ),
        ("<next xmlns='urn:xmpp:sasl:2'/>", "malformed-request"),
        (
            "<next xmlns='urn:xmpp:sasl:2' task='first'><bad xmlns='urn:x'/></next>",
            "not-authorized",
        ),
        ("<abort xmlns='urn:xmpp:sasl:2'/>", "aborted"),
    ] {
        for again in [
            authenticate(""),
            "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'/>".to_owned(),
        ] {
            let mut player = Player::new(Setting::default(), Framing::Stream, usize::MAX);
            player.play(&[OPENED, &with_tasks("")].concat());
            let got = player.exchange(sent);
            let expected = format!(
                "<failure xmlns='urn:xmpp:sasl:2'><{failure} xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/></failure>"
            );
            assert_eq!(got, expected, "{sent}");
            let got = player.exchange(&again);
            assert!(got.contains("<unsupported-stanza-type "), "{sent}: {got}");
            assert!(player.stream.is_over(), "{sent}");
        }
    }
}

#[test]
fn in_a_task_nothing_else_is_said() {
    for sent in [
        "<authenticate xmlns='urn:xmpp:sasl:2' mechanism='PLAIN'/>",
        "<response xmlns='urn:xmpp:sasl:2'/>",
        "<task-data xmlns='urn:xmpp:sasl:2'/>",
        "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'/>",
        "<message/>",
    ] {
        let mut player = Player::new(Setting::default(), Framing::Stream, usize::MAX);
        player.play(&[OPENED, &with_tasks("")].concat());
        let got = player.exchange(sent);
        assert!(got.starts_with("<stream:error>"), "{sent}: {got}");
        assert!(player.stream.is_over(), "{sent}");
    }
}

/// Header, sign-in and what builds on it, in one go.
#[test]
fn one_flight_is_enough_for_who_knows_the_offer() {
    check(&[&format!(
        "
        > {{open}}
        > {}
        > <iq type='set' id='q'><query xmlns='urn:xmpp:mam:2'/></iq>
        ! opening example.org secure
        ! authenticating PLAIN bind
        ! ask verify juliet
        ! proved juliet PLAIN
        ! stanza <iq id='q' type='set'><query xmlns='urn:xmpp:mam:2'/></iq>
        < {{header from='example.org'}}{{features}}
        < <success xmlns='urn:xmpp:sasl:2'><authorization-identifier>juliet@example.org/made</authorization-identifier><bound xmlns='urn:xmpp:bind:0'/></success>
        < <stream:features><sm xmlns='urn:xmpp:sm:3'/><limits xmlns='urn:xmpp:stream-limits:0'><max-bytes>10000</max-bytes><idle-seconds>840</idle-seconds></limits></stream:features>
        ",
        authenticate(&format!("<bind xmlns='urn:xmpp:bind:0'/><config-version xmlns='urn:xmpp:iap:0' scheme='opaque' value='{VERSION}'/>"))
    )]);
}

#[test]
fn what_was_sent_along_with_a_failed_sign_in_is_thrown_away() {
    check(&[&format!(
        "
        > {{open}}
        > {}
        > <iq type='set' id='q'><query xmlns='urn:xmpp:mam:2'/></iq>
        > <message to='romeo@example.net'><body>Ay me</body></message>
        > <r xmlns='urn:xmpp:sm:3'/>
        ! opening example.org secure
        ! authenticating PLAIN bind
        ! ask verify juliet
        < {{header from='example.org'}}{{features}}
        < <failure xmlns='urn:xmpp:sasl:2'><not-authorized xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/></failure>
        < <iq id='q' type='error'><error type='auth'><not-authorized xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>
        > {}
        ! authenticating PLAIN bind
        ! ask verify juliet
        ! proved juliet PLAIN
        < <success xmlns='urn:xmpp:sasl:2'><authorization-identifier>juliet@example.org/made</authorization-identifier><bound xmlns='urn:xmpp:bind:0'/></success>
        < <stream:features><sm xmlns='urn:xmpp:sm:3'/><limits xmlns='urn:xmpp:stream-limits:0'><max-bytes>10000</max-bytes><idle-seconds>840</idle-seconds></limits></stream:features>
        ",
        wrong("<bind xmlns='urn:xmpp:bind:0'/>"),
        authenticate("<bind xmlns='urn:xmpp:bind:0'/>"),
    )]);
}

#[test]
fn who_asked_for_nothing_else_may_register_after_a_failure() {
    check(&[
        OPENED,
        &format!(
            "
            > {}
            ! authenticating PLAIN
            ! ask verify juliet
            < <failure xmlns='urn:xmpp:sasl:2'><not-authorized xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/></failure>
            > <iq type='get' id='1'><query xmlns='jabber:iq:register'/></iq>
            ! early <iq id='1' type='get'><query xmlns='jabber:iq:register'/></iq>
            < <iq id='1' type='result'/>
            ",
            wrong("")
        ),
    ]);
}

#[test]
fn who_goes_by_an_old_offer_is_told_without_prejudice() {
    let old = authenticate(
        "<bind xmlns='urn:xmpp:bind:0'/><config-version xmlns='urn:xmpp:iap:0' value='old'/>",
    );
    let flight = format!("> {old}\n> <message/>\n");
    let told = "< <failure xmlns='urn:xmpp:sasl:2'><aborted xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/><config-version-mismatch xmlns='urn:xmpp:iap:0'/></failure>\n";
    // More often than the stream lets one fail.
    let script = [flight.as_str(), told].concat().repeat(4);
    check(&[OPENED, &script]);
}

/// The offer is what it is, however often it is looked at; and it is another one where something else is offered.
#[test]
fn the_version_is_that_of_the_offer() {
    let version = |setting| {
        let mut player = Player::new(setting, Framing::Stream, usize::MAX);
        let features = player.exchange(OPEN);
        let (_, rest) = features
            .split_once("scheme='opaque' value='")
            .expect("a version");
        rest.split_once('\'').expect("it ends").0.to_owned()
    };
    assert_eq!(version(Setting::default()), VERSION);
    let without_plain = Setting {
        mechanisms: &[Mechanism::ScramSha256],
        ..Setting::default()
    };
    assert_ne!(version(without_plain), VERSION);
    let without_registration = Setting {
        register: false,
        ..Setting::default()
    };
    assert_ne!(version(without_registration), VERSION);
}
