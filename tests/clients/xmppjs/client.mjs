// An @xmpp/client connection whose every incoming stanza can be awaited.
//
// Nothing here sleeps: each step waits for the stanza it expects and fails when that does not come in time.

import { once } from "node:events";

import { client, xml } from "@xmpp/client";

// How long one step may take, in milliseconds. Far more than any needs, so that a busy machine fails nothing.
const PATIENCE_MS = 30_000;

const host = process.env.COUPLET_HOST ?? "127.0.0.1";

const MAM = "urn:xmpp:mam:2";
export const DOMAIN = process.env.COUPLET_DOMAIN ?? "localhost";

/** Where TLS is from the first byte. */
export const DIRECT_TLS = `xmpps://${host}:${process.env.COUPLET_TLS_PORT}`;

/** What the server did is not what it should do. */
export class Wrong extends Error {}

/** Prints what was shown. */
export function passed(sentence) {
  console.log(`ok  ${sentence}`);
}

export function expect(condition, sentence, found = "") {
  if (!condition) throw new Wrong(`${sentence}; found ${found}`);
  passed(sentence);
}

/** One connection of one account, with everything that arrived on it and was not yet looked at. */
export class Session {
  #unseen = [];
  #arrived = () => {};
  #fault = null;
  #asked = 0;

  constructor(account, password, resource, { directTls = false, userAgent } = {}) {
    const service = directTls ? DIRECT_TLS : `xmpp://${host}:${process.env.COUPLET_PORT}`;
    const [username, domain] = account.split("@");
    this.account = account;
    this.mechanisms = [];
    // The library derives SCRAM's keys in JavaScript: on a busy machine that takes longer than its own 2 s.
    this.xmpp = client({ service, domain, resource, username, password, userAgent, timeout: PATIENCE_MS });
    this.xmpp.reconnect.stop();
    this.xmpp.on("error", (error) => {
      this.#fault = error;
      this.#arrived();
    });
    this.xmpp.on("send", (element) => {
      if (!["auth", "authenticate"].includes(element.name)) return;
      this.mechanism = element.attrs.mechanism;
      this.mechanisms.push(this.mechanism);
      this.isSasl2 = element.attrs.xmlns === "urn:xmpp:sasl:2";
    });
    this.xmpp.on("stanza", (stanza) => {
      this.#unseen.push(stanza);
      this.#arrived();
    });
  }

  /** The full JID that the server bound. */
  get jid() {
    return this.xmpp.jid.toString();
  }

  /** Connects, signs in and binds. */
  async signIn() {
    const online = once(this.xmpp, "online");
    await within(this.#open(), `${this.account} connects`);
    await within(online, `${this.account} signs in`);
  }

  /**
   * Connects and begins a stream.
   *
   * COMPAT: @xmpp/client 0.14.0 has `start` for this and what follows. It waits for the answer to its header from the
   * moment on at which Node has told that the header was written, and misses one that is there before.
   */
  async #open() {
    const { service, domain, lang } = this.xmpp.options;
    await this.xmpp.connect(service);
    this.xmpp.open({ domain, lang }).catch(() => {});
  }

  /** Gets the roster, then becomes available; gives the roster's items. */
  async signOn() {
    const roster = await this.request("get", xml("query", { xmlns: "jabber:iq:roster" }));
    await this.send(xml("presence"));
    await this.receivePresence("own presence comes back", undefined, this.jid);
    return roster.getChildren("item");
  }

