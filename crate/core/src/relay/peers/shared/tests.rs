use super::*;

fn peer(endpoint: &str) -> PeerConfig {
    PeerConfig::new(endpoint.parse().unwrap(), Vec::new())
}

fn peers(endpoints: &[&str]) -> Peers {
    let configs = endpoints.iter().map(|endpoint| peer(endpoint)).collect();
    let address = "10.9.0.1/24".parse().unwrap();
    Peers::new(&mut RelayConfig::with_peers(address, configs, 0).unwrap()).unwrap()
}

#[test]
fn a_view_changes_only_when_it_is_refreshed() {
    let peers = peers(&["192.0.2.1:5"]);
    let mut view = peers.view();
    let count = |view: &PeerView| view.table().destinations().len();
    peers.replace(&[peer("192.0.2.1:5"), peer("192.0.2.2:5")]).unwrap();
    assert_eq!(count(&view), 1);
    view.refresh();
    assert_eq!(count(&view), 2);
    view.refresh();
    assert_eq!(count(&view), 2);
    assert_eq!(count(&peers.view()), 2);
}

#[test]
fn a_peer_whose_endpoint_stays_is_the_same() {
    let peers = peers(&["192.0.2.1:5", "192.0.2.2:5"]);
    let all = || peers.current.load().peers().to_vec();
    let before = all();
    peers.replace(&[peer("192.0.2.3:5"), peer("192.0.2.1:5")]).unwrap();
    let after = all();
    let endpoints: Vec<SocketAddr> = after.iter().map(|peer| peer.endpoint()).collect();
    assert_eq!(endpoints, ["192.0.2.3:5".parse().unwrap(), "192.0.2.1:5".parse().unwrap()]);
    assert!(Arc::ptr_eq(&before[0], &after[1]));
    assert!(before.iter().all(|peer| !Arc::ptr_eq(peer, &after[0])));
}

#[test]
fn a_peer_with_a_name_keeps_its_counts_at_another_endpoint() {
    let peers = peers(&["192.0.2.1:5", "192.0.2.2:5"]);
    let named =
        |name: &str, endpoint: &str| PeerConfig { name: Some(name.to_owned()), ..peer(endpoint) };
    let state = || {
        let state = |peer: PeerStats| {
            let mtu = peer.path_mtu.map(|mtu| mtu.outside);
            (peer.name.unwrap_or_default(), peer.endpoint.port(), peer.traffic.unwrap(), mtu)
        };
        peers
            .stats()
            .into_iter()
            .map(state)
            .map(|(name, port, traffic, mtu)| (name, port, traffic.datagrams_sent, mtu))
            .collect::<Vec<_>>()
    };
    peers.set_start_mtus(&[("192.0.2.1:5".parse().unwrap(), 1_500)]);
    peers.current.load().peers()[0].count_sent(7, 70);
    // It gets a name, then another port, then another address.
    let other = || named("b", "192.0.2.2:5");
    peers.replace(&[other(), named("a", "192.0.2.1:5")]).unwrap();
    assert_eq!(state(), [("b".into(), 5, 0, None), ("a".into(), 5, 7, Some(1_500))]);
    let kept = Arc::clone(&peers.current.load().peers()[0]);
    peers.replace(&[other(), named("a", "192.0.2.1:6")]).unwrap();
    assert_eq!(state(), [("b".into(), 5, 0, None), ("a".into(), 6, 7, Some(1_500))]);
    peers.replace(&[other(), named("a", "192.0.2.3:6")]).unwrap();
    assert_eq!(state(), [("b".into(), 5, 0, None), ("a".into(), 6, 7, None)]);
    assert!(Arc::ptr_eq(&kept, &peers.current.load().peers()[0]), "the other is not touched");
    // Another name is another peer.
    peers.replace(&[other(), named("c", "192.0.2.3:6")]).unwrap();
    assert_eq!(state()[1], ("c".into(), 6, 0, None));
    let error = peers.replace(&[other(), named("b", "192.0.2.4:5")]).unwrap_err();
    assert!(error.to_string().contains("name"), "{error}");
}

#[test]
fn the_endpoint_of_a_single_peer_is_replaced() {
    let (first, second): (SocketAddr, SocketAddr) =
        ("192.0.2.1:5".parse().unwrap(), "192.0.2.2:6".parse().unwrap());
    let mut config = RelayConfig::new("10.9.0.1/24".parse().unwrap(), first, 0);
    let single = Peers::new(&mut config).unwrap();
    single.set_start_mtus(&[(first, 1_500)]);
    single.set_endpoint("[::ffff:192.0.2.2]:6".parse().unwrap()).unwrap();
    let stats = &single.stats()[0];
    assert_eq!((stats.endpoint, stats.path_mtu), (second, None));
    let table = single.current.load();
    assert!(table.of_source(Some(second)).is_some() && table.of_source(Some(first)).is_none());
    for (refused, reason) in
        [("192.0.2.1:0", "port 0"), ("0.0.0.0:5", "unspecified"), ("[2001:db8::1]:5", "family")]
    {
        let error = single.set_endpoint(refused.parse().unwrap()).unwrap_err();
        assert_eq!(error.code(), ErrorCode::InvalidArgument, "{error}");
        assert!(error.to_string().contains(reason), "{error}");
    }
    single.set_sockets(true, true, 1);
    let error = single.set_endpoint("[fe80::1]:5".parse().unwrap()).unwrap_err();
    assert!(error.to_string().contains("link-local"), "{error}");
    single.set_endpoint("[2001:db8::1]:5".parse().unwrap()).unwrap();
    assert!(peers(&["192.0.2.1:5"]).set_endpoint(second).is_err(), "of several");
    let mut config = RelayConfig { peer: "127.0.0.1:5".parse().unwrap(), ..config };
    let error = Peers::new(&mut config).unwrap().set_endpoint(second).unwrap_err();
    assert!(error.to_string().contains("loopback"), "{error}");
}

#[test]
fn a_refused_table_changes_nothing() {
    let peers = peers(&["192.0.2.1:5"]);
    let all = || peers.current.load().peers().to_vec();
    let before = all();
    for refused in [vec![peer("192.0.2.2:5"), peer("192.0.2.2:5")], vec![peer("[2001:db8::1]:5")]] {
        let error = peers.replace(&refused).unwrap_err();
        assert_eq!(error.code(), ErrorCode::InvalidArgument, "{error}");
        assert!(Arc::ptr_eq(&before[0], &all()[0]));
    }
    let address = "10.9.0.1/24".parse().unwrap();
    let mut single = RelayConfig::new(address, "192.0.2.1:5".parse().unwrap(), 0);
    assert!(Peers::new(&mut single).unwrap().replace(&[peer("192.0.2.2:5")]).is_err());
}
