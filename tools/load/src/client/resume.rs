//! A session that loses its connection and is taken up again,
//! [XEP-0198](https://xmpp.org/extensions/xep-0198.html) section 5.

use std::io::Write as _;

use anyhow::{Context as _, Result};

use super::{Acknowledgements, Client, NS_SM, SessionOptions};
use crate::target::Target;

/// What is left of a session whose connection is gone.
#[derive(Clone, Debug)]
pub(crate) struct Cut {
    previd: Option<String>,
    sm: Option<Acknowledgements>,
    address: String,
}

impl Client {
    /// Drops the connection without a word.
    pub(crate) fn cut(self) -> Cut {
        Cut {
            previd: self.previd,
            sm: self.sm,
            address: self.address,
        }
    }

    /// Signs in again and resumes what was cut, or begins anew where the server does not let it. Says which it was.
    ///
    /// # Errors
    ///
    /// Whatever keeps it from being available again, with the account's name.
    pub(crate) async fn return_from(
        cut: Cut,
        target: &Target,
        place: u32,
        options: &SessionOptions,
    ) -> Result<(Self, bool)> {
        let session = async {
            let mut client = Self::stream(target).await?;
            client.sign_in(target, place).await?;
            let features = client.next_named("features").await?;
            if client.resume(cut).await? {
                return Ok((client, true));
            }
            client.begin(features.root(), options).await?;
            Ok((client, false))
        };
        let back: Result<_> = session.await;
        back.with_context(|| format!("{} can't come back", target.accounts.address(place)))
    }

    async fn resume(&mut self, cut: Cut) -> Result<bool> {
        let (Some(previd), Some(mut sm)) = (cut.previd, cut.sm) else {
            return Ok(false);
        };
        let received = sm.received;
        write!(
            self.out,
            "<resume xmlns='{NS_SM}' previd='{previd}' h='{received}'/>"
        )?;
        let answer = self.next().await?;
        if !answer.root().is("resumed", NS_SM) {
            return Ok(false);
        }
        // What came in the same read is behind it already.
        for element in std::mem::take(&mut self.come) {
            if !sm.take(element.root(), &mut self.out)? {
                self.come.push_back(element);
            }
        }
        self.sm = Some(sm);
        self.previd = Some(previd);
        self.address = cut.address;
        Ok(true)
    }
}