  /** Connects and is refused; gives the condition of the SASL failure. */
  async failToSignIn() {
    try {
      const online = once(this.xmpp, "online");
      await within(this.#open(), `${this.account} connects`);
      await within(online, `${this.account} is refused`);
    } catch (error) {
      if (error.name !== "SASLError") throw error;
      await this.signOut();
      return error.condition;
    }
    throw new Wrong(`${this.account} was not refused`);
  }

  /** Loses its connection without a word. */
  async losesItsConnection() {
    const lost = this.ended();
    const { socket } = this.xmpp;
    (socket.socket ?? socket).destroy();
    await within(lost, `${this.account} loses its connection`);
  }

  /** Connects and signs in anew; gives whether its session went on. */
  async comesBack() {
    const outcome = new Promise((resolve) => {
      this.xmpp.streamManagement.once("resumed", () => resolve(true));
      this.xmpp.once("online", () => resolve(false));
    });
    await within(this.#open(), `${this.account} comes back`);
    return within(outcome, `${this.account} has a session`);
  }

  /** Closes the stream in good order. */
  async signOut() {
    await within(this.xmpp.stop(), `${this.account} closes`);
  }

  /** Completes when the server has ended the stream. */
  ended() {
    return new Promise((resolve) => this.xmpp.once("disconnect", resolve));
  }

  async send(stanza) {
    await within(this.xmpp.send(stanza), "sending");
  }

  /**
   * Asks, and gives what is inside the answer; fails with an error that has a `condition`.
   *
   * COMPAT: @xmpp/client 0.14.0 has `iqCaller.request` for this, which ends the process when an error arrives before
   * Node has told that the request was written.
   */
  async request(type, element, to) {
    const id = `ask-${(this.#asked += 1)}`;
    await this.send(xml("iq", { type, to, id }, element));
    const answer = await this.receive(
      `an answer about ${element.attrs.xmlns}`,
      ({ name, attrs }) => name === "iq" && attrs.id === id && ["result", "error"].includes(attrs.type),
    );
    if (answer.attrs.type === "result") return answer.getChildElements()[0];
    const [condition] = answer.getChild("error").getChildElements();
    throw Object.assign(new Error(`${this.account} was answered ${answer}`), { condition: condition.name });
  }

  /** Sends a chat message. */
  async say(to, body) {
    await this.send(xml("message", { to, type: "chat" }, xml("body", {}, body)));
  }

  /** The first stanza, among those not yet looked at, that matches. */
  async receive(what, matches) {
    const search = async () => {
      for (;;) {
        const at = this.#unseen.findIndex(matches);
        if (at >= 0) return this.#unseen.splice(at, 1)[0];
        if (this.#fault) throw this.#fault;
        await new Promise((resolve) => (this.#arrived = resolve));
      }
    };
    try {
      return await within(search(), what);
    } catch (error) {
      const unseen = this.#unseen.map((stanza) => `\n  ${stanza}`).join("");
      throw new Wrong(`${what}: ${error.message}; ${this.account} got instead:${unseen || " nothing"}`);
    }
  }

  /** The next message with this body, outside of any carbon. */
  receiveMessage(what, body) {
    return this.receive(what, (s) => s.name === "message" && s.getChildText("body") === body);
  }

  /** What the archive has with this body, forwarded. Who binds by Bind 2 is not sent what waited, XEP-0386. */
  async findInArchive(what, body) {
    const newest = xml("set", { xmlns: "http://jabber.org/protocol/rsm" }, xml("max", {}, "10"), xml("before"));
    await this.request("set", xml("query", { xmlns: MAM }, newest));
    const forwarded = (s) => s.getChild("result", MAM)?.getChild("forwarded", "urn:xmpp:forward:0");
    const isIt = (s) => forwarded(s)?.getChild("message")?.getChildText("body") === body;
    return forwarded(await this.receive(what, isIt));
  }

  /** The next presence of this type (none: available) from this address. */
  receivePresence(what, type, from) {
    return this.receive(what, ({ name, attrs }) => name === "presence" && attrs.type === type && attrs.from === from);
  }

  /** The next roster push that puts this contact into this state. */
  receivePush(what, jid, subscription, ask) {
    return this.receive(what, (s) => {
      const items = s.attrs.type === "set" ? (s.getChild("query", "jabber:iq:roster")?.getChildren("item") ?? []) : [];
      return items.some(
        ({ attrs }) =>
          attrs.jid === jid && (attrs.subscription ?? "none") === subscription && attrs.ask === ask,
      );
    });
  }

  /** What has arrived and was not looked at, once everything that was on its way is here. */
  async unseenAfterPing() {
    await this.request("get", xml("ping", { xmlns: "urn:xmpp:ping" }), this.account);
    return [...this.#unseen];
  }
}

/** Awaits, but not for ever. */
export async function within(promise, what) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Wrong(`${what}: not within ${PATIENCE_MS} ms`)), PATIENCE_MS);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
