//! Hands bytes to a function of its host, or takes them from another, and does nothing else: what passing messages costs
//! without queues. Its arguments: `put COUNT SIZE`, or `get`, until nothing comes.

mod host {
    #![allow(unsafe_code, missing_docs, unreachable_pub, clippy::all)]

    wit_bindgen::generate!({
        inline: "
            package bare:bare;

            world bare {
                import put: func(bytes: list<u8>);
                import get: func() -> option<list<u8>>;
            }
        ",
        world: "bare",
    });
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize| {
        words
            .get(at)
            .and_then(|word| word.parse::<u64>().ok())
            .unwrap_or_default()
    };
    match words.first().map(String::as_str) {
        Some("put") => {
            let bytes = vec![7u8; usize::try_from(number(2)).unwrap_or_default()];
            (0..number(1)).for_each(|_| host::put(&bytes));
        }
        _ => {
            let all: usize = std::iter::from_fn(host::get).map(|bytes| bytes.len()).sum();
            println!("{all}");
        }
    }
}
