//! Every page in a real browser: Chromium opens each at desktop, tablet and phone width and as on paper, in light and in
//! dark, and a script that only the test's copies carry looks for what readers would trip over: errors, a page that
//! scrolls sideways, text that is cut off or written over, labels that do not stand out.
//!
//! Without Chromium the test fails on Debian, where `./dev test` installs it, and says loudly that it skips elsewhere.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
#![expect(clippy::print_stderr, reason = "a test that skips has to say so")]

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// Desktop, tablet, phone.
const WIDTHS: [u32; 3] = [1280, 768, 390];

/// A4 between margins of a centimetre, at 96 dots per inch.
const PAPER_WIDTH: u32 = 718;

/// What looks for faults inside a page; the harness puts the page's name in place of `PAGE`.
const PROBE: &str = include_str!("pages/probe.js");

/// The names Chromium goes by.
const BROWSERS: [&str; 5] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"];

fn browser() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let candidates = BROWSERS.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    candidates.into_iter().find(|candidate| candidate.is_file())
}

/// Whether `./dev test` can install Chromium here: on Ubuntu the package is a snap, which containers cannot run.
fn is_debian() -> bool {
    let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
    release.lines().any(|line| line.trim_matches('"') == "ID=debian")
}

/// The pages below a folder.
fn samples(folder: &Path, pages: &mut Vec<(String, String)>) {
    let mut entries: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            samples(&path, pages);
        } else if path.extension().is_some_and(|extension| extension == "html") {
            pages.push((path.display().to_string(), fs::read_to_string(&path).unwrap()));
        }
    }
}

/// Runs the program, which ends with a verdict at worst.
fn run(args: &[&str]) {
    let output = Command::new(env!("CARGO_BIN_EXE_evenkeel")).args(args).output().unwrap();
    let is_verdict = matches!(output.status.code(), Some(0 | 3));
    assert!(is_verdict, "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// A page that `report` writes for a made-up cluster of unusual shape.
fn synthetic(scratch: &Path, shape: &[&str]) -> (String, String) {
    let snapshot = scratch.join("snapshot");
    let snapshot = snapshot.to_str().unwrap();
    run(&[&["synth", "--force", "--out", snapshot], shape].concat());
    let pages = written(scratch, &["report", snapshot, "--no-plan"]);
    (shape.join(" "), pages.into_iter().next().unwrap().1)
}

/// What writes a page of its own kind. Every command that writes one is here or among the samples.
const COMMANDS: [&str; 19] = [
    "expand fixtures/demo --add 2xi3en.3xlarge@rack-a --add 2 --only-to-new --effort quick",
    "expand fixtures/demo --until disk<=45%,cpu<=40% --model i3en.3xlarge,i3en.6xlarge,d3.8xlarge --effort quick",
    "expand fixtures/history --add 2/core --effort quick",
    "shrink fixtures/demo --remove 16,19 --effort quick",
    "shrink fixtures/demo --find-max --effort quick",
    "rebalance fixtures/demo --frontier 5 --effort quick",
    "report fixtures/history",
    "forecast fixtures/history",
    "what-if failure fixtures/failure --log-dirs 3",
    "what-if failure fixtures/contract-example --brokers 1 --log-dirs 1",
    "what-if isolate fixtures/demo --classes fixtures/scenarios/isolate-three-classes.toml --effort quick",
    "what-if isolate fixtures/isolate --classes fixtures/scenarios/isolate-business-online-offline.toml --effort quick",
    "what-if federation fixtures/scenarios/federation-sixty-clusters.toml",
    "what-if mirror fixtures/scenarios/mirror-five-sites.toml --topology active-active --snapshot hangzhou=fixtures/demo",
    "what-if upgrade fixtures/demo --scenario fixtures/scenarios/upgrade.toml",
    "advise brokers fixtures/failure",
    "advise quotas fixtures/failure --clients fixtures/failure/clients.csv",
    "advise topics fixtures/contract-example",
    "fleet fixtures/demo fixtures/history fixtures/contract-example",
];

/// The pages that `command` writes into its directory, by name.
fn written(scratch: &Path, command: &[&str]) -> Vec<(String, String)> {
    let out = scratch.join("out");
    run(&[command, &["--force", "--out", out.to_str().unwrap()]].concat());
    let mut pages = Vec::new();
    samples(&out, &mut pages);
    assert!(!pages.is_empty(), "{command:?} writes no page");
    fs::remove_dir_all(&out).unwrap();
    let named = |(path, text): (String, String)| {
        let name = Path::new(&path).file_name().unwrap().to_str().unwrap().to_owned();
        (format!("{name} of {}", command.join(" ")), text)
    };
    pages.into_iter().map(named).collect()
}

/// Opens all `pages` at all widths at once and returns what the probes found, and what the browser wrote to stderr.
fn open(browser: &Path, scratch: &Path, pages: &[(String, String)], is_dark: bool) -> (Vec<Value>, String) {
    let mut harness = String::from(
        "<!doctype html><meta charset=utf-8><body><script>addEventListener('message', e => {const p = \
         document.createElement('p'); p.className = 'found'; p.textContent = btoa(unescape(encodeURIComponent(e.data))); \
         document.body.append(p)})</script>\n",
    );
    for (number, (name, text)) in pages.iter().enumerate() {
        assert!(text.contains("</head>"), "{name} has no head");
        let mut frame = |file: String, name: &str, text: &str, widths: &[u32]| {
            let name = serde_json::to_string(name).unwrap();
            let probe = format!("<script>{}</script></head>", PROBE.replace("PAGE", &name));
            fs::write(scratch.join(&file), text.replacen("</head>", &probe, 1)).unwrap();
            for width in widths {
                let style = format!("border:0;width:{width}px;height:900px");
                let _ = writeln!(harness, "<iframe src=\"{file}\" style=\"{style}\"></iframe>");
            }
        };
        frame(format!("{number}.html"), name, text, &WIDTHS);
        // A frame cannot be printed: what holds on paper is made to hold on the screen.
        let paper = text.replace("@media print", "@media all");
        frame(format!("{number}-paper.html"), &format!("{name} on paper"), &paper, &[PAPER_WIDTH]);
    }
    let file = scratch.join("harness.html");
    fs::write(&file, harness).unwrap();
    // Blink's numbers: 0 is dark, 1 is light.
    let scheme = format!("--blink-settings=preferredColorScheme={}", u8::from(!is_dark));
    let profile = format!("--user-data-dir={}", scratch.join("profile").display());
    let flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"];
    let output = Command::new(browser)
        .args(flags)
        .args(["--enable-logging=stderr", "--virtual-time-budget=20000", "--dump-dom", &scheme, &profile])
        .arg(format!("file://{}", file.display()))
        .output()
        .unwrap();
    let dom = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    let found = dom.split("<p class=\"found\">").skip(1).map(|rest| {
        let text = decode(rest.split('<').next().unwrap_or_default());
        serde_json::from_slice(&text).unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&text)))
    });
    (found.collect(), errors)
}

