//! From an address to a stream that is signed in, bound and present; or to a place in the relay.

use std::{future::poll_fn, io::Write as _, task::Poll, time::Duration};

use anyhow::{Context as _, Result, anyhow, ensure};
use rustls::{ClientConnection, pki_types::ServerName};
use tokio::{net::TcpSocket, time::timeout};
use xml::{Element, Ns, Tree, escape_attr, ns};

use super::{Acknowledgements, Client, NS_SM};
use crate::{
    relay::{ECHO, FAN, PAIR},
    target::{Security, Target},
    wire::{Buffers, Wire},
};

/// How long a sign-in may take before it counts as failed.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a connection to the relay is for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum RelayUse {
    /// To be joined with the other connection of the same number.
    Pair(u32),
    /// To be joined with all connections that are for this.
    Fan,
    /// To hear what it says.
    Echo,
}

/// What a session does besides signing in.
#[derive(Clone, Debug, Default)]
pub(crate) struct SessionOptions {
    /// Stream management.
    pub(crate) sm: bool,
    /// Stream management with resumption, where the server has it.
    pub(crate) resumable: bool,
    /// Asks for the roster, as most clients do.
    pub(crate) roster: bool,
    /// What is in the presence: capabilities, say.
    pub(crate) presence: &'static str,
}

impl Client {
    /// A session of the account at `place`: signed in, bound to a resource, with stream management if asked for,
    /// and available.
    ///
    /// # Errors
    ///
    /// Whatever keeps it from that, with the account's name.
    pub(crate) async fn session(
        target: &Target,
        place: u32,
        options: &SessionOptions,
    ) -> Result<Self> {
        let session = async {
            let mut client = Self::stream(target).await?;
            client.sign_in(target, place).await?;
            let features = client.next_named("features").await?;
            client.begin(features.root(), options).await?;
            Ok(client)
        };
        timeout(PATIENCE, session)
            .await
            .context("the server takes too long")
            .flatten()
            .with_context(|| format!("{} can't sign in", target.accounts.address(place)))
    }

    /// From signed in to available.
    pub(super) async fn begin(
        &mut self,
        features: Element<'_>,
        options: &SessionOptions,
    ) -> Result<()> {
        self.bind().await?;
        let has_sm = features.child("sm", NS_SM).is_some();
        if options.roster {
            self.roster().await?;
        }
        write!(self.out, "<presence>{}</presence>", options.presence)?;
        if options.sm || options.resumable && has_sm {
            self.enable_sm(options.resumable).await?;
        }
        self.flush().await
    }

    /// A connection to the relay, in its place.
    pub(crate) async fn in_relay(target: &Target, what_for: RelayUse) -> Result<Self> {
        let mut client = Self::connect(target, target.security != Security::None).await?;
        let (mode, number) = match what_for {
            RelayUse::Pair(number) => (PAIR, number),
            RelayUse::Fan => (FAN, 0),
            RelayUse::Echo => (ECHO, 0),
        };
        client.out.push(mode);
        client.out.extend_from_slice(&number.to_be_bytes());
        client.flush().await?;
        // What comes through the relay is read as if a stream had been opened.
        let mut header = header("relay").into_bytes();
        header.extend_from_slice(b"<stream:features/>");
        Buffers::with(|buffers| {
            let mut header = header.as_slice();
            while client
                .scanner
                .receive(&mut header, &mut buffers.xml)?
                .is_some()
            {}
            anyhow::Ok(())
        })?;
        Ok(client)
    }

    /// Waits until the relay says that both connections of the pair are there.
    pub(crate) async fn joined(&mut self) -> Result<()> {
        timeout(PATIENCE, self.next_named(crate::relay::READY_NAME))
            .await
            .context("the relay takes too long")??;
        Ok(())
    }

