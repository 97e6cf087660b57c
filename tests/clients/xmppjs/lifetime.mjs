// An account from its first day to its last: registration, welcome, message of the day, removal.

import { once } from "node:events";

import { Client } from "@xmpp/client-core";
import tls from "@xmpp/tls";
import { xml } from "@xmpp/client";

import { DIRECT_TLS, DOMAIN, expect, passed, Session, within } from "./client.mjs";

// What the host says to everybody once, and to whoever registers; a server without them is not asked for them.
const { COUPLET_MOTD: MOTD, COUPLET_WELCOME: WELCOME } = process.env;

const NO_REPLY = "urn:xmpp:noreply:0";
const PASSWORD = "a plague o' both your houses";

/** Receives a notice of the host. */
async function reads(session, text, what) {
  const { attrs } = await session.receiveMessage(what, text);
  expect(attrs.from === DOMAIN && attrs.id, `${what} comes from the host`, attrs.from);
}

export async function readsTheMessageOfTheDay(session) {
  if (MOTD) await reads(session, MOTD, "the message of the day");
}

export async function findsWhomToTurnTo(romeo) {
  const info = await romeo.request("get", xml("query", { xmlns: "http://jabber.org/protocol/disco#info" }), DOMAIN);
  const features = info.getChildren("feature").map(({ attrs }) => attrs.var);
  expect(features.includes(NO_REPLY), "the host says that it takes no replies", features);
  const fields = info.getChild("x", "jabber:x:data")?.getChildren("field") ?? [];
  const admins = fields.filter(({ attrs }) => attrs.var === "admin-addresses");
  expect(admins.length === 1, "the host says whom to turn to", info);
}

/**
 * Makes an account, before any sign-in.
 *
 * COMPAT: @xmpp/client 0.14.0 knows no registration, so this works on the connection below it.
 */
async function registers(username) {
  const connection = new Client({ service: DIRECT_TLS, domain: DOMAIN });
  tls({ entity: connection });
  connection.on("error", () => {});
  await within(connection.connect(DIRECT_TLS), "a connection");
  const offered = once(connection, "element");
  // The library may miss that the stream is open when that is said before its own header counts as written.
  connection.open({ domain: DOMAIN }).catch(() => {});
  const [features] = await within(offered, "the stream's features");
  const isOffered = features.getChild("register", "http://jabber.org/features/iq-register");
  expect(isOffered, "the stream offers registration", features);
  const fields = [xml("username", {}, username), xml("password", {}, PASSWORD)];
  const query = xml("query", { xmlns: "jabber:iq:register" }, ...fields);
  const answer = await within(
    connection.sendReceive(xml("iq", { type: "set", id: "register" }, query)),
    "an answer to a registration",
  );
  expect(answer.attrs.type === "result", "an account is registered", answer);
  await within(connection.stop(), "the end of the connection");
}

/** Somebody new comes, is greeted, finds a contact, and removes the account; `watcher` is unsubscribed. */
export async function comesAndGoesForGood(watcher, subscribe) {
  if (!WELCOME) return;
  const account = `mercutio@${DOMAIN}`;
  await registers("mercutio");
  const newcomer = new Session(account, PASSWORD, "street", { directTls: true });
  await newcomer.signIn();
  await newcomer.signOn();
  const welcome = await newcomer.findInArchive("a welcome", WELCOME.replace("{username}", "mercutio"));
  const { from, id } = welcome.getChild("message").attrs;
  expect(from === DOMAIN && id, "a welcome comes from the host", from);
  await readsTheMessageOfTheDay(newcomer);
  await subscribe(newcomer, watcher, ["none", "none"], ["to", "from"]);

  const ended = newcomer.ended();
  await newcomer.request("set", xml("query", { xmlns: "jabber:iq:register" }, xml("remove")));
  passed("who removes the account gets the result");
  await within(ended, "the end of the stream");
  passed("then the stream ends");
  await watcher.receivePresence("he ends the subscription", "unsubscribe", account);
  await watcher.receivePush("a push", account, "none");
  passed("a contact's subscription is over");
  const condition = await new Session(account, PASSWORD, "street").failToSignIn();
  expect(condition === "not-authorized", "nobody signs in to an account that was removed", condition);
}
