//! A component whose functions give their argument back, one for each of many types: whatever WIT can say, nested.

use std::fmt::Write as _;

/// How many functions it has: `f0`, `f1`, …
pub(crate) const FUNCTIONS: usize = 96;

/// How deep a type is at most.
const DEEPEST: u32 = 4;

const PLAIN: [&str; 13] = [
    "bool", "s8", "u8", "s16", "u16", "s32", "u32", "s64", "u64", "f32", "f64", "char", "string",
];

/// Names that mean something elsewhere, and some that do not. No two differ in case only.
const NAMES: [&str; 20] = [
    "some",
    "none",
    "ok",
    "err",
    "true",
    "false",
    "nan",
    "inf",
    "a",
    "b-c",
    "x1",
    "URL",
    "get-URL",
    "record",
    "u8",
    "option",
    "infinity",
    "null",
    "z-9-y",
    "a-very-long-name-for-a-field-that-nobody-would-write-and-somebody-will",
];

/// The component, as text.
pub(crate) fn component() -> String {
    let mut maker = Maker {
        text: MEMORY.to_owned(),
        types: 0,
        dice: 0x9e37_79b9_7f4a_7c15,
    };
    for function in 0..FUNCTIONS {
        let ty = match PLAIN.get(function) {
            Some(plain) => (*plain).to_owned(),
            None => maker.made(DEEPEST),
        };
        let _ = writeln!(
            maker.text,
            "(func $f{function} (param \"all\" (list {ty})) (result (list {ty})) (canon lift (core func $i \"echo\") \
             (memory $i \"memory\") (realloc (func $i \"realloc\")) (post-return (func $i \"after\"))))
             (export \"f{function}\" (func $f{function}))"
        );
    }
    maker.text.push(')');
    maker.text
}

/// What they share: `echo` gives the list that it got, `realloc` takes the next bytes, and after a call all are free again.
const MEMORY: &str = r#"(component
(core module $m
  (memory (export "memory") 1)
  (global $next (mut i32) (i32.const 64))
  (func (export "echo") (param i32 i32) (result i32)
    (i32.store (i32.const 16) (local.get 0))
    (i32.store (i32.const 20) (local.get 1))
    (i32.const 16))
  (func (export "after") (param i32) (global.set $next (i32.const 64)))
  (func (export "realloc") (param $old i32) (param $had i32) (param $align i32) (param $size i32) (result i32)
    (local $at i32) (local $short i32)
    (local.set $at (i32.and (i32.add (global.get $next) (i32.sub (local.get $align) (i32.const 1)))
                            (i32.sub (i32.const 0) (local.get $align))))
    (global.set $next (i32.add (local.get $at) (local.get $size)))
    (local.set $short (i32.sub (global.get $next) (i32.shl (memory.size) (i32.const 16))))
    (if (i32.gt_s (local.get $short) (i32.const 0))
      (then (drop (memory.grow (i32.add (i32.shr_u (local.get $short) (i32.const 16)) (i32.const 1))))))
    (if (local.get $old)
      (then (memory.copy (local.get $at) (local.get $old)
        (select (local.get $had) (local.get $size) (i32.lt_u (local.get $had) (local.get $size))))))
    (local.get $at)))
(core instance $i (instantiate $m))
"#;

struct Maker {
    text: String,
    types: usize,
    dice: u64,
}

impl Maker {
    /// A random number, the same each time.
    fn below(&mut self, below: usize) -> usize {
        self.dice ^= self.dice << 13;
        self.dice ^= self.dice >> 7;
        self.dice ^= self.dice << 17;
        usize::try_from(self.dice % below as u64).unwrap_or(0)
    }

    fn plain(&mut self) -> String {
        PLAIN[self.below(PLAIN.len())].to_owned()
    }

    fn any(&mut self, depth: u32) -> String {
        match depth {
            0 => self.plain(),
            _ if self.below(4) == 0 => self.plain(),
            _ => self.made(depth),
        }
    }

    /// Between one and so many names, no two alike.
    fn names(&mut self, most: usize) -> Vec<&'static str> {
        let (count, start) = (1 + self.below(most), self.below(NAMES.len()));
        NAMES.iter().cycle().skip(start).take(count).copied().collect()
    }

    /// A type that is made of others.
    fn made(&mut self, depth: u32) -> String {
        let inner = depth.saturating_sub(1);
        match self.below(9) {
            0 => format!("(list {})", self.any(inner)),
            1 | 2 => format!("(option {})", self.any(inner)),
            3 => {
                let ok = match self.below(3) {
                    0 => String::new(),
                    _ => self.any(inner),
                };
                let error = match self.below(3) {
                    0 => String::new(),
                    _ => format!("(error {})", self.any(inner)),
                };
                format!("(result {ok} {error})")
            }
            4 => {
                let parts: Vec<_> = (0..=self.below(3)).map(|_| self.any(inner)).collect();
                format!("(tuple {})", parts.join(" "))
            }
            5 => {
                let fields: Vec<_> = self
                    .names(5)
                    .into_iter()
                    .map(|name| format!("(field {name:?} {})", self.any(inner)))
                    .collect();
                self.named(&format!("(record {})", fields.join(" ")))
            }
            6 => {
                let cases: Vec<_> = self
                    .names(6)
                    .into_iter()
                    .map(|name| match self.below(3) {
                        0 => format!("(case {name:?})"),
                        _ => format!("(case {name:?} {})", self.any(inner)),
                    })
                    .collect();
                self.named(&format!("(variant {})", cases.join(" ")))
            }
            7 => {
                let names = self.names(8).join("\" \"");
                self.named(&format!("(enum \"{names}\")"))
            }
            _ => {
                let names = self.names(18).join("\" \"");
                self.named(&format!("(flags \"{names}\")"))
            }
        }
    }

    /// Types with names of their own must be exported.
    fn named(&mut self, ty: &str) -> String {
        let number = self.types;
        self.types += 1;
        let _ = writeln!(
            self.text,
            "(type $own{number} {ty}) (export $t{number} \"t{number}\" (type $own{number}))"
        );
        format!("$t{number}")
    }
}
