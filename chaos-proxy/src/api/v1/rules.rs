//! `/rules`: what is in force, whoever asked for it.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use environment::Moment;
use serde::Serialize;
use serde_json::Value;

use super::super::server::ApiState;
use super::super::server::App;
use super::super::toxiproxy;
use super::error::ApiError;
use super::language::RuleBody;
use super::routes::JsonBody;
use crate::engine::AddedRule;
use crate::proxies::{Proxies, StoredRule};
use crate::rule::Rule;

/// The owner of the rules of a scenario file.
const SCENARIO: &str = "scenario";

/// A rule as it is shown.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Shown {
    proxy: String,
    name: String,
    owner: String,
    /// The fault's word.
    fault: &'static str,
    /// How long it is still there; `null`: until it is taken away.
    remaining_ms: Option<u64>,
    /// As it was given to this API; `null` for the rules of others.
    rule: Option<Value>,
}

#[derive(Debug, Serialize)]
pub(super) struct List {
    rules: Vec<Shown>,
}

/// `GET /rules`
pub(super) async fn list(State(app): State<App>) -> Json<List> {
    let state = app.state().await;
    let (proxies, now) = (&state.proxies, state.proxies.now());
    let mut rules = Vec::new();
    for (name, proxy) in proxies.iter() {
        let planned = proxy.script().rules.iter();
        rules.extend(planned.map(|rule| shown(name, rule, SCENARIO, None, None)));
        let added = proxy.added(now);
        rules.extend(added.map(|stored| show(name, stored, now)));
    }
    Json(List { rules })
}

/// `POST /rules`
pub(super) async fn add(State(app): State<App>, body: JsonBody) -> Result<Response, ApiError> {
    let body = RuleBody::read(&body.0, None).map_err(ApiError::Mistakes)?;
    let added = app.run_to_end(|app| async move { app.state().await.add_rule(body).await });
    let shown = added.await.unwrap_or(Err(ApiError::Failed))?;
    Ok((StatusCode::CREATED, Json(shown)).into_response())
}

/// `PUT /rules/{proxy}/{name}`
pub(super) async fn change(
    State(app): State<App>,
    Path((proxy, name)): Path<(String, String)>,
    body: JsonBody,
) -> Result<Json<Shown>, ApiError> {
    let body = RuleBody::read(&body.0, Some(&name)).map_err(ApiError::Mistakes)?;
    let changed =
        app.run_to_end(|app| async move { app.state().await.change_rule(&proxy, body).await });
    changed.await.unwrap_or(Err(ApiError::Failed)).map(Json)
}

/// `DELETE /rules/{proxy}/{name}`
pub(super) async fn remove(
    State(app): State<App>,
    Path((proxy, name)): Path<(String, String)>,
) -> Result<StatusCode, ApiError> {
    let removed =
        app.run_to_end(|app| async move { app.state().await.remove_rule(&proxy, &name).await });
    removed.await.unwrap_or(Err(ApiError::Failed))?;
    Ok(StatusCode::NO_CONTENT)
}

impl ApiState {
    async fn add_rule(&mut self, body: RuleBody) -> Result<Shown, ApiError> {
        let proxy = match &body.proxy {
            Some(proxy) => proxy.clone(),
            None => only(&self.proxies)?,
        };
        if find(&self.proxies, &proxy, &body.rule.name)?.is_some() {
            return Err(ApiError::Exists(body.rule.name));
        }
        self.put_rule(&proxy, body).await
    }

    async fn change_rule(&mut self, proxy: &str, body: RuleBody) -> Result<Shown, ApiError> {
        ensure_ours(&self.proxies, proxy, &body.rule.name)?;
        self.put_rule(proxy, body).await
    }

    async fn remove_rule(&mut self, proxy: &str, name: &str) -> Result<(), ApiError> {
        ensure_ours(&self.proxies, proxy, name)?;
        self.proxies.remove(proxy, name).await;
        Ok(())
    }

    async fn put_rule(&mut self, proxy: &str, body: RuleBody) -> Result<Shown, ApiError> {
        if [SCENARIO, toxiproxy::OWNER].contains(&body.owner.as_str()) {
            let problem = format!("`owner`: the rules of {} are not made here", body.owner);
            return Err(ApiError::mistake(problem));
        }
        if needs_frames(&body.rule) && !self.proxies.watches_frames(proxy) {
            return Err(ApiError::Unwatched);
        }
        let now = self.proxies.now();
        let until = body.lasting.map(|lasting| now + lasting);
        let stored = StoredRule {
            given: Some(body.given),
            ..StoredRule::new(body.rule, &body.owner, until)
        };
        let shown = show(proxy, &stored, now);
        self.proxies.put(proxy, stored).await;
        Ok(shown)
    }
}

/// Whether it could do nothing where frames are not watched.
fn needs_frames(rule: &Rule) -> bool {
    rule.needs_websocket() || rule.conditions().any(|condition| condition.frames > 0)
}

/// The one proxy, where there is one.
fn only(proxies: &Proxies) -> Result<String, ApiError> {
    let mut names = proxies.iter().map(|(name, _)| name);
    match (names.next(), names.next()) {
        (Some(name), None) => Ok(name.to_owned()),
        _ => Err(ApiError::mistake(
            "`proxy` must say which one is meant, unless there is just one",
        )),
    }
}

/// Whose a rule is, if it is there.
fn find(proxies: &Proxies, proxy: &str, name: &str) -> Result<Option<String>, ApiError> {
    let proxy = proxies
        .get(proxy)
        .ok_or_else(|| ApiError::no_proxy(proxy))?;
    let mut planned = proxy.script().rules.iter();
    if planned.any(|rule| rule.name == name) {
        return Ok(Some(SCENARIO.to_owned()));
    }
    let mut added = proxy.added(proxies.now());
    let found = added.find(|stored| stored.added.rule.name == name);
    Ok(found.map(|stored| stored.added.owner.to_string()))
}

fn ensure_ours(proxies: &Proxies, proxy: &str, name: &str) -> Result<(), ApiError> {
    match find(proxies, proxy, name)? {
        None => Err(ApiError::no_rule(name)),
        Some(owner) if owner == SCENARIO || owner == toxiproxy::OWNER => Err(ApiError::NotYours {
            name: name.to_owned(),
            owner,
        }),
        Some(_) => Ok(()),
    }
}

fn show(proxy: &str, stored: &StoredRule, now: Moment) -> Shown {
    let AddedRule { rule, owner, until } = &stored.added;
    let remaining = until.map(|until| until.since(now).as_millis());
    let remaining = remaining.map(|millis| u64::try_from(millis).unwrap_or(u64::MAX));
    shown(proxy, rule, owner, remaining, stored.given.clone())
}

fn shown(
    proxy: &str,
    rule: &Rule,
    owner: &str,
    remaining_ms: Option<u64>,
    given: Option<Value>,
) -> Shown {
    Shown {
        proxy: proxy.to_owned(),
        name: rule.name.clone(),
        owner: owner.to_owned(),
        fault: rule.fault.word(),
        remaining_ms,
        rule: given,
    }
}