/// Base64, which the harness uses to keep markup out of its own page.
fn decode(text: &str) -> Vec<u8> {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digits = text.bytes().filter_map(|byte| DIGITS.iter().position(|digit| *digit == byte));
    let (mut bits, mut count, mut bytes) = (0_u32, 0, Vec::new());
    for digit in digits {
        bits = (bits << 6 | digit as u32) & 0xff_ffff;
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count & 0xff) as u8);
        }
    }
    bytes
}

#[test]
fn pages_are_whole_at_every_width_in_light_and_dark() {
    let Some(browser) = browser() else {
        assert!(!is_debian(), "Chromium is missing; run: ./dev setup");
        eprintln!("SKIPPED: no Chromium on PATH ({}), so that NO PAGE WAS LOOKED AT", BROWSERS.join(", "));
        return;
    };
    // Below target/, for a Chromium that is a snap sees nothing of /tmp.
    let scratch = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let mut pages = Vec::new();
    samples(Path::new("reports"), &mut pages);
    assert!(pages.len() >= 3, "{} sample pages", pages.len());
    let many = ["--brokers", "66", "--partitions", "600", "--racks", "11", "--groups", "4", "--log-dirs", "2"];
    pages.push(synthetic(scratch.path(), &many));
    pages.push(synthetic(scratch.path(), &["--brokers", "4", "--partitions", "20", "--racks", "0"]));
    let words = |command: &'static str| command.split(' ').collect::<Vec<_>>();
    pages.extend(COMMANDS.iter().flat_map(|command| written(scratch.path(), &words(command))));
    let (mut faults, mut with_charts) = (Vec::new(), Vec::new());
    for is_dark in [false, true] {
        let (found, errors) = open(&browser, scratch.path(), &pages, is_dark);
        assert_eq!(found.len(), pages.len() * (WIDTHS.len() + 1), "some pages did not answer:\n{errors}");
        faults.extend(errors.lines().filter(|line| line.contains(":CONSOLE")).map(str::to_owned));
        for page in found {
            assert_eq!(page["dark"], is_dark, "the browser takes no colour scheme");
            assert!(page["words"].as_u64().unwrap() > 50, "{page}");
            with_charts.extend((page["charts"].as_u64() > Some(0)).then(|| page["page"].clone()));
            for fault in page["faults"].as_array().unwrap() {
                let scheme = if is_dark { "dark" } else { "light" };
                faults.push(format!("{} at {} {scheme}: {}", page["page"], page["width"], fault.as_str().unwrap()));
            }
        }
    }
    let is_drawn = |word: &str| with_charts.iter().any(|page| page.as_str().is_some_and(|name| name.contains(word)));
    for word in ["reports/demo-plan", "expand", "shrink", "rebalance", "forecast", "failure", "report"] {
        assert!(is_drawn(word), "the browser saw no chart of {word}: {with_charts:?}");
    }
    assert!(faults.is_empty(), "{} faults\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn the_probe_finds_what_it_looks_for() {
    let Some(browser) = browser() else { return };
    let scratch = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let page = "<!doctype html><html><head><meta name=viewport content='width=device-width'><style>svg{max-width:none}</style></head>\
        <body><div style='width:2000px'>wide</div><div style='width:20px;overflow:hidden;white-space:nowrap'>cut off here</div>\
        <svg class=chart width=200 height=50><text x=10 y=20>one</text><text x=12 y=22>two</text>\
        <text x=190 y=40>beyond</text><text x=10 y=45 fill='#fefefe'>pale</text></svg><script>nothing.there()</script></body></html>";
    let (found, _) = open(&browser, scratch.path(), &[("bad".to_owned(), page.to_owned())], false);
    let faults: Vec<&str> = found[0]["faults"].as_array().unwrap().iter().map(|f| f.as_str().unwrap()).collect();
    for part in [
        "error: ",
        "scrolls sideways",
        "cut off: ",
        "overlap: one | two",
        "outside its chart: beyond",
        "does not stand out: pale",
    ] {
        assert!(faults.iter().any(|fault| fault.contains(part)), "{part} in {faults:?}");
    }
}
