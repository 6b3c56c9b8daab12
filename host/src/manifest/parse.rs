//! From a manifest's text to what it means.

use std::path::Path;
use std::time::Duration;

use toml::Spanned;

use super::guest::{Made, made};
use super::raw::{PartLimits, PoolLimits, Raw, RawPart, RawQueue, RawRestart, RawUnbound};
use super::{NamedAt, Part, Plan, QueueSpec, Restart, TOLD};
use crate::grants::{DirGrant, Grants};
use crate::queue::Unbound;
use crate::{ByteSize, Error, ErrorKind, Limits, units};

/// Says of a queue, by the key that names it, whether it was declared.
type Declared<'a> = dyn Fn(&str, &Spanned<String>) -> Result<String, Error> + 'a;

/// What a value with its place looks like to whoever follows the keys; no key of ours.
const SPANNED: &str = ".$__serde_spanned_private_value";

/// A manifest's text, to say where something stands in it.
pub(super) struct Source<'a> {
    name: &'a str,
    text: &'a str,
}

impl Source<'_> {
    /// A place: its line and its key.
    pub(super) fn place(&self, at: std::ops::Range<usize>, key: &str) -> String {
        let before = &self.text.as_bytes()[..at.start.min(self.text.len())];
        let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
        let space = if key.is_empty() { "" } else { ": " };
        format!("{}:{line}{space}{key}", self.name)
    }

    /// A mistake at this place.
    pub(super) fn mistake(&self, at: std::ops::Range<usize>, key: &str, why: impl std::fmt::Display) -> Error {
        Error::new(ErrorKind::Usage, format!("{}: {why}", self.place(at, key)))
    }

    fn size(&self, key: &str, value: &Spanned<String>) -> Result<ByteSize, Error> {
        units::parse_size(value.get_ref()).map_err(|why| self.mistake(value.span(), key, why))
    }

    fn time(&self, key: &str, value: &Spanned<String>) -> Result<Duration, Error> {
        units::parse_duration(value.get_ref()).map_err(|why| self.mistake(value.span(), key, why))
    }

    fn bound(&self, key: &str, value: &Spanned<String>) -> Result<Option<Duration>, Error> {
        units::parse_bound(value.get_ref()).map_err(|why| self.mistake(value.span(), key, why))
    }
}

pub(super) fn parse(text: &str, name: &str, folder: &Path) -> Result<Plan, Error> {
    let source = Source { name, text };
    let syntax =
        |error: toml::de::Error, key: &str| source.mistake(error.span().unwrap_or_default(), key, error.message());
    let document = toml::Deserializer::parse(text).map_err(|error| syntax(error, ""))?;
    let raw: Raw = serde_path_to_error::deserialize(document).map_err(|error| {
        let key = error.path().to_string().replace(SPANNED, "");
        syntax(error.into_inner(), key.trim_start_matches('.'))
    })?;
    let limits = pool_limits(&source, &raw.limits)?;
    let queues = raw
        .queues
        .iter()
        .map(|(name, queue)| queue_spec(&source, name, queue))
        .collect::<Result<Vec<_>, _>>()?;
    let declared = |key: &str, queue: &Spanned<String>| match raw.queues.contains_key(queue.get_ref()) {
        true => Ok(queue.get_ref().clone()),
        false => {
            let why = format!(
                "there is no queue {:?}{}",
                queue.get_ref(),
                nearest(queue.get_ref(), &queues)
            );
            Err(source.mistake(queue.span(), key, why))
        }
    };
    let feed = raw.feed.as_ref().map(|queue| declared("feed", queue)).transpose()?;
    let drain = raw.drain.as_ref().map(|queue| declared("drain", queue)).transpose()?;
    let mut programs = Vec::new();
    for (name, part) in &raw.programs {
        programs.push(a_part(&source, name, part, &limits, folder, &declared)?);
    }
    check_children(&source, &raw)?;
    if let Some(workers) = raw.workers.as_ref().filter(|workers| *workers.get_ref() == 0) {
        return Err(source.mistake(workers.span(), "workers", "expected a number from 1"));
    }
    let fed = |part: &Spanned<RawPart>| {
        part.get_ref()
            .puts
            .iter()
            .find(|queue| Some(queue.get_ref()) == feed.as_ref())
            .map(Spanned::span)
    };
    if let Some((name, span)) = raw.programs.iter().find_map(|(name, part)| Some((name, fed(part)?))) {
        let why = "this queue is fed from stdin, and closed at its end: no program can put into it";
        return Err(source.mistake(span, &format!("programs.{}.puts", name), why));
    }
    Ok(Plan {
        feed,
        drain,
        workers: raw.workers.map(Spanned::into_inner),
        limits,
        queues,
        programs,
    })
}

