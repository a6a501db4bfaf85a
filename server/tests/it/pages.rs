//! What is served besides the sockets.

use crate::support::{Server, quick};

#[tokio::test]
async fn pages_scripts_and_health_are_served() {
    let server = Server::start(quick());
    for (path, kind, holds) in [
        ("/", "text/html; charset=utf-8", front()),
        ("/plain.html", "text/html; charset=utf-8", "/plain.js"),
        ("/plain.js", "text/javascript; charset=utf-8", "last_seq"),
        (
            "/websocket.html",
            "text/html; charset=utf-8",
            "/websocket.js",
        ),
        ("/websocket.js", "text/javascript; charset=utf-8", "/echo"),
        (
            "/page.css",
            "text/css; charset=utf-8",
            "prefers-color-scheme",
        ),
        ("/healthz", "text/plain; charset=utf-8", "ok"),
    ] {
        let answer = server.get(path).await;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let head = head.to_ascii_lowercase();
        assert!(head.starts_with("http/1.1 200 "), "{path}: {head}");
        assert!(
            head.contains(&format!("content-type: {kind}")),
            "{path}: {head}"
        );
        assert!(body.contains(holds), "{path}: {body}");
        assert!(
            head.contains("x-content-type-options: nosniff"),
            "{path}: {head}"
        );
        assert!(
            head.contains("connect-src 'self' ws: wss:"),
            "{path}: {head}"
        );
        assert!(
            !head.contains("\ndate:"),
            "two runs must say the same: {head}"
        );
    }
}

/// What marks the page at the front: the built one if there is one.
fn front() -> &'static str {
    if cfg!(page_is_built) {
        "/assets/"
    } else {
        "make frontend"
    }
}

/// The pages hold to their own policy: nothing inline, nothing from elsewhere.
#[tokio::test]
async fn pages_load_nothing_from_elsewhere() {
    let server = Server::start(quick());
    for path in ["/", "/plain.html", "/websocket.html"] {
        let page = server.get(path).await;
        for script in page.split("<script").skip(1) {
            let (tag, text) = script.split_once('>').unwrap();
            assert!(tag.contains(" src=\""), "{path} has <script{tag}>");
            assert!(text.starts_with("</script>"), "{path} has {text}");
        }
        for attribute in [" src=\"", " href=\""] {
            for rest in page.split(attribute).skip(1) {
                let is_own = rest.starts_with('/') && !rest.starts_with("//");
                assert!(
                    is_own || rest.starts_with("data:"),
                    "{path} has{attribute}{rest}"
                );
            }
        }
        for inline in ["<style", " style=", " onclick="] {
            assert!(!page.contains(inline), "{path} has {inline}");
        }
    }
    for path in ["/plain.js", "/websocket.js", "/page.css"] {
        let text = server.get(path).await;
        for foreign in ["http://", "https://", "@import", "url("] {
            assert!(!text.contains(foreign), "{path} has {foreign}");
        }
    }
}

#[tokio::test]
async fn what_is_not_there_is_said() {
    let server = Server::start(quick());
    let answer = server.get("/nowhere").await;
    assert!(answer.starts_with("HTTP/1.1 404 "), "{answer}");
    assert!(answer.contains("/websocket.html"), "{answer}");
    let post =
        "POST /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    let answer = server.exchange(post).await;
    assert!(answer.starts_with("HTTP/1.1 405 "), "{answer}");
}

#[tokio::test]
async fn a_socket_asked_for_without_an_upgrade_says_how() {
    let server = Server::start(quick());
    for path in ["/ws", "/echo"] {
        let answer = server.get(path).await;
        assert!(answer.starts_with("HTTP/1.1 426 "), "{answer}");
        let lower = answer.to_ascii_lowercase();
        assert!(lower.contains("upgrade: websocket"), "{answer}");
        assert!(lower.contains("sec-websocket-version: 13"), "{answer}");
    }
}
