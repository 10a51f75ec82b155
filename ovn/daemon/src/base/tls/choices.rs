//! `--ssl-protocols`, `--ssl-ciphers` and `--ssl-ciphersuites`, in the words of OpenSSL, as far as they mean what rustls
//! has: TLS 1.2 and 1.3 with six cipher suites for the one, chosen by `--ssl-ciphers`, and three for the other.

use rustls::crypto::{CryptoProvider, ring};
use rustls::version::{TLS12, TLS13};
use rustls::{CipherSuite, SupportedProtocolVersion};

use super::files::TlsError;

/// The versions that `text` names: a list of `TLSv1.2` and the like, of which one with a `+` stands for itself and all
/// that are newer. Empty means all.
pub(super) fn versions(text: &str) -> Result<Vec<&'static SupportedProtocolVersion>, TlsError> {
    let words = split(text);
    if words.is_empty() {
        return Ok(vec![&TLS13, &TLS12]);
    }
    let is_wanted = |name: &str| {
        words.iter().any(|word| match word.strip_suffix('+') {
            Some(oldest) => oldest.starts_with("TLSv1") && oldest <= name,
            None => *word == name,
        })
    };
    let known = [("TLSv1.3", &TLS13), ("TLSv1.2", &TLS12)];
    let versions: Vec<_> =
        known.into_iter().filter(|(name, _)| is_wanted(name)).map(|(_, version)| version).collect();
    match versions.is_empty() {
        true => Err(TlsError::Choice { what: "the list of SSL protocols", text: text.to_owned() }),
        false => Ok(versions),
    }
}

/// The cryptography, with the cipher suites of TLS 1.2 that `ciphers` leaves and those of TLS 1.3 that `suites` names.
/// Empty means all.
pub(super) fn provider(ciphers: &str, suites: &str) -> Result<CryptoProvider, TlsError> {
    let mut provider = ring::default_provider();
    let wanted = wanted(ciphers);
    let named = split(suites);
    provider.cipher_suites.retain(|suite| {
        let suite = suite.suite();
        match SUITES.iter().find(|(known, _)| *known == suite) {
            Some((_, name)) => wanted.contains(name),
            None => {
                named.is_empty() || named.contains(&format!("{suite:?}").replacen("TLS13", "TLS", 1).as_str())
            }
        }
    });
    if wanted.is_empty() {
        return Err(TlsError::Choice { what: "the list of SSL ciphers", text: ciphers.to_owned() });
    }
    if provider.cipher_suites.iter().all(|suite| suite.tls13().is_none()) {
        return Err(TlsError::Choice { what: "the list of SSL cipher suites", text: suites.to_owned() });
    }
    Ok(provider)
}

/// The suites of TLS 1.2 that a list of names and kinds leaves.
fn wanted(ciphers: &str) -> Vec<&'static str> {
    let all = || SUITES.iter().map(|(_, name)| *name);
    let words = split(ciphers);
    if words.is_empty() {
        return all().collect();
    }
    let mut wanted: Vec<&str> = Vec::new();
    for word in words {
        match (word.strip_prefix(['!', '-']), word.strip_prefix('+')) {
            (Some(unwanted), _) => wanted.retain(|name| !has(name, unwanted)),
            // That only moves suites to the end, and the order is the server's business.
            (None, Some(_)) => {}
            (None, None) => wanted.extend(all().filter(|name| has(name, word))),
        }
    }
    wanted
}

/// The suites of TLS 1.2 by OpenSSL's names.
const SUITES: [(CipherSuite, &str); 6] = [
    (CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, "ECDHE-ECDSA-AES256-GCM-SHA384"),
    (CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, "ECDHE-ECDSA-AES128-GCM-SHA256"),
    (CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, "ECDHE-ECDSA-CHACHA20-POLY1305"),
    (CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, "ECDHE-RSA-AES256-GCM-SHA384"),
    (CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, "ECDHE-RSA-AES128-GCM-SHA256"),
    (CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256, "ECDHE-RSA-CHACHA20-POLY1305"),
];

/// Whether the suite is the one called `word`, or one of those that `word` stands for.
fn has(suite: &str, word: &str) -> bool {
    match word {
        "ALL" | "DEFAULT" | "HIGH" | "TLSv1.2" | "AEAD" | "kECDHE" | "kEECDH" | "ECDHE" | "EECDH" => true,
        "aRSA" | "RSA" => suite.contains("-RSA-"),
        "aECDSA" | "ECDSA" => suite.contains("-ECDSA-"),
        "AES" | "AESGCM" => suite.contains("-AES"),
        "AES128" | "AES256" | "CHACHA20" | "SHA256" | "SHA384" => suite.contains(word),
        other if other.contains('+') => other.split('+').all(|part| has(suite, part)),
        other => suite == other,
    }
}

fn split(text: &str) -> Vec<&str> {
    text.split([',', ':', ' ', '\t']).filter(|word| !word.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use rustls::SupportedCipherSuite;

    use super::*;

    fn ciphers(text: &str) -> String {
        match provider(text, "") {
            Ok(provider) => {
                let old = provider.cipher_suites.iter().filter(|suite| suite.tls13().is_none());
                let name = |suite: &SupportedCipherSuite| {
                    SUITES.iter().find(|(known, _)| *known == suite.suite()).map_or("?", |(_, name)| *name)
                };
                old.map(name).collect::<Vec<_>>().join(" ")
            }
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn versions_by_name_and_from_one_on() {
        let check = |text, expected: &str| {
            let got = match versions(text) {
                Ok(versions) => format!("{:?}", versions.iter().map(|one| one.version).collect::<Vec<_>>()),
                Err(error) => error.to_string(),
            };
            assert_eq!(got, expected, "{text}");
        };
        check("", "[TLSv1_3, TLSv1_2]");
        check("TLSv1,TLSv1.1,TLSv1.2", "[TLSv1_2]");
        check("TLSv1.2+", "[TLSv1_3, TLSv1_2]");
        check("TLSv1.3", "[TLSv1_3]");
        check(
            "TLSv1.1 SSLv3",
            "the list of SSL protocols \"TLSv1.1 SSLv3\" leaves nothing that is supported",
        );
    }

    #[test]
    fn ciphers_by_name_and_by_kind() {
        let all = "ECDHE-ECDSA-AES256-GCM-SHA384 ECDHE-ECDSA-AES128-GCM-SHA256 ECDHE-ECDSA-CHACHA20-POLY1305 \
                   ECDHE-RSA-AES256-GCM-SHA384 ECDHE-RSA-AES128-GCM-SHA256 ECDHE-RSA-CHACHA20-POLY1305";
        assert_eq!(ciphers(""), all);
        assert_eq!(ciphers("HIGH:!aNULL:!MD5"), all);
        assert_eq!(ciphers("ECDHE-RSA-AES128-GCM-SHA256"), "ECDHE-RSA-AES128-GCM-SHA256");
        assert_eq!(ciphers("HIGH:!ECDSA:!CHACHA20:-AES256"), "ECDHE-RSA-AES128-GCM-SHA256");
        assert_eq!(ciphers("EECDH+AES256+RSA"), "ECDHE-RSA-AES256-GCM-SHA384");
        let named = provider("", "TLS_AES_128_GCM_SHA256").unwrap().cipher_suites;
        let new: Vec<_> = named.iter().filter_map(|suite| suite.tls13()).collect();
        assert_eq!(new.len(), 1);
        assert_eq!(ciphers("RC4"), "the list of SSL ciphers \"RC4\" leaves nothing that is supported");
    }
}
