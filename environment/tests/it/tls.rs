//! TLS: what it promises on either network, and the authority's folder.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;

use environment::Stream;
use environment::tls::{
    Alpn, Authority, CERTIFICATE, Connector, Identity, KEY, Leaf, Problem, Status, Trust,
    default_folder,
};
use proptest::prelude::*;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest};

use crate::net::{World, on_a_simulation, on_both};

/// An authority in a folder that goes when it does.
struct Own {
    authority: Authority,
    _folder: TempDir,
}

impl Own {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::open_or_make(&folder.path().join("ca")).unwrap();
        Self {
            authority,
            _folder: folder,
        }
    }

    fn connector(&self, host: &str) -> Connector {
        Connector::new(host, &self.authority.trust()).unwrap()
    }

    /// The two ends of a handshake, whatever came of it.
    async fn shake(
        &self,
        world: &World,
        leaf: Leaf,
        alpn: Alpn,
        connector: &Connector,
    ) -> [(Stream, std::io::Result<()>); 2] {
        let (dialled, accepted, _listener) = world.pair().await;
        let mut dialled = connector.connect(dialled);
        let mut accepted = self.authority.acceptor(leaf, alpn).accept(accepted);
        assert!(dialled.is_handshaking() && accepted.is_handshaking());
        let (one, other) = tokio::join!(dialled.handshake(), accepted.handshake());
        [(dialled, one), (accepted, other)]
    }

    async fn pair(&self, world: &World) -> (Stream, Stream) {
        let connector = self.connector("localhost");
        let both = self
            .shake(world, Leaf::Valid, Alpn::Http1, &connector)
            .await;
        let [(dialled, one), (accepted, other)] = both;
        one.unwrap();
        other.unwrap();
        (dialled, accepted)
    }
}

fn problem(result: &std::io::Result<()>) -> Problem {
    let error = result.as_ref().unwrap_err();
    Problem::of(error)
        .unwrap_or_else(|| panic!("{error:?}"))
        .clone()
}

#[test]
fn a_handshake_tells_version_name_and_protocol() {
    on_both(|world| async move {
        let own = Own::new();
        let (dialled, accepted) = own.pair(&world).await;
        let Some(Status::Established(told)) = accepted.tls_status() else {
            panic!("{:?}", accepted.tls_status());
        };
        assert_eq!(told.version, "1.3");
        assert_eq!(told.server_name.as_deref(), Some("localhost"));
        assert_eq!(told.alpn.as_deref(), Some("http/1.1"));
        assert!(matches!(dialled.tls_status(), Some(Status::Established(_))));
    });
}

#[test]
fn any_name_that_is_asked_for_is_in_the_certificate() {
    on_both(|world| async move {
        let own = Own::new();
        for host in ["feed.example", "127.0.0.1", "[::1]"] {
            let connector = own.connector(host);
            let both = own
                .shake(&world, Leaf::Valid, Alpn::Http1, &connector)
                .await;
            for (_, result) in both {
                result.unwrap_or_else(|error| panic!("{host}: {error}"));
            }
        }
    });
}

#[test]
fn a_bad_certificate_is_refused_and_both_ends_say_so() {
    on_both(|world| async move {
        let own = Own::new();
        for (leaf, reason, alert) in [
            (Leaf::Expired, "expired", "certificate_expired"),
            (Leaf::NotYet, "not valid yet", "certificate_expired"),
            (Leaf::WrongHost, "localhost", "bad_certificate"),
            (Leaf::SelfSigned, "no trusted authority", "unknown_ca"),
            (Leaf::Untrusted, "no trusted authority", "unknown_ca"),
        ] {
            let connector = own.connector("localhost");
            let [(_, dialled), (mut served, accepted)] =
                own.shake(&world, leaf, Alpn::Http1, &connector).await;
            let told = problem(&dialled);
            assert!(matches!(told, Problem::Certificate(_)), "{leaf:?}: {told}");
            assert!(told.to_string().contains(reason), "{leaf:?}: {told}");
            // In TLS 1.3 the server is done before the client has looked.
            let heard = match accepted {
                Ok(()) => served.read(&mut [0]).await.map(drop),
                failed => failed,
            };
            let heard = problem(&heard);
            assert!(heard.is_distrust(), "{leaf:?}: {heard}");
            assert!(heard.to_string().contains(alert), "{leaf:?}: {heard}");
        }
    });
}

