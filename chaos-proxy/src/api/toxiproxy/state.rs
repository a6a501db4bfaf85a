//! The proxies that Toxiproxy's API knows, and how its calls change them.
//!
//! What is wrong is found before anything is done; what is done is done to the
//! proxies first and then noted here. Calls come one at a time, so all callers
//! see one order of changes.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;

use environment::Listener;

use super::body::{ProxyBody, ProxyChange, ToxicBody, ToxicChange};
use super::call::{Call, Refusal, Reply, name_in};
use super::dns_cache::DnsCache;
use super::json;
use super::proxy::Proxy;
use super::toxic::Toxic;
use super::{OWNER, effect};
use crate::proxies::{Proxies, Script, StoredRule, TlsSettings};

/// The proxies by name, as clients see them.
#[derive(Debug, Default)]
pub(crate) struct ToxiproxyState {
    proxies: BTreeMap<String, Proxy>,
}

impl ToxiproxyState {
    /// The names that must be looked up before this call can be answered:
    /// its own, and those of proxies that were never bound.
    pub(crate) fn names(&self, call: &Call) -> Vec<String> {
        let mut names = call.names();
        let stored = |proxy: &Proxy| name_in(&proxy.listen);
        match call {
            Call::Update(name, _) => names.extend(self.proxies.get(name).and_then(stored)),
            Call::Reset => names.extend(self.proxies.values().filter_map(stored)),
            _ => {}
        }
        names
    }

    /// Answers a call.
    pub(crate) async fn answer(
        &mut self,
        proxies: &mut Proxies,
        call: Call,
        dns: &DnsCache,
    ) -> Reply {
        let replied = match call {
            Call::Proxies => Ok(Reply::ok(&self.proxies)),
            Call::Proxy(name) => self.find(&name).map(Reply::ok),
            Call::Toxics(name) => self.find(&name).map(|proxy| Reply::ok(&proxy.toxics)),
            Call::Toxic(name, toxic) => self.show_toxic(&name, &toxic),
            Call::Create(body) => self.create(proxies, &json::text(&body), dns).await,
            Call::Update(name, body) => self.update(proxies, &name, &json::text(&body), dns).await,
            Call::Delete(name) => self.delete(proxies, &name).await,
            Call::AddToxic(name, body) => self.add_toxic(proxies, &name, &json::text(&body)).await,
            Call::UpdateToxic(name, toxic, body) => {
                self.update_toxic(proxies, &name, &toxic, &json::text(&body))
                    .await
            }
            Call::DeleteToxic(name, toxic) => self.delete_toxic(proxies, &name, &toxic).await,
            Call::Populate(body) => Ok(self.populate(proxies, &json::text(&body), dns).await),
            Call::Reset => self.reset(proxies, dns).await,
        };
        replied.unwrap_or_else(Reply::from)
    }

    /// Takes in a proxy that runs already, so that clients find it.
    pub(crate) fn adopt(
        &mut self,
        name: &str,
        listen: SocketAddr,
        upstream: &str,
        tls: TlsSettings,
    ) {
        let mut proxy = Proxy::new(name.to_owned(), listen.to_string(), upstream.to_owned());
        (proxy.enabled, proxy.tls) = (true, tls);
        self.proxies.insert(name.to_owned(), proxy);
    }

    fn find(&self, name: &str) -> Result<&Proxy, Refusal> {
        self.proxies.get(name).ok_or(Refusal::ProxyNotFound)
    }

    fn find_mut(&mut self, name: &str) -> Result<&mut Proxy, Refusal> {
        self.proxies.get_mut(name).ok_or(Refusal::ProxyNotFound)
    }

    fn show_toxic(&self, name: &str, toxic: &str) -> Result<Reply, Refusal> {
        Ok(Reply::ok(self.find(name)?.toxics.get(toxic)?))
    }

    async fn create(
        &mut self,
        proxies: &mut Proxies,
        text: &str,
        dns: &DnsCache,
    ) -> Result<Reply, Refusal> {
        let body = ProxyBody::read(text)?;
        if self.proxies.contains_key(&body.name) {
            return Err(Refusal::ProxyExists);
        }
        let proxy = make(proxies, body, None, dns).await?;
        let reply = Reply::created(&proxy);
        self.proxies.insert(proxy.name.clone(), proxy);
        Ok(reply)
    }

