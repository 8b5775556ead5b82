//! The client over a wire.
//!
//! `plan` and `apply` cross as their requests and answers do in Rust, with the lock as its file's text under `lock`.
//! `plan` gives `{lock, lock_changed, sites, warnings}`; `apply` gives `{sites}`, each with `name`, `generation`, `files`, `saved`,
//! `notes`, `skipped`, and `error` where it failed.
//!
//! A far side decides, and carries out nothing itself: it hands on to its inner client, whose failures come back whole. What it hands
//! on must be what was made and asked: a plan that the inner client composed, with the user's own answers.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Answerer, Role, Served, from_answer, from_call, no_method, nobody, nothing_left, only_keys, to_json, wrong_answer};
use crate::error::{Error, ErrorKind, Result};
use crate::manifest::{parse_lock, write_lock};
use crate::model::{Lock, Plan, SitePlan};
use crate::roles::{ApplyReport, ApplyRequest, Client, Context, PlanRequest, SiteOutcome};

const PLAN: &str = "a map with `lock` (the lockfile's text), `lock_changed`, `sites` and `warnings`";
const REPORT: &str = "a map with `sites`, each with its `name`";
const MADE: &str = "sites as `host.inner.plan` made them; a client chooses among plans, asks for others, and adds notes";

/// The keys of a site's plan.
const SITE: &[&str] = &["name", "path", "tree", "held", "changes", "download_map", "files", "hooks", "moves", "notes", "faults", "contained", "grafts"];

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
        if let Some(map) = answer.as_object() {
            only_keys(&*self.to, "plan", map, &["lock", "lock_changed", "sites", "warnings"], PLAN)?;
        }
        let sites = answer.get("sites").cloned().unwrap_or_default();
        for site in sites.as_array().into_iter().flatten().filter_map(Value::as_object) {
            only_keys(&*self.to, "plan", site, SITE, MADE)?;
        }
        let told: ToldPlan = from_answer(&*self.to, "plan", answer, PLAN)?;
        nothing_left(&*self.to, "plan", &sites, &told.sites, MADE)?;
        for site in told.sites.iter().filter(|site| site.tree.is_some()) {
            if !self.inner.as_ref().is_some_and(|inner| inner.has_made(site)) {
                let what = format!("site `{}` would become a tree, or change in a way, that was never composed and checked", site.name);
                return Err(wrong_answer(&*self.to, "plan", &what, MADE));
            }
        }
        let lock = read(&told.lock).map_err(|error| wrong_answer(&*self.to, "plan", &format!("its `lock` cannot be read: {error}"), PLAN))?;
        Ok(Plan { lock_changed: told.lock_changed || lock != request.lock, lock, sites: told.sites, warnings: told.warnings })
    }

    fn apply(&self, cx: &Context, request: &ApplyRequest) -> Result<ApplyReport> {
        if !self.to.has("apply") {
            return self.inner("apply")?.apply(cx, request);
        }
        let asked = self.inner.as_ref().map(|inner| inner.expect(request)).transpose()?;
        let answer = self.to.call(cx, "apply", with_lock(to_json("a request", request)?, &request.lock))?;
        drop(asked);
        if let Some(map) = answer.as_object() {
            only_keys(&*self.to, "apply", map, &["sites"], REPORT)?;
        }
        for site in answer.get("sites").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_object) {
            only_keys(&*self.to, "apply", site, &["name", "generation", "files", "saved", "notes", "skipped", "error"], REPORT)?;
            if let Some(files) = site.get("files").and_then(Value::as_object) {
                only_keys(&*self.to, "apply", files, &["add", "change", "remove"], REPORT)?;
            }
        }
        let failures = answer.get("sites").map(failures).unwrap_or_default();
        let mut report: ApplyReport = from_answer(&*self.to, "apply", answer, REPORT)?;
        for site in &mut report.sites {
            let kept = self.inner.as_ref().and_then(|inner| inner.take_failure(&site.name));
            site.error = kept.or_else(|| failures.get(&site.name).map(|why| Arc::new(Error::new(ErrorKind::Extension, why.clone()))));
        }
        for site in &report.sites {
            let done = self.inner.as_ref().and_then(|inner| inner.take_done(&site.name));
            if site.error.is_none() && site.skipped.is_none() && (site.generation.is_none() || site.generation != done) {
                let what = format!("it says that the site `{}` is as wanted, and nobody made it so", site.name);
                return Err(wrong_answer(&*self.to, "apply", &what, REPORT));
            }
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
    /// Every site plan that was made here: what a client on the far side may hand on.
    made: Mutex<Vec<Value>>,
    /// What greffon asked to be carried out, while it does.
    asked: Mutex<Option<Value>>,
    /// Site → the generation that was recorded.
    done: Mutex<HashMap<String, u64>>,
}

