// Two people use a server with @xmpp/client: sign-in, subscriptions, presence, messages, carbons, errors, what is
// personal, commands, and how an account begins and ends.
//
// Where the server is and who may sign in comes from the environment, as `cargo xtask` sets it (../README.md). Prints a
// line per check and ends with 1 at the first that is wrong.

import { xml } from "@xmpp/client";

import { DOMAIN, expect, passed, Session, Wrong } from "./client.mjs";
import { administers, findsCommands } from "./commands.mjs";
import { comesAndGoesForGood, findsWhomToTurnTo, readsTheMessageOfTheDay } from "./lifetime.mjs";
import { blocksAndUnblocks, saysWhenItWasThere, showsAVCard } from "./personal.mjs";
import { signsInByToken } from "./token.mjs";

// The server's certificate is one that it made for the test. Node reads this at each connection.
process.env.NODE_TLS_REJECT_UNAUTHORIZED = "0";
process.removeAllListeners("warning");

const { COUPLET_USER_1: ROMEO, COUPLET_PASSWORD_1: ROMEOS_PASSWORD } = process.env;
const { COUPLET_USER_2: JULIET, COUPLET_PASSWORD_2: JULIETS_PASSWORD } = process.env;
const NOBODY = `nobody@${DOMAIN}`;

const CARBONS = "urn:xmpp:carbons:2";
const FORWARD = "urn:xmpp:forward:0";
const ROSTER = "jabber:iq:roster";

async function signsIn(session, how) {
  await session.signIn();
  const { mechanism } = session;
  expect(mechanism.startsWith("SCRAM-"), `${how}, then ${mechanism}`, mechanism);
  return session.signOn();
}

/** The library takes the newest that the server has: one step for sign-in, binding and acknowledgements. */
async function signedInInOneStep(session, tag) {
  expect(session.isSasl2, "sign-in is by SASL2");
  expect(session.jid.startsWith(`${session.account}/${tag}/`), "Bind 2 gives a resource with the tag", session.jid);
  const { enabled, id } = session.xmpp.streamManagement;
  expect(enabled && id, "stream management is on, and the session can be resumed", id);
}

async function goesOnWithItsSession(romeo, juliet) {
  const { jid } = juliet;
  const before = await romeo.unseenAfterPing();
  await juliet.losesItsConnection();
  await romeo.say(jid, "still there?");
  await romeo.unseenAfterPing();
  expect(await juliet.comesBack(), "a lost session is resumed along with sign-in");
  expect(juliet.mechanism === "HT-SHA-256-NONE", "by a token (FAST) instead of the password", juliet.mechanism);
  expect(juliet.jid === jid, "it is the same session", juliet.jid);
  await juliet.receiveMessage("what came meanwhile", "still there?");
  passed("what came meanwhile follows");
  await juliet.say(romeo.jid, "still here");
  await romeo.receiveMessage("what it says then", "still here");
  const since = (await romeo.unseenAfterPing()).filter((stanza) => !before.includes(stanza));
  const noticed = since.filter(({ name, attrs }) => name === "presence" && attrs.from === jid);
  expect(noticed.length === 0, "its contacts saw nothing of it", noticed);
}

async function looksAround(romeo) {
  const info = await romeo.request("get", xml("query", { xmlns: "http://jabber.org/protocol/disco#info" }), DOMAIN);
  const features = info.getChildren("feature").map(({ attrs }) => attrs.var);
  const wanted = ["http://jabber.org/protocol/disco#info", CARBONS, "urn:xmpp:ping"];
  expect(wanted.every((feature) => features.includes(feature)), "the host says what it can do", features);
  const version = await romeo.request("get", xml("query", { xmlns: "jabber:iq:version" }), DOMAIN);
  expect(version.getChildText("name"), "the host names its software", version);
  await romeo.request("get", xml("ping", { xmlns: "urn:xmpp:ping" }), DOMAIN);
  passed("the host answers a ping");
}

/**
 * `asker` asks to see `contact`; the subscription moves from one pair of states to another. A pair is what the asker's
 * roster says, then what the contact's does.
 */
async function subscribesAndIsApproved(asker, contact, before, after) {
  const [ask, approve] = [asker.account, contact.account];
  await asker.send(xml("presence", { to: approve, type: "subscribe" }));
  await asker.receivePush("a push with ask", approve, before[0], "subscribe");
  await contact.receivePresence("the request", "subscribe", ask);
  await contact.send(xml("presence", { to: ask, type: "subscribed" }));
  await contact.receivePush("a push to the contact", ask, after[1]);
  await asker.receivePresence("the approval", "subscribed", approve);
  await asker.receivePush("a push to the asker", approve, after[0]);
  await asker.receivePresence("presence after approval", undefined, contact.jid);
  passed(`${ask} subscribes to ${approve}: now ${after.join("/")}`);
}

