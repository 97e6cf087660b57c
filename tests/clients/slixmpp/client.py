"""A slixmpp client whose every incoming stanza can be awaited.

Nothing here sleeps: each step waits for the stanza it expects and fails when that does not come in time.
"""

import asyncio
import logging
import os
import ssl

from slixmpp import ClientXMPP

# How long one step may take, in seconds. Far more than any needs, so that a busy machine fails nothing.
PATIENCE = 30

HOST = os.environ.get("COUPLET_HOST", "127.0.0.1")
DOMAIN = os.environ.get("COUPLET_DOMAIN", "localhost")
STARTTLS_PORT = int(os.environ["COUPLET_PORT"])
DIRECT_TLS_PORT = int(os.environ["COUPLET_TLS_PORT"])

PLUGINS = (
    "xep_0004",
    "xep_0012",
    "xep_0030",
    "xep_0049",
    "xep_0050",
    "xep_0054",
    "xep_0092",
    "xep_0191",
    "xep_0199",
    "xep_0202",
    "xep_0203",
    "xep_0280",
    "xep_0297",
    "xep_0313",
    "xep_0441",
)


# What the server does wrong is said by the test; that the library is told "no" is no news.
logging.getLogger("slixmpp").setLevel(logging.CRITICAL)


class Wrong(Exception):
    """What the server did is not what it should do."""


def passed(sentence):
    print(f"ok  {sentence}", flush=True)


def expect(condition, sentence, found=""):
    if not condition:
        raise Wrong(f"{sentence}; found {found}")
    passed(sentence)


class Client(ClientXMPP):
    """One connection of one account, with everything that arrived on it and was not yet looked at."""

    all = []

    def __init__(self, jid, password, resource, direct_tls=False):
        super().__init__(f"{jid}/{resource}", password)
        self.port = DIRECT_TLS_PORT if direct_tls else STARTTLS_PORT
        self.enable_direct_tls = direct_tls
        self.enable_starttls = not direct_tls
        self.enable_plaintext = False
        # The server's certificate is one that it made for the test.
        self.ssl_context.check_hostname = False
        self.ssl_context.verify_mode = ssl.CERT_NONE
        # The test decides who may subscribe, not the library.
        self.auto_authorize = None
        self.auto_subscribe = False
        for plugin in PLUGINS:
            self.register_plugin(plugin)
        # A client that is forgotten while its cancelled tasks have yet to end makes Python complain.
        Client.all.append(self)
        self._unseen = []
        self._arrived = asyncio.Event()
        self.add_filter("in", self._note)

    def _note(self, stanza):
        if stanza.name in ("iq", "message", "presence"):
            self._unseen.append(stanza)
            self._arrived.set()
        return stanza

    def outcome(self, *names):
        """A future that completes with the first of these events: its name and what it carries."""
        first = asyncio.get_running_loop().create_future()

        def happened(name):
            def note(value):
                if not first.done():
                    first.set_result((name, value))

            return note

        for name in names:
            self.add_event_handler(name, happened(name), disposable=True)
        return first

    async def sign_in(self):
        """Connects, signs in and binds; gives the SASL mechanism."""
        outcome = self.outcome("session_start", "failed_all_auth", "disconnected")
        self.connect(HOST, self.port)
        name, value = await within(outcome, f"{self.boundjid} signs in")
        if name != "session_start":
            raise Wrong(f"{self.boundjid} could not sign in: {name}: {value}")
        return self.plugin["feature_mechanisms"].mech.name

    async def fail_to_sign_in(self):
        """Connects and is refused; gives the condition of the last SASL failure."""
        conditions = []
        self.add_event_handler("failed_auth", lambda failure: conditions.append(failure["condition"]))
        outcome = self.outcome("session_start", "failed_all_auth")
        self.connect(HOST, self.port)
        name, _ = await within(outcome, f"{self.boundjid} is refused")
        if name != "failed_all_auth" or not conditions:
            raise Wrong(f"{self.boundjid} was not refused")
        await self.sign_out()
        return conditions[-1]

    async def lose_connection(self):
        """Loses its connection without a word."""
        lost = self.outcome("disconnected")
        self.abort()
        await within(lost, f"{self.boundjid} loses its connection")

    async def come_back(self):
        """Connects and signs in anew; gives whether its session went on."""
        outcome = self.outcome("session_resumed", "session_start", "failed_all_auth")
        self.connect(HOST, self.port)
        name, value = await within(outcome, f"{self.boundjid} comes back")
        if name == "failed_all_auth":
            raise Wrong(f"{self.boundjid} could not sign in: {value}")
        return name == "session_resumed"

    async def sign_out(self):
        """Closes the stream in good order."""
        await within(self.disconnect(), f"{self.boundjid} disconnects")

    async def receive(self, what, matches):
        """The first stanza, among those not yet looked at, that matches."""

        async def search():
            while True:
                for at, stanza in enumerate(self._unseen):
                    if matches(stanza):
                        del self._unseen[at]
                        return stanza
                self._arrived.clear()
                await self._arrived.wait()

        try:
            return await within(search(), what)
        except Wrong as wrong:
            unseen = "\n  ".join(str(stanza) for stanza in self._unseen) or "nothing"
            raise Wrong(f"{wrong}; {self.boundjid} got instead:\n  {unseen}") from None

    async def receive_message(self, what, body):
        """The next message with this body, outside of any carbon."""
        return await self.receive(what, lambda s: s.name == "message" and s["body"] == body)

    async def receive_presence(self, what, kind, sender):
        """The next presence of this type (as slixmpp names it) from this address."""

        def matches(stanza):
            if stanza.name != "presence" or str(stanza["from"]) != sender:
                return False
            return stanza["type"] == kind

        return await self.receive(what, matches)

    async def receive_push(self, what, jid, subscription, ask=""):
        """The next roster push that puts this contact into this state."""

        def matches(stanza):
            if stanza.name != "iq" or stanza["type"] != "set":
                return False
            items = stanza.xml.findall("{jabber:iq:roster}query/{jabber:iq:roster}item")
            return any(
                item.get("jid") == jid
                and item.get("subscription", "none") == subscription
                and item.get("ask", "") == ask
                for item in items
            )

        return await self.receive(what, matches)

    async def unseen_after_ping(self):
        """What has arrived and was not looked at, once everything that was on its way is here."""
        await within(self.plugin["xep_0199"].send_ping(self.boundjid.bare), f"{self.boundjid} pings its account")
        return list(self._unseen)


async def within(awaitable, what):
    """Awaits, but not for ever."""
    try:
        return await asyncio.wait_for(awaitable, PATIENCE)
    except asyncio.TimeoutError:
        raise Wrong(f"{what}: not within {PATIENCE} s") from None