/// As long as it lives, that what was asked may be carried out.
struct Asked<'a>(&'a ServedClient);

impl Drop for Asked<'_> {
    fn drop(&mut self) {
        *lock(&self.0.asked) = None;
    }
}

fn lock<T>(of: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A site plan without what people alone read.
fn essence(mut site: Value) -> Value {
    if let Some(map) = site.as_object_mut() {
        map.shift_remove("notes");
        map.shift_remove("hooks");
    }
    site
}

/// What a client may set otherwise than it was asked: which of the sites, how many at a time, and what is said of it.
const FREE: [&str; 5] = ["sites", "jobs", "first", "max_fail", "reason"];

impl ServedClient {
    /// Over this client.
    #[must_use]
    pub fn new(inner: Arc<dyn Client>) -> Self {
        Self { inner, failures: Mutex::default(), made: Mutex::default(), asked: Mutex::default(), done: Mutex::default() }
    }

    fn has_made(&self, site: &SitePlan) -> bool {
        to_json("a plan", site).is_ok_and(|site| lock(&self.made).contains(&essence(site)))
    }

    /// Notes what greffon asks for, until the guard goes.
    fn expect(&self, request: &ApplyRequest) -> Result<Asked<'_>> {
        *lock(&self.asked) = Some(with_lock(to_json("a request", request)?, &request.lock));
        Ok(Asked(self))
    }

    fn take_done(&self, site: &str) -> Option<u64> {
        lock(&self.done).remove(site)
    }

    /// Refuses what greffon did not ask for: another plan, another lock, and answers that only the user gives.
    fn is_asked(&self, request: &ApplyRequest) -> Result<()> {
        let refuse = |what: String| Err(Error::new(ErrorKind::Refused, format!("the client would carry out what was not asked: {what}")));
        let Some(asked) = lock(&self.asked).clone() else { return refuse("nothing is to be carried out now".to_owned()) };
        let own = with_lock(to_json("a request", request)?, &request.lock);
        if let Some((key, _)) = own.as_object().into_iter().flatten().find(|(key, value)| !FREE.contains(&key.as_str()) && asked.get(*key) != Some(value)) {
            return refuse(format!("its `{key}` is another"));
        }
        let list = |value: &Value| value.get("sites").and_then(Value::as_array).into_iter().flatten().cloned().map(essence).collect::<Vec<_>>();
        let known = list(&asked);
        let sites = list(&own);
        for (at, site) in sites.iter().enumerate() {
            if !known.contains(site) || sites[..at].contains(site) {
                return refuse(format!("its plan for the site `{}` is another", site.get("name").and_then(Value::as_str).unwrap_or_default().escape_debug()));
            }
        }
        Ok(())
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
        let locked = |request: &Value| read(request.get("lock").and_then(Value::as_str).unwrap_or_default());
        match method {
            "plan" => {
                let own = locked(&request)?;
                let request = PlanRequest { lock: own, ..from_call(Role::Client, method, request)? };
                let plan = self.inner.plan(cx, &request)?;
                let sites = to_json("an answer", &plan.sites)?;
                lock(&self.made).extend(sites.as_array().into_iter().flatten().cloned().map(essence));
                Ok(json!({ "lock": write_lock(&plan.lock), "lock_changed": plan.lock_changed, "sites": sites, "warnings": plan.warnings }))
            }
            "apply" => {
                let own = locked(&request)?;
                let request = ApplyRequest { lock: own, ..from_call(Role::Client, method, request)? };
                self.is_asked(&request)?;
                let report = self.inner.apply(cx, &request)?;
                for site in &report.sites {
                    if let Some(generation) = site.generation {
                        lock(&self.done).insert(site.name.clone(), generation);
                    }
                }
                Ok(json!({ "sites": report.sites.iter().map(|site| self.told(site)).collect::<Result<Vec<_>>>()? }))
            }
            _ => Err(no_method(Role::Client, method)),
        }
    }
}
