//! One thread's life in the blocking pool: from the moment it is counted until it is counted no more.
//!
//! The [`Post`] is the thread's place in the count. Whoever makes a thread makes the post first and moves it into the
//! thread's body: if the system refuses the thread, or something unwinds it, the post is dropped and takes itself
//! off the roster, so the count can never drift.

use std::cell::Cell;

use super::crew::{Crew, Job};
use super::roster::{Duty, May, Seat};
use crate::primitives::parker::Parker;
use crate::primitives::{Arc, assert_none_held, thread, thread_local};

thread_local! {
    /// Which crew counts this thread (its address), and its seat there, if it has one still. It stands for as long as the
    /// count and no longer: a destructor of this thread's may meet another crew at the address.
    static PLACE: Cell<Option<(usize, Option<usize>)>> = const { Cell::new(None) };
}

/// Whether `crew` counts the calling thread, and at which seat.
pub(super) fn place_here<J: Job>(crew: &Crew<J>) -> Option<Option<usize>> {
    let place = PLACE.try_with(Cell::get).ok().flatten();
    place.filter(|&(address, _)| address == address_of(crew)).map(|(_, key)| key)
}

fn set_place(place: Option<(usize, Option<usize>)>) {
    let _ = PLACE.try_with(|here| here.set(place));
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
    /// The thread runs, and is the calling one.
    serves: bool,
    /// Its seat, while it works or rests.
    key: Option<usize>,
}

/// How a rest ended.
enum Rest {
    /// Woken: it is the scout now.
    Appointed,
    /// The pool is closed.
    Closed,
    /// Nobody needed it for so long that it leaves.
    Left,
}

impl<J: Job> Post<J> {
    /// For a thread that the roster counts, and calls the scout, already.
    pub(super) fn new(crew: Arc<Crew<J>>) -> Self {
        Self { crew, counted: true, scout: true, serves: false, key: None }
    }

    /// The thread's body.
    pub(super) fn serve(mut self) {
        self.serves = true;
        self.set_seat(None);
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
        // After the stop hook, and after what was around it has let go of the runtime: the end waits for this.
        self.leave(false);
        // Whoever found the cap reached left the job to this thread too.
        match self.crew.look_again(May::Create) {
            // Not here, where nobody waits for this thread any more: whoever closes drains, and whoever submits later.
            Duty::Drain => {}
            duty => Crew::act(&self.crew, duty),
        }
    }

    /// Works until the pool is closed or nobody needs this thread.
    fn live(&mut self) {
        let crew = self.crew.clone();
        self.work(&crew, &Parker::new());
        thread::call(crew.on_stop.0.as_ref());
    }

    /// Takes a seat and runs jobs, until the keep-alive is over (then it has none any more) or the pool is closed.
    fn work(&mut self, crew: &Arc<Crew<J>>, parker: &Parker) {
        let (key, seat) = crew.roster.sit_down(parker.unparker());
        self.set_seat(Some(key));
        crew.roster.granted();
        while !crew.roster.is_closed() {
            if self.scout {
                crew.pace(parker);
            }
            if let Some(job) = crew.queue.pop() {
                self.pass_on(crew);
                crew.ask_eager();
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
                // Counted until the end of `serve`, but others may sit there now.
                self.set_seat(None);
                return Rest::Left;
            }
            // Appointed at this very moment: the token is on its way, and must not be left for the next rest.
            parker.park();
        }
        self.scout = true;
        Rest::Appointed
    }

    fn set_seat(&mut self, key: Option<usize>) {
        self.key = key;
        set_place(Some((address_of(&*self.crew), key)));
    }

    /// Counted no more. True if it was refused, and that is news.
    fn leave(&mut self, refused: bool) -> bool {
        self.counted = false;
        if self.serves {
            set_place(None);
        }
        self.crew.roster.leave(self.key.take(), self.scout, refused)
    }
}

impl<J: Job> Drop for Post<J> {
    /// The thread could not be made, or was unwound.
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
