//! A guest that tries to get at what it was not granted. It prints what it was allowed, and `done`.
//!
//! Built for WASI preview 1 and for WASI 0.2 from the same source, so that a test can ask both.

#[cfg(all(target_os = "wasi", target_env = "p2"))]
mod links;

use std::fs::{self, File, OpenOptions};
use std::io;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match *words {
        ["out-of", folder] => out_of(folder),
        ["across", writable, readable] => across(writable, readable),
        ["read-and-write", path] => attempts(path).for_each(|(what, result)| show(what, path, result)),
        ["again-and-again", path] => loop {
            again_and_again(path);
        },
        ["enormous", path] => enormous(path),
        #[cfg(all(target_os = "wasi", target_env = "p2"))]
        ["links", folder] => links::links(folder),
        #[cfg(all(target_os = "wasi", target_env = "p2"))]
        ["times", folder] => links::times(folder),
        _ => {
            eprintln!("intruder: {words:?} is nothing I can do");
            std::process::exit(2);
        }
    }
    println!("done");
}

/// Says what should not have worked.
fn show(what: &str, path: &str, result: io::Result<()>) {
    if result.is_ok() {
        println!("allowed: {what} {path:?}");
    }
}

/// Something that can be done with a path.
type Way = fn(&str) -> io::Result<()>;

/// Everything that can be.
fn attempts(path: &str) -> impl Iterator<Item = (&'static str, io::Result<()>)> {
    let ways: [(&'static str, Way); 8] = [
        ("read", |path| fs::read(path).map(drop)),
        ("list", |path| fs::read_dir(path)?.try_for_each(|entry| entry.map(drop))),
        ("look at", |path| fs::metadata(path).map(drop)),
        ("read as a link", |path| fs::read_link(path).map(drop)),
        ("write", |path| fs::write(path, "intruded")),
        ("make a folder", |path| fs::create_dir(path)),
        ("remove", |path| fs::remove_file(path)),
        ("remove a folder", |path| fs::remove_dir(path)),
    ];
    ways.into_iter().map(move |(what, way)| (what, way(path)))
}

/// Paths that lead out of a folder, and paths that are none. `f` is a file in it, beside it lies `outside/secret`.
fn out_of(folder: &str) {
    let inside = format!("{folder}/f");
    let mut paths: Vec<String> = [
        "..",
        "../",
        "../..",
        "../outside",
        "../outside/",
        "../outside/secret",
        "./../outside/secret",
        ".//..//outside//secret",
        "f/../../outside/secret",
        "none/../../outside/secret",
        "../d/../outside/secret",
        "../../../../../../../../etc/passwd",
        "\0",
        "f\0",
    ]
    .iter()
    .map(|path| format!("{folder}/{path}"))
    .collect();
    paths.extend(
        [
            "",
            "/outside/secret",
            "outside/secret",
            "../outside/secret",
            "/etc/passwd",
            "/proc/self/environ",
            "/dev/stdin",
            "//",
        ]
        .map(str::to_owned),
    );
    paths.push(format!("{folder}/{}", "x".repeat(4_097)));
    paths.push(format!("{folder}/{}secret", "../outside/".repeat(500)));
    for path in &paths {
        let shown: String = path.chars().take(60).collect();
        attempts(path).for_each(|(what, result)| show(what, &shown, result));
        show("rename to", &shown, fs::rename(&inside, path));
        show("link to", &shown, fs::hard_link(&inside, path));
        show("rename from", &shown, fs::rename(path, format!("{folder}/stolen")));
        show("link from", &shown, fs::hard_link(path, format!("{folder}/stolen")));
    }
}

/// Between a folder to write and one to read, both with a file `f`: whatever would change the second one, or what is in it.
fn across(writable: &str, readable: &str) {
    let (from, to) = (format!("{writable}/f"), format!("{readable}/f"));
    let new = format!("{readable}/new");
    let opened = |options: &mut OpenOptions, path: &str| options.open(path).map(drop);
    for (what, result) in [
        ("rename into", fs::rename(&from, &new)),
        ("rename over", fs::rename(&from, &to)),
        ("rename out of", fs::rename(&to, format!("{writable}/stolen"))),
        ("rename within", fs::rename(&to, &new)),
        ("link into", fs::hard_link(&from, &new)),
        ("link out of", fs::hard_link(&to, format!("{writable}/stolen"))),
        ("open to write", opened(OpenOptions::new().write(true), &to)),
        ("open to append", opened(OpenOptions::new().append(true), &to)),
        ("cut off", opened(OpenOptions::new().write(true).truncate(true), &to)),
        ("cut off what is read", File::open(&to).and_then(|file| file.set_len(0))),
        (
            "set the time of what is read",
            File::open(&to).and_then(|file| file.set_modified(std::time::UNIX_EPOCH)),
        ),
        ("create", File::create_new(&new).map(drop)),
        ("make a folder", fs::create_dir(&new)),
        ("remove", fs::remove_file(&to)),
        ("copy over", fs::copy(&from, &to).map(drop)),
        (
            "go through the other",
            fs::write(format!("{writable}/../{}", to.trim_start_matches('/')), "x"),
        ),
    ] {
        show(what, &to, result);
    }
}

/// What lies there may be read where it lies inside; it is printed, so that a test sees whether something else was read.
fn again_and_again(path: &str) {
    if let Ok(text) = fs::read_to_string(format!("{path}/secret")) {
        if text != "harmless\n" {
            println!("read {text}");
        }
    }
    let new = format!("{path}/new");
    let _ = fs::write(&new, "intruded");
    let _ = fs::remove_file(&new);
}

/// Sizes and places in a file that no file can have. Whether they are refused is the file system's affair.
fn enormous(path: &str) {
    use std::io::{Seek, SeekFrom, Write};
    let Ok(mut file) = OpenOptions::new().write(true).open(path) else {
        return;
    };
    for size in [u64::MAX, 1 << 63] {
        show("set the length", path, file.set_len(size));
        show("go to", path, file.seek(SeekFrom::Start(size)).map(drop));
    }
    show(
        "go before the start",
        path,
        file.seek(SeekFrom::Current(i64::MIN)).map(drop),
    );
    let at_the_end = file
        .seek(SeekFrom::Start((1 << 63) - 1))
        .and_then(|_| file.write_all(b"xx"));
    show("write behind the last place", path, at_the_end);
}
