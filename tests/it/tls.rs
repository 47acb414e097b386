//! Https without a proxy: what clients and operators see of it.

use std::io;

use http::Version;
use identity_tests::{SelfSigned, Server};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

#[tokio::test]
async fn users_sign_up_over_https_and_their_addresses_are_known() {
    let mut server = Server::builder().https(SelfSigned::new()).start().await;
    let alice = server.actor("alice");
    let _ = alice.signs_up().await.expect(200);
    let session = alice.session().await;
    assert_eq!(session["session"]["ipAddress"], "127.0.0.1");
    let (ready, said) = server.command(&["health"]).await;
    assert!(ready && said.contains("ready"), "{said}");
    assert!(server.terminate().await.success(), "{}", server.logs());
}

#[tokio::test]
async fn clients_choose_between_http_1_and_2() {
    let server = Server::builder().https(SelfSigned::new()).start().await;
    let url = format!("{}/health", server.base_url());
    for (client, version) in [(server.client(), Version::HTTP_2), (server.client().http1_only(), Version::HTTP_11)] {
        let answer = client.build().unwrap().get(&url).send().await.unwrap();
        assert_eq!((answer.status().as_u16(), answer.version()), (200, version));
        assert!(answer.headers().contains_key("strict-transport-security"));
    }
    let long = "x".repeat(20 * 1024);
    for client in [server.client(), server.client().http1_only()] {
        let asked = client.build().unwrap().get(&url).header("x-long", &long).send().await;
        assert!(
            asked.is_err() || asked.is_ok_and(|answer| answer.status().as_u16() == 431),
            "long headers are refused"
        );
    }
}

/// The type and the content of the first record that the server says to the first bytes of a connection.
async fn answer_to(server: &Server, bytes: &[u8]) -> io::Result<(u8, Vec<u8>)> {
    let mut stream = TcpStream::connect(server.address()).await?;
    stream.write_all(bytes).await?;
    let mut head = [0; 5];
    stream.read_exact(&mut head).await?;
    let mut content = vec![0; usize::from(u16::from_be_bytes([head[3], head[4]]))];
    stream.read_exact(&mut content).await?;
    Ok((head[0], content))
}

/// The greeting of a client whose newest version is TLS 1.`minor`.
fn hello(minor: u8) -> Vec<u8> {
    /// Groups X25519 and P-256, uncompressed points, ECDSA with P-256.
    const EXTENSIONS: [u8; 24] = [0, 10, 0, 6, 0, 4, 0, 29, 0, 23, 0, 11, 0, 2, 1, 0, 0, 13, 0, 4, 0, 2, 4, 3];
    let length = |bytes: &[u8]| u8::try_from(bytes.len()).unwrap();
    let suites = [0xc0, 0x2b, 0xc0, 0x09];
    let mut hello = vec![3, minor + 1];
    hello.extend([7; 32]);
    hello.extend([0, 0, length(&suites)]);
    hello.extend(suites);
    hello.extend([1, 0, 0, length(&EXTENSIONS)]);
    hello.extend(EXTENSIONS);
    let handshake = [&[1, 0, 0, length(&hello)], &hello[..]].concat();
    [&[22, 3, 1, 0, length(&handshake)], &handshake[..]].concat()
}

#[tokio::test]
async fn old_versions_of_tls_and_plain_http_are_refused() {
    let server = Server::builder().https(SelfSigned::new()).start().await;
    let (kind, _) = answer_to(&server, &hello(2)).await.unwrap();
    assert_eq!(kind, 22, "TLS 1.2 is shaken hands with");
    for minor in [0, 1] {
        // An alert (21): fatal (2), protocol_version (70).
        assert_eq!(answer_to(&server, &hello(minor)).await.unwrap(), (21, vec![2, 70]), "TLS 1.{minor}");
    }
    let plain = answer_to(&server, b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    assert!(plain.is_err() || plain.is_ok_and(|(kind, _)| kind == 21), "plain HTTP is not spoken");
    assert!(
        reqwest::get(format!("{}/health", server.base_url())).await.is_err(),
        "nobody else trusts this certificate"
    );
}

#[tokio::test]
async fn a_new_certificate_is_shown_without_a_restart_and_a_bad_one_changes_nothing() {
    let mut server = Server::builder().https(SelfSigned::new()).start().await;
    let url = format!("{}/health", server.base_url());
    let process = server.process_id();
    let open = server.client().build().unwrap();
    let _ = open.get(&url).send().await.unwrap().bytes().await.unwrap();
    server.renew_certificate(SelfSigned::new()).await;
    assert_eq!(server.process_id(), process);
    assert_eq!(open.get(&url).send().await.unwrap().status().as_u16(), 200, "connections that are open stay so");
    std::fs::write(server.folder().join("key.pem"), "no key").unwrap();
    server.signal("HUP");
    server.until_logged("the old certificate stays").await;
    assert_eq!(server.client().build().unwrap().get(&url).send().await.unwrap().status().as_u16(), 200);
}

#[tokio::test]
async fn all_that_is_wrong_with_a_certificate_is_said_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let [certificate, key] = SelfSigned::new().write(folder.path());
    let other = tempfile::tempdir().unwrap();
    let [_, other_key] = SelfSigned::new().write(other.path());
    let https = ("IDENTITY_HTTP__BASE_URL".to_owned(), "https://localhost:8888".to_owned());
    let missing = |variable: &str| (variable.to_owned(), folder.path().join("missing").display().to_string());
    let swapped = [(certificate.0.clone(), key.1.clone()), (key.0.clone(), certificate.1.clone())];
    let rows: [(Vec<_>, &[&str]); 6] = [
        (vec![https.clone(), certificate.clone(), key.clone()], &[]),
        (
            vec![certificate.clone()],
            &["http.tls_key", "must be set, because", "http.base_url", "must be https, because"],
        ),
        (vec![https.clone(), key.clone()], &["http.tls_cert", "must be set, because"]),
        (
            vec![https.clone(), missing(&certificate.0), missing(&key.0)],
            &[
                "http.tls_cert (IDENTITY_HTTP__TLS_CERT): cannot read",
                "http.tls_key (IDENTITY_HTTP__TLS_KEY): cannot read",
            ],
        ),
        (
            [vec![https.clone()], swapped.to_vec()].concat(),
            &["holds no certificate in PEM", "holds no private key in PEM"],
        ),
        (vec![https, certificate, other_key], &["http.tls_cert", "http.tls_key", "are not a certificate and its key"]),
    ];
    for (env, complaints) in rows {
        let builder = env.iter().fold(Server::builder(), |builder, (name, value)| builder.env(name, value));
        let (fine, said) = builder.run(&["config", "check"]).await;
        assert_eq!(fine, complaints.is_empty(), "{env:?}: {said}");
        for complaint in complaints {
            assert!(said.contains(complaint), "{complaint:?} is not in {said}");
        }
        assert!(!said.contains("PRIVATE KEY"), "{said}");
    }
}
