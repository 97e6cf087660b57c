//! `log`: how much is logged, while the server runs.

use engine::{
    Action,
    command::{AdminContext, Command, CommandError, Concern, Field, FieldKind, LOG_LEVELS},
};
use serde::Deserialize;

use super::said::Done;

/// Changes how much is logged.
#[derive(Debug, Deserialize)]
pub(super) struct SetLog {
    level: String,
    module: Option<String>,
}

impl Command for SetLog {
    const PATH: &'static str = "log";
    const ABOUT: &'static str =
        "Log more or less until the next reload or start, everywhere or in one module";
    const NEEDS: Action = Action::OperateServer;
    const FIELDS: &'static [Field] = &[
        Field::required(
            "level",
            FieldKind::Choice(LOG_LEVELS),
            "the least severe messages to write; \"default\" is what the configuration says",
        ),
        Field::last(
            "module",
            FieldKind::Text,
            "only of this part of the server, such as transport or modules::roster",
        ),
    ];
    const NEEDS_RUNNING: bool = true;
    type Output = Done;

    fn concerns(&self) -> Concern {
        Concern::Server
    }

    async fn run(self, cx: &AdminContext) -> Result<Done, CommandError> {
        cx.control()?
            .set_log(&self.level, self.module.as_deref())
            .map(Done::new)
            .map_err(CommandError::Log)
    }
}