#[test]
fn whoever_trusts_anybody_accepts_every_certificate() {
    on_both(|world| async move {
        let own = Own::new();
        let connector = Connector::new("localhost", &Trust::Anybody).unwrap();
        for leaf in [
            Leaf::Expired,
            Leaf::WrongHost,
            Leaf::SelfSigned,
            Leaf::Changed,
        ] {
            for (_, result) in own.shake(&world, leaf, Alpn::Http1, &connector).await {
                result.unwrap_or_else(|error| panic!("{leaf:?}: {error}"));
            }
        }
    });
}

/// One end that is sent what `bytes` are, and what comes of its handshake.
async fn served(world: &World, bytes: &[u8]) -> Problem {
    let own = Own::new();
    let (mut dialled, accepted, _listener) = world.pair().await;
    let mut accepted = own
        .authority
        .acceptor(Leaf::Valid, Alpn::Http1)
        .accept(accepted);
    dialled.write_all(bytes).await.unwrap();
    dialled.shutdown().await.unwrap();
    problem(&accepted.handshake().await)
}

#[test]
fn a_client_that_speaks_no_tls_is_told_from_one_that_ends() {
    on_both(|world| async move {
        let request = b"GET /ws HTTP/1.1\r\nHost: a\r\n\r\n";
        assert_eq!(served(&world, request).await, Problem::NoTls);
        assert_eq!(served(&world, b"").await, Problem::Ended);
        assert_eq!(
            served(&world, b"\x16\x03\x01\x02\x00\x01").await,
            Problem::Ended
        );
    });
}

#[test]
fn a_server_that_speaks_no_tls_is_found() {
    on_both(|world| async move {
        let (dialled, mut accepted, _listener) = world.pair().await;
        let connector = Connector::new("localhost", &Trust::Anybody).unwrap();
        let mut dialled = connector.connect(dialled);
        accepted
            .write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            .await
            .unwrap();
        assert_eq!(problem(&dialled.handshake().await), Problem::NoTls);
    });
}

#[test]
fn a_hello_in_single_bytes_is_a_hello() {
    on_both(|world| async move {
        let own = Own::new();
        let (dialled, mut near, _listener) = world.pair().await;
        let (mut far, accepted, _other) = world.pair().await;
        let mut dialled = own.connector("localhost").connect(dialled);
        let mut accepted = own
            .authority
            .acceptor(Leaf::Valid, Alpn::Http1)
            .accept(accepted);
        let relay = async {
            let mut byte = [0];
            loop {
                tokio::select! {
                    biased;
                    read = near.read(&mut byte) => match read.unwrap() {
                        0 => break,
                        _ => far.write_all(&byte).await.unwrap(),
                    },
                    ready = far.ready(Interest::READABLE) => {
                        ready.unwrap();
                        while let Ok(1) = far.try_read(&mut byte) {
                            near.write_all(&byte).await.unwrap();
                        }
                    }
                }
            }
        };
        let shake = async {
            let (one, other) = tokio::join!(dialled.handshake(), accepted.handshake());
            one.unwrap();
            other.unwrap();
        };
        tokio::select! {
            biased;
            () = relay => panic!("it ended"),
            () = shake => {}
        }
    });
}

#[test]
fn close_notify_and_fin_end_one_way_and_the_other_goes_on() {
    on_both(|world| async move {
        let own = Own::new();
        let (mut client, mut server) = own.pair(&world).await;
        client.write_all(b"last").await.unwrap();
        client.shutdown_write().unwrap();
        let mut all = Vec::new();
        server.read_to_end(&mut all).await.unwrap();
        assert_eq!(all, b"last");
        // As it should: nothing has failed.
        assert!(matches!(server.tls_status(), Some(Status::Established(_))));
        server.write_all(b"answer").await.unwrap();
        server.shutdown().await.unwrap();
        all.clear();
        client.read_to_end(&mut all).await.unwrap();
        assert_eq!(all, b"answer");
    });
}

