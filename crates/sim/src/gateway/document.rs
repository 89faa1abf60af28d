//! `systeminfo.xml` as documented, with the processes of one machine.

use super::GatewayBehaviour;

/// Documented, or seen in 2020: the elements with their ports.
const PROCESSES: &[(&str, u16)] = &[
    ("repository", 8060),
    ("applicationserver", 8600),
    ("vizqlserver", 9100),
    ("vizqlserver", 9101),
    ("dataserver", 9700),
    ("backgrounder", 8250),
    ("gateway", 80),
    ("hyper", 27042),
    ("searchandbrowse", 11000),
    ("cacheserver", 6379),
    ("clustercontroller", 12012),
    ("coordination", 12000),
];

/// Each means something in line protocol, in Prometheus's text or in JSON.
const HOSTILE: &[&str] = &[
    "a b,c=d",
    "say &quot;no&quot;",
    "back\\slash\\",
    "line&#10;status=0i",
    "\u{1f980}, \u{202e}=",
    "",
];

pub(super) fn write(behaviour: &GatewayBehaviour) -> String {
    let word = match behaviour {
        GatewayBehaviour::Status(word) => escaped(word),
        _ => "Active".to_owned(),
    };
    let mut processes = String::new();
    for (name, port) in PROCESSES {
        processes.push_str(&format!("<{name} worker=\"localhost:{port}\" status=\"{word}\"/>\n"));
    }
    processes.push_str(&format!(
        "<filestore worker=\"localhost:9345\" status=\"{word}\" pendingTransfers=\"0\" failedTransfers=\"0\" \
         syncTimestamp=\"2020-12-22T09:45:21.936Z\"/>\n"
    ));
    match behaviour {
        GatewayBehaviour::Hostile => {
            for text in HOSTILE {
                processes.push_str(&format!("<hyper worker=\"{text}\" status=\"{text}\"/>\n"));
            }
        }
        GatewayBehaviour::Huge(count) => {
            let process = "<hyper worker=\"localhost:27042\" status=\"Active\"/>\n";
            processes.push_str(&process.repeat(*count));
        }
        _ => {}
    }
    let (opens, closes) = match behaviour {
        GatewayBehaviour::Unwrapped => ("", ""),
        _ => ("<machines>\n", "</machines>\n"),
    };
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <systeminfo xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\">\n{opens}\
         <machine name=\"localhost\">\n{processes}</machine>\n{closes}\
         <service status=\"{word}\"/>\n</systeminfo>\n"
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}
