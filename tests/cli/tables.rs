//! `wasm-pool map` of what is not JSON: tables and plain lines, on either side.

use crate::harness::*;
use crate::map::{map, map_command};

#[test]
fn the_columns_of_a_table_are_the_parameters() {
    map(
        plugin(),
        &["-q", "-i", "csv", "add"],
        "b,other,a\r\n1,2,3\r\n\"4\",,-5\n",
    )
    .exits(0)
    .prints("result,error\n4,\n-1,\n");
    // Whatever the only column is called.
    map(
        plugin(),
        &["-q", "-i", "csv", "greet"],
        "who\nBob\n\"x \"\"y\"\", z\nnew\"\n",
    )
    .exits(0)
    .prints("result,error\n\"Hello, Bob!\",\n\"Hello, x \"\"y\"\", z\nnew!\",\n");
}

#[test]
fn the_columns_of_a_table_are_the_fields_of_a_record() {
    let people = "age,name,nick-name\n3,Bob,\n4,Eve,E\nx,Tim,T\n";
    map(plugin(), &["-q", "-i", "csv", "record"], people).exits(1).prints(
        "name,age,nick-name,error\nBob,3,,\nEve,4,E,\n,,,\"line 4: age: expected u32, found the string \"\"x\"\"\"\n",
    );
    // An option may have no column.
    map(
        plugin(),
        &["-q", "-i", "csv", "-f", "json", "record"],
        "name,age\nBob,3\n",
    )
    .exits(0)
    .prints("{\"name\":\"Bob\",\"age\":3,\"nick-name\":null}\n");
    map(plugin(), &["-q", "-i", "csv", "-f", "json", "option"], "x,y\n1,2\n")
        .exits(0)
        .prints("null\n");
}

#[test]
fn a_table_without_the_columns_is_refused() {
    for (table, says) in [
        ("1,2\n3,4\n", "the table has no column \"a\"; its first row names 1, 2"),
        ("a,c\n3,4\n", "the table has no column \"b\""),
        ("a,b,a\n1,2,3\n", "the table has two columns \"a\""),
    ] {
        map(plugin(), &["-i", "csv", "add"], table)
            .exits(2)
            .prints("")
            .one_line()
            .says(says);
    }
    fed(&mut map_command(plugin(), &["-i", "csv", "add"]), b"a,\xff\n1,2\n")
        .exits(66)
        .one_line()
        .says("stdin: the first row, which names the columns: cell 2 is not UTF-8");
}

#[test]
fn a_table_without_rows_has_no_results() {
    for table in ["", "a,b\n", "a,b"] {
        map(plugin(), &["-q", "-i", "csv", "add"], table)
            .exits(0)
            .prints("result,error\n");
    }
}

#[test]
fn a_row_that_is_no_argument_has_a_record_with_its_line() {
    let table = b"what\n\n\nok\n\"two\nlines\"\n\"bad\n\"\n\xff\nbad\n";
    let command = &mut map_command(plugin(), &["-q", "-i", "csv", "-f", "json", "fails"]);
    fed(command, table).exits(1).prints(concat!(
        "2\n9\n",
        "{\"error\":\"\\\"bad\\\\n\\\" is bad\",\"line\":7}\n",
        "{\"error\":\"cell 1 is not UTF-8\",\"line\":9}\n",
        "{\"error\":\"\\\"bad\\\" is bad\",\"line\":10}\n",
    ));
    let done = map(plugin(), &["-q", "-i", "csv", "-f", "json", "add"], "a,b\n1\n2,3,4\n").exits(1);
    let lines: Vec<_> = done.stdout.lines().collect();
    assert!(lines[0].contains("\"line\":2"), "{done:#?}");
    assert_eq!(
        lines[1..],
        ["{\"error\":\"expected a row of at most 2, found a row of 3\",\"line\":3}"]
    );
}

