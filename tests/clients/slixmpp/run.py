#!/usr/bin/env python3
"""Two people use a server with slixmpp: sign-in, subscriptions, presence, messages, carbons, a connection that is cut,
the archive, errors, what is personal, commands, and how an account begins and ends.

Where the server is and who may sign in comes from the environment, as `cargo xtask` sets it (../README.md). Prints a
line per check and ends with 1 at the first that is wrong.
"""

import asyncio
import os
import sys

from slixmpp.exceptions import IqError

from client import DOMAIN, Client, Wrong, expect, passed, within
from commands import administers, finds_commands
from lasting import finds_its_history, goes_on_with_its_session, keeps_something_back
from lifetime import comes_and_goes_for_good, finds_whom_to_turn_to, reads_the_message_of_the_day
from personal import blocks_and_unblocks, keeps_settings, says_when_it_was_there, shows_a_vcard, tells_the_time

ROMEO, ROMEOS_PASSWORD = os.environ["COUPLET_USER_1"], os.environ["COUPLET_PASSWORD_1"]
JULIET, JULIETS_PASSWORD = os.environ["COUPLET_USER_2"], os.environ["COUPLET_PASSWORD_2"]
NOBODY = f"nobody@{DOMAIN}"

CLIENT = "{jabber:client}"
ROSTER = "{jabber:iq:roster}"
CARBONS = "{urn:xmpp:carbons:2}"
FORWARD = "{urn:xmpp:forward:0}"
DELAY = "{urn:xmpp:delay}"
STANZAS = "{urn:ietf:params:xml:ns:xmpp-stanzas}"


async def signs_in_over_starttls(juliet):
    mechanism = await juliet.sign_in()
    expect(mechanism.startswith("SCRAM-"), f"STARTTLS, then {mechanism}", mechanism)
    await signs_on(juliet)


async def signs_in_over_direct_tls(romeo):
    mechanism = await romeo.sign_in()
    expect(mechanism.startswith("SCRAM-"), f"direct TLS, then {mechanism}", mechanism)
    await signs_on(romeo)


async def signs_on(client):
    """Gets the roster, then becomes available."""
    await within(client.get_roster(), "the roster")
    client.send_presence()
    own = client.boundjid.full
    await client.receive_presence("own presence comes back", "available", own)


async def looks_around(romeo):
    info = await within(romeo.plugin["xep_0030"].get_info(DOMAIN, cached=False), "disco#info")
    features = info["disco_info"]["features"]
    wanted = {"http://jabber.org/protocol/disco#info", "urn:xmpp:carbons:2", "urn:xmpp:ping"}
    expect(wanted <= features, "the host says what it can do", features)
    version = await within(romeo.plugin["xep_0092"].get_version(DOMAIN), "version")
    expect(version["software_version"]["name"], "the host names its software")
    await within(romeo.plugin["xep_0199"].send_ping(DOMAIN), "ping")
    passed("the host answers a ping")
    items = romeo.client_roster.keys()
    expect(not [jid for jid in items if jid != ROMEO], "the roster starts empty", items)


async def subscribes_and_is_approved(asker, contact, before, after):
    """`asker` asks to see `contact`; the subscription moves from one pair of states to another.

    A pair is what the asker's roster says, then what the contact's does.
    """
    ask, approve = asker.boundjid.bare, contact.boundjid.bare
    asker.send_presence_subscription(approve, ptype="subscribe")
    await asker.receive_push("a push with ask", approve, before[0], "subscribe")
    await contact.receive_presence("the request", "subscribe", ask)
    contact.send_presence_subscription(ask, ptype="subscribed")
    await contact.receive_push("a push to the contact", ask, after[1])
    await asker.receive_presence("the approval", "subscribed", approve)
    await asker.receive_push("a push to the asker", approve, after[0])
    await asker.receive_presence("presence after approval", "available", contact.boundjid.full)
    passed(f"{ask} subscribes to {approve}: now {after[0]}/{after[1]}")


