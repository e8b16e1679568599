//! The run queues: a worker's own, the injector, and the LIFO slot.

use divan::{Bencher, black_box};

use crate::lifo::LifoSlot;
use crate::queue::{Injector, Local, Steal};
use crate::tasks_alone::idle_task;

/// As large as what the queues hold.
type Word = usize;

#[divan::bench]
fn local_push_and_pop(bencher: Bencher<'_, '_>) {
    let local: Local<Word> = Local::new_fifo();
    bencher.bench_local(|| {
        local.push(black_box(1));
        local.pop()
    });
}

#[divan::bench]
fn injector_push_and_steal(bencher: Bencher<'_, '_>) {
    let injector: Injector<Word> = Injector::new();
    bencher.bench_local(|| {
        injector.push(black_box(1));
        injector.steal()
    });
}

/// 64 words from the injector into a worker's queue and out of it, as a worker does; all of it, not per word.
#[divan::bench]
fn injector_64_by_batches(bencher: Bencher<'_, '_>) {
    let injector: Injector<Word> = Injector::new();
    let local: Local<Word> = Local::new_fifo();
    bencher.bench_local(|| {
        (0..64).for_each(|word| injector.push(word));
        let mut taken = 0;
        while let Steal::Success(_) = injector.steal_batch_and_pop(&local) {
            taken += 1;
            while local.pop().is_some() {
                taken += 1;
            }
        }
        assert_eq!(taken, 64);
    });
}

/// A look at another worker's queue that finds nothing.
#[divan::bench]
fn steal_from_an_empty_worker(bencher: Bencher<'_, '_>) {
    let other: Local<Word> = Local::new_fifo();
    let stealer = other.stealer();
    bencher.bench_local(|| stealer.steal().is_empty());
}

/// Half of another worker's 64 words, which are then run.
#[divan::bench]
fn steal_half_of_64(bencher: Bencher<'_, '_>) {
    let other: Local<Word> = Local::new_fifo();
    let local: Local<Word> = Local::new_fifo();
    let stealer = other.stealer();
    bencher.bench_local(|| {
        (0..64).for_each(|word| other.push(word));
        let stolen = stealer.steal_batch_and_pop(&local).is_success();
        while local.pop().is_some() {}
        while other.pop().is_some() {}
        stolen
    });
}

#[divan::bench]
fn lifo_slot_push_and_take(bencher: Bencher<'_, '_>) {
    let slot = LifoSlot::new();
    let (mut notified, _handle) = idle_task();
    bencher.bench_local(|| {
        let task = notified.take().expect("put back each time");
        assert!(slot.push(task).is_none());
        notified = slot.take();
    });
}
