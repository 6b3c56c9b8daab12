//! Folders that are granted are those that were looked at, whatever is at their paths later.

use std::os::unix::fs::symlink;
use std::path::Path;

use wasm_pool::{CallError, Item, Outcome, Setup};

use super::{talkers, talking};

/// What a guest may do that can write around a folder which another one is granted.
fn put_a_link_in_its_place(folder: &Path, outside: &Path) {
    std::fs::rename(folder, folder.with_extension("moved")).expect("renames");
    symlink(outside, folder).expect("links");
}

#[test]
fn who_starts_when_a_link_has_taken_the_place_of_a_pinned_folder_does_not_start() {
    let (pool, program) = talkers(4, 1);
    let place = crate::harness::folder();
    let (data, outside) = (place.path().join("data"), place.path().join("outside"));
    std::fs::create_dir(&data).expect("makes");
    std::fs::create_dir(&outside).expect("makes");
    let mut setup = talking(&pool, &["close", "none"]);
    setup.grants.dirs = vec![format!("{}::/data:rw", data.display()).parse().expect("a grant")];
    let unpinned = setup.clone();
    setup.grants.pin().expect("it is there");
    let ours = [("the cache", outside.as_path())];
    assert_eq!(
        setup.grants.check_apart(ours).map_err(|error| error.to_string()),
        Ok(())
    );
    let run = |setup: Setup| pool.run(&program, setup).expect("starts").outcome;
    assert_eq!(run(setup.clone()), Outcome::Exited(1));

    put_a_link_in_its_place(&data, &outside);
    let said = "the folder at \"/data\" is another one than was granted: somebody has put it there meanwhile";
    assert_eq!(run(setup.clone()), Outcome::HostError(said.to_owned()));
    let apart = setup.grants.check_apart(ours).map_err(|error| error.to_string());
    assert!(apart.is_err_and(|error| error.ends_with("another folder is there than was granted a moment ago")));
    // Who asks for the path alone gets what is there; that it leads to ours is seen.
    assert_eq!(run(unpinned.clone()), Outcome::Exited(1));
    assert!(unpinned.grants.check_apart(ours).is_err());
}

#[test]
fn a_child_is_given_the_folders_that_its_parent_has_and_no_others_in_their_place() {
    let (pool, program) = talkers(4, 1);
    let place = crate::harness::folder();
    let (data, outside) = (place.path().join("data"), place.path().join("outside"));
    std::fs::create_dir(&data).expect("makes");
    std::fs::create_dir(&outside).expect("makes");
    std::fs::write(outside.join("secret"), "").expect("writes");
    let mut setup = talking(&pool, &[]);
    setup.grants.dirs = vec![format!("{}::/data:ro", data.display()).parse().expect("a grant")];
    let parent = pool.create(&program, setup).expect("an interpreter");
    assert!(matches!(parent.call("child_number", Vec::new()), Ok(Item::Encoded(_))));

    put_a_link_in_its_place(&data, &outside);
    match parent.call("child_number", Vec::new()) {
        Err(CallError::Failed(failed)) => {
            assert!(failed.message.contains("another one than was granted"), "{failed:?}");
            assert!(
                !failed.message.contains(&place.path().display().to_string()),
                "{failed:?}"
            );
        }
        other => panic!("{other:?}"),
    }
    assert!(matches!(parent.call("number", Vec::new()), Ok(Item::Encoded(_))));
}