/// A relay between the two ends that can end as TCP does, under their TLS.
#[test]
fn fin_without_close_notify_is_an_end_and_is_told() {
    on_both(|world| async move {
        let own = Own::new();
        let (client, mut server) = own.pair(&world).await;
        // A stream that is dropped says nothing more; its system sends FIN.
        drop(client);
        assert_eq!(server.read(&mut [0]).await.unwrap(), 0);
        assert_eq!(
            server.tls_status(),
            Some(Status::Failed(Problem::Truncated))
        );
    });
}

#[test]
fn a_reset_behind_tls_is_a_reset() {
    on_both(|world| async move {
        let own = Own::new();
        let (client, mut server) = own.pair(&world).await;
        client.reset();
        let error = server.read(&mut [0]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    });
}

#[test]
fn what_the_system_does_not_take_waits_and_goes_before_the_end() {
    on_both(|world| async move {
        let own = Own::new();
        let (mut client, mut server) = own.pair(&world).await;
        let mut sent = 0;
        while let Ok(count) = client.try_write(&[7; 100_000]) {
            sent += count;
        }
        client.shutdown_write().unwrap();
        assert!(client.has_backlog() && client.unsent() > Some(0));
        let flush = async {
            while client.has_backlog() {
                client.ready(Interest::WRITABLE).await.unwrap();
                let _ = client.try_flush();
            }
        };
        let mut all = Vec::new();
        let ((), read) = tokio::join!(flush, server.read_to_end(&mut all));
        assert_eq!((read.unwrap(), all.len()), (sent, sent));
        assert!(matches!(server.tls_status(), Some(Status::Established(_))));
    });
}

/// Waits for it to be readable, as the proxy does, and reads so much at a time.
async fn read_in_pieces(stream: &mut Stream, size: usize) -> Vec<u8> {
    let (mut all, mut piece) = (Vec::new(), vec![0; size]);
    loop {
        std::future::poll_fn(|cx| stream.poll_readable(cx))
            .await
            .unwrap();
        match stream.try_read(&mut piece) {
            Ok(0) => return all,
            Ok(count) => all.extend_from_slice(&piece[..count]),
            Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    /// Conservation, order and indifference to pieces.
    #[test]
    fn what_is_written_is_what_is_read_whatever_the_pieces(
        writes in prop::collection::vec(1_usize..40_000, 1..12),
        size in 1_usize..40_000,
    ) {
        on_a_simulation(&|world| {
            let writes = writes.clone();
            async move {
                let own = Own::new();
                let (mut client, mut server) = own.pair(&world).await;
                let total: usize = writes.iter().sum();
                let bytes: Vec<u8> = (0..total).map(|at| u8::try_from(at % 251).unwrap()).collect();
                let write = async {
                    let mut rest = &bytes[..];
                    for count in &writes {
                        let (piece, behind) = rest.split_at(*count);
                        client.write_all(piece).await.unwrap();
                        rest = behind;
                    }
                    client.flush().await.unwrap();
                    client.shutdown().await.unwrap();
                };
                let ((), read) = tokio::join!(write, read_in_pieces(&mut server, size));
                assert!(read == bytes, "{} of {total}", read.len());
            }
        });
    }
}

#[test]
fn an_authority_is_made_once_and_its_key_is_the_users_alone() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("data/ca");
    let first = Authority::open_or_make(&place).unwrap();
    let mode = |name| fs::metadata(place.join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(KEY), 0o600);
    let second = Authority::open_or_make(&place).unwrap();
    assert_eq!(first.certificate(), second.certificate());
    // Nothing of its making is left.
    assert_eq!(fs::read_dir(folder.path().join("data")).unwrap().count(), 1);
}

#[test]
fn the_bundle_ends_with_the_authority_and_is_written_once() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::open_or_make(&folder.path().join("ca")).unwrap();
    let bundle = authority.bundle_file().unwrap();
    let text = fs::read_to_string(&bundle).unwrap();
    assert!(text.ends_with(authority.certificate()));
    let written = || fs::metadata(&bundle).unwrap().modified().unwrap();
    let before = written();
    assert_eq!(authority.bundle_file().unwrap(), bundle);
    assert_eq!(written(), before);
}

#[test]
fn many_that_make_one_at_once_get_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("ca");
    fs::create_dir(&place).unwrap();
    let certificates: Vec<String> = std::thread::scope(|scope| {
        let make = || {
            Authority::open_or_make(&place)
                .unwrap()
                .certificate()
                .to_owned()
        };
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(make)).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    assert!(certificates.iter().all(|it| *it == certificates[0]));
}

#[test]
fn a_folder_that_has_no_authority_is_told_with_what_would_help() {
    let folder = tempfile::tempdir().unwrap();
    let (one, other) = (folder.path().join("one"), folder.path().join("other"));
    Authority::open_or_make(&one).unwrap();
    Authority::open_or_make(&other).unwrap();
    let check = |expected: &str| {
        let error = Authority::open_or_make(&one).unwrap_err().to_string();
        assert!(
            error.contains(expected) && error.contains("--ca DIR"),
            "{error}"
        );
    };
    fs::copy(other.join(CERTIFICATE), one.join(CERTIFICATE)).unwrap();
    check("ca.pem is not the certificate of ca-key.pem");
    fs::write(one.join(KEY), "no key").unwrap();
    check("no private key");
    fs::remove_file(one.join(KEY)).unwrap();
    check("ca-key.pem: No such file");
    fs::remove_file(one.join(CERTIFICATE)).unwrap();
    fs::write(one.join("notes.txt"), "mine").unwrap();
    check("failed to make an authority");
    let error = Authority::open_or_make(&one.join("notes.txt/ca")).unwrap_err();
    assert!(error.to_string().contains("failed to make"), "{error}");
}

#[test]
fn the_users_folder_is_where_the_system_says() {
    let check = |variables: &[(&str, &str)], expected: Option<&str>| {
        let find = |name: &str| {
            let found = variables.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| value.into())
        };
        let folder = default_folder(find).ok();
        assert_eq!(folder.as_deref(), expected.map(std::path::Path::new));
    };
    check(
        &[("XDG_DATA_HOME", "/d"), ("HOME", "/h")],
        Some("/d/chaos-proxy/ca"),
    );
    // A relative one is to be ignored (XDG Base Directory Specification).
    check(
        &[("XDG_DATA_HOME", "d"), ("HOME", "/h")],
        Some("/h/.local/share/chaos-proxy/ca"),
    );
    check(&[("HOME", "")], None);
    check(&[], None);
}

#[test]
fn files_of_certificates_and_keys_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let (one, other) = (folder.path().join("one"), folder.path().join("other"));
    Authority::open_or_make(&one).unwrap();
    Authority::open_or_make(&other).unwrap();
    let (certificate, key) = (one.join(CERTIFICATE), one.join(KEY));
    Identity::read(&certificate, &key).unwrap();
    let check = |certificate: &std::path::Path, key: &std::path::Path, expected: &str| {
        let error = Identity::read(certificate, key).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    };
    check(&certificate, &other.join(KEY), "is for another key than");
    check(&key, &key, "no certificate in it");
    check(&certificate, &certificate, "no private key in it");
    check(&folder.path().join("none"), &key, "certificate");
}

#[test]
fn whom_nobody_can_trust_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let check = |host: &str, trust: Trust, expected: &str| {
        let error = Connector::new(host, &trust).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    };
    check(
        "a",
        Trust::File(folder.path().join("none")),
        "certificates in PEM",
    );
    let file = folder.path().join("empty.pem");
    fs::write(&file, "").unwrap();
    check("a", Trust::File(file), "no certificate in it");
    check(&"a".repeat(300), Trust::Anybody, "at most 253");
    check("a b", Trust::Anybody, "no name of a host");
}
