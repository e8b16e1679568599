//! Wrong arguments of `#[main]` and `#[test]`.

#[freewheel::main(foo = 1)]
async fn unknown_argument() {}

#[freewheel::main(some::path = 1)]
async fn path_as_argument() {}

#[freewheel::main(flavor = "multithread")]
async fn unknown_flavor() {}

#[freewheel::main(flavor = 1)]
async fn flavor_is_no_string() {}

#[freewheel::main(flavor)]
async fn flavor_without_value() {}

#[freewheel::main(multi_thread)]
async fn flavor_as_a_word() {}

#[freewheel::main(worker_threads = 0)]
async fn no_worker() {}

#[freewheel::main(worker_threads = "two")]
async fn workers_are_no_number() {}

#[freewheel::main(flavor = "current_thread", worker_threads = 2)]
async fn workers_for_one_thread() {}

#[freewheel::test(worker_threads = 2)]
async fn workers_for_the_default_of_a_test() {}

#[freewheel::main(worker_threads = 1, worker_threads = 2)]
async fn set_twice() {}

#[freewheel::test(start_paused = true)]
async fn not_supported_yet() {}

#[freewheel::main(crate = "no path")]
async fn crate_is_no_path() {}

fn main() {}
