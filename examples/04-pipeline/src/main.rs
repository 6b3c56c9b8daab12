//! Counts words in three stages that share nothing but queues: `read` files, `count` their words, `sum` the counts.
//!
//! Each stage takes until its queue is closed and then ends; the host closes a queue when all who put into it have ended.
use std::collections::BTreeMap;
use std::error::Error;
use std::io::Write;

use wasm_pool_guest::Queue;

type Counts = BTreeMap<String, u64>;

fn main() -> Result<(), Box<dyn Error>> {
    match std::env::args().nth(1).as_deref() {
        Some("read") => read(&Queue::open("paths")?, &Queue::open("text")?),
        Some("count") => count(&Queue::open("text")?, &Queue::open("counts")?),
        Some("sum") => sum(&Queue::open("counts")?),
        _ => Err("expected read, count or sum".into()),
    }
}

/// Reads the files at these paths below `/data`.
fn read(paths: &Queue<String>, text: &Queue<String>) -> Result<(), Box<dyn Error>> {
    for path in paths {
        let bytes = std::fs::read(format!("/data/{path}")).map_err(|error| format!("{path}: {error}"))?;
        text.put(&String::from_utf8_lossy(&bytes).into_owned())?;
    }
    Ok(())
}

/// Counts the words of each text: runs of ASCII letters, in lower case.
fn count(text: &Queue<String>, counts: &Queue<Counts>) -> Result<(), Box<dyn Error>> {
    for text in text {
        let mut words = Counts::new();
        for word in text
            .split(|c: char| !c.is_ascii_alphabetic())
            .filter(|word| !word.is_empty())
        {
            *words.entry(word.to_ascii_lowercase()).or_default() += 1;
        }
        counts.put(&words)?;
    }
    Ok(())
}

/// Adds all counts up and prints them as `sort | uniq -c` does.
fn sum(counts: &Queue<Counts>) -> Result<(), Box<dyn Error>> {
    let mut total = Counts::new();
    for counts in counts {
        for (word, count) in counts {
            *total.entry(word).or_default() += count;
        }
    }
    let mut out = std::io::BufWriter::new(std::io::stdout());
    for (word, count) in total {
        writeln!(out, "{count:>7} {word}")?;
    }
    Ok(out.flush()?)
}
