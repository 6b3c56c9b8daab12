//! Copies of one program, from their arguments to the exit code: a command for `run`, a script in a language for the others.
//!
//! The order matters: what we write and what guests are granted is opened and looked at before the wall comes up, and the
//! program is read behind it.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use wasm_pool::grants::Grants;
use wasm_pool::stdio::{CopiedInput, Input, Portion, SharedInput, Stdio};
use wasm_pool::{Allocation, Engine, Limits, Pool, Program, Script, Setup, machine};

use super::crew::{Crew, Start};
use super::plumbing::{self, Plumbing};
use super::{Run, Summary, conclude};
use crate::args::{CopiesArgs, StdinMode};
use crate::names::Names;
use crate::output::Console;
use crate::progress::Bar;
use crate::run::{check_apart, check_room, engine_builder, numbered, the_guest, trust, usage};
use crate::watch::View;
use crate::{report, signals, timeline, wall};

/// Copies of one program.
pub(crate) struct Copies<'a> {
    pub args: &'a CopiesArgs,
    /// The program's file.
    pub guest: &'a Path,
    /// What each is granted, before its number is put in.
    pub grants: Grants,
    /// What each runs; none for a command.
    pub script: Option<Arc<Script>>,
    pub stdin: StdinMode,
    /// What our stdin was taken for, if it was.
    pub taken: Option<Taken>,
    pub summary: Summary,
}

/// What our stdin was taken for: guests cannot have it too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Taken {
    ByProgram,
    ByScript,
}

impl Copies<'_> {
    /// Runs them; our exit code.
    pub(crate) fn run(mut self) -> anyhow::Result<u8> {
        let args = self.args;
        let limits = args.limits.limits(&args.loading);
        machine::raise_open_files();
        let engine = self.engine(&limits)?;
        self.grants.check()?;
        self.grants.pin()?;
        let ours = the_guest(self.guest).chain(report::file(args.report.as_ref()));
        let ours = ours.chain(args.seeing.timeline.file()).chain(args.output.folder());
        check_apart(&self.grants, args.loading.no_cache, ours)?;
        let report = args.report.as_ref().map(report::open).transpose()?;
        let view = args.seeing.watch.then(View::open).transpose()?;
        let sheet = timeline::open(&args.seeing.timeline)?;
        self.check_stdin()?;
        let input = input(self.stdin)?;
        let lockdown = wall::around(&engine, self.guest).grants(&self.grants);
        wall::raise(wall::writing(lockdown, &args.output)?, args.loading.no_lockdown);
        let program = Program::from_file_trusting(&engine, self.guest, &limits, trust(&args.loading))?;
        match self.script {
            Some(_) => program.require_task()?,
            None => program.require_command()?,
        }
        check_room(&limits, &[(&program, &self.grants, args.instances)])?;

        let instances = usize::try_from(args.instances)?;
        let to_stderr = matches!(report, Some(report::Sink::Stderr));
        let bar = match view {
            Some(view) => Bar::of_view(view),
            None => Bar::new(instances, self.summary != Summary::Full || to_stderr),
        };
        let names = Names::copies(program.name(), instances);
        let console = Console::open(&args.output, &names, to_stderr, &bar)?;
        let stop = signals::listen()?;
        let workers = self.workers()?;
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
        let broken = plumbing.broken();
        let mut crew = Crew::new(&pool, instances, args.fail_fast, limits.grace, &bar, &stop, broken);
        let began = Instant::now();
        let start = |instance| self.start(instance, &program, &limits, &console, &input);
        let ran = crew.run((0..instances).map(start));
        let drawn = timeline::write(sheet, &pool, crew.called(&names));
        ran?;
        let run = Run {
            names: &names,
            programs: &[(program.name().to_owned(), program.kind())],
            workers,
            limits: &limits,
            wall: began.elapsed(),
            fail_fast: args.fail_fast,
            summary: self.summary,
        };
        let exit_code = conclude(&run, crew, console, plumbing, report)?;
        drawn?;
        // The process ends here: the kernel takes the pool's threads and memory back faster than we can.
        std::mem::forget(pool);
        Ok(exit_code)
    }

    fn start(&self, instance: usize, program: &Program, limits: &Limits, console: &Console, input: &Input) -> Start {
        let (stdout, stderr) = console.outputs(instance);
        let setup = Setup {
            limits: limits.clone(),
            grants: numbered(&self.grants, instance, self.args.instances as usize),
            stdio: Stdio {
                stdin: input.clone(),
                stdout,
                stderr,
            },
            file_calls: self.args.file_calls.into(),
            context: None,
        };
        Start {
            program: program.clone(),
            setup: Arc::new(setup),
            script: self.script.clone(),
        }
    }

    fn engine(&self, limits: &Limits) -> anyhow::Result<Engine> {
        let mut engine = engine_builder(limits, self.room(), self.args.loading.no_cache);
        // Children that may never come are nothing to prepare for.
        if self.script.is_some() && self.args.instances == 1 {
            engine = engine.allocation(Allocation::OnDemand);
        }
        Ok(engine.build()?)
    }

    /// How many interpreters there may be at once.
    fn room(&self) -> u32 {
        let children = self.grants.interpreters.as_ref().map_or(0, |grant| grant.count);
        self.args.instances.saturating_mul(children.saturating_add(1))
    }

    /// A worker more than there are guests would never have anything to do.
    fn workers(&self) -> anyhow::Result<usize> {
        let wanted = self
            .args
            .workers
            .map_or_else(machine::cores, |workers| workers as usize);
        Ok(wanted.min(usize::try_from(self.room())?))
    }

    fn check_stdin(&self) -> anyhow::Result<()> {
        let feeds = self.args.queues.feed.is_some();
        let what = match self.taken {
            None => None,
            Some(Taken::ByProgram) => Some("the guest's program"),
            Some(Taken::ByScript) => Some("the script"),
        };
        if let Some(what) = what.filter(|_| feeds || self.stdin != StdinMode::Null) {
            let flag = if feeds { "--feed" } else { "--stdin" };
            return Err(usage(format!("{flag}: stdin is already {what} (`-`)")));
        }
        if feeds && self.stdin != StdinMode::Null {
            return Err(usage(
                "--feed takes our stdin, and --stdin gives it to the guests: one of them".to_owned(),
            ));
        }
        if self.stdin == StdinMode::Inherit && self.args.instances > 1 {
            return Err(usage(format!(
                "--stdin inherit is for one instance, not {}; split or copy share it",
                self.args.instances
            )));
        }
        Ok(())
    }
}

fn input(mode: StdinMode) -> anyhow::Result<Input> {
    Ok(match mode {
        StdinMode::Null => Input::Null,
        StdinMode::Inherit => Input::Shared(SharedInput::new(std::io::stdin(), Portion::Read)),
        StdinMode::Split => Input::Shared(SharedInput::new(std::io::stdin(), Portion::Line)),
        StdinMode::Copy => Input::Copied(CopiedInput::new(std::io::stdin())?),
    })
}
