//! `wasm-pool run`: copies of a command, in parallel.

use std::path::Path;
use std::time::Instant;

use wasm_pool::grants::{Grants, InterpreterGrant};
use wasm_pool::manifest::TOLD;
use wasm_pool::stdio::{CopiedInput, Input, Portion, SharedInput, Stdio};
use wasm_pool::{Cache, Engine, Error, ErrorKind, Limits, Pool, Precompiled, Program, Setup, machine};

use crate::args::{GrantArgs, LoadArgs, RunArgs, StdinMode};
use crate::names::Names;
use crate::output::Console;
use crate::progress::Bar;
use crate::session::crew::Crew;
use crate::session::plumbing::{self, Plumbing};
use crate::watch::View;
use crate::{report, session, signals, timeline, wall};

pub(crate) fn run(args: Box<RunArgs>) -> anyhow::Result<u8> {
    let limits = args.limits.limits(&args.loading);
    machine::raise_open_files();
    let children = args.queues.interpreters.map_or(0, |grant| grant.count);
    let room = args.instances.saturating_mul(children.saturating_add(1));
    let engine = engine_for(&limits, room, args.loading.no_cache)?;
    let grants = grants(&args)?;
    let ours = the_guest(&args.guest).chain(report::file(args.report.as_ref()));
    let ours = ours.chain(args.seeing.timeline.file()).chain(args.output.folder());
    check_apart(&grants, args.loading.no_cache, ours)?;
    let report = args.report.as_ref().map(report::open).transpose()?;
    let view = args.seeing.watch.then(View::open).transpose()?;
    let sheet = timeline::open(&args.seeing.timeline)?;
    check_stdin(&args)?;
    let input = input(args.stdin)?;
    let lockdown = wall::around(&engine, &args.guest).grants(&grants);
    wall::raise(wall::writing(lockdown, &args.output)?, args.loading.no_lockdown);
    let program = Program::from_file_trusting(&engine, &args.guest, &limits, trust(&args.loading))?;
    program.require_command()?;
    check_room(&limits, &[(&program, &grants, args.instances)])?;

    let instances = usize::try_from(args.instances)?;
    let to_stderr = matches!(report, Some(report::Sink::Stderr));
    let bar = match view {
        Some(view) => Bar::of_view(view),
        None => Bar::new(instances, args.quiet || to_stderr),
    };
    let names = Names::copies(program.name(), instances);
    let console = Console::open(&args.output, &names, to_stderr, &bar)?;
    let stop = signals::listen()?;
    // A worker more than there are guests would never have anything to do.
    let workers = args
        .workers
        .map_or_else(machine::cores, |workers| workers as usize)
        .min(usize::try_from(room)?);
    let pool = Pool::builder(&engine)
        .workers(workers)
        .memory(limits.pool_memory)
        .queues(limits.pool_queues)
        .timeline(sheet.is_some() || args.seeing.watch)
        .build()?;
    let (feed, drain) = (args.queues.feed.as_deref(), args.queues.drain.as_deref());
    let (out, _) = bar.stdout();
    let plumbing = Plumbing::lay(pool.queues(), &plumbing::specs(&args.queues), feed, drain, out)?;
    bar.show(&pool, &names)?;

    let mut crew = Crew::new(
        &pool,
        instances,
        args.fail_fast,
        limits.grace,
        &bar,
        &stop,
        plumbing.broken(),
    );
    let began = Instant::now();
    let setup = |instance| {
        let (stdout, stderr) = console.outputs(instance);
        Setup {
            limits: limits.clone(),
            grants: numbered(&grants, instance, instances),
            stdio: Stdio {
                stdin: input.clone(),
                stdout,
                stderr,
            },
            file_calls: args.file_calls.into(),
            context: None,
        }
    };
    let ran = crew.run((0..instances).map(|instance| (program.clone(), setup(instance))));
    let drawn = timeline::write(sheet, &pool, crew.called(&names));
    ran?;
    let run = session::Run {
        names: &names,
        programs: &[(program.name().to_owned(), program.kind())],
        workers,
        limits: &limits,
        wall: began.elapsed(),
        fail_fast: args.fail_fast,
        quiet: args.quiet,
    };
    let exit_code = session::conclude(&run, crew, console, plumbing, report)?;
    drawn?;
    // The process ends here: the kernel takes the pool's threads and memory back faster than we can.
    std::mem::forget(pool);
    Ok(exit_code)
}

/// The engine for a verb that loads guests, with the user's code cache.
pub(crate) fn engine_for(limits: &Limits, instances: u32, no_cache: bool) -> anyhow::Result<Engine> {
    let mut engine = Engine::builder().limits(limits).instances(instances);
    if !no_cache {
        match Cache::default_folder().map(Cache::open) {
            Some(Ok(cache)) => engine = engine.cache(cache),
            Some(Err(error)) => report::note(format!("no code cache: {error}")),
            None => report::note("no code cache: there is no home folder"),
        }
    }
    Ok(engine.build()?)
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

/// What every instance is granted, before its number is put in.
fn grants(args: &RunArgs) -> anyhow::Result<Grants> {
    let env = environment(&args.grants)?;
    if let Some((name, _)) = env.iter().find(|(name, _)| TOLD.contains(&name.as_str())) {
        return Err(usage(format!("--env: {name} is the host's to say")));
    }
    let mut grants = Grants {
        dirs: args.grants.dirs.clone(),
        env,
        args: args.args.clone(),
        queues: plumbing::specs(&args.queues)
            .into_iter()
            .map(|spec| spec.name)
            .collect(),
        interpreters: args.queues.interpreters.map(|grant| InterpreterGrant {
            count: grant.count,
            depth: grant.depth,
            programs: Default::default(),
        }),
        ..Grants::default()
    };
    grants.check()?;
    grants.pin()?;
    Ok(grants)
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

fn check_stdin(args: &RunArgs) -> anyhow::Result<()> {
    let mode = args.stdin;
    if mode != StdinMode::Null && args.guest == std::path::Path::new("-") {
        return Err(usage("--stdin: stdin is already the guest's program (`-`)".to_owned()));
    }
    if args.queues.feed.is_some() {
        if mode != StdinMode::Null {
            return Err(usage(
                "--feed takes our stdin, and --stdin gives it to the guests: one of them".to_owned(),
            ));
        }
        if args.guest == std::path::Path::new("-") {
            return Err(usage("--feed: stdin is already the guest's program (`-`)".to_owned()));
        }
    }
    if mode == StdinMode::Inherit && args.instances > 1 {
        let message = format!(
            "--stdin inherit is for one instance, not {}; split or copy share it",
            args.instances
        );
        return Err(usage(message));
    }
    Ok(())
}

fn input(mode: StdinMode) -> anyhow::Result<Input> {
    Ok(match mode {
        StdinMode::Null => Input::Null,
        StdinMode::Inherit => Input::Shared(SharedInput::new(std::io::stdin(), Portion::Read)),
        StdinMode::Split => Input::Shared(SharedInput::new(std::io::stdin(), Portion::Line)),
        StdinMode::Copy => Input::Copied(CopiedInput::new(std::io::stdin())?),
    })
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
