// Sign-in by token (XEP-0484): the password once, and then no more.

import { randomUUID } from "node:crypto";

import { xml } from "@xmpp/client";

import { expect, Session } from "./client.mjs";

/** A client signs in with its password, forgets that, and signs in again with the token that it was given. */
export async function signsInByToken(account, password) {
  const userAgent = xml("user-agent", { id: randomUUID() }, xml("software", {}, "a test"));
  let token;
  const begin = (secret) => {
    const session = new Session(account, secret, "study", { directTls: true, userAgent });
    session.xmpp.fast.saveToken = async (given) => {
      token = given;
    };
    session.xmpp.fast.fetchToken = async () => token;
    return session;
  };
  const first = begin(password);
  await first.signIn();
  expect(token?.mechanism === "HT-SHA-256-NONE", "who asks gets a token with the first sign-in", token?.mechanism);
  const inDays = (new Date(token.expiry) - Date.now()) / 86_400_000;
  expect(inDays > 20 && inDays < 22, "it is good for three weeks", token.expiry);
  await first.signOut();
  const second = begin("forgotten");
  await second.signIn();
  expect(second.mechanism === "HT-SHA-256-NONE", "with the token there is no need of the password", second.mechanism);
  const list = await second.request("get", xml("list", { xmlns: "urn:xmpp:cam:0" }));
  const own = list.getChildren("client").find((one) => one.getChild("user-agent").getChildText("software") === "a test");
  expect(own?.getChild("auth").getChild("fast"), "the list of clients says who has one", list);
  await second.signOut();
}
