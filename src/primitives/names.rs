//! What the user calls threads: names made where the user's code may run, and a stock of them for where it must not.
//!
//! A naming function may panic, block, or take its time, and the reactor thread sees to it that everything else goes on; so that
//! one never calls it. The build makes a stock, and each thread that got its name from there makes another when it starts, before it
//! counts as started. As many are in stock as threads can be on their way at once, so it is empty only where the function has
//! failed. A thread that it fails for has the runtime's own name, which harms nobody; the build that it fails for is an error.
//!
//! Rejected: that a new thread names itself. The system would know that name, but `thread::current().name()` and the messages of
//! panics would not.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use super::lock::Mutex;
use super::say;
use super::thread::guarded;

/// The user's naming function, and names that it has made.
#[derive(Clone)]
pub(crate) struct Names(Arc<Stock>);

struct Stock {
    make: Box<dyn Fn() -> String + Send + Sync>,
    made: Mutex<VecDeque<String>>,
    /// Plays the system, for tests: whether it refuses the next thread.
    #[cfg(test)]
    refuses: Option<Box<dyn Fn() -> bool + Send + Sync>>,
}

impl Names {
    pub(crate) fn new(make: impl Fn() -> String + Send + Sync + 'static) -> Self {
        let made = Mutex::new(VecDeque::new());
        Self(Arc::new(Stock {
            make: Box::new(make),
            made,
            #[cfg(test)]
            refuses: None,
        }))
    }

    /// For threads of which the system refuses some.
    #[cfg(test)]
    pub(crate) fn of_refused(refuses: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        let (make, made) = (Box::new(|| "played".to_owned()), Mutex::new(VecDeque::new()));
        Self(Arc::new(Stock { make, made, refuses: Some(Box::new(refuses)) }))
    }

    #[cfg(test)]
    pub(super) fn refuses(&self) -> bool {
        self.0.refuses.as_ref().is_some_and(|refuses| refuses())
    }

    /// Calls the user's function.
    ///
    /// # Errors
    /// It panicked, or what it returned cannot be a thread's name.
    pub(super) fn make(&self) -> io::Result<String> {
        let name = guarded(|| (self.0.make)())
            .ok_or_else(|| invalid("thread_name_fn panicked: it has to give a name for every thread".to_owned()))?;
        if name.contains('\0') {
            let cure = "give thread_name and thread_name_fn names without NUL";
            return Err(invalid(format!("no thread can be called {name:?}: {cure}")));
        }
        Ok(name)
    }

    /// Calls the user's function; should that fail, says so and gives the runtime's own name.
    pub(super) fn make_or(&self, own: impl FnOnce() -> String) -> String {
        self.make().unwrap_or_else(|error| {
            let own = own();
            say(format_args!("{error}; a thread is called {own:?} instead"));
            own
        })
    }

    /// A name that is there already.
    pub(super) fn take(&self) -> Option<String> {
        self.0.made.lock().pop_front()
    }

    /// For a thread that did not start.
    pub(super) fn give_back(&self, name: String) {
        self.0.made.lock().push_front(name);
    }

    /// Makes as many more names.
    ///
    /// # Errors
    /// As [`make`](Self::make).
    pub(super) fn stock(&self, count: usize) -> io::Result<()> {
        for _ in 0..count {
            let name = self.make()?;
            self.0.made.lock().push_back(name);
        }
        Ok(())
    }
}

fn invalid(message: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, message)
}
