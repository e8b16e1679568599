//! T15: descriptors opened by the thousand. The kernel doubles the process's table now and then, and whoever opens one
//! just then waits until all cores have noticed.

use std::fs::File;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use super::super::child::{Unit, Values, tell};
use super::super::contenders::{Contender, Setup};
use super::super::ticker::Ticker;
use super::stage::Stage;
use crate::peers::Peer;

const WANTED: u64 = 70_000;

/// Kept back for the runtime, the echo and the bench.
const RESERVE: u64 = 300;

pub(super) fn open_many<C: Contender>() -> Result<Values, String> {
    let stage = Stage::<C>::open_with_echo(Setup::plain())?;
    let count = WANTED.min(raise_limit(WANTED + RESERVE).saturating_sub(RESERVE));
    let ticker = Ticker::start::<C>(&stage.peer);
    tell("started");
    thread::sleep(Duration::from_millis(500));
    let (sender, opened) = mpsc::channel();
    stage.keep(async move {
        let begun = Instant::now();
        let mut files = Vec::new();
        while (files.len() as u64) < count {
            let more = C::block(|| (0..100).map(|_| File::open("/dev/null")).collect::<Result<Vec<_>, _>>()).await;
            match more {
                Ok(more) => files.extend(more),
                Err(error) => return drop(sender.send(Err(error.to_string()))),
            }
            C::Peer::yield_now().await;
        }
        drop(sender.send(Ok((begun.elapsed(), files))));
    });
    let (took, files) = opened.recv().map_err(|_| "the opener was dropped".to_owned())??;
    thread::sleep(Duration::from_millis(500));
    let mut values = vec![
        (Unit::Count, "descriptors".to_owned(), files.len() as f64),
        (Unit::Time, "opened in".to_owned(), took.as_nanos() as f64),
    ];
    values.extend(stage.close(ticker));
    Ok(values)
}

/// Raises the limit of open files, the hard one too where that is allowed; what it is then.
fn raise_limit(wanted: u64) -> u64 {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the pointers are valid for one `rlimit` in all calls; a refusal changes nothing.
    unsafe {
        let higher = libc::rlimit { rlim_cur: wanted, rlim_max: wanted };
        if libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) == 0 && limit.rlim_max < wanted {
            libc::setrlimit(libc::RLIMIT_NOFILE, &raw const higher);
        }
        libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit);
    }
    limit.rlim_cur
}
