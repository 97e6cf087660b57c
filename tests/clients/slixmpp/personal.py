"""What two contacts do that is personal: block lists, settings, vCards, last activity."""

from slixmpp.exceptions import IqError
from slixmpp.xmlstream import ET

from client import DOMAIN, Wrong, expect, passed, within

BLOCKED = "{urn:xmpp:blocking:errors}blocked"
VCARD = "{vcard-temp}"


async def fails(awaitable, condition, what):
    """Awaits the error of an IQ; gives it."""
    try:
        answer = await within(awaitable, what)
    except IqError as error:
        expect(error.condition == condition, f"{what} fails: {error.condition}", error)
        return error
    raise Wrong(f"{what} got {answer}")


async def blocks_and_unblocks(romeo, juliet):
    blocking = romeo.plugin["xep_0191"]
    listed = (await within(blocking.get_blocked(), "the block list"))["blocklist"]["items"]
    expect(not listed, "the block list starts empty", listed)

    await within(blocking.block(juliet.boundjid.bare), "a block")
    await receives_block_push(romeo, "block", juliet)
    await juliet.receive_presence("she sees him go", "unavailable", romeo.boundjid.full)
    passed("who is blocked sees the user go")
    listed = (await within(blocking.get_blocked(), "the block list"))["blocklist"]["items"]
    expect({str(item["jid"]) for item in listed} == {juliet.boundjid.bare}, "the block list has the item", listed)

    before = await romeo.unseen_after_ping()
    romeo.send_message(juliet.boundjid, "can you hear me?", mtype="chat")
    error = await romeo.receive("an error", lambda s: s.name == "message" and s["type"] == "error")
    right = error["error"]["condition"] == "not-acceptable" and error.xml.find(f".//{BLOCKED}") is not None
    expect(right, "a message to somebody blocked comes back: blocked", error)
    juliet.send_message(romeo.boundjid, "Romeo?", mtype="chat")
    error = await juliet.receive("an error", lambda s: s.name == "message" and s["type"] == "error")
    expect(error["error"]["condition"] == "service-unavailable", "a message of somebody blocked comes back", error)
    version = juliet.plugin["xep_0092"].get_version(romeo.boundjid)
    await fails(version, "service-unavailable", "a request of somebody blocked")
    hers = [s for s in await romeo.unseen_after_ping() if s["from"].bare == juliet.boundjid.bare]
    new = [stanza for stanza in hers if stanza not in before]
    expect(not new, "nothing comes from somebody blocked", new)

    await within(blocking.unblock(juliet.boundjid.bare), "the end of a block")
    await receives_block_push(romeo, "unblock", juliet)
    await juliet.receive_presence("she sees him again", "available", romeo.boundjid.full)
    await romeo.receive_presence("he sees her again", "available", juliet.boundjid.full)
    passed("after a block both see each other again")
    juliet.send_message(romeo.boundjid, "Romeo!", mtype="chat")
    await romeo.receive_message("a message after the block", "Romeo!")
    passed("and talk again")


async def receives_block_push(client, verb, other):
    path = f"{{urn:xmpp:blocking}}{verb}/{{urn:xmpp:blocking}}item"

    def matches(stanza):
        item = stanza.xml.find(path)
        return stanza["type"] == "set" and item is not None and item.get("jid") == other.boundjid.bare

    await client.receive(f"a push of a {verb}", matches)
    passed(f"who asked for the list gets the {verb}")


async def keeps_settings(romeo, juliet):
    def request(kind, text=None, to=None):
        iq = romeo.make_iq(ito=to, itype=kind)
        query = ET.SubElement(iq.xml, "{jabber:iq:private}query")
        ET.SubElement(query, "{urn:example:settings}settings").text = text
        return iq.send()

    await within(request("set", "large print"), "settings are stored")
    answer = await within(request("get"), "settings are read")
    found = answer.xml.findtext("{jabber:iq:private}query/{urn:example:settings}settings")
    expect(found == "large print", "settings are kept", answer)
    await fails(request("get", to=juliet.boundjid.bare), "service-unavailable", "a look at another's settings")


async def shows_a_vcard(romeo, juliet):
    def request(client, kind, name=None, to=None):
        iq = client.make_iq(ito=to, itype=kind)
        vcard = ET.SubElement(iq.xml, f"{VCARD}vCard")
        if name is not None:
            ET.SubElement(vcard, f"{VCARD}FN").text = name
        return iq.send()

    answer = await within(request(romeo, "get"), "the own vCard")
    expect(len(answer.xml.find(f"{VCARD}vCard")) == 0, "the own vCard starts empty", answer)
    own = romeo.boundjid.bare
    await fails(request(juliet, "get", to=own), "service-unavailable", "a look for a vCard that is not there")
    await within(request(romeo, "set", "Romeo Montague"), "a vCard is stored")
    answer = await within(juliet.plugin["xep_0054"].get_vcard(own, cached=False), "another's vCard")
    expect(answer["vcard_temp"]["FN"] == "Romeo Montague", "a contact reads the vCard", answer)
    await fails(request(juliet, "set", "Mine", to=own), "forbidden", "a change of another's vCard")


async def says_when_it_was_there(romeo, juliet):
    last = romeo.plugin["xep_0012"]
    answer = await within(last.get_last_activity(juliet.boundjid.bare), "last activity")
    expect(answer["last_activity"]["seconds"] == 0, "who is there was there 0 s ago", answer)
    juliet.send_presence(ptype="unavailable", pstatus="heading home")
    await romeo.receive_presence("she goes", "unavailable", juliet.boundjid.full)
    answer = await within(last.get_last_activity(juliet.boundjid.bare), "last activity")
    right = answer["last_activity"]["status"] == "heading home" and answer["last_activity"]["seconds"] < 60
    expect(right, "who went did so a moment ago, with these words", answer)
    juliet.send_presence()
    await romeo.receive_presence("she is back", "available", juliet.boundjid.full)
    nobody = last.get_last_activity(f"nobody@{DOMAIN}")
    await fails(nobody, "forbidden", "last activity of somebody else")
    answer = await within(last.get_last_activity(DOMAIN), "the host's last activity")
    expect(0 <= answer["last_activity"]["seconds"] < 3600, "the host tells how long it runs", answer)


async def tells_the_time(romeo):
    answer = await within(romeo.plugin["xep_0202"].get_entity_time(DOMAIN), "the host's time")
    # COMPAT: slixmpp 1.17.0 appends a second "Z" before it parses the time.
    utc = answer.xml.findtext("{urn:xmpp:time}time/{urn:xmpp:time}utc")
    expect(utc is not None and utc.endswith("Z"), "the host tells the time", answer)
