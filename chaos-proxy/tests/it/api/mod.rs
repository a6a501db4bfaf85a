//! The control API, and what it does to connections, on the simulated network.

mod conversation;
mod hostile;
mod own;
mod toxics;

use std::net::SocketAddr;
use std::ops::Deref;
use std::sync::Arc;

use chaos_proxy::Tell;
use chaos_proxy::api::{ApiState, Config, serve};
use chaos_proxy::proxies::Proxies;
use environment::{Environment, Listener, Seed, Stream};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Mutex;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use crate::world::{World, accept};

/// A running API without proxies. Stops when dropped.
pub(crate) struct Api {
    pub(crate) world: World,
    pub(crate) address: SocketAddr,
    tasks: TaskTracker,
    _stop: DropGuard,
}

/// What it answered.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }

    fn read(bytes: &[u8]) -> Self {
        let text = std::str::from_utf8(bytes).unwrap();
        let (head, body) = text
            .split_once("\r\n\r\n")
            .unwrap_or_else(|| panic!("{text:?}"));
        let mut lines = head.split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap();
        let header = |line: &str| {
            let (name, value) = line.split_once(": ").unwrap();
            (name.to_lowercase(), value.to_owned())
        };
        Self {
            status: status.parse().unwrap(),
            headers: lines.map(header).collect(),
            body: body.to_owned(),
        }
    }
}

impl Api {
    pub(crate) fn start(world: &World) -> Self {
        Self::with(world, Seed(7), Config::default())
    }

    pub(crate) fn with(world: &World, seed: Seed, config: Config) -> Self {
        Self::over(world, config, |environment| {
            Proxies::new(environment.clone(), seed, |_| Tell::nobody())
        })
    }

    /// Over proxies of one's own.
    pub(crate) fn over(
        world: &World,
        config: Config,
        proxies: impl FnOnce(&Environment) -> Proxies,
    ) -> Self {
        let environment = world.environment();
        let listener = world.listen();
        let address = listener.local_addr();
        let state = Arc::new(Mutex::new(ApiState::new(proxies(&environment))));
        let stop = CancellationToken::new();
        let tasks = TaskTracker::new();
        let served = serve(
            environment,
            listener,
            Arc::clone(&state),
            config,
            stop.clone(),
        );
        tasks.spawn(async move {
            served.await;
            state.lock().await.close().await;
        });
        Self {
            world: world.clone(),
            address,
            tasks,
            _stop: stop.drop_guard(),
        }
    }

    /// Stops it and waits until nothing is left.
    pub(crate) async fn stop(self) {
        drop(self._stop);
        self.tasks.close();
        self.tasks.wait().await;
    }

    pub(crate) async fn dial(&self) -> Stream {
        let address = self.address.to_string();
        self.world.network.dial(&address).await.unwrap()
    }

    /// Sends these bytes and reads to the end of the connection.
    pub(crate) async fn raw(&self, request: &[u8]) -> Answer {
        let mut stream = self.dial().await;
        stream.write_all(request).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        Answer::read(&answer)
    }

    pub(crate) async fn call_with(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&str>,
    ) -> Answer {
        let host = self.address;
        let mut request =
            format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n");
        for (name, value) in headers {
            request += &format!("{name}: {value}\r\n");
        }
        if let Some(body) = body {
            request += &format!("Content-Length: {}\r\n", body.len());
        }
        request += "\r\n";
        request += body.unwrap_or_default();
        self.raw(request.as_bytes()).await
    }

    pub(crate) async fn call(&self, method: &str, path: &str, body: Option<&str>) -> Answer {
        self.call_with(method, path, &[], body).await
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        let answer = self.call("GET", path, None).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.call("POST", path, Some(&body.to_string())).await
    }

    pub(crate) async fn delete(&self, path: &str) {
        let answer = self.call("DELETE", path, None).await;
        assert_eq!(answer.status, 204, "{answer:?}");
    }

    /// Makes a proxy toward this server; gives its address.
    pub(crate) async fn proxy(&self, name: &str, server: &Listener) -> SocketAddr {
        self.proxy_toward(name, server.local_addr()).await
    }

    pub(crate) async fn proxy_toward(&self, name: &str, upstream: SocketAddr) -> SocketAddr {
        let upstream = upstream.to_string();
        let body = serde_json::json!({
            "name": name, "listen": "127.0.0.1:0", "upstream": upstream
        });
        let answer = self.post("/proxies", &body).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.json()["listen"].as_str().unwrap().parse().unwrap()
    }

    /// Adds a toxic to the proxy `p`.
    pub(crate) async fn toxic(&self, body: &Value) {
        let answer = self.post("/proxies/p/toxics", body).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }

    /// Dials a proxy.
    pub(crate) async fn dial_to(&self, address: SocketAddr) -> Stream {
        let address = address.to_string();
        self.world.network.dial(&address).await.unwrap()
    }
}

/// An API with the proxy `p`, and the server behind that.
pub(crate) struct Proxied {
    api: Api,
    server: Listener,
    pub(crate) proxy_address: SocketAddr,
}

impl Deref for Proxied {
    type Target = Api;

    fn deref(&self) -> &Api {
        &self.api
    }
}

impl Proxied {
    pub(crate) async fn start(world: &World) -> Self {
        Self::by(Api::start(world)).await
    }

    pub(crate) async fn by(api: Api) -> Self {
        let server = api.world.listen();
        Self {
            proxy_address: api.proxy("p", &server).await,
            server,
            api,
        }
    }

    pub(crate) async fn stop(self) {
        self.api.stop().await;
    }

    pub(crate) async fn dial_proxy(&self) -> Stream {
        self.dial_to(self.proxy_address).await
    }

    /// The client's end of a connection through the proxy, and the server's.
    pub(crate) async fn pair(&self) -> (Stream, Stream) {
        (self.dial_proxy().await, accept(&self.server).await)
    }
}
