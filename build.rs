//! Compiles the contract without `protoc`: Rust messages, services, their proto3 JSON, and the
//! descriptor set that reflection serves.

use std::error::Error;
use std::path::PathBuf;
use std::{env, fs};

use prost::Message as _;

fn main() -> Result<(), Box<dyn Error>> {
    // tonic-prost-build 0.14 prints no `rerun-if-changed`; without this any edit would run it again.
    println!("cargo:rerun-if-changed=proto");
    println!("cargo:rerun-if-changed=build.rs");

    let files = ["audit", "model", "outcome", "parcel", "scoring"].map(|name| format!("parcelrisk/v1/{name}.proto"));
    let mut compiler = protox::Compiler::new(["proto"])?;
    compiler.include_imports(true).include_source_info(true).open_files(files)?;

    let out = PathBuf::from(env::var("OUT_DIR")?);
    let descriptor = compiler.encode_file_descriptor_set();
    fs::write(out.join("parcelrisk.v1.descriptor.bin"), &descriptor)?;

    tonic_prost_build::configure()
        // Turns off prost's own mapping, so that timestamps can be the ones that know proto3 JSON.
        .compile_well_known_types(true)
        .extern_path(".google.protobuf", "::pbjson_types")
        .btree_map(".")
        // Handed on many times between tonic and the check, which would copy its 800 bytes each time.
        .boxed(".parcelrisk.v1.ScoreParcelRequest.parcel")
        .compile_fds(prost_types::FileDescriptorSet::decode(descriptor.as_slice())?)?;
    pbjson_build::Builder::new()
        .register_descriptors(&descriptor)?
        .btree_map([".parcelrisk"])
        .extern_path(".google.protobuf", "::pbjson_types")
        .build(&[".parcelrisk.v1"])?;
    Ok(())
}
