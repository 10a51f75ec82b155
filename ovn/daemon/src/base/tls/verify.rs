//! Whether the certificate at the other end is believed.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, RootCertStore, SignatureScheme,
};

use super::certificate;

/// Who is believed.
#[derive(Debug)]
pub(super) enum Trust {
    /// Everybody: what is asked for by `--ca-cert=none`.
    Anybody,
    /// Whom one of these has signed, and each of these itself.
    Ca(Arc<Believed>),
    /// Whoever shows a CA of its own that has signed it: the first server of a bootstrap.
    First,
}

/// The certificates of a file of CAs.
#[derive(Debug)]
pub(super) struct Believed {
    pub(super) roots: Arc<RootCertStore>,
    pub(super) certificates: Vec<CertificateDer<'static>>,
}

impl Believed {
    /// As with OpenSSL, a certificate may speak for itself when it is in the file: what two hosts have that exchanged
    /// certificates which nobody but themselves has signed. `error` is what is wrong with it otherwise, which must be
    /// no more than that it is a CA's; its dates and its use have been looked at by then.
    fn is_itself(&self, end_entity: &CertificateDer<'_>, error: &Error) -> bool {
        let Error::InvalidCertificate(CertificateError::Other(what)) = error else { return false };
        what.0.to_string() == CA_USED_AS_END_ENTITY && self.certificates.iter().any(|one| one == end_entity)
    }
}

/// How the library says that a certificate is one that may sign others.
const CA_USED_AS_END_ENTITY: &str = "CaUsedAsEndEntity";

/// Checks the chain of a client's certificate.
#[derive(Debug)]
pub(super) struct Clients {
    pub(super) inner: Arc<dyn ClientCertVerifier>,
    pub(super) believed: Arc<Believed>,
}

impl ClientCertVerifier for Clients {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.inner.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        match self.inner.verify_client_cert(end_entity, intermediates, now) {
            Err(error) if self.believed.is_itself(end_entity, &error) => Ok(ClientCertVerified::assertion()),
            outcome => outcome,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

/// Checks the chain of a server's certificate, and not its name.
#[derive(Debug)]
pub(super) struct Believe {
    pub(super) trust: Trust,
    pub(super) algorithms: WebPkiSupportedAlgorithms,
}

impl Believe {
    fn check(
        &self,
        roots: &RootCertStore,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let parsed = ParsedCertificate::try_from(end_entity)?;
        let all = self.algorithms.all;
        verify_server_cert_signed_by_trust_anchor(&parsed, roots, intermediates, now, all)?;
        Ok(ServerCertVerified::assertion())
    }
}

impl ServerCertVerifier for Believe {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match &self.trust {
            Trust::Anybody => Ok(ServerCertVerified::assertion()),
            Trust::Ca(believed) => match self.check(&believed.roots, end_entity, intermediates, now) {
                Err(error) if believed.is_itself(end_entity, &error) => Ok(ServerCertVerified::assertion()),
                outcome => outcome,
            },
            Trust::First => {
                let ca = intermediates.last().filter(|last| certificate::is_self_signed(last));
                let ca = ca.ok_or(Error::InvalidCertificate(CertificateError::UnknownIssuer))?;
                let mut roots = RootCertStore::empty();
                roots.add(ca.clone().into_owned())?;
                self.check(&roots, end_entity, intermediates, now)
            }
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// Saves the CA of the first server.
#[derive(Debug)]
pub(super) struct Bootstrap {
    pub(super) path: PathBuf,
}

impl Bootstrap {
    /// Saves the last certificate of `chain`, which was believed, unless somebody else has saved one meanwhile.
    pub(super) fn save(&self, chain: &[CertificateDer<'_>]) -> io::Result<()> {
        let Some(ca) = chain.last() else { return Ok(()) };
        let shown = self.path.display();
        let file = OpenOptions::new().write(true).create_new(true).mode(0o444).open(&self.path);
        let saved = match file {
            Ok(mut file) => file.write_all(certificate::pem(ca).as_bytes()).and_then(|()| file.sync_all()),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                tracing::info!(target: "stream_ssl", "reading CA cert {shown} created by another process");
                // Whether that one would have believed this server is for the next handshake to find out.
                return Err(io::Error::from_raw_os_error(nix::libc::EPROTO));
            }
            Err(error) => Err(error),
        };
        match saved {
            Ok(()) => tracing::info!(target: "stream_ssl", "successfully bootstrapped CA cert to {shown}"),
            Err(error) => {
                let words = crate::base::os_error(&error);
                tracing::error!(target: "stream_ssl", "could not bootstrap CA cert: {shown}: {words}");
                return Err(error);
            }
        }
        Ok(())
    }
}
