//! `scripts/bench moodle`: a core, plugins with many releases, a site put together by hand, and twenty sites, made on the spot;
//! what greffon takes for them, against reading every file once.
//!
//! `bench-moodle FOLDER RUNS FILES`: greffon is the one on the path.
#![allow(clippy::disallowed_methods, clippy::print_stderr, clippy::print_stdout)]

use std::fmt::Write as _;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

/// Repositories whose refs are read, tags of each.
const WIDE: usize = 20;
const TAGS: usize = 200;
/// Plugins and sites of the plan.
const PLUGINS: usize = 60;
const SITES: usize = 20;
/// Plugins of the adopted site.
const ADOPTED: usize = 30;

type Result<T> = io::Result<T>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let done = match arguments.as_slice() {
        [folder, runs, files] => match (runs.parse(), files.parse()) {
            (Ok(runs), Ok(files)) => Bench { home: PathBuf::from(folder), runs }.all(files),
            _ => Err(io::Error::other("RUNS and FILES are numbers")),
        },
        _ => Err(io::Error::other("usage: bench-moodle FOLDER RUNS FILES")),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench-moodle: {error}");
            ExitCode::from(2)
        }
    }
}

struct Bench {
    home: PathBuf,
    runs: usize,
}

/// A stream for `git fast-import`.
struct Import {
    out: BufWriter<std::process::ChildStdin>,
    child: std::process::Child,
    time: u64,
}

impl Import {
    fn into(repository: &Path) -> Result<Self> {
        run(Command::new("git").args(["init", "-q", "--bare", "-b", "main"]).arg(repository))?;
        let mut child = Command::new("git").arg("-C").arg(repository).args(["fast-import", "--quiet"]).stdin(Stdio::piped()).spawn()?;
        let stdin = child.stdin.take().ok_or_else(|| io::Error::other("no input"))?;
        Ok(Self { out: BufWriter::with_capacity(1 << 20, stdin), child, time: 1_700_000_000 })
    }

    fn commit(&mut self, reference: &str, files: &[(String, String)]) -> Result<()> {
        self.time += 60;
        write!(self.out, "commit {reference}\ncommitter bench <bench@example.org> {} +0000\ndata 1\nx\n", self.time)?;
        for (path, text) in files {
            write!(self.out, "M 100644 inline {path}\ndata {}\n{text}\n", text.len())?;
        }
        Ok(())
    }

    fn tag(&mut self, name: &str) -> Result<()> {
        write!(self.out, "reset refs/tags/{name}\nfrom refs/heads/main\n\n")
    }

    fn finish(mut self) -> Result<()> {
        self.out.flush()?;
        drop(self.out);
        if self.child.wait()?.success() { Ok(()) } else { Err(io::Error::other("git fast-import failed")) }
    }
}

