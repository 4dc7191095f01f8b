// The setters of views of packets, as calls for `calls.mjs`.
/** The setters of a view of a packet and of the views in it: each is a function with one argument. */
export function settersOf(kind, view) {
  const calls = []
  for (const [part, object] of Object.entries({
    '': view,
    tcp: view.tcp,
    udp: view.udp,
    icmp: view.icmp,
  })) {
    for (
      let type = object && Object.getPrototypeOf(object);
      type && type !== Object.prototype;
      type = Object.getPrototypeOf(type)
    ) {
      for (const [name, { set }] of Object.entries(Object.getOwnPropertyDescriptors(type))) {
        if (!set) continue
        calls.push([
          `${kind} ${part} ${name} =`,
          (given) => void (object[name] = given),
          [object[name]],
        ])
      }
    }
  }
  return calls
}
