//! Every row of the catalogue is a case, a test, or has a reason: `COVERAGE.md` says which.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use hostile_cases::CASES;

use crate::harness::*;
use crate::processes::sidecar::Sidecar;

/// Rows of the table: a number, what it is, the cases, other tests or the reason why there is none.
fn rows(table: &str) -> BTreeMap<u32, [String; 3]> {
    let mut rows = BTreeMap::new();
    for line in table.lines() {
        let cells: Vec<_> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [number, what, cases, others] = cells[..] else {
            continue;
        };
        let Ok(number) = number.parse() else { continue };
        let cells = [what, cases, others].map(str::to_owned);
        assert!(rows.insert(number, cells).is_none(), "row {number} stands twice");
    }
    rows
}

/// The catalogue leaves out some numbers.
const NO_ROWS: [u32; 25] = [
    5, 9, 11, 13, 14, 19, 24, 31, 33, 43, 47, 58, 61, 66, 67, 75, 83, 93, 98, 107, 115, 128, 133, 138, 143,
];

#[test]
fn every_row_of_the_catalogue_is_a_case_a_test_or_has_a_reason() {
    let path = root().join("tests/hostile/COVERAGE.md");
    let table = fs::read_to_string(&path).expect("the table");
    let rows = rows(&table);
    let numbers: Vec<_> = rows.keys().copied().collect();
    let expected: Vec<_> = (1..=145).filter(|number| !NO_ROWS.contains(number)).collect();
    assert_eq!(
        numbers, expected,
        "a row is missing, or one stands there that the catalogue has not"
    );

    let mut covered = BTreeMap::<u32, Vec<&str>>::new();
    for case in CASES {
        let sidecar = Sidecar::parse(case.sidecar).unwrap_or_else(|error| panic!("{}: {error}", case.name));
        for row in sidecar.rows {
            assert!(rows.contains_key(&row), "{}: there is no row {row}", case.name);
            covered.entry(row).or_default().push(case.name);
        }
    }
    let written: String = table
        .lines()
        .map(|line| {
            let number = line
                .trim_matches('|')
                .split('|')
                .next()
                .and_then(|cell| cell.trim().parse().ok());
            let row = number.and_then(|number: u32| Some((number, rows.get(&number)?)));
            let Some((number, [what, _, others])) = row else {
                return format!("{line}\n");
            };
            let cases = covered
                .get(&number)
                .map(|cases| format!("`{}`", cases.join("` `")))
                .unwrap_or_default();
            format!("| {number} | {what} | {cases} | {others} |\n")
        })
        .collect();
    if std::env::var_os("WASM_POOL_WRITE_COVERAGE").is_some() {
        return fs::write(&path, &written).expect("writes");
    }
    for (number, [what, _, others]) in &rows {
        let cases = covered.contains_key(number);
        assert!(
            cases || !others.is_empty(),
            "row {number} ({what}) has no case, no test and no reason"
        );
    }
    for (is, shall) in table.lines().zip(written.lines()) {
        assert_eq!(
            is, shall,
            "not the cases of the sidecars; WASM_POOL_WRITE_COVERAGE=1 writes them"
        );
    }
}

#[test]
fn every_test_that_the_coverage_names_exists() {
    let mut tests = BTreeSet::new();
    let mut folders = vec![
        root().join("tests"),
        root().join("fuzz"),
        root().join("host/src"),
        root().join("examples"),
    ];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder").flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                let text = fs::read_to_string(&path).expect("reads");
                let names = text
                    .lines()
                    .filter_map(|line| line.trim().strip_prefix("fn ")?.split_once('('));
                tests.extend(names.map(|(name, _)| name.to_owned()));
            }
        }
    }
    let table = fs::read_to_string(root().join("tests/hostile/COVERAGE.md")).expect("the table");
    for (number, [.., others]) in rows(&table) {
        // What stands in code marks and is no path is a test.
        for name in others.split('`').skip(1).step_by(2) {
            let is_test = !name.contains(['/', '-', ' ']);
            assert!(
                !is_test || tests.contains(name),
                "row {number}: there is no test {name}"
            );
        }
    }
}
