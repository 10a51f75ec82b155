//! Both sides of a handshake, over TCP of this host.

use std::net::SocketAddr;
use std::path::Path;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;
use crate::base::net::{Event, Net};
use crate::base::target::Passive;

/// A CA, and whom it has signed.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

fn named(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(DnType::OrganizationName, "Open vSwitch");
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = named(name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    /// Writes `NAME.key`, `NAME.pem` and `ca.pem` into a directory of their own.
    fn sign(&self, name: &str) -> TempDir {
        let dir = tempfile::tempdir().unwrap();
        self.sign_into(dir.path(), name);
        dir
    }

    fn sign_into(&self, dir: &Path, name: &str) {
        let key = KeyPair::generate().unwrap();
        let certificate = named(name).signed_by(&key, &self.issuer).unwrap();
        std::fs::write(dir.join("key.pem"), key.serialize_pem()).unwrap();
        std::fs::write(dir.join("cert.pem"), certificate.pem()).unwrap();
        std::fs::write(dir.join("ca.pem"), &self.pem).unwrap();
    }
}

fn config(dir: &TempDir) -> TlsConfig {
    let path = |name| Some(dir.path().join(name));
    TlsConfig {
        private_key: path("key.pem"),
        certificate: path("cert.pem"),
        ca: Ca::File(dir.path().join("ca.pem")),
        ..TlsConfig::default()
    }
}

/// Whom each side saw, after a word each way; or which side failed.
async fn meet(server: &Tls, client: &Tls) -> Result<(Option<String>, Option<String>), &'static str> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = server.clone();
    let at_server = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut stream = server.accept(stream).await.ok()?;
        let seen = identity(&stream);
        let mut word = [0; 3];
        stream.read_exact(&mut word).await.ok()?;
        stream.write_all(&word).await.ok()?;
        stream.flush().await.ok()?;
        Some(seen)
    });
    let stream = TcpStream::connect(address).await.unwrap();
    let at_client = async {
        let mut stream = client.connect(stream, address.ip()).await.ok()?;
        let seen = identity(&stream);
        stream.write_all(b"abc").await.ok()?;
        stream.flush().await.ok()?;
        let mut word = [0; 3];
        stream.read_exact(&mut word).await.ok()?;
        Some(seen)
    };
    let at_client = at_client.await;
    let at_server = at_server.await.unwrap();
    match (at_server, at_client) {
        (Some(server), Some(client)) => Ok((server, client)),
        (None, _) => Err("server"),
        (Some(_), None) => Err("client"),
    }
}

/// A key and a certificate of `name` that nobody else has signed.
fn self_signed(name: &str) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let mut params = named(name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    std::fs::write(dir.path().join("key.pem"), key.serialize_pem()).unwrap();
    std::fs::write(dir.path().join("cert.pem"), params.self_signed(&key).unwrap().pem()).unwrap();
    dir
}

#[tokio::test]
async fn hosts_that_exchanged_their_own_certificates_believe_each_other_and_nobody_else() {
    let hosts = ["one", "two", "three"].map(self_signed);
    let believing = |host: usize, other: usize| {
        let ca = Ca::File(hosts[other].path().join("cert.pem"));
        Tls::new(TlsConfig { ca, ..config(&hosts[host]) })
    };
    let expected = Ok((Some("two".to_owned()), Some("one".to_owned())));
    assert_eq!(meet(&believing(0, 1), &believing(1, 0)).await, expected);
    assert_eq!(meet(&believing(0, 1), &believing(2, 0)).await, Err("server"));
    assert_eq!(meet(&believing(0, 1), &believing(1, 2)).await, Err("server"), "the client hangs up");
}

#[tokio::test]
async fn each_side_learns_the_others_name() {
    let ca = Authority::new("CA");
    let (db, chassis) = (ca.sign("db"), ca.sign("chassis-1"));
    let (server, client) = (Tls::new(config(&db)), Tls::new(config(&chassis)));
    let expected = Ok((Some("chassis-1".to_owned()), Some("db".to_owned())));
    assert_eq!(meet(&server, &client).await, expected);
    for protocols in ["TLSv1.2", "TLSv1.3"] {
        let client = Tls::new(TlsConfig { protocols: protocols.to_owned(), ..config(&chassis) });
        assert_eq!(meet(&server, &client).await, expected, "{protocols}");
    }
    let name = Some("db.example.org".to_owned());
    let client = Tls::new(TlsConfig { server_name: name, ..config(&chassis) });
    assert_eq!(meet(&server, &client).await, expected);
}

