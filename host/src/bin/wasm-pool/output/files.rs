//! A file for each instance: `DIR/NAME-3.out`.
//!
//! Others may write in the folder, and a guest may be among them. So the folder is opened once, a file is always one that was
//! made here, and no link is followed: what a guest prints goes nowhere else.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use rustix::fs::{AtFlags, Mode, OFlags, fstat, open, openat, unlinkat};
use rustix::io::Errno;

use super::target::Target;
use crate::names::Names;

/// The files of one stream. They are opened for each piece, so that ten thousand instances need no ten thousand descriptors.
pub(super) struct Files {
    folder: File,
    names: Names,
    ending: &'static str,
    /// Device and inode of each.
    made: Vec<(u64, u64)>,
}

impl Files {
    /// Makes the folder, and an empty file for each instance in place of what has its name.
    pub(super) fn create(folder: &Path, names: &Names, ending: &'static str) -> io::Result<Files> {
        std::fs::create_dir_all(folder)?;
        let mut files = Files {
            folder: open(
                folder,
                OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC,
                Mode::empty(),
            )?
            .into(),
            names: names.clone(),
            ending,
            made: Vec::with_capacity(names.len()),
        };
        for instance in 0..names.len() {
            let name = files.name(instance);
            let made = files.make(&name).map_err(|error| about(&name, error))?;
            files.made.push(made);
        }
        Ok(files)
    }

    fn make(&self, name: &str) -> io::Result<(u64, u64)> {
        match unlinkat(&self.folder, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(error) => return Err(error.into()),
        }
        let new = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        identity(&openat(&self.folder, name, new, Mode::from_raw_mode(0o666))?.into())
    }

    fn append(&self, instance: usize, name: &str, bytes: &[u8]) -> io::Result<()> {
        // A named pipe that nobody reads is no reason to wait.
        let again = OFlags::WRONLY | OFlags::APPEND | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let replaced = || io::Error::other("somebody put another file in its place");
        let mut file: File = match openat(&self.folder, name, again, Mode::empty()) {
            Err(Errno::LOOP | Errno::NXIO) => return Err(replaced()),
            opened => opened?.into(),
        };
        if Some(&identity(&file)?) != self.made.get(instance) {
            return Err(replaced());
        }
        file.write_all(bytes)
    }

    /// Another one for each instance, whatever programs are called.
    fn name(&self, instance: usize) -> String {
        let program = self.names.program(instance).replace('%', "%25").replace('/', "%2F");
        format!("{program}-{}.{}", self.names.copy(instance), self.ending)
    }
}

fn identity(file: &File) -> io::Result<(u64, u64)> {
    let stat = fstat(file)?;
    Ok((stat.st_dev, stat.st_ino))
}

fn about(name: &str, error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{name}: {error}"))
}

impl Target for Files {
    fn write(&mut self, instance: usize, bytes: &[u8], _ended: bool) -> io::Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        let name = self.name(instance);
        self.append(instance, &name, bytes).map_err(|error| about(&name, error))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn what_a_guest_prints_follows_no_link() {
        let place = tempfile::tempdir().expect("a folder");
        let (folder, victim) = (place.path().join("out"), place.path().join("victim"));
        std::fs::write(&victim, "mine").expect("writes");
        std::fs::create_dir(&folder).expect("makes");
        let file = folder.join("g-0.out");
        symlink("../victim", &file).expect("links");
        let mut files = Files::create(&folder, &Names::copies("g", 1), "out").expect("makes");
        files.write(0, b"a", false).expect("writes");
        assert_eq!(std::fs::read(&file).expect("reads"), b"a");

        let swap: [&dyn Fn(); 3] = [
            &|| symlink("../victim", &file).expect("links"),
            &|| std::fs::hard_link(&victim, &file).expect("links"),
            &|| rustix::fs::mkfifoat(rustix::fs::CWD, &file, Mode::RUSR | Mode::WUSR).expect("makes"),
        ];
        for put in swap {
            std::fs::remove_file(&file).expect("removes");
            put();
            let why = files.write(0, b"b", false).expect_err("is refused").to_string();
            assert_eq!(why, "g-0.out: somebody put another file in its place");
        }
        assert_eq!(std::fs::read(&victim).expect("reads"), b"mine");
    }

    #[test]
    fn the_folder_stays_the_one_that_was_opened() {
        let place = tempfile::tempdir().expect("a folder");
        let (folder, moved) = (place.path().join("out"), place.path().join("moved"));
        let mut files = Files::create(&folder, &Names::copies("g", 1), "out").expect("makes");
        std::fs::rename(&folder, &moved).expect("moves");
        std::fs::create_dir(&folder).expect("makes");
        files.write(0, b"a", true).expect("writes");
        assert_eq!(std::fs::read(moved.join("g-0.out")).expect("reads"), b"a");
    }

    #[test]
    fn no_two_guests_share_a_file() {
        let place = tempfile::tempdir().expect("a folder");
        let mut names = Names::none();
        let programs = ["a/b", "a_b", "a%2Fb", "..", "a"];
        for program in programs {
            names.add(program, 1);
        }
        let mut files = Files::create(place.path(), &names, "out").expect("makes");
        for (instance, program) in programs.iter().enumerate() {
            files.write(instance, program.as_bytes(), true).expect("writes");
        }
        let mut written: Vec<_> = std::fs::read_dir(place.path())
            .expect("lists")
            .map(|entry| std::fs::read_to_string(entry.expect("an entry").path()).expect("reads"))
            .collect();
        written.sort();
        let mut expected = programs.map(str::to_owned);
        expected.sort();
        assert_eq!(written, expected);
    }
}
