//! The first start: an administrator to sign in as, told once and to nobody but the operator.

use std::{io::IsTerminal, path::Path, sync::Arc};

use anyhow::{Context, Result};
use engine::{Authentication, Server};
use jid::BareJid;
use ring::rand::{SecureRandom, SystemRandom};

use crate::data_folder::write_private;

/// The administrator that is made.
const ADMIN: &str = "admin@localhost";
/// Where its password goes when there is no terminal, in the data folder.
pub(crate) const PASSWORD_FILE: &str = "admin-password";

/// Makes `admin@localhost` if `localhost` has accounts and no host has any account yet. The
/// password goes to the terminal, or without one to a file only its owner can read; never to the
/// log.
///
/// # Errors
///
/// A sentence when the store or the file fails.
pub(crate) async fn make_admin(server: &Arc<Server>, data: &Path) -> Result<()> {
    let admin = BareJid::parse(ADMIN).context("the administrator's address")?;
    let with_accounts: Vec<_> = server
        .hosts()
        .into_iter()
        .filter(|host| host.facts().authentication == Authentication::Accounts)
        .collect();
    if !with_accounts
        .iter()
        .any(|host| host.domain().as_str() == admin.domain())
    {
        return Ok(());
    }
    for host in &with_accounts {
        if !server.accounts(host).await?.is_empty() {
            return Ok(());
        }
    }
    let password = generate_password()?;
    if std::io::stdout().is_terminal() {
        server.create_account(&admin, &password, false).await?;
        println!("\n  The first account is {ADMIN}, with the password\n\n      {password}\n");
        println!("  It is shown only now. Change it with: couplet user passwd {ADMIN}\n");
    } else {
        let path = data.join(PASSWORD_FILE);
        write_private(&path, format!("{password}\n").as_bytes())
            .with_context(|| format!("cannot write {}", path.display()))?;
        server.create_account(&admin, &password, false).await?;
        tracing::info!(account = ADMIN, file = %path.display(), "made the first account; its password is in the file");
    }
    Ok(())
}

/// 20 letters and digits without look-alikes: 98 bits.
fn generate_password() -> Result<String> {
    const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let mut bytes = [0; 20];
    SystemRandom::new()
        .fill(&mut bytes)
        .ok()
        .context("the system gives no random bytes")?;
    Ok(bytes
        .iter()
        .filter_map(|byte| ALPHABET.get(usize::from(byte % 32)))
        .map(|letter| char::from(*letter))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_long_and_differ() {
        let (one, other) = (generate_password().unwrap(), generate_password().unwrap());
        assert_eq!(one.len(), 20);
        assert_ne!(one, other);
    }
}
