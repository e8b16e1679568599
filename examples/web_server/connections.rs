//! Who is connected, and how they are told that the server closes.

use std::future::poll_fn;
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};

use freewheel::task::JoinHandle;

/// Every open connection: its task, and the bell to ring when it should come to an end.
#[derive(Default)]
pub(crate) struct Connections {
    open: Vec<(JoinHandle<()>, Arc<Bell>)>,
}

impl Connections {
    /// Starts a connection's task.
    pub(crate) fn spawn<F>(&mut self, serve: impl FnOnce(Arc<Bell>) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        // Sweeping out those that left only when the list would have to grow costs O(1) per connection.
        if self.open.len() == self.open.capacity() {
            self.open.retain(|(task, _)| !task.is_finished());
        }
        let bell = Arc::new(Bell::default());
        self.open.push((freewheel::spawn(serve(bell.clone())), bell));
    }

    /// Asks every connection to come to an end, and waits until the last has.
    pub(crate) async fn close(self) {
        for (_, bell) in &self.open {
            bell.ring();
        }
        for (task, _) in self.open {
            let _ = task.await; // a connection that panicked has ended too
        }
    }
}

/// Rung once; one task at a time may wait for it.
#[derive(Default)]
pub(crate) struct Bell {
    state: Mutex<BellState>,
}

#[derive(Default)]
struct BellState {
    rung: bool,
    waiter: Option<Waker>,
}

impl Bell {
    fn ring(&self) {
        let waiter = {
            let mut state = self.state.lock().unwrap();
            state.rung = true;
            state.waiter.take()
        };
        if let Some(waiter) = waiter {
            waiter.wake();
        }
    }

    /// Completes when the bell has been rung.
    pub(crate) async fn rung(&self) {
        poll_fn(|cx| {
            let mut state = self.state.lock().unwrap();
            if state.rung {
                return Poll::Ready(());
            }
            match &mut state.waiter {
                Some(waiter) => waiter.clone_from(cx.waker()),
                none => *none = Some(cx.waker().clone()),
            }
            Poll::Pending
        })
        .await;
    }
}
