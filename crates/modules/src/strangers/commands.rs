//! `user strangers`.

use std::fmt;

use engine::{
    Action,
    command::{AdminContext, Command, CommandError, Concern, Field, FieldKind, Who},
};
use jid::BareJid;
use serde::{Deserialize, Serialize};

use super::{
    Strangers,
    rule::{self, Rule},
};

/// Decides whether strangers get through to an account: for its user, or who manages accounts.
#[derive(Debug, Deserialize)]
pub(super) struct SetRule {
    user: BareJid,
    rule: Rule,
}

impl Command for SetRule {
    const PATH: &'static str = "user strangers";
    const ABOUT: &'static str =
        "Decide whether people who are no contacts can write to an account, such as your own";
    const NEEDS: Action = Action::ManageOwnAccount;
    const FIELDS: &'static [Field] = &[
        Field::USER,
        Field::required(
            "rule",
            FieldKind::Choice(&["allow", "block"]),
            "whether they can",
        ),
    ];
    type Output = Decided;

    fn concerns(&self) -> Concern {
        Concern::host_of(&self.user)
    }

    async fn run(self, cx: &AdminContext) -> Result<Decided, CommandError> {
        let is_own = matches!(cx.who(), Who::Account { jid, .. } if *jid == self.user);
        if !is_own {
            if !cx.who().may(Action::ManageAccounts, &self.concerns()) {
                return Err(CommandError::NotAllowed {
                    on: Some(self.user.to_domain()),
                });
            }
            cx.account_below(&self.user).await?;
        }
        if cx.host_of(&self.user)?.feature::<Strangers>().is_none() {
            let problem = format!("the host {} has strangers = false", self.user.to_domain());
            return Err(CommandError::Arguments(problem));
        }
        let rule = self.rule;
        cx.server()
            .change_account(&self.user, |account, cx| rule::decide(account, cx, rule))
            .await?;
        Ok(Decided {
            user: self.user,
            rule,
        })
    }
}

#[derive(Debug, Serialize)]
pub(super) struct Decided {
    user: BareJid,
    rule: Rule,
}

impl fmt::Display for Decided {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.rule {
            Rule::Allow => writeln!(f, "Everybody can write to {}.", self.user),
            Rule::Block => writeln!(f, "Only contacts can write to {}.", self.user),
        }
    }
}
