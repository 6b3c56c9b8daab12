//! What comes in goes out, in every kind of type.

use crate::bindings::exports::demo::plugin::kinds::{Color, Guest, Person, Rights, Shape};

macro_rules! echo {
    ($($name:ident: $kind:ty),* $(,)?) => {
        $(
            fn $name(value: $kind) -> $kind {
                value
            }
        )*
    };
}

impl Guest for crate::Plugin {
    echo! {
        bool: bool,
        s8: i8,
        s16: i16,
        s32: i32,
        s64: i64,
        u8: u8,
        u16: u16,
        u32: u32,
        u64: u64,
        f32: f32,
        f64: f64,
        char: char,
        string: String,
        bytes: Vec<u8>,
        strings: Vec<String>,
        tuple: (u8, String),
        record: Person,
        variant: Shape,
        enum_: Color,
        flags: Rights,
        option: Option<u32>,
        options: Option<Option<u32>>,
        result: Result<u32, String>,
        bare_result: Result<(), ()>,
    }

    fn name() -> String {
        "kinds".to_owned()
    }
}
