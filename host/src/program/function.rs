//! The functions that a program exports, found by name.

use std::fmt;
use std::sync::Arc;

use wasmtime::ExternType;
use wasmtime::component::ComponentExportIndex;
use wasmtime::component::types::{ComponentFunc, ComponentItem, Type};

use super::{Code, Program, describe, list};
use crate::error::{Error, Result};

/// A function that a program exports. Cloning gives another handle to it.
#[derive(Clone)]
pub struct Function(Arc<Inner>);

struct Inner {
    program: Program,
    name: String,
    signature: String,
    params: Vec<(String, Type)>,
    results: Vec<Type>,
    place: Place,
}

/// Where a function is in its program.
pub(crate) enum Place {
    Module(wasmtime::ModuleExport),
    Component(ComponentExportIndex),
}

/// An exported function before somebody asks for it.
struct Candidate {
    /// Empty for a function that stands alone.
    interface: String,
    name: String,
    /// Why it cannot be called, or what it takes and gives.
    signature: Result<Signature, String>,
}

struct Signature {
    shown: String,
    params: Vec<(String, Type)>,
    results: Vec<Type>,
}

impl Program {
    /// The exported function of this name: `distance`, or `interface#distance` for one that an interface holds; the interface
    /// with or without its package and its version, as long as only one is meant.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`](crate::ErrorKind::Usage) when no function has this name, with those that are there; when several have
    /// it, with their whole names; or when it takes or gives what cannot be passed.
    pub fn function(&self, name: &str) -> Result<Function> {
        let candidates = self.candidates();
        let meant: Vec<_> = match candidates.iter().find(|candidate| candidate.full() == name) {
            Some(exact) => vec![exact],
            None => candidates
                .iter()
                .filter(|candidate| candidate.answers_to(name))
                .collect(),
        };
        let candidate = match meant.as_slice() {
            [candidate] => *candidate,
            [] => return Err(self.unknown(name, &candidates)),
            several => {
                let names = several.iter().map(|candidate| candidate.full());
                return Err(usage(format!(
                    "{}: {name:?} can be any of {}; say which",
                    self.name(),
                    list(names)
                )));
            }
        };
        let full = candidate.full();
        let signature = candidate
            .signature
            .as_ref()
            .map_err(|why| usage(format!("{}: {full:?} cannot be called from here: {why}", self.name())))?;
        let place = self
            .place(candidate)
            .ok_or_else(|| Error::host(format!("{}: {full:?} is exported and cannot be found", self.name())))?;
        Ok(Function(Arc::new(Inner {
            program: self.clone(),
            signature: format!("{full}: {}", signature.shown),
            name: full,
            params: signature.params.clone(),
            results: signature.results.clone(),
            place,
        })))
    }

    fn unknown(&self, name: &str, candidates: &[Candidate]) -> Error {
        let names = candidates
            .iter()
            .filter(|candidate| candidate.signature.is_ok())
            .map(Candidate::full);
        let meant = candidates
            .iter()
            .filter(|candidate| candidate.signature.is_ok())
            .map(|candidate| (strsim::jaro_winkler(&candidate.name, name), candidate.full()))
            .filter(|(likeness, _)| *likeness > ALIKE)
            .max_by(|a, b| a.0.total_cmp(&b.0));
        let hint = meant.map_or(String::new(), |(_, full)| format!(" (did you mean {full:?}?)"));
        usage(format!(
            "{}: no function {name:?}{hint}; it exports {}",
            self.name(),
            list(names)
        ))
    }

    fn candidates(&self) -> Vec<Candidate> {
        match self.code() {
            Code::Module(module) => module
                .exports()
                .filter_map(|export| match export.ty() {
                    ty @ ExternType::Func(_) => Some(Candidate {
                        interface: String::new(),
                        name: export.name().to_owned(),
                        signature: core_signature(&ty),
                    }),
                    _ => None,
                })
                .collect(),
            Code::Component(component) => {
                let engine = self.engine().wasmtime();
                let ty = component.component_type();
                let exports = ty.exports(engine);
                exports
                    .flat_map(|(name, export)| match export.ty {
                        ComponentItem::ComponentFunc(func) => vec![Candidate::new("", name, &func)],
                        ComponentItem::ComponentInstance(instance) => instance
                            .exports(engine)
                            .filter_map(|(function, export)| match export.ty {
                                ComponentItem::ComponentFunc(func) => Some(Candidate::new(name, function, &func)),
                                _ => None,
                            })
                            .collect(),
                        _ => Vec::new(),
                    })
                    .collect()
            }
        }
    }

    fn place(&self, candidate: &Candidate) -> Option<Place> {
        match self.code() {
            Code::Module(module) => module.get_export_index(&candidate.name).map(Place::Module),
            Code::Component(component) => {
                let parent = match candidate.interface.as_str() {
                    "" => None,
                    interface => Some(component.get_export_index(None, interface)?),
                };
                let index = component.get_export_index(parent.as_ref(), &candidate.name)?;
                Some(Place::Component(index))
            }
        }
    }
}

/// From how alike on a name is taken for a typing error of another one; 1 is the same.
const ALIKE: f64 = 0.85;

