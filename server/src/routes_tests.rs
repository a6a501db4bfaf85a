//! What the router answers with a built page and without, whatever the folder
//! of the page held when this was built.

use axum::body::{Body, to_bytes};
use axum::http::HeaderMap;
use environment::{Clock, Observer};
use tower::ServiceExt;

use super::*;
use crate::config::Config;

static FILES: [Asset; 2] = [
    Asset {
        address: "/assets/index-1a.js",
        bytes: b"built script",
        gzip: Some(b"packed script"),
    },
    Asset {
        address: "/index.html",
        bytes: b"built page",
        gzip: None,
    },
];

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

impl Answer {
    fn header(&self, name: HeaderName) -> &str {
        self.headers[name].to_str().unwrap()
    }
}

async fn ask(page: Page, method: Method, path: &str) -> Answer {
    ask_taking(page, method, path, None).await
}

async fn ask_taking(page: Page, method: Method, path: &str, accept: Option<&str>) -> Answer {
    let hub = Hub::new(Clock::start(), Observer::none(), &Config::default()).unwrap();
    let app = App {
        hub,
        allow_origins: Arc::new([]),
        page,
    };
    let mut request = Request::builder().method(method).uri(path);
    if let Some(accept) = accept {
        request = request.header(ACCEPT_ENCODING, accept);
    }
    let request = request.body(Body::empty()).unwrap();
    let response = router(app).oneshot(request).await.unwrap();
    let (head, body) = response.into_parts();
    let bytes = to_bytes(body, 1 << 20).await.unwrap();
    Answer {
        status: head.status,
        headers: head.headers,
        body: String::from_utf8(bytes.to_vec()).unwrap(),
    }
}

async fn get_from(page: Page, path: &str) -> Answer {
    ask(page, Method::GET, path).await
}

#[tokio::test]
async fn a_built_page_is_at_the_front_and_the_simple_one_beside_it() {
    let page = Page(&FILES);
    let front = get_from(page, "/").await;
    assert_eq!(front.body, "built page");
    assert_eq!(front.header(CONTENT_TYPE), "text/html; charset=utf-8");
    assert_eq!(front.header(CACHE_CONTROL), "no-cache");
    assert_eq!(front.header(CONTENT_SECURITY_POLICY), POLICY);
    let script = get_from(page, "/assets/index-1a.js").await;
    assert_eq!(script.body, "built script");
    assert!(script.header(CACHE_CONTROL).contains("immutable"));
    assert_eq!(script.header(X_CONTENT_TYPE_OPTIONS), "nosniff");
    let plain = get_from(page, "/plain.html").await;
    assert_eq!(plain.body, PLAIN_PAGE);
}

#[tokio::test]
async fn files_are_compressed_for_those_who_take_it() {
    let page = Page(&FILES);
    let script = "/assets/index-1a.js";
    for (accept, encoding, body) in [
        (Some("gzip, deflate, br"), Some("gzip"), "packed script"),
        (Some("gzip;q=0, br"), None, "built script"),
        (None, None, "built script"),
    ] {
        let answer = ask_taking(page, Method::GET, script, accept).await;
        assert_eq!(answer.body, body, "{accept:?}");
        let said = answer.headers.get(CONTENT_ENCODING);
        assert_eq!(said.map(|it| it.to_str().unwrap()), encoding, "{accept:?}");
        assert_eq!(answer.header(VARY), "Accept-Encoding", "{accept:?}");
        assert_eq!(
            answer.header(CONTENT_TYPE),
            "text/javascript; charset=utf-8"
        );
        assert!(answer.header(CACHE_CONTROL).contains("immutable"));
    }
    let front = ask_taking(page, Method::GET, "/", Some("gzip")).await;
    assert_eq!(front.body, "built page");
    assert!(!front.headers.contains_key(CONTENT_ENCODING));
    assert!(!front.headers.contains_key(VARY));
}

#[tokio::test]
async fn without_a_built_page_the_simple_one_says_how_to_get_it() {
    let page = Page(&[]);
    let front = get_from(page, "/").await;
    assert_eq!(front.status, StatusCode::OK);
    assert_eq!(front.header(CONTENT_TYPE), "text/html; charset=utf-8");
    assert!(front.body.contains("/plain.js"), "{}", front.body);
    assert!(front.body.contains("make frontend"), "{}", front.body);
    let plain = get_from(page, "/plain.html").await;
    assert!(!plain.body.contains("make frontend"), "{}", plain.body);
    let script = get_from(page, "/assets/index-1a.js").await;
    assert_eq!(script.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn files_of_the_page_can_be_read_and_nothing_else() {
    let page = Page(&FILES);
    let put = ask(page, Method::PUT, "/assets/index-1a.js").await;
    assert_eq!(put.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(put.header(ALLOW), "GET,HEAD");
    let nowhere = get_from(page, "/assets/../index.html").await;
    assert_eq!(nowhere.status, StatusCode::NOT_FOUND);
    // What may be there a moment later must not be remembered as missing.
    assert_eq!(nowhere.header(CACHE_CONTROL), "no-store");
}
