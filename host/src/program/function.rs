//! The functions that a program exports, found by name.

use std::fmt;
use std::sync::Arc;

use wasmtime::component::ComponentExportIndex;
use wasmtime::component::types::{ComponentFunc, ComponentItem, Type};
use wasmtime::{ExternType, FuncType, ValType};

use super::resolve::list;
use super::{Code, Program, types};
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
    ty: Ty,
}

/// What it takes and gives, looked at only where it matters.
enum Ty {
    Core(FuncType),
    Component(ComponentFunc),
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
            .signature()
            .map_err(|why| usage(format!("{}: {full:?} cannot be called from here: {why}", self.name())))?;
        let place = self
            .place(candidate)
            .ok_or_else(|| Error::host(format!("{}: {full:?} is exported and cannot be found", self.name())))?;
        Ok(Function(Arc::new(Inner {
            program: self.clone(),
            signature: format!("{full}: {}", signature.shown),
            name: full,
            params: signature.params,
            results: signature.results,
            place,
        })))
    }

    fn unknown(&self, name: &str, candidates: &[Candidate]) -> Error {
        let mut steps = STEPS;
        let passable: Vec<_> = candidates
            .iter()
            .filter(|candidate| candidate.unpassable(&mut steps).is_none())
            .collect();
        let names = passable.iter().map(|candidate| candidate.full());
        let meant = passable
            .iter()
            .filter(|candidate| candidate.name.len() <= LONG_NAME)
            .map(|candidate| (strsim::jaro_winkler(&candidate.name, name), candidate))
            .filter(|(likeness, _)| *likeness > ALIKE)
            .max_by(|a, b| a.0.total_cmp(&b.0));
        let hint = meant.map_or(String::new(), |(_, meant)| {
            format!(" (did you mean {:?}?)", meant.full())
        });
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
                    ExternType::Func(func) => Some(Candidate::new("", export.name(), Ty::Core(func))),
                    _ => None,
                })
                .collect(),
            Code::Component(component) => {
                let engine = self.engine().wasmtime();
                let ty = component.component_type();
                let exports = ty.exports(engine);
                exports
                    .flat_map(|(name, export)| match export.ty {
                        ComponentItem::ComponentFunc(func) => vec![Candidate::new("", name, Ty::Component(func))],
                        ComponentItem::ComponentInstance(instance) => instance
                            .exports(engine)
                            .filter_map(|(function, export)| match export.ty {
                                ComponentItem::ComponentFunc(func) => {
                                    Some(Candidate::new(name, function, Ty::Component(func)))
                                }
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

/// The longest name that can be a typing error of another one, in bytes.
const LONG_NAME: usize = 1_000;

/// How many parts of types are looked at for what cannot be passed. A type shares its parts, and whoever looks at each does not:
/// no type that somebody wrote has as many.
const STEPS: usize = 1_000_000;

/// From how alike on a name is taken for a typing error of another one; 1 is the same.
const ALIKE: f64 = 0.85;

impl Candidate {
    fn new(interface: &str, name: &str, ty: Ty) -> Candidate {
        Candidate {
            interface: interface.to_owned(),
            name: name.to_owned(),
            ty,
        }
    }

    /// What it takes and gives, or why it cannot be called.
    fn signature(&self) -> Result<Signature, String> {
        let mut steps = STEPS;
        match (self.unpassable(&mut steps), &self.ty) {
            (Some(what), _) => Err(format!("it passes {what}")),
            (None, Ty::Core(func)) => Ok(Signature {
                shown: types::core_function_type(func),
                params: func
                    .params()
                    .enumerate()
                    .filter_map(|(at, ty)| Some((format!("p{at}"), number(&ty)?)))
                    .collect(),
                results: func.results().filter_map(|ty| number(&ty)).collect(),
            }),
            (None, Ty::Component(func)) => Ok(Signature {
                shown: types::function_type(func),
                params: func.params().map(|(name, ty)| (name.to_owned(), ty)).collect(),
                results: func.results().collect(),
            }),
        }
    }

    /// What it passes that cannot be passed.
    fn unpassable(&self, steps: &mut usize) -> Option<String> {
        match &self.ty {
            Ty::Core(func) => func
                .params()
                .chain(func.results())
                .find_map(|ty| number(&ty).is_none().then(|| ty.to_string())),
            Ty::Component(func) => {
                let mut types = func.params().map(|(_, ty)| ty).chain(func.results());
                types.find_map(|ty| unpassable(&ty, steps)).map(str::to_owned)
            }
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

/// The number that a core function passes; `None` for what is no number.
fn number(ty: &ValType) -> Option<Type> {
    match ty {
        ValType::I32 => Some(Type::S32),
        ValType::I64 => Some(Type::S64),
        ValType::F32 => Some(Type::Float32),
        ValType::F64 => Some(Type::Float64),
        _ => None,
    }
}

/// What a value of this type holds that means nothing outside its instance.
fn unpassable(ty: &Type, steps: &mut usize) -> Option<&'static str> {
    let Some(left) = steps.checked_sub(1) else {
        return Some("types of too many parts");
    };
    *steps = left;
    match ty {
        Type::Own(_) | Type::Borrow(_) => Some("a resource"),
        Type::Future(_) => Some("a future"),
        Type::Stream(_) => Some("a stream"),
        Type::ErrorContext => Some("an error context"),
        Type::List(list) => unpassable(&list.ty(), steps),
        Type::FixedLengthList(list) => unpassable(&list.ty(), steps),
        Type::Map(map) => unpassable(&map.key(), steps).or_else(|| unpassable(&map.value(), steps)),
        Type::Record(record) => record.fields().find_map(|field| unpassable(&field.ty, steps)),
        Type::Tuple(tuple) => tuple.types().find_map(|ty| unpassable(&ty, steps)),
        Type::Variant(variant) => variant
            .cases()
            .filter_map(|case| case.ty)
            .find_map(|ty| unpassable(&ty, steps)),
        Type::Option(option) => unpassable(&option.ty(), steps),
        Type::Result(result) => [result.ok(), result.err()]
            .into_iter()
            .flatten()
            .find_map(|ty| unpassable(&ty, steps)),
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

    /// Whether it takes and gives the same: the text may be cut.
    pub(crate) fn is_like(&self, other: &Function) -> bool {
        self.0.params == other.0.params && self.0.results == other.0.results
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
