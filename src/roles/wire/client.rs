//! The client over a wire.
//!
//! `plan` and `apply` cross as their requests and answers do in Rust, with the lock as its file's text under `lock`.
//! `plan` gives `{lock, lock_changed, sites, warnings}`; `apply` gives `{sites}`, each with `name`, `generation`, `files`, `saved`,
//! `notes`, `skipped`, and `error` where it failed.
//!
//! A far side that carries out nothing itself hands on to its inner client, whose failures come back whole.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Answerer, Role, Served, from_answer, from_call, no_method, nobody, to_json, wrong_answer};
use crate::error::{Error, ErrorKind, Result};
use crate::manifest::{parse_lock, write_lock};
use crate::model::{Lock, Plan, SitePlan};
use crate::roles::{ApplyReport, ApplyRequest, Client, Context, PlanRequest, SiteOutcome};

const PLAN: &str = "a map with `lock` (the lockfile's text), `lock_changed`, `sites` and `warnings`";
const REPORT: &str = "a map with `sites`, each with its `name`";

/// A client whose answers come from a script or a library.
#[derive(Debug)]
pub struct WiredClient {
    to: Arc<dyn Answerer>,
    inner: Option<Arc<ServedClient>>,
}

impl WiredClient {
    /// A client; `inner` serves what the far side leaves out. The far side must be given the same [`ServedClient`].
    #[must_use]
    pub fn new(to: Arc<dyn Answerer>, inner: Option<Arc<ServedClient>>) -> Self {
        Self { to, inner }
    }

    fn inner(&self, method: &str) -> Result<&dyn Client> {
        self.inner.as_deref().map(|inner| &*inner.inner).ok_or_else(|| nobody(&*self.to, Role::Client, method))
    }
}

impl Client for WiredClient {
    fn plan(&self, cx: &Context, request: &PlanRequest) -> Result<Plan> {
        if !self.to.has("plan") {
            return self.inner("plan")?.plan(cx, request);
        }
        let answer = self.to.call(cx, "plan", with_lock(to_json("a request", request)?, &request.lock))?;
        let told: ToldPlan = from_answer(&*self.to, "plan", answer, PLAN)?;
        let lock = read(&told.lock).map_err(|error| wrong_answer(&*self.to, "plan", &format!("its `lock` cannot be read: {error}"), PLAN))?;
        Ok(Plan { lock_changed: told.lock_changed || lock != request.lock, lock, sites: told.sites, warnings: told.warnings })
    }

    fn apply(&self, cx: &Context, request: &ApplyRequest) -> Result<ApplyReport> {
        if !self.to.has("apply") {
            return self.inner("apply")?.apply(cx, request);
        }
        let answer = self.to.call(cx, "apply", with_lock(to_json("a request", request)?, &request.lock))?;
        let failures = answer.get("sites").map(failures).unwrap_or_default();
        let mut report: ApplyReport = from_answer(&*self.to, "apply", answer, REPORT)?;
        for site in &mut report.sites {
            let kept = self.inner.as_ref().and_then(|inner| inner.take_failure(&site.name));
            site.error = kept.or_else(|| failures.get(&site.name).map(|why| Arc::new(Error::new(ErrorKind::Extension, why.clone()))));
        }
        if let Some(left) = request.sites.iter().find(|plan| !report.sites.iter().any(|site| site.name == plan.name)) {
            return Err(wrong_answer(&*self.to, "apply", &format!("it says nothing of the site `{}`", left.name), REPORT));
        }
        Ok(report)
    }
}

#[derive(Deserialize)]
struct ToldPlan {
    lock: String,
    #[serde(default)]
    lock_changed: bool,
    sites: Vec<SitePlan>,
    #[serde(default)]
    warnings: Vec<String>,
}

fn with_lock(mut request: Value, lock: &Lock) -> Value {
    request["lock"] = Value::String(write_lock(lock));
    request
}

fn read(text: &str) -> Result<Lock> {
    Ok(parse_lock(Path::new("greffon.lock"), text)?.0)
}

/// Site → why it failed, as the far side tells it.
fn failures(sites: &Value) -> HashMap<String, String> {
    let pair = |site: &Value| Some((site.get("name")?.as_str()?.to_owned(), site.get("error")?.as_str()?.to_owned()));
    sites.as_array().map(|sites| sites.iter().filter_map(pair).collect()).unwrap_or_default()
}

/// A client of Rust behind JSON. Keeps the failures of sites whole, for the report that goes back through the wire.
#[derive(Debug)]
pub struct ServedClient {
    inner: Arc<dyn Client>,
    failures: Mutex<HashMap<String, Arc<Error>>>,
}

impl ServedClient {
    /// Over this client.
    #[must_use]
    pub fn new(inner: Arc<dyn Client>) -> Self {
        Self { inner, failures: Mutex::default() }
    }

    fn take_failure(&self, site: &str) -> Option<Arc<Error>> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner).remove(site)
    }

    fn told(&self, site: &SiteOutcome) -> Result<Value> {
        let mut told = to_json("an answer", site)?;
        if let Some(error) = &site.error {
            told["error"] = json!(error.message());
            self.failures.lock().unwrap_or_else(PoisonError::into_inner).insert(site.name.clone(), Arc::clone(error));
        }
        Ok(told)
    }
}

impl Served for ServedClient {
    fn role(&self) -> Role {
        Role::Client
    }

    fn serve(&self, cx: &Context, method: &str, request: Value) -> Result<Value> {
        let lock = |request: &Value| read(request.get("lock").and_then(Value::as_str).unwrap_or_default());
        match method {
            "plan" => {
                let own = lock(&request)?;
                let request = PlanRequest { lock: own, ..from_call(Role::Client, method, request)? };
                let plan = self.inner.plan(cx, &request)?;
                let sites = to_json("an answer", &plan.sites)?;
                Ok(json!({ "lock": write_lock(&plan.lock), "lock_changed": plan.lock_changed, "sites": sites, "warnings": plan.warnings }))
            }
            "apply" => {
                let own = lock(&request)?;
                let request = ApplyRequest { lock: own, ..from_call(Role::Client, method, request)? };
                let report = self.inner.apply(cx, &request)?;
                Ok(json!({ "sites": report.sites.iter().map(|site| self.told(site)).collect::<Result<Vec<_>>>()? }))
            }
            _ => Err(no_method(Role::Client, method)),
        }
    }
}
