//! What `#[main]` and `#[test]` stand on.

mod with_arguments {
    #[freewheel::main]
    async fn main(arguments: Vec<String>) {}
}

#[freewheel::main]
fn not_async() {}

#[freewheel::main]
struct NoFunction;

#[freewheel::test]
#[test]
async fn two_tests() {}

#[freewheel::test]
async fn test_with_arguments(number: u32) {}

fn main() {}
