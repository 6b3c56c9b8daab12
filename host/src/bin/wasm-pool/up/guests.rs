//! The programs of a manifest: where each is, what each runs, and all of them loaded.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use wasm_pool::interpreter::script::Text;
use wasm_pool::manifest::{GuestSource, Part, Plan, ScriptSource};
use wasm_pool::{Engine, Program, Script};

use crate::lang::{self, Language};
use crate::run::usage;
use crate::script;

/// What the programs of a plan are made of, in their order; found and read before the wall is up.
pub(super) struct Guests(Vec<Made>);

struct Made {
    file: PathBuf,
    script: Option<Arc<Script>>,
}

impl Guests {
    /// Finds the programs' files, and reads their scripts.
    pub(super) fn find(plan: &Plan) -> anyhow::Result<Guests> {
        let made = plan.programs.iter().map(|part| {
            Ok(Made {
                file: file(part).with_context(|| part.named_at.guest.clone())?,
                script: script(part).with_context(|| part.named_at.script.clone())?,
            })
        });
        Ok(Guests(made.collect::<anyhow::Result<_>>()?))
    }

    /// The files of the programs, in their order.
    pub(super) fn files(&self) -> impl Iterator<Item = &PathBuf> {
        self.0.iter().map(|made| &made.file)
    }

    /// What the program at a place runs.
    pub(super) fn script(&self, place: usize) -> Option<Arc<Script>> {
        self.0.get(place).and_then(|made| made.script.clone())
    }

    /// Every program, by its name in the manifest; a file that several name is loaded once.
    pub(super) fn load(&self, engine: &Engine, plan: &Plan) -> anyhow::Result<HashMap<String, Program>> {
        let mut by_file: HashMap<&PathBuf, Program> = HashMap::new();
        let mut by_name = HashMap::new();
        for (part, made) in plan.programs.iter().zip(&self.0) {
            let at = || part.named_at.guest.clone();
            let program = match by_file.get(&made.file) {
                Some(program) => program.clone(),
                None => {
                    let program = Program::from_file(engine, &made.file, &plan.limits).with_context(at)?;
                    by_file.insert(&made.file, program.clone());
                    program
                }
            };
            match made.script {
                Some(_) => program.require_task().with_context(at)?,
                None if part.instances > 0 => program.require_command().with_context(at)?,
                None => {}
            }
            by_name.insert(part.name.clone(), program);
        }
        for part in &plan.programs {
            let children = part.interpreters.iter().flat_map(|children| &children.programs);
            for program in children.filter_map(|name| by_name.get(name.get_ref())) {
                program.require_task().with_context(|| part.named_at.children.clone())?;
            }
        }
        Ok(by_name)
    }
}

fn file(part: &Part) -> anyhow::Result<PathBuf> {
    match &part.guest {
        GuestSource::File(file) => Ok(file.clone()),
        GuestSource::Language(name) => match Language::named(name) {
            Some(language) => lang::installed(language),
            None => Err(usage(format!("the languages are {}, not {name:?}", Language::names()))),
        },
    }
}

fn script(part: &Part) -> anyhow::Result<Option<Arc<Script>>> {
    Ok(match &part.script {
        None => None,
        Some(ScriptSource::Text(text)) => Some(Arc::new(script::of_code(std::slice::from_ref(text)))),
        Some(ScriptSource::File { name, path }) => Some(Arc::new(Script {
            name: name.clone(),
            texts: vec![Text {
                file: Some(name.clone()),
                source: script::of_file(path)?,
            }],
        })),
    })
}
