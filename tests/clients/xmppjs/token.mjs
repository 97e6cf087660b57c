// Sign-in by token (XEP-0484): the password once, and then no more, until the client is revoked (XEP-0494).

import { randomUUID } from "node:crypto";

import { xml } from "@xmpp/client";

import { expect, Session } from "./client.mjs";

const CAM = "urn:xmpp:cam:0";

/**
 * A client signs in with its password, forgets that, and signs in again with the token that it was given; until `other`,
 * another session of the same user, revokes it.
 */
export async function signsInByToken(account, password, other) {
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
  const list = await second.request("get", xml("list", { xmlns: CAM }));
  const own = list.getChildren("client").find((one) => one.getChild("user-agent").getChildText("software") === "a test");
  expect(own?.getChild("auth").getChild("fast"), "the list of clients says who has one", list);
  await second.signOut();

  // The user still has the password, which the answer says; the token is worth nothing from here on.
  const revoke = other.request("set", xml("revoke", { xmlns: CAM, id: own.attrs.id }));
  const answered = await revoke.then(
    () => "result",
    (error) => error.condition,
  );
  expect(answered === "service-unavailable", "who revokes it is told that it knows the password", answered);
  const third = begin("forgotten");
  const condition = await third.failToSignIn();
  const [byToken, then] = third.mechanisms;
  const tried = byToken === "HT-SHA-256-NONE" && then?.startsWith("SCRAM-");
  expect(tried && condition === "not-authorized", "its token is refused then", third.mechanisms);
}
