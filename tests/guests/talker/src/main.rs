//! Does with queues and interpreters what its arguments say, and prints what came of it.

mod interpreters;
mod queues;
mod spoken;
mod tasks;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let known = queues::run(&words) || interpreters::run(&words);
    if !known {
        eprintln!("talker: what is {words:?}?");
        std::process::exit(2);
    }
}

/// What a word says in numbers.
fn number(word: &str) -> u64 {
    word.parse().unwrap_or_default()
}
