//! `report ...`.

use std::fmt;

use engine::{
    Action,
    command::{AdminContext, Command, CommandError, Concern, Field, FieldKind},
};
use jid::Domain;
use serde::{Deserialize, Serialize};
use store::{Batch, Owner};

use super::stored::{self, REPORTS, Report};

/// Lists what users have reported.
#[derive(Debug, Deserialize)]
pub(super) struct ListReports {
    host: Option<Domain>,
}

impl Command for ListReports {
    const PATH: &'static str = "report list";
    const ABOUT: &'static str = "List whom users have reported for spam or abuse";
    const NEEDS: Action = Action::ManageAccounts;
    const FIELDS: &'static [Field] = &[Field::last(
        "host",
        FieldKind::Host,
        "only what users of this host have reported",
    )];
    const READS_ONLY: bool = true;
    type Output = Listed;

    fn concerns(&self) -> Concern {
        self.host.clone().map_or(Concern::Server, Concern::Host)
    }

    async fn run(self, cx: &AdminContext) -> Result<Listed, CommandError> {
        let hosts = match &self.host {
            None => cx.server().hosts(),
            Some(domain) => vec![cx.host(domain)?],
        };
        let mut listed = Vec::new();
        for host in hosts {
            let reports = REPORTS.all(&Owner::Host(host.domain().clone()));
            let reports = cx.server().store().read(reports).await?;
            listed.extend(reports.into_iter().map(|(id, report)| One {
                came: stored::came(&id).map(|came| came.whole_seconds().to_string()),
                id,
                report,
            }));
        }
        Ok(Listed { reports: listed })
    }
}

#[derive(Debug, Serialize)]
pub(super) struct Listed {
    reports: Vec<One>,
}

#[derive(Debug, Serialize)]
struct One {
    id: String,
    /// When, as XEP-0082 writes it.
    came: Option<String>,
    #[serde(flatten)]
    report: Report,
}

impl fmt::Display for Listed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for One { id, came, report } in &self.reports {
            writeln!(f, "{id}  {}  {report}", came.as_deref().unwrap_or_default())?;
        }
        Ok(())
    }
}

/// Forgets a report that was seen to.
#[derive(Debug, Deserialize)]
pub(super) struct RemoveReport {
    host: Domain,
    report: String,
}

impl Command for RemoveReport {
    const PATH: &'static str = "report remove";
    const ABOUT: &'static str = "Forget a report that was seen to";
    const NEEDS: Action = Action::ManageAccounts;
    const FIELDS: &'static [Field] = &[
        Field::HOST,
        Field::required("report", FieldKind::Text, "the report, by its id"),
    ];
    type Output = Removed;

    fn concerns(&self) -> Concern {
        Concern::Host(self.host.clone())
    }

    async fn run(self, cx: &AdminContext) -> Result<Removed, CommandError> {
        cx.host(&self.host)?;
        let owner = Owner::Host(self.host);
        let known = REPORTS.get(&owner, &self.report);
        if cx.server().store().read(known).await?.is_none() {
            let problem = format!("there is no report \"{}\"", self.report);
            return Err(CommandError::Arguments(problem));
        }
        let mut batch = Batch::new();
        batch.delete(REPORTS, &owner, &self.report);
        let seq = cx.server().store().submit(batch);
        cx.server().store().settled(seq).await?;
        Ok(Removed {
            report: self.report,
        })
    }
}

#[derive(Debug, Serialize)]
pub(super) struct Removed {
    report: String,
}

impl fmt::Display for Removed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "The report {} is forgotten.", self.report)
    }
}
