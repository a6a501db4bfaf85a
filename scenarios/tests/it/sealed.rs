//! A run in virtual time asks the system for memory and for nothing else: it is
//! done in a process that is killed by the first call for more.
//!
//! What the filter cannot see is the clock, which is read without a system call;
//! clippy.toml bans that, and the equality of two runs holds it.

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus};

use environment::{Observer, Seed};
use scenarios::files::gather;
use scenarios::language::{Scenario, read_all};
use scenarios::runner::{Folder, Settings, Time, simulate};
use scenarios::subjects::Subject;
use scenarios::verdict::{Verdict, judge};
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, TargetArch, apply_filter};
use tokio_util::sync::CancellationToken;

use crate::program::catalogue;

/// Memory, its locks, randomness (WebSocket masks and keys), and the end.
const ALLOWED: [i64; 12] = [
    libc::SYS_brk,
    libc::SYS_mmap,
    libc::SYS_mremap,
    libc::SYS_munmap,
    libc::SYS_mprotect,
    libc::SYS_madvise,
    libc::SYS_futex,
    libc::SYS_getrandom,
    libc::SYS_sigaltstack,
    libc::SYS_rt_sigprocmask,
    libc::SYS_exit,
    libc::SYS_exit_group,
];

/// Which case is run there.
const CASE: &str = "CHAOS_TEST_SEALED_CASE";

/// What the sealed process does besides.
const DEED: &str = "CHAOS_TEST_SEALED_DEED";

/// From now on this thread may do no more than that.
fn seal() {
    let rules = ALLOWED.into_iter().map(|call| (call, Vec::new()));
    let filter = SeccompFilter::new(
        rules.collect::<BTreeMap<_, _>>(),
        SeccompAction::KillProcess,
        SeccompAction::Allow,
        TargetArch::try_from(std::env::consts::ARCH).unwrap(),
    );
    let program: BpfProgram = filter.unwrap().try_into().unwrap();
    apply_filter(&program).unwrap();
}

fn case(id: &str) -> Scenario {
    let path = catalogue().join(format!("{id}.toml"));
    let read = read_all(gather(&[path]).unwrap()).unwrap();
    read.into_iter().next().unwrap().1
}

/// Runs [`sealed_run`] in a process of its own.
fn in_a_sealed_process(case: &str, deed: &str) -> ExitStatus {
    Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "sealed::sealed_run",
            "--ignored",
            "--test-threads=1",
        ])
        .env(CASE, case)
        .env(DEED, deed)
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .status()
        .unwrap()
}

#[test]
#[ignore = "ends its process: others run it"]
#[expect(
    clippy::exit,
    reason = "what a test does at its end is not what is sealed"
)]
fn sealed_run() {
    let deed = std::env::var(DEED).unwrap();
    let scenario = case(&std::env::var(CASE).unwrap());
    let settings = Settings {
        subject: Subject::Sim,
        time: Time::Virtual,
        must_repeat: false,
        seed: Seed(1),
        flaws: [].into(),
        is_wire: false,
        tls: Default::default(),
        folder: Folder::new("".as_ref(), "sealed", Subject::SIM, Seed(1)),
    };
    let (observer, interrupt) = (Observer::none(), CancellationToken::new());
    seal();
    match deed.as_str() {
        "run" => {}
        "file" => drop(std::fs::read("/dev/null")),
        "socket" => drop(std::net::TcpListener::bind("127.0.0.1:0")),
        "thread" => drop(std::thread::spawn(|| {}).join()),
        other => panic!("{other}"),
    }
    let trace = simulate(&scenario, &settings, &observer, &interrupt);
    let judgement = judge(&scenario, &trace.header, &trace.entries);
    let code = i32::from(judgement.verdict != Verdict::Passed);
    std::process::exit(code);
}

#[test]
fn a_virtual_run_asks_the_system_for_memory_alone() {
    // A reset, a server that restarts, silence, a slow link, a person at the client.
    for case in [
        "R23-cut-reset",
        "R20-restart",
        "R01",
        "R24-trickle",
        "R31-away",
    ] {
        assert_eq!(in_a_sealed_process(case, "run").code(), Some(0), "{case}");
    }
}

/// The seal holds: one call for more is the end.
#[test]
fn a_file_a_socket_or_a_thread_would_be_noticed() {
    for deed in ["file", "socket", "thread"] {
        let status = in_a_sealed_process("R23-cut-reset", deed);
        assert_eq!(status.signal(), Some(libc::SIGSYS), "{deed}: {status}");
    }
}
