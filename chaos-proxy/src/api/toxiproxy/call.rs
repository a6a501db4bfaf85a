//! The calls of the API: what is asked, before it is known whether it can be.

use bytes::Bytes;

use super::address::Address;
use super::body::{ProxyBody, ProxyChange};
use super::json;
use super::refusal::Refusal;

/// One request, by its route. Bodies are still unread: what is wrong with them
/// is said only after what is wrong with the names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Call {
    /// `GET /proxies`
    Proxies,
    /// `POST /proxies`
    Create(Bytes),
    /// `GET /proxies/{p}`
    Proxy(String),
    /// `POST` or `PATCH /proxies/{p}`
    Update(String, Bytes),
    /// `DELETE /proxies/{p}`
    Delete(String),
    /// `GET /proxies/{p}/toxics`
    Toxics(String),
    /// `POST /proxies/{p}/toxics`
    AddToxic(String, Bytes),
    /// `GET /proxies/{p}/toxics/{t}`
    Toxic(String, String),
    /// `POST` or `PATCH /proxies/{p}/toxics/{t}`
    UpdateToxic(String, String, Bytes),
    /// `DELETE /proxies/{p}/toxics/{t}`
    DeleteToxic(String, String),
    /// `POST /populate`
    Populate(Bytes),
    /// `POST /reset`
    Reset,
}

impl Call {
    /// The names that must be looked up before the call can be answered. A call
    /// whose body is wrong needs none.
    pub(crate) fn names(&self) -> Vec<String> {
        let listens = match self {
            Self::Create(body) => {
                ProxyBody::read(&json::text(body)).map(|proxy| vec![proxy.listen])
            }
            Self::Populate(body) => ProxyBody::read_all(&json::text(body))
                .map(|proxies| proxies.into_iter().map(|proxy| proxy.listen).collect()),
            Self::Update(_, body) => ProxyChange::read(&json::text(body))
                .map(|change| change.listen.into_iter().collect()),
            _ => Ok(Vec::new()),
        };
        let listens: Vec<String> = listens.unwrap_or_else(|_: Refusal| Vec::new());
        listens
            .iter()
            .filter_map(|listen| name_in(listen))
            .collect()
    }
}

/// The name in an address, if it has one to be looked up.
pub(crate) fn name_in(listen: &str) -> Option<String> {
    match Address::read(listen) {
        Ok(Address::Named { host, .. }) => Some(host),
        Ok(Address::Known(_)) | Err(_) => None,
    }
}
