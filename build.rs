//! Link settings that every N-API addon needs.

fn main() {
    napi_build::setup();
}
