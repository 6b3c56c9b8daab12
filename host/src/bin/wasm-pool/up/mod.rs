//! `wasm-pool up`: several programs and the queues between them, from a manifest.

mod guests;
mod keeper;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Context;
use wasm_pool::grants::{Grants, InterpreterGrant};
use wasm_pool::lockdown::Lockdown;
use wasm_pool::manifest::{Part, Plan};
use wasm_pool::stdio::{Input, Stdio};
use wasm_pool::{Engine, FileCalls, Kind, Pool, Program, Setup, machine};

use self::guests::Guests;
use self::keeper::{Instances, Place};
use crate::args::UpArgs;
use crate::names::Names;
use crate::output::Console;
use crate::progress::Bar;
use crate::run::{check_apart, check_room, engine_for, numbered, the_guest};
use crate::session::Summary;
use crate::session::crew::{Crew, Start};
use crate::session::plumbing::Plumbing;
use crate::watch::View;
use crate::{report, session, signals, timeline, wall};

pub(crate) fn up(args: &UpArgs) -> anyhow::Result<u8> {
    let mut plan = Plan::read(&args.manifest)?;
    machine::raise_open_files();
    let instances: usize = plan.programs.iter().map(|part| part.instances).sum();
    let engine = engine_for(&plan.limits, room(&plan), args.no_cache)?;
    let guests = Guests::find(&plan)?;
    keep_apart(args, &mut plan, &guests)?;
    // Only for a run: a check writes nothing.
    let sink = match &args.report {
        Some(report) if !args.check => Some(report::open(report)?),
        _ => None,
    };
    let (view, sheet) = match args.check {
        true => (None, None),
        false => (
            args.seeing.watch.then(View::open).transpose()?,
            timeline::open(&args.seeing.timeline)?,
        ),
    };
    wall::raise(lockdown(&engine, &plan, &guests, args)?, args.no_lockdown);
    let programs = guests.load(&engine, &plan)?;
    check_grants(&plan, &programs)?;
    for warning in plan.warnings() {
        report::note(warning);
    }
    if args.check {
        return report::to_stdout(|out| out.write_all(plan.picture().as_bytes()));
    }
    check_all_fit(&plan, &programs)?;
    let to_stderr = matches!(sink, Some(report::Sink::Stderr));
    let mut names = Names::none();
    for part in &plan.programs {
        names.add(&part.name, part.instances);
    }
    let bar = match view {
        Some(view) => Bar::of_view(view),
        None => Bar::new(instances, args.quiet || to_stderr),
    };
    let console = Console::open(&args.output, &names, true, &bar)?;
    let stop = signals::listen()?;
    let workers = plan.workers.unwrap_or_else(machine::cores);
    let pool = Pool::builder(&engine)
        .workers(workers)
        .memory(plan.limits.pool_memory)
        .queues(plan.limits.pool_queues)
        .timeline(sheet.is_some() || args.seeing.watch)
        .build()?;
    let (out, _) = bar.stdout();
    let (feed, drain) = (plan.feed.as_deref(), plan.drain.as_deref());
    let plumbing = Plumbing::lay(pool.queues(), &plan.queues, feed, drain, out)?;
    bar.show(&pool, &names)?;
    let places = places_of(&plan, &guests, &programs, &console);
    let all: Vec<_> = places.iter().map(|place| place.start.clone()).collect();

    let mut crew = Crew::new(
        &pool,
        instances,
        args.fail_fast,
        plan.limits.grace,
        &bar,
        &stop,
        plumbing.broken(),
    )
    .kept_by(Box::new(Instances {
        places,
        queues: pool.queues(),
        names: &names,
        bar: &bar,
    }));
    let began = Instant::now();
    let ran = crew.run(all.into_iter());
    let drawn = timeline::write(sheet, &pool, crew.called(&names));
    ran?;
    let kinds: Vec<(String, Kind)> = plan
        .programs
        .iter()
        .filter_map(|part| Some((part.name.clone(), programs.get(&part.name)?.kind())))
        .collect();
    let run = session::Run {
        names: &names,
        programs: &kinds,
        workers,
        limits: &plan.limits,
        wall: began.elapsed(),
        fail_fast: args.fail_fast,
        summary: if args.quiet { Summary::None } else { Summary::Full },
    };
    let exit_code = session::conclude(&run, crew, console, plumbing, sink)?;
    drawn?;
    // As in `run`: the kernel is faster.
    std::mem::forget(pool);
    Ok(exit_code)
}

