//! `/rules`: what is in force, whoever asked for it.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use environment::Moment;
use serde::Serialize;
use serde_json::Value;

use super::super::app::App;
use super::super::room::Room;
use super::super::toxiproxy;
use super::language::RuleBody;
use super::routes::JsonBody;
use super::trouble::Trouble;
use crate::hub::{Hub, Standing};
use crate::rule::{Rule, When};

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
    let room = app.room().await;
    let (hub, now) = (&room.hub, room.hub.now());
    let mut rules = Vec::new();
    for (proxy, member) in hub.members() {
        let planned = member.script().rules.iter();
        rules.extend(planned.map(|rule| shown(proxy, rule, SCENARIO, None, None)));
        let standing = member.standing(now);
        rules.extend(standing.map(|standing| show(proxy, standing, now)));
    }
    Json(List { rules })
}

/// `POST /rules`
pub(super) async fn add(State(app): State<App>, body: JsonBody) -> Result<Response, Trouble> {
    let body = RuleBody::read(&body.0, None).map_err(Trouble::Mistakes)?;
    let added = app.in_room(|app| async move { app.room().await.add_rule(body).await });
    let shown = added.await.unwrap_or(Err(Trouble::Failed))?;
    Ok((StatusCode::CREATED, Json(shown)).into_response())
}

/// `PUT /rules/{proxy}/{name}`
pub(super) async fn change(
    State(app): State<App>,
    Path((proxy, name)): Path<(String, String)>,
    body: JsonBody,
) -> Result<Json<Shown>, Trouble> {
    let body = RuleBody::read(&body.0, Some(&name)).map_err(Trouble::Mistakes)?;
    let changed =
        app.in_room(|app| async move { app.room().await.change_rule(&proxy, body).await });
    changed.await.unwrap_or(Err(Trouble::Failed)).map(Json)
}

/// `DELETE /rules/{proxy}/{name}`
pub(super) async fn remove(
    State(app): State<App>,
    Path((proxy, name)): Path<(String, String)>,
) -> Result<StatusCode, Trouble> {
    let removed =
        app.in_room(|app| async move { app.room().await.remove_rule(&proxy, &name).await });
    removed.await.unwrap_or(Err(Trouble::Failed))?;
    Ok(StatusCode::NO_CONTENT)
}

impl Room {
    async fn add_rule(&mut self, body: RuleBody) -> Result<Shown, Trouble> {
        let proxy = match &body.proxy {
            Some(proxy) => proxy.clone(),
            None => only(&self.hub)?,
        };
        if find(&self.hub, &proxy, &body.rule.name)?.is_some() {
            return Err(Trouble::Exists(body.rule.name));
        }
        self.put_rule(&proxy, body).await
    }

    async fn change_rule(&mut self, proxy: &str, body: RuleBody) -> Result<Shown, Trouble> {
        ensure_ours(&self.hub, proxy, &body.rule.name)?;
        self.put_rule(proxy, body).await
    }

    async fn remove_rule(&mut self, proxy: &str, name: &str) -> Result<(), Trouble> {
        ensure_ours(&self.hub, proxy, name)?;
        self.hub.remove(proxy, name).await;
        Ok(())
    }

    async fn put_rule(&mut self, proxy: &str, body: RuleBody) -> Result<Shown, Trouble> {
        if [SCENARIO, toxiproxy::OWNER].contains(&body.owner.as_str()) {
            let problem = format!("`owner`: the rules of {} are not made here", body.owner);
            return Err(Trouble::mistake(problem));
        }
        if needs_frames(&body.rule) && !self.hub.watches_frames(proxy) {
            return Err(Trouble::Unwatched);
        }
        let now = self.hub.now();
        let standing = Standing {
            rule: body.rule,
            owner: body.owner,
            until: body.lasting.map(|lasting| now + lasting),
            given: Some(body.given),
        };
        let shown = show(proxy, &standing, now);
        self.hub.put(proxy, standing).await;
        Ok(shown)
    }
}

/// Whether it could do nothing where frames are not watched.
fn needs_frames(rule: &Rule) -> bool {
    let waits = matches!(rule.when, When::On { condition, .. } if condition.frames > 0);
    waits || rule.fault.needs_websocket()
}

/// The one proxy, where there is one.
fn only(hub: &Hub) -> Result<String, Trouble> {
    let mut names = hub.members().map(|(name, _)| name);
    match (names.next(), names.next()) {
        (Some(name), None) => Ok(name.to_owned()),
        _ => Err(Trouble::mistake(
            "`proxy` must say which one is meant, unless there is just one",
        )),
    }
}

/// Whose a rule is, if it is there.
fn find(hub: &Hub, proxy: &str, name: &str) -> Result<Option<String>, Trouble> {
    let member = hub.member(proxy).ok_or_else(|| Trouble::no_proxy(proxy))?;
    let mut planned = member.script().rules.iter();
    if planned.any(|rule| rule.name == name) {
        return Ok(Some(SCENARIO.to_owned()));
    }
    let mut standing = member.standing(hub.now());
    let found = standing.find(|standing| standing.rule.name == name);
    Ok(found.map(|standing| standing.owner.clone()))
}

fn ensure_ours(hub: &Hub, proxy: &str, name: &str) -> Result<(), Trouble> {
    match find(hub, proxy, name)? {
        None => Err(Trouble::no_rule(name)),
        Some(owner) if owner == SCENARIO || owner == toxiproxy::OWNER => Err(Trouble::NotYours {
            name: name.to_owned(),
            owner,
        }),
        Some(_) => Ok(()),
    }
}

fn show(proxy: &str, standing: &Standing, now: Moment) -> Shown {
    let Standing {
        rule,
        owner,
        until,
        given,
    } = standing;
    let remaining = until.map(|until| until.since(now).as_millis());
    let remaining = remaining.map(|millis| u64::try_from(millis).unwrap_or(u64::MAX));
    shown(proxy, rule, owner, remaining, given.clone())
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
