//! Metrics in Prometheus' text form: ours, and some by the names that
//! Toxiproxy's users know.
//!
//! Read when asked for: they count bytes of connections that are still open.

use std::fmt;

use axum::extract::State;
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

use super::server::App;
use super::toxiproxy;
use crate::engine::{Carried, Traffic};
use crate::proxies::{Counted, Proxies};

/// `GET /chaos/v1/metrics`
pub(super) async fn v1(State(app): State<App>) -> Response {
    let own = Own::new(&app.state().await.proxies);
    encoded(&own.register())
}

/// `GET /metrics`, by Toxiproxy's names, and in the form that it gives: plain text
/// unless the other is asked for.
pub(super) async fn toxiproxy(State(app): State<App>, headers: HeaderMap) -> Response {
    let registry = compatible(&app.state().await.proxies);
    if asks_for_openmetrics(&headers) {
        return encoded(&registry);
    }
    let kind = "text/plain; version=0.0.4; charset=utf-8";
    answer(kind, text(&registry).map(|text| plain(&text)))
}

fn asks_for_openmetrics(headers: &HeaderMap) -> bool {
    let mut accepted = headers.get_all(ACCEPT).iter();
    accepted.any(|kinds| {
        let kinds = kinds.to_str().unwrap_or_default();
        kinds.contains("application/openmetrics-text")
    })
}

fn encoded(registry: &Registry) -> Response {
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    answer(kind, text(registry))
}

fn text(registry: &Registry) -> Result<String, fmt::Error> {
    let mut text = String::new();
    encode(&mut text, registry)?;
    Ok(text)
}

fn answer(kind: &'static str, text: Result<String, fmt::Error>) -> Response {
    match text {
        Ok(text) => ([(CONTENT_TYPE, kind)], text).into_response(),
        Err(fmt::Error) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// Counters of `OpenMetrics` in Prometheus' older form: a counter is declared by
/// the name that its samples have, and there are neither units nor an end.
fn plain(openmetrics: &str) -> String {
    let mut text = String::with_capacity(openmetrics.len());
    let is_kept = |line: &&str| *line != "# EOF" && !line.starts_with("# UNIT ");
    for line in openmetrics.lines().filter(is_kept) {
        let mut words = line.splitn(4, ' ');
        match (words.next(), words.next(), words.next(), words.next()) {
            (Some("#"), Some(word), Some(name), Some(rest)) => {
                text += &format!("# {word} {name}_total {rest}\n");
            }
            _ => text = text + line + "\n",
        }
    }
    text
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfProxy {
    proxy: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfLink {
    proxy: String,
    direction: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfFault {
    proxy: String,
    fault: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfOwner {
    proxy: String,
    owner: String,
}

#[derive(Debug, Default)]
struct Own {
    accepted: Family<OfProxy, Counter>,
    open: Family<OfProxy, Gauge>,
    received: Family<OfLink, Counter>,
    sent: Family<OfLink, Counter>,
    struck: Family<OfFault, Counter>,
    failed: Family<OfProxy, Counter>,
    rules: Family<OfOwner, Gauge>,
}

impl Own {
    fn new(proxies: &Proxies) -> Self {
        let (own, now) = (Self::default(), proxies.now());
        for (name, proxy) in proxies.iter() {
            own.count_traffic(name, proxy.traffic());
            for stored in proxy.added(now) {
                let (proxy, owner) = (name.to_owned(), stored.added.owner.to_string());
                own.rules.get_or_create(&OfOwner { proxy, owner }).inc();
            }
        }
        for ((proxy, counted), count) in proxies.event_log().counts() {
            let proxy = proxy.to_string();
            match counted {
                Counted::Struck(fault) => {
                    let struck = own.struck.get_or_create(&OfFault { proxy, fault });
                    struck.inc_by(count);
                }
                Counted::UpstreamFailed => {
                    own.failed.get_or_create(&OfProxy { proxy }).inc_by(count);
                }
            }
        }
        own
    }

    fn count_traffic(&self, proxy: &str, traffic: Traffic) {
        let of = OfProxy {
            proxy: proxy.to_owned(),
        };
        self.accepted.get_or_create(&of).inc_by(traffic.accepted);
        let open = i64::try_from(traffic.open).unwrap_or(i64::MAX);
        self.open.get_or_create(&of).set(open);
        for (direction, carried) in directions(traffic) {
            let of = OfLink {
                proxy: proxy.to_owned(),
                direction,
            };
            self.received.get_or_create(&of).inc_by(carried.received);
            self.sent.get_or_create(&of).inc_by(carried.sent);
        }
    }

    fn register(self) -> Registry {
        let mut all = Registry::with_prefix("chaos_proxy");
        let of = |text: &str| text.to_owned();
        all.register("connections", of("Connections accepted"), self.accepted);
        all.register("connections_open", of("Connections open now"), self.open);
        all.register_with_unit("received", of("Bytes read"), Unit::Bytes, self.received);
        all.register_with_unit("sent", of("Bytes written"), Unit::Bytes, self.sent);
        all.register("faults", of("Faults that took effect"), self.struck);
        all.register("upstream_failures", of("Dials that failed"), self.failed);
        all.register("rules", of("Rules added and in force"), self.rules);
        all
    }
}

fn directions(traffic: Traffic) -> [(&'static str, Carried); 2] {
    [
        ("upstream", traffic.upstream),
        ("downstream", traffic.downstream),
    ]
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Compatible {
    direction: &'static str,
    listener: String,
    proxy: String,
    upstream: String,
}

/// Toxiproxy's two counters, their labels in its order, which there count a connection only when it ends.
fn compatible(proxies: &Proxies) -> Registry {
    let (received, sent) = (
        Family::<Compatible, Counter>::default(),
        Family::<Compatible, Counter>::default(),
    );
    for (name, proxy) in proxies.iter() {
        let Some((listener, upstream)) = proxy.route() else {
            continue;
        };
        for (direction, carried) in directions(proxy.traffic()) {
            let of = Compatible {
                direction,
                listener: listener.to_string(),
                proxy: name.to_owned(),
                upstream: upstream.to_owned(),
            };
            received.get_or_create(&of).inc_by(carried.received);
            sent.get_or_create(&of).inc_by(carried.sent);
        }
    }
    let mut all = Registry::with_prefix(toxiproxy::OWNER);
    let of = |text: &str| text.to_owned();
    all.register_with_unit("proxy_received", of("Bytes read"), Unit::Bytes, received);
    all.register_with_unit("proxy_sent", of("Bytes written"), Unit::Bytes, sent);
    all
}
