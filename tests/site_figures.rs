//! Figures, not promises: run by hand with `--ignored --nocapture`, with optimisation, `TMPDIR` on the file system to measure.
#![allow(clippy::disallowed_methods, clippy::print_stderr)]

mod site_fixture;

use std::process::Command;
use std::time::{Duration, Instant};

use greffon::model::{LinkMode, SiteState};
use greffon::roles::Context;
use site_fixture::Fixture;

fn shell(script: &str) {
    let output = Command::new("sh").arg("-ec").arg(script).output().expect("a shell");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn timed(mut work: impl FnMut()) -> Duration {
    let mut times: Vec<Duration> = (0..5)
        .map(|_| {
            let start = Instant::now();
            work();
            start.elapsed()
        })
        .collect();
    times.sort();
    times[2]
}

#[test]
#[ignore = "a measurement"]
fn twenty_five_thousand_files() {
    let mut fixture = Fixture::new();
    let paths: Vec<(String, String)> =
        (0..25_000).map(|at| (format!("d{}/e{}/f{}/file{at}.php", at % 20, at % 400, at % 8000 / 10), format!("{at}\n").repeat(1000 + at % 1500))).collect();
    let files: Vec<(&str, &str)> = paths.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let request = fixture.request(&[("core/app", "1", ".", &files)]);
    let mut edited = paths.clone();
    for (_, text) in edited.iter_mut().step_by(8) {
        text.push_str("edited\n");
    }
    let edited: Vec<(&str, &str)> = edited.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let other = fixture.request(&[("core/app", "2", ".", &edited)]);
    let silent = Context::silent();
    let (site, copy) = (fixture.path(), fixture.folder.path().join("copy"));
    let remove = |fixture: &Fixture| {
        let _ = std::fs::remove_dir_all(&site);
        let _ = std::fs::remove_dir_all(fixture.state());
    };
    fixture.site().apply(&silent, &request).expect("the stock is warm");
    for mode in [LinkMode::Copy, LinkMode::Hardlink] {
        fixture.wanted.link_mode = mode;
        let mut spent = Vec::new();
        for _ in 0..5 {
            remove(&fixture);
            let start = Instant::now();
            fixture.site().apply(&silent, &request).expect("applied");
            spent.push(start.elapsed());
        }
        spent.sort();
        eprintln!("apply, empty path, warm stock, {mode:?}: {:?}", spent[2]);
    }
    fixture.wanted.link_mode = LinkMode::Copy;
    remove(&fixture);
    fixture.site().apply(&silent, &request).expect("applied");
    for flag in ["-a", "-al"] {
        let mut spent = Vec::new();
        for _ in 0..5 {
            let _ = std::fs::remove_dir_all(&copy);
            let start = Instant::now();
            shell(&format!("cp {flag} {} {}", site.display(), copy.display()));
            spent.push(start.elapsed());
        }
        spent.sort();
        eprintln!("cp {flag}: {:?}", spent[2]);
    }
    if std::env::var("GREFFON_LOOP").is_ok() {
        eprintln!("loop");
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(10) {
            fixture.site().apply(&silent, &request).expect("applied");
        }
        return;
    }
    eprintln!("apply, nothing to do: {:?}", timed(|| assert_eq!(fixture.site().apply(&silent, &request).expect("applied").generation, 1)));
    eprintln!("status: {:?}", timed(|| assert_eq!(fixture.site().status(&silent, false).expect("status").state, SiteState::Clean)));
    eprintln!("verify: {:?}", timed(|| assert_eq!(fixture.site().status(&silent, true).expect("status").state, SiteState::Clean)));
    let _ = std::fs::remove_dir_all(&copy);
    shell(&format!(
        "cp -a {} {}; cd {}; git init -q; git add -A; git -c user.name=x -c user.email=x commit -qm x; sleep 1; git status >/dev/null",
        site.display(),
        copy.display(),
        copy.display()
    ));
    eprintln!("git status: {:?}", timed(|| shell(&format!("cd {}; git status >/dev/null", copy.display()))));
    let start = Instant::now();
    fixture.site().apply(&silent, &other).expect("applied");
    eprintln!("apply, 3,125 changed files, cold blobs: {:?}", start.elapsed());
    let start = Instant::now();
    fixture.site().apply(&silent, &request).expect("applied");
    eprintln!("apply, 3,125 changed files, warm blobs: {:?}", start.elapsed());
}