/// What is still needed when the manifest was read.
fn lockdown(engine: &Engine, plan: &Plan, guests: &Guests, args: &UpArgs) -> anyhow::Result<Lockdown> {
    let mut lockdown = Lockdown::new().cache(engine);
    for (part, file) in plan.programs.iter().zip(guests.files()) {
        lockdown = wall::reading(lockdown, file).dirs(&part.dirs);
    }
    if args.check {
        return Ok(lockdown);
    }
    wall::writing(lockdown, &args.output)
}

/// How many interpreters there may be at once.
fn room(plan: &Plan) -> u32 {
    plan.programs
        .iter()
        .map(|part| {
            let children = part.interpreters.as_ref().map_or(0, |children| children.count);
            u32::try_from(part.instances)
                .unwrap_or(u32::MAX)
                .saturating_mul(children.saturating_add(1))
        })
        .fold(0u32, u32::saturating_add)
        .max(1)
}

/// Checks that no program can write what we believe, and that what was checked is what is granted. Before the wall is up, behind which links lead nowhere.
fn keep_apart(args: &UpArgs, plan: &mut Plan, guests: &Guests) -> anyhow::Result<()> {
    for part in &mut plan.programs {
        let mut grants = Grants {
            dirs: std::mem::take(&mut part.dirs),
            ..Grants::default()
        };
        grants.pin().with_context(|| part.named_at.dirs.clone())?;
        part.dirs = grants.dirs;
    }
    for part in &plan.programs {
        let grants = Grants {
            dirs: part.dirs.clone(),
            ..Grants::default()
        };
        let ours = std::iter::once(("the manifest", args.manifest.as_path()))
            .chain(guests.files().flat_map(|file| the_guest(file)))
            .chain(report::file(args.report.as_ref()))
            .chain(args.seeing.timeline.file())
            .chain(args.output.folder());
        check_apart(&grants, args.no_cache, ours).with_context(|| part.named_at.dirs.clone())?;
    }
    Ok(())
}

/// Checks that there is what the programs are granted.
fn check_grants(plan: &Plan, programs: &HashMap<String, Program>) -> anyhow::Result<()> {
    for part in &plan.programs {
        let grants = grants_of(part, programs);
        grants.check().with_context(|| part.named_at.dirs.clone())?;
    }
    Ok(())
}

/// Checks that all programs fit together, before the first one starts.
fn check_all_fit(plan: &Plan, programs: &HashMap<String, Program>) -> anyhow::Result<()> {
    let grants: Vec<_> = plan.programs.iter().map(|part| grants_of(part, programs)).collect();
    let all: Vec<_> = plan
        .programs
        .iter()
        .zip(&grants)
        .filter_map(|(part, grants)| {
            let instances = u32::try_from(part.instances).unwrap_or(u32::MAX);
            Some((programs.get(&part.name)?, grants, instances))
        })
        .collect();
    check_room(&plan.limits, &all)
}

fn places_of<'a>(
    plan: &'a Plan,
    guests: &Guests,
    programs: &HashMap<String, Program>,
    console: &Console,
) -> Vec<Place<'a>> {
    let mut places = Vec::new();
    for (number, part) in plan.programs.iter().enumerate() {
        let grants = grants_of(part, programs);
        let Some(program) = programs.get(&part.name) else {
            continue;
        };
        for copy in 0..part.instances {
            let (stdout, stderr) = console.outputs(places.len());
            let setup = Setup {
                limits: part.limits.clone(),
                grants: numbered(&grants, copy, part.instances),
                stdio: Stdio {
                    stdin: Input::Null,
                    stdout,
                    stderr,
                },
                file_calls: FileCalls::Apart,
                context: None,
            };
            places.push(Place {
                part,
                start: Start {
                    program: program.clone(),
                    setup: Arc::new(setup),
                    script: guests.script(number),
                },
                restarted: 0,
                over: false,
            });
        }
    }
    places
}

fn grants_of(part: &Part, programs: &HashMap<String, Program>) -> Grants {
    let interpreters = part.interpreters.as_ref().map(|children| InterpreterGrant {
        count: children.count,
        depth: children.depth,
        programs: children
            .programs
            .iter()
            .filter_map(|name| Some((name.get_ref().clone(), programs.get(name.get_ref())?.clone())))
            .collect(),
    });
    Grants {
        dirs: part.dirs.clone(),
        env: part.env.clone(),
        args: part.args.clone(),
        queues: Vec::new(),
        gets: part.gets.clone(),
        puts: part.puts.clone(),
        interpreters,
    }
}
