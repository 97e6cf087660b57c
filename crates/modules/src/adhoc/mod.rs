//! # Ad-Hoc Commands and Service Administration
//!
//! What operators and admins do, from a chat client: every command of the server, for whoever may give it. Its form is
//! made of the command's table of fields, its answer of what the command says, so that a command is written once and
//! is here without further work. A command for everybody is one that [`may`](engine::may) allows everybody.
//!
//! Spec: [XEP-0050](https://xmpp.org/extensions/xep-0050.html) 1.3.0. The server never announces its commands unasked. Each
//! command has one form: there is no way forth or back, and to send the form is to complete.
//! [XEP-0133](https://xmpp.org/extensions/xep-0133.html) 1.3.1, as far as the server has what it describes:
//!
//! | node of XEP-0133 | here |
//! | --- | --- |
//! | `add-user`, `delete-user`, `disable-user`, `reenable-user`, `change-user-password` | `user add`, `delete`, `disable`, `enable`, `passwd`; of a new user only the password is asked for |
//! | `end-user-session` | `user kick` for an account, `session close` for one of its sessions |
//! | `get-registered-users-list` and `-num`, `get-disabled-users-list` and `-num` | from `user list` |
//! | `get-online-users-list` and `-num` | from `session list` |
//! | `get-user-lastlogin`, `user-stats` | from `user info`; of the statistics the size of the roster and the resources that are there |
//! | `announce`, `set-motd`, `delete-motd` | `announce`, `motd set`, `motd clear` |
//! | `edit-motd` | no: to set another message is to edit it |
//! | `set-welcome`, `delete-welcome` | no: the welcome message stands in the configuration |
//! | `restart`, `shutdown` | no: who stops a server has to be where it can be started |
//! | `get-user-roster` | no: it is nobody's business but the user's |
//! | `get-active-users`, `get-idle-users`, `get-active-users-num`, `get-idle-users-num` | no: the server does not tell idle users from others |
//! | `edit-blacklist`, `edit-whitelist` | no: there are no such lists of the whole server |
//! | `edit-admin` | no: `admins` stand in the configuration; `user role` makes an account an admin of its host |
//!
//! All other commands stand under nodes of our own, made of their words: `user list` is `user-list`. A host that a
//! command may be told is the one whose address is asked.
//!
//! `offers.rs` says what there is for whom, `profile.rs` and `views.rs` hold what XEP-0133 calls it, `forms.rs` makes forms
//! and reads them, `outcome.rs` makes answers, `dialogues.rs` keeps what waits for its form, `protocol.rs` holds the wire
//! forms, `tests/` the transcripts.

mod dialogues;
mod forms;
mod offers;
mod outcome;
mod profile;
mod protocol;
mod views;

use std::{
    sync::{Mutex, MutexGuard, OnceLock, PoisonError},
    time::Duration,
};

use dialogues::{Dialogues, Waiting};
use engine::{
    Environment, HostFacts, Identity, Item, Node,
    command::AdminContext,
    module::{
        Answer, ConfigError, DiscoNodes, HandleIq, IqContext, IqJob, Module, NoConfig, Spec, To,
        Wiring,
    },
};
use forms::Run;
use offers::Offer;
use protocol::{Fault, NS, Request, Said, Status, Step};
use stanza::{
    StanzaError,
    form::{self, Submission},
};

/// The feature.
#[derive(Default)]
pub struct AdHocCommands {
    /// What waits for its form. A reload forgets it: what the forms ask may be something else then.
    dialogues: OnceLock<Mutex<Dialogues>>,
}

impl Module for AdHocCommands {
    const NAME: &'static str = "adhoc";
    const SPECS: &'static [Spec] = &[
        Spec::new("XEP-0050", "1.3.0").except("refusing languages we don't speak"),
        Spec::new("XEP-0133", "1.3.1")
            .except("rosters, idle users, blacklists, the list of admins, welcome messages, restart and shutdown"),
    ];
    type Config = NoConfig;

    fn new(_: NoConfig, _: &HostFacts) -> Result<Option<Self>, ConfigError> {
        Ok(Some(Self::default()))
    }

    fn wire(wiring: &mut Wiring<'_, Self>) {
        wiring
            .disco_feature(NS)
            .disco_nodes()
            .iq_waiting::<Request>(To::Host);
    }
}

