//! What is left of the file system.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use wasm_pool::lockdown::{Lockdown, Rights};

use crate::{DENIED, kind, on_a_worker, raise};

pub(crate) fn gone(folder: &Path) {
    let [inside, outside] = ["inside", "outside"].map(|name| folder.join(name));
    for place in [&inside, &outside] {
        fs::create_dir(place).expect("makes a folder");
        fs::write(place.join("file"), "x").expect("writes");
    }
    symlink(outside.join("file"), inside.join("link")).expect("links");
    let before = File::open("/etc/passwd").expect("was there before");
    let wall = raise(
        Lockdown::new()
            .allow(&inside, Rights::Change)
            .allow("/surely/not/there", Rights::Read),
    );
    let (read, write) = (inside.join("file"), inside.join("new"));
    let allowed = on_a_worker(move || (kind(fs::read(read)), kind(fs::write(write, "y"))));
    assert_eq!(allowed, (Ok(()), Ok(())));
    // What is open stays open.
    assert!(io::read_to_string(before).is_ok_and(|text| !text.is_empty()));
    if wall.landlock.is_err() {
        return;
    }
    let found = on_a_worker(move || {
        [
            kind(File::open("/etc/passwd")),
            kind(File::open("/proc/self/mem")),
            kind(File::open("/proc/1/environ")),
            kind(fs::read_dir("/")),
            kind(fs::read(outside.join("file"))),
            kind(fs::read(inside.join("link"))),
            kind(fs::read(inside.join("../outside/file"))),
            kind(fs::write(outside.join("new"), "y")),
            kind(fs::remove_file(outside.join("file"))),
            kind(fs::create_dir(outside.join("more"))),
        ]
    });
    assert_eq!(found, [DENIED; 10]);
    // From the thread that asked, and from one that is nobody's.
    assert_eq!(kind(File::open("/etc/passwd")), DENIED);
    let other = std::thread::spawn(|| kind(File::open("/etc/passwd")));
    assert_eq!(other.join().expect("it ends"), DENIED);
}

/// Something that is done with a folder.
type Act = fn(&Path) -> io::Result<()>;

/// Everything that may be done with one.
const ACTS: [(&str, Act); 11] = [
    ("read", |folder| fs::read(folder.join("old")).map(drop)),
    ("list", |folder| fs::read_dir(folder).map(drop)),
    ("write", |folder| {
        OpenOptions::new()
            .append(true)
            .open(folder.join("old"))?
            .write_all(b"x")
    }),
    ("empty", |folder| {
        OpenOptions::new()
            .write(true)
            .truncate(true)
            .open(folder.join("old"))
            .map(drop)
    }),
    ("make", |folder| {
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(folder.join("new"))
            .map(drop)
    }),
    ("rename", |folder| {
        fs::rename(folder.join("moves"), folder.join("moved"))
    }),
    ("move", |folder| {
        fs::rename(folder.join("leaves"), folder.join("sub/left"))
    }),
    ("remove", |folder| fs::remove_file(folder.join("goes"))),
    ("make a folder", |folder| fs::create_dir(folder.join("folder"))),
    ("remove a folder", |folder| fs::remove_dir(folder.join("empty"))),
    ("link", |folder| symlink("old", folder.join("link"))),
];

const RIGHTS: [(Rights, &[&str]); 5] = [
    (Rights::Read, &["read", "list"]),
    (
        Rights::Change,
        &[
            "read",
            "list",
            "write",
            "empty",
            "make",
            "rename",
            "move",
            "remove",
            "make a folder",
            "remove a folder",
            "link",
        ],
    ),
    (Rights::Store, &["read", "write", "empty", "make", "rename", "remove"]),
    (Rights::Write, &["write", "empty", "make", "rename", "remove"]),
    (Rights::Replace, &["rename", "remove"]),
];

pub(crate) fn rights(folder: &Path) {
    let places = RIGHTS.map(|(rights, _)| folder.join(format!("{rights:?}")));
    let mut lockdown = Lockdown::new();
    for ((rights, _), place) in RIGHTS.iter().zip(&places) {
        for name in ["sub", "empty"] {
            fs::create_dir_all(place.join(name)).expect("makes a folder");
        }
        for name in ["old", "moves", "leaves", "goes"] {
            fs::write(place.join(name), name).expect("writes");
        }
        lockdown = lockdown.allow(place, *rights);
    }
    let wall = raise(lockdown);
    if let Ok(version) = wall.landlock {
        for ((rights, may), place) in RIGHTS.iter().zip(places.clone()) {
            let found = on_a_worker(move || ACTS.map(|(name, act)| (name, kind(act(&place)))));
            for (name, result) in found {
                // A move that may not be is one to another file system; before Linux 6.2 emptying is not looked at.
                let allowed = may.contains(&name);
                let unseen = name == "empty" && version < 3;
                assert!(allowed == result.is_ok() || unseen, "{rights:?}: {name}: {result:?}");
            }
        }
    }
    // Modes and owners are not Landlock's, and nobody's any more.
    if wall.seccomp.is_ok() {
        let file = places[1].join("old");
        let found = on_a_worker(move || {
            [
                kind(fs::set_permissions(&file, fs::Permissions::from_mode(0o777))),
                kind(std::os::unix::fs::chown(&file, None, None)),
                kind(std::os::unix::fs::chroot("/")),
            ]
        });
        assert_eq!(found, [DENIED; 3]);
    }
}

pub(crate) fn twice(folder: &Path) {
    let [one, two] = ["one", "two"].map(|name| folder.join(name));
    for place in [&one, &two] {
        fs::write(place, "x").expect("writes");
    }
    let _ = raise(Lockdown::new().allow(&one, Rights::Read));
    let wall = Lockdown::new()
        .allow(&one, Rights::Read)
        .allow(&two, Rights::Read)
        .apply();
    let wall = wall.expect("a second wall");
    assert_eq!(kind(fs::read(&one)), Ok(()));
    if wall.landlock.is_ok() {
        assert_eq!(kind(fs::read(&two)), DENIED);
    }
}
