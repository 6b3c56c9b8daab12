//! Many small calls.

use std::process::Command;

use wasm_pool::Reuse;
use wasm_pool::value::Val;

use crate::{COUNTER, builder, s32};

/// Resident memory of this process in bytes.
fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("reads");
    let pages = statm.split(' ').nth(1).and_then(|text| text.parse::<u64>().ok());
    pages.expect("a number") * rustix::param::page_size() as u64
}

const ALONE: &str = "WASM_POOL_TEST_ALONE";

#[test]
fn a_million_small_items_take_as_much_memory_as_ten_thousand() {
    if std::env::var_os(ALONE).is_none() {
        // In a process without other tests, whose memory would be counted too.
        let mut alone = Command::new(std::env::current_exe().expect("a path"));
        let name = "volume::a_million_small_items_take_as_much_memory_as_ten_thousand";
        let output = alone
            .args(["--exact", name, "--nocapture"])
            .env(ALONE, "1")
            .output()
            .expect("starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        return;
    }
    const ITEMS: i32 = 1_000_000;
    let executor = builder(&COUNTER).reuse(Reuse::ALWAYS).build().expect("an executor");
    let count = executor.function("count").expect("a function");
    let (mut early, mut most) = (0, 0);
    for (number, result) in (0..ITEMS).zip(
        executor
            .map(&count, (0..).map(|number: i32| s32(number % 10)))
            .chunk(500),
    ) {
        assert_eq!(result, Ok(Some(Val::S32(number % 10))));
        if number == 10_000 {
            early = resident();
        } else if number > 10_000 && number % 50_000 == 0 {
            most = resident().max(most);
        }
    }
    assert!(most < early + (8 << 20), "{most} after {early}");
}