/// A queue whose name is close, as a hint.
fn nearest(name: &str, queues: &[QueueSpec]) -> String {
    let close = queues
        .iter()
        // Comparing takes as long as both are long, multiplied.
        .filter(|spec| spec.name.len().abs_diff(name.len()) <= 2 * char::MAX_LEN_UTF8)
        .map(|spec| (strsim::damerau_levenshtein(name, &spec.name), &spec.name))
        .min()
        .filter(|(distance, _)| *distance <= 2);
    close.map_or(String::new(), |(_, name)| format!("; {name:?} is there"))
}

fn queue_spec(source: &Source<'_>, name: &str, queue: &Spanned<RawQueue>) -> Result<QueueSpec, Error> {
    let (raw, mut spec) = (queue.get_ref(), QueueSpec::named(name));
    let key = format!("queues.{}", name);
    crate::queue::check_name(name).map_err(|why| source.mistake(queue.span(), &key, why))?;
    if let Some(size) = raw.max_size {
        spec.options.max_size = size;
    }
    if let Some(bytes) = &raw.max_bytes {
        let key = format!("{key}.max-bytes");
        spec.options.max_bytes = source.size(&key, bytes)?;
        spec.options
            .check()
            .map_err(|why| source.mistake(bytes.span(), &key, why))?;
    }
    spec.options.unbound = match raw.unbound {
        RawUnbound::Keep => Unbound::Keep,
        RawUnbound::Replace => Unbound::Replace,
        RawUnbound::Error => Unbound::Error,
        RawUnbound::Remove => Unbound::Remove,
    };
    Ok(spec)
}

fn a_part(
    source: &Source<'_>,
    name: &str,
    part: &Spanned<RawPart>,
    limits: &Limits,
    folder: &Path,
    declared: &Declared<'_>,
) -> Result<Part, Error> {
    let raw = part.get_ref();
    let key = |last: &str| format!("programs.{}.{last}", name);
    let queues = |last: &str, names: &[Spanned<String>]| {
        names
            .iter()
            .map(|queue| declared(&key(last), queue))
            .collect::<Result<Vec<_>, _>>()
    };
    let dirs = raw.dirs.iter().map(|dir| {
        let mut grant: DirGrant = dir
            .get_ref()
            .parse()
            .map_err(|why: String| source.mistake(dir.span(), &key("dirs"), why))?;
        grant.host = folder.join(&grant.host);
        Ok(grant)
    });
    check_words(source, name, part, &key)?;
    let made = made(source, name, part, folder)?;
    let mut touched = Grants {
        dirs: dirs.collect::<Result<_, _>>()?,
        env: raw
            .env
            .iter()
            .map(|(name, value)| (name.clone(), value.get_ref().clone()))
            .collect(),
        ..Grants::default()
    };
    let modules = raw.py_path.iter().map(|dir| folder.join(dir.get_ref()));
    touched.add_python_path(modules);
    Ok(Part {
        name: name.to_owned(),
        args: raw.args.iter().map(|arg| arg.get_ref().clone()).collect(),
        instances: raw.instances,
        dirs: touched.dirs,
        env: touched.env,
        gets: queues("gets", &raw.gets)?,
        puts: queues("puts", &raw.puts)?,
        restart: restart(source, &key, raw)?,
        interpreters: raw.interpreters.clone(),
        limits: part_limits(source, &key("limits"), &raw.limits, limits)?,
        named_at: named_at(source, raw, &made, &key),
        guest: made.guest,
        script: made.script,
    })
}

fn named_at(source: &Source<'_>, raw: &RawPart, made: &Made, key: &dyn Fn(&str) -> String) -> NamedAt {
    let first = |names: &[Spanned<String>], last: &str| match names.first() {
        Some(first) => source.place(first.span(), &key(last)),
        None => made.guest_at.clone(),
    };
    let modules = raw
        .py_path
        .first()
        .map(|first| source.place(first.span(), &key("py-path")));
    let children = raw.interpreters.as_ref().map(|children| &*children.programs);
    NamedAt {
        guest: made.guest_at.clone(),
        script: made.script_at.clone(),
        dirs: modules
            .filter(|_| raw.dirs.is_empty())
            .unwrap_or_else(|| first(&raw.dirs, "dirs")),
        children: first(children.unwrap_or_default(), "interpreters.programs"),
    }
}

/// Checks what a program is called and told: its name, its arguments and its variables.
fn check_words(
    source: &Source<'_>,
    name: &str,
    part: &Spanned<RawPart>,
    key: &dyn Fn(&str) -> String,
) -> Result<(), Error> {
    let raw = part.get_ref();
    if name.is_empty() || name.chars().any(char::is_control) {
        let why = "a program's name is a word without control characters";
        let says = raw.guest.as_ref().map(Spanned::span);
        return Err(source.mistake(says.unwrap_or(part.span()), &format!("programs.{name}"), why));
    }
    for arg in &raw.args {
        let grants = Grants {
            args: vec![arg.get_ref().clone()],
            ..Grants::default()
        };
        grants
            .check()
            .map_err(|why| source.mistake(arg.span(), &key("args"), why))?;
    }
    for (name, value) in &raw.env {
        let grants = Grants {
            env: vec![(name.clone(), value.get_ref().clone())],
            ..Grants::default()
        };
        let told = TOLD.contains(&name.as_str());
        let checked = match told {
            true => Err(format!("{name} is the host's to say")),
            false => grants.check().map_err(|why| why.to_string()),
        };
        checked.map_err(|why| source.mistake(value.span(), &key("env"), why))?;
    }
    Ok(())
}

