//! A conversation made up by chance, had with the API and with a model of what
//! clients of Toxiproxy rely on; after each step both must agree, and so must
//! what passes through the proxies.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::Duration;

use environment::Stream;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_util::task::TaskTracker;

use super::{Answer, Api};
use crate::world::{World, simulated};

/// What does not come in this time does not come.
const SILENCE: Duration = Duration::from_millis(60);
/// Names that are as good as any other.
const NAMES: [(&str, &str); 3] = [
    ("alpha", "alpha"),
    ("b/eta", "b%2Feta"),
    ("g \"q\"", "g%20%22q%22"),
];

/// What a server says first.
const LETTERS: [&[u8]; 2] = [b"A", b"B"];

#[derive(Debug, Clone)]
enum Step {
    Create {
        proxy: usize,
        server: usize,
        enabled: bool,
    },
    Switch {
        proxy: usize,
        enabled: bool,
    },
    Turn {
        proxy: usize,
        server: usize,
    },
    Delete {
        proxy: usize,
    },
    Add {
        proxy: usize,
        kind: usize,
        stream: usize,
        is_named: bool,
    },
    Change {
        proxy: usize,
        toxic: usize,
    },
    Remove {
        proxy: usize,
        toxic: usize,
    },
    Populate {
        proxy: usize,
        server: usize,
        is_moved: bool,
    },
    Reset,
}

fn step() -> impl Strategy<Value = Step> {
    let (proxy, server, toxic) = (0..NAMES.len(), 0..2_usize, 0..3_usize);
    prop_oneof![
        3 => (proxy.clone(), server.clone(), prop::bool::weighted(0.8))
            .prop_map(|(proxy, server, enabled)| Step::Create { proxy, server, enabled }),
        2 => (proxy.clone(), any::<bool>())
            .prop_map(|(proxy, enabled)| Step::Switch { proxy, enabled }),
        1 => (proxy.clone(), server.clone())
            .prop_map(|(proxy, server)| Step::Turn { proxy, server }),
        1 => proxy.clone().prop_map(|proxy| Step::Delete { proxy }),
        6 => (proxy.clone(), 0..KINDS.len(), 0..3_usize, any::<bool>())
            .prop_map(|(proxy, kind, stream, is_named)| Step::Add { proxy, kind, stream, is_named }),
        1 => (proxy.clone(), toxic.clone())
            .prop_map(|(proxy, toxic)| Step::Change { proxy, toxic }),
        3 => (proxy.clone(), toxic).prop_map(|(proxy, toxic)| Step::Remove { proxy, toxic }),
        1 => (proxy, server, any::<bool>())
            .prop_map(|(proxy, server, is_moved)| Step::Populate { proxy, server, is_moved }),
        1 => Just(Step::Reset),
    ]
}

/// A type, its attributes as asked for, and as shown.
const KINDS: [(&str, &str, &str); 9] = [
    ("noop", "{}", "{}"),
    (
        "latency",
        "{\"Latency\":30}",
        "{\"latency\":30,\"jitter\":0}",
    ),
    ("bandwidth", "{}", "{\"rate\":0}"),
    ("bandwidth", "{\"rate\":1000}", "{\"rate\":1000}"),
    ("timeout", "{\"timeout\":0}", "{\"timeout\":0}"),
    (
        "reset_peer",
        "{\"timeout\":0,\"unknown\":[]}",
        "{\"timeout\":0}",
    ),
    (
        "slicer",
        "{\"average_size\":1,\"delay\":5}",
        "{\"average_size\":1,\"size_variation\":0,\"delay\":5}",
    ),
    ("slow_close", "{\"delay\":5}", "{\"delay\":5}"),
    ("limit_data", "{\"bytes\":1}", "{\"bytes\":1}"),
];
const STREAMS: [&str; 3] = ["upstream", "downstream", "DownStream"];

#[derive(Debug, Clone)]
struct Toxic {
    name: String,
    kind: usize,
    stream: &'static str,
    toxicity: Value,
}

impl Toxic {
    fn shown(&self) -> Value {
        let (word, _, attributes) = KINDS[self.kind];
        let attributes: Value = serde_json::from_str(attributes).unwrap();
        json!({"attributes": attributes, "name": self.name, "type": word,
               "stream": self.stream, "toxicity": self.toxicity})
    }

