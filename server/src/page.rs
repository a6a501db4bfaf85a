//! The built page, if there was one when the server was built.
//!
//! Pure: `build.rs` lists the files of `frontend/dist`, and this says what is
//! at an address, of which kind it is, and how long a browser may keep it.
//! Invariant: without an `index.html` there is no page at all. Used by
//! [`crate::routes`].

/// One file of the page.
#[derive(Debug)]
pub(crate) struct Asset {
    /// Where it is served, such as `/assets/index-4f2a.js`.
    pub(crate) address: &'static str,
    pub(crate) bytes: &'static [u8],
    /// The same, compressed; not where that would be hardly smaller.
    pub(crate) gzip: Option<&'static [u8]>,
}

/// All files of the page; none if it was not built.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Page(pub(crate) &'static [Asset]);

/// What was in `frontend/dist`.
pub(crate) const BUILT: Page = Page(include!(concat!(env!("OUT_DIR"), "/page.rs")));

impl Page {
    /// What is served at an address.
    pub(crate) fn asset(self, address: &str) -> Option<&'static Asset> {
        let address = if address == "/" {
            "/index.html"
        } else {
            address
        };
        self.0.iter().find(|asset| asset.address == address)
    }
}

impl Asset {
    /// The `Content-Type`, by the name.
    pub(crate) fn kind(&self) -> &'static str {
        match self.address.rsplit_once('.').map(|(_, end)| end) {
            Some("html") => "text/html; charset=utf-8",
            Some("js") => "text/javascript; charset=utf-8",
            Some("css") => "text/css; charset=utf-8",
            Some("txt") => "text/plain; charset=utf-8",
            Some("json" | "map") => "application/json",
            Some("webmanifest") => "application/manifest+json",
            Some("svg") => "image/svg+xml",
            Some("png") => "image/png",
            Some("ico") => "image/x-icon",
            Some("woff2") => "font/woff2",
            _ => "application/octet-stream",
        }
    }

    /// The `Cache-Control`: what has its hash in its name never changes.
    pub(crate) fn caching(&self) -> &'static str {
        if self.address.starts_with("/assets/") {
            "public, max-age=31536000, immutable"
        } else {
            ASK_FIRST
        }
    }
}

/// Whether an `Accept-Encoding` takes gzip: named, or as any other, and not at
/// a quality of nothing (RFC 9110 §12.5.3).
pub(crate) fn takes_gzip(accept: &str) -> bool {
    let quality = |coding: &str| {
        accept.split(',').find_map(|item| {
            let (name, parameters) = item.split_once(';').unwrap_or((item, ""));
            let quality = parameters.trim().strip_prefix("q=").unwrap_or("1");
            let is_it = name.trim().eq_ignore_ascii_case(coding);
            is_it.then(|| quality.trim().parse::<f32>().unwrap_or(0.0))
        })
    };
    (quality("gzip")
        .or_else(|| quality("x-gzip"))
        .or_else(|| quality("*")))
    .is_some_and(|quality| quality > 0.0)
}

/// The `Cache-Control` of what may change with the next build. Not `no-store`:
/// that would keep a page from coming back whole by the back button.
pub(crate) const ASK_FIRST: &str = "no-cache";

#[cfg(test)]
mod tests {
    use super::*;

    fn asset(address: &'static str) -> Asset {
        Asset {
            address,
            bytes: b"",
            gzip: None,
        }
    }

    #[test]
    fn the_kind_is_told_by_the_name() {
        for (address, kind) in [
            ("/index.html", "text/html; charset=utf-8"),
            ("/assets/index-1a.js", "text/javascript; charset=utf-8"),
            ("/assets/index-1a.css", "text/css; charset=utf-8"),
            ("/favicon.svg", "image/svg+xml"),
            ("/a.b/unknown", "application/octet-stream"),
        ] {
            assert_eq!(asset(address).kind(), kind, "{address}");
        }
    }

    #[test]
    fn gzip_is_for_those_who_take_it() {
        for (accept, takes) in [
            ("gzip, deflate, br, zstd", true),
            ("br, GZIP", true),
            ("x-gzip", true),
            ("gzip;q=0.5", true),
            ("gzip ; q=0.001", true),
            ("*", true),
            ("br, *;q=0.1", true),
            ("", false),
            ("br", false),
            ("identity", false),
            ("gzip;q=0", false),
            ("gzip;q=0.000, *", false),
            ("*;q=0", false),
            ("gzip;q=high", false),
            ("gzipped", false),
        ] {
            assert_eq!(takes_gzip(accept), takes, "{accept:?}");
        }
    }

    #[test]
    fn only_names_with_a_hash_are_kept_for_good() {
        assert!(asset("/assets/index-1a.js").caching().contains("immutable"));
        assert_eq!(asset("/index.html").caching(), "no-cache");
        assert_eq!(asset("/favicon.svg").caching(), "no-cache");
    }

    #[test]
    fn an_address_has_one_file_or_none() {
        static FILES: [Asset; 2] = [
            Asset {
                address: "/assets/a.js",
                bytes: b"a",
                gzip: None,
            },
            Asset {
                address: "/index.html",
                bytes: b"i",
                gzip: None,
            },
        ];
        let page = Page(&FILES);
        let bytes = |address| page.asset(address).map(|asset| asset.bytes);
        assert_eq!(bytes("/"), Some(&b"i"[..]));
        assert_eq!(bytes("/index.html"), Some(&b"i"[..]));
        assert_eq!(bytes("/assets/a.js"), Some(&b"a"[..]));
        for nowhere in [
            "",
            "/assets",
            "/assets/",
            "/assets/../index.html",
            "assets/a.js",
        ] {
            assert_eq!(bytes(nowhere), None, "{nowhere}");
        }
    }

    #[test]
    fn what_is_built_in_is_a_whole_page_or_nothing() {
        assert_eq!(BUILT.asset("/").is_some(), cfg!(page_is_built));
        assert_eq!(BUILT.0.is_empty(), !cfg!(page_is_built));
        for asset in BUILT.0 {
            let is_smaller = asset.gzip.is_none_or(|gzip| gzip.len() < asset.bytes.len());
            assert!(is_smaller, "{}", asset.address);
            assert!(!asset.address.ends_with(".gz"), "{}", asset.address);
        }
    }
}
