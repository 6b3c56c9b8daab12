//! A guest for the tests: does what its first argument says, once, and ends.
//!
//! Built for WASI preview 1 and for WASI 0.2 from the same source, so that a test can ask both.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, Write};
use std::time::Duration;

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let arg = |at: usize| args.get(at).map(String::as_str).unwrap_or_default();
    let number = |at: usize| arg(at).parse::<u64>().expect("a number");
    match arg(1) {
        "args" => args.iter().skip(2).for_each(|arg| println!("{arg}")),
        "env" => std::env::vars().for_each(|(name, value)| println!("{name}={value}")),
        "exit" => std::process::exit(number(2) as i32),
        "panic" => panic!("{}", arg(2)),
        "spin" => loop {
            std::hint::black_box(0);
        },
        "recurse" => println!("{}", recurse(1)),
        "sleep" => std::thread::sleep(Duration::from_millis(number(2))),
        "echo" => io::copy(&mut io::stdin(), &mut io::stdout())
            .map(drop)
            .expect("stdin to stdout"),
        "first-line" => {
            let mut line = String::new();
            io::stdin().lock().read_line(&mut line).expect("a line");
            print!("{line}");
        }
        "flood" => flood(&mut io::stdout().lock(), number(2)),
        "flood-stderr" => flood(&mut io::stderr().lock(), number(2)),
        "line" => println!("{}", "x".repeat(number(2) as usize)),
        "no-newline" => print!("{}", arg(2)),
        "stderr" => eprintln!("{}", arg(2)),
        "allocate" => {
            let block = vec![1u8; number(2) as usize];
            println!("{}", block.iter().map(|byte| u64::from(*byte)).sum::<u64>());
        }
        "list" => list(arg(2)),
        "read" => print!("{}", or_error(fs::read_to_string(arg(2)))),
        "write" => println!("{}", or_error(fs::write(arg(2), arg(3)).map(|()| "written".to_owned()))),
        "remove" => println!("{}", or_error(fs::remove_file(arg(2)).map(|()| "removed".to_owned()))),
        "open-many" => open_many(arg(2), number(3) as usize),
        "net" => net(number(2) as u16),
        other => {
            eprintln!("probe: {other:?} is nothing I can do");
            std::process::exit(2);
        }
    }
}

fn or_error(result: io::Result<String>) -> String {
    result.unwrap_or_else(|error| format!("error: {:?}\n", error.kind()))
}

fn list(folder: &str) {
    match fs::read_dir(folder) {
        Ok(entries) => {
            let mut names: Vec<_> = entries.flatten().map(|entry| entry.file_name()).collect();
            names.sort();
            names.iter().for_each(|name| println!("{}", name.to_string_lossy()));
        }
        Err(error) => println!("error: {:?}", error.kind()),
    }
}

/// Opens one file again and again and keeps it open; says how often it worked.
fn open_many(path: &str, times: usize) {
    let mut open = Vec::new();
    for _ in 0..times {
        match OpenOptions::new().read(true).open(path) {
            Ok(file) => open.push(file),
            Err(_) => break,
        }
    }
    println!("{}", open.len());
    // And one can be opened again when another one is closed.
    open.pop();
    println!("{}", File::open(path).map_or("no", |_| "again"));
}

/// Preview 1 has no call that opens a socket.
#[cfg(not(target_env = "p2"))]
fn net(_port: u16) {
    println!("no call for it");
}

/// Tries every way to the network, at a port of the host's. With the interfaces themselves: the libc that this is built
/// with on Debian has no sockets.
#[cfg(target_env = "p2")]
fn net(port: u16) {
    use wasip2::sockets::network::{IpAddressFamily, IpSocketAddress, Ipv4SocketAddress};
    use wasip2::sockets::{instance_network, ip_name_lookup, tcp_create_socket, udp_create_socket};

    let network = instance_network::instance_network();
    let at = |port| {
        IpSocketAddress::Ipv4(Ipv4SocketAddress {
            port,
            address: (127, 0, 0, 1),
        })
    };
    let tcp = || tcp_create_socket::create_tcp_socket(IpAddressFamily::Ipv4);
    let udp = || udp_create_socket::create_udp_socket(IpAddressFamily::Ipv4);
    let connect = tcp().and_then(|socket| {
        socket.start_connect(&network, at(port))?;
        socket.subscribe().block();
        socket.finish_connect().map(drop)
    });
    let listen = tcp().and_then(|socket| {
        socket.start_bind(&network, at(0))?;
        socket.finish_bind()?;
        socket.start_listen()
    });
    let send = udp().and_then(|socket| {
        socket.start_bind(&network, at(0))?;
        socket.finish_bind()?;
        socket.stream(Some(at(port))).map(drop)
    });
    let look_up = ip_name_lookup::resolve_addresses(&network, "localhost").and_then(|addresses| {
        addresses.subscribe().block();
        addresses.resolve_next_address().map(drop)
    });
    for (what, result) in [
        ("connect", connect),
        ("listen", listen),
        ("send", send),
        ("look up", look_up),
    ] {
        println!(
            "{what}: {}",
            result.map_or_else(|code| format!("{code:?}"), |()| "allowed".to_owned())
        );
    }
}

fn flood(out: &mut impl Write, bytes: u64) {
    let line = [&[b'y'; 1023][..], b"\n"].concat();
    let mut left = bytes;
    while left > 0 {
        let now = left.min(line.len() as u64) as usize;
        if let Err(error) = out.write_all(&line[line.len() - now..]) {
            let _ = writeln!(io::stderr(), "flood: {error}");
            std::process::exit(3);
        }
        left -= now as u64;
    }
}

fn recurse(depth: u64) -> u64 {
    let mut pad = [0u8; 64];
    pad[(depth % 64) as usize] = 1;
    let below = if std::hint::black_box(depth) > 0 {
        recurse(depth + 1)
    } else {
        0
    };
    below
        + std::hint::black_box(pad)
            .iter()
            .map(|byte| u64::from(*byte))
            .sum::<u64>()
}