impl Candidate {
    fn new(interface: &str, name: &str, func: &ComponentFunc) -> Candidate {
        let params: Vec<_> = func.params().map(|(name, ty)| (name.to_owned(), ty)).collect();
        let results: Vec<_> = func.results().collect();
        let unpassable = params.iter().map(|(_, ty)| ty).chain(&results).find_map(unpassable);
        Candidate {
            interface: interface.to_owned(),
            name: name.to_owned(),
            signature: match unpassable {
                Some(what) => Err(format!("it passes {what}")),
                None => Ok(Signature {
                    shown: describe::function_type(func),
                    params,
                    results,
                }),
            },
        }
    }

    fn full(&self) -> String {
        match self.interface.as_str() {
            "" => self.name.clone(),
            interface => format!("{interface}#{}", self.name),
        }
    }

    /// Whether somebody who says `name` can mean it.
    fn answers_to(&self, name: &str) -> bool {
        let (interface, function) = match name.rsplit_once('#') {
            Some((interface, function)) => (Some(interface), function),
            None => (None, name),
        };
        if function != self.name {
            return false;
        }
        let Some(interface) = interface else { return true };
        let unversioned = self
            .interface
            .split_once('@')
            .map_or(&*self.interface, |(front, _)| front);
        let last = unversioned.rsplit_once('/').map_or(unversioned, |(_, last)| last);
        [&*self.interface, unversioned, last].contains(&interface)
    }
}

/// What a core function takes and gives, if it is numbers.
fn core_signature(ty: &ExternType) -> Result<Signature, String> {
    let ExternType::Func(func) = ty else {
        return Err("it is no function".to_owned());
    };
    let number = |ty: wasmtime::ValType| match ty {
        wasmtime::ValType::I32 => Ok(Type::S32),
        wasmtime::ValType::I64 => Ok(Type::S64),
        wasmtime::ValType::F32 => Ok(Type::Float32),
        wasmtime::ValType::F64 => Ok(Type::Float64),
        other => Err(format!("it passes {other}")),
    };
    let params = func
        .params()
        .enumerate()
        .map(|(at, ty)| Ok((format!("p{at}"), number(ty)?)))
        .collect::<Result<_, String>>()?;
    Ok(Signature {
        shown: describe::extern_type(ty),
        params,
        results: func.results().map(number).collect::<Result<_, _>>()?,
    })
}

/// What a value of this type holds that means nothing outside its instance.
fn unpassable(ty: &Type) -> Option<&'static str> {
    match ty {
        Type::Own(_) | Type::Borrow(_) => Some("a resource"),
        Type::Future(_) => Some("a future"),
        Type::Stream(_) => Some("a stream"),
        Type::ErrorContext => Some("an error context"),
        Type::List(list) => unpassable(&list.ty()),
        Type::FixedLengthList(list) => unpassable(&list.ty()),
        Type::Map(map) => unpassable(&map.key()).or_else(|| unpassable(&map.value())),
        Type::Record(record) => record.fields().find_map(|field| unpassable(&field.ty)),
        Type::Tuple(tuple) => tuple.types().find_map(|ty| unpassable(&ty)),
        Type::Variant(variant) => variant
            .cases()
            .filter_map(|case| case.ty)
            .find_map(|ty| unpassable(&ty)),
        Type::Option(option) => unpassable(&option.ty()),
        Type::Result(result) => [result.ok(), result.err()]
            .into_iter()
            .flatten()
            .find_map(|ty| unpassable(&ty)),
        Type::Bool
        | Type::S8
        | Type::U8
        | Type::S16
        | Type::U16
        | Type::S32
        | Type::U32
        | Type::S64
        | Type::U64
        | Type::Float32
        | Type::Float64
        | Type::Char
        | Type::String
        | Type::Enum(_)
        | Type::Flags(_) => None,
    }
}

fn usage(message: String) -> Error {
    Error::new(crate::ErrorKind::Usage, message)
}

impl Function {
    /// The program that exports it.
    pub fn program(&self) -> &Program {
        &self.0.program
    }

    /// Its whole name, with its interface: `demo:geometry/shapes@1.0.0#area`.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The names and types of its parameters. Core modules name none: theirs are `p0`, `p1`, …, and their integers are signed.
    pub fn params(&self) -> &[(String, Type)] {
        &self.0.params
    }

    /// The types of its results: none or one of a component's function, any number of a core module's.
    pub fn results(&self) -> &[Type] {
        &self.0.results
    }

    /// Whether it is this one.
    pub(crate) fn is(&self, other: &Function) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// What it takes and gives, without its name.
    pub(crate) fn ty(&self) -> &str {
        self.0
            .signature
            .strip_prefix(&*self.0.name)
            .unwrap_or(&self.0.signature)
    }

    pub(crate) fn place(&self) -> &Place {
        &self.0.place
    }
}

/// Its name and its type: `distance: func(a: f64, b: f64) -> f64`.
impl fmt::Display for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&crate::text::one_line(&self.0.signature))
    }
}

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Function").field(&self.0.signature).finish()
    }
}
