//! Reads the flows of a switch once: `ovn-sbctl lflow-list --ovs`, `ovn-trace --ovs`.

use ctl::openflow::Switch;
use openflow::{
    Body, FlowStats, FlowStatsRequest, Framer, Message, MultipartReply, MultipartRequest, Version, Versions,
};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use crate::base::paths::Family;
use crate::base::stream;
use crate::base::target::Active;
use crate::base::tls::Tls;

/// The number of our one request.
const XID: u32 = 1;

/// The flows of these switches. Of one that cannot be reached there are none, and a warning says why.
pub(crate) async fn read_all(switches: Vec<Switch>, tls: &Tls) -> Vec<(Switch, Vec<FlowStats>)> {
    let mut all = Vec::new();
    for switch in switches {
        let run_dir = Family::Ovs.run_dir();
        let remote = switch.clone().unwrap_or_else(|| format!("unix:{}/br-int.mgmt", run_dir.display()));
        match read(&remote, tls).await {
            Ok(flows) => all.push((switch, flows)),
            Err(reason) => tracing::warn!(target: "sbctl", "{remote}: connection failed ({reason})"),
        }
    }
    all
}

async fn read(remote: &str, tls: &Tls) -> Result<Vec<FlowStats>, String> {
    if !super::has_method(remote) {
        return Err(super::NO_SUCH_METHOD.to_owned());
    }
    let target = Active::parse(remote, &Family::Ovs.run_dir()).map_err(|error| error.to_string())?;
    converse(stream::connect(&target, tls).await.map_err(|error| crate::base::os_error(&error))?).await
}

/// Asks for all flows once the switch has said that it speaks OpenFlow 1.5.
async fn converse(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> Result<Vec<FlowStats>, String> {
    let text = |error: std::io::Error| crate::base::os_error(&error);
    let mut framer = Framer::new();
    let mut buffer = vec![0; 64 << 10];
    let mut flows = Vec::new();
    let hello = Message::encode_hello(0, Versions::of(&[Version::Of15]));
    stream.write_all(&hello).await.map_err(text)?;
    loop {
        let length = stream.read(&mut buffer).await.map_err(text)?;
        if length == 0 {
            return Err("End of file".to_owned());
        }
        framer.push(&buffer[..length]);
        while let Some(frame) = framer.next_frame().map_err(|error| error.to_string())? {
            let message = Message::decode(Version::Of15, &frame).map_err(|error| error.to_string())?;
            let answer = match message.body {
                Body::Hello(versions) if versions.contains(Version::Of15) => {
                    let request = MultipartRequest::Flow(FlowStatsRequest::default());
                    Body::MultipartRequest(request).with_xid(XID)
                }
                Body::Hello(_) => return Err("it does not speak OpenFlow 1.5".to_owned()),
                Body::Error(error) => return Err(format!("it answered {}", error.code)),
                Body::EchoRequest(data) => Body::EchoReply(data).with_xid(message.xid),
                Body::MultipartReply { more, reply: MultipartReply::Flow(part) } if message.xid == XID => {
                    flows.extend(part);
                    if !more {
                        return Ok(flows);
                    }
                    continue;
                }
                // A switch tells its controllers more than they ask for.
                _ => continue,
            };
            stream.write_all(&answer.encode(Version::Of15)).await.map_err(text)?;
        }
    }
}
