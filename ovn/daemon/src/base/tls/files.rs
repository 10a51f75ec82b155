//! Keys and certificates from files.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig};

use super::verify::{Believe, Believed, Bootstrap, Clients, Trust};
use super::{Ca, TlsConfig, choices};

/// Longest file that is read: a bundle of many hundred CAs.
const FILE_BYTES_MAX: u64 = 4 << 20;

/// Why there can be no handshake.
#[derive(Debug, thiserror::Error)]
pub(super) enum TlsError {
    #[error("{} must be configured to use SSL", .0.join(", "))]
    Missing(Vec<&'static str>),
    #[error("{}: {why}", path.display())]
    Unreadable { path: PathBuf, why: String },
    #[error("the key and the certificate cannot be used: {why}")]
    Useless { why: String },
    #[error("{what} \"{text}\" leaves nothing that is supported")]
    Choice { what: &'static str, text: String },
}

/// What the files held, and how they looked then.
#[derive(Debug)]
pub(super) struct Loaded {
    seen: Vec<(PathBuf, Option<Stamp>)>,
    client: Arc<ClientConfig>,
    server: Option<Arc<ServerConfig>>,
    /// What is to be done with the CA that the first server shows.
    pub(super) bootstrap: Option<Arc<Bootstrap>>,
}

/// What changes when a file is replaced or written: inode, length, and time of change.
type Stamp = (u64, u64, i64, i64);

fn stamp(path: &Path) -> Option<Stamp> {
    let metadata = fs::metadata(path).ok()?;
    Some((metadata.ino(), metadata.len(), metadata.mtime(), metadata.mtime_nsec()))
}

impl Loaded {
    /// Whether the files are as they were.
    pub(super) fn is_current(&self) -> bool {
        self.seen.iter().all(|(path, seen)| stamp(path) == *seen)
    }

    pub(super) fn client(&self) -> Arc<ClientConfig> {
        Arc::clone(&self.client)
    }

    /// Servers need a CA from the start: there is nobody whose word would count.
    pub(super) fn server(&self) -> io::Result<Arc<ServerConfig>> {
        self.server
            .clone()
            .ok_or_else(|| super::refused("SSL_accept", &TlsError::Missing(vec!["CA certificate"])))
    }

    pub(super) fn read(config: &TlsConfig) -> Result<Self, TlsError> {
        let (Some(key_file), Some(certificate_file)) = (&config.private_key, &config.certificate) else {
            return Err(TlsError::Missing(config.missing()));
        };
        let mut files = Files::default();
        let key = files.key(key_file)?;
        let mut chain = files.certificates(certificate_file)?;
        if let Some(path) = &config.peer_ca {
            chain.extend(files.certificates(path)?);
        }
        let provider = Arc::new(choices::provider(&config.ciphers, &config.ciphersuites)?);
        let versions = choices::versions(&config.protocols)?;
        let (trust, bootstrap) = match &config.ca {
            Ca::Unset => return Err(TlsError::Missing(config.missing())),
            Ca::Unchecked => (Trust::Anybody, None),
            Ca::File(path) => (Trust::Ca(believed(path, files.certificates(path)?)?), None),
            Ca::Bootstrap(path) => match files.note(path) {
                Some(_) => (Trust::Ca(believed(path, files.certificates(path)?)?), None),
                None => (Trust::First, Some(Arc::new(Bootstrap { path: path.clone() }))),
            },
        };
        let useless = |error: rustls::Error| TlsError::Useless { why: error.to_string() };
        let server = match &trust {
            Trust::First => None,
            Trust::Anybody | Trust::Ca(_) => {
                let builder = ServerConfig::builder_with_provider(Arc::clone(&provider));
                let builder = builder.with_protocol_versions(&versions).map_err(useless)?;
                let builder = match &trust {
                    Trust::Ca(believed) => builder.with_client_cert_verifier(clients(believed, &provider)?),
                    Trust::First | Trust::Anybody => builder.with_no_client_auth(),
                };
                let server = builder.with_single_cert(chain.clone(), key.clone_key()).map_err(useless)?;
                Some(Arc::new(server))
            }
        };
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider));
        let builder = builder.with_protocol_versions(&versions).map_err(useless)?;
        let believe = Believe { trust, algorithms: provider.signature_verification_algorithms };
        let builder = builder.dangerous().with_custom_certificate_verifier(Arc::new(believe));
        let client = Arc::new(builder.with_client_auth_cert(chain, key).map_err(useless)?);
        Ok(Self { seen: files.seen, client, server, bootstrap })
    }
}

fn clients(believed: &Arc<Believed>, provider: &Arc<CryptoProvider>) -> Result<Arc<Clients>, TlsError> {
    let inner =
        WebPkiClientVerifier::builder_with_provider(Arc::clone(&believed.roots), Arc::clone(provider))
            .build()
            .map_err(|error| TlsError::Useless { why: error.to_string() })?;
    Ok(Arc::new(Clients { inner, believed: Arc::clone(believed) }))
}

fn believed(path: &Path, certificates: Vec<CertificateDer<'static>>) -> Result<Arc<Believed>, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates.iter().cloned() {
        let wrong =
            |error: rustls::Error| TlsError::Unreadable { path: path.to_owned(), why: error.to_string() };
        roots.add(certificate).map_err(wrong)?;
    }
    Ok(Arc::new(Believed { roots: Arc::new(roots), certificates }))
}

/// Files, noted as they are read.
#[derive(Default)]
struct Files {
    seen: Vec<(PathBuf, Option<Stamp>)>,
}

impl Files {
    /// Notes how a file looks; nothing when it is not there.
    fn note(&mut self, path: &Path) -> Option<Stamp> {
        let stamp = stamp(path);
        self.seen.push((path.to_owned(), stamp));
        stamp
    }

    fn read(&mut self, path: &Path) -> Result<Vec<u8>, TlsError> {
        let unreadable = |why: String| TlsError::Unreadable { path: path.to_owned(), why };
        if self.note(path).is_some_and(|(_, length, ..)| length > FILE_BYTES_MAX) {
            return Err(unreadable(format!("more than {FILE_BYTES_MAX} bytes")));
        }
        fs::read(path).map_err(|error| unreadable(crate::base::os_error(&error)))
    }

    fn key(&mut self, path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
        let text = self.read(path)?;
        let wrong = |error: rustls::pki_types::pem::Error| TlsError::Unreadable {
            path: path.to_owned(),
            why: error.to_string(),
        };
        PrivateKeyDer::from_pem_slice(&text).map_err(wrong)
    }

    fn certificates(&mut self, path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
        let text = self.read(path)?;
        let unreadable = |why: String| TlsError::Unreadable { path: path.to_owned(), why };
        let certificates: Vec<_> = CertificateDer::pem_slice_iter(&text)
            .collect::<Result<_, _>>()
            .map_err(|error| unreadable(error.to_string()))?;
        if certificates.is_empty() {
            return Err(unreadable("there is no certificate in it".to_owned()));
        }
        Ok(certificates)
    }
}
