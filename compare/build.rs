//! Compiles what uses the loops in C, each where its header is found: `cfg(peer_libuv)` and the like say which were.

fn main() {
    println!("cargo::rustc-check-cfg=cfg(peer_libuv, peer_libevent, peer_libev)");
    println!("cargo::rerun-if-changed=build.rs");
    #[cfg(feature = "peers")]
    peers::build();
}

#[cfg(feature = "peers")]
mod peers {
    use std::io::Write;
    use std::process::{Command, Stdio};

    /// Its name, the header that it is known by, what is linked, and its package in Debian.
    const LIBRARIES: [(&str, &str, &[&str], &str); 3] = [
        ("libuv", "uv.h", &["uv"], "libuv1-dev"),
        ("libevent", "event2/thread.h", &["event_core", "event_pthreads"], "libevent-dev"),
        ("libev", "ev.h", &["ev"], "libev-dev"),
    ];

    pub fn build() {
        println!("cargo::rerun-if-changed=src/peers/c");
        let mut build = cc::Build::new();
        build.std("gnu11").opt_level(2).warnings(true).extra_warnings(true).file("src/peers/c/common.c");
        let Ok(compiler) = build.try_get_compiler() else {
            println!("cargo::warning=built without libuv, libevent and libev: there is no C compiler");
            return;
        };
        let mut libs: Vec<&str> = Vec::new();
        for (name, header, links, package) in LIBRARIES {
            if has_header(compiler.to_command(), header) {
                build.file(format!("src/peers/c/{name}.c"));
                println!("cargo::rustc-cfg=peer_{name}");
                libs.extend(links);
            } else {
                // When it is installed, this is to run again: a file that is not there has changed.
                println!("cargo::rerun-if-changed=/usr/include/{header}");
                println!("cargo::warning=built without {name}: there is no {header} ({package} in Debian)");
            }
        }
        if libs.is_empty() {
            return;
        }
        // Before the libraries that it needs.
        build.compile("ringmq_compare_peers");
        libs.iter().for_each(|lib| println!("cargo::rustc-link-lib={lib}"));
        println!("cargo::rustc-link-lib=pthread");
    }

    fn has_header(mut compiler: Command, header: &str) -> bool {
        let probe = compiler.args(["-E", "-x", "c", "-"]).stdin(Stdio::piped());
        let Ok(mut probe) = probe.stdout(Stdio::null()).stderr(Stdio::null()).spawn() else {
            return false;
        };
        let mut input = probe.stdin.take().expect("it is piped");
        // A compiler that ends before it has read has no such header either: its status says so.
        let _ = writeln!(input, "#include <{header}>");
        drop(input);
        probe.wait().is_ok_and(|status| status.success())
    }
}
