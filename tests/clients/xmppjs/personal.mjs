// What two contacts do that is personal: block lists, vCards, last activity.

import { xml } from "@xmpp/client";

import { DOMAIN, expect, passed, Wrong } from "./client.mjs";

const BLOCKING = "urn:xmpp:blocking";
const LAST = "jabber:iq:last";
const VCARD = "vcard-temp";

/** Awaits the error of a request. */
async function fails(request, condition, what) {
  let answer;
  try {
    answer = await request;
  } catch (error) {
    expect(error.condition === condition, `${what} fails: ${error.condition}`, error);
    return;
  }
  throw new Wrong(`${what} got ${answer}`);
}

function item(jid) {
  return xml("item", { jid });
}

async function blockList(session) {
  const list = await session.request("get", xml("blocklist", { xmlns: BLOCKING }));
  return list.getChildren("item").map(({ attrs }) => attrs.jid);
}

async function receivesPush(session, verb, jid) {
  await session.receive(
    `a push of a ${verb}`,
    (s) => s.attrs.type === "set" && s.getChild(verb, BLOCKING)?.getChild("item")?.attrs.jid === jid,
  );
  passed(`who asked for the list gets the ${verb}`);
}

function isMessageError({ name, attrs }) {
  return name === "message" && attrs.type === "error";
}

export async function blocksAndUnblocks(romeo, juliet) {
  const before = await blockList(romeo);
  expect(before.length === 0, "the block list starts empty", before);
  await romeo.request("set", xml("block", { xmlns: BLOCKING }, item(juliet.account)));
  await receivesPush(romeo, "block", juliet.account);
  await juliet.receivePresence("she sees him go", "unavailable", romeo.jid);
  passed("who is blocked sees the user go");
  const after = await blockList(romeo);
  expect(after.length === 1 && after[0] === juliet.account, "the block list has the item", after);

  const seen = await romeo.unseenAfterPing();
  await romeo.say(juliet.jid, "can you hear me?");
  const blocked = await romeo.receive("an error", isMessageError);
  const isBlocked = blocked.getChild("error").getChild("blocked", "urn:xmpp:blocking:errors");
  expect(isBlocked, "a message to somebody blocked comes back: blocked", blocked);
  await juliet.say(romeo.jid, "Romeo?");
  const refused = await juliet.receive("an error", isMessageError);
  const isRefused = refused.getChild("error").getChild("service-unavailable");
  expect(isRefused, "a message of somebody blocked comes back", refused);
  const unseen = (await romeo.unseenAfterPing()).filter((stanza) => !seen.includes(stanza));
  expect(unseen.length === 0, "nothing comes from somebody blocked", unseen);

  await romeo.request("set", xml("unblock", { xmlns: BLOCKING }));
  await juliet.receivePresence("she sees him again", undefined, romeo.jid);
  await romeo.receivePresence("he sees her again", undefined, juliet.jid);
  passed("after a block both see each other again");
}

export async function showsAVCard(romeo, juliet) {
  const get = () => xml("vCard", { xmlns: VCARD });
  const own = await romeo.request("get", get());
  expect(own.getChildElements().length === 0, "the own vCard starts empty", own);
  await fails(juliet.request("get", get(), romeo.account), "service-unavailable", "a look for a vCard that is not there");
  const vcard = xml("vCard", { xmlns: VCARD }, xml("FN", {}, "Romeo Montague"));
  await romeo.request("set", vcard);
  const read = await juliet.request("get", get(), romeo.account);
  expect(read.getChildText("FN") === "Romeo Montague", "a contact reads the vCard", read);
  await fails(juliet.request("set", vcard, romeo.account), "forbidden", "a change of another's vCard");
}

export async function saysWhenItWasThere(romeo, juliet) {
  const ask = (to) => romeo.request("get", xml("query", { xmlns: LAST }), to);
  const there = await ask(juliet.account);
  expect(there.attrs.seconds === "0", "who is there was there 0 s ago", there);
  await juliet.send(xml("presence", { type: "unavailable" }, xml("status", {}, "heading home")));
  await romeo.receivePresence("she goes", "unavailable", juliet.jid);
  const away = await ask(juliet.account);
  const right = away.text() === "heading home" && Number(away.attrs.seconds) < 60;
  expect(right, "who went did so a moment ago, with these words", away);
  await juliet.send(xml("presence"));
  await romeo.receivePresence("she is back", undefined, juliet.jid);
  await fails(ask(`nobody@${DOMAIN}`), "forbidden", "last activity of somebody else");
  const host = await ask(DOMAIN);
  expect(Number(host.attrs.seconds) < 3600, "the host tells how long it runs", host);
}
