//! `wasm-pool exec`, `python` and `js`: source text in interpreters of a language.
//!
//! A script may create interpreters of its own language unless it is told otherwise: they share what it was granted and end
//! with it.

use std::path::PathBuf;
use std::sync::Arc;

use wasm_pool::grants::{Grants, InterpreterGrant};

use crate::args::{CopiesArgs, ExecArgs, JsArgs, ModuleArgs, PythonArgs, ScriptArgs, StdinMode};
use crate::lang::{self, JS, Language, PYTHON};
use crate::run::{grants, usage};
use crate::script;
use crate::session::Summary;
use crate::session::copies::{Copies, Taken};

pub(crate) fn exec(args: &ExecArgs) -> anyhow::Result<u8> {
    let (program, modules) = program(args)?;
    let files: Vec<_> = args.files.iter().map(PathBuf::as_path).collect();
    let script = match (files.as_slice(), args.code.as_slice()) {
        ([], []) => {
            return Err(usage(
                "there is nothing to run: name a FILE, `-` for stdin, or -c CODE".to_owned(),
            ));
        }
        ([], code) => script::of_code(code),
        (files, _) => script::of_files(files)?,
    };
    let copies = &args.copies;
    Copies {
        args: copies,
        guest: &program,
        grants: granted(copies, &args.args, modules)?,
        script: Some(Arc::new(script)),
        stdin: copies.stdin.unwrap_or(StdinMode::Null),
        taken: files
            .iter()
            .any(|file| script::is_stdin(file))
            .then_some(Taken::ByScript),
        summary: if copies.quiet { Summary::None } else { Summary::Full },
    }
    .run()
}

pub(crate) fn python(args: &PythonArgs) -> anyhow::Result<u8> {
    alone(&PYTHON, &args.script, &args.copies, &args.modules.py_path)
}

pub(crate) fn js(args: &JsArgs) -> anyhow::Result<u8> {
    alone(&JS, &args.script, &args.copies, &[])
}

/// A script as its own interpreter's command runs it: on our stdin, and with no more said than it says itself. Of several
/// instances there is a summary.
fn alone(language: &Language, words: &ScriptArgs, copies: &CopiesArgs, modules: &[PathBuf]) -> anyhow::Result<u8> {
    let program = lang::installed(language)?;
    let (script, arguments, from_stdin) = script::of_words(&words.words, &words.code)?;
    let ours = copies.instances == 1 && !from_stdin && copies.queues.feed.is_none();
    let usual = if ours { StdinMode::Inherit } else { StdinMode::Null };
    Copies {
        args: copies,
        guest: &program,
        grants: granted(copies, &arguments, modules)?,
        script: Some(Arc::new(script)),
        stdin: copies.stdin.unwrap_or(usual),
        taken: from_stdin.then_some(Taken::ByScript),
        summary: match copies.instances {
            _ if copies.quiet => Summary::None,
            1 => Summary::OfStopped,
            _ => Summary::Full,
        },
    }
    .run()
}

/// The program that runs the text, and where its modules are.
fn program(args: &ExecArgs) -> anyhow::Result<(PathBuf, &[PathBuf])> {
    let ModuleArgs { py_path } = &args.modules;
    let Some(name) = &args.lang else {
        return Ok((args.program.clone().unwrap_or_default(), py_path));
    };
    let Some(language) = Language::named(name) else {
        if name.contains('/') || name.ends_with(".wasm") {
            return Ok((PathBuf::from(name), py_path));
        }
        let known = Language::names();
        return Err(usage(format!(
            "--lang: there is no {name:?}; the languages are {known}, or the file of a component, such as ./{name}.wasm"
        )));
    };
    if !py_path.is_empty() && language != &PYTHON {
        return Err(usage("--py-path has a meaning for Python only".to_owned()));
    }
    Ok((lang::installed(language)?, py_path))
}

/// Children that a script may have unless it is said otherwise: enough for a pool of them on any machine.
const CHILDREN: u32 = 64;

/// All scripts' children together, unless it is said otherwise: each has its place in the address space.
const ALL_CHILDREN: u32 = 1_024;

/// How deep, unless it is said otherwise: children, and theirs.
const DEPTH: u32 = 2;

fn granted(args: &CopiesArgs, words: &[String], modules: &[PathBuf]) -> anyhow::Result<Grants> {
    let mut grants = grants(args, words)?;
    grants.interpreters = match args.queues.interpreters {
        Some(said) => said.grant(),
        None => usual_children(args.instances),
    };
    grants.add_python_path(modules.iter().cloned());
    Ok(grants)
}

fn usual_children(instances: u32) -> Option<InterpreterGrant> {
    let count = CHILDREN.min(ALL_CHILDREN / instances.max(1));
    (count > 0).then(|| InterpreterGrant {
        count,
        depth: DEPTH,
        programs: Default::default(),
    })
}
