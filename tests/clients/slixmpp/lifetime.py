"""An account from its first day to its last: registration, welcome, message of the day, removal."""

import os

from slixmpp.exceptions import IqError

from client import DOMAIN, Client, expect, passed, within

# What the host says to everybody once, and to whoever registers; a server without them is not asked for them.
MOTD = os.environ.get("COUPLET_MOTD")
WELCOME = os.environ.get("COUPLET_WELCOME")

NO_REPLY = "urn:xmpp:noreply:0"
PASSWORD = "a plague o' both your houses"


async def reads(client, text, what):
    """Receives a notice of the host."""
    message = await client.receive_message(what, text)
    right = str(message["from"]) == DOMAIN and message["id"]
    expect(right, f"{what} comes from the host", message)


async def reads_the_message_of_the_day(client):
    if MOTD:
        await reads(client, MOTD, "the message of the day")


async def finds_whom_to_turn_to(romeo):
    info = await within(romeo.plugin["xep_0030"].get_info(DOMAIN, cached=False), "disco#info")
    expect(NO_REPLY in info["disco_info"]["features"], "the host says that it takes no replies", info)
    fields = info.xml.findall(".//{jabber:x:data}x/{jabber:x:data}field")
    admins = [field for field in fields if field.get("var") == "admin-addresses"]
    expect(len(admins) == 1, "the host says whom to turn to", info)
    romeo.send_message(DOMAIN, "thanks", mtype="chat")
    error = await romeo.receive("an error", lambda s: s.name == "message" and s["type"] == "error")
    expect(str(error["from"]) == DOMAIN, "a reply to the host comes back", error)


async def registers(newcomer):
    """Makes the account it then signs in to."""
    registered = []

    async def fill_in(_form):
        iq = newcomer.make_iq_set()
        iq["register"]["username"] = newcomer.boundjid.user
        iq["register"]["password"] = PASSWORD
        try:
            await within(iq.send(), "registration")
            registered.append(None)
        except IqError as error:
            registered.append(error.condition)

    newcomer.add_event_handler("register", fill_in)
    await newcomer.sign_in()
    expect(registered == [None], "an account is registered and signed in to", registered)


async def comes_and_goes_for_good(watcher, subscribe):
    """Somebody new comes, is greeted, finds a contact, and removes the account; `watcher` is unsubscribed."""
    if not WELCOME:
        return
    jid = f"mercutio@{DOMAIN}"
    newcomer = Client(jid, PASSWORD, "street", direct_tls=True)
    newcomer.register_plugin("xep_0077")
    await registers(newcomer)
    await within(newcomer.get_roster(), "the roster")
    newcomer.send_presence()
    await reads(newcomer, WELCOME.replace("{username}", "mercutio"), "a welcome")
    await reads_the_message_of_the_day(newcomer)
    await subscribe(newcomer, watcher, ("none", "none"), ("to", "from"))

    ended = newcomer.outcome("disconnected")
    answer = await within(newcomer.plugin["xep_0077"].cancel_registration(), "removal of the account")
    expect(answer["type"] == "result", "who removes the account gets the result", answer)
    await within(ended, "the end of the stream")
    passed("then the stream ends")
    await watcher.receive_presence("he ends the subscription", "unsubscribe", jid)
    await watcher.receive_push("a push", jid, "none")
    passed("a contact's subscription is over")
    condition = await Client(jid, PASSWORD, "street").fail_to_sign_in()
    expect(condition == "not-authorized", "nobody signs in to an account that was removed", condition)