    fn is_upstream(&self) -> bool {
        self.stream == "upstream"
    }

    /// Nothing comes through, and the connection stays.
    fn blocks(&self) -> bool {
        self.acts() && matches!(self.kind, 2 | 4)
    }

    fn resets(&self) -> bool {
        self.acts() && self.kind == 5
    }

    fn limits(&self) -> bool {
        self.acts() && self.kind == 8
    }

    fn acts(&self) -> bool {
        self.toxicity == json!(1)
    }
}

#[derive(Debug, Clone)]
struct Proxy {
    listen: String,
    server: usize,
    enabled: bool,
    toxics: Vec<Toxic>,
}

/// Everything that must be true.
#[derive(Debug, Default)]
struct Model(BTreeMap<usize, Proxy>);

impl Model {
    fn shown(&self, servers: &[SocketAddr; 2]) -> Value {
        let shown = self.0.iter().map(|(&name, proxy)| {
            let of = |is_upstream| {
                let toxics = proxy.toxics.iter();
                toxics.filter(move |toxic| toxic.is_upstream() == is_upstream)
            };
            let toxics: Vec<Value> = of(true).chain(of(false)).map(Toxic::shown).collect();
            let name = NAMES[name].0;
            let shown = json!({"name": name, "listen": proxy.listen, "enabled": proxy.enabled,
                "upstream": servers[proxy.server].to_string(), "Logger": {}, "toxics": toxics});
            (name.to_owned(), shown)
        });
        Value::Object(shown.collect())
    }
}

/// The API, the model, and two servers that say their letter and echo.
struct Talk {
    api: Api,
    model: Model,
    servers: [SocketAddr; 2],
    /// The last one that was asked for.
    port: u16,
    _tasks: TaskTracker,
}

async fn echo(mut stream: Stream, letter: &[u8]) -> std::io::Result<()> {
    stream.write_all(letter).await?;
    let mut bytes = [0; 64];
    loop {
        let count = stream.read(&mut bytes).await?;
        if count == 0 {
            return Ok(());
        }
        stream.write_all(&bytes[..count]).await?;
    }
}

impl Talk {
    fn start(world: &World) -> Self {
        let tasks = TaskTracker::new();
        let servers = LETTERS.map(|letter| {
            let server = world.listen();
            let (address, own) = (server.local_addr(), tasks.clone());
            tasks.spawn(async move {
                while let Ok((stream, _)) = server.accept().await {
                    // What a client does to it is no matter.
                    own.spawn(async move { drop(echo(stream, letter).await) });
                }
            });
            address
        });
        Self {
            api: Api::start(world),
            model: Model::default(),
            servers,
            port: 10_000,
            _tasks: tasks,
        }
    }

    /// An address that nobody has had.
    fn unused(&mut self) -> String {
        self.port += 1;
        format!("127.0.0.1:{}", self.port)
    }

    fn upstream(&self, server: usize) -> String {
        self.servers[server].to_string()
    }

    async fn obey(&mut self, step: &Step) {
        match step {
            Step::Create {
                proxy,
                server,
                enabled,
            } => {
                let listen = self.unused();
                let body = json!({"Name": NAMES[*proxy].0, "LISTEN": listen, "enabled": enabled,
                    "upstream": self.upstream(*server), "toxics": "nobody looks"});
                let answer = self.api.post("/proxies", &body).await;
                if self.model.0.contains_key(proxy) {
                    return refused(&answer, 409, "proxy already exists");
                }
                assert_eq!(answer.status, 201, "{answer:?}");
                let (server, enabled) = (*server, *enabled);
                let made = Proxy {
                    listen,
                    server,
                    enabled,
                    toxics: Vec::new(),
                };
                self.model.0.insert(*proxy, made);
            }
            Step::Switch { proxy, enabled } => {
                let body = json!({"enabled": enabled, "name": "ignored"});
                if let Some(known) = self.change(*proxy, &body).await {
                    known.enabled = *enabled;
                }
            }
            Step::Turn { proxy, server } => {
                let body = json!({"upstream": self.upstream(*server)});
                if let Some(known) = self.change(*proxy, &body).await {
                    known.server = *server;
                }
            }
            Step::Delete { proxy } => {
                let answer = self.api.call("DELETE", &path(*proxy), None).await;
                match self.model.0.remove(proxy) {
                    Some(_) => assert_eq!(answer.status, 204),
                    None => refused(&answer, 404, "proxy not found"),
                }
            }
            Step::Add {
                proxy,
                kind,
                stream,
                is_named,
            } => self.add(*proxy, *kind, *stream, *is_named).await,
            Step::Change { proxy, toxic } => self.change_toxic(*proxy, *toxic).await,
            Step::Remove { proxy, toxic } => {
                let Some(known) = self.model.0.get_mut(proxy) else {
                    return;
                };
                if known.toxics.is_empty() {
                    return;
                }
                let toxic = known.toxics.remove(toxic % known.toxics.len());
                self.api.delete(&toxic_path(*proxy, &toxic.name)).await;
            }
            Step::Populate {
                proxy,
                server,
                is_moved,
            } => self.populate(*proxy, *server, *is_moved).await,
            Step::Reset => {
                let answer = self.api.call("POST", "/reset", None).await;
                assert_eq!(answer.status, 204, "{answer:?}");
                for known in self.model.0.values_mut() {
                    known.enabled = true;
                    known.toxics.clear();
                }
            }
        }
    }