async def comes_and_goes(romeo, juliet):
    garden = Client(ROMEO, ROMEOS_PASSWORD, "garden")
    await garden.sign_in()
    await signs_on(garden)
    await juliet.receive_presence("a new resource", "available", garden.boundjid.full)
    passed("a contact's new resource becomes available")
    garden.send_presence(pshow="dnd", pstatus="asleep")
    seen = await juliet.receive_presence("its status", "dnd", garden.boundjid.full)
    expect(seen["status"] == "asleep", "its status follows", seen)
    await garden.sign_out()
    for watcher in (juliet, romeo):
        await watcher.receive_presence("it goes", "unavailable", garden.boundjid.full)
    passed("when it ends, contacts and own resources see it go")
    unseen = await juliet.unseen_after_ping()
    again = [s for s in unseen if s["from"] == garden.boundjid]
    expect(not again, "it goes once", again)


async def talk(romeo, juliet):
    romeo.send_message(juliet.boundjid.bare, "Neither, fair saint", mtype="chat")
    message = await juliet.receive_message("a message to the account", "Neither, fair saint")
    expect(message["from"] == romeo.boundjid, "a message arrives with its sender's full JID", message)
    expect(message["type"] == "chat", "and its type", message)
    text = "tabs\tand\nlines, <&>'\" and \N{BLACK HEART SUIT} \N{GRINNING FACE}"
    juliet.send_message(message["from"], text, mtype="chat")
    await romeo.receive_message("an answer, every character as sent", text)
    passed("the answer arrives, every character as sent")


async def copies_to_a_second_resource(romeo, juliet):
    phone = Client(JULIET, JULIETS_PASSWORD, "phone")
    await phone.sign_in()
    await signs_on(phone)
    await juliet.receive_presence("own second resource", "available", phone.boundjid.full)
    await within(phone.plugin["xep_0280"].enable(), "carbons are enabled")
    passed("carbons are enabled")

    romeo.send_message(juliet.boundjid, "to the balcony", mtype="chat")
    await juliet.receive_message("the original", "to the balcony")
    await receives_copy(phone, "received", romeo, juliet, "to the balcony")
    juliet.send_message(romeo.boundjid, "from the balcony", mtype="chat")
    await romeo.receive_message("the original", "from the balcony")
    await receives_copy(phone, "sent", juliet, romeo, "from the balcony")

    unseen = [s for s in await juliet.unseen_after_ping() if s.name == "message"]
    expect(not unseen, "who did not ask gets no copy", unseen)
    await phone.sign_out()
    await juliet.receive_presence("the phone goes", "unavailable", phone.boundjid.full)


async def receives_copy(phone, direction, sender, recipient, body):
    path = f"{CARBONS}{direction}/{FORWARD}forwarded/{CLIENT}message"

    def matches(stanza):
        inner = stanza.xml.find(path)
        return inner is not None and inner.findtext(f"{CLIENT}body") == body

    copy = await phone.receive(f"a carbon of what was {direction}", matches)
    inner = copy.xml.find(path)
    right = (
        str(copy["from"]) == phone.boundjid.bare
        and inner.get("from") == sender.boundjid.full
        and inner.get("to") == recipient.boundjid.full
    )
    expect(right, f"the second resource gets a carbon of what was {direction}", copy)


async def errors_are_right(romeo):
    romeo.send_message(NOBODY, "anyone there?", mtype="chat")
    error = await romeo.receive("an error", lambda s: s.name == "message" and s["type"] == "error")
    right = error["error"]["condition"] == "service-unavailable" and error["error"]["type"] == "cancel"
    expect(right and str(error["from"]) == NOBODY, "a message to nobody comes back: service-unavailable", error)
    unknown = {"service-unavailable", "feature-not-implemented"}
    await iq_fails(romeo, DOMAIN, unknown, "an unknown request to the host")
    await iq_fails(romeo, JULIET, unknown, "an unknown request to a contact")
    await iq_fails(romeo, NOBODY, {"service-unavailable"}, "a request to nobody")
    await iq_fails(romeo, f"{JULIET}/nowhere", {"service-unavailable"}, "a request to a resource that is not there")


async def iq_fails(client, to, conditions, what):
    iq = client.make_iq_get("urn:example:unknown", to)
    try:
        answer = await within(iq.send(timeout=None), what)
    except IqError as error:
        expect(error.condition in conditions, f"{what} fails: {error.condition}", error)
    else:
        raise Wrong(f"{what} got {answer}")


