//! The tutorial's second program: a loop that runs for ever, until Ctrl-C.
//!
//! ```python
//! async def work():
//!     while True:
//!         await asyncio.sleep(1)
//!         print("Task Executed")
//!
//! loop = asyncio.get_event_loop()
//! try:
//!     asyncio.ensure_future(work())
//!     loop.run_forever()
//! except KeyboardInterrupt:
//!     pass
//! finally:
//!     print("Closing Loop")
//!     loop.close()
//! ```

use std::time::Duration;

use freewheel::runtime::{Handle, Runtime};
use freewheel::{signal, time};

async fn work() {
    loop {
        time::sleep(Duration::from_secs(1)).await;
        println!("Task Executed");
    }
}

async fn stop_on_ctrl_c() {
    if let Err(error) = signal::ctrl_c().await {
        eprintln!("cannot listen for Ctrl-C: {error}");
    }
    Handle::current().stop();
}

fn main() -> std::io::Result<()> {
    let event_loop = Runtime::new()?;
    event_loop.spawn(work());
    event_loop.spawn(stop_on_ctrl_c());
    event_loop.run_forever();
    println!("Closing Loop");
    Ok(())
}