    /// Posts a change of a proxy; gives the model's, if there is one.
    async fn change(&mut self, proxy: usize, body: &Value) -> Option<&mut Proxy> {
        let answer = self.api.post(&path(proxy), body).await;
        let known = self.model.0.get_mut(&proxy);
        match known {
            Some(_) => assert_eq!(answer.status, 200, "{answer:?}"),
            None => refused(&answer, 404, "proxy not found"),
        }
        known
    }

    async fn add(&mut self, proxy: usize, kind: usize, stream: usize, is_named: bool) {
        let (word, attributes, _) = KINDS[kind];
        // A limit toward the server would leave no trace here.
        let stream = STREAMS[if word == "limit_data" { 1 } else { stream }];
        let attributes: Value = serde_json::from_str(attributes).unwrap();
        let mut body = json!({"type": word, "stream": stream, "attributes": attributes});
        let mut name = format!("{word}_{stream}");
        if is_named {
            name = format!("n{kind}");
            body["name"] = json!(name);
        }
        let answer = self
            .api
            .post(&format!("{}/toxics", path(proxy)), &body)
            .await;
        let Some(known) = self.model.0.get_mut(&proxy) else {
            return refused(&answer, 404, "proxy not found");
        };
        if known.toxics.iter().any(|toxic| toxic.name == name) {
            return refused(&answer, 409, "toxic already exists");
        }
        let toxic = Toxic {
            name,
            kind,
            stream,
            toxicity: json!(1),
        };
        assert_eq!((answer.status, answer.json()), (200, toxic.shown()));
        known.toxics.push(toxic);
    }

    /// A toxicity of nothing, or less, is no effect at all.
    async fn change_toxic(&mut self, proxy: usize, toxic: usize) {
        let Some(known) = self.model.0.get_mut(&proxy) else {
            return;
        };
        let count = known.toxics.len();
        let Some(toxic) = known.toxics.get_mut(toxic % count.max(1)) else {
            return;
        };
        toxic.toxicity = if toxic.acts() { json!(-1) } else { json!(1) };
        let body = json!({"toxicity": toxic.toxicity, "stream": "ignored", "type": "ignored"});
        let answer = self.api.post(&toxic_path(proxy, &toxic.name), &body).await;
        assert_eq!((answer.status, answer.json()), (200, toxic.shown()));
    }

    async fn populate(&mut self, proxy: usize, server: usize, is_moved: bool) {
        let unused = self.unused();
        let old = self.model.0.get(&proxy).filter(|_| !is_moved);
        let listen = match old {
            Some(known) => known.listen.clone(),
            None => unused,
        };
        let body =
            json!([{"name": NAMES[proxy].0, "listen": listen, "upstream": self.upstream(server)}]);
        let answer = self.api.post("/populate", &body).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        if old.is_none_or(|known| known.server != server) {
            let made = Proxy {
                listen,
                server,
                enabled: true,
                toxics: Vec::new(),
            };
            self.model.0.insert(proxy, made);
        }
    }

