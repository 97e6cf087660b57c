//! # Reports
//!
//! Whoever blocks somebody can say why: spam, or abuse. The report is kept for the administrators of the host, who
//! hear of it and list what there is with `report list`.
//!
//! Spec: [XEP-0377](https://xmpp.org/extensions/xep-0377.html) 0.4.1. Reports are not forwarded, to the origin's server
//! or to anybody else: that takes federation, and the reporter's leave.
//!
//! `protocol.rs` holds the wire forms, `stored.rs` what is kept, `commands.rs` the commands, `tests/` the transcripts.

mod commands;
mod protocol;
mod stored;

use std::{sync::Arc, time::Duration};

use engine::{
    Host, HostFacts, Server,
    account::{Account, ResidentKind},
    command::{CommandEntry, command},
    module::{ConfigError, Job, Key, Module, On, Spec, Wiring},
    notice::Audience,
    period::Period,
    pipeline::{Context, Stage, events::AddressBlocked},
};
use jid::BareJid;
use serde::Deserialize;
use stanza::MessageType;
use store::Batch;

/// So long a report is kept unless the configuration says otherwise.
const KEPT: Duration = Duration::from_secs(90 * 86_400);

/// How often old reports are swept away.
const SWEEP: Duration = Duration::from_secs(86_400);

/// The feature.
pub struct Reports {
    tell: Vec<BareJid>,
    kept: Duration,
}

/// `reports = { tell = "admins", keep = "90 days" }`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    tell: Option<Audience>,
    keep: Option<Period>,
}

impl Module for Reports {
    const NAME: &'static str = "reports";
    const SPECS: &'static [Spec] =
        &[Spec::new("XEP-0377", "0.4.1")
            .except("forwarding to the origin's server or a third party")];
    const RESIDENT: &'static [ResidentKind] = &[ResidentKind::of::<stored::Given>()];
    const COMMANDS: &'static [CommandEntry] = &[
        command::<commands::ListReports>(),
        command::<commands::RemoveReport>(),
    ];
    type Config = Config;

    fn keys() -> Vec<Key> {
        vec![
            Key::new(
                "tell",
                &"admins",
                &[
                    "Who gets a message for each report: \"admins\", or a list of accounts, which may be empty.",
                ],
            ),
            Key::new("keep", &"90 days", &["How long a report is kept."]),
        ]
    }

    fn new(config: Config, host: &HostFacts) -> Result<Option<Self>, ConfigError> {
        Ok(Some(Self {
            tell: match config.tell {
                Some(tell) => tell.accounts(host),
                None => host.admins.clone(),
            },
            kept: config.keep.map_or(KEPT, |keep| keep.0),
        }))
    }

    fn wire(wiring: &mut Wiring<'_, Self>) {
        wiring
            .disco_feature(protocol::NS)
            .on::<AddressBlocked>(Stage::Listen)
            .job(SWEEP);
    }
}

/// What is no report is passed over: the block counts by itself, [§6].
///
/// [§6]: https://xmpp.org/extensions/xep-0377.html#report
impl On<AddressBlocked> for Reports {
    fn on(&self, event: &mut AddressBlocked, account: &mut Account, cx: &Context<'_>) {
        let mut said = event.said.iter();
        let Some(said) = said.find_map(|child| protocol::read(&child.tree().root())) else {
            return;
        };
        if account.is_anonymous() || !stored::may_give(account, cx) {
            tracing::info!(account = %account.jid(), "a report more than the account may give in a day was passed over");
            return;
        }
        let report = stored::Report::new(account.jid(), &event.address, said);
        tracing::info!(by = %report.by, about = %report.about, reason = %report.reason, "somebody was reported");
        stored::keep(account, cx, &report, self.kept);
        let text = report.to_string();
        for admin in &self.tell {
            let to = admin.clone().into();
            let environment = cx.server().environment();
            cx.route(
                cx.host()
                    .notice(environment, to, MessageType::Normal, &text),
            );
        }
    }
}

impl Job for Reports {
    async fn run(&self, _: &Arc<Host>, server: &Arc<Server>) {
        let mut batch = Batch::new();
        batch.expire(server.environment().timestamp().as_micros());
        server.store().submit(batch);
    }
}