async function comesAndGoes(romeo, juliet) {
  const garden = new Session(ROMEO, ROMEOS_PASSWORD, "garden");
  await garden.signIn();
  await garden.signOn();
  const { jid } = garden;
  await juliet.receivePresence("a new resource", undefined, jid);
  passed("a contact's new resource becomes available");
  await garden.send(xml("presence", {}, xml("show", {}, "dnd"), xml("status", {}, "asleep")));
  const seen = await juliet.receivePresence("its status", undefined, jid);
  const right = seen.getChildText("show") === "dnd" && seen.getChildText("status") === "asleep";
  expect(right, "its status follows", seen);
  await garden.signOut();
  for (const watcher of [juliet, romeo]) await watcher.receivePresence("it goes", "unavailable", jid);
  passed("when it ends, contacts and own resources see it go");
  const again = (await juliet.unseenAfterPing()).filter(({ attrs }) => attrs.from === jid);
  expect(again.length === 0, "it goes once", again);
}

async function talk(romeo, juliet) {
  await romeo.say(juliet.account, "Neither, fair saint");
  const { attrs } = await juliet.receiveMessage("a message to the account", "Neither, fair saint");
  expect(attrs.from === romeo.jid, "a message arrives with its sender's full JID", attrs.from);
  expect(attrs.type === "chat", "and its type", attrs.type);
  const text = "tabs\tand\nlines, <&>'\" and \u{2665} \u{1F600}";
  await juliet.say(attrs.from, text);
  await romeo.receiveMessage("an answer, every character as sent", text);
  passed("the answer arrives, every character as sent");
}

async function copiesToASecondResource(romeo, juliet) {
  const phone = new Session(JULIET, JULIETS_PASSWORD, "phone");
  await phone.signIn();
  await phone.signOn();
  const { jid } = phone;
  await juliet.receivePresence("own second resource", undefined, jid);
  await phone.request("set", xml("enable", { xmlns: CARBONS }));
  passed("carbons are enabled");

  await romeo.say(juliet.jid, "to the balcony");
  await juliet.receiveMessage("the original", "to the balcony");
  await receivesCopy(phone, "received", romeo, juliet, "to the balcony");
  await juliet.say(romeo.jid, "from the balcony");
  await romeo.receiveMessage("the original", "from the balcony");
  await receivesCopy(phone, "sent", juliet, romeo, "from the balcony");

  const unseen = (await juliet.unseenAfterPing()).filter(({ name }) => name === "message");
  expect(unseen.length === 0, "who did not ask gets no copy", unseen);
  await phone.signOut();
  await juliet.receivePresence("the phone goes", "unavailable", jid);
}

async function receivesCopy(phone, direction, sender, recipient, body) {
  const original = (stanza) =>
    stanza.getChild(direction, CARBONS)?.getChild("forwarded", FORWARD)?.getChild("message", "jabber:client");
  const copy = await phone.receive(
    `a carbon of what was ${direction}`,
    (stanza) => original(stanza)?.getChildText("body") === body,
  );
  const { from, to } = original(copy).attrs;
  const right = copy.attrs.from === phone.account && from === sender.jid && to === recipient.jid;
  expect(right, `the second resource gets a carbon of what was ${direction}`, copy);
}

async function errorsAreRight(romeo) {
  await romeo.say(NOBODY, "anyone there?");
  const bounce = await romeo.receive("an error", ({ name, attrs }) => name === "message" && attrs.type === "error");
  const error = bounce.getChild("error");
  const condition = error?.getChild("service-unavailable", "urn:ietf:params:xml:ns:xmpp-stanzas");
  const right = condition && error.attrs.type === "cancel" && bounce.attrs.from === NOBODY;
  expect(right, "a message to nobody comes back: service-unavailable", bounce);
  const unknown = ["service-unavailable", "feature-not-implemented"];
  await requestFails(romeo, DOMAIN, unknown, "an unknown request to the host");
  await requestFails(romeo, JULIET, unknown, "an unknown request to a contact");
  await requestFails(romeo, NOBODY, unknown.slice(0, 1), "a request to nobody");
  await requestFails(romeo, `${JULIET}/nowhere`, unknown.slice(0, 1), "a request to a resource that is not there");
}

