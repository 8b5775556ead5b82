//! What a script answers may name files of this machine: those alone that it may read, or that its request or another role named.
//!
//! A repository that tells `download: #{ path: "…" }` has that folder put into a site, and a downloader that tells a payload's path
//! likewise: without this, a script that may read nothing could publish anything.

use serde_json::Value;

use super::call::Call;
use crate::error::Result;

/// Holds the answer of a method to the grants of its call.
///
/// # Errors
/// `Refused` with the line to add.
pub(super) fn check(call: &Call, function: &str, answer: &Value) -> Result<()> {
    match function {
        "versions" => {
            let list = answer.get("known").unwrap_or(answer).as_array();
            list.into_iter().flatten().try_for_each(|entry| {
                download(call, entry)?;
                entry.get("info").map_or(Ok(()), |info| download(call, info))
            })
        }
        "element_info" | "info" => download(call, answer),
        "download" => {
            path(call, answer)?;
            answer.get("payload").map_or(Ok(()), |payload| path(call, payload))
        }
        "open" | "store_element" => {
            answer.get("payload").map_or(Ok(()), |payload| path(call, payload))?;
            answer.get("info").map_or(Ok(()), |info| download(call, info))
        }
        _ => Ok(()),
    }
}

/// An element info's download.
fn download(call: &Call, info: &Value) -> Result<()> {
    let Some(download) = info.get("download") else { return Ok(()) };
    path(call, download)?;
    match download.get("git").and_then(Value::as_str).and_then(|git| Some((git, local(git)?))) {
        // What is written in percents is another path to git than it is here.
        Some((git, path)) if !call.was_told(git) => call.allowed().may_read_repository(if path.contains('%') { "" } else { path }).map(drop),
        _ => Ok(()),
    }
}

fn path(call: &Call, holder: &Value) -> Result<()> {
    match holder.get("path").and_then(Value::as_str) {
        Some(path) if !call.was_told(path) => call.allowed().may_read(path).map(drop),
        _ => Ok(()),
    }
}

/// The path of a git address that is a repository on this machine; `host:path` is none.
fn local(git: &str) -> Option<&str> {
    if git.get(..7).is_some_and(|head| head.eq_ignore_ascii_case("file://")) {
        return git.get(7..);
    }
    let host = git.split_once(':').is_some_and(|(host, _)| !host.is_empty() && !host.contains('/'));
    (!host).then_some(git)
}

/// Every path and git address that a value names.
pub(super) fn named(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Array(list) => list.iter().for_each(|one| named(one, found)),
        Value::Object(map) => {
            for (key, one) in map {
                match one {
                    Value::String(text) if matches!(key.as_str(), "path" | "git") => found.push(text.clone()),
                    one => named(one, found),
                }
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_on_this_machine() {
        for git in ["/srv/x.git", "../x", "x", "./a:b", "file:///srv/x", "FILE:///srv/x", "~/x"] {
            assert!(local(git).is_some(), "{git}");
        }
        for git in ["https://h.example/x", "ssh://h/x", "git@h:x", "h.example:x/y"] {
            assert_eq!(local(git), None, "{git}");
        }
    }
}
