"""What lasts: a session whose connection breaks (XEP-0198), and what was said (XEP-0313, XEP-0441)."""

from client import Client, expect, passed, within
from personal import fails

CLIENT = "{jabber:client}"
DELAY = "{urn:xmpp:delay}delay"
FORWARDED = "{urn:xmpp:forward:0}forwarded"
RESULT = "{urn:xmpp:mam:2}result"
STANZA_ID = "{urn:xmpp:sid:0}stanza-id"

LINES = [f"line {number}" for number in range(1, 6)]


async def begins_a_session(account, password):
    """Signs in with stream management, and says so."""
    pocket = Client(account, password, "pocket", direct_tls=True)
    pocket.register_plugin("xep_0198")
    enabled = pocket.outcome("sm_enabled", "sm_failed")
    await pocket.sign_in()
    name, answer = await within(enabled, "stream management")
    expect(name == "sm_enabled" and pocket.plugin["xep_0198"].sm_id, "the session can be resumed", answer)
    await within(pocket.get_roster(), "the roster")
    pocket.send_presence()
    await pocket.receive_presence("own presence comes back", "available", pocket.boundjid.full)
    return pocket


async def goes_on_with_its_session(romeo, account, password):
    """The connection is cut; what comes meanwhile waits, nothing comes twice, and nobody notices."""
    pocket = await begins_a_session(account, password)
    jid, session = pocket.boundjid.full, pocket.plugin["xep_0198"].sm_id
    await romeo.receive_presence("a new resource", "available", jid)
    romeo.send_message(jid, "before", mtype="chat")
    await pocket.receive_message("a message before", "before")
    pocket.send_message(romeo.boundjid, "I am in a tunnel", mtype="chat")
    await romeo.receive_message("what it sent last", "I am in a tunnel")
    seen = await romeo.unseen_after_ping()

    await pocket.lose_connection()
    for line in LINES:
        romeo.send_message(jid, line, mtype="chat")
    await romeo.unseen_after_ping()
    expect(await pocket.come_back(), "a session is resumed after its connection was cut")
    same = pocket.boundjid.full == jid and pocket.plugin["xep_0198"].sm_id == session
    expect(same, "it is the same session", pocket.boundjid)
    got = [await pocket.receive("what came meanwhile", lambda s: s.name == "message") for _ in LINES]
    expect([str(s["body"]) for s in got] == LINES, "what came meanwhile follows, in order", got)
    again = [s for s in await pocket.unseen_after_ping() if s.name == "message"]
    expect(not again, "and what it had before does not come again", again)

    pocket.send_message(romeo.boundjid, "I am out of it", mtype="chat")
    await romeo.receive_message("what it says then", "I am out of it")
    new = [s for s in await romeo.unseen_after_ping() if s not in seen and str(s["from"]) == jid]
    expect(not new, "its contacts saw nothing of it, and got nothing twice", new)

    await pocket.sign_out()
    await romeo.receive_presence("it goes", "unavailable", jid)
    expect(not await pocket.come_back(), "a session that was closed is not resumed")
    await pocket.sign_out()


def line_of(result):
    """The id, the sender and the text of a result of the archive."""
    [result] = result.xml.findall(RESULT)
    [message] = result.findall(f"{FORWARDED}/{CLIENT}message")
    [delay] = result.findall(f"{FORWARDED}/{DELAY}")
    stamped = delay.get("stamp", "").endswith("Z")
    return result.get("id"), message.get("from"), message.findtext(f"{CLIENT}body") if stamped else None


async def page(client, peer, size, **how):
    """What a client reads of its archive about somebody, in pages of this size."""
    pages = client.plugin["xep_0313"].iterate(with_jid=peer.boundjid.bare, rsm={"max": size}, **how)

    async def read():
        return [line_of(result) async for result in pages]

    return await within(read(), "the archive")


async def finds_its_history(romeo, juliet):
    """Both have it, whole, by the ids that came along with what was said."""
    ids = []
    for line in LINES:
        romeo.send_message(juliet.boundjid.bare, line, mtype="chat")
        message = await juliet.receive_message("a line", line)
        given = message.xml.findall(STANZA_ID)
        right = len(given) == 1 and given[0].get("by") == juliet.boundjid.bare
        expect(right, f"a message has one id in the archive: {line}", message)
        ids.append(given[0].get("id"))
    said = [(key, romeo.boundjid.full, line) for key, line in zip(ids, LINES)]

    whole = await page(juliet, romeo, 2)
    expect(whole[-len(said) :] == said, "the archive has what was said, by the same ids", whole)
    expect(len({key for key, _, _ in whole}) == len(whole), "each entry is in one page only", whole)
    last = await page(juliet, romeo, 3, reverse=True, total=3)
    expect(last == said[:-4:-1], "the newest page comes first when asked backwards", last)
    own = await page(romeo, juliet, 50)
    expect([line for _, _, line in own][-len(LINES) :] == LINES, "the sender's archive has it as well", own)

    answer = await within(juliet.plugin["xep_0313"].get_archive_metadata(), "metadata")
    expect(answer["mam_metadata"]["end"]["id"] == ids[-1], "metadata names the newest entry", answer)
    foreign = juliet.plugin["xep_0313"].retrieve(jid=romeo.boundjid.bare)
    await fails(foreign, "forbidden", "a look into another's archive")


async def keeps_something_back(romeo, juliet):
    """What the preferences exclude is delivered, and not archived."""
    preferences = juliet.plugin["xep_0441"]
    before, _, _ = await within(preferences.get_preferences(), "preferences")
    answer = await within(preferences.set_preferences(default="never"), "preferences are set")
    expect(answer["mam_prefs"]["default"] == "never", "the preferences say that nothing is archived", answer)
    romeo.send_message(juliet.boundjid.bare, "between us", mtype="chat")
    message = await juliet.receive_message("a message", "between us")
    expect(message.xml.find(STANZA_ID) is None, "then a message has no id in the archive", message)
    lines = [line for _, _, line in await page(juliet, romeo, 50)]
    expect("between us" not in lines and LINES[-1] in lines, "and is not there", lines)
    await within(preferences.set_preferences(default=before), "preferences are set back")
    passed("the preferences are as they were")