    async fn update(
        &mut self,
        proxies: &mut Proxies,
        name: &str,
        text: &str,
        dns: &DnsCache,
    ) -> Result<Reply, Refusal> {
        let proxy = self.find_mut(name)?;
        let change = ProxyChange::read(text)?;
        change_proxy(proxies, proxy, change, dns).await?;
        Ok(Reply::ok(proxy))
    }

    async fn delete(&mut self, proxies: &mut Proxies, name: &str) -> Result<Reply, Refusal> {
        self.find(name)?;
        proxies.forget(name).await;
        self.proxies.remove(name);
        Ok(Reply::Done)
    }

    async fn add_toxic(
        &mut self,
        proxies: &mut Proxies,
        name: &str,
        text: &str,
    ) -> Result<Reply, Refusal> {
        let proxy = self.find_mut(name)?;
        let toxic = proxy.toxics.check(&ToxicBody::read(text)?)?;
        put(proxies, name, &toxic).await;
        let reply = Reply::ok(&toxic);
        proxy.toxics.add(toxic);
        Ok(reply)
    }

    async fn update_toxic(
        &mut self,
        proxies: &mut Proxies,
        name: &str,
        toxic: &str,
        text: &str,
    ) -> Result<Reply, Refusal> {
        let proxy = self.find_mut(name)?;
        proxy.toxics.get(toxic)?;
        let toxic = proxy.toxics.changed(toxic, &ToxicChange::read(text)?)?;
        put(proxies, name, &toxic).await;
        let reply = Reply::ok(&toxic);
        proxy.toxics.replace(toxic);
        Ok(reply)
    }

    async fn delete_toxic(
        &mut self,
        proxies: &mut Proxies,
        name: &str,
        toxic: &str,
    ) -> Result<Reply, Refusal> {
        let toxic = self.find_mut(name)?.toxics.remove(toxic)?;
        proxies
            .remove(name, &effect::rule_name(name, &toxic.name))
            .await;
        Ok(Reply::Done)
    }

    /// Takes all toxics away and starts all proxies. One that cannot be started
    /// keeps no other from it; the first such is told.
    async fn reset(&mut self, proxies: &mut Proxies, dns: &DnsCache) -> Result<Reply, Refusal> {
        let mut first = Ok(Reply::Done);
        for proxy in self.proxies.values_mut() {
            let toxics = proxy.toxics.clear();
            take_away(proxies, &proxy.name, &toxics).await;
            if let Err(refusal) = enable(proxies, proxy, dns).await
                && first.is_ok()
            {
                first = Err(refusal);
            }
        }
        first
    }

    async fn populate(&mut self, proxies: &mut Proxies, text: &str, dns: &DnsCache) -> Reply {
        let bodies = match ProxyBody::read_all(text) {
            Ok(bodies) => bodies,
            Err(refusal) => return Reply::stuck(&refusal, &[]),
        };
        let mut made = Vec::new();
        for body in bodies {
            match self.add_or_replace(proxies, body, dns).await {
                Ok(proxy) => made.push(proxy),
                Err(refusal) => return Reply::stuck(&refusal, &made),
            }
        }
        Reply::populated(&made)
    }

    /// A proxy that is there already with this address and this server is left
    /// alone, but for toxics that the entry lists.
    pub(crate) async fn add_or_replace(
        &mut self,
        proxies: &mut Proxies,
        body: ProxyBody,
        dns: &DnsCache,
    ) -> Result<Proxy, Refusal> {
        let mut listener = None;
        if let Some(proxy) = self.proxies.get_mut(&body.name) {
            let address = dns.resolve(&body.listen)?;
            if !proxy.differs(address, &body.upstream, &body.tls) {
                if !body.toxics.is_empty() {
                    replace_toxics(proxies, proxy, body.toxics).await;
                }
                return Ok(proxy.clone());
            }
            if body.enabled && !proxy.holds(address) {
                listener = Some(bind(proxies, address)?);
            }
            proxies.forget(&body.name).await;
            self.proxies.remove(&body.name);
        }
        let proxy = make(proxies, body, listener, dns).await?;
        self.proxies.insert(proxy.name.clone(), proxy.clone());
        Ok(proxy)
    }
}

