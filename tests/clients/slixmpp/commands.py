"""What an operator does from a chat client, and what a user may: ad-hoc commands and service administration."""

from slixmpp.exceptions import IqError

from client import DOMAIN, Client, Wrong, expect, passed, within

COMMANDS = "{http://jabber.org/protocol/commands}"
ADMIN = "http://jabber.org/protocol/admin"
TYBALT = f"tybalt@{DOMAIN}"


async def command(client, node, action="execute", sessionid=None, fields=None):
    """One step of a command; gives what it answers: `status`, `sessionid`, `form`, `notes`."""
    form = None
    if fields is not None:
        form = client.plugin["xep_0004"].make_form(ftype="submit")
        form.add_field(var="FORM_TYPE", ftype="hidden", value=ADMIN)
        for var, value in fields.items():
            form.add_field(var=var, value=value)
    step = client.plugin["xep_0050"].send_command(DOMAIN, node, sessionid=sessionid, action=action, payload=form)
    return (await within(step, f"the command {node}"))["command"]


async def command_fails(client, node, condition, specific=None, **step):
    try:
        answer = await command(client, node, **step)
    except IqError as error:
        found = specific is None or error.iq.xml.find(f".//{COMMANDS}{specific}") is not None
        expect(error.condition == condition and found, f"{node} fails: {specific or condition}", error)
        return
    raise Wrong(f"{node} got {answer}")


async def finds_commands(operator, user):
    for client, wanted, sees in ((operator, f"{ADMIN}#add-user", True), (user, f"{ADMIN}#add-user", False)):
        answer = await within(client.plugin["xep_0050"].get_commands(DOMAIN), "the list of commands")
        nodes = {item[1] for item in answer["disco_items"]["items"]}
        expect((wanted in nodes) == sees, f"{client.boundjid.bare} finds commands of its own", nodes)
        expect("uptime" in nodes, "and the one for everybody", nodes)
    info = await within(operator.plugin["xep_0030"].get_info(DOMAIN, f"{ADMIN}#add-user", cached=False), "its info")
    kinds = {identity[:2] for identity in info["disco_info"]["identities"]}
    expect(("automation", "command-node") in kinds, "a command says what it is", info)


async def administers(operator, user):
    await command_fails(user, f"{ADMIN}#add-user", "forbidden")
    await command_fails(operator, "no-such-command", "item-not-found")
    asked = await command(user, "uptime")
    expect(asked["status"] == "completed", "a user asks how long the server runs", asked)

    node = f"{ADMIN}#add-user"
    begun = await command(operator, node)
    wants = set(begun["form"].get_fields())
    expect(begun["status"] == "executing" and {"accountjid", "password"} <= wants, "a form is asked for", begun)
    sessionid = begun["sessionid"]
    first = {"accountjid": TYBALT, "password": "prince of cats", "password-verify": "of dogs"}
    step = {"action": "complete", "sessionid": sessionid}
    await command_fails(operator, node, "bad-request", "bad-payload", fields=first, **step)
    right = first | {"password-verify": "prince of cats"}
    done = await command(operator, node, fields=right, **step)
    expect(done["status"] == "completed", "put right, it makes the account", done)
    await command_fails(operator, node, "not-allowed", "session-expired", fields=right, **step)

    tybalt = Client(TYBALT, "prince of cats", "square")
    await tybalt.sign_in()
    passed("its user signs in")
    answer = await command(operator, f"{ADMIN}#get-online-users-list")
    online = answer["form"].get_fields()["onlineuserjids"]["value"]
    expect(TYBALT in online, "and is seen to be online", online)
    await tybalt.sign_out()

    node = f"{ADMIN}#delete-user"
    begun = await command(operator, node)
    cancelled = await command(operator, node, action="cancel", sessionid=begun["sessionid"])
    expect(cancelled["status"] == "canceled", "a command is cancelled", cancelled)
    begun = await command(operator, node)
    step = {"action": "complete", "sessionid": begun["sessionid"], "fields": {"accountjids": [TYBALT]}}
    done = await command(operator, node, **step)
    expect(done["status"] == "completed", "the account is deleted", done)
    answer = await command(operator, f"{ADMIN}#get-registered-users-list")
    users = answer["form"].get_fields()["registereduserjids"]["value"]
    expect(TYBALT not in users and operator.boundjid.bare in users, "and is no longer among the users", users)
