//! `wasm-pool run`: copies of a command, in parallel; and what every verb does that loads guests.

use std::path::Path;

use wasm_pool::engine::EngineBuilder;
use wasm_pool::grants::Grants;
use wasm_pool::manifest::TOLD;
use wasm_pool::{Cache, Engine, Error, ErrorKind, Limits, Precompiled, Program, machine};

use crate::args::{CopiesArgs, GrantArgs, LoadArgs, RunArgs, StdinMode};
use crate::report;
use crate::session::Summary;
use crate::session::copies::{Copies, Taken};
use crate::session::plumbing;

pub(crate) fn run(args: &RunArgs) -> anyhow::Result<u8> {
    let copies = &args.copies;
    let interpreters = copies.queues.interpreters.and_then(|grant| grant.grant());
    let grants = grants(copies, &args.args)?;
    Copies {
        args: copies,
        guest: &args.guest,
        grants: Grants { interpreters, ..grants },
        script: None,
        stdin: copies.stdin.unwrap_or(StdinMode::Null),
        taken: (args.guest == Path::new("-")).then_some(Taken::ByProgram),
        summary: if copies.quiet { Summary::None } else { Summary::Full },
    }
    .run()
}

/// The engine for a verb that loads guests, with the user's code cache.
pub(crate) fn engine_for(limits: &Limits, instances: u32, no_cache: bool) -> anyhow::Result<Engine> {
    Ok(engine_builder(limits, instances, no_cache).build()?)
}

/// The same, still to be built.
pub(crate) fn engine_builder(limits: &Limits, instances: u32, no_cache: bool) -> EngineBuilder {
    let mut engine = Engine::builder().limits(limits).instances(instances);
    if !no_cache {
        match Cache::default_folder().map(Cache::open) {
            Some(Ok(cache)) => engine = engine.cache(cache),
            Some(Err(error)) => report::note(format!("no code cache: {error}")),
            None => report::note("no code cache: there is no home folder"),
        }
    }
    engine
}

/// A guest's file, and what to call it; none for `-`.
pub(crate) fn the_guest(path: &Path) -> impl Iterator<Item = (&str, &Path)> {
    (path != Path::new("-")).then_some(("the guest", path)).into_iter()
}

/// Checks that guests cannot write what we believe: these, and the code cache.
pub(crate) fn check_apart<'a>(
    grants: &Grants,
    no_cache: bool,
    ours: impl IntoIterator<Item = (&'a str, &'a Path)>,
) -> anyhow::Result<()> {
    let cache = Cache::default_folder().filter(|_| !no_cache);
    grants.check_apart(cache.iter().map(|cache| ("the code cache", cache.as_path())))?;
    Ok(grants.check_apart(ours)?)
}

/// Whether compiled code is run.
pub(crate) fn trust(loading: &LoadArgs) -> Precompiled {
    if loading.allow_precompiled {
        Precompiled::Trust
    } else {
        Precompiled::Refuse
    }
}

pub(crate) fn usage(message: String) -> anyhow::Error {
    Error::new(ErrorKind::Usage, message).into()
}

/// The variables that are granted, with their values.
pub(crate) fn environment(args: &GrantArgs) -> anyhow::Result<Vec<(String, String)>> {
    let mut env = Vec::new();
    for variable in &args.env {
        let (name, value) = match variable.split_once('=') {
            Some((name, value)) => (name.to_owned(), value.to_owned()),
            None => {
                let value =
                    std::env::var_os(variable).ok_or_else(|| usage(format!("--env: {variable:?} is not set here")))?;
                let value = value
                    .into_string()
                    .map_err(|_| usage(format!("--env: the value of {variable:?} is not UTF-8")))?;
                (variable.clone(), value)
            }
        };
        // As in a shell, the last word counts.
        env.retain(|(other, _)| *other != name);
        env.push((name, value));
    }
    Ok(env)
}

/// What every instance is granted, before its number is put in; to create interpreters is not among it.
pub(crate) fn grants(args: &CopiesArgs, words: &[String]) -> anyhow::Result<Grants> {
    let env = environment(&args.grants)?;
    if let Some((name, _)) = env.iter().find(|(name, _)| TOLD.contains(&name.as_str())) {
        return Err(usage(format!("--env: {name} is the host's to say")));
    }
    Ok(Grants {
        dirs: args.grants.dirs.clone(),
        env,
        args: words.to_vec(),
        queues: plumbing::specs(&args.queues)
            .into_iter()
            .map(|spec| spec.name)
            .collect(),
        ..Grants::default()
    })
}

/// The grants of one instance: `{instance}` is its number, and it is told its number and how many there are.
pub(crate) fn numbered(grants: &Grants, instance: usize, instances: usize) -> Grants {
    let number = instance.to_string();
    let put_in = |text: &String| text.replace("{instance}", &number);
    let told = TOLD
        .map(str::to_owned)
        .into_iter()
        .zip([number.clone(), instances.to_string()]);
    let own = grants.env.iter().map(|(name, value)| (name.clone(), put_in(value)));
    Grants {
        dirs: grants.dirs.clone(),
        env: own.chain(told).collect(),
        args: grants.args.iter().map(put_in).collect(),
        queues: grants.queues.clone(),
        gets: grants.gets.clone(),
        puts: grants.puts.clone(),
        interpreters: grants.interpreters.clone(),
    }
}

/// Checks that so many instances of each program fit together, before the first one starts.
pub(crate) fn check_room(limits: &Limits, all: &[(&Program, &Grants, u32)]) -> anyhow::Result<()> {
    let unfit = |message: String| Err(Error::new(ErrorKind::Unfit, message).into());
    let sum = |each: fn(&Program, &Grants) -> u64| {
        let needs = all
            .iter()
            .map(|(program, grants, instances)| each(program, grants).saturating_mul(u64::from(*instances)));
        needs.fold(0, u64::saturating_add)
    };
    let instances = sum(|_, _| 1);
    let need = sum(|program, _| program.initial_memory());
    if need > limits.pool_memory.as_u64() {
        return unfit(format!(
            "to start, {instances} at once need {} of memory, more than the pool-memory limit of {} (--pool-memory raises it)",
            report::size(need),
            report::size(limits.pool_memory.as_u64()),
        ));
    }
    let need = sum(|program, _| u64::from(program.memories()));
    let room = all
        .first()
        .map_or(u64::MAX, |(program, ..)| program.engine().memories());
    if need > room {
        return unfit(format!(
            "{instances} instances have {need} memories together, more than the {room} that fit"
        ));
    }
    // Room for our own: the streams, the reactor, the cache.
    const OWN: u64 = 64;
    let (need, allowed) = (sum(|_, grants| grants.dirs.len() as u64), machine::open_files());
    if need.saturating_add(OWN) > allowed {
        return unfit(format!(
            "{instances} at once open {need} granted folders, and the host {OWN} files of its own; this process may open \
             {allowed} (`ulimit -n` raises it)"
        ));
    }
    Ok(())
}
