//! The examples, run for real: each as a process of its own, with its output, its signals and its exit code.

#[path = "examples/client.rs"]
mod client;
#[path = "examples/program.rs"]
mod program;
mod support;
#[path = "examples/tutorial.rs"]
mod tutorial;
#[path = "examples/web_server.rs"]
mod web_server;
