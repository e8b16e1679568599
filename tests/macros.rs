//! `join!`, `try_join!`, `select!`, `pin!`, `#[main]` and `#[test]`, as a program sees them.

mod support;

use std::cell::{Cell, RefCell};
use std::future::{pending, poll_fn, ready};
use std::pin::Pin;
use std::rc::Rc;
use std::task::Poll;

/// Pending for `turns` polls; wakes itself each time.
async fn after(turns: usize) -> usize {
    let mut left = turns;
    poll_fn(|cx| {
        if left == 0 {
            return Poll::Ready(turns);
        }
        left -= 1;
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await
}

#[freewheel::test]
async fn join_waits_for_all_and_keeps_the_order() {
    let (slow, fast, text) = freewheel::join!(after(5), after(0), async { "text" });
    assert_eq!((slow, fast, text), (5, 0, "text"));
    let (one,) = freewheel::join!(after(1),);
    assert_eq!(one, 1);
    freewheel::join!();
}

#[freewheel::test]
async fn join_begins_with_another_future_each_time_unless_biased() {
    async fn log(name: char, order: &RefCell<String>) {
        let mut polls = 0;
        poll_fn(|cx| {
            order.borrow_mut().push(name);
            polls += 1;
            cx.waker().wake_by_ref();
            if polls == 3 { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }
    let order = RefCell::new(String::new());
    freewheel::join!(log('a', &order), log('b', &order));
    assert_eq!(order.take(), "abbaab");
    freewheel::join!(biased; log('a', &order), log('b', &order));
    assert_eq!(order.take(), "ababab");
}

#[freewheel::test]
async fn try_join_gives_all_values_or_the_first_error() {
    let both: Result<_, &str> = freewheel::try_join!(async { Ok(1) }, async { Ok("two") });
    assert_eq!(both, Ok((1, "two")));

    let drops = support::DropCounter::new();
    let token = drops.token();
    let waits = async move {
        let _token = token;
        pending::<Result<(), &str>>().await
    };
    let failed = freewheel::try_join!(waits, async {
        after(3).await;
        Err::<(), _>("failed")
    });
    assert_eq!(failed, Err("failed"));
    assert_eq!(drops.dropped(), 1, "the sibling was dropped, once");
}

#[freewheel::test]
async fn errors_that_cannot_be_cloned_pass_through_the_question_mark() {
    async fn both() -> Result<usize, Box<dyn std::error::Error>> {
        let (a, b) = freewheel::try_join!(async { "1".parse::<usize>() }, async { "x".parse::<usize>() })?;
        Ok(a + b)
    }
    assert!(both().await.is_err());
}

#[freewheel::test]
async fn join_holds_each_future_once() {
    async fn large(bytes: [u8; 4096]) -> u8 {
        after(1).await;
        bytes[17]
    }
    let joined = async { freewheel::join!(large([1; 4096]), large([2; 4096])) };
    let size = std::mem::size_of_val(&joined);
    assert!(size < 4 * 4096 + 1024, "{size} bytes for two futures of 8 KiB each at most");
    assert_eq!(joined.await, (1, 2));
}

#[freewheel::test]
async fn select_runs_the_handler_of_the_first() {
    let value = freewheel::select! {
        turns = after(9) => turns,
        () = pending() => unreachable!(),
        turns = after(2) => { turns * 10 }
    };
    assert_eq!(value, 20);
}

#[freewheel::test]
async fn select_begins_with_a_random_branch() {
    let mut counts = [0; 3];
    for _ in 0..600 {
        let branch = freewheel::select! {
            () = ready(()) => 0,
            () = ready(()) => 1,
            () = ready(()) => 2,
        };
        counts[branch] += 1;
    }
    assert!(counts.iter().all(|count| *count > 100), "{counts:?}");
}

#[freewheel::test]
async fn select_biased_begins_at_the_top() {
    for _ in 0..100 {
        let branch = freewheel::select! {
            biased;
            () = pending() => 0,
            () = ready(()) => 1,
            () = ready(()) => 2,
        };
        assert_eq!(branch, 1);
    }
}

#[freewheel::test]
async fn a_pattern_that_does_not_match_disables_the_branch() {
    let value = freewheel::select! {
        biased;
        Some(number) = async { None::<u32> } => number,
        Ok(number) | Err(number) = async { after(2).await; Err::<u32, _>(7) } => number,
    };
    assert_eq!(value, 7);

    let value = freewheel::select! {
        Some(number) = async { None::<u32> } => number,
        else => 8,
    };
    assert_eq!(value, 8);
}

#[freewheel::test]
async fn conditions_disable_branches_whose_expressions_are_still_evaluated() {
    let evaluated = Cell::new(0);
    let make = |value: u32| {
        evaluated.set(evaluated.get() + 1);
        ready(value)
    };
    let value = freewheel::select! {
        value = make(1), if false => value,
        value = make(2), if evaluated.get() == 0 => value,
    };
    assert_eq!((value, evaluated.get()), (2, 2));
    let value = freewheel::select! { v = make(3), if false => v, else => 4 };
    assert_eq!(value, 4);
}

#[freewheel::test]
#[should_panic(expected = "all branches are disabled and there is no else branch")]
async fn all_disabled_without_else_panics() {
    freewheel::select! {
        () = ready(()), if false => {}
    }
}

#[freewheel::test]
async fn patterns_may_bind_in_every_way() {
    struct Pair {
        left: String,
        right: u8,
    }
    let text = freewheel::select! {
        (mut text, ref number) = async { (String::from("a"), 3) } => {
            text.push_str(&number.to_string());
            text
        }
    };
    assert_eq!(text, "a3");
    let text = freewheel::select! {
        Pair { mut left, right: 1..=9 } = async { Pair { left: "b".into(), right: 9 } } => { left.push('!'); left }
    };
    assert_eq!(text, "b!");
    let number = freewheel::select! { Some(&number) = async { Some(&5) } => number };
    assert_eq!(number, 5);
    let whole = freewheel::select! {
        whole @ Some(_) = async { Some(Box::new(1)) } => whole,
        None = async { Some(Box::new(2)) } => unreachable!(),
    };
    assert!(whole.is_some());
    let first = freewheel::select! { [first, .., _] = async { [1, 2, 3] } => first };
    assert_eq!(first, 1);
}

#[freewheel::test]
async fn the_futures_are_dropped_before_the_handler_runs() {
    let drops = support::DropCounter::new();
    let token = drops.token();
    let mut buffer = Vec::new();
    async fn fill(buffer: &mut Vec<u8>) {
        buffer.push(1);
    }
    freewheel::select! {
        () = async { let _token = token; pending().await } => {}
        () = fill(&mut buffer) => {
            assert_eq!(drops.dropped(), 1);
            buffer.push(2);
            fill(&mut buffer).await;
        }
    }
    assert_eq!(buffer, [1, 2, 1]);
}

#[freewheel::test]
async fn handlers_leave_the_function_and_the_loop_around() {
    async fn find() -> Result<usize, &'static str> {
        let mut turns = 0;
        loop {
            freewheel::select! {
                n = after(1) => {
                    turns += n;
                    if turns < 3 { continue }
                    break;
                }
            }
        }
        freewheel::select! { n = after(0) => { if n > 0 { return Ok(n) } } }
        freewheel::select! { result = async { Err::<(), _>("stop") } => result? }
        Ok(turns)
    }
    assert_eq!(find().await, Err("stop"));
}

#[freewheel::test]
async fn a_future_polled_by_reference_goes_on_in_the_next_round() {
    let work = after(5);
    freewheel::pin!(work);
    let mut rounds = 0;
    let done = loop {
        rounds += 1;
        freewheel::select! {
            biased;
            turns = &mut work => break turns,
            () = ready(()) => {}
        }
    };
    assert_eq!((done, rounds), (5, 6));
}

#[freewheel::test]
async fn select_is_send_when_its_parts_are() {
    fn is_send<T: Send>(value: T) -> T {
        value
    }
    let text = is_send(async {
        freewheel::select! {
            text = async { String::from("sent") } => { after(1).await; text }
            () = pending() => String::new(),
        }
    });
    assert_eq!(text.await, "sent");
    // And what is not Send is no hindrance on one thread.
    let local = Rc::new(1);
    assert_eq!(freewheel::select! { n = async { *local } => n }, 1);
}

#[freewheel::test]
async fn names_of_the_expansion_do_not_meet_those_of_the_program() {
    let (disabled, selected, first, waiting, branch, output) = (1, 2, 3, 4, 5, 6);
    let sum = freewheel::select! {
        context = async { disabled + selected }, if first == 3 => context + waiting + branch + output
    };
    assert_eq!(sum, 18);
    let (future_0, step) = (1, 2);
    assert_eq!(freewheel::join!(async { future_0 }, async { step }), (1, 2));
}

#[freewheel::test]
async fn futures_and_what_becomes_one_are_taken() {
    struct Answer;
    impl std::future::IntoFuture for Answer {
        type Output = u32;
        type IntoFuture = std::future::Ready<u32>;
        fn into_future(self) -> Self::IntoFuture {
            ready(42)
        }
    }
    assert_eq!(freewheel::join!(Answer, Answer), (42, 42));
    assert_eq!(freewheel::select! { answer = Answer => answer }, 42);
}

macro_rules! branches {
    ($($number:literal)*) => {
        freewheel::select! {
            $(() = ready(()), if $number == 63 => $number,)*
            else => 1000,
        }
    };
}

#[freewheel::test]
async fn select_takes_64_branches() {
    let chosen = branches!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31
        32 33 34 35 36 37 38 39 40 41 42 43 44 45 46 47 48 49 50 51 52 53 54 55 56 57 58 59 60 61 62 63);
    assert_eq!(chosen, 63);
}

#[freewheel::test]
async fn pin_takes_names_and_lets() {
    let (first, second) = (after(1), after(2));
    freewheel::pin!(first, second);
    let first: Pin<&mut _> = first;
    freewheel::pin! {
        let third = after(3);
    }
    assert_eq!(first.await + second.await + third.await, 6);
}

#[freewheel::main(flavor = "current_thread")]
async fn on_one_thread(left: &str, right: &mut Vec<String>) -> usize {
    right.push(left.to_owned());
    after(2).await
}

#[freewheel::main(flavor = "multi_thread", worker_threads = 2, crate = "freewheel")]
async fn on_two_threads() -> Result<(), String> {
    if after(1).await == 1 {
        return Err("early".to_owned());
    }
    Ok(())
}

#[freewheel::main]
async fn an_impl() -> impl Iterator<Item = u8> {
    [1, 2].into_iter()
}

struct Server(u32);

impl Server {
    #[freewheel::main(flavor = "current_thread")]
    async fn run(&self) -> u32 {
        self.0
    }
}

#[test]
fn main_keeps_arguments_returns_and_methods() {
    let mut seen = Vec::new();
    assert_eq!(on_one_thread("in", &mut seen), 2);
    assert_eq!(seen, ["in"]);
    assert_eq!(on_two_threads(), Err("early".to_owned()));
    assert_eq!(an_impl().sum::<u8>(), 3);
    assert_eq!(Server(4).run(), 4);
}

#[freewheel::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_test_may_return_a_result() -> Result<(), Box<dyn std::error::Error>> {
    let two = "2".parse::<usize>()?;
    assert_eq!(after(two).await, 2);
    Ok(())
}

#[freewheel::test]
#[should_panic(expected = "kept")]
#[allow(unused_variables)]
async fn attributes_are_kept() {
    let unused = ();
    panic!("kept");
}