fn restart(source: &Source<'_>, key: &dyn Fn(&str) -> String, raw: &RawPart) -> Result<Restart, Error> {
    if raw.restart == RawRestart::Never {
        let meant = [
            ("restarts", raw.restarts.as_ref().map(Spanned::span)),
            ("backoff", raw.backoff.as_ref().map(Spanned::span)),
        ];
        return match meant.into_iter().find_map(|(last, span)| Some((last, span?))) {
            Some((last, span)) => {
                Err(source.mistake(span, &key(last), "has a meaning only with restart = \"on-failure\""))
            }
            None => Ok(Restart::Never),
        };
    }
    let backoff = match &raw.backoff {
        Some(time) => source.time(&key("backoff"), time)?,
        None => Duration::from_millis(100),
    };
    let budget = raw.restarts.as_ref().map_or(5, |restarts| *restarts.get_ref());
    Ok(Restart::OnFailure { budget, backoff })
}

/// Programs that children can be of are programs of the manifest.
fn check_children(source: &Source<'_>, raw: &Raw) -> Result<(), Error> {
    for (name, part) in &raw.programs {
        let Some(children) = &part.get_ref().interpreters else {
            continue;
        };
        let unknown = children
            .programs
            .iter()
            .find(|child| !raw.programs.contains_key(child.get_ref()));
        if let Some(unknown) = unknown {
            let key = format!("programs.{}.interpreters.programs", name);
            return Err(source.mistake(
                unknown.span(),
                &key,
                format!("there is no program {:?}", unknown.get_ref()),
            ));
        }
    }
    Ok(())
}

fn part_limits(source: &Source<'_>, key: &str, raw: &PartLimits, base: &Limits) -> Result<Limits, Error> {
    let key = |last: &str| format!("{key}.{last}");
    let size = |last: &str, value: &Option<Spanned<String>>, base: ByteSize| match value {
        Some(value) => source.size(&key(last), value),
        None => Ok(base),
    };
    let bound = |last: &str, value: &Option<Spanned<String>>, base: Option<Duration>| match value {
        Some(value) => source.bound(&key(last), value),
        None => Ok(base),
    };
    Ok(Limits {
        memory: size("memory", &raw.memory, base.memory)?,
        tables: raw.tables.unwrap_or(base.tables),
        deadline: bound("deadline", &raw.deadline, base.deadline)?,
        cpu_time: bound("cpu-time", &raw.cpu_time, base.cpu_time)?,
        output: size("output-limit", &raw.output_limit, base.output)?,
        open_files: raw.open_files.unwrap_or(base.open_files),
        handles: raw.handles.unwrap_or(base.handles),
        messages: size("messages", &raw.messages, base.messages)?,
        queues: raw.max_queues.unwrap_or(base.queues),
        ..base.clone()
    })
}

fn pool_limits(source: &Source<'_>, raw: &PoolLimits) -> Result<Limits, Error> {
    let defaults = Limits::default();
    let size = |last: &str, value: &Option<Spanned<String>>, base: ByteSize| match value {
        Some(value) => source.size(&format!("limits.{last}"), value),
        None => Ok(base),
    };
    let time = |last: &str, value: &Option<Spanned<String>>, base: Duration| match value {
        Some(value) => source.time(&format!("limits.{last}"), value),
        None => Ok(base),
    };
    let all = Limits {
        stack: size("stack", &raw.stack, defaults.stack)?,
        fuel: raw.fuel,
        module_size: size("module-size", &raw.module_size, defaults.module_size)?,
        compile_time: time("compile-time", &raw.compile_time, defaults.compile_time)?,
        pool_memory: size("pool-memory", &raw.pool_memory, defaults.pool_memory)?,
        pool_queues: raw.pool_queues.unwrap_or(defaults.pool_queues),
        grace: time("grace", &raw.grace, defaults.grace)?,
        ..defaults
    };
    let of_a_part = PartLimits {
        memory: raw.memory.clone(),
        tables: raw.tables,
        deadline: raw.deadline.clone(),
        cpu_time: raw.cpu_time.clone(),
        output_limit: raw.output_limit.clone(),
        open_files: raw.open_files,
        handles: raw.handles,
        messages: raw.messages.clone(),
        max_queues: raw.max_queues,
    };
    part_limits(source, "limits", &of_a_part, &all)
}
