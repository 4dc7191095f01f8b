//! A session in the test's namespace, whose requests and objects are JSON as the bridge sends them.

use serde_json::Value;
use tokio::runtime::{Builder, Runtime};
use tun2udp_core::netlink::{Operation, Session, Table};
use tun2udp_core::{Error, ErrorCode};

/// A session and the runtime that it waits in.
pub(crate) struct Caller {
    runtime: Runtime,
    session: Session,
}

impl Caller {
    /// Opens a session in the calling thread's namespace.
    pub(crate) fn new() -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        let session = runtime.block_on(async { Session::open(None) }).expect("a session");
        Self { runtime, session }
    }

    /// Runs operations as one batch; returns the error code of each, or none for success.
    pub(crate) fn run(&self, operations: &Value) -> Vec<Result<(), Error>> {
        let operations: Vec<Operation> =
            serde_json::from_value(operations.clone()).expect("operations");
        let results = self.runtime.block_on(self.session.run(&operations));
        results.into_iter().map(|result| result.map(drop)).collect()
    }

    /// Runs one operation.
    pub(crate) fn run_one(&self, operation: &Value) -> Result<(), Error> {
        let mut results = self.run(&serde_json::json!([operation]));
        results.pop().expect("one result")
    }

    /// Runs one operation, which must fail; returns the code and the message.
    pub(crate) fn refused(&self, operation: &Value) -> (ErrorCode, String) {
        let error = self.run_one(operation).expect_err("a refusal");
        (error.code(), error.to_string())
    }

    /// Reads a table.
    pub(crate) fn list(&self, table: &str, filter: &Value) -> Vec<Value> {
        let table = serde_json::json!({ "table": table, "filter": filter });
        let table: Table = serde_json::from_value(table).expect("a table");
        self.runtime.block_on(async {
            let mut dump = self.session.dump(table).await.expect("a dump");
            let mut all = Vec::new();
            while let Some(objects) = dump.next(64).await.expect("objects") {
                all.extend(objects.iter().map(|one| serde_json::to_value(one).expect("JSON")));
            }
            all
        })
    }
}
