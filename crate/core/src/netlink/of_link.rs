//! Addresses and routes of one link, for `interface` and `persistent`.

use super::address::{self, Address};
use super::again::until_consistent;
use super::codec::{Malformed, MessageView};
use super::connection::{Connection, Request};
use super::dump::Dump;
use super::names::Table;
use super::route::{self, Route, RouteFilter};
use crate::error::Error;

/// The number of objects that are read from a dump at a time.
const CHUNK: usize = 512;

impl Connection {
    /// Returns the addresses of the link of that index: `ip address show dev DEVICE`. Consumes the
    /// connection.
    ///
    /// # Errors
    ///
    /// [`ErrorCode::Interrupted`](crate::error::ErrorCode::Interrupted) if the table changed in every attempt.
    pub async fn addresses_of(self, index: u32) -> Result<Vec<Address>, Error> {
        let request = || address::list_request(None, Some(index));
        read_all(self, request, address::read, move |address: &Address| address.if_index == index)
            .await
    }

    /// Returns the routes of the main table through the link of that index: `ip route show table main dev
    /// DEVICE`. Consumes the connection.
    ///
    /// # Errors
    ///
    /// [`ErrorCode::Interrupted`](crate::error::ErrorCode::Interrupted) if the table changed in every attempt.
    pub async fn routes_through(self, index: u32) -> Result<Vec<Route>, Error> {
        let main = Table(u32::from(libc::RT_TABLE_MAIN));
        let filter = RouteFilter { table: Some(main), ..RouteFilter::default() };
        let request = || route::list_request(&filter, Some(index));
        let is_wanted = move |route: &Route| route.table == main && route.if_index == Some(index);
        read_all(self, request, route::read, is_wanted).await
    }
}

/// Reads a table and keeps the wanted objects: before Linux 4.20 the kernel ignores the link in a
/// request. Reads the table again if it changed.
async fn read_all<T: 'static>(
    connection: Connection,
    request: impl Fn() -> Request,
    read: fn(MessageView<'_>) -> Result<Option<T>, Malformed>,
    is_wanted: impl Fn(&T) -> bool + Copy + Send + Sync + 'static,
) -> Result<Vec<T>, Error> {
    let mut idle = Some(connection);
    until_consistent(async || {
        let connection = idle.take().map_or_else(Connection::open, Ok)?;
        let wanted = Box::new(move |message: MessageView<'_>| Ok(read(message)?.filter(is_wanted)));
        let mut dump = Dump::start(connection, request(), wanted).await?;
        let result = collect(&mut dump).await;
        idle = dump.into_connection();
        result
    })
    .await
}

async fn collect<T>(dump: &mut Dump<T>) -> Result<Vec<T>, Error> {
    let mut all = Vec::new();
    while let Some(objects) = dump.next(CHUNK).await? {
        all.extend(objects);
    }
    Ok(all)
}
