//! TLS for every `ssl:` and `pssl:`: both sides show a certificate and check the other's against a CA, as upstream's
//! daemons do. Host names are not checked, since the certificates of `ovs-pki` have none; who a peer is, is the common
//! name in its certificate.
//!
//! One [`Tls`] a daemon. The files it is told of are looked at before each handshake and read again when they have
//! changed; if what they hold makes no sense then, what was read before goes on, and the log tells.

mod certificate;
mod choices;
mod files;
pub mod threads;
mod verify;

use std::io;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, TlsConnector, TlsStream};

use super::options::Own;
use files::{Loaded, TlsError};

/// A peer that has not finished its handshake after this long is dropped.
pub const HANDSHAKE_TIME_MAX: Duration = Duration::from_secs(10);

/// The certificate of the CA.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Ca {
    /// Nothing is said.
    #[default]
    Unset,
    /// `--ca-cert=none`: the peer's certificate is not looked at.
    Unchecked,
    /// In this file.
    File(PathBuf),
    /// In this file; while it is not there, the first server that is connected to is believed, and its CA saved there.
    Bootstrap(PathBuf),
}

/// What an operator says about TLS; all files are in PEM.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsConfig {
    /// Our key.
    pub private_key: Option<PathBuf>,
    /// Our certificate.
    pub certificate: Option<PathBuf>,
    /// Whose certificates are believed.
    pub ca: Ca,
    /// Certificates to show beside ours, so that peers can bootstrap.
    pub peer_ca: Option<PathBuf>,
    /// Versions, as OpenSSL names them; empty for the default.
    pub protocols: String,
    /// Cipher suites of TLS 1.2, as OpenSSL names them; empty for the default.
    pub ciphers: String,
    /// Cipher suites of TLS 1.3, as the standard names them; empty for the default.
    pub ciphersuites: String,
    /// The name that servers are asked for, instead of the host's.
    pub server_name: Option<String>,
}

impl TlsConfig {
    /// What the options of a command line say. Options of [`super::options::TLS`] that are not given say nothing.
    pub fn from_options(own: &Own) -> Self {
        let mut config = Self::default();
        for (name, value) in &own.options {
            config.set(name, value.as_deref().unwrap_or_default());
        }
        config
    }

    /// What is still to be said before there can be a handshake.
    fn missing(&self) -> Vec<&'static str> {
        let no_ca = self.ca == Ca::Unset;
        [
            (self.private_key.is_none(), "Private key"),
            (self.certificate.is_none(), "Certificate"),
            (no_ca, "CA certificate"),
        ]
        .into_iter()
        .filter_map(|(is_missing, what)| is_missing.then_some(what))
        .collect()
    }

    /// Applies the option `name` without its dashes; others than those of TLS are passed over.
    pub fn set(&mut self, name: &str, value: &str) {
        let path = || Some(PathBuf::from(value));
        match name {
            "private-key" => self.private_key = path(),
            "certificate" => self.certificate = path(),
            "ca-cert" if value == "none" => self.ca = Ca::Unchecked,
            "ca-cert" => self.ca = Ca::File(value.into()),
            "bootstrap-ca-cert" => self.ca = Ca::Bootstrap(value.into()),
            "peer-ca-cert" => self.peer_ca = path(),
            "ssl-protocols" => value.clone_into(&mut self.protocols),
            "ssl-ciphers" => value.clone_into(&mut self.ciphers),
            "ssl-ciphersuites" => value.clone_into(&mut self.ciphersuites),
            "ssl-server-name" => self.server_name = Some(value.to_owned()),
            _ => {}
        }
    }
}

/// A connected socket with TLS.
pub type TlsSocket = TlsStream<TcpStream>;

/// The keys of one daemon, shared by all its connections.
#[derive(Clone, Debug, Default)]
pub struct Tls(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    config: TlsConfig,
    loaded: Option<Loaded>,
}

impl Tls {
    /// Keys and choices as `config` says. The files are read when they are first needed.
    pub fn new(config: TlsConfig) -> Self {
        let tls = Self::default();
        tls.configure(config);
        tls
    }

