//! What one connection may do, frame by frame.

use std::time::Duration;

use parcel_risk::serve::ServeConfig;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedReadHalf;

use crate::harness::{HalfSent, framed, one_at_a_time, parcel, parts, request, start, start_default, within};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const ENHANCE_YOUR_CALM: u32 = 0xb;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let n_bytes = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut frame = n_bytes[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// The next frame's kind and payload; `None` where the connection has ended.
async fn next_frame(read: &mut OwnedReadHalf) -> Option<(u8, Vec<u8>)> {
    let mut head = [0; 9];
    read.read_exact(&mut head).await.ok()?;
    let mut payload = vec![0; usize::try_from(u32::from_be_bytes([0, head[0], head[1], head[2]])).unwrap()];
    read.read_exact(&mut payload).await.ok()?;
    Some((head[3], payload))
}

#[tokio::test]
async fn a_client_that_says_nothing_is_hung_up_on() {
    let (_, server) = start(parts(ServeConfig { preface_timeout_seconds: 1, ..ServeConfig::default() })).await;
    let mut silent = TcpStream::connect(server.address).await.unwrap();
    // An orderly end or a reset, but an end; whatever the server says before it.
    let _ = within(silent.read_to_end(&mut Vec::new())).await;
}

#[tokio::test]
async fn a_connection_too_many_waits_until_there_is_room() {
    let (endpoint, server) = start(parts(ServeConfig { max_connections: 1, ..ServeConfig::default() })).await;
    let first = endpoint.connect().await.unwrap();
    let (mut read, mut write) = TcpStream::connect(server.address).await.unwrap().into_split();
    write.write_all(PREFACE).await.unwrap();
    write.write_all(&frame(SETTINGS, 0, 0, &[])).await.unwrap();
    // Of a server without the limit the answer is a matter of microseconds.
    let waited = tokio::time::timeout(Duration::from_millis(300), read.peek(&mut [0])).await;
    assert!(waited.is_err(), "{waited:?}");
    drop(first);
    assert_eq!(within(next_frame(&mut read)).await.unwrap().0, SETTINGS);
}

#[tokio::test]
async fn every_limit_is_announced() {
    let (_channel, server) = start_default().await;
    let (mut read, mut write) = TcpStream::connect(server.address).await.unwrap().into_split();
    write.write_all(PREFACE).await.unwrap();
    write.write_all(&frame(SETTINGS, 0, 0, &[])).await.unwrap();
    let (kind, payload) = within(next_frame(&mut read)).await.unwrap();
    assert_eq!(kind, SETTINGS);
    let settings: String = payload
        .chunks_exact(6)
        .map(|setting| {
            let value = u32::from_be_bytes(setting[2..].try_into().unwrap());
            match u16::from_be_bytes([setting[0], setting[1]]) {
                3 => format!("max_concurrent_streams {value}\n"),
                4 => format!("initial_window_size {value}\n"),
                5 => format!("max_frame_size {value}\n"),
                6 => format!("max_header_list_size {value}\n"),
                other => format!("{other} {value}\n"),
            }
        })
        .collect();
    expect_test::expect![[r#"
        max_concurrent_streams 128
        initial_window_size 262144
        max_frame_size 16384
        max_header_list_size 8192
    "#]]
    .assert_eq(&settings);
}

/// Why the server hangs up, which it says before.
async fn goes_away(read: &mut OwnedReadHalf) -> u32 {
    loop {
        let (kind, payload) = next_frame(read).await.expect("says why before it hangs up");
        if kind == GOAWAY {
            return u32::from_be_bytes(payload[4..8].try_into().unwrap());
        }
    }
}

/// CVE-2025-8671: a client that has the server reset streams without end. A window that overflows
/// is one of the ways to provoke a reset.
#[tokio::test]
async fn a_client_that_provokes_resets_is_hung_up_on() {
    let (_channel, server) = start_default().await;
    let (mut read, mut write) = TcpStream::connect(server.address).await.unwrap().into_split();
    let flood = tokio::spawn(async move {
        write.write_all(PREFACE).await?;
        write.write_all(&frame(SETTINGS, 0, 0, &[])).await?;
        for stream in (1..20_000).step_by(2) {
            // POST / over http, from HPACK's static table; the call stays open.
            write.write_all(&frame(HEADERS, 0x4, stream, &[0x83, 0x84, 0x86])).await?;
            write.write_all(&frame(WINDOW_UPDATE, 0, stream, &0x7fff_ffffu32.to_be_bytes())).await?;
        }
        Ok::<_, std::io::Error>(write)
    });
    assert_eq!(within(goes_away(&mut read)).await, ENHANCE_YOUR_CALM);
    flood.abort();
}

/// CVE-2023-44487: a client that takes back each call before it is taken up, as fast as it can send.
#[tokio::test]
async fn a_client_that_takes_back_its_calls_is_hung_up_on() {
    let (_channel, server) = start_default().await;
    let (mut read, mut write) = TcpStream::connect(server.address).await.unwrap().into_split();
    let flood = tokio::spawn(async move {
        let mut flood = [PREFACE, &frame(SETTINGS, 0, 0, &[])].concat();
        for stream in (1..20_000).step_by(2) {
            flood.extend(frame(HEADERS, 0x4, stream, &[0x83, 0x84, 0x86]));
            flood.extend(frame(RST_STREAM, 0, stream, &8u32.to_be_bytes()));
        }
        // In one piece, so that calls and their ends come together.
        write.write_all(&flood).await?;
        Ok::<_, std::io::Error>(write)
    });
    assert_eq!(within(goes_away(&mut read)).await, ENHANCE_YOUR_CALM);
    flood.abort();
}

/// A client that had as many calls open as it may, and gives up.
#[tokio::test]
async fn a_client_may_take_back_all_calls_that_it_has_open() {
    let (_channel, server) = start_default().await;
    let (mut read, mut write) = TcpStream::connect(server.address).await.unwrap().into_split();
    let mut calls = [PREFACE, &frame(SETTINGS, 0, 0, &[])].concat();
    for stream in (1..256).step_by(2) {
        calls.extend(frame(HEADERS, 0x4, stream, &[0x83, 0x84, 0x86]));
        calls.extend(frame(RST_STREAM, 0, stream, &8u32.to_be_bytes()));
    }
    calls.extend(frame(PING, 0, 0, &[7; 8]));
    write.write_all(&calls).await.unwrap();
    loop {
        let (kind, payload) = within(next_frame(&mut read)).await.unwrap();
        assert_ne!(kind, GOAWAY);
        if kind == PING && payload == [7; 8] {
            break;
        }
    }
}

/// Reads on until so many calls have a head of their answer, on a connection that goes on.
async fn are_answered(read: &mut OwnedReadHalf, n_calls: usize) {
    let mut n_answered = 0;
    while n_answered < n_calls {
        let (kind, _) = within(next_frame(read)).await.expect("a connection that goes on");
        assert_ne!(kind, GOAWAY);
        n_answered += usize::from(kind == HEADERS);
    }
}

/// What they still send comes for a call that is over, and is no error of theirs.
#[tokio::test]
async fn messages_that_are_too_long_end_no_connection() {
    const PATH: &[u8] = b"/parcelrisk.v1.RiskScoringService/ScoreParcel";
    let (_channel, server) = start_default().await;
    let (mut read, mut write) = TcpStream::connect(server.address).await.unwrap().into_split();
    write.write_all(PREFACE).await.unwrap();
    write.write_all(&frame(SETTINGS, 0, 0, &[])).await.unwrap();
    // POST over http, from HPACK's static table, the path in full, and what is sent; nothing of it is kept for the next call.
    let path = [&[0x83, 0x86, 0x04, u8::try_from(PATH.len()).unwrap()], PATH].concat();
    let kind = [&[0x0f, 0x10, 16][..], b"application/grpc"].concat();
    let head = [path, kind].concat();
    // A message of nine MiB, by its head.
    let begun = [&[0][..], &(9u32 << 20).to_be_bytes(), b"some of it"].concat();
    let mut streams = (1..).step_by(2);
    for _ in 0..20 {
        let round: Vec<u32> = streams.by_ref().take(100).collect();
        let calls: Vec<u8> = round
            .iter()
            .flat_map(|stream| [frame(HEADERS, 0x4, *stream, &head), frame(DATA, 0, *stream, &begun)].concat())
            .collect();
        write.write_all(&calls).await.unwrap();
        are_answered(&mut read, round.len()).await;
        let rest: Vec<u8> = round.iter().flat_map(|stream| frame(DATA, 0x1, *stream, b"and more")).collect();
        write.write_all(&rest).await.unwrap();
    }
    let stream = streams.next().unwrap();
    write.write_all(&frame(HEADERS, 0x4, stream, &head)).await.unwrap();
    write.write_all(&frame(DATA, 0x1, stream, &framed(&request(parcel())))).await.unwrap();
    loop {
        let (kind, _) = within(next_frame(&mut read)).await.expect("a connection that goes on");
        assert_ne!(kind, GOAWAY);
        // A refusal is a head alone.
        if kind == DATA {
            return;
        }
    }
}

/// A client that sends on what it has begun until it hears that it is refused, over and over: it is no attacker.
#[tokio::test]
async fn what_is_still_sent_of_calls_that_are_refused_is_taken() {
    const PATH: &[u8] = b"/parcelrisk.v1.RiskScoringService/ScoreParcel";
    let (_, server) = start(parts(one_at_a_time())).await;
    let _has_the_room = HalfSent::new(server.address).await;
    let (mut read, mut write) = TcpStream::connect(server.address).await.unwrap().into_split();
    write.write_all(PREFACE).await.unwrap();
    write.write_all(&frame(SETTINGS, 0, 0, &[])).await.unwrap();
    // POST over http, from HPACK's static table, and the path in full.
    let head = [&[0x83, 0x86, 0x04, u8::try_from(PATH.len()).unwrap()], PATH].concat();
    let mut streams = (1..).step_by(2);
    for _ in 0..30 {
        let round: Vec<u32> = streams.by_ref().take(100).collect();
        let calls: Vec<u8> = round.iter().flat_map(|stream| frame(HEADERS, 0x4, *stream, &head)).collect();
        write.write_all(&calls).await.unwrap();
        are_answered(&mut read, round.len()).await;
        let rest: Vec<u8> = round.iter().flat_map(|stream| frame(DATA, 0x1, *stream, &[0; 5])).collect();
        write.write_all(&rest).await.unwrap();
    }
    write.write_all(&frame(PING, 0, 0, &[0; 8])).await.unwrap();
    loop {
        let (kind, _) = within(next_frame(&mut read)).await.expect("a connection that goes on");
        assert_ne!(kind, GOAWAY);
        if kind == PING {
            return;
        }
    }
}
