// What an operator does from a chat client, and what a user may: ad-hoc commands and service administration.

import { xml } from "@xmpp/client";

import { DOMAIN, expect, passed, Session, Wrong } from "./client.mjs";

const COMMANDS = "http://jabber.org/protocol/commands";
const ADMIN = "http://jabber.org/protocol/admin";
const DATA = "jabber:x:data";
const TYBALT = `tybalt@${DOMAIN}`;

/** One step of a command; gives its `<command/>`. */
function command(session, node, { action = "execute", sessionid, fields } = {}) {
  const element = xml("command", { xmlns: COMMANDS, node, action, sessionid });
  if (fields) element.append(submission(fields));
  return session.request("set", element, DOMAIN);
}

function submission(fields) {
  const field = ([name, value]) => xml("field", { var: name }, xml("value", {}, value));
  return xml("x", { xmlns: DATA, type: "submit" }, ...Object.entries({ FORM_TYPE: ADMIN, ...fields }).map(field));
}

async function commandFails(session, node, condition, step) {
  let answer;
  try {
    answer = await command(session, node, step);
  } catch (error) {
    expect(error.condition === condition, `${node} fails: ${condition}`, error);
    return;
  }
  throw new Wrong(`${node} got ${answer}`);
}

/** The values of a field in the form of an answer. */
function valuesOf(answer, name) {
  const fields = answer.getChild("x", DATA)?.getChildren("field") ?? [];
  const field = fields.find(({ attrs }) => attrs.var === name);
  return field?.getChildren("value").map((value) => value.text()) ?? [];
}

export async function findsCommands(operator, user) {
  for (const [session, sees] of [
    [operator, true],
    [user, false],
  ]) {
    const query = xml("query", { xmlns: "http://jabber.org/protocol/disco#items", node: COMMANDS });
    const items = await session.request("get", query, DOMAIN);
    const nodes = items.getChildren("item").map(({ attrs }) => attrs.node);
    const right = nodes.includes(`${ADMIN}#add-user`) === sees && nodes.includes("uptime");
    expect(right, `${session.account} finds commands of its own, and the one for everybody`, nodes);
  }
}

export async function administers(operator, user) {
  await commandFails(user, `${ADMIN}#add-user`, "forbidden");
  const uptime = await command(user, "uptime");
  expect(uptime.attrs.status === "completed", "a user asks how long the server runs", uptime);

  const begun = await command(operator, `${ADMIN}#add-user`);
  const { status, sessionid } = begun.attrs;
  expect(status === "executing" && sessionid, "a form is asked for", begun);
  const fields = { accountjid: TYBALT, password: "prince of cats", "password-verify": "prince of cats" };
  await commandFails(operator, `${ADMIN}#add-user`, "bad-request", { action: "next", sessionid, fields });
  const made = await command(operator, `${ADMIN}#add-user`, { action: "complete", sessionid, fields });
  expect(made.attrs.status === "completed", "sent, it makes the account", made);
  await commandFails(operator, `${ADMIN}#add-user`, "not-allowed", { action: "complete", sessionid, fields });

  const tybalt = new Session(TYBALT, "prince of cats", "square");
  await tybalt.signIn();
  passed("its user signs in");
  const online = valuesOf(await command(operator, `${ADMIN}#get-online-users-list`), "onlineuserjids");
  expect(online.includes(TYBALT), "and is seen to be online", online);
  await tybalt.signOut();

  const node = `${ADMIN}#delete-user`;
  const cancelled = await command(operator, node, {
    action: "cancel",
    sessionid: (await command(operator, node)).attrs.sessionid,
  });
  expect(cancelled.attrs.status === "canceled", "a command is cancelled", cancelled);
  const step = { action: "complete", sessionid: (await command(operator, node)).attrs.sessionid };
  const deleted = await command(operator, node, { ...step, fields: { accountjids: TYBALT } });
  expect(deleted.attrs.status === "completed", "the account is deleted", deleted);
  const users = valuesOf(await command(operator, `${ADMIN}#get-registered-users-list`), "registereduserjids");
  const gone = !users.includes(TYBALT) && users.includes(operator.account);
  expect(gone, "and is no longer among the users", users);
}
