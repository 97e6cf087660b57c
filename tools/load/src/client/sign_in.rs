//! SASL, from the features to the stream opened anew.

use std::io::Write as _;

use anyhow::{Context as _, Result, bail, ensure};
use sasl::{Mechanism, client::plain, wire};
use xml::{Element, Tree, ns};

use super::{Client, scram::Scram};
use crate::{random::random, target::Target};

/// What is taken when nothing was asked for, in this order.
const PREFERRED: [Mechanism; 4] = [
    Mechanism::ScramSha512,
    Mechanism::ScramSha256,
    Mechanism::ScramSha1,
    Mechanism::Plain,
];

impl Client {
    /// Signs in as the account at `place` and opens the stream anew.
    pub(super) async fn sign_in(&mut self, target: &Target, place: u32) -> Result<()> {
        let features = self.next_named("features").await?;
        let mechanism = choose(features.root(), target.mechanism.as_deref())?;
        let username = target.accounts.username(place);
        let password = target.accounts.password();
        match mechanism {
            Mechanism::Plain => {
                self.auth(mechanism, &plain(&username, password))?;
                self.outcome("success").await?;
            }
            scram => self.scram(scram, &username, password).await?,
        }
        self.restart();
        self.open(target);
        Ok(())
    }

    async fn scram(&mut self, mechanism: Mechanism, username: &str, password: &str) -> Result<()> {
        let mut scram = Scram::new(mechanism, username, &random::<18>()?)
            .context("the mechanism is none of SCRAM")?;
        self.auth(mechanism, &scram.first())?;
        let challenge = self.outcome("challenge").await?;
        let answer = scram.answer(&payload(challenge.root())?, password)?;
        let answer = wire::encode(&answer);
        write!(
            self.out,
            "<response xmlns='{}'>{answer}</response>",
            ns::SASL
        )?;
        let success = self.outcome("success").await?;
        scram.check(&payload(success.root())?)?;
        Ok(())
    }

    fn auth(&mut self, mechanism: Mechanism, first: &[u8]) -> Result<()> {
        let (name, first) = (mechanism.name(), wire::encode(first));
        let ns = ns::SASL;
        write!(
            self.out,
            "<auth xmlns='{ns}' mechanism='{name}'>{first}</auth>"
        )?;
        Ok(())
    }

    /// The next element, which is to be called `name`.
    async fn outcome(&mut self, name: &str) -> Result<Tree> {
        let element = self.next().await?;
        let root = element.root();
        if root.is("failure", ns::SASL) {
            let condition = root.children().next().map(|child| child.name());
            bail!("the server refuses: {}", condition.unwrap_or("?"));
        }
        ensure!(
            root.is(name, ns::SASL),
            "the server sent <{}/>",
            root.name()
        );
        Ok(element)
    }
}

fn payload(element: Element<'_>) -> Result<Vec<u8>> {
    wire::decode(&element.text()).map_err(|_| anyhow::anyhow!("the server sent bad base64"))
}

fn choose(features: Element<'_>, asked: Option<&str>) -> Result<Mechanism> {
    let mechanisms = features
        .child("mechanisms", ns::SASL)
        .context("the server offers no sign-in here; maybe it wants TLS first")?;
    let offered: Vec<String> = mechanisms
        .children()
        .map(|mechanism| mechanism.text().into_owned())
        .collect();
    let is_offered = |mechanism: Mechanism| offered.iter().any(|name| name == mechanism.name());
    let Some(asked) = asked else {
        return PREFERRED
            .into_iter()
            .find(|mechanism| is_offered(*mechanism))
            .with_context(|| format!("the server offers {} only", offered.join(", ")));
    };
    PREFERRED
        .into_iter()
        .find(|mechanism| mechanism.name().eq_ignore_ascii_case(asked))
        .filter(|mechanism| is_offered(*mechanism))
        .with_context(|| format!("{asked} is not among {}", offered.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_strongest_is_chosen_unless_one_is_asked_for() {
        check("PLAIN SCRAM-SHA-1", None, Some(Mechanism::ScramSha1));
        check("SCRAM-SHA-256-PLUS PLAIN", None, Some(Mechanism::Plain));
        check("PLAIN SCRAM-SHA-1", Some("plain"), Some(Mechanism::Plain));
        check("PLAIN", Some("SCRAM-SHA-1"), None);
        check("EXTERNAL", None, None);
    }

    #[track_caller]
    fn check(offered: &str, asked: Option<&str>, chosen: Option<Mechanism>) {
        let offered: String = offered
            .split(' ')
            .map(|name| format!("<mechanism>{name}</mechanism>"))
            .collect();
        let features = format!(
            "<f><mechanisms xmlns='{}'>{offered}</mechanisms></f>",
            ns::SASL
        );
        let features = Tree::parse(features).unwrap();
        assert_eq!(choose(features.root(), asked).ok(), chosen);
    }
}