    /// From now on `config` counts, for connections to come.
    pub fn configure(&self, config: TlsConfig) {
        let mut state = self.lock();
        if state.config != config {
            *state = State { config, loaded: None };
        }
    }

    /// Whether there can be a handshake at all.
    ///
    /// # Errors
    /// `ENOPROTOOPT` without keys, after the log has told what is missing.
    pub fn check(&self) -> io::Result<()> {
        match self.lock().config.missing() {
            missing if missing.is_empty() => Ok(()),
            missing => Err(refused("", &TlsError::Missing(missing))),
        }
    }

    /// Greets the server at the other end of `stream`, which was asked for as `host`.
    ///
    /// # Errors
    /// `ENOPROTOOPT` without keys, `EPROTO` when the two sides cannot agree, each after the log has told why.
    pub async fn connect(&self, stream: TcpStream, host: IpAddr) -> io::Result<TlsSocket> {
        let (config, saves, name) = {
            let mut state = self.lock();
            let name = state.config.server_name.clone();
            let loaded = state.load().map_err(|error| refused("SSL_connect", &error))?;
            (loaded.client(), loaded.bootstrap.clone(), name)
        };
        let name = match name {
            Some(name) => ServerName::try_from(name).map_err(|error| failed("SSL_connect", &error))?,
            None => ServerName::from(host),
        };
        let greeted = TlsConnector::from(config).connect(name, stream);
        let greeted = within(greeted).await.map_err(|error| failed("SSL_connect", &error))?;
        if let Some(saves) = saves {
            saves.save(greeted.get_ref().1.peer_certificates().unwrap_or_default())?;
        }
        Ok(greeted.into())
    }

    /// Greets the client at the other end of `stream`.
    ///
    /// # Errors
    /// As [`Tls::connect`].
    pub async fn accept(&self, stream: TcpStream) -> io::Result<TlsSocket> {
        let config = self.lock().load().map_err(|error| refused("SSL_accept", &error))?.server()?;
        let greeted = within(TlsAcceptor::from(config).accept(stream)).await;
        Ok(greeted.map_err(|error| failed("SSL_accept", &error))?.into())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic while the lock was held can only leave what was loaded before.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn load(&mut self) -> Result<&Loaded, TlsError> {
        let fresh = match &self.loaded {
            Some(loaded) if loaded.is_current() => None,
            Some(_) | None => Some(Loaded::read(&self.config)),
        };
        match fresh {
            None => {}
            Some(Ok(loaded)) => self.loaded = Some(loaded),
            Some(Err(error)) if self.loaded.is_none() => return Err(error),
            Some(Err(error)) => {
                tracing::warn!(target: "stream_ssl", "the old keys and certificates stay in use: {error}");
            }
        }
        self.loaded.as_ref().ok_or_else(|| TlsError::Missing(Vec::new()))
    }
}

/// The common name in the certificate that the peer has shown.
pub fn identity(stream: &TlsSocket) -> Option<String> {
    certificate::common_name(stream.get_ref().1.peer_certificates()?.first()?)
}

async fn within<T>(handshake: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    match tokio::time::timeout(HANDSHAKE_TIME_MAX, handshake).await {
        Ok(outcome) => outcome,
        Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, "the handshake takes too long")),
    }
}

fn refused(what: &str, error: &TlsError) -> io::Error {
    io::Error::from_raw_os_error(match error {
        TlsError::Missing(missing) => {
            for what in missing {
                tracing::error!(target: "stream_ssl", "{what} must be configured to use SSL");
            }
            nix::libc::ENOPROTOOPT
        }
        TlsError::Unreadable { .. } | TlsError::Useless { .. } | TlsError::Choice { .. } => {
            tracing::error!(target: "stream_ssl", "{what}: {error}");
            nix::libc::EPROTO
        }
    })
}

fn failed(what: &str, error: &dyn std::error::Error) -> io::Error {
    tracing::warn!(target: "stream_ssl", "{what}: {error}");
    io::Error::from_raw_os_error(nix::libc::EPROTO)
}

#[cfg(test)]
mod tests;
