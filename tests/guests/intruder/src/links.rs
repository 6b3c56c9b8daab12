//! What Rust's library has no call for: links, and times that no clock shows.

use wasip2::clocks::wall_clock::Datetime;
use wasip2::filesystem::preopens::get_directories;
use wasip2::filesystem::types::{Descriptor, DescriptorFlags, ErrorCode, NewTimestamp, OpenFlags, PathFlags};

fn folder(name: &str) -> Option<Descriptor> {
    let found = get_directories().into_iter().find(|(_, guest)| guest == name);
    found.map(|(descriptor, _)| descriptor)
}

fn show(what: &str, path: &str, result: Result<(), ErrorCode>) {
    if result.is_ok() {
        println!("allowed: {what} {path:?}");
    }
}

/// Makes links that lead out, alone, in chains and in loops, and tries to go through them.
pub(crate) fn links(name: &str) {
    let Some(folder) = folder(name) else { return };
    for target in ["/", "/etc/passwd", "//outside"] {
        show("link to", target, folder.symlink_at(target, "absolute"));
    }
    for (target, link) in [
        ("../outside", "up"),
        ("../outside/secret", "file"),
        ("../outside/new", "dangling"),
        ("up/secret", "through"),
        ("chain", "longer"),
        ("file", "chain"),
        ("second", "first"),
        ("first", "second"),
        (".", "here"),
        ("here/here/here/../outside", "around"),
    ] {
        // That a link leads out is no harm as long as nobody can follow it.
        let _ = folder.symlink_at(target, link);
    }
    let write = DescriptorFlags::READ | DescriptorFlags::WRITE | DescriptorFlags::MUTATE_DIRECTORY;
    for path in [
        "up",
        "up/",
        "up/.",
        "up/secret",
        "file",
        "dangling",
        "through",
        "longer",
        "first",
        "first/f",
        "around",
        "around/secret",
        "here/../outside/secret",
        "absolute/etc/passwd",
    ] {
        let open = |open_flags, flags| {
            folder
                .open_at(PathFlags::SYMLINK_FOLLOW, path, open_flags, flags)
                .map(drop)
        };
        for (what, result) in [
            ("open", open(OpenFlags::empty(), DescriptorFlags::READ)),
            ("open as a folder", open(OpenFlags::DIRECTORY, DescriptorFlags::READ)),
            ("open to write", open(OpenFlags::empty(), write)),
            ("create", open(OpenFlags::CREATE, write)),
            ("cut off", open(OpenFlags::CREATE | OpenFlags::TRUNCATE, write)),
            ("look at", folder.stat_at(PathFlags::SYMLINK_FOLLOW, path).map(drop)),
            (
                "link from",
                folder.link_at(PathFlags::SYMLINK_FOLLOW, path, &folder, "stolen"),
            ),
            (
                "set the time of",
                folder.set_times_at(PathFlags::SYMLINK_FOLLOW, path, NewTimestamp::Now, NewTimestamp::Now),
            ),
        ] {
            show(what, path, result);
        }
    }
    for path in ["up/new", "through/new", "around/new"] {
        show("make a folder", path, folder.create_directory_at(path));
        show("link into", path, folder.symlink_at("f", path));
        show("rename to", path, folder.rename_at("f", &folder, path));
        show("remove", path, folder.unlink_file_at("up/secret"));
    }
}

/// Times that no clock shows, for a file that may be changed: they are refused, or kept as they are.
pub(crate) fn times(name: &str) {
    let Some(folder) = folder(name) else { return };
    for (seconds, nanoseconds) in [
        (u64::MAX, u32::MAX),
        (u64::MAX, 0),
        (1 << 63, 0),
        (0, u32::MAX),
        (i64::MAX as u64, 999_999_999),
    ] {
        let time = NewTimestamp::Timestamp(Datetime { seconds, nanoseconds });
        let _ = folder.set_times_at(PathFlags::empty(), "f", time, time);
        let _ = folder.stat_at(PathFlags::empty(), "f");
        if let Ok(file) = folder.open_at(PathFlags::empty(), "f", OpenFlags::empty(), DescriptorFlags::WRITE) {
            let _ = file.set_times(time, time);
            let _ = file.stat();
        }
    }
}
