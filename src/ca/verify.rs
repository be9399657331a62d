//! What other people's verifiers make of our certificates.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;
use std::thread;

use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection};
use rustls_pki_types::{CertificateDer, ServerName};
use time::OffsetDateTime;

use super::bundle::{JAVA_PASSWORD, Roots};
use super::chain::Chain;
use super::leaf::Leaves;
use super::{Authority, Scope, pem};

/// A folder with the files of one leaf, whatever host it is for.
struct Case {
    folder: tempfile::TempDir,
}

impl Case {
    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

/// A leaf for `host` from a CA that is held to `scope`, which need not cover it.
fn case(scope: &Scope, host: &str) -> Case {
    let now = OffsetDateTime::now_utc();
    let chain = Chain::create(scope, now).unwrap();
    let leaf = Leaves::new().unwrap().leaf(host, &chain, now).unwrap();
    let case = Case { folder: tempfile::tempdir().unwrap() };
    for (name, certificate) in
        [("leaf.pem", &leaf.cert[0]), ("issuer.pem", &leaf.cert[1]), ("root.pem", chain.root())]
    {
        fs::write(case.path(name), pem::certificate(certificate)).unwrap();
    }
    assert_eq!(leaf.cert.len(), 2);
    case
}

/// The program's output; `None`, said in a line, if it is not on this machine.
fn output(command: &mut Command) -> Option<Output> {
    match command.output() {
        Ok(output) => Some(output),
        Err(error) => {
            println!("skipped: {:?}: {error}", command.get_program());
            None
        }
    }
}

/// A scope, a host, and whether a verifier must accept a leaf for it.
fn verdicts() -> Vec<(Scope, &'static str, bool)> {
    let only = |hosts: &[&str]| Scope::only(hosts).unwrap();
    vec![
        (only(&["api.example.com"]), "api.example.com", true),
        (only(&["*.example.com"]), "a.b.example.com", true),
        (only(&["run.*.example.com"]), "run.eu.example.com", true),
        (only(&["api.example.com"]), "api.example.org", false),
        (only(&["api.example.com"]), "10.0.0.1", false),
        (only(&["api.example.com"]), "::1", false),
        (only(&["10.0.0.1", "api.example.com"]), "10.0.0.1", true),
        (only(&["10.0.0.1"]), "10.0.0.2", false),
        (only(&["10.0.0.1"]), "::1", false),
        (only(&["10.0.0.1"]), "api.example.com", false),
        (only(&["::1", "10.0.0.1"]), "::1", true),
        (only(&["::1", "10.0.0.1"]), "::2", false),
        (only(&["localhost"]), "localhost", true),
        (only(&[]), "api.example.com", false),
        (Scope::Everything, "api.example.com", true),
        (Scope::Everything, "10.0.0.1", true),
    ]
}

#[test]
fn openssl_in_strict_mode_agrees() {
    for (scope, host, accepted) in verdicts() {
        let case = case(&scope, host);
        let name = match host.parse::<std::net::IpAddr>() {
            Ok(_) => "-verify_ip",
            Err(_) => "-verify_hostname",
        };
        let Some(output) = output(
            Command::new("openssl")
                .args(["verify", "-x509_strict", "-purpose", "sslserver", name, host])
                .arg("-CAfile")
                .arg(case.path("root.pem"))
                .arg("-untrusted")
                .arg(case.path("issuer.pem"))
                .arg(case.path("leaf.pem")),
        ) else {
            return;
        };
        assert_eq!(output.status.success(), accepted, "{scope}, {host}: {output:?}");
        let said = String::from_utf8_lossy(&output.stderr).contains("subtree violation");
        assert!(accepted || said, "{scope}, {host}: {output:?}");
    }
}

#[test]
fn webpki_agrees() {
    for (scope, host, accepted) in verdicts() {
        let now = OffsetDateTime::now_utc();
        let chain = Chain::create(&scope, now).unwrap();
        let leaf = Leaves::new().unwrap().leaf(host, &chain, now).unwrap();
        let shaken = handshake(leaf, chain.root().clone(), host);
        assert_eq!(shaken.is_ok(), accepted, "{scope}, {host}: {shaken:?}");
    }
}

/// A whole TLS handshake in memory.
fn handshake(
    leaf: Arc<rustls::sign::CertifiedKey>,
    root: CertificateDer<'static>,
    host: &str,
) -> Result<(), rustls::Error> {
    let mut roots = RootCertStore::empty();
    roots.add(root)?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let client = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(host.to_owned()).unwrap();
    let mut client = ClientConnection::new(Arc::new(client), name)?;
    let mut server = ServerConnection::new(server(leaf))?;
    while client.is_handshaking() || server.is_handshaking() {
        let mut wire = Vec::new();
        client.write_tls(&mut wire).unwrap();
        server.read_tls(&mut wire.as_slice()).unwrap();
        server.process_new_packets()?;
        wire.clear();
        server.write_tls(&mut wire).unwrap();
        client.read_tls(&mut wire.as_slice()).unwrap();
        client.process_new_packets()?;
    }
    Ok(())
}

fn server(leaf: Arc<rustls::sign::CertifiedKey>) -> Arc<ServerConfig> {
    #[derive(Debug)]
    struct Always(Arc<rustls::sign::CertifiedKey>);
    impl rustls::server::ResolvesServerCert for Always {
        fn resolve(
            &self,
            _: rustls::server::ClientHello<'_>,
        ) -> Option<Arc<rustls::sign::CertifiedKey>> {
            Some(self.0.clone())
        }
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(Always(leaf)));
    Arc::new(config)
}

/// A TLS server on loopback that shows `authority`'s leaf for `host` and says `hello`.
fn serve(authority: &Authority, host: &str) -> u16 {
    let config = server(authority.leaf(host).unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let connection = ServerConnection::new(config.clone()).unwrap();
            let mut tls = rustls::StreamOwned::new(connection, stream.unwrap());
            // A client that refuses us is what some of the tests are about.
            let _ = answer(&mut tls);
        }
    });
    port
}