fn run(command: &mut Command) -> Result<()> {
    let output = command.output()?;
    if output.status.success() {
        return Ok(());
    }
    Err(io::Error::other(format!("{command:?} failed:\n{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))))
}

/// Text of about so many bytes, another for every seed.
fn filler(seed: u64, bytes: usize) -> String {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut text = String::with_capacity(bytes + 16);
    while text.len() < bytes {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        let _ = writeln!(text, "{:x}", state.wrapping_mul(0x2545_F491_4F6C_DD1D));
    }
    text
}

fn plugin_php(name: &str, version: u64, rest: &str) -> String {
    format!(
        "<?php\ndefined('MOODLE_INTERNAL') || die();\n$plugin->component = '{name}';\n$plugin->version = {version};\n$plugin->requires = 2022041900;\n{rest}"
    )
}

fn core(folder: &Path, files: usize) -> Result<()> {
    let mut import = Import::into(&folder.join("moodle"))?;
    let kinds = [("mod", "mod"), ("block", "blocks"), ("local", "local"), ("tool", "admin/tool"), ("theme", "theme")];
    let kinds: Vec<String> = kinds.iter().map(|(kind, path)| format!("\"{kind}\": \"{path}\"")).collect();
    let mut tree: Vec<(String, String)> = vec![("lib/components.json".to_owned(), format!("{{\"plugintypes\": {{{}}}}}", kinds.join(", ")))];
    for n in 0..files {
        let path = match n % 50 {
            0 => format!("mod/own{}/lib{n}.php", n / 2500),
            _ => format!("lib/part{}/folder{}/file{n}.php", n % 40, n / 400),
        };
        tree.push((path, filler(n as u64, 2_000 + n * 7919 % 20_000)));
    }
    for patch in 0..7u64 {
        let version = format!(
            "<?php\n$version = {}.00;\n$release = '4.5.{patch} (Build: 20250101)';\n$branch = '405';\n$maturity = MATURITY_STABLE;\n",
            2_024_100_700 + patch
        );
        let mut changed = vec![("version.php".to_owned(), version)];
        if patch == 0 {
            changed.append(&mut tree);
        } else {
            changed.extend((0..files / 100).map(|n| (format!("lib/changed/file{n}.php"), filler(patch * 1_000_003 + n as u64, 4_000))));
        }
        import.commit("refs/heads/main", &changed)?;
        import.tag(&format!("v4.5.{patch}"))?;
    }
    import.finish()
}

fn plugin(folder: &Path, name: &str, files: usize, tags: usize, rest: &str) -> Result<()> {
    let mut import = Import::into(&folder.join(name))?;
    let seed = name.bytes().fold(7u64, |seed, byte| seed.wrapping_mul(31).wrapping_add(u64::from(byte)));
    let all = (0..files).map(|n| (format!("part{}/file{n}.php", n % 10), filler(seed + n as u64, 1_000 + n * 7919 % 8_000)));
    let mut changed: Vec<(String, String)> = all.collect();
    for tag in 0..tags as u64 {
        changed.push(("version.php".to_owned(), plugin_php(name, 2_023_010_100 + tag, rest)));
        changed.push(("changes.md".to_owned(), filler(seed ^ tag, 3_000)));
        import.commit("refs/heads/main", &changed)?;
        import.tag(&format!("v{}.{}", tag / 10, tag % 10))?;
        changed.clear();
    }
    import.finish()
}

fn name(n: usize) -> String {
    format!("{}_p{n}", ["mod", "block", "local", "tool"][n % 4])
}

impl Bench {
    fn path(&self, name: &str) -> PathBuf {
        self.home.join(name)
    }

    fn all(&self, files: usize) -> Result<()> {
        let repositories = self.path("repositories");
        std::fs::create_dir_all(&repositories)?;
        eprintln!("making a core of {files} files, {PLUGINS} plugins and {WIDE} repositories of {TAGS} tags");
        core(&repositories, files)?;
        for n in 0..PLUGINS {
            let rest = if n % 5 == 1 { format!("$plugin->dependencies = ['{}' => 2023010100];\n", name(n - 1)) } else { String::new() };
            plugin(&repositories, &name(n), 40 + n * 77 % 121, 10, &rest)?;
        }
        for n in 0..WIDE {
            plugin(&repositories, &format!("local_wide{n}"), 60, TAGS, "")?;
        }
        self.refs(&repositories)?;
        self.adopt(&repositories)?;
        self.plan(&repositories)
    }

    fn greffon(&self, project: &Path, stock: &str, arguments: &[&str]) -> Result<Duration> {
        let begun = Instant::now();
        run(Command::new("greffon").args(arguments).arg("--no-progress").arg("--no-input").current_dir(project).env("GREFFON_STOCK", self.path(stock)))?;
        Ok(begun.elapsed())
    }

    fn manifest(&self, project: &str, text: &str) -> Result<PathBuf> {
        let folder = self.path(project);
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder)?;
        std::fs::write(folder.join("greffon.toml"), format!("[config]\ninstaller = \"builtin:moodle\"\n\n{text}"))?;
        Ok(folder)
    }

    /// The time for one repository: that of `WIDE` of them in one manifest, less that of a manifest with the core alone.
    fn refs(&self, repositories: &Path) -> Result<()> {
        let core = format!("[types.core]\nmoodle = {{ git = \"{}\", version = \"4.5.0\" }}\n", repositories.join("moodle").display());
        let wishes: String = (0..WIDE)
            .map(|n| format!("local_wide{n} = {{ git = \"{}\", version = \"*\" }}\n", repositories.join(format!("local_wide{n}")).display()))
            .collect();
        let alone = self.manifest("alone", &core)?;
        let wide = self.manifest("wide", &format!("{core}[types.plugins]\n{wishes}"))?;
        let (mut cold, mut warm) = (Vec::new(), Vec::new());
        for _ in 0..self.runs {
            let _ = std::fs::remove_dir_all(self.path("stock-refs"));
            let _ = std::fs::remove_file(wide.join("greffon.lock"));
            let _ = std::fs::remove_file(alone.join("greffon.lock"));
            // The core is in stock before anything is measured.
            self.greffon(&alone, "stock-refs", &["lock"])?;
            std::fs::remove_file(alone.join("greffon.lock"))?;
            let alone_cold = self.greffon(&alone, "stock-refs", &["lock"])?;
            let wide_cold = self.greffon(&wide, "stock-refs", &["lock"])?;
            cold.push(wide_cold.saturating_sub(alone_cold) / WIDE as u32);
            let alone_warm = self.greffon(&alone, "stock-refs", &["update", "--dry-run"])?;
            let wide_warm = self.greffon(&wide, "stock-refs", &["update", "--dry-run"])?;
            warm.push(wide_warm.saturating_sub(alone_warm) / WIDE as u32);
        }
        println!("version.php at every ref of a repository of {TAGS} tags, of {WIDE} such");
        row("cold, copied from a path", &mut cold, None);
        row("warm", &mut warm, Some(Duration::from_millis(5)));
        Ok(())
    }

    fn adopt(&self, repositories: &Path) -> Result<()> {
        let site = self.path("hand");
        std::fs::create_dir_all(&site)?;
        let export = |name: &str, tag: &str, to: &Path| -> Result<()> {
            std::fs::create_dir_all(to)?;
            let script = format!("git -C '{}' archive {tag} | tar -x -C '{}'", repositories.join(name).display(), to.display());
            run(Command::new("sh").args(["-c", &script]))
        };
        export("moodle", "v4.5.3", &site)?;
        for n in 0..ADOPTED {
            let folder = ["mod", "blocks", "local", "admin/tool"][n % 4];
            export(&name(n), &format!("v0.{}", n % 9), &site.join(folder).join(format!("p{n}")))?;
        }
        std::fs::write(site.join("mod/p0/part0/file0.php"), "<?php // changed by hand\n")?;
        let git = format!("core/moodle={}", repositories.join("moodle").display());
        let all = format!("all={}/{{name}}", repositories.display());
        let (mut read, mut cold, mut warm, mut count) = (Vec::new(), Vec::new(), Vec::new(), 0);
        for _ in 0..self.runs {
            let begun = Instant::now();
            count = read_all(&site)?;
            read.push(begun.elapsed());
            let _ = std::fs::remove_dir_all(self.path("stock-adopt"));
            for times in [&mut cold, &mut warm] {
                let project = self.path("adopting");
                let _ = std::fs::remove_dir_all(&project);
                let _ = std::fs::remove_dir_all(self.path(".greffon-hand"));
                std::fs::create_dir_all(&project)?;
                times.push(self.greffon(&project, "stock-adopt", &["adopt", "../hand", "--git", &git, "--repository", &all])?);
            }
        }
        println!("adopt of a site of {count} files with {ADOPTED} plugins, one changed by hand");
        let aim = median(&mut read) * 3;
        row("reading every file once, one thread", &mut read, None);
        row("adopt, empty stock", &mut cold, Some(aim));
        row("adopt, warm stock", &mut warm, Some(aim));
        Ok(())
    }

    fn plan(&self, repositories: &Path) -> Result<()> {
        let at = |name: &str, version: &str| format!("{{ git = \"{}\", version = \"{version}\" }}", repositories.join(name).display());
        let wishes: String = (0..PLUGINS).map(|n| format!("{} = {}\n", name(n), at(&name(n), "*"))).collect();
        // Every third site lacks something or has something of its own.
        let site = |n: usize| {
            let own = match n % 3 {
                1 => format!("without = [\"plugins/{}\"]\n", name(n * 5 % PLUGINS / 5 * 5 + 2)),
                2 => format!("types.plugins.{} = {}\n", name(n), at(&name(n), "2023010104")),
                _ => String::new(),
            };
            format!("[sites.s{n}]\npath = \"../www/s{n}\"\n{own}")
        };
        let sites: String = (0..SITES).map(site).collect();
        let text = format!("[types.core]\nmoodle = {}\n[types.plugins]\n{wishes}{sites}", at("moodle", "4.5"));
        let project = self.manifest("many", &text)?;
        self.greffon(&project, "stock-plan", &["fetch"])?;
        let (mut locked, mut free, mut json) = (Vec::new(), Vec::new(), Vec::new());
        let lock = std::fs::read(project.join("greffon.lock"))?;
        for _ in 0..self.runs {
            locked.push(self.greffon(&project, "stock-plan", &["plan"])?);
            json.push(self.greffon(&project, "stock-plan", &["plan", "--json", "--frozen"])?);
            std::fs::remove_file(project.join("greffon.lock"))?;
            free.push(self.greffon(&project, "stock-plan", &["plan"])?);
            std::fs::write(project.join("greffon.lock"), &lock)?;
        }
        println!("plan for {SITES} sites of a core and {PLUGINS} plugins, from a warm stock, no site there yet");
        let aim = Some(Duration::from_secs(2));
        row("with a lock", &mut locked, aim);
        row("with a lock, --frozen --json", &mut json, aim);
        row("without a lock: everything is resolved", &mut free, aim);
        Ok(())
    }
}

fn read_all(folder: &Path) -> Result<usize> {
    let mut count = 0;
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            count += read_all(&path)?;
        } else {
            std::hint::black_box(std::fs::read(&path)?.len());
            count += 1;
        }
    }
    Ok(count)
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

fn row(what: &str, times: &mut [Duration], aim: Option<Duration>) {
    let middle = median(times);
    let least = times.first().copied().unwrap_or_default();
    let ms = |time: Duration| time.as_secs_f64() * 1000.0;
    let aim = aim.map(|aim| format!("   aim {:.1} ms: {}", ms(aim), if middle <= aim { "met" } else { "missed" })).unwrap_or_default();
    println!("  {what:42} least {:9.2} ms   median {:9.2} ms{aim}", ms(least), ms(middle));
}
