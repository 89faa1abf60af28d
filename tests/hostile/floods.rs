//! Floods of refusals: the audit counts them, and does not repeat them.

use std::time::Instant;

use tests::{Scene, SceneOptions};

use crate::case::{counted, not_a_byte, record};

async fn scene() -> Scene {
    Scene::with(SceneOptions { allow: "[\"127.0.0.1/32\"]".into(), ..SceneOptions::default() })
        .await
}

/// R44: hundreds of refusals of one source are one line at once, and a sum
#[tokio::test]
async fn refusals_of_one_source_are_summed_up() {
    let mut scene = scene().await;
    let peer = scene.peer("jump01").from("127.0.0.2");
    for _ in 0..300 {
        not_a_byte(&peer).await;
    }
    record(&scene, peer.from.unwrap(), "address_not_listed").await;
    assert_eq!(scene.records("refused").len(), 1);
    scene.nothing_reached_tsm();
    scene.peer("jump01").cookie().await;

    scene.stop().await;
    let lines = scene.records("refused");
    assert_eq!(lines.len(), 2, "{lines:#?}");
    assert_eq!(lines[1]["source.ip"], "127.0.0.2");
    assert_eq!(lines[1]["event.reason"], "address_not_listed");
    assert_eq!(lines[1]["tsmgate.count"], 299);
    scene.verify();
}

/// R44: refusals of many sources are a hundred lines a second, the rest one number; none is lost
#[tokio::test]
async fn refusals_of_many_sources_are_a_bounded_number_of_lines() {
    const SOURCES: u32 = 1500;
    let mut scene = scene().await;
    let begun = Instant::now();
    let peer = scene.peer("jump01");
    for number in 0..SOURCES {
        let from =
            format!("127.{}.{}.{}", 1 + number / 62_500, number / 250 % 250, 1 + number % 250);
        not_a_byte(&peer.clone().from(&from)).await;
    }
    scene.nothing_reached_tsm();
    scene.peer("jump01").cookie().await;
    scene.stop().await;
    let seconds = usize::try_from(begun.elapsed().as_secs()).unwrap() + 1;

    let lines = scene.records("refused");
    let (sums, single): (Vec<_>, Vec<_>) =
        lines.iter().partition(|line| line["tsmgate.count"].is_u64());
    assert!(single.len() <= 100 * seconds, "{} lines in {seconds} s", single.len());
    assert!(sums.iter().all(|sum| sum["event.reason"] == "refusals_beyond_the_line_limit"));
    assert!(sums.len() <= seconds + 1, "{} sums in {seconds} s", sums.len());
    let beyond = counted(&scene, "refusals_beyond_the_line_limit");
    assert_eq!(counted(&scene, "address_not_listed") + beyond, u64::from(SOURCES));
    scene.verify();
}