#[tokio::test]
async fn who_has_the_wrong_ca_or_none_is_refused_on_either_side() {
    let (ca, other) = (Authority::new("CA"), Authority::new("another CA"));
    let (db, chassis, stranger) = (ca.sign("db"), ca.sign("chassis-1"), other.sign("chassis-1"));
    let server = Tls::new(config(&db));
    assert!(meet(&server, &Tls::new(config(&stranger))).await.is_err());
    // The client believes the server, but the server does not believe the client.
    let ca_file = Ca::File(db.path().join("ca.pem"));
    let believes = Tls::new(TlsConfig { ca: ca_file, ..config(&stranger) });
    assert_eq!(meet(&server, &believes).await, Err("server"));
    let open = Tls::new(TlsConfig { ca: Ca::Unchecked, ..config(&db) });
    assert!(meet(&open, &Tls::new(config(&chassis))).await.is_ok());
    for config in [
        TlsConfig { private_key: None, ..config(&chassis) },
        TlsConfig { certificate: None, ..config(&chassis) },
        TlsConfig { ca: Ca::Unset, ..config(&chassis) },
    ] {
        let stream =
            TcpStream::connect(TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap());
        if let Ok(stream) = stream.await {
            let error = Tls::new(config).connect(stream, [127, 0, 0, 1].into()).await.unwrap_err();
            assert_eq!(error.raw_os_error(), Some(nix::libc::ENOPROTOOPT));
        }
    }
}

#[tokio::test]
async fn new_files_count_from_the_next_handshake_and_broken_ones_do_not() {
    let ca = Authority::new("CA");
    let (db, chassis) = (ca.sign("db"), ca.sign("chassis-1"));
    let (server, client) = (Tls::new(config(&db)), Tls::new(config(&chassis)));
    assert_eq!(meet(&server, &client).await.unwrap().1.as_deref(), Some("db"));
    ca.sign_into(db.path(), "db-2");
    assert_eq!(meet(&server, &client).await.unwrap().1.as_deref(), Some("db-2"));
    std::fs::write(db.path().join("cert.pem"), "half a cert").unwrap();
    assert_eq!(meet(&server, &client).await.unwrap().1.as_deref(), Some("db-2"));
}

#[tokio::test]
async fn the_first_server_is_believed_and_its_ca_kept() {
    let (ca, other) = (Authority::new("CA"), Authority::new("another CA"));
    let (db, chassis, stranger) = (ca.sign("db"), ca.sign("chassis-1"), other.sign("db"));
    let shows =
        |dir: &TempDir| Tls::new(TlsConfig { peer_ca: Some(dir.path().join("ca.pem")), ..config(dir) });
    let saved = chassis.path().join("saved.pem");
    let client = Tls::new(TlsConfig { ca: Ca::Bootstrap(saved.clone()), ..config(&chassis) });
    // One that does not show its CA cannot be believed.
    assert!(meet(&Tls::new(config(&db)), &client).await.is_err());
    assert!(!saved.exists());
    assert!(meet(&shows(&db), &client).await.is_ok());
    let text = |text: &str| text.lines().map(str::trim).collect::<String>();
    assert_eq!(text(&std::fs::read_to_string(&saved).unwrap()), text(&ca.pem));
    assert!(meet(&Tls::new(config(&db)), &client).await.is_ok(), "believed from now on");
    assert!(meet(&shows(&stranger), &client).await.is_err(), "and nobody else is");
}

#[tokio::test]
async fn greeting_and_encryption_do_not_wait_for_the_loop() {
    const LENGTH: usize = 8 << 20;
    let ca = Authority::new("CA");
    let (db, chassis) = (ca.sign("db"), ca.sign("chassis-1"));
    let mut net = Net::default();
    net.tls.configure(config(&db));
    let any = Passive::Tls(([127, 0, 0, 1], 0).into());
    let (link, port) = net.listen(&any).await.unwrap();
    let address = SocketAddr::from(([127, 0, 0, 1], port.unwrap()));
    let client = Tls::new(config(&chassis));
    let (told, hears) = std::sync::mpsc::channel();
    let thread = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let stream = TcpStream::connect(address).await.unwrap();
            let mut stream = client.connect(stream, address.ip()).await.unwrap();
            told.send(()).unwrap();
            stream.write_all(b"abc").await.unwrap();
            stream.flush().await.unwrap();
            let mut all = vec![0; LENGTH];
            stream.read_exact(&mut all).await.unwrap();
            told.send(()).unwrap();
        });
    });
    // While this thread waits the loop does nothing.
    let hear = || hears.recv_timeout(Duration::from_secs(60)).expect("somebody else does it");
    hear();
    let conn = loop {
        match net.next().await {
            Event::Received(conn, bytes) => {
                assert_eq!(bytes, b"abc");
                break conn;
            }
            Event::Accepted(of, conn) => {
                assert_eq!((of, net.identity(conn).as_deref()), (link, Some("chassis-1")));
            }
            event => panic!("{event:?}"),
        }
    };
    net.send(conn, vec![7; LENGTH]);
    net.flush();
    hear();
    thread.join().unwrap();
    net.drop_link(link);
}

#[tokio::test(start_paused = true)]
async fn one_that_does_not_shake_hands_is_dropped() {
    let ca = Authority::new("CA");
    let server = Tls::new(config(&ca.sign("db")));
    let dir = ca.sign("db");
    server.configure(config(&dir));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let _silent = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (stream, _) = listener.accept().await.unwrap();
    assert!(server.accept(stream).await.is_err());
    let mut noisy = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    noisy.write_all(b"{\"method\":\"echo\"}").await.unwrap();
    let (stream, _) = listener.accept().await.unwrap();
    assert!(server.accept(stream).await.is_err());
}
