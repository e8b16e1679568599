//! The tutorial's subprocesses: several children at once, their output line by line as it comes, their exit codes.
//!
//! ```python
//! process = await asyncio.create_subprocess_exec("sh", "-c", script, stdout=PIPE)
//! async for line in process.stdout:
//!     print(name, line)
//! print(name, await process.wait())
//! ```
//!
//! No thread waits for a child: pipes and ends of life are events like any other.

use std::io;
use std::process::{ExitStatus, Stdio};

use freewheel::io::{AsyncBufReadExt, BufReader};
use freewheel::process::Command;

/// Children that differ in pace and in how they end.
const CHILDREN: [(&str, &str); 4] = [
    ("steady", "for n in 1 2 3 4 5; do echo line $n; sleep 0.2; done"),
    ("hasty", "echo all; echo at; echo once"),
    ("failing", "echo 'this will not end well'; sleep 0.3; exit 3"),
    ("killed", "echo 'good-bye'; kill -KILL $$"),
];

async fn run(name: &str, script: &str) -> io::Result<ExitStatus> {
    let mut child = Command::new("sh").args(["-c", script]).stdout(Stdio::piped()).kill_on_drop(true).spawn()?;
    let stdout = child.stdout.take().expect("stdout is piped");
    let mut lines = BufReader::new(stdout).lines();
    while let Some(line) = lines.next_line().await? {
        println!("{name:>8}: {line}");
    }
    child.wait().await
}

#[freewheel::main]
async fn main() -> io::Result<()> {
    let running = CHILDREN.map(|(name, script)| (name, freewheel::spawn(run(name, script))));
    for (name, child) in running {
        let status = child.await.expect("the task does not panic")?;
        println!("{name:>8} ended: {status}");
    }
    Ok(())
}
