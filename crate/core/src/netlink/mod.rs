//! RTNETLINK over neli: links, addresses and routes.
