//! Keys and certificates of one test.

use std::path::Path;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, PKCS_ECDSA_P256_SHA256};

/// A CA.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

fn named(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let mut params = named(name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    /// Makes `NAME-key.pem`, `NAME-cert.pem` and `NAME-ca.pem` in `dir`; the certificate is one of `name`.
    pub(crate) fn sign(&self, dir: &Path, name: &str) {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
        let certificate = named(name).signed_by(&key, &self.issuer).unwrap();
        let write =
            |what: &str, text: &str| std::fs::write(dir.join(format!("{name}-{what}.pem")), text).unwrap();
        write("key", &key.serialize_pem());
        write("cert", &certificate.pem());
        write("ca", &self.pem);
    }
}
