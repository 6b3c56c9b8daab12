//! What a file looks like, from its first bytes: so that a refusal can say what was found, in one line.

use crate::text;

/// What some bytes look like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Looks {
    /// A core module.
    Module,
    /// A component.
    Component,
    /// WebAssembly's text format.
    Text,
    /// Code that Wasmtime compiled.
    Precompiled,
    /// Anything else; what, in words.
    Other(String),
}

const MAGIC: &[u8] = b"\0asm";
const MODULE: &[u8] = b"\0asm\x01\0\0\0";
const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";

/// Beginnings that people hand over by mistake.
const KNOWN: [(&[u8], &str); 12] = [
    (b"\x7fELF", "a native program (ELF)"),
    (b"\xcf\xfa\xed\xfe", "a native program (Mach-O)"),
    (b"MZ", "a native program (PE)"),
    (b"!<arch>", "a library archive"),
    (b"\x89PNG", "a picture (PNG)"),
    (b"\xff\xd8\xff", "a picture (JPEG)"),
    (b"\x1f\x8b", "gzip data: unpack it first"),
    (b"\x28\xb5\x2f\xfd", "zstd data: unpack it first"),
    (b"PK\x03\x04", "a zip archive: unpack it first"),
    (b"%PDF", "a PDF document"),
    (b"#!", "a script"),
    (b"BC\xc0\xde", "LLVM bitcode"),
];

/// What `bytes` look like.
pub(super) fn looks_like(bytes: &[u8]) -> Looks {
    if bytes.is_empty() {
        return Looks::Other("an empty file".to_owned());
    }
    if wasmtime::Engine::detect_precompiled(bytes).is_some() {
        return Looks::Precompiled;
    }
    if bytes.starts_with(MODULE) {
        return Looks::Module;
    }
    if bytes.starts_with(COMPONENT) {
        return Looks::Component;
    }
    if bytes.len() < MODULE.len() && (MODULE.starts_with(bytes) || COMPONENT.starts_with(bytes)) {
        return Looks::Other(format!(
            "WebAssembly cut off in its header, after {} of 8 bytes",
            bytes.len()
        ));
    }
    if let Some(version) = bytes.strip_prefix(MAGIC) {
        let version: Vec<_> = version.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
        return Looks::Other(format!("WebAssembly of an unknown version ({})", version.join(" ")));
    }
    if let Some((_, what)) = KNOWN.iter().find(|(start, _)| bytes.starts_with(start)) {
        return Looks::Other((*what).to_owned());
    }
    match std::str::from_utf8(bytes) {
        Ok(source) if is_wat(source) => Looks::Text,
        Ok(source) if !source.contains('\0') => {
            let start: String = source.trim_start().chars().take(30).collect();
            Looks::Other(format!("text that starts with {:?}", text::one_line(&start)))
        }
        _ => {
            let start: Vec<_> = bytes.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
            Looks::Other(format!("unknown data that starts with {}", start.join(" ")))
        }
    }
}

/// Whether the first thing that is no comment is `(module` or `(component`, or one of a module's fields.
fn is_wat(source: &str) -> bool {
    let mut rest = source.trim_start();
    loop {
        if let Some(comment) = rest.strip_prefix(";;") {
            rest = comment.split_once('\n').map_or("", |(_, rest)| rest).trim_start();
        } else if rest.starts_with("(;") {
            match block_comment_end(rest) {
                Some(end) => rest = rest[end..].trim_start(),
                None => return false,
            }
        } else {
            break;
        }
    }
    let Some(rest) = rest.strip_prefix('(') else {
        return false;
    };
    let word: &str = rest
        .trim_start()
        .split(|c: char| !c.is_ascii_alphanumeric())
        .next()
        .unwrap_or("");
    matches!(
        word,
        "module" | "component" | "func" | "import" | "export" | "memory" | "type" | "table" | "global" | "data"
    )
}

/// Where a block comment, which may hold others, ends.
fn block_comment_end(source: &str) -> Option<usize> {
    let bytes = source.as_bytes();
    let (mut depth, mut at) = (0usize, 0usize);
    while at + 1 < bytes.len() {
        match &bytes[at..at + 2] {
            b"(;" => (depth, at) = (depth + 1, at + 2),
            b";)" => {
                (depth, at) = (depth - 1, at + 2);
                if depth == 0 {
                    return Some(at);
                }
            }
            _ => at += 1,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_webassembly_in_every_form() {
        assert_eq!(looks_like(MODULE), Looks::Module);
        assert_eq!(looks_like(COMPONENT), Looks::Component);
        assert_eq!(looks_like(b"(module)"), Looks::Text);
        assert_eq!(looks_like(b";; hi\n (; (; nested ;) ;)\n( component )"), Looks::Text);
    }

    #[test]
    fn says_what_else_it_found() {
        for (bytes, said) in [
            (&b""[..], "an empty file"),
            (b"\0as", "cut off in its header, after 3 of 8"),
            (b"\0asm\x02\0\0\0", "unknown version (02 00 00 00)"),
            (b"\x7fELF\x02", "native program"),
            (b"\x89PNG\r\n", "PNG"),
            (b"hello", "text that starts with \"hello\""),
            (b"(; open", "text that starts with"),
            (b"\xfe\xfe\0\0", "unknown data that starts with fe fe 00 00"),
        ] {
            let looks = looks_like(bytes);
            assert!(matches!(&looks, Looks::Other(what) if what.contains(said)), "{looks:?}");
        }
    }
}