/// Makes a proxy, with its toxics, and starts it if it is to be enabled.
async fn make(
    proxies: &mut Proxies,
    body: ProxyBody,
    bound: Option<Listener>,
    dns: &DnsCache,
) -> Result<Proxy, Refusal> {
    let mut proxy = Proxy::new(body.name, body.listen, body.upstream);
    let tls = proxies
        .tls_sides(&proxy.upstream, &body.tls)
        .map_err(Refusal::Tls)?;
    proxy.tls = body.tls;
    let listener = match (bound, body.enabled) {
        (None, true) => Some(bind(proxies, dns.resolve(&proxy.listen)?)?),
        (bound, _) => bound,
    };
    proxies.add(&proxy.name, Script::empty());
    proxies.secure(&proxy.name, tls);
    replace_toxics(proxies, &mut proxy, body.toxics).await;
    if let Some(listener) = listener {
        start(proxies, &mut proxy, listener).await;
    }
    Ok(proxy)
}

/// What cannot be had is found before the proxy is stopped, as far as that is
/// possible: a port of its own it gives up first.
async fn change_proxy(
    proxies: &mut Proxies,
    proxy: &mut Proxy,
    change: ProxyChange,
    dns: &DnsCache,
) -> Result<(), Refusal> {
    let listen = change.listen.unwrap_or_else(|| proxy.listen.clone());
    let upstream = change.upstream.unwrap_or_else(|| proxy.upstream.clone());
    let is_wanted = change.enabled.unwrap_or(proxy.enabled);
    let settings = change.tls.applied_to(&proxy.tls);
    let address = dns.resolve(&listen)?;
    if proxy.differs(address, &upstream, &settings) {
        let tls = proxies
            .tls_sides(&upstream, &settings)
            .map_err(Refusal::Tls)?;
        let listener = match is_wanted && !proxy.holds(address) {
            true => Some(bind(proxies, address)?),
            false => None,
        };
        disable(proxies, proxy).await;
        (proxy.listen, proxy.upstream, proxy.tls) = (listen, upstream, settings);
        proxies.secure(&proxy.name, tls);
        if let Some(listener) = listener {
            start(proxies, proxy, listener).await;
        }
    }
    match is_wanted {
        true => enable(proxies, proxy, dns).await,
        false => {
            disable(proxies, proxy).await;
            Ok(())
        }
    }
}

async fn enable(proxies: &mut Proxies, proxy: &mut Proxy, dns: &DnsCache) -> Result<(), Refusal> {
    if !proxy.enabled {
        let listener = bind(proxies, dns.resolve(&proxy.listen)?)?;
        start(proxies, proxy, listener).await;
    }
    Ok(())
}

async fn disable(proxies: &mut Proxies, proxy: &mut Proxy) {
    proxies.stop(&proxy.name).await;
    proxy.enabled = false;
}

fn bind(proxies: &Proxies, address: SocketAddr) -> Result<Listener, Refusal> {
    let bound = proxies.bind(address);
    bound.map_err(|error| {
        let problem = words(&error);
        Refusal::Listen(format!("listen tcp {address}: bind: {problem}"))
    })
}

async fn start(proxies: &mut Proxies, proxy: &mut Proxy, listener: Listener) {
    proxy.listen = listener.local_addr().to_string();
    proxies.start(&proxy.name, listener, &proxy.upstream).await;
    proxy.enabled = true;
}

async fn put(proxies: &mut Proxies, proxy: &str, toxic: &Toxic) {
    match effect::rule(proxy, toxic) {
        Some(rule) => proxies.put(proxy, StoredRule::new(rule, OWNER, None)).await,
        // It may have had an effect until now.
        None => drop(
            proxies
                .remove(proxy, &effect::rule_name(proxy, &toxic.name))
                .await,
        ),
    }
}

async fn take_away(proxies: &mut Proxies, proxy: &str, toxics: &[Toxic]) {
    for toxic in toxics {
        proxies
            .remove(proxy, &effect::rule_name(proxy, &toxic.name))
            .await;
    }
}

/// From now on these and no others.
async fn replace_toxics(proxies: &mut Proxies, proxy: &mut Proxy, toxics: Vec<Toxic>) {
    let old = proxy.toxics.clear();
    let is_gone = |old: &Toxic| toxics.iter().all(|toxic| toxic.name != old.name);
    let gone: Vec<Toxic> = old.into_iter().filter(is_gone).collect();
    take_away(proxies, &proxy.name, &gone).await;
    for toxic in toxics {
        put(proxies, &proxy.name, &toxic).await;
        proxy.toxics.add(toxic);
    }
}

/// The system's words as Go gives them: small letters, no number.
fn words(error: &io::Error) -> String {
    let text = error.to_string();
    let words = text.split(" (os error").next().unwrap_or_default();
    words.to_lowercase()
}