    /// What the API shows, and what passes, is what the model says.
    async fn compare(&self) {
        assert_eq!(
            self.api.get("/proxies").await,
            self.model.shown(&self.servers)
        );
        let checks = self.model.0.values().map(|proxy| self.pass(proxy));
        futures_util::future::join_all(checks).await;
    }

    async fn pass(&self, proxy: &Proxy) {
        let dialled = self.api.world.network.dial(&proxy.listen).await;
        let any = |is: fn(&Toxic) -> bool| proxy.toxics.iter().any(is);
        let mut client = match dialled {
            Err(error) if !proxy.enabled => {
                return assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
            }
            dialled => dialled.unwrap(),
        };
        assert!(proxy.enabled, "{proxy:?} takes connections");
        let sent = client.write_all(b"ping").await;
        if any(Toxic::resets) {
            return self.is_reset(proxy, client, sent).await;
        }
        sent.unwrap();
        let mut first = [0; 1];
        let is_up_blocked = any(|toxic| toxic.blocks() && toxic.is_upstream());
        let is_down_blocked = any(|toxic| toxic.blocks() && !toxic.is_upstream());
        if is_down_blocked {
            // Whether a limit counts what is swallowed is nobody's concern.
            let is_silent =
                any(Toxic::limits) || self.api.world.is_silent(&mut client, SILENCE).await;
            return assert!(is_silent, "{proxy:?} says something");
        }
        client.read_exact(&mut first).await.unwrap();
        assert_eq!(first, LETTERS[proxy.server], "{proxy:?}");
        if any(Toxic::limits) {
            let mut rest = Vec::new();
            client.read_to_end(&mut rest).await.unwrap();
            return assert_eq!(rest, b"", "{proxy:?}");
        }
        if is_up_blocked {
            return assert!(
                self.api.world.is_silent(&mut client, SILENCE).await,
                "{proxy:?} echoes"
            );
        }
        let mut echoed = [0; 4];
        client.read_exact(&mut echoed).await.unwrap();
        assert_eq!(&echoed, b"ping", "{proxy:?}");
    }

    /// The reset comes with the first bytes of a direction that is reset, which
    /// are swallowed; what came the other way before was passed on.
    async fn is_reset(&self, proxy: &Proxy, mut client: Stream, sent: io::Result<()>) {
        let any = |is: fn(&Toxic) -> bool| proxy.toxics.iter().any(is);
        let mut heard = Vec::new();
        let ended = match sent {
            Err(error) => Err(error),
            Ok(()) => client.read_to_end(&mut heard).await,
        };
        let is_reset = ended.is_err_and(|error| error.kind() == ErrorKind::ConnectionReset);
        // A limit may come first, and closes.
        assert!(is_reset || any(Toxic::limits), "{proxy:?}");
        let is_down_swallowed = any(|toxic| toxic.resets() && !toxic.is_upstream());
        let most = if is_down_swallowed {
            &[][..]
        } else {
            LETTERS[proxy.server]
        };
        assert!(most.starts_with(&heard), "{proxy:?}: {heard:?}");
    }
}

fn path(proxy: usize) -> String {
    format!("/proxies/{}", NAMES[proxy].1)
}

fn toxic_path(proxy: usize, toxic: &str) -> String {
    format!("{}/toxics/{toxic}", path(proxy))
}

fn refused(answer: &Answer, status: u16, error: &str) {
    assert_eq!(answer.status, status, "{answer:?}");
    assert_eq!(answer.json(), json!({"error": error, "status": status}));
}

#[test]
fn any_conversation_goes_as_the_model_says() {
    let config = Config {
        cases: if std::env::var_os("PROPTEST_CASES").is_some() {
            Config::default().cases
        } else {
            24
        },
        // Each shrink is a conversation of its own: a failure is told soon.
        max_shrink_iters: 60,
        ..Config::with_source_file(file!())
    };
    let steps = prop::collection::vec(step(), 5..25);
    let had = TestRunner::new(config).run(&steps, |steps| {
        simulated(async |world| {
            let mut talk = Talk::start(&world);
            for step in &steps {
                talk.obey(step).await;
                talk.compare().await;
            }
            talk.api.stop().await;
        });
        Ok(())
    });
    had.unwrap_or_else(|error| panic!("{error}"));
}
