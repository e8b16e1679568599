//! One thread's life in the blocking pool: from the moment it is counted until it is counted no more.
//!
//! The [`Post`] is the thread's place in the count. Whoever makes a thread makes the post first and moves it into the
//! thread's body: if the system refuses the thread, or a hook of the user's unwinds it, the post is dropped and takes itself
//! off the roster, so the count can never drift.

use std::cell::Cell;

use super::crew::{Crew, Job};
use super::roster::{May, Seat};
use crate::primitives::parker::Parker;
use crate::primitives::{Arc, assert_none_held, thread, thread_local};

thread_local! {
    /// Which crew this thread serves (its address), and at which seat.
    static PLACE: Cell<Option<(usize, usize)>> = const { Cell::new(None) };
}

/// The seat of the calling thread, if it serves `crew`.
pub(super) fn place_here<J: Job>(crew: &Crew<J>) -> Option<usize> {
    let place = PLACE.try_with(Cell::get).ok().flatten();
    place.filter(|&(address, _)| address == address_of(crew)).map(|(_, key)| key)
}

fn address_of<J: Job>(crew: &Crew<J>) -> usize {
    std::ptr::from_ref(crew).addr()
}

/// A thread's place in the count of its crew.
pub(super) struct Post<J: Job> {
    crew: Arc<Crew<J>>,
    /// Counted in the roster's threads.
    counted: bool,
    /// This thread is the scout.
    scout: bool,
    /// Its seat, once it runs.
    key: Option<usize>,
}

/// How a rest ended.
enum Rest {
    /// Woken: it is the scout now.
    Appointed,
    /// The pool is closed.
    Closed,
    /// Nobody needed it for so long that it left.
    Left,
}

impl<J: Job> Post<J> {
    /// For a thread that the roster counts, and calls the scout, already.
    pub(super) fn new(crew: Arc<Crew<J>>) -> Self {
        Self { crew, counted: true, scout: true, key: None }
    }

    /// The thread's body.
    pub(super) fn serve(mut self) {
        let mut served = false;
        if let Some(around) = self.crew.config.around.clone() {
            around(&mut || {
                served = true;
                self.live();
            });
        }
        if !served {
            self.live();
        }
        // After what was around it has let go of the runtime: the end waits for this.
        if self.counted {
            self.leave(false);
        }
    }

    /// Works until the pool is closed or nobody needs this thread.
    fn live(&mut self) {
        let crew = self.crew.clone();
        self.work(&crew, &Parker::new());
        if let Some(on_stop) = &crew.on_stop.0 {
            on_stop();
        }
    }

    /// Takes a seat and runs jobs. When it returns, either this thread is counted no more or the pool is closed.
    fn work(&mut self, crew: &Arc<Crew<J>>, parker: &Parker) {
        let (key, seat) = crew.roster.sit_down(parker.unparker());
        self.key = Some(key);
        let _ = PLACE.try_with(|place| place.set(Some((address_of(&**crew), key))));
        crew.roster.granted();
        while !crew.roster.is_closed() {
            if self.scout {
                crew.pace(parker);
            }
            if let Some(job) = crew.queue.pop() {
                self.pass_on(crew);
                run(job, &seat);
            } else if !self.linger(crew) {
                match self.rest(crew, parker, key) {
                    Rest::Appointed | Rest::Closed => {}
                    Rest::Left => return,
                }
            }
        }
    }

    /// Work was found: if this was the scout, somebody else is, as long as there is more.
    fn pass_on(&mut self, crew: &Arc<Crew<J>>) {
        if self.scout {
            self.scout = false;
            crew.roster.stand_down();
            Crew::act(crew, crew.look_again(May::Create));
        }
    }

    /// Looks a few times more before going to rest, as the scout, so that meanwhile nobody pays for a wake. True if there is
    /// work.
    fn linger(&mut self, crew: &Crew<J>) -> bool {
        if crew.config.linger == 0 {
            return false;
        }
        if !self.scout {
            self.scout = crew.roster.volunteer();
        }
        if !self.scout {
            return false;
        }
        for _ in 0..crew.config.linger {
            if !crew.queue.is_empty() || crew.roster.is_closed() {
                return true;
            }
            thread::yield_now();
        }
        false
    }

    /// Sleeps until it is appointed, the pool is closed, or the keep-alive is over.
    fn rest(&mut self, crew: &Arc<Crew<J>>, parker: &Parker, key: usize) -> Rest {
        if !crew.roster.rest(key, self.scout) {
            return Rest::Closed;
        }
        self.scout = false;
        // The last look. It may appoint this very thread: then the token is there and the wait below does not wait.
        Crew::act(crew, crew.look_again(May::Create));
        if !parker.park_timeout(crew.config.keep_alive) {
            if crew.roster.leave_rest(key) {
                (self.counted, self.key) = (false, None);
                return Rest::Left;
            }
            // Appointed at this very moment: the token is on its way, and must not be left for the next rest.
            parker.park();
        }
        self.scout = true;
        Rest::Appointed
    }

    /// True if it was refused, and that is news.
    fn leave(&mut self, refused: bool) -> bool {
        self.counted = false;
        self.crew.roster.leave(self.key.take(), self.scout, refused)
    }
}

impl<J: Job> Drop for Post<J> {
    /// The thread could not be made, or one of the user's hooks unwound it.
    fn drop(&mut self) {
        if self.counted {
            let news = self.leave(true);
            // While this was the scout, others left work to it. Those at rest can take it; a new thread would fare as this.
            let duty = self.crew.look_again(May::WakeOnly);
            Crew::act(&self.crew, duty);
            if let (true, Some(on_refused)) = (news, &self.crew.config.on_refused) {
                on_refused();
            }
        }
    }
}

fn run<J: Job>(job: J, seat: &Seat<J::Label>) {
    seat.begin(job.label());
    assert_none_held();
    job.run();
    seat.end();
}
