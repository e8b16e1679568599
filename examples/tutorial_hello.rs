//! The tutorial's first program: one coroutine, run until it is complete.
//!
//! ```python
//! async def myCoroutine():
//!     print("Simple Event Loop Example")
//!
//! loop = asyncio.get_event_loop()
//! loop.run_until_complete(myCoroutine())
//! loop.close()
//! ```

use freewheel::runtime::Runtime;

async fn my_coroutine() {
    println!("Simple Event Loop Example");
}

fn main() -> std::io::Result<()> {
    let event_loop = Runtime::new()?;
    event_loop.run_until_complete(my_coroutine());
    drop(event_loop); // `loop.close()`: leaving the scope would do
    Ok(())
}