async def roster_is_versioned(romeo):
    roster = await within(romeo.make_iq_get(ROSTER[1:-1]).send(), "the roster")
    [query] = roster.xml.findall(f"{ROSTER}query")
    states = [(item.get("jid"), item.get("subscription")) for item in query.findall(f"{ROSTER}item")]
    expect(states == [(JULIET, "both")], "the roster has the contact", states)
    if "rosterver" not in romeo.features:
        raise Wrong("the server does not offer roster versions")
    iq = romeo.make_iq_get()
    iq["roster"]["ver"] = romeo.client_roster.version
    answer = await within(iq.send(), "the roster since a version")
    items = answer.xml.findall(f"{ROSTER}query/{ROSTER}item")
    expect(not items, "nothing changed since the version that was pushed last", answer)


async def finds_what_came_meanwhile(romeo, juliet):
    gone = juliet.boundjid.full
    await juliet.sign_out()
    await romeo.receive_presence("she goes", "unavailable", gone)
    romeo.send_message(JULIET, "are you asleep?", mtype="chat")
    romeo.send_message(JULIET, "sleep well", mtype="chat")
    await romeo.unseen_after_ping()
    juliet = Client(JULIET, JULIETS_PASSWORD, "balcony", direct_tls=True)
    await juliet.sign_in()
    juliet.send_presence()
    for body in ("are you asleep?", "sleep well"):
        message = await juliet.receive_message("a stored message", body)
        delay = message.xml.find(f"{DELAY}delay")
        stamped = delay is not None and delay.get("stamp", "").endswith("Z")
        expect(stamped, f"what came meanwhile is there, with its time: {body}", message)
    await juliet.receive_presence("the contact's presence", "available", romeo.boundjid.full)
    passed("and so is the contact's presence")
    again = [s for s in await juliet.unseen_after_ping() if s.name == "message"]
    expect(not again, "each message once", again)
    return juliet


async def is_refused():
    for jid, what in ((ROMEO, "a wrong password"), (NOBODY, "an unknown account")):
        condition = await Client(jid, "wrong", "x").fail_to_sign_in()
        expect(condition == "not-authorized", f"{what} is refused: not-authorized", condition)


async def story():
    juliet = Client(JULIET, JULIETS_PASSWORD, "balcony")
    romeo = Client(ROMEO, ROMEOS_PASSWORD, "orchard", direct_tls=True)
    await signs_in_over_starttls(juliet)
    await signs_in_over_direct_tls(romeo)
    for client in (juliet, romeo):
        await reads_the_message_of_the_day(client)
    await looks_around(romeo)
    await finds_whom_to_turn_to(romeo)
    await subscribes_and_is_approved(romeo, juliet, ("none", "none"), ("to", "from"))
    await subscribes_and_is_approved(juliet, romeo, ("from", "to"), ("both", "both"))
    await comes_and_goes(romeo, juliet)
    await talk(romeo, juliet)
    await goes_on_with_its_session(romeo, JULIET, JULIETS_PASSWORD)
    await copies_to_a_second_resource(romeo, juliet)
    await errors_are_right(romeo)
    await blocks_and_unblocks(romeo, juliet)
    await keeps_settings(romeo, juliet)
    await shows_a_vcard(romeo, juliet)
    await says_when_it_was_there(romeo, juliet)
    await tells_the_time(romeo)
    await finds_commands(romeo, juliet)
    await administers(romeo, juliet)
    await roster_is_versioned(romeo)
    juliet = await finds_what_came_meanwhile(romeo, juliet)
    await finds_its_history(romeo, juliet)
    await keeps_something_back(romeo, juliet)
    await comes_and_goes_for_good(romeo, subscribes_and_is_approved)
    await is_refused()
    for client in (juliet, romeo):
        await client.sign_out()
    passed("streams close in good order")


def main():
    try:
        asyncio.run(story())
    except (Wrong, IqError) as wrong:
        print(f"WRONG  {wrong}", file=sys.stderr)
        sys.exit(1)


main()