/// The list of commands and each command are nodes of the host,
/// [§2.2](https://xmpp.org/extensions/xep-0050.html#retrieve).
impl DiscoNodes for AdHocCommands {
    fn disco_node(&self, node: &str, cx: &IqContext<'_>) -> Option<Result<Node, StanzaError>> {
        let (host, who) = (cx.host(), cx.who());
        if node != NS {
            let offer = match Offer::find(host, &who, node) {
                // A node that is no command may be another feature's.
                Err(error) if error.condition() != stanza::Condition::Forbidden => return None,
                found => found,
            };
            return Some(offer.map(|offer| Node {
                identities: vec![automation("command-node", offer.name())],
                features: vec![NS, form::NS],
                items: Vec::new(),
            }));
        }
        let item = |offer: Offer| Item {
            jid: host.domain().clone().into(),
            name: Some(offer.name().to_owned()),
            node: Some(offer.node.into_owned()),
        };
        Some(Ok(Node {
            identities: vec![automation("command-list", "Commands")],
            features: vec![NS],
            items: Offer::list(host, &who).into_iter().map(item).collect(),
        }))
    }
}

fn automation(kind: &'static str, name: &'static str) -> Identity {
    Identity {
        category: "automation",
        kind,
        name: Some(name),
    }
}

/// Begins a command, or goes on with one, [§2.4](https://xmpp.org/extensions/xep-0050.html#execute).
impl HandleIq<Request> for AdHocCommands {
    async fn handle_iq(&self, request: Request, job: IqJob) -> Answer {
        let lang = request.lang.as_deref().or(job.stanza().lang());
        protocol::check_locale(lang)?;
        let offer = Offer::find(job.host(), &job.who(), &request.node)?;
        let form = offer.form(job.host(), job.server(), &job.who());
        let (said, id, status) = match (&request.id, form) {
            (None, _) if request.step != Step::Execute => return Err(Fault::BadAction.into()),
            (None, None) => {
                let said = run(&offer, &Submission::default(), &job).await?;
                (said, self.dialogues(&job).new_id(), Status::Completed)
            }
            (None, Some(form)) => {
                let said = Said {
                    form: Some(form),
                    ..Said::default()
                };
                (said, self.begin(&request, &job), Status::Executing)
            }
            (Some(id), form) => {
                let waiting = self.find(id, &request, &job)?;
                let (said, status) = match request.step {
                    Step::Prev | Step::Next => return Err(Fault::BadAction.into()),
                    Step::Cancel => (Said::default(), Status::Canceled),
                    Step::Execute | Step::Complete => {
                        let submission = checked(form, &request)?;
                        // What was refused may be put right and sent again.
                        (run(&offer, &submission, &job).await?, Status::Completed)
                    }
                };
                self.dialogues(&job).end(waiting);
                (said, id.clone(), status)
            }
        };
        Ok(Some(said.to_fragment(&request.node, &id, status)))
    }
}

impl AdHocCommands {
    fn dialogues(&self, job: &IqJob) -> MutexGuard<'_, Dialogues> {
        let dialogues = self
            .dialogues
            .get_or_init(|| Mutex::new(Dialogues::new(random(job.server().environment()))));
        // A panic inside leaves at most one too many, which expires.
        dialogues.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&self, request: &Request, job: &IqJob) -> String {
        let limits = job.server().limits();
        let lifetime = Duration::from_secs(limits.open_command_seconds.into());
        let most = limits.open_commands_per_session_max;
        let now = job.server().environment().now();
        let mut dialogues = self.dialogues(job);
        dialogues.begin(job.from(), &request.node, now, lifetime, most)
    }

    fn find(&self, id: &str, request: &Request, job: &IqJob) -> Result<Waiting, Fault> {
        let now = job.server().environment().now();
        let mut dialogues = self.dialogues(job);
        dialogues.find(id, job.from(), &request.node, now)
    }
}

fn random(environment: &dyn Environment) -> u64 {
    let mut bytes = [0; 8];
    environment.fill_random(&mut bytes);
    u64::from_le_bytes(bytes)
}

/// The answer to `form`, checked against it.
fn checked(form: Option<form::Form>, request: &Request) -> Result<Submission, Fault> {
    let form = form.unwrap_or(form::Form::new(form::FormKind::Form));
    let Some(submitted) = &request.form else {
        return Err(Fault::BadPayload("the form is missing".to_owned()));
    };
    form.submission(submitted)
        .map_err(|error| Fault::BadPayload(error.to_string()))
}

/// Does what the form asks for, one after another.
async fn run(offer: &Offer, submission: &Submission, job: &IqJob) -> Result<Said, StanzaError> {
    let mut ended = Vec::new();
    for Run {
        entry,
        arguments,
        target,
    } in offer.runs(submission, job.host())?
    {
        let cx = AdminContext::of_running(job.server().clone(), job.who());
        ended.push((target, entry.run(arguments, cx).await));
    }
    outcome::say(offer, ended)
}