#[test]
fn a_quote_that_is_missing_is_said_where_its_row_begins() {
    map(
        plugin(),
        &["-q", "-i", "csv", "-f", "json", "greet"],
        "name\na\n\"b\nc\nd\n",
    )
    .exits(1)
    .prints(concat!(
        "\"Hello, a!\"\n",
        "{\"error\":\"a row that begins a cell with a quote and ends it with none\",\"line\":3}\n",
    ));
}

#[test]
fn a_row_that_is_too_long_has_a_record_and_the_rest_is_done() {
    let table = format!("name\na\n\"{}\n\n{}\"\nb\n", "x".repeat(70_000), "y".repeat(300_000));
    map(
        plugin(),
        &["-q", "-i", "csv", "-f", "json", "--item-size", "64KiB", "greet"],
        &table,
    )
    .exits(1)
    .prints(concat!(
        "\"Hello, a!\"\n",
        "{\"error\":\"a row longer than 64KiB (--item-size raises it)\",\"line\":3}\n",
        "\"Hello, b!\"\n",
    ));
}

#[test]
fn lines_are_strings_or_bytes_as_they_are() {
    let lines = b"a\n\n b \r\n\"\xff\n";
    fed(&mut map_command(plugin(), &["-q", "-i", "lines", "greet"]), lines)
        .exits(1)
        .prints(concat!(
            "\"Hello, a!\"\n\"Hello, !\"\n\"Hello,  b !\"\n",
            "{\"error\":\"name: a line that is not UTF-8: invalid utf-8 sequence of 1 bytes from index 1\",\"line\":4}\n",
        ));
    fed(&mut map_command(plugin(), &["-q", "-i", "lines", "bytes"]), lines)
        .exits(0)
        .prints("[97]\n[]\n[32,98,32]\n[34,255]\n");
    map(
        plugin(),
        &["-q", "-i", "lines", "--bytes", "base64", "checksum"],
        "QUI=\n",
    )
    .exits(0)
    .prints("131\n");
    map(plugin(), &["-q", "-i", "lines", "u32"], "7\nx\n")
        .exits(1)
        .prints("7\n{\"error\":\"value: expected u32, found the string \\\"x\\\"\",\"line\":2}\n");
}

#[test]
fn lines_are_for_a_function_with_one_parameter() {
    for function in ["add", "nothing"] {
        map(plugin(), &["-i", "lines", function], "a\n")
            .exits(2)
            .prints("")
            .one_line()
            .says("lines are for a function with one parameter");
    }
}

#[test]
fn results_can_be_lines_or_a_table() {
    map(plugin(), &["-q", "-f", "lines", "greet"], "\"a\"\n1\n")
        .exits(1)
        .prints("Hello, a!\n{\"error\":\"name: expected string, found the number 1\",\"line\":2}\n");
    map(plugin(), &["-q", "-f", "lines", "nothing"], "[]\n")
        .exits(0)
        .prints("\n");
    map(plugin(), &["-q", "-f", "csv", "centroid"], "[]\n")
        .exits(0)
        .prints("result,error\n,\n");
    map(plugin(), &["-q", "-f", "csv", "fails"], "\"a\"\n\"bad, \\\"x\\\"\"\n")
        .exits(1)
        .prints("result,error\n1,\n,\"line 2: \"\"bad, \\\"\"x\\\"\"\"\" is bad\"\n");
    for (flag, value) in [("-i", "xml"), ("-f", "xml")] {
        map(plugin(), &[flag, value, "greet"], "")
            .exits(2)
            .one_line()
            .says("possible values: json, csv, lines");
    }
}

#[test]
fn who_gives_a_table_as_lines_is_told_how_a_table_is_read() {
    let table = file(b"a,b\n1,2\n", ".csv");
    let read = |flags: &[&str]| {
        let mut command = map_command(plugin(), flags);
        done(command.args(["add".as_ref(), table.path().as_os_str()]))
    };
    read(&[]).exits(1).says("-i csv reads a table");
    read(&["-i", "csv"]).exits(0).prints("result,error\n3,\n");
}
