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

    prost_build::Config::new()
        // Turns off prost's own mapping, so that timestamps can be the ones that know proto3 JSON.
        .compile_well_known_types()
        .extern_path(".google.protobuf", "::pbjson_types")
        .btree_map(["."])
        // Handed on many times between tonic and the check, which would copy its 800 bytes each time.
        .boxed(".parcelrisk.v1.ScoreParcelRequest.parcel")
        .service_generator(Box::new(Services::new()))
        .compile_fds(prost_types::FileDescriptorSet::decode(descriptor.as_slice())?)?;
    pbjson_build::Builder::new()
        .register_descriptors(&descriptor)?
        .btree_map([".parcelrisk"])
        .extern_path(".google.protobuf", "::pbjson_types")
        .build(&[".parcelrisk.v1"])?;
    Ok(())
}

/// Clients and servers apart: a reply that can't be read is the server's fault, a request that can't be is the caller's.
struct Services([Box<dyn prost_build::ServiceGenerator>; 2]);

impl Services {
    fn new() -> Self {
        let configured = || tonic_prost_build::configure().compile_well_known_types(true);
        let servers = configured().build_client(false).codec_path("crate::serve::MessageCodec");
        Self([configured().build_server(false).service_generator(), servers.service_generator()])
    }
}

impl prost_build::ServiceGenerator for Services {
    fn generate(&mut self, service: prost_build::Service, out: &mut String) {
        for generator in &mut self.0 {
            generator.generate(service.clone(), out);
        }
    }

    fn finalize(&mut self, out: &mut String) {
        for generator in &mut self.0 {
            generator.finalize(out);
        }
    }
}
