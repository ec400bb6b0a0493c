//! The program under test, and folders that go away with their test.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

/// What a run left behind.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Run {
    pub(crate) fn of(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Balances and digests: from the table to the count of steps.
    pub(crate) fn ending(&self) -> &str {
        let from = self.out.find("\nAGREE\n").unwrap_or(0);
        let to = self.out.find("  audit of ").unwrap_or(self.out.len());
        &self.out[from..to]
    }
}

/// Runs the program to its end.
pub(crate) fn coop(args: &[&str]) -> Run {
    Run::of(command(args).output().unwrap())
}

/// The program, ready to start.
pub(crate) fn command(args: &[&str]) -> Command {
    let mut command = Command::new(program());
    command
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// `examples/coop` beside the folder of this test; cargo builds both for a
/// test of the whole package, but not for `--test coop` alone.
fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let test = std::env::current_exe().unwrap();
        let profile = test.parent().and_then(Path::parent).unwrap();
        let name = format!("coop{}", std::env::consts::EXE_SUFFIX);
        let program = profile.join("examples").join(name);
        let is_release = profile.file_name().is_some_and(|name| name == "release");
        let mut build = Command::new(env!("CARGO"));
        build.args([
            "build",
            "--quiet",
            "--package",
            "icn-examples",
            "--example",
            "coop",
        ]);
        build.args(is_release.then_some("--release"));
        // Asked always, so that no older program is tested.
        let built = build.current_dir(env!("CARGO_MANIFEST_DIR")).status();
        assert!(program.exists(), "coop is not built: {built:?}");
        program
    })
}

/// A folder of one test.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("coop-{name}-{}", std::process::id()));
        drop(std::fs::remove_dir_all(&folder));
        std::fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    pub(crate) fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}
