//! Errors in the body are reported where they are, not at the attribute.

#[freewheel::main]
async fn wrong_type() -> Result<u8, String> {
    "text"
}

#[freewheel::main]
async fn nothing_at_the_end() -> Result<(), String> {
    let _ = 1;
}

#[freewheel::main]
async fn early_return_of_a_wrong_type() -> u8 {
    if true {
        return "text";
    }
    1
}

#[freewheel::main]
async fn question_mark_of_another_error() -> Result<(), std::fmt::Error> {
    std::fs::read("file")?;
    Ok(())
}

#[freewheel::main]
async fn something_instead_of_nothing() {
    1
}

fn main() {}