    /// A stream that has been opened and secured, whose features wait to be read.
    pub(super) async fn stream(target: &Target) -> Result<Self> {
        let mut client = Self::connect(target, target.security == Security::Direct).await?;
        client.open(target);
        if target.security == Security::Starttls {
            let features = client.next_named("features").await?;
            ensure!(
                features.root().child("starttls", ns::TLS).is_some(),
                "the server does not offer STARTTLS"
            );
            write!(client.out, "<starttls xmlns='{}'/>", ns::TLS)?;
            client.next_named("proceed").await?;
            client.handshake(target).await?;
            client.scanner.restart();
            client.open(target);
        }
        Ok(client)
    }

    async fn connect(target: &Target, with_tls: bool) -> Result<Self> {
        let socket = match target.address.is_ipv4() {
            true => TcpSocket::new_v4()?,
            false => TcpSocket::new_v6()?,
        };
        if let Some(source) = target.source() {
            socket.bind(source)?;
        }
        let socket = socket
            .connect(target.address)
            .await
            .with_context(|| format!("can't connect to {}", target.address))?;
        let mut client = Self::new(Wire::new(socket)?);
        if with_tls {
            client.handshake(target).await?;
        }
        Ok(client)
    }

    async fn handshake(&mut self, target: &Target) -> Result<()> {
        let name = ServerName::try_from(target.host.clone())
            .with_context(|| format!("{:?} is no name for TLS", target.host))?;
        let tls = ClientConnection::new(target.tls.clone(), name)?;
        self.wire.start_tls(tls.into());
        Buffers::with(|buffers| self.wire.send(&[], buffers))?;
        let wire = &mut self.wire;
        poll_fn(|cx| {
            loop {
                if wire.poll_flush(cx)?.is_pending() {
                    return Poll::Pending;
                }
                if !wire.is_handshaking() {
                    return Poll::Ready(Ok(()));
                }
                match Buffers::with(|buffers| wire.poll_receive(cx, buffers))? {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(true) => {}
                    Poll::Ready(false) => {
                        let error = anyhow!("the server closed during the TLS handshake");
                        return Poll::Ready(Err(error));
                    }
                }
            }
        })
        .await
    }

    /// Opens a stream, or opens it anew.
    pub(super) fn open(&mut self, target: &Target) {
        self.out.extend_from_slice(header(&target.host).as_bytes());
    }

    pub(super) fn restart(&mut self) {
        self.scanner.restart();
    }

    async fn bind(&mut self) -> Result<()> {
        let bind = format!(
            "<iq type='set' id='bind'><bind xmlns='{}'><resource>load</resource></bind></iq>",
            ns::BIND
        );
        let result = self.ask("bind", &bind).await?;
        self.address = bound(result.root()).context("the server did not say the full JID")?;
        Ok(())
    }

    async fn enable_sm(&mut self, resumable: bool) -> Result<()> {
        let resume = if resumable { " resume='true'" } else { "" };
        write!(self.out, "<enable xmlns='{NS_SM}'{resume}/>")?;
        loop {
            let element: Tree = self.next().await?;
            let root = element.root();
            if root.is("enabled", NS_SM) {
                let mut sm = Acknowledgements::default();
                self.previd = root.attr("id").map(Into::into);
                // What came in the same read is behind it already.
                for element in self.come.drain(..) {
                    sm.take(element.root(), &mut self.out)?;
                }
                self.sm = Some(sm);
                return Ok(());
            }
            ensure!(
                root.ns() == Ns::Content,
                "the server does not enable stream management: {:?}",
                root.as_str()
            );
        }
    }
}

fn header(host: &str) -> String {
    let mut to = Vec::new();
    escape_attr(host, &mut to);
    format!(
        "<?xml version='1.0'?><stream:stream xmlns='{}' xmlns:stream='{}' to='{}' version='1.0'>",
        ns::CLIENT,
        ns::STREAMS,
        String::from_utf8_lossy(&to)
    )
}

fn bound(result: Element<'_>) -> Option<String> {
    let bind = result.child("bind", ns::BIND)?;
    Some(bind.child_text("jid", ns::BIND)?.into_owned())
}