async function requestFails(session, to, conditions, what) {
  let answer;
  try {
    answer = await session.request("get", xml("query", { xmlns: "urn:example:unknown" }), to);
  } catch (error) {
    expect(conditions.includes(error.condition), `${what} fails: ${error.condition}`, error);
    return;
  }
  throw new Wrong(`${what} got ${answer}`);
}

async function rosterHasTheContact(romeo) {
  const roster = await romeo.request("get", xml("query", { xmlns: ROSTER }));
  const states = roster.getChildren("item").map(({ attrs }) => `${attrs.jid} ${attrs.subscription}`);
  expect(states.length === 1 && states[0] === `${JULIET} both`, "the roster has the contact", states);
  const { ver } = roster.attrs;
  expect(ver !== undefined, "the roster has a version", roster);
  const since = await romeo.request("get", xml("query", { xmlns: ROSTER, ver }));
  expect(since === undefined, "nothing changed since that version", since);
}

async function findsWhatCameMeanwhile(romeo, juliet) {
  const gone = juliet.jid;
  await juliet.signOut();
  await romeo.receivePresence("she goes", "unavailable", gone);
  const bodies = ["are you asleep?", "sleep well"];
  for (const body of bodies) await romeo.say(JULIET, body);
  await romeo.unseenAfterPing();
  const back = new Session(JULIET, JULIETS_PASSWORD, "balcony", { directTls: true });
  await back.signIn();
  await back.send(xml("presence"));
  // It bound along with its sign-in, and so is to read what it missed (XEP-0386): it is not sent that as well.
  for (const body of bodies) {
    const forwarded = await back.findInArchive("a stored message", body);
    const stamp = forwarded.getChild("delay", "urn:xmpp:delay")?.attrs.stamp;
    expect(stamp?.endsWith("Z"), `what came meanwhile is there, with its time: ${body}`, forwarded);
  }
  await back.receivePresence("the contact's presence", undefined, romeo.jid);
  passed("and so is the contact's presence");
  // COMPAT: @xmpp/client 0.14.0 does not count answers to its own requests among what it acknowledges (XEP-0198), so a
  // server rightly takes the last stanzas of a session for lost, and older messages may come again.
  const again = (await back.unseenAfterPing()).filter((s) => bodies.includes(s.getChildText("body")));
  expect(again.length === 0, "each message once", again);
  return back;
}

async function isRefused() {
  for (const [account, what] of [
    [ROMEO, "a wrong password"],
    [NOBODY, "an unknown account"],
  ]) {
    const condition = await new Session(account, "wrong", "x").failToSignIn();
    expect(condition === "not-authorized", `${what} is refused: not-authorized`, condition);
  }
}

async function story() {
  const juliet = new Session(JULIET, JULIETS_PASSWORD, "balcony");
  const romeo = new Session(ROMEO, ROMEOS_PASSWORD, "orchard", { directTls: true });
  await signsIn(juliet, "STARTTLS");
  await signedInInOneStep(juliet, "balcony");
  const contacts = await signsIn(romeo, "direct TLS");
  expect(contacts.length === 0, "the roster starts empty", contacts);
  for (const session of [juliet, romeo]) await readsTheMessageOfTheDay(session);
  await looksAround(romeo);
  await findsWhomToTurnTo(romeo);
  await subscribesAndIsApproved(romeo, juliet, ["none", "none"], ["to", "from"]);
  await subscribesAndIsApproved(juliet, romeo, ["from", "to"], ["both", "both"]);
  await comesAndGoes(romeo, juliet);
  await talk(romeo, juliet);
  await goesOnWithItsSession(romeo, juliet);
  await copiesToASecondResource(romeo, juliet);
  await errorsAreRight(romeo);
  await blocksAndUnblocks(romeo, juliet);
  await showsAVCard(romeo, juliet);
  await saysWhenItWasThere(romeo, juliet);
  await findsCommands(romeo, juliet);
  await administers(romeo, juliet);
  await rosterHasTheContact(romeo);
  const back = await findsWhatCameMeanwhile(romeo, juliet);
  await comesAndGoesForGood(romeo, subscribesAndIsApproved);
  await isRefused();
  await signsInByToken(ROMEO, ROMEOS_PASSWORD, romeo);
  for (const session of [back, romeo]) await session.signOut();
  passed("streams close in good order");
}

try {
  await story();
} catch (error) {
  console.error(`WRONG  ${error instanceof Wrong ? error.message : (error.stack ?? error)}`);
  process.exit(1);
}
