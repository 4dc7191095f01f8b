//! Pending calls of a session end when the session is closed.

use crate::namespace::in_namespace;
use serde_json::json;
use std::time::Duration;
use tokio::runtime::Builder;
use tokio::time::timeout;
use tun2udp_core::ErrorCode;
use tun2udp_core::netlink::{Kind, Operation, Session, Table};

const LIMIT: Duration = Duration::from_secs(10);

fn table() -> Table {
    serde_json::from_value(json!({ "table": "links", "filter": {} })).expect("a table")
}

#[test]
fn a_closed_session_ends_monitors_and_dumps_and_refuses_requests() {
    in_namespace(|| {
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let session = Session::open(None).expect("a session");
            let monitor = session.monitor(&[Kind::Link], 65_536).expect("a monitor");
            let mut dump = session.dump(table()).await.expect("a dump");
            let close = async {
                tokio::time::sleep(Duration::from_millis(50)).await;
                session.close();
            };
            let (event, ()) = tokio::join!(timeout(LIMIT, monitor.next()), close);
            assert_eq!(event.expect("in time").expect("no error"), None);
            assert_eq!(monitor.next().await.expect("no error"), None);
            let rest = timeout(LIMIT, dump.next(1)).await.expect("in time");
            assert_eq!(rest.expect_err("an error").code(), ErrorCode::Closed);
            let error = session.dump(table()).await.map(drop).expect_err("an error");
            assert_eq!(error.code(), ErrorCode::Closed);
            let operation = json!([{ "op": "getLink", "link": "lo" }]);
            let operations: Vec<Operation> = serde_json::from_value(operation).expect("JSON");
            let results = session.run(&operations).await;
            assert_eq!(results[0].as_ref().expect_err("an error").code(), ErrorCode::Closed);
            assert!(session.monitor(&[Kind::Link], 65_536).is_err());
        });
    });
}