fn answer(tls: &mut rustls::StreamOwned<ServerConnection, TcpStream>) -> std::io::Result<()> {
    let mut request = [0; 1024];
    let _ = tls.read(&mut request)?;
    tls.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello")?;
    tls.conn.send_close_notify();
    tls.flush()
}

#[test]
fn python_in_strict_mode_accepts() {
    const SCRIPT: &str = "
import socket, ssl, sys
root, port, host = sys.argv[1:]
context = ssl.create_default_context(cafile=root)
context.verify_flags |= ssl.VERIFY_X509_STRICT
with socket.create_connection(('127.0.0.1', int(port))) as plain:
    with context.wrap_socket(plain, server_hostname=host) as tls:
        tls.sendall(b'GET / HTTP/1.1\\r\\n\\r\\n')
        assert tls.recv(4096).startswith(b'HTTP/1.1 200')
";
    let scope = Scope::only(["*.example.com", "127.0.0.1"]).unwrap();
    let authority = Authority::ephemeral(&scope).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("root.pem");
    fs::write(&root, authority.root_pem()).unwrap();
    for python in ["python3", "python3.13"] {
        for host in ["api.example.com", "127.0.0.1"] {
            let port = serve(&authority, host).to_string();
            let mut command = Command::new(python);
            command.args(["-c", SCRIPT]).arg(&root).args([&port, host]);
            let Some(output) = output(&mut command) else {
                continue;
            };
            // A version manager's stand-in for a version that is not chosen.
            if output.status.code() == Some(127) {
                println!("skipped: no {python} here");
                continue;
            }
            assert!(output.status.success(), "{python}, {host}: {output:?}");
        }
    }
}

#[test]
fn java_accepts() {
    const PROGRAM: &str = r#"
import java.net.URI;
import java.net.http.*;
public class Ask {
    public static void main(String[] urls) throws Exception {
        var client = HttpClient.newHttpClient();
        for (var url : urls) {
            var ask = HttpRequest.newBuilder(URI.create(url)).build();
            System.out.println(client.send(ask, HttpResponse.BodyHandlers.ofString()).body());
        }
    }
}
"#;
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("Ask.java");
    fs::write(&program, PROGRAM).unwrap();
    for (hosts, asked) in [
        (&["localhost", "*.example.com"][..], "localhost"),
        (&["127.0.0.1", "::1", "localhost"], "localhost"),
        (&["127.0.0.1", "::1", "*.example.com"], "127.0.0.1"),
    ] {
        let authority = Authority::ephemeral(&Scope::only(hosts).unwrap()).unwrap();
        let store = folder.path().join("trust.p12");
        Roots::default().write_java(&authority, &store).unwrap();
        let port = serve(&authority, asked);
        let Some(output) = output(
            Command::new("java")
                .arg(option("trustStore", &store))
                .arg(option("trustStorePassword", Path::new(JAVA_PASSWORD)))
                .arg(&program)
                .arg(format!("https://{asked}:{port}/")),
        ) else {
            return;
        };
        let said = String::from_utf8_lossy(&output.stdout);
        assert_eq!(said, "hello\n", "{asked} of {hosts:?}: {output:?}");
    }
}

fn option(name: &str, value: &Path) -> String {
    format!("-Djavax.net.ssl.{name}={}", value.display())
}
